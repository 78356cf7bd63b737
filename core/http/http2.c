/* http2.c - HTTP/2 connections seen from inside: what comes in is looked at
 * before H2O gets it, and streams are ended where H2O would wait for ever.
 *
 * H2O 2.2.5 has no time limits for a stream, refuses a large body with a bare
 * reset, and answers control frames without asking anybody. Its structures are
 * public, though not meant for this; all use of them is in this file.
 *
 * A stream whose request is not to be served is brought to its end in the
 * ordinary way: it is marked, its body is thrown away, and H2O is given the
 * frame that ends it. Then dispatch.c answers what the mark says.
 */
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "http/inside.h"

#include <h2o/http2_internal.h>

#if H2O_LIBRARY_VERSION_MAJOR != 0 || H2O_LIBRARY_VERSION_MINOR != 13
#error "made for libh2o 0.13: compare the structures that are used here"
#endif

#define MAX_ABSORBED (64u << 20) /* bytes thrown away for one connection */
#define LARGE_BLOCK  2048        /* of headers; they may be ten times that when unpacked */
#define MAX_OVERDUE  4           /* slow bodies at once; a connection with more is ended */
#define CANCEL       8           /* an error code of HTTP/2 */

static h2o_http2_stream_t *stream_of(h2o_req_t *req)
{
    return H2O_STRUCT_FROM_MEMBER(h2o_http2_stream_t, req, req);
}

/* H2O lets go of its connection and only then says goodbye to TLS: what `data` points to is gone
 * then, while the socket is still there, with nothing to read and nothing under way. */
static bool let_go(const struct conn *c)
{
    return !c->sock->_cb.read && !c->in_flight;
}

bool conn_is_http2(const struct conn *c)
{
    const h2o_conn_t *conn = c->sock->data;
    return conn && !let_go(c) && conn->callbacks->push_path;
}

static bool receiving(const h2o_http2_stream_t *s)
{
    return s->state == H2O_HTTP2_STREAM_STATE_RECV_HEADERS ||
           s->state == H2O_HTTP2_STREAM_STATE_RECV_BODY;
}

bool http2_receives(const struct conn *c)
{
    const h2o_http2_conn_t *conn = c->sock->data;
    return conn->num_streams.pull.open > conn->num_streams.pull.half_closed;
}

static void each_stream(struct worker *w, int (*fn)(h2o_req_t *req, void *arg), void *arg)
{
    w->h2o.http2.callbacks.foreach_request(&w->ctx, fn, arg);
}

/* ---- Requests that are not to be served --------------------------------- */

/* HTTP/2 has no Upgrade: the member is free. */
static void mark_only(h2o_http2_stream_t *s, const char *status)
{
    s->req.upgrade = h2o_iovec_init(status, strlen(status));
}

static void mark(h2o_http2_stream_t *s, const char *status)
{
    mark_only(s, status);
    s->_expected_content_length = SIZE_MAX;
}

bool http2_marked(const h2o_req_t *req, const char *status)
{
    return req->version >= 0x200 && h2o_memis(req->upgrade.base, req->upgrade.len, status, 3);
}

/* ---- Reading ------------------------------------------------------------ */

static void http2_read(h2o_socket_t *sock, const char *err);
static void first_read(h2o_socket_t *sock, const char *err);

void http2_watch(struct conn *c)
{
    h2o_socket_cb watch = conn_is_http2(c) ? http2_read : first_read;
    if (!c->sock->_cb.read || c->sock->_cb.read == watch)
        return;
    c->h2o_read = c->sock->_cb.read;
    c->sock->_cb.read = watch;
}

h2o_socket_cb http2_reader(const struct conn *c)
{
    h2o_socket_cb read = c->sock->_cb.read;
    return read == http2_read || read == first_read ? c->h2o_read : read;
}

/* false: H2O has let go of the connection, and perhaps it is gone. */
static bool give(struct conn *c, h2o_socket_cb read, const char *err)
{
    struct worker *w = c->worker;
    size_t max = w->h2o.max_request_entity_size;
    w->h2o.max_request_entity_size = SIZE_MAX / 2; /* limit_bodies() sees to it */
    w->touched = c;
    read(c->sock, err);
    bool alive = w->touched == c && !let_go(c);
    w->touched = NULL;
    w->h2o.max_request_entity_size = max;
    return alive;
}

/* Its request is complete from now on, as far as H2O is concerned. false: as give(). */
static bool end_early(struct conn *c, h2o_http2_stream_t *s, const char *status)
{
    const uint32_t id = s->stream_id; /* DATA without bytes, the end of the stream */
    const unsigned char frame[9] = {[4] = 1,
                                    [5] = (unsigned char)(id >> 24),
                                    [6] = (unsigned char)(id >> 16),
                                    [7] = (unsigned char)(id >> 8),
                                    [8] = (unsigned char)id};
    h2o_buffer_t **in = &c->sock->input;
    mark(s, status);
    h2o_buffer_reserve(in, sizeof(frame));
    memmove((*in)->bytes + sizeof(frame), (*in)->bytes, (*in)->size);
    memcpy((*in)->bytes, frame, sizeof(frame));
    (*in)->size += sizeof(frame);
    return give(c, http2_reader(c), NULL);
}

