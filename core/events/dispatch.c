/* dispatch.c - takes what is due from the store, sends it, writes down how it went.
 *
 * Taking moves a delivery's next attempt beyond the time that this one can
 * last: if the gateway dies meanwhile, it is due again then, for anybody.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "events/signature.h"
#include "events/webhooks_private.h"

#define AT_ONCE       4 /* requests under way for a webhook */
#define FAILING       3 /* failures in a row after which it is one */
#define POLL_MS       10000
#define TURN_MS       1000
#define LEASE_MORE_MS 15000
#define ERROR_MAX     300

struct attempt {
    struct link link;
    struct webhook *webhook;
    struct dg_http *http;
    char *id;
    unsigned attempts; /* before this one */
};

/* ---- How it went ------------------------------------------------------------------------------
 */

static void on_noted(void *arg, const struct op_result *res)
{
    struct webhooks *ws = arg;
    if (res->err != DG_OK)
        log_warn("webhooks", "how a delivery went is not written: it will be sent again",
                 LOG_S("why", res->message));
    webhooks_op_ended(ws);
}

static void note(struct webhooks *ws, const struct attempt *a, const char *state, int status,
                 const char *error, uint64_t pause_ms)
{
    struct buf set;
    struct json_writer w;
    int64_t now = clock_unix_ms();
    buf_init(&set, BUF_MAX);
    jw_init(&w, &set);
    jw_object(&w, NULL);
    jw_str(&w, "state", state);
    jw_int(&w, "attempts", (int64_t)a->attempts + 1);
    jw_int(&w, "next_at", now + (int64_t)pause_ms);
    jw_int(&w, "last_status", status);
    jw_str(&w, "last_error", error ? error : "");
    jw_int(&w, "ended_at", now);
    jw_end(&w);
    const struct dg_where where = {.field = "id", .compare = DG_EQ, .value = a->id};
    const struct dg_change change = {.collection = COLLECTION_DELIVERIES,
                                     .where = &where,
                                     .where_count = 1,
                                     .set = {set.ptr, set.len}};
    webhooks_op(ws);
    store_change(ws->config.store, &change, on_noted, ws);
    buf_free(&set);
}

static void over(struct webhooks *ws, struct webhook *w)
{
    if (w->pending)
        w->pending--;
    if (ws->pending)
        ws->pending--;
    metric_set(ws->waiting, (int64_t)ws->pending);
}

static void went_well(struct webhooks *ws, const struct attempt *a, int status)
{
    const char *result = "delivered";
    struct webhook *w = a->webhook;
    if (w->failing >= FAILING)
        log_info("webhooks", "a webhook takes events again", LOG_S("webhook", w->id));
    w->failing = 0;
    over(ws, w);
    metric_add(metric_of(ws->results, &result), 1);
    note(ws, a, "delivered", status, NULL, 0);
}

static void went_wrong(struct webhooks *ws, const struct attempt *a, int status, const char *why)
{
    const struct webhook_settings *s = &ws->config.settings;
    struct webhook *w = a->webhook;
    bool dead = a->attempts + 1 >= s->max_attempts;
    const char *result = dead ? "dead" : "failed";
    uint64_t random, pause;
    str_random(&random, sizeof random);
    pause = delivery_pause_ms(a->attempts + 1, s->retry_min_ms, s->retry_max_ms, random);
    if (++w->failing == FAILING)
        log_warn("webhooks", "a webhook does not take its events", LOG_S("webhook", w->id),
                 LOG_S("why", why));
    if (dead)
        over(ws, w);
    else if (clock_ms() + pause < w->due_ms)
        w->due_ms = clock_ms() + pause;
    metric_add(metric_of(ws->results, &result), 1);
    note(ws, a, dead ? "dead" : "pending", status, why, pause);
}

static void attempt_free(struct attempt *a)
{
    struct webhook *w = a->webhook;
    list_remove(&a->link);
    metric_add(w->all->under_way, -1);
    free(a->id);
    free(a);
    w->in_flight--;
    webhook_settle(w);
}

static void on_answer(void *arg, const struct dg_http_response *res)
{
    struct attempt *a = arg;
    struct webhook *w = a->webhook;
    struct webhooks *ws = w->all;
    char why[ERROR_MAX];
    a->http = NULL;
    if (res->err != DG_OK)
        snprintf(why, sizeof why, "%s", res->message);
    else
        snprintf(why, sizeof why, "answered %d", res->status);
    if (res->err == DG_OK && res->status >= 200 && res->status < 300)
        went_well(ws, a, res->status);
    else
        went_wrong(ws, a, res->err == DG_OK ? res->status : 0, why);
    bool gone = w->gone;
    attempt_free(a);
    if (!gone)
        dispatch_soon(ws, w);
}

/* ---- Sending -------------------------------------------------------------------- */

