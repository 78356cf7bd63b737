/* calling_hours_test.c - domain/calling_hours and base/zone: windows of the week, across changes of
 * the clocks. */
#include "unit.h"

#include "base/clock.h"
#include "domain/calling_hours.h"

static int64_t utc(const char *text)
{
    int64_t ms, span;
    assert_true(clock_parse_iso(text, &ms, &span));
    return ms / 1000;
}

static struct calling_hours hours_of(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    struct calling_hours hours;
    struct problem problem;
    if (!calling_hours_read(json, &hours, &problem))
        fail_msg("%s: %s", text, problem.text);
    json_decref(json);
    return hours;
}

static void zones_are_found(void **state)
{
    (void)state;
    assert_non_null(zone_find("Europe/Berlin"));
    assert_non_null(zone_find("UTC"));
    assert_null(zone_find("Europe/Nowhere"));
    assert_null(zone_find(""));
    assert_null(zone_find("../../etc/passwd"));
    assert_string_equal(zone_name(zone_find("Asia/Tokyo")), "Asia/Tokyo");
}

static void local_times(void **state)
{
    (void)state;
    struct zone_time t;
    zone_local(zone_find("Asia/Kathmandu"), utc("2025-12-31T20:00:00Z"), &t);
    assert_int_equal(t.date.year, 2026);
    assert_int_equal(t.date.month, 1);
    assert_int_equal(t.date.day, 1);
    assert_int_equal(t.weekday, 3); /* a Thursday */
    assert_int_equal(t.second, 3600 + 45 * 60);
}

static void instants_at_changes_of_the_clocks(void **state)
{
    (void)state;
    const struct zone *berlin = zone_find("Europe/Berlin");
    struct zone_day spring = {2026, 3, 29}, autumn = {2026, 10, 25};
    assert_int_equal(zone_instant(berlin, &spring, 9000), utc("2026-03-29T01:00:00Z"));
    assert_int_equal(zone_instant(berlin, &spring, 10800), utc("2026-03-29T01:00:00Z"));
    assert_int_equal(zone_instant(berlin, &autumn, 9000), utc("2026-10-25T00:30:00Z"));
    assert_int_equal(zone_instant(berlin, &autumn, 86400), utc("2026-10-25T23:00:00Z"));
    struct zone_day leap = {2028, 2, 28};
    struct zone_day next = zone_add_days(&leap, 1);
    assert_int_equal(next.day, 29);
    next = zone_add_days(&leap, -59);
    assert_int_equal(next.year, 2027);
    assert_int_equal(next.month, 12);
}

#define WORKDAYS "[{\"days\":\"mon-fri\",\"from\":\"09:00\",\"to\":\"20:00\"}]"
#define NIGHT    "[{\"days\":[\"fri\",\"sat\"],\"from\":\"22:00\",\"to\":\"03:00\"}]"
#define SPLIT    "[{\"from\":\"08:00\",\"to\":\"12:00\"},{\"from\":\"12:00\",\"to\":\"17:00\"}]"
#define ALWAYS   "[{\"from\":\"00:00\",\"to\":\"24:00\"}]"
#define GAP      "[{\"days\":\"sun\",\"from\":\"02:00\",\"to\":\"03:00\"}]"
#define ROUND    "[{\"days\":\"sat-mon\",\"from\":\"10:00\",\"to\":\"11:00\"}]"

