/* guard.c - HTTP/2 clients that open requests only to cancel them.
 *
 * A cancelled request costs the client nothing and us a handler's work, and H2O
 * counts it as over at once, so that its limit on concurrent requests does not
 * hold (CVE-2023-44487; CVE-2025-8671 when the client makes us do the reset).
 * The logger is called for cancelled requests, too.
 */
#include "base/clock.h"
#include "base/log.h"
#include "http/inside.h"

#define WINDOW_MS   1000
#define MAX_CANCELS 100 /* within a window, if they are most of the requests */

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
    uint64_t now = clock_ms();
    if (now - c->window_ms >= WINDOW_MS) {
        c->window_ms = now;
        c->window_requests = c->window_cancels = 0;
    }
    c->window_requests++;
    if (cancelled(h2o))
        c->window_cancels++;
    if (c->killed || c->window_cancels <= MAX_CANCELS ||
        c->window_cancels * 2 <= c->window_requests)
        return;
    c->killed = true;
    refused(c->worker->http, REFUSED_RESETS);
    log_warn("http", "connection ended: it cancels its requests", LOG_S("peer", c->peer),
             LOG_I("cancelled", c->window_cancels));
    conn_end(c);
}
