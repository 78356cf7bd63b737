/* life.c - see life.h. */
#include "life.h"

#include <string.h>

#include "text.h"

void life_emit(const struct report *r, struct dg_event ev)
{
    ev.size = sizeof ev;
    if (!ev.at_ms)
        ev.at_ms = r->at_ms;
    ev.native = r->native;
    r->life->emit(r->life->arg, &ev);
}

struct leg *life_known(const struct life *l, const char *id)
{
    struct leg *leg = id ? legs_find(&l->legs, id) : NULL;
    return leg && !leg->ended && !leg->ending ? leg : NULL;
}

/* ---- How it is shown ------------------------------------------------------------------ */

/* What of it the core would want to be told again when it changes. */
static uint64_t shown_hash(const struct dg_call *c)
{
    const char *const parts[] = {
        c->name,    c->caller_number, c->caller_name, c->connected_number, c->callee_number,
        c->context, c->extension,     c->application, c->application_data, c->account};
    uint64_t hash = 0xcbf29ce484222325 ^ (uint64_t)c->state;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (const char *p = parts[i] ? parts[i] : "";; p++) {
            hash = (hash ^ (unsigned char)*p) * 0x100000001b3;
            if (!*p)
                break;
        }
    return hash;
}

void life_complete(struct dg_call *call, const struct leg *leg)
{
    if (leg->direction)
        call->direction = leg->direction;
    if (leg->callee)
        call->callee_number = leg->callee;
    else if (!call->callee_number && call->direction == DG_INBOUND)
        call->callee_number = call->extension;
    if (!call->application) {
        call->application = leg->application;
        call->application_data = leg->application_data;
    }
    if (!call->started_at_ms)
        call->started_at_ms = leg->started_at_ms;
    call->bridge = leg->bridge;
    call->held = leg->held;
    call->muted = leg->muted;
    call->controlled = leg->controlled;
    call->answered_at_ms = leg->answered_at_ms;
    call->state_since_ms = leg->state_since_ms;
    /* Asterisk 16 keeps its lists of channels aside of the events, and they may come after them. */
    if (leg->fate.answered)
        call->state = DG_CHANNEL_UP;
    else if (leg->ringing && (call->state == DG_CHANNEL_DOWN || call->state == DG_CHANNEL_DIALING))
        call->state = DG_CHANNEL_RINGING;
}

void life_show(const struct report *r, struct leg *leg, const struct dg_call *seen)
{
    struct dg_call call = *seen;
    life_complete(&call, leg);
    uint64_t hash = shown_hash(&call);
    enum dg_event_type type = leg->started ? DG_CALL_CHANGED : DG_CALL_STARTED;
    if (leg->started && hash == leg->shown)
        return;
    leg->started = true;
    leg->shown = hash;
    life_emit(r, (struct dg_event){.type = type, .call = leg->id, .info = &call});
}

static void doubt_answer(void *arg, void *owner)
{
    struct leg *leg = owner;
    (void)arg;
    leg->answer_told = false;
}

void life_link_up(struct life *l)
{
    table_each(&l->legs.by_id, doubt_answer, NULL);
}

/* ---- It begins -------------------------------------------------------------------------- */

static bool is_id(const char *id)
{
    return id && *id && strlen(id) <= DG_ID_MAX &&
           strncmp(id, LIFE_HIDDEN, strlen(LIFE_HIDDEN)) != 0;
}

static void take_back(struct life *l, struct leg *leg)
{
    if (!leg->given_up)
        return;
    leg->given_up = false;
    l->legs.given_up--;
    l->unwanted(l->arg, leg->id);
}

struct leg *life_leg(const struct report *r, const struct dg_call *seen)
{
    struct life *l = r->life;
    if (!is_id(seen->id) || legs_is_gone(&l->legs, seen->id))
        return NULL;
    struct leg *leg = legs_add(&l->legs, seen->id);
    if (leg->ended || leg->ending)
        return NULL;
    legs_name(&l->legs, leg, seen->name);
    /* Whoever calls Asterisk begins in another state. */
    if (!leg->started && seen->state == DG_CHANNEL_DOWN) {
        leg->fate.outgoing = true;
        leg->direction = DG_OUTBOUND;
    }
    if (!leg->direction)
        leg->direction = seen->direction;
    take_back(l, leg);
    if (!leg->started)
        life_show(r, leg, seen);
    if (seen->state == DG_CHANNEL_UP)
        life_answered(r, leg);
    return leg;
}

