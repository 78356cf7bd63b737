/* memory_store.h - a store in memory behind dialgate/storage.h, and a world around
 * it: loop, plug, store. For tests of what stands above the store.
 *
 * It knows versions and the unique field username, searches, takes and changes
 * as documented; it can be told to fail, and to change a document behind the
 * back of who has read it. (cmocka has a macro named fail, hence the parentheses
 * around the host's.)
 */
#ifndef TESTS_MEMORY_STORE_H
#define TESTS_MEMORY_STORE_H

#include <inttypes.h>

#include "unit.h"

#include "base/clock.h"
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
    struct memory_doc docs[2000];
    size_t count, writes;
    enum dg_err fail_writes, fail_reads;
    bool lose_answers;                      /* what is written is written, but nobody is told */
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

/* What follows the largest id of the collection. */
static inline int64_t memory_serial(const struct memory *m, const char *collection)
{
    int64_t last = 0, id;
    for (size_t i = 0; i < m->count; i++)
        if (str_eq(m->docs[i].collection, collection) && str_to_int(m->docs[i].id, &id) &&
            id > last)
            last = id;
    return last + 1;
}

static inline struct memory_doc *memory_put(struct memory *m, const char *collection,
                                            const char *id, struct dg_bytes json)
{
    struct memory_doc *doc = id ? memory_find(m, collection, id) : NULL;
    if (!doc) {
        assert_true(m->count < COUNT(m->docs));
        int64_t serial = id ? 0 : memory_serial(m, collection);
        doc = &m->docs[m->count++];
        *doc = (struct memory_doc){.collection = xstrdup(collection),
                                   .id = id ? xstrdup(id) : xasprintf("%" PRId64, serial)};
    }
    free(doc->json);
    doc->json = xstrndup(json.ptr, json.len);
    doc->version++;
    return doc;
}

static inline void memory_remove(struct memory *m, struct memory_doc *d)
{
    free(d->collection);
    free(d->id);
    free(d->json);
    *d = m->docs[--m->count];
}

static inline const char *memory_delete(struct memory *m, const char *collection, const char *id,
                                        char name[40])
{
    struct memory_doc *doc = memory_find(m, collection, id);
    snprintf(name, 40, "%s", id);
    if (doc)
        memory_remove(m, doc);
    return name;
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
    if (m->fail_reads) {
        (m->host->fail)(op, m->fail_reads, "not to be read");
        return;
    }
    if (!doc) {
        (m->host->fail)(op, DG_ENOTFOUND, "there is none");
        return;
    }
    memory_item(m, op, doc);
    m->host->done(op);
}

/* ---- Searching ------------------------------------------------------------------- */

/* "1700000000000", "@now", "@now+30000" */
static inline int64_t memory_int(const char *value)
{
    if (str_starts(value, "@now"))
        return clock_unix_ms() + strtoll(value[4] ? value + 4 : "0", NULL, 10);
    return strtoll(value, NULL, 10);
}

static inline int memory_rank(const json_t *member, const char *value)
{
    if (json_is_string(member))
        return strcmp(json_string_value(member), value);
    if (json_is_boolean(member))
        return (int)json_is_true(member) - (int)str_eq(value, "true");
    const int64_t is = json_integer_value(member), wanted = memory_int(value);
    return is < wanted ? -1 : is > wanted;
}

static inline bool memory_in(const json_t *member, const char *list)
{
    json_t *values = json_parse(list, strlen(list), 4, NULL), *value;
    size_t i;
    bool found = false;
    json_array_foreach(values, i, value) found |=
        memory_rank(member, json_string_value(value)) == 0;
    json_decref(values);
    return found;
}

