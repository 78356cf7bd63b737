/* dialer_rules.c - what is dialled, and what becomes of a number; see dialer_rules.h. */
#include "domain/dialer_rules.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#define DIALLED_MAX   40
#define DIAL_TEXT_MAX 200
#define PLACEHOLDER   "${EXTEN}"
#define CONTEXT       "from-internal" /* where extensions and queues of a campaign are found */

#define DIGITS "0123456789"
#define NAME   DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.-"

/* ---- What is dialled ----------------------------------------------------------------------- */

char *dial_number(const char *phone_number)
{
    char out[DIALLED_MAX + 1];
    size_t len = 0;
    for (const char *s = phone_number; *s; s++) {
        if (strchr(" -.()", *s))
            continue;
        if (!strchr(DIGITS "*#", *s) && !(*s == '+' && len == 0))
            return NULL;
        if (len == DIALLED_MAX)
            return NULL;
        out[len++] = *s;
    }
    out[len] = '\0';
    return len && !str_eq(out, "+") ? xstrdup(out) : NULL;
}

/* "Technology/resource" of harmless characters; where `placeholder` is set it may stand for the
 * number. */
static bool is_endpoint(const char *s, bool placeholder)
{
    size_t tech = strspn(s, DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    if (!tech || s[tech] != '/' || !s[tech + 1] || strlen(s) > DIAL_TEXT_MAX)
        return false;
    for (s += tech + 1; *s; s++) {
        if (placeholder && str_starts(s, PLACEHOLDER))
            s += strlen(PLACEHOLDER) - 1;
        else if (!strchr(NAME "/@:+*#;=", *s))
            return false;
    }
    return true;
}

static bool check_trunk(const struct campaign *c, struct problem *problem)
{
    const char *value = c->trunk_value ? c->trunk_value : "";
    bool custom = c->trunk_type == TRUNK_CUSTOM;
    if (custom && !strstr(value, PLACEHOLDER)) {
        problem_set(problem, DG_EINVAL, "trunk_value has no ${EXTEN} where the number is to stand");
        return false;
    }
    if (custom ? is_endpoint(value, true)
               : *value && str_only(value, NAME) && strlen(value) <= DIAL_TEXT_MAX)
        return true;
    problem_set(problem, DG_EINVAL,
                custom ? "trunk_value is no technology and resource, like PJSIP/${EXTEN}@trunk"
                       : "trunk_value is no name of a trunk");
    return false;
}

static char *fill_in(const char *template, const char *number)
{
    struct buf out;
    buf_init(&out, BUF_MAX);
    while (*template) {
        if (str_starts(template, PLACEHOLDER)) {
            buf_adds(&out, number);
            template += strlen(PLACEHOLDER);
        } else {
            buf_addc(&out, *template ++);
        }
    }
    return buf_take(&out);
}

char *dial_endpoint(const struct campaign *c, const char *phone_number, struct problem *problem)
{
    if (!check_trunk(c, problem))
        return NULL;
    char *number = dial_number(phone_number), *endpoint = NULL;
    if (!number)
        problem_set(problem, DG_EINVAL, "phone_number cannot be dialled");
    else if (c->trunk_type == TRUNK_CUSTOM)
        endpoint = fill_in(c->trunk_value, number);
    else if (c->trunk_type == TRUNK_PJSIP)
        endpoint = xasprintf("PJSIP/%s@%s", number, c->trunk_value);
    else
        endpoint = xasprintf("SIP/%s/%s", c->trunk_value, number);
    free(number);
    return endpoint;
}

char *dial_place(const char *value, struct problem *problem)
{
    if (strchr(value, '/') && is_endpoint(value, false))
        return xstrdup(value);
    if (*value && str_only(value, NAME "*#+") && strlen(value) <= DIAL_TEXT_MAX)
        return xasprintf("Local/%s@" CONTEXT, value);
    problem_set(problem, DG_EINVAL,
                "agent_dest_value is no extension, queue, or technology and resource");
    return NULL;
}

char *dial_destination(const struct campaign *c, struct problem *problem)
{
    if (c->dest_type == DEST_IVR) {
        problem_set(problem, DG_EINVAL, "agent_dest_type ivr leads to a menu, nobody is rung");
        return NULL;
    }
    return dial_place(c->dest_value ? c->dest_value : "", problem);
}

int64_t dial_menu(const struct campaign *c)
{
    int64_t id;
    bool is_id = c->dest_type == DEST_IVR && c->dest_value && str_only(c->dest_value, DIGITS) &&
                 str_to_int(c->dest_value, &id);
    return is_id ? id : 0;
}

bool dial_check(const struct campaign *c, struct problem *problem)
{
    if (!check_trunk(c, problem))
        return false;
    if (c->dest_type == DEST_IVR) {
        if (dial_menu(c))
            return true;
        problem_set(problem, DG_EINVAL, "agent_dest_value is no id of an IVR menu");
        return false;
    }
    char *destination = dial_destination(c, problem);
    bool fine = destination != NULL;
    free(destination);
    return fine;
}

const char *dial_caller_id(const struct campaign *c, unsigned turn)
{
    if (c->callerid_count)
        return c->callerids[turn % c->callerid_count];
    return str_empty(c->callerid) ? NULL : c->callerid;
}

const struct zone *dial_zone(const struct campaign *c, const struct number *n,
                             const struct zone *fallback)
{
    const char *names[] = {n ? n->timezone : NULL, c->timezone};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct zone *zone = str_empty(names[i]) ? NULL : zone_find(names[i]);
        if (zone)
            return zone;
    }
    return fallback;
}

