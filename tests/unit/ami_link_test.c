/* The life of the manager's connection: login, proof, pings, losses; what is said about each. */
#include "ami_world.h"

/* Nothing that takes originate, system or reporting. */
#define MAY_LITTLE                                                                                 \
    "Hangup: x\r\nBridgeList: x\r\nSetvar: x\r\nAGI: x\r\nPlayDTMF: x\r\nRedirect: x\r\n"          \
    "Getvar: x\r\nBridge: x\r\nPark: x\r\nParkedCalls: x\r\nControlPlayback: x\r\n"                \
    "StopMixMonitor: x\r\nQueueStatus: x\r\nQueueAdd: x\r\n"

static void check_detail(const struct world *w, const char *expected)
{
    assert_string_equal(w->detail, expected);
}

/* To the next attempt, whenever chance has it. */
static void reconnects(struct world *w)
{
    pass(w, 5000);
    check_log(w, "connects");
}

static void test_comes_up(void **state)
{
    struct world w = {0};
    (void)state;
    world_open(&w);
    check_log(&w, "connecting; connects");
    logs_in(&w);
    says(&w, BOOTED);
    proves(&w, "10:00:00");
    check_log(&w, "lacks endpoints; up");
    check_detail(&w, "Asterisk 22.1 as manager gateway");
    assert_string_equal(w.run, "2026-11-21 10:00:00");
    assert_false(has_action(&w));
    world_close(&w);
}

static void test_plain_login(void **state)
{
    struct world w = {.login = "plain"};
    (void)state;
    world_open(&w);
    says(&w, BANNER);
    takes(&w, "Login");
    assert_string_equal(line_of(&w, "Secret"), "secret");
    assert_string_equal(line_of(&w, "Events"), "system,call,dialplan,dtmf,agent,agi");
    says_to(&w, "Response: Error", "Message: Authentication failed\r\n");
    check_log(&w, "connecting; connects; down");
    check_detail(&w, "Asterisk refuses the login: check username and password: "
                     "Authentication failed");
    world_close(&w);
}

static void test_refused_login_is_tried_more_seldom(void **state)
{
    struct world w = {0};
    int attempts = 0;
    (void)state;
    world_open(&w);
    for (uint64_t end = w.now_ms + 60000; w.now_ms < end; pass(&w, 100)) {
        if (w.stream->closed || has_action(&w))
            continue;
        attempts++;
        says(&w, BANNER);
        answers(&w, "Challenge", "Challenge: 1\r\n");
        refuses(&w, "Login", "Authentication failed");
        assert_true(w.stream->closed);
    }
    assert_in_range(attempts, 6, 16);
    world_close(&w);
}

