/* worker.c - one HTTP thread: its event loop from start to drain.
 *
 * The thread makes its context itself: H2O's sockets keep their input buffers
 * in a pool of the thread that created them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/inside.h"
#include "http/post.h"

#define DRAIN_TURN_MS 20
#define FORCED_MS     500 /* for the last answers to leave, once the deadline has passed */

struct worker *worker_new(struct http *h, unsigned index)
{
    struct worker *w = xcalloc(1, sizeof(*w));
    w->http = h;
    w->index = index;
    list_init(&w->conns);
    list_init(&w->unwatched);
    list_init(&w->lingers);
    list_init(&w->streams);
    list_init(&w->hops);
    w->listeners = xcalloc(h->listen_count ? h->listen_count : 1, sizeof(*w->listeners));
    w->identities = identity_cache_new(h->identity_entries);
    w->route_metrics = xcalloc(h->route_count + 1, sizeof(*w->route_metrics));
    hops_init(w);
    posts_init(w);
    return w;
}

void worker_free(struct worker *w)
{
    hops_free(w);
    port_unref(w->posts);
    identity_cache_free(w->identities);
    http_policy_free(w->policy);
    free(w->route_metrics);
    free(w->listeners);
    free(w);
}

/* ---- Setting up --------------------------------------------------------- */

static void check_layout(const struct worker *w)
{
    if (w->ctx.http1.req_timeout.timeout == w->http->h2o.http1.req_timeout)
        return;
    log_error("http", "this program was compiled for another flavour of the H2O library");
    abort();
}

static void listen_start(struct worker *w)
{
    for (size_t i = 0; i < w->http->listen_count; i++) {
        struct listen_socket *from = &w->http->listens[i];
        struct listener *l = &w->listeners[i];
        l->worker = w;
        l->tls = from->tls;
        l->sock =
            h2o_evloop_socket_create(w->ctx.loop, from->fds[w->index], H2O_SOCKET_FLAG_DONT_READ);
        from->fds[w->index] = -1;
        l->sock->data = l;
        h2o_socket_read_start(l->sock, conn_accept);
    }
}

static void set_up(struct worker *w)
{
    struct http *h = w->http;
    h2o_context_init(&w->ctx, h2o_evloop_create(), &h->h2o);
    check_layout(w);
    w->h2o = h->h2o;
    w->ctx.globalconf = &w->h2o;
    limits_take(w);
    h2o_multithread_register_receiver(w->ctx.queue, &w->inbox, hops_received);
    w->accept_plain = (h2o_accept_ctx_t){.ctx = &w->ctx, .hosts = h->h2o.hosts};
    w->accept_tls = w->accept_plain;
    policy_take(w);
    listen_start(w);
}

/* ---- Draining ----------------------------------------------------------- */

static void drain_begin(struct worker *w, uint64_t now_ms)
{
    w->draining = true;
    w->drain_began_ms = now_ms;
    for (size_t i = 0; i < w->http->listen_count; i++) {
        struct listener *l = &w->listeners[i];
        conn_accept(l->sock, NULL); /* those that the kernel has accepted already */
        h2o_socket_close(l->sock);
        l->sock = NULL;
    }
    streams_drain(w);
}

/* Time is up: whoever still waits gets an answer that says so. */
static void drain_force(struct worker *w)
{
    w->forced = true;
    log_warn("http", "the time to finish requests is up", LOG_I("thread", w->index),
             LOG_I("waiting", w->hop_count), LOG_I("connections", w->conn_count));
    hops_end(w);
    streams_end(w);
}

/* true: nothing is left to do. */
static bool drain_turn(struct worker *w, uint64_t now_ms)
{
    uint64_t deadline = atomic_load(&w->http->deadline_ms);
    /* After the streams' farewell: there are clients that take nothing after a GOAWAY. */
    if (!w->goodbye_said && now_ms != w->drain_began_ms) {
        w->goodbye_said = true;
        h2o_context_request_shutdown(&w->ctx);
    }
    conns_drain(w, now_ms);
    if (!w->conn_count && !w->hop_count && !w->linger_count)
        return true;
    if (now_ms < deadline)
        return false;
    if (!w->forced)
        drain_force(w);
    if (now_ms < deadline + FORCED_MS)
        return false;
    conns_end(w);
    lingers_end(w, UINT64_MAX);
    return (!w->conn_count && !w->linger_count) || now_ms > deadline + 2 * FORCED_MS;
}

/* ---- Turning ------------------------------------------------------------ */

static void turn(struct worker *w, int32_t wait_ms)
{
    if (h2o_evloop_run(w->ctx.loop, wait_ms) == 0 || errno == EINTR) {
        log_flush();
        return;
    }
    log_error("http", "the event loop failed", LOG_S("why", strerror(errno)));
    abort();
}

static void run(struct worker *w)
{
    for (;;) {
        turn(w, w->draining ? DRAIN_TURN_MS : SWEEP_MS);
        posts_run(w);
        conns_watch(w);
        uint64_t now = clock_ms();
        policy_take(w); /* an idle thread must not keep what is old */
        if (!w->draining && atomic_load(&w->http->draining))
            drain_begin(w, now);
        if (w->draining && drain_turn(w, now))
            return;
        if (now >= w->next_sweep_ms) {
            w->next_sweep_ms = now + SWEEP_MS;
            conns_sweep(w, now);
            hops_find_vanished(w);
            streams_find_vanished(w);
        }
    }
}

static void tear_down(struct worker *w)
{
    hops_close(w);
    posts_close(w);
    turn(w, 0); /* takes what was sent before the port closed */
    turn(w, 0);
    if (w->conn_count) {
        log_error("http", "connections were left open at the end", LOG_I("count", w->conn_count));
        return; /* H2O refuses to dispose of a context in use: its memory is left */
    }
    h2o_timeout_unlink(&w->ctx.http2._graceful_shutdown_timeout);
    h2o_multithread_unregister_receiver(w->ctx.queue, &w->inbox);
    h2o_loop_t *loop = w->ctx.loop;
    h2o_multithread_queue_t *queue = w->ctx.queue;
    h2o_context_dispose(&w->ctx);
    free(queue); /* the library takes it down, but leaves its memory */
    h2o_evloop_destroy(loop);
}

void *worker_main(void *worker)
{
    struct worker *w = worker;
    char name[16];
    snprintf(name, sizeof(name), "http-%u", w->index);
    pthread_setname_np(pthread_self(), name);
    set_up(w);
    pthread_barrier_wait(&w->http->ready);
    run(w);
    tear_down(w);
    return NULL;
}
