/* The ari plugin as a .so, against a host and an Asterisk that are both played by the test: the
 * link's life, the event socket, and originates whose answers leave doubt. No time passes but
 * what the test lets pass. */
#include "unit.h"

#include <dlfcn.h>

#include "../../plugins/ari/text.c"
#include "../../plugins/ari/upgrade.c"
#include "dialgate/backend.h"

/* ---- The host ----------------------------------------------------------------------- */

struct dg_timer {
    struct dg_timer *next;
    uint64_t at_ms;
    dg_fn *fn;
    void *arg;
};

struct dg_http {
    struct dg_http *next;
    char *method, *url, *body;
    bool closes; /* the connection after this */
    dg_http_fn *fn;
    void *arg;
};

struct dg_stream {
    const struct dg_stream_events *ev;
    void *arg;
    struct text sent;
    bool closed;
};

struct dg_op {
    int ended;
    enum dg_err err;
    char message[200];
    size_t items;
    char *text;
};

struct world {
    struct dg_host host; /* first */
    uint64_t now_ms;
    struct dg_timer *timers;
    struct dg_http *requests; /* oldest first */
    struct dg_stream *stream;
    struct text log;
    enum dg_link link;
    const struct dg_backend *table;
    const struct dg_plugin *plugin;
    void *self;
    const char *observe;
};

static struct world *world_of(const struct dg_host *h)
{
    return (struct world *)h;
}

static void note(struct world *w, const char *what, const char *detail)
{
    if (w->log.len)
        text_puts(&w->log, "; ");
    text_puts(&w->log, what);
    text_puts(&w->log, detail ? detail : "");
}

static void host_log(const struct dg_host *h, enum dg_level level, const char *fmt, ...)
{
    (void)h;
    (void)level;
    (void)fmt;
}

static const char *cfg_str(const struct dg_host *h, const char *key)
{
    if (strcmp(key, "url") == 0)
        return "http://pbx:8088/ari";
    if (strcmp(key, "username") == 0)
        return "gateway";
    if (strcmp(key, "password") == 0)
        return "secret";
    if (strcmp(key, "app") == 0)
        return "dialgate";
    if (strcmp(key, "app_suffix") == 0)
        return "n1";
    if (strcmp(key, "observe") == 0)
        return world_of(h)->observe;
    return "";
}

static int64_t cfg_int(const struct dg_host *h, const char *key)
{
    static const struct {
        const char *key;
        int64_t value;
    } values[] = {{"connect_timeout", 5000}, {"request_timeout", 15000}, {"tries", 3},
                  {"retry_wait", 300},       {"max_connections", 4},     {"max_keepalive", 2},
                  {"ping_ms", 1000},         {"pong_ms", 3000}};
    (void)h;
    for (size_t i = 0; i < COUNT(values); i++)
        if (strcmp(values[i].key, key) == 0)
            return values[i].value;
    fail_msg("undeclared key %s", key);
    return 0;
}

static bool cfg_bool(const struct dg_host *h, const char *key)
{
    (void)h;
    (void)key;
    return false;
}

static uint64_t now_ms(const struct dg_host *h)
{
    return world_of(h)->now_ms;
}

static int64_t unix_ms(const struct dg_host *h)
{
    return (int64_t)world_of(h)->now_ms;
}

static void op_item(struct dg_op *op, const void *item)
{
    (void)item;
    op->items++;
}

static void op_done(struct dg_op *op)
{
    op->ended++;
}

static void op_fail(struct dg_op *op, enum dg_err err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(op->message, sizeof op->message, fmt, ap);
    va_end(ap);
    op->err = err;
    op->ended++;
}

static void host_link(const struct dg_host *h, enum dg_link link, const char *detail)
{
    struct world *w = world_of(h);
    (void)detail;
    if (link != w->link)
        note(w, link == DG_LINK_UP ? "up" : link == DG_LINK_DOWN ? "down" : "connecting", NULL);
    w->link = link;
}

