/* Originates whose answers leave doubt place one call or none; and how requests are written. */
#include "ari_world.h"

/* ---- Originate ------------------------------------------------------------------------------ */

static void originate(struct world *w, const char *call, struct dg_op *op)
{
    memset(op, 0, sizeof *op);
    w->table->originate(w->self,
                        &(struct dg_originate){.call = call,
                                               .endpoint = "PJSIP/7@trunk",
                                               .context = "ivr",
                                               .extension = "s",
                                               .priority = "1",
                                               .ring_ms = 1500},
                        op);
}

#define POST "POST /channels"
#define GET  "GET /channels/c1"

static void test_originate_body(void **state)
{
    struct world w;
    struct dg_op op = {0};
    const struct dg_kv variables[] = {{"A", "1 \"x\""}, {"B_2", ""}};
    (void)state;
    world_up(&w, "all");
    w.table->originate(w.self,
                       &(struct dg_originate){.call = "c1",
                                              .endpoint = "Local/7@out",
                                              .context = "ivr",
                                              .extension = "s",
                                              .priority = "2",
                                              .caller_name = "A \"B\" <1>",
                                              .caller_number = "+12",
                                              .ring_ms = 1001,
                                              .variables = variables,
                                              .variable_count = 2},
                       &op);
    assert_string_equal(w.requests->body,
                        "{\"endpoint\":\"Local/7@out/n\",\"channelId\":\"c1\","
                        "\"otherChannelId\":\"c1-2\","
                        "\"callerId\":\"\\\"A \\\\\\\"B\\\\\\\" <1>\\\" <+12>\",\"timeout\":2,"
                        "\"context\":\"ivr\",\"extension\":\"s\",\"priority\":2,"
                        "\"variables\":{\"A\":\"1 \\\"x\\\"\",\"B_2\":\"\"}}");
    answer(&w, POST, 200, "{\"id\":\"c1\",\"state\":\"Down\"}");
    assert_int_equal(op.ended, 1);
    assert_int_equal(op.err, DG_OK);
    check_log(&w, "started c1");
    world_close(&w);
}

static void test_originate_own(void **state)
{
    struct world w;
    struct dg_op op;
    (void)state;
    world_up(&w, "own");
    originate(&w, "c1", &op);
    assert_non_null(
        strstr(w.requests->body, "\"app\":\"dialgate-n1\",\"appArgs\":\"dialgate-go-on,ivr,s,1\""));
    assert_null(strstr(w.requests->body, "\"context\""));
    answer(&w, POST, 200, "{\"id\":\"c1\",\"state\":\"Down\"}");
    event(&w, "{\"type\":\"StasisStart\",\"application\":\"dialgate-n1\","
              "\"args\":[\"dialgate-go-on\",\"ivr\",\"s\",\"1\"],"
              "\"channel\":{\"id\":\"c1\",\"state\":\"Up\"}}");
    answer(&w, "POST /channels/c1/continue?context=ivr&extension=s&priority=1", 204, NULL);
    check_log(&w, "started c1; answered c1");
    world_close(&w);
}

static void test_originate_refused_here(void **state)
{
    static const struct dg_kv function[] = {{"SHELL(id)", "x"}}, value[] = {{"A", "x\r\nB: y"}},
                              bytes[] = {{"A", "\xff"}};
    static const struct dg_originate bad[] = {
        {.call = "", .endpoint = "PJSIP/1@t"},
        {.call = "c", .endpoint = "PJSIP"},
        {.call = "c", .endpoint = "PJSIP/1\r\n@t"},
        {.call = "c", .endpoint = "PJSIP/1@t", .caller_number = "1\r\nX: y"},
        {.call = "c", .endpoint = "PJSIP/1@t", .caller_number = "1> <2"},
        {.call = "c", .endpoint = "PJSIP/1@t", .caller_name = "A\nB"},
        {.call = "c", .endpoint = "PJSIP/1@t", .context = "a\nb"},
        {.call = "c", .endpoint = "PJSIP/1@t", .variables = function, .variable_count = 1},
        {.call = "c", .endpoint = "PJSIP/1@t", .variables = value, .variable_count = 1},
        {.call = "c", .endpoint = "PJSIP/1@t", .variables = bytes, .variable_count = 1},
    };
    struct world w;
    (void)state;
    world_up(&w, "all");
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct dg_op op = {0};
        w.table->originate(w.self, &bad[i], &op);
        if (op.ended != 1 || op.err != DG_EINVAL)
            fail_msg("row %zu: ended %d err %d", i, op.ended, op.err);
    }
    assert_null(w.requests);
    world_close(&w);
}

