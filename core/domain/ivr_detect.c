/* ivr_detect.c - whether a person or a machine has answered: the backend listens, and tells. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/call_plan.h"
#include "domain/calls_private.h"
#include "domain/ivr_private.h"

#define AGAIN_MS    100
#define LISTENED_MS 500   /* one that is being listened to answers when that is over */
#define ANALYSIS_MS 60000 /* the longest that can be asked for, or be configured sensibly */
#define GRACE_MS    5000

#define DETECTED_DEPTH 4

enum found { FOUND_HUMAN, FOUND_MACHINE, FOUND_NOTSURE, FOUND_HANGUP, FOUND_FAILED };

static const char *const names[] = {[FOUND_HUMAN] = "human",
                                    [FOUND_MACHINE] = "machine",
                                    [FOUND_NOTSURE] = "notsure",
                                    [FOUND_HANGUP] = "hangup",
                                    [FOUND_FAILED] = "failed"};

static enum found parse(const char *status)
{
    enum found found = FOUND_HUMAN;
    while (found < FOUND_FAILED && !str_ieq(status, names[found]))
        found++;
    return found;
}

static void write_down(struct ivr_run *run, enum found found, const char *cause)
{
    struct call *c = run->call;
    struct buf json, told;
    struct json_writer w;
    int64_t after = c->answered_at_ms ? clock_unix_ms() - c->answered_at_ms : 0;
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    jw_str(&w, "result", names[found]);
    jw_str(&w, "cause", cause);
    jw_int(&w, "at", after > 0 ? after : 0);
    jw_end(&w);
    buf_init(&told, BUF_MAX);
    jw_init(&w, &told);
    jw_object(&w, NULL);
    run_name(run, &w);
    jw_raw(&w, "amd", json.ptr, json.len);
    jw_end(&w);
    run_publish(run, "call.amd", &told);
    buf_free(&told);
    calls_set_detected(run->ivr->config.calls, c, buf_take(&json));
}

static void found(struct ivr_run *run, enum found what, const char *cause)
{
    loop_timer_stop(run->ivr->config.loop, run->timer);
    loop_timer_stop(run->ivr->config.loop, run->again);
    run->timer = run->again = NULL;
    run->tries = 0;
    if (what == FOUND_FAILED)
        log_warn("ivr", "it could not be found out who has answered", LOG_S("call", run->call->id),
                 LOG_S("why", cause));
    write_down(run, what, cause);
    if (what == FOUND_HANGUP)
        run->detecting = false; /* the call's end is on its way */
    else
        run_detected(run, what == FOUND_MACHINE);
}

static void on_late(void *arg)
{
    struct ivr_run *run = arg;
    run->timer = NULL;
    if (run->sending)
        run->timer = loop_timer(run->ivr->config.loop, IVR_SENDING_MS, on_late, run);
    else
        found(run, FOUND_FAILED, "The telephone system has not told it in time");
}

static void ask(void *arg);

static void on_asked(void *arg, const struct op_result *res)
{
    struct ivr_run *run = arg;
    run->asked--;
    if (run->over || run->ivr->stopped) {
        run_let_go(run);
        return;
    }
    bool listened = res->err == DG_ECONFLICT && run->taken_up;
    if (!run->detecting || res->err == DG_OK)
        return;
    if (listened)
        run->again = loop_timer(run->ivr->config.loop, LISTENED_MS, ask, run);
    else if (!run_again(run, res->err, ask))
        found(run, FOUND_FAILED, res->message);
}

static void ask(void *arg)
{
    struct ivr_run *run = arg;
    struct loop *loop = run->ivr->config.loop;
    run->again = NULL;
    if (!run->call->carrier || run->sending) { /* after a restart: until its backend is there */
        run->again = loop_timer(loop, AGAIN_MS, ask, run);
        return;
    }
    const struct call_plan *plan = run->call->plan;
    struct dg_detect req = plan->amd;
    bool waits = plan->on_machine == PLAN_MACHINE_MESSAGE;
    req.call = run->call->id;
    req.silence_ms = !waits ? 0 : req.silence_ms ? req.silence_ms : PLAN_SILENCE_MS;
    req.wait_ms = req.wait_ms ? req.wait_ms : PLAN_WAIT_MS;
    if (!run->timer)
        run->timer = loop_timer(loop, ANALYSIS_MS + req.wait_ms + GRACE_MS, on_late, run);
    run->asked++;
    backend_detect(run->call->carrier, &req, on_asked, run);
}

void detect_begin(struct ivr_run *run)
{
    run->detecting = true;
    ask(run);
}

void detect_event(struct ivr_run *run, const struct dg_event *ev)
{
    if (ev->type != DG_CALL_DETECTED)
        return;
    found(run, ev->text ? parse(ev->text) : FOUND_FAILED, ev->target);
}

void detect_lost(struct ivr_run *run)
{
    found(run, FOUND_FAILED, "The call was to be sent elsewhere meanwhile");
}

void detect_hangup(struct ivr_run *run)
{
    write_down(run, FOUND_HANGUP, NULL);
}

bool detect_was_machine(const struct call *c)
{
    json_t *detected = json_parse(c->detected, strlen(c->detected), DETECTED_DEPTH, NULL);
    bool machine = str_eq(json_get_str(detected, "result"), names[FOUND_MACHINE]);
    json_decref(detected);
    return machine;
}
