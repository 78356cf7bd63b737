/* ledger_private.h - what the files of the ledger share. */
#ifndef DOMAIN_LEDGER_PRIVATE_H
#define DOMAIN_LEDGER_PRIVATE_H

#include "base/id.h"
#include "base/json.h"
#include "base/list.h"
#include "base/map.h"
#include "domain/ledger.h"

#define LEDGER_MARKS   16 /* flights that the counts remember */
#define LEDGER_ID_SIZE 24 /* of a number or a campaign, as text */

struct change {
    struct link link;
    struct store_batch writes; /* its own part of the batch */
    struct campaign_counts delta;
    bool kept;
    ledger_fn *fn; /* NULL: nobody waits */
    void *arg;
};

struct account {
    struct ledger *ledger;
    int64_t campaign;
    char id[LEDGER_ID_SIZE];
    struct link queue, flight; /* struct change */
    bool loaded;               /* counts and version are what the store was last known to have */
    struct campaign_counts counts, next; /* next: with the flight */
    uint64_t version;
    char marks[LEDGER_MARKS][ID_SIZE]; /* the newest first */
    /* The flight's: two, because after a doubtful answer it may be written without the changes
     * of those who would not wait. */
    char mark[2][ID_SIZE];
    uint64_t tried; /* the counts' version that it was written under */
    bool conflicted;
    size_t alone;    /* so many changes at the queue's head go one by one */
    bool busy, over; /* over: there is no such campaign */
    uint64_t retry_ms;
    unsigned failures; /* writes without an answer, one after the other */
    struct loop_timer *soon, *retry;
};

struct ledger {
    struct store *store;
    struct loop *loop;
    struct map *accounts;
    size_t waiting;
    dg_fn *drain_fn;
    void *drain_arg;
    struct loop_timer *drain_timer;
    struct metric *batches, *changes, *conflicts, *doubts;
};

/* ledger_counts.c */
void counts_write(struct json_writer *w, const struct campaign_counts *counts);
void counts_add(struct campaign_counts *to, const struct campaign_counts *delta);

/* ledger_flight.c: writes what is in the queue, on a later turn, so that what is asked for in this
 * one goes together. */
void account_pump_soon(struct account *a);
void account_free(void *account);

/* ledger.c: the changes of a list are over. */
void ledger_tell_all(struct ledger *l, struct link *list, enum dg_err err, const char *message);
/* Those that are not kept. */
void ledger_tell_impatient(struct ledger *l, struct link *list, enum dg_err err,
                           const char *message);
void ledger_free_changes(struct link *list);
void ledger_drained(struct ledger *l); /* tells who waits for that */

#endif
