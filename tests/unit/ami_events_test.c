/* The manager's events as the core's. What is told of one call comes in varying order: its fate is
 * the same in each. */
#include "ami_world.h"

#define ORIGINATED(id, result, reason)                                                             \
    "Event: OriginateResponse\r\nActionID: " id "\r\nResponse: " result "\r\nReason: " reason      \
    "\r\n\r\n"
#define NEW(id)          "Event: Newchannel\r\n" CHANNEL(id, "Down") "\r\n"
#define STATE(id, state) "Event: Newstate\r\n" CHANNEL(id, state) "\r\n"
#define DEST(id)                                                                                   \
    "DestChannel: PJSIP/trunk-1\r\nDestChannelStateDesc: Down\r\nDestUniqueid: " id "\r\n"
#define DIAL(id, event, status)                                                                    \
    "Event: " event "\r\n" DEST(id) "DialString: 7900@trunk\r\n" status "\r\n"
#define BEGIN(id)         DIAL(id, "DialBegin", "")
#define END(id, status)   DIAL(id, "DialEnd", "DialStatus: " status "\r\n")
#define HANGUP(id, cause) "Event: Hangup\r\n" CHANNEL(id, "Down") "Cause: " cause "\r\n\r\n"
#define ASKS(id, cause)   "Event: HangupRequest\r\n" CHANNEL(id, "Down") "Cause: " cause "\r\n\r\n"

/* What the core is told, with causes. */
static void on_emit(const struct dg_host *h, const struct dg_event *ev)
{
    static const char *const names[] = {
        [DG_CALL_STARTED] = "started",   [DG_CALL_RINGING] = "ringing",
        [DG_CALL_PROGRESS] = "progress", [DG_CALL_ANSWERED] = "answered",
        [DG_CALL_HELD] = "held",         [DG_CALL_DTMF] = "dtmf",
        [DG_CALL_BRIDGED] = "bridged",   [DG_CALL_PARKED] = "parked",
        [DG_CALL_CONTROL] = "control",   [DG_CALL_TRANSFERRED] = "transferred",
        [DG_CALL_ENDED] = "ended",       [DG_ENDPOINT_CHANGED] = "endpoint",
        [DG_QUEUE_CHANGED] = "queue",    [DG_CALL_VARIABLE] = "variable",
        [DG_PLAY_ENDED] = "played",      [DG_CALL_DETECTED] = "detected",
    };
    char line[300];
    if (!names[ev->type])
        return;
    int len = snprintf(line, sizeof line, "%s %s", names[ev->type], ev->call ? ev->call : "-");
    if (ev->type == DG_CALL_ENDED)
        snprintf(line + len, sizeof line - (size_t)len, " %d", ev->cause);
    else if (ev->target || ev->text || ev->bridge)
        snprintf(line + len, sizeof line - (size_t)len, " %s%s%s %d", ev->text ? ev->text : "",
                 ev->bridge ? ev->bridge : "", ev->target ? ev->target : "", ev->on);
    note(world_of(h), line, NULL);
}

static void watched(struct world *w)
{
    world_up(w);
    w->host.emit = on_emit;
}

static const struct fate {
    const char *what;
    const char *last[3]; /* in any order */
    int cause;
} fates[] = {
    {"busy", {END("c1", "BUSY"), ORIGINATED("c1", "Failure", "0"), HANGUP("c1", "17")}, 17},
    {"declined", {END("c1", "NOANSWER"), ORIGINATED("c1", "Failure", "0"), HANGUP("c1", "21")}, 21},
    {"no such number",
     {END("c1", "NOANSWER"), ORIGINATED("c1", "Failure", "0"), HANGUP("c1", "1")},
     1},
    {"congestion",
     {END("c1", "CONGESTION"), ORIGINATED("c1", "Failure", "0"), HANGUP("c1", "34")},
     34},
    {"ring timeout, 22", {"", ORIGINATED("c1", "Failure", "3"), HANGUP("c1", "19")}, 19},
    {"ring timeout, 16", {"", ORIGINATED("c1", "Failure", "3"), HANGUP("c1", "0")}, 19},
    {"busy, without a cause",
     {END("c1", "BUSY"), ORIGINATED("c1", "Failure", "0"), HANGUP("c1", "0")},
     17},
    {"congestion, without a cause",
     {END("c1", "CONGESTION"), ORIGINATED("c1", "Failure", "0"), HANGUP("c1", "16")},
     34},
};

