/* store.c - the life of the store: declared, up, down, tried again; see store.h. */
#include "data/store.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/str.h"
#include "data/store_private.h"

/* ---- State -------------------------------------------------------------- */

const char *store_state_name(enum store_state state)
{
    static const char *const names[] = {[STORE_DISABLED] = "disabled",
                                        [STORE_STARTING] = "starting",
                                        [STORE_UP] = "up",
                                        [STORE_DOWN] = "down"};
    return names[state];
}

void store_status(struct store *s, struct store_status *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->status;
    pthread_mutex_unlock(&s->lock);
}

static void set_state(struct store *s, enum store_state state, const char *detail)
{
    enum store_state before = s->status.state;
    pthread_mutex_lock(&s->lock);
    s->status.state = state;
    snprintf(s->status.detail, sizeof(s->status.detail), "%s", detail ? detail : "");
    pthread_mutex_unlock(&s->lock);
    if (s->up)
        metric_set(s->up, state == STORE_UP);
    if (state == before)
        return;
    if (state == STORE_UP)
        log_info("store", "up", LOG_S("instance", s->in->name));
    else if (state == STORE_DOWN)
        log_error("store", "down", LOG_S("instance", s->in->name), LOG_S("why", detail));
}

void store_show_kept(struct store *s)
{
    size_t waiting = s->kept.holding ? s->kept.count : 0;
    pthread_mutex_lock(&s->lock);
    s->status.kept = waiting;
    pthread_mutex_unlock(&s->lock);
    if (s->kept_now)
        metric_set(s->kept_now, (int64_t)waiting);
}

bool store_err_passes(enum dg_err err)
{
    switch (err) {
    case DG_EUNAVAILABLE:
    case DG_ETIMEOUT:
    case DG_EUPSTREAM:
    case DG_EINTERNAL:
    case DG_ELIMIT:
        return true;
    default:
        return false;
    }
}

void store_observe(struct store *s, enum dg_err err, const char *message)
{
    if (!s->declared)
        return;
    if (err != DG_OK && err != DG_ELIMIT && store_err_passes(err)) {
        s->failing = true;
        set_state(s, STORE_DOWN, message);
        store_retry_soon(s);
    } else if (err == DG_OK && (s->failing || s->status.state != STORE_UP)) {
        s->failing = false;
        s->retry_ms = 0;
        set_state(s, STORE_UP, NULL);
        kept_resume(s);
    }
}

/* ---- Requests under way ------------------------------------------------- */

struct ask *ask_new(struct store *s, bool writes, op_fn *fn, void *arg)
{
    struct ask *a = xcalloc(1, sizeof(*a));
    a->store = s;
    a->writes = writes;
    a->fn = fn;
    a->arg = arg;
    list_append(&s->asks, &a->link);
    return a;
}

void ask_ended(void *arg, const struct op_result *res)
{
    struct ask *a = arg;
    struct store *s = a->store;
    if (s) {
        list_remove(&a->link);
        if (a->writes)
            store_observe(s, res->err, res->message);
        if (a->fn)
            a->fn(a->arg, res);
    }
    free(a->message);
    free(a->owned);
    free(a);
}

static void on_later(void *arg)
{
    struct ask *a = arg;
    ask_ended(a, &(struct op_result){.err = a->err, .message = a->message});
}

struct ask *ask_later(struct store *s, op_fn *fn, void *arg, enum dg_err err, const char *message)
{
    struct ask *a = ask_new(s, false, fn, arg);
    a->err = err;
    a->message = xstrdup(message);
    loop_call(s->loop, on_later, a);
    return a;
}

bool ask_refused(struct store *s, op_fn *fn, void *arg)
{
    if (s->in)
        return false;
    ask_later(s, fn, arg, DG_EUNAVAILABLE, STORE_DISABLED_TEXT);
    return true;
}

/* ---- Declaring, trying again -------------------------------------------- */

static void decide_ready(struct store *s, enum dg_err err, const char *message)
{
    s->ended_once = true;
    if (s->ready_fn)
        ask_later(s, s->ready_fn, s->ready_arg, err, message);
    s->ready_fn = NULL;
}

static void on_declared(void *arg, const struct op_result *res)
{
    struct store *s = arg;
    s->declaring = false;
    if (res->err == DG_OK) {
        s->declared = true;
        s->retry_ms = 0;
        set_state(s, STORE_UP, NULL);
        kept_resume(s);
    } else {
        set_state(s, STORE_DOWN, res->message);
        store_retry_soon(s);
    }
    if (!s->ended_once || res->err == DG_OK)
        decide_ready(s, res->err, res->message);
}

static void declare(struct store *s)
{
    if (s->declaring)
        return;
    s->declaring = true;
    storage_declare(s->in, collections, collection_count, ask_ended,
                    ask_new(s, false, on_declared, s));
}

/* Writing fails, and nothing waits to be written: see whether it still does. */
static void probe(struct store *s)
{
    static const struct dg_write write = {.collection = COLLECTION_META,
                                          .id = STORE_PROBE_ID,
                                          .json = {"{}", 2},
                                          .expect = DG_VERSION_ANY};
    storage_write(s->in, &write, 1, ask_ended, ask_new(s, true, NULL, NULL));
}

