/* ivr.c - calls in menus: taken up, told what happens, let go; see ivr.h. */
#include "domain/ivr.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/call_plan.h"
#include "domain/calls_private.h"
#include "domain/ivr_private.h"

#define CARRIER_MS 100

static const char human[] = "human", machine[] = "machine"; /* whom a message is for */

/* ---- Runs ---------------------------------------------------------------------------------- */

static struct ivr_run *run_new(struct ivr *ivr, struct call *c)
{
    struct ivr_run *run = xcalloc(1, sizeof *run);
    run->ivr = ivr;
    run->call = c;
    calls_hold(c);
    list_append(&ivr->all, &run->link);
    map_set(ivr->runs, c->id, run);
    metric_add(ivr->sessions, 1);
    return run;
}

static void run_free(struct ivr_run *run)
{
    struct ivr *ivr = run->ivr;
    loop_timer_stop(ivr->config.loop, run->timer);
    loop_timer_stop(ivr->config.loop, run->again);
    loop_timer_stop(ivr->config.loop, run->join_again);
    if (map_get(ivr->runs, run->call->id) == run)
        map_del(ivr->runs, run->call->id);
    if (*run->leg_id && map_get(ivr->runs, run->leg_id) == run)
        map_del(ivr->runs, run->leg_id);
    list_remove(&run->link);
    metric_add(ivr->sessions, -1);
    if (run->started)
        ivr_session_clear(&run->session);
    calls_release(run->call);
    free(run->leg_endpoint);
    free(run);
}

void run_let_go(struct ivr_run *run)
{
    bool leg_lives = run->leg != IVR_LEG_NONE && run->leg != IVR_LEG_OVER;
    if (run->over && !run->asked && !run->work_asked && !leg_lives)
        run_free(run);
}

static void work(void *arg)
{
    struct ivr_run *run = arg;
    run->work_asked = false;
    leg_work(run);
    run_let_go(run);
}

void run_soon(struct ivr_run *run)
{
    if (run->work_asked)
        return;
    run->work_asked = true;
    loop_call(run->ivr->config.loop, work, run);
}

/* ---- What is told of it -------------------------------------------------------------------- */

void run_publish(struct ivr_run *run, const char *type, struct buf *json)
{
    char campaign[24];
    snprintf(campaign, sizeof campaign, "%lld", (long long)run->call->campaign_id);
    const struct bus_event ev = {.topic = BUS_NOTICE,
                                 .at_ms = clock_unix_ms(),
                                 .call_id = run->call->id,
                                 .campaign_id = run->call->campaign_id ? campaign : NULL,
                                 .type = type,
                                 .json = buf_cstr(json)};
    bus_publish(run->ivr->config.bus, &ev);
}

void run_name(const struct ivr_run *run, struct json_writer *w)
{
    jw_str(w, "call_id", run->call->id);
    jw_str(w, "phone_number", run->call->phone_number);
    if (run->call->campaign_id)
        jw_int(w, "campaign_id", run->call->campaign_id);
}

static void tell_mark(struct ivr_run *run, const struct ivr_mark *m)
{
    bool message = run->session.message;
    struct buf json;
    struct json_writer w;
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    run_name(run, &w);
    ivr_mark_write(m, &w, message ? "message" : "ivr");
    jw_end(&w);
    run_publish(run, message ? "call.message" : "call.ivr", &json);
    buf_free(&json);
}

static void tell_path(struct ivr_run *run)
{
    const struct ivr_session *s = &run->session;
    struct buf json;
    struct json_writer w;
    if (run->told == s->path_count)
        return;
    if (!s->message)
        ivr_stats_add(run->ivr->config.stats, s, run->told);
    for (; run->told < s->path_count; run->told++)
        tell_mark(run, &s->path[run->told]);
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    if (s->message) {
        ivr_message_write(s, run->to, &w, NULL);
        calls_set_message(run->ivr->config.calls, run->call, buf_take(&json));
        return;
    }
    ivr_path_write(s, &w, NULL);
    calls_set_path(run->ivr->config.calls, run->call, buf_take(&json));
}

/* ---- Events in, commands out --------------------------------------------------------------- */

static void on_timer(void *arg)
{
    struct ivr_run *run = arg;
    run->timer = NULL;
    if (run->sending)
        run->timer = loop_timer(run->ivr->config.loop, IVR_SENDING_MS, on_timer, run);
    else
        run_tell(run, (struct ivr_event){.type = IVR_EV_TIMER, .number = run->timer_number});
}

