/* admission_test.c - domain/admission: calls at once, calls per second, the queue. */
#include "unit.h"

#include "base/clock.h"
#include "domain/admission.h"

#define CALLERS 400

struct caller {
    struct admission_turn turn;
    unsigned came, refused; /* how often the turn's fn said so */
    uint64_t at_ms;
};

struct door {
    struct loop *loop;
    struct admission *admission;
    struct caller callers[CALLERS];
    uint64_t now_ms;
};

static void set_time(struct door *d, uint64_t ms)
{
    d->now_ms = ms;
    clock_fake(1000000 + ms, 1700000000000 + (int64_t)ms);
}

static void limit(struct door *d, unsigned per_second, size_t max_queued, uint64_t queue_ms)
{
    const struct call_limits limits = {
        .max_per_second = per_second, .max_queued = max_queued, .queue_ms = queue_ms};
    admission_limit(d->admission, &limits);
}

/* As when the timer fires: whoever's turn it is by now goes. */
static void serve(struct door *d, unsigned per_second, uint64_t queue_ms)
{
    limit(d, per_second, CALLERS, queue_ms);
}

static void on_turn(struct admission_turn *turn, bool admitted)
{
    struct caller *c = list_item(turn, struct caller, turn);
    c->came += admitted;
    c->refused += !admitted;
    c->at_ms = clock_ms() - 1000000;
}

static enum admission_verdict ask(struct door *d, unsigned i, struct admission_refusal *why)
{
    d->callers[i].turn.fn = on_turn;
    return admission_ask(d->admission, &d->callers[i].turn, why);
}

static int set_up(void **state)
{
    struct door *d = calloc(1, sizeof *d);
    d->loop = loop_new();
    d->admission = admission_new(d->loop, "pbx", NULL);
    set_time(d, 0);
    *state = d;
    return 0;
}

static int tear_down(void **state)
{
    struct door *d = *state;
    clock_real();
    admission_close(d->admission);
    admission_free(d->admission);
    loop_free(d->loop);
    free(d);
    return 0;
}

static void without_limits(void **state)
{
    struct door *d = *state;
    struct admission_refusal why;
    for (unsigned i = 0; i < CALLERS; i++) {
        assert_int_equal(ask(d, i, &why), ADMISSION_GRANTED);
        admission_call_begins(d->admission);
    }
}

static void calls_at_once(void **state)
{
    struct door *d = *state;
    struct admission_refusal why = {0};
    admission_limit(d->admission, &(struct call_limits){.max_active = 2});
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(ask(d, i, &why), ADMISSION_GRANTED);
        admission_call_begins(d->admission);
    }
    assert_int_equal(ask(d, 2, &why), ADMISSION_REFUSED);
    assert_string_equal(why.message, "Too many active calls");
    assert_int_equal(why.retry_s, 1);
    admission_call_ends(d->admission);
    assert_int_equal(ask(d, 2, &why), ADMISSION_GRANTED);
}

/* As many as there is room for are admitted at once, and no more. */
static void room_is_what_is_granted(void **state)
{
    static const struct {
        struct call_limits limits;
        size_t room;
    } rows[] = {{{.max_active = 3}, 3},
                {{.max_per_second = 100}, 10},
                {{.max_per_second = 5}, 1},
                {{.max_active = 4, .max_per_second = 100}, 4}};
    struct door *d = *state;
    struct admission_refusal why;
    assert_int_equal(admission_room(d->admission), SIZE_MAX);
    for (size_t i = 0; i < COUNT(rows); i++) {
        set_time(d, 10000 * (i + 1));
        admission_limit(d->admission, &rows[i].limits);
        assert_int_equal(admission_room(d->admission), rows[i].room);
        for (size_t k = rows[i].room; k > 0; k--) {
            assert_int_equal(admission_room(d->admission), k);
            assert_int_equal(ask(d, 0, &why), ADMISSION_GRANTED);
            admission_call_begins(d->admission);
        }
        assert_int_equal(admission_room(d->admission), 0);
        assert_int_equal(ask(d, 0, &why), ADMISSION_REFUSED);
        for (size_t k = rows[i].room; k > 0; k--)
            admission_call_ends(d->admission);
    }
    admission_limit(d->admission, &(struct call_limits){.max_active = 3});
    admission_hold(d->admission, true);
    assert_int_equal(admission_room(d->admission), 0);
    admission_hold(d->admission, false);
}

