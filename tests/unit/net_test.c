/* net_test.c - the HTTP client of the control loop. */
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/net.h"
#include "peer.h"

struct bench {
    struct loop *loop;
    struct net *net;
    struct peer *peer;
    char url[64];
    int waiting;
};

struct answer {
    struct bench *b;
    struct dg_http *http;
    int calls, status;
    enum dg_err err;
    char *body, *message, *x_mixed;
    size_t parts, part_bytes;
    bool stop_in_part;
};

/* ---- A small HTTP server --------------------------------------------------- */

/* Reads one request; its head in `head`, the body's bytes are counted. */
static bool read_request(struct peer_conn *c, struct buf *head, struct buf *body)
{
    char byte;
    buf_clear(head);
    buf_clear(body);
    while (!strstr(buf_cstr(head), "\r\n\r\n")) {
        if (peer_read(c, &byte, 1) != 1)
            return false;
        buf_addc(head, byte);
    }
    const char *length = strstr(buf_cstr(head), "Content-Length: ");
    for (long n = length ? strtol(length + 16, NULL, 10) : 0; n > 0; n--) {
        if (peer_read(c, &byte, 1) != 1)
            return false;
        buf_addc(body, byte);
    }
    return true;
}

static void reply(struct peer_conn *c, int status, const char *extra, const char *body, size_t len)
{
    char head[500];
    snprintf(head, sizeof(head), "HTTP/1.1 %d Whatever\r\nContent-Length: %zu\r\n%s\r\n", status,
             len, extra);
    peer_write(c, head, strlen(head));
    peer_write(c, body, len);
}

static sem_t first_half_seen;

/* The second half goes out when the first was handed on. */
static void reply_in_halves(struct peer_conn *c)
{
    char half[1000];
    memset(half, 'h', sizeof(half));
    const char *head = "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n";
    peer_write(c, head, strlen(head));
    peer_write(c, half, sizeof(half));
    sem_wait(&first_half_seen);
    peer_write(c, half, sizeof(half));
}

/* /status/N answers N; /big answers a million bytes; /echo tells the request;
 * /silent says nothing. */
static void serve_http(struct peer_conn *c)
{
    struct buf head, body;
    buf_init(&head, 100000);
    buf_init(&body, 100000);
    while (read_request(c, &head, &body)) {
        const char *path = strchr(head.ptr, ' ') + 1;
        if (str_starts(path, "/status/")) {
            reply(c, (int)strtol(path + 8, NULL, 10), "", "x", 1);
        } else if (str_starts(path, "/big")) {
            char *big = xmalloc(1000000);
            memset(big, 'b', 1000000);
            reply(c, 200, "", big, 1000000);
            free(big);
        } else if (str_starts(path, "/halves")) {
            reply_in_halves(c);
        } else if (str_starts(path, "/silent")) {
            char byte;
            peer_read(c, &byte, 1);
        } else {
            buf_add(&head, body.ptr, body.len);
            reply(c, 200, "X-Mixed-CASE:  value with blanks \r\n", head.ptr, head.len);
        }
    }
    buf_free(&head);
    buf_free(&body);
}

/* ---- The client -------------------------------------------------------------- */

static void on_late(void *arg)
{
    (void)arg;
    fail_msg("no answer in 20 seconds");
}

static void on_answer(void *arg, const struct dg_http_response *res)
{
    struct answer *a = arg;
    a->calls++;
    a->http = NULL;
    a->err = res->err;
    a->status = res->status;
    a->body = xstrndup(res->body.ptr ? res->body.ptr : "", res->body.len);
    a->message = xstrdup(res->message);
    for (size_t i = 0; i < res->header_count; i++)
        if (str_eq(res->headers[i].key, "x-mixed-case"))
            a->x_mixed = xstrdup(res->headers[i].value);
    if (--a->b->waiting == 0)
        loop_stop(a->b->loop);
}

static void on_part(void *arg, struct dg_bytes part)
{
    struct answer *a = arg;
    if (a->parts++ == 0)
        sem_post(&first_half_seen);
    a->part_bytes += part.len;
    if (a->stop_in_part) {
        net_fetch_stop(a->http);
        if (--a->b->waiting == 0)
            loop_stop(a->b->loop);
    }
}