struct leg *life_later(const struct report *r, const struct dg_call *seen)
{
    struct leg *known = seen->id ? legs_find(&r->life->legs, seen->id) : NULL;
    struct leg *leg = life_leg(r, seen);
    if (leg && !known)
        leg->fate.dialled = true;
    return leg;
}

struct leg *life_adopt(struct life *l, const struct dg_call *seen)
{
    if (!is_id(seen->id) || legs_is_gone(&l->legs, seen->id))
        return NULL;
    struct leg *leg = legs_add(&l->legs, seen->id);
    legs_name(&l->legs, leg, seen->name);
    if (!leg->direction)
        leg->direction = seen->direction;
    take_back(l, leg);
    if (leg->started || leg->ended || leg->ending)
        return leg->ended || leg->ending ? NULL : leg;
    leg->started = true;
    leg->fate.dialled = true;
    leg->fate.outgoing = leg->direction != DG_INBOUND;
    leg->fate.answered = seen->state == DG_CHANNEL_UP;
    leg->ringing = seen->state == DG_CHANNEL_RINGING;
    leg->controlled = seen->controlled;
    return leg;
}

/* ---- It goes on --------------------------------------------------------------------------- */

void life_answered(const struct report *r, struct leg *leg)
{
    if (leg->fate.answered)
        return;
    leg->fate.answered = leg->answer_told = true;
    leg->answered_at_ms = leg->state_since_ms = r->at_ms;
    life_emit(r, (struct dg_event){.type = DG_CALL_ANSWERED, .call = leg->id});
}

void life_rings(const struct report *r, struct leg *leg)
{
    if (leg->ringing || leg->fate.answered)
        return;
    leg->ringing = true;
    leg->state_since_ms = r->at_ms;
    life_emit(r, (struct dg_event){.type = DG_CALL_RINGING, .call = leg->id});
}

void life_progresses(const struct report *r, struct leg *leg)
{
    if (leg->progress || leg->fate.answered)
        return;
    leg->progress = true;
    life_emit(r, (struct dg_event){.type = DG_CALL_PROGRESS, .call = leg->id});
}

void life_state_seen(const struct report *r, const struct dg_call *seen)
{
    struct leg *leg = life_later(r, seen);
    if (leg && seen->state == DG_CHANNEL_RINGING)
        life_rings(r, leg);
    else if (leg && seen->state != DG_CHANNEL_UP)
        life_show(r, leg, seen);
}

static void learn(struct leg *leg, enum dial_status status, const struct leg *from)
{
    leg->fate.learned = status;
    leg->fate.learned_cause = from ? from->hangup_cause : 0;
    leg->learned_sip = from ? from->sip_code : 0;
}

/* What the far half of a Local channel finds out is the near half's truth too. */
static void teach(struct legs *legs, const char *caller, enum dial_status status,
                  const struct leg *from)
{
    struct leg *leg = caller ? legs_find(legs, caller) : NULL;
    if (!leg)
        return;
    learn(leg, status, from);
    struct leg *near = legs_is_far_half(leg->name) ? legs_twin(legs, leg) : NULL;
    if (near)
        learn(near, status, from);
}

static void dial_begins(const struct report *r, struct leg *leg, const struct dg_call *seen,
                        const char *string)
{
    char callee[DG_ID_MAX + 1];
    leg->fate.outgoing = leg->fate.dialled = true;
    leg->direction = DG_OUTBOUND;
    life_callee(callee, sizeof callee, string ? string : "");
    if (*callee)
        text_set(&leg->callee, callee);
    life_show(r, leg, seen);
}

void life_dial(const struct report *r, const struct dg_call *seen, const struct dial *d)
{
    struct legs *legs = &r->life->legs;
    bool begins = !d->status || !*d->status;
    enum dial_status status = fate_status(d->status);
    struct leg *leg = seen->id ? legs_find(legs, seen->id) : NULL;
    if (leg && leg->ended)
        leg = NULL;
    if (leg && leg->expected && !leg->ending)
        leg = life_leg(r, seen);
    if (begins || status != DIAL_NONE)
        teach(legs, d->caller, status, leg);
    if (leg && status != DIAL_NONE)
        leg->fate.status = status;
    if (!leg || leg->ending)
        return;
    if (begins)
        dial_begins(r, leg, seen, d->string);
    else if (strcmp(d->status, "RINGING") == 0)
        life_rings(r, leg);
    else if (strcmp(d->status, "PROGRESS") == 0)
        life_progresses(r, leg);
    else if (status == DIAL_ANSWER)
        life_answered(r, leg);
}

