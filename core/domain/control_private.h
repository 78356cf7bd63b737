/* control_private.h - a request under way: what control.c and the actions share. */
#ifndef DOMAIN_CONTROL_PRIVATE_H
#define DOMAIN_CONTROL_PRIVATE_H

#include "base/mem.h"
#include "domain/calls_private.h"
#include "domain/control.h"

struct control {
    struct loop *loop;
    struct calls *calls;
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
    /* What is answered: the result, or the most telling refusal so far. */
    enum dg_err err;
    const char *field, *message, *text;
};

/* Asks `in` to do it; ends in order_sent. */
typedef void way_fn(struct order *o, struct instance *in);

#define WAYS_MAX 2

struct action {
    const char *function; /* of the backend, that it is known by */
    enum call_state from; /* the earliest state that it makes sense in */
    way_fn *ways[WAYS_MAX];
    const char *missing; /* what DG_ENOTFOUND means; NULL: that the call is gone */
    /* Optional. false: refused, err, field and message are set. */
    bool (*check)(struct order *o);
    /* Optional: what the call shows now. */
    void (*note)(struct order *o);
    /* Optional: how it was done before, when it is now undone; 0: not known. */
    unsigned (*undo)(const struct order *o);
};
extern const struct action control_actions[CONTROL_ACTIONS];

op_fn order_sent;
void order_refuse(struct order *o, enum dg_err err, const char *field, const char *message);

#endif
