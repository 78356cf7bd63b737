/* campaigns.c - campaigns in the store: read, listed, added, changed; see campaigns.h. */
#include "domain/campaigns_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"

#define TRIES_MAX 10
#define NOT_FOUND "Campaign not found"

void campaign_id_text(int64_t id, char out[CAMPAIGN_ID_SIZE])
{
    snprintf(out, CAMPAIGN_ID_SIZE, "%" PRId64, id);
}

struct campaigns *campaigns_new(struct store *store, struct ledger *ledger, struct loop *loop)
{
    struct campaigns *cs = xcalloc(1, sizeof *cs);
    cs->store = store;
    cs->ledger = ledger;
    cs->loop = loop;
    list_init(&cs->sweeps);
    return cs;
}

void campaigns_free(struct campaigns *cs)
{
    if (!cs)
        return;
    campaign_sweeps_free(cs);
    free(cs);
}

/* ---- One of them ------------------------------------------------------------------------- */

/* One request about one campaign, on its way through the store. */
struct errand {
    struct campaigns *owner;
    int64_t id;
    struct campaign *campaign; /* as it is, or is to be */
    campaign_edit_fn *edit;
    void *ctx;
    unsigned tries;
    campaign_fn *fn;
    void *arg;
};

static void answer(struct errand *e, enum dg_err err, const char *message,
                   const struct campaign_counts *counts)
{
    const struct campaign_answer out = {.err = err,
                                        .message = err == DG_OK ? NULL : message,
                                        .campaign = err == DG_OK ? e->campaign : NULL,
                                        .counts = counts};
    e->fn(e->arg, &out);
    campaign_free(e->campaign);
    free(e);
}

static struct errand *errand_new(struct campaigns *cs, int64_t id, campaign_fn *fn, void *arg)
{
    struct errand *e = xcalloc(1, sizeof *e);
    *e = (struct errand){.owner = cs, .id = id, .fn = fn, .arg = arg};
    return e;
}

static void read_campaign(struct errand *e, store_doc_fn *fn)
{
    char id[CAMPAIGN_ID_SIZE];
    campaign_id_text(e->id, id);
    store_get_json(e->owner->store, COLLECTION_CAMPAIGNS, id, fn, e);
}

/* false: there is none, which was answered. */
static bool take_campaign(struct errand *e, const struct store_doc *doc)
{
    campaign_free(e->campaign);
    e->campaign = NULL;
    if (doc->err != DG_OK) {
        answer(e, doc->err, doc->err == DG_ENOTFOUND ? NOT_FOUND : doc->message, NULL);
        return false;
    }
    e->campaign = campaign_read(doc->id, doc->version, doc->json);
    if (e->campaign)
        return true;
    answer(e, DG_EINTERNAL, "The campaign's record cannot be read", NULL);
    return false;
}

static void on_counts(void *arg, enum dg_err err, const char *message,
                      const struct campaign_counts *counts)
{
    if (err == DG_ENOTFOUND)
        message = NOT_FOUND; /* it was deleted just now */
    answer(arg, err, message, counts);
}

static void on_campaign(void *arg, const struct store_doc *doc)
{
    struct errand *e = arg;
    if (take_campaign(e, doc))
        ledger_counts(e->owner->ledger, e->id, on_counts, e);
}

void campaigns_get(struct campaigns *cs, int64_t id, campaign_fn *fn, void *arg)
{
    read_campaign(errand_new(cs, id, fn, arg), on_campaign);
}

/* ---- Adding ------------------------------------------------------------------------------ */

static void put(struct store_batch *batch, const char *collection, int64_t id, struct buf *json,
                uint64_t expect)
{
    char text[CAMPAIGN_ID_SIZE];
    campaign_id_text(id, text);
    store_batch_put(batch, collection, text, (struct dg_bytes){json->ptr, json->len}, expect);
    buf_clear(json);
}

static void on_added(void *arg, const struct op_result *res);

static void on_id(void *arg, enum dg_err err, const char *message, int64_t id)
{
    static const struct campaign_counts none;
    struct errand *e = arg;
    struct store_batch batch;
    struct buf json;
    if (err != DG_OK) {
        answer(e, err, message, NULL);
        return;
    }
    e->id = e->campaign->id = id;
    buf_init(&json, BUF_MAX);
    store_batch_init(&batch);
    campaign_write(e->campaign, &json);
    put(&batch, COLLECTION_CAMPAIGNS, id, &json, DG_VERSION_NONE);
    campaign_counts_write(&none, &json);
    put(&batch, COLLECTION_CAMPAIGN_COUNTS, id, &json, DG_VERSION_NONE);
    store_write(e->owner->store, &batch, on_added, e);
    buf_free(&json);
}

