/* epoch.h - memory that readers on other threads may still be looking at.
 *
 * One writer, many readers, one slot for each. A reader takes no lock and no
 * count: it publishes the epoch it enters at, reads, and leaves. The writer
 * unlinks a piece, then retires it; it is freed once no reader is left in an
 * epoch from before. A reader that sleeps between reads holds nothing back.
 *
 * The pointers that lead to a piece are atomic and sequentially consistent, on
 * purpose: that no reader is missed rests on "slot written, then pointer read"
 * against "pointer changed, then slots read" in one total order.
 */
#ifndef BASE_EPOCH_H
#define BASE_EPOCH_H

#include <stddef.h>

struct epoch;

struct epoch *epoch_new(unsigned readers);
void epoch_free(struct epoch *e); /* with all that was retired; when nobody reads any more */

/* [reader's thread, `reader` < readers] Nothing that can be reached in between is freed. They do
 * not nest. */
void epoch_enter(struct epoch *e, unsigned reader);
void epoch_leave(struct epoch *e, unsigned reader);

/* [writer] No pointer leads to `piece` any more: to be free()d. NULL is fine. */
void epoch_retire(struct epoch *e, void *piece);
void epoch_reclaim(struct epoch *e); /* frees what nobody can see; now and then */
size_t epoch_retired(const struct epoch *e);

#endif
