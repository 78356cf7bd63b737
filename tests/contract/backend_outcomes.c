/* backend_outcomes.c - every way a call can end is told truly and in order. */
#include "backend_rig.h"

static const struct outcome {
    const char *name;
    struct dial dial;
    const char *story;   /* what must be heard, in this order; hangup after "answered" */
    bool by_itself;      /* we do not hang up */
    int cause, sip_code; /* sip_code 0: none can be known */
} outcomes[] = {
    {"answered, we hang up", {.suffix = "001"}, "started ringing answered ended", false, 16, 0},
    {"the callee hangs up", {.suffix = "299"}, "started ringing answered ended", true, 16, 0},
    {"early media", {.suffix = "183"}, "started progress answered ended", false, 16, 0},
    {"busy", {.suffix = "486"}, "started ended", true, 17, 486},
    {"declined", {.suffix = "603"}, "started ended", true, 21, 603},
    {"no such number", {.suffix = "404"}, "started ended", true, 1, 404},
    {"congestion", {.suffix = "503"}, "started ended", true, 34, 503},
    {"rings for ever", {.suffix = "480", .ring_ms = 1500}, "started ringing ended", true, 19, 0},
    {"silence", {.suffix = "100", .ring_ms = 1500}, "started ended", true, 19, 0},
};

/* What the suite looks at; control, changes and the like may come in between. */
static const char *plain_story(struct rig *r, const char *id)
{
    static char plain[1000];
    char all[1000];
    size_t len = 0;
    snprintf(all, sizeof(all), "%s", rig_story(r, id));
    plain[0] = '\0';
    char *rest = all;
    for (char *word; (word = strsep(&rest, " "));)
        if (strcmp(word, "control") != 0 && strcmp(word, "bridged") != 0)
            len += (size_t)snprintf(plain + len, sizeof(plain) - len, "%s%s", len ? " " : "", word);
    return plain;
}

static void check_outcome(struct rig *r, const struct outcome *o, const char *id)
{
    const struct heard *end = rig_ended(r, id);
    rig_check_call(r, id);
    if (strcmp(plain_story(r, id), o->story) != 0)
        fail_msg("%s: heard \"%s\", expected \"%s\"", o->name, plain_story(r, id), o->story);
    if (end->cause != o->cause)
        fail_msg("%s: cause %d, expected %d", o->name, end->cause, o->cause);
    if (end->sip_code && o->sip_code && end->sip_code != o->sip_code)
        fail_msg("%s: SIP code %d, expected %d", o->name, end->sip_code, o->sip_code);
    if (end->estimated)
        fail_msg("%s: its end was estimated", o->name);
    if (rig_hangup(r, id) != DG_ENOTFOUND)
        fail_msg("%s: it has ended, and can still be hung up", o->name);
}

static void play_outcome(struct rig *r, const struct outcome *o)
{
    char id[ID_SIZE];
    enum dg_err err = rig_dial(r, &o->dial, id);
    if (err)
        fail_msg("%s: originate: %s", o->name, err_name(err));
    if (!o->by_itself) {
        if (!rig_saw(r, DG_CALL_ANSWERED, id))
            fail_msg("%s: not answered: %s", o->name, rig_story(r, id));
        assert_int_equal(rig_hangup(r, id), DG_OK);
    }
    check_outcome(r, o, id);
}

static void each_outcome_under_control(void **state)
{
    for (size_t i = 0; i < COUNT(outcomes); i++)
        play_outcome(*state, &outcomes[i]);
}

static void each_outcome_in_the_dialplan(void **state)
{
    struct rig *r = *state;
    for (size_t i = 0; i < COUNT(outcomes); i++) {
        struct outcome o = outcomes[i];
        o.dial.context = r->config.context;
        o.dial.extension = r->config.extension;
        play_outcome(r, &o);
    }
}

static void all_outcomes_at_once(void **state)
{
    enum { ROUNDS = 3 };
    struct rig *r = *state;
    char ids[COUNT(outcomes) * ROUNDS][ID_SIZE];
    for (size_t i = 0; i < COUNT(ids); i++)
        assert_int_equal(rig_dial(r, &outcomes[i % COUNT(outcomes)].dial, ids[i]), DG_OK);
    for (size_t i = 0; i < COUNT(ids); i++) {
        if (outcomes[i % COUNT(outcomes)].by_itself)
            continue;
        assert_true(rig_saw(r, DG_CALL_ANSWERED, ids[i]));
        assert_int_equal(rig_hangup(r, ids[i]), DG_OK);
    }
    for (size_t i = 0; i < COUNT(ids); i++)
        check_outcome(r, &outcomes[i % COUNT(outcomes)], ids[i]);
}

static void hangup_while_it_rings(void **state)
{
    struct rig *r = *state;
    char id[ID_SIZE];
    assert_int_equal(rig_dial(r, &(struct dial){.suffix = "480"}, id), DG_OK);
    assert_true(rig_saw(r, DG_CALL_RINGING, id));
    assert_int_equal(rig_hangup(r, id), DG_OK);
    const struct heard *end = rig_ended(r, id);
    rig_check_call(r, id);
    assert_string_equal(rig_story(r, id), "started ringing ended");
    assert_int_equal(end->cause, 16);
}

static void hangup_before_it_rings(void **state)
{
    struct rig *r = *state;
    char id[ID_SIZE];
    assert_int_equal(rig_dial(r, &(struct dial){.suffix = "100"}, id), DG_OK);
    assert_int_equal(rig_hangup(r, id), DG_OK);
    rig_ended(r, id);
    rig_check_call(r, id);
    assert_string_equal(rig_story(r, id), "started ended");
}

static void a_living_id_is_refused_and_its_call_unharmed(void **state)
{
    struct rig *r = *state;
    const struct dial d = {.suffix = "001"};
    char id[ID_SIZE];
    assert_int_equal(rig_dial(r, &d, id), DG_OK);
    assert_int_equal(rig_dial_as(r, &d, id), DG_ECONFLICT);
    assert_true(rig_saw(r, DG_CALL_ANSWERED, id));
    assert_int_equal(rig_dial_as(r, &d, id), DG_ECONFLICT);
    /* A conflict must not spoil what comes after it. */
    char other[ID_SIZE];
    assert_int_equal(rig_dial(r, &d, other), DG_OK);
    assert_int_equal(rig_hangup(r, id), DG_OK);
    assert_int_equal(rig_hangup(r, other), DG_OK);
    rig_ended(r, id);
    rig_ended(r, other);
    rig_check_call(r, id);
    rig_check_call(r, other);
}

int suite_outcomes(struct rig *r)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(each_outcome_under_control),
        RIG_TEST(each_outcome_in_the_dialplan),
        RIG_TEST(all_outcomes_at_once),
        RIG_TEST(hangup_while_it_rings),
        RIG_TEST(hangup_before_it_rings),
        RIG_TEST(a_living_id_is_refused_and_its_call_unharmed),
    };
    return cmocka_run_group_tests_name("outcomes", tests, NULL, NULL);
}
