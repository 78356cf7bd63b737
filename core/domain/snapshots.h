/* snapshots.h - what readers on other threads may see: named records of
 * immutable bytes, replaced as a whole.
 *
 * One writer (the control thread), many readers (one slot per HTTP thread),
 * which take no lock: see base/epoch.h.
 */
#ifndef DOMAIN_SNAPSHOTS_H
#define DOMAIN_SNAPSHOTS_H

#include <stdbool.h>
#include <stddef.h>

struct snapshots;

struct snapshots *snapshots_new(unsigned readers);
void snapshots_free(struct snapshots *s); /* when nobody reads any more */

/* [control thread] Add or replace; the bytes are copied. */
void snapshots_put(struct snapshots *s, const char *id, const void *bytes, size_t len);
void snapshots_del(struct snapshots *s, const char *id);
size_t snapshots_count(const struct snapshots *s);
size_t snapshots_retired(const struct snapshots *s); /* waiting to be freed */

/* [reader's thread, `reader` < readers] Calls `fn` with the bytes while they cannot be freed;
 * false: not there. */
typedef void snapshots_fn(void *arg, const void *bytes, size_t len);
bool snapshots_read(struct snapshots *s, unsigned reader, const char *id, snapshots_fn *fn,
                    void *arg);

#endif