static inline bool memory_compare(const json_t *member, const struct dg_where *w)
{
    if (w->compare == DG_IS_NULL)
        return (!member || json_is_null(member)) != str_eq(w->value, "false");
    if (!member || json_is_null(member))
        return false;
    const int order = w->compare == DG_IN ? 0 : memory_rank(member, w->value);
    switch (w->compare) {
    case DG_EQ:
        return order == 0;
    case DG_NE:
        return order != 0;
    case DG_LT:
        return order < 0;
    case DG_LE:
        return order <= 0;
    case DG_GT:
        return order > 0;
    case DG_GE:
        return order >= 0;
    case DG_IN:
        return memory_in(member, w->value);
    default:
        fail_msg("the memory store has no comparison %d", (int)w->compare);
        return false;
    }
}

/* An id is a number where it looks like one, as those of serial collections are. */
static inline json_t *memory_member(const struct memory_doc *d, const json_t *json,
                                    const char *field)
{
    if (!str_eq(field, "id"))
        return json_incref(json_object_get(json, field));
    return str_only(d->id, "0123456789") ? json_integer(strtoll(d->id, NULL, 10))
                                         : json_string(d->id);
}

static inline bool memory_matches(const struct memory_doc *d, const char *collection,
                                  const struct dg_where *where, size_t count)
{
    unsigned open = 0, met = 0; /* groups of alternatives, by bit */
    if (!d->json || !str_eq(d->collection, collection))
        return false;
    json_t *json = json_parse(d->json, strlen(d->json), 16, NULL);
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        json_t *member = memory_member(d, json, where[i].field);
        const bool holds = memory_compare(member, &where[i]);
        open |= where[i].group ? 1u << where[i].group : 0;
        met |= where[i].group && holds ? 1u << where[i].group : 0;
        all &= holds || where[i].group;
        json_decref(member);
    }
    json_decref(json);
    return all && open == met;
}

/* By `order_by`, then by id; NULL last. */
static inline int memory_before(const struct memory_doc *a, const struct memory_doc *b,
                                const char *order_by)
{
    const struct memory_doc *docs[] = {a, b};
    json_t *json[2], *member[2];
    int order = 0;
    for (size_t i = 0; i < 2; i++) {
        json[i] = json_parse(docs[i]->json, strlen(docs[i]->json), 16, NULL);
        member[i] = memory_member(docs[i], json[i], order_by);
    }
    if (!member[0] || json_is_null(member[0]) || !member[1] || json_is_null(member[1]))
        order = (!member[0] || json_is_null(member[0])) - (!member[1] || json_is_null(member[1]));
    else if (json_is_string(member[0]))
        order = strcmp(json_string_value(member[0]), json_string_value(member[1]));
    else
        order = json_integer_value(member[0]) < json_integer_value(member[1])
                    ? -1
                    : json_integer_value(member[0]) > json_integer_value(member[1]);
    for (size_t i = 0; i < 2; i++) {
        json_decref(member[i]);
        json_decref(json[i]);
    }
    return order || str_eq(order_by, "id") ? order : memory_before(a, b, "id");
}

/* What matches, in order; gives how many. */
static inline size_t memory_select(struct memory *m, const struct dg_query *q,
                                   struct memory_doc **out)
{
    const char *by = q->order_by ? q->order_by : "id";
    size_t count = 0;
    for (size_t i = 0; i < m->count; i++) {
        struct memory_doc *d = &m->docs[i];
        if (!memory_matches(d, q->collection, q->where, q->where_count))
            continue;
        size_t at = count++;
        for (; at && (memory_before(d, out[at - 1], by) < 0) != q->descending; at--)
            out[at] = out[at - 1];
        out[at] = d;
    }
    const size_t skipped = q->offset < count ? q->offset : count;
    count -= skipped;
    memmove(out, out + skipped, count * sizeof(*out));
    return q->limit && q->limit < count ? q->limit : count;
}

static inline void memory_query(void *self, const struct dg_query *query, struct dg_op *op)
{
    struct memory *m = self;
    struct memory_doc *found[COUNT(m->docs)];
    const size_t count = memory_select(m, query, found);
    for (size_t i = 0; i < count; i++)
        memory_item(m, op, found[i]);
    m->host->done(op);
}

