/* ivr_leg.c - whom a caller in a menu is connected to: rung, joined, ended with him. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "domain/calls_private.h"
#include "domain/dialer_rules.h"
#include "domain/ivr_private.h"

#define RING_MS       30000
#define QUEUE_MS      600000 /* a queue rings its members itself */
#define JOIN_AGAIN_MS 100    /* a leg that has answered comes under control a moment later */
#define JOINS_MAX     50

static void note(struct ivr_run *run, const char *result)
{
    calls_set_agent(run->ivr->config.calls, run->call, run->leg_endpoint, result);
}

static void parted(struct ivr_run *run, const char *why)
{
    run->leg_result = why;
    run->leg = IVR_LEG_OVER;
    if (*run->leg_id) {
        map_del(run->ivr->runs, run->leg_id);
        run->leg_id[0] = '\0';
    }
    note(run, why);
    run_tell(run, (struct ivr_event){.type = IVR_EV_PARTED, .number = run->place, .text = why});
}

/* ---- Ringing ------------------------------------------------------------------------------- */

static void on_placed(void *arg, const struct call_answer *answer)
{
    struct ivr_run *run = arg;
    run->asked--;
    run->leg_placing = false;
    if (answer->err != DG_OK && run->leg == IVR_LEG_RINGING && !run->ivr->stopped) {
        log_warn("ivr", "nobody could be rung for a caller", LOG_S("call", run->call->id),
                 LOG_S("why", answer->message));
        parted(run, "failed");
    }
    run_soon(run);
}

static void ring(struct ivr_run *run, bool queue)
{
    const struct call *c = run->call;
    char *caller_id = xasprintf("\"Customer %s\" <%s>", c->phone_number, c->phone_number);
    const struct call_request req = {.id = run->leg_id,
                                     .phone_number = run->leg_endpoint,
                                     .endpoint = run->leg_endpoint,
                                     .peer = c->id,
                                     .controlled = true,
                                     .own_place = true,
                                     .leg = true,
                                     .ring_ms = queue ? QUEUE_MS : RING_MS,
                                     .caller_id = caller_id,
                                     .campaign_id = c->campaign_id,
                                     .campaign_number_id = c->campaign_number_id,
                                     .api = c->api};
    run->asked++;
    run->leg_placing = true;
    calls_originate(run->ivr->config.calls, &req, on_placed, run);
    free(caller_id);
}

void leg_connect(struct ivr_run *run, const struct ivr_command *c)
{
    struct problem problem;
    free(run->leg_endpoint);
    run->leg_endpoint = dial_place(c->text, &problem);
    run->place = c->number;
    run->joins = 0;
    run->leg_result = NULL;
    if (!run->leg_endpoint) { /* what was entered makes no extension */
        run->leg = IVR_LEG_RINGING;
        run->leg_id[0] = '\0';
        run->leg_endpoint = xstrdup(c->text);
        run_soon(run);
        return;
    }
    id_uuid7(run->leg_id);
    map_set(run->ivr->runs, run->leg_id, run);
    run->leg = IVR_LEG_RINGING;
    note(run, "ringing");
    ring(run, c->action->type == IVR_QUEUE);
}

/* ---- Joining ------------------------------------------------------------------------------- */

static void join(struct ivr_run *run);

static void on_join_again(void *arg)
{
    struct ivr_run *run = arg;
    run->join_again = NULL;
    if (run->leg == IVR_LEG_UP && !run->over)
        join(run);
}

static void on_joined(void *arg, const struct op_result *res)
{
    struct ivr_run *run = arg;
    bool early = res->err == DG_ECONFLICT || res->err == DG_ENOTFOUND;
    run->asked--;
    run->leg_joining = false;
    if (run->leg != IVR_LEG_UP || run->over || run->ivr->stopped) {
        run_soon(run);
        return;
    }
    if (res->err == DG_OK) {
        run->leg = IVR_LEG_JOINED;
        note(run, "answered");
        run_tell(run, (struct ivr_event){.type = IVR_EV_JOINED, .number = run->place});
    } else if (early && ++run->joins < JOINS_MAX) {
        run->join_again = loop_timer(run->ivr->config.loop, JOIN_AGAIN_MS, on_join_again, run);
    } else {
        log_warn("ivr", "caller and agent could not be joined", LOG_S("call", run->call->id),
                 LOG_S("why", res->message));
        ivr_hang_up(run->ivr, run->leg_id);
    }
}

static void join(struct ivr_run *run)
{
    const struct dg_join req = {.call = run->call->id, .other = run->leg_id};
    if (!run->call->carrier)
        return;
    run->leg_joining = true;
    run->asked++;
    backend_join(run->call->carrier, &req, on_joined, run);
}

/* ---- What happens to it -------------------------------------------------------------------- */

/* From inside an event of the bus: what follows is done in leg_work. */
void leg_event(struct ivr_run *run, const struct call *leg)
{
    if (call_is_over(leg->state) && run->leg != IVR_LEG_OVER) {
        run->leg_result = leg->state == CALL_COMPLETED ? "answered" : call_state_name(leg->state);
        run_soon(run);
    } else if (leg->state == CALL_ANSWERED && run->leg == IVR_LEG_RINGING) {
        run->leg = IVR_LEG_UP;
        run_soon(run);
    }
}

void leg_work(struct ivr_run *run)
{
    if (run->ivr->stopped)
        return;
    if (run->leg == IVR_LEG_RINGING && !*run->leg_id)
        parted(run, "failed");
    else if (run->leg != IVR_LEG_NONE && run->leg != IVR_LEG_OVER && run->leg_result)
        parted(run, run->leg_result);
    else if (run->leg == IVR_LEG_UP && !run->over && !run->leg_joining && !run->join_again)
        join(run);
}

void leg_end(struct ivr_run *run)
{
    bool lives =
        run->leg == IVR_LEG_RINGING || run->leg == IVR_LEG_UP || run->leg == IVR_LEG_JOINED;
    if (lives && *run->leg_id)
        ivr_hang_up(run->ivr, run->leg_id);
}
