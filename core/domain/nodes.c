/* nodes.c - the documents of the gateways: taking a name, beating, looking at the others; see
 * nodes.h. */
#include "domain/nodes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/nodes_private.h"

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

bool node_name_ok(const char *name)
{
    return !str_empty(name) && strlen(name) <= NODE_NAME_MAX && str_only(name, NAME_CHARS);
}

static const char *const state_names[] = {[NODE_RUNNING] = "running",
                                          [NODE_STOPPED] = "stopped",
                                          [NODE_ADOPTING] = "adopting",
                                          [NODE_DEAD] = "dead"};

const char *node_state_name(enum node_state state)
{
    return state_names[state];
}

static enum node_state state_of(const char *text)
{
    for (int i = 0; i <= NODE_DEAD; i++) {
        if (str_eq(state_names[i], text))
            return (enum node_state)i;
    }
    return NODE_DEAD;
}

/* ---- The picture ------------------------------------------------------------------- */

void node_record_free(void *value)
{
    struct node_record *r = value;
    free(r->name);
    free(r->node.version);
    free(r->node.backends);
    free(r->node.adopter);
    free(r);
}

static char *text_of(const json_t *json, const char *key, const char *fallback)
{
    const char *text = json_get_str(json, key);
    return xstrdup(text ? text : fallback);
}

static void take_in(struct nodes *n, const char *name, const json_t *json)
{
    struct node_record *r = xcalloc(1, sizeof *r), *old;
    struct node *node = &r->node;
    const char *run = json_get_str(json, "run");
    r->name = xstrdup(name);
    node->name = r->name;
    snprintf(node->run, sizeof node->run, "%s", run ? run : "");
    node->state = state_of(json_get_str(json, "state"));
    node->started_at_ms = json_get_int(json, "started_at", 0);
    node->seen_at_ms = json_get_int(json, "seen_at", 0);
    node->calls = json_get_int(json, "calls", 0);
    node->version = text_of(json, "version", "");
    node->backends = text_of(json, "backends", "[]");
    node->adopter = text_of(json, "adopter", "");
    node->self = str_eq(name, n->config.name);
    old = map_set(n->known, name, r);
    if (old)
        node_record_free(old);
}

static bool fresh(const struct nodes *n, const struct node *node)
{
    return nodes_store_ms(n) - node->seen_at_ms < (int64_t)n->config.dead_after_ms;
}

static bool judge(const struct nodes *n, const struct node *node)
{
    if (node->self)
        return n->phase == PHASE_RUNNING;
    return node->state == NODE_RUNNING && fresh(n, node);
}

const struct node *nodes_find(const struct nodes *n, const char *name)
{
    struct node_record *r = name ? map_get(n->known, name) : NULL;
    if (!r)
        return NULL;
    r->node.alive = judge(n, &r->node);
    return &r->node;
}

bool nodes_alive(const struct nodes *n, const char *name)
{
    const struct node *node = nodes_find(n, name);
    return node && node->alive;
}

struct names {
    const char **list;
    size_t count;
};

