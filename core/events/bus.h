/* bus.h - what has happened, to whoever wants to know. [control thread]
 *
 * A published event is lent to every subscriber in turn, in the order of
 * subscribing. Subscribers copy what they keep and do not publish from inside.
 */
#ifndef EVENTS_BUS_H
#define EVENTS_BUS_H

#include <stdbool.h>
#include <stdint.h>

struct bus;
struct call;
struct calls;

enum bus_topic {
    BUS_CALL_CHANGED,
    BUS_CALL_ENDED,
    BUS_LINK,     /* of a backend: `instance` by name, `link`, `detail` */
    BUS_BACKENDS, /* their links, what they are for, or which there are: see calls_backends */
    BUS_NOTICE,   /* of a part that renders it itself: `type`, `json`, `campaign_id`, `call_id` */
};

struct bus_event {
    enum bus_topic topic;
    int64_t at_ms;
    const struct call *call;       /* CALL_*: as it is now */
    const char *from, *to;         /* CALL_*: states */
    bool first;                    /* CALL_*: the first event of the call in this run */
    const char *instance, *detail; /* LINK */
    int link;                      /* enum dg_link */
    const struct calls *calls;     /* BACKENDS: whom to ask */
    const char *call_id;           /* CALL_*, NOTICE: which one; NULL: none */
    const char *campaign_id;       /* likewise */
    const char *type;              /* NOTICE: "campaign.started", one of the table of event types */
    const char *json;              /* NOTICE: an object, what there is to say; NULL: nothing */
};

typedef void bus_fn(void *arg, const struct bus_event *ev);

struct bus *bus_new(void);
void bus_free(struct bus *b);
void bus_subscribe(struct bus *b, bus_fn *fn, void *arg);
void bus_unsubscribe(struct bus *b, bus_fn *fn, void *arg); /* not from inside an event */
void bus_publish(struct bus *b, const struct bus_event *ev);

#endif