static void fetch(struct bench *b, struct answer *a, const char *path, struct dg_http_request req)
{
    char url[200];
    a->b = b;
    snprintf(url, sizeof(url), "%s%s", b->url, path);
    req.size = sizeof(req);
    req.url = url;
    b->waiting++;
    a->http = net_fetch(b->net, &req, on_answer, a);
    assert_int_equal(a->calls, 0);
}

static void run(struct bench *b)
{
    struct loop_timer *late = loop_timer(b->loop, 20000, on_late, NULL);
    loop_run(b->loop);
    loop_timer_stop(b->loop, late);
}

static void answer_free(struct answer *a)
{
    free(a->body);
    free(a->message);
    free(a->x_mixed);
}

static void bench_start(struct bench *b, SSL_CTX *ctx)
{
    *b = (struct bench){.loop = loop_new()};
    b->net = net_new(b->loop, NULL);
    b->peer = peer_start(serve_http, ctx, NULL);
    snprintf(b->url, sizeof(b->url), "%s://%s:%u", ctx ? "https" : "http",
             ctx ? "localhost" : "127.0.0.1", b->peer->port);
}

static void bench_end(struct bench *b)
{
    net_free(b->net);
    peer_stop(b->peer);
    loop_free(b->loop);
}

#define REQUEST(...) ((struct dg_http_request){__VA_ARGS__})

/* ---- Requests ---------------------------------------------------------------- */

static void a_request_goes_out_as_it_is_described(void **state)
{
    (void)state;
    struct bench b;
    struct answer a = {0};
    bench_start(&b, NULL);
    const struct dg_kv headers[] = {{"X-One", "1"}, {"Content-Type", "application/json"}};
    fetch(&b, &a, "/echo",
          REQUEST(.method = "PUT", .headers = headers, .header_count = 2, .body = {"{\"a\":1}", 7},
                  .user = "gate way", .password = "se:cret"));
    run(&b);
    assert_int_equal(a.err, DG_OK);
    assert_int_equal(a.status, 200);
    assert_true(str_starts(a.body, "PUT /echo HTTP/1.1\r\n"));
    assert_non_null(strstr(a.body, "\r\nX-One: 1\r\n"));
    assert_non_null(strstr(a.body, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(a.body, "\r\nAuthorization: Basic Z2F0ZSB3YXk6c2U6Y3JldA==\r\n"));
    assert_null(strstr(a.body, "Expect"));
    assert_true(str_ends(a.body, "\r\n\r\n{\"a\":1}"));
    assert_string_equal(a.x_mixed, "value with blanks");
    answer_free(&a);
    bench_end(&b);
}

static void methods_without_a_body_have_none(void **state)
{
    (void)state;
    struct bench b;
    struct answer get = {0}, del = {0}, post = {0};
    bench_start(&b, NULL);
    fetch(&b, &get, "/echo", REQUEST(0));
    fetch(&b, &del, "/echo", REQUEST(.method = "DELETE"));
    fetch(&b, &post, "/echo", REQUEST(.method = "POST"));
    run(&b);
    assert_true(str_starts(get.body, "GET /echo"));
    assert_null(strstr(get.body, "Content-"));
    assert_true(str_starts(del.body, "DELETE /echo"));
    assert_null(strstr(del.body, "Content-"));
    assert_true(str_starts(post.body, "POST /echo"));
    assert_non_null(strstr(post.body, "Content-Length: 0"));
    assert_null(strstr(post.body, "Content-Type"));
    answer_free(&get);
    answer_free(&del);
    answer_free(&post);
    bench_end(&b);
}

/* The connection that gave a certain answer must not carry another request. */
static void a_connection_is_kept_but_not_after_close_on_status(void **state)
{
    (void)state;
    struct bench b;
    struct answer a[5] = {0};
    const char *paths[5] = {"/status/200", "/status/404", "/status/409", "/status/409",
                            "/status/200"};
    bench_start(&b, NULL);
    for (int i = 0; i < 5; i++) {
        fetch(&b, &a[i], paths[i], REQUEST(.close_on_status = 409));
        run(&b);
        assert_int_equal(a[i].err, DG_OK);
    }
    assert_int_equal(a[2].status, 409);
    assert_int_equal(atomic_load(&b.peer->count), 3);
    for (int i = 0; i < 5; i++)
        answer_free(&a[i]);
    bench_end(&b);
}

static void an_answer_that_is_too_large_is_refused(void **state)
{
    (void)state;
    struct bench b;
    struct answer fits = {0}, over = {0};
    bench_start(&b, NULL);
    fetch(&b, &fits, "/big", REQUEST(.max_body = 1000000));
    fetch(&b, &over, "/big", REQUEST(.max_body = 999999));
    run(&b);
    assert_int_equal(fits.err, DG_OK);
    assert_int_equal(strlen(fits.body), 1000000);
    assert_int_equal(over.err, DG_EUPSTREAM);
    assert_non_null(strstr(over.message, "larger than allowed"));
    answer_free(&fits);
    answer_free(&over);
    bench_end(&b);
}

static void parts_come_instead_of_the_body(void **state)
{
    (void)state;
    struct bench b;
    struct answer a = {0}, stopped = {.stop_in_part = true};
    bench_start(&b, NULL);
    sem_init(&first_half_seen, 0, 0);
    fetch(&b, &a, "/halves", REQUEST(.part = on_part));
    run(&b);
    fetch(&b, &stopped, "/halves", REQUEST(.part = on_part));
    run(&b);
    assert_int_equal(a.err, DG_OK);
    assert_int_equal(a.part_bytes, 2000);
    assert_true(a.parts > 1);
    assert_string_equal(a.body, "");
    assert_int_equal(stopped.parts, 1);
    assert_int_equal(stopped.calls, 0);
    /* The same when all of it came at once. */
    struct answer small = {.stop_in_part = true};
    fetch(&b, &small, "/status/200", REQUEST(.part = on_part));
    run(&b);
    assert_int_equal(small.parts, 1);
    assert_int_equal(small.calls, 0);
    answer_free(&a);
    bench_end(&b);
}

static void what_cannot_be_sent_is_refused(void **state)
{
    static const struct {
        const char *path, *method, *key, *value;
    } bad[] = {
        {"/a b", NULL, NULL, NULL},
        {"/a\r\nX: y", NULL, NULL, NULL},
        {"/a", "GET /x HTTP/1.1\r\nX", NULL, NULL},
        {"/a", NULL, "X\r\nY", "1"},
        {"/a", NULL, "X: Y", "1"},
        {"/a", NULL, "X", "1\r\nY: 2"},
    };
    (void)state;
    struct bench b;
    bench_start(&b, NULL);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct answer a = {0};
        struct dg_kv header = {bad[i].key, bad[i].value};
        fetch(&b, &a, bad[i].path,
              REQUEST(.method = bad[i].method, .headers = &header,
                      .header_count = bad[i].key != NULL));
        run(&b);
        assert_int_equal(a.err, DG_EINVAL);
        answer_free(&a);
    }
    assert_int_equal(atomic_load(&b.peer->count), 0);
    bench_end(&b);
}

