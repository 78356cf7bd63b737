/* stream.c - a generator of H2O's with a queue in front; see stream.h.
 *
 * H2O is given what waits, asks for more when all of that is written, and is
 * left alone meanwhile. A stream is `busy` while H2O has something of it. What
 * is added outside of H2O's own calls goes out on the next turn of the loop:
 * to send may end the request, and the caller still uses it.
 */
#include "http/stream.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "http/inside.h"

#define AT_ONCE    64 /* pieces in one write */
#define POLL_BATCH 64

struct piece {
    h2o_iovec_t bytes;
    dg_fn *release;
    void *owner;
};

struct stream {
    h2o_generator_t generator; /* first */
    struct link link;          /* in worker->streams */
    struct request *req;
    const struct stream_use *use;
    void *arg;
    struct piece *pieces;
    size_t count, cap;
    size_t given; /* of these, the first, which H2O has */
    size_t waiting;
    bool busy;   /* H2O will call */
    bool asking; /* inside `more` */
    bool ended, broken;
    h2o_timeout_entry_t later;
};

/* ---- The queue ------------------------------------------------------------ */

static void release(struct stream *s, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        s->waiting -= s->pieces[i].bytes.len;
        s->pieces[i].release(s->pieces[i].owner);
    }
    memmove(s->pieces + from, s->pieces + to, (s->count - to) * sizeof(*s->pieces));
    s->count -= to - from;
}

void stream_lend(struct request *req, const char *bytes, size_t len, dg_fn *free_owner, void *owner)
{
    struct stream *s = req->stream;
    if (!len || s->ended || s->broken) {
        free_owner(owner);
        return;
    }
    if (s->count == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 8;
        s->pieces = xrealloc(s->pieces, s->cap * sizeof(*s->pieces));
    }
    s->pieces[s->count++] = (struct piece){{(char *)bytes, len}, free_owner, owner};
    s->waiting += len;
}

void stream_add(struct request *req, const char *bytes, size_t len)
{
    char *copy = xmalloc(len + 1);
    memcpy(copy, bytes, len);
    stream_lend(req, copy, len, free, copy);
}

void stream_drop(struct request *req)
{
    struct stream *s = req->stream;
    release(s, s->given, s->count);
}

/* ---- Sending ---------------------------------------------------------------- */

/* Whether the client has to take something: then its time is measured. */
static void set_busy(struct stream *s, bool busy)
{
    struct request *req = s->req;
    s->busy = busy;
    if (req->idle != !busy)
        req->conn->unsent += busy ? 1u : -1u;
    req->idle = !busy;
}

/* May end the request. */
static void give(struct stream *s)
{
    h2o_iovec_t bufs[AT_ONCE];
    size_t count = s->count < AT_ONCE ? s->count : AT_ONCE;
    h2o_send_state_t state = H2O_SEND_STATE_IN_PROGRESS;
    if (s->busy || s->asking || (!count && !s->ended && !s->broken))
        return;
    if (s->broken) {
        count = 0;
        state = H2O_SEND_STATE_ERROR;
    } else if (s->ended && count == s->count) {
        state = H2O_SEND_STATE_FINAL;
    }
    for (size_t i = 0; i < count; i++)
        bufs[i] = s->pieces[i].bytes;
    s->given = count;
    set_busy(s, true);
    h2o_send(s->req->h2o, count ? bufs : NULL, count, state);
}

static void ask(struct stream *s)
{
    if (s->ended || s->broken || s->req->hop)
        return;
    s->asking = true;
    s->use->more(s->req, s->arg);
    s->asking = false;
}

static void on_proceed(h2o_generator_t *generator, h2o_req_t *h2o)
{
    struct stream *s = (struct stream *)generator;
    (void)h2o;
    release(s, 0, s->given);
    s->given = 0;
    set_busy(s, false);
    log_request_id(s->req->id);
    if (!s->count)
        ask(s);
    give(s);
    log_request_id(NULL);
}

static void on_later(h2o_timeout_entry_t *entry)
{
    give(H2O_STRUCT_FROM_MEMBER(struct stream, later, entry));
}