static void test_who_is_no_manager(void **state)
{
    static const struct {
        const char *bytes, *detail;
    } rows[] = {
        {"HTTP/1.1 400 Bad\x1b Request\r\n",
         "what answers is no Asterisk manager: it says \"HTTP/1.1 400 Bad? Request\""},
        {"\r\n", "what answers is no Asterisk manager: it says \"\""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world w = {0};
        world_open(&w);
        says(&w, rows[i].bytes);
        check_detail(&w, rows[i].detail);
        assert_true(w.stream->closed);
        world_close(&w);
    }
    struct world w = {0};
    world_open(&w);
    pass(&w, 10000);
    check_detail(&w, "Asterisk does not answer: no banner of the manager interface");
    world_close(&w);
}

static void test_no_answer_to_login(void **state)
{
    struct world w = {0};
    (void)state;
    world_open(&w);
    says(&w, BANNER);
    takes(&w, "Challenge");
    pass(&w, 5000);
    check_detail(&w, "no answer to Challenge in time");
    pass(&w, 5000);
    says(&w, BANNER);
    answers(&w, "Challenge", "Message: there is none\r\n");
    check_detail(&w, "Asterisk gives no challenge for the login");
    world_close(&w);
}

static void test_cannot_connect(void **state)
{
    struct world w = {0};
    (void)state;
    world_open(&w);
    const struct dg_stream_events *ev = w.stream->ev;
    w.stream->closed = true;
    ev->closed(w.stream->arg, DG_EUNAVAILABLE, "Connection refused");
    check_detail(&w, "Unable to connect to AMI");
    text_free(&w.log);
    reconnects(&w);
    come_up(&w);
    world_close(&w);
}

/* A user without "call" in the read line gets answers, but no events. */
static void test_no_events(void **state)
{
    struct world w = {0};
    (void)state;
    world_open(&w);
    logs_in(&w);
    answers(&w, "ListCommands", MAY);
    answers(&w, "CoreSettings", "");
    answers(&w, "CoreStatus", "");
    answers(&w, "Originate", "");
    says(&w, BOOTED);
    pass(&w, 4900);
    assert_int_equal(w.link, DG_LINK_CONNECTING);
    pass(&w, 600);
    check_detail(&w, "no events come: give the user call in the \"read\" line of manager.conf");
    world_close(&w);
}

/* Who may not originate cannot prove; the link serves for what he may. */
static void test_few_rights(void **state)
{
    struct world w = {0};
    (void)state;
    world_open(&w);
    logs_in(&w);
    answers(&w, "ListCommands", MAY_LITTLE);
    refuses(&w, "CoreSettings", "Permission denied");
    refuses(&w, "CoreStatus", "Permission denied");
    refuses(&w, "Originate", "Permission denied");
    check_log(&w, "connecting; connects; lacks originate; lacks calls; lacks endpoints; "
                  "lacks mute; lacks record");
    /* Nor is he told that Asterisk has booted. */
    pass(&w, 2900);
    assert_int_equal(w.link, DG_LINK_CONNECTING);
    pass(&w, 600);
    assert_int_equal(w.link, DG_LINK_UP);
    check_detail(&w, "Asterisk of unknown version as manager gateway");
    assert_string_equal(w.run, "");
    world_close(&w);
}

/* Whoever has told of it before will tell again: it is still booting. */
static void test_waits_for_boot(void **state)
{
    struct world w = {0};
    (void)state;
    world_up(&w);
    w.stream->closed = true;
    w.stream->ev->closed(w.stream->arg, DG_EUNAVAILABLE, "end of file");
    check_log(&w, "down");
    check_detail(&w, "the connection to Asterisk was lost");
    reconnects(&w);
    logs_in(&w);
    proves(&w, "11:11:11");
    pass(&w, 20000);
    assert_int_equal(w.link, DG_LINK_DOWN);
    says(&w, BOOTED);
    assert_int_equal(w.link, DG_LINK_UP);
    assert_string_equal(w.run, "2026-11-21 11:11:11");
    world_close(&w);
}

static void test_silence(void **state)
{
    struct world w = {0};
    (void)state;
    world_up(&w);
    for (int i = 0; i < 10; i++) {
        pass(&w, 1000);
        answers(&w, "Ping", "Ping: Pong\r\n");
    }
    check_log(&w, "");
    pass(&w, 4001);
    check_log(&w, "down");
    check_detail(&w, "Asterisk is silent: no answer to a ping");
    assert_true(w.stream->closed);
    world_close(&w);
}

/* It talks, and answers nothing. */
static void test_answers_nothing(void **state)
{
    struct world w = {0};
    (void)state;
    world_up(&w);
    for (int i = 0; i < 7 && w.link == DG_LINK_UP; i++) {
        says(&w, "Event: Nonsense\r\n\r\n");
        pass(&w, 1000);
    }
    check_log(&w, "down");
    check_detail(&w, "Asterisk answers no actions");
    world_close(&w);
}

static void test_shutdown(void **state)
{
    struct world w = {0};
    (void)state;
    world_up(&w);
    says(&w, "Event: Shutdown\r\nShutdown: Cleanly\r\nRestart: False\r\n\r\nEvent: Late\r\n\r\n");
    check_log(&w, "down");
    check_detail(&w, "Asterisk is shutting down");
    reconnects(&w);
    come_up(&w);
    world_close(&w);
}

/* An op ends once, whatever becomes of the link. */
static void test_ops_end_with_the_link(void **state)
{
    struct world w = {0};
    struct dg_op lost = {0}, late = {0};
    (void)state;
    world_up(&w);
    w.table->calls(w.self, &(struct dg_filter){0}, &lost);
    takes(&w, "CoreShowChannels");
    says_to(&w, "Response: Success", "EventList: start\r\n");
    says(&w, "Event: Shutdown\r\n\r\n");
    assert_int_equal(lost.ended, 1);
    assert_int_equal(lost.err, DG_EUNAVAILABLE);
    w.table->calls(w.self, &(struct dg_filter){0}, &late);
    assert_int_equal(late.ended, 1);
    assert_int_equal(late.err, DG_EUNAVAILABLE);
    world_close(&w);
}

static void test_answers_of_all_kinds(void **state)
{
    static const struct {
        const char *words;
        enum dg_err err;
        const char *message;
    } rows[] = {
        {"No such channel", DG_ENOTFOUND, "AMI error: No such channel"},
        {"Permission denied", DG_EUNSUPPORTED,
         "the user may not do Hangup: give it call or system in the \"write\" line of "
         "manager.conf"},
        {"Invalid/unknown command: Hangup.", DG_EUNSUPPORTED,
         "this Asterisk has no Hangup: its module is not loaded"},
        {"Asterisk is shutting down", DG_EUNAVAILABLE, "AMI error: Asterisk is shutting down"},
        {"Something else", DG_EUPSTREAM, "AMI error: Something else"},
    };
    struct world w = {0};
    (void)state;
    world_up(&w);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct dg_op op = {0};
        w.table->hangup(w.self, &(struct dg_hangup){.call = "c1"}, &op);
        refuses(&w, "Hangup", rows[i].words);
        assert_string_equal(line_of(&w, "Cause"), "16");
        assert_int_equal(op.ended, 1);
        assert_int_equal(op.err, rows[i].err);
        assert_string_equal(op.message, rows[i].message);
        /* Answered twice: nobody waits for the second one. */
        says_to(&w, "Response: Success", "");
        assert_int_equal(op.ended, 1);
    }
    struct dg_op op = {0};
    w.table->hangup(w.self, &(struct dg_hangup){.call = "c1"}, &op);
    takes(&w, "Hangup");
    for (int i = 0; i < 15; i++) {
        pass(&w, 1000);
        answers(&w, "Ping", "");
    }
    assert_int_equal(op.err, DG_ETIMEOUT);
    assert_int_equal(op.ended, 1);
    world_close(&w);
}

