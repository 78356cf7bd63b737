/* call.c - the call state machine, as a table. */
#include "domain/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "domain/call_plan.h"

static const char *const state_names[CALL_STATES] = {
    [CALL_PENDING] = "pending",     [CALL_DIALING] = "dialing",     [CALL_RINGING] = "ringing",
    [CALL_ANSWERED] = "answered",   [CALL_COMPLETED] = "completed", [CALL_BUSY] = "busy",
    [CALL_NO_ANSWER] = "no_answer", [CALL_FAILED] = "failed",       [CALL_CANCELLED] = "cancelled",
};

const char *call_state_name(enum call_state s)
{
    return state_names[s];
}

bool call_state_parse(const char *name, enum call_state *out)
{
    for (int i = 0; i < CALL_STATES; i++) {
        if (str_eq(name, state_names[i])) {
            *out = (enum call_state)i;
            return true;
        }
    }
    return false;
}

/* Causes that matter to an operator, in ITU-T Q.850's words. */
static const struct {
    int cause;
    enum call_state outcome;
    const char *text;
} causes[] = {
    {0, CALL_NO_ANSWER, NULL},
    {1, CALL_FAILED, "Unallocated (unassigned) number"},
    {2, CALL_FAILED, "No route to specified transit network"},
    {3, CALL_FAILED, "No route to destination"},
    {16, CALL_NO_ANSWER, "Normal call clearing"},
    {17, CALL_BUSY, "User busy"},
    {18, CALL_NO_ANSWER, "No user responding"},
    {19, CALL_NO_ANSWER, "No answer from user (user alerted)"},
    {20, CALL_NO_ANSWER, "Subscriber absent"},
    {21, CALL_BUSY, "Call rejected"},
    {22, CALL_FAILED, "Number changed"},
    {27, CALL_FAILED, "Destination out of order"},
    {28, CALL_FAILED, "Invalid number format"},
    {29, CALL_FAILED, "Facility rejected"},
    {31, CALL_NO_ANSWER, "Normal, unspecified"},
    {34, CALL_FAILED, "No circuit/channel available"},
    {38, CALL_FAILED, "Network out of order"},
    {41, CALL_FAILED, "Temporary failure"},
    {42, CALL_FAILED, "Switching equipment congestion"},
    {44, CALL_FAILED, "Requested circuit/channel not available"},
    {58, CALL_FAILED, "Bearer capability not presently available"},
    {88, CALL_FAILED, "Incompatible destination"},
    {102, CALL_FAILED, "Recovery on timer expiry"},
    {127, CALL_FAILED, "Interworking, unspecified"},
};

enum call_state call_outcome(int cause)
{
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        if (causes[i].cause == cause)
            return causes[i].outcome;
    }
    return CALL_FAILED;
}

const char *call_cause_text(int cause)
{
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        if (causes[i].cause == cause)
            return causes[i].text;
    }
    return NULL;
}

/* Where an event that is not an end leads; a state's own entry means "nothing new". */
static const enum call_state moves[CALL_ANSWERED + 1][CALL_EV_ANSWERED + 1] = {
    [CALL_PENDING] = {[CALL_EV_ACCEPTED] = CALL_DIALING,
                      [CALL_EV_STARTED] = CALL_DIALING,
                      [CALL_EV_RINGING] = CALL_RINGING,
                      [CALL_EV_PROGRESS] = CALL_DIALING,
                      [CALL_EV_ANSWERED] = CALL_ANSWERED},
    [CALL_DIALING] = {[CALL_EV_ACCEPTED] = CALL_DIALING,
                      [CALL_EV_STARTED] = CALL_DIALING,
                      [CALL_EV_RINGING] = CALL_RINGING,
                      [CALL_EV_PROGRESS] = CALL_DIALING,
                      [CALL_EV_ANSWERED] = CALL_ANSWERED},
    [CALL_RINGING] = {[CALL_EV_ACCEPTED] = CALL_RINGING,
                      [CALL_EV_STARTED] = CALL_RINGING,
                      [CALL_EV_RINGING] = CALL_RINGING,
                      [CALL_EV_PROGRESS] = CALL_RINGING,
                      [CALL_EV_ANSWERED] = CALL_ANSWERED},
    [CALL_ANSWERED] = {[CALL_EV_ACCEPTED] = CALL_ANSWERED,
                       [CALL_EV_STARTED] = CALL_ANSWERED,
                       [CALL_EV_RINGING] = CALL_ANSWERED,
                       [CALL_EV_PROGRESS] = CALL_ANSWERED,
                       [CALL_EV_ANSWERED] = CALL_ANSWERED},
};

static enum call_state end_state(enum call_state from, const struct call_event *ev, bool cancelled)
{
    if (ev->type == CALL_EV_LOST)
        return CALL_FAILED;
    if (ev->type == CALL_EV_MISSED && from != CALL_ANSWERED)
        return cancelled ? CALL_CANCELLED : CALL_FAILED;
    if (ev->type == CALL_EV_REFUSED) /* once it has started, a late refusal says nothing */
        return from == CALL_PENDING ? CALL_FAILED : from;
    if (from == CALL_ANSWERED)
        return CALL_COMPLETED;
    return cancelled ? CALL_CANCELLED : call_outcome(ev->cause);
}

