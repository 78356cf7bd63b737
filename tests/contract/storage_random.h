/* storage_random.h - random requests to a store, the same ones for the same seed. */
#ifndef TESTS_STORAGE_RANDOM_H
#define TESTS_STORAGE_RANDOM_H

#include "storage_suite.h"

struct dice {
    uint64_t state;
};

uint64_t dice_roll(struct dice *d, uint64_t sides); /* 0 to sides-1 */

enum request_kind {
    REQUEST_WRITE,
    REQUEST_GET,
    REQUEST_QUERY,
    REQUEST_TALLY,
    REQUEST_CHANGE,
    REQUEST_TAKE
};

#define REQUEST_WRITES 260
#define REQUEST_WHERES 4

/* Names of collections are indexes into suite_collections until they are asked. */
struct request {
    enum request_kind kind;
    unsigned collection;
    struct dg_write writes[REQUEST_WRITES];
    unsigned collections[REQUEST_WRITES];
    size_t write_count;
    const char *id;
    struct dg_where wheres[REQUEST_WHERES];
    size_t where_count;
    const char *order_by, *by, *sum;
    bool descending;
    uint64_t offset, limit;
    struct dg_bytes set;
    struct arena *arena; /* all texts */
};

/* Fills it anew. */
void request_roll(struct request *r, struct dice *d);
struct answer *request_ask(const struct request *r, struct rig *rig);
/* What it was, for whoever looks for the difference. */
void request_print(const struct request *r, FILE *out);

#endif
