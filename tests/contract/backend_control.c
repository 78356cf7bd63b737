/* backend_control.c - what is done to a call works, and shows. */
#include "backend_rig.h"

static void answered_call(struct rig *r, const struct dial *d, char id[ID_SIZE])
{
    assert_int_equal(rig_dial(r, d, id), DG_OK);
    if (!rig_saw(r, DG_CALL_ANSWERED, id))
        fail_msg("not answered: %s", rig_story(r, id));
}

static void end(struct rig *r, const char *id)
{
    assert_int_equal(rig_hangup(r, id), DG_OK);
    rig_ended(r, id);
    rig_check_call(r, id);
}

/* The call in calls(), or NULL. */
static const struct dg_call *listed(struct rig *r, struct answer *a, const char *id,
                                    const char *filter)
{
    a->look_for = NULL;
    assert_int_equal(ASK(r, a, calls, &(struct dg_filter){filter}), DG_OK);
    for (size_t i = 0; i < a->count && i < COUNT(a->calls); i++)
        if (strcmp(a->call_ids[i], id) == 0)
            return &a->calls[i];
    return NULL;
}

static void calls_shows_a_call_as_it_is(void **state)
{
    struct rig *r = *state;
    static struct answer a;
    char id[ID_SIZE];
    assert_int_equal(rig_dial(r, &(struct dial){.suffix = "480"}, id), DG_OK);
    assert_true(rig_saw(r, DG_CALL_RINGING, id));
    const struct dg_call *c = listed(r, &a, id, NULL);
    assert_non_null(c);
    assert_int_equal(c->state, DG_CHANNEL_RINGING);
    assert_int_equal(c->direction == DG_INBOUND, false);
    assert_non_null(listed(r, &a, id, id));
    assert_null(listed(r, &a, id, "no call is called so"));
    end(r, id);
    assert_null(listed(r, &a, id, NULL));

    answered_call(r, &(struct dial){.suffix = "001"}, id);
    c = listed(r, &a, id, NULL);
    assert_non_null(c);
    assert_int_equal(c->state, DG_CHANNEL_UP);
    end(r, id);
    assert_null(listed(r, &a, id, NULL));
}

static void control_is_told_with_its_arguments(void **state)
{
    struct rig *r = *state;
    static struct answer a;
    char id[ID_SIZE];
    answered_call(r, &(struct dial){.suffix = "001", .arguments = "menu main"}, id);
    assert_true(rig_saw(r, DG_CALL_CONTROL, id));
    const struct heard *h = rig_event(r, DG_CALL_CONTROL, id, 0);
    assert_true(h->on);
    assert_string_equal(h->text, "menu main");
    const struct dg_call *c = listed(r, &a, id, NULL);
    assert_true(c && c->controlled);
    end(r, id);
}

static bool control_lost(struct rig *r, const void *id)
{
    const struct heard *h = rig_event(r, DG_CALL_CONTROL, id, 1);
    return h && !h->on;
}

static void the_dialplan_takes_over(void **state)
{
    struct rig *r = *state;
    struct answer a = {0};
    char id[ID_SIZE];
    if (!rig_can(r, "go_to"))
        skip();
    answered_call(r, &(struct dial){.suffix = "001"}, id);
    assert_true(rig_saw(r, DG_CALL_CONTROL, id));
    const struct dg_dialplan to = {
        .call = id, .context = r->config.context, .extension = r->config.extension};
    assert_int_equal(ASK(r, &a, go_to, &to), DG_OK);
    assert_true(rig_until(r, control_lost, id));
    assert_int_equal(rig_count(r, DG_CALL_ENDED, id), 0);
    end(r, id);
}

static const char *variable(struct rig *r, struct answer *a, const char *id, const char *name)
{
    a->look_for = "";
    ASK(r, a, get_variable, &(struct dg_variable){.call = id, .name = name});
    return a->err ? NULL : a->text;
}

/* To be set means to be accepted: a server may take a moment to do it. */
static void expect_variable(struct rig *r, struct answer *a, const char *id, const char *name,
                            const char *expected)
{
    const char *value = variable(r, a, id, name);
    for (int i = 0; i < 100 && !str_eq(value, expected); i++) {
        rig_sleep(r, 20);
        value = variable(r, a, id, name);
    }
    assert_non_null(value);
    assert_string_equal(value, expected);
}

static void variables_are_set_and_read(void **state)
{
    struct rig *r = *state;
    struct answer a = {0};
    char id[ID_SIZE];
    const struct dg_kv variables[] = {{"CONTRACT_ONE", "first"},
                                      {"CONTRACT_TWO", "a, b; \"c\" = d"}};
    if (!rig_can(r, "get_variable") || !rig_can(r, "set_variable"))
        skip();
    answered_call(r, &(struct dial){.suffix = "001", .variables = variables, .variable_count = 2},
                  id);
    assert_string_equal(variable(r, &a, id, "CONTRACT_ONE"), "first");
    assert_string_equal(variable(r, &a, id, "CONTRACT_TWO"), variables[1].value);
    const char *const values[] = {"second", "with blanks, commas & more", "\xc3\xa4\xe2\x82\xac"};
    for (size_t i = 0; i < COUNT(values); i++) {
        const struct dg_variable set = {id, "CONTRACT_ONE", values[i]};
        assert_int_equal(ASK(r, &a, set_variable, &set), DG_OK);
        expect_variable(r, &a, id, "CONTRACT_ONE", values[i]);
    }
    const char *unset = variable(r, &a, id, "CONTRACT_NEVER_SET");
    assert_true((!unset && a.err == DG_ENOTFOUND) || (unset && !*unset));
    end(r, id);
}

