/* number_import.h - a file of numbers into a campaign. [control thread]
 *
 * It is read on the worker pool and written a page at a time, so that neither
 * the control thread nor the store is held up by it. Lines that hold no number
 * are told, the others are added: nothing is taken back because of them.
 */
#ifndef DOMAIN_NUMBER_IMPORT_H
#define DOMAIN_NUMBER_IMPORT_H

#include "domain/number_reader.h"

#define NUMBER_IMPORT_ERRORS 100 /* that are told; all are counted */

struct number_import_request {
    int64_t campaign;
    enum number_format format;
    struct number_columns columns;
    struct dg_bytes bytes;
    bool skip_duplicates; /* what the campaign, or the file before it, has already */
};

struct number_import_error {
    uint64_t line;
    const char *why;
};

struct number_import_result {
    enum dg_err err; /* what ended it early, as DG_ENOTFOUND: there is no such campaign any more */
    const char *message;
    uint64_t accepted, skipped, wrong;
    const struct number_import_error *errors; /* the first of the wrong ones; lent */
    size_t error_count;
};
typedef void number_import_fn(void *arg, const struct number_import_result *result);

/* Everything is copied. */
void number_import(struct store *store, struct ledger *ledger, struct loop *loop,
                   const struct number_import_request *req, number_import_fn *fn, void *arg);

#endif
