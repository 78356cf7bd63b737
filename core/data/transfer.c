/* transfer.c - export and import; see transfer.h. */
#include "data/transfer.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "data/store_private.h"

#define PAGE       500         /* documents read or written at once */
#define LINE_MOST  (17u << 20) /* bytes of a line */
#define LINE_DEPTH 501

static void forget(struct ask *ask)
{
    if (ask)
        ask->fn = NULL;
}

/* The rest is what the gateways on this store tell one another: it is nothing elsewhere, and a
 * gateway that runs there may have the name of one of these. */
static bool moves(const char *collection)
{
    return !str_eq(collection, COLLECTION_MARKS) && !str_eq(collection, COLLECTION_NODES) &&
           !str_eq(collection, COLLECTION_COMMANDS);
}

/* ---- Going out ---------------------------------------------------------- */

struct store_export {
    struct store *store;
    export_fn *fn;
    void *arg;
    size_t collection;
    char *after; /* the last id seen of the collection; NULL: none yet */
    uint64_t documents;
    struct ask *ask; /* under way */
};

struct store_export *export_new(struct store *s, export_fn *fn, void *arg)
{
    struct store_export *e = xcalloc(1, sizeof(*e));
    *e = (struct store_export){.store = s, .fn = fn, .arg = arg};
    return e;
}

void export_free(struct store_export *e)
{
    if (!e)
        return;
    forget(e->ask);
    free(e->after);
    free(e);
}

static void add_line(struct buf *out, const char *collection, const struct dg_doc *doc)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "collection", collection);
    jw_str(&w, "id", doc->id);
    jw_int(&w, "version", (int64_t)doc->version);
    jw_raw(&w, "doc", doc->json.ptr, doc->json.len);
    jw_end(&w);
    buf_addc(out, '\n');
}

static void set_after(struct store_export *e, const char *id)
{
    char *copy = xstrdup(id);
    free(e->after);
    e->after = copy;
}

static bool next_collection(struct store_export *e)
{
    do
        e->collection++;
    while (e->collection < collection_count && !moves(collections[e->collection].name));
    return e->collection < collection_count;
}

static void on_page(void *arg, const struct op_result *res)
{
    struct store_export *e = arg;
    e->ask = NULL;
    if (res->err == DG_OK && res->count == 0) {
        set_after(e, NULL);
        if (next_collection(e)) {
            export_next(e);
            return;
        }
    }
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    for (size_t i = 0; i < res->count; i++)
        add_line(&out, collections[e->collection].name, res->items[i]);
    if (res->count)
        set_after(e, ((const struct dg_doc *)res->items[res->count - 1])->id);
    e->documents += res->count;
    struct export_page page = {.err = res->err,
                               .message = res->message,
                               .lines = {buf_cstr(&out), out.len},
                               .documents = e->documents};
    e->fn(e->arg, &page); /* may free e */
    buf_free(&out);
}

void export_next(struct store_export *e)
{
    struct store *s = e->store;
    if (e->ask || e->collection == collection_count)
        return;
    if (!s->in) {
        e->ask = ask_later(s, on_page, e, DG_EUNAVAILABLE, STORE_DISABLED_TEXT);
        return;
    }
    struct dg_where after = {.field = "id", .compare = DG_GT, .value = e->after};
    struct dg_query query = {.collection = collections[e->collection].name,
                             .where = &after,
                             .where_count = e->after ? 1 : 0,
                             .limit = PAGE};
    e->ask = ask_new(s, false, on_page, e);
    storage_query(s->in, &query, ask_ended, e->ask);
}

/* ---- Coming in ---------------------------------------------------------- */

struct store_import {
    struct store *store;
    import_fn *fn;
    void *arg;
    struct buf bytes; /* not yet read */
    struct store_batch batch;
    uint64_t line, documents;
    bool ending;
    struct problem problem;
    struct ask *ask; /* under way */
};