static void test_originate_tries(void **state)
{
    struct world w;
    struct dg_op op;
    (void)state;
    world_up(&w, "all");
    originate(&w, "c1", &op);
    answer(&w, POST, 500, "{\"error\":\"Allocation failed\"}");
    pass(&w, 299);
    assert_null(w.requests);
    pass(&w, 1);
    answer(&w, POST, 502, NULL);
    pass(&w, 599);
    assert_null(w.requests);
    pass(&w, 1);
    answer(&w, POST, 500, NULL);
    assert_int_equal(op.ended, 1);
    assert_int_equal(op.err, DG_EUPSTREAM);
    assert_string_equal(op.message, "ARI error 500");
    originate(&w, "c1", &op); /* the name is free again */
    answer(&w, POST, 404, "{\"message\":\"x\"}");
    assert_int_equal(op.err, DG_ENOTFOUND);
    originate(&w, "c1", &op);
    answer(&w, POST, 400, NULL);
    assert_int_equal(op.err, DG_EINVAL);
    assert_string_equal(op.message, "ARI error 400");
    assert_null(w.requests);
    world_close(&w);
}

/* 409 after a first try whose answer was lost: the call is ours. */
static void test_originate_taken(void **state)
{
    struct world w;
    struct dg_op op;
    (void)state;
    world_up(&w, "all");
    originate(&w, "c1", &op);
    answer(&w, POST, 409, "{\"message\":\"Channel with given unique ID already exists\"}");
    assert_int_equal(op.ended, 0);
    answer(&w, GET, 200, "{\"id\":\"c1\",\"state\":\"Ringing\"}");
    assert_int_equal(op.ended, 1);
    assert_int_equal(op.err, DG_OK);
    check_log(&w, "started c1");
    originate(&w, "c1", &op);
    assert_int_equal(op.err, DG_ECONFLICT); /* known to live: not even asked */
    assert_null(w.requests);
    world_close(&w);
}

/* 409 that only repeats what the connection has seen before: tried again on another. */
static void test_originate_sticky(void **state)
{
    struct world w;
    struct dg_op op;
    (void)state;
    world_up(&w, "all");
    originate(&w, "c1", &op);
    answer(&w, POST, 409, NULL);
    answer(&w, GET, 404, NULL);
    pass(&w, 300);
    answer(&w, POST, 200, "{\"id\":\"c1\",\"state\":\"Down\"}");
    assert_int_equal(op.ended, 1);
    assert_int_equal(op.err, DG_OK);
    world_close(&w);
}

/* No answer in time, no channel, no event: given up, never dialled again; and ended if it comes. */
static void test_originate_timeout(void **state)
{
    struct world w;
    struct dg_op op;
    (void)state;
    world_up(&w, "all");
    originate(&w, "c1", &op);
    answer_with(&w, POST, 0, NULL, DG_ETIMEOUT);
    answer(&w, GET, 404, NULL);
    assert_int_equal(op.ended, 1);
    assert_int_equal(op.err, DG_ETIMEOUT);
    assert_string_equal(op.message, "Unable to connect to ARI");
    assert_null(w.requests);
    event(&w, STARTED("c1"));
    answer(&w, "DELETE /channels/c1", 204, NULL);
    world_close(&w);
}

