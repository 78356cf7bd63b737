/* backends.h - the backends that carry calls, and where a new call goes.
 * [control thread]
 *
 * One backend is the active one, as the configuration says. Another may be the
 * fallback: new calls go there while the active one is not connected. The rest
 * stands by, or drains: a draining backend keeps its calls until they end, and
 * is then handed back to whoever opened it.
 *
 * Another active backend takes over when it is connected, or when the time for
 * that is over; until then the one of before serves. A call belongs to its
 * carrier (call.h): only the carrier's events move it.
 */
#ifndef DOMAIN_BACKENDS_H
#define DOMAIN_BACKENDS_H

#include "domain/admission.h"
#include "plug/backend.h"

struct calls;

/* What a request leaves out, and what it may ask for; per backend. */
struct call_defaults {
    const char *endpoint; /* template: {number}, {context}, {trunk} */
    const char *trunk, *context, *extension, *caller_id;
    const char
        *parked_context; /* whoever goes to a slot there gets the call that is parked in it */
    int priority;
    uint64_t ring_ms;
    const char *const *allowed_contexts; /* beside `context`; "*" any; ends with NULL */
};

/* A backend that may be given calls. `mock`: its calls are simulations, and say so. The defaults
 * are copied. The limits are shared by all instances of one name; calls that it carries already
 * count. Again for one that is known: other defaults and limits. The first one is active until
 * calls_route says otherwise. */
void calls_use(struct calls *cs, struct instance *in, bool mock,
               const struct call_defaults *defaults, const struct call_limits *limits);
/* Other limits for the active backend, at once, also for calls that wait. */
void calls_set_limits(struct calls *cs, const struct call_limits *limits);

struct calls_route {
    struct instance *active;
    struct instance *fallback; /* NULL: none */
    uint64_t hold_ms;          /* the active one must have been back for so long */
    uint64_t switch_ms;        /* a new active one is waited for; 0: not at all */
};
void calls_route(struct calls *cs, const struct calls_route *route);

/* It gets no new calls; when its last one has ended, it is forgotten and `fn` may close it.
 * While it is part of the route it is kept. */
typedef void calls_drained_fn(void *arg, struct instance *in);
void calls_drain(struct calls *cs, struct instance *in, calls_drained_fn *fn, void *arg);
/* It is wanted again, unless its calls were handed over: then it is about to be closed. */
void calls_keep(struct calls *cs, struct instance *in);
bool calls_handed_over(const struct calls *cs, const struct instance *in);

/* ---- Asking ---------------------------------------------------------------- */

/* The active one: the PBX of this gateway, also while it is not connected. NULL: none yet. */
struct instance *calls_backend(const struct calls *cs);
/* To which a call that is placed now would go; another than the active one during a fallback. */
struct instance *calls_serving(const struct calls *cs);
/* By the name of its table; one that drains only where there is no other. NULL: not open. */
struct instance *calls_backend_named(const struct calls *cs, const char *name);

enum backend_role {
    BACKEND_ACTIVE,
    BACKEND_NEXT, /* becomes the active one when it is connected */
    BACKEND_FALLBACK,
    BACKEND_STANDBY,
    BACKEND_DRAINING,
};
const char *backend_role_name(enum backend_role role); /* "active" */

struct backend_view {
    struct instance *instance;
    enum backend_role role;
    bool serving; /* new calls go there now */
    bool mock;
    size_t calls; /* live ones that it carries */
};
/* All of them, the active one first, then by age. BUS_BACKENDS tells of each change. */
size_t calls_backends(const struct calls *cs, struct backend_view *out, size_t max);
/* Whether calls that were taken up after a restart wait for a backend of this name. */
bool calls_need_backend(const struct calls *cs, const char *name);

#endif
