/* history.c - calls of now and before: one query, and a count where it is wanted. */
#include "domain/history.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/call_record.h"
#include "domain/calls_private.h"

#define CONDITIONS_MAX 9

struct history {
    struct calls *cs;
    struct arena *arena;
    struct history_query query;
    struct dg_where where[CONDITIONS_MAX];
    size_t where_count;
    history_fn *fn;
    void *arg;
    uint64_t total;
    char last_id[ID_SIZE];
};

/* ---- Conditions ---------------------------------------------------------------------- */

static void add(struct history *h, const char *field, enum dg_compare compare, const char *value,
                unsigned group)
{
    if (value)
        h->where[h->where_count++] = (struct dg_where){field, compare, value, group};
}

static const char *number(struct history *h, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return arena_strdup(h->arena, text);
}

static const char *state_list(struct history *h)
{
    struct buf json;
    struct json_writer w;
    buf_init(&json, 1024);
    jw_init(&w, &json);
    jw_array(&w, NULL);
    for (int s = 0; s < CALL_STATES; s++) {
        if (h->query.states & (1u << s))
            jw_str(&w, NULL, call_state_name((enum call_state)s));
    }
    jw_end(&w);
    const char *list = arena_strdup(h->arena, buf_cstr(&json));
    buf_free(&json);
    return list;
}

static void add_filters(struct history *h)
{
    const struct history_query *q = &h->query;
    if (q->states)
        add(h, "status", DG_IN, state_list(h), 0);
    add(h, "phone_number", DG_EQ, q->phone_number, 0);
    add(h, "direction", DG_EQ, q->direction, 0);
    add(h, "api", DG_EQ, q->api, 0);
    /* Always there: the store then knows that the order has no absent values. */
    add(h, "created_at", DG_GE, number(h, q->from_ms), 0);
    if (q->to_ms)
        add(h, "created_at", DG_LT, number(h, q->to_ms), 0);
}

/* Older than the last that was seen, or as old and named before it. */
static void add_place(struct history *h)
{
    const struct history_query *q = &h->query;
    if (!q->before_id)
        return;
    add(h, "created_at", DG_LE, number(h, q->before_ms), 0);
    add(h, "created_at", DG_LT, number(h, q->before_ms), 1);
    add(h, "id", DG_LT, q->before_id, 1);
}

/* ---- The answer ------------------------------------------------------------------------ */

static void answer(struct history *h, const struct history_answer *a)
{
    h->fn(h->arg, a);
    arena_free(h->arena);
    free(h);
}

static void fail(struct history *h, const struct op_result *res)
{
    const struct history_answer a = {.err = res->err, .message = res->message};
    answer(h, &a);
}

static struct call *call_of(struct history *h, const struct dg_doc *doc)
{
    struct call *c = map_get(h->cs->live, doc->id);
    if (!c) {
        json_t *json = json_parse(doc->json.ptr, doc->json.len, 16, NULL);
        c = json ? call_record_read(doc->id, json) : NULL;
        json_decref(json);
    }
    if (!c)
        log_error("calls", "unreadable record of a call", LOG_S("call", doc->id));
    return c;
}

/* A live call may be further than its record. */
static bool wanted(const struct history *h, const struct call *c)
{
    return c && (!h->query.states || h->query.states & (1u << c->state));
}

static void on_documents(void *arg, const struct op_result *res)
{
    struct history *h = arg;
    if (res->err != DG_OK) {
        fail(h, res);
        return;
    }
    bool more = h->query.limit && res->count > h->query.limit;
    size_t count = more ? (size_t)h->query.limit : res->count, kept = 0;
    struct call **list = xcalloc(count + 1, sizeof *list);
    struct history_answer a = {
        .calls = (const struct call *const *)list, .more = more, .total = h->total};
    for (size_t i = 0; i < count; i++) {
        struct call *c = call_of(h, res->items[i]);
        if (!c)
            continue;
        calls_hold(c);
        snprintf(h->last_id, sizeof h->last_id, "%s", c->id);
        a.last_id = h->last_id;
        a.last_ms = c->created_at_ms;
        if (wanted(h, c))
            list[kept++] = c;
        else
            calls_release(c);
    }
    a.count = kept;
    answer(h, &a);
    for (size_t i = 0; i < kept; i++)
        calls_release(list[i]);
    free(list);
}

static void read_page(struct history *h)
{
    const struct history_query *q = &h->query;
    const struct dg_query query = {.collection = COLLECTION_CALLS,
                                   .where = h->where,
                                   .where_count = h->where_count,
                                   .order_by = "created_at",
                                   .descending = true,
                                   .offset = q->offset,
                                   .limit = q->limit ? q->limit + 1 : 0};
    store_query(h->cs->config.store, &query, on_documents, h);
}

static void on_total(void *arg, const struct op_result *res)
{
    struct history *h = arg;
    const struct dg_tally_row *row = op_first(res, struct dg_tally_row);
    if (res->err != DG_OK) {
        fail(h, res);
        return;
    }
    h->total = row ? row->count : 0;
    read_page(h);
}

void calls_history(struct calls *cs, const struct history_query *query, history_fn *fn, void *arg)
{
    struct history *h = xcalloc(1, sizeof *h);
    *h = (struct history){.cs = cs, .arena = arena_new(), .query = *query, .fn = fn, .arg = arg};
    h->query.phone_number = arena_strdup(h->arena, query->phone_number);
    h->query.direction = arena_strdup(h->arena, query->direction);
    h->query.api = arena_strdup(h->arena, query->api);
    h->query.before_id = arena_strdup(h->arena, query->before_id);
    add_filters(h);
    if (!query->total) {
        add_place(h);
        read_page(h);
        return;
    }
    const struct dg_tally tally = {
        .collection = COLLECTION_CALLS, .where = h->where, .where_count = h->where_count};
    store_tally(cs->config.store, &tally, on_total, h);
}
