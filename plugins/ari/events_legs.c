/* events_legs.c - the life of a leg: it begins, is dialled, rings, is answered, ends. */
#include <string.h>

#include "asterisk/text.h"
#include "incoming.h"
#include "snapshot.h"

static void show(const struct incoming *in, struct leg *leg, const json_t *channel)
{
    struct snapshot s;
    snapshot_read(&s, channel, leg);
    uint64_t hash = snapshot_hash(&s);
    enum dg_event_type type = leg->started ? DG_CALL_CHANGED : DG_CALL_STARTED;
    if (leg->started && hash == leg->shown)
        return;
    leg->started = true;
    leg->shown = hash;
    incoming_emit(in, (struct dg_event){.type = type, .call = leg->id, .info = &s.call});
}

static void answered(const struct incoming *in, struct leg *leg)
{
    if (leg->fate.answered)
        return;
    leg->fate.answered = leg->answer_told = true;
    leg->answered_at_ms = leg->state_since_ms = in->at_ms;
    incoming_emit(in, (struct dg_event){.type = DG_CALL_ANSWERED, .call = leg->id});
}

static void rings(const struct incoming *in, struct leg *leg)
{
    if (leg->ringing || leg->fate.answered)
        return;
    leg->ringing = true;
    leg->state_since_ms = in->at_ms;
    incoming_emit(in, (struct dg_event){.type = DG_CALL_RINGING, .call = leg->id});
}

static void progresses(const struct incoming *in, struct leg *leg)
{
    if (leg->progress || leg->fate.answered)
        return;
    leg->progress = true;
    incoming_emit(in, (struct dg_event){.type = DG_CALL_PROGRESS, .call = leg->id});
}

/* The leg an event is about; told to the core if it is new to us. NULL: it has no id, or has
 * already ended. */
struct leg *incoming_leg(const struct incoming *in, const json_t *channel)
{
    const char *id = json_text(channel, "id");
    if (!id || !*id || strlen(id) > DG_ID_MAX || legs_is_gone(&in->e->legs, id))
        return NULL;
    struct leg *leg = legs_add(&in->e->legs, id);
    if (leg->ended)
        return NULL;
    legs_name(&in->e->legs, leg, json_text(channel, "name"));
    /* Whoever calls Asterisk begins in another state. */
    if (!leg->started && snapshot_state(channel) == DG_CHANNEL_DOWN) {
        leg->fate.outgoing = true;
        leg->direction = DG_OUTBOUND;
    }
    if (!leg->direction)
        leg->direction = snapshot_direction(channel);
    if (leg->given_up) {
        in->e->sink.unwanted(in->e->sink.arg, leg->id);
        leg->given_up = false;
        in->e->legs.given_up--;
    }
    if (!leg->started)
        show(in, leg, channel);
    if (snapshot_state(channel) == DG_CHANNEL_UP)
        answered(in, leg);
    return leg;
}

void on_created(const struct incoming *in)
{
    incoming_leg(in, in->channel);
}

/* A leg first seen in the middle of its life has been dialled, as far as we can know. */
struct leg *incoming_later(const struct incoming *in, const json_t *channel)
{
    const char *id = json_text(channel, "id");
    struct leg *known = id ? legs_find(&in->e->legs, id) : NULL;
    struct leg *leg = incoming_leg(in, channel);
    if (leg && !known)
        leg->fate.dialled = true;
    return leg;
}

void on_state(const struct incoming *in)
{
    struct leg *leg = incoming_later(in, in->channel);
    enum dg_channel_state state = snapshot_state(in->channel);
    if (leg && state == DG_CHANNEL_RINGING)
        rings(in, leg);
    else if (leg && state != DG_CHANNEL_UP)
        show(in, leg, in->channel);
}

void on_changed(const struct incoming *in)
{
    /* It may come after the end, and must not bring the leg back to life. */
    struct leg *leg = incoming_known(in) ? incoming_leg(in, in->channel) : NULL;
    if (leg)
        show(in, leg, in->channel);
}

void on_hangup_request(const struct incoming *in)
{
    enum { ASKED = 32 }; /* with "soft", `cause` holds the kind of request, not a cause */
    struct leg *leg = incoming_known(in);
    if (!leg)
        return;
    bool soft = json_is_true(json_object_get(in->json, "soft"));
    int cause = json_number(in->json, "cause");
    leg->hanging_up = true;
    if (soft && cause == ASKED)
        leg->fate.asked = true;
    if (!soft)
        leg->hangup_cause = cause;
    if (json_number(in->json, "tech_cause"))
        leg->sip_code = json_number(in->json, "tech_cause");
}

