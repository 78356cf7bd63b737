/* memory.c - a store that keeps all documents in memory, and in a file from
 * close to open. What it holds is lost in a crash: it is for trying things.
 *
 * It shows all that a store has to do; the contract suite of stores passes on
 * it. Everything is done at once inside the call, so order and atomicity come
 * for nothing.
 *
 *     cc -std=c11 -fPIC -shared -I PREFIX/include -o memory.so *.c -ljansson
 */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct dg_cfg_key keys[] = {
    {"path", DG_CFG_PATH, "", "keeps the documents from close to open; empty: nothing does"},
    {0},
};

static struct collection *declared(struct memory *m, const char *name, struct trouble *t)
{
    struct collection *c = collection_find(m, name);
    if (c && c->declared)
        return c;
    trouble(t, DG_EINVAL, "the collection %s was not declared", name);
    return NULL;
}

static void finish(struct memory *m, struct dg_op *op, const struct trouble *t)
{
    if (t->err)
        m->h->fail(op, t->err, "%s", t->why);
    else
        m->h->done(op);
}

static void give(struct memory *m, struct dg_op *op, const struct document *d)
{
    const struct dg_doc doc = {DG_SIZED(struct dg_doc), .id = d->id, .version = d->version,
                               .json = {d->text, d->len}};
    m->h->item(op, &doc);
}

/* ---- Declaring, reading ----------------------------------------------------------- */

static void memory_declare(void *self, const struct dg_collection *list, size_t count,
                           struct dg_op *op)
{
    struct memory *m = self;
    struct trouble t = {DG_OK, ""};
    for (size_t i = 0; i < count && !t.err; i++) {
        const char *name = list[i].name;
        if (!*name || name[strspn(name, "abcdefghijklmnopqrstuvwxyz_")])
            trouble(&t, DG_EINVAL, "\"%s\" is no name for a collection", name);
    }
    for (size_t i = 0; i < count && !t.err; i++) {
        struct collection *c = collection_find(m, list[i].name);
        collection_declare(c ? c : collection_make(m, list[i].name), &list[i], &t);
    }
    finish(m, op, &t);
}

static void memory_get(void *self, const struct dg_key *key, struct dg_op *op)
{
    struct memory *m = self;
    struct trouble t = {DG_OK, ""};
    const struct collection *c = declared(m, key->collection, &t);
    const struct document *d = c ? document_find(c, key->id) : NULL;
    if (d)
        give(m, op, d);
    else if (c)
        trouble(&t, DG_ENOTFOUND, "there is no %s in %s", key->id, key->collection);
    finish(m, op, &t);
}

struct found {
    const struct collection *c;
    int order_by;
    struct document **docs;
    size_t count;
};

static const struct found *sorting; /* qsort has no argument; it is set for the call only */

static int by_order(const void *a, const void *b)
{
    const struct document *x = *(struct document *const *)a, *y = *(struct document *const *)b;
    int order = value_compare(value_of(sorting->c, x, sorting->order_by),
                              value_of(sorting->c, y, sorting->order_by));
    return order ? order
                 : value_compare(value_of(sorting->c, x, FIELD_ID),
                                 value_of(sorting->c, y, FIELD_ID));
}

static void turn_round(struct found *f)
{
    for (size_t i = 0; i < f->count / 2; i++) {
        struct document *other = f->docs[f->count - 1 - i];
        f->docs[f->count - 1 - i] = f->docs[i];
        f->docs[i] = other;
    }
}