static void test_fates_in_any_order(void **state)
{
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    (void)state;
    for (size_t i = 0; i < COUNT(fates); i++)
        for (size_t k = 0; k < COUNT(orders); k++) {
            struct world w = {0};
            char expected[60];
            watched(&w);
            says(&w, NEW("c1") BEGIN("c1"));
            for (size_t n = 0; n < 3; n++)
                says(&w, fates[i].last[orders[k][n]]);
            pass(&w, 300);
            snprintf(expected, sizeof expected, "started c1; ended c1 %d", fates[i].cause);
            if (strcmp(w.log.at, expected) != 0)
                fail_msg("%s, order %zu: %s", fates[i].what, k, w.log.at);
            world_close(&w);
        }
}

/* Why it ended is known at once where the event of the end says so; else in a moment. */
static void test_no_longer_wait_than_needed(void **state)
{
    struct world w = {0};
    (void)state;
    watched(&w);
    says(&w, NEW("c1") BEGIN("c1") HANGUP("c1", "21"));
    check_log(&w, "started c1; ended c1 21");
    says(&w, NEW("c2") BEGIN("c2") HANGUP("c2", "0"));
    check_log(&w, "started c2");
    says(&w, END("c2", "BUSY"));
    check_log(&w, "ended c2 17");
    says(&w, NEW("c3") BEGIN("c3") HANGUP("c3", "0"));
    pass(&w, 299);
    check_log(&w, "started c3");
    pass(&w, 1);
    check_log(&w, "ended c3 19");
    /* Nobody was dialled: there was no way. */
    says(&w, NEW("c4") HANGUP("c4", "0"));
    pass(&w, 300);
    check_log(&w, "started c4; ended c4 3");
    /* The link goes meanwhile. */
    says(&w, NEW("c5") BEGIN("c5") HANGUP("c5", "0") "Event: Shutdown\r\n\r\n");
    check_log(&w, "started c5; ended c5 19; down");
    world_close(&w);
}

static void test_a_call(void **state)
{
    struct world w = {0};
    (void)state;
    watched(&w);
    says(&w, NEW("c1") BEGIN("c1") STATE("c1", "Ringing"));
    says(&w, DIAL("c1", "DialState", "DialStatus: RINGING\r\n"));
    says(&w, STATE("c1", "Up") END("c1", "ANSWER") ORIGINATED("c1", "Success", "4"));
    says(&w, "Event: BridgeEnter\r\nBridgeUniqueid: b1\r\n" CHANNEL("c1", "Up") "\r\n");
    says(&w, "Event: DTMFEnd\r\nDigit: 5\r\nDirection: Received\r\n" CHANNEL("c1", "Up") "\r\n");
    says(&w, "Event: DTMFEnd\r\nDigit: 6\r\nDirection: Sent\r\n" CHANNEL("c1", "Up") "\r\n");
    says(&w, "Event: Hold\r\n" CHANNEL("c1", "Up") "\r\n");
    says(&w, "Event: BridgeLeave\r\nBridgeUniqueid: b1\r\n" CHANNEL("c1", "Up") "\r\n");
    says(&w, "Event: VarSet\r\nVariable: AMDSTATUS\r\nValue: HUMAN\r\n" CHANNEL("c1", "Up") "\r\n");
    says(&w, "Event: VarSet\r\nVariable: OTHER\r\nValue: x\r\n" CHANNEL("c1", "Up") "\r\n");
    says(&w, "Event: BlindTransfer\r\nTransfererUniqueid: x\r\nTransfereeUniqueid: c1\r\n"
             "Extension: 100\r\nContext: in\r\n\r\n");
    says(&w, "Event: ParkedCall\r\nParkeeUniqueid: c1\r\nParkingLot: default\r\n"
             "ParkingSpace: 701\r\n\r\n");
    says(&w, ASKS("c1", "16") HANGUP("c1", "0") HANGUP("c1", "0") STATE("c1", "Up"));
    check_log(&w, "started c1; ringing c1; answered c1; bridged c1 b1 1; dtmf c1 5 0; held c1; "
                  "bridged c1 b1 0; variable c1 AMDSTATUSHUMAN 0; transferred c1 100@in 0; "
                  "parked c1 default/701 1; ended c1 16");
    world_close(&w);
}

