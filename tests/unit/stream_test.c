/* stream_test.c - TCP and TLS streams of the control loop. */
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/net.h"
#include "peer.h"

struct client {
    struct loop *loop;
    struct net *net;
    struct peer *peer;
    struct dg_stream *stream;
    size_t received, wanted, this_turn, most_per_turn;
    uint64_t sum;
    int opened, closed;
    bool close_when_open, close_when_done;
    enum dg_err err;
    char why[300];
    struct dg_bytes first; /* written when it is open */
    sem_t *wait_when_open;
};

static void on_opened(void *arg)
{
    struct client *c = arg;
    c->opened++;
    if (c->wait_when_open)
        sem_wait(c->wait_when_open);
    if (c->first.len)
        net_stream_write(c->stream, c->first);
    if (c->close_when_open) {
        net_stream_close(c->stream);
        loop_stop(c->loop);
    }
}

static void on_data(void *arg, struct dg_bytes bytes)
{
    struct client *c = arg;
    for (size_t i = 0; i < bytes.len; i++)
        c->sum = c->sum * 31 + (unsigned char)bytes.ptr[i];
    c->received += bytes.len;
    c->this_turn += bytes.len;
    if (c->received < c->wanted)
        return;
    if (c->close_when_done)
        net_stream_close(c->stream);
    loop_stop(c->loop);
}

static void on_closed(void *arg, enum dg_err err, const char *why)
{
    struct client *c = arg;
    c->closed++;
    c->err = err;
    snprintf(c->why, sizeof(c->why), "%s", why);
    loop_stop(c->loop);
}

static const struct dg_stream_events events = {
    DG_SIZED(struct dg_stream_events),
    .opened = on_opened,
    .data = on_data,
    .closed = on_closed,
};

static void client_start(struct client *c, peer_fn *serve, SSL_CTX *ctx, void *arg)
{
    c->loop = loop_new();
    c->net = net_new(c->loop, NULL);
    c->peer = serve ? peer_start(serve, ctx, arg) : NULL;
    c->wanted = c->wanted ? c->wanted : SIZE_MAX;
}

static void client_open(struct client *c, struct dg_stream_request req)
{
    req.size = sizeof(req);
    req.host = req.host ? req.host : req.tls ? "localhost" : "127.0.0.1";
    req.port = req.port || !c->peer ? req.port : c->peer->port;
    c->stream = net_stream(c->net, &req, &events, c);
    assert_int_equal(c->opened + c->closed, 0);
}

static void on_late(void *arg)
{
    (void)arg;
    fail_msg("nothing happened for 20 seconds");
}

static void run(struct client *c)
{
    struct loop_timer *late = loop_timer(c->loop, 20000, on_late, NULL);
    loop_run(c->loop);
    loop_timer_stop(c->loop, late);
}

static void client_end(struct client *c)
{
    net_free(c->net);
    if (c->peer)
        peer_stop(c->peer);
    loop_free(c->loop);
}

#define REQUEST(...) ((struct dg_stream_request){__VA_ARGS__})

/* ---- The peers --------------------------------------------------------------- */

static void echo(struct peer_conn *c)
{
    char bytes[5000];
    for (int n; (n = peer_read(c, bytes, sizeof(bytes))) > 0;)
        if (peer_write(c, bytes, (size_t)n) != 0)
            return;
}

/* Writes a lot at once and then only waits: what the client has not read of it
 * by then, no poll tells it of. */
static void burst(struct peer_conn *c)
{
    char byte, *bytes = malloc(3000000);
    memset(bytes, 'x', 3000000);
    peer_write(c, bytes, 3000000);
    free(bytes);
    peer_read(c, &byte, 1);
}

/* Some full TLS records; says when all are on their way. */
struct records {
    int count;
    sem_t written;
};

static void write_records(struct peer_conn *c)
{
    struct records *r = c->peer->arg;
    char byte, bytes[16384] = {0};
    for (int i = 0; i < r->count; i++)
        peer_write(c, bytes, sizeof(bytes));
    sem_post(&r->written);
    peer_read(c, &byte, 1);
}

/* Reads nothing until it is told to, then counts what there is. */
struct slow {
    sem_t go;
    _Atomic size_t received;
};

