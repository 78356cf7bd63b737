/* channel_index.h - from a number to the live channels that have to do with it,
 * for readers that take no lock.
 *
 * One writer [control thread], one reader on each HTTP thread. Every number has
 * two lists, of channels that are up and of others, each the newest first, so
 * that the first one is the answer however many share a number. Entries are
 * immutable: a channel that changes gets a new one, which is linked before the
 * old one goes, and a reader that finds nothing while one moved looks again.
 *
 * A channel belongs to a source, a backend instance. Channels of a source that
 * is not shown are passed over. Whether "not found" can be said is told by
 * channel_index_complete.
 */
#ifndef DOMAIN_CHANNEL_INDEX_H
#define DOMAIN_CHANNEL_INDEX_H

#include "domain/channel_numbers.h"

struct channel_index;
struct channel_source;
struct channel_entry;

struct channel_index *channel_index_new(unsigned readers);
/* When nobody reads any more, and every entry was removed. */
void channel_index_free(struct channel_index *x);

/* A source is not shown at first; it lives as long as the index. */
struct channel_source *channel_index_source(struct channel_index *x);
void channel_index_show(struct channel_source *source, bool shown);
/* Is every channel that there is in the index, and shown? Not at first. */
void channel_index_complete(struct channel_index *x, bool complete);

/* What the index needs of a channel. */
struct channel_facts {
    const char *id;
    bool up;
    int64_t started_ms;
    const struct channel_number *numbers;
    unsigned number_count;
};

/* In the place of `old` (NULL: none), which is not to be used any more; gives `old` back where
 * nothing differs. */
struct channel_entry *channel_index_put(struct channel_index *x, struct channel_source *source,
                                        const struct channel_facts *facts,
                                        struct channel_entry *old);
void channel_index_remove(struct channel_index *x, struct channel_entry *entry); /* NULL is fine */
size_t channel_index_numbers(const struct channel_index *x); /* that some channel has */

enum channel_found {
    CHANNEL_FOUND,
    CHANNEL_NOT_FOUND,
    CHANNEL_UNCERTAIN, /* not found, but there may be one that the index does not have */
};

/* [reader's thread] `dialed` and `caller` are phone_keys; caller 0: any. The channel's id goes to
 * `id`. */
enum channel_found channel_index_find(struct channel_index *x, unsigned reader, uint32_t dialed,
                                      uint32_t caller, char id[DG_ID_MAX + 1]);

#endif