static void host_emit(const struct dg_host *h, const struct dg_event *ev)
{
    static const char *const names[] = {
        [DG_CALL_STARTED] = "started ",
        [DG_CALL_ANSWERED] = "answered ",
        [DG_CALL_ENDED] = "ended ",
        [DG_BRIDGE_STARTED] = "bridge ",
        [DG_NATIVE] = NULL,
    };
    if (names[ev->type])
        note(world_of(h), names[ev->type], ev->call ? ev->call : ev->bridge);
}

static struct dg_timer *timer_start(const struct dg_host *h, uint64_t after_ms, dg_fn *fn,
                                    void *arg)
{
    struct world *w = world_of(h);
    struct dg_timer *t = calloc(1, sizeof *t);
    *t = (struct dg_timer){w->timers, w->now_ms + after_ms, fn, arg};
    return w->timers = t;
}

static void timer_stop(const struct dg_host *h, struct dg_timer *t)
{
    for (struct dg_timer **at = &world_of(h)->timers; *at; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            free(t);
            return;
        }
    fail_msg("a timer was stopped that is gone");
}

static struct dg_http *http_start(const struct dg_host *h, const struct dg_http_request *req,
                                  dg_http_fn *fn, void *arg)
{
    struct dg_http *r = calloc(1, sizeof *r), **at = &world_of(h)->requests;
    assert_string_equal(req->user, "gateway");
    assert_int_equal(req->close_on_status, 409);
    r->method = strdup(req->method);
    r->url = strdup(req->url);
    r->body = strndup(req->body.len ? req->body.ptr : "", req->body.len);
    r->fn = fn;
    r->arg = arg;
    for (size_t i = 0; i < req->header_count; i++)
        r->closes |= strcmp(req->headers[i].key, "Connection") == 0;
    while (*at)
        at = &(*at)->next;
    return *at = r;
}

static struct dg_http *unlink_request(struct world *w, struct dg_http *r)
{
    for (struct dg_http **at = &w->requests; *at; at = &(*at)->next)
        if (*at == r) {
            *at = r->next;
            return r;
        }
    fail_msg("a request that is not under way");
    return NULL;
}

static void free_request(struct dg_http *r)
{
    free(r->method);
    free(r->url);
    free(r->body);
    free(r);
}

static void http_stop(const struct dg_host *h, struct dg_http *r)
{
    free_request(unlink_request(world_of(h), r));
}

static struct dg_stream *stream_open(const struct dg_host *h, const struct dg_stream_request *req,
                                     const struct dg_stream_events *ev, void *arg)
{
    struct world *w = world_of(h);
    assert_null(w->stream);
    assert_string_equal(req->host, "pbx");
    assert_int_equal(req->port, 8088);
    w->stream = calloc(1, sizeof *w->stream);
    w->stream->ev = ev;
    w->stream->arg = arg;
    note(w, "socket", NULL);
    return w->stream;
}

static void stream_write(struct dg_stream *s, struct dg_bytes bytes)
{
    assert_false(s->closed);
    text_add(&s->sent, bytes.ptr, bytes.len);
}

static void stream_close(struct dg_stream *s)
{
    s->closed = true; /* freed by the world, which looks at it first */
}

static struct dg_metric *metric(const struct dg_host *h, enum dg_metric_type type, const char *name,
                                const char *help)
{
    (void)h;
    (void)type;
    (void)name;
    (void)help;
    return NULL;
}

static void metric_add(struct dg_metric *m, int64_t n)
{
    (void)m;
    (void)n;
}

/* ---- The world: time, Asterisk's answers, Asterisk's events ---------------------------- */

static void check_log(struct world *w, const char *expected)
{
    if (strcmp(w->log.at ? w->log.at : "", expected) != 0)
        fail_msg("\n  told:     %s\n  expected: %s", w->log.at ? w->log.at : "", expected);
    text_free(&w->log);
}

