/* ivr.c - calls in menus: taken up, told what happens, let go; see ivr.h. */
#include "domain/ivr.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/ivr_private.h"

#define AGAIN_MS 500

/* ---- Ends that must come about ------------------------------------------------------------- */

/* A hang-up, asked for again while the backend is away. */
struct ivr_end {
    struct link link;
    struct ivr *ivr;
    char call[ID_SIZE];
    struct loop_timer *again;
};

static void ask_end(void *arg);

static void end_free(struct ivr_end *e)
{
    list_remove(&e->link);
    free(e);
}

static void on_ended(void *arg, const struct call_answer *answer)
{
    struct ivr_end *e = arg;
    if (answer->err == DG_OK || answer->err == DG_ENOTFOUND || answer->err == DG_ECONFLICT ||
        e->ivr->stopped)
        end_free(e);
    else
        e->again = loop_timer(e->ivr->config.loop, AGAIN_MS, ask_end, e);
}

static void ask_end(void *arg)
{
    struct ivr_end *e = arg;
    e->again = NULL;
    calls_hangup(e->ivr->config.calls, e->call, 0, on_ended, e);
}

void ivr_hang_up(struct ivr *ivr, const char *call)
{
    if (ivr->stopped)
        return;
    struct ivr_end *e = xcalloc(1, sizeof *e);
    e->ivr = ivr;
    memcpy(e->call, call, strlen(call) + 1);
    list_append(&ivr->ending, &e->link);
    e->again = loop_timer(ivr->config.loop, 0, ask_end, e);
}

/* ---- Runs ---------------------------------------------------------------------------------- */

