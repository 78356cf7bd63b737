/* The call state machine as a table, and what an end writes into a call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "domain/call.h"

#define LEN(a) (sizeof(a) / sizeof *(a))

struct row {
    enum call_state from;
    enum call_event_type event;
    int cause;
    bool cancelled;
    enum call_state to;
};

static const struct row rows[] = {
    {CALL_PENDING, CALL_EV_ACCEPTED, 0, false, CALL_DIALING},
    {CALL_PENDING, CALL_EV_STARTED, 0, false, CALL_DIALING},
    {CALL_PENDING, CALL_EV_PROGRESS, 0, false, CALL_DIALING},
    {CALL_PENDING, CALL_EV_RINGING, 0, false, CALL_RINGING},
    {CALL_PENDING, CALL_EV_ANSWERED, 0, false, CALL_ANSWERED},
    {CALL_PENDING, CALL_EV_REFUSED, 0, false, CALL_FAILED},
    {CALL_PENDING, CALL_EV_LOST, 0, false, CALL_FAILED},
    {CALL_PENDING, CALL_EV_MISSED, 0, false, CALL_FAILED},
    {CALL_PENDING, CALL_EV_ENDED, 17, false, CALL_BUSY},
    {CALL_DIALING, CALL_EV_ACCEPTED, 0, false, CALL_DIALING},
    {CALL_DIALING, CALL_EV_RINGING, 0, false, CALL_RINGING},
    {CALL_DIALING, CALL_EV_PROGRESS, 0, false, CALL_DIALING},
    {CALL_DIALING, CALL_EV_ANSWERED, 0, false, CALL_ANSWERED},
    {CALL_DIALING, CALL_EV_REFUSED, 0, false, CALL_DIALING},
    {CALL_DIALING, CALL_EV_LOST, 0, false, CALL_FAILED},
    {CALL_DIALING, CALL_EV_ENDED, 0, false, CALL_NO_ANSWER},
    {CALL_DIALING, CALL_EV_ENDED, 1, false, CALL_FAILED},
    {CALL_DIALING, CALL_EV_ENDED, 16, false, CALL_NO_ANSWER},
    {CALL_DIALING, CALL_EV_ENDED, 17, false, CALL_BUSY},
    {CALL_DIALING, CALL_EV_ENDED, 18, false, CALL_NO_ANSWER},
    {CALL_DIALING, CALL_EV_ENDED, 19, false, CALL_NO_ANSWER},
    {CALL_DIALING, CALL_EV_ENDED, 20, false, CALL_NO_ANSWER},
    {CALL_DIALING, CALL_EV_ENDED, 21, false, CALL_BUSY},
    {CALL_DIALING, CALL_EV_ENDED, 31, false, CALL_NO_ANSWER},
    {CALL_DIALING, CALL_EV_ENDED, 34, false, CALL_FAILED},
    {CALL_DIALING, CALL_EV_ENDED, 200, false, CALL_FAILED},
    {CALL_DIALING, CALL_EV_ENDED, 16, true, CALL_CANCELLED},
    {CALL_RINGING, CALL_EV_STARTED, 0, false, CALL_RINGING},
    {CALL_RINGING, CALL_EV_ANSWERED, 0, false, CALL_ANSWERED},
    {CALL_RINGING, CALL_EV_ENDED, 19, false, CALL_NO_ANSWER},
    {CALL_RINGING, CALL_EV_ENDED, 17, true, CALL_CANCELLED},
    {CALL_RINGING, CALL_EV_MISSED, 0, false, CALL_FAILED},
    {CALL_RINGING, CALL_EV_MISSED, 0, true, CALL_CANCELLED},
    {CALL_RINGING, CALL_EV_REFUSED, 0, false, CALL_RINGING},
    {CALL_ANSWERED, CALL_EV_RINGING, 0, false, CALL_ANSWERED},
    {CALL_ANSWERED, CALL_EV_STARTED, 0, false, CALL_ANSWERED},
    {CALL_ANSWERED, CALL_EV_ENDED, 0, false, CALL_COMPLETED},
    {CALL_ANSWERED, CALL_EV_ENDED, 17, false, CALL_COMPLETED},
    {CALL_ANSWERED, CALL_EV_ENDED, 16, true, CALL_COMPLETED},
    {CALL_ANSWERED, CALL_EV_LOST, 0, false, CALL_FAILED},
    {CALL_ANSWERED, CALL_EV_MISSED, 0, false, CALL_COMPLETED},
    {CALL_ANSWERED, CALL_EV_MISSED, 0, true, CALL_COMPLETED},
    {CALL_ANSWERED, CALL_EV_REFUSED, 0, false, CALL_ANSWERED},
};

static void transitions(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEN(rows); i++) {
        struct call_event ev = {.type = rows[i].event, .cause = rows[i].cause};
        struct call_step step = call_next(rows[i].from, &ev, rows[i].cancelled);
        if (step.to != rows[i].to)
            fail_msg("row %zu: %s + event %d gives %s, not %s", i, call_state_name(rows[i].from),
                     rows[i].event, call_state_name(step.to), call_state_name(rows[i].to));
        bool moved = rows[i].from != rows[i].to;
        assert_int_equal(!!(step.effects & CALL_DO_STORE), moved);
        assert_int_equal(!!(step.effects & CALL_DO_PUBLISH), moved);
        assert_int_equal(!!(step.effects & CALL_DO_CDR), call_is_over(rows[i].to));
    }
}

static void terminal_states_are_final(void **state)
{
    (void)state;
    for (int s = CALL_COMPLETED; s < CALL_STATES; s++) {
        for (int e = 0; e < CALL_EVENTS; e++) {
            struct call_event ev = {.type = (enum call_event_type)e, .cause = 17};
            struct call_step step = call_next((enum call_state)s, &ev, e % 2);
            assert_int_equal(step.to, s);
            assert_int_equal(step.effects, 0);
        }
    }
}

/* Any order of events leads to at most one CDR and never back out of an end. */
static void any_order_gives_one_cdr(void **state)
{
    (void)state;
    uint32_t seed = 12345;
    for (int round = 0; round < 20000; round++) {
        struct call *c = call_new();
        int cdrs = 0;
        for (int step = 0; step < 12; step++) {
            seed = seed * 1664525u + 1013904223u;
            struct call_event ev = {.type = (enum call_event_type)((seed >> 16) % CALL_EVENTS),
                                    .cause = (int)((seed >> 8) % 40),
                                    .at_ms = 1000 + step};
            c->cancelled = c->cancelled || (seed >> 28) == 0;
            bool was_over = call_is_over(c->state);
            struct call_step did = call_apply(c, &ev);
            cdrs += !!(did.effects & CALL_DO_CDR);
            if (was_over)
                assert_int_equal(did.effects, 0);
        }
        assert_int_equal(cdrs, call_is_over(c->state));
        if (call_is_over(c->state)) {
            assert_true(c->ended_at_ms > 0);
            assert_int_equal(c->duration_s >= 0, c->answered_at_ms > 0);
        }
        if (c->state == CALL_FAILED)
            assert_non_null(c->failure_reason);
        call_free(c);
    }
}

