/* table.c - see table.h. Chains of entries; the seed keeps foreign ids from
 * being chosen to fall into one chain.
 */
#include "table.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static uint64_t hash_of(const struct table *t, const char *key)
{
    uint64_t hash = t->seed;
    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 0x100000001b3;
    return hash ^ (hash >> 32);
}

static void grow(struct table *t)
{
    size_t size = t->size ? t->size * 2 : 64;
    struct entry **slots = text_alloc(size * sizeof *slots);
    if (!t->seed && RAND_bytes((unsigned char *)&t->seed, sizeof t->seed) != 1)
        abort();
    for (size_t i = 0; i < t->size; i++)
        for (struct entry *e = t->slots[i], *next; e; e = next) {
            next = e->next;
            e->next = slots[e->hash & (size - 1)];
            slots[e->hash & (size - 1)] = e;
        }
    free(t->slots);
    t->slots = slots;
    t->size = size;
}

void *table_find(const struct table *t, const char *key)
{
    if (!t->count || !key)
        return NULL;
    uint64_t hash = hash_of(t, key);
    for (struct entry *e = t->slots[hash & (t->size - 1)]; e; e = e->next)
        if (e->hash == hash && strcmp(e->key, key) == 0)
            return e->owner;
    return NULL;
}

void table_put(struct table *t, struct entry *e)
{
    if (t->count >= t->size)
        grow(t);
    e->hash = hash_of(t, e->key);
    struct entry **slot = &t->slots[e->hash & (t->size - 1)];
    e->next = *slot;
    *slot = e;
    t->count++;
}

void table_take(struct table *t, struct entry *e)
{
    if (!t->count)
        return;
    for (struct entry **at = &t->slots[e->hash & (t->size - 1)]; *at; at = &(*at)->next)
        if (*at == e) {
            *at = e->next;
            t->count--;
            return;
        }
}

void table_each(struct table *t, void (*fn)(void *arg, void *owner), void *arg)
{
    for (size_t i = 0; i < t->size; i++)
        for (struct entry *e = t->slots[i], *next; e; e = next) {
            next = e->next;
            fn(arg, e->owner);
        }
}

void table_free(struct table *t)
{
    free(t->slots);
    *t = (struct table){0};
}
