/* spool.h - recordings that were fetched from Asterisk, for as long as somebody reads them.
 *
 * ARI gives a file out as a whole or not at all. So it is fetched once into a
 * file without a name, and what is asked for is read there: a few bytes or all
 * of them, by clients that take their time, without keeping Asterisk busy and
 * without having it in memory. Half a minute after it was used last it goes.
 */
#ifndef ARI_SPOOL_H
#define ARI_SPOOL_H

#include "dialgate/backend.h"

struct ari;
struct spooled;

struct spool {
    struct spooled *first; /* the one used last */
    size_t count, jobs;
    dg_fn *closed;
};
#define SPOOL_MAX 16 /* files at a time */

/* How large it is and what tells it from another: `known` says the rest and is copied. */
void spool_find(struct ari *a, struct dg_op *op, const struct dg_recording *known);
void spool_read(struct ari *a, struct dg_op *op, const struct dg_recording_read *req);
/* It is not there any more. */
void spool_forget(struct ari *a, const char *id);
/* After rest_close. `closed(a)` is called when no worker uses anything of it any more. */
void spool_close(struct ari *a, dg_fn *closed);

#endif
