/* policy.c - what may change while the threads run, replaced as a whole.
 *
 * A policy is never written to after it was made. Each worker holds a reference
 * to the one it goes by and takes over a newer one where an event comes in: at
 * a request, at new connections, at a turn of its loop. So nothing that is
 * under way sees two, and whoever lets go last frees it. A TLS connection holds
 * the context that it was made with by itself.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "http/inside.h"
#include "http/tls.h"

const char *const *list_copy(struct arena *a, const char *const *list)
{
    size_t count = 0;
    while (list && list[count])
        count++;
    const char **copy = arena_alloc(a, (count + 1) * sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = arena_strdup(a, list[i]);
    return copy;
}

struct http_policy *http_policy_new(const struct http_config *config, struct problem *problem)
{
    struct http_policy *p = xcalloc(1, sizeof(*p));
    atomic_init(&p->refs, 1);
    p->arena = arena_new();
    p->origins = list_copy(p->arena, config->allowed_origins);
    p->trusted = networks_read(p->arena, config->trusted_proxies, problem);
    bool good = p->trusted != NULL;
    if (good && config->listen_tls && config->listen_tls[0]) {
        p->tls = tls_new(config->certificate, config->key, config->http2, problem);
        good = p->tls != NULL;
    }
    if (good)
        return p;
    http_policy_free(p);
    return NULL;
}

void http_policy_free(struct http_policy *p)
{
    if (!p || atomic_fetch_sub(&p->refs, 1) > 1)
        return;
    if (p->tls)
        SSL_CTX_free(p->tls);
    arena_free(p->arena);
    free(p);
}

void http_use(struct http *h, struct http_policy *p)
{
    pthread_mutex_lock(&h->policy_lock);
    struct http_policy *old = h->policy;
    if (!p->tls && old->tls) { /* its listeners are still there */
        SSL_CTX_up_ref(old->tls);
        p->tls = old->tls;
    }
    h->policy = p;
    atomic_fetch_add(&h->policy_number, 1);
    pthread_mutex_unlock(&h->policy_lock);
    http_policy_free(old);
}

void policy_take(struct worker *w)
{
    struct http *h = w->http;
    if (atomic_load(&h->policy_number) == w->policy_number)
        return;
    pthread_mutex_lock(&h->policy_lock);
    struct http_policy *fresh = h->policy;
    atomic_fetch_add(&fresh->refs, 1);
    w->policy_number = atomic_load(&h->policy_number);
    pthread_mutex_unlock(&h->policy_lock);
    http_policy_free(w->policy);
    w->policy = fresh;
    w->accept_tls.ssl_ctx = fresh->tls;
}
