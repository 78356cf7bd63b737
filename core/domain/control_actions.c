/* control_actions.c - what each action asks of a backend, and in which other
 * ways it can be had; the table at the end tells it all. */
#include <stdio.h>

#include "base/str.h"
#include "domain/control_private.h"

/* ---- Hold and mute ------------------------------------------------------------------- */

static void ask_hold(struct order *o, struct instance *in)
{
    const struct dg_switch req = {.call = o->call->id, .on = o->req.on};
    backend_hold(in, &req, order_sent, o);
}

/* To who waits on hold it is the same. */
static void ask_moh(struct order *o, struct instance *in)
{
    const struct dg_moh req = {.call = o->call->id, .on = o->req.on};
    backend_moh(in, &req, order_sent, o);
}

static void note_hold(struct order *o)
{
    struct call_doing *d = &o->call->doing;
    d->held = o->req.on;
    d->held_way = o->req.on ? o->tried : 0;
    calls_refresh(o->ct->calls, o->call);
}

static unsigned undo_hold(const struct order *o)
{
    return o->req.on ? 0 : o->call->doing.held_way;
}

static void ask_mute(struct order *o, struct instance *in)
{
    const struct dg_mute req = {
        .call = o->call->id, .on = o->req.on, .in = o->req.in, .out = o->req.out};
    backend_mute(in, &req, order_sent, o);
}

static void note_mute(struct order *o)
{
    struct call_doing *d = &o->call->doing;
    if (o->req.in)
        d->muted_in = o->req.on;
    if (o->req.out)
        d->muted_out = o->req.on;
    d->muted_way = o->req.on ? o->tried : 0;
    calls_refresh(o->ct->calls, o->call);
}

static unsigned undo_mute(const struct order *o)
{
    return o->req.on ? 0 : o->call->doing.muted_way;
}

/* ---- Sounds --------------------------------------------------------------------------- */

static void ask_dtmf(struct order *o, struct instance *in)
{
    const struct dg_dtmf req = {.call = o->call->id, .digits = o->req.digits};
    backend_dtmf(in, &req, order_sent, o);
}

static void ask_play(struct order *o, struct instance *in)
{
    char id[ID_SIZE];
    id_uuid7(id);
    o->text = arena_strdup(o->arena, id);
    const struct dg_play req = {.play = o->text, .on = o->call->id, .media = o->req.media};
    backend_play(in, &req, order_sent, o);
}

/* ---- Elsewhere -------------------------------------------------------------------------- */

#define CONTEXT_TEXT                                                                               \
    "Context is not allowed; the configuration lists what is (calls.allowed_contexts)"

bool control_check_place(struct order *o)
{
    const struct call_defaults *d = calls_defaults(o->ct->calls, o->call);
    const char *own = o->call->context;
    if (!o->req.context)
        o->req.context = arena_strdup(o->arena, own ? own : d->context);
    if (str_eq(o->req.context, own) || call_context_allowed(d, o->req.context))
        return true;
    order_refuse(o, DG_EINVAL, "context", CONTEXT_TEXT);
    return false;
}

static const char *priority_of(const struct order *o, char text[16])
{
    snprintf(text, 16, "%d", o->req.priority ? o->req.priority : 1);
    return text;
}

static void ask_transfer(struct order *o, struct instance *in)
{
    char priority[16];
    const struct dg_transfer req = {.call = o->call->id,
                                    .type = DG_TRANSFER_BLIND,
                                    .context = o->req.context,
                                    .extension = o->req.extension,
                                    .priority = priority_of(o, priority)};
    backend_transfer(in, &req, order_sent, o);
}

static void ask_go_to(struct order *o, struct instance *in)
{
    char priority[16];
    const struct dg_dialplan req = {.call = o->call->id,
                                    .context = o->req.context,
                                    .extension = o->req.extension,
                                    .priority = priority_of(o, priority)};
    backend_go_to(in, &req, order_sent, o);
}

/* Whoever goes elsewhere is no longer on hold, nor parked. */
static void note_gone(struct order *o)
{
    struct call_doing *d = &o->call->doing;
    bool was_held = d->held;
    d->held = false;
    d->held_way = 0;
    if (call_set_parked(o->call, NULL) || was_held)
        calls_refresh(o->ct->calls, o->call);
}

/* ---- Variables --------------------------------------------------------------------------- */

static void ask_variable(struct order *o, struct instance *in)
{
    const struct dg_variable req = {.call = o->call->id, .name = o->req.name};
    backend_get_variable(in, &req, order_sent, o);
}

#define NOT_SET "Variable is not set"

/* The dialplan knows no difference between a variable that is empty and one that is not there. */
static void note_variable(struct order *o)
{
    if (str_empty(o->text))
        order_refuse(o, DG_ENOTFOUND, NULL, NOT_SET);
}

static void ask_set_variable(struct order *o, struct instance *in)
{
    const struct dg_variable req = {
        .call = o->call->id, .name = o->req.name, .value = o->req.value};
    backend_set_variable(in, &req, order_sent, o);
}

/* clang-format off */
static const struct action actions[CONTROL_ACTIONS] = {
    [CONTROL_HANGUP] = {.name = "hangup", .ways = {{"hangup", NULL}}},
    [CONTROL_TRANSFER] = {.name = "transfer", .from = CALL_ANSWERED,
                          .ways = {{"transfer", ask_transfer}, {"go_to", ask_go_to}},
                          .check = control_check_place, .note = note_gone, .away = true},
    [CONTROL_REDIRECT] = {.name = "redirect", .from = CALL_ANSWERED, .ways = {{"go_to", ask_go_to}},
                          .check = control_check_place, .note = note_gone, .away = true},
    [CONTROL_HOLD] = {.name = "hold", .from = CALL_ANSWERED, .ways = {{"hold", ask_hold}, {"moh", ask_moh}},
                      .note = note_hold, .undo = undo_hold},
    [CONTROL_MUTE] = {.name = "mute", .from = CALL_ANSWERED, .ways = {{"mute", ask_mute}},
                      .note = note_mute, .undo = undo_mute},
    [CONTROL_DTMF] = {.name = "dtmf", .from = CALL_ANSWERED, .ways = {{"dtmf", ask_dtmf}}},
    [CONTROL_PLAY] = {.name = "play", .from = CALL_ANSWERED, .ways = {{"play", ask_play}}},
    [CONTROL_GET_VARIABLE] = {.name = "read_variable", .from = CALL_DIALING,
                              .ways = {{"get_variable", ask_variable}}, .missing = NOT_SET, .note = note_variable},
    [CONTROL_SET_VARIABLE] = {.name = "set_variable", .from = CALL_DIALING,
                              .ways = {{"set_variable", ask_set_variable}}},
};
/* clang-format on */

const struct action *control_action(enum control_action action)
{
    switch (action) {
    case CONTROL_RECORD:
        return &control_record;
    case CONTROL_RECORD_CHANGE:
        return &control_record_change;
    case CONTROL_PARK:
        return &control_park;
    case CONTROL_CONSULT:
        return &control_consult;
    case CONTROL_COMPLETE:
        return &control_complete;
    case CONTROL_CANCEL:
        return &control_cancel;
    default:
        return &actions[action];
    }
}
