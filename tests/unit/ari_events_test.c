/* ARI's single events as the core's; lists, originates under way, and garbage. */
#include "ari_notes.h"

/* ---- Single events, as Asterisk wrote them ------------------------------------------------ */

#define CHANNEL(id, state)                                                                         \
    "\"channel\":{\"id\":\"" id "\",\"name\":\"PJSIP/8013-00000001\",\"state\":\"" state           \
    "\",\"caller\":{\"name\":\"\",\"number\":\"8013\"},"                                           \
    "\"connected\":{\"name\":\"\",\"number\":\"\"},\"accountcode\":\"\","                          \
    "\"dialplan\":{\"context\":\"c\",\"exten\":\"600\",\"priority\":1,\"app_name\":\"\","          \
    "\"app_data\":\"\"},\"creationtime\":\"2026-11-21T09:10:47.825+0000\",\"language\":\"en\"}"
#define APP "\"application\":\"dialgate\""

static void test_control_and_media(void **state)
{
    struct notes n;
    (void)state;
    notes_open(&n);
    take(&n, "{\"type\":\"ChannelCreated\"," CHANNEL("x", "Ring") "}");
    take(&n, "{\"type\":\"StasisStart\",\"args\":[\"a\",\"b\"]," APP "," CHANNEL("x", "Ring") "}");
    take(&n, "{\"type\":\"StasisStart\",\"args\":[],\"application\":\"foreign\"," CHANNEL(
                 "x", "Ring") "}");
    take(&n, "{\"type\":\"ChannelDtmfReceived\",\"digit\":\"#\",\"duration_ms\":80," CHANNEL(
                 "x", "Ring") "}");
    take(&n, "{\"type\":\"ChannelHold\"," CHANNEL("x", "Ring") "}");
    take(&n, "{\"type\":\"ChannelUnhold\"," CHANNEL("x", "Ring") "}");
    take(&n, "{\"type\":\"ChannelVarset\",\"variable\":\"AMDSTATUS\",\"value\":\"HUMAN\"," CHANNEL(
                 "x", "Ring") "}");
    take(
        &n,
        "{\"type\":\"ChannelVarset\",\"variable\":\"RTPAUDIOQOS\",\"value\":\"AMDSTATUS\"," CHANNEL(
            "x", "Ring") "}");
    take(&n, "{\"type\":\"StasisEnd\"," APP "," CHANNEL("x", "Ring") "}");
    take(&n, "{\"type\":\"StasisEnd\"," APP "," CHANNEL("x", "Ring") "}");
    check(&n, "control",
          "started x PJSIP/8013 1; control x 1 a,b; dtmf x #; held x 1; held x 0; "
          "variable x AMDSTATUS=HUMAN; control x 0 -");
    take(&n, "{\"type\":\"StasisStart\",\"args\":[\"" GO_ON_ARGUMENT "\",\"ivr\",\"s\",\"1\"]," APP
             "," CHANNEL("x", "Up") "}");
    check(&n, "going on to the dialplan", "answered x; arrived x ivr,s,1");
    take(&n,
         "{\"type\":\"StasisStart\",\"args\":[\"" DETECT_CONTEXT
         "\",\"MACHINE\",\"LONGGREETING-1500-1500\",\"SILENCE\"]," APP "," CHANNEL("x", "Up") "}");
    take(&n, "{\"type\":\"StasisStart\",\"args\":[\"" DETECT_CONTEXT
             "\",\"HUMAN\",\"HUMAN-800-800\",\"\"]," APP "," CHANNEL("x", "Up") "}");
    take(&n, "{\"type\":\"StasisStart\",\"args\":[\"" DETECT_CONTEXT "\",\"\",\"\",\"\"]," APP
             "," CHANNEL("x", "Up") "}");
    take(&n, "{\"type\":\"StasisStart\",\"args\":[\"" DETECT_CONTEXT "\"]," APP
             "," CHANNEL("x", "Up") "}");
    check(&n, "back from detection",
          "control x 1 -; detected x MACHINE LONGGREETING-1500-1500 1; control x 1 -; "
          "detected x HUMAN HUMAN-800-800 0; control x 1 -; "
          "detected x - Asterisk has no AMD: app_amd.so is not loaded 0; control x 1 -; "
          "detected x - Asterisk has no AMD: app_amd.so is not loaded 0");
    take(&n, "{\"type\":\"BridgeCreated\",\"bridge\":{\"id\":\"b\"}}");
    take(&n, "{\"type\":\"ChannelEnteredBridge\",\"bridge\":{\"id\":\"join-x\",\"channels\":[\"x\"]"
             "}," CHANNEL("x", "Up") "}");
    take(&n, "{\"type\":\"ChannelLeftBridge\",\"bridge\":{\"id\":\"join-x\",\"channels\":[\"y\"]}"
             "," CHANNEL("x", "Up") "}");
    take(&n, "{\"type\":\"ChannelLeftBridge\",\"bridge\":{\"id\":\"b\",\"channels\":[]}," CHANNEL(
                 "x", "Up") "}");
    take(&n, "{\"type\":\"BridgeDestroyed\",\"bridge\":{\"id\":\"b\"}}");
    check(&n, "bridges",
          "bridge b 1; bridged x join-x 1; bridged x join-x 0; lonely join-x; bridged x b 0; "
          "bridge b 0");
    take(&n, "{\"type\":\"BridgeBlindTransfer\",\"exten\":\"600\",\"context\":\"c\",\"result\":"
             "\"Success\"," CHANNEL("x", "Up") "}");
    check(&n, "transfer", "transferred x 600@c");
    notes_close(&n);
}

