/* retry.c - the rules by which a number is dialled again. */
#include "domain/retry.h"

#include <string.h>

#define DAY_S     86400
#define CAUSE_MAX 127 /* Q.850 causes are of seven bits */

/* What a rule may be about. */
static bool read_outcome(const char *name, enum call_state *out)
{
    return name && call_state_parse(name, out) &&
           (*out == CALL_BUSY || *out == CALL_NO_ANSWER || *out == CALL_FAILED);
}

/* A whole number of the rule, or `fallback` where it is absent. */
static bool read_number(const json_t *rule, size_t index, const char *name, int64_t fallback,
                        int64_t max, int64_t *out, struct problem *problem)
{
    const json_t *value = json_object_get(rule, name);
    *out = value ? json_integer_value(value) : fallback;
    if (!value || (json_is_integer(value) && *out >= 0 && *out <= max))
        return true;
    problem_set(problem, DG_EINVAL, "retry_rules[%zu].%s: expected a number from 0 to %lld", index,
                name, (long long)max);
    return false;
}

static bool read_subject(const json_t *json, size_t index, struct retry_rule *rule,
                         struct problem *problem)
{
    const json_t *cause = json_object_get(json, "cause");
    const json_t *disposition = json_object_get(json, "disposition");
    if (!cause == !disposition) {
        problem_set(problem, DG_EINVAL,
                    "retry_rules[%zu]: expected either \"disposition\" or \"cause\"", index);
        return false;
    }
    if (disposition && !read_outcome(json_string_value(disposition), &rule->outcome)) {
        problem_set(problem, DG_EINVAL,
                    "retry_rules[%zu].disposition: expected busy, no_answer or failed", index);
        return false;
    }
    rule->cause = (int)json_integer_value(cause);
    if (cause && (!json_is_integer(cause) || json_integer_value(cause) < 1 ||
                  json_integer_value(cause) > CAUSE_MAX)) {
        problem_set(problem, DG_EINVAL, "retry_rules[%zu].cause: expected a number from 1 to %d",
                    index, CAUSE_MAX);
        return false;
    }
    return true;
}

static bool read_rule(const json_t *json, size_t index, const struct retry_plan *plan,
                      struct retry_rule *rule, struct problem *problem)
{
    if (!json_is_object(json)) {
        problem_set(problem, DG_EINVAL, "retry_rules[%zu]: expected an object", index);
        return false;
    }
    int64_t times;
    if (!read_subject(json, index, rule, problem) ||
        !read_number(json, index, "times", plan->times, RETRY_TIMES_MAX, &times, problem) ||
        !read_number(json, index, "delay", plan->delay_s, RETRY_DELAY_MAX_S, &rule->delay_s,
                     problem))
        return false;
    rule->times = (unsigned)times;
    return true;
}

bool retry_read_rules(const json_t *json, struct retry_plan *plan, struct problem *problem)
{
    if (json && !json_is_null(json) && !json_is_array(json)) {
        problem_set(problem, DG_EINVAL, "retry_rules: expected a list");
        return false;
    }
    if (json_array_size(json) > RETRY_RULES_MAX) {
        problem_set(problem, DG_EINVAL, "retry_rules: at most %d", RETRY_RULES_MAX);
        return false;
    }
    struct retry_rule rules[RETRY_RULES_MAX];
    memset(rules, 0, sizeof rules);
    size_t i;
    json_t *item;
    json_array_foreach(json, i,
                       item) if (!read_rule(item, i, plan, &rules[i], problem)) return false;
    memcpy(plan->rules, rules, sizeof rules);
    plan->count = json_array_size(json);
    return true;
}

static struct retry_rule rule_for(const struct retry_plan *plan, const struct retry_attempt *a)
{
    const struct retry_rule *by_outcome = NULL;
    for (size_t i = 0; i < plan->count; i++) {
        const struct retry_rule *rule = &plan->rules[i];
        if (rule->cause && rule->cause == a->cause)
            return *rule;
        if (!rule->cause && rule->outcome == a->outcome && !by_outcome)
            by_outcome = rule;
    }
    if (by_outcome)
        return *by_outcome;
    return (struct retry_rule){.times = plan->times, .delay_s = plan->delay_s};
}

/* The calling hours that `unix_s` falls into; where there is no end to them, its day. */
static struct calling_window window_of(const struct calling_hours *hours, const struct zone *zone,
                                       int64_t unix_s)
{
    struct calling_window w = calling_hours_at(hours, zone, unix_s);
    if (!w.open || w.until != CALLING_HOURS_NEVER)
        return w;
    struct zone_time now;
    zone_local(zone, unix_s, &now);
    w.since = zone_instant(zone, &now.date, 0);
    w.until = zone_instant(zone, &now.date, DAY_S);
    return w;
}

/* When the part of the calling hours after that of `began_s` begins. */
static int64_t next_part(const struct calling_hours *hours, const struct zone *zone,
                         int64_t began_s, unsigned parts)
{
    struct calling_window w = window_of(hours, zone, began_s);
    if (!w.open)
        return w.until == CALLING_HOURS_NEVER ? began_s : w.until;
    int64_t length = w.until - w.since;
    int64_t part = (began_s - w.since) * parts / length;
    if (part + 1 < parts)
        return w.since + (length * (part + 1) + parts - 1) / parts;
    struct calling_window after = window_of(hours, zone, w.until);
    return after.open || after.until == CALLING_HOURS_NEVER ? w.until : after.until;
}

struct retry_next retry_decide(const struct retry_plan *plan, const struct retry_attempt *attempt,
                               const struct calling_hours *hours, const struct zone *zone)
{
    struct retry_next next = {false, 0};
    if (attempt->outcome != CALL_BUSY && attempt->outcome != CALL_NO_ANSWER &&
        attempt->outcome != CALL_FAILED)
        return next;
    struct retry_rule rule = rule_for(plan, attempt);
    if (attempt->attempts > rule.times)
        return next;
    next.again = true;
    next.not_before_s = attempt->ended_s + rule.delay_s;
    if (plan->spread) {
        int64_t part = next_part(hours, zone, attempt->began_s, rule.times + 1);
        if (part > next.not_before_s)
            next.not_before_s = part;
    }
    return next;
}
