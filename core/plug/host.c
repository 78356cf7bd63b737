/* host.c - the services of struct dg_host, but for the network (host_net.c) and
 * what is delivered to the core (deliver.c). Every callback into the plugin is
 * timed, and everything it holds is known, so that nothing of it is called once
 * the instance is gone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "plug/parts.h"

struct instance *host_instance(const struct dg_host *h)
{
    return ((const struct host *)h)->in;
}

/* ---- What is held ---------------------------------------------------------- */

void held_add(struct held *held, struct instance *in, const char *what,
              void (*release)(struct held *held))
{
    held->in = in;
    held->what = what;
    held->release = release;
    list_append(&in->priv->held, &held->link);
}

void held_release_all(struct instance *in)
{
    struct link *head = &in->priv->held;
    while (!list_empty(head)) {
        struct held *held = list_item(head->next, struct held, link);
        plug_fault(in, "something was left behind by close", held->what);
        held->release(held);
    }
}

/* ---- Log, settings, clocks -------------------------------------------------- */

static void host_log(const struct dg_host *h, enum dg_level level, const char *fmt, ...)
{
    struct instance *in = host_instance(h);
    va_list ap;
    va_start(ap, fmt);
    log_vtext(level, in->plugin->name, in->name, fmt, ap);
    va_end(ap);
    if (level != DG_ERROR)
        return;
    pthread_mutex_lock(&in->priv->error_lock);
    va_start(ap, fmt);
    vsnprintf(in->priv->last_error, sizeof(in->priv->last_error), fmt, ap);
    va_end(ap);
    pthread_mutex_unlock(&in->priv->error_lock);
}

static const char *host_cfg_str(const struct dg_host *h, const char *key)
{
    return settings_str(host_instance(h)->settings, key);
}

static int64_t host_cfg_int(const struct dg_host *h, const char *key)
{
    return settings_int(host_instance(h)->settings, key);
}

static bool host_cfg_bool(const struct dg_host *h, const char *key)
{
    return settings_bool(host_instance(h)->settings, key);
}

static uint64_t host_now_ms(const struct dg_host *h)
{
    (void)h;
    return clock_ms();
}

static int64_t host_unix_ms(const struct dg_host *h)
{
    (void)h;
    return clock_unix_ms();
}

/* ---- Timers ---------------------------------------------------------------- */

struct host_timer {
    struct held held; /* first */
    struct loop_timer *timer;
    dg_fn *fn;
    void *arg;
};

static void on_timer(void *arg)
{
    struct host_timer t = *(struct host_timer *)arg;
    list_remove(&((struct host_timer *)arg)->held.link);
    free(arg);
    struct call c;
    call_enter(&c, t.held.in, "a timer's callback");
    t.fn(t.arg);
    call_leave(&c);
}

static void timer_release(struct held *held)
{
    struct host_timer *t = (struct host_timer *)held;
    loop_timer_stop(held->in->plug->loop, t->timer);
    list_remove(&held->link);
    free(t);
}

static struct dg_timer *host_timer_start(const struct dg_host *h, uint64_t after_ms, dg_fn *fn,
                                         void *arg)
{
    struct instance *in = host_instance(h);
    if (!plug_on_loop(in, "timer_start"))
        return NULL;
    struct host_timer *t = xcalloc(1, sizeof(*t));
    t->fn = fn;
    t->arg = arg;
    t->timer = loop_timer(in->plug->loop, after_ms, on_timer, t);
    held_add(&t->held, in, "a timer", timer_release);
    return (struct dg_timer *)t;
}

static void host_timer_stop(const struct dg_host *h, struct dg_timer *t)
{
    if (t && plug_on_loop(host_instance(h), "timer_stop"))
        timer_release((struct held *)t);
}

/* ---- Watches --------------------------------------------------------------- */

struct host_watch {
    struct held held; /* first */
    struct loop_watch *watch;
    dg_watch_fn *fn;
    void *arg;
};

static void on_watch(void *arg, unsigned ready)
{
    struct host_watch *w = arg; /* may be gone after fn */
    struct call c;
    call_enter(&c, w->held.in, "a watch's callback");
    w->fn(w->arg, ready);
    call_leave(&c);
}

static void watch_release(struct held *held)
{
    struct host_watch *w = (struct host_watch *)held;
    loop_watch_stop(w->watch);
    list_remove(&held->link);
    free(w);
}

static struct dg_watch *host_watch_start(const struct dg_host *h, int fd, unsigned want,
                                         dg_watch_fn *fn, void *arg)
{
    struct instance *in = host_instance(h);
    if (!plug_on_loop(in, "watch_start"))
        return NULL;
    struct host_watch *w = xcalloc(1, sizeof(*w));
    w->fn = fn;
    w->arg = arg;
    w->watch = loop_watch(in->plug->loop, fd, want, on_watch, w);
    if (!w->watch) {
        plug_fault(in, "a descriptor that cannot be watched was given", "watch_start");
        free(w);
        return NULL;
    }
    held_add(&w->held, in, "a watch", watch_release);
    return (struct dg_watch *)w;
}

