/* webhooks_private.h - inside of webhooks: the list (webhooks.c) and its changes
 * (webhook_edits.c), from events to deliveries (deliveries.c), from deliveries to
 * requests (dispatch.c), deliveries looked at (delivery_list.c). */
#ifndef EVENTS_WEBHOOKS_PRIVATE_H
#define EVENTS_WEBHOOKS_PRIVATE_H

#include "base/json.h"
#include "base/list.h"
#include "data/expiry.h"
#include "events/webhooks.h"
#include "loop/loop.h"
#include "loop/net.h"

struct webhook {
    struct link link;
    struct webhooks *all;
    char id[24];
    char *url, *types, *description, *secret;
    bool active;
    int64_t created_at_ms, updated_at_ms;
    uint64_t version;
    bool seen;      /* while the list is read again */
    bool gone;      /* deleted; freed when nothing is under way */
    size_t pending; /* as far as it is known */
    unsigned in_flight, failing;
    bool taking;
    bool again;      /* something came while it was taking */
    uint64_t due_ms; /* when there may be something to take */
};

struct webhooks {
    struct webhooks_config config;
    struct net *net;
    struct link list;
    size_t count, pending;
    size_t ops; /* of the store, under way; it is freed when there are none */
    struct store_batch fresh;
    struct loop_timer *flush, *turn, *look;
    bool looking, look_again; /* at the list */
    bool edited;              /* the list, meanwhile */
    struct link attempts;
    struct expiry *expiry;
    uint64_t warned_ms;
    op_fn *ready_fn;
    void *ready_arg;
    dg_fn *closed_fn;
    void *closed_arg;
    struct metric_family *results, *dropped;
    struct metric *waiting, *under_way;
};

struct webhook *webhook_named(const struct webhooks *ws, const char *id);
/* What the store has of it now, known to be so from now on. */
struct webhook *webhook_put(struct webhooks *ws, const char *id, uint64_t version,
                            const json_t *doc);
void webhook_forget(struct webhook *w); /* it is not there any more */
struct webhook_view webhook_view_of(const struct webhook *w);
void webhook_settle(struct webhook *w); /* frees it if it is gone and nothing is under way */

/* An operation of the store begins, ends. true: the webhooks are closed, and `ws` may be gone. */
void webhooks_op(struct webhooks *ws);
bool webhooks_op_ended(struct webhooks *ws);

void deliveries_event(void *ws, struct event *e); /* a journal_fn */
void deliveries_flush(struct webhooks *ws);
void deliveries_look(struct webhooks *ws); /* counts what waits, now and then */

void dispatch_soon(struct webhooks *ws, struct webhook *w); /* something is due */
void dispatch_turn(struct webhooks *ws);                    /* all that is due */
void dispatch_end(struct webhooks *ws);

#endif
