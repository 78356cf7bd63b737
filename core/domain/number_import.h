/* number_import.h - numbers out of a file into a campaign. [control thread]
 *
 * They are read on the worker pool, a page ahead of the one that is being
 * written, so that neither the control thread nor the store is held up by a
 * file, whatever its size. Lines that hold no number are told, the others are
 * added: nothing is taken back because of them.
 */
#ifndef DOMAIN_NUMBER_IMPORT_H
#define DOMAIN_NUMBER_IMPORT_H

#include "domain/number_reader.h"

#define NUMBER_IMPORT_ERRORS 100 /* that are told; all are counted */

struct number_import_request {
    int64_t campaign;
    bool dnc; /* onto the do-not-call list instead, with `reason` of the data */
    enum number_format format;
    struct number_columns columns;
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

struct number_import;

/* Everything is copied. `fn` comes once, after number_import_end or when something ends it early;
 * then the import is gone. */
struct number_import *number_import_new(struct store *store, struct ledger *ledger,
                                        struct loop *loop, const struct number_import_request *req,
                                        number_import_fn *fn, void *arg);
/* Takes the bytes over, as they came from malloc. One piece at a time: `taken` (with the `arg` from
 * above) comes when there is room for the next, later, and not after `fn`. */
void number_import_bytes(struct number_import *im, char *bytes, size_t len, dg_fn *taken);
void number_import_end(struct number_import *im); /* not while a piece is being taken */
/* Nobody is told any more. What was read is written or not. */
void number_import_cancel(struct number_import *im);

/* All at once; the bytes are taken over. */
void number_import(struct store *store, struct ledger *ledger, struct loop *loop,
                   const struct number_import_request *req, char *bytes, size_t len,
                   number_import_fn *fn, void *arg);

#endif
