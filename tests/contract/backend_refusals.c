/* backend_refusals.c - what is not there, what cannot be, and what makes no
 * sense is refused with the right code and a sentence. */
#include "backend_rig.h"

#define NOBODY "00000000-0000-7000-8000-000000000000"

/* What one function says about a call that does not exist. */
#define UNKNOWN(function, ...)                                                                     \
    do {                                                                                           \
        if (!rig_can(r, #function))                                                                \
            break;                                                                                 \
        a.look_for = "";                                                                           \
        ASK(r, &a, function, __VA_ARGS__);                                                         \
        if (a.err != DG_ENOTFOUND)                                                                 \
            fail_msg("%s of an unknown id: %s (%s), expected not found", #function,                \
                     err_name(a.err), a.message);                                                  \
        if (!a.message[0])                                                                         \
            fail_msg("%s: a failure without a sentence", #function);                               \
    } while (0)

static void an_unknown_id_is_not_found(void **state)
{
    struct rig *r = *state;
    struct answer a = {0};
    UNKNOWN(hangup, &(struct dg_hangup){.call = NOBODY});
    UNKNOWN(answer, &(struct dg_call_ref){NOBODY});
    UNKNOWN(ring, &(struct dg_switch){NOBODY, true});
    UNKNOWN(hold, &(struct dg_switch){NOBODY, true});
    UNKNOWN(mute, &(struct dg_mute){NOBODY, true, true, true});
    UNKNOWN(moh, &(struct dg_moh){.call = NOBODY, .on = true});
    UNKNOWN(dtmf, &(struct dg_dtmf){.call = NOBODY, .digits = "1"});
    UNKNOWN(go_to, &(struct dg_dialplan){.call = NOBODY,
                                         .context = r->config.context,
                                         .extension = r->config.extension});
    UNKNOWN(get_variable, &(struct dg_variable){.call = NOBODY, .name = "X"});
    UNKNOWN(set_variable, &(struct dg_variable){NOBODY, "X", "1"});
    UNKNOWN(play, &(struct dg_play){.play = "p", .on = NOBODY, .media = r->config.media});
    UNKNOWN(detect, &(struct dg_detect){.call = NOBODY});
    UNKNOWN(play_stop, &(struct dg_stop){NOBODY});
    UNKNOWN(bridge_destroy, &(struct dg_bridge_ref){NOBODY});
    UNKNOWN(bridge_add, &(struct dg_bridge_leg){NOBODY, NOBODY});
    UNKNOWN(bridge_remove, &(struct dg_bridge_leg){NOBODY, NOBODY});
}

/* The wrappers answer for a function that the table does not have. */
static void a_missing_function_is_unsupported(void **state)
{
    struct rig *r = *state;
    size_t missing = 0;
#define X(function, request, kind)                                                                 \
    if (!r->plugin->backend->function) {                                                           \
        const struct request req = {0};                                                            \
        struct answer a = {.look_for = ""};                                                        \
        missing++;                                                                                 \
        if (ASK(r, &a, function, &req) != DG_EUNSUPPORTED)                                         \
            fail_msg("%s: %s, expected unsupported", #function, err_name(a.err));                  \
    }
    BACKEND_FUNCTIONS(X)
#undef X
    print_message("[     SAYS ] %zu functions are not there\n", missing);
}

/* Either it is refused at once, or the call that it made ends. */
static void nonsense_does_not_stay(void **state)
{
    static const char *const endpoints[] = {"", "nonsense", "NoSuchTechnology/1"};
    struct rig *r = *state;
    for (size_t i = 0; i < COUNT(endpoints); i++) {
        struct answer a = {0};
        char id[ID_SIZE];
        id_uuid7(id);
        const struct dg_originate req = {.call = id, .endpoint = endpoints[i], .ring_ms = 1000};
        if (strcmp(endpoints[i], "NoSuchTechnology/1") == 0 && !strstr(r->config.endpoint, "PJSIP"))
            continue;
        if (ASK(r, &a, originate, &req) != DG_OK) {
            assert_true(a.message[0]);
            rig_sleep(r, 100);
            if (rig_count(r, DG_CALL_STARTED, id))
                rig_ended(r, id);
            continue;
        }
        rig_hangup(r, id);
        rig_ended(r, id);
        rig_check_call(r, id);
    }
}

int suite_refusals(struct rig *r)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(an_unknown_id_is_not_found),
        RIG_TEST(a_missing_function_is_unsupported),
        RIG_TEST(nonsense_does_not_stay),
    };
    return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
