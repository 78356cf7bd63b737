/* event_record.h - events as the store has them: several in a row of one gateway, in one
 * document, with the number of the event before the first. */
#ifndef EVENTS_EVENT_RECORD_H
#define EVENTS_EVENT_RECORD_H

#include "base/json.h"
#include "data/store.h"
#include "events/event.h"

#define EVENT_RECORD_MAX 100 /* events */

/* The first records with events of `node` behind `after`; 0: from the beginning. */
void event_records_after(struct store *store, const char *node, int64_t after, uint64_t limit,
                         op_fn *fn, void *arg);
/* The one with its newest events. */
void event_records_newest(struct store *store, const char *node, op_fn *fn, void *arg);

struct event_record {
    int64_t first, last;
    bool gap; /* events between `after`, unless it is 0, and the first one are missing */
    size_t count;
    struct event *events[EVENT_RECORD_MAX]; /* those behind `after`; a reference each */
};
/* false: it is no such record. */
bool event_record_read(const struct dg_doc *doc, const char *node, int64_t after,
                       struct event_record *out);
void event_record_free(struct event_record *r);

#endif
