/* originate.c - place a call once and only once.
 *
 * The response to an asynchronous Originate says "queued", not "dialled": so
 * the op ends when an event names the channel, or OriginateResponse says that
 * there will be none. The core names the channel, and that name is the ActionID
 * too. An originate whose response is lost is looked up when the link is there
 * again, never sent a second time; if its call turns up later, it is ended.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ami.h"
#include "asterisk/dialling.h"
#include "asterisk/text.h"

enum {
    QUEUED_MS = 2000, /* after "queued" without any event: Asterisk is busy, but has accepted */
    OVERTAKEN_MS =
        300,        /* OriginateResponse overtakes the events of a call that is refused at once */
    LINK_MS = 5000, /* for a lost link to come back */
    LOOK_MS = 3000,
};

struct originate {
    struct originate *next, *before;
    struct ami *a;
    struct dg_op *op;
    char *call;
    struct dg_timer *timer;
    enum { ASKED, QUEUED, LOST, LOOKING } step;
    enum dg_err doubt; /* why it was looked up */
    bool found, refused;
};

static const struct reply refused = {.err = DG_EUPSTREAM,
                                     .words = "AMI error: Asterisk could not place the call"};

static void release(struct originate *o)
{
    struct ami *a = o->a;
    if (o->timer)
        a->h->timer_stop(a->h, o->timer);
    *(o->before ? &o->before->next : &a->originates) = o->next;
    if (o->next)
        o->next->before = o->before;
    free(o->call);
    free(o);
}

static void accepted(struct originate *o)
{
    struct ami *a = o->a;
    legs_settle(&a->events.life.legs, o->call, false);
    a->h->done(o->op);
    release(o);
}

static void failed(struct originate *o, const struct reply *r, bool may_live)
{
    struct ami *a = o->a;
    legs_settle(&a->events.life.legs, o->call, may_live);
    session_fail(a, o->op, r);
    release(o);
}

/* An event has named the channel: it was accepted, whatever else is said. */
static bool is_seen(const struct originate *o)
{
    const struct leg *leg = legs_find(&o->a->events.life.legs, o->call);
    return leg && (leg->started || leg->ended);
}

static void set_timer(struct originate *o, uint64_t ms, dg_fn *fn)
{
    if (o->timer)
        o->a->h->timer_stop(o->a->h, o->timer);
    o->timer = o->a->h->timer_start(o->a->h, ms, fn, o);
}

/* ---- Looking it up -------------------------------------------------------------------- */

static void give_up(struct originate *o)
{
    const struct reply r = {.err = o->doubt == DG_ETIMEOUT ? DG_ETIMEOUT : DG_EUPSTREAM,
                            .words = o->doubt == DG_ETIMEOUT ? "no answer to Originate in time"
                                                             : "Unable to connect to AMI"};
    failed(o, &r, true);
}

static void on_status(struct ami *a, struct dg_op *op, const struct message *event, void *arg)
{
    struct originate *o = arg;
    (void)a;
    (void)op;
    o->found |= text_same(message_text(event, "Uniqueid"), o->call);
}

static void on_looked(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct originate *o = arg;
    (void)a;
    (void)op;
    (void)r;
    if (o->found || is_seen(o))
        accepted(o);
    else
        give_up(o);
}

static void look(struct originate *o)
{
    struct ami *a = o->a;
    o->step = LOOKING;
    if (o->timer)
        a->h->timer_stop(a->h, o->timer);
    o->timer = NULL;
    session_send(a, NULL,
                 &(struct request){.action = "Status",
                                   .lines = {{"Channel", o->call}},
                                   .timeout_ms = LOOK_MS,
                                   .entry = on_status,
                                   .then = on_looked,
                                   .arg = o});
}

static void on_link_missed(void *arg)
{
    struct originate *o = arg;
    o->timer = NULL;
    give_up(o);
}

void originates_link_up(struct ami *a)
{
    for (struct originate *o = a->originates, *next; o; o = next) {
        next = o->next;
        if (o->step == LOST)
            look(o);
    }
}

static void lost(struct originate *o, enum dg_err doubt)
{
    o->doubt = doubt;
    if (o->a->link.state == LINK_UP) {
        look(o);
        return;
    }
    o->step = LOST;
    set_timer(o, LINK_MS, on_link_missed);
}

/* ---- What Asterisk says ------------------------------------------------------------------- */

