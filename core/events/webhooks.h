/* webhooks.h - events sent to whoever has asked for them, as HTTP requests.
 * [control thread]
 *
 * An event becomes a delivery for each webhook that wants its type: a record in
 * the store, so that it survives a restart and waits there, not in memory. A
 * delivery is tried until it is answered 2xx, with growing pauses, and is dead
 * after so many attempts; dead ones can be listed and sent again. Each webhook
 * has a few requests under way at most, one while it fails, and so many
 * deliveries waiting at most: what comes then is dropped and counted. Deliveries
 * may come twice, and in another order than the events.
 *
 * The gateway where an event happens writes its deliveries; any gateway on the
 * store sends what is due, so that nothing waits for one that has died.
 */
#ifndef EVENTS_WEBHOOKS_H
#define EVENTS_WEBHOOKS_H

#include "base/metrics.h"
#include "data/store.h"
#include "events/journal.h"

struct webhooks;

struct webhook_settings {
    size_t max_webhooks, max_pending, max_pending_total, max_attempts;
    uint64_t timeout_ms, retry_min_ms, retry_max_ms, keep_ms;
};

struct webhooks_config {
    struct loop *loop;
    struct store *store;
    bool stored; /* false: there are no webhooks */
    struct journal *journal;
    struct notes *notes; /* NULL: there are no other gateways */
    struct metrics *metrics;
    bool allow_private; /* deliver to private addresses */
    struct webhook_settings settings;
};

/* `fn` comes when those that there are have been read, or could not be. */
struct webhooks *webhooks_new(const struct webhooks_config *config, op_fn *fn, void *arg);
void webhooks_set(struct webhooks *ws, const struct webhook_settings *settings);
/* Requests under way are ended; they will be sent again. */
void webhooks_close(struct webhooks *ws, dg_fn *fn, void *arg);

struct webhook_view {
    const char *id, *url, *types, *description, *secret;
    bool active;
    int64_t created_at_ms, updated_at_ms;
    size_t pending, failing; /* deliveries that wait; failures in a row */
};
/* `view` is lent, NULL unless err is DG_OK. */
typedef void webhook_fn(void *arg, enum dg_err err, const char *message,
                        const struct webhook_view *view);

size_t webhooks_count(const struct webhooks *ws);
void webhooks_at(const struct webhooks *ws, size_t i, struct webhook_view *out); /* by age */
bool webhooks_find(const struct webhooks *ws, const char *id, struct webhook_view *out);

/* NULL members: as they were, when it is changed; `secret` NULL: made, when it is new. Checked by
 * the caller. */
struct webhook_request {
    const char *url, *types, *description, *secret;
    const bool *active;
};
void webhooks_create(struct webhooks *ws, const struct webhook_request *req, webhook_fn *fn,
                     void *arg);
void webhooks_change(struct webhooks *ws, const char *id, const struct webhook_request *req,
                     webhook_fn *fn, void *arg);
void webhooks_delete(struct webhooks *ws, const char *id, webhook_fn *fn, void *arg);

/* Its deliveries, newest first; `state` NULL: all. dg_doc. */
void webhooks_deliveries(struct webhooks *ws, const char *id, const char *state, uint64_t offset,
                         uint64_t limit, op_fn *fn, void *arg);
void webhooks_deliveries_count(struct webhooks *ws, const char *id, const char *state, op_fn *fn,
                               void *arg);
/* Once more, from the beginning. DG_ENOTFOUND: there is none, of that webhook. */
void webhooks_resend(struct webhooks *ws, const char *id, const char *delivery, op_fn *fn,
                     void *arg);

#endif