struct call_step call_next(enum call_state from, const struct call_event *ev, bool cancelled)
{
    struct call_step step = {.to = from};
    if (call_is_over(from))
        return step;
    step.to = ev->type <= CALL_EV_ANSWERED ? moves[from][ev->type] : end_state(from, ev, cancelled);
    if (step.to != from)
        step.effects = CALL_DO_STORE | CALL_DO_PUBLISH;
    if (call_is_over(step.to))
        step.effects |= CALL_DO_CDR;
    return step;
}

static char *reason_of(const struct call *c, const struct call_event *ev)
{
    char number[32];
    if (c->state == CALL_CANCELLED)
        return xstrdup("Cancelled");
    if (c->state != CALL_FAILED)
        return NULL;
    if (!str_empty(ev->text))
        return xstrdup(ev->text);
    if (call_cause_text(ev->cause))
        return xstrdup(call_cause_text(ev->cause));
    snprintf(number, sizeof number, "Cause %d", ev->cause);
    return xstrdup(number);
}

/* What an event tells may have happened before the reply that we handled first, and a server's
 * clock is not ours: the times of a call never run backwards. */
static int64_t not_before(const struct call *c, int64_t at_ms)
{
    const int64_t passed[] = {c->created_at_ms, c->dialed_at_ms, c->ringing_at_ms,
                              c->answered_at_ms};
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        if (at_ms < passed[i])
            at_ms = passed[i];
    }
    return at_ms;
}

static void end(struct call *c, const struct call_event *ev, int64_t at_ms)
{
    c->ended_at_ms = at_ms;
    c->cause = ev->cause;
    c->sip_code = ev->sip_code;
    c->estimated |= ev->estimated;
    c->given_up = ev->type == CALL_EV_LOST || ev->type == CALL_EV_MISSED;
    free(c->failure_reason);
    c->failure_reason = reason_of(c, ev);
    if (!c->answered_at_ms)
        return;
    int64_t talk_ms = c->answered_mono_ms && ev->mono_ms
                          ? (int64_t)(ev->mono_ms - c->answered_mono_ms)
                          : c->ended_at_ms - c->answered_at_ms;
    c->duration_s = talk_ms < 0 ? 0 : (talk_ms + 500) / 1000;
}

struct call_step call_apply(struct call *c, const struct call_event *ev)
{
    struct call_step step = call_next(c->state, ev, c->cancelled);
    if (!step.effects)
        return step;
    int64_t at_ms = not_before(c, ev->at_ms);
    c->state = step.to;
    if (step.to >= CALL_DIALING && !c->dialed_at_ms && ev->type != CALL_EV_REFUSED &&
        ev->type != CALL_EV_LOST && ev->type != CALL_EV_MISSED)
        c->dialed_at_ms = at_ms;
    if (step.to == CALL_RINGING)
        c->ringing_at_ms = at_ms;
    if (step.to == CALL_ANSWERED) {
        c->answered_at_ms = at_ms;
        c->answered_mono_ms = ev->mono_ms;
        c->estimated = ev->estimated;
    }
    if (call_is_over(step.to))
        end(c, ev, at_ms);
    return step;
}

struct call *call_new(void)
{
    struct call *c = xcalloc(1, sizeof *c);
    list_init(&c->live);
    id_uuid7(c->id);
    c->duration_s = -1;
    c->attempt_number = 1;
    c->priority = 1;
    return c;
}

bool call_set_parked(struct call *c, const char *place)
{
    if (str_eq(c->doing.parked, place))
        return false;
    free(c->doing.parked);
    c->doing.parked = xstrdup(place);
    return true;
}

void call_add_recording(struct call *c, const char *file)
{
    struct call_doing *d = &c->doing;
    d->recordings = xrealloc(d->recordings, (d->recording_count + 1) * sizeof *d->recordings);
    d->recordings[d->recording_count++] = xstrdup(file);
}

void call_free(struct call *c)
{
    if (!c)
        return;
    char *const texts[] = {c->phone_number, c->channel,      c->context,    c->extension,
                           c->caller_id,    c->api,          c->user,       c->backend,
                           c->node,         c->adopted_from, c->server_run, c->failure_reason,
                           c->doing.parked, c->peer,         c->agent,      c->agent_result,
                           c->ivr_path,     c->detected,     c->message};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    for (size_t i = 0; i < c->variable_count; i++) {
        free(c->variables[i].name);
        free(c->variables[i].value);
    }
    free(c->variables);
    call_plan_free(c->plan);
    for (size_t i = 0; i < c->doing.recording_count; i++)
        free(c->doing.recordings[i]);
    free(c->doing.recordings);
    free(c);
}
