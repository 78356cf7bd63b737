/* campaigns_list.c - lists of campaigns with their counts; see campaigns.h. */
#include <stdlib.h>

#include "base/json.h"
#include "base/str.h"
#include "domain/campaigns_private.h"

#define DOC_DEPTH 32

struct listing {
    struct campaigns *owner;
    char *status, *after_id;
    int64_t after_ms;
    uint64_t offset, limit;
    struct campaign_entry *entries;
    struct campaign_list out;
    campaign_list_fn *fn;
    void *arg;
};

static void answer(struct listing *l, enum dg_err err, const char *message)
{
    l->out.err = err;
    l->out.message = message;
    l->out.entries = l->entries;
    l->fn(l->arg, &l->out);
    for (size_t i = 0; i < l->out.count; i++)
        campaign_free(l->entries[i].campaign);
    free(l->entries);
    free(l->status);
    free(l->after_id);
    free(l);
}

static struct campaign_entry *entry_of(struct listing *l, const char *id_text)
{
    int64_t id;
    for (size_t i = 0; str_to_int(id_text, &id) && i < l->out.count; i++) {
        if (l->entries[i].campaign->id == id)
            return &l->entries[i];
    }
    return NULL;
}

static void on_counts(void *arg, const struct op_result *res)
{
    struct listing *l = arg;
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_doc *doc = res->items[i];
        struct campaign_entry *entry = entry_of(l, doc->id);
        json_t *json = json_parse(doc->json.ptr, doc->json.len, DOC_DEPTH, NULL);
        if (entry)
            campaign_counts_read(&entry->counts, json);
        json_decref(json);
    }
    answer(l, res->err, res->message);
}

static void read_counts(struct listing *l)
{
    struct buf ids;
    struct json_writer w;
    char id[CAMPAIGN_ID_SIZE];
    buf_init(&ids, BUF_MAX);
    jw_init(&w, &ids);
    jw_array(&w, NULL);
    for (size_t i = 0; i < l->out.count; i++) {
        campaign_id_text(l->entries[i].campaign->id, id);
        jw_str(&w, NULL, id);
    }
    jw_end(&w);
    const struct dg_where where = {.field = "id", .compare = DG_IN, .value = buf_cstr(&ids)};
    const struct dg_query query = {
        .collection = COLLECTION_CAMPAIGN_COUNTS, .where = &where, .where_count = 1};
    store_query(l->owner->store, &query, on_counts, l);
    buf_free(&ids);
}

static void on_campaigns(void *arg, const struct op_result *res)
{
    struct listing *l = arg;
    if (res->err != DG_OK) {
        answer(l, res->err, res->message);
        return;
    }
    l->entries = xcalloc(res->count + 1, sizeof *l->entries);
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_doc *doc = res->items[i];
        json_t *json = json_parse(doc->json.ptr, doc->json.len, DOC_DEPTH, NULL);
        struct campaign *c = campaign_read(doc->id, doc->version, json);
        json_decref(json);
        if (c)
            l->entries[l->out.count++].campaign = c;
    }
    if (!l->limit)
        l->out.total = l->out.count;
    read_counts(l);
}

static void read_page(struct listing *l)
{
    char at[24];
    const struct keyset after = {l->after_ms, l->after_id};
    struct dg_where where[1 + KEYSET_WHERE_MAX] = {{.field = "status", .value = l->status}};
    const size_t first = l->status ? 1 : 0;
    const struct dg_query query = {
        .collection = COLLECTION_CAMPAIGNS,
        .where = where,
        .where_count = first + keyset_where(&after, "created_at", 1, at, where + first),
        .order_by = "created_at",
        .descending = true,
        .offset = l->offset,
        .limit = l->limit};
    store_query(l->owner->store, &query, on_campaigns, l);
}

static void on_total(void *arg, const struct op_result *res)
{
    struct listing *l = arg;
    const struct dg_tally_row *row = op_first(res, struct dg_tally_row);
    if (res->err != DG_OK) {
        answer(l, res->err, res->message);
        return;
    }
    l->out.total = row ? row->count : 0;
    read_page(l);
}

void campaigns_list(struct campaigns *cs, const struct campaign_query *query, campaign_list_fn *fn,
                    void *arg)
{
    struct listing *l = xcalloc(1, sizeof *l);
    l->owner = cs;
    l->status = xstrdup(query->status);
    l->after_ms = query->after.at_ms;
    l->after_id = xstrdup(query->after.id);
    l->offset = query->offset;
    l->limit = query->limit;
    l->fn = fn;
    l->arg = arg;
    const struct dg_where where = {.field = "status", .value = l->status};
    const struct dg_tally tally = {
        .collection = COLLECTION_CAMPAIGNS, .where = &where, .where_count = l->status ? 1 : 0};
    if (l->limit && !l->after_id)
        store_tally(cs->store, &tally, on_total, l);
    else
        read_page(l);
}
