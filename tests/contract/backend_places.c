/* backend_places.c - calls that are recorded, parked, transferred; and text that
 * means something else to the server than what it is. */
#include "backend_rig.h"

static void answered(struct rig *r, const struct dial *d, char id[ID_SIZE])
{
    assert_int_equal(rig_dial(r, d, id), DG_OK);
    if (!rig_saw(r, DG_CALL_ANSWERED, id))
        fail_msg("not answered: %s", rig_story(r, id));
}

static void under_control(struct rig *r, char id[ID_SIZE])
{
    answered(r, &(struct dial){.suffix = "001"}, id);
    assert_true(rig_saw(r, DG_CALL_CONTROL, id));
}

static void in_the_dialplan(struct rig *r, char id[ID_SIZE])
{
    answered(r,
             &(struct dial){
                 .suffix = "001", .context = r->config.context, .extension = r->config.extension},
             id);
}

static void end(struct rig *r, const char *id)
{
    if (rig_count(r, DG_CALL_ENDED, id) == 0)
        assert_int_equal(rig_hangup(r, id), DG_OK);
    rig_ended(r, id);
    rig_check_call(r, id);
}

/* ---- Recordings ------------------------------------------------------------------------- */

static enum dg_err change(struct rig *r, const char *record, enum dg_record_change what)
{
    struct answer a = {0};
    return ASK(r, &a, record_change, &(struct dg_record_ref){record, what});
}

static void recorded(struct rig *r, const char *call)
{
    struct answer a = {0};
    char record[ID_SIZE];
    id_uuid7(record);
    const struct dg_record req = {.record = record, .on = call, .file = record, .format = "wav"};
    if (ASK(r, &a, record, &req) != DG_OK)
        fail_msg("record: %s", a.message);
    assert_int_equal(change(r, record, DG_RECORD_PAUSE), DG_OK);
    assert_int_equal(change(r, record, DG_RECORD_RESUME), DG_OK);
    assert_int_equal(rig_count(r, DG_RECORD_ENDED, record), 0);
    assert_int_equal(change(r, record, DG_RECORD_STOP), DG_OK);
    assert_true(rig_saw(r, DG_RECORD_ENDED, record));
    const struct heard *h = rig_event(r, DG_RECORD_ENDED, record, 0);
    assert_true(r->plugin->backend->simulated ||
                (h->on && h->text && strstr(h->text, record) && strstr(h->text, ".wav")));
    assert_true(h->call && strcmp(h->call, call) == 0);
    assert_int_equal(change(r, record, DG_RECORD_STOP), DG_ENOTFOUND);
    assert_int_equal(rig_count(r, DG_RECORD_ENDED, record), 1);
}

static void a_recording_has_a_beginning_and_an_end(void **state)
{
    struct rig *r = *state;
    char one[ID_SIZE], two[ID_SIZE];
    if (!rig_can(r, "record") || !rig_can(r, "record_change"))
        skip();
    under_control(r, one);
    recorded(r, one);
    recorded(r, one); /* a second time */
    in_the_dialplan(r, two);
    recorded(r, two);
    end(r, one);
    end(r, two);
}

static void a_recording_ends_with_its_call(void **state)
{
    struct rig *r = *state;
    struct answer a = {0};
    char id[ID_SIZE], record[ID_SIZE];
    if (!rig_can(r, "record"))
        skip();
    in_the_dialplan(r, id);
    id_uuid7(record);
    const struct dg_record req = {.record = record, .on = id, .file = record, .format = "wav"};
    assert_int_equal(ASK(r, &a, record, &req), DG_OK);
    end(r, id);
    assert_true(rig_saw(r, DG_RECORD_ENDED, record));
    assert_int_equal(rig_count(r, DG_RECORD_ENDED, record), 1);
}