/* ---- What is too large ---------------------------------------------------- */

struct excess {
    struct conn *conn;
    size_t max, max_upload;
};

static int drop_excess(h2o_req_t *req, void *arg)
{
    struct excess *e = arg;
    h2o_http2_stream_t *s = stream_of(req);
    if (req->conn != e->conn->sock->data || s->state != H2O_HTTP2_STREAM_STATE_RECV_BODY)
        return 0;
    if (!req->upgrade.base && s->_req_body->size > e->max)
        mark_only(s, upload_http2_mark(e->conn, req));
    const bool upload = http2_marked(req, UPLOAD_MARK);
    if (!req->upgrade.base || (upload && s->_req_body->size <= e->max_upload))
        return 0;
    mark(s, upload ? "413" : req->upgrade.base);
    e->conn->absorbed += s->_req_body->size;
    h2o_buffer_consume(&s->_req_body, s->_req_body->size);
    return 0;
}

static int find_large_head(h2o_req_t *req, void *arg)
{
    struct conn *c = arg;
    if (req->conn != c->sock->data || stream_of(req)->state != H2O_HTTP2_STREAM_STATE_RECV_BODY ||
        req->upgrade.base || req->headers.size <= worker_limits(c->worker)->max_headers)
        return 0;
    c->found = stream_of(req);
    return 1;
}

/* A byte of a header block can stand for any number of bytes: what is too much is not kept until
 * the body is here. false: H2O has let go of the connection. */
static bool limit_heads(struct conn *c)
{
    for (;;) {
        c->found = NULL;
        if (conn_is_http2(c) && http2_receives(c))
            each_stream(c->worker, find_large_head, c);
        if (!c->found)
            return true;
        if (!end_early(c, c->found, "431"))
            return false;
    }
}

/* So that its client hears of it, a body that is too large is taken to its end, but not kept. */
static void limit_bodies(struct conn *c, size_t came)
{
    const struct http_limits *l = worker_limits(c->worker);
    struct excess e = {c, l->max_body, l->max_upload};
    if (!http2_receives(c)) {
        c->upload = 0;
        return;
    }
    c->upload += came;
    if (c->upload <= e.max)
        return;
    each_stream(c->worker, drop_excess, &e);
    if (c->absorbed > MAX_ABSORBED)
        guard_end(c, REFUSED_BODY, "it sends far too much");
}

/* ---- What comes in ------------------------------------------------------ */

static void read_frames(struct conn *c, h2o_socket_cb read, const char *err)
{
    size_t before = c->frames.body;
    if (!err)
        guard_frames(c);
    if (c->killed && !conn_is_http2(c))
        err = h2o_socket_error_closed;
    if (!give(c, read, err))
        return;
    bool large = c->frames.largest > LARGE_BLOCK && !c->frames.block_open;
    c->frames.largest = 0;
    if (large && !c->killed && !limit_heads(c))
        return;
    if (!c->killed && c->frames.body > before)
        limit_bodies(c, c->frames.body - before);
    if (!c->killed) {
        http2_watch(c);
        return;
    }
    conn_end(c);
    give(c, read, h2o_socket_error_closed); /* a client that goes on sending is not read */
}

static void http2_read(h2o_socket_t *sock, const char *err)
{
    struct conn *c = sock->on_close.data;
    read_frames(c, c->h2o_read, err);
}

/* A connection in cleartext: HTTP/1, or, by its first bytes, HTTP/2 with prior knowledge. Of HTTP/1
 * the head is looked at, for how large the body may be. */
static void first_read(h2o_socket_t *sock, const char *err)
{
    struct conn *c = sock->on_close.data;
    struct worker *w = c->worker;
    sock->_cb.read = c->h2o_read;
    if (!err && !c->requests && w->http->h2o.http1.upgrade_to_http2 && sock->input->size >= 4 &&
        memcmp(sock->input->bytes, "PRI ", 4) == 0) {
        read_frames(c, c->h2o_read, err);
        return;
    }
    if (!err)
        w->h2o.max_request_entity_size = upload_http1_max(c) + 1;
    w->touched = c;
    c->h2o_read(sock, err);
    if (w->touched == c)
        http2_watch(c);
    w->touched = NULL;
    w->h2o.max_request_entity_size = worker_limits(w)->max_body + 1;
}

void conns_watch(struct worker *w)
{
    while (!list_empty(&w->unwatched)) {
        struct conn *c = list_item(w->unwatched.next, struct conn, unwatched);
        list_remove(&c->unwatched);
        c->upload_refused = false;
        http2_watch(c);
    }
}

