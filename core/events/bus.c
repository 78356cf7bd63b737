/* bus.c - a list of subscribers. */
#include "events/bus.h"

#include <stdlib.h>

#include "base/mem.h"

struct subscriber {
    bus_fn *fn;
    void *arg;
};

struct bus {
    struct subscriber *subscribers;
    unsigned count;
};

struct bus *bus_new(void)
{
    return xcalloc(1, sizeof(struct bus));
}

void bus_free(struct bus *b)
{
    if (!b)
        return;
    free(b->subscribers);
    free(b);
}

void bus_subscribe(struct bus *b, bus_fn *fn, void *arg)
{
    b->subscribers = xrealloc(b->subscribers, (b->count + 1) * sizeof *b->subscribers);
    b->subscribers[b->count++] = (struct subscriber){fn, arg};
}

void bus_unsubscribe(struct bus *b, bus_fn *fn, void *arg)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < b->count; i++) {
        if (b->subscribers[i].fn != fn || b->subscribers[i].arg != arg)
            b->subscribers[kept++] = b->subscribers[i];
    }
    b->count = kept;
}

void bus_publish(struct bus *b, const struct bus_event *ev)
{
    for (unsigned i = 0; i < b->count; i++)
        b->subscribers[i].fn(b->subscribers[i].arg, ev);
}
