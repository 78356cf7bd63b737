/* channel_index.c - a hash table of numbers, each with its lists; see channel_index.h. */
#include "domain/channel_index.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/epoch.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/siphash.h"

/* Never grows: a number's place can be found without looking twice. A hundred thousand channels
 * with four numbers each make chains of six. */
#define BUCKETS 65536u

enum list { OTHERS, UP, LISTS };

struct channel_source {
    struct link link;
    _Atomic bool shown;
};

/* A channel in one of the lists of a number. `previous` is the writer's alone. */
struct place {
    _Atomic(struct place *) next;
    struct place *previous;
    struct number *number;
    const struct channel_entry *entry;
};

struct number {
    _Atomic(struct number *) next;
    _Atomic(struct place *) lists[LISTS];
    _Atomic size_t count; /* of places in both lists */
    uint32_t key;
};

/* Immutable, but for its places, which are the writer's. */
struct channel_entry {
    struct channel_source *source;
    int64_t started_ms;
    uint64_t order; /* among those that started at once */
    struct place **places;
    unsigned place_count, number_count;
    bool up;
    struct channel_number numbers[CHANNEL_NUMBERS_MAX];
    char id[];
};

struct channel_index {
    struct epoch *epoch;
    struct siphash_key key;
    struct link sources;
    uint64_t order;
    size_t number_count;
    _Atomic uint64_t completeness; /* odd: complete; another number after each change */
    _Atomic uint64_t moves;        /* of channels from one place to another */
    _Atomic(struct number *) buckets[BUCKETS];
};

struct channel_index *channel_index_new(unsigned readers)
{
    struct channel_index *x = xcalloc(1, sizeof *x);
    x->epoch = epoch_new(readers);
    siphash_key_random(&x->key);
    list_init(&x->sources);
    return x;
}

/* ---- Sources ------------------------------------------------------------------------- */

struct channel_source *channel_index_source(struct channel_index *x)
{
    struct channel_source *s = xcalloc(1, sizeof *s);
    list_append(&x->sources, &s->link);
    return s;
}

void channel_index_show(struct channel_source *source, bool shown)
{
    atomic_store(&source->shown, shown);
}

void channel_index_complete(struct channel_index *x, bool complete)
{
    uint64_t now = atomic_load(&x->completeness);
    if ((now & 1) != complete)
        atomic_store(&x->completeness, now + 1);
}

/* ---- Numbers --------------------------------------------------------------------------- */

static _Atomic(struct number *) *bucket_of(struct channel_index *x, uint32_t key)
{
    return &x->buckets[siphash64(&x->key, &key, sizeof key) & (BUCKETS - 1)];
}

/* The pointer to the number of this key, or the one at the chain's end. */
static _Atomic(struct number *) *find_number(struct channel_index *x, uint32_t key)
{
    _Atomic(struct number *) *at = bucket_of(x, key);
    for (struct number *n; (n = atomic_load(at)); at = &n->next)
        if (n->key == key)
            return at;
    return at;
}

static struct number *take_number(struct channel_index *x, uint32_t key)
{
    _Atomic(struct number *) *at = find_number(x, key);
    struct number *n = atomic_load(at);
    if (n)
        return n;
    n = xcalloc(1, sizeof *n);
    n->key = key;
    atomic_store(at, n);
    x->number_count++;
    return n;
}

static void drop_number(struct channel_index *x, struct number *n)
{
    atomic_store(find_number(x, n->key), atomic_load(&n->next));
    x->number_count--;
    epoch_retire(x->epoch, n);
}

/* ---- Places ----------------------------------------------------------------------------- */

static bool is_newer(const struct channel_entry *a, const struct channel_entry *b)
{
    return a->started_ms != b->started_ms ? a->started_ms > b->started_ms : a->order > b->order;
}

static struct place *place_entry(struct channel_index *x, struct channel_entry *entry, uint32_t key)
{
    struct number *n = take_number(x, key);
    struct place *p = xcalloc(1, sizeof *p), *next;
    p->number = n;
    p->entry = entry;
    _Atomic(struct place *) *at = &n->lists[entry->up ? UP : OTHERS];
    while ((next = atomic_load(at)) && is_newer(next->entry, entry)) {
        p->previous = next;
        at = &next->next;
    }
    atomic_store(&p->next, next);
    if (next)
        next->previous = p;
    atomic_store(at, p);
    atomic_fetch_add(&n->count, 1);
    return p;
}

static void take_away(struct channel_index *x, struct place *p)
{
    struct number *n = p->number;
    struct place *next = atomic_load(&p->next);
    if (next)
        next->previous = p->previous;
    if (p->previous)
        atomic_store(&p->previous->next, next);
    else
        atomic_store(&n->lists[p->entry->up ? UP : OTHERS], next);
    if (atomic_fetch_sub(&n->count, 1) == 1)
        drop_number(x, n);
    epoch_retire(x->epoch, p);
}

/* ---- Entries ------------------------------------------------------------------------------ */

