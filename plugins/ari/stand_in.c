/* stand_in.c - see stand_in.h. */
#include "stand_in.h"

#include <stdlib.h>
#include <string.h>

#include "ari.h"
#include "asterisk/backoff.h"
#include "asterisk/text.h"

enum { FIRST_WAIT_MS = 500, LONGEST_WAIT_MS = 5000, LEAVE_MS = 2000 };

struct stand_in {
    struct stand_in *next;
    struct ari *a;
    char *node, *app;
    struct socket *socket;
    struct dg_timer *timer; /* the next try, or the next ping */
    unsigned failures;
    bool over; /* the gateway is back, or its calls have ended */
};

static void open_socket(void *arg);
static void on_ping(void *arg);

static void set_timer(struct stand_in *s, uint64_t ms, dg_fn *fn)
{
    const struct dg_host *h = s->a->h;
    if (s->timer)
        h->timer_stop(h, s->timer);
    s->timer = fn ? h->timer_start(h, ms, fn, s) : NULL;
}

static void release(struct stand_in *s)
{
    struct stand_in **at = &s->a->stand_ins;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    events_also(&s->a->events, s->app, false);
    set_timer(s, 0, NULL);
    if (s->socket)
        socket_drop(s->socket);
    free(s->node);
    free(s->app);
    free(s);
}

/* ---- The socket -------------------------------------------------------------------- */

static void on_opened(void *arg)
{
    struct stand_in *s = arg;
    s->failures = 0;
    s->a->h->log(s->a->h, DG_INFO, "standing in for the application %s", s->app);
    set_timer(s, s->a->config.ping_ms, on_ping);
}

static void on_ping(void *arg)
{
    struct stand_in *s = arg;
    s->timer = NULL;
    if (s->a->h->now_ms(s->a->h) - socket_heard_ms(s->socket) > 2 * s->a->config.pong_ms) {
        socket_drop(s->socket);
        s->socket = NULL;
        set_timer(s, FIRST_WAIT_MS, open_socket);
        return;
    }
    set_timer(s, s->a->config.ping_ms, on_ping);
    socket_ping(s->socket);
}

static void leave(struct stand_in *s)
{
    s->over = true;
    set_timer(s, 0, NULL);
    if (s->socket)
        socket_close(s->socket, LEAVE_MS);
}

static bool is_type(struct dg_bytes text, const char *type)
{
    return memmem(text.ptr, text.len, type, strlen(type)) != NULL;
}

static void on_message(void *arg, struct dg_bytes text)
{
    struct stand_in *s = arg;
    if (is_type(text, "\"type\":\"StasisStart\"") || is_type(text, "\"type\":\"StasisEnd\"")) {
        events_take(&s->a->events, text.ptr, text.len);
    } else if (is_type(text, "\"type\":\"ApplicationReplaced\"")) {
        s->a->h->log(s->a->h, DG_INFO, "the application %s is its own gateway's again", s->app);
        leave(s);
    }
}

static void on_closed(void *arg, enum dg_err err, int status, const char *why)
{
    struct stand_in *s = arg;
    (void)err;
    (void)status;
    s->socket = NULL;
    set_timer(s, 0, NULL);
    if (s->over) {
        if (!s->a->closing)
            release(s);
        return;
    }
    if (!s->failures++)
        s->a->h->log(s->a->h, DG_WARN, "the event socket of %s is closed: %s", s->app, why);
    set_timer(s, backoff_doubled(FIRST_WAIT_MS, s->failures, LONGEST_WAIT_MS), open_socket);
}

static const struct socket_events socket_events = {
    .opened = on_opened, .message = on_message, .closed = on_closed};

static void open_socket(void *arg)
{
    struct stand_in *s = arg;
    struct text path = {0};
    s->timer = NULL;
    text_puts(&path, s->a->config.path);
    text_puts(&path, "/events?app=");
    text_encoded(&path, s->app);
    text_puts(&path, "&subscribeAll=false");
    s->socket = socket_open(s->a->h, &s->a->config, path.at, &socket_events, s);
    text_free(&path);
}

/* ---- Beginning and ending -------------------------------------------------------------- */

static struct stand_in *find(struct ari *a, const char *node)
{
    struct stand_in *s = a->stand_ins;
    while (s && strcmp(s->node, node) != 0)
        s = s->next;
    return s;
}

static void begin(struct ari *a, const char *node)
{
    struct stand_in *s = text_alloc(sizeof *s);
    s->a = a;
    s->node = text_copy(node);
    s->app = config_app(a->config.base_app, node);
    s->next = a->stand_ins;
    a->stand_ins = s;
    events_also(&a->events, s->app, true);
    open_socket(s);
}

void ari_stand_in(void *self, const struct dg_stand_in *req, struct dg_op *op)
{
    struct ari *a = self;
    struct stand_in *s = find(a, req->node);
    char *app = config_app(a->config.base_app, req->node);
    bool own = text_same(app, a->config.app);
    free(app);
    if (own) {
        a->h->fail(op, DG_EINVAL, "%s is this gateway's own application", a->config.app);
        return;
    }
    if (req->on && !s)
        begin(a, req->node);
    else if (!req->on && s && s->socket)
        leave(s);
    else if (!req->on && s)
        release(s);
    a->h->done(op);
}

void stand_ins_leave(struct ari *a)
{
    for (struct stand_in *s = a->stand_ins; s; s = s->next)
        leave(s);
}

void stand_ins_free(struct ari *a)
{
    while (a->stand_ins)
        release(a->stand_ins);
}
