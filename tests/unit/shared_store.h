/* shared_store.h - one store in memory that several gateways of a test share, each through an
 * instance of its own: conditions, take, change, notes, the store's clock. For tests of what they
 * do for each other; memory_store.h has the world around a single one. */
#ifndef TESTS_SHARED_STORE_H
#define TESTS_SHARED_STORE_H

#include "memory_store.h"

#include "base/clock.h"
#include "data/notes.h"
#include "domain/nodes.h"

#define SHARED_DOCS  400
#define SHARED_PEERS 4
#define SHARED_HELD  200

struct shared_doc {
    char *collection, *id;
    json_t *json;
    uint64_t version;
};

struct shared_instance {
    const struct dg_host *host;
    bool cut; /* its requests are not answered */
    struct dg_op *held[SHARED_HELD];
    size_t held_count;
};

static struct shared {
    struct shared_doc docs[SHARED_DOCS];
    size_t count;
    struct shared_instance *instances[SHARED_PEERS];
    bool deaf; /* notes are lost */
} shared;

/* ---- Documents ------------------------------------------------------------------ */

static inline struct shared_doc *shared_find(const char *collection, const char *id)
{
    for (size_t i = 0; i < shared.count; i++)
        if (str_eq(shared.docs[i].collection, collection) && str_eq(shared.docs[i].id, id))
            return &shared.docs[i];
    return NULL;
}

static inline void shared_drop(struct shared_doc *d)
{
    free(d->collection);
    free(d->id);
    json_decref(d->json);
    *d = shared.docs[--shared.count];
}

static inline void shared_put(const char *collection, const char *id, json_t *json)
{
    struct shared_doc *d = shared_find(collection, id);
    if (!d) {
        assert_true(shared.count < SHARED_DOCS);
        d = &shared.docs[shared.count++];
        *d = (struct shared_doc){.collection = xstrdup(collection), .id = xstrdup(id)};
    }
    json_decref(d->json);
    d->json = json;
    d->version++;
}

static inline const char *shared_text(const char *collection, const char *id, const char *key)
{
    const struct shared_doc *d = shared_find(collection, id);
    return d ? json_get_str(d->json, key) : NULL;
}

/* "@now-500" and numbers as numbers. */
static inline int64_t shared_number(const char *text)
{
    if (strncmp(text, "@now", 4) != 0)
        return strtoll(text, NULL, 10);
    return clock_unix_ms() + strtoll(text + 4, NULL, 10);
}

static inline int shared_compare(const json_t *value, const char *with)
{
    if (json_is_string(value))
        return strcmp(json_string_value(value), with);
    if (json_is_boolean(value))
        return (int)json_is_true(value) - (int)str_eq(with, "true");
    int64_t a = json_integer_value(value), b = shared_number(with);
    return a < b ? -1 : a > b;
}

static inline bool shared_in(const json_t *value, const char *list)
{
    json_t *all = json_parse(list, strlen(list), 4, NULL), *one;
    bool found = false;
    size_t i;
    json_array_foreach(all, i, one) found |= json_equal(value, one) != 0;
    json_decref(all);
    return found;
}

static inline bool shared_holds(const struct shared_doc *d, const struct dg_where *w)
{
    json_t *id = json_string(d->id);
    const json_t *value = str_eq(w->field, "id") ? id : json_object_get(d->json, w->field);
    int order = value && w->compare != DG_IN ? shared_compare(value, w->value) : 0;
    bool holds = false;
    assert_int_equal(w->group, 0);
    if (value && !json_is_null(value)) {
        switch (w->compare) {
        case DG_EQ:
            holds = order == 0;
            break;
        case DG_LT:
            holds = order < 0;
            break;
        case DG_LE:
            holds = order <= 0;
            break;
        case DG_GT:
            holds = order > 0;
            break;
        case DG_IN:
            holds = shared_in(value, w->value);
            break;
        default:
            fail_msg("comparison %d is not known here", w->compare);
        }
    }
    json_decref(id);
    return holds;
}

