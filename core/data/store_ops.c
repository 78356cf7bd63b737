/* store_ops.c - reading and writing, as far as it is handing on; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "data/store_private.h"

#define DOC_DEPTH 500

/* ---- Handing on --------------------------------------------------------- */

void store_get(struct store *s, const char *collection, const char *id, op_fn *fn, void *arg)
{
    struct dg_key key = {.collection = collection, .id = id};
    if (!ask_refused(s, fn, arg))
        storage_get(s->in, &key, ask_ended, ask_new(s, false, fn, arg));
}

void store_query(struct store *s, const struct dg_query *query, op_fn *fn, void *arg)
{
    if (!ask_refused(s, fn, arg))
        storage_query(s->in, query, ask_ended, ask_new(s, false, fn, arg));
}

void store_tally(struct store *s, const struct dg_tally *req, op_fn *fn, void *arg)
{
    if (!ask_refused(s, fn, arg))
        storage_tally(s->in, req, ask_ended, ask_new(s, false, fn, arg));
}

void store_change(struct store *s, const struct dg_change *req, op_fn *fn, void *arg)
{
    if (!ask_refused(s, fn, arg))
        storage_change(s->in, req, ask_ended, ask_new(s, true, fn, arg));
}

void store_take(struct store *s, const struct dg_take *req, op_fn *fn, void *arg)
{
    if (!ask_refused(s, fn, arg))
        storage_take(s->in, req, ask_ended, ask_new(s, true, fn, arg));
}

bool store_passes_notes(const struct store *s)
{
    return s->in && storage_passes_notes(s->in);
}

void store_notify(struct store *s, const struct dg_note *note, op_fn *fn, void *arg)
{
    if (!ask_refused(s, fn, arg))
        storage_notify(s->in, note, ask_ended, ask_new(s, false, fn, arg));
}

/* ---- Documents, parsed -------------------------------------------------- */

struct doc_ask {
    store_doc_fn *fn;
    void *arg;
};

static void on_doc(void *arg, const struct op_result *res)
{
    const struct doc_ask *a = arg;
    const struct dg_doc *doc = res->err == DG_OK ? op_first(res, struct dg_doc) : NULL;
    struct store_doc out = {.err = res->err, .message = res->message};
    char why[JSON_WHY_SIZE];
    if (doc) {
        out.id = doc->id;
        out.version = doc->version;
        out.json = json_parse(doc->json.ptr, doc->json.len, DOC_DEPTH, why);
        if (!json_is_object(out.json)) {
            out.err = DG_EINTERNAL;
            out.message = out.json ? "the document is not an object" : why;
        }
    } else if (res->err == DG_OK) {
        out.err = DG_ENOTFOUND;
        out.message = "no such document";
    }
    a->fn(a->arg, &out);
    json_decref(out.json);
}

/* The ask to hand on, or NULL: the store is disabled, and that is being answered. */
static struct ask *doc_ask(struct store *s, store_doc_fn *fn, void *arg)
{
    struct doc_ask *a = xcalloc(1, sizeof(*a));
    *a = (struct doc_ask){.fn = fn, .arg = arg};
    struct ask *ask = s->in ? ask_new(s, false, on_doc, a)
                            : ask_later(s, on_doc, a, DG_EUNAVAILABLE, STORE_DISABLED_TEXT);
    ask->owned = a;
    return s->in ? ask : NULL;
}

void store_get_json(struct store *s, const char *collection, const char *id, store_doc_fn *fn,
                    void *arg)
{
    struct dg_key key = {.collection = collection, .id = id};
    struct ask *ask = doc_ask(s, fn, arg);
    if (ask)
        storage_get(s->in, &key, ask_ended, ask);
}

void store_find_json(struct store *s, const char *collection, const char *field, const char *value,
                     store_doc_fn *fn, void *arg)
{
    struct dg_where where = {.field = field, .compare = DG_EQ, .value = value};
    struct dg_query query = {
        .collection = collection, .where = &where, .where_count = 1, .limit = 1};
    struct ask *ask = doc_ask(s, fn, arg);
    if (ask)
        storage_query(s->in, &query, ask_ended, ask);
}

/* ---- Batches ------------------------------------------------------------ */

void store_batch_init(struct store_batch *b)
{
    *b = (struct store_batch){.arena = arena_new()};
}

void store_batch_free(struct store_batch *b)
{
    arena_free(b->arena);
    *b = (struct store_batch){0};
}

static void batch_add(struct store_batch *b, const char *collection, const char *id,
                      struct dg_bytes json, uint64_t expect)
{
    if (b->count == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 4;
        struct dg_write *grown = arena_alloc(b->arena, b->cap * sizeof(*grown));
        for (size_t i = 0; i < b->count; i++)
            grown[i] = b->list[i];
        b->list = grown;
    }
    b->list[b->count++] = (struct dg_write){.collection = arena_strdup(b->arena, collection),
                                            .id = arena_strdup(b->arena, id),
                                            .json = json,
                                            .expect = expect};
}

void store_batch_put(struct store_batch *b, const char *collection, const char *id,
                     struct dg_bytes json, uint64_t expect)
{
    json.ptr = arena_dup(b->arena, json.ptr, json.len);
    batch_add(b, collection, id, json, expect);
}

void store_batch_put_json(struct store_batch *b, const char *collection, const char *id,
                          const json_t *json, uint64_t expect)
{
    size_t len = json_dumpb(json, NULL, 0, JSON_COMPACT);
    char *text = arena_alloc(b->arena, len + 1);
    json_dumpb(json, text, len, JSON_COMPACT);
    batch_add(b, collection, id, (struct dg_bytes){text, len}, expect);
}

void store_batch_delete(struct store_batch *b, const char *collection, const char *id,
                        uint64_t expect)
{
    batch_add(b, collection, id, (struct dg_bytes){0}, expect);
}

void store_write(struct store *s, struct store_batch *b, op_fn *fn, void *arg)
{
    if (!ask_refused(s, fn, arg))
        storage_write(s->in, b->list, b->count, ask_ended, ask_new(s, true, fn, arg));
    store_batch_free(b);
}

static void write_one(struct store *s, const struct dg_write *write, op_fn *fn, void *arg)
{
    if (!ask_refused(s, fn, arg))
        storage_write(s->in, write, 1, ask_ended, ask_new(s, true, fn, arg));
}

void store_put(struct store *s, const char *collection, const char *id, struct dg_bytes json,
               uint64_t expect, op_fn *fn, void *arg)
{
    write_one(
        s, &(struct dg_write){.collection = collection, .id = id, .json = json, .expect = expect},
        fn, arg);
}

void store_put_json(struct store *s, const char *collection, const char *id, const json_t *json,
                    uint64_t expect, op_fn *fn, void *arg)
{
    char *text = json_dumps(json, JSON_COMPACT);
    store_put(s, collection, id, (struct dg_bytes){text, strlen(text)}, expect, fn, arg);
    free(text);
}

void store_delete(struct store *s, const char *collection, const char *id, uint64_t expect,
                  op_fn *fn, void *arg)
{
    write_one(s, &(struct dg_write){.collection = collection, .id = id, .expect = expect}, fn, arg);
}