void stream_send(struct request *req)
{
    struct stream *s = req->stream;
    if (s->busy || s->asking || h2o_timeout_is_linked(&s->later))
        return;
    h2o_context_t *ctx = &req->worker->ctx;
    h2o_timeout_link(ctx->loop, &ctx->zero_timeout, &s->later);
}

bool stream_ready(const struct request *req)
{
    return !req->stream->busy && !req->stream->count;
}

size_t stream_waiting(const struct request *req)
{
    return req->stream->waiting;
}

/* ---- Beginning and end -------------------------------------------------------- */

bool stream_begin(struct request *req, int status, const char *type, const struct stream_use *use,
                  void *arg)
{
    if (!reply_head(req, status, type, SIZE_MAX))
        return false;
    if (req->head) {
        reply_send_empty(req);
        return false;
    }
    struct stream *s = xcalloc(1, sizeof(*s));
    s->generator.proceed = on_proceed;
    s->req = req;
    s->use = use;
    s->arg = arg;
    s->later.cb = on_later;
    req->stream = s;
    if (req->h2o->version < 0x101)
        req->h2o->http1_is_persistent = 0; /* its end is that of the connection */
    list_append(&req->worker->streams, &s->link);
    metric_add(req->worker->http->count.streams, 1);
    h2o_start_response(req->h2o, &s->generator);
    set_busy(s, false);
    ask(s);
    if (req->worker->draining && use->drain)
        use->drain(req, arg);
    stream_send(req);
    return true;
}

void *stream_user(const struct request *req)
{
    return req->stream->arg;
}

bool stream_open(const struct request *req)
{
    const struct stream *s = req->stream;
    return s && !s->ended && !s->broken;
}

void stream_end(struct request *req)
{
    req->stream->ended = true;
    stream_send(req);
}

void stream_break(struct request *req)
{
    req->stream->broken = true;
    stream_send(req);
}

void stream_over(struct request *req)
{
    struct stream *s = req->stream;
    if (!s)
        return;
    h2o_timeout_unlink(&s->later);
    release(s, 0, s->count);
    list_remove(&s->link);
    metric_add(req->worker->http->count.streams, -1);
    free(s->pieces);
    free(s);
    req->stream = NULL;
}

/* What it brought is sent; if it brought nothing, there is still room. */
void stream_resume(struct request *req)
{
    struct stream *s = req->stream;
    if (!s->busy && !s->count)
        ask(s);
    stream_send(req);
}

/* ---- All of a thread ------------------------------------------------------------ */

void streams_drain(struct worker *w)
{
    for (struct link *i = w->streams.next; i != &w->streams; i = i->next) {
        struct stream *s = list_item(i, struct stream, link);
        if (s->use->drain && stream_open(s->req))
            s->use->drain(s->req, s->arg);
    }
}

void streams_end(struct worker *w)
{
    for (struct link *i = w->streams.next; i != &w->streams; i = i->next)
        stream_break(list_item(i, struct stream, link)->req);
}

static void break_batch(struct stream **streams, struct pollfd *fds, unsigned count)
{
    if (!count || poll(fds, count, 0) <= 0)
        return;
    for (unsigned i = 0; i < count; i++)
        if (fds[i].revents & (POLLRDHUP | POLLHUP | POLLERR))
            stream_break(streams[i]->req);
}

/* As in hop.c: on HTTP/1 nobody reads, and a stream may have nothing to write for long. */
void streams_find_vanished(struct worker *w)
{
    struct stream *streams[POLL_BATCH];
    struct pollfd fds[POLL_BATCH];
    unsigned count = 0;
    for (struct link *i = w->streams.next; i != &w->streams; i = i->next) {
        struct stream *s = list_item(i, struct stream, link);
        if (s->req->h2o->version >= 0x200 || s->broken)
            continue;
        streams[count] = s;
        fds[count] =
            (struct pollfd){.fd = h2o_socket_get_fd(s->req->conn->sock), .events = POLLRDHUP};
        if (++count == POLL_BATCH) {
            break_batch(streams, fds, count);
            count = 0;
        }
    }
    break_batch(streams, fds, count);
}
