/* One truth of how a leg ended, from what Asterisk 16 and 22 tell about the same fate. */
#include "unit.h"

#include "asterisk/fate.h"

struct row {
    const char *fate;
    struct fate facts;
    int cause;
};

#define OUT .outgoing = true, .dialled = true

static const struct row rows[] = {
    {"answered, callee's BYE, 22", {OUT, .answered = true, .cause = 0}, 16},
    {"answered, callee's BYE, 16", {OUT, .answered = true, .cause = 16}, 16},
    {"answered, then an extension that is not there", {OUT, .answered = true}, 16},
    {"answered, we end it", {OUT, .answered = true, .asked = true, .cause = 16}, 16},
    {"answered, network fails", {OUT, .answered = true, .cause = 38}, 38},
    {"busy", {OUT, .cause = 17, .status = DIAL_BUSY}, 17},
    {"declined", {OUT, .cause = 21, .status = DIAL_NO_ANSWER}, 21},
    {"no such number", {OUT, .cause = 1, .status = DIAL_NO_ANSWER}, 1},
    {"congestion", {OUT, .cause = 34, .status = DIAL_CONGESTION}, 34},
    {"ring timeout, 22", {OUT, .cause = 19}, 19},
    {"ring timeout, 16", {OUT, .cause = 0}, 19},
    {"ring timeout of a Local, 16", {OUT, .cause = 0, .learned = DIAL_CANCELLED}, 19},
    {"we end it while it rings", {OUT, .asked = true, .cause = 16, .status = DIAL_NO_ANSWER}, 16},
    {"we end it as busy, 22",
     {OUT, .asked = true, .asked_cause = 17, .cause = 17, .status = DIAL_BUSY},
     17},
    {"we end it as busy, 16", {OUT, .asked = true, .asked_cause = 17, .cause = 16}, 17},
    {"asked too late: it had ended as busy", {OUT, .asked_cause = 16, .cause = 17}, 17},
    {"Local, busy, the dialplan falls through", {OUT, .cause = 0, .status = DIAL_BUSY}, 17},
    {"Local, declined, the dialplan hangs up normally",
     {OUT, .cause = 16, .status = DIAL_NO_ANSWER, .learned = DIAL_NO_ANSWER, .learned_cause = 21},
     21},
    {"Local, the dialplan's own ring timeout",
     {OUT, .cause = 16, .status = DIAL_NO_ANSWER, .learned = DIAL_NO_ANSWER},
     19},
    {"Local, one line busy, then one not answered",
     {OUT, .cause = 0, .learned = DIAL_NO_ANSWER, .learned_cause = 0},
     19},
    {"Local, endpoint not registered", {OUT, .cause = 0, .status = DIAL_UNAVAILABLE}, 3},
    {"Local to no such place", {.outgoing = true, .cause = 0}, 3},
    {"caller gave up, 22", {.cause = 0}, 16},
    {"caller gave up, 16", {.cause = 16}, 16},
    {"caller refused by the dialplan", {.cause = 17}, 17},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        int cause = fate_cause(&rows[i].facts);
        if (cause != rows[i].cause)
            fail_msg("%s: %d instead of %d", rows[i].fate, cause, rows[i].cause);
    }
}

static void test_status(void **state)
{
    (void)state;
    assert_int_equal(fate_status("BUSY"), DIAL_BUSY);
    assert_int_equal(fate_status("NOANSWER"), DIAL_NO_ANSWER);
    assert_int_equal(fate_status("CANCEL"), DIAL_CANCELLED);
    assert_int_equal(fate_status("ANSWER"), DIAL_ANSWER);
    assert_int_equal(fate_status("CHANUNAVAIL"), DIAL_UNAVAILABLE);
    assert_int_equal(fate_status(""), DIAL_NONE);
    assert_int_equal(fate_status("RINGING"), DIAL_NONE);
    assert_int_equal(fate_status(NULL), DIAL_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
