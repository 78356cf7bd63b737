/* api.h - what handlers have at hand (request_app), and the table of routes.
 *
 * Handlers run on HTTP threads. They parse and check, make one domain call on
 * the control thread (hop_start) or read a snapshot, and render. Whatever is
 * marked [control thread] is touched from a hop only.
 */
#ifndef API_API_H
#define API_API_H

#include "auth/auth.h"
#include "base/metrics.h"
#include "domain/control.h"
#include "domain/idempotency.h"
#include "domain/nodes.h"
#include "events/bus.h"
#include "http/request.h"
#include "http/route.h"

struct channels;
struct mock_numbers;
struct health;   /* api/system/health.h */
struct readers;  /* api/events/events.h */
struct webhooks; /* events/webhooks.h */
struct campaigns;
struct audio;
struct endpoints;
struct recordings;
struct ivr_menus;
struct ivr_stats;
struct dialer;
struct ledger;
struct loop;

struct api {
    /* [control thread] */
    struct calls *calls;
    struct control *control;
    struct nodes *nodes;
    struct idempotency *idempotency;
    struct auth *auth;     /* auth_token_rate is for any thread */
    struct users *users;   /* NULL: no store, or the gateway is stopping */
    struct tokens *tokens; /* likewise */
    struct webhooks *webhooks;
    struct loop *loop;
    struct ledger *ledger;
    struct dialer *dialer;
    struct campaigns *campaigns;
    struct audio *audio;
    struct recordings *recordings;
    struct endpoints *endpoints;
    struct ivr_menus *ivr_menus;
    struct ivr_stats *ivr_stats;

    /* [any thread] */
    struct channels *channels;         /* channels_find; all else is for the control thread */
    struct mock_numbers *mock_numbers; /* reading; changes are for the control thread */
    struct snapshots *snapshots;       /* of calls: the body of GET status, rendered */
    struct store *store;               /* store_status; all else is for the control thread */
    struct metrics *metrics;
    struct health *health;
    struct readers *readers;
    const char *app_name, *app_version, *node;
    const char *sounds_key; /* signs addresses of sounds; NULL: none is given out */
    _Atomic bool docs, show_metrics;
    bool store_disabled;
    char *openapi; /* the document, made at the start by openapi_render */
    size_t openapi_len;
};

/* Every route, one line each; sorted as the documentation shows them. */
extern const struct route api_routes[];
extern const size_t api_route_count;
extern const char *const api_uploads[]; /* whose bodies may be large; http_config.uploads */
extern const struct envelope api_envelopes[];
extern const size_t api_envelope_count;

/* The one that belongs to a request's application. */
static inline struct api *api_of(const struct request *req)
{
    return request_app(req);
}

#endif
