/* op.c - asynchronous requests: answered once, ended once.
 *
 * Two things happen to an op, in any order: the asker is answered (by the
 * plugin, the deadline or the closing of the instance), and the plugin ends it.
 * When both are done it is laid into its instance's graves for a while: a
 * plugin that ends it again holds a stale pointer, and is found there.
 */
#include "plug/op.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "plug/parts.h"

#define GRAVES_MAX 4096
#define GRAVE_MS   10000

struct dg_op {
    struct loop_msg msg; /* delivery */
    struct link link;    /* in ops or graves of the instance */
    struct instance *in;
    const struct op_kind *kind;
    const char *what;
    op_fn *fn;
    void *arg;
    size_t sums;
    struct loop_timer *deadline;
    uint64_t begun_us, buried_ms;
    char *request_id;

    struct arena *arena;
    const void **items;
    size_t count, room;
    enum dg_err err;
    const char *message;

    bool refused;   /* the plugin does not know it */
    bool answered;  /* the asker's result is fixed */
    bool delivered; /* and was given to him */
    bool ended;     /* by the plugin */
};

/* ---- Counting -------------------------------------------------------------- */

static enum plug_class class_of(const char *what)
{
    if (strncmp(what, "backend.", 8) == 0)
        return CLASS_BACKEND;
    if (strncmp(what, "storage.", 8) == 0)
        return CLASS_STORAGE;
    if (strncmp(what, "auth.", 5) == 0)
        return CLASS_AUTH;
    return CLASS_PLUGIN;
}

struct op_stat *op_stat(struct instance *in, const char *what)
{
    struct op_stat *stat = map_get(in->priv->stats, what);
    if (stat)
        return stat;
    stat = xcalloc(1, sizeof(*stat));
    stat->class = class_of(what);
    const char *dot = strchr(what, '.');
    stat->function = dot ? dot + 1 : what;
    stat->seconds = metric_of(in->plug->op_seconds, (const char *const[]){in->name, what});
    map_set(in->priv->stats, what, stat);
    return stat;
}

static void count_result(struct dg_op *op)
{
    struct op_stat *stat = op_stat(op->in, op->what);
    struct plug *p = op->in->plug;
    uint64_t took_us = clock_us() - op->begun_us;
    if (!stat->results[op->err])
        stat->results[op->err] =
            metric_of(p->ops_total[stat->class],
                      (const char *const[]){op->in->name, stat->function, err_name(op->err)});
    metric_add(stat->results[op->err], 1);
    if (!op->refused)
        metric_observe(stat->seconds, (double)took_us / 1e6);
    if (p->trace[stat->class])
        log_info("trace", op->refused ? "refused" : "ended", LOG_S("function", op->what),
                 LOG_S("instance", op->in->name), LOG_S("result", err_name(op->err)),
                 LOG_I("items", op->count), LOG_I("us", took_us), LOG_S("why", op->message));
}

/* ---- Life ------------------------------------------------------------------ */

static void op_free(struct dg_op *op)
{
    arena_free(op->arena);
    free(op->items);
    free(op->request_id);
    free(op);
}

static void drop_oldest_grave(struct instance_private *priv)
{
    struct dg_op *op = list_item(priv->graves.next, struct dg_op, link);
    list_remove(&op->link);
    priv->grave_count--;
    op_free(op);
}

static void bury(struct dg_op *op)
{
    struct instance_private *priv = op->in->priv;
    arena_free(op->arena);
    op->arena = NULL;
    free(op->items);
    op->items = NULL;
    op->buried_ms = clock_ms();
    list_remove(&op->link);
    list_append(&priv->graves, &op->link);
    priv->grave_count++;
    while (priv->grave_count > GRAVES_MAX ||
           list_item(priv->graves.next, struct dg_op, link)->buried_ms + GRAVE_MS < op->buried_ms)
        drop_oldest_grave(priv);
}

static void on_deliver(struct loop_msg *msg)
{
    struct dg_op *op = list_item(msg, struct dg_op, msg);
    const struct op_result res = {
        .err = op->err,
        .message = op->message,
        .items = op->items,
        .count = op->err == DG_OK ? op->count : 0,
    };
    log_request_id(op->request_id);
    if (op->fn)
        op->fn(op->arg, &res);
    log_request_id(NULL);
    op->delivered = true;
    if (op->refused)
        op_free(op);
    else if (op->ended)
        bury(op);
}

static void answer(struct dg_op *op)
{
    op->answered = true;
    loop_timer_stop(op->in->plug->loop, op->deadline);
    op->deadline = NULL;
    if (!op->refused)
        op->in->priv->open_count--;
    count_result(op);
    op->msg.fn = on_deliver;
    loop_post(op->in->plug->loop, &op->msg);
}

