/* webhooks.c - which webhooks there are: in the store, and here. Other gateways
 * may change them there: the list is read again now and then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "events/webhooks_private.h"

#define LOOK_MS    15000
#define EXPIRE_MS  60000
#define MAX_LISTED 10000
#define MAX_ANSWER (64u << 10) /* of a receiver's answer, read and thrown away */

/* ---- One ------------------------------------------------------------------------ */

static void webhook_free(struct webhook *w)
{
    list_remove(&w->link);
    free(w->url);
    free(w->types);
    free(w->description);
    if (w->secret)
        explicit_bzero(w->secret, strlen(w->secret));
    free(w->secret);
    free(w);
}

void webhook_settle(struct webhook *w)
{
    if (w->gone && !w->in_flight && !w->taking)
        webhook_free(w);
}

void webhook_forget(struct webhook *w)
{
    w->gone = true;
    w->all->count--;
    webhook_settle(w);
}

struct webhook *webhook_named(const struct webhooks *ws, const char *id)
{
    for (struct link *i = ws->list.next; i != &ws->list; i = i->next) {
        struct webhook *w = list_item(i, struct webhook, link);
        if (!w->gone && str_eq(w->id, id))
            return w;
    }
    return NULL;
}

static void set_text(char **to, const char *text)
{
    char *copy = xstrdup(text);
    free(*to);
    *to = copy;
}

static void fill(struct webhook *w, uint64_t version, const json_t *doc)
{
    set_text(&w->url, json_get_str(doc, "url"));
    set_text(&w->types, json_get_str(doc, "types"));
    set_text(&w->description, json_get_str(doc, "description"));
    set_text(&w->secret, json_get_str(doc, "secret"));
    w->active = json_get_bool(doc, "active", false);
    w->created_at_ms = json_get_int(doc, "created_at", 0);
    w->updated_at_ms = json_get_int(doc, "updated_at", 0);
    w->version = version;
    w->due_ms = 0;
}

struct webhook *webhook_put(struct webhooks *ws, const char *id, uint64_t version,
                            const json_t *doc)
{
    struct webhook *w = webhook_named(ws, id);
    if (!w) {
        w = xcalloc(1, sizeof *w);
        w->all = ws;
        snprintf(w->id, sizeof w->id, "%s", id);
        list_append(&ws->list, &w->link);
        ws->count++;
    }
    if (!w->version || w->version != version)
        fill(w, version, doc);
    w->seen = true;
    return w;
}

struct webhook_view webhook_view_of(const struct webhook *w)
{
    return (struct webhook_view){w->id,      w->url,    w->types,         w->description,
                                 w->secret,  w->active, w->created_at_ms, w->updated_at_ms,
                                 w->pending, w->failing};
}

/* ---- Asking --------------------------------------------------------------------- */

size_t webhooks_count(const struct webhooks *ws)
{
    return ws->count;
}

void webhooks_at(const struct webhooks *ws, size_t n, struct webhook_view *out)
{
    for (struct link *i = ws->list.next; i != &ws->list; i = i->next) {
        const struct webhook *w = list_item(i, struct webhook, link);
        if (!w->gone && !n--)
            *out = webhook_view_of(w);
    }
}

bool webhooks_find(const struct webhooks *ws, const char *id, struct webhook_view *out)
{
    const struct webhook *w = webhook_named(ws, id);
    if (w)
        *out = webhook_view_of(w);
    return w != NULL;
}

/* ---- Operations of the store ---------------------------------------------------- */

static void webhooks_free(struct webhooks *ws)
{
    dg_fn *fn = ws->closed_fn;
    void *arg = ws->closed_arg;
    while (!list_empty(&ws->list))
        webhook_free(list_item(ws->list.next, struct webhook, link));
    store_batch_free(&ws->fresh);
    net_free(ws->net);
    free(ws);
    fn(arg);
}

void webhooks_op(struct webhooks *ws)
{
    ws->ops++;
}

bool webhooks_op_ended(struct webhooks *ws)
{
    ws->ops--;
    if (!ws->closed_fn)
        return false;
    if (!ws->ops)
        webhooks_free(ws);
    return true;
}

/* ---- Reading the list --------------------------------------------------------------------------
 */

static void look(void *arg);

static void forget_unseen(struct webhooks *ws)
{
    for (struct link *i = ws->list.next, *next; i != &ws->list; i = next) {
        struct webhook *w = list_item(i, struct webhook, link);
        next = i->next;
        if (!w->seen && !w->gone)
            webhook_forget(w);
    }
}

static void take_list(struct webhooks *ws, const struct op_result *res)
{
    for (struct link *i = ws->list.next; i != &ws->list; i = i->next)
        list_item(i, struct webhook, link)->seen = false;
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_doc *doc = res->items[i];
        json_t *json = json_parse(doc->json.ptr, doc->json.len, 16, NULL);
        if (json_get_str(json, "url") && json_get_str(json, "secret"))
            webhook_put(ws, doc->id, doc->version, json);
        json_decref(json);
    }
    forget_unseen(ws);
}