static void test_plays_and_recordings(void **state)
{
    struct notes n;
    (void)state;
    notes_open(&n);
    take(&n, "{\"type\":\"PlaybackFinished\",\"playback\":{\"id\":\"p\",\"state\":\"done\","
             "\"target_uri\":\"channel:x\"}}");
    take(&n, "{\"type\":\"PlaybackFinished\",\"playback\":{\"id\":\"q\",\"state\":\"failed\","
             "\"target_uri\":\"bridge:b\"}}");
    events_play_stopped(&n.e, "r");
    events_play_stopped(&n.e, "s");
    events_play_went_on(&n.e, "s");
    take(&n, "{\"type\":\"PlaybackFinished\",\"playback\":{\"id\":\"r\",\"state\":\"done\","
             "\"target_uri\":\"channel:x\"}}");
    take(&n, "{\"type\":\"PlaybackFinished\",\"playback\":{\"id\":\"s\",\"state\":\"done\","
             "\"target_uri\":\"channel:x\"}}");
    check(&n, "plays",
          "played p on x 1; played q on b 0 unheard; played r on x 0; played s on x 1");
    events_recording(&n.e, "dir/file", "rec-1");
    assert_string_equal(events_recording_file(&n.e, "rec-1"), "dir/file");
    take(&n, "{\"type\":\"RecordingFinished\",\"recording\":{\"name\":\"dir/"
             "file\",\"format\":\"wav\",\"target_uri\":\"channel:x\"}}");
    take(&n, "{\"type\":\"RecordingFailed\",\"recording\":{\"name\":\"other\",\"format\":\"wav\","
             "\"target_uri\":\"channel:x\"}}");
    check(&n, "recordings", "recorded rec-1 on x dir/file.wav; recorded other on x -");
    assert_null(events_recording_file(&n.e, "rec-1"));
    events_snoop(&n.e, LIFE_HIDDEN "rec-2", "x");
    take(&n,
         "{\"type\":\"StasisStart\",\"args\":[]," APP "," CHANNEL(LIFE_HIDDEN "rec-2", "Up") "}");
    take(&n, "{\"type\":\"RecordingFinished\",\"recording\":{\"name\":\"f\",\"format\":\"wav\","
             "\"target_uri\":\"channel:" LIFE_HIDDEN "rec-2\"}}");
    check(&n, "by a channel of our own", "recorded f on x f.wav; served " LIFE_HIDDEN "rec-2");
    notes_close(&n);
}

static void test_link_events(void **state)
{
    struct notes n;
    (void)state;
    notes_open(&n);
    take(&n, "{\"type\":\"ChannelUserevent\",\"eventname\":\"" BEAT_EVENT
             "\",\"userevent\":{\"token\":\"t\",\"eventname\":\"x\"},"
             "\"timestamp\":\"1970-01-01T00:00:01.000+0000\"}");
    take(&n, "{\"type\":\"ApplicationReplaced\",\"application\":\"foreign\"}");
    take(&n, "{\"type\":\"ApplicationReplaced\"," APP "}");
    take(&n, "{\"type\":\"PeerStatusChange\",\"endpoint\":{\"technology\":\"PJSIP\",\"resource\":"
             "\"8013\",\"state\":\"online\"}}");
    take(&n, "{\"type\":\"DeviceStateChanged\",\"device_state\":{\"name\":\"x\"}}");
    take(&n, "{\"type\":\"SomethingNew\"}");
    check(&n, "link", "beat t 1000; replaced; endpoint PJSIP/8013 1");
    n.e.skew_ms = 5000;
    take(&n, "{\"type\":\"BridgeCreated\",\"timestamp\":\"1970-01-01T00:00:01.000+0000\","
             "\"bridge\":{\"id\":\"b\"}}");
    assert_int_equal(n.last_at_ms, 6000);
    notes_close(&n);
}

/* Only what the core would want to know again is told again. */
static void test_changes(void **state)
{
    struct notes n;
    static const char same[] = "{\"type\":\"ChannelDialplan\"," CHANNEL("x", "Ring") "}";
    static const char other[] =
        "{\"type\":\"ChannelCallerId\",\"channel\":{\"id\":\"x\",\"name\":\"PJSIP/8013-00000001\","
        "\"state\":\"Ring\",\"caller\":{\"number\":\"555\"}}}";
    (void)state;
    notes_open(&n);
    take(&n, "{\"type\":\"ChannelCreated\"," CHANNEL("x", "Ring") "}");
    take(&n, same);
    take(&n, same);
    take(&n, other);
    take(&n, other);
    check(&n, "changes", "started x PJSIP/8013 1; changed x 555>- -,-");
    notes_close(&n);
}

