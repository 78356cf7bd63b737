/* ivr_left.c - calls in a menu or a message whose session is gone: the gateway was killed, or they
 * are those of another one that was. Who talks to somebody goes on, and either one's end ends the
 * other; everybody else is hung up, for nobody would ever do anything for him again.
 *
 * Calls are taken up one after the other, and only when all are there is it known who belongs to
 * whom: they are looked at a moment after the last one. */
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/ivr_private.h"

#define SETTLE_MS  300
#define PATH_DEPTH 8

static const char interrupted[] = "interrupted";

static bool talks(const struct call *c)
{
    return str_eq(c->agent_result, "answered");
}

/* The second leg of a call in a menu, without a session that knows of it; or NULL. */
static struct call *customer_of(const struct ivr *ivr, const struct call *leg)
{
    struct call *c = leg->leg && leg->peer ? calls_find(ivr->config.calls, leg->peer) : NULL;
    return c && c->ivr_menu && !c->sent_on && !map_get(ivr->runs, leg->id) ? c : NULL;
}

/* ---- Who belongs to whom ------------------------------------------------------------------- */

struct search {
    const struct call *customer;
    struct ivr *ivr;
    bool found; /* one who has answered */
    bool end;
};

static void search_one(void *arg, struct call *leg)
{
    struct search *s = arg;
    if (!leg->leg || call_is_over(leg->state) || !str_eq(leg->peer, s->customer->id))
        return;
    s->found |= leg->state == CALL_ANSWERED;
    if (s->end)
        ivr_hang_up(s->ivr, leg->id);
}

static bool search_legs(struct ivr *ivr, const struct call *customer, bool end)
{
    struct search s = {.customer = customer, .ivr = ivr, .end = end};
    calls_each(ivr->config.calls, search_one, &s);
    return s.found;
}

/* ---- The end ------------------------------------------------------------------------------- */

/* The same with a result; NULL: it has one, or there is nothing. */
static char *with_result(const char *path, const char *result)
{
    char *text = NULL;
    json_t *doc = path ? json_parse(path, strlen(path), PATH_DEPTH, NULL) : NULL;
    if (doc && json_is_null(json_object_get(doc, "result"))) {
        json_object_set_new(doc, "result", json_string(result));
        text = json_dumps(doc, JSON_COMPACT);
    }
    json_decref(doc);
    return text;
}

/* The path stays as it was written; it says why there is no more of it. */
static void note_result(struct ivr *ivr, struct call *c, const char *result)
{
    char *path = with_result(c->ivr_path, result), *message = with_result(c->message, result);
    if (path) {
        calls_set_path(ivr->config.calls, c, path);
        ivr_count_end(ivr, result);
    }
    if (message)
        calls_set_message(ivr->config.calls, c, message);
}

static void end(struct ivr *ivr, struct call *c, const char *result)
{
    log_info("ivr", "a call without its session is hung up", LOG_S("call", c->id),
             LOG_S("result", result));
    note_result(ivr, c, result);
    ivr_hang_up(ivr, c->id);
}

static void settle_one(void *arg, struct call *c)
{
    struct ivr *ivr = arg;
    const struct call *customer = customer_of(ivr, c);
    if (call_is_over(c->state))
        return;
    if (customer) {
        if (!talks(customer) || c->state != CALL_ANSWERED || map_get(ivr->runs, customer->id))
            ivr_hang_up(ivr, c->id);
    } else if (c->ivr_menu && !c->sent_on && c->ivr_path && c->state == CALL_ANSWERED &&
               !map_get(ivr->runs, c->id)) {
        if (!talks(c) || !search_legs(ivr, c, false))
            end(ivr, c, interrupted);
    }
}

static void settle(void *arg)
{
    struct ivr *ivr = arg;
    ivr->settle = NULL;
    calls_each(ivr->config.calls, settle_one, ivr);
}

/* ---- What happens to them ------------------------------------------------------------------ */

void left_found(struct ivr *ivr)
{
    loop_timer_stop(ivr->config.loop, ivr->settle);
    ivr->settle = loop_timer(ivr->config.loop, SETTLE_MS, settle, ivr);
}

void left_in_message(struct ivr *ivr, struct call *c)
{
    end(ivr, c, interrupted);
}

void left_leg(struct ivr *ivr, const struct call *leg)
{
    struct call *c = customer_of(ivr, leg);
    if (c && !call_is_over(leg->state))
        left_found(ivr);
    else if (c && c->state == CALL_ANSWERED && c->ivr_path && !map_get(ivr->runs, c->id))
        end(ivr, c, "agent");
}

void left_ending(struct ivr *ivr, struct call *c)
{
    note_result(ivr, c, "caller");
}

void left_ended(struct ivr *ivr, const struct call *c)
{
    if (c->agent)
        search_legs(ivr, c, true);
}
