/* What is asked of a leg that no event has told of yet, or not of where it is. */
#include "ami_world.h"

#define STATUS(id, more)                                                                           \
    "Event: Status", CHANNEL(id, "Up") "BridgeID: " more "Application: Dial\r\nData: x\r\n"

static void no_such_channel(struct world *w)
{
    takes(w, "Status");
    says_to(w, "Response: Error", "Message: No such channel\r\n");
}

/* Asterisk's list: the channel, and the end. */
static void shows(struct world *w, const char *first, const char *lines)
{
    says_to(w, "Response: Success", "EventList: start\r\n");
    says_to(w, first, lines);
    says_to(w, "Event: ListComplete", "EventList: Complete\r\nListItems: 1\r\n");
}

static void test_asked_for_first(void **state)
{
    struct world w = {0};
    struct dg_op op = {0}, again = {0};
    char lot[] = "sales";
    const struct dg_park req = {.call = "c1", .lot = lot, .timeout_ms = 5000};
    (void)state;
    world_up(&w);
    w.table->park(w.self, &req, &op);
    memset(lot, 'x', sizeof lot - 1); /* lent for the call alone */
    takes(&w, "Status");
    assert_string_equal(line_of(&w, "Channel"), "c1");
    shows(&w, STATUS("c1", "b1\r\n"));
    takes(&w, "BridgeInfo");
    assert_string_equal(line_of(&w, "BridgeUniqueid"), "b1");
    shows(&w, "Event: BridgeInfoChannel",
          "Channel: PJSIP/agent-2\r\nChannelStateDesc: Up\r\nUniqueid: c2\r\n");
    takes(&w, "Park");
    assert_string_equal(line_of(&w, "Parkinglot"), "sales");
    assert_string_equal(line_of(&w, "TimeoutChannel"), "PJSIP/agent-2");
    assert_int_equal(op.ended, 0);
    says(&w, "Event: ParkedCall\r\nParkeeUniqueid: c1\r\nParkingSpace: 701\r\n\r\n");
    assert_int_equal(op.err, DG_OK);
    assert_int_equal(op.ended, 1);
    /* Its events come late, and the core is told of each leg once. */
    assert_string_equal(w.log.at, "started c1; answered c1; started c2; answered c2");
    says(&w, "Event: Newchannel\r\n" CHANNEL("c1", "Down") "\r\n");
    assert_string_equal(w.log.at, "started c1; answered c1; started c2; answered c2");
    /* From then on it is known. */
    w.table->park(w.self, &req, &again);
    takes(&w, "Park");
    world_close(&w);
    assert_int_equal(again.err, DG_EUNAVAILABLE);
}

static void test_both_of_two(void **state)
{
    struct world w = {0};
    struct dg_op op = {0};
    const struct dg_join req = {.call = "c1", .other = "c2"};
    (void)state;
    world_up(&w);
    w.table->join(w.self, &req, &op);
    takes(&w, "Status");
    shows(&w, STATUS("c1", "\r\n"));
    takes(&w, "Status");
    assert_string_equal(line_of(&w, "Channel"), "c2");
    shows(&w, "Event: Status",
          "Channel: PJSIP/agent-2\r\nChannelStateDesc: Up\r\nUniqueid: c2\r\nBridgeID: \r\n");
    takes(&w, "Bridge");
    assert_string_equal(line_of(&w, "Channel2"), "PJSIP/agent-2");
    world_close(&w);
    assert_int_equal(op.err, DG_EUNAVAILABLE);
    assert_int_equal(op.ended, 1);
}

