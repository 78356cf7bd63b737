/* snapshots.c - a hash table for one writer and lock-free readers.
 *
 * Buckets are chains of immutable nodes; only `next` of a node and the heads
 * change, by atomic stores of the one writer. The table doubles by building a
 * new one and retiring the old as a whole: its nodes are copied (the records
 * are shared), because a reader may stand in the middle of an old chain.
 *
 * Everything shared is accessed in sequentially consistent order, on purpose:
 * that no reader is missed rests on "slot written, then pointer read" against
 * "pointer changed, then slots read" in one total order.
 */
#include "domain/snapshots.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

/* Something unlinked that a reader may still see. */
struct retired {
    struct retired *next;
    uint64_t epoch;
    void *pieces[3];
};

struct slot {
    _Alignas(64) _Atomic uint64_t epoch; /* 0: outside */
};

struct snapshots {
    _Atomic(struct table *) table;
    _Atomic uint64_t epoch;
    struct slot *slots;
    unsigned readers;
    struct siphash_key key;
    size_t count, retired_count;
    struct retired *oldest, *newest;
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
    atomic_init(&s->epoch, 1);
    s->readers = readers;
    if (posix_memalign((void **)&s->slots, 64, (readers ? readers : 1) * sizeof *s->slots))
        abort();
    for (unsigned i = 0; i < readers; i++)
        atomic_init(&s->slots[i].epoch, 0);
    siphash_key_random(&s->key);
    return s;
}

static void retired_free(struct retired *r)
{
    for (size_t i = 0; i < 3; i++)
        free(r->pieces[i]);
    free(r);
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
    for (struct retired *r = s->oldest, *next; r; r = next) {
        next = r->next;
        retired_free(r);
    }
    free(s->slots);
    free(s);
}

/* The oldest epoch that a reader may still be in. */
static uint64_t oldest_reader(struct snapshots *s)
{
    uint64_t oldest = UINT64_MAX;
    for (unsigned i = 0; i < s->readers; i++) {
        uint64_t e = atomic_load(&s->slots[i].epoch);
        if (e && e < oldest)
            oldest = e;
    }
    return oldest;
}

static void reclaim(struct snapshots *s)
{
    uint64_t safe = oldest_reader(s);
    while (s->oldest && s->oldest->epoch < safe) {
        struct retired *r = s->oldest;
        s->oldest = r->next;
        if (!s->oldest)
            s->newest = NULL;
        s->retired_count--;
        retired_free(r);
    }
}

/* After the pieces have been unlinked. */
static void retire(struct snapshots *s, void *a, void *b, void *c)
{
    struct retired *r = xcalloc(1, sizeof *r);
    r->pieces[0] = a;
    r->pieces[1] = b;
    r->pieces[2] = c;
    r->epoch = atomic_fetch_add(&s->epoch, 1);
    if (s->newest)
        s->newest->next = r;
    else
        s->oldest = r;
    s->newest = r;
    s->retired_count++;
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
            retire(s, n->id, n, NULL);
        }
    }
    retire(s, old, NULL, NULL);
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
        retire(s, old->id, old->record, old);
    } else {
        push(t, n);
        s->count++;
        grow(s);
    }
    reclaim(s);
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
    retire(s, old->id, old->record, old);
    reclaim(s);
}

size_t snapshots_count(const struct snapshots *s)
{
    return s->count;
}

size_t snapshots_retired(const struct snapshots *s)
{
    return s->retired_count;
}

bool snapshots_read(struct snapshots *s, unsigned reader, const char *id, snapshots_fn *fn,
                    void *arg)
{
    uint64_t hash = siphash64(&s->key, id, strlen(id));
    _Atomic uint64_t *mine = &s->slots[reader].epoch;
    atomic_store(mine, atomic_load(&s->epoch));
    struct table *t = atomic_load(&s->table);
    struct node *n = atomic_load(find(t, hash, id));
    if (n)
        fn(arg, n->record->bytes, n->record->len);
    atomic_store(mine, 0);
    return n != NULL;
}
