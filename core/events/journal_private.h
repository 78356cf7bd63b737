/* journal_private.h - inside of the journal: events in memory (journal.c), in the
 * store (journal_store.c). */
#ifndef EVENTS_JOURNAL_PRIVATE_H
#define EVENTS_JOURNAL_PRIVATE_H

#include "data/expiry.h"
#include "events/journal.h"
#include "loop/loop.h"

struct follower {
    journal_fn *fn;
    void *arg;
};

struct journal {
    struct journal_config config;
    char *node;
    struct follower *followers;
    size_t follower_count;

    /* In memory: a ring of consecutive events, the oldest at `head`. */
    struct event **ring;
    size_t cap, head, count, bytes;
    int64_t next;       /* the number of the next event */
    int64_t run_first;  /* the first number of this run */
    int64_t before_run; /* the last number of the run before; 0: there was none */

    /* In the store. */
    int64_t written;   /* the last number that is there, or was given up */
    int64_t under_way; /* the last number of the write under way */
    bool opened;       /* it is known where the last run ended */
    bool writing, stop_writing;
    struct loop_timer *flush, *prune;
    bool pruning;
    struct expiry *expiry;
    op_fn *ready_fn;
    void *ready_arg;
    dg_fn *closed_fn;
    void *closed_arg;
    struct loop_timer *closing;
    struct metric_family *events;
    struct metric *recent, *unwritten, *lost, *failures;
};

struct event *journal_at(const struct journal *j, size_t i); /* of the ring */
void journal_show(const struct journal *j);                  /* in the metrics */
size_t journal_unwritten(const struct journal *j);
/* Adds an event of a gap after `before_run`: what came there was not written. */
void journal_add_gap(struct journal *j);

void journal_store_open(struct journal *j);  /* then ready_fn */
void journal_store_soon(struct journal *j);  /* something is to be written */
void journal_store_close(struct journal *j); /* then journal_free */
void journal_free(struct journal *j);

#endif
