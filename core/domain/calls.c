/* calls.c - the live calls: what a step asks for is carried out here. */
#include "domain/calls.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "domain/call_record.h"
#include "domain/calls_private.h"

/* An ended call whose snapshot is still shown. */
struct recent {
    struct link link;
    uint64_t ended_ms;
    bool given_up;
    char id[ID_SIZE];
};

#define DEADLINE_GRACE_MS 10000 /* beyond the ring timeout, before we ask for the end ourselves */
#define END_GRACE_MS      10000 /* after we asked, before the call is given up */
#define RECENT_SWEEP_MS   5000
/* While its backend is away nothing is known of a call: its deadline waits, but not for ever. */
#define AWAY_STEP_MS     5000
#define AWAY_PATIENCE_MS (10 * 60 * 1000)

static void sweep_recent(void *arg);

struct calls *calls_new(const struct calls_config *config)
{
    struct calls *cs = xcalloc(1, sizeof *cs);
    cs->config = *config;
    cs->live = map_new();
    backends_start(cs);
    cs->given_up = map_new();
    cs->companions = map_new();
    list_init(&cs->recent);
    cs->recent_timer = loop_timer(config->loop, RECENT_SWEEP_MS, sweep_recent, cs);
    reconcile_start(cs);
    return cs;
}

static void let_go(void *value)
{
    calls_release(value);
}

static void stop_deadline(void *arg, const char *id, void *value)
{
    struct calls *cs = arg;
    struct call *c = value;
    (void)id;
    loop_timer_stop(cs->config.loop, c->deadline);
    c->deadline = NULL;
}

static void close_admission(void *arg, const char *backend, void *value)
{
    (void)arg;
    (void)backend;
    admission_close(value);
}

void calls_stop(struct calls *cs)
{
    cs->stopping = true;
    backends_stop(cs);
    reconcile_stop(cs);
    map_each(cs->admissions, close_admission, NULL);
    map_each(cs->live, stop_deadline, cs);
}

void calls_free(struct calls *cs)
{
    if (!cs)
        return;
    loop_timer_stop(cs->config.loop, cs->recent_timer);
    reconcile_stop(cs);
    map_each(cs->live, stop_deadline, cs);
    map_free(cs->live, let_go);
    backends_free(cs);
    map_free(cs->given_up, NULL);
    map_free(cs->companions, free);
    while (!list_empty(&cs->recent)) {
        struct recent *r = list_item(cs->recent.next, struct recent, link);
        list_remove(&r->link);
        free(r);
    }
    free(cs);
}

void calls_retain(struct calls *cs, const struct call_retention *retention)
{
    cs->config.retention = *retention;
}

void calls_set_companion(struct calls *cs, const char *backend, const char *companion)
{
    if (companion)
        free(map_set(cs->companions, backend, xstrdup(companion)));
    else
        free(map_del(cs->companions, backend));
}

struct instance *calls_companion(const struct calls *cs, const struct instance *backend)
{
    const char *name = map_get(cs->companions, backend->name);
    return name ? calls_backend_named(cs, name) : NULL;
}

void calls_set_ended(struct calls *cs, calls_ended_fn *fn, void *arg)
{
    cs->ended = fn;
    cs->ended_arg = arg;
}

void calls_set_guide(struct calls *cs, const struct calls_guide *guide)
{
    cs->guide = *guide;
}

struct each {
    calls_each_fn *fn;
    void *arg;
};

static void each_call(void *arg, const char *id, void *value)
{
    const struct each *e = arg;
    (void)id;
    e->fn(e->arg, value);
}

void calls_each(struct calls *cs, calls_each_fn *fn, void *arg)
{
    struct each e = {fn, arg};
    map_each(cs->live, each_call, &e);
}

struct call *calls_find(struct calls *cs, const char *id)
{
    return map_get(cs->live, id);
}

size_t calls_live(const struct calls *cs)
{
    return map_len(cs->live);
}

void calls_hold(struct call *c)
{
    c->refs++;
}