static void windows(void **state)
{
    (void)state;
    static const struct {
        const char *hours, *zone, *at;
        bool open;
        const char *until; /* NULL: never */
    } rows[] = {
        {WORKDAYS, "UTC", "2026-11-20T08:59:59Z", false, "2026-11-20T09:00:00Z"},
        {WORKDAYS, "UTC", "2026-11-20T09:00:00Z", true, "2026-11-20T20:00:00Z"},
        {WORKDAYS, "UTC", "2026-11-20T19:59:59Z", true, "2026-11-20T20:00:00Z"},
        {WORKDAYS, "UTC", "2026-11-20T20:00:00Z", false, "2026-11-23T09:00:00Z"},
        {WORKDAYS, "America/New_York", "2026-11-20T13:59:59Z", false, "2026-11-20T14:00:00Z"},
        {WORKDAYS, "Asia/Kolkata", "2026-11-20T03:30:00Z", true, "2026-11-20T14:30:00Z"},
        /* The weekend of the change: Monday's nine o'clock is an hour earlier in UTC. */
        {WORKDAYS, "Europe/Berlin", "2026-03-27T19:30:00Z", false, "2026-03-30T07:00:00Z"},
        {WORKDAYS, "Europe/Berlin", "2026-10-23T18:30:00Z", false, "2026-10-26T08:00:00Z"},
        {NIGHT, "UTC", "2026-11-21T02:59:00Z", true, "2026-11-21T03:00:00Z"},
        {NIGHT, "UTC", "2026-11-21T03:00:00Z", false, "2026-11-21T22:00:00Z"},
        {NIGHT, "UTC", "2026-11-22T03:00:00Z", false, "2026-11-27T22:00:00Z"},
        /* Across the changes the night is an hour shorter, and an hour longer. */
        {NIGHT, "Europe/Berlin", "2026-03-28T22:00:00Z", true, "2026-03-29T01:00:00Z"},
        {NIGHT, "Europe/Berlin", "2026-10-24T20:00:00Z", true, "2026-10-25T02:00:00Z"},
        {SPLIT, "UTC", "2026-11-20T08:00:00Z", true, "2026-11-20T17:00:00Z"},
        {ALWAYS, "Europe/Berlin", "2026-03-28T22:00:00Z", true, NULL},
        {"[]", "UTC", "2026-11-20T08:00:00Z", true, NULL},
        /* This hour does not exist on the day of the change. */
        {GAP, "Europe/Berlin", "2026-03-29T00:30:00Z", false, "2026-04-05T00:00:00Z"},
        {GAP, "Europe/Berlin", "2026-10-25T00:30:00Z", true, "2026-10-25T02:00:00Z"},
        {ROUND, "UTC", "2026-11-20T10:30:00Z", false, "2026-11-21T10:00:00Z"},
        {ROUND, "UTC", "2026-11-23T10:30:00Z", true, "2026-11-23T11:00:00Z"},
        {ROUND, "UTC", "2026-11-24T10:30:00Z", false, "2026-11-28T10:00:00Z"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct calling_hours hours = hours_of(rows[i].hours);
        struct calling_window w =
            calling_hours_at(&hours, zone_find(rows[i].zone), utc(rows[i].at));
        int64_t until = rows[i].until ? utc(rows[i].until) : CALLING_HOURS_NEVER;
        if (w.open != rows[i].open || w.until != until)
            fail_msg("row %zu: open %d until %lld, not %lld", i, w.open, (long long)w.until,
                     (long long)until);
    }
}

static void opened_since(void **state)
{
    (void)state;
    struct calling_hours hours = hours_of(SPLIT);
    struct calling_window w =
        calling_hours_at(&hours, zone_find("UTC"), utc("2026-11-20T16:00:00Z"));
    assert_int_equal(w.since, utc("2026-11-20T08:00:00Z"));
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *json, *word;
    } rows[] = {
        {"{}", "calling_hours:"},
        {"[1]", "calling_hours[0]:"},
        {"[{\"from\":\"09:00\"}]", "calling_hours[0].to"},
        {"[{\"to\":\"09:00\"}]", "calling_hours[0].from"},
        {"[{\"from\":\"9:00\",\"to\":\"10:00\"}]", "calling_hours[0].from"},
        {"[{\"from\":\"24:00\",\"to\":\"10:00\"}]", "calling_hours[0].from"},
        {"[{\"from\":\"09:60\",\"to\":\"10:00\"}]", "calling_hours[0].from"},
        {"[{\"from\":\"09:00\",\"to\":\"24:01\"}]", "calling_hours[0].to"},
        {"[{\"from\":\"09:00\",\"to\":\"-1:00\"}]", "calling_hours[0].to"},
        {"[{\"days\":\"\",\"from\":\"09:00\",\"to\":\"10:00\"}]", "calling_hours[0].days"},
        {"[{\"days\":[],\"from\":\"09:00\",\"to\":\"10:00\"}]", "calling_hours[0].days"},
        {"[{\"days\":\"monday\",\"from\":\"09:00\",\"to\":\"10:00\"}]", "calling_hours[0].days"},
        {"[{\"days\":\"mon-\",\"from\":\"09:00\",\"to\":\"10:00\"}]", "calling_hours[0].days"},
        {"[{\"days\":[\"mon\",7],\"from\":\"09:00\",\"to\":\"10:00\"}]", "calling_hours[0].days"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *json = json_loads(rows[i].json, 0, NULL);
        struct calling_hours hours = {.count = 7};
        struct problem problem;
        assert_false(calling_hours_read(json, &hours, &problem));
        assert_int_equal(problem.err, DG_EINVAL);
        if (strncmp(problem.text, rows[i].word, strlen(rows[i].word)) != 0)
            fail_msg("row %zu: %s", i, problem.text);
        assert_int_equal(hours.count, 7);
        json_decref(json);
    }
    json_t *many = json_array();
    for (int i = 0; i <= CALLING_HOURS_MAX; i++)
        json_array_append_new(many, json_pack("{s:s,s:s}", "from", "09:00", "to", "10:00"));
    struct calling_hours hours;
    struct problem problem;
    assert_false(calling_hours_read(many, &hours, &problem));
    json_decref(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones_are_found),
        cmocka_unit_test(local_times),
        cmocka_unit_test(instants_at_changes_of_the_clocks),
        cmocka_unit_test(windows),
        cmocka_unit_test(opened_since),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
