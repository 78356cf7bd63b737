/* expiry.c - a timer, a query for the border, a deletion up to it; see expiry.h. */
#include "data/expiry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

#define AT_ONCE 1000 /* documents; a store deletes so many within milliseconds */

struct expiry {
    struct loop *loop; /* NULL: freed while the store was working for it */
    struct store *store;
    const char *collection, *field;
    uint64_t every_ms;
    struct loop_timer *timer;
    bool working, more;
};

static void look(void *arg);

/* true: it was freed meanwhile, and is gone now. */
static bool worked(struct expiry *e)
{
    e->working = false;
    if (e->loop)
        return false;
    free(e);
    return true;
}

static void again(struct expiry *e)
{
    e->timer = loop_timer(e->loop, e->more ? 1 : e->every_ms, look, e);
}

static void on_deleted(void *arg, const struct op_result *res)
{
    struct expiry *e = arg;
    const uint64_t *count = op_first(res, uint64_t);
    if (worked(e))
        return;
    if (count && *count)
        log_debug("store", "expired documents deleted", LOG_S("collection", e->collection),
                  LOG_I("count", *count));
    e->more = e->more && res->err == DG_OK;
    again(e);
}

static void delete_until(struct expiry *e, int64_t border_ms)
{
    char until[24];
    snprintf(until, sizeof until, "%" PRId64, border_ms);
    const struct dg_where where = {.field = e->field, .compare = DG_LE, .value = until};
    const struct dg_change change = {
        .collection = e->collection, .where = &where, .where_count = 1};
    e->working = true;
    store_change(e->store, &change, on_deleted, e);
}

/* The last of the first AT_ONCE, if there are so many: up to there, then on from there. */
static void on_looked(void *arg, const struct op_result *res)
{
    struct expiry *e = arg;
    if (worked(e))
        return;
    e->more = false;
    if (res->err != DG_OK) { /* the store tells of its own troubles */
        again(e);
        return;
    }
    int64_t border = clock_unix_ms();
    const struct dg_doc *doc = op_first(res, struct dg_doc);
    json_t *json = doc ? json_parse(doc->json.ptr, doc->json.len, 16, NULL) : NULL;
    if (json) {
        border = json_get_int(json, e->field, border);
        e->more = true;
    }
    json_decref(json);
    delete_until(e, border);
}

static void look(void *arg)
{
    struct expiry *e = arg;
    char now[24];
    e->timer = NULL;
    snprintf(now, sizeof now, "%" PRId64, clock_unix_ms());
    const struct dg_where where = {.field = e->field, .compare = DG_LE, .value = now};
    const struct dg_query query = {.collection = e->collection,
                                   .where = &where,
                                   .where_count = 1,
                                   .order_by = e->field,
                                   .offset = AT_ONCE - 1,
                                   .limit = 1};
    e->working = true;
    store_query(e->store, &query, on_looked, e);
}

struct expiry *expiry_new(struct loop *loop, struct store *store, const char *collection,
                          const char *field, uint64_t every_ms)
{
    struct expiry *e = xcalloc(1, sizeof *e);
    *e = (struct expiry){.loop = loop,
                         .store = store,
                         .collection = collection,
                         .field = field,
                         .every_ms = every_ms};
    again(e);
    return e;
}

void expiry_every(struct expiry *e, uint64_t every_ms)
{
    e->every_ms = every_ms;
}

void expiry_free(struct expiry *e)
{
    if (!e)
        return;
    loop_timer_stop(e->loop, e->timer);
    e->timer = NULL;
    e->loop = NULL;
    if (!e->working)
        free(e);
}
