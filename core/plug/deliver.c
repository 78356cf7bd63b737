/* deliver.c - what plugins tell on their own accord: events, the link, notes.
 *
 * All of it is copied and given to the core on a later turn, in the order it
 * was told, mixed with the results of ops as they came: both go through the
 * loop's one queue of messages.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "plug/backend.h"
#include "plug/parts.h"

/* More events than this at once are not taken. They are not lost silently: the
 * core is told to read the backend's state again. */
#define EVENTS_MAX 100000

struct delivery {
    struct loop_msg msg;
    struct instance *in;
    struct arena *arena;
    const struct dg_event *event;
    struct dg_note note;
    enum dg_link link;
    const char *detail;
};

static struct delivery *delivery_new(struct instance *in, void (*fn)(struct loop_msg *msg))
{
    struct arena *a = arena_new();
    struct delivery *d = arena_alloc(a, sizeof(*d));
    d->msg.fn = fn;
    d->in = in;
    d->arena = a;
    return d;
}

static void post(struct delivery *d)
{
    loop_post(d->in->plug->loop, &d->msg);
}

/* ---- The link -------------------------------------------------------------- */

static const char *const link_names[] = {
    [DG_LINK_DOWN] = "link down",
    [DG_LINK_CONNECTING] = "connecting",
    [DG_LINK_UP] = "link up",
};

static void on_link(struct loop_msg *msg)
{
    struct delivery *d = list_item(msg, struct delivery, msg);
    struct instance_private *priv = d->in->priv;
    if (!priv->gone && priv->events.link)
        priv->events.link(priv->events.arg, d->in, d->link, d->detail);
    arena_free(d->arena);
}

static void post_link(struct instance *in, const char *detail)
{
    struct delivery *d = delivery_new(in, on_link);
    d->link = in->link;
    d->detail = arena_strdup(d->arena, detail);
    post(d);
}

static void forget_lacks(struct instance *in)
{
    map_free(in->lacks, free);
    in->lacks = map_new();
}

void host_link(const struct dg_host *h, enum dg_link link, const char *detail)
{
    struct instance *in = host_instance(h);
    if (!plug_on_loop(in, "link"))
        return;
    if (link < DG_LINK_DOWN || link > DG_LINK_UP) {
        plug_fault(in, "an unknown state of the link was told", "link");
        return;
    }
    bool changed = link != in->link;
    bool another_reason = link == DG_LINK_DOWN && !str_eq(detail, in->link_detail);
    free(in->link_detail);
    in->link_detail = xstrdup(detail);
    in->link = link;
    if (link != DG_LINK_UP)
        forget_lacks(in);
    /* "Up" told again asks for the picture to be compared again. */
    if (!changed && !another_reason && link != DG_LINK_UP)
        return;
    if (changed) {
        in->link_since_ms = clock_unix_ms();
        log_at(link == DG_LINK_DOWN ? DG_WARN : DG_INFO, in->plugin->name, link_names[link],
               LOG_S("instance", in->name), LOG_S("detail", detail));
    }
    post_link(in, detail);
}

void host_server_run(const struct dg_host *h, const char *run)
{
    struct instance *in = host_instance(h);
    if (!plug_on_loop(in, "server_run"))
        return;
    free(in->server_run);
    in->server_run = xstrdup(run);
}

void host_lacks(const struct dg_host *h, const char *function, const char *why)
{
    struct instance *in = host_instance(h);
    bool never;
    if (!plug_on_loop(in, "lacks"))
        return;
    backend_refusal(in, function ? function : "", &never);
    if (never) {
        plug_fault(in, "a function that the backend does not have was told to be lacking",
                   function);
        return;
    }
    free(map_set(in->lacks, function, xstrdup(why ? why : "this server cannot do it")));
}

/* ---- Notes ----------------------------------------------------------------- */

static void on_noted(struct loop_msg *msg)
{
    struct delivery *d = list_item(msg, struct delivery, msg);
    struct instance_private *priv = d->in->priv;
    if (!priv->gone && priv->events.noted)
        priv->events.noted(priv->events.arg, d->in, &d->note);
    arena_free(d->arena);
}

void host_noted(const struct dg_host *h, const struct dg_note *note)
{
    struct instance *in = host_instance(h);
    if (!plug_on_loop(in, "noted"))
        return;
    if (!note || !note->topic) {
        plug_fault(in, "a note without a topic was told", "noted");
        return;
    }
    struct delivery *d = delivery_new(in, on_noted);
    d->note.topic = arena_strdup(d->arena, note->topic);
    d->note.text = arena_strdup(d->arena, note->text);
    post(d);
}

/* ---- Events ---------------------------------------------------------------- */

enum event_about { ABOUT_CALL, ABOUT_BRIDGE, ABOUT_TARGET, ABOUT_ANYTHING };

