/* dnc_list.c - the do-not-call list, as it is read and changed; see dnc.h. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "base/str.h"
#include "domain/dnc.h"
#include "domain/numbers.h"

#define DATA_DEPTH 16

/* ---- Reading ----------------------------------------------------------------------------- */

struct listing {
    struct store *store;
    char *search, *after_id;
    int64_t after_ms;
    uint64_t offset, limit;
    struct dnc_list out;
    dnc_list_fn *fn;
    void *arg;
};

static void answer(struct listing *l, const struct op_result *res)
{
    struct dnc_entry *entries = xcalloc(res->count + 1, sizeof *entries);
    json_t **docs = xcalloc(res->count + 1, sizeof *docs);
    l->out.err = res->err;
    l->out.message = res->message;
    l->out.entries = entries;
    l->out.count = res->count;
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_doc *doc = res->items[i];
        docs[i] = json_parse(doc->json.ptr, doc->json.len, 8, NULL);
        entries[i] = (struct dnc_entry){.number = doc->id,
                                        .reason = json_get_str(docs[i], "reason"),
                                        .created_at_ms = json_get_int(docs[i], "created_at", 0)};
    }
    l->fn(l->arg, &l->out);
    for (size_t i = 0; i < res->count; i++)
        json_decref(docs[i]);
    free(docs);
    free(entries);
    free(l->search);
    free(l->after_id);
    free(l);
}

static void on_page(void *arg, const struct op_result *res)
{
    answer(arg, res);
}

static size_t condition(const struct listing *l, struct dg_where *where)
{
    *where = (struct dg_where){.field = "id", .compare = DG_PREFIX, .value = l->search};
    return l->search ? 1 : 0;
}

static void read_page(struct listing *l)
{
    char at[24];
    const struct keyset after = {l->after_ms, l->after_id};
    struct dg_where where[1 + KEYSET_WHERE_MAX];
    size_t count = condition(l, where);
    count += keyset_where(&after, "created_at", 1, at, where + count);
    const struct dg_query query = {.collection = COLLECTION_DNC,
                                   .where = where,
                                   .where_count = count,
                                   .order_by = "created_at",
                                   .descending = true,
                                   .offset = l->offset,
                                   .limit = l->limit};
    store_query(l->store, &query, on_page, l);
}

static void on_total(void *arg, const struct op_result *res)
{
    struct listing *l = arg;
    const struct dg_tally_row *row = op_first(res, struct dg_tally_row);
    if (res->err != DG_OK) {
        answer(l, &(struct op_result){.err = res->err, .message = res->message});
        return;
    }
    l->out.total = row ? row->count : 0;
    read_page(l);
}

void dnc_list(struct store *store, const struct dnc_query *query, dnc_list_fn *fn, void *arg)
{
    struct listing *l = xcalloc(1, sizeof *l);
    struct dg_where where;
    char digits[DNC_ID_SIZE];
    l->store = store;
    l->search = !str_empty(query->search) && dnc_id(query->search, digits) ? xstrdup(digits) : NULL;
    l->after_ms = query->after.at_ms;
    l->after_id = xstrdup(query->after.id);
    l->offset = query->offset;
    l->limit = query->limit;
    l->fn = fn;
    l->arg = arg;
    const struct dg_tally tally = {
        .collection = COLLECTION_DNC, .where = &where, .where_count = condition(l, &where)};
    if (l->after_id)
        read_page(l);
    else
        store_tally(store, &tally, on_total, l);
}

/* ---- Changing ---------------------------------------------------------------------------- */

bool dnc_add(struct store *store, const char *number, const char *reason, op_fn *fn, void *arg)
{
    char id[DNC_ID_SIZE];
    if (!dnc_id(number, id))
        return false;
    json_t *doc = json_pack("{s:s?, s:I}", "reason", str_empty(reason) ? NULL : reason,
                            "created_at", (json_int_t)clock_unix_ms());
    store_put_json(store, COLLECTION_DNC, id, doc, DG_VERSION_ANY, fn, arg);
    json_decref(doc);
    return true;
}

/* The reason stands in the number's data. */
static json_t *entry_of(const struct number_new *n, int64_t now_ms)
{
    json_t *data = n->data ? json_parse(n->data, strlen(n->data), DATA_DEPTH, NULL) : NULL;
    const char *reason = json_get_str(data, "reason");
    json_t *doc = json_pack("{s:s?, s:I}", "reason", str_empty(reason) ? NULL : reason,
                            "created_at", (json_int_t)now_ms);
    json_decref(data);
    return doc;
}

void dnc_add_all(struct store *store, const struct number_new *list, size_t count, op_fn *fn,
                 void *arg)
{
    struct store_batch batch;
    struct map *seen = map_new();
    const int64_t now_ms = clock_unix_ms();
    store_batch_init(&batch);
    for (size_t i = 0; i < count; i++) {
        char id[DNC_ID_SIZE];
        if (!dnc_id(list[i].phone_number, id) || map_set(seen, id, store))
            continue;
        json_t *doc = entry_of(&list[i], now_ms);
        store_batch_put_json(&batch, COLLECTION_DNC, id, doc, DG_VERSION_ANY);
        json_decref(doc);
    }
    map_free(seen, NULL);
    store_write(store, &batch, fn, arg);
}

struct removing {
    struct store *store;
    char id[DNC_ID_SIZE];
    op_fn *fn;
    void *arg;
};

static void on_removed(void *arg, const struct op_result *res)
{
    struct removing *r = arg;
    r->fn(r->arg, res);
    free(r);
}

static void on_to_remove(void *arg, const struct op_result *res)
{
    struct removing *r = arg;
    if (res->err == DG_OK)
        store_delete(r->store, COLLECTION_DNC, r->id, DG_VERSION_ANY, on_removed, r);
    else
        on_removed(r, res);
}

bool dnc_remove(struct store *store, const char *number, op_fn *fn, void *arg)
{
    struct removing *r = xcalloc(1, sizeof *r);
    *r = (struct removing){.store = store, .fn = fn, .arg = arg};
    if (!dnc_id(number, r->id)) {
        free(r);
        return false;
    }
    store_get(store, COLLECTION_DNC, r->id, on_to_remove, r);
    return true;
}
