/* ivr_stats.h - the counts of each menu, in the store. [control thread]
 *
 * Several gateways count in the same documents, each under the version that it
 * read. What callers do is counted as they do it, and the counts of a menu are
 * written once a second: a gateway that is killed loses that of its last second,
 * and what waits in memory while the store is away.
 */
#ifndef DOMAIN_IVR_STATS_H
#define DOMAIN_IVR_STATS_H

#include "data/store.h"
#include "domain/ivr_counts.h"
#include "loop/loop.h"

struct ivr_stats;

struct ivr_stats *ivr_stats_new(struct store *store, struct loop *loop);
void ivr_stats_free(struct ivr_stats *st); /* after the store */

/* What the session did, from the mark `from` of its path on, is added to the counts of every menu
 * that it came through. */
void ivr_stats_add(struct ivr_stats *st, const struct ivr_session *s, size_t from);
/* For shutdown: `fn` comes when nothing waits to be written any more, or after `within_ms`. */
void ivr_stats_drain(struct ivr_stats *st, uint64_t within_ms, dg_fn *fn, void *arg);

typedef void ivr_counts_fn(void *arg, enum dg_err err, const char *message,
                           const struct ivr_counts *counts);
/* With what is not written yet; zeros for a menu that nobody has been in. */
void ivr_stats_get(struct ivr_stats *st, int64_t menu, ivr_counts_fn *fn, void *arg);

#endif
