/* adoption.c - one dead gateway at a time: look, mark, take, compare, unmark; see adoption.h. */
#include "domain/adoption.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/adoption_private.h"

#define PAGE        500
#define LIVE_STATES "[\"pending\",\"dialing\",\"ringing\",\"answered\"]"
#define LOST_TEXT   "node_lost"
/* Dead gateways that left nothing behind are forgotten then. */
#define FORGET_MS (24 * 3600 * 1000)

/* Whoever owns calls that are to be taken; in this order. */
enum share { SHARE_SEEN, SHARE_MOCK, SHARE_LOST, SHARES };

struct work {
    struct adoption *a; /* NULL: it was freed meanwhile */
    char *node;         /* the dead one's name */
    char run[ID_SIZE];
    bool lost;           /* for so long that what nobody sees is given up */
    bool wanted[SHARES]; /* there is something of the kind */
    struct instance *backends[ADOPTION_BACKENDS]; /* held: a reload may end them */
    size_t backend_count, next;                   /* whose calls are being taken */
    enum share share;
    size_t adopted, ended, page;
};

static void take(struct work *w);

static void work_end(struct work *w)
{
    if (w->a)
        w->a->work = NULL;
    for (size_t i = 0; i < w->backend_count; i++)
        instance_let_go(w->backends[i]);
    free(w->node);
    free(w);
}

/* true: the module is gone, and so is the work. */
static bool abandoned(struct work *w)
{
    if (w->a)
        return false;
    work_end(w);
    return true;
}

/* ---- Taking ----------------------------------------------------------------------- */

static void finish(struct work *w)
{
    struct adoption *a = w->a;
    if (w->adopted || w->ended)
        log_warn("nodes", "calls of a gateway that is gone were taken over", LOG_S("node", w->node),
                 LOG_I("adopted", w->adopted), LOG_I("ended", w->ended));
    if (a->adopted)
        metric_add(a->adopted, (int64_t)w->adopted);
    nodes_unmark(a->config.nodes, w->node);
    work_end(w);
}

/* The next kind, or the next backend of the first kind. */
static void go_on(struct work *w)
{
    if (w->share == SHARE_SEEN && w->page) {
        struct instance *in = w->backends[w->next];
        adoption_stand_in(w->a, w->node, in);
        if (in->link == DG_LINK_UP) /* else they are compared when it is connected again */
            reconcile_link_up(w->a->config.calls, in);
    }
    w->page = 0;
    if (w->share == SHARE_SEEN && ++w->next < w->backend_count) {
        take(w);
        return;
    }
    do {
        w->share++;
    } while (w->share < SHARES && !w->wanted[w->share]);
    if (w->share < SHARES)
        take(w);
    else
        finish(w);
}

static void end_lost(struct calls *cs, struct call *c)
{
    struct call_event ev = calls_event_now(CALL_EV_LOST);
    ev.text = LOST_TEXT;
    ev.estimated = true;
    calls_move(cs, c, &ev);
}

static void on_taken(void *arg, const struct op_result *res)
{
    struct work *w = arg;
    if (abandoned(w))
        return;
    struct calls *cs = w->a->config.calls;
    for (size_t i = 0; i < res->count; i++) {
        struct call *c = reconcile_take_up(cs, res->items[i]);
        if (c && w->share == SHARE_SEEN)
            w->adopted++;
        else if (c)
            w->ended++;
        if (c && w->share != SHARE_SEEN)
            end_lost(cs, c);
    }
    w->page += res->count;
    if (res->err != DG_OK) {
        log_warn("nodes", "the calls of a gateway that is gone could not be taken over",
                 LOG_S("node", w->node), LOG_S("why", res->message));
        finish(w);
    } else if (res->count == PAGE) {
        take(w);
    } else {
        go_on(w);
    }
}

static void take(struct work *w)
{
    struct adoption *a = w->a;
    const struct instance *in = w->share == SHARE_SEEN ? w->backends[w->next] : NULL;
    struct dg_where where[] = {
        {.field = "node", .compare = DG_EQ, .value = w->node},
        {.field = "status", .compare = DG_IN, .value = LIVE_STATES},
        {.field = "mock", .compare = DG_EQ, .value = "true"},
    };
    size_t count = w->share == SHARE_LOST ? 2 : 3;
    if (!nodes_may_judge(a->config.nodes) || (in && in->link != DG_LINK_UP)) {
        finish(w);
        return;
    }
    if (in)
        where[2] =
            (struct dg_where){.field = "server_run", .compare = DG_EQ, .value = in->server_run};
    struct buf set;
    struct json_writer writer;
    buf_init(&set, BUF_MAX);
    jw_init(&writer, &set);
    jw_object(&writer, NULL);
    jw_str(&writer, "node", nodes_self(a->config.nodes));
    jw_str(&writer, "adopted_from", w->node);
    if (in)
        jw_str(&writer, "backend", in->name);
    jw_end(&writer);
    const struct dg_take req = {.from = {.collection = COLLECTION_CALLS,
                                         .where = where,
                                         .where_count = count,
                                         .limit = PAGE},
                                .set = {set.ptr, set.len}};
    store_take(a->config.store, &req, on_taken, w);
    buf_free(&set);
}

static void on_marked(void *arg, const struct op_result *res)
{
    struct work *w = arg;
    if (abandoned(w))
        return;
    if (res->err != DG_OK || !res->count) { /* it is back, or somebody was faster */
        work_end(w);
        return;
    }
    log_warn("nodes", "a gateway is gone: taking over its calls", LOG_S("node", w->node));
    if (w->wanted[SHARE_SEEN]) {
        w->share = SHARE_SEEN;
        take(w);
        return;
    }
    w->share = SHARE_SEEN;
    w->next = w->backend_count;
    go_on(w);
}