void calls_release(struct call *c)
{
    if (--c->refs == 0)
        call_free(c);
}

static void count_live(struct calls *cs)
{
    if (cs->config.metrics)
        call_metrics_live(cs->config.metrics, map_len(cs->live));
}

void calls_add(struct calls *cs, struct call *c)
{
    calls_hold(c);
    map_set(cs->live, c->id, c);
    admission_call_begins(admission_of(cs, c->backend));
    count_live(cs);
}

struct call_event calls_event_now(enum call_event_type type)
{
    return (struct call_event){.type = type, .at_ms = clock_unix_ms(), .mono_ms = clock_ms()};
}

/* Events may come late: a duration is from when it happened. A greater lag is another clock. */
#define LAG_MAX_MS 60000

struct call_event calls_event_then(enum call_event_type type, int64_t at_ms)
{
    struct call_event ev = calls_event_now(type);
    int64_t lag_ms = at_ms ? ev.at_ms - at_ms : 0;
    if (at_ms)
        ev.at_ms = at_ms;
    if (lag_ms > 0 && lag_ms < LAG_MAX_MS && (uint64_t)lag_ms < ev.mono_ms)
        ev.mono_ms -= (uint64_t)lag_ms;
    return ev;
}

/* ---- Effects of a step ------------------------------------------------------- */

static void show(struct calls *cs, const struct call *c)
{
    struct buf json;
    buf_init(&json, BUF_MAX);
    cs->config.render(c, &json);
    snapshots_put(cs->config.snapshots, c->id, json.ptr, json.len);
    buf_free(&json);
}

void calls_publish(struct calls *cs, struct call *c, enum call_state from)
{
    show(cs, c);

    struct bus_event ev = {.topic = call_is_over(c->state) ? BUS_CALL_ENDED : BUS_CALL_CHANGED,
                           .at_ms = clock_unix_ms(),
                           .call = c,
                           .call_id = c->id,
                           .from = call_state_name(from),
                           .to = call_state_name(c->state),
                           .first = !c->announced};
    c->announced = true;
    bus_publish(cs->config.bus, &ev);
}

static void render_step(const struct call *c, bool with_cdr, struct store_batch *batch)
{
    struct buf json;
    store_batch_init(batch);
    buf_init(&json, BUF_MAX);
    call_record_write(c, &json);
    store_batch_put(batch, COLLECTION_CALLS, c->id, (struct dg_bytes){json.ptr, json.len},
                    DG_VERSION_ANY);
    if (with_cdr && !c->leg) {
        buf_clear(&json);
        cdr_write(c, &json);
        store_batch_put(batch, COLLECTION_CDR, c->id, (struct dg_bytes){json.ptr, json.len},
                        DG_VERSION_ANY);
    }
    buf_free(&json);
}

void calls_end_batch(const struct call *c, struct store_batch *batch)
{
    render_step(c, true, batch);
}

/* The record, and with the end the CDR: in one transaction, kept until it is written. */
static void store_step(struct calls *cs, struct call *c, bool with_cdr)
{
    struct store_batch batch;
    render_step(c, with_cdr, &batch);
    bool theirs = with_cdr && c->campaign_id && !c->leg && cs->ended;
    if (!theirs || !cs->ended(cs->ended_arg, c, &batch))
        store_write_kept(cs->config.store, &batch);
    store_batch_free(&batch);
}

void calls_refresh(struct calls *cs, struct call *c)
{
    if (call_is_over(c->state) || c->let_go)
        return;
    if (c->stored)
        store_step(cs, c, false);
    show(cs, c);
}

static void set_text(char **where, const char *text)
{
    free(*where);
    *where = xstrdup(text);
}

void calls_set_agent(struct calls *cs, struct call *c, const char *agent, const char *result)
{
    set_text(&c->agent, agent);
    set_text(&c->agent_result, result);
    calls_refresh(cs, c);
}

static void take_text(struct calls *cs, struct call *c, char **where, char *text)
{
    free(*where);
    *where = text;
    calls_refresh(cs, c);
}