static struct arena *arena_of(struct dg_op *op)
{
    if (!op->arena)
        op->arena = arena_new();
    return op->arena;
}

static void set_failure(struct dg_op *op, enum dg_err err, const char *fmt, va_list ap)
{
    char text[512];
    vsnprintf(text, sizeof(text), fmt, ap);
    op->err = err;
    op->message = arena_strdup(arena_of(op), text);
}

static void answer_failed(struct dg_op *op, enum dg_err err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void answer_failed(struct dg_op *op, enum dg_err err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    set_failure(op, err, fmt, ap);
    va_end(ap);
    answer(op);
}

static void on_deadline(void *arg)
{
    struct dg_op *op = arg;
    op->deadline = NULL; /* it has fired */
    answer_failed(op, DG_ETIMEOUT, "%s did not answer %s in time", op->in->name, op->what);
}

static struct dg_op *op_new(struct instance *in, const char *what, op_fn *fn, void *arg)
{
    struct dg_op *op = xcalloc(1, sizeof(*op));
    list_init(&op->link);
    op->in = in;
    op->kind = &op_nothing;
    op->what = what;
    op->fn = fn;
    op->arg = arg;
    op->begun_us = clock_us();
    op->request_id = xstrdup(log_current_request_id());
    return op;
}

struct dg_op *op_begin(struct instance *in, const struct op_kind *kind, const char *what,
                       uint64_t deadline_ms, op_fn *fn, void *arg)
{
    struct dg_op *op = op_new(in, what, fn, arg);
    op->kind = kind;
    op->deadline = loop_timer(in->plug->loop, deadline_ms, on_deadline, op);
    list_append(&in->priv->ops, &op->link);
    in->priv->open_count++;
    return op;
}

void op_sums(struct dg_op *op, size_t sums)
{
    op->sums = sums;
}

void op_refuse(struct instance *in, const char *what, op_fn *fn, void *arg, enum dg_err err,
               const char *fmt, ...)
{
    struct dg_op *op = op_new(in, what, fn, arg);
    op->refused = true;
    va_list ap;
    va_start(ap, fmt);
    set_failure(op, err, fmt, ap);
    va_end(ap);
    answer(op);
}

void ops_answer_all(struct instance *in, enum dg_err err, const char *why)
{
    struct link *head = &in->priv->ops;
    for (struct link *i = head->next, *next; i != head; i = next) {
        struct dg_op *op = list_item(i, struct dg_op, link);
        next = i->next;
        if (!op->answered)
            answer_failed(op, err, "%s", why);
    }
}

void ops_free(struct instance *in)
{
    struct instance_private *priv = in->priv;
    while (priv->grave_count)
        drop_oldest_grave(priv);
    while (!list_empty(&priv->ops)) {
        struct dg_op *op = list_item(priv->ops.next, struct dg_op, link);
        list_remove(&op->link);
        op_free(op);
    }
}

/* ---- Ending ---------------------------------------------------------------- */

/* May the plugin still say something about it? */
static bool still_open(struct dg_op *op, const char *function)
{
    if (!plug_on_loop(op->in, function))
        return false;
    if (op->ended)
        plug_fault(op->in, "an operation was ended twice", op->what);
    return !op->ended;
}

void op_item(struct dg_op *op, const void *item)
{
    if (!still_open(op, "item") || op->answered || op->err)
        return;
    void *copy = op->kind->copy && item ? op->kind->copy(arena_of(op), item, op->sums) : NULL;
    if (!copy) {
        plug_fault(op->in, "an item of the wrong kind or without its size was given", op->what);
        op->err = DG_EINTERNAL;
        op->message = "the plugin answered with an item of the wrong kind";
        return;
    }
    if (op->count == op->room) {
        op->room = op->room ? op->room * 2 : 4;
        op->items = xrealloc(op->items, op->room * sizeof(*op->items));
    }
    op->items[op->count++] = copy;
}

static void end(struct dg_op *op)
{
    op->ended = true;
    if (!op->answered)
        answer(op);
    else if (op->delivered)
        bury(op);
}

void op_done(struct dg_op *op)
{
    if (still_open(op, "done"))
        end(op);
}

void op_vfail(struct dg_op *op, enum dg_err err, const char *fmt, va_list ap)
{
    if (!still_open(op, "fail"))
        return;
    if (err <= DG_OK || err >= ERR_COUNT) {
        plug_fault(op->in, "an operation was failed with no error's code", op->what);
        err = DG_EINTERNAL;
    }
    if (!op->answered)
        set_failure(op, err, fmt, ap);
    end(op);
}

void op_fail(struct dg_op *op, enum dg_err err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    op_vfail(op, err, fmt, ap);
    va_end(ap);
}