static void add_name(void *arg, const char *name, void *value)
{
    struct names *names = arg;
    (void)value;
    names->list[names->count++] = name;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void nodes_each(const struct nodes *n, node_fn *fn, void *arg)
{
    struct names names = {.list = xcalloc(map_len(n->known) + 1, sizeof(char *))};
    map_each(n->known, add_name, &names);
    qsort(names.list, names.count, sizeof *names.list, by_name);
    for (int others = 0; others <= 1; others++) {
        for (size_t i = 0; i < names.count; i++) {
            if (str_eq(names.list[i], n->config.name) == !others)
                fn(arg, nodes_find(n, names.list[i]));
        }
    }
    free(names.list);
}

int64_t nodes_store_ms(const struct nodes *n)
{
    return clock_unix_ms() + n->offset_ms;
}

bool nodes_shared(const struct nodes *n)
{
    return n->shared;
}

const char *nodes_self(const struct nodes *n)
{
    return n->config.name;
}

bool nodes_may_judge(const struct nodes *n)
{
    return n->phase == PHASE_RUNNING && clock_ms() < n->lease_until_ms &&
           clock_ms() - n->steady_since_ms >= n->config.dead_after_ms;
}

void nodes_tell(struct nodes *n, const struct nodes_events *events)
{
    n->events = *events;
}

/* ---- What is told of this one -------------------------------------------------------- */

void nodes_follow(struct nodes *n, const struct calls *calls)
{
    n->calls = calls;
    if (!n->shared)
        nodes_know_self(n);
}

/* All that a beat says: the fields of the document. */
static void write_self(const struct nodes *n, struct buf *out)
{
    struct json_writer w;
    struct buf backends;
    buf_init(&backends, BUF_MAX);
    nodes_write_backends(n->calls, &backends);
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "run", n->run);
    jw_str(&w, "state", state_names[NODE_RUNNING]);
    jw_str(&w, "version", n->config.version);
    jw_int(&w, "calls", n->calls ? (int64_t)calls_live(n->calls) : 0);
    jw_str(&w, "backends", buf_cstr(&backends));
    jw_str(&w, "adopter", "");
    jw_end(&w);
    buf_free(&backends);
}

/* The same as a document, or as what is to be set, with times by the store's clock. */
static void write_document(const struct nodes *n, bool set, bool first, struct buf *out)
{
    struct buf now;
    buf_init(&now, 64);
    write_self(n, out);
    out->len--; /* the closing brace */
    if (set)
        buf_adds(&now, "\"@now\"");
    else
        buf_addf(&now, "%" PRId64, clock_unix_ms());
    buf_addf(out, ",\"seen_at\":%s", buf_cstr(&now));
    if (first)
        buf_addf(out, ",\"started_at\":%s", buf_cstr(&now));
    buf_addc(out, '}');
    buf_free(&now);
}

/* A store of its own: the picture is what this one knows of itself. */
void nodes_know_self(struct nodes *n)
{
    struct buf json;
    buf_init(&json, BUF_MAX);
    write_document(n, false, false, &json);
    json_t *doc = json_parse(json.ptr, json.len, 16, NULL);
    json_object_set_new(doc, "started_at", json_integer(n->started_unix_ms));
    take_in(n, n->config.name, doc);
    json_decref(doc);
    buf_free(&json);
}

void nodes_refresh(struct nodes *n)
{
    struct node_record *self = map_get(n->known, n->config.name);
    struct buf backends;
    if (!n->shared)
        nodes_know_self(n);
    else if (self && n->calls) {
        buf_init(&backends, BUF_MAX);
        nodes_write_backends(n->calls, &backends);
        free(self->node.backends);
        self->node.backends = buf_take(&backends);
        self->node.calls = (int64_t)calls_live(n->calls);
    }
}

/* ---- The end ----------------------------------------------------------------------------- */

/* What was asked of the store is answered before this is freed. */
static void end_when_idle(struct nodes *n)
{
    dg_fn *fn = n->stop_fn;
    if (!n->said || n->beating || n->looking || !fn)
        return;
    n->stop_fn = NULL;
    fn(n->stop_arg);
}

static void on_nothing_said(void *arg)
{
    struct nodes *n = arg;
    n->said = true;
    end_when_idle(n);
}

static void on_said(void *arg, const struct op_result *res)
{
    struct nodes *n = arg;
    (void)res;
    notes_publish(n->config.notes, NOTE_NODES, n->config.name);
    on_nothing_said(n);
}

/* ---- Looking at the others ------------------------------------------------------------ */

static void come_back(struct nodes *n);

static void on_made_again(void *arg, const struct op_result *res)
{
    struct nodes *n = arg;
    n->beating = false;
    if (n->phase == PHASE_STOPPED)
        end_when_idle(n);
    else if (res->err == DG_OK && n->phase == PHASE_LOST)
        come_back(n);
}

