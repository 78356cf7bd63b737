/* ledger.c - who asks for changes, and who is told; see ledger.h. */
#include "domain/ledger_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* ---- Telling --------------------------------------------------------------------------- */

static void change_free(struct change *c)
{
    store_batch_free(&c->writes);
    free(c);
}

void ledger_free_changes(struct link *list)
{
    while (!list_empty(list)) {
        struct change *c = list_item(list->next, struct change, link);
        list_remove(&c->link);
        change_free(c);
    }
}

void ledger_drained(struct ledger *l)
{
    dg_fn *fn = l->drain_fn;
    loop_timer_stop(l->loop, l->drain_timer);
    l->drain_timer = NULL;
    l->drain_fn = NULL;
    fn(l->drain_arg);
}

/* The change is over. */
static void tell(struct ledger *l, struct change *c, enum dg_err err, const char *message)
{
    struct ledger_result result = {err, err == DG_OK ? NULL : message};
    list_remove(&c->link);
    if (c->fn)
        c->fn(c->arg, &result);
    change_free(c);
    l->waiting--;
}

void ledger_tell_all(struct ledger *l, struct link *list, enum dg_err err, const char *message)
{
    struct link mine;
    list_init(&mine);
    while (!list_empty(list)) { /* callbacks may add to the list */
        struct link *item = list->next;
        list_remove(item);
        list_append(&mine, item);
    }
    while (!list_empty(&mine))
        tell(l, list_item(mine.next, struct change, link), err, message);
}

/* Those who do not wait for the store to be back. */
void ledger_tell_impatient(struct ledger *l, struct link *list, enum dg_err err,
                           const char *message)
{
    struct link mine;
    list_init(&mine);
    for (struct link *i = list->next, *next; i != list; i = next) {
        next = i->next;
        if (list_item(i, struct change, link)->kept)
            continue;
        list_remove(i);
        list_append(&mine, i);
    }
    ledger_tell_all(l, &mine, err, message);
}

/* ---- Asking ---------------------------------------------------------------------------- */

static struct account *account_of(struct ledger *l, int64_t campaign)
{
    char id[LEDGER_ID_SIZE];
    snprintf(id, sizeof id, "%" PRId64, campaign);
    struct account *a = map_get(l->accounts, id);
    if (a)
        return a;
    a = xcalloc(1, sizeof *a);
    a->ledger = l;
    a->campaign = campaign;
    memcpy(a->id, id, sizeof id);
    list_init(&a->queue);
    list_init(&a->flight);
    map_set(l->accounts, id, a);
    return a;
}

static void add_entry(struct change *c, const struct ledger_entry *entry, struct buf *json)
{
    char id[LEDGER_ID_SIZE];
    const struct number *before = entry->before, *after = entry->after;
    if (before) {
        snprintf(id, sizeof id, "%" PRId64, before->id);
        c->delta.numbers[before->status]--;
        if (!after)
            store_batch_delete(&c->writes, COLLECTION_NUMBERS, id, before->version);
    }
    if (!after)
        return;
    c->delta.numbers[after->status]++;
    buf_clear(json);
    number_write(after, json);
    store_batch_put(&c->writes, COLLECTION_NUMBERS, before ? id : NULL,
                    (struct dg_bytes){json->ptr, json->len},
                    before ? before->version : DG_VERSION_NONE);
}

void ledger_write(struct ledger *l, const struct ledger_change *req, ledger_fn *fn, void *arg)
{
    struct account *a = account_of(l, req->campaign);
    struct change *c = xcalloc(1, sizeof *c);
    struct buf json;
    buf_init(&json, BUF_MAX);
    c->kept = req->kept;
    c->fn = fn;
    c->arg = arg;
    c->delta.total_calls = req->calls;
    c->delta.answered_calls = req->answered;
    if (req->also)
        c->writes = *req->also;
    else
        store_batch_init(&c->writes);
    if (req->also)
        *req->also = (struct store_batch){0};
    for (size_t i = 0; i < req->count; i++)
        add_entry(c, &req->entries[i], &json);
    buf_free(&json);
    list_append(&a->queue, &c->link);
    l->waiting++;
    account_pump_soon(a);
}

size_t ledger_waiting(const struct ledger *l)
{
    return l->waiting;
}

/* ---- Making and freeing ------------------------------------------------------------------ */

static void on_drain_late(void *arg)
{
    struct ledger *l = arg;
    l->drain_timer = NULL;
    if (l->waiting)
        log_error("ledger", "stopped waiting for changes that are still to be written",
                  LOG_I("changes", l->waiting));
    ledger_drained(l);
}

void ledger_drain(struct ledger *l, uint64_t within_ms, dg_fn *fn, void *arg)
{
    l->drain_fn = fn;
    l->drain_arg = arg;
    l->drain_timer = loop_timer(l->loop, l->waiting ? within_ms : 0, on_drain_late, l);
}

static void add_metrics(struct ledger *l, struct metrics *m)
{
    static const struct metric_family_info infos[] = {
        {.kind = METRIC_COUNTER,
         .name = "dialgate_ledger_batches_total",
         .help = "Batches of changes to numbers of campaigns that were written."},
        {.kind = METRIC_COUNTER,
         .name = "dialgate_ledger_changes_total",
         .help = "Changes in those batches."},
        {.kind = METRIC_COUNTER,
         .name = "dialgate_ledger_conflicts_total",
         .help = "Batches that were written again because somebody else was faster."},
        {.kind = METRIC_COUNTER,
         .name = "dialgate_ledger_doubts_total",
         .help = "Batches whose answer the store did not give."},
    };
    struct metric **out[] = {&l->batches, &l->changes, &l->conflicts, &l->doubts};
    for (size_t i = 0; i < sizeof infos / sizeof *infos; i++)
        *out[i] = metric_plain(metrics_family(m, &infos[i]));
}

struct ledger *ledger_new(struct store *store, struct loop *loop, struct metrics *metrics)
{
    struct ledger *l = xcalloc(1, sizeof *l);
    l->store = store;
    l->loop = loop;
    l->accounts = map_new();
    add_metrics(l, metrics);
    return l;
}

void ledger_free(struct ledger *l)
{
    if (!l)
        return;
    loop_timer_stop(l->loop, l->drain_timer);
    map_free(l->accounts, account_free);
    free(l);
}