static void slow_reader(struct peer_conn *c)
{
    struct slow *s = c->peer->arg;
    char bytes[5000];
    sem_wait(&s->go);
    for (int n; (n = peer_read(c, bytes, sizeof(bytes))) > 0;)
        atomic_fetch_add(&s->received, (size_t)n);
}

static void say_and_leave(struct peer_conn *c)
{
    peer_write(c, "bye", 3);
}

static void reset(struct peer_conn *c)
{
    struct linger l = {.l_onoff = 1, .l_linger = 0};
    char byte;
    peer_read(c, &byte, 1);
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
    int other = socket(AF_INET, SOCK_STREAM, 0);
    dup2(other, c->fd); /* closes it; the number stays good for peer_stop */
    close(other);
}

static void say_nothing(struct peer_conn *c)
{
    char bytes[1000];
    while (peer_read(c, bytes, sizeof(bytes)) > 0)
        ;
}

/* ---- Bytes there and back ------------------------------------------------------ */

static void echoed(SSL_CTX *ctx, const char *ca_file)
{
    enum { LEN = 1000000 };
    struct client c = {.wanted = LEN};
    char *bytes = xmalloc(LEN);
    uint64_t sum = 0;
    for (size_t i = 0; i < LEN; i++) {
        bytes[i] = (char)(i * 7 + i / 251);
        sum = sum * 31 + (unsigned char)bytes[i];
    }
    client_start(&c, echo, ctx, NULL);
    client_open(&c, REQUEST(.tls = ctx != NULL, .ca_file = ca_file));
    /* Some before it is connected, in pieces of all sizes. */
    for (size_t at = 0, n = 1; at < LEN; at += n, n = n * 3 % 7919 + 1)
        net_stream_write(c.stream, (struct dg_bytes){bytes + at, at + n < LEN ? n : LEN - at});
    run(&c);
    assert_int_equal(c.opened, 1);
    assert_int_equal(c.closed, 0);
    assert_int_equal(c.received, LEN);
    assert_true(c.sum == sum);
    client_end(&c);
    free(bytes);
}

static void plain_bytes_come_back_in_order(void **state)
{
    (void)state;
    echoed(NULL, NULL);
}

static void tls_bytes_come_back_in_order(void **state)
{
    (void)state;
    char file[] = "/tmp/dialgate-stream-XXXXXX";
    SSL_CTX *ctx = peer_tls("localhost", file);
    echoed(ctx, file);
    unlink(file);
}

/* With some of these numbers a turn's budget of reading ends inside the last
 * record, when the socket is already empty. */
static void tls_leaves_nothing_behind(void **state)
{
    (void)state;
    for (int count = 3; count < 12; count++) {
        char file[] = "/tmp/dialgate-stream-XXXXXX";
        struct records r = {.count = count};
        sem_init(&r.written, 0, 0);
        struct client c = {.wanted = (size_t)count * 16384, .wait_when_open = &r.written};
        client_start(&c, write_records, peer_tls("localhost", file), &r);
        client_open(&c, REQUEST(.tls = true, .ca_file = file));
        run(&c);
        assert_int_equal(c.received, c.wanted);
        client_end(&c);
        unlink(file);
    }
}

static void end_of_turn(void *arg)
{
    struct client *c = arg;
    c->most_per_turn = c->this_turn > c->most_per_turn ? c->this_turn : c->most_per_turn;
    c->this_turn = 0;
}

/* Megabytes that lie ready must not be read in one turn. */
static void a_fast_peer_does_not_hold_the_loop(void **state)
{
    (void)state;
    struct client c = {.wanted = 3000000};
    client_start(&c, burst, NULL, NULL);
    loop_before_wait(c.loop, end_of_turn, &c);
    client_open(&c, REQUEST(0));
    run(&c);
    end_of_turn(&c);
    assert_int_equal(c.received, 3000000);
    assert_in_range(c.most_per_turn, 1, 200000);
    client_end(&c);
}

/* ---- A peer that does not read --------------------------------------------------- */

static void go(void *arg)
{
    sem_post(&((struct slow *)arg)->go);
}

static void poll_received(void *arg);