/* What came with the end of the TLS handshake is kept back until it can be looked at. */
void http2_accept(struct conn *c, h2o_accept_ctx_t *accept, struct timeval now)
{
    h2o_buffer_t *came = c->sock->input;
    h2o_buffer_init(&c->sock->input, &h2o_socket_buffer_prototype);
    h2o_http2_accept(accept, c->sock, now);
    h2o_buffer_dispose(&c->sock->input);
    c->sock->input = came;
    http2_watch(c);
    if (came->size)
        http2_read(c->sock, NULL);
}

/* ---- Ending a connection ------------------------------------------------ */

void http2_goodbye(struct conn *c, bool calm)
{
    h2o_http2_conn_t *conn = c->sock->data;
    if (!conn_is_http2(c) || conn->state >= H2O_HTTP2_CONN_STATE_IS_CLOSING)
        return;
    h2o_http2_encode_goaway_frame(&conn->_write.buf, conn->pull_stream_ids.max_open,
                                  calm ? H2O_HTTP2_ERROR_ENHANCE_YOUR_CALM : 0,
                                  (h2o_iovec_t){NULL, 0});
    h2o_http2_conn_request_write(conn);
    conn->state = H2O_HTTP2_CONN_STATE_HALF_CLOSED;
}

/* ---- Time --------------------------------------------------------------- */

/* `processed_at` means nothing before the request is complete: it says since when it comes in. */
static int look_at_stream(h2o_req_t *req, void *arg)
{
    uint64_t now_ms = *(const uint64_t *)arg;
    h2o_http2_stream_t *s = stream_of(req);
    struct conn *c = conn_of(req);
    if (!c || !receiving(s))
        return 0;
    time_t *since = &req->processed_at.at.tv_sec;
    if (!*since)
        *since = (time_t)now_ms;
    const struct http_limits *l = worker_limits(c->worker);
    const bool upload = http2_marked(req, UPLOAD_MARK);
    if (now_ms - (uint64_t)*since <= (upload ? l->upload_ms : l->body_ms))
        return 0;
    c->overdue = s;
    c->overdue_count++;
    return 0;
}

void http2_look(struct worker *w, uint64_t now_ms)
{
    each_stream(w, look_at_stream, &now_ms);
}

/* What changes when the client takes something. */
static uint64_t taken(const h2o_http2_stream_t *s)
{
    return (uint64_t)s->output_window._avail << 8 ^ s->_data.size << 4 ^ (uint64_t)s->state;
}

static bool stalled(struct request *req, uint64_t now_ms)
{
    if (req->idle)
        req->taken_ms = 0;
    if (!req->answered || req->given_up || req->idle)
        return false;
    uint64_t now_taken = taken(stream_of(req->h2o));
    if (!req->taken_ms || now_taken != req->taken) {
        req->taken = now_taken;
        req->taken_ms = now_ms;
    }
    return now_ms - req->taken_ms > worker_limits(req->worker)->write_ms;
}

static struct request *next_stalled(struct conn *c, uint64_t now_ms)
{
    for (struct link *i = c->pending.next; i != &c->pending; i = i->next) {
        struct request *req = list_item(i, struct request, link);
        if (stalled(req, now_ms))
            return req;
    }
    return NULL;
}

static void give_up(struct conn *c, struct request *req)
{
    h2o_http2_conn_t *conn = c->sock->data;
    h2o_http2_stream_t *s = stream_of(req->h2o);
    uint32_t id = s->stream_id;
    req->given_up = true;
    refused(c->worker->http, REFUSED_UNREAD);
    h2o_http2_stream_reset(conn, s);
    h2o_http2__encode_rst_stream_frame(&conn->_write.buf, id, CANCEL);
    h2o_http2_conn_request_write(conn);
}

/* A frame or a header block that has begun and does not end. */
static bool unfinished(struct conn *c, uint64_t now_ms)
{
    const struct http_limits *l = worker_limits(c->worker);
    const struct frames *f = &c->frames;
    uint64_t progress = f->block_open ? f->blocks_ended : f->walked;
    if ((!f->block_open && !c->sock->input->size) || progress != c->progress || !c->progress_ms) {
        c->progress = progress;
        c->progress_ms = now_ms;
    }
    return now_ms - c->progress_ms > (f->block_open ? l->head_ms : l->body_ms);
}

void http2_sweep(struct conn *c, uint64_t now_ms)
{
    const h2o_http2_conn_t *conn = c->sock->data;
    http2_watch(c);
    h2o_http2_stream_t *overdue = c->overdue;
    unsigned count = c->overdue_count;
    c->overdue_count = 0;
    if (c->killed || conn->state >= H2O_HTTP2_CONN_STATE_IS_CLOSING)
        return;
    if (count > MAX_OVERDUE || unfinished(c, now_ms)) {
        guard_end(c, REFUSED_SLOW, "it does not come to an end");
        conn_end(c);
        return;
    }
    for (struct request *req; (req = next_stalled(c, now_ms));)
        give_up(c, req);
    if (count && c->sock->_cb.read == http2_read && !c->frames.block_open)
        end_early(c, overdue, "408");
}
