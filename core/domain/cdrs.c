/* cdrs.c - call detail records: searched, counted; see cdrs.h. */
#include "domain/cdrs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

#define WHERE_MAX (8 + KEYSET_WHERE_MAX)
#define TEXT_SIZE 24
#define DOC_DEPTH 32

static const char *const dispositions[] = {[CDR_ANSWERED] = "answered",
                                           [CDR_NO_ANSWER] = "no_answer",
                                           [CDR_BUSY] = "busy",
                                           [CDR_FAILED] = "failed",
                                           [CDR_CANCELLED] = "cancelled"};

const char *cdr_disposition_name(enum cdr_disposition d)
{
    return dispositions[d];
}

static bool find_disposition(const char *name, enum cdr_disposition *out)
{
    for (size_t i = 0; i < CDR_ENDS; i++) {
        if (str_eq(name, dispositions[i])) {
            *out = (enum cdr_disposition)i;
            return true;
        }
    }
    return false;
}

bool cdr_disposition_known(const char *name)
{
    enum cdr_disposition d;
    return find_disposition(name, &d);
}

/* ---- Conditions -------------------------------------------------------------------------- */

struct conditions {
    struct dg_where list[WHERE_MAX];
    char texts[WHERE_MAX][TEXT_SIZE];
    size_t count;
};

static void add_number(struct conditions *c, const char *field, enum dg_compare compare,
                       int64_t value)
{
    char *text = c->texts[c->count];
    if (!value)
        return;
    snprintf(text, TEXT_SIZE, "%" PRId64, value);
    c->list[c->count++] = (struct dg_where){.field = field, .compare = compare, .value = text};
}

static void add_filter(struct conditions *c, const struct cdr_filter *f)
{
    static const char *const searched[] = {"caller_id", "phone_number", "agent"};
    add_number(c, "campaign_id", DG_EQ, f->campaign);
    add_number(c, "started_at", DG_GE, f->from_ms);
    add_number(c, "started_at", DG_LT, f->to_ms);
    if (f->disposition)
        c->list[c->count++] = (struct dg_where){.field = "disposition", .value = f->disposition};
    for (size_t i = 0; f->search && i < sizeof searched / sizeof *searched; i++)
        c->list[c->count++] = (struct dg_where){
            .field = searched[i], .compare = DG_CONTAINS, .value = f->search, .group = 1};
}

/* ---- Lists ------------------------------------------------------------------------------- */

struct listing {
    struct store *store;
    struct cdr_filter filter;
    char *disposition, *search, *after_id;
    int64_t after_ms;
    uint64_t offset, limit;
    int64_t one; /* the number of the only one that is asked for, -1: of none; 0: a list */
    json_t **docs;
    struct cdr *records;
    struct cdr_list out;
    json_t *names; /* of campaigns, by id */
    cdr_list_fn *fn;
    void *arg;
};

static void answer(struct listing *l, enum dg_err err, const char *message)
{
    l->out.err = err;
    l->out.message = message;
    l->out.records = l->records;
    l->fn(l->arg, &l->out);
    for (size_t i = 0; i < l->out.count; i++)
        json_decref(l->docs[i]);
    json_decref(l->names);
    free(l->docs);
    free(l->records);
    free(l->disposition);
    free(l->search);
    free(l->after_id);
    free(l);
}

static struct cdr record_of(const json_t *doc)
{
    const json_t *files = json_object_get(doc, "recordings");
    return (struct cdr){
        .number = json_get_int(doc, "number", 0),
        .campaign_id = json_get_int(doc, "campaign_id", 0),
        .campaign_number_id = json_get_int(doc, "campaign_number_id", 0),
        .call_id = json_get_str(doc, "call_id"),
        .caller_id = json_get_str(doc, "caller_id"),
        .phone_number = json_get_str(doc, "phone_number"),
        .agent = json_get_str(doc, "agent"),
        .ivr = json_object_get(doc, "ivr"),
        .amd = json_object_get(doc, "amd"),
        .message = json_object_get(doc, "message"),
        .disposition = json_get_str(doc, "disposition"),
        .recording = json_string_value(json_array_get(files, 0)),
        .started_ms = json_get_int(doc, "started_at", 0),
        .answered_ms = json_get_int(doc, "answered_at", 0),
        .ended_ms = json_get_int(doc, "ended_at", 0),
        .duration_s = json_get_int(doc, "duration", 0),
        .billsec = json_get_int(doc, "billsec", 0),
        .cause = (int)json_get_int(doc, "cause", 0),
        .cause_text = json_get_str(doc, "cause_text"),
    };
}

static void on_names(void *arg, const struct op_result *res)
{
    struct listing *l = arg;
    char id[TEXT_SIZE];
    l->names = json_object();
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_doc *doc = res->items[i];
        json_t *json = json_parse(doc->json.ptr, doc->json.len, DOC_DEPTH, NULL);
        json_object_set(l->names, doc->id, json_object_get(json, "name"));
        json_decref(json);
    }
    for (size_t i = 0; i < l->out.count; i++) {
        snprintf(id, sizeof id, "%" PRId64, l->records[i].campaign_id);
        l->records[i].campaign_name = json_get_str(l->names, id);
    }
    answer(l, res->err, res->message);
}