static void pass(struct world *w, uint64_t ms)
{
    uint64_t end = w->now_ms + ms;
    for (;;) {
        struct dg_timer **soonest = NULL;
        for (struct dg_timer **at = &w->timers; *at; at = &(*at)->next)
            if ((*at)->at_ms <= end && (!soonest || (*at)->at_ms < (*soonest)->at_ms))
                soonest = at;
        if (!soonest)
            break;
        struct dg_timer *t = *soonest;
        *soonest = t->next;
        if (t->at_ms > w->now_ms)
            w->now_ms = t->at_ms;
        t->fn(t->arg);
        free(t);
    }
    w->now_ms = end;
}

/* The oldest request must be this; answer it. status 0: none came, for `err`. */
static void answer_with(struct world *w, const char *request, int status, const char *body,
                        enum dg_err err)
{
    struct dg_http *r = w->requests;
    char line[700];
    if (!r)
        fail_msg("no request, but expected %s", request);
    snprintf(line, sizeof line, "%s %s", r->method, r->url + strlen("http://pbx:8088/ari"));
    assert_string_equal(line, request);
    unlink_request(w, r);
    r->fn(r->arg, &(struct dg_http_response){
                      .err = err, .status = status, .body = {body, body ? strlen(body) : 0}});
    free_request(r);
}

static void answer(struct world *w, const char *request, int status, const char *body)
{
    answer_with(w, request, status, body, DG_OK);
}

#define INFO "{\"system\":{\"version\":\"22.0\"},\"status\":{\"startup_time\":\"s1\"}}"
#define BEAT "POST /events/user/dialgate-beat?application=dialgate-n1"

static void frame(struct world *w, int first, const char *payload, size_t len)
{
    struct text t = {0};
    text_add(&t, (const char[]){(char)first}, 1);
    if (len < 126)
        text_add(&t, (const char[]){(char)len}, 1);
    else if (len < 65536)
        text_add(&t, (const char[]){126, (char)(len >> 8), (char)len}, 3);
    else
        text_add(&t,
                 (const char[]){127, 0, 0, 0, 0, (char)(len >> 24), (char)(len >> 16),
                                (char)(len >> 8), (char)len},
                 9);
    text_add(&t, payload, len);
    w->stream->ev->data(w->stream->arg, (struct dg_bytes){t.at, t.len});
    text_free(&t);
}

static void event(struct world *w, const char *json)
{
    frame(w, 0x81, json, strlen(json));
}

static void gone(struct world *w)
{
    text_free(&w->stream->sent);
    free(w->stream);
    w->stream = NULL;
}

static void accept_socket(struct world *w)
{
    static const char mark[] = "Sec-WebSocket-Key: ";
    char key[UPGRADE_KEY_SIZE] = {0}, accept[UPGRADE_ACCEPT_SIZE], head[300];
    w->stream->ev->opened(w->stream->arg);
    assert_non_null(strstr(w->stream->sent.at, "GET /ari/events?app=dialgate-n1&subscribeAll="));
    assert_non_null(strstr(w->stream->sent.at, "Authorization: Basic Z2F0ZXdheTpzZWNyZXQ=\r\n"));
    memcpy(key, strstr(w->stream->sent.at, mark) + sizeof mark - 1, sizeof key - 1);
    upgrade_accept(accept, key);
    snprintf(head, sizeof head,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n\r\n",
             accept);
    text_free(&w->stream->sent);
    w->stream->ev->data(w->stream->arg, (struct dg_bytes){head, strlen(head)});
}

/* What our own user event carries, brought back by the socket. */
static void bring_beat_back(struct world *w)
{
    char json[300];
    assert_non_null(w->requests);
    assert_non_null(strstr(w->requests->body, "{\"variables\":{\"token\":\""));
    const char *token = strstr(w->requests->body, "\"token\":");
    snprintf(json, sizeof json,
             "{\"type\":\"ChannelUserevent\",\"eventname\":\"dialgate-beat\",\"userevent\":{%.*s}}",
             (int)strcspn(token, "}"), token);
    answer(w, BEAT, 204, NULL);
    event(w, json);
}

