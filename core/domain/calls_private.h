/* calls_private.h - what the files around the live calls share. */
#ifndef DOMAIN_CALLS_PRIVATE_H
#define DOMAIN_CALLS_PRIVATE_H

#include "base/map.h"
#include "domain/backends_private.h"
#include "domain/calls.h"

struct calls {
    struct calls_config config;
    struct link backends; /* struct backend, by age */
    struct routing routing;
    calls_ended_fn *ended;
    void *ended_arg;
    struct calls_guide guide;
    bool stopping;
    struct map *admissions; /* of every backend that has or had calls: name -> admission */
    struct map *live;       /* id -> struct call */
    struct map *companions; /* backend's name -> the name of the one that helps it out */
    struct map *given_up;   /* id -> something: recent ones that ended without the backend's word */
    struct link recent;
    size_t recent_count;
    struct link comparing;
    uint64_t comparisons; /* of this picture with a backend's, numbered from 1 */
    struct loop_timer *compare_timer, *recent_timer;
};

/* Apply an event and carry out what the step asks for. May end and release the call. */
void calls_move(struct calls *cs, struct call *c, const struct call_event *ev);
struct call_event calls_event_now(enum call_event_type type);
/* What a backend says happened at `at_ms`; 0: now. */
struct call_event calls_event_then(enum call_event_type type, int64_t at_ms);
void calls_add(struct calls *cs, struct call *c); /* to the live ones; takes the reference over */
/* Ends the call `id` that a backend shows, if we have given it up. */
void calls_end_unwanted(struct calls *cs, struct instance *in, const char *id);
/* (Re)start the deadline that fits the state. */
void calls_watch(struct calls *cs, struct call *c);
void calls_publish(struct calls *cs, struct call *c, enum call_state from);
/* What is done to it has changed, not its state: written down, and shown. */
void calls_refresh(struct calls *cs, struct call *c);
/* What a backend tells of that. */
void doing_event(struct calls *cs, struct call *c, const struct dg_event *ev);
/* A request about one call that is not live: it is over, or nobody knows it. */
struct ended_call {
    enum dg_err err; /* DG_ECONFLICT it is over, DG_ENOTFOUND, or why nobody can tell */
    const char *message;
};
typedef void ended_call_fn(void *arg, const struct ended_call *found);
void calls_find_ended(struct calls *cs, const char *id, ended_call_fn *fn, void *arg);
/* A call that waits for its turn is hung up: it goes on at once, to its end. */
void originate_hurry(struct originate *o);
/* Another gateway has it now: it is forgotten here, and nothing is told or written of it. */
void calls_let_go(struct calls *cs, struct call *c);
/* A record becomes a live call of this gateway. NULL: it is one already, or unreadable. */
struct call *reconcile_take_up(struct calls *cs, const struct dg_doc *doc);
void reconcile_start(struct calls *cs);
void reconcile_stop(struct calls *cs);
void reconcile_link_up(struct calls *cs, struct instance *in);
void reconcile_lost(struct calls *cs, struct instance *in); /* all that it carries is gone */
void reconcile_forget(struct calls *cs, const struct instance *in); /* it is about to be closed */

#endif
