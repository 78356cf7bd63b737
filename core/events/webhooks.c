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

#define LOOK_MS      15000
#define EXPIRE_MS    60000
#define SECRET_BYTES 24
#define MAX_LISTED   10000
#define MAX_ANSWER   (64u << 10) /* of a receiver's answer, read and thrown away */

/* ---- One --------------------------------------------------------------------------- */

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

static void forget(struct webhook *w)
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

static struct webhook *put(struct webhooks *ws, const char *id, uint64_t version, const json_t *doc)
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

static struct webhook_view view_of(const struct webhook *w)
{
    return (struct webhook_view){w->id,      w->url,    w->types,         w->description,
                                 w->secret,  w->active, w->created_at_ms, w->updated_at_ms,
                                 w->pending, w->failing};
}

/* ---- Asking ---------------------------------------------------------------------------- */

size_t webhooks_count(const struct webhooks *ws)
{
    return ws->count;
}

void webhooks_at(const struct webhooks *ws, size_t n, struct webhook_view *out)
{
    for (struct link *i = ws->list.next; i != &ws->list; i = i->next) {
        const struct webhook *w = list_item(i, struct webhook, link);
        if (!w->gone && !n--)
            *out = view_of(w);
    }
}

bool webhooks_find(const struct webhooks *ws, const char *id, struct webhook_view *out)
{
    const struct webhook *w = webhook_named(ws, id);
    if (w)
        *out = view_of(w);
    return w != NULL;
}

/* ---- Operations of the store ------------------------------------------------------------- */

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

/* ---- Changing -------------------------------------------------------------------------------- */

struct edit {
    struct webhooks *ws;
    char id[24]; /* "": a new one */
    json_t *doc; /* NULL: it is deleted */
    webhook_fn *fn;
    void *arg;
};

static struct edit *edit_new(struct webhooks *ws, const char *id, webhook_fn *fn, void *arg)
{
    struct edit *e = xcalloc(1, sizeof *e);
    *e = (struct edit){.ws = ws, .fn = fn, .arg = arg};
    snprintf(e->id, sizeof e->id, "%s", id);
    webhooks_op(ws);
    return e;
}

static void edit_end(struct edit *e, enum dg_err err, const char *message,
                     const struct webhook_view *view)
{
    struct webhooks *ws = e->ws;
    e->fn(e->arg, err, message, view);
    json_decref(e->doc);
    free(e);
    webhooks_op_ended(ws);
}

static void on_edited(void *arg, const struct op_result *res)
{
    struct edit *e = arg;
    if (res->err != DG_OK || e->ws->closed_fn) {
        edit_end(e, res->err ? res->err : DG_EUNAVAILABLE, res->message, NULL);
        return;
    }
    const char *id = *e->id ? e->id : op_first(res, char);
    const struct webhook *known = webhook_named(e->ws, id);
    struct webhook *w = put(e->ws, id, known ? known->version + 1 : 1, e->doc);
    struct webhook_view view = view_of(w);
    dispatch_soon(e->ws, w);
    edit_end(e, DG_OK, NULL, &view);
}

static void set_member(json_t *doc, const char *name, const char *value)
{
    if (value)
        json_object_set_new(doc, name, json_string(value));
}

static json_t *document(const struct webhook *w, const struct webhook_request *req)
{
    json_t *doc = json_object();
    int64_t now = clock_unix_ms();
    set_member(doc, "url", req->url ? req->url : w->url);
    set_member(doc, "types", req->types ? req->types : w->types);
    set_member(doc, "description", req->description ? req->description : w->description);
    set_member(doc, "secret", req->secret ? req->secret : w->secret);
    json_object_set_new(doc, "active", json_boolean(req->active ? *req->active : w->active));
    json_object_set_new(doc, "created_at", json_integer(w->created_at_ms ? w->created_at_ms : now));
    json_object_set_new(doc, "updated_at", json_integer(now));
    return doc;
}

struct refusal {
    webhook_fn *fn;
    void *arg;
    enum dg_err err;
    const char *message;
};

static void on_refused(void *arg)
{
    struct refusal *r = arg;
    r->fn(r->arg, r->err, r->message, NULL);
    free(r);
}

static void refuse(struct webhooks *ws, webhook_fn *fn, void *arg, enum dg_err err,
                   const char *message)
{
    struct refusal *r = xcalloc(1, sizeof *r);
    *r = (struct refusal){fn, arg, err, message};
    loop_call(ws->config.loop, on_refused, r);
}