static inline bool shared_matches(const struct shared_doc *d, const char *collection,
                                  const struct dg_where *where, size_t count)
{
    if (!str_eq(d->collection, collection))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!shared_holds(d, &where[i]))
            return false;
    return true;
}

static inline void shared_merge(struct shared_doc *d, struct dg_bytes set)
{
    json_t *members = json_parse(set.ptr, set.len, 8, NULL), *value;
    const char *key;
    assert_non_null(members);
    json_object_foreach(members, key, value)
    {
        const char *text = json_string_value(value);
        bool time = text && strncmp(text, "@now", 4) == 0;
        json_object_set_new(d->json, key,
                            time ? json_integer(shared_number(text)) : json_incref(value));
    }
    json_decref(members);
    d->version++;
}

/* ---- The functions ---------------------------------------------------------------- */

static inline bool shared_cut(struct shared_instance *in, struct dg_op *op)
{
    if (!in->cut)
        return false;
    assert_true(in->held_count < SHARED_HELD);
    in->held[in->held_count++] = op;
    return true;
}

/* The link is cut, or there again: what was asked meanwhile fails. */
static inline void shared_cut_off(struct shared_instance *in, bool cut)
{
    in->cut = cut;
    for (size_t i = 0; !cut && i < in->held_count; i++)
        (in->host->fail)(in->held[i], DG_EUNAVAILABLE, "the connection was lost");
    in->held_count = cut ? in->held_count : 0;
}

static inline void shared_give(struct shared_instance *in, struct dg_op *op,
                               const struct shared_doc *d)
{
    char *text = json_dumps(d->json, JSON_COMPACT);
    const struct dg_doc doc = {DG_SIZED(struct dg_doc), d->id, d->version, {text, strlen(text)}};
    in->host->item(op, &doc);
    free(text);
}

static inline void shared_declare(void *self, const struct dg_collection *list, size_t count,
                                  struct dg_op *op)
{
    (void)list;
    (void)count;
    ((struct shared_instance *)self)->host->done(op);
}

static inline void shared_get(void *self, const struct dg_key *key, struct dg_op *op)
{
    struct shared_instance *in = self;
    const struct shared_doc *d = shared_find(key->collection, key->id);
    if (shared_cut(in, op))
        return;
    if (!d) {
        (in->host->fail)(op, DG_ENOTFOUND, "there is none");
        return;
    }
    shared_give(in, op, d);
    in->host->done(op);
}

/* By a field of numbers. */
static inline void shared_sort(const struct shared_doc **list, size_t count,
                               const struct dg_query *q)
{
    for (size_t i = 1; i < count; i++) {
        for (size_t n = i; n > 0; n--) {
            int64_t a = json_get_int(list[n - 1]->json, q->order_by, 0);
            int64_t b = json_get_int(list[n]->json, q->order_by, 0);
            if (q->descending ? a >= b : a <= b)
                break;
            const struct shared_doc *moved = list[n];
            list[n] = list[n - 1];
            list[n - 1] = moved;
        }
    }
}

static inline void shared_query(void *self, const struct dg_query *q, struct dg_op *op)
{
    struct shared_instance *in = self;
    if (shared_cut(in, op))
        return;
    const struct shared_doc *found[SHARED_DOCS];
    size_t count = 0;
    for (size_t i = 0; i < shared.count; i++)
        if (shared_matches(&shared.docs[i], q->collection, q->where, q->where_count))
            found[count++] = &shared.docs[i];
    if (q->order_by)
        shared_sort(found, count, q);
    for (size_t i = 0; i < count && (!q->limit || i < q->limit); i++)
        shared_give(in, op, found[i]);
    in->host->done(op);
}

static inline bool shared_refuses(const struct dg_write *w)
{
    const struct shared_doc *d = shared_find(w->collection, w->id);
    return w->expect != DG_VERSION_ANY && w->expect != (d ? d->version : DG_VERSION_NONE);
}