static void world_open(struct world *w, const char *observe)
{
    memset(w, 0, sizeof *w);
    w->now_ms = 1000000;
    w->observe = observe;
    w->link = DG_LINK_DOWN;
    w->host = (struct dg_host){.size = sizeof w->host,
                               .abi_major = DG_ABI_MAJOR,
                               .instance = "pbx",
                               .log = host_log,
                               .cfg_str = cfg_str,
                               .cfg_int = cfg_int,
                               .cfg_bool = cfg_bool,
                               .now_ms = now_ms,
                               .unix_ms = unix_ms,
                               .item = op_item,
                               .done = op_done,
                               .fail = op_fail,
                               .link = host_link,
                               .emit = host_emit,
                               .timer_start = timer_start,
                               .timer_stop = timer_stop,
                               .http_start = http_start,
                               .http_stop = http_stop,
                               .stream_open = stream_open,
                               .stream_write = stream_write,
                               .stream_close = stream_close,
                               .metric = metric,
                               .metric_add = metric_add};
    void *so = dlopen(PLUGIN_DIR "/ari.so", RTLD_NOW | RTLD_LOCAL);
    if (!so)
        fail_msg("%s", dlerror());
    const struct dg_plugin *(*entry)(void) =
        (const struct dg_plugin *(*)(void))(uintptr_t)dlsym(so, "dg_plugin_entry");
    assert_non_null(entry);
    w->plugin = entry();
    w->table = w->plugin->backend;
    assert_int_equal(w->plugin->open(&w->host, &w->self), DG_OK);
}

static void world_up(struct world *w, const char *observe)
{
    world_open(w, observe);
    answer(w, "GET /asterisk/info", 200, INFO);
    accept_socket(w);
    bring_beat_back(w);
    check_log(w, "connecting; socket; up");
}

/* Close as the core does; nothing may be left behind. */
static void world_close(struct world *w)
{
    struct dg_op op = {0};
    w->plugin->close(w->self, &op);
    if (w->stream && !w->stream->closed && w->link == DG_LINK_UP) {
        assert_int_equal(op.ended, 0);
        assert_int_equal((unsigned char)w->stream->sent.at[w->stream->sent.len - 8], 0x88);
        frame(w, 0x88, "\x03\xe8", 2);
        assert_true(w->stream->closed);
    }
    pass(w, 2000);
    assert_int_equal(op.ended, 1);
    assert_null(w->timers);
    assert_null(w->requests);
    if (w->stream)
        gone(w);
    text_free(&w->log);
}

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
    assert_int_equal((unsigned char)w.stream->sent.at[0], 0x88); /* politely: the close frame */
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
        assert_int_equal((unsigned char)w.stream->sent.at[w.stream->sent.len - 6], 0x89);
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
    assert_non_null(w.requests);
    world_close(&w);
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

#define STARTED(id)                                                                                \
    "{\"type\":\"ChannelCreated\",\"channel\":{\"id\":\"" id "\",\"state\":\"Down\"}}"
#define ENDED(id)                                                                                  \
    "{\"type\":\"ChannelDestroyed\",\"cause\":17,\"channel\":{\"id\":\"" id                        \
    "\",\"state\":\"Down\"}}"

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
    assert_int_equal((unsigned char)w.stream->sent.at[w.stream->sent.len - 11], 0x8a);
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
    assert_int_equal(op.err, DG_EUNAVAILABLE);
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
        cmocka_unit_test(test_refused_upgrade),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_large_message),
        cmocka_unit_test(test_broken_frame),
        cmocka_unit_test(test_originate_body),
        cmocka_unit_test(test_originate_own),
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
