/* digits.c - an action of the manager interface sends one digit: several are sent one
 * after the other, as their times say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ami.h"
#include "asterisk/text.h"

struct dialling {
    struct dialling *next_waiting;
    struct dg_timer *timer;
    struct ami *a;
    struct dg_op *op;
    char *call, *digits, *next;
    unsigned tone_ms, gap_ms;
};

enum { TONE_MS = 100, GAP_MS = 100 };

static void dial_digit(struct dialling *d);
static void dial_next(void *arg);

static void digits_free(struct dialling *d)
{
    free(d->call);
    free(d->digits);
    free(d);
}

static void on_digit(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct dialling *d = arg;
    if (r->err) {
        session_fail(a, op, r);
        digits_free(d);
    } else if (!*++d->next) {
        a->h->done(op);
        digits_free(d);
    } else {
        d->next_waiting = a->control.dialling;
        a->control.dialling = d;
        d->timer = a->h->timer_start(a->h, d->tone_ms + d->gap_ms, dial_next, d);
    }
}

static void dial_next(void *arg)
{
    struct dialling *d = arg, **at = &d->a->control.dialling;
    while (*at != d)
        at = &(*at)->next_waiting;
    *at = d->next_waiting;
    dial_digit(d);
}

void digits_end(struct ami *a)
{
    for (struct dialling *d; (d = a->control.dialling);) {
        a->control.dialling = d->next_waiting;
        a->h->timer_stop(a->h, d->timer);
        a->h->fail(d->op, DG_EUNAVAILABLE, "the link to Asterisk was lost");
        digits_free(d);
    }
}

static void dial_digit(struct dialling *d)
{
    char digit[2] = {*d->next, 0}, ms[12];
    snprintf(ms, sizeof ms, "%u", d->tone_ms);
    session_send(
        d->a, d->op,
        &(struct request){.action = "PlayDTMF",
                          .lines = {{"Channel", d->call}, {"Digit", digit}, {"Duration", ms}},
                          .then = on_digit,
                          .arg = d});
}

void ami_dtmf(void *self, const struct dg_dtmf *req, struct dg_op *op)
{
    struct ami *a = self;
    const char *digits = req->digits ? req->digits : "";
    if (!ami_channel(a, op, req->call))
        return;
    if (!*digits || strlen(digits) > 100 || digits[strspn(digits, "0123456789*#ABCDabcd")]) {
        a->h->fail(op, DG_EINVAL, "digits are 0-9 * # A-D, at most 100");
        return;
    }
    struct dialling *d = text_alloc(sizeof *d);
    *d = (struct dialling){.a = a, .op = op, .tone_ms = TONE_MS, .gap_ms = GAP_MS};
    d->call = text_copy(req->call);
    d->digits = d->next = text_copy(digits);
    if (req->tone_ms)
        d->tone_ms = req->tone_ms;
    if (req->gap_ms)
        d->gap_ms = req->gap_ms;
    dial_digit(d);
}
