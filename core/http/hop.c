/* hop.c - from an HTTP thread to the control thread and back.
 *
 * There: one lock-free push, which wakes the control thread only when its queue
 * was empty. Back: what was answered in a turn of the control loop is chained
 * per HTTP thread and sent as one message at the end; waking the other side
 * costs more than the rest of the way. The end of the turn is reached by
 * posting to the own loop, behind what is already there.
 *
 * A hop belongs to the HTTP thread, then to the control thread until
 * hop_done(), then to the HTTP thread again. `req` is touched by the HTTP
 * thread only: a client that goes away cuts this one link. The port outlives
 * its worker while hops are still on the other side.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "http/inside.h"
#include "http/stream.h"

#define ID_MAX     129
#define POLL_BATCH 64

struct hop {
    struct loop_msg msg;
    h2o_multithread_message_t batch; /* of the first in a chain */
    struct hop *next;                /* in the chain, or among the spare ones */
    struct hop_port *port;
    struct link link; /* in worker->hops */
    struct request *req;
    hop_run_fn *run;
    hop_back_fn *back;
    dg_fn *free_data;
    void *data;
    bool done; /* [control thread] */
    char id[ID_MAX];
};

/* The end of a worker that other threads may touch. */
struct hop_port {
    struct loop *control;
    void *app;                /* http_config.app */
    struct hop *first, *last; /* [control thread] answered, not sent */
    bool posted;              /* [control thread] `flush` is under way */
    struct loop_msg flush;
    pthread_mutex_t lock;
    h2o_multithread_receiver_t *inbox; /* under the lock; NULL: the worker has ended */
    bool counted;                      /* under the lock: `left` is complete */
    long left;                         /* under the lock: hops that will find no worker */
};

/* ---- The control thread's side ------------------------------------------ */

static void port_free(struct hop_port *port)
{
    pthread_mutex_destroy(&port->lock);
    free(port);
}

static long free_orphans(struct hop *chain)
{
    long n = 0;
    for (struct hop *next; chain; chain = next, n++) {
        next = chain->next;
        if (chain->free_data)
            chain->free_data(chain->data);
        free(chain);
    }
    return n;
}

/* The worker ends and the last hops come home at the same time: whoever is last frees. */
static void settle(struct hop_port *port, long hops, bool counted)
{
    pthread_mutex_lock(&port->lock);
    port->left += hops;
    port->counted |= counted;
    bool last = port->counted && !port->left;
    pthread_mutex_unlock(&port->lock);
    if (last)
        port_free(port);
}

static void on_flush(struct loop_msg *msg)
{
    struct hop_port *port = list_item(msg, struct hop_port, flush);
    struct hop *chain = port->first;
    port->first = port->last = NULL;
    port->posted = false;

    pthread_mutex_lock(&port->lock);
    bool ended = !port->inbox;
    if (!ended)
        h2o_multithread_send_message(port->inbox, &chain->batch);
    pthread_mutex_unlock(&port->lock);
    if (ended)
        settle(port, -free_orphans(chain), false);
}

void hop_done(struct hop *hop)
{
    if (hop->done) {
        log_error("http", "a hop was ended twice");
        return;
    }
    struct hop_port *port = hop->port;
    hop->done = true;
    hop->next = NULL;
    if (port->last)
        port->last->next = hop;
    else
        port->first = hop;
    port->last = hop;
    if (!port->posted) {
        port->posted = true;
        loop_post(port->control, &port->flush);
    }
}

void *hop_app(const struct hop *hop)
{
    return hop->port->app;
}

static void on_posted(struct loop_msg *msg)
{
    struct hop *hop = list_item(msg, struct hop, msg);
    log_request_id(hop->id);
    hop->run(hop, hop->data);
    log_request_id(NULL);
}

/* ---- The HTTP thread's side --------------------------------------------- */

static struct hop *take_hop(struct worker *w)
{
    struct hop *hop = w->spare_hops;
    if (hop)
        w->spare_hops = hop->next;
    else
        hop = xmalloc(sizeof(*hop));
    return hop;
}

static void give_hop(struct worker *w, struct hop *hop)
{
    if (hop->free_data)
        hop->free_data(hop->data);
    hop->next = w->spare_hops;
    w->spare_hops = hop;
}

static void refuse_hop(struct request *req, void *data, dg_fn *free_data)
{
    if (free_data)
        free_data(data);
    if (req->stream) {
        refused(req->worker->http, REFUSED_IN_FLIGHT);
        stream_break(req);
        return;
    }
    reply_header(req, "Retry-After", "1");
    reply_refuse(req, 503, "Too many requests under way", REFUSED_IN_FLIGHT);
}

/* true: it is counted. Streams have one at a time, and limits of their own. */
static bool may_start(struct worker *w, const struct request *req)
{
    const struct http_limits *l = worker_limits(w);
    _Atomic size_t *total = &w->http->hop_count;
    if (w->forced || (!req->stream && w->hop_count >= l->max_in_flight))
        return false;
    if (atomic_fetch_add_explicit(total, 1, memory_order_relaxed) < l->max_in_flight_total ||
        req->stream)
        return true;
    atomic_fetch_sub_explicit(total, 1, memory_order_relaxed);
    return false;
}