static const struct {
    const char *name;
    enum event_about about; /* what it must name */
} event_types[] = {
    [DG_CALL_STARTED] = {"call_started", ABOUT_CALL},
    [DG_CALL_CHANGED] = {"call_changed", ABOUT_CALL},
    [DG_CALL_CONTROL] = {"call_control", ABOUT_CALL},
    [DG_CALL_RINGING] = {"call_ringing", ABOUT_CALL},
    [DG_CALL_PROGRESS] = {"call_progress", ABOUT_CALL},
    [DG_CALL_ANSWERED] = {"call_answered", ABOUT_CALL},
    [DG_CALL_HELD] = {"call_held", ABOUT_CALL},
    [DG_CALL_MUTED] = {"call_muted", ABOUT_CALL},
    [DG_CALL_DTMF] = {"call_dtmf", ABOUT_CALL},
    [DG_CALL_BRIDGED] = {"call_bridged", ABOUT_CALL},
    [DG_CALL_PARKED] = {"call_parked", ABOUT_CALL},
    [DG_CALL_TRANSFERRED] = {"call_transferred", ABOUT_CALL},
    [DG_CALL_VARIABLE] = {"call_variable", ABOUT_CALL},
    [DG_CALL_ENDED] = {"call_ended", ABOUT_CALL},
    [DG_BRIDGE_STARTED] = {"bridge_started", ABOUT_BRIDGE},
    [DG_BRIDGE_ENDED] = {"bridge_ended", ABOUT_BRIDGE},
    [DG_PLAY_ENDED] = {"play_ended", ABOUT_TARGET},
    [DG_RECORD_ENDED] = {"record_ended", ABOUT_TARGET},
    [DG_ENDPOINT_CHANGED] = {"endpoint_changed", ABOUT_TARGET},
    [DG_QUEUE_CHANGED] = {"queue_changed", ABOUT_TARGET},
    [DG_NATIVE] = {"native", ABOUT_ANYTHING},
    [DG_CALL_DETECTED] = {"call_detected", ABOUT_CALL},
};

static bool id_ok(const char *id)
{
    size_t len = id ? strnlen(id, DG_ID_MAX + 1) : 0;
    return len > 0 && len <= DG_ID_MAX && str_utf8(id, len) && !str_has_control(id);
}

/* NULL: fine. Else what is wrong with it. */
static const char *event_fault(const struct instance *in, const struct dg_event *ev)
{
    if (!in->plugin->backend)
        return "an event was emitted by a plugin that is no backend";
    if (!ev)
        return "an event without its size was emitted";
    if (ev->type < DG_CALL_STARTED || ev->type > DG_CALL_DETECTED)
        return "an event of unknown type was emitted";
    switch (event_types[ev->type].about) {
    case ABOUT_CALL:
        return id_ok(ev->call) ? NULL : "an event of a call without a valid id was emitted";
    case ABOUT_BRIDGE:
        return id_ok(ev->bridge) ? NULL : "an event of a bridge without a valid id was emitted";
    case ABOUT_TARGET:
        return id_ok(ev->target) ? NULL : "an event without a valid target was emitted";
    case ABOUT_ANYTHING:
        break;
    }
    return NULL;
}

static void deliver_event(struct instance *in, const struct dg_event *ev)
{
    struct instance_private *priv = in->priv;
    priv->undelivered--;
    if (priv->gone)
        return;
    if (priv->events.event)
        priv->events.event(priv->events.arg, in, ev);
    if (priv->overflown && priv->undelivered == 0) {
        priv->overflown = false;
        if (in->link == DG_LINK_UP)
            post_link(in, "events were lost; the state is to be read again");
    }
}

static void on_event(struct loop_msg *msg)
{
    struct delivery *d = list_item(msg, struct delivery, msg);
    deliver_event(d->in, d->event);
    arena_free(d->arena);
}

static bool take_event(struct instance *in)
{
    struct instance_private *priv = in->priv;
    if (priv->undelivered < EVENTS_MAX) {
        priv->undelivered++;
        return true;
    }
    if (!priv->overflown)
        plug_fault(in, "more events were emitted at once than are taken", "emit");
    priv->overflown = true;
    return false;
}

void host_emit(const struct dg_host *h, const struct dg_event *ev)
{
    struct instance *in = host_instance(h);
    if (!plug_on_loop(in, "emit") || !take_event(in))
        return;
    struct delivery *d = delivery_new(in, on_event);
    struct dg_event *copy = ev ? copy_event(d->arena, ev) : NULL;
    const char *fault = event_fault(in, copy);
    if (fault) {
        in->priv->undelivered--;
        plug_fault(in, fault, "emit");
        arena_free(d->arena);
        return;
    }
    if (!copy->at_ms)
        copy->at_ms = clock_unix_ms();
    metric_add(metric_of(in->plug->events_total,
                         (const char *const[]){in->name, event_types[copy->type].name}),
               1);
    d->event = copy;
    post(d);
}
