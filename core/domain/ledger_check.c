/* ledger_check.c - the counts of a campaign against what there is; see ledger.h.
 *
 * Counting takes several requests. They are right when nothing was changed
 * meanwhile, which the version of the counts tells; else it is done again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "domain/ledger.h"

#define TRIES_MAX 20

struct checking {
    struct store *store;
    char campaign[24];
    ledger_check_fn *fn;
    void *arg;
    struct ledger_check out;
    uint64_t version;
    unsigned tries;
    void (*then)(struct checking *k); /* after the counts were read */
};

static void answer(struct checking *k, enum dg_err err, const char *message)
{
    k->out.err = err;
    k->out.message = message;
    k->fn(k->arg, &k->out);
    free(k);
}

static void begin(struct checking *k);
static void compare(struct checking *k);

static void on_counts(void *arg, const struct store_doc *doc)
{
    struct checking *k = arg;
    const bool again = k->then == compare && doc->version != k->version;
    if (doc->err != DG_OK) {
        answer(k, doc->err, doc->message);
        return;
    }
    if (again) {
        if (++k->tries < TRIES_MAX)
            begin(k);
        else
            answer(k, DG_EUNAVAILABLE, "The campaign's numbers change all the time");
        return;
    }
    k->version = doc->version;
    campaign_counts_read(&k->out.said, doc->json);
    k->then(k);
}

static void read_counts(struct checking *k, void (*then)(struct checking *k))
{
    k->then = then;
    store_get_json(k->store, COLLECTION_CAMPAIGN_COUNTS, k->campaign, on_counts, k);
}

static void compare(struct checking *k)
{
    k->out.equal = memcmp(&k->out.said, &k->out.there, sizeof k->out.said) == 0;
    answer(k, DG_OK, NULL);
}

static void on_calls(void *arg, const struct op_result *res)
{
    struct checking *k = arg;
    if (res->err != DG_OK) {
        answer(k, res->err, res->message);
        return;
    }
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_tally_row *row = res->items[i];
        k->out.there.total_calls += (int64_t)row->count;
        if (str_eq(row->value, "answered"))
            k->out.there.answered_calls = (int64_t)row->count;
    }
    read_counts(k, compare);
}

static void count(struct checking *k, const char *collection, const char *by, op_fn *fn)
{
    const struct dg_where where = {.field = "campaign_id", .value = k->campaign};
    const struct dg_tally tally = {
        .collection = collection, .where = &where, .where_count = 1, .by = by};
    store_tally(k->store, &tally, fn, k);
}

static void on_numbers(void *arg, const struct op_result *res)
{
    struct checking *k = arg;
    enum number_status status;
    if (res->err != DG_OK) {
        answer(k, res->err, res->message);
        return;
    }
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_tally_row *row = res->items[i];
        if (number_status_parse(row->value, &status))
            k->out.there.numbers[status] = (int64_t)row->count;
    }
    count(k, COLLECTION_CDR, "disposition", on_calls);
}

static void count_numbers(struct checking *k)
{
    k->out.there = (struct campaign_counts){0};
    count(k, COLLECTION_NUMBERS, "status", on_numbers);
}

static void begin(struct checking *k)
{
    read_counts(k, count_numbers);
}

void ledger_check(struct store *store, int64_t campaign, ledger_check_fn *fn, void *arg)
{
    struct checking *k = xcalloc(1, sizeof *k);
    k->store = store;
    k->fn = fn;
    k->arg = arg;
    snprintf(k->campaign, sizeof k->campaign, "%" PRId64, campaign);
    begin(k);
}
