/* types.c - the types of events: for each its name, what it is made of, how it is
 * shown. A part that renders its own events publishes BUS_NOTICE with the
 * type's name; here it takes one line without `is` and `render`. */
#include "api/contact_center/private.h"
#include "api/events/events.h"
#include "base/str.h"
#include "domain/calls.h"

#define MAX_BACKENDS 16

/* ---- Calls ---------------------------------------------------------------------- */

static bool is_to(const struct bus_event *ev, enum call_state state)
{
    return ev->call->state == state && !str_eq(ev->from, ev->to);
}

static bool is_created(const struct bus_event *ev)
{
    return ev->first && ev->call->state == CALL_PENDING;
}

static bool is_rerouted(const struct bus_event *ev)
{
    return !ev->first && ev->call->state == CALL_PENDING;
}

static bool is_adopted(const struct bus_event *ev)
{
    return ev->first && ev->call->state != CALL_PENDING && str_eq(ev->from, ev->to);
}

static bool is_dialing(const struct bus_event *ev)
{
    return is_to(ev, CALL_DIALING);
}

static bool is_ringing(const struct bus_event *ev)
{
    return is_to(ev, CALL_RINGING);
}

static bool is_answered(const struct bus_event *ev)
{
    return is_to(ev, CALL_ANSWERED);
}

static void render_call(struct json_writer *w, const struct bus_event *ev)
{
    const struct call *c = ev->call;
    jw_str(w, "call_id", c->id);
    if (!str_eq(ev->from, ev->to))
        jw_str(w, "from", ev->from);
    jw_object(w, "call");
    contact_center_members(w, c);
    jw_str(w, "direction", "outbound");
    jw_str(w, "api", c->api);
    jw_str(w, "user", c->user);
    if (call_is_over(c->state)) {
        jw_int(w, "cause", c->cause);
        jw_str(w, "cause_text", call_cause_text(c->cause));
    }
    jw_end(w);
}

/* ---- Backends ------------------------------------------------------------------- */

static bool is_up(const struct bus_event *ev)
{
    return ev->link == DG_LINK_UP;
}

static bool is_down(const struct bus_event *ev)
{
    return ev->link == DG_LINK_DOWN;
}

static void render_link(struct json_writer *w, const struct bus_event *ev)
{
    jw_str(w, "backend", ev->instance);
    jw_str(w, "detail", ev->detail);
}

static void render_backends(struct json_writer *w, const struct bus_event *ev)
{
    struct backend_view views[MAX_BACKENDS];
    size_t count = calls_backends(ev->calls, views, MAX_BACKENDS);
    jw_array(w, "backends");
    for (size_t i = 0; i < count; i++) {
        const struct backend_view *v = &views[i];
        jw_object(w, NULL);
        jw_str(w, "name", v->instance->name);
        jw_str(w, "role", backend_role_name(v->role));
        jw_bool(w, "connected", v->instance->link == DG_LINK_UP);
        jw_bool(w, "serving", v->serving);
        jw_bool(w, "mock", v->mock);
        jw_end(w);
    }
    jw_end(w);
}

/* clang-format off */
const struct event_type event_types[] = {
    {"call.created",     BUS_CALL_CHANGED, is_created,  render_call, "A call was asked for and is about to be written down and dialled"},
    {"call.rerouted",    BUS_CALL_CHANGED, is_rerouted, render_call, "It was not dialled and goes to another backend"},
    {"call.adopted",     BUS_CALL_CHANGED, is_adopted,  render_call, "A call of an earlier run, or of another gateway, is followed by this one now"},
    {"call.dialing",     BUS_CALL_CHANGED, is_dialing,  render_call, "The telephone system has accepted it"},
    {"call.ringing",     BUS_CALL_CHANGED, is_ringing,  render_call, "It rings"},
    {"call.answered",    BUS_CALL_CHANGED, is_answered, render_call, "It was answered"},
    {"call.ivr",         BUS_NOTICE, NULL, NULL, "It went a step in its IVR menu: ivr.event says which, with menu, digits, action where they fit"},
    {"call.amd",         BUS_NOTICE, NULL, NULL, "It is known who has answered: amd.result is human, machine, notsure, hangup or failed"},
    {"call.message",     BUS_NOTICE, NULL, NULL, "The message that it was to hear has begun, begins again or is over: message.event says which"},
    {"call.ended",       BUS_CALL_ENDED,   NULL,        render_call, "It has ended; call.status says how: completed, busy, no_answer or failed"},
    {"link.up",          BUS_LINK,         is_up,       render_link, "A telephone system is connected"},
    {"link.down",        BUS_LINK,         is_down,     render_link, "A telephone system is not connected any more; detail says why"},
    {"backends.changed", BUS_BACKENDS,     NULL,        render_backends, "Where new calls go has changed, or how the backends are"},
    {"channel.created",  BUS_NOTICE, NULL, NULL, "A channel of a telephone system is there; of calls of others too"},
    {"channel.changed",  BUS_NOTICE, NULL, NULL, "Its state is another one: channel.state, after from"},
    {"channel.bridged",  BUS_NOTICE, NULL, NULL, "It has entered a bridge"},
    {"channel.unbridged", BUS_NOTICE, NULL, NULL, "It has left a bridge"},
    {"channel.ended",    BUS_NOTICE, NULL, NULL, "It is not there any more"},
    {"queue.changed",    BUS_NOTICE, NULL, NULL, "A queue's callers or members have changed; change says how: caller_joined, caller_left, caller_abandoned, member_added, member_removed, member_paused, member_resumed, member_penalty, member_status"},
    {"endpoint.changed", BUS_NOTICE, NULL, NULL, "A line or trunk is available or not, or its device is doing something else: state"},
    {"campaign.started", BUS_NOTICE, NULL, NULL, "A campaign was started; from then on its numbers are dialled"},
    {"campaign.stopped", BUS_NOTICE, NULL, NULL, "It was stopped"},
    {"campaign.paused",  BUS_NOTICE, NULL, NULL, "It was paused; calls that live go on"},
    {"campaign.resumed", BUS_NOTICE, NULL, NULL, "It goes on"},
    {"campaign.exhausted", BUS_NOTICE, NULL, NULL, "None of its numbers is pending or being called any more"},
    {"number.pending",   BUS_NOTICE, NULL, NULL, "A number is to be dialled again, not before due_at"},
    {"number.calling",   BUS_NOTICE, NULL, NULL, "It is about to be dialled"},
    {"number.answered",  BUS_NOTICE, NULL, NULL, "It has answered"},
    {"number.completed", BUS_NOTICE, NULL, NULL, "It had answered, and the call is over"},
    {"number.busy",      BUS_NOTICE, NULL, NULL, "It was busy at its last attempt"},
    {"number.no_answer", BUS_NOTICE, NULL, NULL, "It did not answer its last attempt"},
    {"number.failed",    BUS_NOTICE, NULL, NULL, "Its last attempt failed, or it cannot be dialled"},
};
/* clang-format on */
const size_t event_type_count = sizeof event_types / sizeof *event_types;
