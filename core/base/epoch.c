/* epoch.c - who is inside, and a queue of what waits to be freed; see epoch.h. */
#include "base/epoch.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

struct slot {
    _Alignas(64) _Atomic uint64_t epoch; /* 0: outside */
};

struct retired {
    void *piece;
    uint64_t epoch; /* the last that can have seen it */
};

struct epoch {
    _Atomic uint64_t now;
    struct slot *slots;
    unsigned readers;
    struct retired *queue; /* a ring, the oldest at `first` */
    size_t first, count, size;
};

#define FIRST_SIZE 256u

struct epoch *epoch_new(unsigned readers)
{
    struct epoch *e = xcalloc(1, sizeof *e);
    atomic_init(&e->now, 1);
    e->readers = readers;
    if (posix_memalign((void **)&e->slots, 64, (readers ? readers : 1) * sizeof *e->slots))
        abort();
    for (unsigned i = 0; i < readers; i++)
        atomic_init(&e->slots[i].epoch, 0);
    e->size = FIRST_SIZE;
    e->queue = xcalloc(e->size, sizeof *e->queue);
    return e;
}

static struct retired *oldest(struct epoch *e)
{
    return &e->queue[e->first];
}

static void drop_oldest(struct epoch *e)
{
    free(oldest(e)->piece);
    e->first = (e->first + 1) & (e->size - 1);
    e->count--;
}

void epoch_free(struct epoch *e)
{
    if (!e)
        return;
    while (e->count)
        drop_oldest(e);
    free(e->queue);
    free(e->slots);
    free(e);
}

void epoch_enter(struct epoch *e, unsigned reader)
{
    atomic_store(&e->slots[reader].epoch, atomic_load(&e->now));
}

void epoch_leave(struct epoch *e, unsigned reader)
{
    atomic_store(&e->slots[reader].epoch, 0);
}

static void grow(struct epoch *e)
{
    struct retired *queue = xcalloc(e->size * 2, sizeof *queue);
    for (size_t i = 0; i < e->count; i++)
        queue[i] = e->queue[(e->first + i) & (e->size - 1)];
    free(e->queue);
    e->queue = queue;
    e->size *= 2;
    e->first = 0;
}

void epoch_retire(struct epoch *e, void *piece)
{
    if (!piece)
        return;
    if (e->count == e->size)
        grow(e);
    e->queue[(e->first + e->count++) & (e->size - 1)] =
        (struct retired){piece, atomic_fetch_add(&e->now, 1)};
}

/* The oldest epoch that a reader may still be in. */
static uint64_t oldest_reader(struct epoch *e)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < e->readers; i++) {
        uint64_t in = atomic_load(&e->slots[i].epoch);
        if (in && in < least)
            least = in;
    }
    return least;
}

void epoch_reclaim(struct epoch *e)
{
    uint64_t safe = e->count ? oldest_reader(e) : 0;
    while (e->count && oldest(e)->epoch < safe)
        drop_oldest(e);
}

size_t epoch_retired(const struct epoch *e)
{
    return e->count;
}