static struct call *walk(const struct call_event *events, size_t count)
{
    struct call *c = call_new();
    for (size_t i = 0; i < count; i++)
        call_apply(c, &events[i]);
    return c;
}

static void an_answered_call(void **state)
{
    (void)state;
    const struct call_event events[] = {
        {.type = CALL_EV_ACCEPTED, .at_ms = 1000, .mono_ms = 10},
        {.type = CALL_EV_STARTED, .at_ms = 1500, .mono_ms = 510},
        {.type = CALL_EV_RINGING, .at_ms = 2000, .mono_ms = 1010},
        {.type = CALL_EV_ANSWERED, .at_ms = 3000, .mono_ms = 2010},
        /* the wall clock was set back by an hour: the duration comes from the other one */
        {.type = CALL_EV_ENDED, .at_ms = 3000 - 3600000, .mono_ms = 47010, .cause = 16},
    };
    struct call *c = walk(events, LEN(events));
    assert_int_equal(c->state, CALL_COMPLETED);
    assert_int_equal(c->dialed_at_ms, 1000);
    assert_int_equal(c->ringing_at_ms, 2000);
    assert_int_equal(c->answered_at_ms, 3000);
    assert_int_equal(c->duration_s, 45);
    assert_null(c->failure_reason);
    call_free(c);
}

/* The reply is handled by our clock, events carry the server's: an event that happened first may
 * be handled last. */
static void times_never_run_backwards(void **state)
{
    (void)state;
    const struct call_event events[] = {
        {.type = CALL_EV_ACCEPTED, .at_ms = 2000},
        {.type = CALL_EV_RINGING, .at_ms = 1990},
        {.type = CALL_EV_ANSWERED, .at_ms = 1995},
        {.type = CALL_EV_ENDED, .at_ms = 1000, .cause = 16},
    };
    struct call *c = walk(events, LEN(events));
    assert_int_equal(c->ringing_at_ms, 2000);
    assert_int_equal(c->answered_at_ms, 2000);
    assert_int_equal(c->ended_at_ms, 2000);
    assert_int_equal(c->duration_s, 0);
    call_free(c);
}

static void a_refused_call(void **state)
{
    (void)state;
    const struct call_event events[] = {
        {.type = CALL_EV_REFUSED, .at_ms = 1000, .text = "ARI error 500"},
        {.type = CALL_EV_STARTED, .at_ms = 1001},
    };
    struct call *c = walk(events, LEN(events));
    assert_int_equal(c->state, CALL_FAILED);
    assert_string_equal(c->failure_reason, "ARI error 500");
    assert_int_equal(c->dialed_at_ms, 0);
    assert_int_equal(c->ended_at_ms, 1000);
    assert_int_equal(c->duration_s, -1);
    call_free(c);
}

static void reasons_of_failures(void **state)
{
    (void)state;
    const struct {
        int cause;
        const char *reason;
    } table[] = {{1, "Unallocated (unassigned) number"},
                 {34, "No circuit/channel available"},
                 {99, "Cause 99"}};
    for (size_t i = 0; i < LEN(table); i++) {
        struct call_event ev = {.type = CALL_EV_ENDED, .at_ms = 5, .cause = table[i].cause};
        struct call *c = walk(&ev, 1);
        assert_string_equal(c->failure_reason, table[i].reason);
        call_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transitions),
        cmocka_unit_test(terminal_states_are_final),
        cmocka_unit_test(any_order_gives_one_cdr),
        cmocka_unit_test(an_answered_call),
        cmocka_unit_test(times_never_run_backwards),
        cmocka_unit_test(a_refused_call),
        cmocka_unit_test(reasons_of_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
