/* dnc.h - numbers that are not to be called. [control thread]
 *
 * A number is known by its digits alone: "+1 555-0100" and "15550100" are one.
 */
#ifndef DOMAIN_DNC_H
#define DOMAIN_DNC_H

#include "data/keyset.h"
#include "data/store.h"

#define DNC_ID_SIZE 52

bool dnc_id(const char *number, char out[DNC_ID_SIZE]); /* false: it has no digits, or too many */

/* Which of the numbers are on the list: `listed` has one element per number, lent for the call. */
typedef void dnc_listed_fn(void *arg, enum dg_err err, const char *message, const bool *listed);
/* At most 1,000 at once. */
void dnc_listed(struct store *store, const char *const *numbers, size_t count, dnc_listed_fn *fn,
                void *arg);

/* ---- The list itself (dnc_list.c) ---------------------------------------------------------- */

struct dnc_entry {
    const char *number; /* its digits */
    const char *reason; /* NULL: none was given */
    int64_t created_at_ms;
};
struct dnc_list {
    enum dg_err err;
    const char *message;
    const struct dnc_entry *entries; /* lent; newest first */
    size_t count;
    uint64_t total; /* of all pages; not behind a place */
};
typedef void dnc_list_fn(void *arg, const struct dnc_list *list);
struct dnc_query {
    const char *search; /* digits that numbers begin with; NULL: all */
    struct keyset after;
    uint64_t offset, limit;
};
void dnc_list(struct store *store, const struct dnc_query *query, dnc_list_fn *fn, void *arg);

/* false, and nothing is done: it is no number. Adding one that is there changes its reason;
 * removing one that is not: DG_ENOTFOUND. */
bool dnc_add(struct store *store, const char *number, const char *reason, op_fn *fn, void *arg);
/* Many at once; those without digits are passed over. */
struct number_new;
void dnc_add_all(struct store *store, const struct number_new *list, size_t count, op_fn *fn,
                 void *arg);
bool dnc_remove(struct store *store, const char *number, op_fn *fn, void *arg);

#endif