/* The names of the campaigns that are in the list. */
static void read_names(struct listing *l)
{
    struct buf ids;
    struct json_writer w;
    buf_init(&ids, BUF_MAX);
    jw_init(&w, &ids);
    jw_array(&w, NULL);
    for (size_t i = 0; i < l->out.count; i++) {
        if (l->records[i].campaign_id)
            jw_int(&w, NULL, l->records[i].campaign_id);
    }
    jw_end(&w);
    const struct dg_where where = {.field = "id", .compare = DG_IN, .value = buf_cstr(&ids)};
    const struct dg_query query = {
        .collection = COLLECTION_CAMPAIGNS, .where = &where, .where_count = 1};
    store_query(l->store, &query, on_names, l);
    buf_free(&ids);
}

static void on_records(void *arg, const struct op_result *res)
{
    struct listing *l = arg;
    if (res->err != DG_OK) {
        answer(l, res->err, res->message);
        return;
    }
    l->docs = xcalloc(res->count + 1, sizeof *l->docs);
    l->records = xcalloc(res->count + 1, sizeof *l->records);
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_doc *doc = res->items[i];
        json_t *json = json_parse(doc->json.ptr, doc->json.len, DOC_DEPTH, NULL);
        if (!json)
            continue;
        l->docs[l->out.count] = json;
        l->records[l->out.count++] = record_of(json);
    }
    if (l->one && !l->out.count)
        answer(l, DG_ENOTFOUND, "CDR record not found");
    else
        read_names(l);
}

static void read_page(struct listing *l)
{
    struct conditions c = {0};
    char at[24];
    const struct keyset after = {l->after_ms, l->after_id};
    if (l->one)
        add_number(&c, "number", DG_EQ, l->one);
    else
        add_filter(&c, &l->filter);
    c.count += keyset_where(&after, "started_at", 2, at, c.list + c.count);
    const struct dg_query query = {.collection = COLLECTION_CDR,
                                   .where = c.list,
                                   .where_count = c.count,
                                   .order_by = l->one ? NULL : "started_at",
                                   .descending = !l->one,
                                   .offset = l->offset,
                                   .limit = l->limit};
    store_query(l->store, &query, on_records, l);
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

static struct listing *listing_new(struct store *store, cdr_list_fn *fn, void *arg)
{
    struct listing *l = xcalloc(1, sizeof *l);
    l->store = store;
    l->fn = fn;
    l->arg = arg;
    return l;
}

void cdrs_list(struct store *store, const struct cdr_query *query, cdr_list_fn *fn, void *arg)
{
    struct listing *l = listing_new(store, fn, arg);
    struct conditions c = {0};
    l->filter = query->filter;
    l->filter.disposition = l->disposition = xstrdup(query->filter.disposition);
    l->filter.search = l->search = xstrdup(query->filter.search);
    l->after_ms = query->after.at_ms;
    l->after_id = xstrdup(query->after.id);
    l->offset = query->offset;
    l->limit = query->limit;
    if (!query->total) {
        read_page(l);
        return;
    }
    add_filter(&c, &l->filter);
    const struct dg_tally tally = {
        .collection = COLLECTION_CDR, .where = c.list, .where_count = c.count};
    store_tally(store, &tally, on_total, l);
}

void cdrs_get(struct store *store, int64_t number, cdr_list_fn *fn, void *arg)
{
    struct listing *l = listing_new(store, fn, arg);
    l->one = number > 0 ? number : -1;
    l->limit = 1;
    read_page(l);
}

/* ---- Statistics -------------------------------------------------------------------------- */

struct counting {
    struct cdr_stats out;
    cdr_stats_fn *fn;
    void *arg;
};

static void on_tally(void *arg, const struct op_result *res)
{
    struct counting *k = arg;
    enum cdr_disposition d;
    k->out.err = res->err;
    k->out.message = res->message;
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_tally_row *row = res->items[i];
        if (find_disposition(row->value, &d))
            k->out.calls[d] = (int64_t)row->count;
        k->out.total += (int64_t)row->count;
        k->out.duration_s += row->sums[0];
        k->out.billsec += row->sums[1];
    }
    k->fn(k->arg, &k->out);
    free(k);
}

void cdrs_stats(struct store *store, const struct cdr_filter *filter, cdr_stats_fn *fn, void *arg)
{
    static const char *const sums[] = {"duration", "billsec"};
    struct counting *k = xcalloc(1, sizeof *k);
    struct conditions c = {0};
    k->fn = fn;
    k->arg = arg;
    add_filter(&c, filter);
    const struct dg_tally tally = {.collection = COLLECTION_CDR,
                                   .where = c.list,
                                   .where_count = c.count,
                                   .by = "disposition",
                                   .sums = sums,
                                   .sum_count = 2};
    store_tally(store, &tally, on_tally, k);
}
