/* addresses.c - how many connections each client address has, over all threads.
 *
 * Touched when a connection comes and when it goes, not for requests. An IPv6
 * client has a whole /64 to choose from, so that is what is counted.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "http/inside.h"

struct addresses {
    pthread_mutex_t lock;
    struct map *counts; /* address -> number of connections, as a pointer */
};

struct addresses *addresses_new(void)
{
    struct addresses *a = xcalloc(1, sizeof(*a));
    pthread_mutex_init(&a->lock, NULL);
    a->counts = map_new();
    return a;
}

void addresses_free(struct addresses *a)
{
    if (!a)
        return;
    map_free(a->counts, NULL);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static const char *key_of(const char *peer, char key[ADDRESS_SIZE])
{
    struct in6_addr v6;
    if (!strchr(peer, ':') || inet_pton(AF_INET6, peer, &v6) != 1)
        return peer;
    memset(v6.s6_addr + 8, 0, 8);
    return inet_ntop(AF_INET6, &v6, key, ADDRESS_SIZE);
}

bool addresses_enter(struct addresses *a, const char *peer, size_t max)
{
    char space[ADDRESS_SIZE];
    const char *key = key_of(peer, space);
    pthread_mutex_lock(&a->lock);
    size_t count = (size_t)(uintptr_t)map_get(a->counts, key);
    bool fits = count < max;
    if (fits)
        map_set(a->counts, key, (void *)(uintptr_t)(count + 1));
    pthread_mutex_unlock(&a->lock);
    return fits;
}

void addresses_leave(struct addresses *a, const char *peer)
{
    char space[ADDRESS_SIZE];
    const char *key = key_of(peer, space);
    pthread_mutex_lock(&a->lock);
    size_t count = (size_t)(uintptr_t)map_get(a->counts, key);
    if (count > 1)
        map_set(a->counts, key, (void *)(uintptr_t)(count - 1));
    else
        map_del(a->counts, key);
    pthread_mutex_unlock(&a->lock);
}
