/* control_consult.c - attended transfer: the call waits on hold while another
 * leg is rung, under this gateway's control; then the two are joined, or the
 * leg is dropped and the call taken back.
 *
 * A consultation ends with either of its calls: the leg's end takes the call
 * from hold, the call's end drops the leg.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "domain/control_private.h"

enum consult_step {
    CONSULT_BEGINS, /* the call is put on hold, the leg is placed */
    CONSULT_OPEN,   /* until it is completed, cancelled, or one of the two ends */
    CONSULT_JOINS,  /* the two are being joined */
};

struct consult {
    struct link link; /* in control.consults */
    struct control *ct;
    struct call *call;   /* held */
    struct order *order; /* that waits for the leg; else NULL */
    enum consult_step step;
    bool on_hold;
    char leg[ID_SIZE]; /* "": not placed yet */
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

static void consult_free(struct consult *t)
{
    list_remove(&t->link);
    calls_release(t->call);
    free(t);
}

void consults_free(struct control *ct)
{
    while (!list_empty(&ct->consults))
        consult_free(list_item(ct->consults.next, struct consult, link));
}

/* ---- Beside the consultation: nobody waits for these ------------------------------------ */

static void on_released(void *arg, const struct control_answer *answer)
{
    (void)arg;
    if (answer->err != DG_OK && answer->err != DG_ECONFLICT)
        log_warn("calls", "a call stays on hold after a consultation",
                 LOG_S("call", answer->call ? answer->call->id : NULL),
                 LOG_S("why", answer->message));
}

static void release(struct consult *t)
{
    const struct control_request req = {.action = CONTROL_HOLD, .call = t->call->id};
    if (t->on_hold && !call_is_over(t->call->state))
        control_ask(t->ct, &req, on_released, NULL);
    t->on_hold = false;
}

static void on_dropped(void *arg, const struct call_answer *answer)
{
    (void)arg;
    if (answer->err != DG_OK && answer->err != DG_ECONFLICT)
        log_warn("calls", "a consulted party could not be hung up",
                 LOG_S("call", answer->call ? answer->call->id : NULL),
                 LOG_S("why", answer->message));
}

/* ---- Beginning ----------------------------------------------------------------------------- */

static void give_up(struct consult *t, enum dg_err err, const char *field, const char *message)
{
    struct order *o = t->order;
    release(t);
    consult_free(t);
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
        calls_hangup(t->ct->calls, leg->id, 0, on_dropped, NULL);
        give_up(t, DG_ECONFLICT, NULL, "Call has already ended");
    } else {
        memcpy(t->leg, leg->id, sizeof t->leg);
        t->step = CONSULT_OPEN;
        t->order = NULL;
        o->text = arena_strdup(o->arena, t->leg);
        order_done(o);
    }
}

static void place_leg(struct consult *t)
{
    struct order *o = t->order;
    char *endpoint = xasprintf("Local/%s@%s", o->req.extension, o->req.context);
    const struct call_request leg = {.phone_number = o->req.extension,
                                     .endpoint = endpoint,
                                     .peer = t->call->id,
                                     .controlled = true,
                                     .own_place = true, /* it was asked in check_place */
                                     .api = t->call->api,
                                     .user = o->req.user};
    calls_originate(t->ct->calls, &leg, on_leg, t);
    free(endpoint);
}

/* Where there is no hold, the two go on talking meanwhile. */
static void on_hold(void *arg, const struct control_answer *answer)
{
    struct consult *t = arg;
    t->on_hold = answer->err == DG_OK;
    place_leg(t);
}

static bool check_consult(struct order *o)
{
    if (!consult_of(o->ct, o->call->id))
        return control_check_place(o);
    order_refuse(o, DG_ECONFLICT, NULL, "A consultation is under way");
    return false;
}

static void run_consult(struct order *o)
{
    const struct control_request hold = {.action = CONTROL_HOLD, .call = o->call->id, .on = true};
    struct consult *t = xcalloc(1, sizeof *t);
    *t = (struct consult){.ct = o->ct, .call = o->call, .order = o};
    calls_hold(t->call);
    list_append(&o->ct->consults, &t->link);
    if (o->call->doing.held) /* by somebody else, who takes it back himself */
        place_leg(t);
    else
        control_ask(o->ct, &hold, on_hold, t);
}

/* ---- The end --------------------------------------------------------------------------------- */

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
    struct call *leg = t ? map_get(o->ct->calls->live, t->leg) : NULL;
    if (!t)
        return false;
    if (!leg || leg->state != CALL_ANSWERED)
        order_refuse(o, DG_ECONFLICT, NULL, "The consulted party has not answered yet");
    else if (leg->carrier != o->call->carrier)
        order_refuse(o, DG_ECONFLICT, NULL, "The consulted party is on another backend");
    else
        o->text = arena_strdup(o->arena, t->leg);
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
    if (t->on_hold)
        control_ask(o->ct, &off, on_free_to_join, o);
    else
        order_try(o);
    t->on_hold = false;
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
    if (t)
        consult_free(t);
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
    bool gone = answer->err == DG_ECONFLICT; /* it has just ended by itself */
    if (answer->err != DG_OK && !gone)
        order_refuse(o, answer->err, NULL, answer->message);
    order_done(o);
}

static void run_cancel(struct order *o)
{
    struct consult *t = consult_of(o->ct, o->call->id);
    o->text = arena_strdup(o->arena, t->leg);
    release(t);
    consult_free(t);
    calls_hangup(o->ct->calls, o->text, 0, on_cancelled, o);
}

void consults_event(void *arg, const struct bus_event *ev)
{
    struct control *ct = arg;
    if (ev->topic != BUS_CALL_ENDED)
        return;
    for (struct link *at = ct->consults.next, *next; at != &ct->consults; at = next) {
        struct consult *t = list_item(at, struct consult, link);
        bool leg_ended = str_eq(t->leg, ev->call->id), call_ended = t->call == ev->call;
        next = at->next;
        if (t->step == CONSULT_BEGINS || (!leg_ended && !call_ended))
            continue;
        if (leg_ended)
            release(t);
        else
            calls_hangup(ct->calls, t->leg, 0, on_dropped, NULL);
        consult_free(t);
    }
}

/* clang-format off */
const struct action control_consult = {
    .name = "transfer_attended", .from = CALL_ANSWERED, .check = check_consult, .run = run_consult,
};
const struct action control_complete = {
    .name = "transfer_complete", .from = CALL_ANSWERED, .ways = {{"transfer", ask_attended}, {"join", ask_join}},
    .check = check_complete, .run = run_complete,
    .note = note_complete, .failed = failed_complete,
};
const struct action control_cancel = {
    .name = "transfer_cancel", .from = CALL_ANSWERED, .check = check_cancel, .run = run_cancel,
};
/* clang-format on */
