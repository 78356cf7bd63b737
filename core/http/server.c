/* server.c - starting the HTTP threads and ending them. */
#include "http/server.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "http/inside.h"

#define MAX_THREADS 256

/* ---- What the configuration lends --------------------------------------- */

static unsigned thread_count(unsigned wanted)
{
    long cores = wanted ? (long)wanted : sysconf(_SC_NPROCESSORS_ONLN);
    if (cores < 1)
        return 1;
    return cores > MAX_THREADS ? MAX_THREADS : (unsigned)cores;
}

static struct http *http_new(const struct http_config *config)
{
    struct http *h = xcalloc(1, sizeof(*h));
    h->arena = arena_new();
    pthread_mutex_init(&h->policy_lock, NULL);
    h->echoing = list_copy(h->arena, config->echoing);
    h->uploads = list_copy(h->arena, config->uploads);
    h->identity_entries = config->identity_cache;
    h->routes = config->routes;
    h->route_count = config->route_count;
    h->envelopes = config->envelopes;
    h->envelope_count = config->envelope_count;
    h->control = config->control;
    h->metrics = config->metrics;
    h->identify = config->identify;
    h->identify_arg = config->identify_arg;
    h->app = config->app;
    h->worker_count = thread_count(config->threads);
    pthread_mutex_init(&h->limits_lock, NULL);
    http_set_limits(h, &config->limits);
    h->addresses_open = addresses_new();
    atomic_store(&h->deadline_ms, UINT64_MAX);
    siphash_key_random(&h->key);
    return h;
}

/* ---- H2O's configuration ------------------------------------------------ */

static void configure(struct http *h, const struct http_config *config)
{
    h2o_config_init(&h->h2o);
    h2o_hostconf_t *host =
        h2o_config_register_host(&h->h2o, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *all = &host->fallback_path;
    h2o_create_handler(all, sizeof(h2o_handler_t))->on_req = dispatch_on_request;
    h2o_create_logger(all, sizeof(h2o_logger_t))->log_access = guard_log;
    h2o_create_filter(all, sizeof(h2o_filter_t))->on_setup_ostream = own_errors_setup;

    const char *name = config->server_name ? config->server_name : "";
    h->h2o.server_name = h2o_iovec_init(arena_strdup(h->arena, name), strlen(name));
    h->h2o.http1.upgrade_to_http2 = config->http2;
    /* No request body goes through a file in /tmp. */
    h2o_socket_buffer_mmap_settings.threshold = SIZE_MAX;
}

/* ---- Listening ---------------------------------------------------------- */

static bool listen_all(struct http *h, const char *const *list, bool tls, struct problem *problem)
{
    for (; list && *list; list++) {
        h->listens = xrealloc(h->listens, (h->listen_count + 1) * sizeof(*h->listens));
        struct listen_socket *l = &h->listens[h->listen_count];
        if (!listen_open(l, *list, h->worker_count, problem))
            return false;
        l->tls = tls;
        h->listen_count++;
    }
    return true;
}

static void name_addresses(struct http *h)
{
    h->addresses = arena_alloc(h->arena, (h->listen_count + 1) * sizeof(*h->addresses));
    for (size_t i = 0; i < h->listen_count; i++)
        h->addresses[i] = arena_strdup(h->arena, h->listens[i].name);
}

static bool prepare(struct http *h, const struct http_config *config, struct problem *problem)
{
    h->router = router_new(config->routes, config->route_count, problem);
    h->policy = http_policy_new(config, problem);
    atomic_store(&h->policy_number, 1);
    if (!h->router || !h->policy)
        return false;
    if (!listen_all(h, config->listen, false, problem) ||
        !listen_all(h, config->listen_tls, true, problem))
        return false;
    name_addresses(h);
    access_init(h);
    return true;
}

static void http_free(struct http *h)
{
    for (unsigned i = 0; h->workers && i < h->worker_count; i++)
        worker_free(h->workers[i]);
    for (size_t i = 0; i < h->listen_count; i++)
        listen_close(&h->listens[i]);
    if (h->h2o.hosts)
        h2o_config_dispose(&h->h2o);
    http_policy_free(h->policy);
    pthread_mutex_destroy(&h->policy_lock);
    if (h->workers)
        pthread_barrier_destroy(&h->ready);
    pthread_mutex_destroy(&h->limits_lock);
    addresses_free(h->addresses_open);
    router_free(h->router);
    free(h->listens);
    free(h->workers);
    arena_free(h->arena);
    free(h);
}

/* ---- Starting and ending ------------------------------------------------ */

/* The threads take no signals: main waits for them. */
static void start_threads(struct http *h)
{
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGABRT);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_barrier_init(&h->ready, NULL, h->worker_count + 1);
    h->workers = xcalloc(h->worker_count, sizeof(struct worker *));
    for (unsigned i = 0; i < h->worker_count; i++) {
        h->workers[i] = worker_new(h, i);
        if (pthread_create(&h->workers[i]->thread, NULL, worker_main, h->workers[i]) != 0) {
            log_error("http", "cannot start a thread");
            abort();
        }
    }
    pthread_barrier_wait(&h->ready);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct http *http_start(const struct http_config *config, struct problem *problem)
{
    struct http *h = http_new(config);
    if (!prepare(h, config, problem)) {
        http_free(h);
        return NULL;
    }
    configure(h, config);
    start_threads(h);
    for (size_t i = 0; i < h->listen_count; i++)
        log_info("http", "listening", LOG_S("address", h->addresses[i]),
                 LOG_S("tls", h->listens[i].tls ? "yes" : "no"));
    return h;
}

unsigned http_threads(const struct http *h)
{
    return h->worker_count;
}

const char *const *http_addresses(const struct http *h)
{
    return h->addresses;
}

void http_forget_identities(struct http *h)
{
    atomic_fetch_add(&h->generation, 1);
}

void http_drain(struct http *h)
{
    if (atomic_exchange(&h->draining, true))
        return;
    for (unsigned i = 0; i < h->worker_count; i++)
        hops_wake(h->workers[i]);
}

void http_join(struct http *h, uint64_t deadline_ms)
{
    uint64_t now = clock_ms();
    atomic_store(&h->deadline_ms, deadline_ms < UINT64_MAX / 2 ? now + deadline_ms : UINT64_MAX);
    http_drain(h);
    for (unsigned i = 0; i < h->worker_count; i++)
        pthread_join(h->workers[i]->thread, NULL);
    http_free(h);
}
