/* An originate is sent once, whatever becomes of its response, and its op ends once. */
#include "ami_world.h"

static const struct dg_originate REQUEST = {.call = "c1",
                                            .endpoint = "PJSIP/7900@trunk",
                                            .context = "ivr",
                                            .extension = "s",
                                            .caller_name = "A \"B\"",
                                            .caller_number = "+49100",
                                            .ring_ms = 2500};

#define NEW_CHANNEL   "Event: Newchannel\r\n" CHANNEL("c1", "Down") "\r\n"
#define FAILURE       "Event: OriginateResponse\r\nActionID: c1\r\nResponse: Failure\r\nReason: 0\r\n\r\n"
#define HANGUP(cause) "Event: Hangup\r\n" CHANNEL("c1", "Down") "Cause: " cause "\r\n\r\n"

static void originate(struct world *w, struct dg_op *op)
{
    w->table->originate(w->self, &REQUEST, op);
    takes(w, "Originate");
}

static void check_op(const struct dg_op *op, int ended, enum dg_err err)
{
    if (op->ended != ended || op->err != err)
        fail_msg("ended %d times with %d (%s)", op->ended, op->err, op->message);
}

static void test_what_is_sent(void **state)
{
    static const struct dg_kv variables[] = {{"A", "1,B=2"}, {"C", "\"x\""}};
    struct world w = {0};
    struct dg_op op = {0};
    struct dg_originate req = REQUEST;
    (void)state;
    world_up(&w);
    req.variables = variables;
    req.variable_count = 2;
    w.table->originate(w.self, &req, &op);
    assert_string_equal(takes(&w, "Originate"),
                        "Action: Originate\r\nActionID: c1\r\nChannel: PJSIP/7900@trunk\r\n"
                        "ChannelId: c1\r\nAsync: true\r\nCallerID: \"A \\\"B\\\"\" <+49100>\r\n"
                        "Timeout: 2500\r\nContext: ivr\r\nExten: s\r\nPriority: 1\r\n"
                        "Variable: A=1\\,B=2\r\nVariable: C=\\\"x\\\"\r\n\r\n");
    /* A Local channel stays, and its other half has a name. */
    req = (struct dg_originate){.call = "c2", .endpoint = "Local/7900@ivr", .priority = "p"};
    w.table->originate(w.self, &req, &op);
    assert_string_equal(takes(&w, "Originate"),
                        "Action: Originate\r\nActionID: c2\r\nChannel: Local/7900@ivr/n\r\n"
                        "ChannelId: c2\r\nOtherChannelId: c2-2\r\nAsync: true\r\n"
                        "Application: AGI\r\nData: agi:async\r\n\r\n");
    world_close(&w);
    check_op(&op, 2, DG_EUNAVAILABLE);
}

static void test_refused_before_anything_is_sent(void **state)
{
    static const struct dg_kv bad_name[] = {{"A,B", "1"}}, bad_value[] = {{"A", "1\n2"}};
    struct dg_originate rows[] = {REQUEST, REQUEST, REQUEST, REQUEST, REQUEST,
                                  REQUEST, REQUEST, REQUEST, REQUEST};
    struct world w = {0};
    (void)state;
    rows[0].call = "a\nb";
    rows[1].endpoint = "PJSIP/1\r\nAction: x";
    rows[2].context = "a\nb";
    rows[3].extension = "a\rb";
    rows[4].priority = "1\n";
    rows[5].caller_name = "a\nb";
    rows[6].caller_number = "1 2";
    rows[7].variables = bad_name;
    rows[7].variable_count = 1;
    rows[8].variables = bad_value;
    rows[8].variable_count = 1;
    world_up(&w);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct dg_op op = {0};
        w.table->originate(w.self, &rows[i], &op);
        check_op(&op, 1, DG_EINVAL);
        assert_false(has_action(&w));
    }
    world_close(&w);
}

/* Accepted means: there is a channel. */
static void test_accepted(void **state)
{
    struct world w = {0};
    struct dg_op op = {0}, again = {0};
    (void)state;
    world_up(&w);
    originate(&w, &op);
    says_to(&w, "Response: Success", "Message: Originate successfully queued\r\n");
    check_op(&op, 0, DG_OK);
    says(&w, NEW_CHANNEL);
    check_op(&op, 1, DG_OK);
    w.table->originate(w.self, &REQUEST, &again);
    check_op(&again, 1, DG_ECONFLICT);
    assert_false(has_action(&w));
    says(&w, HANGUP("17"));
    says(&w, FAILURE);
    check_log(&w, "started c1; ended c1");
    world_close(&w);
}

static void test_event_before_the_response(void **state)
{
    struct world w = {0};
    struct dg_op op = {0};
    (void)state;
    world_up(&w);
    originate(&w, &op);
    says(&w, NEW_CHANNEL HANGUP("17"));
    check_op(&op, 0, DG_OK);
    says_to(&w, "Response: Success", "");
    check_op(&op, 1, DG_OK);
    check_log(&w, "started c1; ended c1");
    world_close(&w);
}

/* A busy Asterisk queues it for seconds. */
static void test_queued(void **state)
{
    struct world w = {0};
    struct dg_op op = {0};
    (void)state;
    world_up(&w);
    originate(&w, &op);
    says_to(&w, "Response: Success", "");
    pass(&w, 1900);
    check_op(&op, 0, DG_OK);
    pass(&w, 200);
    check_op(&op, 1, DG_OK);
    says(&w, FAILURE);
    check_log(&w, "started c1");
    pass(&w, 300);
    check_log(&w, "ended c1");
    world_close(&w);
}