void calls_sending_on(struct calls *cs, struct call *c, bool under_way)
{
    if (call_is_led(c) && !call_is_over(c->state) && cs->guide.sending)
        cs->guide.sending(cs->guide.arg, c, under_way);
}

void calls_sent_on(struct calls *cs, struct call *c)
{
    if (!call_is_led(c) || call_is_over(c->state))
        return;
    if (cs->guide.away)
        cs->guide.away(cs->guide.arg, c);
    c->sent_on = true;
    calls_refresh(cs, c);
}

void calls_set_path(struct calls *cs, struct call *c, char *json)
{
    take_text(cs, c, &c->ivr_path, json);
}

void calls_set_detected(struct calls *cs, struct call *c, char *json)
{
    take_text(cs, c, &c->detected, json);
}

void calls_set_message(struct calls *cs, struct call *c, char *json)
{
    take_text(cs, c, &c->message, json);
}

static void forget_oldest(struct calls *cs)
{
    struct recent *r = list_item(cs->recent.next, struct recent, link);
    list_remove(&r->link);
    cs->recent_count--;
    snapshots_del(cs->config.snapshots, r->id);
    if (r->given_up)
        map_del(cs->given_up, r->id);
    free(r);
}

static void remember(struct calls *cs, const struct call *c)
{
    struct recent *r = xcalloc(1, sizeof *r);
    memcpy(r->id, c->id, sizeof r->id);
    r->ended_ms = clock_ms();
    r->given_up = c->given_up;
    if (r->given_up)
        map_set(cs->given_up, r->id, r);
    list_append(&cs->recent, &r->link);
    cs->recent_count++;
    while (cs->recent_count > cs->config.retention.recent_max)
        forget_oldest(cs);
}

static void sweep_recent(void *arg)
{
    struct calls *cs = arg;
    uint64_t now = clock_ms();
    const struct call_retention *keep = &cs->config.retention;
    while (!list_empty(&cs->recent) &&
           (cs->recent_count > keep->recent_max ||
            now - list_item(cs->recent.next, struct recent, link)->ended_ms >= keep->recent_ms))
        forget_oldest(cs);
    cs->recent_timer = loop_timer(cs->config.loop, RECENT_SWEEP_MS, sweep_recent, cs);
}

static void log_end(const struct call *c)
{
    log_info("calls", "call ended", LOG_S("call", c->id), LOG_S("state", call_state_name(c->state)),
             LOG_I("cause", c->cause), LOG_I("duration", c->duration_s),
             LOG_S("reason", c->failure_reason), LOG_S("backend", c->backend));
}

static void end_call(struct calls *cs, struct call *c)
{
    log_end(c);
    remember(cs, c);
    loop_timer_stop(cs->config.loop, c->deadline);
    c->deadline = NULL;
    map_del(cs->live, c->id);
    admission_call_ends(admission_of(cs, c->backend));
    calls_carry(cs, c, NULL);
    calls_release(c);
    count_live(cs);
}

void calls_let_go(struct calls *cs, struct call *c)
{
    log_info("calls", "call let go", LOG_S("call", c->id),
             LOG_S("state", call_state_name(c->state)));
    c->let_go = true; /* whoever still holds it may tell of it what he likes */
    if (call_is_led(c) && cs->guide.ending)
        cs->guide.ending(cs->guide.arg, c);
    snapshots_del(cs->config.snapshots, c->id);
    loop_timer_stop(cs->config.loop, c->deadline);
    c->deadline = NULL;
    map_del(cs->live, c->id);
    admission_call_ends(admission_of(cs, c->backend));
    calls_carry(cs, c, NULL);
    calls_release(c);
    count_live(cs);
}

