/* feed.h - the events of all gateways on the store, in one line, for readers.
 * [control thread]
 *
 * Own events come from the journal, at once. Those of the others are read from
 * their records in the store when a note says that there are more, and now and
 * then; they come a moment later. Each gateway's events keep their order; those
 * of different gateways come as they arrive here. Nothing is read as long as
 * nobody reads here. Without a store that passes notes on there are no others.
 *
 * Where events of a gateway are missing, one of type EVENT_GAP says so.
 */
#ifndef EVENTS_FEED_H
#define EVENTS_FEED_H

#include "base/metrics.h"
#include "data/notes.h"
#include "events/journal.h"
#include "events/place.h"

struct feed;

typedef void feed_name_fn(void *arg, const char *name);

struct feed_config {
    struct loop *loop;
    struct store *store;
    bool stored; /* false: memory is all there is */
    struct journal *journal;
    struct notes *notes; /* NULL: there are no others */
    /* Tells the names of all gateways that are known now. NULL: there are no others. */
    void (*names)(void *names_arg, feed_name_fn *fn, void *arg);
    void *names_arg;
    struct metrics *metrics; /* NULL: none */
};

struct feed *feed_new(const struct feed_config *config);
/* Before the journal and the store. Who waits for a page is told that it is over. */
void feed_free(struct feed *f);

/* Each event, as it comes here, with its number in this line; the reference is lent. Its block has
 * the place as its id. Not from inside an event. */
typedef void feed_fn(void *arg, struct event *e, int64_t sequence);
void feed_follow(struct feed *f, feed_fn *fn, void *arg);
void feed_unfollow(struct feed *f, feed_fn *fn, void *arg);
/* Nobody reads here any more, until feed_next is called again. */
void feed_rest(struct feed *f);

#define FEED_PAGE 200 /* events at most */
struct feed_page {
    enum dg_err err;
    const char *message;
    const char *gap; /* some are missing before these: "unknown" (no such place), "expired" */
    struct event *const *events; /* lent; their blocks have places as ids */
    size_t count;
    struct place after; /* to go on from */
    /* That was all: what comes next is told to followers, with numbers above this one. */
    bool last;
    int64_t sequence;
};
typedef void feed_page_fn(void *arg, const struct feed_page *page);
/* The next events behind that place; NULL: there is nothing before now. `fn` comes on a later turn,
 * and no event between it and what it says. */
void feed_next(struct feed *f, const struct place *after, feed_page_fn *fn, void *arg);

#endif
