/* adoption_return.c - this gateway was taken for dead and is not: of the calls in its memory, and
 * of what it still has to write, only that is its own whose record says so. */
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/adoption_private.h"

#define AT_ONCE  500
#define RETRY_MS 1000

struct adoption_return {
    struct adoption *a; /* NULL: it was freed meanwhile */
    json_t *ids;        /* all that are in question */
    size_t next, asked; /* how far the questions have come */
    size_t let_go;
    struct loop_timer *timer;
};

static void ask(void *arg);

static void back_free(struct adoption_return *b)
{
    if (b->a) {
        loop_timer_stop(b->a->config.loop, b->timer);
        b->a->back = NULL;
    }
    json_decref(b->ids);
    free(b);
}

static void add_live(void *arg, const char *id, void *value)
{
    struct adoption_return *b = arg;
    const struct call *c = value;
    if (c->stored) /* else it is being written just now, and is ours */
        json_array_append_new(b->ids, json_string(id));
}

static void add_kept(void *arg, const char *id)
{
    struct adoption_return *b = arg;
    json_array_append_new(b->ids, json_string(id));
}

static void let_go(struct adoption_return *b, const char *id)
{
    struct adoption *a = b->a;
    struct call *c = map_get(a->config.calls->live, id);
    store_kept_forget(a->config.store, COLLECTION_CALLS, id);
    store_kept_forget(a->config.store, COLLECTION_CDR, id);
    if (c)
        calls_let_go(a->config.calls, c);
    b->let_go++;
}

static bool is_among(const struct op_result *res, const char *id)
{
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_doc *doc = res->items[i];
        if (str_eq(doc->id, id))
            return true;
    }
    return false;
}

static void settled(struct adoption_return *b)
{
    log_warn("nodes", "calls that another gateway has taken over were let go",
             LOG_I("calls", b->let_go));
    nodes_settled(b->a->config.nodes);
    back_free(b);
}

static void on_own(void *arg, const struct op_result *res)
{
    struct adoption_return *b = arg;
    if (!b->a) {
        back_free(b);
        return;
    }
    if (res->err != DG_OK) {
        b->timer = loop_timer(b->a->config.loop, RETRY_MS, ask, b);
        return;
    }
    for (size_t i = b->next; i < b->next + b->asked; i++) {
        const char *id = json_string_value(json_array_get(b->ids, i));
        if (!is_among(res, id))
            let_go(b, id);
    }
    b->next += b->asked;
    ask(b);
}

static void ask(void *arg)
{
    struct adoption_return *b = arg;
    struct adoption *a = b->a;
    size_t count = json_array_size(b->ids) - b->next;
    b->timer = NULL;
    if (!count) {
        settled(b);
        return;
    }
    b->asked = count < AT_ONCE ? count : AT_ONCE;
    json_t *some = json_array();
    for (size_t i = 0; i < b->asked; i++)
        json_array_append(some, json_array_get(b->ids, b->next + i));
    char *list = json_dumps(some, JSON_COMPACT);
    const struct dg_where where[] = {
        {.field = "id", .compare = DG_IN, .value = list},
        {.field = "node", .compare = DG_EQ, .value = nodes_self(a->config.nodes)},
    };
    const struct dg_query query = {
        .collection = COLLECTION_CALLS, .where = where, .where_count = 2};
    store_query(a->config.store, &query, on_own, b);
    free(list);
    json_decref(some);
}

void adoption_returned(struct adoption *a)
{
    if (a->back)
        return; /* it is being found out */
    struct adoption_return *b = a->back = xcalloc(1, sizeof *b);
    b->a = a;
    b->ids = json_array();
    map_each(a->config.calls->live, add_live, b);
    store_kept_each(a->config.store, COLLECTION_CALLS, add_kept, b);
    ask(b);
}

void adoption_return_end(struct adoption *a)
{
    struct adoption_return *b = a->back;
    if (!b)
        return;
    bool waits = b->timer != NULL;
    loop_timer_stop(a->config.loop, b->timer);
    b->timer = NULL;
    b->a = NULL;
    a->back = NULL;
    if (waits)
        back_free(b);
}
