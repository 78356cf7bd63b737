/* dialer_rules_test.c - domain/dialer_rules: dial strings that nothing can be smuggled
 * into, what becomes of a number, calls per second. */
#include "unit.h"

#include <limits.h>

#include "base/str.h"
#include "domain/dialer_rules.h"

static const struct {
    enum campaign_trunk type;
    const char *trunk, *number;
    const char *dialled; /* NULL: refused */
} endpoints[] = {
    {TRUNK_PJSIP, "carrier", "+1 (555) 010-0.1", "PJSIP/+155501001@carrier"},
    {TRUNK_PJSIP, "carrier-1.a_b", "100", "PJSIP/100@carrier-1.a_b"},
    {TRUNK_SIP, "carrier", "5550100", "SIP/carrier/5550100"},
    {TRUNK_CUSTOM, "Local/${EXTEN}@out", "5550100", "Local/5550100@out"},
    {TRUNK_CUSTOM, "PJSIP/a/sip:${EXTEN}@10.0.0.1:5060;x=${EXTEN}", "1*#",
     "PJSIP/a/sip:1*#@10.0.0.1:5060;x=1*#"},
    {TRUNK_PJSIP, "carrier", "", NULL},
    {TRUNK_PJSIP, "carrier", "+", NULL},
    {TRUNK_PJSIP, "carrier", " -", NULL},
    {TRUNK_PJSIP, "carrier", "1+2", NULL},
    {TRUNK_PJSIP, "carrier", "100&PJSIP/200", NULL},
    {TRUNK_PJSIP, "carrier", "100@evil", NULL},
    {TRUNK_PJSIP, "carrier", "100,30,G(x)", NULL},
    {TRUNK_PJSIP, "carrier", "${SHELL(id)}", NULL},
    {TRUNK_PJSIP, "carrier", "12345678901234567890123456789012345678901", NULL},
    {TRUNK_PJSIP, "carrier", "100\r\nAction: Command", NULL},
    {TRUNK_PJSIP, "", "100", NULL},
    {TRUNK_PJSIP, "a&b", "100", NULL},
    {TRUNK_PJSIP, "a/b", "100", NULL},
    {TRUNK_SIP, "a,b", "100", NULL},
    {TRUNK_CUSTOM, "Local/100@out", "100", NULL}, /* everybody would be the same */
    {TRUNK_CUSTOM, "${EXTEN}", "100", NULL},
    {TRUNK_CUSTOM, "Local/${EXTEN}@out&PJSIP/1", "100", NULL},
    {TRUNK_CUSTOM, "Local/${EXTEN}@${GLOBAL(x)}", "100", NULL},
    {TRUNK_CUSTOM, "Local/${EXTEN}@out,30", "100", NULL},
    {TRUNK_CUSTOM, "Local/${EXTEN}@out^x", "100", NULL},
    {TRUNK_CUSTOM, "Local/${EXTEN} @out", "100", NULL},
};

static void what_is_dialled(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(endpoints); i++) {
        struct campaign c = {.trunk_type = endpoints[i].type,
                             .trunk_value = (char *)endpoints[i].trunk};
        struct problem problem = {0};
        char *dialled = dial_endpoint(&c, endpoints[i].number, &problem);
        if (!str_eq(dialled, endpoints[i].dialled))
            fail_msg("row %zu: %s", i, dialled ? dialled : problem.text);
        assert_int_equal(problem.err, dialled ? DG_OK : DG_EINVAL);
        free(dialled);
    }
}

static const struct {
    enum campaign_dest type;
    const char *value, *rung;
} destinations[] = {
    {DEST_EXTEN, "100", "Local/100@from-internal"},
    {DEST_EXTEN, "PJSIP/103", "PJSIP/103"},
    {DEST_CUSTOM, "*97", "Local/*97@from-internal"},
    {DEST_QUEUE, "sales", "Local/sales@from-internal"},
    {DEST_QUEUE, "Local/sales@queues/n", "Local/sales@queues/n"},
    {DEST_IVR, "1", NULL},
    {DEST_IVR, "main", NULL},
    {DEST_IVR, "", NULL},
    {DEST_EXTEN, "", NULL},
    {DEST_EXTEN, "100@other", NULL},
    {DEST_EXTEN, "100&101", NULL},
    {DEST_CUSTOM, "PJSIP/100&PJSIP/101", NULL},
    {DEST_CUSTOM, "PJSIP/100,x", NULL},
    {DEST_CUSTOM, "/100", NULL},
    {DEST_CUSTOM, "PJSIP/", NULL},
    {DEST_CUSTOM, "Local/${EXTEN}@out", NULL},
};

static void who_is_joined(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(destinations); i++) {
        struct campaign c = {.trunk_type = TRUNK_PJSIP,
                             .trunk_value = (char *)"carrier",
                             .dest_type = destinations[i].type,
                             .dest_value = (char *)destinations[i].value};
        struct problem problem = {0};
        char *rung = dial_destination(&c, &problem);
        if (!str_eq(rung, destinations[i].rung))
            fail_msg("row %zu: %s", i, rung ? rung : problem.text);
        bool menu = c.dest_type == DEST_IVR;
        assert_int_equal(dial_check(&c, &problem), rung || dial_menu(&c));
        assert_int_equal(dial_menu(&c), menu && str_eq(c.dest_value, "1") ? 1 : 0);
        free(rung);
    }
}