static void test_refused(void **state)
{
    struct world w = {0};
    struct dg_op op = {0}, other = {0};
    (void)state;
    world_up(&w);
    originate(&w, &op);
    says_to(&w, "Response: Error", "Message: Extension does not exist.\r\n");
    check_op(&op, 1, DG_EUPSTREAM);
    assert_string_equal(op.message, "AMI error: Extension does not exist.");
    /* No channel could be made. */
    originate(&w, &other);
    says_to(&w, "Response: Success", "");
    says(&w, FAILURE);
    pass(&w, 299);
    check_op(&other, 0, DG_OK);
    pass(&w, 1);
    check_op(&other, 1, DG_EUPSTREAM);
    assert_string_equal(other.message, "AMI error: Asterisk could not place the call");
    check_log(&w, "");
    world_close(&w);
}

/* A callee that refuses at once: the response overtakes the events. */
static void test_overtaken(void **state)
{
    static const char *const orders[] = {FAILURE NEW_CHANNEL HANGUP("17"),
                                         NEW_CHANNEL FAILURE HANGUP("17"),
                                         NEW_CHANNEL HANGUP("17") FAILURE};
    (void)state;
    for (size_t i = 0; i < COUNT(orders); i++) {
        struct world w = {0};
        struct dg_op op = {0};
        world_up(&w);
        originate(&w, &op);
        says_to(&w, "Response: Success", "");
        says(&w, orders[i]);
        check_op(&op, 1, DG_OK);
        check_log(&w, "started c1; ended c1");
        world_close(&w);
    }
}

static void pings(struct world *w, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        pass(w, 1000);
        answers(w, "Ping", "");
    }
}

/* No response in time: it is looked up, not sent again. */
static void test_no_response(void **state)
{
    struct world w = {0};
    struct dg_op found = {0}, lost = {0};
    (void)state;
    world_up(&w);
    originate(&w, &found);
    pings(&w, 15);
    answers(&w, "Status", "EventList: start\r\n");
    assert_string_equal(line_of(&w, "Channel"), "c1");
    says_to(&w, "Event: Status", "Uniqueid: c1\r\n");
    says_to(&w, "Event: StatusComplete", "EventList: Complete\r\n");
    check_op(&found, 1, DG_OK);
    says(&w, NEW_CHANNEL HANGUP("17"));
    check_log(&w, "started c1; ended c1");

    originate(&w, &lost);
    pings(&w, 15);
    refuses(&w, "Status", "No such channel");
    check_op(&lost, 1, DG_ETIMEOUT);
    assert_string_equal(lost.message, "no answer to Originate in time");
    /* It comes about after all: nobody waits for it. */
    says(&w, NEW_CHANNEL);
    takes(&w, "Hangup");
    assert_string_equal(line_of(&w, "Channel"), "c1");
    says_to(&w, "Response: Success", "");
    world_close(&w);
}

static void breaks(struct world *w)
{
    w->stream->closed = true;
    w->stream->ev->closed(w->stream->arg, DG_EUNAVAILABLE, "reset");
}

/* The link went with the response: looked up when it is back. */
static void test_link_lost(void **state)
{
    struct world w = {0};
    struct dg_op op = {0};
    (void)state;
    world_up(&w);
    originate(&w, &op);
    breaks(&w);
    check_op(&op, 0, DG_OK);
    pass(&w, 250);
    come_up(&w);
    answers(&w, "Status", "EventList: start\r\n");
    says_to(&w, "Event: Status", "Uniqueid: c1\r\n");
    says_to(&w, "Event: StatusComplete", "EventList: Complete\r\n");
    check_op(&op, 1, DG_OK);
    world_close(&w);

    op = (struct dg_op){0};
    w = (struct world){0};
    world_up(&w);
    originate(&w, &op);
    breaks(&w);
    pass(&w, 5000);
    check_op(&op, 1, DG_EUPSTREAM);
    world_close(&w);
}

/* What was never sent is refused at once: nothing was dialled, for certain. */
static void test_no_link(void **state)
{
    struct world w = {0};
    struct dg_op op = {0};
    (void)state;
    world_open(&w);
    w.table->originate(w.self, &REQUEST, &op);
    check_op(&op, 1, DG_EUNAVAILABLE);
    assert_string_equal(op.message, "Unable to connect to AMI");
    world_close(&w);
}

static void test_closing(void **state)
{
    struct world w = {0};
    struct dg_op asked = {0}, queued = {0};
    struct dg_originate other = REQUEST;
    (void)state;
    world_up(&w);
    originate(&w, &asked);
    other.call = "c2";
    w.table->originate(w.self, &other, &queued);
    takes(&w, "Originate");
    says_to(&w, "Response: Success", "");
    world_close(&w);
    assert_int_equal(asked.ended, 1);
    assert_int_equal(queued.ended, 1);
}

/* Foreign calls, and originates of other gateways, are none of ours. */
static void test_foreign(void **state)
{
    struct world w = {0};
    (void)state;
    world_up(&w);
    says(&w, FAILURE);
    says(&w, "Event: OriginateResponse\r\nActionID: dialgate-proof-x\r\nResponse: Failure\r\n\r\n");
    says(&w, NEW_CHANNEL);
    check_log(&w, "started c1");
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_sent), cmocka_unit_test(test_refused_before_anything_is_sent),
        cmocka_unit_test(test_accepted),     cmocka_unit_test(test_event_before_the_response),
        cmocka_unit_test(test_queued),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_overtaken),    cmocka_unit_test(test_no_response),
        cmocka_unit_test(test_link_lost),    cmocka_unit_test(test_no_link),
        cmocka_unit_test(test_closing),      cmocka_unit_test(test_foreign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