struct poll {
    struct client *c;
    struct slow *s;
    size_t wanted;
};

static void poll_received(void *arg)
{
    struct poll *p = arg;
    if (atomic_load(&p->s->received) >= p->wanted)
        loop_stop(p->c->loop);
    else
        loop_timer(p->c->loop, 5, poll_received, p);
}

static void what_waits_is_sent_when_the_peer_reads(SSL_CTX *ctx, const char *ca_file)
{
    enum { LEN = 20000000 };
    struct slow s = {0};
    sem_init(&s.go, 0, 0);
    char *bytes = calloc(1, LEN);
    struct client c = {.first = {bytes, LEN}};
    struct poll p = {&c, &s, LEN + 1000};
    client_start(&c, slow_reader, ctx, &s);
    client_open(&c, REQUEST(.tls = ctx != NULL, .ca_file = ca_file, .max_unsent = 2 * LEN));
    loop_timer(c.loop, 100, go, &s);
    loop_timer(c.loop, 1, poll_received, &p);
    for (int i = 0; i < 1000; i++)
        net_stream_write(c.stream, (struct dg_bytes){"y", 1});
    run(&c);
    assert_int_equal(c.closed, 0);
    assert_int_equal(atomic_load(&s.received), LEN + 1000);
    client_end(&c);
    free(bytes);
}

static void plain_bytes_wait_for_the_peer(void **state)
{
    (void)state;
    what_waits_is_sent_when_the_peer_reads(NULL, NULL);
}

static void tls_bytes_wait_for_the_peer(void **state)
{
    (void)state;
    char file[] = "/tmp/dialgate-stream-XXXXXX";
    SSL_CTX *ctx = peer_tls("localhost", file);
    what_waits_is_sent_when_the_peer_reads(ctx, file);
    unlink(file);
}

static void too_much_unsent_closes(void **state)
{
    (void)state;
    struct slow s = {0};
    sem_init(&s.go, 0, 0);
    char *bytes = calloc(1, 30000001);
    struct client c = {.first = {bytes, 30000001}};
    client_start(&c, slow_reader, NULL, &s);
    client_open(&c, REQUEST(.max_unsent = 30000000));
    run(&c);
    assert_int_equal(c.closed, 1);
    assert_int_equal(c.err, DG_ELIMIT);
    sem_post(&s.go);
    client_end(&c);
    free(bytes);
}

/* More than fits is written before it is connected: told once, later. */
static void too_much_before_it_is_connected(void **state)
{
    (void)state;
    struct client c = {0};
    client_start(&c, echo, NULL, NULL);
    client_open(&c, REQUEST(.max_unsent = 10));
    net_stream_write(c.stream, (struct dg_bytes){"0123456789a", 11});
    assert_int_equal(c.closed, 0);
    run(&c);
    assert_int_equal(c.closed, 1);
    assert_int_equal(c.opened, 0);
    assert_int_equal(c.err, DG_ELIMIT);
    client_end(&c);
}

/* ---- Ends ------------------------------------------------------------------------ */

static void close_sends_what_is_queued(void **state)
{
    (void)state;
    enum { LEN = 8000000 };
    struct slow s = {0};
    sem_init(&s.go, 0, 0);
    char *bytes = calloc(1, LEN);
    struct client c = {.first = {bytes, LEN}, .close_when_open = true};
    struct poll p = {&c, &s, LEN};
    client_start(&c, slow_reader, NULL, &s);
    client_open(&c, REQUEST(.max_unsent = LEN));
    run(&c);
    sem_post(&s.go);
    loop_timer(c.loop, 1, poll_received, &p);
    run(&c);
    assert_int_equal(c.closed, 0);
    assert_int_equal(atomic_load(&s.received), LEN);
    client_end(&c);
    free(bytes);
}

static void the_peers_end_is_told_after_its_bytes(void **state)
{
    (void)state;
    struct client c = {0};
    client_start(&c, say_and_leave, NULL, NULL);
    client_open(&c, REQUEST(0));
    run(&c);
    assert_int_equal(c.received, 3);
    assert_int_equal(c.closed, 1);
    assert_int_equal(c.err, DG_EUNAVAILABLE);
    assert_non_null(strstr(c.why, "closed by the other side"));
    client_end(&c);
}

