/* event.h - something that has happened, as readers and webhooks are told of it:
 * named, numbered and rendered once, and shared by all who send it on.
 *
 * An event's id is "<node>-<sequence>". Numbers of a gateway grow, one by one
 * while it runs; a new run begins with a greater one.
 */
#ifndef EVENTS_EVENT_H
#define EVENTS_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "dialgate/plugin.h"
#include "events/bus.h"

#define EVENT_GAP      "gap" /* the type of the one that says: here some are missing */
#define EVENT_ID_SIZE  300
#define EVENT_TYPE_MAX 60

/* A line of the table of types. */
struct event_type {
    const char *name; /* "call.answered" */
    enum bus_topic topic;
    bool (*is)(const struct bus_event *ev); /* NULL: every event of the topic */
    /* The members beyond id, type, at and node. NULL: those of ev->json. */
    void (*render)(struct json_writer *w, const struct bus_event *ev);
    const char *help; /* one line, for the documentation */
};

/* NULL: nobody is told of it. */
const struct event_type *event_type_of(const struct event_type *types, size_t count,
                                       const struct bus_event *ev);
/* Whether a list like "call.*,link.up" has it; "*" and NULL have all. Each has EVENT_GAP. */
bool event_type_listed(const char *list, const char *type);
/* NULL: each element of the list is a type, or the beginning of one and ".*"; else the first that
 * is neither. Its length goes to *len. */
const char *event_type_stray(const struct event_type *types, size_t count, const char *list,
                             size_t *len);

struct event; /* [any thread] immutable; counted references */

/* All copied; `json` is an object without line breaks. With one reference. */
struct event *event_new(const char *node, int64_t number, const char *type, const char *call_id,
                        const char *campaign_id, struct dg_bytes json);
/* The same, with another id in its block: the place that a reader is in with it. */
struct event *event_placed(const struct event *e, const char *place);
struct event *event_ref(struct event *e);
void event_unref(void *e); /* a dg_fn; NULL is fine */

int64_t event_number(const struct event *e);
const char *event_node(const struct event *e);
const char *event_id(const struct event *e);
const char *event_type(const struct event *e);
const char *event_call(const struct event *e);     /* NULL: of none */
const char *event_campaign(const struct event *e); /* NULL: of none */
struct dg_bytes event_json(const struct event *e);
struct dg_bytes event_block(const struct event *e); /* as Server-Sent Events have it */

#endif