static void on_retry(void *arg)
{
    struct store *s = arg;
    s->retry = NULL;
    if (!s->link_up)
        return; /* the link coming up is what counts then */
    if (!s->declared)
        declare(s);
    else if (s->kept.count)
        kept_resume(s);
    else if (s->failing)
        probe(s);
}

void store_retry_soon(struct store *s)
{
    if (s->retry)
        return;
    s->retry_ms = s->retry_ms ? s->retry_ms * 2 : STORE_RETRY_MIN_MS;
    uint64_t most = s->drain_fn ? STORE_RETRY_MIN_MS : STORE_RETRY_MAX_MS;
    if (s->retry_ms > most)
        s->retry_ms = most;
    s->retry = loop_timer(s->loop, s->retry_ms, on_retry, s);
}

void store_link(struct store *s, enum dg_link link, const char *detail)
{
    s->link_up = link == DG_LINK_UP;
    if (s->link_up && !s->declared) {
        declare(s);
    } else if (s->link_up) {
        s->failing = false;
        s->retry_ms = 0;
        set_state(s, STORE_UP, NULL);
        kept_resume(s);
    } else if (link == DG_LINK_DOWN) {
        set_state(s, STORE_DOWN, detail && *detail ? detail : "the store is not reachable");
        if (!s->ended_once)
            decide_ready(s, DG_EUNAVAILABLE, s->status.detail);
    } else if (s->declared) {
        set_state(s, STORE_DOWN, detail && *detail ? detail : "connecting");
    }
}

void store_ready(struct store *s, op_fn *fn, void *arg)
{
    if (!s->in || s->declared) {
        ask_later(s, fn, arg, DG_OK, NULL);
    } else if (s->ended_once) {
        ask_later(s, fn, arg, DG_EUNAVAILABLE, s->status.detail);
    } else {
        s->ready_fn = fn;
        s->ready_arg = arg;
    }
}

/* ---- Draining ----------------------------------------------------------- */

struct drain {
    dg_fn *fn;
    void *arg;
};

static void on_drained(void *arg, const struct op_result *res)
{
    const struct drain *d = arg;
    (void)res;
    d->fn(d->arg);
}

void store_drained(struct store *s)
{
    if (!s->drain_fn)
        return;
    loop_timer_stop(s->loop, s->drain_timer);
    s->drain_timer = NULL;
    ask_later(s, s->drain_fn, s->drain_arg, DG_OK, NULL)->owned = s->drain_arg;
    s->drain_fn = NULL;
}

static void on_drain_late(void *arg)
{
    struct store *s = arg;
    s->drain_timer = NULL;
    log_error("store", "stopped waiting for what is still to be written",
              LOG_I("batches", s->kept.count), LOG_S("why", s->status.detail));
    store_drained(s);
}

void store_drain(struct store *s, uint64_t within_ms, dg_fn *fn, void *arg)
{
    struct drain *d = xcalloc(1, sizeof(*d));
    *d = (struct drain){.fn = fn, .arg = arg};
    s->drain_fn = on_drained;
    s->drain_arg = d;
    if (!s->kept.count) {
        store_drained(s);
        return;
    }
    s->drain_timer = loop_timer(s->loop, within_ms, on_drain_late, s);
    if (s->kept.holding && s->link_up && s->declared)
        kept_resume(s);
}

/* ---- Making and freeing ------------------------------------------------- */

static void add_metrics(struct store *s, struct metrics *m)
{
    static const struct metric_family_info infos[] = {
        {.kind = METRIC_GAUGE, .name = "dialgate_store_up", .help = "Whether the store can write."},
        {.kind = METRIC_GAUGE,
         .name = "dialgate_store_kept",
         .help = "Batches in memory that wait for the store."},
        {.kind = METRIC_COUNTER,
         .name = "dialgate_store_lost_total",
         .help = "Batches that could not be kept."},
    };
    struct metric **out[] = {&s->up, &s->kept_now, &s->lost};
    for (size_t i = 0; m && i < sizeof(infos) / sizeof(*infos); i++)
        *out[i] = metric_plain(metrics_family(m, &infos[i]));
}

struct store *store_new(const struct store_config *config)
{
    struct store *s = xcalloc(1, sizeof(*s));
    s->loop = config->loop;
    s->in = config->instance;
    list_init(&s->asks);
    pthread_mutex_init(&s->lock, NULL);
    kept_init(&s->kept, config->max_kept ? config->max_kept : STORE_MAX_KEPT);
    add_metrics(s, config->metrics);
    s->status.state = s->in ? STORE_STARTING : STORE_DISABLED;
    if (s->in)
        store_link(s, s->in->link, s->in->link_detail);
    return s;
}

void store_free(struct store *s)
{
    if (!s)
        return;
    while (!list_empty(&s->asks)) {
        struct ask *a = list_item(s->asks.next, struct ask, link);
        list_remove(&a->link);
        a->store = NULL;
    }
    loop_timer_stop(s->loop, s->retry);
    loop_timer_stop(s->loop, s->drain_timer);
    if (s->drain_fn)
        free(s->drain_arg);
    kept_free(&s->kept);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