static inline bool memory_refuses(struct memory *m, const struct dg_write *w)
{
    struct memory_doc *old = w->id ? memory_find(m, w->collection, w->id) : NULL;
    const uint64_t version = old ? old->version : DG_VERSION_NONE;
    return (w->expect != DG_VERSION_ANY && w->expect != version) ||
           (w->json.ptr && memory_taken(m, old, w->json));
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
    for (size_t i = 0; i < count; i++) {
        const struct dg_write *w = &list[i];
        char name[40];
        m->host->item(op, w->json.ptr ? memory_put(m, w->collection, w->id, w->json)->id
                                      : memory_delete(m, w->collection, w->id, name));
    }
    if (m->lose_answers)
        (m->host->fail)(op, DG_ETIMEOUT, "no answer");
    else
        m->host->done(op);
}

/* The members of `set` replace those of the document. */
static inline void memory_merge(struct memory_doc *d, struct dg_bytes set)
{
    json_t *json = json_parse(d->json, strlen(d->json), 16, NULL), *value;
    json_t *changes = json_parse(set.ptr, set.len, 16, NULL);
    const char *name;
    json_object_foreach(changes, name, value)
    {
        const char *text = json_string_value(value);
        json_object_set_new(json, name,
                            text && str_starts(text, "@now") ? json_integer(memory_int(text))
                                                             : json_incref(value));
    }
    free(d->json);
    d->json = json_dumps(json, JSON_COMPACT);
    d->version++;
    json_decref(changes);
    json_decref(json);
}

static inline bool memory_fails(struct memory *m, struct dg_op *op)
{
    m->writes++;
    if (m->before_write)
        m->before_write(m);
    if (m->fail_writes)
        (m->host->fail)(op, m->fail_writes, "the disk is full");
    return m->fail_writes != DG_OK;
}

static inline void memory_change(void *self, const struct dg_change *req, struct dg_op *op)
{
    struct memory *m = self;
    uint64_t changed = 0;
    if (memory_fails(m, op))
        return;
    for (size_t i = m->count; i-- > 0;) {
        if (!memory_matches(&m->docs[i], req->collection, req->where, req->where_count))
            continue;
        changed++;
        if (req->set.ptr)
            memory_merge(&m->docs[i], req->set);
        else
            memory_remove(m, &m->docs[i]);
    }
    m->host->item(op, &changed);
    m->host->done(op);
}

static inline void memory_take(void *self, const struct dg_take *req, struct dg_op *op)
{
    struct memory *m = self;
    struct memory_doc *found[COUNT(m->docs)];
    if (memory_fails(m, op))
        return;
    const size_t count = memory_select(m, &req->from, found);
    for (size_t i = 0; i < count; i++) {
        memory_merge(found[i], req->set);
        memory_item(m, op, found[i]);
    }
    m->host->done(op);
}

static inline char *memory_value(const struct memory_doc *d, const char *field)
{
    json_t *json = json_parse(d->json, strlen(d->json), 16, NULL);
    const json_t *member = field ? json_object_get(json, field) : NULL;
    char *value = json_is_integer(member) ? xasprintf("%lld", (long long)json_integer_value(member))
                                          : xstrdup(json_string_value(member));
    json_decref(json);
    return value;
}

/* One row per value, or one in all; without sums. */
static inline void memory_tally(void *self, const struct dg_tally *req, struct dg_op *op)
{
    struct memory *m = self;
    struct memory_doc *found[COUNT(m->docs)];
    const struct dg_query all = {.collection = req->collection,
                                 .where = req->where,
                                 .where_count = req->where_count,
                                 .order_by = req->by};
    const size_t count = memory_select(m, &all, found);
    struct dg_tally_row row = {DG_SIZED(struct dg_tally_row)};
    char *last = NULL;
    assert_int_equal(req->sum_count, 0);
    for (size_t i = 0; i < count; i++) {
        char *value = memory_value(found[i], req->by);
        if (row.count && !str_eq(value, last)) {
            m->host->item(op, &row);
            row.count = 0;
        }
        free(last);
        row.value = last = value;
        row.count++;
    }
    if (row.count || !req->by)
        m->host->item(op, &row);
    free(last);
    m->host->done(op);
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