void calls_move(struct calls *cs, struct call *c, const struct call_event *ev)
{
    enum call_state from = c->state;
    if (c->let_go)
        return;
    struct call_step step = call_apply(c, ev);
    if (!step.effects)
        return;
    log_debug("calls", "call moved", LOG_S("call", c->id), LOG_S("from", call_state_name(from)),
              LOG_S("to", call_state_name(c->state)));
    if (step.effects & CALL_DO_CDR && !c->leg && !c->cdr_number && cs->config.cdr_numbers)
        c->cdr_number = serials_next(cs->config.cdr_numbers);
    if (call_is_over(c->state) && call_is_led(c) && cs->guide.ending)
        cs->guide.ending(cs->guide.arg, c);
    if (step.effects & CALL_DO_STORE && c->stored)
        store_step(cs, c, step.effects & CALL_DO_CDR);
    if (step.effects & CALL_DO_PUBLISH)
        calls_publish(cs, c, from);
    if (call_is_over(c->state))
        end_call(cs, c);
    else
        calls_watch(cs, c);
}

/* ---- Deadlines ---------------------------------------------------------------- */

static void on_overdue_hangup(void *arg, const struct op_result *res)
{
    struct call *c = arg;
    if (res->err != DG_OK && res->err != DG_ENOTFOUND)
        log_warn("calls", "hang-up of an overdue call failed", LOG_S("call", c->id),
                 LOG_S("why", res->message));
    calls_release(c);
}

static bool is_backend_away(const struct call *c)
{
    return !c->carrier || c->carrier->link != DG_LINK_UP;
}

static void on_deadline(void *arg)
{
    struct call *c = arg;
    struct calls *cs = c->owner;
    c->deadline = NULL;
    if (is_backend_away(c) && c->placed && c->postponed_ms < AWAY_PATIENCE_MS) {
        c->postponed_ms += AWAY_STEP_MS;
        c->deadline = loop_timer(cs->config.loop, AWAY_STEP_MS, on_deadline, c);
        return;
    }
    if (c->overdue || !c->carrier) {
        struct call_event ev = calls_event_now(CALL_EV_LOST);
        ev.text = "No end was reported";
        ev.estimated = true;
        calls_move(cs, c, &ev);
        return;
    }
    log_warn("calls", "call is overdue, hanging up", LOG_S("call", c->id),
             LOG_S("state", call_state_name(c->state)));
    c->overdue = true;
    calls_watch(cs, c);
    calls_hold(c);
    struct dg_hangup req = {.call = c->id};
    backend_hangup(c->carrier, &req, on_overdue_hangup, c);
}

void calls_watch(struct calls *cs, struct call *c)
{
    uint64_t after = c->ring_ms + DEADLINE_GRACE_MS;
    if (cs->stopping)
        return;
    if (c->overdue)
        after = END_GRACE_MS;
    else if (c->state == CALL_ANSWERED)
        after = c->talk_ms ? c->talk_ms : cs->config.retention.max_duration_ms;
    else if (c->deadline)
        return; /* ringing does not prolong it */
    loop_timer_stop(cs->config.loop, c->deadline);
    c->deadline = after ? loop_timer(cs->config.loop, after, on_deadline, c) : NULL;
}

/* ---- Events ------------------------------------------------------------------- */

static const struct {
    enum dg_event_type from;
    enum call_event_type to;
} event_map[] = {
    {DG_CALL_STARTED, CALL_EV_STARTED},   {DG_CALL_RINGING, CALL_EV_RINGING},
    {DG_CALL_PROGRESS, CALL_EV_PROGRESS}, {DG_CALL_ANSWERED, CALL_EV_ANSWERED},
    {DG_CALL_ENDED, CALL_EV_ENDED},
};

