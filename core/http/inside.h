/* inside.h - what the files of http/ share and nobody else sees.
 *
 * One struct http; of each thread one struct worker; of each connection one
 * struct conn, from accept to close; of each request one struct request, from
 * the moment it is complete until H2O lets it go. A worker and all below it
 * belong to its thread; the few members that others touch are atomic.
 */
#ifndef HTTP_INSIDE_H
#define HTTP_INSIDE_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/id.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/siphash.h"
#include "http/forwarded.h"
#include "http/frames.h"
#include "http/h2o_lib.h"
#include "http/identity_cache.h"
#include "http/listen.h"
#include "http/router.h"
#include "http/server.h"

#define MAX_URI   8192 /* 414 above */
#define MAX_QUERY 128  /* parameters; 400 above */
#define SWEEP_MS  500  /* how often clients' time is checked */

/* ---- Counting ----------------------------------------------------------- */

enum refused {
    REFUSED_CONNECTIONS, /* too many */
    REFUSED_ADDRESS,     /* too many of one client */
    REFUSED_IN_FLIGHT,   /* too many requests wait for the control thread */
    REFUSED_BODY,        /* too large */
    REFUSED_UPLOADS,     /* too many large ones at a time */
    REFUSED_URI,
    REFUSED_HEADERS,
    REFUSED_FRAMING, /* a head that can be read in two ways */
    REFUSED_RESETS,  /* HTTP/2 requests cancelled in numbers */
    REFUSED_FLOOD,   /* HTTP/2 frames that ask for nothing, in numbers */
    REFUSED_SLOW,    /* a client that took too long */
    REFUSED_UNREAD,  /* a client that does not take its answer */
    REFUSED_REASONS,
};

struct http_metrics {
    struct metric_family *requests, *latency, *refused_family;
    struct metric *connections, *in_flight, *streams, *refused[REFUSED_REASONS];
};

#define STATUSES_KEPT 6

/* A worker's short way to the metrics of one route. */
struct route_metrics {
    struct metric *latency;
    struct {
        int status;
        struct metric *count;
    } seen[STATUSES_KEPT];
};

/* ---- What may change ---------------------------------------------------- */

struct http_policy {
    atomic_uint refs;
    struct arena *arena;
    const char *const *origins;
    const struct network *trusted; /* proxies */
    SSL_CTX *tls;                  /* NULL: nothing listens for it */
};

const char *const *list_copy(struct arena *a, const char *const *list);

/* ---- The whole ---------------------------------------------------------- */

struct http {
    struct arena *arena; /* copies of what the configuration lent */
    const char *const *echoing, *const *uploads;
    size_t identity_entries;
    const struct route *routes;
    size_t route_count;
    const struct envelope *envelopes;
    size_t envelope_count;
    struct router *router;
    struct loop *control;
    struct metrics *metrics;
    identify_fn *identify;
    void *identify_arg;
    void *app;

    pthread_mutex_t policy_lock;
    struct http_policy *policy;     /* under the lock: the newest */
    _Atomic uint64_t policy_number; /* of the newest; from 1 */

    pthread_mutex_t limits_lock;
    struct http_limits limits; /* under the lock */
    _Atomic unsigned limits_version;
    _Atomic size_t conn_count, hop_count, upload_count; /* over all threads */
    struct addresses *addresses_open;

    struct http_metrics count;
    struct siphash_key key;      /* of the identity caches */
    _Atomic uint64_t generation; /* of what they hold */
    _Atomic bool draining;
    _Atomic uint64_t deadline_ms; /* of the drain, by the monotonic clock */

    h2o_globalconf_t h2o;
    struct listen_socket *listens;
    size_t listen_count;
    const char **addresses;
    struct worker **workers;
    unsigned worker_count;
    pthread_barrier_t ready;
};

struct listener {
    struct worker *worker;
    h2o_socket_t *sock; /* NULL: closed */
    bool tls;
};

struct worker {
    struct http *http;
    unsigned index;
    pthread_t thread;
    struct http_policy *policy; /* the one it goes by */
    uint64_t policy_number;
    h2o_context_t ctx;
    h2o_globalconf_t h2o;      /* http->h2o with this thread's limits */
    struct http_limits limits; /* a copy; see worker_limits */
    unsigned limits_version;
    h2o_multithread_receiver_t inbox;
    h2o_accept_ctx_t accept_plain, accept_tls;
    struct listener *listeners; /* as many as http->listens */
    bool accept_paused;         /* no descriptor was left */
    struct link conns;
    struct link unwatched; /* of these, on HTTP/1: the next request is to be looked at */
    size_t conn_count;
    struct conn *touched; /* H2O is at work on it and may close it: then NULL */
    uint64_t warned_ms;
    struct link lingers; /* connections closed by us whose client may still be sending */
    size_t linger_count;
    uint64_t next_sweep_ms;
    bool draining, forced, goodbye_said;
    uint64_t drain_began_ms;