static void on_list(void *arg, const struct op_result *res)
{
    struct webhooks *ws = arg;
    ws->looking = false;
    if (webhooks_op_ended(ws))
        return;
    if (ws->edited) /* since it was asked for: it may be of before */
        ws->look_again = true;
    else if (res->err == DG_OK)
        take_list(ws, res);
    else
        log_debug("webhooks", "the list was not read", LOG_S("why", res->message));
    if (ws->ready_fn) {
        ws->ready_fn(ws->ready_arg, &(struct op_result){.err = DG_OK});
        ws->ready_fn = NULL;
    }
    if (ws->count)
        deliveries_look(ws);
    dispatch_turn(ws);
    ws->look = loop_timer(ws->config.loop, ws->look_again ? 1 : LOOK_MS, look, ws);
}

static void on_note(void *arg, const char *id)
{
    struct webhooks *ws = arg;
    (void)id;
    ws->look_again = true;
    if (ws->looking)
        return;
    loop_timer_stop(ws->config.loop, ws->look);
    ws->look = loop_timer(ws->config.loop, 1, look, ws);
}

static void look(void *arg)
{
    struct webhooks *ws = arg;
    const struct dg_query query = {.collection = COLLECTION_WEBHOOKS, .limit = MAX_LISTED};
    ws->look = NULL;
    ws->looking = true;
    ws->look_again = ws->edited = false;
    webhooks_op(ws);
    store_query(ws->config.store, &query, on_list, ws);
}

/* ---- Beginning and end ---------------------------------------------------------- */

static void add_metrics(struct webhooks *ws, struct metrics *m)
{
    const struct metric_family_info results = {.kind = METRIC_COUNTER,
                                               .name = "dialgate_webhook_attempts_total",
                                               .help = "Deliveries tried, by how it went.",
                                               .labels = {"result"}};
    const struct metric_family_info dropped = {
        .kind = METRIC_COUNTER,
        .name = "dialgate_webhook_dropped_total",
        .help = "Deliveries that were not made: too many waited already, or the store was away.",
        .labels = {"reason"}};
    const struct metric_family_info waiting = {.kind = METRIC_GAUGE,
                                               .name = "dialgate_webhook_pending",
                                               .help = "Deliveries that wait, about."};
    const struct metric_family_info under_way = {.kind = METRIC_GAUGE,
                                                 .name = "dialgate_webhook_in_flight",
                                                 .help = "Deliveries under way."};
    ws->results = metrics_family(m, &results);
    ws->dropped = metrics_family(m, &dropped);
    ws->waiting = metric_plain(metrics_family(m, &waiting));
    ws->under_way = metric_plain(metrics_family(m, &under_way));
}

static void on_none(void *arg)
{
    struct webhooks *ws = arg;
    ws->ready_fn(ws->ready_arg, &(struct op_result){.err = DG_OK});
}

struct webhooks *webhooks_new(const struct webhooks_config *config, op_fn *fn, void *arg)
{
    struct webhooks *ws = xcalloc(1, sizeof *ws);
    const struct net_config net = {
        .strangers = true, .allow_private = config->allow_private, .max_body = MAX_ANSWER};
    ws->config = *config;
    ws->ready_fn = fn;
    ws->ready_arg = arg;
    list_init(&ws->list);
    list_init(&ws->attempts);
    ws->net = net_new(config->loop, &net);
    add_metrics(ws, config->metrics);
    if (!config->stored) {
        loop_call(config->loop, on_none, ws);
        return ws;
    }
    journal_follow(config->journal, deliveries_event, ws);
    notes_subscribe(config->notes, NOTE_WEBHOOKS, on_note, ws);
    ws->expiry =
        expiry_new(config->loop, config->store, COLLECTION_DELIVERIES, "expires_at", EXPIRE_MS);
    look(ws);
    return ws;
}

void webhooks_set(struct webhooks *ws, const struct webhook_settings *settings)
{
    ws->config.settings = *settings;
}

static void on_close(void *arg)
{
    webhooks_op_ended(arg);
}

void webhooks_close(struct webhooks *ws, dg_fn *fn, void *arg)
{
    if (ws->config.stored) {
        journal_unfollow(ws->config.journal, deliveries_event, ws);
        notes_unsubscribe(ws->config.notes, NOTE_WEBHOOKS, on_note, ws);
    }
    deliveries_flush(ws);
    dispatch_end(ws);
    expiry_free(ws->expiry);
    loop_timer_stop(ws->config.loop, ws->look);
    loop_timer_stop(ws->config.loop, ws->flush);
    loop_timer_stop(ws->config.loop, ws->turn);
    ws->closed_fn = fn;
    ws->closed_arg = arg;
    webhooks_op(ws);
    loop_call(ws->config.loop, on_close, ws);
}