static const char *event_name(enum dg_event_type type)
{
    static const char *const names[] = {
        [DG_CALL_STARTED] = "call_started",
        [DG_CALL_CHANGED] = "call_changed",
        [DG_CALL_CONTROL] = "call_control",
        [DG_CALL_RINGING] = "call_ringing",
        [DG_CALL_PROGRESS] = "call_progress",
        [DG_CALL_ANSWERED] = "call_answered",
        [DG_CALL_HELD] = "call_held",
        [DG_CALL_MUTED] = "call_muted",
        [DG_CALL_DTMF] = "call_dtmf",
        [DG_CALL_BRIDGED] = "call_bridged",
        [DG_CALL_PARKED] = "call_parked",
        [DG_CALL_TRANSFERRED] = "call_transferred",
        [DG_CALL_VARIABLE] = "call_variable",
        [DG_CALL_ENDED] = "call_ended",
        [DG_BRIDGE_STARTED] = "bridge_started",
        [DG_BRIDGE_ENDED] = "bridge_ended",
        [DG_PLAY_ENDED] = "play_ended",
        [DG_RECORD_ENDED] = "record_ended",
        [DG_ENDPOINT_CHANGED] = "endpoint_changed",
        [DG_QUEUE_CHANGED] = "queue_changed",
        [DG_NATIVE] = "native",
        [DG_CALL_DETECTED] = "call_detected",
    };
    size_t index = (size_t)type;
    return index < sizeof names / sizeof *names && names[index] ? names[index] : "other";
}

static void ignore(void *arg, const struct op_result *res)
{
    (void)arg;
    (void)res;
}

/* It was told to have failed, so it must not go on: an originate that was still on its way when
 * we looked for the call. */
void calls_end_unwanted(struct calls *cs, struct instance *in, const char *id)
{
    if (!map_get(cs->given_up, id))
        return;
    log_warn("calls", "a call that was given up is there after all, hanging up", LOG_S("call", id),
             LOG_S("instance", in->name));
    struct dg_hangup req = {.call = id};
    backend_hangup(in, &req, ignore, NULL);
}

void calls_event(struct calls *cs, struct instance *in, const struct dg_event *ev)
{
    if (!backend_of(cs, in)) /* it was opened for a configuration that was refused, or is closed */
        return;
    struct call *c = ev->call ? map_get(cs->live, ev->call) : NULL;
    if (cs->config.metrics)
        call_metrics_event(cs->config.metrics, event_name(ev->type), c != NULL);
    if (!c && ev->type == DG_CALL_STARTED)
        calls_end_unwanted(cs, in, ev->call);
    if (c && c->carrier && c->carrier != in && calls_companion(cs, c->carrier) == in)
        doing_event(cs, c, ev);
    if (!c || !calls_heeds(cs, c, in))
        return;
    if (!c->carrier)
        calls_carry(cs, c, in);
    c->heard_at_ms = clock_unix_ms();
    for (size_t i = 0; i < sizeof event_map / sizeof *event_map; i++) {
        if (event_map[i].from != ev->type)
            continue;
        struct call_event move = calls_event_then(event_map[i].to, ev->at_ms);
        move.cause = ev->cause;
        move.sip_code = ev->sip_code;
        move.text = ev->type == DG_CALL_ENDED ? ev->text : NULL;
        move.estimated = ev->estimated;
        c->placed = true;
        calls_move(cs, c, &move);
        return;
    }
    doing_event(cs, c, ev);
    if (call_is_led(c) && cs->guide.event)
        cs->guide.event(cs->guide.arg, c, ev);
}

void calls_link(struct calls *cs, struct instance *in, enum dg_link link)
{
    if (!backend_of(cs, in))
        return;
    struct bus_event ev = {.topic = BUS_LINK,
                           .at_ms = clock_unix_ms(),
                           .instance = in->name,
                           .detail = in->link_detail,
                           .link = (int)link};
    bus_publish(cs->config.bus, &ev);
    backends_link(cs, in, link);
    if (link == DG_LINK_UP)
        reconcile_link_up(cs, in);
}

/* ---- Asking for one call -------------------------------------------------------- */

struct ask {
    struct calls *cs;
    struct call *call; /* held; NULL: not in memory */
    calls_fn *fn;
    void *arg;
    enum dg_err err;
    const char *message;
    bool was_cancelled;
};

