/* clock_test.c - base/clock: times as text, and standing still. */
#include "unit.h"

#include <pthread.h>
#include <time.h>

#include "base/clock.h"

static void known_times(void **state)
{
    (void)state;
    static const struct {
        int64_t unix_ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {951868799999, "2000-02-29T23:59:59.999Z"},
        {951868800000, "2000-03-01T00:00:00.000Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"}, /* no leap year */
        {4107542399999, "2100-02-28T23:59:59.999Z"},
        {1759320000123, "2025-10-01T12:00:00.123Z"},
        {2147483648000, "2038-01-19T03:14:08.000Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
        {253402300800000, "10000-01-01T00:00:00.000Z"},
        {-62167219200000, "0000-01-01T00:00:00.000Z"},
        {-62167219200001, "-1-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[CLOCK_ISO_SIZE];
        clock_iso_utc(rows[i].unix_ms, text);
        assert_string_equal(text, rows[i].text);
    }
}

/* Every day of 800 years against the C library. */
static void every_day(void **state)
{
    (void)state;
    for (int64_t day = -146097; day < 146097; day++) {
        time_t t = (time_t)(day * 86400 + 45296);
        struct tm tm;
        char expected[CLOCK_ISO_SIZE], text[CLOCK_ISO_SIZE];
        assert_non_null(gmtime_r(&t, &tm));
        strftime(expected, sizeof(expected), "%Y-%m-%dT12:34:56.789Z", &tm);
        clock_iso_utc((int64_t)t * 1000 + 789, text);
        if (strcmp(text, expected) != 0)
            fail_msg("%s is not %s", text, expected);
    }
}

static void extremes_fit(void **state)
{
    (void)state;
    char text[CLOCK_ISO_SIZE];
    clock_iso_utc(INT64_MAX, text);
    assert_string_equal(text, "292278994-08-17T07:12:55.807Z");
    clock_iso_utc(INT64_MIN, text);
    assert_string_equal(text, "-292275055-05-16T16:47:04.192Z");
}

static void faking(void **state)
{
    (void)state;
    clock_fake(5000, 1759320000123);
    assert_int_equal(clock_ms(), 5000);
    assert_int_equal(clock_us(), 5000000);
    assert_int_equal(clock_unix_ms(), 1759320000123);
    clock_fake(5001, -3);
    assert_int_equal(clock_ms(), 5001);
    assert_int_equal(clock_unix_ms(), -3);
    clock_real();
    int64_t apart = clock_unix_ms() - (int64_t)time(NULL) * 1000;
    assert_true(apart > -2000 && apart < 2000);
    uint64_t before = clock_us();
    assert_true(clock_us() >= before);
    assert_true(clock_ms() - before / 1000 < 1000);
}

static void *read_clocks(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20000; i++) {
        clock_ms();
        clock_unix_ms();
    }
    return NULL;
}

static void other_threads_may_read(void **state)
{
    (void)state;
    pthread_t threads[2];
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_clocks, NULL), 0);
    for (uint64_t i = 0; i < 2000; i++)
        clock_fake(i, (int64_t)i);
    clock_real();
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
}

static void reading(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t unix_ms, span_ms; /* span 0: refused */
    } cases[] = {
        {"1970-01-01", 0, 86400000},
        {"2025-10-01", 1759276800000, 86400000},
        {"2024-02-29", 1709164800000, 86400000},
        {"2025-10-01T12:00", 1759320000000, 60000},
        {"2025-10-01T12:00Z", 1759320000000, 60000},
        {"2025-10-01T12:00:07", 1759320007000, 1000},
        {"2025-10-01T12:00:07Z", 1759320007000, 1000},
        {"2025-10-01T12:00:07.301Z", 1759320007301, 1},
        {"2025-10-01T12:00:07+02:00", 1759312807000, 1000},
        {"2025-10-01T12:00:07-05:30", 1759339807000, 1000},
        {"9999-12-31T23:59:59.999Z", 253402300799999, 1},
        {"", 0, 0},
        {"2025", 0, 0},
        {"2025-13-01", 0, 0},
        {"2025-00-01", 0, 0},
        {"2025-02-29", 0, 0},
        {"2025-04-31", 0, 0},
        {"2025-04-00", 0, 0},
        {"1969-12-31", 0, 0},
        {"2025-10-01Z", 0, 0},
        {"2025-10-01 12:00", 0, 0},
        {"2025-10-01T24:00", 0, 0},
        {"2025-10-01T12:60", 0, 0},
        {"2025-10-01T12:00:60", 0, 0},
        {"2025-10-01T12", 0, 0},
        {"2025-10-01T12:00.5", 0, 0},
        {"2025-10-01T12:00:07.3Z", 0, 0},
        {"2025-10-01T12:00:07Zx", 0, 0},
        {"2025-10-01T12:00:07+2:00", 0, 0},
        {"2025-10-01T12:00:07+24:00", 0, 0},
        {"20251001", 0, 0},
        {"+025-10-01", 0, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t unix_ms = 0, span_ms = 0;
        bool good = clock_parse_iso(cases[i].text, &unix_ms, &span_ms);
        if (good != (cases[i].span_ms != 0) || unix_ms != cases[i].unix_ms ||
            span_ms != cases[i].span_ms)
            fail_msg("\"%s\": %d %lld %lld", cases[i].text, good, (long long)unix_ms,
                     (long long)span_ms);
    }
}

/* What is written is read again. */
static void back_again(void **state)
{
    (void)state;
    for (int64_t at = 0; at < 253402300800000; at += 86400000LL * 97 + 12345678) {
        char text[CLOCK_ISO_SIZE];
        int64_t unix_ms, span_ms;
        clock_iso_utc(at, text);
        assert_true(clock_parse_iso(text, &unix_ms, &span_ms));
        assert_int_equal(unix_ms, at);
    }
}

static void local_times(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        int64_t unix_us;
        const char *text;
    } rows[] = {
        {"UTC", 1767268800123456, "2026-01-01T12:00:00.123456"},
        {"UTC", 0, "1970-01-01T00:00:00.000000"},
        {"UTC", -1, "1969-12-31T23:59:59.999999"},
        {"Europe/Berlin", 1767268800000007, "2026-01-01T13:00:00.000007"},
        {"Europe/Berlin", 1782900000000000, "2026-07-01T12:00:00.000000"},
        {"America/New_York", 1767268800000000, "2026-01-01T07:00:00.000000"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[CLOCK_ISO_SIZE];
        if (!clock_zone_known(rows[i].zone))
            continue;
        clock_zone(rows[i].zone);
        clock_iso_local(rows[i].unix_us, text);
        assert_string_equal(text, rows[i].text);
    }
    clock_zone("UTC");
    assert_true(clock_zone_known("UTC"));
    static const char *const wrong[] = {"", "Mars/Olympus", "../passwd", "/etc/passwd", "Europe"};
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(clock_zone_known(wrong[i]));
    assert_false(clock_zone_known(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_times), cmocka_unit_test(local_times),
        cmocka_unit_test(every_day),   cmocka_unit_test(extremes_fit),
        cmocka_unit_test(reading),     cmocka_unit_test(back_again),
        cmocka_unit_test(faking),      cmocka_unit_test(other_threads_may_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
