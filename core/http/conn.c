/* conn.c - connections: accepting them, and how long a client may take.
 *
 * H2O's own time limits go by the wall clock and know no difference between an
 * idle client, a slow one and one that does not read. So each connection has a
 * record; twice a second it is seen in which phase it is and since when, by the
 * monotonic clock. A connection is ended with shutdown(2): H2O then reads the
 * end of the stream and disposes of it in its own time.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/framing.h"
#include "http/inside.h"

#define ACCEPTS_PER_WAKE 16
#define NEWCOMER_MS      250  /* its first request may be on the way when draining begins */
#define GOAWAY_MS        1500 /* H2O's two GOAWAY frames are one second apart */

/* ---- Accepting ---------------------------------------------------------- */

static void on_closed(void *data)
{
    struct conn *c = data;
    struct worker *w = c->worker;
    list_remove(&c->link);
    w->conn_count--;
    atomic_fetch_sub_explicit(&w->http->conn_count, 1, memory_order_relaxed);
    metric_add(w->http->count.connections, -1);
    if (c->linger_fd >= 0)
        linger_start(w, c->linger_fd);
    free(c);
}

static void turn_away(struct http *h, int fd, bool tls)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
                                 "Retry-After: 1\r\nContent-Length: 0\r\n\r\n";
    atomic_fetch_sub_explicit(&h->conn_count, 1, memory_order_relaxed);
    refused(h, REFUSED_CONNECTIONS);
    if (!tls)
        (void)!send(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    close(fd);
}

