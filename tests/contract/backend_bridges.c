/* backend_bridges.c - bridges hold the calls that were put into them. */
#include "backend_rig.h"

struct pair {
    char bridge[ID_SIZE], one[ID_SIZE], two[ID_SIZE];
};

static void two_calls(struct rig *r, struct pair *p)
{
    const struct dial d = {.suffix = "001"};
    assert_int_equal(rig_dial(r, &d, p->one), DG_OK);
    assert_int_equal(rig_dial(r, &d, p->two), DG_OK);
    assert_true(rig_saw(r, DG_CALL_CONTROL, p->one));
    assert_true(rig_saw(r, DG_CALL_CONTROL, p->two));
}

static void end(struct rig *r, const char *id)
{
    assert_int_equal(rig_hangup(r, id), DG_OK);
    rig_ended(r, id);
    rig_check_call(r, id);
}

/* How often a call entered or left. */
static size_t moves(struct rig *r, const char *call, bool on)
{
    size_t n = 0;
    for (size_t i = 0; i < rig_count(r, DG_CALL_BRIDGED, call); i++)
        n += rig_event(r, DG_CALL_BRIDGED, call, i)->on == on;
    return n;
}

static bool both_entered(struct rig *r, const void *pair)
{
    const struct pair *p = pair;
    return moves(r, p->one, true) == 1 && moves(r, p->two, true) == 1;
}

static bool both_left(struct rig *r, const void *pair)
{
    const struct pair *p = pair;
    return moves(r, p->one, false) == 1 && moves(r, p->two, false) == 1;
}

/* Its calls as bridges() shows them; NULL: it is not there. */
static const char *in_bridge(struct rig *r, struct answer *a, const char *bridge)
{
    a->look_for = bridge;
    assert_int_equal(ASK(r, a, bridges, &(struct dg_filter){0}), DG_OK);
    return a->text[0] ? a->bridge_calls : NULL;
}

static void a_bridge_holds_its_calls(void **state)
{
    struct rig *r = *state;
    static struct answer a;
    struct pair p;
    if (!rig_can(r, "bridge_create") || !rig_can(r, "bridge_add"))
        skip();
    two_calls(r, &p);
    id_uuid7(p.bridge);
    const struct dg_bridge_new new = {.bridge = p.bridge, .name = "contract", .mixing = true};
    assert_int_equal(ASK(r, &a, bridge_create, &new), DG_OK);
    assert_string_equal(in_bridge(r, &a, p.bridge), "");
    const struct dg_bridge_leg one = {p.bridge, p.one}, two = {p.bridge, p.two};
    assert_int_equal(ASK(r, &a, bridge_add, &one), DG_OK);
    assert_int_equal(ASK(r, &a, bridge_add, &two), DG_OK);
    assert_true(rig_until(r, both_entered, &p));
    assert_string_equal(rig_event(r, DG_CALL_BRIDGED, p.one, 0)->bridge, p.bridge);
    const char *calls = in_bridge(r, &a, p.bridge);
    assert_true(calls && strstr(calls, p.one) && strstr(calls, p.two));

    assert_int_equal(ASK(r, &a, bridge_remove, &one), DG_OK);
    const struct dg_bridge_ref ref = {p.bridge};
    assert_int_equal(ASK(r, &a, bridge_destroy, &ref), DG_OK);
    assert_true(rig_until(r, both_left, &p));
    assert_true(rig_saw(r, DG_BRIDGE_ENDED, p.bridge));
    assert_null(in_bridge(r, &a, p.bridge));
    assert_int_equal(ASK(r, &a, bridge_destroy, &ref), DG_ENOTFOUND);
    end(r, p.one);
    end(r, p.two);
}

static void who_hangs_up_has_left(void **state)
{
    struct rig *r = *state;
    static struct answer a;
    struct pair p;
    if (!rig_can(r, "join"))
        skip();
    two_calls(r, &p);
    assert_int_equal(ASK(r, &a, join, &(struct dg_join){p.one, p.two}), DG_OK);
    assert_true(rig_until(r, both_entered, &p));
    assert_string_equal(rig_event(r, DG_CALL_BRIDGED, p.one, 0)->bridge,
                        rig_event(r, DG_CALL_BRIDGED, p.two, 0)->bridge);
    end(r, p.one);
    assert_int_equal(moves(r, p.one, false), 1);
    if (rig_count(r, DG_CALL_ENDED, p.two) == 0)
        rig_hangup(r, p.two);
    rig_ended(r, p.two);
    rig_check_call(r, p.two);
}

int suite_bridges(struct rig *r)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_bridge_holds_its_calls),
        RIG_TEST(who_hangs_up_has_left),
    };
    return cmocka_run_group_tests_name("bridges", tests, NULL, NULL);
}
