/* net.c - libcurl's multi handle on the loop.
 *
 * curl says which sockets it waits for and when it wants to be called; the loop
 * does both. No callback of ours is run from inside curl: curl's own callbacks
 * only collect, and what they collected is told once curl has returned. So
 * whoever is told may start and stop transfers as he likes.
 */
#include "loop/net.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "loop/net_private.h"

/* Asterisk closes idle connections after 15 s; one that is about to be closed
 * is not used for a request that must not be sent twice. */
#define IDLE_SECONDS 10L

struct net_kick {
    struct loop_msg msg;
    struct net *net; /* NULL: the net is gone */
};

/* ---- Driving curl ----------------------------------------------------------- */

static void reap(struct net *n)
{
    int left;
    fetch_deliver_parts(n);
    for (CURLMsg *msg; (msg = curl_multi_info_read(n->multi, &left));) {
        struct transfer *t = NULL;
        CURLcode rc = msg->data.result;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &t);
        t->done(t, rc);
    }
}

static void act(struct net *n, curl_socket_t fd, int ready)
{
    int running;
    curl_multi_socket_action(n->multi, fd, ready, &running);
    reap(n);
}

struct socket_watch {
    struct net *net;
    struct loop_watch *watch;
    curl_socket_t fd;
};

static void on_socket(void *arg, unsigned ready)
{
    const struct socket_watch *w = arg; /* may be gone after it */
    act(w->net, w->fd,
        (ready & DG_READ ? CURL_CSELECT_IN : 0) | (ready & DG_WRITE ? CURL_CSELECT_OUT : 0));
}

/* Called by curl. curl_multi_assign is the one function of the multi handle
 * that may be called here. */
static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
    struct net *n = arg;
    struct socket_watch *w = of_socket;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            loop_watch_stop(w->watch);
            free(w);
            curl_multi_assign(n->multi, fd, NULL);
        }
        return 0;
    }
    unsigned want = (what & CURL_POLL_IN ? DG_READ : 0u) | (what & CURL_POLL_OUT ? DG_WRITE : 0u);
    if (w) {
        loop_watch_want(w->watch, want);
        return 0;
    }
    w = xcalloc(1, sizeof(*w));
    w->net = n;
    w->fd = fd;
    w->watch = loop_watch(n->loop, fd, want, on_socket, w);
    if (!w->watch) {
        free(w); /* the transfer then runs into its timeout */
        return 0;
    }
    curl_multi_assign(n->multi, fd, w);
    return 0;
}

static void on_timeout(void *arg)
{
    struct net *n = arg;
    n->timer = NULL;
    act(n, CURL_SOCKET_TIMEOUT, 0);
}

static void on_kick(struct loop_msg *msg)
{
    struct net_kick *kick = list_item(msg, struct net_kick, msg);
    struct net *n = kick->net;
    free(kick);
    if (!n)
        return;
    n->kick = NULL;
    act(n, CURL_SOCKET_TIMEOUT, 0);
}

/* "Now" is the next turn: a timer of a millisecond would hold up every request. */
static void kick_soon(struct net *n)
{
    if (n->kick)
        return;
    n->kick = xcalloc(1, sizeof(*n->kick));
    n->kick->msg.fn = on_kick;
    n->kick->net = n;
    loop_post(n->loop, &n->kick->msg);
}

/* Called by curl. */
static int on_curl_timer(CURLM *multi, long after_ms, void *arg)
{
    struct net *n = arg;
    (void)multi;
    loop_timer_stop(n->loop, n->timer);
    n->timer = NULL;
    if (after_ms == 0)
        kick_soon(n);
    else if (after_ms > 0)
        n->timer = loop_timer(n->loop, (uint64_t)after_ms, on_timeout, n);
    return 0;
}

/* ---- Transfers --------------------------------------------------------------- */

void transfer_init(struct transfer *t, struct net *n)
{
    t->net = n;
    list_init(&t->link);
    t->easy = curl_easy_init();
    if (!t->easy) {
        log_error("net", "libcurl gives no handle");
        abort();
    }
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t->easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(t->easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
    curl_easy_setopt(t->easy, CURLOPT_MAXAGE_CONN, IDLE_SECONDS);
    /* Or stopping a transfer waits for its name to be resolved. */
    curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L);
}

void transfer_tls(struct transfer *t, bool no_verify, const char *ca_file)
{
    curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, no_verify ? 0L : 1L);
    curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, no_verify ? 0L : 2L);
    if (ca_file)
        curl_easy_setopt(t->easy, CURLOPT_CAINFO, ca_file);
}

bool transfer_start(struct transfer *t)
{
    list_append(&t->net->transfers, &t->link);
    return curl_multi_add_handle(t->net->multi, t->easy) == CURLM_OK;
}

void transfer_free(struct transfer *t)
{
    if (!t->easy)
        return;
    curl_multi_remove_handle(t->net->multi, t->easy);
    curl_easy_cleanup(t->easy);
    t->easy = NULL;
    list_remove(&t->link);
}

enum dg_err transfer_err(CURLcode rc)
{
    switch (rc) {
    case CURLE_OK:
        return DG_OK;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return DG_EINVAL;
    case CURLE_OPERATION_TIMEDOUT:
        return DG_ETIMEOUT;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return DG_EUNAVAILABLE;
    default:
        return DG_EUPSTREAM;
    }
}

const char *transfer_why(const struct transfer *t, CURLcode rc)
{
    return t->error[0] ? t->error : curl_easy_strerror(rc);
}

/* ---- The whole --------------------------------------------------------------- */

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_ALL);
    /* OpenSSL writes without MSG_NOSIGNAL: a peer that went away would end us. */
    signal(SIGPIPE, SIG_IGN);
}

static void set_defaults(struct net_config *c)
{
    c->connect_ms = c->connect_ms ? c->connect_ms : 5000;
    c->timeout_ms = c->timeout_ms ? c->timeout_ms : 15000;
    c->max_body = c->max_body ? c->max_body : (size_t)16 << 20;
    c->max_unsent = c->max_unsent ? c->max_unsent : (size_t)1 << 20;
    c->max_idle = c->max_idle ? c->max_idle : 20;
    c->max_per_host = c->max_per_host ? c->max_per_host : 50;
}

struct net *net_new(struct loop *l, const struct net_config *config)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    struct net *n = xcalloc(1, sizeof(*n));
    n->loop = l;
    if (config)
        n->config = *config;
    set_defaults(&n->config);
    list_init(&n->transfers);
    list_init(&n->parts);
    n->multi = curl_multi_init();
    if (!n->multi) {
        log_error("net", "libcurl gives no multi handle");
        abort();
    }
    curl_multi_setopt(n->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(n->multi, CURLMOPT_SOCKETDATA, n);
    curl_multi_setopt(n->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(n->multi, CURLMOPT_TIMERDATA, n);
    curl_multi_setopt(n->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(n->multi, CURLMOPT_MAXCONNECTS, n->config.max_idle);
    curl_multi_setopt(n->multi, CURLMOPT_MAX_HOST_CONNECTIONS, n->config.max_per_host);
    return n;
}

void net_free(struct net *n)
{
    if (!n)
        return;
    while (!list_empty(&n->transfers)) {
        struct transfer *t = list_item(n->transfers.next, struct transfer, link);
        t->drop(t);
    }
    curl_multi_cleanup(n->multi);
    loop_timer_stop(n->loop, n->timer);
    if (n->kick)
        n->kick->net = NULL;
    free(n);
}
