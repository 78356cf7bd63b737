/* health.h - how the parts are, for /health, /readiness and the link gauges. */
#ifndef API_SYSTEM_HEALTH_H
#define API_SYSTEM_HEALTH_H

#include "base/metrics.h"
#include "data/store.h"
#include "events/bus.h"
#include "plug/plug.h"

struct health;

/* Follows the links on the bus. [control thread] */
struct health *health_new(struct bus *bus, struct store *store, struct metrics *metrics);
void health_free(struct health *h);
/* The backend that new calls go to. [control thread] */
void health_backend(struct health *h, const char *instance, bool mock);

struct health_report {
    enum dg_link link; /* of the active backend */
    char backend[64];  /* its instance name */
    bool mock;
    char detail[200]; /* why the link is not up, if that is known */
    int64_t link_since_ms;
    struct store_status store;
};
void health_read(struct health *h, struct health_report *out); /* [any thread] */

#endif