static bool event_is(struct rig *r, enum dg_event_type type, const char *id, size_t nth, bool on)
{
    for (size_t i = 0; i <= nth; i++)
        if (!rig_event(r, type, id, i))
            return false;
    return rig_event(r, type, id, nth)->on == on;
}

static bool held_then_released(struct rig *r, const void *id)
{
    return event_is(r, DG_CALL_HELD, id, 0, true) && event_is(r, DG_CALL_HELD, id, 1, false);
}

static bool muted_then_not(struct rig *r, const void *id)
{
    return event_is(r, DG_CALL_MUTED, id, 0, true) && event_is(r, DG_CALL_MUTED, id, 1, false);
}

static void hold_and_mute_are_told(void **state)
{
    struct rig *r = *state;
    struct answer a = {0};
    char id[ID_SIZE];
    answered_call(r, &(struct dial){.suffix = "001"}, id);
    assert_true(rig_saw(r, DG_CALL_CONTROL, id));
    for (int i = 0; i < 2 && rig_can(r, "hold"); i++)
        assert_int_equal(ASK(r, &a, hold, &(struct dg_switch){id, i == 0}), DG_OK);
    if (rig_can(r, "hold"))
        assert_true(rig_until(r, held_then_released, id));
    for (int i = 0; i < 2 && rig_can(r, "mute"); i++)
        assert_int_equal(ASK(r, &a, mute, &(struct dg_mute){id, i == 0, true, true}), DG_OK);
    if (rig_can(r, "mute"))
        assert_true(rig_until(r, muted_then_not, id));
    end(r, id);
}

static void dtmf_is_sent(void **state)
{
    struct rig *r = *state;
    struct answer a = {0};
    char id[ID_SIZE];
    if (!rig_can(r, "dtmf"))
        skip();
    answered_call(r, &(struct dial){.suffix = "001"}, id);
    assert_true(rig_saw(r, DG_CALL_CONTROL, id));
    assert_int_equal(ASK(r, &a, dtmf, &(struct dg_dtmf){.call = id, .digits = "12*#"}), DG_OK);
    end(r, id);
}

static void what_is_played_ends_once(void **state)
{
    struct rig *r = *state;
    struct answer a = {0};
    char id[ID_SIZE], play[ID_SIZE];
    if (!rig_can(r, "play"))
        skip();
    answered_call(r, &(struct dial){.suffix = "001"}, id);
    assert_true(rig_saw(r, DG_CALL_CONTROL, id));
    id_uuid7(play);
    const struct dg_play req = {.play = play, .on = id, .media = r->config.media};
    assert_int_equal(ASK(r, &a, play, &req), DG_OK);
    assert_true(rig_saw(r, DG_PLAY_ENDED, play));
    id_uuid7(play);
    assert_int_equal(ASK(r, &a, play, &req), DG_OK);
    end(r, id);
    assert_true(rig_saw(r, DG_PLAY_ENDED, play));
    assert_int_equal(rig_count(r, DG_PLAY_ENDED, play), 1);
}

/* Of one who says nothing nobody can tell; the call is as it was before. */
static void who_has_answered_is_told(void **state)
{
    struct rig *r = *state;
    struct answer a = {0};
    char id[ID_SIZE], sound[ID_SIZE];
    if (!rig_can(r, "detect"))
        skip();
    answered_call(r, &(struct dial){.suffix = "001"}, id);
    assert_true(rig_saw(r, DG_CALL_CONTROL, id));
    const struct dg_detect req = {.call = id, .total_analysis_time = 1000};
    assert_int_equal(ASK(r, &a, detect, &req), DG_OK);
    assert_true(rig_saw(r, DG_CALL_DETECTED, id));
    assert_int_equal(rig_count(r, DG_CALL_DETECTED, id), 1);
    const struct heard *told = rig_event(r, DG_CALL_DETECTED, id, 0);
    assert_non_null(told->text);
    assert_true(strcmp(told->text, "MACHINE") == 0 || strcmp(told->text, "HUMAN") == 0 ||
                strcmp(told->text, "NOTSURE") == 0);
    id_uuid7(sound);
    const struct dg_play play = {.play = sound, .on = id, .media = r->config.media};
    if (rig_can(r, "play"))
        assert_int_equal(ASK(r, &a, play, &play), DG_OK);
    end(r, id);
    assert_int_equal(rig_count(r, DG_CALL_DETECTED, id), 1);

    const struct dial place = {
        .suffix = "001", .context = r->config.context, .extension = r->config.extension};
    answered_call(r, &place, id);
    assert_int_equal(ASK(r, &a, detect, &(struct dg_detect){.call = id}), DG_ECONFLICT);
    end(r, id);
}

int suite_control(struct rig *r)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(calls_shows_a_call_as_it_is), RIG_TEST(control_is_told_with_its_arguments),
        RIG_TEST(the_dialplan_takes_over),     RIG_TEST(variables_are_set_and_read),
        RIG_TEST(hold_and_mute_are_told),      RIG_TEST(dtmf_is_sent),
        RIG_TEST(what_is_played_ends_once),    RIG_TEST(who_has_answered_is_told),
    };
    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