static void set_timer(struct ivr_run *run, const struct ivr_command *c)
{
    struct loop *loop = run->ivr->config.loop;
    loop_timer_stop(loop, run->timer);
    run->timer_number = c->number;
    run->timer = loop_timer(loop, c->ms, on_timer, run);
}

static void end(struct ivr_run *run)
{
    run->over = true;
    loop_timer_stop(run->ivr->config.loop, run->timer);
    loop_timer_stop(run->ivr->config.loop, run->again);
    run->timer = run->again = NULL;
    leg_end(run);
    if (!run->session.message)
        ivr_count_end(run->ivr, ivr_reason(&run->session));
    map_del(run->ivr->runs, run->call->id);
    run_soon(run);
}

static void carry_out(struct ivr_run *run, const struct ivr_command *c)
{
    switch (c->type) {
    case IVR_DO_PLAY:
        media_play(run, c);
        break;
    case IVR_DO_STOP_PLAY:
        media_stop(run, c->number);
        break;
    case IVR_DO_TIMER:
        set_timer(run, c);
        break;
    case IVR_DO_CONNECT:
        leg_connect(run, c);
        break;
    case IVR_DO_RECORD:
        media_record(run, c);
        break;
    case IVR_DO_STOP_RECORD:
        media_stop_record(run, c->number);
        break;
    case IVR_DO_HANG_UP:
        leg_end(run);
        ivr_hang_up(run->ivr, run->call->id);
        break;
    case IVR_DO_END:
        end(run);
        break;
    }
}

void run_tell(struct ivr_run *run, struct ivr_event ev)
{
    struct ivr_commands out;
    if (run->over || !run->started || run->ivr->stopped)
        return;
    ev.at_ms = clock_unix_ms();
    ivr_step(&run->session, &ev, &out);
    tell_path(run);
    for (size_t i = 0; i < out.count; i++)
        carry_out(run, &out.list[i]);
}

/* ---- The beginning ------------------------------------------------------------------------- */

void run_drop(struct ivr_run *run)
{
    struct loop *loop = run->ivr->config.loop;
    run->over = true;
    run->detecting = false;
    loop_timer_stop(loop, run->timer);
    loop_timer_stop(loop, run->again);
    run->timer = run->again = NULL;
    map_del(run->ivr->runs, run->call->id);
    run_soon(run);
}

static void refuse(struct ivr_run *run, const char *why)
{
    log_warn("ivr", "a call cannot be led through its menu", LOG_S("call", run->call->id),
             LOG_I("menu", run->call->ivr_menu), LOG_S("why", why));
    run->over = true;
    ivr_count_end(run->ivr, "missing_menu");
    calls_set_path(
        run->ivr->config.calls, run->call,
        xasprintf("{\"menu\":%lld,\"keys\":\"\",\"result\":\"missing_menu\",\"path\":[]}",
                  (long long)run->call->ivr_menu));
    ivr_hang_up(run->ivr, run->call->id);
}

static void start(struct ivr_run *run)
{
    run->started = true;
    run_tell(run, (struct ivr_event){.type = IVR_EV_START});
    for (const char *key = run->early; *key && !run->over; key++)
        run_tell(run, (struct ivr_event){.type = IVR_EV_DIGIT, .digit = *key});
}

static void on_book(void *arg, const struct ivr_book_answer *answer)
{
    struct ivr_run *run = arg;
    run->asked--;
    if (answer->err != DG_OK && !run->over)
        refuse(run, answer->message);
    if (run->over || run->ivr->stopped) {
        run_let_go(run);
        return;
    }
    ivr_session_init(&run->session, answer->book, run->call->ivr_menu, NULL);
    start(run);
}

static void say(struct ivr_run *run, const char *sounds, const char *to)
{
    const struct call_plan *plan = run->call->plan;
    run->to = to;
    ivr_session_message(&run->session,
                        &(struct ivr_message){.sounds = sounds,
                                              .language = plan->language,
                                              .repeat = to == machine ? 1 : plan->repeat},
                        NULL);
    start(run);
}

static void go_on(struct ivr_run *run);

static void go_on_again(void *arg)
{
    struct ivr_run *run = arg;
    run->again = NULL;
    if (run->sending)
        run->again = loop_timer(run->ivr->config.loop, IVR_SENDING_MS, go_on_again, run);
    else
        go_on(run);
}

/* The dialplan has it: it is led no longer, after a restart neither. */
static void gone_on(struct ivr_run *run)
{
    run->call->sent_on = true;
    calls_refresh(run->ivr->config.calls, run->call);
}

