/* deliveries.c - from an event to a record for each webhook that wants it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "events/webhooks_private.h"

#define FLUSH_MS  50
#define BATCH_MAX 100
#define ROOM_LEFT 5000 /* batches that the store can keep: the rest is for calls */
#define WARN_MS   60000

static void drop(struct webhooks *ws, const struct webhook *w, const char *reason)
{
    uint64_t now = clock_ms();
    metric_add(metric_of(ws->dropped, &reason), 1);
    if (ws->warned_ms && now - ws->warned_ms < WARN_MS)
        return;
    ws->warned_ms = now;
    log_warn("webhooks", "events are not delivered", LOG_S("webhook", w ? w->id : NULL),
             LOG_S("why", reason));
}

/* ---- Writing -------------------------------------------------------------------- */

void deliveries_flush(struct webhooks *ws)
{
    loop_timer_stop(ws->config.loop, ws->flush);
    ws->flush = NULL;
    if (!ws->fresh.count)
        return;
    if (store_room(ws->config.store) < ROOM_LEFT) {
        drop(ws, NULL, "store");
        store_batch_free(&ws->fresh);
        return;
    }
    store_write_kept(ws->config.store, &ws->fresh);
    dispatch_turn(ws);
}

static void on_flush(void *arg)
{
    struct webhooks *ws = arg;
    ws->flush = NULL;
    deliveries_flush(ws);
}

static void write_delivery(const struct webhooks *ws, const struct webhook *w,
                           const struct event *e, struct buf *out)
{
    struct json_writer j;
    int64_t now = clock_unix_ms();
    struct dg_bytes body = event_json(e);
    jw_init(&j, out);
    jw_object(&j, NULL);
    jw_str(&j, "webhook_id", w->id);
    jw_str(&j, "event_id", event_id(e));
    jw_str(&j, "type", event_type(e));
    jw_str(&j, "state", "pending");
    jw_int(&j, "attempts", 0);
    jw_int(&j, "created_at", now);
    jw_int(&j, "next_at", now);
    jw_int(&j, "expires_at", now + (int64_t)ws->config.settings.keep_ms);
    jw_raw(&j, "body", body.ptr, body.len);
    jw_end(&j);
}

static void deliver(struct webhooks *ws, struct webhook *w, const struct event *e)
{
    const struct webhook_settings *s = &ws->config.settings;
    char id[ID_SIZE];
    struct buf json;
    if (w->pending >= s->max_pending || ws->pending >= s->max_pending_total) {
        drop(ws, w, "full");
        return;
    }
    id_uuid7(id);
    buf_init(&json, BUF_MAX);
    write_delivery(ws, w, e, &json);
    if (!ws->fresh.arena)
        store_batch_init(&ws->fresh);
    store_batch_put(&ws->fresh, COLLECTION_DELIVERIES, id, (struct dg_bytes){json.ptr, json.len},
                    DG_VERSION_ANY);
    buf_free(&json);
    w->pending++;
    ws->pending++;
    w->due_ms = 0;
    w->again = true;
    metric_set(ws->waiting, (int64_t)ws->pending);
}

void deliveries_event(void *arg, struct event *e)
{
    struct webhooks *ws = arg;
    for (struct link *i = ws->list.next; i != &ws->list; i = i->next) {
        struct webhook *w = list_item(i, struct webhook, link);
        if (w->active && !w->gone && event_type_listed(w->types, event_type(e)))
            deliver(ws, w, e);
    }
    if (ws->fresh.count >= BATCH_MAX)
        deliveries_flush(ws);
    else if (ws->fresh.count && !ws->flush)
        ws->flush = loop_timer(ws->config.loop, FLUSH_MS, on_flush, ws);
}

/* ---- Counting ------------------------------------------------------------------- */

static void on_counted(void *arg, const struct op_result *res)
{
    struct webhooks *ws = arg;
    if (webhooks_op_ended(ws) || res->err != DG_OK)
        return;
    ws->pending = 0;
    for (struct link *i = ws->list.next; i != &ws->list; i = i->next)
        list_item(i, struct webhook, link)->pending = 0;
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_tally_row *row = res->items[i];
        struct webhook *w = row->value ? webhook_named(ws, row->value) : NULL;
        if (w)
            w->pending = row->count;
        ws->pending += row->count;
    }
    metric_set(ws->waiting, (int64_t)ws->pending);
}

void deliveries_look(struct webhooks *ws)
{
    const struct dg_where where = {.field = "state", .compare = DG_EQ, .value = "pending"};
    const struct dg_tally tally = {
        .collection = COLLECTION_DELIVERIES, .where = &where, .where_count = 1, .by = "webhook_id"};
    webhooks_op(ws);
    store_tally(ws->config.store, &tally, on_counted, ws);
}
