/* health.h - how the parts are, for /health, /readiness and the link gauges. */
#ifndef API_SYSTEM_HEALTH_H
#define API_SYSTEM_HEALTH_H

#include "base/metrics.h"
#include "data/store.h"
#include "domain/backends.h"
#include "events/bus.h"

struct health;

/* [control thread] Follows the bus. */
struct health *health_new(struct bus *bus, struct store *store, struct metrics *metrics);
void health_free(struct health *h);
void health_follow(struct health *h, const struct calls *calls); /* whose backends are shown */

#define HEALTH_BACKENDS 16

struct health_backend {
    char name[64], plugin[64];
    enum backend_role role;
    enum dg_link link;
    bool serving; /* new calls go there */
    bool mock;
    size_t calls;
    char detail[200]; /* why the link is not up, if that is known */
};

struct health_report {
    struct health_backend backends[HEALTH_BACKENDS]; /* the active one first */
    size_t count;
    struct store_status store;
};
void health_read(struct health *h, struct health_report *out); /* [any thread] */

#endif
