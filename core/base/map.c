/* map.c - a chained hash table; each entry is one allocation with its key. */
#include "base/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/siphash.h"

#define FIRST_SIZE 16u /* a power of two, as all sizes */

struct entry {
    struct entry *next;
    uint64_t hash;
    void *value;
    char key[];
};

struct map {
    struct siphash_key key;
    struct entry **buckets;
    size_t size, len;
};

struct map *map_new(void)
{
    struct map *m = xcalloc(1, sizeof(*m));
    siphash_key_random(&m->key);
    m->size = FIRST_SIZE;
    m->buckets = xcalloc(m->size, sizeof(*m->buckets));
    return m;
}

void map_free(struct map *m, void (*free_value)(void *value))
{
    if (!m)
        return;
    for (size_t i = 0; i < m->size; i++) {
        for (struct entry *e = m->buckets[i], *next; e; e = next) {
            next = e->next;
            if (free_value)
                free_value(e->value);
            free(e);
        }
    }
    free(m->buckets);
    free(m);
}

/* The pointer that points to the entry, or to the NULL where it would be. */
static struct entry **find(const struct map *m, const char *key, uint64_t *hash)
{
    *hash = siphash64(&m->key, key, strlen(key));
    struct entry **e = &m->buckets[*hash & (m->size - 1)];
    while (*e && ((*e)->hash != *hash || strcmp((*e)->key, key) != 0))
        e = &(*e)->next;
    return e;
}

void *map_get(const struct map *m, const char *key)
{
    uint64_t hash;
    struct entry *e = *find(m, key, &hash);
    return e ? e->value : NULL;
}

static void grow(struct map *m)
{
    size_t size = m->size * 2;
    struct entry **buckets = xcalloc(size, sizeof(*buckets));
    for (size_t i = 0; i < m->size; i++) {
        for (struct entry *e = m->buckets[i], *next; e; e = next) {
            next = e->next;
            struct entry **bucket = &buckets[e->hash & (size - 1)];
            e->next = *bucket;
            *bucket = e;
        }
    }
    free(m->buckets);
    m->buckets = buckets;
    m->size = size;
}

void *map_set(struct map *m, const char *key, void *value)
{
    uint64_t hash;
    struct entry **place = find(m, key, &hash);
    if (*place) {
        void *old = (*place)->value;
        (*place)->value = value;
        return old;
    }
    size_t len = strlen(key);
    struct entry *e = xmalloc(sizeof(*e) + len + 1);
    *e = (struct entry){.hash = hash, .value = value};
    memcpy(e->key, key, len + 1);
    *place = e;
    if (++m->len > m->size)
        grow(m);
    return NULL;
}

void *map_del(struct map *m, const char *key)
{
    uint64_t hash;
    struct entry **place = find(m, key, &hash);
    struct entry *e = *place;
    if (!e)
        return NULL;
    void *old = e->value;
    *place = e->next;
    m->len--;
    free(e);
    return old;
}

size_t map_len(const struct map *m)
{
    return m->len;
}

void map_each(struct map *m, map_fn *fn, void *arg)
{
    for (size_t i = 0; i < m->size; i++) {
        for (struct entry *e = m->buckets[i], *next; e; e = next) {
            next = e->next;
            fn(arg, e->key, e->value);
        }
    }
}
