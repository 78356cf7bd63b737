/* control_consult.c - attended transfer: the call waits on hold while another
 * leg is rung, under this gateway's control; then the two are joined, or the
 * leg is dropped and the call taken back.
 *
 * A consultation ends with either of its calls: the leg's end takes the call
 * from hold, the call's end drops the leg. The call's record names the leg, so
 * a consultation goes on after a restart of the gateway. Nobody is left on hold:
 * what could not be undone because the backend was away is undone later.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/str.h"
#include "domain/control_private.h"

#define LATER_MS 1000

enum consult_step {
    CONSULT_BEGINS, /* the call is put on hold, the leg is placed */
    CONSULT_OPEN,   /* until it is completed, cancelled, or one of the two ends */
    CONSULT_JOINS,  /* the two are being joined */
    CONSULT_ENDS,   /* the leg is dropped, the call taken from hold */
};

/* Which leg it is, and whether the call was put on hold for it, is in call.doing. */
struct consult {
    struct link link; /* in control.consults */
    struct control *ct;
    struct call *call;   /* held */
    struct order *order; /* that waits for the leg; else NULL */
    enum consult_step step;
    bool must_be_controlled; /* nobody could join a call of the dialplan */
    struct loop_timer *timer;
};

#define NO_CONSULTATION "No consultation is under way"

static struct consult *consult_of(struct control *ct, const char *call)
{
    for (struct link *at = ct->consults.next; at != &ct->consults; at = at->next) {
        struct consult *t = list_item(at, struct consult, link);
        if (str_eq(t->call->id, call))
            return t;
    }
    return NULL;
}

static struct consult *consult_new(struct control *ct, struct call *call)
{
    struct consult *t = xcalloc(1, sizeof *t);
    *t = (struct consult){.ct = ct, .call = call};
    calls_hold(call);
    list_append(&ct->consults, &t->link);
    return t;
}

/* What the call's record says of it stays. */
static void consult_free(struct consult *t)
{
    loop_timer_stop(t->ct->loop, t->timer);
    list_remove(&t->link);
    calls_release(t->call);
    free(t);
}

void consults_free(struct control *ct)
{
    while (!list_empty(&ct->consults))
        consult_free(list_item(ct->consults.next, struct consult, link));
}

/* So that it is known after a restart of the gateway. */
static void note_held(struct consult *t, bool held)
{
    t->call->doing.consult_held = held;
    calls_refresh(t->ct->calls, t->call);
}

static void consult_over(struct consult *t)
{
    *t->call->doing.consult = '\0';
    note_held(t, false);
    consult_free(t);
}

static struct call *leg_of(const struct consult *t)
{
    struct call *leg = map_get(t->ct->calls->live, t->call->doing.consult);
    return leg && !call_is_over(leg->state) ? leg : NULL;
}

/* ---- The end: nobody waits for it --------------------------------------------------------- */

static void end(struct consult *t);

static void on_later(void *arg)
{
    struct consult *t = arg;
    t->timer = NULL;
    end(t);
}

/* The backend may come back, or the call's end be found out. */
static bool try_later(struct consult *t, enum dg_err err)
{
    if (err != DG_EUNAVAILABLE && err != DG_ETIMEOUT)
        return false;
    if (t->ct->calls->stopping) { /* the record tells the next start */
        consult_free(t);
        return true;
    }
    t->timer = loop_timer(t->ct->loop, LATER_MS, on_later, t);
    return true;
}

static void on_released(void *arg, const struct control_answer *answer)
{
    struct consult *t = arg;
    if (try_later(t, answer->err))
        return;
    if (answer->err != DG_OK && answer->err != DG_ECONFLICT)
        log_warn("calls", "a call stays on hold after a consultation", LOG_S("call", t->call->id),
                 LOG_S("why", answer->message));
    consult_over(t);
}

static void release(struct consult *t)
{
    const struct control_request req = {.action = CONTROL_HOLD, .call = t->call->id};
    if (t->call->doing.consult_held && !call_is_over(t->call->state))
        control_ask(t->ct, &req, on_released, t);
    else
        consult_over(t);
}

static void on_dropped(void *arg, const struct call_answer *answer)
{
    struct consult *t = arg;
    if (try_later(t, answer->err))
        return;
    if (answer->err != DG_OK && answer->err != DG_ECONFLICT)
        log_warn("calls", "a consulted party could not be hung up",
                 LOG_S("call", t->call->doing.consult), LOG_S("why", answer->message));
    release(t);
}

static void end_without_leg(struct consult *t)
{
    t->step = CONSULT_ENDS;
    release(t);
}