static void test_there_is_none(void **state)
{
    struct world w = {0};
    struct dg_op op = {0}, ended = {0};
    const struct dg_switch req = {.call = "c1", .on = true};
    (void)state;
    world_up(&w);
    w.table->hold(w.self, &req, &op);
    no_such_channel(&w);
    assert_int_equal(op.err, DG_ENOTFOUND);
    assert_string_equal(op.message, "no such call");
    assert_int_equal(op.ended, 1);
    /* One that has ended is not asked for. */
    says(&w, "Event: Newchannel\r\n" CHANNEL("c1", "Up") "\r\n");
    says(&w, "Event: Hangup\r\n" CHANNEL("c1", "Up") "Cause: 16\r\n\r\n");
    w.table->hold(w.self, &req, &ended);
    assert_false(has_action(&w));
    assert_int_equal(ended.err, DG_ENOTFOUND);
    world_close(&w);
}

static void test_no_answer(void **state)
{
    struct world w = {0};
    struct dg_op refused = {0}, lost = {0};
    const struct dg_play req = {.play = "p1", .on = "c1", .media = "sound:beep"};
    (void)state;
    world_up(&w);
    w.table->play(w.self, &req, &refused);
    refuses(&w, "Status", "Permission denied");
    assert_int_equal(refused.ended, 1);
    assert_int_equal(refused.err, DG_EUNSUPPORTED);
    w.table->play(w.self, &req, &lost);
    takes(&w, "Status");
    world_close(&w);
    assert_int_equal(lost.ended, 1);
    assert_int_equal(lost.err, DG_EUNAVAILABLE);
}

/* ---- A leg that is known, and where it is ------------------------------------------------- */

#define ENTERS(id, bridge)                                                                         \
    "Event: BridgeEnter\r\nUniqueid: " id "\r\nBridgeUniqueid: " bridge "\r\n\r\n"

/* Two that are up, and no word of a bridge yet. */
static void two_up(struct world *w)
{
    world_up(w);
    says(w, "Event: Newchannel\r\n" CHANNEL("c1", "Up") "\r\n");
    says(w, "Event: Newchannel\r\nChannel: PJSIP/agent-2\r\nChannelStateDesc: Up\r\n"
            "Uniqueid: c2\r\n\r\n");
    text_free(&w->log);
}

static void shows_both(struct world *w)
{
    takes(w, "BridgeInfo");
    assert_string_equal(line_of(w, "BridgeUniqueid"), "b1");
    says_to(w, "Response: Success", "EventList: start\r\n");
    says_to(w, "Event: BridgeInfoChannel", CHANNEL("c1", "Up"));
    says_to(w, "Event: BridgeInfoChannel",
            "Channel: PJSIP/agent-2\r\nChannelStateDesc: Up\r\nUniqueid: c2\r\n");
    says_to(w, "Event: BridgeInfoComplete", "EventList: Complete\r\nListItems: 2\r\n");
}

static void parts_them(struct world *w)
{
    takes(w, "MuteAudio");
    assert_string_equal(line_of(w, "Channel"), "c1");
    says_to(w, "Response: Success", "");
    takes(w, "MuteAudio");
    assert_string_equal(line_of(w, "Channel"), "c2");
    says_to(w, "Response: Success", "");
    takes(w, "Originate");
    assert_string_equal(line_of(w, "Application"), "MusicOnHold");
}

static void test_bridged_unheard(void **state)
{
    /* What has been told before: nothing, or that one of them has entered. */
    const char *const told[] = {"", ENTERS("c1", "b1")};
    const struct dg_switch req = {.call = "c1", .on = true};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world w = {0};
        struct dg_op op = {0};
        two_up(&w);
        says(&w, told[i]);
        w.table->hold(w.self, &req, &op);
        takes(&w, "Status");
        assert_string_equal(line_of(&w, "Channel"), "c1");
        shows(&w, STATUS("c1", "b1\r\n"));
        shows_both(&w);
        parts_them(&w);
        assert_int_equal(op.ended, 0);
        says(&w, ENTERS("c1", "b1") ENTERS("c2", "b1"));
        assert_int_equal(w.log.len, 0);
        world_close(&w);
        assert_int_equal(op.ended, 1);
        assert_int_equal(op.err, DG_EUNAVAILABLE);
    }
}