static void send_body(struct attempt *a, const json_t *doc, struct dg_bytes body)
{
    struct webhook *w = a->webhook;
    char time[24], signature[SIGNATURE_SIZE], number[12];
    int64_t now_s = clock_unix_ms() / 1000;
    const char *type = json_get_str(doc, "type"), *event = json_get_str(doc, "event_id");
    snprintf(time, sizeof time, "%" PRId64, now_s);
    snprintf(number, sizeof number, "%u", a->attempts + 1);
    signature_make(w->secret, now_s, body, signature);
    const struct dg_kv headers[] = {
        {"Content-Type", "application/json"},
        {"X-Dialgate-Event", type ? type : ""},
        {"X-Dialgate-Event-Id", event ? event : ""},
        {"X-Dialgate-Delivery-Id", a->id},
        {"X-Dialgate-Attempt", number},
        {"X-Dialgate-Timestamp", time},
        {"X-Dialgate-Signature", signature},
    };
    const struct dg_http_request req = {DG_SIZED(struct dg_http_request),
                                        .method = "POST",
                                        .url = w->url,
                                        .headers = headers,
                                        .header_count = sizeof headers / sizeof *headers,
                                        .body = body,
                                        .timeout_ms = w->all->config.settings.timeout_ms};
    a->http = net_fetch(w->all->net, &req, on_answer, a);
}

static void begin(struct webhook *w, const struct dg_doc *doc)
{
    json_t *json = json_parse(doc->json.ptr, doc->json.len, 32, NULL);
    json_t *body = json_object_get(json, "body");
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    if (text) {
        struct attempt *a = xcalloc(1, sizeof *a);
        a->webhook = w;
        a->id = xstrdup(doc->id);
        a->attempts = (unsigned)json_get_int(json, "attempts", 0);
        list_append(&w->all->attempts, &a->link);
        w->in_flight++;
        metric_add(w->all->under_way, 1);
        send_body(a, json, (struct dg_bytes){text, strlen(text)});
    }
    free(text);
    json_decref(json);
}

/* ---- Taking --------------------------------------------------------------------- */

static unsigned room(const struct webhook *w)
{
    unsigned most = w->failing >= FAILING ? 1 : AT_ONCE;
    return w->in_flight < most ? most - w->in_flight : 0;
}

static void on_taken(void *arg, const struct op_result *res)
{
    struct webhook *w = arg;
    struct webhooks *ws = w->all;
    w->taking = false;
    if (webhooks_op_ended(ws))
        return;
    if (res->err != DG_OK || w->gone || !w->active) {
        webhook_settle(w);
        return;
    }
    for (size_t i = 0; i < res->count; i++)
        begin(w, res->items[i]);
    if (res->count || w->again)
        w->due_ms = 0;
    dispatch_soon(ws, w);
}

static void take(struct webhooks *ws, struct webhook *w)
{
    char set[64];
    int len = snprintf(set, sizeof set, "{\"next_at\":\"@now+%" PRIu64 "\"}",
                       ws->config.settings.timeout_ms + LEASE_MORE_MS);
    const struct dg_where where[] = {{.field = "webhook_id", .compare = DG_EQ, .value = w->id},
                                     {.field = "state", .compare = DG_EQ, .value = "pending"},
                                     {.field = "next_at", .compare = DG_LE, .value = "@now"}};
    const struct dg_take req = {.from = {.collection = COLLECTION_DELIVERIES,
                                         .where = where,
                                         .where_count = 3,
                                         .order_by = "next_at",
                                         .limit = room(w)},
                                .set = {set, (size_t)len}};
    w->taking = true;
    w->again = false;
    w->due_ms = clock_ms() + POLL_MS;
    webhooks_op(ws);
    store_take(ws->config.store, &req, on_taken, w);
}

static bool is_due(const struct webhook *w, uint64_t now_ms)
{
    return !w->gone && w->active && !w->taking && room(w) && w->due_ms <= now_ms;
}

static void on_turn(void *arg)
{
    struct webhooks *ws = arg;
    ws->turn = NULL;
    dispatch_turn(ws);
}

void dispatch_turn(struct webhooks *ws)
{
    uint64_t now = clock_ms();
    if (ws->closed_fn)
        return;
    for (struct link *i = ws->list.next; i != &ws->list; i = i->next) {
        struct webhook *w = list_item(i, struct webhook, link);
        if (is_due(w, now))
            take(ws, w);
    }
    if (ws->count && !ws->turn)
        ws->turn = loop_timer(ws->config.loop, TURN_MS, on_turn, ws);
}

void dispatch_soon(struct webhooks *ws, struct webhook *w)
{
    if (ws->closed_fn)
        return;
    if (is_due(w, clock_ms()))
        take(ws, w);
    if (!ws->turn)
        ws->turn = loop_timer(ws->config.loop, TURN_MS, on_turn, ws);
}

void dispatch_end(struct webhooks *ws)
{
    while (!list_empty(&ws->attempts)) {
        struct attempt *a = list_item(ws->attempts.next, struct attempt, link);
        net_fetch_stop(a->http);
        attempt_free(a);
    }
}
