/* accept.c - new connections: counted, let in or turned away, given to H2O.
 *
 * TLS is shaken hands here and not by h2o_accept(), so that it is known from
 * the beginning which protocol a connection speaks.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "http/inside.h"

#define ACCEPTS_PER_WAKE 16

static void on_closed(void *data)
{
    struct conn *c = data;
    struct worker *w = c->worker;
    if (w->touched == c)
        w->touched = NULL;
    list_remove(&c->link);
    list_remove(&c->unwatched);
    if (c->upload_slot)
        upload_release(w);
    w->conn_count--;
    atomic_fetch_sub_explicit(&w->http->conn_count, 1, memory_order_relaxed);
    metric_add(w->http->count.connections, -1);
    if (c->counted)
        addresses_leave(w->http->addresses_open, c->peer);
    if (c->linger_fd >= 0)
        linger_start(w, c->linger_fd);
    recent_token_forget(&c->token);
    free(c);
}

/* ---- Turning away ------------------------------------------------------- */

static const char answer_503[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
                                 "Retry-After: 1\r\nContent-Length: 0\r\n\r\n";
static const char answer_429[] = "HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\n"
                                 "Retry-After: 1\r\nContent-Length: 0\r\n\r\n";

/* Before a TLS handshake nothing can be said. */
static void turn_away(struct listener *l, int fd, const char *answer, enum refused reason)
{
    struct worker *w = l->worker;
    atomic_fetch_sub_explicit(&w->http->conn_count, 1, memory_order_relaxed);
    refused(w->http, reason);
    if (!l->tls && send(fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL) > 0 &&
        linger_has_room(w)) {
        w->linger_count++;
        linger_start(w, fd);
        return;
    }
    close(fd);
}

/* ---- Letting in --------------------------------------------------------- */

static void on_handshake(h2o_socket_t *sock, const char *err)
{
    struct conn *c = sock->on_close.data;
    h2o_accept_ctx_t *accept = &c->worker->accept_tls;
    if (err) {
        h2o_socket_close(sock);
        return;
    }
    h2o_iovec_t name = h2o_socket_ssl_get_selected_protocol(sock);
    struct timeval now = *h2o_get_timestamp(&c->worker->ctx, NULL, NULL);
    for (const h2o_iovec_t *http2 = h2o_http2_alpn_protocols; http2->len; http2++) {
        if (h2o_memis(name.base, name.len, http2->base, http2->len)) {
            http2_accept(c, accept, now);
            return;
        }
    }
    struct worker *w = c->worker;
    w->touched = c;
    h2o_http1_accept(accept, sock, now);
    if (w->touched == c)
        http2_watch(c);
    w->touched = NULL;
}

static void adopt(struct listener *l, int fd, const char *peer, bool counted)
{
    struct worker *w = l->worker;
    struct conn *c = xcalloc(1, sizeof(*c));
    c->worker = w;
    c->tls = l->tls;
    c->counted = counted;
    c->linger_fd = -1;
    c->phase = PHASE_HEAD;
    c->phase_ms = clock_ms();
    list_init(&c->pending);
    list_init(&c->unwatched);
    memcpy(c->peer, peer, sizeof(c->peer));
    c->sock = h2o_evloop_socket_create(w->ctx.loop, fd, H2O_SOCKET_FLAG_IS_ACCEPTED_CONNECTION);
    c->sock->on_close.cb = on_closed;
    c->sock->on_close.data = c;
    list_append(&w->conns, &c->link);
    w->conn_count++;
    metric_add(w->http->count.connections, 1);
    if (l->tls) {
        h2o_socket_ssl_handshake(c->sock, w->accept_tls.ssl_ctx, NULL, on_handshake);
        return;
    }
    h2o_accept(&w->accept_plain, c->sock);
    http2_watch(c);
}

static void take(struct listener *l, int fd, const struct sockaddr *sa)
{
    struct worker *w = l->worker;
    struct http *h = w->http;
    const struct http_limits *limits = worker_limits(w);
    char peer[ADDRESS_SIZE];
    int on = 1;
    if (sa->sa_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    listen_peer_name(sa, peer, sizeof(peer));
    /* A proxy speaks for many. */
    bool counted = sa->sa_family != AF_UNIX && !networks_have(w->policy->trusted, peer);
    if (atomic_fetch_add_explicit(&h->conn_count, 1, memory_order_relaxed) >=
        limits->max_connections)
        turn_away(l, fd, answer_503, REFUSED_CONNECTIONS);
    else if (counted &&
             !addresses_enter(h->addresses_open, peer, limits->max_connections_per_address))
        turn_away(l, fd, answer_429, REFUSED_ADDRESS);
    else
        adopt(l, fd, peer, counted);
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
        take(l, fd, (struct sockaddr *)&peer);
    }
}