    struct link streams; /* open */
    struct port *posts;
    struct link hops; /* under way */
    size_t hop_count;
    struct hop *spare_hops;
    struct hop_port *port;
    struct identity_cache *identities;
    struct route_metrics *route_metrics; /* one per route, and one for none */
};

/* ---- Connections -------------------------------------------------------- */

enum phase {
    PHASE_IDLE, /* nothing is asked */
    PHASE_HEAD, /* a request head comes in, or a TLS handshake */
    PHASE_BODY, /* a request body comes in */
    PHASE_BUSY, /* we have to answer */
    PHASE_SEND, /* the client has to take what we answered */
};

/* The credentials of a connection's last request: mostly those of the next as well. */
struct recent_token {
    char *bytes; /* NULL: none */
    size_t len;
    enum route_auth auth;
    struct siphash_tag tag;
};

struct conn {
    struct link link, unwatched;
    struct worker *worker;
    h2o_socket_t *sock;
    bool tls, killed;
    bool counted;        /* among those of its address */
    struct link pending; /* its requests */
    unsigned in_flight;  /* requests that reached us and are not over */
    unsigned unsent;     /* of these, answered: the client has to take something */
    uint64_t requests, finished;
    enum phase phase;
    uint64_t phase_ms;   /* since when */
    uint64_t phase_mark; /* what would change if there were progress */
    bool upload_slot;    /* HTTP/1: of the request that comes in */
    bool upload_refused; /* it would have needed one */
    uint64_t window_ms;  /* of the guard */
    unsigned window_requests, window_cancels;
    size_t window_sent;
    /* HTTP/2 */
    h2o_socket_cb h2o_read; /* what reads in truth */
    struct frames frames;
    size_t upload, absorbed;        /* bytes of bodies: coming in; thrown away */
    uint64_t progress, progress_ms; /* of a frame or header block that is not complete */
    void *overdue;                  /* during a sweep: a stream whose body does not come */
    unsigned overdue_count;
    void *found;   /* a stream that was looked for */
    int linger_fd; /* -1: none */
    char peer[ADDRESS_SIZE];
    struct recent_token token;
};

void conn_accept(h2o_socket_t *listener, const char *err);
struct conn *conn_of(h2o_req_t *h2o); /* NULL: the socket is gone */
void conn_end(struct conn *c);        /* soon, by way of the loop */
/* What comes after the answer is read and thrown away for a moment, so that the answer arrives. */
void conn_linger(struct conn *c);
bool linger_has_room(const struct worker *w);
void linger_start(struct worker *w, int fd); /* is counted already */
void conns_sweep(struct worker *w, uint64_t now_ms);
void conns_drain(struct worker *w, uint64_t now_ms); /* ends those that are idle */
void conns_end(struct worker *w);                    /* ends all */
void lingers_end(struct worker *w, uint64_t now_ms); /* those whose time is up; UINT64_MAX: all */

/* ---- Connections of an address [any thread] ----------------------------- */

struct addresses *addresses_new(void);
void addresses_free(struct addresses *a);
bool addresses_enter(struct addresses *a, const char *peer, size_t max); /* false: too many */
void addresses_leave(struct addresses *a, const char *peer);

/* ---- Large bodies (uploads.c) --------------------------------------------- */

#define TOO_MANY_UPLOADS "Too many large requests at a time"
#define UPLOAD_MARK      "upl" /* of a stream on HTTP/2, see http2_marked */

void upload_release(struct worker *w);
size_t upload_http1_max(struct conn *c); /* for the body of the request that comes in */
/* A stream's body passes max_body: UPLOAD_MARK, or the status that it is refused with. */
const char *upload_http2_mark(struct conn *c, h2o_req_t *h2o);
void upload_take_over(struct request *req);
void conns_watch(struct worker *w); /* http2.c: those on HTTP/1 that have been answered */

/* ---- HTTP/2 ------------------------------------------------------------- */

bool conn_is_http2(const struct conn *c);
/* What comes in is looked at first, from now on; nothing if that is so already. */
void http2_watch(struct conn *c);
h2o_socket_cb http2_reader(const struct conn *c); /* H2O's own */
void http2_accept(struct conn *c, h2o_accept_ctx_t *accept, struct timeval now);
/* Whether a request is to be refused with this status ("408", "413", "431"): its body is not here.
 */
bool http2_marked(const h2o_req_t *h2o, const char *status);
bool http2_receives(const struct conn *c); /* a request that is not complete */
/* GOAWAY; the client is told to calm down, or nothing in particular. */
void http2_goodbye(struct conn *c, bool calm);
void http2_look(struct worker *w, uint64_t now_ms); /* at all streams, before the next: */
void http2_sweep(struct conn *c, uint64_t now_ms);

/* Counts the frames that have come in; may end the connection. */
void guard_frames(struct conn *c);
/* Counted, logged, said goodbye to. Whoever calls closes. */
void guard_end(struct conn *c, enum refused reason, const char *why);

/* ---- Requests ----------------------------------------------------------- */

struct query_pair {
    const char *name, *value;
};

#define FEW_PAIRS 4