/* All that match, in order; the caller frees docs. */
static bool find(struct memory *m, const struct dg_query *q, struct found *f, struct trouble *t)
{
    *f = (struct found){.c = declared(m, q->collection, t), .order_by = FIELD_ID};
    if (!f->c || !conditions_check(m, f->c, q->where, q->where_count, t))
        return false;
    if (q->order_by && (f->order_by = field_find(f->c, q->order_by)) == -1)
        return trouble(t, DG_EINVAL, "%s has no field %s", f->c->name, q->order_by);
    f->docs = get_memory(NULL, (f->c->doc_count + 1) * sizeof(*f->docs));
    for (size_t i = 0; i < f->c->doc_count; i++)
        if (conditions_match(m, f->c, q->where, q->where_count, f->c->docs[i]))
            f->docs[f->count++] = f->c->docs[i];
    sorting = f;
    if (f->order_by != FIELD_ID)
        qsort(f->docs, f->count, sizeof(*f->docs), by_order);
    if (q->descending)
        turn_round(f);
    size_t skip = q->offset < f->count ? (size_t)q->offset : f->count;
    f->count -= skip;
    memmove(f->docs, f->docs + skip, f->count * sizeof(*f->docs));
    if (q->limit && q->limit < f->count)
        f->count = (size_t)q->limit;
    return true;
}

static void memory_query(void *self, const struct dg_query *query, struct dg_op *op)
{
    struct memory *m = self;
    struct trouble t = {DG_OK, ""};
    struct found f;
    find(m, query, &f, &t);
    for (size_t i = 0; i < f.count; i++)
        give(m, op, f.docs[i]);
    free(f.docs);
    finish(m, op, &t);
}

/* ---- Writing ------------------------------------------------------------------------ */

static bool expected(const struct collection *c, const struct dg_write *w, const char *id,
                     struct trouble *t)
{
    const struct document *old = document_find(c, id);
    uint64_t version = old ? old->version : DG_VERSION_NONE;
    if (w->expect == DG_VERSION_ANY || w->expect == version)
        return true;
    return trouble(t, DG_ECONFLICT, "%s in %s has version %llu", id, c->name,
                   (unsigned long long)version);
}

/* The id that is meant or given, in `number` or in the request. */
static const char *id_of(const struct collection *c, const struct dg_write *w, char number[24])
{
    if (w->id)
        return *w->id && (!c->serial || serial_of(w->id)) ? w->id : NULL;
    if (!c->serial || !w->json.ptr)
        return NULL;
    snprintf(number, 24, "%lld", (long long)c->last + 1);
    return number;
}

static bool write_one(struct memory *m, const struct dg_write *w, struct undo **undo,
                      struct dg_op *op, struct trouble *t)
{
    char number[24];
    struct document *d = NULL;
    struct collection *c = declared(m, w->collection, t);
    if (!c)
        return false;
    const char *id = id_of(c, w, number);
    if (!id)
        return trouble(t, DG_EINVAL, "%s: the id makes no sense", c->name);
    if (w->json.ptr && !(d = document_new(c, id, w->json, t)))
        return false;
    if (!expected(c, w, id, t)) {
        document_free(d);
        return false;
    }
    if (!collection_put(c, id, d, undo, t))
        return false;
    m->h->item(op, id);
    return true;
}

static void memory_write(void *self, const struct dg_write *list, size_t count, struct dg_op *op)
{
    struct memory *m = self;
    struct trouble t = {DG_OK, ""};
    struct undo *undo = NULL;
    for (size_t i = 0; i < count && !t.err; i++)
        write_one(m, &list[i], &undo, op, &t);
    if (t.err)
        undo_all(&undo);
    undo_forget(&undo);
    finish(m, op, &t);
}

/* ---- Changing, taking --------------------------------------------------------------- */

/* `set` with the store's clock in it; NULL: it makes no sense. */
static json_t *read_set(struct memory *m, const struct collection *c, struct dg_bytes set,
                        struct trouble *t)
{
    json_t *json = json_loadb(set.ptr, set.len, JSON_REJECT_DUPLICATES, NULL);
    const char *name;
    json_t *value;
    bool ok = json_is_object(json);
    json_object_foreach(json, name, value)
    {
        int field = field_find(c, name);
        int64_t time;
        ok = ok && field >= 0;
        if (ok && c->fields[field].type == DG_FIELD_TIME && json_is_string(value) &&
            *json_string_value(value) == '@' && time_of(m, json_string_value(value), &time))
            json_object_set_new(json, name, json_integer(time));
    }
    if (ok)
        return json;
    json_decref(json);
    trouble(t, DG_EINVAL, "%s: what is to be set is no object of declared fields", c->name);
    return NULL;
}

