/* retry_test.c - domain/retry: who is dialled again, and when. */
#include "unit.h"

#include "base/clock.h"
#include "domain/retry.h"

static int64_t utc(const char *text)
{
    int64_t ms, span;
    assert_true(clock_parse_iso(text, &ms, &span));
    return ms / 1000;
}

static struct retry_plan plan_of(unsigned times, int64_t delay_s, const char *rules)
{
    struct retry_plan plan = {.times = times, .delay_s = delay_s};
    json_t *json = rules ? json_loads(rules, 0, NULL) : NULL;
    struct problem problem;
    if (!retry_read_rules(json, &plan, &problem))
        fail_msg("%s: %s", rules, problem.text);
    json_decref(json);
    return plan;
}

static const struct calling_hours always = {.count = 0};

#define RULES                                                                                      \
    "[{\"disposition\":\"busy\",\"times\":5,\"delay\":60},"                                        \
    "{\"cause\":1,\"times\":0},{\"cause\":34,\"delay\":5},"                                        \
    "{\"disposition\":\"busy\",\"times\":0},{\"disposition\":\"failed\",\"times\":1}]"

static void decisions(void **state)
{
    (void)state;
    static const struct {
        const char *rules;
        unsigned attempts;
        enum call_state outcome;
        int cause;
        int64_t after; /* the end of the attempt, in seconds; -1: not again */
    } rows[] = {
        {NULL, 1, CALL_BUSY, 17, 300},
        {NULL, 2, CALL_NO_ANSWER, 19, 300},
        {NULL, 3, CALL_FAILED, 0, -1},
        {NULL, 1, CALL_COMPLETED, 16, -1},
        {NULL, 1, CALL_CANCELLED, 16, -1},
        {NULL, 1, CALL_ANSWERED, 0, -1},
        {RULES, 5, CALL_BUSY, 17, 60},
        {RULES, 6, CALL_BUSY, 17, -1},
        {RULES, 1, CALL_FAILED, 1, -1},
        {RULES, 2, CALL_FAILED, 34, 5}, /* the cause goes before the disposition */
        {RULES, 3, CALL_FAILED, 34, -1},
        {RULES, 1, CALL_FAILED, 38, 300},
        {RULES, 2, CALL_FAILED, 38, -1},
        {RULES, 2, CALL_NO_ANSWER, 19, 300},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct retry_plan plan = plan_of(2, 300, rows[i].rules);
        struct retry_attempt a = {rows[i].attempts, rows[i].outcome, rows[i].cause, 1000, 1030};
        struct retry_next next = retry_decide(&plan, &a, &always, zone_find("UTC"));
        int64_t after = next.again ? next.not_before_s - 1030 : -1;
        if (after != rows[i].after)
            fail_msg("row %zu: %lld", i, (long long)after);
    }
}

/* Nine hours in three parts: 09 to 12, 12 to 15, 15 to 18. */
static void spread_over_the_day(void **state)
{
    (void)state;
    struct calling_hours hours = {.spans = {{.days = 0x1f, .from_s = 9 * 3600, .to_s = 18 * 3600}},
                                  .count = 1};
    static const struct {
        const char *began, *next;
    } rows[] = {
        {"2026-11-20T09:00:00Z", "2026-11-20T12:00:00Z"},
        {"2026-11-20T11:59:59Z", "2026-11-20T12:09:59Z"}, /* never before the delay */
        {"2026-11-20T12:00:00Z", "2026-11-20T15:00:00Z"},
        {"2026-11-20T15:00:00Z", "2026-11-23T09:00:00Z"}, /* after the weekend */
        {"2026-11-20T18:00:01Z", "2026-11-23T09:00:00Z"}, /* begun too late */
    };
    struct retry_plan plan = plan_of(2, 600, NULL);
    plan.spread = true;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t began = utc(rows[i].began);
        struct retry_attempt a = {1, CALL_NO_ANSWER, 19, began, began};
        struct retry_next next = retry_decide(&plan, &a, &hours, zone_find("UTC"));
        assert_true(next.again);
        if (next.not_before_s != utc(rows[i].next))
            fail_msg("row %zu: %lld not %lld", i, (long long)next.not_before_s,
                     (long long)utc(rows[i].next));
    }
}

/* Without calling hours the day itself is divided, by its own clock: this one has 25 hours. */
static void spread_over_a_long_day(void **state)
{
    (void)state;
    struct retry_plan plan = plan_of(1, 0, NULL);
    plan.spread = true;
    int64_t began = utc("2026-10-24T23:00:00Z"); /* one in the morning, in Berlin */
    struct retry_attempt a = {1, CALL_NO_ANSWER, 19, began, began};
    struct retry_next next = retry_decide(&plan, &a, &always, zone_find("Europe/Berlin"));
    assert_int_equal(next.not_before_s, utc("2026-10-25T10:30:00Z"));
    a.began_s = a.ended_s = utc("2026-10-25T20:00:00Z");
    next = retry_decide(&plan, &a, &always, zone_find("Europe/Berlin"));
    assert_int_equal(next.not_before_s, utc("2026-10-25T23:00:00Z"));
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *json, *word;
    } rows[] = {
        {"{}", "retry_rules:"},
        {"[1]", "retry_rules[0]:"},
        {"[{\"times\":1}]", "retry_rules[0]:"},
        {"[{\"cause\":17,\"disposition\":\"busy\"}]", "retry_rules[0]:"},
        {"[{\"disposition\":\"answered\"}]", "retry_rules[0].disposition"},
        {"[{\"disposition\":17}]", "retry_rules[0].disposition"},
        {"[{\"cause\":0}]", "retry_rules[0].cause"},
        {"[{\"cause\":128}]", "retry_rules[0].cause"},
        {"[{\"cause\":\"17\"}]", "retry_rules[0].cause"},
        {"[{\"cause\":17,\"times\":-1}]", "retry_rules[0].times"},
        {"[{\"cause\":17,\"times\":101}]", "retry_rules[0].times"},
        {"[{\"cause\":17,\"delay\":2592001}]", "retry_rules[0].delay"},
        {"[{\"cause\":17,\"delay\":1.5}]", "retry_rules[0].delay"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *json = json_loads(rows[i].json, 0, NULL);
        struct retry_plan plan = {.count = 7};
        struct problem problem;
        assert_false(retry_read_rules(json, &plan, &problem));
        if (strncmp(problem.text, rows[i].word, strlen(rows[i].word)) != 0)
            fail_msg("row %zu: %s", i, problem.text);
        assert_int_equal(plan.count, 7);
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions),
        cmocka_unit_test(spread_over_the_day),
        cmocka_unit_test(spread_over_a_long_day),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
