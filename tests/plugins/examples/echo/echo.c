/* echo.c - the smallest backend that is of use: every number answers, and every
 * digit that is sent to it comes back.
 *
 * It shows what a backend does: keep the calls by their ids, tell what happens
 * to them through host->emit(), end every op once. Real ones have a connection
 * instead of timers; see host->stream_open() and host->http_start().
 *
 *     cc -std=c11 -fPIC -shared -I PREFIX/include -o echo.so echo.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialgate/backend.h"

#define RING_MS 100

struct call {
    struct call *next;
    struct echo *echo;
    char id[DG_ID_MAX + 1];
    enum dg_channel_state state;
    int64_t started_at_ms, answered_at_ms;
    struct dg_timer *timer; /* until it is answered */
};

struct echo {
    const struct dg_host *h;
    struct call *calls;
    int64_t answer_ms;
    struct dg_metric *digits;
};

static const struct dg_cfg_key keys[] = {
    {"answer_ms", DG_CFG_MS, "500ms", "from ringing to the answer"},
    {0},
};

static struct dg_event about(const struct call *c, enum dg_event_type type)
{
    struct dg_event ev = {DG_SIZED(struct dg_event), .type = type};
    ev.call = c->id;
    return ev;
}

static void tell(const struct call *c, enum dg_event_type type)
{
    struct dg_event ev = about(c, type);
    c->echo->h->emit(c->echo->h, &ev);
}

static struct dg_call describe(const struct call *c)
{
    return (struct dg_call){
        DG_SIZED(struct dg_call),
        .id = c->id,
        .name = c->id,
        .direction = DG_OUTBOUND,
        .state = c->state,
        .controlled = c->state == DG_CHANNEL_UP,
        .started_at_ms = c->started_at_ms,
        .answered_at_ms = c->answered_at_ms,
    };
}

static struct call *find(const struct echo *e, const char *id)
{
    struct call *c = e->calls;
    while (c && strcmp(c->id, id) != 0)
        c = c->next;
    return c;
}

static void forget(struct call *c)
{
    struct call **at = &c->echo->calls;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->echo->h->timer_stop(c->echo->h, c->timer);
    free(c);
}

/* ---- A call's life ----------------------------------------------------------- */

static void on_answer(void *arg)
{
    struct call *c = arg;
    c->timer = NULL;
    c->state = DG_CHANNEL_UP;
    c->answered_at_ms = c->echo->h->unix_ms(c->echo->h);
    tell(c, DG_CALL_ANSWERED);
    struct dg_event control = about(c, DG_CALL_CONTROL);
    control.on = true;
    c->echo->h->emit(c->echo->h, &control);
}

static void on_ring(void *arg)
{
    struct call *c = arg;
    c->state = DG_CHANNEL_RINGING;
    c->timer = c->echo->h->timer_start(c->echo->h, (uint64_t)c->echo->answer_ms, on_answer, c);
    tell(c, DG_CALL_RINGING);
}

static void echo_originate(void *self, const struct dg_originate *req, struct dg_op *op)
{
    struct echo *e = self;
    if (find(e, req->call)) {
        e->h->fail(op, DG_ECONFLICT, "there is a call of that id already");
        return;
    }
    struct call *c = calloc(1, sizeof(*c));
    if (!c) {
        e->h->fail(op, DG_EINTERNAL, "out of memory");
        return;
    }
    c->echo = e;
    snprintf(c->id, sizeof(c->id), "%s", req->call);
    c->state = DG_CHANNEL_DIALING;
    c->started_at_ms = e->h->unix_ms(e->h);
    c->next = e->calls;
    e->calls = c;
    e->h->done(op);

    struct dg_call info = describe(c);
    struct dg_event started = about(c, DG_CALL_STARTED);
    started.info = &info;
    e->h->emit(e->h, &started);
    c->timer = e->h->timer_start(e->h, RING_MS, on_ring, c);
}

static void echo_hangup(void *self, const struct dg_hangup *req, struct dg_op *op)
{
    struct echo *e = self;
    struct call *c = find(e, req->call);
    if (!c) {
        e->h->fail(op, DG_ENOTFOUND, "there is no such call");
        return;
    }
    e->h->done(op);
    struct dg_event ended = about(c, DG_CALL_ENDED);
    ended.cause = req->cause ? req->cause : 16;
    ended.text = "Normal Clearing";
    e->h->emit(e->h, &ended);
    forget(c);
}

static void echo_dtmf(void *self, const struct dg_dtmf *req, struct dg_op *op)
{
    struct echo *e = self;
    struct call *c = find(e, req->call);
    if (!c || c->state != DG_CHANNEL_UP) {
        e->h->fail(op, c ? DG_ECONFLICT : DG_ENOTFOUND,
                   c ? "the call is not answered yet" : "there is no such call");
        return;
    }
    e->h->done(op);
    for (const char *digit = req->digits; *digit; digit++) {
        const char text[] = {*digit, '\0'};
        struct dg_event ev = about(c, DG_CALL_DTMF);
        ev.text = text; /* lent for the call of emit, as everything is */
        e->h->emit(e->h, &ev);
        e->h->metric_add(e->digits, 1);
    }
}

static void echo_calls(void *self, const struct dg_filter *req, struct dg_op *op)
{
    struct echo *e = self;
    for (struct call *c = e->calls; c; c = c->next) {
        struct dg_call info = describe(c);
        if (!req->text || strstr(c->id, req->text))
            e->h->item(op, &info);
    }
    e->h->done(op);
}

/* ---- The plugin ---------------------------------------------------------------- */

static enum dg_err echo_open(const struct dg_host *h, void **self)
{
    struct echo *e = calloc(1, sizeof(*e));
    if (!e)
        return DG_EINTERNAL;
    e->h = h;
    e->answer_ms = h->cfg_int(h, "answer_ms");
    e->digits = h->metric(h, DG_COUNTER, "digits_total", "Digits that came back");
    h->link(h, DG_LINK_UP, "all numbers answer");
    *self = e;
    return DG_OK;
}

static void echo_close(void *self, struct dg_op *op)
{
    struct echo *e = self;
    const struct dg_host *h = e->h;
    while (e->calls)
        forget(e->calls);
    free(e);
    h->done(op);
}

static const struct dg_backend backend = {
    DG_SIZED(struct dg_backend), .originate = echo_originate, .hangup = echo_hangup,
    .dtmf = echo_dtmf,           .calls = echo_calls,
};

DG_PLUGIN(.name = "echo", .version = "1.0", .summary = "every number answers and echoes digits",
          .config = keys, .backend = &backend, .open = echo_open, .close = echo_close);
