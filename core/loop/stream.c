/* stream.c - a TCP or TLS connection: curl connects (CURLOPT_CONNECT_ONLY), we
 * read and write.
 *
 * curl's watch on the socket is gone before it says that it is connected; from
 * then on a duplicate of the descriptor is watched, so that curl may close its
 * own whenever it finds the peer gone. TLS keeps bytes that no poll sees: after
 * a turn's budget of reading, a message goes on with it. What is written in one
 * turn is sent together at its end.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/net_private.h"

/* Less than a TLS record, so that bytes left inside OpenSSL are the everyday
 * case and not the rare one. */
#define READ_SIZE   10240
#define READ_BUDGET (5 * READ_SIZE)
#define BLOCK_LEAST 4096
#define BLOCK_MOST  16384
#define LINGER_MS   5000

enum stream_state {
    STREAM_CONNECTING,
    STREAM_OPEN,
    STREAM_FAILING,   /* `err` and `why` are to be told on the next turn */
    STREAM_LINGERING, /* closed by its owner; what is queued is still sent */
    STREAM_OVER,
};

/* OpenSSL demands that a write it could not take is tried again with the same
 * bytes at the same place: a block never moves. */
struct block {
    struct block *next;
    size_t len, sent, room;
    char bytes[];
};

struct dg_stream {
    struct transfer t; /* first */
    enum stream_state state;
    const struct dg_stream_events *ev;
    void *arg;
    char peer[300]; /* "host:port" */

    int fd; /* our duplicate, or -1 */
    struct loop_watch *watch;
    struct block *first, *last;
    size_t unsent, max_unsent;
    struct loop_timer *linger;

    struct loop_msg soon;
    bool soon_posted, read_on;
    unsigned inside; /* callbacks under way: it must not be freed */
    enum dg_err err;
    char why[CURL_ERROR_SIZE + 350];
};

/* ---- The end ----------------------------------------------------------------- */

static void maybe_free(struct dg_stream *s)
{
    if (s->state == STREAM_OVER && !s->inside && !s->soon_posted)
        free(s);
}