void webhooks_create(struct webhooks *ws, const struct webhook_request *req, webhook_fn *fn,
                     void *arg)
{
    char secret[2 * SECRET_BYTES + 1];
    struct webhook none = {.active = true, .secret = secret};
    if (!ws->config.stored) {
        refuse(ws, fn, arg, DG_EUNAVAILABLE, STORE_DISABLED_TEXT);
        return;
    }
    if (ws->count >= ws->config.settings.max_webhooks) {
        refuse(ws, fn, arg, DG_ELIMIT, "There are too many webhooks already");
        return;
    }
    str_random_hex(SECRET_BYTES, secret);
    struct edit *e = edit_new(ws, "", fn, arg);
    e->doc = document(&none, req);
    explicit_bzero(secret, sizeof secret);
    store_put_json(ws->config.store, COLLECTION_WEBHOOKS, NULL, e->doc, DG_VERSION_ANY, on_edited,
                   e);
}

void webhooks_change(struct webhooks *ws, const char *id, const struct webhook_request *req,
                     webhook_fn *fn, void *arg)
{
    const struct webhook *w = webhook_named(ws, id);
    if (!w) {
        refuse(ws, fn, arg, DG_ENOTFOUND, "Webhook not found");
        return;
    }
    struct edit *e = edit_new(ws, id, fn, arg);
    e->doc = document(w, req);
    store_put_json(ws->config.store, COLLECTION_WEBHOOKS, id, e->doc, w->version, on_edited, e);
}

static void on_emptied(void *arg, const struct op_result *res)
{
    struct edit *e = arg;
    if (res->err != DG_OK)
        log_warn("webhooks", "deliveries of a webhook that is gone stay until they expire",
                 LOG_S("webhook", e->id), LOG_S("why", res->message));
    edit_end(e, DG_OK, NULL, NULL);
}

static void on_deleted(void *arg, const struct op_result *res)
{
    struct edit *e = arg;
    struct webhooks *ws = e->ws;
    struct webhook *w = webhook_named(ws, e->id);
    if (res->err != DG_OK && res->err != DG_ENOTFOUND) {
        edit_end(e, res->err, res->message, NULL);
        return;
    }
    if (w)
        forget(w);
    const struct dg_where where = {.field = "webhook_id", .compare = DG_EQ, .value = e->id};
    const struct dg_change change = {
        .collection = COLLECTION_DELIVERIES, .where = &where, .where_count = 1};
    store_change(ws->config.store, &change, on_emptied, e);
}

void webhooks_delete(struct webhooks *ws, const char *id, webhook_fn *fn, void *arg)
{
    if (!webhook_named(ws, id)) {
        refuse(ws, fn, arg, DG_ENOTFOUND, "Webhook not found");
        return;
    }
    deliveries_flush(ws);
    struct edit *e = edit_new(ws, id, fn, arg);
    store_delete(ws->config.store, COLLECTION_WEBHOOKS, id, DG_VERSION_ANY, on_deleted, e);
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
            forget(w);
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
            put(ws, doc->id, doc->version, json);
        json_decref(json);
    }
    forget_unseen(ws);
}

static void on_list(void *arg, const struct op_result *res)
{
    struct webhooks *ws = arg;
    if (webhooks_op_ended(ws))
        return;
    if (res->err == DG_OK)
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
    ws->look = loop_timer(ws->config.loop, LOOK_MS, look, ws);
}

static void look(void *arg)
{
    struct webhooks *ws = arg;
    const struct dg_query query = {.collection = COLLECTION_WEBHOOKS, .limit = MAX_LISTED};
    ws->look = NULL;
    webhooks_op(ws);
    store_query(ws->config.store, &query, on_list, ws);
}

/* ---- Deliveries, as they are listed
 * --------------------------------------------------------------- */

struct filter {
    struct dg_where where[2];
    size_t count;
};

static struct filter filter_of(const char *id, const char *state)
{
    struct filter f = {.count = 1};
    f.where[0] = (struct dg_where){.field = "webhook_id", .compare = DG_EQ, .value = id};
    if (state)
        f.where[f.count++] = (struct dg_where){.field = "state", .compare = DG_EQ, .value = state};
    return f;
}

void webhooks_deliveries(struct webhooks *ws, const char *id, const char *state, uint64_t offset,
                         uint64_t limit, op_fn *fn, void *arg)
{
    struct filter f = filter_of(id, state);
    const struct dg_query query = {.collection = COLLECTION_DELIVERIES,
                                   .where = f.where,
                                   .where_count = f.count,
                                   .order_by = "created_at",
                                   .descending = true,
                                   .offset = offset,
                                   .limit = limit};
    deliveries_flush(ws);
    store_query(ws->config.store, &query, fn, arg);
}

void webhooks_deliveries_count(struct webhooks *ws, const char *id, const char *state, op_fn *fn,
                               void *arg)
{
    struct filter f = filter_of(id, state);
    const struct dg_tally tally = {
        .collection = COLLECTION_DELIVERIES, .where = f.where, .where_count = f.count};
    store_tally(ws->config.store, &tally, fn, arg);
}

/* ---- Beginning and end
 * --------------------------------------------------------------------------------- */

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
    if (ws->config.stored)
        journal_unfollow(ws->config.journal, deliveries_event, ws);
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