static void test_originate_timeout_but_placed(void **state)
{
    struct world w;
    struct dg_op op;
    (void)state;
    world_up(&w, "all");
    originate(&w, "c1", &op);
    answer_with(&w, POST, 0, NULL, DG_ETIMEOUT);
    answer(&w, GET, 200, "{\"id\":\"c1\",\"state\":\"Down\"}");
    assert_int_equal(op.ended, 1);
    assert_int_equal(op.err, DG_OK);
    /* Placed and over before the answer was lost: only the events tell. */
    originate(&w, "c2", &op);
    event(&w, STARTED("c2"));
    event(&w, ENDED("c2"));
    answer_with(&w, POST, 0, NULL, DG_EUNAVAILABLE);
    assert_int_equal(op.ended, 1);
    assert_int_equal(op.err, DG_OK);
    assert_null(w.requests);
    check_log(&w, "started c1; started c2; ended c2");
    world_close(&w);
}

/* The connection was lost, but the event socket held and has told of no call: dialled again. */
static void test_originate_lost(void **state)
{
    struct world w;
    struct dg_op op;
    (void)state;
    world_up(&w, "all");
    originate(&w, "c1", &op);
    answer_with(&w, POST, 0, NULL, DG_EUNAVAILABLE);
    pass(&w, 300);
    answer(&w, GET, 404, NULL);
    pass(&w, 600);
    answer(&w, POST, 200, "{\"id\":\"c1\",\"state\":\"Down\"}");
    assert_int_equal(op.ended, 1);
    assert_int_equal(op.err, DG_OK);
    /* With the event socket gone meanwhile nobody knows: not dialled again. */
    originate(&w, "c2", &op);
    struct dg_stream *s = w.stream;
    s->ev->closed(s->arg, DG_EUNAVAILABLE, "x");
    gone(&w);
    answer_with(&w, POST, 0, NULL, DG_EUNAVAILABLE);
    while (!op.ended) {
        pass(&w, 100);
        while (w.requests && strcmp(w.requests->method, "GET") == 0) {
            bool info = strstr(w.requests->url, "info") != NULL;
            answer_with(&w, info ? "GET /asterisk/info" : "GET /channels/c2", info ? 0 : 404, NULL,
                        info ? DG_EUNAVAILABLE : DG_OK);
        }
        assert_null(w.requests);
    }
    assert_int_equal(op.err, DG_EUPSTREAM); /* in doubt: nobody else may dial it either */
    world_close(&w);
}

/* ---- The other requests ------------------------------------------------------------------- */

static void test_requests(void **state)
{
    struct world w;
    struct dg_op op = {0};
    (void)state;
    world_up(&w, "all");
    w.table->hangup(w.self, &(struct dg_hangup){"a/b?c#d", 17}, &op);
    answer(&w, "DELETE /channels/a%2Fb%3Fc%23d?reason_code=17", 404, "{\"message\":\"none\"}");
    assert_int_equal(op.err, DG_ENOTFOUND);
    assert_string_equal(op.message, "ARI error 404: none");
    w.table->hangup(w.self, &(struct dg_hangup){"..", 0}, &op);
    answer(&w, "DELETE /channels/%20..", 404, NULL);
    w.table->hangup(w.self, &(struct dg_hangup){"", 0}, &op);
    answer(&w, "DELETE /channels/%20", 404, NULL);
    w.table->get_variable(w.self, &(struct dg_variable){NULL, "X", NULL}, &op);
    answer(&w, "GET /asterisk/variable?variable=X", 200, "{\"value\":\"1\"}");
    assert_int_equal(op.items, 1);
    w.table->native(w.self, &(struct dg_native){"POST /channels/../x", {0}}, &op);
    assert_int_equal(op.err, DG_EINVAL);
    w.table->native(w.self, &(struct dg_native){"GET /endpoints?x=1", {0}}, &op);
    w.table->native(w.self, &(struct dg_native){"PATCH /endpoints", {0}}, &op);
    assert_null(w.requests);
    w.table->native(w.self, &(struct dg_native){"GET /sounds", {"{\"lang\":\"a&b\",\"n\":1}", 20}},
                    &op);
    answer(&w, "GET /sounds?lang=a%26b&n=1", 200, "[]");
    assert_int_equal(op.items, 2);
    assert_int_equal(op.ended, 8);
    world_close(&w);
}

