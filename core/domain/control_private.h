/* control_private.h - a request under way: what control.c and the actions share. */
#ifndef DOMAIN_CONTROL_PRIVATE_H
#define DOMAIN_CONTROL_PRIVATE_H

#include "base/mem.h"
#include "domain/calls_private.h"
#include "domain/control.h"

struct control {
    struct loop *loop;
    struct calls *calls;
    struct bus *bus;
    struct link looking;       /* orders that look again in a while */
    struct link consults;      /* attended transfers under way */
    struct commands *commands; /* for calls of other gateways; NULL: there are none */
};

/* One request, until it is answered. */
struct order {
    struct control *ct;
    struct arena *arena; /* of the request's copy and the texts */
    struct control_request req;
    const struct action *action;
    struct call *call; /* held; NULL: not live */
    control_fn *fn;
    void *arg;

    unsigned tried; /* number of the way that was tried last, from 1 */
    bool only;      /* that one alone */
    bool begun;     /* somebody was asked */
    unsigned looks; /* after what a success led to */
    struct loop_timer *timer;
    struct link link; /* in control.looking */
    /* What is answered: the result, or the most telling refusal so far. */
    enum dg_err err;
    const char *field, *message, *text;
};

/* Asks `in` to do it; ends in order_sent. */
typedef void way_fn(struct order *o, struct instance *in);

#define WAYS_MAX 2

struct way {
    const char *function; /* of the backend */
    way_fn *ask;
};

struct action {
    const char *name;     /* in /capabilities */
    enum call_state from; /* the earliest state that it makes sense in */
    struct way ways[WAYS_MAX];
    const char *missing; /* what DG_ENOTFOUND means; NULL: that the call is gone */
    bool away;           /* the call goes elsewhere: whoever led it does so no longer */
    /* Optional: what is done instead of trying the ways; ends in order_done or order_try. */
    void (*run)(struct order *o);
    /* Optional. false: refused, err, field and message are set. */
    bool (*check)(struct order *o);
    /* Optional: what the call shows now; and when nothing came of it. */
    void (*note)(struct order *o);
    void (*failed)(struct order *o);
    /* Optional: what is still to be found out after a success, from `in`; ends in order_done. */
    void (*finish)(struct order *o, struct instance *in);
    /* Optional: how it was done before, when it is now undone; 0: not known. */
    unsigned (*undo)(const struct order *o);
};
const struct action *control_action(enum control_action action);
extern const struct action control_record, control_record_change, control_park, control_consult,
    control_complete, control_cancel;

/* control_forward.c: the call is not among the live ones of this gateway. */
void order_elsewhere(struct order *o);
/* It is, after all. */
void order_begin(struct order *o);
/* Nothing is answered from inside the call that asked. */
void order_answer_soon(struct order *o);

op_fn order_sent;
void order_done(struct order *o); /* answers */
void order_try(struct order *o);  /* the ways, from the first */
bool control_check_place(struct order *o);
bus_fn consults_event;
void consults_free(struct control *ct);
/* The instance that the way `number` leads to; NULL: no such way now. */
struct instance *order_instance(const struct order *o, unsigned number);
void order_refuse(struct order *o, enum dg_err err, const char *field, const char *message);

#endif
