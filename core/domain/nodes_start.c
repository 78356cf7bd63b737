/* nodes_start.c - a gateway takes its name: new, or left behind by a run of before. One that is
 * alive under that name shows it by its beats. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/nodes_private.h"

#define WATCHED_BEATS 3 /* without a change: whoever wrote it is gone */
#define LOOK_MS       250

struct registration {
    struct nodes *n;
    op_fn *fn;
    void *arg;
    char run[ID_SIZE]; /* as first seen; "": not seen yet */
    int64_t seen_ms;
    uint64_t watched_ms;
    bool told; /* that it waits */
};

static void look(void *arg);

static void end(struct registration *r, enum dg_err err, const char *message)
{
    const struct op_result res = {.err = err, .message = message};
    r->n->registration = NULL;
    if (err == DG_OK)
        nodes_begin(r->n);
    r->fn(r->arg, &res);
    free(r);
}

static void again(struct registration *r)
{
    r->watched_ms += LOOK_MS;
    r->n->timer = loop_timer(r->n->config.loop, LOOK_MS, look, r);
}

static void wait_for(struct registration *r, const char *what)
{
    if (!r->told)
        log_info("nodes", what, LOG_S("node", r->n->config.name));
    r->told = true;
}

static void on_taken(void *arg, const struct op_result *res)
{
    struct registration *r = arg;
    if (res->err != DG_OK)
        end(r, res->err, res->message);
    else if (res->count)
        end(r, DG_OK, NULL);
    else
        again(r);
}

/* From that run, if it is still in that state and the time says so. */
static void take(struct registration *r, const char *state, const char *time_field,
                 enum dg_compare compare, const char *time)
{
    struct nodes *n = r->n;
    struct buf set;
    const struct dg_where where[] = {
        {.field = "id", .compare = DG_EQ, .value = n->config.name},
        {.field = "run", .compare = DG_EQ, .value = r->run},
        {.field = "state", .compare = DG_EQ, .value = state},
        {.field = time_field, .compare = compare, .value = time},
    };
    buf_init(&set, BUF_MAX);
    nodes_write_document(n, true, true, &set);
    const struct dg_take req = {.from = {.collection = COLLECTION_NODES,
                                         .where = where,
                                         .where_count = time_field ? 4 : 3,
                                         .limit = 1},
                                .set = {set.ptr, set.len}};
    store_take(n->config.store, &req, on_taken, r);
    buf_free(&set);
}

static void on_made(void *arg, const struct op_result *res)
{
    struct registration *r = arg;
    if (res->err == DG_ECONFLICT)
        again(r); /* another one was faster */
    else
        end(r, res->err, res->message);
}

static void make(struct registration *r)
{
    struct buf json;
    buf_init(&json, BUF_MAX);
    nodes_write_document(r->n, false, true, &json);
    store_put(r->n->config.store, COLLECTION_NODES, r->n->config.name,
              (struct dg_bytes){json.ptr, json.len}, DG_VERSION_NONE, on_made, r);
    buf_free(&json);
}

static void refuse(struct registration *r)
{
    char why[200];
    snprintf(why, sizeof why,
             "another gateway named \"%s\" is running on this store; give each one a name of its "
             "own ([node] name)",
             r->n->config.name);
    end(r, DG_ECONFLICT, why);
}

/* It says that it runs: if it does, its next beat is soon. */
static void watch(struct registration *r, const char *run, int64_t seen_ms)
{
    char then[40], seen[24];
    bool first = !*r->run;
    if (!first && (seen_ms != r->seen_ms || !str_eq(run, r->run))) {
        refuse(r);
        return;
    }
    snprintf(r->run, sizeof r->run, "%s", run);
    r->seen_ms = seen_ms;
    snprintf(seen, sizeof seen, "%" PRId64, seen_ms);
    snprintf(then, sizeof then, "@now-%" PRIu64, r->n->config.dead_after_ms);
    if (first) {
        take(r, "running", "seen_at", DG_LT, then);
    } else if (r->watched_ms >= WATCHED_BEATS * r->n->beat_ms) {
        take(r, "running", "seen_at", DG_EQ, seen);
    } else {
        wait_for(r, "a gateway of this name ran on the store a moment ago: waiting whether it "
                    "still does");
        again(r);
    }
}

