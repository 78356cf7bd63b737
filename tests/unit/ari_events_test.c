/* ARI's events as the core's: what Asterisk 16 and 22 sent for each fate, and what is told of it.
 */
#include "unit.h"

#include "../../plugins/ari/events.c"
#include "../../plugins/ari/events_legs.c"
#include "../../plugins/ari/events_media.c"
#include "../../plugins/ari/fate.c"
#include "../../plugins/ari/legs.c"
#include "../../plugins/ari/snapshot.c"
#include "../../plugins/ari/table.c"
#include "../../plugins/ari/text.c"

/* ---- A core that writes down what it is told ---------------------------------------- */

struct notes {
    struct text log;
    struct events e;
    int64_t last_at_ms;
};

static void say(struct notes *n, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct notes *n, const char *fmt, ...)
{
    char line[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (n->log.len)
        text_puts(&n->log, "; ");
    text_puts(&n->log, line);
}

static const char *or_dash(const char *s)
{
    return s ? s : "-";
}

static void on_emit(void *arg, const struct dg_event *ev)
{
    struct notes *n = arg;
    n->last_at_ms = ev->at_ms;
    switch (ev->type) {
    case DG_CALL_STARTED:
        assert_non_null(ev->info);
        say(n, "started %s %s %d", ev->call, ev->info->endpoint, ev->info->direction);
        break;
    case DG_CALL_CHANGED:
        say(n, "changed %s %s>%s %s,%s", ev->call, or_dash(ev->info->caller_number),
            or_dash(ev->info->callee_number), or_dash(ev->info->context),
            or_dash(ev->info->extension));
        break;
    case DG_CALL_CONTROL:
        say(n, "control %s %d %s", ev->call, ev->on, or_dash(ev->text));
        break;
    case DG_CALL_RINGING:
        say(n, "ringing %s", ev->call);
        break;
    case DG_CALL_PROGRESS:
        say(n, "progress %s", ev->call);
        break;
    case DG_CALL_ANSWERED:
        say(n, "answered %s", ev->call);
        break;
    case DG_CALL_ENDED:
        say(n, "ended %s %d sip %d %s", ev->call, ev->cause, ev->sip_code, or_dash(ev->text));
        break;
    case DG_CALL_HELD:
        say(n, "held %s %d", ev->call, ev->on);
        break;
    case DG_CALL_DTMF:
        say(n, "dtmf %s %s", ev->call, ev->text);
        break;
    case DG_CALL_BRIDGED:
        say(n, "bridged %s %s %d", ev->call, ev->bridge, ev->on);
        break;
    case DG_CALL_VARIABLE:
        say(n, "variable %s %s=%s", ev->call, ev->text, ev->target);
        break;
    case DG_CALL_TRANSFERRED:
        say(n, "transferred %s %s", ev->call, ev->target);
        break;
    case DG_BRIDGE_STARTED:
    case DG_BRIDGE_ENDED:
        say(n, "bridge %s %d", ev->bridge, ev->type == DG_BRIDGE_STARTED);
        break;
    case DG_PLAY_ENDED:
        say(n, "played %s on %s%s %d", ev->target, ev->call ? ev->call : "",
            ev->bridge ? ev->bridge : "", ev->on);
        break;
    case DG_RECORD_ENDED:
        say(n, "recorded %s on %s %s", ev->target, or_dash(ev->call), or_dash(ev->text));
        break;
    case DG_ENDPOINT_CHANGED:
        say(n, "endpoint %s %d", ev->target, ev->on);
        break;
    default:
        say(n, "event %d", ev->type);
    }
}

static void on_beat(void *arg, const char *token, int64_t at_ms)
{
    say(arg, "beat %s %lld", token, (long long)at_ms);
}

static void on_taken(void *arg)
{
    say(arg, "replaced");
}

static void on_unwanted(void *arg, const char *call)
{
    say(arg, "unwanted %s", call);
}

static void on_arrived(void *arg, const char *call, const char *context, const char *extension,
                       const char *priority)
{
    say(arg, "arrived %s %s,%s,%s", call, context, extension, priority);
}

static void on_lonely(void *arg, const char *bridge)
{
    say(arg, "lonely %s", bridge);
}

static void notes_open(struct notes *n)
{
    memset(n, 0, sizeof *n);
    n->e.app = "dialgate";
    n->e.sink =
        (struct events_sink){on_emit, on_beat, on_taken, on_unwanted, on_arrived, on_lonely, n};
}

static void notes_close(struct notes *n)
{
    events_free(&n->e);
    text_free(&n->log);
}

static void take(struct notes *n, const char *json)
{
    events_take(&n->e, json, strlen(json));
}

static void check(struct notes *n, const char *what, const char *expected)
{
    if (strcmp(n->log.at ? n->log.at : "", expected) != 0)
        fail_msg("%s:\n  told:     %s\n  expected: %s", what, n->log.at ? n->log.at : "", expected);
    text_free(&n->log);
}

/* ---- Scenarios as tables --------------------------------------------------------------- */

enum kind { CREATED, STATE, DIAL, REQUEST, DESTROYED, CALLER };

struct step {
    enum kind kind;
    const char *id, *name, *state;
    const char *caller, *status, *string; /* DIAL */
    int cause, tech;
    bool soft;
};

static json_t *channel(const char *id, const char *name, const char *state)
{
    return json_pack("{s:s, s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s}, s:s,"
                     " s:{s:s, s:s, s:i, s:s, s:s}, s:s}",
                     "id", id, "name", name, "state", state ? state : "Down", "caller", "name", "",
                     "number", "100", "connected", "name", "", "number", "", "accountcode", "",
                     "dialplan", "context", "from-trunk", "exten", "s", "priority", 1, "app_name",
                     "", "app_data", "", "creationtime", "2026-11-21T09:10:47.825+0000");
}

static char *step_json(const struct step *s)
{
    static const char *const types[] = {
        "ChannelCreated",       "ChannelStateChange", "Dial",
        "ChannelHangupRequest", "ChannelDestroyed",   "ChannelCallerId"};
    json_t *e = json_pack("{s:s, s:s, s:s}", "type", types[s->kind], "application", "dialgate",
                          "timestamp", "2026-11-21T09:10:48.043+0000");
    json_object_set_new(e, s->kind == DIAL ? "peer" : "channel", channel(s->id, s->name, s->state));
    if (s->kind == DIAL) {
        json_object_set_new(e, "dialstatus", json_string(s->status));
        json_object_set_new(e, "dialstring", json_string(s->string ? s->string : ""));
    }
    if (s->caller)
        json_object_set_new(e, "caller", channel(s->caller, "Local/1@o-01;2", "Ring"));
    if (s->cause || s->kind == DESTROYED)
        json_object_set_new(e, "cause", json_integer(s->cause));
    if (s->kind == DESTROYED)
        json_object_set_new(e, "cause_txt", json_string("text"));
    if (s->tech)
        json_object_set_new(e, "tech_cause", json_integer(s->tech));
    if (s->soft)
        json_object_set_new(e, "soft", json_true());
    char *dump = json_dumps(e, JSON_COMPACT);
    json_decref(e);
    return dump;
}

#define P    .id = "a", .name = "PJSIP/trunk-01"
#define NEAR .id = "n", .name = "Local/1@o-01;1"
#define FAR  .id = "f", .name = "Local/1@o-01;2"
#define LEG  .id = "t", .name = "PJSIP/trunk-02"

#define P_BEGIN                                                                                    \
    {CREATED, P},                                                                                  \
    {                                                                                              \
        DIAL, P, .status = "", .string = "7@trunk"                                                 \
    }
#define P_BEGUN "started a PJSIP/trunk 2; changed a 100>7 from-trunk,s; "
#define NEAR_BEGIN                                                                                 \
    {CREATED, NEAR}, {CREATED, FAR, .state = "Ring"},                                              \
    {                                                                                              \
        DIAL, NEAR, .status = "", .string = "1@o"                                                  \
    }
#define NEAR_BEGUN "started n Local/1@o 2; started f Local/1@o 0; "
#define LEG_BEGIN                                                                                  \
    {CREATED, LEG},                                                                                \
    {                                                                                              \
        DIAL, LEG, .caller = "f", .status = "", .string = "1@trunk"                                \
    }
#define LEG_BEGUN "started t PJSIP/trunk 2; changed t 100>1 from-trunk,s; "

static const struct {
    const char *what;
    struct step steps[16];
    const char *told;
} scenarios[] = {
    {"answered, callee's BYE, 22",
     {P_BEGIN,
      {STATE, P, .state = "Ringing"},
      {DIAL, P, .state = "Ringing", .status = "RINGING"},
      {STATE, P, .state = "Up"},
      {DIAL, P, .state = "Up", .status = "ANSWER"},
      {REQUEST, P, .state = "Up"},
      {DESTROYED, P, .state = "Up"}},
     P_BEGUN "ringing a; answered a; ended a 16 sip 0 Normal Clearing"},
    {"answer told by Dial first, ringing by Dial alone",
     {P_BEGIN,
      {DIAL, P, .status = "RINGING"},
      {DIAL, P, .status = "ANSWER"},
      {STATE, P, .state = "Up"},
      {REQUEST, P, .state = "Up", .cause = 32, .soft = true},
      {DESTROYED, P, .state = "Up", .cause = 16}},
     P_BEGUN "ringing a; answered a; ended a 16 sip 0 text"},
    {"early media",
     {P_BEGIN,
      {DIAL, P, .status = "PROGRESS"},
      {STATE, P, .state = "Up"},
      {DESTROYED, P, .state = "Up", .cause = 16}},
     P_BEGUN "progress a; answered a; ended a 16 sip 0 text"},
    {"busy, 22",
     {P_BEGIN,
      {REQUEST, P, .cause = 17, .tech = 486},
      {DIAL, P, .status = "BUSY"},
      {DESTROYED, P, .cause = 17, .tech = 486}},
     P_BEGUN "ended a 17 sip 486 text"},
    {"declined, 16",
     {P_BEGIN,
      {REQUEST, P, .cause = 21},
      {DIAL, P, .status = "NOANSWER"},
      {DESTROYED, P, .cause = 21}},
     P_BEGUN "ended a 21 sip 0 text"},
    {"ring timeout, 16",
     {P_BEGIN, {DESTROYED, P}},
     P_BEGUN "ended a 19 sip 0 User alerting, no answer"},
    {"ended by request while ringing: what Asterisk told the callee is not the callee's word",
     {P_BEGIN,
      {STATE, P, .state = "Ringing"},
      {REQUEST, P, .state = "Ringing", .cause = 32, .soft = true},
      {DIAL, P, .state = "Ringing", .status = "BUSY"},
      {DESTROYED, P, .state = "Ringing", .cause = 17, .tech = 486}},
     P_BEGUN "ringing a; ended a 16 sip 0 Normal Clearing"},
    {"events after the end bring nobody back",
     {P_BEGIN,
      {DESTROYED, P, .cause = 19},
      {CALLER, P},
      {STATE, P, .state = "Up"},
      {DIAL, P, .status = "RINGING"},
      {DESTROYED, P, .cause = 16},
      {CREATED, P}},
     P_BEGUN "ended a 19 sip 0 text"},
    {"Local, busy, SIP code from the leg behind it",
     {NEAR_BEGIN,
      LEG_BEGIN,
      {REQUEST, LEG, .cause = 17, .tech = 486},
      {DIAL, LEG, .caller = "f", .status = "BUSY"},
      {REQUEST, NEAR, .cause = 17},
      {DIAL, NEAR, .status = "BUSY"},
      {DESTROYED, NEAR, .cause = 17}},
     NEAR_BEGUN LEG_BEGUN "ended n 17 sip 486 text"},
    {"Local, declined, but the dialplan ends normally",
     {NEAR_BEGIN,
      LEG_BEGIN,
      {REQUEST, LEG, .cause = 21, .tech = 603},
      {DIAL, LEG, .caller = "f", .status = "NOANSWER"},
      {DIAL, NEAR, .status = "NOANSWER"},
      {DESTROYED, NEAR, .cause = 16}},
     NEAR_BEGUN LEG_BEGUN "ended n 21 sip 603 Call Rejected"},
    {"Local, first line busy, second not answered",
     {NEAR_BEGIN,
      LEG_BEGIN,
      {REQUEST, LEG, .cause = 17},
      {DIAL, LEG, .caller = "f", .status = "BUSY"},
      {CREATED, .id = "u", .name = "PJSIP/trunk-03"},
      {DIAL, .id = "u", .name = "PJSIP/trunk-03", .caller = "f", .status = "", .string = "1@trunk"},
      {DIAL, .id = "u", .name = "PJSIP/trunk-03", .caller = "f", .status = "NOANSWER"},
      {DESTROYED, NEAR, .cause = 16}},
     NEAR_BEGUN LEG_BEGUN "started u PJSIP/trunk 2; changed u 100>1 from-trunk,s; "
                          "ended n 19 sip 0 User alerting, no answer"},
    {"Local to no such place, 16 and 22",
     {{CREATED, NEAR}, {CREATED, FAR, .state = "Ring"}, {DESTROYED, NEAR}},
     "started n Local/1@o 2; started f Local/1@o 0; ended n 3 sip 0 No route to destination"},
    {"a caller who gives up",
     {{CREATED, .id = "i", .name = "PJSIP/in-07", .state = "Ring"},
      {DESTROYED, .id = "i", .name = "PJSIP/in-07", .state = "Ring"}},
     "started i PJSIP/in 1; ended i 16 sip 0 Normal Clearing"},
    {"first seen when it is up",
     {{STATE, P, .state = "Up"}, {DESTROYED, P, .state = "Up"}},
     "started a PJSIP/trunk 0; answered a; ended a 16 sip 0 Normal Clearing"},
    {"the end is all that is seen",
     {{DESTROYED, P, .state = "Up", .cause = 16}},
     "ended a 16 sip 0 text"},
};

static void test_scenarios(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(scenarios); i++) {
        struct notes n;
        notes_open(&n);
        for (const struct step *s = scenarios[i].steps; s->id; s++) {
            char *json = step_json(s);
            take(&n, json);
            free(json);
        }
        check(&n, scenarios[i].what, scenarios[i].told);
        notes_close(&n);
    }
}

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
    check(&n, "plays", "played p on x 1; played q on b 0; played r on x 0; played s on x 1");
    events_recording(&n.e, "dir/file", "rec-1");
    assert_string_equal(events_recording_file(&n.e, "rec-1"), "dir/file");
    take(&n, "{\"type\":\"RecordingFinished\",\"recording\":{\"name\":\"dir/"
             "file\",\"format\":\"wav\",\"target_uri\":\"channel:x\"}}");
    take(&n, "{\"type\":\"RecordingFailed\",\"recording\":{\"name\":\"other\",\"format\":\"wav\","
             "\"target_uri\":\"channel:x\"}}");
    check(&n, "recordings", "recorded rec-1 on x dir/file.wav; recorded other on x -");
    assert_null(events_recording_file(&n.e, "rec-1"));
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
    check(&n, "lists", "ended x 16 sip 0 Normal Clearing");
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
    legs_expect(&n.e.legs, "x");
    take(&n, "{\"type\":\"ChannelCreated\"," CHANNEL("x", "Down") "}");
    take(&n, "{\"type\":\"ChannelDestroyed\",\"cause\":17,\"cause_txt\":\"b\"," CHANNEL(
                 "x", "Down") "}");
    leg = legs_find(&n.e.legs, "x");
    assert_true(leg && leg->started && leg->ended);
    legs_settle(&n.e.legs, "x", false);
    assert_null(legs_find(&n.e.legs, "x"));
    check(&n, "an originate that ends before its answer",
          "started x PJSIP/8013 2; ended x 17 sip 0 b");

    legs_expect(&n.e.legs, "y");
    legs_settle(&n.e.legs, "y", true);
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
        "{\"type\":\"ChannelUserevent\",\"eventname\":\"" BEAT_EVENT "\"}",
        "{\"type\":\"PeerStatusChange\",\"endpoint\":{}}",
        "{\"type\":\"ChannelHangupRequest\",\"channel\":{\"id\":\"z\"}}",
    };
    struct notes n;
    (void)state;
    notes_open(&n);
    for (size_t i = 0; i < COUNT(garbage); i++)
        take(&n, garbage[i]);
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

/* More ends than are remembered: the oldest are forgotten, nothing grows. */
static void test_many(void **state)
{
    struct notes n;
    (void)state;
    notes_open(&n);
    for (int i = 0; i < LEGS_GONE + 10; i++) {
        char id[32];
        snprintf(id, sizeof id, "many-%d", i);
        struct step begin = {CREATED, .id = id, .name = id},
                    end = {DESTROYED, .id = id, .name = id};
        char *a = step_json(&begin), *b = step_json(&end);
        take(&n, a);
        take(&n, b);
        free(a);
        free(b);
        text_free(&n.log);
    }
    assert_int_equal(n.e.legs.by_id.count, 0);
    assert_int_equal(n.e.legs.by_name.count, 0);
    assert_int_equal(n.e.legs.gone.count, LEGS_GONE);
    assert_true(legs_is_gone(&n.e.legs, "many-10"));
    assert_false(legs_is_gone(&n.e.legs, "many-9"));
    notes_close(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenarios),
        cmocka_unit_test(test_control_and_media),
        cmocka_unit_test(test_plays_and_recordings),
        cmocka_unit_test(test_link_events),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_expected),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
