/* events_media.c - what happens to a leg that lives: bridges, tones, parking,
 * transfers; and what happens beside the legs.
 */
#include <string.h>

#include "asterisk/device.h"
#include "asterisk/text.h"
#include "incoming.h"

void on_entered(const struct incoming *in)
{
    struct leg *leg = incoming_later(in);
    const char *bridge = message_text(in->m, "BridgeUniqueid");
    if (!leg || !bridge)
        return;
    text_set(&leg->bridge, bridge);
    incoming_emit(in, (struct dg_event){
                          .type = DG_CALL_BRIDGED, .call = leg->id, .bridge = bridge, .on = true});
}

void on_left(const struct incoming *in)
{
    struct leg *leg = incoming_known(in);
    const char *bridge = message_text(in->m, "BridgeUniqueid");
    if (!leg || !bridge)
        return;
    if (text_same(leg->bridge, bridge))
        text_set(&leg->bridge, NULL);
    incoming_emit(in,
                  (struct dg_event){.type = DG_CALL_BRIDGED, .call = leg->id, .bridge = bridge});
}

void on_bridge(const struct incoming *in)
{
    const char *bridge = message_text(in->m, "BridgeUniqueid");
    bool created = message_is(in->m, "Event", "BridgeCreate");
    if (bridge)
        incoming_emit(in, (struct dg_event){.type = created ? DG_BRIDGE_STARTED : DG_BRIDGE_ENDED,
                                            .bridge = bridge});
}

void on_held(const struct incoming *in)
{
    struct leg *leg = incoming_later(in);
    if (!leg)
        return;
    leg->held = message_is(in->m, "Event", "Hold");
    incoming_emit(in, (struct dg_event){.type = DG_CALL_HELD, .call = leg->id, .on = leg->held});
}

void on_dtmf(const struct incoming *in)
{
    struct leg *leg = incoming_later(in);
    const char *digit = message_text(in->m, "Digit");
    if (leg && digit && message_is(in->m, "Direction", "Received"))
        incoming_emit(in, (struct dg_event){.type = DG_CALL_DTMF, .call = leg->id, .text = digit});
}

void on_variable(const struct incoming *in)
{
    const char *name = message_text(in->m, "Variable"), *value = message_text(in->m, "Value");
    if (!in->seen.call.id || !name ||
        (strcmp(name, "AMDSTATUS") != 0 && strcmp(name, "AMDCAUSE") != 0))
        return;
    incoming_emit(
        in, (struct dg_event){
                .type = DG_CALL_VARIABLE, .call = in->seen.call.id, .text = name, .target = value});
}

static void emit_place(const struct incoming *in, enum dg_event_type type, const char *call,
                       bool on, const char *const parts[3])
{
    struct text target = {0};
    for (size_t i = 0; i < 3; i++)
        text_puts(&target, parts[i] ? parts[i] : "");
    incoming_emit(in, (struct dg_event){.type = type, .call = call, .on = on, .target = target.at});
    text_free(&target);
}

void on_transfer(const struct incoming *in)
{
    const char *call = snapshot_text(in->m, "Transferee", "Uniqueid");
    const char *exten = message_text(in->m, "Extension");
    if (!call)
        call = snapshot_text(in->m, "Transferer", "Uniqueid");
    if (call && exten)
        emit_place(in, DG_CALL_TRANSFERRED, call, false,
                   (const char *const[]){exten, "@", message_text(in->m, "Context")});
}

void on_parked(const struct incoming *in)
{
    const char *call = snapshot_text(in->m, "Parkee", "Uniqueid");
    if (call && life_known(&in->e->life, call))
        emit_place(in, DG_CALL_PARKED, call, message_is(in->m, "Event", "ParkedCall"),
                   (const char *const[]){message_text(in->m, "ParkingLot"), "/",
                                         message_text(in->m, "ParkingSpace")});
}

/* A leg that waits for orders in AGI(agi:async) is under control. */
void on_agi(const struct incoming *in)
{
    bool on = message_is(in->m, "Event", "AsyncAGIStart");
    struct leg *leg = on ? incoming_later(in) : incoming_known(in);
    if (!leg || leg->controlled == on)
        return;
    leg->controlled = on;
    incoming_emit(in, (struct dg_event){.type = DG_CALL_CONTROL,
                                        .call = leg->id,
                                        .on = on,
                                        .text = on ? leg->arguments : NULL});
}

void on_endpoint(const struct incoming *in)
{
    static const char *const there[] = {"Registered", "Reachable", "Lagged"};
    const char *peer = message_text(in->m, "Peer"), *status = message_text(in->m, "PeerStatus");
    bool on = false;
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        on |= text_same(status, there[i]);
    if (peer)
        incoming_emit(in, (struct dg_event){.type = DG_ENDPOINT_CHANGED, .target = peer, .on = on});
}

/* The state of a line; a channel's halves have states as well, of no use to anybody. */
void on_device(const struct incoming *in)
{
    const char *device = message_text(in->m, "Device");
    const char *state = device_state(message_text(in->m, "State"));
    if (device_is_line(device))
        incoming_emit(in, (struct dg_event){.type = DG_ENDPOINT_CHANGED,
                                            .target = device,
                                            .on = device_is_there(state),
                                            .text = state});
}

static const struct {
    const char *event, *text;
} queue_changes[] = {
    {"QueueMemberStatus", "member_status"},     {"QueueMemberAdded", "member_added"},
    {"QueueMemberRemoved", "member_removed"},   {"QueueMemberPenalty", "member_penalty"},
    {"QueueCallerJoin", "caller_joined"},       {"QueueCallerLeave", "caller_left"},
    {"QueueCallerAbandon", "caller_abandoned"},
};

void on_queue(const struct incoming *in)
{
    const char *queue = message_text(in->m, "Queue"), *event = message_text(in->m, "Event");
    const char *text = message_is(in->m, "Paused", "1") ? "member_paused" : "member_resumed";
    for (size_t i = 0; i < sizeof queue_changes / sizeof *queue_changes; i++)
        if (text_same(event, queue_changes[i].event))
            text = queue_changes[i].text;
    if (queue)
        incoming_emit(in, (struct dg_event){.type = DG_QUEUE_CHANGED,
                                            .target = queue,
                                            .text = text,
                                            .call = in->seen.call.id,
                                            .member = message_text(in->m, "Interface")});
}
