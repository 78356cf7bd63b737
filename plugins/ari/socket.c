/* socket.c - see socket.h. */
#include "socket.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "asterisk/text.h"
#include "upgrade.h"

enum phase { CONNECTING, UPGRADING, OPEN, CLOSING, OVER };

/* The host's own deadline for connecting is to come first: it knows why. */
enum { UPGRADE_GRACE_MS = 500 };

struct socket {
    const struct dg_host *h;
    const struct config *config;
    const struct socket_events *ev;
    void *arg;
    struct dg_stream *stream;
    struct dg_timer *deadline; /* of the upgrade, then of the closing handshake */
    wslay_event_context_ptr ws;
    struct text path, head;
    char accept[UPGRADE_ACCEPT_SIZE], key[UPGRADE_KEY_SIZE];
    enum phase phase;
    const char *in; /* bytes handed to wslay just now */
    size_t in_len;
    uint64_t heard_ms;
    unsigned busy; /* inside a callback of the stream: freed when it is left */
    bool lost, dropped;
};

static void destroy(struct socket *s)
{
    if (s->ws)
        wslay_event_context_free(s->ws);
    text_free(&s->path);
    text_free(&s->head);
    free(s);
}

static void let_go(struct socket *s)
{
    if (s->stream && !s->lost)
        s->h->stream_close(s->stream);
    s->stream = NULL;
    if (s->deadline)
        s->h->timer_stop(s->h, s->deadline);
    s->deadline = NULL;
    s->phase = OVER;
    if (!s->busy)
        destroy(s);
}

/* The one way to the end: the last callback, then the memory. */
static void finish(struct socket *s, enum dg_err err, int status, const char *why)
{
    if (s->phase == OVER)
        return;
    s->phase = OVER;
    s->busy++;
    if (!s->dropped)
        s->ev->closed(s->arg, err, status, why);
    s->busy--;
    let_go(s);
}

static void leave(struct socket *s)
{
    if (--s->busy == 0 && s->phase == OVER)
        destroy(s);
}

/* ---- wslay ------------------------------------------------------------------- */

static ssize_t on_recv(wslay_event_context_ptr ws, uint8_t *buf, size_t len, int flags, void *arg)
{
    struct socket *s = arg;
    (void)flags;
    if (!s->in_len || s->phase == OVER) {
        wslay_event_set_error(ws, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    size_t n = len < s->in_len ? len : s->in_len;
    memcpy(buf, s->in, n);
    s->in += n;
    s->in_len -= n;
    return (ssize_t)n;
}

static ssize_t on_send(wslay_event_context_ptr ws, const uint8_t *data, size_t len, int flags,
                       void *arg)
{
    struct socket *s = arg;
    (void)ws;
    (void)flags;
    if (s->stream && !s->lost)
        s->h->stream_write(s->stream, (struct dg_bytes){(const char *)data, len});
    return (ssize_t)len;
}

static int on_mask(wslay_event_context_ptr ws, uint8_t *buf, size_t len, void *arg)
{
    (void)ws;
    (void)arg;
    return RAND_bytes(buf, (int)len) == 1 ? 0 : -1;
}

static void on_message(wslay_event_context_ptr ws, const struct wslay_event_on_msg_recv_arg *m,
                       void *arg)
{
    struct socket *s = arg;
    (void)ws;
    if (m->opcode == WSLAY_TEXT_FRAME && s->phase == OPEN)
        s->ev->message(s->arg, (struct dg_bytes){(const char *)m->msg, m->msg_length});
}

static void start_frames(struct socket *s)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_recv,
        .send_callback = on_send,
        .genmask_callback = on_mask,
        .on_msg_recv_callback = on_message,
    };
    if (wslay_event_context_client_init(&s->ws, &callbacks, s) != 0)
        abort();
    wslay_event_config_set_max_recv_msg_length(s->ws, SOCKET_MAX_MESSAGE);
}

static void flush(struct socket *s)
{
    if (s->ws && wslay_event_want_write(s->ws) && wslay_event_send(s->ws) != 0)
        finish(s, DG_EUPSTREAM, 0, "cannot send on the event socket");
}

static void take_frames(struct socket *s, const char *bytes, size_t len)
{
    s->in = bytes;
    s->in_len = len;
    while (s->in_len && s->phase != OVER && wslay_event_want_read(s->ws))
        if (wslay_event_recv(s->ws) != 0) {
            finish(s, DG_EUPSTREAM, 0, "a frame that is no WebSocket's");
            return;
        }
    if (s->phase == OVER)
        return;
    flush(s);
    if (s->phase == OVER || wslay_event_want_read(s->ws))
        return;
    uint16_t code = wslay_event_get_status_code_received(s->ws);
    if (s->phase == CLOSING && wslay_event_get_close_received(s->ws))
        finish(s, DG_OK, 0, "closed");
    else if (wslay_event_get_close_received(s->ws))
        finish(s, DG_EUNAVAILABLE, 0,
               code == WSLAY_CODE_GOING_AWAY ? "Asterisk is going away"
                                             : "Asterisk closed the event socket");
    else
        finish(s, DG_EUPSTREAM, 0, "a frame that is no WebSocket's, or too long");
}

