/* backend_end.c - closing in the middle of it all, opening again, and whether
 * a rule of the plugin interface was broken on the way. */
#include "backend_rig.h"

#define QUIET_MS 1500

/* What the core has counted against the plugin. To hold the loop for a while is
 * not judged here: the machine may be slow. */
static void no_rule_was_broken(void **state)
{
    struct rig *r = *state;
    struct buf text;
    bool broken = false;
    assert_int_equal(instance_open_ops(r->in), 0);
    buf_init(&text, 1 << 20);
    metrics_render(r->metrics, &text);
    char *rest = text.ptr;
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (str_starts(line, "dialgate_plugin_faults_total{") && !strstr(line, "held the loop")) {
            print_error("%s\n", line);
            broken = true;
        }
        if (str_starts(line, "dialgate_backend_ops_total{") &&
            strstr(line, err_name(DG_ETIMEOUT))) {
            print_error("%s\n", line);
            broken = true;
        }
    }
    buf_free(&text);
    assert_false(broken);
}

static void it_closes_in_the_middle_of_it_all(void **state)
{
    struct rig *r = *state;
    static struct answer a;
    char ringing[ID_SIZE], talking[ID_SIZE];
    assert_int_equal(rig_dial(r, &(struct dial){.suffix = "480", .ring_ms = 3000}, ringing), DG_OK);
    assert_int_equal(rig_dial(r, &(struct dial){.suffix = "001"}, talking), DG_OK);
    assert_true(rig_saw(r, DG_CALL_ANSWERED, talking));
    /* Asterisk 22 can hang for good when its event socket is closed at the moment a device
     * changes its state (asterisk#2170): that is no matter of the backend. */
    rig_sleep(r, QUIET_MS);
    a = (struct answer){.rig = r};
    backend_calls(r->in, &(struct dg_filter){0}, rig_answer, &a);
    assert_true(rig_close(r));
    assert_int_equal(a.count_answers, 1);
    assert_true(a.err == DG_OK || a.err == DG_EUNAVAILABLE);

    /* A server keeps its calls, and they are found again by their names. */
    assert_true(rig_open(r));
    a = (struct answer){.rig = r};
    assert_int_equal(ASK(r, &a, calls, &(struct dg_filter){talking}), DG_OK);
    enum dg_err err = rig_hangup(r, talking);
    assert_true(a.count ? err == DG_OK : err == DG_ENOTFOUND);
    rig_hangup(r, ringing);
    rig_sleep(r, 500);
    assert_int_equal(ASK(r, &a, calls, &(struct dg_filter){talking}), DG_OK);
    assert_int_equal(a.count, 0);
}

int suite_end(struct rig *r)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(no_rule_was_broken),
        RIG_TEST(it_closes_in_the_middle_of_it_all),
        RIG_TEST(no_rule_was_broken),
    };
    return cmocka_run_group_tests_name("end", tests, NULL, NULL);
}