struct request {
    h2o_req_t *h2o;
    struct worker *worker;
    struct conn *conn;
    struct link link; /* in conn->pending */
    uint64_t began_us;
    const char *id, *method, *path;
    const char *peer; /* the client's address, as far as it is known */
    struct path split;
    struct router_match match;
    struct query_pair *query;
    size_t query_count;
    struct known *known;
    struct hop *hop; /* under way */
    bool upload;     /* it has a slot, to be released */
    bool large;      /* it may have a large body */
    bool head;       /* no body in the answer */
    bool answered;
    struct stream *stream;    /* of the answer; NULL: it came as a whole */
    bool idle;                /* of the stream the client has taken all */
    bool given_up;            /* HTTP/2: the answer was not taken */
    uint64_t taken, taken_ms; /* what the client has taken of it; since when */
    h2o_iovec_t *instead;     /* the body of the answer goes here and is not sent */
    char own_id[ID_SIZE];     /* what `id` is if the client has none */
    struct query_pair few_pairs[FEW_PAIRS];
};

/* A request as it is before anything is known of it. */
struct request *request_new(h2o_req_t *h2o, struct worker *worker, struct conn *conn);
/* Path and query. 0, or the status of the refusal with its sentence. */
int request_parse(struct request *req, const char **why);
h2o_iovec_t request_raw_header(const struct request *req, const char *name); /* base NULL: absent */
char *request_text(struct request *req, h2o_iovec_t bytes);                  /* a copy */

void request_serve(struct request *req);  /* [dispatch] from the beginning */
void request_handle(struct request *req); /* [dispatch] who asks is known: permission, handler */
/* The API whose path it is; NULL: there is none. */
bool request_echoes_origin(const struct request *req); /* see http_config.echoing */
const struct envelope *request_envelope(const struct request *req);
void request_authenticate(struct request *req); /* then request_handle, now or later */
/* After a handler has returned: it must have answered or be waiting. */
void recent_token_forget(struct recent_token *t);
void request_check(struct request *req);
void request_abandon(struct request *req); /* HTTP/1: the client has gone */
void reply_close(struct request *req);     /* HTTP/1: close after the answer */
void reply_refuse(struct request *req, int status, const char *detail, enum refused reason);
void reply_text(struct request *req, int status, const char *text);
/* The answer's status and headers, unless it is a second one. What follows is up to the caller. */
bool reply_head(struct request *req, int status, const char *type, size_t length);
void reply_send_empty(struct request *req); /* nothing follows */
const char *status_reason(int status);

/* ---- Filters and loggers of H2O ----------------------------------------- */

int dispatch_on_request(h2o_handler_t *self, h2o_req_t *h2o);
void hpack_shorten(h2o_req_t *h2o); /* once for a connection is enough */
/* Errors that H2O itself answers with get our form. */
void own_errors_setup(h2o_filter_t *self, h2o_req_t *h2o, h2o_ostream_t **slot);
/* Counts cancelled HTTP/2 requests and ends connections that live of them. */
void guard_log(h2o_logger_t *self, h2o_req_t *h2o);

/* ---- Hops --------------------------------------------------------------- */

void hops_init(struct worker *w);
void hops_received(h2o_multithread_receiver_t *inbox, h2o_linklist_t *messages);
void hop_cut(struct request *req); /* the request is over: its answer goes nowhere */
void hops_end(struct worker *w);   /* answers all waiting requests with 503 */
void hops_close(struct worker *w); /* no more answers are taken from the control thread */
void hops_free(struct worker *w);  /* afterwards */
void hops_find_vanished(struct worker *w);
void hops_wake(struct worker *w); /* [any thread] its loop turns; nothing if it has ended */

/* ---- Streams -------------------------------------------------------------- */

void stream_over(struct request *req);   /* its request is; nothing if there is none */
void stream_resume(struct request *req); /* a hop of the stream has come back */
void streams_drain(struct worker *w);    /* tells whoever wants to know */
void streams_end(struct worker *w);      /* breaks all off */
void streams_find_vanished(struct worker *w);

/* ---- Messages ------------------------------------------------------------- */

void posts_init(struct worker *w);
void posts_run(struct worker *w);
void posts_close(struct worker *w); /* takes what there is, and no more */

/* ---- Counting and logging ----------------------------------------------- */

void access_init(struct http *h);
void access_note(struct request *req, int status); /* once per answer */
void refused(struct http *h, enum refused reason);

/* ---- Threads ------------------------------------------------------------ */

/* [HTTP thread] Go by the newest. Only where an event comes in: what the old one lent is gone. */
void policy_take(struct worker *w);

struct worker *worker_new(struct http *h, unsigned index);
void limits_take(struct worker *w); /* [limits] */

/* What holds now. */
static inline const struct http_limits *worker_limits(struct worker *w)
{
    unsigned now = atomic_load_explicit(&w->http->limits_version, memory_order_acquire);
    if (now != w->limits_version)
        limits_take(w);
    return &w->limits;
}

void *worker_main(void *worker);
void worker_free(struct worker *w); /* after its thread has ended */

#endif
