/* cdr_numbering.c - numbers for CDRs that have none; see cdr_numbering.h. */
#include "domain/cdr_numbering.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#define PAGE      200
#define PAUSE_MS  20   /* so that nobody waits behind it */
#define RETRY_MS  5000 /* the store is away, or another gateway does the same */
#define DOC_DEPTH 32

struct cdr_numbering {
    struct store *store;
    struct loop *loop;
    struct serials *numbers;
    struct loop_timer *timer; /* NULL: something is under way, or all is done */
    size_t done;
};

static void read_page(void *arg);

static void again(struct cdr_numbering *n, uint64_t after_ms)
{
    n->timer = loop_timer(n->loop, after_ms, read_page, n);
}

static void on_written(void *arg, const struct op_result *res)
{
    struct cdr_numbering *n = arg;
    again(n, res->err == DG_OK ? PAUSE_MS : RETRY_MS);
}

/* Seconds, which those before did not have either. */
static int64_t duration_of(const json_t *cdr)
{
    const int64_t from = json_get_int(cdr, "started_at", 0), to = json_get_int(cdr, "ended_at", 0);
    return to > from ? (to - from) / 1000 : 0;
}

/* false: no number is at hand. */
static bool add(struct cdr_numbering *n, const struct dg_doc *doc, struct store_batch *batch)
{
    const int64_t number = serials_next(n->numbers);
    json_t *json = number ? json_parse(doc->json.ptr, doc->json.len, DOC_DEPTH, NULL) : NULL;
    if (json) {
        json_object_set_new(json, "number", json_integer(number));
        if (!json_object_get(json, "duration"))
            json_object_set_new(json, "duration", json_integer(duration_of(json)));
        store_batch_put_json(batch, COLLECTION_CDR, doc->id, json, doc->version);
    }
    json_decref(json);
    return number != 0;
}

static void on_page(void *arg, const struct op_result *res)
{
    struct cdr_numbering *n = arg;
    struct store_batch batch;
    if (res->err != DG_OK) {
        again(n, RETRY_MS);
        return;
    }
    if (!res->count) {
        if (n->done)
            log_info("cdr", "records of earlier calls have numbers now", LOG_I("count", n->done));
        return;
    }
    store_batch_init(&batch);
    for (size_t i = 0; i < res->count && add(n, res->items[i], &batch); i++)
        n->done++;
    if (batch.count)
        store_write(n->store, &batch, on_written, n);
    else
        again(n, RETRY_MS);
    store_batch_free(&batch);
}

static void read_page(void *arg)
{
    struct cdr_numbering *n = arg;
    n->timer = NULL;
    const struct dg_where where = {.field = "number", .compare = DG_IS_NULL};
    const struct dg_query query = {.collection = COLLECTION_CDR,
                                   .where = &where,
                                   .where_count = 1,
                                   .order_by = "started_at",
                                   .limit = PAGE};
    store_query(n->store, &query, on_page, n);
}

struct cdr_numbering *cdr_numbering_start(struct store *store, struct loop *loop,
                                          struct serials *numbers)
{
    struct cdr_numbering *n = xcalloc(1, sizeof *n);
    *n = (struct cdr_numbering){.store = store, .loop = loop, .numbers = numbers};
    again(n, 0);
    return n;
}

void cdr_numbering_free(struct cdr_numbering *n)
{
    if (!n)
        return;
    loop_timer_stop(n->loop, n->timer);
    free(n);
}
