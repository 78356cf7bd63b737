/* guard.c - HTTP/2 clients that cost more than they ask for.
 *
 * A cancelled request costs the client nothing and us a handler's work, and H2O
 * counts it as over at once, so that its limit on concurrent requests does not
 * hold (CVE-2023-44487; CVE-2025-8671 when the client makes us do the reset).
 * Frames that ask for nothing cost time, too, and some of them an answer. What
 * a connection may do of all this is measured by what it asks for.
 *
 * Frames are counted before H2O gets them, cancelled requests by the logger,
 * which is called for those as well.
 */
#include "base/clock.h"
#include "base/log.h"
#include "http/inside.h"

#define WINDOW_MS         1000
#define MAX_RESETS        100  /* within a window, if they are most of the requests */
#define MAX_CONTROL       1000 /* frames within a window, besides: */
#define CONTROL_PER_HEAD  4    /* for each request */
#define BYTES_PER_CONTROL 1024 /* sent: for each of these, too, because they are acknowledged */
#define MAX_BLOCK_FACTOR  2    /* a header block is compressed; 431 is answered below that */

static void roll_window(struct conn *c)
{
    uint64_t now = clock_ms();
    if (now - c->window_ms < WINDOW_MS)
        return;
    c->window_ms = now;
    c->window_requests = c->window_cancels = 0;
    c->window_sent = c->sock->bytes_written;
    c->frames.heads = c->frames.resets = c->frames.control = 0;
}

void guard_end(struct conn *c, enum refused reason, const char *why)
{
    struct worker *w = c->worker;
    uint64_t now = clock_ms();
    if (c->killed)
        return;
    c->killed = true;
    refused(w->http, reason);
    http2_goodbye(c, true);
    if (now - w->warned_ms < WINDOW_MS) /* nobody shall fill the log by connecting again */
        return;
    w->warned_ms = now;
    log_warn("http", "connection ended", LOG_S("why", why), LOG_S("peer", c->peer));
}

/* ---- Frames ------------------------------------------------------------- */

static bool too_many_resets(const struct frames *f)
{
    return f->resets > MAX_RESETS && f->resets > f->heads / 2;
}

static bool flooding(const struct conn *c)
{
    const struct frames *f = &c->frames;
    size_t sent = c->sock->bytes_written - c->window_sent;
    return f->control > MAX_CONTROL + f->heads * CONTROL_PER_HEAD + sent / BYTES_PER_CONTROL;
}

void guard_frames(struct conn *c)
{
    h2o_buffer_t *in = c->sock->input;
    roll_window(c);
    if (in->size)
        in->size = frames_walk(&c->frames, in->bytes, in->size);
    if (too_many_resets(&c->frames))
        guard_end(c, REFUSED_RESETS, "it cancels its requests");
    else if (flooding(c))
        guard_end(c, REFUSED_FLOOD, "it sends frames that ask for nothing");
    else if (c->frames.block > worker_limits(c->worker)->max_header_bytes * MAX_BLOCK_FACTOR)
        guard_end(c, REFUSED_HEADERS, "its headers do not end");
    if (c->killed)
        h2o_buffer_consume(&c->sock->input, c->sock->input->size);
}

/* ---- Requests ----------------------------------------------------------- */

static bool cancelled(const h2o_req_t *h2o)
{
    if (h2o->timestamps.response_start_at.tv_sec == 0)
        return true;
    if (h2o_memis(h2o->method.base, h2o->method.len, H2O_STRLIT("HEAD")))
        return false;
    return h2o->res.content_length != SIZE_MAX && h2o->bytes_sent < h2o->res.content_length;
}

void guard_log(h2o_logger_t *self, h2o_req_t *h2o)
{
    (void)self;
    struct conn *c = h2o->version >= 0x200 ? conn_of(h2o) : NULL;
    if (!c)
        return;
    c->window_requests++;
    if (!cancelled(h2o))
        return;
    roll_window(c);
    if (++c->window_cancels > MAX_RESETS && c->window_cancels * 2 > c->window_requests)
        guard_end(c, REFUSED_RESETS, "it cancels its requests");
}