static void adopt(struct notes *n, const char *json, bool taken)
{
    json_t *root = json_loads(json, 0, NULL);
    assert_int_equal(events_adopt(&n->e, json_object_get(root, "channel")) != NULL, taken);
    json_decref(root);
}

/* A list of channels may be older than the events that came while it was on its way. */
static void test_lists(void **state)
{
    struct notes n;
    (void)state;
    notes_open(&n);
    adopt(&n, "{" CHANNEL("x", "Up") "}", true);
    take(&n, "{\"type\":\"ChannelStateChange\"," CHANNEL("x", "Up") "}");
    take(&n, "{\"type\":\"ChannelDestroyed\",\"cause\":0," CHANNEL("x", "Up") "}");
    adopt(&n, "{" CHANNEL("x", "Up") "}", false);
    /* The core may not have been shown the list yet: it is told of the answer, too. */
    check(&n, "lists", "answered x; ended x 16 sip 0 Normal Clearing");
    take(&n, "{\"type\":\"ChannelDestroyed\",\"cause\":0," CHANNEL("z", "Up") "}");
    check(&n, "an end of what was in no list", "answered z; ended z 16 sip 0 Normal Clearing");
    events_clear(&n.e); /* after a new link an id of before is as good as any */
    adopt(&n, "{" CHANNEL("x", "Up") "}", true);
    notes_close(&n);
}

static void test_expected(void **state)
{
    struct notes n;
    const struct leg *leg;
    (void)state;
    notes_open(&n);
    legs_expect(&n.e.life.legs, "x");
    take(&n, "{\"type\":\"ChannelCreated\"," CHANNEL("x", "Down") "}");
    take(&n, "{\"type\":\"ChannelDestroyed\",\"cause\":17,\"cause_txt\":\"b\"," CHANNEL(
                 "x", "Down") "}");
    leg = legs_find(&n.e.life.legs, "x");
    assert_true(leg && leg->started && leg->ended);
    legs_settle(&n.e.life.legs, "x", false);
    assert_null(legs_find(&n.e.life.legs, "x"));
    check(&n, "an originate that ends before its answer",
          "started x PJSIP/8013 2; ended x 17 sip 0 b");

    legs_expect(&n.e.life.legs, "y");
    legs_settle(&n.e.life.legs, "y", true);
    events_clear(&n.e);
    take(&n, "{\"type\":\"ChannelCreated\"," CHANNEL("y", "Down") "}");
    check(&n, "an originate given up that comes about", "unwanted y; started y PJSIP/8013 2");
    notes_close(&n);
}

static void test_garbage(void **state)
{
    static const char *const garbage[] = {
        "",
        "{",
        "null",
        "[]",
        "\"x\"",
        "{\"type\":5}",
        "{\"type\":\"ChannelCreated\"}",
        "{\"type\":\"ChannelCreated\",\"channel\":[]}",
        "{\"type\":\"ChannelDestroyed\",\"channel\":{}}",
        "{\"type\":\"Dial\"}",
        "{\"type\":\"Dial\",\"peer\":{\"id\":\"nobody\"},\"dialstatus\":\"BUSY\"}",
        "{\"type\":\"ChannelCreated\",\"channel\":{\"id\":\"\"}}",
        "{\"type\":\"StasisStart\",\"args\":{}}",
        "{\"type\":\"ChannelLeftBridge\",\"bridge\":7}",
        "{\"type\":\"PlaybackFinished\"}",
        "{\"type\":\"RecordingFinished\",\"recording\":\"x\"}",
        "{\"type\":\"PeerStatusChange\",\"endpoint\":{}}",
        "{\"type\":\"ChannelHangupRequest\",\"channel\":{\"id\":\"z\"}}",
    };
    struct notes n;
    (void)state;
    notes_open(&n);
    for (size_t i = 0; i < COUNT(garbage); i++)
        take(&n, garbage[i]);
    take(&n, "{\"type\":\"ChannelUserevent\",\"eventname\":\"" BEAT_EVENT "\"}");
    check(&n, "garbage", "");
    char longest[400];
    memset(longest, 'i', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    json_t *e = json_pack("{s:s,s:{s:s}}", "type", "ChannelCreated", "channel", "id", longest);
    char *dump = json_dumps(e, 0);
    take(&n, dump);
    check(&n, "an id too long", "");
    free(dump);
    json_decref(e);
    notes_close(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control_and_media),
        cmocka_unit_test(test_plays_and_recordings),
        cmocka_unit_test(test_link_events),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_expected),
        cmocka_unit_test(test_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
