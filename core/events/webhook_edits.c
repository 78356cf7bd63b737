/* webhook_edits.c - webhooks created, changed, deleted: in the store first, then here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "events/webhooks_private.h"

#define SECRET_BYTES 24

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
    e->ws->edited = true;
    const struct webhook *known = webhook_named(e->ws, id);
    struct webhook *w = webhook_put(e->ws, id, known ? known->version + 1 : 1, e->doc);
    struct webhook_view view = webhook_view_of(w);
    dispatch_soon(e->ws, w);
    notes_publish(e->ws->config.notes, NOTE_WEBHOOKS, w->id);
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
    ws->edited = true;
    if (w)
        webhook_forget(w);
    notes_publish(ws->config.notes, NOTE_WEBHOOKS, e->id);
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
