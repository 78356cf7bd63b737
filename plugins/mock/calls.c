/* calls.c - a call's life: it starts, rings, is answered, talks, ends, each
 * after its time, or is refused as its number says. */
#include "mock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING_DEFAULT_MS 30000

static const struct {
    int cause, sip_code;
    const char *text;
} refusals[] = {
    [MOCK_BUSY] = {17, 486, "User busy"},
    [MOCK_DECLINES] = {21, 603, "Call rejected"},
    [MOCK_UNKNOWN] = {1, 404, "Unallocated (unassigned) number"},
    [MOCK_CONGESTION] = {34, 503, "Circuit/channel congestion"},
};

/* ---- Small things ----------------------------------------------------------- */

void set_text(char **where, const char *text)
{
    char *copy = mock_strdup(text);
    free(*where);
    *where = copy;
}

bool matches(const struct dg_filter *filter, const char *id, const char *name)
{
    const char *text = filter ? filter->text : NULL;
    return !text || strstr(id, text) || (name && strstr(name, text));
}

struct mock_call *call_or_fail(struct mock *m, const char *id, bool up, struct dg_op *op)
{
    struct mock_call *c = index_get(&m->calls, id);
    for (struct mock_call *i = c || !id ? NULL : index_first(&m->calls); i;
         i = index_next(&m->calls, i))
        if (strcmp(i->name, id) == 0)
            c = i;
    if (!c) {
        m->h->fail(op, DG_ENOTFOUND, "there is no such call");
    } else if (up && c->state != DG_CHANNEL_UP) {
        m->h->fail(op, DG_ECONFLICT, "the call is not answered yet");
        c = NULL;
    }
    return c;
}

static struct dg_call describe(const struct mock_call *c)
{
    return (struct dg_call){
        DG_SIZED(struct dg_call),
        .id = c->thing.id,
        .name = c->name,
        .endpoint = c->endpoint,
        .direction = DG_OUTBOUND,
        .state = c->state,
        .caller_number = c->caller_number,
        .caller_name = c->caller_name,
        .callee_number = c->number,
        .connected_number = c->number,
        .bridge = c->bridge ? c->bridge->thing.id : NULL,
        .context = c->state == DG_CHANNEL_UP ? c->context : NULL,
        .extension = c->state == DG_CHANNEL_UP ? c->extension : NULL,
        .held = c->held,
        .muted = c->muted,
        .controlled = c->controlled,
        .started_at_ms = c->started_at_ms,
        .answered_at_ms = c->answered_at_ms,
        .state_since_ms = c->state_since_ms,
    };
}

void call_emit(struct mock_call *c, struct dg_event ev)
{
    ev.size = sizeof(ev);
    ev.call = c->thing.id;
    c->mock->h->emit(c->mock->h, &ev);
}

void call_changed(struct mock_call *c)
{
    struct dg_call info = describe(c);
    call_emit(c, (struct dg_event){.type = DG_CALL_CHANGED, .info = &info});
}

static void set_state(struct mock_call *c, enum dg_channel_state state)
{
    c->state = state;
    c->state_since_ms = c->mock->h->unix_ms(c->mock->h);
}

/* ---- The end ----------------------------------------------------------------- */

void call_free(struct mock_call *c)
{
    struct mock *m = c->mock;
    m->h->timer_stop(m->h, c->timer);
    m->h->timer_stop(m->h, c->park_timer);
    m->h->timer_stop(m->h, c->queue_timer);
    keys_end(c);
    detect_end(c);
    variables_free(&c->variables);
    index_remove(&m->calls, &c->thing);
    free(c->name);
    free(c->endpoint);
    free(c->number);
    free(c->caller_number);
    free(c->caller_name);
    free(c->arguments);
    free(c->context);
    free(c->extension);
    free(c->priority);
    free(c->lot);
    free(c);
}

static void call_end(struct mock_call *c, int cause, int sip_code, const char *text)
{
    plays_end(c->mock, c, NULL);
    recordings_end(c->mock, c, NULL);
    bridge_leave(c);
    park_leave(c);
    queue_leave(c);
    call_emit(c, (struct dg_event){
                     .type = DG_CALL_ENDED, .cause = cause, .sip_code = sip_code, .text = text});
    call_free(c);
}

/* ---- Step by step -------------------------------------------------------------- */

/* xorshift64*: the same seed gives the same calls. */
static uint64_t jitter(struct mock *m)
{
    m->random ^= m->random >> 12;
    m->random ^= m->random << 25;
    m->random ^= m->random >> 27;
    uint64_t number = (m->random * 2685821657736338717u) >> 32;
    return m->jitter_ms ? number % (uint64_t)(m->jitter_ms + 1) : 0;
}

static void on_step(void *arg);

static void next_step(struct mock_call *c, enum mock_step step, int64_t after_ms)
{
    const struct dg_host *h = c->mock->h;
    uint64_t wait = (uint64_t)after_ms + jitter(c->mock);
    if (c->state != DG_CHANNEL_UP) {
        uint64_t now = h->now_ms(h);
        uint64_t left = c->ring_until_ms > now ? c->ring_until_ms - now : 0;
        if (step == STEP_TIMEOUT || wait >= left) {
            step = STEP_TIMEOUT;
            wait = left;
        }
    }
    c->step = step;
    c->timer = h->timer_start(h, wait, on_step, c);
}

static void begin(struct mock_call *c)
{
    if (c->outcome == MOCK_SILENT)
        next_step(c, STEP_TIMEOUT, 0);
    else if (c->outcome >= MOCK_BUSY && c->outcome <= MOCK_CONGESTION)
        next_step(c, STEP_REFUSE, c->mock->ring_ms);
    else
        next_step(c, STEP_RING, c->mock->ring_ms);
}

