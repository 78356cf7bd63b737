/* call.c - one way into a plugin: may it be asked, open the op, time the call. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "plug/parts.h"

/* More requests under way than this at one plugin are refused: whatever it
 * waits for, it does not keep up. */
#define OPS_MAX 20000

static const char *const class_names[] = {
    [CLASS_BACKEND] = "a telephony backend",
    [CLASS_STORAGE] = "a store",
    [CLASS_AUTH] = "an auth provider",
    [CLASS_PLUGIN] = "a plugin",
};

void call_enter(struct call *c, struct instance *in, const char *what)
{
    *c = (struct call){.in = in, .what = what, .started_us = clock_us()};
}

void call_leave(struct call *c)
{
    uint64_t held_ms = (clock_us() - c->started_us) / 1000;
    if (held_ms <= LOOP_SLOW_MS)
        return;
    metric_add(
        metric_of(c->in->plug->faults_total, (const char *const[]){c->in->name, "held the loop"}),
        1);
    log_warn("plug", "the plugin held the loop; slow work belongs on host->work",
             LOG_S("plugin", c->in->plugin->name), LOG_S("instance", c->in->name),
             LOG_S("function", c->what), LOG_I("ms", held_ms));
}

void plug_fault(struct instance *in, const char *sentence, const char *function)
{
    metric_add(metric_of(in->plug->faults_total, (const char *const[]){in->name, sentence}), 1);
    log_error("plug", sentence, LOG_S("plugin", in->plugin->name), LOG_S("instance", in->name),
              LOG_S("function", function));
}

bool plug_on_loop(struct instance *in, const char *function)
{
    if (loop_here(in->plug->loop))
        return !in->priv->gone;
    plug_fault(in, "a host function was called on another thread than the loop's", function);
#ifndef NDEBUG
    abort();
#endif
    return false;
}

/* An auth provider judges by itself; the others have another side. */
static bool reachable(const struct instance *in, enum plug_class class)
{
    return class == CLASS_AUTH || in->link == DG_LINK_UP;
}

static bool refused(const struct call_request *req)
{
    struct instance *in = req->in;
    const char *function = op_stat(in, req->what)->function;
    const char *why = NULL;
    if (in->closing) {
        op_refuse(in, req->what, req->fn, req->arg, DG_EUNAVAILABLE, "%s is being closed",
                  in->name);
    } else if (!req->present) {
        op_refuse(in, req->what, req->fn, req->arg, DG_EUNSUPPORTED, "%s (plugin %s) cannot %s",
                  in->name, in->plugin->name, function);
    } else if (!reachable(in, req->class)) {
        /* The plugin's own sentence: it becomes the reason that a call failed for. */
        bool told = in->link == DG_LINK_DOWN && in->link_detail;
        op_refuse(in, req->what, req->fn, req->arg, DG_EUNAVAILABLE, "%s%s",
                  told ? in->link_detail : in->name, told ? "" : " is not connected yet");
    } else if (req->class == CLASS_BACKEND && (why = map_get(in->lacks, function))) {
        op_refuse(in, req->what, req->fn, req->arg, DG_EUNSUPPORTED, "%s cannot %s: %s", in->name,
                  function, why);
    } else if (in->priv->open_count >= OPS_MAX) {
        op_refuse(in, req->what, req->fn, req->arg, DG_ELIMIT,
                  "%s has %d requests under way and takes no more", in->name, OPS_MAX);
    } else {
        return false;
    }
    return true;
}

struct dg_op *call_begin(struct call *c, const struct call_request *req)
{
    struct instance *in = req->in;
    if (!loop_here(in->plug->loop)) {
        log_error("plug", "a plugin was to be called on another thread than the loop's",
                  LOG_S("function", req->what), LOG_S("kind", class_names[req->class]));
        abort(); /* the core's own fault */
    }
    if (refused(req))
        return NULL;
    if (in->plug->trace[req->class])
        log_info("trace", "called", LOG_S("function", req->what), LOG_S("instance", in->name),
                 LOG_S("subject", req->subject));
    uint64_t deadline_ms = req->deadline_ms ? req->deadline_ms : in->plug->deadline_ms;
    struct dg_op *op = op_begin(in, req->kind, req->what, deadline_ms, req->fn, req->arg);
    call_enter(c, in, req->what);
    return op;
}
