/* fake_host.h - the host of a plugin under test, and its clock. No time passes but what the test
 * lets pass. Whoever includes it says before what else its struct world has: WORLD_OWN. */
#ifndef TESTS_FAKE_HOST_H
#define TESTS_FAKE_HOST_H

#include "unit.h"

#include <dlfcn.h>

#include "asterisk/text.h"
#include "dialgate/backend.h"

struct dg_timer {
    struct dg_timer *next;
    uint64_t at_ms;
    dg_fn *fn;
    void *arg;
};

struct dg_stream {
    const struct dg_stream_events *ev;
    void *arg;
    struct text sent;
    bool closed;
};

struct dg_op {
    int ended;
    enum dg_err err;
    char message[200];
    size_t items;
    bool lists_calls;
    int64_t answered_at_ms; /* of the last of them */
    enum dg_channel_state state;
    char *text;
};

struct world {
    struct dg_host host; /* first */
    uint64_t now_ms;
    struct dg_timer *timers;
    struct dg_stream *stream;
    struct text log;
    enum dg_link link;
    char run[60], detail[200];
    const struct dg_backend *table;
    const struct dg_plugin *plugin;
    void *self;
    WORLD_OWN
};

static inline struct world *world_of(const struct dg_host *h)
{
    return (struct world *)h;
}

static inline void note(struct world *w, const char *what, const char *detail)
{
    if (w->log.len)
        text_puts(&w->log, "; ");
    text_puts(&w->log, what);
    text_puts(&w->log, detail ? detail : "");
}

static inline void host_log(const struct dg_host *h, enum dg_level level, const char *fmt, ...)
{
    (void)h;
    (void)level;
    (void)fmt;
}

static inline uint64_t now_ms(const struct dg_host *h)
{
    return world_of(h)->now_ms;
}

static inline int64_t unix_ms(const struct dg_host *h)
{
    return (int64_t)world_of(h)->now_ms;
}

static inline void op_item(struct dg_op *op, const void *item)
{
    op->items++;
    if (op->lists_calls) {
        op->answered_at_ms = ((const struct dg_call *)item)->answered_at_ms;
        op->state = ((const struct dg_call *)item)->state;
    }
}

static inline void op_done(struct dg_op *op)
{
    op->ended++;
}

static inline void op_fail(struct dg_op *op, enum dg_err err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(op->message, sizeof op->message, fmt, ap);
    va_end(ap);
    op->err = err;
    op->ended++;
}

static inline void host_link(const struct dg_host *h, enum dg_link link, const char *detail)
{
    struct world *w = world_of(h);
    snprintf(w->detail, sizeof w->detail, "%s", detail ? detail : "");
    if (link != w->link)
        note(w, link == DG_LINK_UP ? "up" : link == DG_LINK_DOWN ? "down" : "connecting", NULL);
    w->link = link;
}

static inline void host_lacks(const struct dg_host *h, const char *function, const char *why)
{
    (void)why;
    note(world_of(h), "lacks ", function);
}

static inline void host_emit(const struct dg_host *h, const struct dg_event *ev)
{
    static const char *const names[] = {
        [DG_CALL_STARTED] = "started ",  [DG_CALL_ANSWERED] = "answered ",
        [DG_CALL_ENDED] = "ended ",      [DG_CALL_CONTROL] = "control ",
        [DG_BRIDGE_STARTED] = "bridge ", [DG_CALL_DETECTED] = NULL,
    };
    if (names[ev->type])
        note(world_of(h), names[ev->type], ev->call ? ev->call : ev->bridge);
}

static inline struct dg_timer *timer_start(const struct dg_host *h, uint64_t after_ms, dg_fn *fn,
                                           void *arg)
{
    struct world *w = world_of(h);
    struct dg_timer *t = calloc(1, sizeof *t);
    *t = (struct dg_timer){w->timers, w->now_ms + after_ms, fn, arg};
    return w->timers = t;
}

static inline void timer_stop(const struct dg_host *h, struct dg_timer *t)
{
    for (struct dg_timer **at = &world_of(h)->timers; *at; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            free(t);
            return;
        }
    fail_msg("a timer was stopped that is gone");
}

static inline void stream_write(struct dg_stream *s, struct dg_bytes bytes)
{
    assert_false(s->closed);
    text_add(&s->sent, bytes.ptr, bytes.len);
}

static inline void stream_close(struct dg_stream *s)
{
    s->closed = true; /* freed by the world, which looks at it first */
}

static inline struct dg_metric *metric(const struct dg_host *h, enum dg_metric_type type,
                                       const char *name, const char *help)
{
    (void)h;
    (void)type;
    (void)name;
    (void)help;
    return NULL;
}

static inline void server_run(const struct dg_host *h, const char *run)
{
    snprintf(world_of(h)->run, sizeof world_of(h)->run, "%s", run ? run : "");
}

static inline void metric_add(struct dg_metric *m, int64_t n)
{
    (void)m;
    (void)n;
}

static inline void check_log(struct world *w, const char *expected)
{
    if (strcmp(w->log.at ? w->log.at : "", expected) != 0)
        fail_msg("\n  told:     %s\n  expected: %s", w->log.at ? w->log.at : "", expected);
    text_free(&w->log);
}

static inline void pass(struct world *w, uint64_t ms)
{
    uint64_t end = w->now_ms + ms;
    for (;;) {
        struct dg_timer **soonest = NULL;
        for (struct dg_timer **at = &w->timers; *at; at = &(*at)->next)
            if ((*at)->at_ms <= end && (!soonest || (*at)->at_ms < (*soonest)->at_ms))
                soonest = at;
        if (!soonest)
            break;
        struct dg_timer *t = *soonest;
        *soonest = t->next;
        if (t->at_ms > w->now_ms)
            w->now_ms = t->at_ms;
        t->fn(t->arg);
        free(t);
    }
    w->now_ms = end;
}

static inline void gone(struct world *w)
{
    text_free(&w->stream->sent);
    free(w->stream);
    w->stream = NULL;
}

/* All of it but the configuration and what only some plugins use. */
static inline struct dg_host fake_host(void)
{
    return (struct dg_host){.size = sizeof(struct dg_host),
                            .abi_major = DG_ABI_MAJOR,
                            .instance = "pbx",
                            .log = host_log,
                            .now_ms = now_ms,
                            .unix_ms = unix_ms,
                            .item = op_item,
                            .done = op_done,
                            .fail = op_fail,
                            .link = host_link,
                            .lacks = host_lacks,
                            .emit = host_emit,
                            .timer_start = timer_start,
                            .timer_stop = timer_stop,
                            .stream_write = stream_write,
                            .stream_close = stream_close,
                            .metric = metric,
                            .metric_add = metric_add,
                            .server_run = server_run};
}

/* The plugin, opened. */
static inline void world_load(struct world *w, const char *so_file)
{
    void *so = dlopen(so_file, RTLD_NOW | RTLD_LOCAL);
    if (!so)
        fail_msg("%s", dlerror());
    const struct dg_plugin *(*entry)(void) =
        (const struct dg_plugin *(*)(void))(uintptr_t)dlsym(so, "dg_plugin_entry");
    assert_non_null(entry);
    w->plugin = entry();
    w->table = w->plugin->backend;
    assert_int_equal(w->plugin->open(&w->host, &w->self), DG_OK);
}

#endif
