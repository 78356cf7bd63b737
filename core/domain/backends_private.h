/* backends_private.h - what backends.c and routing.c share with the rest of calls. */
#ifndef DOMAIN_BACKENDS_PRIVATE_H
#define DOMAIN_BACKENDS_PRIVATE_H

#include "domain/backends.h"
#include "domain/call.h"

struct backend {
    struct link link;
    struct calls *cs;
    struct instance *in; /* held: when the gateway stops it ends before this */
    bool mock;
    struct call_defaults defaults;
    struct admission *admission; /* shared by all of this name */
    size_t live;                 /* calls that it carries */
    bool was_up;
    bool away; /* it was connected and is not, or has said that it cannot be */
    uint64_t away_since_ms;

    bool draining;
    bool handed_over; /* to a later instance of its name: it has no calls any more */
    uint64_t idle_since_ms;
    calls_drained_fn *drained;
    void *drained_arg;
    struct loop_timer *timer;
};

struct routing {
    struct backend *active, *next, *fallback;
    bool routed; /* calls_route has spoken */
    bool on_fallback;
    struct admission *held; /* its calls wait for the link of `next` */
    uint64_t hold_ms, switch_ms;
    struct loop_timer *switch_timer, *back_timer;
};

/* ---- backends.c ---- */
void backends_start(struct calls *cs);
void backends_stop(struct calls *cs); /* nothing is handed back any more */
void backends_free(struct calls *cs);
struct backend *backend_of(const struct calls *cs, const struct instance *in); /* NULL: unknown */
bool backend_up(const struct backend *b);                                      /* NULL: false */
/* Who carries the call from now on; NULL: nobody. */
void calls_carry(struct calls *cs, struct call *c, struct instance *in);
/* Whether what `in` says about this call counts: it is the carrier, or of the carrier's name when
 * none is known yet, or sees a call whose backend is gone altogether. */
bool calls_heeds(const struct calls *cs, const struct call *c, const struct instance *in);
void backends_link(struct calls *cs, struct instance *in, enum dg_link link);
void backends_changed(struct calls *cs); /* tell the bus and the metrics */
struct admission *admission_of(struct calls *cs, const char *backend);

/* ---- routing.c ---- */
/* Where a call goes that is placed now; NULL: there is no backend at all. */
struct backend *routing_target(const struct calls *cs);
/* It would be dialled there, at once or when the link that is being made is there. */
bool routing_open(const struct calls *cs, const struct backend *to);
void routing_begin(struct calls *cs, struct backend *b); /* the first */
void routing_link(struct calls *cs, struct backend *b);
bool routing_uses(const struct calls *cs, const struct backend *b);
void routing_stop(struct calls *cs);

#endif
