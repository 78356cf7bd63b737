/* ivr_stats.h - the counts of each menu, in the store. [control thread]
 *
 * Several gateways count in the same documents, each under the version that it
 * read. What comes while a menu's counts are being written goes with the next
 * write. While the store is away counts wait in memory; they are lost with the
 * gateway.
 */
#ifndef DOMAIN_IVR_STATS_H
#define DOMAIN_IVR_STATS_H

#include "data/store.h"
#include "domain/ivr_counts.h"
#include "loop/loop.h"

struct ivr_stats;

struct ivr_stats *ivr_stats_new(struct store *store, struct loop *loop);
void ivr_stats_free(struct ivr_stats *st); /* after the store */

/* What the session did is added to the counts of every menu that it came through. */
void ivr_stats_add(struct ivr_stats *st, const struct ivr_session *s);

typedef void ivr_counts_fn(void *arg, enum dg_err err, const char *message,
                           const struct ivr_counts *counts);
/* With what is not written yet; zeros for a menu that nobody has been in. */
void ivr_stats_get(struct ivr_stats *st, int64_t menu, ivr_counts_fn *fn, void *arg);

#endif
