/* ledger.h - the numbers of campaigns as they change, and the counts that say
 * how many of them there are. [control thread]
 *
 * All that is written to `numbers`, and the CDRs of campaigns, goes by here: a
 * number and the counts of its campaign change in one write, so that a
 * campaign's statistics are one document, whatever its size. The changes of one
 * campaign that come together are written together, a batch at a time; batches
 * of different campaigns do not wait for each other.
 *
 * A change is written as a whole or not at all. It says which version of each
 * number it was made to; if that has changed meanwhile the change is refused
 * (DG_ECONFLICT), and whoever asked looks again. What another gateway has done
 * to the counts is no conflict: they are read again. An answer of the store that
 * did not come is looked for in the counts, which name the batches that they
 * have taken up, so that nothing is counted twice or done twice.
 */
#ifndef DOMAIN_LEDGER_H
#define DOMAIN_LEDGER_H

#include "base/metrics.h"
#include "data/store.h"
#include "domain/number.h"
#include "loop/loop.h"

struct campaign_counts {
    int64_t numbers[NUMBER_STATUSES];    /* by status */
    int64_t total_calls, answered_calls; /* CDRs */
};
int64_t campaign_counts_total(const struct campaign_counts *counts); /* all numbers */
/* false: the document is none of counts. */
bool campaign_counts_read(struct campaign_counts *counts, const json_t *doc);
/* For a new campaign. */
void campaign_counts_write(const struct campaign_counts *counts, struct buf *out);

struct ledger;

struct ledger *ledger_new(struct store *store, struct loop *loop, struct metrics *metrics);
/* `fn` comes when nothing waits to be written any more, or after `within_ms`. */
void ledger_drain(struct ledger *l, uint64_t within_ms, dg_fn *fn, void *arg);
/* After the store, which has forgotten what was under way. Callbacks do not come any more. */
void ledger_free(struct ledger *l);

/* One number before and after. Both are lent. */
struct ledger_entry {
    const struct number *before; /* as it was read, id and version; NULL: it is new */
    const struct number *after;  /* NULL: it is deleted */
};

struct ledger_change {
    int64_t campaign;
    const struct ledger_entry *entries; /* all of the campaign; may be none */
    size_t count;
    int64_t calls, answered;  /* how many CDRs, and answered ones, are in `also` */
    struct store_batch *also; /* written with it; taken over and empty afterwards; NULL: nothing */
    /* It must not be lost: it is kept in memory while the store is away and written when it is
     * back. Else it is refused then. */
    bool kept;
};

struct ledger_result {
    enum dg_err err;
    const char *message; /* NULL when err is DG_OK */
};
/* DG_OK: durable; the version of a number that was there is one more than before, that of a new
 * one is 1. DG_ECONFLICT: a number is not as it was, or what is in `also` is not as expected.
 * DG_ENOTFOUND: there is no such campaign any more. Else the store's word; with DG_ETIMEOUT it may
 * have been written all the same. */
typedef void ledger_fn(void *arg, const struct ledger_result *result);

void ledger_write(struct ledger *l, const struct ledger_change *change, ledger_fn *fn, void *arg);

/* How many changes wait or are being written, of all campaigns. */
size_t ledger_waiting(const struct ledger *l);

/* The counts as they are in the store. */
typedef void ledger_counts_fn(void *arg, enum dg_err err, const char *message,
                              const struct campaign_counts *counts);
void ledger_counts(struct ledger *l, int64_t campaign, ledger_counts_fn *fn, void *arg);

/* ---- Whether the counts are right (ledger_check.c) ------------------------------------- */

struct ledger_check {
    enum dg_err err;
    const char *message;
    bool equal; /* the counts say what is there */
    struct campaign_counts said, there;
};
typedef void ledger_check_fn(void *arg, const struct ledger_check *check);

/* Counts all that there is, which takes its time, and compares. DG_EUNAVAILABLE also when there was
 * no moment without changes. */
void ledger_check(struct store *store, int64_t campaign, ledger_check_fn *fn, void *arg);

#endif