static struct channel_entry *entry_new(struct channel_source *source,
                                       const struct channel_facts *facts)
{
    size_t id_size = strlen(facts->id) + 1;
    struct channel_entry *e = xcalloc(1, sizeof *e + id_size);
    e->source = source;
    e->started_ms = facts->started_ms;
    e->up = facts->up;
    e->number_count = facts->number_count;
    for (unsigned i = 0; i < facts->number_count; i++)
        e->numbers[i] = facts->numbers[i];
    memcpy(e->id, facts->id, id_size);
    return e;
}

static bool is_same(const struct channel_entry *e, const struct channel_facts *facts)
{
    if (e->up != facts->up || e->started_ms != facts->started_ms ||
        e->number_count != facts->number_count)
        return false;
    for (unsigned i = 0; i < e->number_count; i++)
        if (e->numbers[i].key != facts->numbers[i].key ||
            e->numbers[i].field != facts->numbers[i].field)
            return false;
    return true;
}

/* A number that stands in two fields has one place. */
static bool is_placed(const struct channel_entry *e, uint32_t key)
{
    for (unsigned i = 0; i < e->place_count; i++)
        if (e->places[i]->number->key == key)
            return true;
    return false;
}

struct channel_entry *channel_index_put(struct channel_index *x, struct channel_source *source,
                                        const struct channel_facts *facts,
                                        struct channel_entry *old)
{
    if (old && is_same(old, facts))
        return old;
    struct channel_entry *e = entry_new(source, facts);
    e->order = old ? old->order : ++x->order;
    e->places = xcalloc(facts->number_count + 1, sizeof(struct place *));
    for (unsigned i = 0; i < e->number_count; i++)
        if (!is_placed(e, e->numbers[i].key))
            e->places[e->place_count++] = place_entry(x, e, e->numbers[i].key);
    atomic_fetch_add(&x->moves, 1);
    channel_index_remove(x, old);
    return e;
}

void channel_index_remove(struct channel_index *x, struct channel_entry *entry)
{
    if (!entry)
        return;
    for (unsigned i = 0; i < entry->place_count; i++)
        take_away(x, entry->places[i]);
    free(entry->places);
    epoch_retire(x->epoch, entry);
    epoch_reclaim(x->epoch);
}

size_t channel_index_numbers(const struct channel_index *x)
{
    return x->number_count;
}

static void free_list(struct place *p)
{
    for (struct place *next; p; p = next) {
        next = atomic_load(&p->next);
        free(p);
    }
}

void channel_index_free(struct channel_index *x)
{
    if (!x)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct number *n = atomic_load(&x->buckets[i]), *next; n; n = next) {
            next = atomic_load(&n->next);
            free_list(atomic_load(&n->lists[UP]));
            free_list(atomic_load(&n->lists[OTHERS]));
            free(n);
        }
    }
    while (!list_empty(&x->sources)) {
        struct channel_source *s = list_item(x->sources.next, struct channel_source, link);
        list_remove(&s->link);
        free(s);
    }
    epoch_free(x->epoch);
    free(x);
}

/* ---- Readers -------------------------------------------------------------------------------- */

static struct number *number_of(struct channel_index *x, uint32_t key)
{
    return key ? atomic_load(find_number(x, key)) : NULL;
}

static const struct channel_entry *first_match(struct number *n, enum list list, uint32_t dialed,
                                               uint32_t caller)
{
    for (const struct place *p = atomic_load(&n->lists[list]); p; p = atomic_load(&p->next)) {
        const struct channel_entry *e = p->entry;
        if (atomic_load(&e->source->shown) &&
            channel_matches(e->numbers, e->number_count, dialed, caller))
            return e;
    }
    return NULL;
}

static const struct channel_entry *best_match(struct channel_index *x, uint32_t dialed,
                                              uint32_t caller)
{
    struct number *n = number_of(x, dialed), *other = number_of(x, caller);
    if (!n || (caller && !other))
        return NULL;
    if (other && atomic_load(&other->count) < atomic_load(&n->count))
        n = other;
    const struct channel_entry *waiting = first_match(n, OTHERS, dialed, caller);
    const struct channel_entry *up = first_match(n, UP, dialed, caller);
    return up ? up : waiting;
}

/* Nothing was found: did a channel go from where we had not looked yet to where we had? */
static bool has_moved(struct channel_index *x, uint64_t *moves)
{
    uint64_t before = *moves;
    *moves = atomic_load(&x->moves);
    return before != *moves;
}

enum channel_found channel_index_find(struct channel_index *x, unsigned reader, uint32_t dialed,
                                      uint32_t caller, char id[DG_ID_MAX + 1])
{
    enum { TRIES = 100 };
    uint64_t before = atomic_load(&x->completeness), moves = atomic_load(&x->moves);
    const struct channel_entry *e = NULL;
    epoch_enter(x->epoch, reader);
    for (unsigned i = 0; i < TRIES; i++) {
        e = best_match(x, dialed, caller);
        if (e || !has_moved(x, &moves))
            break;
    }
    if (e)
        memcpy(id, e->id, strlen(e->id) + 1);
    epoch_leave(x->epoch, reader);
    if (e)
        return CHANNEL_FOUND;
    bool certain = (before & 1) && before == atomic_load(&x->completeness);
    return certain ? CHANNEL_NOT_FOUND : CHANNEL_UNCERTAIN;
}