static void on_queued_long(void *arg)
{
    struct originate *o = arg;
    o->timer = NULL;
    if (o->refused)
        failed(o, &refused, false);
    else
        accepted(o);
}

static void on_response(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct originate *o = arg;
    (void)op;
    if (is_seen(o)) {
        accepted(o);
    } else if (!r->err) {
        o->step = QUEUED;
        set_timer(o, o->refused ? OVERTAKEN_MS : QUEUED_MS, on_queued_long);
    } else if (r->sent && !r->message) {
        lost(o, r->err);
    } else {
        a->h->log(a->h, DG_INFO, "originate of %s: %s", o->call, r->words);
        failed(o, r, false);
    }
}

static struct originate *find(struct ami *a, const char *call)
{
    for (struct originate *o = a->originates; o; o = o->next)
        if (text_same(o->call, call))
            return o;
    return NULL;
}

/* Sent to every session: it may be another gateway's. */
void originate_response(void *arg, const char *action_id, bool success)
{
    struct ami *a = arg;
    struct originate *o = find(a, action_id);
    if (!o)
        return;
    o->refused = !success;
    if (o->step != QUEUED)
        return;
    if (success || is_seen(o))
        accepted(o);
    else
        set_timer(o, OVERTAKEN_MS, on_queued_long);
}

/* A leg has shown itself. */
void originate_seen(struct ami *a, const char *call)
{
    struct originate *o = a->originates ? find(a, call) : NULL;
    if (o && o->step == QUEUED)
        accepted(o);
}

/* ---- The request -------------------------------------------------------------------------- */

struct parts {
    char *endpoint, *other, *caller, timeout[24];
};

static struct request request_of(const struct dg_originate *req, struct parts *p)
{
    bool place = req->context != NULL;
    p->endpoint = dialling_endpoint(req);
    p->other = dialling_other(req);
    p->caller = dialling_caller(req);
    snprintf(p->timeout, sizeof p->timeout, "%llu", (unsigned long long)req->ring_ms);
    return (struct request){
        .action = "Originate",
        .id = req->call,
        .lines = {{"Channel", p->endpoint},
                  {"ChannelId", req->call},
                  {"OtherChannelId", p->other},
                  {"Async", "true"},
                  {"CallerID", p->caller},
                  {"Timeout", req->ring_ms ? p->timeout : NULL},
                  {"Context", req->context},
                  {"Exten", !place           ? NULL
                            : req->extension ? req->extension
                                             : "s"},
                  {"Priority", !place          ? NULL
                               : req->priority ? req->priority
                                               : "1"},
                  {"Application", place ? NULL : "AGI"},
                  {"Data", place ? NULL : "agi:async"}},
        .variables = req->variables,
        .variable_count = req->variable_count,
        .then = on_response,
    };
}

static void free_parts(struct parts *p)
{
    free(p->endpoint);
    free(p->other);
    free(p->caller);
}

static struct originate *remember(struct ami *a, const struct dg_originate *req, struct dg_op *op)
{
    struct originate *o = text_alloc(sizeof *o);
    o->a = a;
    o->op = op;
    o->call = text_copy(req->call);
    o->next = a->originates;
    if (o->next)
        o->next->before = o;
    a->originates = o;
    text_set(&legs_expect(&a->events.life.legs, o->call)->arguments, req->arguments);
    return o;
}

void ami_originate(void *self, const struct dg_originate *req, struct dg_op *op)
{
    struct ami *a = self;
    struct parts parts;
    const char *why = dialling_refusal(req);
    const struct leg *living = legs_find(&a->events.life.legs, req->call);
    if (why || (living && (living->started || living->expected))) {
        a->h->fail(op, why ? DG_EINVAL : DG_ECONFLICT, "%s",
                   why ? why : "there is a call of this id");
        return;
    }
    if (req->detect_machine) {
        a->h->fail(op, DG_EUNSUPPORTED, "AMI cannot detect answering machines by itself");
        return;
    }
    struct request request = request_of(req, &parts);
    request.arg = remember(a, req, op);
    session_send(a, NULL, &request);
    free_parts(&parts);
}

void originates_end(struct ami *a)
{
    for (struct originate *o = a->originates, *next; o; o = next) {
        next = o->next;
        failed(o, &(struct reply){.err = DG_EUNAVAILABLE, .words = "Unable to connect to AMI"},
               false);
    }
}