static inline void shared_write(void *self, const struct dg_write *list, size_t count,
                                struct dg_op *op)
{
    struct shared_instance *in = self;
    if (shared_cut(in, op))
        return;
    for (size_t i = 0; i < count; i++)
        if (shared_refuses(&list[i])) {
            (in->host->fail)(op, DG_ECONFLICT, "somebody was faster");
            return;
        }
    for (size_t i = 0; i < count; i++) {
        struct shared_doc *d = shared_find(list[i].collection, list[i].id);
        in->host->item(op, list[i].id);
        if (list[i].json.ptr)
            shared_put(list[i].collection, list[i].id,
                       json_parse(list[i].json.ptr, list[i].json.len, 20, NULL));
        else if (d)
            shared_drop(d);
    }
    in->host->done(op);
}

static inline void shared_change(void *self, const struct dg_change *req, struct dg_op *op)
{
    struct shared_instance *in = self;
    uint64_t changed = 0;
    if (shared_cut(in, op))
        return;
    for (size_t i = 0; i < shared.count;) {
        struct shared_doc *d = &shared.docs[i];
        bool hit = shared_matches(d, req->collection, req->where, req->where_count);
        changed += hit;
        if (hit && req->set.ptr)
            shared_merge(d, req->set);
        if (hit && !req->set.ptr)
            shared_drop(d);
        else
            i++;
    }
    in->host->item(op, &changed);
    in->host->done(op);
}

static inline void shared_take(void *self, const struct dg_take *req, struct dg_op *op)
{
    struct shared_instance *in = self;
    uint64_t taken = 0;
    if (shared_cut(in, op))
        return;
    for (size_t i = 0; i < shared.count && (!req->from.limit || taken < req->from.limit); i++) {
        struct shared_doc *d = &shared.docs[i];
        if (!shared_matches(d, req->from.collection, req->from.where, req->from.where_count))
            continue;
        shared_merge(d, req->set);
        shared_give(in, op, d);
        taken++;
    }
    in->host->done(op);
}

static inline void shared_notify(void *self, const struct dg_note *note, struct dg_op *op)
{
    struct shared_instance *in = self;
    if (shared_cut(in, op))
        return;
    for (size_t i = 0; i < SHARED_PEERS; i++)
        if (shared.instances[i] && shared.instances[i] != in && !shared.instances[i]->cut &&
            !shared.deaf)
            shared.instances[i]->host->noted(shared.instances[i]->host, note);
    in->host->done(op);
}

static inline enum dg_err shared_open(const struct dg_host *h, void **self)
{
    struct shared_instance *in = xcalloc(1, sizeof *in);
    size_t i = 0;
    in->host = h;
    *self = in;
    while (shared.instances[i])
        assert_true(++i < SHARED_PEERS);
    shared.instances[i] = in;
    h->link(h, DG_LINK_UP, "shared");
    return DG_OK;
}

static inline void shared_close(void *self, struct dg_op *op)
{
    struct shared_instance *in = self;
    const struct dg_host *h = in->host;
    for (size_t i = 0; i < SHARED_PEERS; i++)
        if (shared.instances[i] == in)
            shared.instances[i] = NULL;
    free(in);
    h->done(op);
}

static const struct dg_storage shared_table = {
    DG_SIZED(struct dg_storage), .declare = shared_declare, .get = shared_get,
    .query = shared_query,       .write = shared_write,     .change = shared_change,
    .take = shared_take,         .tally = memory_tally,     .notify = shared_notify,
};

static const struct dg_plugin shared_plugin = {
    .size = sizeof(struct dg_plugin),
    .abi_major = DG_ABI_MAJOR,
    .abi_minor = DG_ABI_MINOR,
    .name = "shared",
    .version = "1",
    .summary = "a store that gateways share",
    .config = memory_keys,
    .storage = &shared_table,
    .open = shared_open,
    .close = shared_close,
};

/* ---- One gateway ------------------------------------------------------------------- */

struct peer {
    struct loop *loop; /* everybody's */
    struct plug *plug;
    struct instance *instance;
    struct shared_instance *link;
    struct store *store;
    struct notes *notes;
    struct nodes *nodes;
    bool ready, done;
    enum dg_err err;
    char message[300];
};

