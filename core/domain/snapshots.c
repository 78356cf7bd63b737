/* snapshots.c - a hash table for one writer and lock-free readers.
 *
 * Buckets are chains of immutable nodes; only `next` of a node and the heads
 * change, by atomic stores of the one writer. The table doubles by building a
 * new one and retiring the old as a whole: its nodes are copied (the records
 * are shared), because a reader may stand in the middle of an old chain.
 */
#include "domain/snapshots.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/epoch.h"
#include "base/mem.h"
#include "base/siphash.h"
#include "base/str.h"

struct record {
    size_t len;
    char bytes[];
};

struct node {
    _Atomic(struct node *) next;
    struct record *record;
    uint64_t hash;
    char *id;
};

struct table {
    size_t mask;
    _Atomic(struct node *) heads[];
};

struct snapshots {
    _Atomic(struct table *) table;
    struct epoch *epoch;
    struct siphash_key key;
    size_t count;
};

#define FIRST_SIZE 1024u

static struct table *table_new(size_t size)
{
    struct table *t = xcalloc(1, sizeof *t + size * sizeof *t->heads);
    t->mask = size - 1;
    return t;
}

struct snapshots *snapshots_new(unsigned readers)
{
    struct snapshots *s = xcalloc(1, sizeof *s);
    atomic_init(&s->table, table_new(FIRST_SIZE));
    s->epoch = epoch_new(readers);
    siphash_key_random(&s->key);
    return s;
}

void snapshots_free(struct snapshots *s)
{
    if (!s)
        return;
    struct table *t = atomic_load(&s->table);
    for (size_t i = 0; i <= t->mask; i++) {
        for (struct node *n = atomic_load(&t->heads[i]), *next; n; n = next) {
            next = atomic_load(&n->next);
            free(n->record);
            free(n->id);
            free(n);
        }
    }
    free(t);
    epoch_free(s->epoch);
    free(s);
}

static _Atomic(struct node *) *find(struct table *t, uint64_t hash, const char *id)
{
    _Atomic(struct node *) *at = &t->heads[hash & t->mask];
    for (struct node *n; (n = atomic_load(at)); at = &n->next) {
        if (n->hash == hash && strcmp(n->id, id) == 0)
            return at;
    }
    return at;
}

/* After it was unlinked. */
static void retire(struct snapshots *s, struct node *n)
{
    epoch_retire(s->epoch, n->id);
    epoch_retire(s->epoch, n->record);
    epoch_retire(s->epoch, n);
}

static void push(struct table *t, struct node *n)
{
    _Atomic(struct node *) *head = &t->heads[n->hash & t->mask];
    atomic_store(&n->next, atomic_load(head));
    atomic_store(head, n);
}

static void grow(struct snapshots *s)
{
    struct table *old = atomic_load(&s->table);
    if (s->count <= old->mask)
        return;
    struct table *t = table_new((old->mask + 1) * 2);
    for (size_t i = 0; i <= old->mask; i++) {
        for (struct node *n = atomic_load(&old->heads[i]); n; n = atomic_load(&n->next)) {
            struct node *copy = xcalloc(1, sizeof *copy);
            copy->record = n->record;
            copy->hash = n->hash;
            copy->id = xstrdup(n->id);
            push(t, copy);
        }
    }
    atomic_store(&s->table, t);
    for (size_t i = 0; i <= old->mask; i++) {
        for (struct node *n = atomic_load(&old->heads[i]), *next; n; n = next) {
            next = atomic_load(&n->next);
            epoch_retire(s->epoch, n->id);
            epoch_retire(s->epoch, n);
        }
    }
    epoch_retire(s->epoch, old);
}

void snapshots_put(struct snapshots *s, const char *id, const void *bytes, size_t len)
{
    struct table *t = atomic_load(&s->table);
    struct node *n = xcalloc(1, sizeof *n);
    n->record = xmalloc(sizeof *n->record + len);
    n->record->len = len;
    memcpy(n->record->bytes, bytes, len);
    n->hash = siphash64(&s->key, id, strlen(id));
    n->id = xstrdup(id);

    _Atomic(struct node *) *at = find(t, n->hash, id);
    struct node *old = atomic_load(at);
    if (old) {
        atomic_store(&n->next, atomic_load(&old->next));
        atomic_store(at, n);
        retire(s, old);
    } else {
        push(t, n);
        s->count++;
        grow(s);
    }
    epoch_reclaim(s->epoch);
}

void snapshots_del(struct snapshots *s, const char *id)
{
    struct table *t = atomic_load(&s->table);
    _Atomic(struct node *) *at = find(t, siphash64(&s->key, id, strlen(id)), id);
    struct node *old = atomic_load(at);
    if (!old)
        return;
    atomic_store(at, atomic_load(&old->next));
    s->count--;
    retire(s, old);
    epoch_reclaim(s->epoch);
}

size_t snapshots_count(const struct snapshots *s)
{
    return s->count;
}

size_t snapshots_retired(const struct snapshots *s)
{
    return epoch_retired(s->epoch);
}

bool snapshots_read(struct snapshots *s, unsigned reader, const char *id, snapshots_fn *fn,
                    void *arg)
{
    uint64_t hash = siphash64(&s->key, id, strlen(id));
    epoch_enter(s->epoch, reader);
    struct table *t = atomic_load(&s->table);
    struct node *n = atomic_load(find(t, hash, id));
    if (n)
        fn(arg, n->record->bytes, n->record->len);
    epoch_leave(s->epoch, reader);
    return n != NULL;
}
