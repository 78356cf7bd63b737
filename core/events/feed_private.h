/* feed_private.h - inside of the feed: gateways and what comes from them (feed.c), the line in
 * which all stand (feed_line.c), pages for whoever comes back (feed_page.c). */
#ifndef EVENTS_FEED_PRIVATE_H
#define EVENTS_FEED_PRIVATE_H

#include "base/list.h"
#include "events/event_record.h"
#include "events/feed.h"
#include "loop/loop.h"

/* A gateway. The first one is this one. */
struct origin {
    struct feed *feed; /* NULL: it is to be freed when what it reads is here */
    char name[PLACE_NODE_SIZE];
    bool own;
    bool placed;   /* `seen` counts */
    bool fresh;    /* there was nothing of it when it was met; `seen` is 0 */
    bool reading;  /* the store is being asked */
    bool again;    /* there may be more than that answer will say */
    int64_t seen;  /* the last event that came here */
    int64_t start; /* of one that is fresh: nothing is of interest before */
    int64_t base;  /* the last one that is not in the line any more, or never was */
};

struct entry {
    struct event *event;
    struct origin *origin;
};

struct feed_follower {
    feed_fn *fn;
    void *arg;
};

enum feed_state {
    FEED_RESTING,
    FEED_OPENING, /* where the others are is being read */
    FEED_OPEN,
};

struct feed {
    struct feed_config config;
    enum feed_state state;
    int64_t opened_at_ms;
    struct origin *origins[PLACE_NODES];
    size_t origin_count;
    struct feed_follower *followers;
    size_t follower_count;
    struct loop_timer *poll;
    uint64_t warned_ms;

    /* The line: a ring, the oldest at `head`; `next` is the number of the next one. */
    struct entry *ring;
    size_t cap, head, count, bytes;
    int64_t next;

    struct link readings; /* feed_page.c */
    struct metric *received, *failures, *gaps;
};

/* ---- feed_line.c */
void feed_line_add(struct feed *f, struct origin *o, struct event *e);
/* Between these two numbers events are missing; `after` 0: it is not known how many. */
void feed_line_gap(struct feed *f, struct origin *o, int64_t after, int64_t before);
void feed_line_clear(struct feed *f);
struct entry *feed_line_at(const struct feed *f, size_t i);
bool feed_several(const struct feed *f); /* there are places of more than one gateway */

/* ---- feed.c */
void feed_open(struct feed *f);                               /* if it rests */
struct origin *feed_origin(struct feed *f, const char *node); /* NULL: not known */
void feed_look(struct origin *o);                             /* for more of its events */

/* ---- feed_page.c */
void feed_pages_go_on(struct feed *f); /* something has changed that somebody may wait for */
void feed_pages_end(struct feed *f);

#endif