static void tear_down(struct dg_stream *s)
{
    s->state = STREAM_OVER;
    if (s->linger)
        loop_timer_stop(s->t.net->loop, s->linger);
    s->linger = NULL;
    /* In this order: a watch must be gone before its descriptor. */
    loop_watch_stop(s->watch);
    s->watch = NULL;
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    transfer_free(&s->t);
    for (struct block *b = s->first, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    s->first = s->last = NULL;
}

static void tell_closed(struct dg_stream *s)
{
    s->inside++;
    tear_down(s);
    s->ev->closed(s->arg, s->err, s->why);
    s->inside--;
    maybe_free(s);
}

static void on_soon(struct loop_msg *msg);

static void post_soon(struct dg_stream *s)
{
    if (s->soon_posted)
        return;
    s->soon_posted = true;
    s->soon.fn = on_soon;
    loop_post(s->t.net->loop, &s->soon);
}

static void fail_soon(struct dg_stream *s, enum dg_err err, const char *why)
{
    if (s->state == STREAM_LINGERING) {
        tear_down(s);
        return;
    }
    s->state = STREAM_FAILING;
    s->err = err;
    snprintf(s->why, sizeof(s->why), "%s: %s", s->peer, why);
    loop_watch_stop(s->watch);
    s->watch = NULL;
    post_soon(s);
}

/* ---- Writing ------------------------------------------------------------------ */

static void drop_first(struct dg_stream *s)
{
    struct block *b = s->first;
    s->first = b->next;
    if (!s->first)
        s->last = NULL;
    free(b);
}

static void watch_for(struct dg_stream *s)
{
    unsigned want = s->state == STREAM_OPEN ? DG_READ : 0u;
    if (s->first)
        want |= DG_WRITE;
    if (s->watch)
        loop_watch_want(s->watch, want);
}

/* What is unread when a socket is closed makes the kernel reset the connection,
 * and the peer may then lose what was sent last. */
static void discard_input(struct dg_stream *s)
{
    char bytes[READ_SIZE];
    size_t n = 1;
    for (int i = 0; i < 4 && n; i++)
        if (curl_easy_recv(s->t.easy, bytes, sizeof(bytes), &n) != CURLE_OK)
            return;
}

static void flush(struct dg_stream *s)
{
    while (s->first) {
        struct block *b = s->first;
        size_t n = 0;
        CURLcode rc = curl_easy_send(s->t.easy, b->bytes + b->sent, b->len - b->sent, &n);
        if (rc == CURLE_AGAIN)
            break;
        if (rc != CURLE_OK) {
            fail_soon(s, DG_EUNAVAILABLE, "the connection was lost while sending");
            return;
        }
        b->sent += n;
        s->unsent -= n;
        if (b->sent == b->len)
            drop_first(s);
    }
    if (s->state == STREAM_LINGERING && !s->first) {
        discard_input(s);
        tear_down(s);
        return;
    }
    watch_for(s);
}

static void append(struct dg_stream *s, const char *bytes, size_t len)
{
    struct block *b = s->last;
    if (!b || b->room - b->len < len) {
        size_t room = len < BLOCK_LEAST ? BLOCK_LEAST : len;
        b = xmalloc(sizeof(*b) + room);
        *b = (struct block){.room = room};
        if (s->last)
            s->last->next = b;
        else
            s->first = b;
        s->last = b;
    }
    memcpy(b->bytes + b->len, bytes, len);
    b->len += len;
}

void net_stream_write(struct dg_stream *s, struct dg_bytes bytes)
{
    if (s->state > STREAM_OPEN || !bytes.len)
        return;
    if (bytes.len > s->max_unsent - s->unsent) {
        fail_soon(s, DG_ELIMIT, "the other side takes its bytes too slowly; too many are waiting");
        return;
    }
    s->unsent += bytes.len;
    for (size_t at = 0; at < bytes.len; at += BLOCK_MOST) {
        size_t left = bytes.len - at;
        append(s, bytes.ptr + at, left < BLOCK_MOST ? left : BLOCK_MOST);
    }
    if (s->state == STREAM_OPEN)
        post_soon(s);
}

/* ---- Reading ------------------------------------------------------------------ */

static void read_some(struct dg_stream *s)
{
    char bytes[READ_SIZE];
    size_t budget = READ_BUDGET;
    while (s->state == STREAM_OPEN && budget) {
        size_t n = 0;
        CURLcode rc = curl_easy_recv(s->t.easy, bytes, sizeof(bytes), &n);
        if (rc == CURLE_AGAIN)
            return;
        if (rc != CURLE_OK || n == 0) {
            fail_soon(s, DG_EUNAVAILABLE,
                      rc == CURLE_OK ? "closed by the other side" : "the connection was lost");
            return;
        }
        budget -= n < budget ? n : budget;
        s->ev->data(s->arg, (struct dg_bytes){bytes, n});
    }
    if (s->state == STREAM_OPEN) {
        s->read_on = true;
        post_soon(s);
    }
}

/* ---- On the loop --------------------------------------------------------------- */

static void on_ready(void *arg, unsigned ready)
{
    struct dg_stream *s = arg;
    s->inside++;
    if (ready & DG_WRITE && (s->state == STREAM_OPEN || s->state == STREAM_LINGERING))
        flush(s);
    if (ready & DG_READ && s->state == STREAM_OPEN)
        read_some(s);
    s->inside--;
    maybe_free(s);
}

static void on_soon(struct loop_msg *msg)
{
    struct dg_stream *s = list_item(msg, struct dg_stream, soon);
    s->soon_posted = false;
    if (s->state == STREAM_FAILING) {
        tell_closed(s);
        return;
    }
    s->inside++;
    if (s->first && (s->state == STREAM_OPEN || s->state == STREAM_LINGERING))
        flush(s);
    if (s->read_on && s->state == STREAM_OPEN) {
        s->read_on = false;
        read_some(s);
    }
    s->inside--;
    maybe_free(s);
}

static bool take_socket(struct dg_stream *s)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(s->t.easy, CURLINFO_ACTIVESOCKET, &fd);
    if (fd == CURL_SOCKET_BAD)
        return false;
    s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (s->fd >= 0)
        s->watch = loop_watch(s->t.net->loop, s->fd, DG_READ, on_ready, s);
    return s->watch != NULL;
}