/* Four at once at most, the rest in order; two connections are kept; closing ends all. */
static void test_bounds(void **state)
{
    struct world w;
    struct dg_op ops[10] = {0};
    (void)state;
    world_up(&w, "all");
    for (size_t i = 0; i < 10; i++)
        w.table->answer(w.self, &(struct dg_call_ref){"abcdefghij" + i}, &ops[i]);
    size_t under_way = 0, closing = 0;
    for (struct dg_http *r = w.requests; r; r = r->next, under_way++)
        closing += r->closes;
    assert_int_equal(under_way, 4);
    assert_int_equal(closing, 2);
    answer(&w, "POST /channels/abcdefghij/answer", 204, NULL);
    answer(&w, "POST /channels/bcdefghij/answer", 204, NULL);
    assert_int_equal(ops[0].ended, 1);
    answer(&w, "POST /channels/cdefghij/answer", 409, NULL);
    assert_int_equal(ops[2].err, DG_ECONFLICT);
    world_close(&w);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(ops[i].ended, 1);
    assert_int_equal(ops[9].err, DG_EUNAVAILABLE);
}

/* A thousand seconds after the beginning of time: when the world does begin. */
#define UP(id, at)                                                                                 \
    "{\"type\":\"ChannelStateChange\",\"timestamp\":\"1970-01-01T00:16:" at ".000+0000\","         \
    "\"channel\":{\"id\":\"" id "\",\"state\":\"Up\"}}"

/* Asterisk answers a leg a moment before the application has it. */
static void test_order_too_early(void **state)
{
    struct world w;
    struct dg_op op = {0};
    (void)state;
    world_up(&w, "all");
    event(&w, STARTED("c1"));
    event(&w, UP("c1", "40"));
    w.table->hold(w.self, &(struct dg_switch){.call = "c1", .on = true}, &op);
    for (int i = 0; i < 2; i++) {
        answer(&w, "POST /channels/c1/hold", 409, NULL);
        assert_int_equal(op.ended, 0);
        assert_null(w.requests);
        pass(&w, 25);
    }
    answer(&w, "POST /channels/c1/hold", 204, NULL);
    assert_int_equal(op.ended, 1);
    assert_int_equal(op.err, DG_OK);

    /* One that has been up for long is refused at once. */
    memset(&op, 0, sizeof op);
    pass(&w, 1000);
    while (w.requests)
        bring_beat_back(&w);
    w.table->hold(w.self, &(struct dg_switch){.call = "c1"}, &op);
    answer(&w, "DELETE /channels/c1/hold", 409, NULL);
    assert_int_equal(op.err, DG_ECONFLICT);

    memset(&op, 0, sizeof op);
    event(&w, ENDED("c1"));
    event(&w, STARTED("c2"));
    event(&w, UP("c2", "41"));
    w.table->hold(w.self, &(struct dg_switch){.call = "c2", .on = true}, &op);
    answer(&w, "POST /channels/c2/hold", 409, NULL);
    text_free(&w.log);
    world_close(&w);
    assert_int_equal(op.err, DG_EUNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_originate_body),
        cmocka_unit_test(test_originate_own),
        cmocka_unit_test(test_order_too_early),
        cmocka_unit_test(test_originate_refused_here),
        cmocka_unit_test(test_originate_tries),
        cmocka_unit_test(test_originate_taken),
        cmocka_unit_test(test_originate_sticky),
        cmocka_unit_test(test_originate_timeout),
        cmocka_unit_test(test_originate_timeout_but_placed),
        cmocka_unit_test(test_originate_lost),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