static const char *cause_text(int cause)
{
    static const struct {
        int cause;
        const char *text;
    } texts[] = {
        {1, "Unallocated (unassigned) number"},
        {3, "No route to destination"},
        {16, "Normal Clearing"},
        {17, "User busy"},
        {19, "User alerting, no answer"},
        {21, "Call Rejected"},
        {34, "Circuit/channel congestion"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].cause == cause)
            return texts[i].text;
    return NULL;
}

/* It was answered while nobody looked, and ends before the core has been shown that it is up. */
static void answered_unseen(const struct incoming *in, struct leg *leg)
{
    leg->answer_told = true;
    incoming_emit(in, (struct dg_event){.type = DG_CALL_ANSWERED,
                                        .call = leg->id,
                                        .at_ms = leg->answered_at_ms,
                                        .estimated = !leg->answered_at_ms});
}

static void end(const struct incoming *in, struct leg *leg)
{
    leg->fate.cause = json_number(in->json, "cause");
    leg->fate.answered |= snapshot_state(in->channel) == DG_CHANNEL_UP;
    if (leg->fate.answered && !leg->answer_told)
        answered_unseen(in, leg);
    int cause = fate_cause(&leg->fate), sip = json_number(in->json, "tech_cause");
    if (!sip)
        sip = leg->sip_code;
    if (!sip && cause == leg->fate.learned_cause)
        sip = leg->learned_sip;
    if (leg->fate.asked)
        sip = 0; /* what we made Asterisk say */
    const char *text = cause == leg->fate.cause ? json_text(in->json, "cause_txt") : NULL;
    incoming_emit(in, (struct dg_event){.type = DG_CALL_ENDED,
                                        .call = leg->id,
                                        .cause = cause,
                                        .text = text ? text : cause_text(cause),
                                        .sip_code = sip});
}

void on_destroyed(const struct incoming *in)
{
    if (!in->id || legs_is_gone(&in->e->legs, in->id))
        return;
    struct leg *leg = legs_find(&in->e->legs, in->id);
    if (!leg) {
        /* It lived before this link and is in no list yet: the core may know it. But with "own"
         * the far half of a Local channel can end without having been heard of. */
        leg = legs_add(&in->e->legs, in->id);
        legs_name(&in->e->legs, leg, json_text(in->channel, "name"));
        if (in->e->own_only && leg_is_far_half(leg)) {
            legs_drop(&in->e->legs, leg);
            return;
        }
        leg->fate.outgoing = leg->fate.dialled = true;
    } else if (!leg->started) {
        show(in, leg, in->channel);
    }
    end(in, leg);
    legs_ended(&in->e->legs, leg);
}

/* ---- Dial: what happens to a leg that somebody calls ----------------------- */

static void learn(struct leg *leg, enum dial_status status, const struct leg *from)
{
    leg->fate.learned = status;
    leg->fate.learned_cause = from ? from->hangup_cause : 0;
    leg->learned_sip = from ? from->sip_code : 0;
}

/* What the far half of a Local channel finds out is the near half's truth too. */
static void teach(const struct incoming *in, const char *caller, enum dial_status status,
                  const struct leg *from)
{
    struct leg *leg = caller ? legs_find(&in->e->legs, caller) : NULL;
    if (!leg)
        return;
    learn(leg, status, from);
    struct leg *near = leg_is_far_half(leg) ? legs_twin(&in->e->legs, leg) : NULL;
    if (near)
        learn(near, status, from);
}

static void dial_begins(const struct incoming *in, struct leg *leg, const json_t *peer)
{
    const char *dialstring = json_text(in->json, "dialstring");
    char callee[DG_ID_MAX + 1];
    leg->fate.outgoing = leg->fate.dialled = true;
    leg->direction = DG_OUTBOUND;
    snapshot_callee(callee, sizeof callee, dialstring ? dialstring : "");
    if (*callee)
        text_set(&leg->callee, callee);
    show(in, leg, peer);
}

void on_dial(const struct incoming *in)
{
    const json_t *peer = json_object_get(in->json, "peer");
    const char *text = json_text(in->json, "dialstatus");
    const char *caller = json_text(json_object_get(in->json, "caller"), "id");
    const char *id = json_text(peer, "id");
    enum dial_status status = fate_status(text);
    struct leg *leg = id ? legs_find(&in->e->legs, id) : NULL;
    if (leg && leg->ended)
        leg = NULL;
    if (leg && leg->expected)
        leg = incoming_leg(in, peer);
    if (!text || !*text || status != DIAL_NONE)
        teach(in, caller, status, leg);
    if (!leg)
        return;
    if (!text || !*text)
        dial_begins(in, leg, peer);
    else if (strcmp(text, "RINGING") == 0)
        rings(in, leg);
    else if (strcmp(text, "PROGRESS") == 0)
        progresses(in, leg);
    else if (status == DIAL_ANSWER)
        answered(in, leg);
    if (status != DIAL_NONE)
        leg->fate.status = status;
}