/* What has become of our own document. */
static void find_self(struct nodes *n)
{
    const struct node *self = nodes_find(n, n->config.name);
    if (n->beating)
        return;
    if (!self) { /* somebody has cleared the store */
        struct buf json;
        buf_init(&json, BUF_MAX);
        write_document(n, false, true, &json);
        n->beating = true;
        store_put(n->config.store, COLLECTION_NODES, n->config.name,
                  (struct dg_bytes){json.ptr, json.len}, DG_VERSION_NONE, on_made_again, n);
        buf_free(&json);
    } else if (!str_eq(self->run, n->run) && !n->replaced) {
        n->replaced = true;
        log_error("nodes", "another gateway has started under this one's name while it was away",
                  LOG_S("node", n->config.name));
        if (n->config.replaced)
            n->config.replaced(n->config.arg);
    }
}

static void on_looked(void *arg, const struct op_result *res)
{
    struct nodes *n = arg;
    n->looking = false;
    if (n->phase == PHASE_STOPPED) {
        end_when_idle(n);
        return;
    }
    if (res->err != DG_OK)
        return;
    map_free(n->known, node_record_free);
    n->known = map_new();
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_doc *doc = res->items[i];
        json_t *json = json_parse(doc->json.ptr, doc->json.len, 16, NULL);
        if (json)
            take_in(n, doc->id, json);
        json_decref(json);
    }
    if (n->phase == PHASE_LOST)
        find_self(n);
    if (n->phase == PHASE_RUNNING && n->events.looked)
        n->events.looked(n->events.arg);
}

void nodes_look(struct nodes *n)
{
    const struct dg_query all = {.collection = COLLECTION_NODES};
    if (n->looking || !n->shared)
        return;
    n->looking = true;
    store_query(n->config.store, &all, on_looked, n);
}

/* ---- Beats -------------------------------------------------------------------------------- */

static void on_beat(void *arg, const struct op_result *res);

/* Renews this run's document, if it is in this state; one that is being adopted, if whoever does
 * it has been at it for too long: it is dead itself. */
static void beat(struct nodes *n, enum node_state from)
{
    struct buf set;
    char then[40];
    snprintf(then, sizeof then, "@now-%" PRIu64, n->config.dead_after_ms);
    const struct dg_where where[] = {
        {.field = "id", .compare = DG_EQ, .value = n->config.name},
        {.field = "run", .compare = DG_EQ, .value = n->run},
        {.field = "state", .compare = DG_EQ, .value = state_names[from]},
        {.field = "adopter_at", .compare = DG_LT, .value = then},
    };
    buf_init(&set, BUF_MAX);
    write_document(n, true, false, &set);
    const struct dg_take take = {.from = {.collection = COLLECTION_NODES,
                                          .where = where,
                                          .where_count = from == NODE_ADOPTING ? 4 : 3,
                                          .limit = 1},
                                 .set = {set.ptr, set.len}};
    n->beating = true;
    n->beat_sent_ms = clock_ms();
    store_take(n->config.store, &take, on_beat, n);
    buf_free(&set);
}

static void on_beat_timer(void *arg)
{
    struct nodes *n = arg;
    n->timer = NULL;
    if (!n->beating && n->phase == PHASE_LOST)
        beat(n, ++n->lost_beats % 2 ? NODE_DEAD : NODE_ADOPTING);
    else if (!n->beating)
        beat(n, NODE_RUNNING);
    nodes_look(n);
    n->timer = loop_timer(n->config.loop, n->beat_ms, on_beat_timer, n);
}

/* When the store is there again there is no time to be lost: the others wait for a beat. */
static void on_note(void *arg, const char *text)
{
    struct nodes *n = arg;
    if (!text && !n->beating && n->phase == PHASE_RUNNING)
        beat(n, NODE_RUNNING);
    nodes_look(n);
}

static void renew_lease(struct nodes *n)
{
    n->lease_until_ms = n->beat_sent_ms + n->config.dead_after_ms * 8 / 10;
    store_lease(n->config.store, n->lease_until_ms);
}

static void learn_clock(struct nodes *n, const struct dg_doc *doc)
{
    json_t *json = json_parse(doc->json.ptr, doc->json.len, 16, NULL);
    int64_t seen_ms = json_get_int(json, "seen_at", 0);
    if (seen_ms)
        n->offset_ms = seen_ms - clock_unix_ms();
    json_decref(json);
}