/* A tenth of a second's worth goes at once, the others one by one, in order, evenly. */
static void a_burst_is_spread(void **state)
{
    struct door *d = *state;
    struct admission_refusal why;
    limit(d, 100, CALLERS, 10000);
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(ask(d, i, &why), i < 10 ? ADMISSION_GRANTED : ADMISSION_QUEUED);
    for (uint64_t ms = 1; ms <= 2900; ms++) {
        set_time(d, ms);
        serve(d, 100, 10000);
    }
    for (unsigned i = 10; i < 300; i++) {
        assert_int_equal(d->callers[i].came, 1);
        assert_int_equal(d->callers[i].at_ms, (i - 9) * 10);
    }
}

/* However they come: within any second no more than the rate and the burst. */
static void no_second_has_more(void **state)
{
    static const unsigned rates[] = {1, 7, 60, 333};
    struct door *d = *state;
    struct admission_refusal why;
    for (size_t r = 0; r < COUNT(rates); r++) {
        uint64_t went[8 * 400];
        size_t count = 0, burst = rates[r] / 10 > 1 ? rates[r] / 10 : 1;
        set_time(d, d->now_ms + 10000);
        limit(d, rates[r], 0, 0);
        for (uint64_t ms = 0; ms < 4000; ms++) {
            set_time(d, d->now_ms + 1);
            for (unsigned k = 0; k < 3; k++) {
                memset(&d->callers[0], 0, sizeof d->callers[0]);
                if (ask(d, 0, &why) == ADMISSION_GRANTED)
                    went[count++] = d->now_ms;
            }
        }
        assert_in_range(count, rates[r] * 4, rates[r] * 4 + burst + 1);
        for (size_t i = 0; i + rates[r] + burst + 1 < count; i++)
            assert_true(went[i + rates[r] + burst + 1] - went[i] >= 1000);
    }
}

static void a_full_queue(void **state)
{
    struct door *d = *state;
    struct admission_refusal why = {0};
    limit(d, 10, 30, 60000);
    assert_int_equal(ask(d, 0, &why), ADMISSION_GRANTED);
    for (unsigned i = 1; i <= 30; i++)
        assert_int_equal(ask(d, i, &why), ADMISSION_QUEUED);
    assert_int_equal(ask(d, 31, &why), ADMISSION_REFUSED);
    assert_string_equal(why.message, "Too many calls are waiting to be placed");
    assert_int_equal(why.retry_s, 4); /* 3.1 s until the queue is empty */
    set_time(d, 100);
    limit(d, 10, 30, 60000);
    assert_int_equal(d->callers[1].came, 1);
    assert_int_equal(ask(d, 31, &why), ADMISSION_QUEUED);
}

/* Whoever would wait for too long need not wait to learn it. */
static void a_wait_that_would_be_too_long(void **state)
{
    struct door *d = *state;
    struct admission_refusal why = {0};
    limit(d, 10, CALLERS, 2000);
    for (unsigned i = 0; i <= 20; i++)
        assert_int_equal(ask(d, i, &why), i ? ADMISSION_QUEUED : ADMISSION_GRANTED);
    assert_int_equal(ask(d, 21, &why), ADMISSION_REFUSED);
    assert_int_equal(why.retry_s, 1);
    for (uint64_t ms = 1; ms <= 2000; ms++) {
        set_time(d, ms);
        serve(d, 10, 2000);
    }
    for (unsigned i = 1; i <= 20; i++)
        assert_int_equal(d->callers[i].came, 1); /* and whoever was let in came through */
}

