/* dialer_agent.c - the second leg: who talks to those who answer.
 *
 * It is rung when the customer has answered, under this gateway's control like
 * the customer, and joined with him when it has answered too. Either one's end
 * ends the other. It is a call like any other but for its CDR: what became of
 * it stands in the customer's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/dialer_private.h"

#define RING_MS       30000
#define JOIN_AGAIN_MS 100 /* a leg that has answered comes under control a moment later */
#define JOINS_MAX     50
#define BACKEND_MS    500
#define RECORD_MAX_MS 3600000

bool agent_idle(const struct attempt *a)
{
    return (a->leg == LEG_NONE || a->leg == LEG_OVER) && !a->leg_placing && !a->leg_joining;
}

static struct call *customer(const struct attempt *a)
{
    struct call *c = calls_find(a->pacer->d->config.calls, a->call);
    return c && c->state == CALL_ANSWERED ? c : NULL;
}

static void note(const struct attempt *a, const char *result)
{
    struct call *c = customer(a);
    if (c)
        calls_set_agent(a->pacer->d->config.calls, c, a->leg_endpoint, result);
}

static void over(struct attempt *a, const char *result)
{
    if (a->leg != LEG_NONE && a->leg != LEG_OVER) {
        a->pacer->agents--;
        count_live(a->pacer->d, LIVE_AGENT, -1);
    }
    if (a->leg != LEG_JOINED) {
        log_info("dialer", "the agent was not reached", LOG_S("call", a->call),
                 LOG_S("agent", a->leg_endpoint), LOG_S("result", result));
        a->leg_result = result;
    }
    a->leg = LEG_OVER;
    dialer_pace(a->pacer->d);
    attempt_soon(a);
}

/* ---- Ringing ------------------------------------------------------------------------------- */

static void on_placed(void *arg, const struct call_answer *answer)
{
    struct attempt *a = arg;
    a->leg_placing = false;
    if (answer->err != DG_OK && a->leg != LEG_OVER) {
        log_warn("dialer", "the agent could not be rung", LOG_S("call", a->call),
                 LOG_S("why", answer->message));
        over(a, "failed");
    }
    attempt_soon(a);
}

static void ring(struct attempt *a, const struct call *c)
{
    const struct pacer *p = a->pacer;
    char *caller_id = xasprintf("\"Customer %s\" <%s>", c->phone_number, c->phone_number);
    /* a queue rings its members itself, for as long as it likes */
    uint64_t ring_ms =
        p->campaign->dest_type == DEST_QUEUE && c->talk_ms > RING_MS ? c->talk_ms : RING_MS;
    const struct call_request req = {.id = a->agent,
                                     .phone_number = p->campaign->dest_value,
                                     .endpoint = a->leg_endpoint,
                                     .peer = a->call,
                                     .controlled = true,
                                     .own_place = true,
                                     .leg = true,
                                     .ring_ms = ring_ms,
                                     .caller_id = caller_id,
                                     .campaign_id = p->id,
                                     .campaign_number_id = c->campaign_number_id,
                                     .api = c->api};
    calls_originate(p->d->config.calls, &req, on_placed, a);
    free(caller_id);
}

static void begin(struct attempt *a, const struct call *c)
{
    struct problem problem;
    if (!c->carrier) { /* after a restart: its backend is not there yet */
        attempt_later(a, BACKEND_MS);
        return;
    }
    id_uuid7(a->agent);
    map_set(a->pacer->d->attempts, a->agent, a);
    a->leg_endpoint = dial_destination(a->pacer->campaign, &problem);
    a->leg = LEG_RINGING;
    a->pacer->agents++;
    a->pacer->legs++;
    count_live(a->pacer->d, LIVE_AGENT, 1);
    if (a->leg_endpoint) {
        a->leg_placing = true;
        note(a, "ringing");
        ring(a, c);
        return;
    }
    log_error("dialer", "there is nobody to ring for a customer", LOG_I("campaign", a->pacer->id),
              LOG_S("why", problem.text));
    over(a, "failed");
}

/* ---- Joining ----------------------------------------------------------------------------------
 */

static void on_recorded(void *arg, const struct control_answer *answer)
{
    (void)arg;
    if (answer->err != DG_OK && answer->err != DG_ECONFLICT)
        log_warn("dialer", "a call is not recorded",
                 LOG_S("call", answer->call ? answer->call->id : NULL),
                 LOG_S("why", answer->message));
}