static void caller_ids_rotate(void **state)
{
    (void)state;
    char *list[] = {(char *)"100", (char *)"200", (char *)"300"};
    struct campaign c = {.callerid = (char *)"900", .callerids = list, .callerid_count = 3};
    for (unsigned turn = 0; turn < 7; turn++)
        assert_string_equal(dial_caller_id(&c, turn), list[turn % 3]);
    c.callerid_count = 0;
    assert_string_equal(dial_caller_id(&c, 5), "900");
    c.callerid = NULL;
    assert_null(dial_caller_id(&c, 5));
}

/* ---- What becomes of a number -----------------------------------------------------------------
 */

#define ENDED 1795290000500

static const struct {
    enum call_state state;
    unsigned attempts; /* of 1 + 2 */
    bool stopped;
    enum number_status status;
    int64_t due_at_ms; /* when pending */
    unsigned left;
} ends[] = {
    {CALL_COMPLETED, 1, false, NUMBER_COMPLETED, 0, 1},
    {CALL_BUSY, 1, false, NUMBER_PENDING, ENDED + 300000, 1},
    {CALL_BUSY, 2, false, NUMBER_PENDING, ENDED + 300000, 2},
    {CALL_BUSY, 3, false, NUMBER_BUSY, 0, 3},
    {CALL_NO_ANSWER, 3, false, NUMBER_NO_ANSWER, 0, 3},
    {CALL_FAILED, 2, false, NUMBER_PENDING, ENDED + 300000, 2},
    {CALL_FAILED, 3, false, NUMBER_FAILED, 0, 3},
    {CALL_CANCELLED, 1, false, NUMBER_FAILED, 0, 1}, /* somebody hung up that one call */
    {CALL_CANCELLED, 2, true, NUMBER_PENDING, -7, 0},
    {CALL_BUSY, 3, true, NUMBER_PENDING, -7, 0}, /* it ended by itself while it was stopped */
    {CALL_COMPLETED, 2, true, NUMBER_COMPLETED, 0, 2},
};

static void what_becomes_of_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ends); i++) {
        struct campaign c = {.retry = {.times = 2, .delay_s = 300}};
        struct number n = {
            .status = NUMBER_CALLING, .attempts = ends[i].attempts, .priority = 7, .due_at_ms = -7};
        const struct attempt_end end = {.state = ends[i].state,
                                        .began_ms = ENDED - 20000,
                                        .ended_ms = ENDED,
                                        .stopped = ends[i].stopped};
        attempt_settle(&n, &c, zone_find("UTC"), &end);
        if (n.status != ends[i].status || n.attempts != ends[i].left ||
            (n.status == NUMBER_PENDING && n.due_at_ms != ends[i].due_at_ms))
            fail_msg("row %zu: %s, %u attempts, due at %lld", i, number_status_name(n.status),
                     n.attempts, (long long)n.due_at_ms);
        number_clear(&n);
    }
}

static void never_dialled(void **state)
{
    (void)state;
    struct number n = {.status = NUMBER_CALLING, .attempts = 2, .call_id = "x"};
    attempt_undo(&n);
    assert_int_equal(n.status, NUMBER_PENDING);
    assert_int_equal(n.attempts, 1);
    assert_string_equal(n.call_id, "");
}

/* ---- Calls per second ---------------------------------------------------------------------------
 */

static void rates_are_kept(void **state)
{
    (void)state;
    static const struct {
        unsigned per_second, at_once;
    } rows[] = {{1, 1}, {2, 1}, {10, 1}, {50, 5}, {1000, 100}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct dial_rate rate = {0};
        unsigned begun = 0;
        uint64_t now = 5000000;
        assert_int_equal(dial_rate_room(&rate, rows[i].per_second, now), rows[i].at_once);
        for (unsigned ms = 0; ms < 10000; ms++, now += 1000) {
            for (; dial_rate_room(&rate, rows[i].per_second, now); begun++) {
                assert_int_equal(dial_rate_wait_us(&rate, rows[i].per_second, now), 0);
                dial_rate_use(&rate, rows[i].per_second, now);
            }
            uint64_t wait = dial_rate_wait_us(&rate, rows[i].per_second, now);
            assert_true(wait > 0);
            assert_true(dial_rate_room(&rate, rows[i].per_second, now + wait) > 0);
        }
        if (begun < rows[i].per_second * 10 || begun > rows[i].per_second * 10 + rows[i].at_once)
            fail_msg("%u per second: %u in ten seconds", rows[i].per_second, begun);
    }
    assert_int_equal(dial_rate_room(&(struct dial_rate){0}, 0, 1), UINT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_dialled),   cmocka_unit_test(who_is_joined),
        cmocka_unit_test(caller_ids_rotate), cmocka_unit_test(what_becomes_of_it),
        cmocka_unit_test(never_dialled),     cmocka_unit_test(rates_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
