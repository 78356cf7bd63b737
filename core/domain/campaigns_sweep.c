/* campaigns_sweep.c - what a deleted campaign leaves behind: its numbers and
 * menus go, its CDRs become those of no campaign. A page at a time, so that
 * nobody waits for a million of them; after a restart it goes on where it was. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/campaigns_private.h"

#define PAGE     500
#define RETRY_MS 2000

struct sweep {
    struct link link;
    struct campaigns *owner;
    char id[CAMPAIGN_ID_SIZE];
    enum { SWEEP_NUMBERS, SWEEP_MENUS, SWEEP_CALLS } stage;
    struct loop_timer *retry;
};

static const char *const collections_of[] = {[SWEEP_NUMBERS] = COLLECTION_NUMBERS,
                                             [SWEEP_MENUS] = COLLECTION_IVR_MENUS,
                                             [SWEEP_CALLS] = COLLECTION_CDR};

void campaign_sign(int64_t id, char out[CAMPAIGN_SIGN_SIZE])
{
    snprintf(out, CAMPAIGN_SIGN_SIZE, CAMPAIGN_SIGN "%" PRId64, id);
}

static void sweep_end(struct sweep *s)
{
    list_remove(&s->link);
    free(s);
}

static void next_page(struct sweep *s);

static void on_retry(void *arg)
{
    struct sweep *s = arg;
    s->retry = NULL;
    next_page(s);
}

static void later(struct sweep *s, const char *why)
{
    log_warn("campaigns", "what a deleted campaign left is still there", LOG_S("campaign", s->id),
             LOG_S("why", why));
    s->retry = loop_timer(s->owner->loop, RETRY_MS, on_retry, s);
}

static void on_page_written(void *arg, const struct op_result *res)
{
    struct sweep *s = arg;
    if (res->err == DG_OK)
        next_page(s);
    else
        later(s, res->message);
}

static void on_sign_gone(void *arg, const struct op_result *res)
{
    struct sweep *s = arg;
    if (res->err != DG_OK) {
        later(s, res->message);
        return;
    }
    log_info("campaigns", "nothing is left of a deleted campaign", LOG_S("campaign", s->id));
    sweep_end(s);
}

static void release_call(struct store_batch *batch, const struct dg_doc *doc)
{
    json_t *json = json_parse(doc->json.ptr, doc->json.len, 32, NULL);
    json_object_del(json, "campaign_id");
    if (json)
        store_batch_put_json(batch, COLLECTION_CDR, doc->id, json, doc->version);
    json_decref(json);
}

static void on_page(void *arg, const struct op_result *res)
{
    struct sweep *s = arg;
    struct store_batch batch;
    char sign[CAMPAIGN_SIGN_SIZE];
    if (res->err != DG_OK) {
        later(s, res->message);
        return;
    }
    if (!res->count && s->stage == SWEEP_CALLS) {
        snprintf(sign, sizeof sign, CAMPAIGN_SIGN "%s", s->id);
        store_delete(s->owner->store, COLLECTION_META, sign, DG_VERSION_ANY, on_sign_gone, s);
        return;
    }
    if (!res->count) {
        s->stage++;
        next_page(s);
        return;
    }
    store_batch_init(&batch);
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_doc *doc = res->items[i];
        if (s->stage == SWEEP_CALLS)
            release_call(&batch, doc);
        else
            store_batch_delete(&batch, collections_of[s->stage], doc->id, DG_VERSION_ANY);
        if (s->stage == SWEEP_MENUS)
            store_batch_delete(&batch, COLLECTION_IVR_COUNTS, doc->id, DG_VERSION_ANY);
    }
    store_write(s->owner->store, &batch, on_page_written, s);
}

static void next_page(struct sweep *s)
{
    const struct dg_where where = {.field = "campaign_id", .value = s->id};
    const struct dg_query query = {
        .collection = collections_of[s->stage], .where = &where, .where_count = 1, .limit = PAGE};
    store_query(s->owner->store, &query, on_page, s);
}

static void sweep_start(struct campaigns *cs, const char *id)
{
    struct sweep *s = xcalloc(1, sizeof *s);
    s->owner = cs;
    snprintf(s->id, sizeof s->id, "%s", id);
    list_append(&cs->sweeps, &s->link);
    next_page(s);
}

void campaign_sweep(struct campaigns *cs, int64_t id)
{
    char text[CAMPAIGN_ID_SIZE];
    campaign_id_text(id, text);
    sweep_start(cs, text);
}

static void on_signs(void *arg, const struct op_result *res)
{
    struct campaigns *cs = arg;
    if (res->err != DG_OK)
        log_warn("campaigns", "deleted campaigns were not looked for", LOG_S("why", res->message));
    for (size_t i = 0; i < res->count; i++)
        sweep_start(cs, ((const struct dg_doc *)res->items[i])->id + sizeof CAMPAIGN_SIGN - 1);
}

void campaigns_recover(struct campaigns *cs)
{
    const struct dg_where where = {.field = "id", .compare = DG_PREFIX, .value = CAMPAIGN_SIGN};
    const struct dg_query query = {
        .collection = COLLECTION_META, .where = &where, .where_count = 1};
    store_query(cs->store, &query, on_signs, cs);
}

void campaign_sweeps_free(struct campaigns *cs)
{
    while (!list_empty(&cs->sweeps)) {
        struct sweep *s = list_item(cs->sweeps.next, struct sweep, link);
        loop_timer_stop(cs->loop, s->retry);
        sweep_end(s);
    }
}
