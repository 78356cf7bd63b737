/* ari_world.h - the ari plugin as a .so, against a host and an Asterisk that are both played by the
 * test. No time passes but what the test lets pass. */
#ifndef TESTS_ARI_WORLD_H
#define TESTS_ARI_WORLD_H

#define WORLD_OWN                                                                                  \
    struct dg_http *requests; /* oldest first */                                                   \
    const char *observe;
#include "fake_host.h"

/* A plugin exports nothing but its descriptor: what is inside is tested from inside. */
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../plugins/ari/upgrade.c"
/* NOLINTEND(bugprone-suspicious-include) */

/* ---- The host ----------------------------------------------------------------------- */

struct dg_http {
    struct dg_http *next;
    char *method, *url, *body;
    bool closes; /* the connection after this */
    dg_http_fn *fn;
    void (*part)(void *arg, struct dg_bytes part);
    void *arg;
};

static inline const char *cfg_str(const struct dg_host *h, const char *key)
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

static inline int64_t cfg_int(const struct dg_host *h, const char *key)
{
    static const struct {
        const char *key;
        int64_t value;
    } values[] = {
        {"connect_timeout", 5000}, {"request_timeout", 15000}, {"tries", 3},
        {"retry_wait", 300},       {"max_connections", 4},     {"max_keepalive", 2},
        {"ping_ms", 1000},         {"pong_ms", 3000},          {"recording_max", 1 << 20}};
    (void)h;
    for (size_t i = 0; i < COUNT(values); i++)
        if (strcmp(values[i].key, key) == 0)
            return values[i].value;
    fail_msg("undeclared key %s", key);
    return 0;
}

static inline bool cfg_bool(const struct dg_host *h, const char *key)
{
    (void)h;
    (void)key;
    return false;
}

static inline struct dg_http *http_start(const struct dg_host *h, const struct dg_http_request *req,
                                         dg_http_fn *fn, void *arg)
{
    struct dg_http *r = calloc(1, sizeof *r), **at = &world_of(h)->requests;
    assert_string_equal(req->user, "gateway");
    assert_int_equal(req->close_on_status, 409);
    r->method = strdup(req->method);
    r->url = strdup(req->url);
    r->body = strndup(req->body.len ? req->body.ptr : "", req->body.len);
    r->fn = fn;
    r->part = req->part;
    r->arg = arg;
    for (size_t i = 0; i < req->header_count; i++)
        r->closes |= strcmp(req->headers[i].key, "Connection") == 0;
    while (*at)
        at = &(*at)->next;
    return *at = r;
}

static inline struct dg_http *unlink_request(struct world *w, struct dg_http *r)
{
    for (struct dg_http **at = &w->requests; *at; at = &(*at)->next)
        if (*at == r) {
            *at = r->next;
            return r;
        }
    fail_msg("a request that is not under way");
    return NULL;
}

static inline void free_request(struct dg_http *r)
{
    free(r->method);
    free(r->url);
    free(r->body);
    free(r);
}

static inline void http_stop(const struct dg_host *h, struct dg_http *r)
{
    free_request(unlink_request(world_of(h), r));
}

