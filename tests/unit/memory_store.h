/* memory_store.h - a store in memory behind dialgate/storage.h, and a world around
 * it: loop, plug, store. For tests of what stands above the store.
 *
 * It knows versions and the unique field username; it can be told to fail, and
 * to change a document behind the back of who has read it. (cmocka has a macro
 * named fail, hence the parentheses around the host's.)
 */
#ifndef TESTS_MEMORY_STORE_H
#define TESTS_MEMORY_STORE_H

#include "unit.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/store.h"

struct memory_doc {
    char *collection, *id, *json;
    uint64_t version;
};

struct memory {
    const struct dg_host *host;
    struct memory_doc docs[200];
    size_t count, writes;
    enum dg_err fail_writes;
    void (*before_write)(struct memory *m); /* NULL: nobody interferes */
};

static inline struct memory_doc *memory_find(struct memory *m, const char *collection,
                                             const char *id)
{
    for (size_t i = 0; i < m->count; i++)
        if (str_eq(m->docs[i].collection, collection) && str_eq(m->docs[i].id, id))
            return &m->docs[i];
    return NULL;
}

static inline char *memory_username(const char *json, size_t len)
{
    json_t *parsed = json_parse(json, len, 8, NULL);
    char *name = xstrdup(json_get_str(parsed, "username"));
    json_decref(parsed);
    return name;
}

static inline bool memory_taken(struct memory *m, const struct memory_doc *self,
                                struct dg_bytes json)
{
    bool taken = false;
    char *name = memory_username(json.ptr, json.len);
    for (size_t i = 0; name && i < m->count; i++) {
        char *other = memory_username(m->docs[i].json, strlen(m->docs[i].json));
        taken = taken || (&m->docs[i] != self && str_eq(other, name));
        free(other);
    }
    free(name);
    return taken;
}

static inline struct memory_doc *memory_put(struct memory *m, const char *collection,
                                            const char *id, struct dg_bytes json)
{
    struct memory_doc *doc = id ? memory_find(m, collection, id) : NULL;
    if (!doc) {
        assert_true(m->count < COUNT(m->docs));
        size_t number = 1;
        for (size_t i = 0; i < m->count; i++)
            number += str_eq(m->docs[i].collection, collection);
        doc = &m->docs[m->count++];
        *doc = (struct memory_doc){.collection = xstrdup(collection),
                                   .id = id ? xstrdup(id) : xasprintf("%zu", number)};
    }
    free(doc->json);
    doc->json = xstrndup(json.ptr, json.len);
    doc->version++;
    return doc;
}

static inline void memory_item(struct memory *m, struct dg_op *op, const struct memory_doc *d)
{
    const struct dg_doc doc = {
        DG_SIZED(struct dg_doc), d->id, d->version, {d->json, strlen(d->json)}};
    m->host->item(op, &doc);
}

static inline void memory_declare(void *self, const struct dg_collection *list, size_t count,
                                  struct dg_op *op)
{
    (void)list;
    (void)count;
    ((struct memory *)self)->host->done(op);
}

static inline void memory_get(void *self, const struct dg_key *key, struct dg_op *op)
{
    struct memory *m = self;
    const struct memory_doc *doc = memory_find(m, key->collection, key->id);
    if (!doc) {
        (m->host->fail)(op, DG_ENOTFOUND, "there is none");
        return;
    }
    memory_item(m, op, doc);
    m->host->done(op);
}

static inline void memory_query(void *self, const struct dg_query *query, struct dg_op *op)
{
    struct memory *m = self;
    for (size_t i = 0; i < m->count; i++)
        if (str_eq(m->docs[i].collection, query->collection))
            memory_item(m, op, &m->docs[i]);
    m->host->done(op);
}

static inline bool memory_refuses(struct memory *m, const struct dg_write *w)
{
    struct memory_doc *old = w->id ? memory_find(m, w->collection, w->id) : NULL;
    const uint64_t version = old ? old->version : DG_VERSION_NONE;
    return (w->expect != DG_VERSION_ANY && w->expect != version) || memory_taken(m, old, w->json);
}

static inline void memory_write(void *self, const struct dg_write *list, size_t count,
                                struct dg_op *op)
{
    struct memory *m = self;
    bool refused = false;
    m->writes++;
    if (m->before_write)
        m->before_write(m);
    for (size_t i = 0; i < count; i++)
        refused |= memory_refuses(m, &list[i]);
    if (m->fail_writes || refused) {
        (m->host->fail)(op, m->fail_writes ? m->fail_writes : DG_ECONFLICT, "%s",
                        m->fail_writes ? "the disk is full" : "somebody was faster");
        return;
    }
    for (size_t i = 0; i < count; i++)
        m->host->item(op, memory_put(m, list[i].collection, list[i].id, list[i].json)->id);
    m->host->done(op);
}