/* ---- Failures ------------------------------------------------------------------ */

static void failures_say_what_and_where(void **state)
{
    (void)state;
    struct bench b;
    struct answer late = {0}, refused = {0}, scheme = {0};
    bench_start(&b, NULL);
    char url[64];
    fetch(&b, &late, "/silent?key=secret", REQUEST(.timeout_ms = 50));
    snprintf(url, sizeof(url), "%s", b.url);
    snprintf(b.url, sizeof(b.url), "http://127.0.0.1:1");
    fetch(&b, &refused, "/", REQUEST(0));
    snprintf(b.url, sizeof(b.url), "file://");
    fetch(&b, &scheme, "/etc/hostname", REQUEST(0));
    run(&b);
    assert_int_equal(late.err, DG_ETIMEOUT);
    assert_true(str_starts(late.message, url));
    assert_null(strstr(late.message, "secret"));
    assert_int_equal(refused.err, DG_EUNAVAILABLE);
    assert_non_null(strstr(refused.message, "127.0.0.1:1"));
    assert_int_equal(scheme.err, DG_EINVAL);
    answer_free(&late);
    answer_free(&refused);
    answer_free(&scheme);
    bench_end(&b);
}

static void a_stopped_request_is_not_answered(void **state)
{
    (void)state;
    struct bench b;
    struct answer stopped = {0}, other = {0};
    bench_start(&b, NULL);
    fetch(&b, &stopped, "/echo", REQUEST(0));
    net_fetch_stop(stopped.http);
    b.waiting--;
    fetch(&b, &other, "/echo", REQUEST(0));
    run(&b);
    assert_int_equal(stopped.calls, 0);
    assert_int_equal(other.calls, 1);
    answer_free(&other);
    bench_end(&b);
}