static void a_reset_is_told(void **state)
{
    (void)state;
    struct client c = {.first = {"x", 1}};
    client_start(&c, reset, NULL, NULL);
    client_open(&c, REQUEST(0));
    run(&c);
    assert_int_equal(c.closed, 1);
    assert_int_equal(c.err, DG_EUNAVAILABLE);
    client_end(&c);
}

static void stop(void *arg)
{
    loop_stop(arg);
}

static void close_in_the_middle_of_data(void **state)
{
    (void)state;
    struct client c = {.wanted = 1, .close_when_done = true};
    client_start(&c, burst, NULL, NULL);
    client_open(&c, REQUEST(0));
    run(&c);
    size_t then = c.received;
    loop_timer(c.loop, 30, stop, c.loop);
    run(&c);
    assert_int_equal(c.received, then);
    assert_int_equal(c.closed, 0);
    client_end(&c);
}

/* ---- Connecting fails ------------------------------------------------------------- */

static void expect_failure(struct client *c, struct dg_stream_request req, enum dg_err err)
{
    client_open(c, req);
    run(c);
    assert_int_equal(c->opened, 0);
    assert_int_equal(c->closed, 1);
    assert_int_equal(c->err, err);
    c->closed = 0;
}

static void failures_to_connect_are_told(void **state)
{
    (void)state;
    char file[] = "/tmp/dialgate-stream-XXXXXX";
    struct client c = {0};
    client_start(&c, echo, peer_tls("localhost", file), NULL);
    expect_failure(&c, REQUEST(.port = 1), DG_EUNAVAILABLE);
    assert_true(str_starts(c.why, "127.0.0.1:1: "));
    expect_failure(&c, REQUEST(.host = "no such host"), DG_EINVAL);
    expect_failure(&c, REQUEST(.host = "user@127.0.0.1"), DG_EINVAL);
    expect_failure(&c, REQUEST(.host = ""), DG_EINVAL);
    expect_failure(&c, REQUEST(.tls = true), DG_EUPSTREAM);
    expect_failure(&c, REQUEST(.tls = true, .host = "127.0.0.1", .ca_file = file), DG_EUPSTREAM);
    client_end(&c);
    unlink(file);
}

static void a_silent_peer_runs_into_the_connect_timeout(void **state)
{
    (void)state;
    struct client c = {0};
    client_start(&c, say_nothing, NULL, NULL);
    uint64_t began = clock_ms();
    expect_failure(&c, REQUEST(.tls = true, .tls_no_verify = true, .connect_ms = 100), DG_ETIMEOUT);
    assert_in_range(clock_ms() - began, 99, 5000);
    client_end(&c);
}

static void the_end_leaves_nothing(void **state)
{
    (void)state;
    struct client c = {0}, closed = {0};
    client_start(&c, say_nothing, NULL, NULL);
    client_open(&c, REQUEST(0));
    closed = c;
    client_open(&closed, REQUEST(0));
    net_stream_close(closed.stream);
    struct client bad = c;
    client_open(&bad, REQUEST(.host = "no such host"));
    client_end(&c);
    assert_int_equal(c.closed + closed.closed + bad.closed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_bytes_come_back_in_order),
        cmocka_unit_test(tls_bytes_come_back_in_order),
        cmocka_unit_test(tls_leaves_nothing_behind),
        cmocka_unit_test(a_fast_peer_does_not_hold_the_loop),
        cmocka_unit_test(plain_bytes_wait_for_the_peer),
        cmocka_unit_test(tls_bytes_wait_for_the_peer),
        cmocka_unit_test(too_much_unsent_closes),
        cmocka_unit_test(too_much_before_it_is_connected),
        cmocka_unit_test(close_sends_what_is_queued),
        cmocka_unit_test(the_peers_end_is_told_after_its_bytes),
        cmocka_unit_test(a_reset_is_told),
        cmocka_unit_test(close_in_the_middle_of_data),
        cmocka_unit_test(failures_to_connect_are_told),
        cmocka_unit_test(a_silent_peer_runs_into_the_connect_timeout),
        cmocka_unit_test(the_end_leaves_nothing),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