/* "2026/11/21/Spring_sale-1795290000123-15550100" */
static char *file_name(const struct attempt *a, const struct call *c)
{
    char iso[CLOCK_ISO_SIZE], name[64];
    size_t len = 0;
    const char *digits = c->phone_number + strspn(c->phone_number, "+");
    char *number = dial_number(digits);
    for (const char *s = a->pacer->campaign->name; *s && len < sizeof name - 1; s++) {
        bool plain =
            (*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z');
        name[len++] = plain ? *s : '_';
    }
    name[len] = '\0';
    clock_iso_utc(clock_unix_ms(), iso);
    char *file = xasprintf("%.4s/%.2s/%.2s/%s-%lld-%s", iso, iso + 5, iso + 8, name,
                           (long long)clock_unix_ms(), number ? number : "0");
    for (char *s = file; *s; s++)
        *s = strchr("*#", *s) ? '_' : *s;
    free(number);
    return file;
}

static void record(struct attempt *a, const struct call *c)
{
    if (!a->pacer->campaign->record_calls)
        return;
    char *file = file_name(a, c);
    const struct control_request req = {
        .action = CONTROL_RECORD, .call = a->call, .name = file, .max_ms = RECORD_MAX_MS};
    control_ask(a->pacer->d->config.control, &req, on_recorded, NULL);
    free(file);
}

static void on_joined(void *arg, const struct op_result *res)
{
    struct attempt *a = arg;
    struct call *c = customer(a);
    a->leg_joining = false;
    bool early = res->err == DG_ECONFLICT || res->err == DG_ENOTFOUND;
    if (res->err == DG_OK && a->leg == LEG_UP && c) {
        a->leg = LEG_JOINED;
        note(a, "answered");
        record(a, c);
    } else if (a->leg == LEG_UP && c && early && ++a->joins < JOINS_MAX) {
        attempt_later(a, JOIN_AGAIN_MS);
        return;
    } else if (a->leg == LEG_UP && c) {
        log_warn("dialer", "customer and agent could not be joined", LOG_S("call", a->call),
                 LOG_S("why", res->message));
        a->leg_result = "failed";
        a->leg_failed = true;
    }
    attempt_soon(a);
}

static void join(struct attempt *a, const struct call *c)
{
    const struct dg_join req = {.call = a->call, .other = a->agent};
    if (!c->carrier) {
        attempt_later(a, BACKEND_MS);
        return;
    }
    a->leg_joining = true;
    backend_join(c->carrier, &req, on_joined, a);
}

/* ---- What is to be done now ---------------------------------------------------------------------
 */

/* Whoever is left alone is hung up. */
static void end_other(struct attempt *a)
{
    struct dialer *d = a->pacer->d;
    bool leg_lives = a->leg == LEG_RINGING || a->leg == LEG_UP || a->leg == LEG_JOINED;
    bool leg_ends = a->stage == STAGE_OVER || a->leg_failed || a->stopped;
    bool left_alone = a->stage == STAGE_ANSWERED && (a->leg == LEG_OVER || a->leg_failed);
    if (leg_lives && leg_ends && !a->leg_placing && !a->leg_hung_up) {
        a->leg_hung_up = true;
        attempt_hang_up(d, a->agent);
    }
    if ((left_alone || (a->stopped && a->stage != STAGE_OVER)) && !a->hung_up) {
        a->hung_up = true;
        if (a->leg_result)
            note(a, a->leg_result);
        a->leg_result = NULL;
        attempt_hang_up(d, a->call);
    }
}

void agent_work(struct attempt *a)
{
    struct call *c = customer(a);
    if (c && a->stage == STAGE_ANSWERED && !a->timer && a->pacer->campaign && !a->stopped) {
        if (a->leg == LEG_NONE && !c->ivr_menu)
            begin(a, c);
        else if (a->leg == LEG_UP && !a->leg_joining && !a->leg_failed)
            join(a, c);
    }
    end_other(a);
}

void agent_event(struct attempt *a, const struct bus_event *ev)
{
    enum call_state state = ev->call->state;
    if (call_is_over(state) && a->leg != LEG_OVER) {
        over(a, state == CALL_COMPLETED ? "answered" : call_state_name(state));
    } else if (state == CALL_ANSWERED && a->leg == LEG_RINGING) {
        a->leg = LEG_UP;
        attempt_soon(a);
    }
}

void agent_lose(struct attempt *a)
{
    if (a->leg != LEG_NONE && a->leg != LEG_OVER)
        over(a, "failed");
}

void agent_adopt(struct attempt *a, const struct call *leg)
{
    const struct call *c = customer(a);
    if (a->leg != LEG_NONE)
        return;
    memcpy(a->agent, leg->id, sizeof a->agent);
    map_set(a->pacer->d->attempts, a->agent, a);
    a->leg_endpoint = xstrdup(leg->channel);
    a->pacer->agents++;
    count_live(a->pacer->d, LIVE_AGENT, 1);
    if (leg->state != CALL_ANSWERED)
        a->leg = LEG_RINGING;
    else
        a->leg = c && str_eq(c->agent_result, "answered") ? LEG_JOINED : LEG_UP;
    attempt_soon(a);
}