static void adopt(struct listener *l, int fd, const struct sockaddr *peer)
{
    struct worker *w = l->worker;
    int on = 1;
    if (peer->sa_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct conn *c = xcalloc(1, sizeof(*c));
    c->worker = w;
    c->tls = l->tls;
    c->linger_fd = -1;
    c->phase = PHASE_HEAD;
    c->phase_ms = clock_ms();
    listen_peer_name(peer, c->peer, sizeof(c->peer));
    c->sock = h2o_evloop_socket_create(w->ctx.loop, fd, H2O_SOCKET_FLAG_IS_ACCEPTED_CONNECTION);
    c->sock->on_close.cb = on_closed;
    c->sock->on_close.data = c;
    list_append(&w->conns, &c->link);
    w->conn_count++;
    metric_add(w->http->count.connections, 1);
    h2o_accept(l->tls ? &w->accept_tls : &w->accept_plain, c->sock);
}

void conn_accept(h2o_socket_t *listener, const char *err)
{
    struct listener *l = listener->data;
    struct worker *w = l->worker;
    if (err)
        return;
    policy_take(w);
    for (int n = 0; n < ACCEPTS_PER_WAKE; n++) {
        struct sockaddr_storage peer = {0};
        socklen_t len = sizeof(peer);
        int fd = accept4(h2o_socket_get_fd(listener), (struct sockaddr *)&peer, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
            /* The listener stays readable: without a pause the loop would spin. */
            log_error("http", "cannot accept a connection", LOG_S("why", strerror(errno)));
            h2o_socket_read_stop(listener);
            w->accept_paused = true;
        }
        if (fd < 0)
            return;
        size_t before = atomic_fetch_add_explicit(&w->http->conn_count, 1, memory_order_relaxed);
        if (before >= worker_limits(w)->max_connections)
            turn_away(w->http, fd, l->tls);
        else
            adopt(l, fd, (struct sockaddr *)&peer);
    }
}

struct conn *conn_of(h2o_req_t *h2o)
{
    h2o_socket_t *sock = h2o->conn->callbacks->get_socket(h2o->conn);
    return sock ? sock->on_close.data : NULL;
}

void conn_end(struct conn *c)
{
    shutdown(h2o_socket_get_fd(c->sock), SHUT_RDWR);
}

/* ---- Phases ------------------------------------------------------------- */

/* During a TLS handshake `data` is a record of H2O's that begins with another pointer than that
 * to the context. */
static bool is_http2(const struct conn *c)
{
    const h2o_conn_t *conn = c->sock->data;
    return conn && conn->ctx == &c->worker->ctx && conn->callbacks->push_path;
}

/* Bytes that the kernel has not got rid of. */
static uint64_t unsent_bytes(const struct conn *c)
{
    int n = 0;
    return ioctl(h2o_socket_get_fd(c->sock), SIOCOUTQ, &n) == 0 ? (uint64_t)n : 0;
}

static enum phase http1_phase(const struct conn *c)
{
    if (c->in_flight)
        return PHASE_BUSY;
    const h2o_buffer_t *in = c->sock->input;
    if (in->size)
        return framing_head_complete(in->bytes, in->size) ? PHASE_BODY : PHASE_HEAD;
    return c->requests ? PHASE_IDLE : PHASE_HEAD;
}

static enum phase phase_of(const struct conn *c, uint64_t *mark)
{
    *mark = c->requests;
    if (c->unsent && c->unsent == c->in_flight) {
        *mark = c->finished << 32 ^ unsent_bytes(c);
        return PHASE_SEND;
    }
    if (!is_http2(c))
        return http1_phase(c);
    /* Whether a body is coming in cannot be seen from outside: it has to be complete in time. */
    return c->in_flight ? PHASE_BUSY : PHASE_IDLE;
}

/* Idle HTTP/2 connections are H2O's to end, with a GOAWAY; unless its clock stands still, or a
 * body comes in that never ends. */
static uint64_t idle_limit(const struct conn *c)
{
    const struct http_limits *l = worker_limits(c->worker);
    if (!is_http2(c))
        return l->idle_ms;
    return (l->idle_ms > l->body_ms ? l->idle_ms : l->body_ms) + 2 * SWEEP_MS;
}

static bool overdue(const struct conn *c, uint64_t spent_ms)
{
    const struct http_limits *l = worker_limits(c->worker);
    switch (c->phase) {
    case PHASE_IDLE:
        return spent_ms > idle_limit(c);
    case PHASE_HEAD:
        return spent_ms > l->head_ms;
    case PHASE_BODY:
        return spent_ms > l->body_ms;
    case PHASE_SEND:
        return spent_ms > l->write_ms;
    case PHASE_BUSY:
        break;
    }
    return false;
}

static void conn_sweep(struct conn *c, uint64_t now_ms)
{
    uint64_t mark;
    enum phase phase = phase_of(c, &mark);
    if (phase != c->phase || mark != c->phase_mark) {
        c->phase_ms = now_ms;
        c->phase = phase;
        c->phase_mark = mark;
    }
    if (c->killed || !overdue(c, now_ms - c->phase_ms))
        return;
    if (phase != PHASE_IDLE)
        refused(c->worker->http, REFUSED_SLOW);
    c->killed = true;
    conn_end(c);
}

void conns_sweep(struct worker *w, uint64_t now_ms)
{
    for (struct link *i = w->conns.next; i != &w->conns; i = i->next)
        conn_sweep(list_item(i, struct conn, link), now_ms);
    lingers_end(w, now_ms);
    if (w->accept_paused && !w->draining) {
        w->accept_paused = false;
        for (size_t i = 0; i < w->http->listen_count; i++)
            if (w->listeners[i].sock)
                h2o_socket_read_start(w->listeners[i].sock, conn_accept);
    }
}

/* ---- The end ------------------------------------------------------------ */

void conns_drain(struct worker *w, uint64_t now_ms)
{
    for (struct link *i = w->conns.next; i != &w->conns; i = i->next) {
        struct conn *c = list_item(i, struct conn, link);
        if (c->in_flight || c->killed || c->sock->input->size)
            continue;
        if (is_http2(c) && now_ms - w->drain_began_ms < GOAWAY_MS)
            continue;
        if (!c->requests && now_ms - c->phase_ms < NEWCOMER_MS)
            continue;
        c->killed = true;
        conn_end(c);
    }
}

void conns_end(struct worker *w)
{
    for (struct link *i = w->conns.next; i != &w->conns; i = i->next)
        conn_end(list_item(i, struct conn, link));
}