static void on_document(void *arg, const struct store_doc *doc)
{
    struct registration *r = arg;
    if (doc->err == DG_ENOTFOUND) {
        make(r);
        return;
    }
    if (doc->err != DG_OK) {
        end(r, doc->err, doc->message);
        return;
    }
    const char *run = json_get_str(doc->json, "run"), *state = json_get_str(doc->json, "state");
    char then[40];
    snprintf(then, sizeof then, "@now-%" PRIu64, r->n->config.dead_after_ms);
    if (str_eq(state, "running")) {
        watch(r, run ? run : "", json_get_int(doc->json, "seen_at", 0));
        return;
    }
    snprintf(r->run, sizeof r->run, "%s", run ? run : "");
    if (str_eq(state, "adopting")) {
        wait_for(r, "another gateway is taking over the calls of a run of before: waiting for it");
        take(r, "adopting", "adopter_at", DG_LT, then);
    } else {
        take(r, state ? state : "", NULL, DG_EQ, NULL);
    }
}

static void look(void *arg)
{
    struct registration *r = arg;
    r->n->timer = NULL;
    store_get_json(r->n->config.store, COLLECTION_NODES, r->n->config.name, on_document, r);
}

struct alone {
    struct nodes *n;
    op_fn *fn;
    void *arg;
};

static void on_alone(void *arg)
{
    struct alone *a = arg;
    const struct op_result res = {.err = DG_OK};
    a->n->phase = PHASE_RUNNING;
    nodes_know_self(a->n);
    a->fn(a->arg, &res);
    free(a);
}

void nodes_start(struct nodes *n, op_fn *fn, void *arg)
{
    if (!n->shared) {
        struct alone *a = xcalloc(1, sizeof *a);
        *a = (struct alone){n, fn, arg};
        loop_call(n->config.loop, on_alone, a);
        return;
    }
    struct registration *r = n->registration = xcalloc(1, sizeof *r);
    *r = (struct registration){.n = n, .fn = fn, .arg = arg};
    look(r);
}

/* ---- Marking ---------------------------------------------------------- */

void nodes_mark(struct nodes *n, const struct node *dead, op_fn *fn, void *arg)
{
    char then[40], set[200];
    const char *time_field = dead->state == NODE_ADOPTING ? "adopter_at" : "seen_at";
    snprintf(then, sizeof then, "@now-%" PRIu64, n->config.dead_after_ms);
    snprintf(set, sizeof set,
             "{\"state\":\"adopting\",\"adopter\":\"%s\",\"adopter_at\":\"@now\",\"calls\":0,"
             "\"backends\":\"[]\"}",
             n->config.name);
    const struct dg_where where[] = {
        {.field = "id", .compare = DG_EQ, .value = dead->name},
        {.field = "run", .compare = DG_EQ, .value = dead->run},
        {.field = "state", .compare = DG_EQ, .value = node_state_name(dead->state)},
        {.field = time_field, .compare = DG_LT, .value = then},
    };
    const struct dg_take take = {
        .from = {.collection = COLLECTION_NODES, .where = where, .where_count = 4, .limit = 1},
        .set = {set, strlen(set)}};
    store_take(n->config.store, &take, fn, arg);
}

void nodes_unmark(struct nodes *n, const char *name)
{
    static const char set[] = "{\"state\":\"dead\"}";
    const struct dg_where where[] = {
        {.field = "id", .compare = DG_EQ, .value = name},
        {.field = "state", .compare = DG_EQ, .value = "adopting"},
        {.field = "adopter", .compare = DG_EQ, .value = n->config.name},
    };
    const struct dg_change change = {.collection = COLLECTION_NODES,
                                     .where = where,
                                     .where_count = 3,
                                     .set = {set, sizeof set - 1}};
    store_change(n->config.store, &change, NULL, NULL);
}