void life_hangup_asked(struct leg *leg, bool soft, int cause, int sip_code)
{
    enum { ASKED = 32 }; /* the kind of request that is a person's or a program's */
    leg->hanging_up = true;
    if (soft && cause == ASKED)
        leg->fate.asked = true;
    if (!soft)
        leg->hangup_cause = cause;
    if (sip_code)
        leg->sip_code = sip_code;
}

/* ---- It ends ------------------------------------------------------------------------------- */

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
static void answered_unseen(const struct report *r, struct leg *leg)
{
    leg->answer_told = true;
    life_emit(r, (struct dg_event){.type = DG_CALL_ANSWERED,
                                   .call = leg->id,
                                   .at_ms = leg->answered_at_ms,
                                   .estimated = !leg->answered_at_ms});
}

struct leg *life_ending(const struct report *r, const struct dg_call *seen, const struct ending *e)
{
    struct legs *legs = &r->life->legs;
    if (!is_id(seen->id) || legs_is_gone(legs, seen->id))
        return NULL;
    struct leg *leg = legs_find(legs, seen->id);
    if (!leg) {
        /* It lived before this link and is in no list yet: the core may know it. */
        leg = legs_add(legs, seen->id);
        legs_name(legs, leg, seen->name);
        leg->fate.outgoing = leg->fate.dialled = true;
    } else if (!leg->started) {
        life_show(r, leg, seen);
    }
    leg->fate.cause = e->cause;
    leg->fate.answered |= seen->state == DG_CHANNEL_UP;
    if (e->sip_code)
        leg->sip_code = e->sip_code;
    return leg;
}

void life_end(const struct report *r, struct leg *leg, const struct ending *e)
{
    if (leg->fate.answered && !leg->answer_told)
        answered_unseen(r, leg);
    int cause = fate_cause(&leg->fate), sip = leg->sip_code;
    if (!sip && cause == leg->fate.learned_cause)
        sip = leg->learned_sip;
    if (leg->fate.asked)
        sip = 0; /* what we made Asterisk say */
    const char *text = cause == leg->fate.cause ? e->text : NULL;
    life_emit(r, (struct dg_event){.type = DG_CALL_ENDED,
                                   .call = leg->id,
                                   .cause = cause,
                                   .text = text ? text : cause_text(cause),
                                   .sip_code = sip});
    legs_ended(&r->life->legs, leg);
}

/* ---- Asterisk's words ------------------------------------------------------------------------ */

void life_callee(char *out, size_t size, const char *dialstring)
{
    size_t len = strcspn(dialstring, "@;/&");
    if (len >= size)
        len = size - 1;
    memcpy(out, dialstring, len);
    out[len] = '\0';
}

void life_endpoint(char *out, size_t size, const char *name)
{
    const char *dash = name ? strrchr(name, '-') : NULL;
    size_t len = dash ? (size_t)(dash - name) : name ? strlen(name) : 0;
    if (len >= size)
        len = size - 1;
    memcpy(out, name ? name : "", len);
    out[len] = '\0';
}

enum dg_direction life_direction(const struct dg_call *seen, const char *state)
{
    if (seen->application && strncmp(seen->application, "AppDial", 7) == 0)
        return DG_OUTBOUND;
    if (state && strcmp(state, "Ring") == 0 && seen->name && strncmp(seen->name, "Local/", 6) != 0)
        return DG_INBOUND;
    return DG_DIR_UNKNOWN;
}

enum dg_channel_state life_state(const char *state)
{
    static const struct {
        const char *text;
        enum dg_channel_state state;
    } states[] = {
        {"Down", DG_CHANNEL_DOWN},
        {"Rsrvd", DG_CHANNEL_RESERVED},
        {"OffHook", DG_CHANNEL_DIALING},
        {"Dialing", DG_CHANNEL_DIALING},
        {"Ring", DG_CHANNEL_DIALING},
        {"Ringing", DG_CHANNEL_RINGING},
        {"Up", DG_CHANNEL_UP},
        {"Busy", DG_CHANNEL_BUSY},
        {"Dialing Offhook", DG_CHANNEL_DIALING},
        {"Pre-ring", DG_CHANNEL_RINGING},
    };
    for (size_t i = 0; state && i < sizeof states / sizeof *states; i++)
        if (strcmp(state, states[i].text) == 0)
            return states[i].state;
    return DG_CHANNEL_UNKNOWN;
}
