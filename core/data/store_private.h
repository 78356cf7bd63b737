/* store_private.h - what the files of the store share; for core/data alone. */
#ifndef DATA_STORE_PRIVATE_H
#define DATA_STORE_PRIVATE_H

#include <pthread.h>

#include "base/list.h"
#include "base/map.h"
#include "data/store.h"
#include "loop/loop.h"

#define STORE_RETRY_MIN_MS 250
#define STORE_RETRY_MAX_MS 10000
#define STORE_PROBE_ID     "store_probe" /* in meta: written to see whether writing works */

/* Batches that must not be lost; see kept.c. */
struct kept {
    struct link batches; /* in order; those under way too */
    size_t count, in_flight, max;
    struct map *newest; /* "collection/id" -> the newest write of that document */
    bool holding;       /* the store could not write: all wait their turn */
    bool alone;         /* one at a time until one has gone through */
};

struct store {
    struct loop *loop;
    struct instance *in; /* NULL: disabled */
    struct link asks;    /* what somebody waits for */
    struct kept kept;

    bool leased; /* writes that were kept wait from lease_until_ms on */
    uint64_t lease_until_ms;

    bool link_up, declared, declaring, failing;
    struct loop_timer *retry;
    uint64_t retry_ms; /* the last pause; 0: none yet */
    bool ended_once;   /* declaring has succeeded or failed: ready is decided */
    op_fn *ready_fn;
    void *ready_arg;
    op_fn *drain_fn;
    void *drain_arg;
    struct loop_timer *drain_timer;

    pthread_mutex_t lock; /* of status */
    struct store_status status;
    struct metric *up, *kept_now, *lost;
};

/* One request under way: its answer goes to `fn`, or nowhere when the store is gone. */
struct ask {
    struct link link;
    struct store *store; /* NULL: gone */
    op_fn *fn;           /* NULL: nobody waits */
    void *arg;
    bool writes; /* its result tells whether writing works */
    enum dg_err err;
    char *message; /* of ask_later */
    void *owned;   /* freed with the ask; may be what `arg` points to */
};

struct ask *ask_new(struct store *s, bool writes, op_fn *fn, void *arg);
void ask_ended(void *ask, const struct op_result *res); /* an op_fn; frees it */
/* An answer without a request, on a later turn. */
struct ask *ask_later(struct store *s, op_fn *fn, void *arg, enum dg_err err, const char *message);
/* Disabled: answers, and returns true. */
bool ask_refused(struct store *s, op_fn *fn, void *arg);

/* Whether the store can write, as a result of a write shows it. */
void store_observe(struct store *s, enum dg_err err, const char *message);
void store_retry_soon(struct store *s); /* after the next pause */
void store_show_kept(struct store *s);  /* the number has changed */
bool store_err_passes(enum dg_err err); /* trying again later makes sense */

void kept_init(struct kept *k, size_t max);
void kept_free(struct kept *k);
void kept_resume(struct store *s); /* try what waits */
/* Nothing is kept any more: tell who drains. */
void store_drained(struct store *s);

#endif