static struct ask *ask_new(struct calls *cs, struct call *c, calls_fn *fn, void *arg)
{
    struct ask *a = xcalloc(1, sizeof *a);
    *a = (struct ask){.cs = cs, .call = c, .fn = fn, .arg = arg};
    if (c)
        calls_hold(c);
    return a;
}

static void ask_answer(struct ask *a, enum dg_err err, const char *message)
{
    struct call_answer answer = {.err = err, .message = message, .call = a->call};
    a->fn(a->arg, &answer);
    if (a->call)
        calls_release(a->call);
    free(a);
}

static void answer_later(void *arg)
{
    struct ask *a = arg;
    ask_answer(a, a->err, a->message);
}

/* Nothing is answered from inside the call that asked. */
static void ask_soon(struct ask *a, enum dg_err err, const char *message)
{
    a->err = err;
    a->message = message;
    loop_call(a->cs->config.loop, answer_later, a);
}

static void on_stored_call(void *arg, const struct store_doc *doc)
{
    struct ask *a = arg;
    if (doc->err == DG_OK) {
        a->call = call_record_read(doc->id, doc->json);
        if (a->call)
            calls_hold(a->call);
        ask_answer(a, a->call ? DG_OK : DG_EINTERNAL, a->call ? NULL : "Unreadable record");
        return;
    }
    ask_answer(a, doc->err, doc->err == DG_ENOTFOUND ? "Call not found" : doc->message);
}

void calls_get(struct calls *cs, const char *id, calls_fn *fn, void *arg)
{
    struct ask *a = ask_new(cs, map_get(cs->live, id), fn, arg);
    if (a->call)
        ask_soon(a, DG_OK, NULL);
    else
        store_get_json(cs->config.store, COLLECTION_CALLS, id, on_stored_call, a);
}

static void on_hangup(void *arg, const struct op_result *res)
{
    struct ask *a = arg;
    if (res->err == DG_EUNAVAILABLE) /* nothing was asked of anybody */
        a->call->cancelled = a->was_cancelled;
    bool gone = res->err == DG_ENOTFOUND; /* it has ended by itself; the event is on its way */
    ask_answer(a, gone ? DG_OK : res->err, gone ? NULL : res->message);
}

struct find_ended {
    ended_call_fn *fn;
    void *arg;
};

/* It is no longer (or never was) among the live ones. */
static void on_ended_call(void *arg, const struct store_doc *doc)
{
    struct find_ended *f = arg;
    struct ended_call found = {doc->err, doc->message};
    if (doc->err == DG_OK)
        found = (struct ended_call){DG_ECONFLICT, "Call has already ended"};
    else if (doc->err == DG_ENOTFOUND)
        found.message = "Call not found";
    f->fn(f->arg, &found);
    free(f);
}

void calls_find_ended(struct calls *cs, const char *id, ended_call_fn *fn, void *arg)
{
    struct find_ended *f = xcalloc(1, sizeof *f);
    *f = (struct find_ended){fn, arg};
    store_get_json(cs->config.store, COLLECTION_CALLS, id, on_ended_call, f);
}

static void on_hangup_of_ended(void *arg, const struct ended_call *found)
{
    ask_answer(arg, found->err, found->message);
}

void calls_hangup(struct calls *cs, const char *id, int cause, calls_fn *fn, void *arg)
{
    struct call *c = map_get(cs->live, id);
    struct ask *a = ask_new(cs, c, fn, arg);
    if (!c) {
        calls_find_ended(cs, id, on_hangup_of_ended, a);
        return;
    }
    a->was_cancelled = c->cancelled;
    if (c->stored && !c->carrier) {
        ask_soon(a, DG_EUNAVAILABLE, "The call's backend is not connected");
        return;
    }
    c->cancelled = true;
    if (!c->asked) { /* not dialled yet: originate.c ends it when it gets there */
        if (c->originate)
            originate_hurry(c->originate);
        ask_soon(a, DG_OK, NULL);
        return;
    }
    struct dg_hangup req = {.call = c->id, .cause = cause};
    backend_hangup(c->carrier, &req, on_hangup, a);
}