/* ---- Looking ------------------------------------------------------------------------ */

static bool add_backend(struct work *w, const char *server_run)
{
    struct backend_view views[ADOPTION_BACKENDS];
    size_t count = calls_backends(w->a->config.calls, views, ADOPTION_BACKENDS);
    for (size_t i = 0; i < w->backend_count; i++) {
        if (str_eq(w->backends[i]->server_run, server_run))
            return true;
    }
    for (size_t i = 0; i < count; i++) {
        struct instance *in = views[i].instance;
        if (views[i].mock || views[i].role == BACKEND_DRAINING || in->link != DG_LINK_UP ||
            !str_eq(in->server_run, server_run))
            continue;
        w->backends[w->backend_count++] = instance_hold(in);
        return true;
    }
    return false;
}

static void sort_out(struct work *w, const struct dg_doc *doc)
{
    json_t *json = json_parse(doc->json.ptr, doc->json.len, 16, NULL);
    const char *run = json_get_str(json, "server_run");
    if (json_get_bool(json, "mock", false))
        w->wanted[SHARE_MOCK] = true;
    else if (run && add_backend(w, run))
        w->wanted[SHARE_SEEN] = true;
    else if (w->lost)
        w->wanted[SHARE_LOST] = true;
    json_decref(json);
}

static void forget_node(struct adoption *a, const struct node *node)
{
    char then[24];
    snprintf(then, sizeof then, "@now-%d", FORGET_MS);
    const struct dg_where where[] = {
        {.field = "id", .compare = DG_EQ, .value = node->name},
        {.field = "run", .compare = DG_EQ, .value = node->run},
        {.field = "seen_at", .compare = DG_LT, .value = then},
    };
    const struct dg_change change = {
        .collection = COLLECTION_NODES, .where = where, .where_count = 3};
    store_change(a->config.store, &change, NULL, NULL);
}

static void on_left(void *arg, const struct op_result *res)
{
    struct work *w = arg;
    if (abandoned(w))
        return;
    struct adoption *a = w->a;
    const struct node *node = nodes_find(a->config.nodes, w->node);
    for (size_t i = 0; i < res->count; i++)
        sort_out(w, res->items[i]);
    bool any = w->wanted[SHARE_SEEN] || w->wanted[SHARE_MOCK] || w->wanted[SHARE_LOST];
    if (res->err == DG_OK && !res->count)
        free(map_set(a->cleared, w->node, xstrdup(w->run)));
    if (any && node && !node->alive && str_eq(node->run, w->run))
        nodes_mark(a->config.nodes, node, on_marked, w);
    else
        work_end(w);
}

static void examine(struct adoption *a, const struct node *node)
{
    const struct dg_where where[] = {
        {.field = "node", .compare = DG_EQ, .value = node->name},
        {.field = "status", .compare = DG_IN, .value = LIVE_STATES},
    };
    const struct dg_query query = {
        .collection = COLLECTION_CALLS, .where = where, .where_count = 2, .limit = PAGE};
    struct work *w = a->work = xcalloc(1, sizeof *w);
    w->a = a;
    w->node = xstrdup(node->name);
    snprintf(w->run, sizeof w->run, "%s", node->run);
    w->lost =
        nodes_store_ms(a->config.nodes) - node->seen_at_ms >= (int64_t)a->config.lost_after_ms;
    store_query(a->config.store, &query, on_left, w);
}

/* The one that was looked at longest ago comes next. */
static void consider(void *arg, const struct node *node)
{
    struct adoption *a = arg;
    if (node->self || node->alive || a->work)
        return;
    if (str_eq(map_get(a->cleared, node->name), node->run)) {
        if (nodes_store_ms(a->config.nodes) - node->seen_at_ms > FORGET_MS)
            forget_node(a, node);
        return;
    }
    if (a->after && strcmp(node->name, a->after) <= 0)
        return;
    free(a->after);
    a->after = xstrdup(node->name);
    examine(a, node);
}

static void on_looked(void *arg)
{
    struct adoption *a = arg;
    adoption_stand_ins(a);
    if (a->work || !nodes_may_judge(a->config.nodes))
        return;
    nodes_each(a->config.nodes, consider, a);
    if (!a->work) { /* from the first again */
        free(a->after);
        a->after = NULL;
    }
}

static void on_returned(void *arg)
{
    adoption_returned(arg);
}

/* ---- Making and freeing ----------------------------------------------------------------- */

struct adoption *adoption_new(const struct adoption_config *config)
{
    static const struct metric_family_info adopted = {
        .kind = METRIC_COUNTER,
        .name = "dialgate_calls_adopted_total",
        .help = "Calls taken over from gateways that are gone."};
    struct adoption *a = xcalloc(1, sizeof *a);
    a->config = *config;
    a->cleared = map_new();
    list_init(&a->stand_ins);
    if (config->metrics)
        a->adopted = metric_plain(metrics_family(config->metrics, &adopted));
    nodes_tell(config->nodes, &(struct nodes_events){on_looked, on_returned, a});
    return a;
}

void adoption_free(struct adoption *a)
{
    if (!a)
        return;
    nodes_tell(a->config.nodes, &(struct nodes_events){0});
    if (a->work)
        a->work->a = NULL;
    adoption_return_end(a);
    adoption_stand_ins_free(a);
    map_free(a->cleared, free);
    free(a->after);
    free(a);
}
