/* What is asked of a leg that no event has told of yet. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asked_for_first),
        cmocka_unit_test(test_both_of_two),
        cmocka_unit_test(test_there_is_none),
        cmocka_unit_test(test_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