static void test_bridged_and_heard(void **state)
{
    struct world w = {0};
    struct dg_op op = {0};
    (void)state;
    two_up(&w);
    says(&w, ENTERS("c1", "b1") ENTERS("c2", "b1"));
    w.table->hold(w.self, &(struct dg_switch){.call = "c1", .on = true}, &op);
    parts_them(&w);
    world_close(&w);
}

static void refused(const struct dg_op *op, enum dg_err err, const char *words)
{
    assert_int_equal(op->ended, 1);
    assert_int_equal(op->err, err);
    assert_non_null(strstr(op->message, words));
}

static void test_alone_indeed(void **state)
{
    struct world w = {0};
    struct dg_op hold = {0}, play = {0}, moh = {0}, gone = {0};
    (void)state;
    two_up(&w);
    w.table->hold(w.self, &(struct dg_switch){.call = "c1", .on = true}, &hold);
    takes(&w, "Status");
    shows(&w, STATUS("c1", "\r\n"));
    refused(&hold, DG_ECONFLICT, "talks to nobody: it cannot be put on hold");
    w.table->play(w.self, &(struct dg_play){.play = "p1", .on = "c1", .media = "sound:beep"},
                  &play);
    takes(&w, "Status");
    shows(&w, STATUS("c1", "\r\n"));
    refused(&play, DG_ECONFLICT, "talks to nobody: nothing can be played into it");
    w.table->moh(w.self, &(struct dg_moh){.call = "c1", .on = true}, &moh);
    takes(&w, "Status");
    shows(&w, STATUS("c1", "\r\n"));
    refused(&moh, DG_ECONFLICT, "the call runs in the dialplan");
    w.table->hold(w.self, &(struct dg_switch){.call = "c1", .on = true}, &gone);
    no_such_channel(&w);
    refused(&gone, DG_ENOTFOUND, "the call has ended");
    assert_false(has_action(&w));
    world_close(&w);
}

static void test_not_to_be_learned(void **state)
{
    struct world w = {0};
    struct dg_op forbidden = {0}, dissolved = {0}, late = {0};
    const struct dg_switch req = {.call = "c1", .on = true};
    (void)state;
    two_up(&w);
    w.table->hold(w.self, &req, &forbidden);
    refuses(&w, "Status", "Permission denied");
    refused(&forbidden, DG_ECONFLICT, "talks to nobody");
    w.table->hold(w.self, &req, &dissolved);
    takes(&w, "Status");
    shows(&w, STATUS("c1", "b1\r\n"));
    refuses(&w, "BridgeInfo", "Specified BridgeUniqueid not found");
    refused(&dissolved, DG_ECONFLICT, "talks to nobody");
    w.table->hold(w.self, &req, &late);
    takes(&w, "Status");
    world_close(&w);
    refused(&late, DG_EUNAVAILABLE, "");
}

static void test_under_control_unheard(void **state)
{
    struct world w = {0};
    struct dg_op op = {0};
    (void)state;
    two_up(&w);
    w.table->hold(w.self, &(struct dg_switch){.call = "c1", .on = true}, &op);
    takes(&w, "Status");
    shows(&w, "Event: Status",
          CHANNEL("c1", "Up") "BridgeID: \r\nApplication: AGI\r\nData: agi:async\r\n");
    takes(&w, "AGI");
    assert_string_equal(line_of(&w, "Command"), "SET MUSIC ON default");
    assert_string_equal(w.log.at, "control c1");
    says(&w, "Event: AsyncAGIStart\r\n" CHANNEL("c1", "Up") "\r\n");
    assert_string_equal(w.log.at, "control c1"); /* once */
    world_close(&w);
    assert_int_equal(op.ended, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asked_for_first),       cmocka_unit_test(test_both_of_two),
        cmocka_unit_test(test_there_is_none),         cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_bridged_unheard),       cmocka_unit_test(test_bridged_and_heard),
        cmocka_unit_test(test_alone_indeed),          cmocka_unit_test(test_not_to_be_learned),
        cmocka_unit_test(test_under_control_unheard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
