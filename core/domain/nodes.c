/* nodes.c - a gateway among the others: its beats, what it looks at, its end; see nodes.h. */
#include "domain/nodes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/nodes_private.h"

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
        nodes_write_document(n, false, true, &json);
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
            nodes_take_in(n, doc->id, json);
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
        {.field = "state", .compare = DG_EQ, .value = node_state_name(from)},
        {.field = "adopter_at", .compare = DG_LT, .value = then},
    };
    buf_init(&set, BUF_MAX);
    nodes_write_document(n, true, false, &set);
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

/* ---- Stopping ---------------------------------------------------------- */

void nodes_stop(struct nodes *n, dg_fn *fn, void *arg)
{
    static const char set[] = "{\"state\":\"stopped\",\"calls\":0,\"backends\":\"[]\"}";
    bool there = n->shared && n->phase == PHASE_RUNNING;
    const struct dg_where where[] = {
        {.field = "id", .compare = DG_EQ, .value = n->config.name},
        {.field = "run", .compare = DG_EQ, .value = n->run},
        {.field = "state", .compare = DG_EQ, .value = node_state_name(NODE_RUNNING)},
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

/* ---- Making and freeing ---------------------------------------------------------- */

void nodes_begin(struct nodes *n)
{
    n->phase = PHASE_RUNNING;
    n->steady_since_ms = clock_ms();
    notes_subscribe(n->config.notes, NOTE_NODES, on_note, n);
    notes_publish(n->config.notes, NOTE_NODES, n->config.name);
    on_beat_timer(n);
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