/* The loop is late each time; nobody pays for those before him. */
static void lateness_does_not_add_up(void **state)
{
    struct door *d = *state;
    struct admission_refusal why = {0};
    limit(d, 10, CALLERS, 2000);
    for (unsigned i = 0; i <= 20; i++)
        ask(d, i, &why);
    for (uint64_t ms = 130; ms <= 2000; ms += 100) {
        set_time(d, ms);
        serve(d, 10, 2000);
    }
    set_time(d, 2000);
    serve(d, 10, 2000);
    for (unsigned i = 1; i <= 20; i++)
        assert_int_equal(d->callers[i].came, 1);
}

static void limits_change_under_those_who_wait(void **state)
{
    struct door *d = *state;
    struct admission_refusal why;
    limit(d, 10, CALLERS, 5000);
    for (unsigned i = 0; i < 30; i++)
        ask(d, i, &why);
    set_time(d, 1050);
    limit(d, 10, CALLERS, 1000); /* they have waited for longer already */
    assert_int_equal(d->callers[1].came, 1);
    assert_int_equal(d->callers[29].came + d->callers[29].refused, 1);
    assert_int_equal(d->callers[29].refused, 1);
    for (unsigned i = 30; i < 40; i++)
        ask(d, i, &why);
    limit(d, 0, CALLERS, 1000);
    for (unsigned i = 30; i < 40; i++)
        assert_int_equal(d->callers[i].came, 1);
}

static void one_leaves_the_queue(void **state)
{
    struct door *d = *state;
    struct admission_refusal why;
    limit(d, 10, CALLERS, 5000);
    for (unsigned i = 0; i < 4; i++)
        ask(d, i, &why);
    assert_false(admission_waits(&d->callers[0].turn));
    assert_true(admission_waits(&d->callers[2].turn));
    admission_leave(d->admission, &d->callers[2].turn);
    admission_leave(d->admission, &d->callers[2].turn);
    assert_false(admission_waits(&d->callers[2].turn));
    for (uint64_t ms = 100; ms <= 200; ms += 100) {
        set_time(d, ms);
        serve(d, 10, 5000);
    }
    assert_int_equal(d->callers[1].came, 1);
    assert_int_equal(d->callers[2].came + d->callers[2].refused, 0);
    assert_int_equal(d->callers[3].came, 1); /* in its place */
}

static void closing(void **state)
{
    struct door *d = *state;
    struct admission_refusal why;
    limit(d, 10, CALLERS, 5000);
    for (unsigned i = 0; i < 4; i++)
        ask(d, i, &why);
    admission_close(d->admission);
    for (unsigned i = 1; i < 4; i++)
        assert_int_equal(d->callers[i].refused, 1);
}

/* Nobody has to be asked again: the loop's timer serves the queue. */
static void the_timer(void **state)
{
    struct door *d = *state;
    struct admission_refusal why;
    clock_real();
    limit(d, 50, CALLERS, 5000);
    for (unsigned i = 0; i < 10; i++)
        ask(d, i, &why);
    uint64_t began = clock_ms();
    while (!d->callers[9].came && clock_ms() < began + 5000)
        uv_run(loop_uv(d->loop), UV_RUN_ONCE);
    assert_int_equal(d->callers[9].came, 1);
    assert_true(clock_ms() - began >= 99); /* 5 at once, 5 more at 20 ms each */
}

#define AT_DOOR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AT_DOOR(room_is_what_is_granted),
        AT_DOOR(without_limits),
        AT_DOOR(calls_at_once),
        AT_DOOR(a_burst_is_spread),
        AT_DOOR(no_second_has_more),
        AT_DOOR(a_full_queue),
        AT_DOOR(a_wait_that_would_be_too_long),
        AT_DOOR(lateness_does_not_add_up),
        AT_DOOR(limits_change_under_those_who_wait),
        AT_DOOR(one_leaves_the_queue),
        AT_DOOR(closing),
        AT_DOOR(the_timer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