static void ring(struct mock_call *c)
{
    if (c->outcome == MOCK_EARLY) {
        call_emit(c, (struct dg_event){.type = DG_CALL_PROGRESS});
    } else {
        set_state(c, DG_CHANNEL_RINGING);
        call_emit(c, (struct dg_event){.type = DG_CALL_RINGING});
    }
    if (c->outcome == MOCK_RINGS)
        next_step(c, STEP_TIMEOUT, 0);
    else
        next_step(c, STEP_ANSWER, c->mock->answer_ms);
}

static void tell_machine(struct mock_call *c)
{
    static const struct dg_kv found[] = {{"AMDSTATUS", "HUMAN"}, {"AMDCAUSE", "HUMAN-0-0"}};
    for (int i = 0; i < 2; i++) {
        variable_set(&c->variables, found[i].key, found[i].value);
        call_emit(c, (struct dg_event){
                         .type = DG_CALL_VARIABLE, .text = found[i].key, .target = found[i].value});
    }
}

static void answered(struct mock_call *c)
{
    struct mock *m = c->mock;
    set_state(c, DG_CHANNEL_UP);
    c->answered_at_ms = c->state_since_ms;
    call_emit(c, (struct dg_event){.type = DG_CALL_ANSWERED});
    if (c->detect_machine)
        tell_machine(c);
    if (c->context) {
        call_changed(c); /* it is in the dialplan now */
        park_retrieve(c);
        queue_enter(c);
    } else {
        c->controlled = true;
        call_emit(c, (struct dg_event){.type = DG_CALL_CONTROL, .on = true, .text = c->arguments});
        keys_begin(c);
    }
    if (c->outcome == MOCK_HANGS_UP)
        next_step(c, STEP_END, m->hangup_ms);
    else if (m->talk_ms)
        next_step(c, STEP_END, m->talk_ms);
}

static void on_step(void *arg)
{
    struct mock_call *c = arg;
    c->timer = NULL;
    switch (c->step) {
    case STEP_NONE:
        break;
    case STEP_RING:
        ring(c);
        break;
    case STEP_ANSWER:
        answered(c);
        break;
    case STEP_REFUSE:
        call_end(c, refusals[c->outcome].cause, refusals[c->outcome].sip_code,
                 refusals[c->outcome].text);
        break;
    case STEP_TIMEOUT:
        call_end(c, 19, 480, "User alerting, no answer");
        break;
    case STEP_END:
        call_end(c, 16, 0, "Normal Clearing");
        break;
    }
}

/* ---- Requests ------------------------------------------------------------------ */

static struct mock_call *call_new(struct mock *m, const struct dg_originate *req, char *number)
{
    struct mock_call *c = mock_alloc(sizeof(*c));
    char name[200];
    c->mock = m;
    index_add(&m->calls, &c->thing, req->call);
    snprintf(name, sizeof(name), "Mock/%.150s-%08x", number, m->names++);
    c->name = mock_strdup(name);
    c->endpoint = mock_strdup(req->endpoint);
    c->number = number;
    c->caller_number = mock_strdup(req->caller_number);
    c->caller_name = mock_strdup(req->caller_name);
    c->arguments = mock_strdup(req->arguments);
    c->context = mock_strdup(req->context);
    c->extension = mock_strdup(req->extension);
    c->priority = mock_strdup(req->priority);
    c->detect_machine = req->detect_machine;
    c->outcome = rules_outcome(m, number);
    c->keys = rules_keys(m, number);
    c->amd = rules_amd(m, number);
    for (size_t i = 0; i < req->variable_count; i++)
        variable_set(&c->variables, req->variables[i].key, req->variables[i].value);
    set_state(c, DG_CHANNEL_DIALING);
    c->started_at_ms = c->state_since_ms;
    c->ring_until_ms = m->h->now_ms(m->h) + (req->ring_ms ? req->ring_ms : RING_DEFAULT_MS);
    return c;
}

void mock_originate(void *self, const struct dg_originate *req, struct dg_op *op)
{
    struct mock *m = self;
    if (!req->call || !*req->call || strlen(req->call) > DG_ID_MAX) {
        m->h->fail(op, DG_EINVAL, "a call needs an id of 1 to %d bytes", DG_ID_MAX);
        return;
    }
    if (index_get(&m->calls, req->call)) {
        m->h->fail(op, DG_ECONFLICT, "there is a call of that id already");
        return;
    }
    char *number = number_of_endpoint(req->endpoint);
    if (!number) {
        m->h->fail(op, DG_EINVAL,
                   "there is no number in the endpoint; expected "
                   "Technology/number@where");
        return;
    }
    struct mock_call *c = call_new(m, req, number);
    m->h->done(op);
    struct dg_call info = describe(c);
    call_emit(c, (struct dg_event){.type = DG_CALL_STARTED, .info = &info});
    begin(c);
}

void mock_hangup(void *self, const struct dg_hangup *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_call *c = call_or_fail(m, req->call, false, op);
    if (!c)
        return;
    m->h->done(op);
    call_end(c, req->cause ? req->cause : 16, 0, "Normal Clearing");
}

void mock_calls(void *self, const struct dg_filter *req, struct dg_op *op)
{
    struct mock *m = self;
    for (struct mock_call *c = index_first(&m->calls); c; c = index_next(&m->calls, c)) {
        if (!matches(req, c->thing.id, c->name))
            continue;
        struct dg_call info = describe(c);
        m->h->item(op, &info);
    }
    m->h->done(op);
}