/* The document with `set` in it; `set` NULL removes it. */
static bool change_one(struct collection *c, const char *id, json_t *set, struct undo **undo,
                       struct trouble *t)
{
    if (!set)
        return collection_put(c, id, NULL, undo, t);
    json_t *merged = json_copy(document_find(c, id)->json);
    json_object_update(merged, set);
    char *text = json_dumps(merged, JSON_COMPACT);
    struct document *d = document_new(c, id, (struct dg_bytes){text, strlen(text)}, t);
    free(text);
    json_decref(merged);
    return d && collection_put(c, id, d, undo, t);
}

/* All of these, or none. Their ids stay good: `ids` are copies. */
static void change_found(struct memory *m, const struct found *f, struct dg_bytes set, char **ids,
                         struct trouble *t)
{
    struct collection *c = collection_find(m, f->c->name);
    struct undo *undo = NULL;
    json_t *json = set.ptr ? read_set(m, c, set, t) : NULL;
    for (size_t i = 0; i < f->count; i++)
        ids[i] = get_text(f->docs[i]->id, strlen(f->docs[i]->id));
    for (size_t i = 0; i < f->count && !t->err; i++)
        change_one(c, ids[i], json, &undo, t);
    if (t->err)
        undo_all(&undo);
    undo_forget(&undo);
    json_decref(json);
}

static void ids_free(char **ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(ids[i]);
    free(ids);
}

static void memory_change(void *self, const struct dg_change *req, struct dg_op *op)
{
    struct memory *m = self;
    struct trouble t = {DG_OK, ""};
    struct found f;
    const struct dg_query q = {
        .collection = req->collection, .where = req->where, .where_count = req->where_count};
    if (find(m, &q, &f, &t)) {
        char **ids = get_memory(NULL, (f.count + 1) * sizeof(*ids));
        change_found(m, &f, req->set, ids, &t);
        ids_free(ids, f.count);
    }
    uint64_t changed = f.count;
    m->h->item(op, &changed);
    free(f.docs);
    finish(m, op, &t);
}

static void memory_take(void *self, const struct dg_take *req, struct dg_op *op)
{
    struct memory *m = self;
    struct trouble t = {DG_OK, ""};
    struct found f;
    if (find(m, &req->from, &f, &t)) {
        char **ids = get_memory(NULL, (f.count + 1) * sizeof(*ids));
        change_found(m, &f, req->set, ids, &t);
        for (size_t i = 0; i < f.count && !t.err; i++)
            give(m, op, document_find(f.c, ids[i]));
        ids_free(ids, f.count);
    }
    free(f.docs);
    finish(m, op, &t);
}

/* ---- Counting ------------------------------------------------------------------------- */

static void give_row(struct memory *m, struct dg_op *op, const struct found *f, const int *sums,
                     size_t sum_count, size_t from, size_t to)
{
    char number[24];
    int64_t totals[IDS_FIELDS_MAX] = {0};
    struct value by = {ABSENT, NULL, 0};
    if (f->order_by != FIELD_ID)
        by = value_of(f->c, f->docs[from], f->order_by);
    for (size_t i = from; i < to; i++)
        for (size_t k = 0; k < sum_count; k++)
            totals[k] += value_of(f->c, f->docs[i], sums[k]).number;
    snprintf(number, sizeof(number), "%lld", (long long)by.number);
    if (by.kind == NUMBER && f->c->fields[f->order_by].type == DG_FIELD_BOOL)
        snprintf(number, sizeof(number), "%s", by.number ? "true" : "false");
    const struct dg_tally_row row = {
        DG_SIZED(struct dg_tally_row),
        .value = by.kind == ABSENT ? NULL
                 : by.kind == TEXT ? by.text
                                   : number,
        .count = to - from,
        .sums = totals,
    };
    m->h->item(op, &row);
}

