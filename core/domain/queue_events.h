/* queue_events.h - what backends tell of queues and lines, for whoever listens: the notices
 * queue.changed and endpoint.changed. [control thread] */
#ifndef DOMAIN_QUEUE_EVENTS_H
#define DOMAIN_QUEUE_EVENTS_H

#include "domain/calls.h"

/* What it is not about is ignored. */
void queue_events_take(struct calls *cs, struct bus *bus, const struct instance *in,
                       const struct dg_event *ev);

#endif