static void on_gone(void *arg, const struct op_result *res)
{
    struct ivr_run *run = arg;
    run->asked--;
    if (run->over || run->ivr->stopped) {
        run_let_go(run);
        return;
    }
    if (res->err != DG_ENOTFOUND && run_again(run, res->err, go_on_again))
        return;
    if (res->err == DG_OK || (res->err == DG_ECONFLICT && run->resumed)) {
        gone_on(run); /* if not now, then before the gateway was ended */
    } else if (res->err != DG_ENOTFOUND) {
        log_warn("ivr", "a call could not be sent on to the dialplan", LOG_S("call", run->call->id),
                 LOG_S("why", res->message));
        ivr_hang_up(run->ivr, run->call->id);
    }
    run_drop(run);
}

/* To its place in the dialplan. */
static void go_on(struct ivr_run *run)
{
    const struct call *c = run->call;
    char priority[16];
    if (!c->carrier) {
        if (run_again(run, DG_EUNAVAILABLE, go_on_again))
            return;
        ivr_hang_up(run->ivr, c->id);
        run_drop(run);
        return;
    }
    snprintf(priority, sizeof priority, "%d", c->priority);
    const struct dg_dialplan req = {
        .call = c->id, .context = c->context, .extension = c->extension, .priority = priority};
    run->asked++;
    backend_go_to(c->carrier, &req, on_gone, run);
}

static void proceed(struct ivr_run *run)
{
    struct call *c = run->call;
    if (c->plan && c->plan->audio) {
        say(run, c->plan->audio, human);
    } else if (c->ivr_menu) {
        run->asked++;
        ivr_menus_book(run->ivr->config.menus, c->ivr_menu, on_book, run);
    } else {
        go_on(run);
    }
}

void run_detected(struct ivr_run *run, bool is_machine)
{
    const struct call_plan *plan = run->call->plan;
    run->detecting = false;
    if (is_machine && plan->on_machine == PLAN_MACHINE_MESSAGE) {
        say(run, plan->machine_message, machine);
    } else if (is_machine && plan->on_machine == PLAN_MACHINE_HANGUP) {
        ivr_hang_up(run->ivr, run->call->id);
        run_drop(run);
    } else {
        proceed(run);
    }
}

/* After a restart a call has no carrier until its backend is there. */
static void begin_with_carrier(void *arg)
{
    struct ivr_run *run = arg;
    const struct call *c = run->call;
    run->again = NULL;
    if (!c->carrier)
        run->again = loop_timer(run->ivr->config.loop, CARRIER_MS, begin_with_carrier, run);
    else if (run->resumed)
        run_detected(run, detect_was_machine(c));
    else
        proceed(run);
}

static void begin(struct ivr *ivr, struct call *c)
{
    struct ivr_run *run = run_new(ivr, c);
    run->taken_up = !c->carrier;
    run->resumed = c->detected != NULL;
    if (c->plan && c->plan->detect && !run->resumed)
        detect_begin(run);
    else
        begin_with_carrier(run);
}

/* ---- What happens to calls ----------------------------------------------------------------- */

static void on_call(struct ivr *ivr, struct call *c)
{
    if (c->state != CALL_ANSWERED || map_get(ivr->runs, c->id))
        return;
    if (c->ivr_path)
        left_found(ivr);
    else if (c->message)
        left_in_message(ivr, c);
    else
        begin(ivr, c);
}

static void on_bus(void *arg, const struct bus_event *ev)
{
    struct ivr *ivr = arg;
    if ((ev->topic != BUS_CALL_CHANGED && ev->topic != BUS_CALL_ENDED) || ivr->stopped)
        return;
    struct ivr_run *run = map_get(ivr->runs, ev->call->id);
    if (run && str_eq(run->leg_id, ev->call->id))
        leg_event(run, ev->call);
    else if (!run && ev->call->leg)
        left_leg(ivr, ev->call);
    else if (call_is_led(ev->call) && ev->topic == BUS_CALL_CHANGED)
        on_call(ivr, calls_find(ivr->config.calls, ev->call->id));
    else if (ev->call->ivr_menu && !ev->call->sent_on && !run)
        left_ended(ivr, ev->call);
}

static void on_event(void *arg, struct call *c, const struct dg_event *ev)
{
    struct ivr *ivr = arg;
    struct ivr_run *run = map_get(ivr->runs, c->id);
    if (run && run->sending) {
        if (ev->type == DG_PLAY_ENDED || ev->type == DG_CALL_DETECTED)
            run->missed = ev->type;
        return;
    }
    if (run && run->detecting)
        detect_event(run, ev);
    if (run)
        media_event(run, ev);
}