static bool sums_check(const struct found *f, const struct dg_tally *req, int *sums,
                       struct trouble *t)
{
    for (size_t i = 0; i < req->sum_count; i++) {
        sums[i] = i < IDS_FIELDS_MAX ? field_find(f->c, req->sums[i]) : -1;
        if (sums[i] < 0 || f->c->fields[sums[i]].type != DG_FIELD_INT)
            return trouble(t, DG_EINVAL, "%s.%s cannot be summed", f->c->name, req->sums[i]);
    }
    return true;
}

static void memory_tally(void *self, const struct dg_tally *req, struct dg_op *op)
{
    struct memory *m = self;
    struct trouble t = {DG_OK, ""};
    struct found f;
    int sums[IDS_FIELDS_MAX];
    const struct dg_query q = {.collection = req->collection,
                               .where = req->where,
                               .where_count = req->where_count,
                               .order_by = req->by};
    if (find(m, &q, &f, &t) && sums_check(&f, req, sums, &t)) {
        for (size_t from = 0, to; req->by && from < f.count; from = to) {
            struct value first = value_of(f.c, f.docs[from], f.order_by);
            for (to = from + 1; to < f.count; to++)
                if (value_compare(first, value_of(f.c, f.docs[to], f.order_by)) != 0)
                    break;
            give_row(m, op, &f, sums, req->sum_count, from, to);
        }
        if (!req->by)
            give_row(m, op, &f, sums, req->sum_count, 0, f.count);
    }
    free(f.docs);
    finish(m, op, &t);
}

/* ---- The plugin ------------------------------------------------------------------------ */

static void load(void *arg)
{
    saved_load(arg);
}

static void begin_store(struct memory *m);

static void on_loaded(void *arg)
{
    struct memory *m = arg;
    m->loaded = true;
    if (m->closing) {
        begin_store(m); /* closed before it was open */
        return;
    }
    m->h->link(m->h, DG_LINK_UP, m->path ? m->path : "in memory only");
}

static enum dg_err memory_open(const struct dg_host *h, void **self)
{
    struct memory *m = get_memory(NULL, sizeof(*m));
    const char *path = h->cfg_str(h, "path");
    m->h = h;
    m->path = path ? get_text(path, strlen(path)) : NULL;
    h->link(h, DG_LINK_CONNECTING, NULL);
    h->work(h, load, on_loaded, m); /* files are read elsewhere: the loop must not wait */
    *self = m;
    return DG_OK;
}

static void store(void *arg)
{
    saved_store(arg);
}

static void on_stored(void *arg)
{
    struct memory *m = arg;
    const struct dg_host *h = m->h;
    struct dg_op *op = m->closing;
    for (struct collection *c = m->collections, *next; c; c = next) {
        next = c->next;
        collection_free(c);
    }
    free(m->path);
    free(m);
    h->done(op);
}

static void begin_store(struct memory *m)
{
    m->h->work(m->h, store, on_stored, m);
}

static void memory_close(void *self, struct dg_op *op)
{
    struct memory *m = self;
    m->closing = op;
    if (m->loaded)
        begin_store(m);
}

static const struct dg_storage storage = {
    DG_SIZED(struct dg_storage), .declare = memory_declare, .get = memory_get,
    .query = memory_query,       .write = memory_write,     .change = memory_change,
    .take = memory_take,         .tally = memory_tally,
};

DG_PLUGIN(.name = "memory", .version = "1.0", .summary = "documents in memory, for trying things",
          .config = keys, .storage = &storage, .open = memory_open, .close = memory_close);