static inline struct dg_stream *stream_open(const struct dg_host *h,
                                            const struct dg_stream_request *req,
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

/* ---- The world: time, Asterisk's answers, Asterisk's events ---------------------------- */

/* The oldest request must be this; answer it. status 0: none came, for `err`. */
static inline void answer_with(struct world *w, const char *request, int status, const char *body,
                               enum dg_err err)
{
    struct dg_http *r = w->requests;
    char line[700];
    if (!r) {
        fail_msg("no request, but expected %s", request);
        return;
    }
    snprintf(line, sizeof line, "%s %s", r->method, r->url + strlen("http://pbx:8088/ari"));
    assert_string_equal(line, request);
    unlink_request(w, r);
    r->fn(r->arg, &(struct dg_http_response){
                      .err = err, .status = status, .body = {body, body ? strlen(body) : 0}});
    free_request(r);
}

/* Some of the body of the oldest request's answer. */
static inline void answer_part(struct world *w, const char *body)
{
    assert_non_null(w->requests);
    assert_non_null(w->requests->part);
    w->requests->part(w->requests->arg, (struct dg_bytes){body, strlen(body)});
}

static inline void answer(struct world *w, const char *request, int status, const char *body)
{
    answer_with(w, request, status, body, DG_OK);
}

#define INFO "{\"system\":{\"version\":\"22.0\"},\"status\":{\"startup_time\":\"s1\"}}"
#define SUBSCRIBE                                                                                  \
    "POST /applications/dialgate-n1/subscription?eventSource=channel%3A%2Cbridge%3A%2Cendpoint%3A"
#define BEAT "POST /events/user/dialgate-beat?application=dialgate-n1"

/* The byte so far from the end of what the plugin has sent on the socket. */
static inline unsigned char sent_byte(const struct world *w, size_t from_end)
{
    const struct text *sent = w->stream ? &w->stream->sent : NULL;
    if (!sent || !sent->at || sent->len < from_end) {
        fail_msg("nothing was sent");
        return 0;
    }
    return (unsigned char)sent->at[sent->len - from_end];
}

static inline void frame(struct world *w, int first, const char *payload, size_t len)
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

static inline void event(struct world *w, const char *json)
{
    frame(w, 0x81, json, strlen(json));
}

static inline void accept_upgrade_of(struct world *w, const char *app)
{
    static const char mark[] = "Sec-WebSocket-Key: ";
    char key[UPGRADE_KEY_SIZE] = {0}, accept[UPGRADE_ACCEPT_SIZE], head[300], asked[200];
    w->stream->ev->opened(w->stream->arg);
    snprintf(asked, sizeof asked, "GET /ari/events?app=%s&subscribeAll=false ", app);
    assert_non_null(strstr(w->stream->sent.at, asked));
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

static inline void accept_upgrade(struct world *w)
{
    accept_upgrade_of(w, "dialgate-n1");
}

static inline void accept_socket(struct world *w)
{
    accept_upgrade(w);
    if (strcmp(w->observe, "own") != 0)
        answer(w, SUBSCRIBE, 200, "{}");
}

/* What our own user event carries, brought back by the socket. */
static inline void bring_beat_back(struct world *w)
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

static inline void world_open(struct world *w, const char *observe)
{
    memset(w, 0, sizeof *w);
    w->now_ms = 1000000;
    w->observe = observe;
    w->link = DG_LINK_DOWN;
    w->host = fake_host();
    w->host.cfg_str = cfg_str;
    w->host.cfg_int = cfg_int;
    w->host.cfg_bool = cfg_bool;
    w->host.http_start = http_start;
    w->host.http_stop = http_stop;
    w->host.stream_open = stream_open;
    world_load(w, PLUGIN_DIR "/ari.so");
}

static inline void world_up(struct world *w, const char *observe)
{
    world_open(w, observe);
    answer(w, "GET /asterisk/info", 200, INFO);
    accept_socket(w);
    bring_beat_back(w);
    check_log(w, "connecting; socket; up");
}

/* Close as the core does; nothing may be left behind. */
static inline void world_close(struct world *w)
{
    struct dg_op op = {0};
    w->plugin->close(w->self, &op);
    if (w->stream && !w->stream->closed && w->link == DG_LINK_UP) {
        assert_int_equal(op.ended, 0);
        assert_int_equal(sent_byte(w, 8), 0x88);
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

#define STARTED(id)                                                                                \
    "{\"type\":\"ChannelCreated\",\"channel\":{\"id\":\"" id "\",\"state\":\"Down\"}}"
#define ENDED(id)                                                                                  \
    "{\"type\":\"ChannelDestroyed\",\"cause\":17,\"channel\":{\"id\":\"" id                        \
    "\",\"state\":\"Down\"}}"

#endif