static inline void peer_link(void *arg, struct instance *in, enum dg_link link, const char *detail)
{
    struct peer *p = arg;
    (void)in;
    if (p->store)
        store_link(p->store, link, detail);
    if (p->notes)
        notes_link(p->notes, link);
}

static inline void peer_noted(void *arg, struct instance *in, const struct dg_note *note)
{
    struct peer *p = arg;
    (void)in;
    if (p->notes)
        notes_come(p->notes, note);
}

static inline void peer_done(void *arg)
{
    ((struct peer *)arg)->done = true;
}

static inline void peer_result(void *arg, const struct op_result *res)
{
    struct peer *p = arg;
    p->err = res->err;
    snprintf(p->message, sizeof p->message, "%s", res->message ? res->message : "");
    p->done = true;
}

static inline void peer_wait(struct peer *p, bool *done)
{
    struct world w = {.loop = p->loop};
    world_wait(&w, done);
}

/* Turns the loop for so long. */
static inline void peer_pause(struct peer *p, uint64_t ms)
{
    bool over = false;
    struct peer timer = {.loop = p->loop};
    loop_timer(p->loop, ms, peer_done, &timer);
    while (!timer.done)
        uv_run(loop_uv(p->loop), UV_RUN_ONCE);
    (void)over;
}

#define peer_until(p, condition)                                                                   \
    do {                                                                                           \
        struct loop_timer *late_ = loop_timer((p)->loop, 30000, world_late, NULL);                 \
        while (!(condition))                                                                       \
            uv_run(loop_uv((p)->loop), UV_RUN_ONCE);                                               \
        loop_timer_stop((p)->loop, late_);                                                         \
    } while (0)

static inline struct peer *peer_new(struct loop *loop, const char *name, uint64_t dead_after_ms)
{
    static const char *const folders[] = {NULL};
    struct peer *p = xcalloc(1, sizeof *p);
    struct problem problem;
    p->loop = loop;
    p->plug = plug_new(&(struct plug_config){.loop = loop, .folders = folders});
    const struct plug_events events = {.link = peer_link, .noted = peer_noted, .arg = p};
    assert_true(plug_accept(&shared_plugin, "test", &problem));
    p->instance = instance_open(p->plug, &shared_plugin, "storage",
                                world_settings(memory_keys, NULL), &events, &problem);
    assert_non_null(p->instance);
    p->link = p->instance->self;
    p->store = store_new(&(struct store_config){.loop = loop, .instance = p->instance});
    p->notes = notes_new(p->store, NULL);
    store_ready(p->store, peer_result, p);
    peer_wait(p, &p->done);
    assert_int_equal(p->err, DG_OK);
    p->nodes = nodes_new(&(struct nodes_config){.loop = loop,
                                                .store = p->store,
                                                .notes = p->notes,
                                                .name = name,
                                                .version = "1",
                                                .dead_after_ms = dead_after_ms});
    return p;
}

/* Takes its name; the result is in `err` and `message`. */
static inline void peer_start(struct peer *p)
{
    nodes_start(p->nodes, peer_result, p);
    peer_wait(p, &p->done);
}

/* As kill -9 does: nothing is said. */
static inline void peer_kill(struct peer *p)
{
    nodes_free(p->nodes);
    store_free(p->store);
    p->store = NULL;
    notes_free(p->notes);
    p->notes = NULL;
    shared_cut_off(p->link, false);
    instance_close(p->instance, peer_done, p);
    peer_wait(p, &p->done);
    plug_free(p->plug);
    free(p);
}

static inline void peer_stop(struct peer *p)
{
    nodes_stop(p->nodes, peer_done, p);
    peer_wait(p, &p->done);
    peer_kill(p);
}

static inline void shared_end(struct loop *loop)
{
    while (shared.count)
        shared_drop(&shared.docs[0]);
    shared.deaf = false;
    loop_free(loop);
}

#endif
