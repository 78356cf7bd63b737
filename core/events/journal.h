/* journal.h - a bounded log of what has happened, that survives a restart.
 * [control thread]
 *
 * What the bus tells and the table of types knows is numbered, rendered and
 * handed to followers at once. The newest events stay in memory; all are
 * written to the store in batches, behind everybody's back: a store that is
 * slow or away costs nothing but the oldest of those that wait. They expire by
 * age and number.
 *
 * Whoever was away goes on behind the last event that he has (feed.h). What is
 * not there any more is told, never passed over. A run that ended without
 * writing all of its events is followed by an event of type EVENT_GAP.
 *
 * Other gateways on the store are told by a note that there are more.
 */
#ifndef EVENTS_JOURNAL_H
#define EVENTS_JOURNAL_H

#include "base/metrics.h"
#include "data/notes.h"
#include "data/store.h"
#include "events/event.h"

struct journal;

struct journal_limits {
    uint64_t lifetime_ms; /* of an event */
    size_t max_stored;    /* events of this gateway in the store */
    size_t max_recent;    /* in memory */
};

struct journal_config {
    struct loop *loop;
    struct store *store;
    bool stored;         /* false: memory is all there is */
    struct notes *notes; /* NULL: nobody else is to know */
    struct bus *bus;
    struct metrics *metrics; /* NULL: none */
    const char *node;
    const struct event_type *types;
    size_t type_count;
    struct journal_limits limits;
};

/* Listens to the bus from now on. `fn` comes when it is known where the last run ended. */
struct journal *journal_new(const struct journal_config *config, op_fn *fn, void *arg);
void journal_set(struct journal *j, const struct journal_limits *limits);
/* Writes what is not written, for a few seconds at most; then it is freed, and `fn` comes. */
void journal_close(struct journal *j, dg_fn *fn, void *arg);

/* Each event, as it happens; the reference is lent. Not from inside an event. */
typedef void journal_fn(void *arg, struct event *e);
void journal_follow(struct journal *j, journal_fn *fn, void *arg);
void journal_unfollow(struct journal *j, journal_fn *fn, void *arg);

const char *journal_node(const struct journal *j);
int64_t journal_newest(const struct journal *j); /* the number of the last event */

/* The events behind `after`, as long as all of them are in memory; a reference each, at most
 * `max`. -1: older ones are needed, from the store (event_record.h). */
int journal_recent(struct journal *j, int64_t after, struct event **out, size_t max);
/* Where to go on in memory when the store has nothing behind `after`; *gap: events between the two
 * are missing. */
int64_t journal_skip(const struct journal *j, int64_t after, bool *gap);

#endif
