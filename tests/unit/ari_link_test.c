/* The life of the link to Asterisk, and its event socket: asked, opened, proven, watched, lost. */
#include "ari_world.h"

/* ---- The link -------------------------------------------------------------------------- */

static void test_up_and_close(void **state)
{
    struct world w;
    (void)state;
    world_up(&w, "all");
    world_close(&w);
}

static void test_not_there_yet(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, "all");
    answer_with(&w, "GET /asterisk/info", 0, NULL, DG_EUNAVAILABLE);
    check_log(&w, "connecting; down");
    assert_null(w.requests);
    pass(&w, 250);
    answer(&w, "GET /asterisk/info", 503, "{\"message\":\"Asterisk not booted\"}");
    pass(&w, 500);
    answer(&w, "GET /asterisk/info", 404, "<html>");
    for (int i = 0; i < 10; i++) { /* never faster than the wait, never slower than 5 s */
        assert_null(w.requests);
        pass(&w, 5000);
        answer_with(&w, "GET /asterisk/info", 0, NULL, DG_ETIMEOUT);
    }
    pass(&w, 5000);
    answer(&w, "GET /asterisk/info", 200, INFO);
    accept_socket(&w);
    bring_beat_back(&w);
    check_log(&w, "socket; up");
    world_close(&w);
}

/* A socket that is open but deaf is not taken for a link. */
static void test_deaf(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, "all");
    answer(&w, "GET /asterisk/info", 200, INFO);
    accept_socket(&w);
    for (int i = 0; i < 5; i++) {
        answer(&w, BEAT, 204, NULL);
        event(&w, "{\"type\":\"ChannelUserevent\",\"eventname\":\"dialgate-beat\","
                  "\"userevent\":{\"token\":\"somebody else's\"}}");
        pass(&w, 500);
    }
    check_log(&w, "connecting; socket; down");
    assert_int_equal(sent_byte(&w, w.stream->sent.len), 0x88); /* politely: the close frame */
    assert_false(w.stream->closed);
    frame(&w, 0x88, "\x03\xe8", 2);
    assert_true(w.stream->closed);
    gone(&w);
    assert_null(w.requests);
    pass(&w, 100);
    assert_null(w.requests); /* not at once: that is how sockets become deaf */
    pass(&w, 500);
    answer(&w, "GET /asterisk/info", 200, INFO);
    accept_socket(&w);
    bring_beat_back(&w);
    check_log(&w, "socket; up");
    world_close(&w);
}

static void test_lost(void **state)
{
    struct world w;
    (void)state;
    world_up(&w, "all");
    struct dg_stream *s = w.stream;
    s->ev->closed(s->arg, DG_EUNAVAILABLE, "closed by the other side");
    gone(&w);
    check_log(&w, "down");
    assert_null(w.requests);
    pass(&w, 600);
    answer(&w, "GET /asterisk/info", 200, INFO);
    check_log(&w, "socket");
    world_close(&w);
}

/* Frozen: the connection stays, but no ping is answered. */
static void test_frozen(void **state)
{
    struct world w;
    (void)state;
    world_up(&w, "all");
    for (int i = 0; i < 10; i++) {
        pass(&w, 1000);
        assert_int_equal(sent_byte(&w, 6), 0x89);
        frame(&w, 0x8a, "", 0);
        if (w.requests)
            bring_beat_back(&w);
    }
    check_log(&w, "");
    pass(&w, 3000);
    check_log(&w, "");
    pass(&w, 1000);
    check_log(&w, "down");
    assert_true(w.stream->closed);
    gone(&w);
    world_close(&w);
}

/* Pings are answered, but our own events do not come back any more. */
static void test_deaf_later(void **state)
{
    struct world w;
    (void)state;
    world_up(&w, "all");
    for (int i = 0; i < 26 && w.link == DG_LINK_UP; i++) {
        pass(&w, 1000);
        if (w.link == DG_LINK_UP)
            frame(&w, 0x8a, "", 0);
        while (w.requests)
            answer(&w, BEAT, 204, NULL);
    }
    check_log(&w, "down");
    frame(&w, 0x88, "\x03\xe8", 2);
    gone(&w);
    world_close(&w);
}