static void a_recording_ends_when_its_time_is_up(void **state)
{
    struct rig *r = *state;
    struct answer a = {0};
    char id[ID_SIZE], record[ID_SIZE];
    if (!rig_can(r, "record"))
        skip();
    answered(r,
             &(struct dial){
                 .suffix = "001", .context = r->config.context, .extension = r->config.sounding},
             id);
    id_uuid7(record);
    const struct dg_record req = {.record = record, .on = id, .file = record, .max_ms = 1000};
    assert_int_equal(ASK(r, &a, record, &req), DG_OK);
    assert_true(rig_saw(r, DG_RECORD_ENDED, record));
    assert_int_equal(rig_count(r, DG_CALL_ENDED, id), 0);
    end(r, id);
}

/* ---- Parking ------------------------------------------------------------------------------ */

static bool is_parked(struct rig *r, const char *id)
{
    char look_for[ID_SIZE + sizeof(RIG_PARKED)];
    struct answer a = {.look_for = look_for};
    snprintf(look_for, sizeof(look_for), RIG_PARKED "%s", id);
    assert_int_equal(ASK(r, &a, parked, &(struct dg_filter){0}), DG_OK);
    return a.text[0] != '\0';
}

static bool parked_then_taken(struct rig *r, const void *id)
{
    const struct heard *on = rig_event(r, DG_CALL_PARKED, id, 0);
    const struct heard *off = rig_event(r, DG_CALL_PARKED, id, 1);
    return on && on->on && on->target && off && !off->on;
}

static void park(struct rig *r, const char *id)
{
    struct answer a = {0};
    if (ASK(r, &a, park, &(struct dg_park){.call = id, .timeout_ms = 60000}) != DG_OK)
        fail_msg("park: %s", a.message);
    assert_true(rig_saw(r, DG_CALL_PARKED, id));
    assert_true(is_parked(r, id));
}

static void a_parked_call_is_taken_out_again(void **state)
{
    struct rig *r = *state;
    struct answer a = {0};
    char one[ID_SIZE], two[ID_SIZE];
    if (!rig_can(r, "park") || !rig_can(r, "parked") || !rig_can(r, "join"))
        skip();
    under_control(r, one);
    under_control(r, two);
    park(r, one);
    assert_int_equal(ASK(r, &a, join, &(struct dg_join){two, one}), DG_OK);
    assert_true(rig_until(r, parked_then_taken, one));
    assert_false(is_parked(r, one));
    end(r, two);
    end(r, one);
}

static void a_call_of_the_dialplan_is_parked_and_sent_on(void **state)
{
    struct rig *r = *state;
    struct answer a = {0};
    char id[ID_SIZE];
    if (!rig_can(r, "park") || r->plugin->backend->simulated)
        skip();
    in_the_dialplan(r, id);
    park(r, id);
    const struct dg_dialplan to = {
        .call = id, .context = r->config.context, .extension = r->config.extension};
    assert_int_equal(ASK(r, &a, go_to, &to), DG_OK);
    assert_true(rig_until(r, parked_then_taken, id));
    assert_int_equal(rig_count(r, DG_CALL_ENDED, id), 0);
    end(r, id);
}

/* ---- Transfers ------------------------------------------------------------------------------ */

static void a_call_is_transferred(void **state)
{
    struct rig *r = *state;
    struct answer a = {0};
    char one[ID_SIZE], two[ID_SIZE];
    if (!rig_can(r, "transfer"))
        skip();
    under_control(r, one);
    const struct dg_transfer blind = {.call = one,
                                      .type = DG_TRANSFER_BLIND,
                                      .context = r->config.context,
                                      .extension = r->config.extension};
    assert_int_equal(ASK(r, &a, transfer, &blind), DG_OK);
    assert_true(rig_saw(r, DG_CALL_TRANSFERRED, one));
    assert_int_equal(rig_count(r, DG_CALL_ENDED, one), 0);
    end(r, one);

    under_control(r, one);
    under_control(r, two);
    const struct dg_transfer attended = {.call = one, .type = DG_TRANSFER_ATTENDED, .consult = two};
    assert_int_equal(ASK(r, &a, transfer, &attended), DG_OK);
    assert_true(rig_saw(r, DG_CALL_TRANSFERRED, one));
    assert_true(rig_saw(r, DG_CALL_BRIDGED, one));
    assert_true(rig_saw(r, DG_CALL_BRIDGED, two));
    end(r, one);
    end(r, two);
}