static void test_early_media(void **state)
{
    struct world w = {0};
    (void)state;
    watched(&w);
    says(&w, NEW("c1") BEGIN("c1"));
    says(&w, DIAL("c1", "DialState", "DialStatus: PROGRESS\r\n"));
    says(&w, END("c1", "ANSWER") STATE("c1", "Up") HANGUP("c1", "16"));
    check_log(&w, "started c1; progress c1; answered c1; ended c1 16");
    world_close(&w);
}

/* A Local channel's near half learns from its far half, in spite of what the dialplan says. */
static void test_local(void **state)
{
#define HALF(n, state)                                                                             \
    "Channel: Local/7900@ivr-1;" n "\r\nChannelStateDesc: " state "\r\nUniqueid: c" n "\r\n"
    struct world w = {0};
    (void)state;
    watched(&w);
    says(&w, "Event: Newchannel\r\n" HALF("1", "Down") "\r\n");
    says(&w, "Event: Newchannel\r\n" HALF("2", "Ring") "\r\n");
    says(&w, BEGIN("c1") NEW("t1"));
    says(&w, "Event: DialBegin\r\n" HALF("2", "Ring") DEST("t1") "\r\n");
    says(&w, ASKS("t1", "21"));
    says(&w, "Event: DialEnd\r\n" HALF("2", "Ring") DEST("t1") "DialStatus: NOANSWER\r\n\r\n");
    says(&w, "Event: Hangup\r\n" HALF("1", "Down") "Cause: 16\r\n\r\n");
    check_log(&w, "started c1; started c2; started t1; ended c1 21");
    world_close(&w);
#undef HALF
}

/* Ended by request: no event says so of a leg that was not answered. */
static void test_hung_up_by_us(void **state)
{
    static const struct {
        int asked;
        const char *sent;
        int cause;
    } rows[] = {{0, "16", 16}, {17, "17", 17}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world w = {0};
        struct dg_op op = {0};
        char expected[60];
        watched(&w);
        says(&w, NEW("c1") BEGIN("c1") STATE("c1", "Ringing"));
        w.table->hangup(w.self, &(struct dg_hangup){"c1", rows[i].asked}, &op);
        takes(&w, "Hangup");
        assert_string_equal(line_of(&w, "Cause"), rows[i].sent);
        says_to(&w, "Response: Success", "");
        says(&w, END("c1", "NOANSWER") HANGUP("c1", "0"));
        snprintf(expected, sizeof expected, "started c1; ringing c1; ended c1 %d", rows[i].cause);
        check_log(&w, expected);
        world_close(&w);
    }
}

static void test_beside_the_calls(void **state)
{
    struct world w = {0};
    (void)state;
    watched(&w);
    says(&w, "Event: PeerStatus\r\nPeer: PJSIP/100\r\nPeerStatus: Reachable\r\n\r\n");
    says(&w, "Event: PeerStatus\r\nPeer: PJSIP/100\r\nPeerStatus: Unreachable\r\n\r\n");
    check_log(&w, "endpoint - PJSIP/100 1; endpoint - PJSIP/100 0");
    says(&w, "Event: DeviceStateChange\r\nDevice: PJSIP/100\r\nState: INUSE\r\n\r\n");
    says(&w, "Event: DeviceStateChange\r\nDevice: PJSIP/100\r\nState: UNAVAILABLE\r\n\r\n");
    says(&w, "Event: DeviceStateChange\r\nDevice: Local/1@a\r\nState: INUSE\r\n\r\n");
    check_log(&w, "endpoint - in usePJSIP/100 1; endpoint - unavailablePJSIP/100 0");
    says(&w, "Event: QueueMemberPause\r\nQueue: sales\r\nPaused: 1\r\n\r\n");
    says(&w, "Event: QueueMemberPause\r\nQueue: sales\r\nPaused: 0\r\n\r\n");
    says(&w, "Event: QueueMemberAdded\r\nQueue: sales\r\nPaused: 0\r\n\r\n");
    says(&w, "Event: QueueCallerAbandon\r\nQueue: sales\r\n\r\n");
    check_log(&w, "queue - member_pausedsales 0; queue - member_resumedsales 0; "
                  "queue - member_addedsales 0; queue - caller_abandonedsales 0");
    world_close(&w);
}