static void on_connected(struct transfer *t, CURLcode rc)
{
    struct dg_stream *s = (struct dg_stream *)t;
    if (s->state != STREAM_CONNECTING)
        return; /* it failed while connecting: more was written than is queued */
    if (rc != CURLE_OK) {
        fail_soon(s, transfer_err(rc), transfer_why(t, rc));
        return;
    }
    if (!take_socket(s)) {
        fail_soon(s, DG_EINTERNAL, "the connection has no socket to watch");
        return;
    }
    s->state = STREAM_OPEN;
    s->inside++;
    s->ev->opened(s->arg);
    s->inside--;
    if (s->state == STREAM_OPEN) {
        s->read_on = true; /* TLS may have read on already */
        post_soon(s);
    }
    maybe_free(s);
}

static void on_drop(struct transfer *t)
{
    struct dg_stream *s = (struct dg_stream *)t;
    tear_down(s);
    maybe_free(s);
}

/* ---- Opening and closing --------------------------------------------------------- */

static bool host_ok(const char *host)
{
    return !str_empty(host) && strlen(host) < 256 &&
           str_only(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%");
}

static void set_connection(struct dg_stream *s, const struct dg_stream_request *req)
{
    char url[400];
    bool v6 = strchr(req->host, ':') != NULL;
    uint64_t connect_ms = req->connect_ms ? req->connect_ms : s->t.net->config.connect_ms;
    snprintf(url, sizeof(url), "%s://%s%s%s:%u", req->tls ? "https" : "http", v6 ? "[" : "",
             req->host, v6 ? "]" : "", req->port);
    curl_easy_setopt(s->t.easy, CURLOPT_URL, url);
    curl_easy_setopt(s->t.easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(s->t.easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    curl_easy_setopt(s->t.easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(s->t.easy, CURLOPT_TCP_KEEPIDLE, 30L);
    curl_easy_setopt(s->t.easy, CURLOPT_TCP_KEEPINTVL, 10L);
    transfer_tls(&s->t, req->tls_no_verify, req->ca_file);
}

struct dg_stream *net_stream(struct net *n, const struct dg_stream_request *req,
                             const struct dg_stream_events *ev, void *arg)
{
    struct dg_stream *s = xcalloc(1, sizeof(*s));
    transfer_init(&s->t, n);
    s->t.done = on_connected;
    s->t.drop = on_drop;
    s->ev = ev;
    s->arg = arg;
    s->fd = -1;
    s->max_unsent = req->max_unsent ? req->max_unsent : n->config.max_unsent;
    snprintf(s->peer, sizeof(s->peer), "%.255s:%u", req->host ? req->host : "", req->port);
    if (!host_ok(req->host) || !req->port) {
        list_append(&n->transfers, &s->t.link);
        fail_soon(s, DG_EINVAL, "is no host and port to connect to");
        return s;
    }
    set_connection(s, req);
    if (!transfer_start(&s->t))
        fail_soon(s, DG_EINTERNAL, "libcurl refuses the connection");
    return s;
}

static void on_linger(void *arg)
{
    struct dg_stream *s = arg;
    s->linger = NULL;
    tear_down(s);
    maybe_free(s);
}

void net_stream_close(struct dg_stream *s)
{
    if (!s || s->state == STREAM_LINGERING || s->state == STREAM_OVER)
        return;
    if (s->state == STREAM_OPEN && s->first) {
        s->state = STREAM_LINGERING;
        s->linger = loop_timer(s->t.net->loop, LINGER_MS, on_linger, s);
        watch_for(s);
        post_soon(s);
        return;
    }
    tear_down(s);
    maybe_free(s);
}
