/* conn.c - connections: how long a client may take, and their end.
 *
 * H2O's own time limits go by the wall clock and know no difference between an
 * idle client, a slow one and one that does not read. So each connection has a
 * record; twice a second it is seen in which phase it is and since when, by the
 * monotonic clock. A connection is ended with shutdown(2): H2O then reads the
 * end of the stream and disposes of it in its own time.
 */
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http/framing.h"
#include "http/inside.h"

#define NEWCOMER_MS 250  /* its first request may be on the way when draining begins */
#define GOAWAY_MS   1500 /* H2O's two GOAWAY frames are one second apart */

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
    bool http2 = conn_is_http2(c);
    if (c->unsent && (!http2 || h2o_socket_is_writing(c->sock))) {
        *mark = c->sock->bytes_written ^ unsent_bytes(c) << 32;
        return PHASE_SEND;
    }
    if (!http2)
        return http1_phase(c);
    return c->in_flight || http2_receives(c) ? PHASE_BUSY : PHASE_IDLE; /* see http2.c */
}

static bool overdue(const struct conn *c, uint64_t spent_ms)
{
    const struct http_limits *l = worker_limits(c->worker);
    switch (c->phase) {
    case PHASE_IDLE:
        return spent_ms > l->idle_ms;
    case PHASE_HEAD:
        return spent_ms > l->head_ms;
    case PHASE_BODY:
        return spent_ms > (c->upload_slot ? l->upload_ms : l->body_ms);
    case PHASE_SEND:
        return spent_ms > l->write_ms;
    case PHASE_BUSY:
        break;
    }
    return false;
}

static void timeout_said(h2o_socket_t *sock, const char *err)
{
    (void)err;
    struct conn *c = sock->on_close.data;
    conn_linger(c);
    c->h2o_read(sock, h2o_socket_error_closed); /* as if the client had gone: H2O closes */
}

/* To a client that has begun an HTTP/1 request. false: nothing could be said. */
static bool say_timeout(struct conn *c)
{
    static const char answer[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
                                 "Content-Type: text/plain; charset=utf-8\r\n"
                                 "Content-Length: 15\r\n\r\nRequest timeout";
    h2o_socket_t *sock = c->sock;
    if (!sock->data || !sock->input->size || !sock->_cb.read || h2o_socket_is_writing(sock))
        return false;
    h2o_iovec_t bytes = h2o_iovec_init(answer, sizeof(answer) - 1);
    c->h2o_read = http2_reader(c);
    h2o_socket_read_stop(sock);
    h2o_socket_write(sock, &bytes, 1, timeout_said);
    return true;
}

/* Says what can be said; what is still there after a moment is shut down. */
static void time_is_up(struct conn *c, uint64_t now_ms)
{
    c->killed = true;
    c->phase_ms = now_ms;
    if (c->phase != PHASE_IDLE)
        refused(c->worker->http, c->phase == PHASE_SEND ? REFUSED_UNREAD : REFUSED_SLOW);
    if (c->phase == PHASE_SEND)
        conn_end(c);
    else if (conn_is_http2(c))
        http2_goodbye(c, false);
    else if (c->phase == PHASE_IDLE || !say_timeout(c))
        conn_end(c);
}

/* May close the connection. */
static void conn_sweep(struct conn *c, uint64_t now_ms)
{
    if (c->killed) {
        if (now_ms - c->phase_ms >= 2 * SWEEP_MS)
            conn_end(c);
        return;
    }
    uint64_t mark;
    enum phase phase = phase_of(c, &mark);
    if (phase != c->phase || mark != c->phase_mark) {
        c->phase_ms = now_ms;
        c->phase = phase;
        c->phase_mark = mark;
    }
    if (overdue(c, now_ms - c->phase_ms))
        time_is_up(c, now_ms);
    else if (conn_is_http2(c))
        http2_sweep(c, now_ms);
}

void conns_sweep(struct worker *w, uint64_t now_ms)
{
    http2_look(w, now_ms);
    for (struct link *i = w->conns.next, *next; i != &w->conns; i = next) {
        struct conn *c = list_item(i, struct conn, link);
        next = i->next;
        conn_sweep(c, now_ms);
    }
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
        if (conn_is_http2(c) && now_ms - w->drain_began_ms < GOAWAY_MS)
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