static void host_watch_want(const struct dg_host *h, struct dg_watch *w, unsigned want)
{
    if (w && plug_on_loop(host_instance(h), "watch_want"))
        loop_watch_want(((struct host_watch *)w)->watch, want);
}

static void host_watch_stop(const struct dg_host *h, struct dg_watch *w)
{
    if (w && plug_on_loop(host_instance(h), "watch_stop"))
        watch_release((struct held *)w);
}

/* ---- Posts and work -------------------------------------------------------- */

struct host_post {
    struct loop_msg msg;
    struct instance *in;
    dg_fn *fn;
    void *arg;
};

static void on_post(struct loop_msg *msg)
{
    struct host_post p = *list_item(msg, struct host_post, msg);
    free(list_item(msg, struct host_post, msg));
    if (p.in->priv->gone)
        return;
    struct call c;
    call_enter(&c, p.in, "a posted callback");
    p.fn(p.arg);
    call_leave(&c);
}

static void host_post(const struct dg_host *h, dg_fn *fn, void *arg)
{
    struct host_post *p = xmalloc(sizeof(*p));
    *p = (struct host_post){.msg.fn = on_post, .in = host_instance(h), .fn = fn, .arg = arg};
    loop_post(p->in->plug->loop, &p->msg);
}

struct host_work {
    struct instance *in;
    dg_fn *work, *done;
    void *arg;
};

static void on_work(void *arg)
{
    struct host_work *w = arg;
    w->work(w->arg);
}

static void on_work_done(void *arg)
{
    struct host_work w = *(struct host_work *)arg;
    free(arg);
    w.in->priv->working--;
    if (w.in->priv->gone) {
        instance_maybe_free(w.in);
        return;
    }
    if (!w.done)
        return;
    struct call c;
    call_enter(&c, w.in, "the end of work");
    w.done(w.arg);
    call_leave(&c);
}

static void host_work(const struct dg_host *h, dg_fn *work, dg_fn *done, void *arg)
{
    struct instance *in = host_instance(h);
    if (!plug_on_loop(in, "work"))
        return;
    struct host_work *w = xmalloc(sizeof(*w));
    *w = (struct host_work){.in = in, .work = work, .done = done, .arg = arg};
    in->priv->working++;
    /* The number of ops bounds what a plugin has to do. */
    loop_work_owed(in->plug->loop, LANE_IO, on_work, on_work_done, w);
}

/* ---- Metrics --------------------------------------------------------------- */

static struct dg_metric *host_metric(const struct dg_host *h, enum dg_metric_type type,
                                     const char *name, const char *help)
{
    struct instance *in = host_instance(h);
    char *full = xasprintf("dialgate_%s_%s", in->plugin->name, name);
    for (char *c = full; *c; c++)
        if (*c == '-')
            *c = '_';
    struct metric_family *family = metrics_family(
        in->plug->metrics, &(struct metric_family_info){
                               .kind = type == DG_GAUGE ? METRIC_GAUGE : METRIC_COUNTER,
                               .name = full,
                               .help = help,
                               .labels = {"instance"},
                           });
    free(full);
    return (struct dg_metric *)metric_of(family, (const char *const[]){in->name});
}

static void host_metric_add(struct dg_metric *m, int64_t n)
{
    metric_add((struct metric *)m, n);
}

static void host_fail(struct dg_op *op, enum dg_err err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    op_vfail(op, err, fmt, ap);
    va_end(ap);
}

void host_init(struct instance *in)
{
    in->priv->host = (struct host){
        .in = in,
        .pub =
            {
                DG_SIZED(struct dg_host),
                .abi_major = DG_ABI_MAJOR,
                .abi_minor = DG_ABI_MINOR,
                .instance = in->name,
                .node = in->plug->node,
                .log = host_log,
                .cfg_str = host_cfg_str,
                .cfg_int = host_cfg_int,
                .cfg_bool = host_cfg_bool,
                .now_ms = host_now_ms,
                .unix_ms = host_unix_ms,
                .item = op_item,
                .done = op_done,
                .fail = host_fail,
                .link = host_link,
                .lacks = host_lacks,
                .noted = host_noted,
                .emit = host_emit,
                .timer_start = host_timer_start,
                .timer_stop = host_timer_stop,
                .watch_start = host_watch_start,
                .watch_want = host_watch_want,
                .watch_stop = host_watch_stop,
                .post = host_post,
                .work = host_work,
                .metric = host_metric,
                .metric_add = host_metric_add,
                .server_run = host_server_run,
            },
    };
    host_net_init(&in->priv->host.pub);
}
