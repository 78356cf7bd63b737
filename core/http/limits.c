/* limits.c - what clients may use, and how it changes while threads turn.
 *
 * Each thread has a copy, which it renews when it meets a newer version: asking
 * costs one load of a word that hardly ever changes.
 */
#include "http/inside.h"

/* H2O's own time limits count by the wall clock, do not know a slow client from an idle one and,
 * on HTTP/1, run from the end of one answer to the end of the next request: they stand behind the
 * sweep of conn.c, as a second net. */
static void set_times(struct worker *w)
{
    const struct http_limits *l = &w->limits;
    uint64_t most_ms = l->idle_ms + l->head_ms + l->body_ms + 2 * SWEEP_MS;
    w->ctx.http1.req_timeout.timeout = most_ms;
    w->ctx.http2.idle_timeout.timeout = most_ms;
    w->ctx.handshake_timeout.timeout = l->head_ms;
}

void limits_take(struct worker *w)
{
    struct http *h = w->http;
    pthread_mutex_lock(&h->limits_lock);
    w->limits = h->limits;
    w->limits_version = atomic_load(&h->limits_version);
    pthread_mutex_unlock(&h->limits_lock);
    w->h2o.http2.max_concurrent_requests_per_connection = w->limits.max_in_flight_per_connection;
    /* Of HTTP/1: H2O takes one byte less where a length is not given. See http2.c for the other. */
    w->h2o.max_request_entity_size = w->limits.max_body + 1;
    set_times(w);
}

void http_set_limits(struct http *h, const struct http_limits *limits)
{
    pthread_mutex_lock(&h->limits_lock);
    h->limits = *limits;
    atomic_fetch_add(&h->limits_version, 1);
    pthread_mutex_unlock(&h->limits_lock);
}
