/* events.h - live events: streams of Server-Sent Events, and webhooks. */
#ifndef API_EVENTS_H
#define API_EVENTS_H

#include "api/doc.h"
#include "base/metrics.h"
#include "events/feed.h"
#include "http/request.h"

/* Every type of event, one line each. */
extern const struct event_type event_types[];
extern const size_t event_type_count;

/* ---- Readers: who is sent events as they happen -------------------------------- */

struct readers;

struct readers_settings {
    size_t max_readers;    /* at once; 503 above */
    size_t max_unsent;     /* bytes that wait for one; then it is dropped */
    uint64_t heartbeat_ms; /* when there is nothing to say */
};

struct readers_config {
    struct loop *loop;
    struct feed *feed;
    struct metrics *metrics;
    unsigned threads; /* that answer HTTP */
    struct readers_settings settings;
};

/* [control thread], all three; the last when no HTTP thread is left */
struct readers *readers_new(const struct readers_config *config);
void readers_set(struct readers *rs, const struct readers_settings *settings);
void readers_free(struct readers *rs); /* NULL is fine */

route_fn events_stream;     /* GET /api/v2/events */
route_fn events_monitoring; /* GET /api/monitoring/stream */
route_fn events_list_types; /* GET /api/v2/events/types */

/* All for admins alone. */
route_fn webhooks_list;           /* GET /api/v2/webhooks */
route_fn webhooks_post;           /* POST /api/v2/webhooks */
route_fn webhooks_get;            /* GET /api/v2/webhooks/{id} */
route_fn webhooks_put;            /* PUT /api/v2/webhooks/{id} */
route_fn webhooks_remove;         /* DELETE /api/v2/webhooks/{id} */
route_fn webhooks_get_deliveries; /* GET /api/v2/webhooks/{id}/deliveries */
route_fn webhooks_post_resend;    /* POST /api/v2/webhooks/{id}/deliveries/{delivery}/resend */

extern const struct route_doc webhooks_list_doc, webhooks_post_doc, webhooks_get_doc,
    webhooks_put_doc, webhooks_remove_doc, webhooks_get_deliveries_doc, webhooks_post_resend_doc;
extern const struct route_doc events_stream_doc, events_monitoring_doc, events_types_doc;

#endif
