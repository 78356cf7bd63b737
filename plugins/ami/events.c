/* events.c - see events.h. One function per kind of event, found in a table. */
#include "events.h"

#include <string.h>

#include "incoming.h"

void incoming_emit(const struct incoming *in, struct dg_event ev)
{
    life_emit(&in->report, ev);
}

struct leg *incoming_later(const struct incoming *in)
{
    return life_later(&in->report, &in->seen.call);
}

struct leg *incoming_known(const struct incoming *in)
{
    return life_known(&in->e->life, in->seen.call.id);
}

static void on_booted(const struct incoming *in)
{
    in->e->sink.booted(in->e->sink.arg);
}

static void on_shutdown(const struct incoming *in)
{
    in->e->sink.shutdown(in->e->sink.arg);
}

/* Sorted by how often they come. What is not here is of no use to anybody. */
static const struct {
    const char *name;
    incoming_fn *fn;
} handlers[] = {
    {"VarSet", on_variable},
    {"Newexten", on_changed},
    {"Newstate", on_state},
    {"NewConnectedLine", on_changed},
    {"NewCallerid", on_changed},
    {"NewAccountCode", on_changed},
    {"Newchannel", on_created},
    {"DialBegin", on_dial},
    {"DialState", on_dial},
    {"DialEnd", on_dial},
    {"Hangup", on_hangup},
    {"SoftHangupRequest", on_hangup_request},
    {"HangupRequest", on_hangup_request},
    {"OriginateResponse", on_originate_response},
    {"Rename", on_renamed},
    {"BridgeEnter", on_entered},
    {"BridgeLeave", on_left},
    {"BridgeCreate", on_bridge},
    {"BridgeDestroy", on_bridge},
    {"DTMFEnd", on_dtmf},
    {"Hold", on_held},
    {"Unhold", on_held},
    {"AsyncAGIStart", on_agi},
    {"AsyncAGIEnd", on_agi},
    {"BlindTransfer", on_transfer},
    {"ParkedCall", on_parked},
    {"UnParkedCall", on_parked},
    {"ParkedCallTimeOut", on_parked},
    {"ParkedCallGiveUp", on_parked},
    {"QueueMemberStatus", on_queue},
    {"QueueMemberAdded", on_queue},
    {"QueueMemberRemoved", on_queue},
    {"QueueMemberPause", on_queue},
    {"QueueMemberPenalty", on_queue},
    {"QueueCallerJoin", on_queue},
    {"QueueCallerLeave", on_queue},
    {"QueueCallerAbandon", on_queue},
    {"PeerStatus", on_endpoint},
    {"DeviceStateChange", on_device},
    {"FullyBooted", on_booted},
    {"Shutdown", on_shutdown},
};

void events_take(struct events *e, const struct message *m, int64_t now_ms)
{
    const char *name = message_text(m, "Event");
    for (size_t i = 0; name && i < sizeof handlers / sizeof *handlers; i++) {
        if (strcmp(handlers[i].name, name) != 0)
            continue;
        struct incoming in = {.e = e, .m = m, .report = {.life = &e->life, .at_ms = now_ms}};
        snapshot_read(&in.seen, m, "");
        handlers[i].fn(&in);
        return;
    }
}

void events_clear(struct events *e)
{
    legs_clear(&e->life.legs);
}

void events_free(struct events *e)
{
    legs_free(&e->life.legs);
}
