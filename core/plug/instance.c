/* instance.c - a plugin opened with a configuration: its beginning and its end.
 *
 * An instance goes in three steps: closing (no new ops, those open are
 * answered), gone (its close() has ended or was given up; nothing of it is
 * called and nothing it says is heard), freed when nobody holds it. One that
 * was given up is kept until plug_free: its threads may still hold the host.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "plug/parts.h"

#define CLOSE_MS 5000

/* A table as large as ours: what the plugin's header did not have yet is NULL. */
static void copy_table(void *ours, size_t our_size, const void *theirs)
{
    uint32_t size;
    if (!theirs)
        return;
    memcpy(&size, theirs, sizeof(size));
    memcpy(ours, theirs, size < our_size ? size : our_size);
}

static struct instance *instance_new(struct plug *p, const struct dg_plugin *d, const char *name,
                                     struct settings *settings, const struct plug_events *events)
{
    struct instance *in = xcalloc(1, sizeof(*in));
    struct instance_private *priv = xcalloc(1, sizeof(*priv));
    in->plugin = d;
    in->name = xstrdup(name);
    in->plug = p;
    in->settings = settings;
    in->link_since_ms = clock_unix_ms();
    in->lacks = map_new();
    in->priv = priv;
    if (events)
        priv->events = *events;
    copy_table(&priv->backend, sizeof(priv->backend), d->backend);
    copy_table(&priv->storage, sizeof(priv->storage), d->storage);
    copy_table(&priv->auth, sizeof(priv->auth), d->auth);
    list_init(&priv->ops);
    list_init(&priv->graves);
    list_init(&priv->held);
    list_init(&priv->dead_link);
    priv->stats = map_new();
    pthread_mutex_init(&priv->error_lock, NULL);
    host_init(in);
    return in;
}

static void instance_free(struct instance *in)
{
    struct instance_private *priv = in->priv;
    ops_free(in);
    map_free(priv->stats, free);
    pthread_mutex_destroy(&priv->error_lock);
    map_free(in->lacks, free);
    settings_free(in->settings);
    free(in->link_detail);
    free(in->server_run);
    free((char *)in->name);
    free(priv);
    free(in);
}

/* Workers or holders still use it; the last of them frees it. Nothing here touches the plug,
 * which may be gone. */
void instance_maybe_free(struct instance *in)
{
    const struct instance_private *priv = in->priv;
    if (priv->ended && !priv->working && !priv->holders && list_empty(&priv->dead_link))
        instance_free(in);
}

struct instance *instance_hold(struct instance *in)
{
    in->priv->holders++;
    return in;
}

void instance_let_go(struct instance *in)
{
    in->priv->holders--;
    instance_maybe_free(in);
}

void instances_free_dead(struct plug *p)
{
    while (!list_empty(&p->dead)) {
        struct instance_private *priv = list_item(p->dead.next, struct instance_private, dead_link);
        list_remove(&priv->dead_link);
        instance_maybe_free(priv->host.in);
    }
}

static void on_gone(void *arg)
{
    struct instance *in = arg;
    dg_fn *closed = in->priv->closed;
    void *closed_arg = in->priv->closed_arg;
    in->priv->ended = true;
    instance_maybe_free(in);
    if (closed)
        closed(closed_arg);
}

/* What is queued for it comes before its end. */
static void make_gone(struct instance *in)
{
    held_release_all(in);
    in->priv->gone = true;
    in->link = DG_LINK_DOWN;
    loop_call(in->plug->loop, on_gone, in);
}

struct instance *instance_open(struct plug *p, const struct dg_plugin *d, const char *name,
                               struct settings *settings, const struct plug_events *events,
                               struct problem *problem)
{
    struct instance *in = instance_new(p, d, name, settings, events);
    struct call c;
    call_enter(&c, in, "open");
    enum dg_err err = d->open(&in->priv->host.pub, &in->self);
    call_leave(&c);
    if (err == DG_OK)
        return in;
    const char *why = in->priv->last_error;
    problem_set(problem, err, "%s: the plugin %s could not be opened: %s", name, d->name,
                *why ? why : err_name(err));
    make_gone(in);
    return NULL;
}

static void on_closed(void *arg, const struct op_result *res)
{
    struct instance *in = arg;
    if (res->err == DG_ETIMEOUT) {
        plug_fault(in, "close did not end in time; the instance is given up", "close");
        list_append(&in->plug->dead, &in->priv->dead_link);
    } else if (res->err != DG_OK) {
        plug_fault(in, "close failed", "close");
    }
    make_gone(in);
}

void instance_close(struct instance *in, dg_fn *fn, void *arg)
{
    in->closing = true;
    in->priv->closed = fn;
    in->priv->closed_arg = arg;
    char *why = xasprintf("%s is being closed", in->name);
    ops_answer_all(in, DG_EUNAVAILABLE, why);
    free(why);
    struct dg_op *op = op_begin(in, &op_nothing, "plugin.close", CLOSE_MS, on_closed, in);
    struct call c;
    call_enter(&c, in, "close");
    in->plugin->close(in->self, op);
    call_leave(&c);
}

size_t instance_open_ops(const struct instance *in)
{
    return in->priv->open_count;
}