static struct ivr_run *run_of(struct ivr *ivr, const struct call *c)
{
    struct ivr_run *run = map_get(ivr->runs, c->id);
    return run && run->call == c && !run->over ? run : NULL;
}

/* What ends because the call leaves may be told before the request is answered. */
static void on_sending(void *arg, struct call *c, bool under_way)
{
    struct ivr_run *run = run_of(arg, c);
    if (!run)
        return;
    enum dg_event_type missed = run->missed;
    run->sending = under_way;
    run->missed = 0;
    if (under_way)
        return;
    if (missed == DG_CALL_DETECTED && run->detecting)
        detect_lost(run);
    else if (missed == DG_PLAY_ENDED)
        media_ended(run);
}

static void on_away(void *arg, struct call *c)
{
    struct ivr_run *run = run_of(arg, c);
    if (!run)
        return;
    run->sending = false;
    if (run->started) {
        run_tell(run, (struct ivr_event){.type = IVR_EV_AWAY});
        return;
    }
    if (c->ivr_menu)
        ivr_count_end(arg, "transferred");
    run_drop(run);
}

/* It is about to be written down for the last time. */
static void on_ending(void *arg, struct call *c)
{
    struct ivr *ivr = arg;
    struct ivr_run *run = map_get(ivr->runs, c->id);
    if (c->let_go) { /* it lives on, at another gateway */
        if (run)
            run_drop(run);
        return;
    }
    if (!run) {
        left_ending(ivr, c);
        return;
    }
    if (run->started) {
        run_tell(run, (struct ivr_event){.type = IVR_EV_HANGUP});
        return;
    }
    if (run->detecting)
        detect_hangup(run);
    if (c->ivr_menu)
        ivr_count_end(ivr, "caller");
    run_drop(run);
}

/* ---- Figures ------------------------------------------------------------------------------- */

static void add_metrics(struct ivr *ivr, struct metrics *m)
{
    const struct metric_family_info sessions = {
        .kind = METRIC_GAUGE,
        .name = "dialgate_ivr_sessions",
        .help = "Calls that are being led through menus.",
    };
    const struct metric_family_info ended = {
        .kind = METRIC_COUNTER,
        .name = "dialgate_ivr_sessions_ended_total",
        .help = "Calls that were led through menus, by how that ended.",
        .labels = {"result"},
    };
    ivr->sessions = metric_plain(metrics_family(m, &sessions));
    ivr->ended = metrics_family(m, &ended);
}

void ivr_count_end(struct ivr *ivr, const char *result)
{
    metric_add(metric_of(ivr->ended, &result), 1);
}

/* ---- All of it ----------------------------------------------------------------------------- */

struct ivr *ivr_new(const struct ivr_config *config)
{
    struct ivr *ivr = xcalloc(1, sizeof *ivr);
    ivr->config = *config;
    ivr->config.place = (struct ivr_place){xstrdup(config->place.folder),
                                           xstrdup(config->place.url), xstrdup(config->place.key)};
    ivr->runs = map_new();
    list_init(&ivr->all);
    list_init(&ivr->ending);
    add_metrics(ivr, config->metrics);
    bus_subscribe(config->bus, on_bus, ivr);
    calls_set_guide(config->calls, &(struct calls_guide){.event = on_event,
                                                         .ending = on_ending,
                                                         .sending = on_sending,
                                                         .away = on_away,
                                                         .arg = ivr});
    return ivr;
}

void ivr_stop(struct ivr *ivr)
{
    if (!ivr || ivr->stopped)
        return;
    ivr->stopped = true;
    loop_timer_stop(ivr->config.loop, ivr->settle);
    ivr->settle = NULL;
    bus_unsubscribe(ivr->config.bus, on_bus, ivr);
    calls_set_guide(ivr->config.calls, &(struct calls_guide){0});
    for (struct link *i = ivr->all.next; i != &ivr->all; i = i->next) {
        struct ivr_run *run = list_item(i, struct ivr_run, link);
        loop_timer_stop(ivr->config.loop, run->timer);
        loop_timer_stop(ivr->config.loop, run->again);
        loop_timer_stop(ivr->config.loop, run->join_again);
        run->timer = run->again = run->join_again = NULL;
    }
    ends_stop(ivr);
}

void ivr_free(struct ivr *ivr)
{
    if (!ivr)
        return;
    while (!list_empty(&ivr->all))
        run_free(list_item(ivr->all.next, struct ivr_run, link));
    ends_free(ivr);
    map_free(ivr->runs, NULL);
    free((char *)ivr->config.place.folder);
    free((char *)ivr->config.place.url);
    free((char *)ivr->config.place.key);
    free(ivr);
}