/* Whatever is missing from an event, or too much in it. */
static void test_odd_events(void **state)
{
    static const char *const names[] = {"Newchannel",
                                        "Newstate",
                                        "Newexten",
                                        "NewCallerid",
                                        "Hangup",
                                        "HangupRequest",
                                        "Rename",
                                        "SoftHangupRequest",
                                        "DialBegin",
                                        "DialState",
                                        "DialEnd",
                                        "OriginateResponse",
                                        "BridgeEnter",
                                        "BridgeLeave",
                                        "BridgeCreate",
                                        "DTMFEnd",
                                        "Hold",
                                        "VarSet",
                                        "BlindTransfer",
                                        "ParkedCall",
                                        "UnParkedCall",
                                        "AsyncAGIStart",
                                        "AsyncAGIEnd",
                                        "PeerStatus",
                                        "QueueMemberPause"};
    struct world w = {0};
    (void)state;
    watched(&w);
    for (size_t i = 0; i < COUNT(names); i++) {
        char text[1000], id[400];
        memset(id, 'x', sizeof id - 1);
        id[sizeof id - 1] = '\0';
        snprintf(text, sizeof text, "Event: %s\r\n\r\nEvent: %s\r\nUniqueid: \r\nChannel: \r\n\r\n",
                 names[i], names[i]);
        says(&w, text);
        snprintf(text, sizeof text, "Event: %s\r\nUniqueid: %s\r\n\r\n", names[i], id);
        says(&w, text);
    }
    check_log(&w, "");
    world_close(&w);
}

/* An entry that was skipped as too large must not pass for an ended call. */
static void test_list_with_a_gap(void **state)
{
    struct world w = {0};
    struct dg_op op = {0};
    (void)state;
    watched(&w);
    w.table->calls(w.self, &(struct dg_filter){0}, &op);
    answers(&w, "CoreShowChannels", "EventList: start\r\n");
    says_to(&w, "Event: CoreShowChannel", CHANNEL("one", "Up"));
    says_to(&w, "Event: CoreShowChannelsComplete", "EventList: Complete\r\nListItems: 2\r\n");
    assert_int_equal(op.ended, 1);
    assert_int_equal(op.err, DG_EUPSTREAM);
    assert_int_equal(op.items, 0);
    world_close(&w);
}

static void test_list_of_calls(void **state)
{
    struct world w = {0};
    struct dg_op op = {.lists_calls = true};
    (void)state;
    watched(&w);
    w.table->calls(w.self, &(struct dg_filter){0}, &op);
    answers(&w, "CoreShowChannels", "EventList: start\r\n");
    says_to(&w, "Event: CoreShowChannel",
            CHANNEL("01a1fee3-3df1-75e7-b616-08823d85155e", "Up") "Duration: 00:01:00\r\n");
    says_to(&w, "Event: CoreShowChannel", CHANNEL("foreign", "Up"));
    /* One that ends meanwhile is not listed. */
    says_to(&w, "Event: CoreShowChannel", CHANNEL("gone", "Up"));
    says(&w, HANGUP("gone", "16"));
    says_to(&w, "Event: CoreShowChannelsComplete", "EventList: Complete\r\nListItems: 3\r\n");
    /* When was ours answered? */
    answers(&w, "Status", "EventList: start\r\n");
    assert_string_equal(line_of(&w, "Variables"), "CDR(answer,u)");
    says_to(&w, "Event: Status", "Uniqueid: foreign\r\nVariable: CDR(answer,u)=\r\n");
    says_to(&w, "Event: Status",
            "Uniqueid: 01a1fee3-3df1-75e7-b616-08823d85155e\r\n"
            "Variable: CDR(answer,u)=1795263407.070678\r\n");
    assert_int_equal(op.ended, 0);
    says_to(&w, "Event: StatusComplete", "EventList: Complete\r\n");
    assert_int_equal(op.ended, 1);
    assert_int_equal(op.items, 2);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fates_in_any_order),
        cmocka_unit_test(test_no_longer_wait_than_needed),
        cmocka_unit_test(test_a_call),
        cmocka_unit_test(test_early_media),
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_hung_up_by_us),
        cmocka_unit_test(test_beside_the_calls),
        cmocka_unit_test(test_odd_events),
        cmocka_unit_test(test_list_of_calls),
        cmocka_unit_test(test_list_with_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