/* ---- The stream ---------------------------------------------------------------- */

static void send_upgrade(struct socket *s)
{
    struct text request = {0};
    upgrade_key(s->key);
    upgrade_accept(s->accept, s->key);
    upgrade_request(&request, &(struct upgrade_request){.host = s->config->host,
                                                        .port = s->config->port,
                                                        .path = s->path.at,
                                                        .user = s->config->user,
                                                        .password = s->config->password,
                                                        .key = s->key});
    s->h->stream_write(s->stream, (struct dg_bytes){request.at, request.len});
    text_free(&request);
}

static void on_opened(void *arg)
{
    struct socket *s = arg;
    s->busy++;
    s->phase = UPGRADING;
    send_upgrade(s);
    leave(s);
}

static void upgraded(struct socket *s, size_t head_len)
{
    if (s->deadline)
        s->h->timer_stop(s->h, s->deadline);
    s->deadline = NULL;
    s->phase = OPEN;
    start_frames(s);
    s->ev->opened(s->arg);
    if (s->phase != OVER)
        take_frames(s, s->head.at + head_len, s->head.len - head_len);
    text_free(&s->head);
}

static void take_head(struct socket *s, struct dg_bytes bytes)
{
    struct upgrade_answer a;
    text_add(&s->head, bytes.ptr, bytes.len);
    switch (upgrade_read(&a, s->head.at, s->head.len, s->accept)) {
    case UPGRADE_MORE:
        break;
    case UPGRADE_DONE:
        upgraded(s, a.head_len);
        break;
    case UPGRADE_REFUSED:
        finish(s, DG_EUPSTREAM, a.status, a.why);
        break;
    }
}

static void on_data(void *arg, struct dg_bytes bytes)
{
    struct socket *s = arg;
    s->busy++;
    s->heard_ms = s->h->now_ms(s->h);
    if (s->phase == UPGRADING)
        take_head(s, bytes);
    else if (s->phase == OPEN || s->phase == CLOSING)
        take_frames(s, bytes.ptr, bytes.len);
    leave(s);
}

/* /health shows it to anybody: who the other side is ("10.0.0.5:8088: ") is left out. */
static const char *without_peer(const char *why)
{
    const char *colon = strstr(why, ": ");
    return colon ? colon + 2 : why;
}

static void on_closed(void *arg, enum dg_err err, const char *why)
{
    struct socket *s = arg;
    s->lost = true;
    if (s->phase == CLOSING)
        finish(s, DG_OK, 0, "closed");
    else
        finish(s, err ? err : DG_EUNAVAILABLE, 0,
               why && *why ? without_peer(why) : "connection lost");
}

static const struct dg_stream_events stream_events = {
    DG_SIZED(struct dg_stream_events),
    .opened = on_opened,
    .data = on_data,
    .closed = on_closed,
};

static void on_deadline(void *arg)
{
    struct socket *s = arg;
    s->deadline = NULL;
    if (s->phase == CLOSING)
        finish(s, DG_OK, 0, "closed without an answer");
    else
        finish(s, DG_ETIMEOUT, 0, "no answer to the WebSocket upgrade");
}

struct socket *socket_open(const struct dg_host *h, const struct config *c, const char *path,
                           const struct socket_events *ev, void *arg)
{
    struct socket *s = text_alloc(sizeof *s);
    s->h = h;
    s->config = c;
    s->ev = ev;
    s->arg = arg;
    s->heard_ms = h->now_ms(h);
    text_puts(&s->path, path);
    s->deadline = h->timer_start(h, c->connect_ms + UPGRADE_GRACE_MS, on_deadline, s);
    s->stream = h->stream_open(h,
                               &(struct dg_stream_request){
                                   DG_SIZED(struct dg_stream_request),
                                   .host = c->host,
                                   .port = c->port,
                                   .tls = c->tls,
                                   .tls_no_verify = c->tls_no_verify,
                                   .ca_file = c->ca_file,
                                   .connect_ms = c->connect_ms,
                               },
                               &stream_events, s);
    return s;
}

void socket_ping(struct socket *s)
{
    struct wslay_event_msg ping = {.opcode = WSLAY_PING};
    if (s->phase != OPEN)
        return;
    s->busy++;
    wslay_event_queue_msg(s->ws, &ping);
    flush(s);
    leave(s);
}

uint64_t socket_heard_ms(const struct socket *s)
{
    return s->heard_ms;
}

void socket_close(struct socket *s, uint64_t wait_ms)
{
    if (s->phase == CLOSING || s->phase == OVER)
        return;
    if (s->phase != OPEN)
        wait_ms = 0;
    s->busy++;
    if (s->deadline)
        s->h->timer_stop(s->h, s->deadline);
    s->phase = CLOSING;
    s->deadline = s->h->timer_start(s->h, wait_ms, on_deadline, s);
    if (s->ws) {
        wslay_event_queue_close(s->ws, WSLAY_CODE_NORMAL_CLOSURE, NULL, 0);
        flush(s);
    }
    leave(s);
}

void socket_drop(struct socket *s)
{
    s->dropped = true;
    if (s->phase != OVER)
        let_go(s);
}