static inline void memory_change(void *self, const struct dg_change *req, struct dg_op *op)
{
    (void)req;
    (((struct memory *)self)->host->fail)(op, DG_EUNSUPPORTED, "not in memory");
}

static inline void memory_take(void *self, const struct dg_take *req, struct dg_op *op)
{
    (void)req;
    (((struct memory *)self)->host->fail)(op, DG_EUNSUPPORTED, "not in memory");
}

static inline void memory_tally(void *self, const struct dg_tally *req, struct dg_op *op)
{
    (void)req;
    (((struct memory *)self)->host->fail)(op, DG_EUNSUPPORTED, "not in memory");
}

static inline enum dg_err memory_open(const struct dg_host *h, void **self)
{
    struct memory *m = xcalloc(1, sizeof *m);
    m->host = h;
    *self = m;
    h->link(h, DG_LINK_UP, "in memory");
    return DG_OK;
}

static inline void memory_close(void *self, struct dg_op *op)
{
    struct memory *m = self;
    const struct dg_host *h = m->host;
    for (size_t i = 0; i < m->count; i++) {
        free(m->docs[i].collection);
        free(m->docs[i].id);
        free(m->docs[i].json);
    }
    free(m);
    h->done(op);
}

static const struct dg_storage memory_table = {
    DG_SIZED(struct dg_storage), .declare = memory_declare, .get = memory_get,
    .query = memory_query,       .write = memory_write,     .change = memory_change,
    .take = memory_take,         .tally = memory_tally,
};

static const struct dg_cfg_key memory_keys[] = {{0}};

static const struct dg_plugin memory_plugin = {
    .size = sizeof(struct dg_plugin),
    .abi_major = DG_ABI_MAJOR,
    .abi_minor = DG_ABI_MINOR,
    .name = "memory",
    .version = "1",
    .summary = "a store of the tests",
    .config = memory_keys,
    .storage = &memory_table,
    .open = memory_open,
    .close = memory_close,
};

/* ---- The world ------------------------------------------------------------------ */

struct world {
    struct loop *loop;
    struct metrics *metrics;
    struct plug *plug;
    struct instance *instance;
    struct store *store;
    struct memory *memory;
    bool done; /* what the last wait waits for */
};

static inline void world_late(void *arg)
{
    (void)arg;
    fail_msg("what was waited for did not happen in 30 seconds");
}

/* Turns the loop until `done` is set, which is cleared first. */
static inline void world_wait(struct world *w, bool *done)
{
    struct loop_timer *late = loop_timer(w->loop, 30000, world_late, NULL);
    while (!*done)
        uv_run(loop_uv(w->loop), UV_RUN_ONCE);
    *done = false;
    loop_timer_stop(w->loop, late);
}

static inline void world_done(void *arg)
{
    ((struct world *)arg)->done = true;
}

static inline void world_link(void *arg, struct instance *in, enum dg_link link, const char *detail)
{
    struct world *w = arg;
    (void)in;
    if (w->store)
        store_link(w->store, link, detail);
}

static inline void world_ready(void *arg, const struct op_result *res)
{
    assert_int_equal(res->err, DG_OK);
    world_done(arg);
}

static inline struct settings *world_settings(const struct dg_cfg_key *keys,
                                              const struct toml_node *table)
{
    struct buf problems;
    unsigned count = 0;
    buf_init(&problems, BUF_MAX);
    const struct settings_source source = {
        .file = "test.toml", .problems = &problems, .count = &count};
    struct settings *settings = settings_read(&source, "test", table, keys, NULL);
    if (count)
        fail_msg("%s", buf_cstr(&problems));
    buf_free(&problems);
    return settings;
}

static inline struct world *world_new(void)
{
    struct world *w = xcalloc(1, sizeof *w);
    struct problem problem;
    w->loop = loop_new();
    w->metrics = metrics_new();
    static const char *const folders[] = {NULL};
    w->plug =
        plug_new(&(struct plug_config){.loop = w->loop, .metrics = w->metrics, .folders = folders});
    const struct plug_events events = {.link = world_link, .arg = w};
    assert_true(plug_accept(&memory_plugin, "test", &problem));
    w->instance = instance_open(w->plug, &memory_plugin, "storage",
                                world_settings(memory_keys, NULL), &events, &problem);
    assert_non_null(w->instance);
    w->memory = w->instance->self;
    w->store = store_new(&(struct store_config){.loop = w->loop, .instance = w->instance});
    store_ready(w->store, world_ready, w);
    world_wait(w, &w->done);
    return w;
}

static inline void world_free(struct world *w)
{
    store_free(w->store);
    w->store = NULL;
    instance_close(w->instance, world_done, w);
    world_wait(w, &w->done);
    plug_free(w->plug);
    loop_free(w->loop);
    metrics_free(w->metrics);
    free(w);
}

#endif