void hop_start(struct request *req, void *data, hop_run_fn *run, hop_back_fn *back,
               dg_fn *free_data)
{
    struct worker *w = req->worker;
    if ((req->answered && !req->stream) || req->hop) {
        log_error("http", "a hop from a request that has one, or was answered",
                  LOG_S("path", req->path));
        abort();
    }
    if (!may_start(w, req)) {
        refuse_hop(req, data, free_data);
        return;
    }
    struct hop *hop = take_hop(w);
    hop->msg.fn = on_posted;
    hop->batch.link = (h2o_linklist_t){NULL, NULL};
    hop->port = w->port;
    hop->req = req;
    hop->run = run;
    hop->back = back;
    hop->free_data = free_data;
    hop->data = data;
    hop->done = false;
    memcpy(hop->id, req->id, strlen(req->id) + 1);
    req->hop = hop;
    list_append(&w->hops, &hop->link);
    w->hop_count++;
    metric_add(w->http->count.in_flight, 1);
    loop_post(w->http->control, &hop->msg);
}

static void came_back(struct worker *w, struct hop *hop)
{
    list_remove(&hop->link);
    w->hop_count--;
    atomic_fetch_sub_explicit(&w->http->hop_count, 1, memory_order_relaxed);
    metric_add(w->http->count.in_flight, -1);
    struct request *req = hop->req;
    if (req) {
        req->hop = NULL;
        log_request_id(req->id);
        hop->back(req, hop->data);
        request_check(req);
        if (req->stream)
            stream_resume(req);
        log_request_id(NULL);
    }
    give_hop(w, hop);
}

void hops_received(h2o_multithread_receiver_t *inbox, h2o_linklist_t *messages)
{
    struct worker *w = H2O_STRUCT_FROM_MEMBER(struct worker, inbox, inbox);
    for (h2o_linklist_t *node = messages->next, *after; node != messages; node = after) {
        after = node->next;
        struct hop *hop = H2O_STRUCT_FROM_MEMBER(struct hop, batch.link, node);
        for (struct hop *next; hop; hop = next) {
            next = hop->next;
            came_back(w, hop);
        }
    }
    h2o_linklist_init_anchor(messages);
}

void hop_cut(struct request *req)
{
    if (!req->hop)
        return;
    req->hop->req = NULL;
    req->hop = NULL;
}

/* ---- Clients that have gone --------------------------------------------- */

void request_abandon(struct request *req)
{
    hop_cut(req);
    if (req->stream) {
        stream_break(req);
        return;
    }
    req->h2o->http1_is_persistent = 0;
    reply_empty(req, 499);
}

static void abandon_batch(struct hop **hops, struct pollfd *fds, unsigned count)
{
    if (!count || poll(fds, count, 0) <= 0)
        return;
    for (unsigned i = 0; i < count; i++)
        if (fds[i].revents & (POLLRDHUP | POLLHUP | POLLERR))
            request_abandon(hops[i]->req);
}

/* H2O does not read from an HTTP/1 connection whose request is being served, and so does not see
 * it close. A client that closes only its sending half looks the same. */
void hops_find_vanished(struct worker *w)
{
    struct hop *hops[POLL_BATCH];
    struct pollfd fds[POLL_BATCH];
    unsigned count = 0;
    for (struct link *i = w->hops.next; i != &w->hops; i = i->next) {
        struct hop *hop = list_item(i, struct hop, link);
        if (!hop->req || hop->req->h2o->version >= 0x200)
            continue;
        hops[count] = hop;
        fds[count].fd = h2o_socket_get_fd(hop->req->conn->sock);
        fds[count].events = POLLRDHUP;
        if (++count == POLL_BATCH) {
            abandon_batch(hops, fds, count);
            count = 0;
        }
    }
    abandon_batch(hops, fds, count);
}

/* ---- Beginning and end -------------------------------------------------- */

void hops_init(struct worker *w)
{
    struct hop_port *port = xcalloc(1, sizeof(*port));
    port->control = w->http->control;
    port->app = w->http->app;
    port->flush.fn = on_flush;
    port->inbox = &w->inbox;
    pthread_mutex_init(&port->lock, NULL);
    w->port = port;
}

void hops_wake(struct worker *w)
{
    pthread_mutex_lock(&w->port->lock);
    if (w->port->inbox)
        h2o_multithread_send_message(w->port->inbox, NULL);
    pthread_mutex_unlock(&w->port->lock);
}

void hops_end(struct worker *w)
{
    for (struct link *i = w->hops.next; i != &w->hops; i = i->next) {
        struct request *req = list_item(i, struct hop, link)->req;
        if (!req)
            continue;
        hop_cut(req);
        if (req->stream)
            continue; /* see streams_end */
        reply_header(req, "Retry-After", "1");
        reply_error(req, 503, "The server is shutting down");
    }
}

void hops_close(struct worker *w)
{
    pthread_mutex_lock(&w->port->lock);
    w->port->inbox = NULL;
    pthread_mutex_unlock(&w->port->lock);
}

void hops_free(struct worker *w)
{
    for (struct hop *hop = w->spare_hops, *next; hop; hop = next) {
        next = hop->next;
        free(hop);
    }
    settle(w->port, (long)w->hop_count, true);
}