/* ---- What becomes of a number -----------------------------------------------------------------
 */

static void unclaim(struct number *n)
{
    free(n->claimed_by);
    n->claimed_by = NULL;
    n->claimed_until_ms = 0;
}

static enum number_status final_status(enum call_state state)
{
    switch (state) {
    case CALL_COMPLETED:
        return NUMBER_COMPLETED;
    case CALL_BUSY:
        return NUMBER_BUSY;
    case CALL_NO_ANSWER:
        return NUMBER_NO_ANSWER;
    default:
        return NUMBER_FAILED;
    }
}

void attempt_settle(struct number *n, const struct campaign *c, const struct zone *zone,
                    const struct attempt_end *end)
{
    unclaim(n);
    n->updated_at_ms = end->ended_ms;
    if (end->stopped && end->state != CALL_COMPLETED) {
        number_reset(n);
        return;
    }
    const struct retry_attempt attempt = {.attempts = n->attempts,
                                          .outcome = end->state,
                                          .cause = end->cause,
                                          .began_s = end->began_ms / 1000,
                                          .ended_s = end->ended_ms / 1000};
    const struct retry_next next = retry_decide(&c->retry, &attempt, &c->hours, zone);
    n->status = next.again ? NUMBER_PENDING : final_status(end->state);
    if (next.again) /* not before: whole seconds are rounded up */
        n->due_at_ms = next.not_before_s * 1000 + (end->ended_ms % 1000);
}

void attempt_undo(struct number *n)
{
    unclaim(n);
    n->status = NUMBER_PENDING;
    n->attempts -= n->attempts > 0;
    n->call_id[0] = '\0';
}

/* ---- Calls per second --------------------------------------------------------------------------
 */

#define SECOND_US 1000000u
#define BURST_US  100000u

static uint64_t interval_us(unsigned per_second)
{
    return per_second < SECOND_US ? SECOND_US / per_second : 1;
}

static uint64_t burst_us(uint64_t interval)
{
    return interval > BURST_US ? interval : BURST_US;
}

static uint64_t full_at(const struct dial_rate *rate, uint64_t now_us)
{
    return rate->full_us > now_us ? rate->full_us : now_us;
}

unsigned dial_rate_room(const struct dial_rate *rate, unsigned per_second, uint64_t now_us)
{
    if (!per_second)
        return UINT_MAX;
    const uint64_t interval = interval_us(per_second), full = full_at(rate, now_us);
    const uint64_t end = now_us + burst_us(interval);
    return end > full ? (unsigned)((end - full) / interval) : 0;
}

void dial_rate_use(struct dial_rate *rate, unsigned per_second, uint64_t now_us)
{
    if (per_second)
        rate->full_us = full_at(rate, now_us) + interval_us(per_second);
}

uint64_t dial_rate_wait_us(const struct dial_rate *rate, unsigned per_second, uint64_t now_us)
{
    if (!per_second || dial_rate_room(rate, per_second, now_us))
        return 0;
    const uint64_t interval = interval_us(per_second);
    return full_at(rate, now_us) + interval - now_us - burst_us(interval);
}