/* An id that somebody else gave by hand is passed over. */
static void on_added(void *arg, const struct op_result *res)
{
    static const struct campaign_counts none;
    struct errand *e = arg;
    e->campaign->version = 1;
    if (res->err == DG_ECONFLICT && ++e->tries < TRIES_MAX)
        serials_take(e->owner->store, SERIAL_CAMPAIGNS, 1, on_id, e);
    else
        answer(e, res->err, res->message, &none);
}

static struct campaign *copy(const struct campaign *from)
{
    struct buf json;
    char id[CAMPAIGN_ID_SIZE];
    buf_init(&json, BUF_MAX);
    campaign_write(from, &json);
    campaign_id_text(from->id, id);
    json_t *doc = json_parse(json.ptr, json.len, 32, NULL);
    struct campaign *to = campaign_read(id, from->version, doc);
    json_decref(doc);
    buf_free(&json);
    return to;
}

void campaigns_add(struct campaigns *cs, const struct campaign *campaign, campaign_fn *fn,
                   void *arg)
{
    struct errand *e = errand_new(cs, 0, fn, arg);
    struct campaign *c = e->campaign = copy(campaign);
    c->status = CAMPAIGN_STOPPED;
    c->created_at_ms = clock_unix_ms();
    c->updated_at_ms = c->lease_until_ms = 0;
    campaign_set_text(&c->lease_node, NULL);
    serials_take(cs->store, SERIAL_CAMPAIGNS, 1, on_id, e);
}

/* ---- Changing ---------------------------------------------------------------------------- */

static void on_to_change(void *arg, const struct store_doc *doc);

static void on_changed(void *arg, const struct op_result *res)
{
    struct errand *e = arg;
    if (res->err == DG_ECONFLICT && ++e->tries < TRIES_MAX) {
        read_campaign(e, on_to_change);
        return;
    }
    e->campaign->version++;
    answer(e, res->err, res->message, NULL);
}

static void on_to_change(void *arg, const struct store_doc *doc)
{
    struct errand *e = arg;
    struct problem problem = {.err = DG_EINVAL};
    struct store_batch batch;
    struct buf json;
    if (!take_campaign(e, doc))
        return;
    if (!e->edit(e->ctx, e->campaign, &problem)) {
        answer(e, problem.err, problem.text, NULL);
        return;
    }
    e->campaign->updated_at_ms = clock_unix_ms();
    buf_init(&json, BUF_MAX);
    store_batch_init(&batch);
    campaign_write(e->campaign, &json);
    put(&batch, COLLECTION_CAMPAIGNS, e->id, &json, e->campaign->version);
    store_write(e->owner->store, &batch, on_changed, e);
    buf_free(&json);
}

void campaigns_change(struct campaigns *cs, int64_t id, campaign_edit_fn *edit, void *ctx,
                      campaign_fn *fn, void *arg)
{
    struct errand *e = errand_new(cs, id, fn, arg);
    e->edit = edit;
    e->ctx = ctx;
    read_campaign(e, on_to_change);
}

/* ---- Deleting ---------------------------------------------------------------------------- */

static void on_to_delete(void *arg, const struct store_doc *doc);

static void on_deleted(void *arg, const struct op_result *res)
{
    struct errand *e = arg;
    if (res->err == DG_ECONFLICT && ++e->tries < TRIES_MAX) {
        read_campaign(e, on_to_delete);
        return;
    }
    if (res->err == DG_OK)
        campaign_sweep(e->owner, e->id);
    answer(e, res->err, res->message, NULL);
}

static void on_to_delete(void *arg, const struct store_doc *doc)
{
    struct errand *e = arg;
    struct store_batch batch;
    char id[CAMPAIGN_ID_SIZE], sign[CAMPAIGN_SIGN_SIZE];
    if (!take_campaign(e, doc))
        return;
    if (e->campaign->status == CAMPAIGN_RUNNING) {
        answer(e, DG_ECONFLICT, "Cannot delete running campaign. Stop it first.", NULL);
        return;
    }
    campaign_id_text(e->id, id);
    campaign_sign(e->id, sign);
    store_batch_init(&batch);
    store_batch_delete(&batch, COLLECTION_CAMPAIGNS, id, e->campaign->version);
    store_batch_delete(&batch, COLLECTION_CAMPAIGN_COUNTS, id, DG_VERSION_ANY);
    store_batch_put(&batch, COLLECTION_META, sign, (struct dg_bytes){"{}", 2}, DG_VERSION_ANY);
    store_write(e->owner->store, &batch, on_deleted, e);
}

void campaigns_delete(struct campaigns *cs, int64_t id, campaign_fn *fn, void *arg)
{
    read_campaign(errand_new(cs, id, fn, arg), on_to_delete);
}
