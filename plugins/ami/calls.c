/* calls.c - ending a leg, and waiting for what is told about its end. */
#include <stdio.h>
#include <stdlib.h>

#include "ami.h"
#include "asterisk/text.h"

enum {
    GRACE_MS = 300, /* DialEnd and OriginateResponse follow Hangup within milliseconds */
    CAUSE_NORMAL = 16,
};

struct grace {
    struct grace *next, *before;
    struct ami *a;
    char *call;
    struct dg_timer *timer;
};

/* No event says that a leg which had not been answered was ended by request; the response comes
 * before the events of its end. */
static void on_hung_up(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    char *call = arg;
    struct leg *leg = legs_named(&a->events.life.legs, call);
    if (leg && !r->err)
        leg->fate.asked = true;
    free(call);
    if (r->err)
        session_fail(a, op, r);
    else
        a->h->done(op);
}

void ami_hangup(void *self, const struct dg_hangup *req, struct dg_op *op)
{
    struct ami *a = self;
    const char *channel = ami_channel(a, op, req->call);
    struct leg *leg = legs_named(&a->events.life.legs, req->call);
    char cause[12];
    snprintf(cause, sizeof cause, "%d", req->cause ? req->cause : CAUSE_NORMAL);
    if (!channel)
        return;
    if (leg)
        leg->fate.asked_cause = req->cause;
    session_send(a, op,
                 &(struct request){.action = "Hangup",
                                   .lines = {{"Channel", channel}, {"Cause", cause}},
                                   .then = on_hung_up,
                                   .arg = text_copy(channel)});
}

static void on_killed(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    (void)op;
    (void)arg;
    if (r->err && r->err != DG_ENOTFOUND)
        a->h->log(a->h, DG_WARN, "a call that nobody waits for could not be ended: %s", r->words);
}

void ami_kill(struct ami *a, const char *call)
{
    a->h->log(a->h, DG_WARN, "ending call %s: it came about after its originate had timed out",
              call);
    session_send(
        a, NULL,
        &(struct request){.action = "Hangup", .lines = {{"Channel", call}}, .then = on_killed});
}

static void release(struct grace *g)
{
    struct ami *a = g->a;
    if (g->timer)
        a->h->timer_stop(a->h, g->timer);
    *(g->before ? &g->before->next : &a->graces) = g->next;
    if (g->next)
        g->next->before = g->before;
    free(g->call);
    free(g);
}

static void on_grace_over(void *arg)
{
    struct grace *g = arg;
    struct ami *a = g->a;
    g->timer = NULL;
    events_settle(&a->events, g->call, a->h->unix_ms(a->h));
    release(g);
}

void calls_unsettled(void *arg, const char *call)
{
    struct ami *a = arg;
    struct grace *g = text_alloc(sizeof *g);
    g->a = a;
    g->call = text_copy(call);
    g->next = a->graces;
    if (g->next)
        g->next->before = g;
    a->graces = g;
    g->timer = a->h->timer_start(a->h, GRACE_MS, on_grace_over, g);
}

void calls_clear(struct ami *a)
{
    while (a->graces) {
        events_settle(&a->events, a->graces->call, a->h->unix_ms(a->h));
        release(a->graces);
    }
}