static void end(struct consult *t)
{
    const struct call *leg = leg_of(t);
    loop_timer_stop(t->ct->loop, t->timer);
    t->timer = NULL;
    t->step = CONSULT_ENDS;
    if (leg)
        calls_hangup(t->ct->calls, leg->id, 0, on_dropped, t);
    else
        release(t);
}

/* ---- Beginning ----------------------------------------------------------------------------- */

static void give_up(struct consult *t, enum dg_err err, const char *field, const char *message)
{
    struct order *o = t->order;
    t->order = NULL;
    end(t);
    order_refuse(o, err, field, message);
    order_done(o);
}

static void on_leg(void *arg, const struct call_answer *answer)
{
    struct consult *t = arg;
    struct order *o = t->order;
    const struct call *leg = answer->call;
    if (answer->err != DG_OK) {
        give_up(t, answer->err, answer->field, answer->message);
    } else if (call_is_over(leg->state)) {
        give_up(t, DG_EUPSTREAM, NULL, leg->failure_reason);
    } else if (call_is_over(t->call->state)) {
        give_up(t, DG_ECONFLICT, NULL, "Call has already ended");
    } else {
        t->step = CONSULT_OPEN;
        t->order = NULL;
        o->text = arena_strdup(o->arena, leg->id);
        order_done(o);
    }
}

static void place_leg(struct consult *t)
{
    struct order *o = t->order;
    char *endpoint = xasprintf("Local/%s@%s", o->req.extension, o->req.context);
    const struct call_request leg = {.id = t->call->doing.consult,
                                     .phone_number = o->req.extension,
                                     .endpoint = endpoint,
                                     .peer = t->call->id,
                                     .controlled = true,
                                     .own_place = true, /* it was asked in check_place */
                                     .api = t->call->api,
                                     .user = o->req.user};
    calls_originate(t->ct->calls, &leg, on_leg, t);
    free(endpoint);
}

/* Where there is no hold, the two go on talking meanwhile. Hold needs a call under control as
 * joining does: its refusal is Asterisk's word for where the call is. */
static void on_hold(void *arg, const struct control_answer *answer)
{
    struct consult *t = arg;
    bool refused = answer->err == DG_ECONFLICT && t->must_be_controlled;
    if (answer->err != DG_OK)
        note_held(t, false);
    if (refused)
        give_up(t, DG_ECONFLICT, NULL, answer->message);
    else
        place_leg(t);
}

/* What cannot be completed is not begun. */
static bool can_be_completed(struct order *o)
{
    const struct instance *in = o->call->carrier;
    const struct control_capability can = control_capability(o->ct, in, CONTROL_CONSULT);
    if (can.ability <= BACKEND_CONTROLLED)
        return true;
    order_refuse(o, in->link == DG_LINK_UP ? DG_EUNSUPPORTED : DG_EUNAVAILABLE, NULL,
                 can.why ? can.why : "the backend cannot do it");
    return false;
}

static bool check_consult(struct order *o)
{
    if (!consult_of(o->ct, o->call->id))
        return can_be_completed(o) && control_check_place(o);
    order_refuse(o, DG_ECONFLICT, NULL, "A consultation is under way");
    return false;
}

static void run_consult(struct order *o)
{
    const struct control_request hold = {.action = CONTROL_HOLD, .call = o->call->id, .on = true};
    struct consult *t = consult_new(o->ct, o->call);
    bool held = o->call->doing.held; /* by somebody else, who takes it back himself */
    t->order = o;
    t->must_be_controlled =
        control_capability(o->ct, o->call->carrier, CONTROL_CONSULT).ability == BACKEND_CONTROLLED;
    id_uuid7(o->call->doing.consult);
    note_held(t, !held);
    if (held && !t->must_be_controlled)
        place_leg(t);
    else
        control_ask(o->ct, &hold, on_hold, t);
}

/* ---- After a restart of the gateway --------------------------------------------------------- */

static void look_for_leg(void *arg)
{
    struct consult *t = arg;
    t->timer = NULL;
    if (t->step != CONSULT_OPEN)
        return;
    if (!t->call->carrier) /* its backend has not come up yet */
        t->timer = loop_timer(t->ct->loop, LATER_MS, look_for_leg, t);
    else if (!leg_of(t))
        end(t);
}

/* The call was read from its record; its leg may be read later. */
static void go_on(struct control *ct, struct call *call)
{
    struct consult *t = consult_new(ct, call);
    t->step = CONSULT_OPEN;
    t->timer = loop_timer(ct->loop, LATER_MS, look_for_leg, t);
}