struct chain {
    struct bench *b;
    struct answer other;
    struct dg_http *pending;
    int left;
};

static void on_chain(void *arg, const struct dg_http_response *res)
{
    struct chain *c = arg;
    char url[100];
    assert_int_equal(res->status, 200);
    if (c->pending)
        net_fetch_stop(c->pending); /* another one, from inside a callback */
    c->pending = NULL;
    if (--c->left == 0) {
        loop_stop(c->b->loop);
        return;
    }
    snprintf(url, sizeof(url), "%s/echo", c->b->url);
    struct dg_http_request req = {DG_SIZED(struct dg_http_request), .url = url};
    net_fetch(c->b->net, &req, on_chain, c);
}

static void callbacks_may_start_and_stop(void **state)
{
    (void)state;
    struct bench b;
    bench_start(&b, NULL);
    struct chain c = {.b = &b, .left = 50};
    char url[100];
    snprintf(url, sizeof(url), "%s/silent", b.url);
    struct dg_http_request silent = {DG_SIZED(struct dg_http_request), .url = url};
    c.pending = net_fetch(b.net, &silent, on_chain, &c);
    snprintf(url, sizeof(url), "%s/echo", b.url);
    net_fetch(b.net, &(struct dg_http_request){DG_SIZED(struct dg_http_request), .url = url},
              on_chain, &c);
    run(&b);
    assert_int_equal(c.left, 0);
    bench_end(&b);
}

static void a_proxy_of_the_environment_is_not_used(void **state)
{
    (void)state;
    struct bench b;
    struct answer a = {0};
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    bench_start(&b, NULL);
    fetch(&b, &a, "/echo", REQUEST(0));
    run(&b);
    assert_int_equal(a.err, DG_OK);
    answer_free(&a);
    bench_end(&b);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static void tls_is_verified(void **state)
{
    (void)state;
    char file[] = "/tmp/dialgate-net-XXXXXX";
    struct bench b;
    struct answer good = {0}, unknown = {0}, careless = {0}, name = {0};
    bench_start(&b, peer_tls("localhost", file));
    fetch(&b, &good, "/echo", REQUEST(.ca_file = file));
    fetch(&b, &unknown, "/echo", REQUEST(0));
    fetch(&b, &careless, "/echo", REQUEST(.tls_no_verify = true));
    snprintf(b.url, sizeof(b.url), "https://127.0.0.1:%u", b.peer->port);
    fetch(&b, &name, "/echo", REQUEST(.ca_file = file));
    run(&b);
    assert_int_equal(good.err, DG_OK);
    assert_true(str_starts(good.body, "GET /echo HTTP/1.1"));
    assert_int_equal(unknown.err, DG_EUPSTREAM);
    assert_int_equal(careless.err, DG_OK);
    assert_int_equal(name.err, DG_EUPSTREAM);
    answer_free(&good);
    answer_free(&unknown);
    answer_free(&careless);
    answer_free(&name);
    bench_end(&b);
    unlink(file);
}

static void the_end_leaves_nothing(void **state)
{
    (void)state;
    struct bench b;
    struct answer a = {0}, bad = {0};
    bench_start(&b, NULL);
    fetch(&b, &a, "/silent", REQUEST(0));
    fetch(&b, &bad, "/a b", REQUEST(0));
    bench_end(&b);
    assert_int_equal(a.calls + bad.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_goes_out_as_it_is_described),
        cmocka_unit_test(methods_without_a_body_have_none),
        cmocka_unit_test(a_connection_is_kept_but_not_after_close_on_status),
        cmocka_unit_test(an_answer_that_is_too_large_is_refused),
        cmocka_unit_test(parts_come_instead_of_the_body),
        cmocka_unit_test(what_cannot_be_sent_is_refused),
        cmocka_unit_test(failures_say_what_and_where),
        cmocka_unit_test(a_stopped_request_is_not_answered),
        cmocka_unit_test(callbacks_may_start_and_stop),
        cmocka_unit_test(a_proxy_of_the_environment_is_not_used),
        cmocka_unit_test(tls_is_verified),
        cmocka_unit_test(the_end_leaves_nothing),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
