/* queue_events.c - see queue_events.h. */
#include "domain/queue_events.h"

#include "base/clock.h"
#include "base/json.h"

static void publish(struct bus *bus, const char *type, const struct dg_event *ev, struct buf *json)
{
    const struct bus_event notice = {.topic = BUS_NOTICE,
                                     .at_ms = ev->at_ms ? ev->at_ms : clock_unix_ms(),
                                     .call_id = ev->type == DG_QUEUE_CHANGED ? ev->call : NULL,
                                     .type = type,
                                     .json = buf_cstr(json)};
    bus_publish(bus, &notice);
}

static void write_queue(struct json_writer *w, const struct dg_event *ev)
{
    jw_str(w, "queue", ev->target);
    jw_str(w, "change", ev->text);
    if (ev->member)
        jw_str(w, "member", ev->member);
    if (ev->call)
        jw_str(w, "call_id", ev->call);
}

static void write_endpoint(struct json_writer *w, const struct dg_event *ev)
{
    jw_str(w, "endpoint", ev->target);
    jw_bool(w, "available", ev->on);
    jw_str(w, "state", ev->text);
}

void queue_events_take(struct calls *cs, struct bus *bus, const struct instance *in,
                       const struct dg_event *ev)
{
    bool queue = ev->type == DG_QUEUE_CHANGED;
    struct buf json;
    struct json_writer w;
    if ((!queue && ev->type != DG_ENDPOINT_CHANGED) || calls_backend_named(cs, in->name) != in)
        return;
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    jw_str(&w, "backend", in->name);
    if (queue)
        write_queue(&w, ev);
    else
        write_endpoint(&w, ev);
    jw_end(&w);
    publish(bus, queue ? "queue.changed" : "endpoint.changed", ev, &json);
    buf_free(&json);
}