static void test_replaced(void **state)
{
    struct world w;
    (void)state;
    world_up(&w, "all");
    event(&w, "{\"type\":\"ApplicationReplaced\",\"application\":\"dialgate-n1\"}");
    check_log(&w, "down");
    frame(&w, 0x88, "\x03\xe8", 2);
    assert_true(w.stream->closed);
    gone(&w);
    pass(&w, 2400);
    assert_null(w.requests); /* not soon: the other one would be thrown out again */
    pass(&w, 2600);
    for (int i = 0; i < 5; i++) { /* and ever more seldom */
        answer(&w, "GET /asterisk/info", 200, INFO);
        accept_socket(&w);
        bring_beat_back(&w);
        event(&w, "{\"type\":\"ApplicationReplaced\",\"application\":\"dialgate-n1\"}");
        frame(&w, 0x88, "\x03\xe8", 2);
        gone(&w);
        pass(&w, i == 0 ? 4900 : i == 1 ? 9900 : i == 2 ? 19900 : 29900);
        assert_null(w.requests);
        pass(&w, 30100);
        assert_non_null(w.requests);
    }
    world_close(&w);
}

/* Asterisk answers requests, but none for an application: each try costs it a thread. */
static void test_applications_hang(void **state)
{
    struct world w;
    (void)state;
    world_up(&w, "all");
    w.stream->ev->closed(w.stream->arg, DG_EUNAVAILABLE, "cut");
    gone(&w);
    for (int i = 0; i < 2; i++) {
        pass(&w, 600);
        answer(&w, "GET /asterisk/info", 200, INFO);
        w.stream->ev->opened(w.stream->arg);
        assert_null(strstr(w.detail, "restart"));
        pass(&w, 5500);
        assert_true(w.stream->closed);
        gone(&w);
    }
    assert_non_null(strstr(w.detail, "only a restart of Asterisk helps"));
    for (int i = 0; i < 4; i++) { /* asked, but no socket is opened */
        pass(&w, 5000);
        answer(&w, "GET /asterisk/info", 200, INFO);
        assert_null(w.stream);
    }
    pass(&w, 5000);
    answer(&w, "GET /asterisk/info", 200,
           "{\"system\":{\"version\":\"22.0\"},\"status\":{\"startup_time\":\"s2\"}}");
    assert_string_equal(w.run, "s2");
    accept_socket(&w);
    bring_beat_back(&w);
    assert_int_equal(w.link, DG_LINK_UP);
    world_close(&w);
}

/* ---- Calls that were there before the link ----------------------------------------------- */

#define OLD      "0190aaaa-0000-7000-8000-000000000001"
#define CHANNELS "[{\"id\":\"" OLD "\",\"state\":\"Up\"},{\"id\":\"foreign\",\"state\":\"Up\"}]"
#define WHEN     "GET /channels/" OLD "/variable?variable=CDR%28answer%2Cu%29"

/* Nobody saw its answer: Asterisk's CDR knows when it was. Foreign calls are not asked about. */
static void test_answered_unseen(void **state)
{
    static const struct {
        int status;
        const char *body;
        int64_t at_ms;
    } rows[] = {{200, "{\"value\":\"1795263407.070678\"}", 1795263407070},
                {200, "{\"value\":\"\"}", 0},
                {404, "{\"message\":\"Channel not found\"}", 0}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world w;
        struct dg_op op = {.lists_calls = true}, again = {0};
        world_up(&w, "all");
        w.table->calls(w.self, &(struct dg_filter){.text = OLD}, &op);
        answer(&w, "GET /channels", 200, CHANNELS);
        assert_int_equal(op.ended, 0);
        answer(&w, WHEN, rows[i].status, rows[i].body);
        assert_int_equal(op.ended, 1);
        assert_int_equal(op.items, 1);
        assert_int_equal(op.answered_at_ms, rows[i].at_ms);
        w.table->calls(w.self, &(struct dg_filter){0}, &again); /* asked once */
        answer(&w, "GET /channels", 200, CHANNELS);
        assert_int_equal(again.items, 2);
        world_close(&w);
    }
}

/* The list may be of before an answer that an event has told. */
static void test_answered_since(void **state)
{
    struct world w;
    struct dg_op op = {.lists_calls = true};
    (void)state;
    world_up(&w, "all");
    event(&w, STARTED("c1"));
    w.table->calls(w.self, &(struct dg_filter){0}, &op);
    event(&w, "{\"type\":\"ChannelStateChange\",\"channel\":{\"id\":\"c1\",\"state\":\"Up\"}}");
    answer(&w, "GET /channels", 200, "[{\"id\":\"c1\",\"state\":\"Ringing\"}]");
    assert_int_equal(op.items, 1);
    assert_int_equal(op.state, DG_CHANNEL_UP);
    world_close(&w);
}

/* Before the link is up the core may heed another instance that is about to lose its own. */
static void test_answered_before_link(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, "all");
    answer(&w, "GET /asterisk/info", 200, INFO);
    accept_socket(&w);
    event(&w, STARTED("c1"));
    event(&w, "{\"type\":\"ChannelStateChange\",\"timestamp\":\"1970-01-01T00:16:40.000+0000\","
              "\"channel\":{\"id\":\"c1\",\"state\":\"Up\"}}");
    check_log(&w, "connecting; socket; started c1; answered c1");
    bring_beat_back(&w);
    event(&w, "{\"type\":\"ChannelDestroyed\",\"cause\":16,"
              "\"channel\":{\"id\":\"c1\",\"state\":\"Up\"}}");
    check_log(&w, "up; answered c1; ended c1");
    world_close(&w);
}