static void nowhere_is_refused_and_the_call_lives(void **state)
{
    struct rig *r = *state;
    struct answer a = {0};
    char id[ID_SIZE];
    if (!rig_can(r, "go_to") || r->plugin->backend->simulated)
        skip();
    under_control(r, id);
    const struct dg_dialplan nowhere = {.call = id, .context = "no-such", .extension = "s"};
    assert_int_equal(ASK(r, &a, go_to, &nowhere), DG_EINVAL);
    rig_sleep(r, 300);
    assert_int_equal(rig_count(r, DG_CALL_ENDED, id), 0);
    end(r, id);
}

/* ---- Odd text -------------------------------------------------------------------------------- */

/* Refused, or not found; never done, and nothing else happens to the call. */
#define REFUSED(function, ...)                                                                     \
    do {                                                                                           \
        if (rig_can(r, #function) && ASK(r, &a, function, __VA_ARGS__) == DG_OK)                   \
            fail_msg("%s took \"%s\"", #function, texts[i]);                                       \
    } while (0)

static void text_is_never_more_than_text(void **state)
{
    static const char *const texts[] = {"x\r\nAction: Hangup", "x\nChannel: y", "\r\n\r\n", "x\"y",
                                        "${SHELL(id)}",        "../x",          ""};
    struct rig *r = *state;
    struct answer a = {.look_for = ""};
    char id[ID_SIZE];
    if (r->plugin->backend->simulated)
        skip();
    under_control(r, id);
    for (size_t i = 0; i < COUNT(texts); i++) {
        const char *t = texts[i];
        REFUSED(hangup, &(struct dg_hangup){.call = t});
        REFUSED(get_variable, &(struct dg_variable){.call = id, .name = t});
        REFUSED(set_variable, &(struct dg_variable){id, t, "1"});
        REFUSED(dtmf, &(struct dg_dtmf){.call = id, .digits = t});
        REFUSED(play, &(struct dg_play){.play = "odd", .on = t, .media = r->config.media});
        REFUSED(play, &(struct dg_play){.play = "odd", .on = id, .media = t});
        REFUSED(detect, &(struct dg_detect){.call = t});
        REFUSED(go_to, &(struct dg_dialplan){.call = id, .context = t, .extension = "s"});
        REFUSED(join, &(struct dg_join){id, t});
        if (*t)
            REFUSED(record, &(struct dg_record){.record = "odd", .on = id, .file = t});
        if (*t)
            REFUSED(park, &(struct dg_park){.call = id, .lot = t});
        if (i < 3)
            REFUSED(set_variable, &(struct dg_variable){id, "CONTRACT_ODD", t});
    }
    assert_int_equal(rig_count(r, DG_CALL_ENDED, id), 0);
    end(r, id);
}

int suite_places(struct rig *r)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_recording_has_a_beginning_and_an_end),
        RIG_TEST(a_recording_ends_with_its_call),
        RIG_TEST(a_recording_ends_when_its_time_is_up),
        RIG_TEST(a_parked_call_is_taken_out_again),
        RIG_TEST(a_call_of_the_dialplan_is_parked_and_sent_on),
        RIG_TEST(a_call_is_transferred),
        RIG_TEST(nowhere_is_refused_and_the_call_lives),
        RIG_TEST(text_is_never_more_than_text),
    };
    return cmocka_run_group_tests_name("places", tests, NULL, NULL);
}
