/* channel_events.c - see channel_events.h. */
#include "domain/channel_events.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/str.h"
#include "domain/call.h"
#include "events/bus.h"

const char *channel_state_name(const struct channel_view *v)
{
    static const char *const names[] = {
        [DG_CHANNEL_UNKNOWN] = "unknown", [DG_CHANNEL_DIALING] = "dialing",
        [DG_CHANNEL_RINGING] = "ringing", [DG_CHANNEL_UP] = "up",
        [DG_CHANNEL_BUSY] = "busy",       [DG_CHANNEL_RESERVED] = "reserved",
        [DG_CHANNEL_DOWN] = "down",
    };
    enum dg_channel_state state = v->call->state;
    if (v->early && (state == DG_CHANNEL_DOWN || state == DG_CHANNEL_UNKNOWN))
        return "early";
    return (size_t)state < sizeof names / sizeof *names ? names[state] : "unknown";
}

static const char *direction_name(enum dg_direction direction)
{
    return direction == DG_INBOUND ? "inbound" : direction == DG_OUTBOUND ? "outbound" : NULL;
}

void channel_write(struct json_writer *w, const char *key, const struct channel_view *v)
{
    const struct dg_call *c = v->call;
    jw_object(w, key);
    jw_str(w, "id", c->id);
    jw_str(w, "name", c->name);
    jw_str(w, "state", channel_state_name(v));
    jw_str(w, "direction", direction_name(c->direction));
    jw_str(w, "caller_number", c->caller_number);
    jw_str(w, "caller_name", c->caller_name);
    jw_str(w, "connected_number", c->connected_number);
    jw_str(w, "callee_number", c->callee_number);
    jw_str(w, "context", c->context);
    jw_str(w, "extension", c->extension);
    jw_str(w, "application", c->application);
    jw_str(w, "application_data", c->application_data);
    jw_str(w, "account", c->account);
    jw_str(w, "bridge", c->bridge);
    jw_bool(w, "held", c->held);
    jw_bool(w, "muted", c->muted);
    jw_bool(w, "controlled", c->controlled);
    jw_time(w, "started_at", c->started_at_ms);
    jw_time(w, "answered_at", c->answered_at_ms);
    jw_str(w, "backend", v->in->name);
    if (v->simulated)
        jw_bool(w, "mock", true);
    jw_end(w);
}

/* ---- Telling ---------------------------------------------------------------------- */

static void begin(struct json_writer *w, struct buf *json, const struct channel_view *v)
{
    buf_init(json, BUF_MAX);
    jw_init(w, json);
    jw_object(w, NULL);
    channel_write(w, "channel", v);
}

static void publish(struct bus *bus, const char *type, struct json_writer *w)
{
    jw_end(w);
    const struct bus_event ev = {
        .topic = BUS_NOTICE, .at_ms = clock_unix_ms(), .type = type, .json = buf_cstr(w->out)};
    bus_publish(bus, &ev);
    buf_free(w->out);
}

void channel_before(const struct channel_view *v, struct channel_before *out)
{
    out->state = channel_state_name(v);
    snprintf(out->bridge, sizeof out->bridge, "%s", v->call->bridge ? v->call->bridge : "");
}

void channel_tell_created(struct bus *bus, const struct channel_view *v)
{
    struct buf json;
    struct json_writer w;
    begin(&w, &json, v);
    publish(bus, "channel.created", &w);
}

static void tell_bridge(struct bus *bus, const char *type, const char *bridge,
                        const struct channel_view *v)
{
    struct buf json;
    struct json_writer w;
    begin(&w, &json, v);
    jw_str(&w, "bridge", bridge);
    publish(bus, type, &w);
}

void channel_tell_changed(struct bus *bus, const struct channel_view *v,
                          const struct channel_before *before)
{
    struct buf json;
    struct json_writer w;
    const char *bridge = v->call->bridge ? v->call->bridge : "";
    if (!str_eq(channel_state_name(v), before->state)) {
        begin(&w, &json, v);
        jw_str(&w, "from", before->state);
        publish(bus, "channel.changed", &w);
    }
    if (str_eq(bridge, before->bridge))
        return;
    if (*before->bridge)
        tell_bridge(bus, "channel.unbridged", before->bridge, v);
    if (*bridge)
        tell_bridge(bus, "channel.bridged", bridge, v);
}

void channel_tell_ended(struct bus *bus, const struct channel_view *v, int cause)
{
    struct buf json;
    struct json_writer w;
    begin(&w, &json, v);
    if (cause > 0) {
        jw_int(&w, "cause", cause);
        jw_str(&w, "cause_text", call_cause_text(cause));
    }
    publish(bus, "channel.ended", &w);
}