/* What is known of legs goes with the link: a list without them would say that they have ended. */
static void test_list_of_a_lost_link(void **state)
{
    struct world w;
    struct dg_op op = {0};
    (void)state;
    world_up(&w, "all");
    w.table->calls(w.self, &(struct dg_filter){0}, &op);
    answer(&w, "GET /channels", 200, CHANNELS);
    w.stream->ev->closed(w.stream->arg, DG_EUNAVAILABLE, "cut");
    gone(&w);
    answer(&w, WHEN, 200, "{\"value\":\"1795263407.070678\"}");
    assert_int_equal(op.ended, 1);
    assert_int_equal(op.err, DG_EUNAVAILABLE);
    assert_int_equal(op.items, 0);
    world_close(&w);
}

static void test_refused_subscription(void **state)
{
    static const struct {
        int status;
        const char *body, *why;
    } rows[] = {{403, "{}", "read_only"},
                {404, "{\"message\":\"Application not found\"}", "events of all"}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct world w;
        world_open(&w, "all");
        answer(&w, "GET /asterisk/info", 200, INFO);
        accept_upgrade(&w);
        answer(&w, SUBSCRIBE, rows[i].status, rows[i].body);
        assert_int_equal(w.link, DG_LINK_DOWN);
        assert_non_null(strstr(w.detail, rows[i].why));
        assert_null(w.requests); /* nothing is proven */
        world_close(&w);
    }
}

static void test_refused_upgrade(void **state)
{
    static const char head[] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    struct world w;
    (void)state;
    world_open(&w, "all");
    answer(&w, "GET /asterisk/info", 200, INFO);
    w.stream->ev->opened(w.stream->arg);
    w.stream->ev->data(w.stream->arg, (struct dg_bytes){head, sizeof head - 1});
    assert_true(w.stream->closed);
    gone(&w);
    check_log(&w, "connecting; socket; down");
    world_close(&w);
}

/* ---- The event socket -------------------------------------------------------------------- */

static void test_frames(void **state)
{
    struct world w;
    const char *json = STARTED("a");
    (void)state;
    world_up(&w, "all");
    event(&w, json);
    /* In fragments, a ping between them, each byte on its own. */
    const char *b = STARTED("b");
    size_t half = 10, rest = strlen(b) - half;
    frame(&w, 0x01, b, half);
    frame(&w, 0x89, "hello", 5);
    frame(&w, 0x80, b + half, rest);
    assert_int_equal(sent_byte(&w, 11), 0x8a);
    const char *c = STARTED("c");
    char head[2] = {(char)0x81, (char)strlen(c)};
    for (size_t i = 0; i < 2; i++)
        w.stream->ev->data(w.stream->arg, (struct dg_bytes){head + i, 1});
    for (size_t i = 0; c[i]; i++)
        w.stream->ev->data(w.stream->arg, (struct dg_bytes){c + i, 1});
    check_log(&w, "started a; started b; started c");
    world_close(&w);
}

static void test_large_message(void **state)
{
    struct world w;
    size_t len = 1 << 20;
    char *json = malloc(len);
    (void)state;
    world_up(&w, "all");
    memset(json, ' ', len);
    memcpy(json, STARTED("big"), strlen(STARTED("big")));
    frame(&w, 0x81, json, len);
    check_log(&w, "started big");
    free(json);
    json = calloc(1, 5 << 20);
    frame(&w, 0x81, json, 5 << 20);
    check_log(&w, "down");
    assert_true(w.stream->closed);
    gone(&w);
    free(json);
    world_close(&w);
}

static void test_broken_frame(void **state)
{
    struct world w;
    (void)state;
    world_up(&w, "all");
    frame(&w, 0xf1, "x", 1);
    check_log(&w, "down");
    assert_true(w.stream->closed);
    gone(&w);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_up_and_close),
        cmocka_unit_test(test_not_there_yet),
        cmocka_unit_test(test_deaf),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_deaf_later),
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_applications_hang),
        cmocka_unit_test(test_refused_subscription),
        cmocka_unit_test(test_refused_upgrade),
        cmocka_unit_test(test_answered_unseen),
        cmocka_unit_test(test_answered_since),
        cmocka_unit_test(test_answered_before_link),
        cmocka_unit_test(test_list_of_a_lost_link),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_large_message),
        cmocka_unit_test(test_broken_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
