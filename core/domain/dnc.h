/* dnc.h - numbers that are not to be called. [control thread]
 *
 * A number is known by its digits alone: "+1 555-0100" and "15550100" are one.
 */
#ifndef DOMAIN_DNC_H
#define DOMAIN_DNC_H

#include "data/store.h"

#define DNC_ID_SIZE 52

bool dnc_id(const char *number, char out[DNC_ID_SIZE]); /* false: it has no digits, or too many */

/* Which of the numbers are on the list: `listed` has one element per number, lent for the call. */
typedef void dnc_listed_fn(void *arg, enum dg_err err, const char *message, const bool *listed);
/* At most 1,000 at once. */
void dnc_listed(struct store *store, const char *const *numbers, size_t count, dnc_listed_fn *fn,
                void *arg);

#endif