struct store_import *import_new(struct store *s, import_fn *fn, void *arg)
{
    struct store_import *im = xcalloc(1, sizeof(*im));
    *im = (struct store_import){.store = s, .fn = fn, .arg = arg};
    buf_init(&im->bytes, SIZE_MAX / 2);
    store_batch_init(&im->batch);
    return im;
}

void import_free(struct store_import *im)
{
    if (!im)
        return;
    forget(im->ask);
    buf_free(&im->bytes);
    store_batch_free(&im->batch);
    free(im);
}

static void on_told(void *arg, const struct op_result *res)
{
    struct store_import *im = arg;
    (void)res;
    im->ask = NULL;
    struct import_state state = {.err = im->problem.err,
                                 .message = im->problem.err ? im->problem.text : NULL,
                                 .documents = im->documents};
    im->fn(im->arg, &state); /* may free im */
}

static enum dg_err bad_line(struct store_import *im, const char *why)
{
    return problem_set(&im->problem, DG_EINVAL, "line %llu: %s", (unsigned long long)im->line, why);
}

static enum dg_err add_document(struct store_import *im, const char *line, size_t len)
{
    char why[JSON_WHY_SIZE];
    im->line++;
    if (strspn(line, " \t\r") >= len)
        return DG_OK;
    json_t *json = json_parse(line, len, LINE_DEPTH, why);
    const char *collection = json_get_str(json, "collection"), *id = json_get_str(json, "id");
    const json_t *doc = json_object_get(json, "doc");
    enum dg_err err = DG_OK;
    if (!json)
        err = bad_line(im, why);
    else if (!collection || !collection_find(collection))
        err = bad_line(im, "\"collection\" names none that is known here");
    else if (!id || !*id || !json_is_object(doc))
        err = bad_line(im, "\"id\" must be text and \"doc\" an object");
    else if (moves(collection))
        store_batch_put_json(&im->batch, collection, id, doc, DG_VERSION_ANY);
    json_decref(json);
    return err;
}

static void proceed(struct store_import *im);

static void on_written(void *arg, const struct op_result *res)
{
    struct store_import *im = arg;
    im->ask = NULL;
    if (res->err != DG_OK)
        problem_set(&im->problem, res->err, "the documents up to line %llu: %s",
                    (unsigned long long)im->line, res->message);
    else
        im->documents += res->count;
    store_batch_init(&im->batch);
    proceed(im);
}

static void write_batch(struct store_import *im)
{
    struct store *s = im->store;
    if (s->in) {
        im->ask = ask_new(s, true, on_written, im);
        storage_write(s->in, im->batch.list, im->batch.count, ask_ended, im->ask);
    } else {
        im->ask = ask_later(s, on_written, im, DG_EUNAVAILABLE, STORE_DISABLED_TEXT);
    }
    store_batch_free(&im->batch);
}

/* Lines into the batch until it is full, or there is none left. */
static void read_lines(struct store_import *im)
{
    size_t at = 0;
    while (im->batch.count < PAGE && at < im->bytes.len && im->problem.err == DG_OK) {
        const char *line = im->bytes.ptr + at;
        const char *newline = memchr(line, '\n', im->bytes.len - at);
        if (!newline && !im->ending) {
            if (im->bytes.len - at > LINE_MOST)
                bad_line(im, "longer than 17 MiB");
            break;
        }
        size_t len = newline ? (size_t)(newline - line) : im->bytes.len - at;
        add_document(im, line, len);
        at += len + (newline != NULL);
    }
    buf_consume(&im->bytes, at);
}

static void proceed(struct store_import *im)
{
    if (im->problem.err == DG_OK)
        read_lines(im);
    if (im->problem.err == DG_OK && (im->batch.count >= PAGE || (im->ending && im->batch.count)))
        write_batch(im);
    else
        im->ask = ask_later(im->store, on_told, im, DG_OK, NULL);
}

void import_bytes(struct store_import *im, struct dg_bytes bytes)
{
    if (im->problem.err == DG_OK)
        buf_add(&im->bytes, bytes.ptr, bytes.len);
    proceed(im);
}

void import_end(struct store_import *im)
{
    im->ending = true;
    proceed(im);
}
