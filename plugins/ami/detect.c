/* detect.c - a person or an answering machine? AMD is run by the leg's AGI, WaitForSilence behind
 * it if the end of a machine's greeting is wanted.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ami.h"
#include "asterisk/detection.h"
#include "asterisk/text.h"

struct detecting {
    char *call, *status, *cause;
    char silence[DETECTION_TEXT]; /* "": none is waited for */
};

static void detecting_free(struct detecting *d)
{
    free(d->call);
    free(d->status);
    free(d->cause);
    free(d);
}

static struct leg *living(struct ami *a, const struct detecting *d)
{
    struct leg *leg = legs_find(&a->events.life.legs, d->call);
    return leg && !leg->ended && !leg->ending ? leg : NULL;
}

/* After a loss of the link no leg is known until they are listed, and the core knows who lives. */
static bool is_over(struct ami *a, const struct detecting *d)
{
    const struct leg *leg = legs_find(&a->events.life.legs, d->call);
    return leg ? leg->ended || leg->ending : legs_is_gone(&a->events.life.legs, d->call);
}

/* Of a call that has ended nothing is told. */
static void tell(struct ami *a, struct detecting *d, const char *wait)
{
    const struct dg_event ev = detection_event(d->call, d->status, d->cause, wait);
    if (!is_over(a, d))
        a->h->emit(a->h, &ev);
    detecting_free(d);
}

/* Nothing was found out. Who is hanging up, or is not there any more, has ended: that is told. */
static void failed(struct ami *a, struct detecting *d, enum dg_err err, const char *why)
{
    const struct leg *leg = living(a, d);
    if (err == DG_ENOTFOUND || (leg && leg->hanging_up)) {
        detecting_free(d);
        return;
    }
    text_set(&d->cause, why);
    tell(a, d, NULL);
}

static void ask_variable(struct ami *a, struct detecting *d, const char *name, reply_fn *then)
{
    session_send(a, NULL,
                 &(struct request){.action = "Getvar",
                                   .lines = {{"Channel", d->call}, {"Variable", name}},
                                   .then = then,
                                   .arg = d});
}

static const char *value_of(const struct reply *r)
{
    return !r->err && r->message ? message_text(r->message, "Value") : NULL;
}

static void on_wait_status(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    (void)op;
    tell(a, arg, value_of(r));
}

static void on_waited(struct ami *a, struct dg_op *op, const struct agi_reply *r, void *arg)
{
    struct detecting *d = arg;
    (void)op;
    if (r->err || r->result < 0 || !living(a, d))
        tell(a, d, NULL);
    else
        ask_variable(a, d, "WAITSTATUS", on_wait_status);
}

static void on_cause(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct detecting *d = arg;
    struct leg *leg = living(a, d);
    char text[DETECTION_TEXT + 32];
    (void)op;
    text_set(&d->cause, value_of(r));
    if (!leg || !*d->silence || !text_same(d->status, "MACHINE")) {
        tell(a, d, NULL);
        return;
    }
    snprintf(text, sizeof text, "EXEC WaitForSilence \"%s\"", d->silence);
    agi_send(a, NULL, leg, text, on_waited, d);
}

static void on_status(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct detecting *d = arg;
    (void)op;
    text_set(&d->status, value_of(r));
    if (r->err)
        failed(a, d, r->err, r->words);
    else if (is_over(a, d))
        detecting_free(d);
    else
        ask_variable(a, d, "AMDCAUSE", on_cause);
}

static void on_detected(struct ami *a, struct dg_op *op, const struct agi_reply *r, void *arg)
{
    struct detecting *d = arg;
    if (op) {
        a->h->fail(op, r->err, "%s", r->words);
        detecting_free(d);
    } else if (r->err || r->result < 0) {
        failed(a, d, r->err, r->err ? r->words : NULL);
    } else {
        ask_variable(a, d, "AMDSTATUS", on_status);
    }
}

void ami_detect(void *self, const struct dg_detect *req, struct dg_op *op)
{
    struct ami *a = self;
    struct leg *leg = control_leg(a, op, req->call);
    char arguments[DETECTION_TEXT], text[DETECTION_TEXT + 32];
    if (!leg)
        return;
    struct detecting *d = text_alloc(sizeof *d);
    d->call = text_copy(leg->id);
    detection_silence(req, d->silence);
    snprintf(text, sizeof text, "EXEC AMD \"%s\"", detection_arguments(req, arguments));
    agi_start(a, op, leg, text, on_detected, d);
}
