/* index.c - things by their ids: a hash table that also keeps their order. */
#include "mock.h"

#include <stdlib.h>
#include <string.h>

void *mock_alloc(size_t size)
{
    void *p = calloc(1, size);
    if (!p)
        abort();
    return p;
}

char *mock_strdup(const char *s)
{
    char *copy = s ? strdup(s) : NULL;
    if (s && !copy)
        abort();
    return copy;
}

static size_t bucket_of(const struct mock_index *x, const char *id)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * 1099511628211u;
    return (hash ^ hash >> 32) & (x->bucket_count - 1);
}

static void put(struct mock_index *x, struct mock_thing *thing)
{
    struct mock_thing **bucket = &x->buckets[bucket_of(x, thing->id)];
    thing->same_bucket = *bucket;
    *bucket = thing;
}

static void grow(struct mock_index *x)
{
    free(x->buckets);
    x->bucket_count *= 2;
    x->buckets = mock_alloc(x->bucket_count * sizeof(*x->buckets));
    for (struct mock_thing *t = index_first(x); t; t = index_next(x, t))
        put(x, t);
}

void index_init(struct mock_index *x)
{
    x->bucket_count = 64;
    x->count = 0;
    x->buckets = mock_alloc(x->bucket_count * sizeof(*x->buckets));
    x->order.next = x->order.prev = &x->order;
}

void index_free(struct mock_index *x)
{
    free(x->buckets);
    x->buckets = NULL;
}

void *index_get(const struct mock_index *x, const char *id)
{
    if (!id)
        return NULL;
    struct mock_thing *t = x->buckets[bucket_of(x, id)];
    while (t && strcmp(t->id, id) != 0)
        t = t->same_bucket;
    return t;
}

void index_add(struct mock_index *x, struct mock_thing *thing, const char *id)
{
    thing->id = mock_strdup(id);
    if (x->count >= x->bucket_count)
        grow(x);
    x->count++;
    thing->link.prev = x->order.prev;
    thing->link.next = &x->order;
    x->order.prev->next = &thing->link;
    x->order.prev = &thing->link;
    put(x, thing);
}

void index_remove(struct mock_index *x, struct mock_thing *thing)
{
    struct mock_thing **at = &x->buckets[bucket_of(x, thing->id)];
    while (*at != thing)
        at = &(*at)->same_bucket;
    *at = thing->same_bucket;
    thing->link.prev->next = thing->link.next;
    thing->link.next->prev = thing->link.prev;
    x->count--;
    free(thing->id);
}

/* The link is the first member of a thing, and the thing of what is indexed. */
static void *thing_at(const struct mock_index *x, struct mock_link *link)
{
    return link == &x->order ? NULL : link;
}

void *index_first(const struct mock_index *x)
{
    return thing_at(x, x->order.next);
}

void *index_next(const struct mock_index *x, const void *thing)
{
    return thing_at(x, ((const struct mock_thing *)thing)->link.next);
}
