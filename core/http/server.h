/* server.h - N HTTP threads, each with one H2O event loop and its own
 * SO_REUSEPORT listeners. HTTP/1.1, HTTP/2 with prior knowledge or by upgrade
 * on cleartext, both by ALPN on TLS. The only module that knows H2O. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/err.h"
#include "base/metrics.h"
#include "http/request.h"
#include "loop/loop.h"
#include "plug/op.h"

struct http;

/* [control thread] Judge credentials; yields 1 dg_identity or DG_EAUTH, DG_EDENIED,
 * DG_EUNAVAILABLE, DG_ELIMIT. */
typedef void identify_fn(void *arg, enum route_auth auth, const struct dg_credentials *c, op_fn *fn,
                         void *fn_arg);

/* What clients may use. All of it can be changed while the threads turn. */
struct http_limits {
    size_t max_body;                      /* bytes; 413 above */
    size_t max_upload, max_uploads;       /* bytes of http_config.uploads; at a time, 503 above */
    size_t max_header_bytes, max_headers; /* names and values; lines; 431 above */
    size_t max_connections;               /* over all threads; 503 above */
    size_t max_connections_per_address;   /* trusted proxies and Unix sockets do not count; 429 */
    size_t max_in_flight;                 /* hops per thread; 503 above */
    size_t max_in_flight_total;           /* hops over all threads; 503 above */
    size_t max_in_flight_per_connection;  /* HTTP/2: what is above waits */
    uint64_t head_ms, body_ms, upload_ms; /* a client's time to send them; 408 */
    uint64_t write_ms;                    /* without progress while it has to take an answer */
    uint64_t idle_ms;                     /* keep-alive */
};

struct http_config {
    const char *const
        *listen; /* "host:port", "[v6]:port", "unix:/path"; ends with NULL; port 0: any */
    const char *const *listen_tls; /* likewise */
    const char *certificate, *key; /* PEM files, needed for listen_tls */
    unsigned threads;              /* 0: one per core */
    bool http2;
    const char *const *allowed_origins; /* ends with NULL; "*" for any */
    const char *const *trusted_proxies; /* whose X-Forwarded-For is believed, see forwarded.h */
    /* Prefixes of envelopes under which a page of any origin that may ask is named in the answer,
     * and OPTIONS is an empty 200, to be kept for a day when it is a preflight; ends with NULL.
     * Elsewhere: "*" where all may ask, and the text "OK", for ten minutes, or 204. */
    const char *const *echoing;
    /* Patterns of routes whose POST may be larger than max_body; ends with NULL; NULL: none. */
    const char *const *uploads;
    struct http_limits limits;
    const char *server_name; /* Server: header */

    const struct route *routes;
    size_t route_count;
    const struct envelope *envelopes;
    size_t envelope_count;
    /* Extra [HTTP thread]: NULL: use the route's own envelope for errors found before a handler
     * runs. */
    struct loop *control;
    struct metrics *metrics;
    identify_fn *identify;
    void *identify_arg;
    size_t identity_cache; /* entries per thread; a power of two */
    void *app;
};

/* What may change while the threads run: origins, proxies, the certificate. */
struct http_policy;
/* [any thread] Of these members of `config`, the certificate if listen_tls names an address. NULL:
 * `problem` says what is wrong. */
struct http_policy *http_policy_new(const struct http_config *config, struct problem *problem);
void http_policy_free(struct http_policy *p); /* for one that is not used; NULL is fine */

/* [main or control thread] Binds every address, then starts the threads; returns when all of
 * them turn. NULL: `problem` says what (address in use, bad certificate, ...). */
struct http *http_start(const struct http_config *config, struct problem *problem);
unsigned http_threads(const struct http *h);
/* The addresses as bound ("127.0.0.1:8000"), in the order of the configuration; ends with NULL. */
const char *const *http_addresses(const struct http *h);
/* [any thread] Takes it over: requests and connections that come in when this has returned go by
 * it; TLS connections that are there keep their certificate. Without a certificate of its own it
 * keeps the one in use. */
void http_use(struct http *h, struct http_policy *p);
/* [any thread] Holds for what begins from now on: connections are accepted, requests judged and
 * clients' time is measured by it. No connection is dropped because a number became smaller. */
void http_set_limits(struct http *h, const struct http_limits *limits);
/* [any thread] Forget every cached identity. */
void http_forget_identities(struct http *h);
/* [any thread] Stop accepting, let what is under way finish (GOAWAY on HTTP/2), close idle
 * connections. */
void http_drain(struct http *h);
/* [main thread] Waits until all threads have ended: when drained, or when `deadline_ms` has passed
 * since the call. The control thread must still be running: it owes answers. Then frees everything.
 */
void http_join(struct http *h, uint64_t deadline_ms);

#endif