static struct ivr_run *run_new(struct ivr *ivr, struct call *c)
{
    struct ivr_run *run = xcalloc(1, sizeof *run);
    run->ivr = ivr;
    run->call = c;
    calls_hold(c);
    list_append(&ivr->all, &run->link);
    map_set(ivr->runs, c->id, run);
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

static void tell_mark(struct ivr_run *run, const struct ivr_mark *m)
{
    struct buf json;
    struct json_writer w;
    char campaign[24];
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    jw_str(&w, "call_id", run->call->id);
    jw_str(&w, "phone_number", run->call->phone_number);
    if (run->call->campaign_id)
        jw_int(&w, "campaign_id", run->call->campaign_id);
    ivr_mark_write(m, &w, "ivr");
    jw_end(&w);
    snprintf(campaign, sizeof campaign, "%lld", (long long)run->call->campaign_id);
    const struct bus_event ev = {.topic = BUS_NOTICE,
                                 .at_ms = clock_unix_ms(),
                                 .call_id = run->call->id,
                                 .campaign_id = run->call->campaign_id ? campaign : NULL,
                                 .type = "call.ivr",
                                 .json = buf_cstr(&json)};
    bus_publish(run->ivr->config.bus, &ev);
    buf_free(&json);
}

static void tell_path(struct ivr_run *run)
{
    const struct ivr_session *s = &run->session;
    struct buf json;
    struct json_writer w;
    if (run->told == s->path_count)
        return;
    for (; run->told < s->path_count; run->told++)
        tell_mark(run, &s->path[run->told]);
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    ivr_path_write(s, &w, NULL);
    calls_set_path(run->ivr->config.calls, run->call, buf_take(&json));
}

/* ---- Events in, commands out --------------------------------------------------------------- */

static void on_timer(void *arg)
{
    struct ivr_run *run = arg;
    run->timer = NULL;
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
    ivr_stats_add(run->ivr->config.stats, &run->session);
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

static void refuse(struct ivr_run *run, const char *why)
{
    log_warn("ivr", "a call cannot be led through its menu", LOG_S("call", run->call->id),
             LOG_I("menu", run->call->ivr_menu), LOG_S("why", why));
    run->over = true;
    calls_set_path(
        run->ivr->config.calls, run->call,
        xasprintf("{\"menu\":%lld,\"keys\":\"\",\"result\":\"missing_menu\",\"path\":[]}",
                  (long long)run->call->ivr_menu));
    ivr_hang_up(run->ivr, run->call->id);
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
    run->started = true;
    ivr_session_init(&run->session, answer->book, run->call->ivr_menu, NULL);
    run_tell(run, (struct ivr_event){.type = IVR_EV_START});
    for (const char *key = run->early; *key && !run->over; key++)
        run_tell(run, (struct ivr_event){.type = IVR_EV_DIGIT, .digit = *key});
}

static void begin(struct ivr *ivr, struct call *c)
{
    struct ivr_run *run = run_new(ivr, c);
    run->asked++;
    ivr_menus_book(ivr->config.menus, c->ivr_menu, on_book, run);
}

/* ---- What happens to calls ----------------------------------------------------------------- */

static void on_call(struct ivr *ivr, struct call *c)
{
    if (c->state != CALL_ANSWERED || map_get(ivr->runs, c->id))
        return;
    if (c->ivr_path) /* of a session that is gone */
        ivr_hang_up(ivr, c->id);
    else
        begin(ivr, c);
}

/* The second leg of such a call. */
static void on_leg(struct ivr *ivr, const struct call *leg)
{
    const struct call *c = leg->peer ? calls_find(ivr->config.calls, leg->peer) : NULL;
    if (!call_is_over(leg->state) && c && c->ivr_menu)
        ivr_hang_up(ivr, leg->id);
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
        on_leg(ivr, ev->call);
    else if (ev->call->ivr_menu && ev->topic == BUS_CALL_CHANGED)
        on_call(ivr, calls_find(ivr->config.calls, ev->call->id));
}

static void on_event(void *arg, struct call *c, const struct dg_event *ev)
{
    struct ivr *ivr = arg;
    struct ivr_run *run = map_get(ivr->runs, c->id);
    if (run)
        media_event(run, ev);
}

/* It is about to be written down for the last time. */
static void on_ending(void *arg, struct call *c)
{
    struct ivr *ivr = arg;
    struct ivr_run *run = map_get(ivr->runs, c->id);
    if (!run)
        return;
    if (run->started) {
        run_tell(run, (struct ivr_event){.type = IVR_EV_HANGUP});
        return;
    }
    run->over = true;
    map_del(ivr->runs, c->id);
    run_soon(run);
}

/* ---- All of it ----------------------------------------------------------------------------- */

struct ivr *ivr_new(const struct ivr_config *config)
{
    struct ivr *ivr = xcalloc(1, sizeof *ivr);
    ivr->config = *config;
    ivr->config.folder = xstrdup(config->folder);
    ivr->runs = map_new();
    list_init(&ivr->all);
    list_init(&ivr->ending);
    bus_subscribe(config->bus, on_bus, ivr);
    calls_set_guide(config->calls,
                    &(struct calls_guide){.event = on_event, .ending = on_ending, .arg = ivr});
    return ivr;
}

void ivr_stop(struct ivr *ivr)
{
    if (!ivr || ivr->stopped)
        return;
    ivr->stopped = true;
    bus_unsubscribe(ivr->config.bus, on_bus, ivr);
    calls_set_guide(ivr->config.calls, &(struct calls_guide){0});
    for (struct link *i = ivr->all.next; i != &ivr->all; i = i->next) {
        struct ivr_run *run = list_item(i, struct ivr_run, link);
        loop_timer_stop(ivr->config.loop, run->timer);
        loop_timer_stop(ivr->config.loop, run->again);
        loop_timer_stop(ivr->config.loop, run->join_again);
        run->timer = run->again = run->join_again = NULL;
    }
    for (struct link *i = ivr->ending.next; i != &ivr->ending; i = i->next) {
        struct ivr_end *e = list_item(i, struct ivr_end, link);
        loop_timer_stop(ivr->config.loop, e->again);
        e->again = NULL;
    }
}

void ivr_free(struct ivr *ivr)
{
    if (!ivr)
        return;
    while (!list_empty(&ivr->all))
        run_free(list_item(ivr->all.next, struct ivr_run, link));
    while (!list_empty(&ivr->ending))
        end_free(list_item(ivr->ending.next, struct ivr_end, link));
    map_free(ivr->runs, NULL);
    free((char *)ivr->config.folder);
    free(ivr);
}