/* A line break would be a second action; a slash would be a pattern for many channels. */
static void test_what_is_never_sent(void **state)
{
    static const char *const ids[] = {"", "a\r\nAction: Command", "a\nb", "/.*/", " x"};
    struct world w = {0};
    (void)state;
    world_up(&w);
    for (size_t i = 0; i < COUNT(ids); i++) {
        struct dg_op op = {0};
        w.table->hangup(w.self, &(struct dg_hangup){.call = ids[i]}, &op);
        assert_int_equal(op.err, DG_EINVAL);
        assert_int_equal(op.ended, 1);
        assert_false(has_action(&w));
    }
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comes_up),
        cmocka_unit_test(test_plain_login),
        cmocka_unit_test(test_refused_login_is_tried_more_seldom),
        cmocka_unit_test(test_who_is_no_manager),
        cmocka_unit_test(test_no_answer_to_login),
        cmocka_unit_test(test_cannot_connect),
        cmocka_unit_test(test_no_events),
        cmocka_unit_test(test_few_rights),
        cmocka_unit_test(test_waits_for_boot),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_answers_nothing),
        cmocka_unit_test(test_shutdown),
        cmocka_unit_test(test_ops_end_with_the_link),
        cmocka_unit_test(test_answers_of_all_kinds),
        cmocka_unit_test(test_what_is_never_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
