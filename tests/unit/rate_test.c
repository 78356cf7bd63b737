/* rate_test.c - auth/rate: so many asks per address within a sliding window. */
#include "unit.h"

#include <pthread.h>

#include "auth/rate.h"
#include "base/clock.h"

static const struct rate_limit ten = {10, 60000};

static void at(uint64_t ms)
{
    clock_fake(1 + ms, 1700000000000);
}

static int put_clock_back(void **state)
{
    (void)state;
    clock_real();
    return 0;
}

static void parsing(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        unsigned count;
        uint64_t window_ms;
    } rows[] = {
        {"10/60s", true, 10, 60000},
        {"1/250ms", true, 1, 250},
        {"1000/1h", true, 1000, 3600000},
        {"off", true, 0, 0},
        {"0/60s", false, 0, 0},
        {"1001/60s", false, 0, 0},
        {"-1/60s", false, 0, 0},
        {"10/0", false, 0, 0},
        {"10/-5s", false, 0, 0},
        {"10", false, 0, 0},
        {"/60s", false, 0, 0},
        {"10/", false, 0, 0},
        {"10/60x", false, 0, 0},
        {"", false, 0, 0},
        {"ten/60s", false, 0, 0},
        {"99999999999/60s", false, 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rate_limit limit = {99, 99};
        assert_int_equal(rate_parse(rows[i].text, &limit), rows[i].good);
        assert_int_equal(limit.count, rows[i].good ? rows[i].count : 99);
        assert_int_equal(limit.window_ms, rows[i].good ? rows[i].window_ms : 99);
    }
}

static void eleventh_is_refused(void **state)
{
    (void)state;
    unsigned wait = 7;
    struct rate *r = rate_new(&ten, 100);
    at(0);
    for (int i = 0; i < 10; i++) {
        assert_true(rate_allow(r, "10.0.0.1", &wait));
        assert_int_equal(wait, 0);
    }
    assert_false(rate_allow(r, "10.0.0.1", &wait));
    assert_int_equal(wait, 60);
    assert_true(rate_allow(r, "10.0.0.2", &wait));
    at(59999);
    assert_false(rate_allow(r, "10.0.0.1", &wait));
    assert_int_equal(wait, 1);
    at(60000);
    assert_true(rate_allow(r, "10.0.0.1", &wait)); /* what was refused did not count */
    rate_free(r);
}

/* A fixed window would let 20 through around its border. */
static void the_window_slides(void **state)
{
    (void)state;
    unsigned wait;
    struct rate *r = rate_new(&ten, 100);
    for (uint64_t i = 0; i < 10; i++) {
        at(50000 + i * 1000);
        assert_true(rate_allow(r, "10.0.0.1", &wait));
    }
    at(61000);
    assert_false(rate_allow(r, "10.0.0.1", &wait));
    assert_int_equal(wait, 49); /* until the first of the ten is a minute old */
    at(110000);
    assert_true(rate_allow(r, "10.0.0.1", &wait));
    assert_false(rate_allow(r, "10.0.0.1", &wait));
    assert_int_equal(wait, 1);
    rate_free(r);
}

static void one_client_many_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
        {"2001:db8:1:2::1", "2001:DB8:1:2::1", true},
        {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
        {"::ffff:10.0.0.1", "10.0.0.1", true},
        {"::ffff:10.0.0.1", "10.0.0.2", false},
        {"10.0.0.1", "10.0.0.2", false},
        {"::1", "127.0.0.1", false},
        {"", "unix", false},
    };
    const struct rate_limit one = {1, 60000};
    at(0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned wait;
        struct rate *r = rate_new(&one, 100);
        assert_true(rate_allow(r, rows[i].a, &wait));
        assert_int_equal(rate_allow(r, rows[i].b, &wait), !rows[i].same);
        rate_free(r);
    }
}

static void memory_is_bounded(void **state)
{
    (void)state;
    char peer[32];
    unsigned wait;
    struct rate *r = rate_new(&ten, 50);
    at(0);
    for (int i = 0; i < 1000; i++) {
        snprintf(peer, sizeof peer, "10.0.%d.%d", i / 250, i % 250);
        assert_true(rate_allow(r, peer, &wait));
        assert_true(rate_addresses(r) <= 50);
    }
    assert_int_equal(rate_addresses(r), 50);
    rate_free(r);
}

static void quiet_addresses_are_forgotten(void **state)
{
    (void)state;
    char peer[32];
    unsigned wait;
    struct rate *r = rate_new(&ten, 1000);
    at(0);
    for (int i = 0; i < 100; i++) {
        snprintf(peer, sizeof peer, "10.0.0.%d", i);
        rate_allow(r, peer, &wait);
    }
    at(30000);
    rate_allow(r, "10.0.0.7", &wait); /* not quiet */
    at(60000);
    for (int i = 0; i < 60; i++)
        rate_allow(r, "10.1.1.1", &wait);
    assert_int_equal(rate_addresses(r), 2);
    rate_free(r);
}

static void no_limit(void **state)
{
    (void)state;
    unsigned wait;
    struct rate *r = rate_new(&(struct rate_limit){0}, 100);
    for (int i = 0; i < 5000; i++)
        assert_true(rate_allow(r, "10.0.0.1", &wait));
    assert_int_equal(rate_addresses(r), 0);
    rate_free(r);
}

struct crowd {
    struct rate *rate;
    unsigned allowed; /* atomically */
};

static void *ask_often(void *arg)
{
    struct crowd *crowd = arg;
    unsigned wait;
    for (int i = 0; i < 500; i++)
        if (rate_allow(crowd->rate, "10.0.0.1", &wait))
            __atomic_fetch_add(&crowd->allowed, 1, __ATOMIC_RELAXED);
    return NULL;
}

static void threads_share_one_count(void **state)
{
    (void)state;
    pthread_t threads[4];
    at(0);
    struct crowd crowd = {.rate = rate_new(&ten, 100)};
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &crowd), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(crowd.allowed, 10);
    rate_free(crowd.rate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parsing),           cmocka_unit_test(eleventh_is_refused),
        cmocka_unit_test(the_window_slides), cmocka_unit_test(one_client_many_addresses),
        cmocka_unit_test(memory_is_bounded), cmocka_unit_test(quiet_addresses_are_forgotten),
        cmocka_unit_test(no_limit),          cmocka_unit_test(threads_share_one_count),
    };
    return cmocka_run_group_tests(tests, NULL, put_clock_back);
}