/* ---- Joining, cancelling ----------------------------------------------------------------------
 */

static struct consult *open_consult(struct order *o)
{
    struct consult *t = consult_of(o->ct, o->call->id);
    if (t && t->step == CONSULT_OPEN)
        return t;
    order_refuse(o, DG_ECONFLICT, NULL, NO_CONSULTATION);
    return NULL;
}

static bool check_complete(struct order *o)
{
    struct consult *t = open_consult(o);
    struct call *leg = t ? leg_of(t) : NULL;
    if (!t)
        return false;
    if (!leg || leg->state != CALL_ANSWERED)
        order_refuse(o, DG_ECONFLICT, NULL, "The consulted party has not answered yet");
    else if (leg->carrier != o->call->carrier)
        order_refuse(o, DG_ECONFLICT, NULL, "The consulted party is on another backend");
    else
        o->text = arena_strdup(o->arena, leg->id);
    return o->err == DG_OK;
}

static void on_free_to_join(void *arg, const struct control_answer *answer)
{
    (void)answer;
    order_try(arg);
}

/* Who is joined must not hear the music any more. */
static void run_complete(struct order *o)
{
    const struct control_request off = {.action = CONTROL_HOLD, .call = o->call->id};
    struct consult *t = consult_of(o->ct, o->call->id);
    t->step = CONSULT_JOINS;
    if (!t->call->doing.consult_held) {
        order_try(o);
        return;
    }
    note_held(t, false);
    control_ask(o->ct, &off, on_free_to_join, o);
}

static void ask_attended(struct order *o, struct instance *in)
{
    const struct dg_transfer req = {
        .call = o->call->id, .type = DG_TRANSFER_ATTENDED, .consult = o->text};
    backend_transfer(in, &req, order_sent, o);
}

static void ask_join(struct order *o, struct instance *in)
{
    const struct dg_join req = {.call = o->call->id, .other = o->text};
    backend_join(in, &req, order_sent, o);
}

static void note_complete(struct order *o)
{
    struct consult *t = consult_of(o->ct, o->call->id);
    if (t && t->step == CONSULT_JOINS)
        consult_over(t);
}

static void failed_complete(struct order *o)
{
    struct consult *t = consult_of(o->ct, o->call->id);
    if (t && t->step == CONSULT_JOINS)
        t->step = CONSULT_OPEN;
}

static bool check_cancel(struct order *o)
{
    return open_consult(o) != NULL;
}

static void on_cancelled(void *arg, const struct call_answer *answer)
{
    struct order *o = arg;
    struct consult *t = consult_of(o->ct, o->call->id);
    bool gone = answer->err == DG_ECONFLICT; /* it has just ended by itself */
    if (answer->err != DG_OK && !gone)
        order_refuse(o, answer->err, NULL, answer->message);
    else if (t && t->step == CONSULT_OPEN)
        end_without_leg(t);
    order_done(o);
}

static void run_cancel(struct order *o)
{
    struct consult *t = consult_of(o->ct, o->call->id);
    o->text = arena_strdup(o->arena, t->call->doing.consult);
    calls_hangup(o->ct->calls, o->text, 0, on_cancelled, o);
}

void consults_event(void *arg, const struct bus_event *ev)
{
    struct control *ct = arg;
    if (!ev->call)
        return;
    const char *id = ev->call->id;
    struct consult *own = consult_of(ct, id);
    if (ev->topic == BUS_CALL_CHANGED && *ev->call->doing.consult && !own)
        go_on(ct, map_get(ct->calls->live, id));
    if (ev->topic != BUS_CALL_ENDED)
        return;
    for (struct link *at = ct->consults.next, *next; at != &ct->consults; at = next) {
        struct consult *t = list_item(at, struct consult, link);
        bool under_way = t->step == CONSULT_OPEN || t->step == CONSULT_JOINS;
        next = at->next;
        if (under_way && (t == own || str_eq(t->call->doing.consult, id)))
            end(t);
    }
}

/* clang-format off */
const struct action control_consult = {
    .name = "transfer_attended", .from = CALL_ANSWERED, .check = check_consult, .run = run_consult,
};
const struct action control_complete = {
    .name = "transfer_complete", .from = CALL_ANSWERED, .ways = {{"transfer", ask_attended}, {"join", ask_join}},
    .check = check_complete, .run = run_complete,
    .note = note_complete, .failed = failed_complete, .away = true,
};
const struct action control_cancel = {
    .name = "transfer_cancel", .from = CALL_ANSWERED, .check = check_cancel, .run = run_cancel,
};
/* clang-format on */
