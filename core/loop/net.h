/* net.h - outgoing connections of the control thread: an HTTP client and raw
 * TCP/TLS streams, both on one libcurl multi handle. The request structs and
 * contracts are those of dialgate/plugin.h; see there.
 *
 * HTTP: keep-alive pool per host, no redirects, no proxy from the environment,
 * no HTTP/2. TLS: certificate and host name are verified unless the request
 * says otherwise. Streams: read until the peer has nothing more (TLS keeps
 * bytes that no poll can see), with a budget per turn so that a fast peer does
 * not hold the loop; writes are queued and bounded.
 */
#ifndef LOOP_NET_H
#define LOOP_NET_H

#include "dialgate/plugin.h"
#include "loop/loop.h"

struct net;

struct net_config {
    uint64_t connect_ms;         /* default of streams and fetches: 5000 */
    uint64_t timeout_ms;         /* default of fetches: 15000 */
    size_t max_body;             /* default of fetches: 16 MiB */
    size_t max_unsent;           /* default of streams: 1 MiB */
    long max_idle, max_per_host; /* connections: 20, 50 */
    /* For destinations that strangers name: only public addresses are connected to (address.h), as
     * they are after names were resolved; no answer's body is kept, and one longer than max_body
     * is cut off, which is no failure. */
    bool strangers, allow_private;
};

struct net *net_new(struct loop *l,
                    const struct net_config *config); /* 0 fields: the defaults above */
void net_free(struct net *n); /* ends everything under way without a callback */

struct dg_http *net_fetch(struct net *n, const struct dg_http_request *req, dg_http_fn *fn,
                          void *arg);
void net_fetch_stop(struct dg_http *http); /* fn is not called any more */

struct dg_stream *net_stream(struct net *n, const struct dg_stream_request *req,
                             const struct dg_stream_events *ev, void *arg);
void net_stream_write(struct dg_stream *s, struct dg_bytes bytes);
void net_stream_close(struct dg_stream *s);

#endif
