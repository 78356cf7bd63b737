/* delivery_list.c - deliveries as they are listed, and sent once more. */
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "events/webhooks_private.h"

struct filter {
    struct dg_where where[2];
    size_t count;
};

static struct filter filter_of(const char *id, const char *state)
{
    struct filter f = {.count = 1};
    f.where[0] = (struct dg_where){.field = "webhook_id", .compare = DG_EQ, .value = id};
    if (state)
        f.where[f.count++] = (struct dg_where){.field = "state", .compare = DG_EQ, .value = state};
    return f;
}

void webhooks_deliveries(struct webhooks *ws, const char *id, const char *state, uint64_t offset,
                         uint64_t limit, op_fn *fn, void *arg)
{
    struct filter f = filter_of(id, state);
    const struct dg_query query = {.collection = COLLECTION_DELIVERIES,
                                   .where = f.where,
                                   .where_count = f.count,
                                   .order_by = "created_at",
                                   .descending = true,
                                   .offset = offset,
                                   .limit = limit};
    deliveries_flush(ws);
    store_query(ws->config.store, &query, fn, arg);
}

void webhooks_deliveries_count(struct webhooks *ws, const char *id, const char *state, op_fn *fn,
                               void *arg)
{
    struct filter f = filter_of(id, state);
    const struct dg_tally tally = {
        .collection = COLLECTION_DELIVERIES, .where = f.where, .where_count = f.count};
    store_tally(ws->config.store, &tally, fn, arg);
}

/* ---- Once more ---------------------------------------------------------------------------------
 */

struct resend {
    struct webhooks *ws;
    char id[24];
    op_fn *fn;
    void *arg;
};

static void on_resent(void *arg, const struct op_result *res)
{
    struct resend *r = arg;
    struct webhooks *ws = r->ws;
    const uint64_t *count = op_first(res, uint64_t);
    struct op_result out = *res;
    if (res->err == DG_OK && (!count || !*count))
        out = (struct op_result){.err = DG_ENOTFOUND, .message = "Delivery not found"};
    struct webhook *w = webhook_named(ws, r->id);
    if (w && out.err == DG_OK && !ws->closed_fn) {
        w->pending++;
        ws->pending++;
        dispatch_soon(ws, w);
    }
    r->fn(r->arg, &out);
    free(r);
    webhooks_op_ended(ws);
}

void webhooks_resend(struct webhooks *ws, const char *id, const char *delivery, op_fn *fn,
                     void *arg)
{
    static const char set[] = "{\"state\":\"pending\",\"attempts\":0,\"next_at\":\"@now\"}";
    struct resend *r = xcalloc(1, sizeof *r);
    *r = (struct resend){.ws = ws, .fn = fn, .arg = arg};
    snprintf(r->id, sizeof r->id, "%s", id);
    const struct dg_where where[] = {{.field = "id", .compare = DG_EQ, .value = delivery},
                                     {.field = "webhook_id", .compare = DG_EQ, .value = id}};
    const struct dg_change change = {.collection = COLLECTION_DELIVERIES,
                                     .where = where,
                                     .where_count = 2,
                                     .set = {set, sizeof set - 1}};
    webhooks_op(ws);
    store_change(ws->config.store, &change, on_resent, r);
}
