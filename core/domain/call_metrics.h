/* call_metrics.h - figures about calls, from the bus. The families are those
 * that the documented contact-center systems showed, both generations. */
#ifndef DOMAIN_CALL_METRICS_H
#define DOMAIN_CALL_METRICS_H

#include "base/metrics.h"
#include "events/bus.h"

struct call_metrics;

struct call_metrics *call_metrics_new(struct metrics *m, struct bus *bus);
void call_metrics_free(struct call_metrics *cm); /* after the bus is quiet */
/* An event of the backend's; `processed`: it was about one of our calls. */
void call_metrics_event(struct call_metrics *cm, const char *type, bool processed);
void call_metrics_launched(struct call_metrics *cm);
void call_metrics_live(struct call_metrics *cm, size_t live);
/* Admission to a backend: who waits, who was refused by which limit, how long was waited. */
void call_metrics_queued(struct call_metrics *cm, const char *backend, size_t queued);
void call_metrics_refused(struct call_metrics *cm, const char *backend, const char *limit);
void call_metrics_waited(struct call_metrics *cm, double seconds);
/* How a backend is, and whether new calls go there; how many calls it has more than before. */
void call_metrics_backend(struct call_metrics *cm, const char *backend, bool up, bool serving);
void call_metrics_backend_calls(struct call_metrics *cm, const char *backend, int more);
/* New calls go elsewhere: "switch", "switch_timeout", "fallback", "recovered". */
void call_metrics_route_changed(struct call_metrics *cm, const char *reason);
/* A call that the first has not dialled was given to the second. */
void call_metrics_moved(struct call_metrics *cm, const char *from, const char *to);
/* How long the backend took to accept, or to refuse, an originate. */
void call_metrics_originated(struct call_metrics *cm, bool accepted, double seconds);

#endif