static void come_back(struct nodes *n)
{
    log_warn("nodes", "this gateway was taken for dead, and is back",
             LOG_S("node", n->config.name));
    n->phase = PHASE_RUNNING;
    n->steady_since_ms = clock_ms();
    n->unsettled = true;
    if (n->events.returned)
        n->events.returned(n->events.arg);
    else
        nodes_settled(n);
}

void nodes_settled(struct nodes *n)
{
    n->unsettled = false;
}

static void lost(struct nodes *n)
{
    if (n->phase == PHASE_LOST)
        return;
    log_error("nodes",
              "the other gateways have taken this one for dead; it finds out what is still its own",
              LOG_S("node", n->config.name));
    n->phase = PHASE_LOST;
    n->lease_until_ms = 0;
    store_lease(n->config.store, 0);
}

static void on_beat(void *arg, const struct op_result *res)
{
    struct nodes *n = arg;
    const struct dg_doc *doc = res->err == DG_OK ? op_first(res, struct dg_doc) : NULL;
    n->beating = false;
    if (n->phase == PHASE_STOPPED) {
        end_when_idle(n);
        return;
    }
    if (res->err != DG_OK) {
        n->steady_since_ms = clock_ms() + n->beat_ms;
        return;
    }
    if (!doc) {
        lost(n);
        return;
    }
    learn_clock(n, doc);
    if (n->phase == PHASE_LOST)
        come_back(n);
    if (clock_ms() - n->beat_sent_ms > n->config.dead_after_ms / 2)
        n->steady_since_ms = clock_ms();
    if (!n->unsettled)
        renew_lease(n);
}

/* ---- Stopping ----------------------------------------------------------------------------------
 */

void nodes_stop(struct nodes *n, dg_fn *fn, void *arg)
{
    static const char set[] = "{\"state\":\"stopped\",\"calls\":0,\"backends\":\"[]\"}";
    bool there = n->shared && n->phase == PHASE_RUNNING;
    const struct dg_where where[] = {
        {.field = "id", .compare = DG_EQ, .value = n->config.name},
        {.field = "run", .compare = DG_EQ, .value = n->run},
        {.field = "state", .compare = DG_EQ, .value = state_names[NODE_RUNNING]},
    };
    const struct dg_change change = {.collection = COLLECTION_NODES,
                                     .where = where,
                                     .where_count = 3,
                                     .set = {set, sizeof set - 1}};
    n->phase = PHASE_STOPPED;
    n->stop_fn = fn;
    n->stop_arg = arg;
    loop_timer_stop(n->config.loop, n->timer);
    n->timer = NULL;
    if (there)
        store_change(n->config.store, &change, on_said, n);
    else
        loop_call(n->config.loop, on_nothing_said, n);
}

/* ---- Making and freeing -------------------------------------------------------------------------
 */

void nodes_begin(struct nodes *n)
{
    n->phase = PHASE_RUNNING;
    n->steady_since_ms = clock_ms();
    notes_subscribe(n->config.notes, NOTE_NODES, on_note, n);
    notes_publish(n->config.notes, NOTE_NODES, n->config.name);
    on_beat_timer(n);
}

void nodes_write_first(const struct nodes *n, bool set, struct buf *out)
{
    write_document(n, set, true, out);
}

struct nodes *nodes_new(const struct nodes_config *config)
{
    struct nodes *n = xcalloc(1, sizeof *n);
    n->config = *config;
    n->shared = store_passes_notes(config->store);
    n->beat_ms = config->dead_after_ms / 8;
    n->started_unix_ms = clock_unix_ms();
    n->known = map_new();
    id_uuid7(n->run);
    return n;
}

void nodes_free(struct nodes *n)
{
    if (!n)
        return;
    loop_timer_stop(n->config.loop, n->timer);
    notes_unsubscribe(n->config.notes, NOTE_NODES, on_note, n);
    map_free(n->known, node_record_free);
    free(n);
}
