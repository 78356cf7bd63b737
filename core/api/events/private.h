/* private.h - inside of live events: a reader, from its request to its end. */
#ifndef API_EVENTS_PRIVATE_H
#define API_EVENTS_PRIVATE_H

#include <stdatomic.h>

#include "api/api.h"
#include "api/events/events.h"
#include "base/list.h"
#include "http/post.h"
#include "http/stream.h"

/* ---- One reader [its HTTP thread] ----------------------------------------------- */

enum reader_state {
    READER_BEHIND, /* is given what it has missed, page by page */
    READER_LIVE,
    READER_CLOSING,
};

struct reader_event {
    struct event *event;
    int64_t sequence; /* of the feed */
};

struct reader {
    struct link link; /* among those of its thread */
    struct request *req;
    struct readers *readers;
    enum reader_state state;
    bool greeted;
    bool hopping;       /* a page, or a judgement, is under way */
    bool paging;        /* of these, a page: what happens meanwhile is held */
    bool known_place;   /* `place` counts; else it begins with what comes now */
    bool gap;           /* it asked for what cannot be a place */
    struct place place; /* while it is behind */
    int64_t sequence;   /* the last event that it was given */
    const char *types, *call_id, *campaign_id; /* NULL: all */
    struct reader_event *pending;              /* what waits for room, a reference each */
    size_t pending_count, pending_cap, pending_bytes;
    uint64_t sent_ms; /* when it was sent something */
};

/* After the parameters are read: answers. */
void reader_start(struct request *req, struct reader *r);
void reader_offer(struct reader *r, const struct reader_event *e); /* something has happened */
void reader_flush(struct reader *r);
void reader_beat(struct reader *r, uint64_t now_ms); /* once a second */
/* Says why, and ends. */
void reader_close(struct reader *r, const char *reason, const char *detail);

/* ---- All of them ------------------------------------------------------------------- */

/* The readers of one HTTP thread. */
struct reader_thread {
    struct link readers; /* [its thread] */
    atomic_size_t count; /* of these */
    struct port *port;   /* [control thread] NULL: nobody there has read yet */
};

struct readers {
    struct loop *loop;
    struct feed *feed;
    atomic_size_t count, max_readers, max_unsent;
    _Atomic uint64_t heartbeat_ms;
    struct reader_thread *threads;
    unsigned thread_count;
    struct reader_event *fresh; /* [control thread] of this tick */
    size_t fresh_count, fresh_cap;
    struct loop_timer *tick, *beat;
    unsigned idle_beats; /* without a reader */
    struct metric *open, *sent;
    struct metric_family *closed;
};

bool readers_enter(struct readers *rs, struct reader *r); /* false: too many */
void readers_leave(struct readers *rs, struct reader *r);
/* [control thread] From now on that thread is sent what happens. */
void readers_know(struct readers *rs, unsigned thread, struct port *port);

#endif
