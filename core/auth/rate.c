/* rate.c - a ring of times per address, and a list of addresses by last ask. */
#include "auth/rate.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

struct visitor {
    struct link by_last_ask; /* oldest first */
    char key[RATE_KEY_SIZE];
    unsigned used, next;
    uint64_t asked_ms[]; /* limit.count of them, a ring */
};

struct rate {
    pthread_mutex_t lock;
    struct rate_limit limit;
    size_t max_addresses;
    struct map *visitors;
    struct link by_last_ask;
};

bool rate_parse(const char *text, struct rate_limit *out)
{
    char count_text[8];
    int64_t count, window_ms;
    if (str_eq(text, "off")) {
        *out = (struct rate_limit){0};
        return true;
    }
    const char *slash = strchr(text, '/');
    if (!slash || slash == text || (size_t)(slash - text) >= sizeof count_text)
        return false;
    memcpy(count_text, text, (size_t)(slash - text));
    count_text[slash - text] = '\0';
    if (!str_to_int(count_text, &count) || !str_to_ms(slash + 1, &window_ms))
        return false;
    if (count < 1 || count > RATE_COUNT_MAX || window_ms < 1)
        return false;
    *out = (struct rate_limit){(unsigned)count, (uint64_t)window_ms};
    return true;
}

struct rate *rate_new(const struct rate_limit *limit, size_t max_addresses)
{
    struct rate *r = xcalloc(1, sizeof *r);
    pthread_mutex_init(&r->lock, NULL);
    r->limit = *limit;
    r->max_addresses = max_addresses;
    r->visitors = map_new();
    list_init(&r->by_last_ask);
    return r;
}

void rate_free(struct rate *r)
{
    if (!r)
        return;
    map_free(r->visitors, free);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

void rate_set(struct rate *r, const struct rate_limit *limit, size_t max_addresses)
{
    pthread_mutex_lock(&r->lock);
    if (r->limit.count != limit->count || r->limit.window_ms != limit->window_ms) {
        map_free(r->visitors, free); /* their rings have the old size */
        r->visitors = map_new();
        list_init(&r->by_last_ask);
        r->limit = *limit;
    }
    r->max_addresses = max_addresses;
    pthread_mutex_unlock(&r->lock);
}

/* One name per client, however its address was written. */
void rate_key(const char *peer, char key[RATE_KEY_SIZE])
{
    struct in6_addr v6;
    if (!peer || inet_pton(AF_INET6, peer, &v6) != 1) {
        size_t len = peer ? strnlen(peer, RATE_KEY_SIZE - 1) : 0;
        if (len)
            memcpy(key, peer, len);
        key[len] = '\0';
    } else if (IN6_IS_ADDR_V4MAPPED(&v6)) {
        inet_ntop(AF_INET, &v6.s6_addr[12], key, RATE_KEY_SIZE);
    } else {
        memset(&v6.s6_addr[8], 0, 8);
        inet_ntop(AF_INET6, &v6, key, RATE_KEY_SIZE);
    }
}

static void forget(struct rate *r, struct visitor *v)
{
    list_remove(&v->by_last_ask);
    map_del(r->visitors, v->key);
    free(v);
}

/* The first of the list asked longest ago: two per ask keep up with any rate of newcomers. */
static void expire(struct rate *r, uint64_t now)
{
    for (int i = 0; i < 2 && !list_empty(&r->by_last_ask); i++) {
        struct visitor *v = list_item(r->by_last_ask.next, struct visitor, by_last_ask);
        unsigned last = (v->next + r->limit.count - 1) % r->limit.count;
        if (now - v->asked_ms[last] < r->limit.window_ms)
            break;
        forget(r, v);
    }
}

static struct visitor *visitor_of(struct rate *r, const char *key)
{
    struct visitor *v = map_get(r->visitors, key);
    if (v)
        return v;
    if (map_len(r->visitors) >= r->max_addresses)
        forget(r, list_item(r->by_last_ask.next, struct visitor, by_last_ask));
    v = xcalloc(1, sizeof *v + r->limit.count * sizeof *v->asked_ms);
    memcpy(v->key, key, strlen(key) + 1);
    list_init(&v->by_last_ask);
    map_set(r->visitors, key, v);
    return v;
}

static void note(struct rate *r, struct visitor *v, uint64_t now)
{
    v->asked_ms[v->next] = now;
    v->next = (v->next + 1) % r->limit.count;
    v->used += v->used < r->limit.count;
    list_remove(&v->by_last_ask);
    list_append(&r->by_last_ask, &v->by_last_ask);
}

static bool ask(struct rate *r, const char *key, uint64_t now, unsigned *retry_after_s)
{
    expire(r, now);
    struct visitor *v = visitor_of(r, key);
    /* When the ring is full, `next` is its oldest. */
    if (v->used == r->limit.count && now - v->asked_ms[v->next] < r->limit.window_ms) {
        uint64_t wait_ms = v->asked_ms[v->next] + r->limit.window_ms - now;
        *retry_after_s = (unsigned)((wait_ms + 999) / 1000);
        return false;
    }
    note(r, v, now);
    return true;
}

bool rate_allow(struct rate *r, const char *peer, unsigned *retry_after_s)
{
    char key[RATE_KEY_SIZE];
    *retry_after_s = 0;
    rate_key(peer, key);
    pthread_mutex_lock(&r->lock);
    bool allowed = !r->limit.count || ask(r, key, clock_ms(), retry_after_s);
    pthread_mutex_unlock(&r->lock);
    return allowed;
}

void rate_count(struct rate *r, const char *key)
{
    if (str_empty(key) || strlen(key) >= RATE_KEY_SIZE)
        return;
    pthread_mutex_lock(&r->lock);
    if (r->limit.count) {
        expire(r, clock_ms());
        note(r, visitor_of(r, key), clock_ms());
    }
    pthread_mutex_unlock(&r->lock);
}

size_t rate_addresses(struct rate *r)
{
    pthread_mutex_lock(&r->lock);
    size_t count = map_len(r->visitors);
    pthread_mutex_unlock(&r->lock);
    return count;
}
