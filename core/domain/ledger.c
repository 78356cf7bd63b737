/* ledger.c - changes of numbers in batches, with the counts; see ledger.h.
 *
 * Each campaign with changes has an account. Its queue holds what waits; its
 * flight is the batch under way, from its first write until it is known to be
 * written, or not. What can happen to a write:
 *
 *   done       everybody is told
 *   conflict   the counts are read again. Had they changed, the flight is written
 *              again. Had they not, one of its changes is at fault: they go one
 *              by one until that one is found and refused
 *   no answer  the counts are read until they tell whether the flight's mark is
 *              in them; who would not wait was told by then
 */
#include "domain/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"

#define BATCH_WRITES 2000 /* that a flight may hold, if it has more than one change */
#define MARKS        16   /* flights that the counts remember */
#define ID_TEXT      24
#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 5000

#define NO_CAMPAIGN "There is no such campaign"

struct change {
    struct link link;
    struct store_batch writes; /* its own part of the batch */
    struct campaign_counts delta;
    bool kept;
    ledger_fn *fn; /* NULL: nobody waits */
    void *arg;
};

struct account {
    struct ledger *ledger;
    int64_t campaign;
    char id[ID_TEXT];
    struct link queue, flight; /* struct change */
    bool loaded;               /* counts and version are what the store was last known to have */
    struct campaign_counts counts, next; /* next: with the flight */
    uint64_t version;
    char marks[MARKS][ID_SIZE]; /* the newest first */
    /* The flight's: two, because after a doubtful answer it may be written without the changes
     * of those who would not wait. */
    char mark[2][ID_SIZE];
    uint64_t tried; /* the counts' version that it was written under */
    bool conflicted;
    size_t alone;    /* so many changes at the queue's head go one by one */
    bool busy, over; /* over: there is no such campaign */
    uint64_t retry_ms;
    struct loop_timer *soon, *retry;
};

struct ledger {
    struct store *store;
    struct loop *loop;
    struct map *accounts;
    size_t waiting;
    dg_fn *drain_fn;
    void *drain_arg;
    struct loop_timer *drain_timer;
    struct metric *batches, *changes, *conflicts, *doubts;
};

static void pump(struct account *a);

/* ---- Counts ---------------------------------------------------------------------------- */

int64_t campaign_counts_total(const struct campaign_counts *counts)
{
    int64_t total = 0;
    for (size_t i = 0; i < NUMBER_STATUSES; i++)
        total += counts->numbers[i];
    return total;
}

static void write_counts(struct json_writer *w, const struct campaign_counts *counts)
{
    for (size_t i = 0; i < NUMBER_STATUSES; i++)
        jw_int(w, number_status_name((enum number_status)i), counts->numbers[i]);
    jw_int(w, "total", campaign_counts_total(counts));
    jw_int(w, "total_calls", counts->total_calls);
    jw_int(w, "answered_calls", counts->answered_calls);
}

void campaign_counts_write(const struct campaign_counts *counts, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w, NULL);
    write_counts(&w, counts);
    jw_end(&w);
}

bool campaign_counts_read(struct campaign_counts *counts, const json_t *doc)
{
    for (size_t i = 0; i < NUMBER_STATUSES; i++)
        counts->numbers[i] = json_get_int(doc, number_status_name((enum number_status)i), 0);
    counts->total_calls = json_get_int(doc, "total_calls", 0);
    counts->answered_calls = json_get_int(doc, "answered_calls", 0);
    return json_is_object(doc);
}

static void add_counts(struct campaign_counts *to, const struct campaign_counts *delta)
{
    for (size_t i = 0; i < NUMBER_STATUSES; i++)
        to->numbers[i] += delta->numbers[i];
    to->total_calls += delta->total_calls;
    to->answered_calls += delta->answered_calls;
}

static void read_marks(struct account *a, const json_t *doc)
{
    const json_t *list = json_object_get(doc, "recent");
    for (size_t i = 0; i < MARKS; i++) {
        const char *mark = json_string_value(json_array_get(list, i));
        snprintf(a->marks[i], ID_SIZE, "%s", mark ? mark : "");
    }
}

static bool has_mark(const struct account *a, const char *mark)
{
    for (size_t i = 0; *mark && i < MARKS; i++) {
        if (str_eq(a->marks[i], mark))
            return true;
    }
    return false;
}

static void put_mark(struct account *a, const char *mark)
{
    memmove(a->marks[1], a->marks[0], (MARKS - 1) * sizeof *a->marks);
    memcpy(a->marks[0], mark, ID_SIZE);
}

/* ---- Telling --------------------------------------------------------------------------- */

static void change_free(struct change *c)
{
    store_batch_free(&c->writes);
    free(c);
}

static void free_changes(struct link *list)
{
    while (!list_empty(list)) {
        struct change *c = list_item(list->next, struct change, link);
        list_remove(&c->link);
        change_free(c);
    }
}

static void drained(struct ledger *l)
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

static void tell_all(struct ledger *l, struct link *list, enum dg_err err, const char *message)
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
static void tell_impatient(struct ledger *l, struct link *list, enum dg_err err,
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
    tell_all(l, &mine, err, message);
}

/* ---- Writing --------------------------------------------------------------------------- */

static void go_on(void *arg)
{
    struct account *a = arg;
    a->soon = NULL;
    pump(a);
}

/* On a later turn, so that what is asked for in this one goes together. */
static void pump_soon(struct account *a)
{
    if (!a->soon && !a->busy && !a->retry)
        a->soon = loop_timer(a->ledger->loop, 0, go_on, a);
}

static void on_retry(void *arg)
{
    struct account *a = arg;
    a->retry = NULL;
    pump(a);
}

static void pause_account(struct account *a)
{
    a->retry_ms = a->retry_ms ? a->retry_ms * 2 : RETRY_MIN_MS;
    if (a->retry_ms > RETRY_MAX_MS)
        a->retry_ms = RETRY_MAX_MS;
    a->retry = loop_timer(a->ledger->loop, a->retry_ms, on_retry, a);
}

static bool passes(enum dg_err err, const char *message)
{
    if (err == DG_EUNAVAILABLE && str_eq(message, STORE_DISABLED_TEXT))
        return false;
    return err == DG_EUNAVAILABLE || err == DG_ETIMEOUT || err == DG_EUPSTREAM ||
           err == DG_EINTERNAL || err == DG_ELIMIT;
}

/* The flight goes back to where it came from, in its order; gives how many it were. */
static size_t unload(struct account *a)
{
    size_t count = 0;
    while (!list_empty(&a->flight)) {
        struct link *last = a->flight.prev;
        list_remove(last);
        list_append(a->queue.next, last); /* before the first */
        count++;
    }
    return count;
}

/* One of the flight's changes is not possible. */
static void find_culprit(struct account *a, enum dg_err err, const char *message)
{
    if (a->flight.next == a->flight.prev)
        tell_all(a->ledger, &a->flight, err, message);
    else
        a->alone = unload(a);
}

/* What the counts, read again, say of a flight whose end was not seen. */
static void settle_flight(struct account *a)
{
    struct ledger *l = a->ledger;
    if (list_empty(&a->flight))
        return;
    if (has_mark(a, a->mark[0]) || has_mark(a, a->mark[1])) {
        tell_all(l, &a->flight, DG_OK, NULL);
        return;
    }
    if (a->conflicted && a->version == a->tried) {
        find_culprit(a, DG_ECONFLICT, "It was changed meanwhile");
        return;
    }
    /* Whether an answer stayed away or somebody was faster: it is not written yet. */
    a->conflicted = false;
}

static void gone(struct account *a)
{
    tell_all(a->ledger, &a->flight, DG_ENOTFOUND, NO_CAMPAIGN);
    tell_all(a->ledger, &a->queue, DG_ENOTFOUND, NO_CAMPAIGN);
    a->alone = 0;
    a->over = true;
}

/* The store cannot be read or written. */
static void stuck(struct account *a, enum dg_err err, const char *message)
{
    struct ledger *l = a->ledger;
    if (!passes(err, message)) {
        tell_all(l, &a->flight, err, message);
        tell_all(l, &a->queue, err, message);
        a->alone = 0;
        return;
    }
    tell_impatient(l, &a->flight, err, message);
    tell_impatient(l, &a->queue, err, message);
    a->alone = 0;
    if (!list_empty(&a->flight) || !list_empty(&a->queue))
        pause_account(a);
}

static void on_counts(void *arg, const struct store_doc *doc)
{
    struct account *a = arg;
    a->busy = false;
    if (doc->err == DG_ENOTFOUND) {
        gone(a);
    } else if (doc->err != DG_OK) {
        stuck(a, doc->err, doc->message);
    } else {
        campaign_counts_read(&a->counts, doc->json);
        read_marks(a, doc->json);
        a->version = doc->version;
        a->loaded = true;
        a->over = false;
        a->retry_ms = 0;
        settle_flight(a);
    }
    pump_soon(a);
}

static void on_written(void *arg, const struct op_result *res)
{
    struct account *a = arg;
    struct ledger *l = a->ledger;
    a->busy = false;
    if (res->err == DG_OK) {
        a->counts = a->next;
        a->version = a->tried + 1;
        a->retry_ms = 0;
        tell_all(l, &a->flight, DG_OK, NULL);
    } else if (res->err == DG_ECONFLICT) {
        a->loaded = false;
        a->conflicted = true;
        metric_add(l->conflicts, 1);
    } else if (passes(res->err, res->message)) {
        a->loaded = false;
        metric_add(l->doubts, 1);
        log_warn("ledger", "whether a batch was written is not known yet",
                 LOG_I("campaign", a->campaign), LOG_S("why", res->message));
    } else {
        find_culprit(a, res->err, res->message);
    }
    pump_soon(a);
}

/* As many changes as make a batch. */
static void board(struct account *a)
{
    size_t writes = 0, changes = 0;
    a->mark[0][0] = a->mark[1][0] = '\0';
    a->conflicted = false;
    while (!list_empty(&a->queue)) {
        struct change *c = list_item(a->queue.next, struct change, link);
        if (changes && (a->alone || writes + c->writes.count > BATCH_WRITES))
            break;
        list_remove(&c->link);
        list_append(&a->flight, &c->link);
        writes += c->writes.count;
        changes++;
    }
    if (a->alone)
        a->alone--;
}

static void add_all(struct store_batch *to, const struct store_batch *from)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct dg_write *w = &from->list[i];
        if (w->json.ptr)
            store_batch_put(to, w->collection, w->id, w->json, w->expect);
        else
            store_batch_delete(to, w->collection, w->id, w->expect);
    }
}

static void add_counts_document(struct account *a, struct store_batch *batch)
{
    struct buf json;
    struct json_writer w;
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    write_counts(&w, &a->next);
    jw_array(&w, "recent");
    for (size_t i = 0; i < MARKS && a->marks[i][0]; i++)
        jw_str(&w, NULL, a->marks[i]);
    jw_end(&w);
    jw_end(&w);
    store_batch_put(batch, COLLECTION_CAMPAIGN_COUNTS, a->id, (struct dg_bytes){json.ptr, json.len},
                    a->version);
    buf_free(&json);
}

/* A flight that is written again has another mark when somebody has left it: once. */
static void mark_flight(struct account *a)
{
    const size_t which = a->mark[0][0] ? 1 : 0;
    if (!a->mark[which][0])
        id_uuid4(a->mark[which]);
    put_mark(a, a->mark[which]);
}

static void write_flight(struct account *a)
{
    struct ledger *l = a->ledger;
    struct store_batch batch;
    uint64_t changes = 0;
    store_batch_init(&batch);
    a->next = a->counts;
    for (struct link *i = a->flight.next; i != &a->flight; i = i->next) {
        const struct change *c = list_item(i, struct change, link);
        add_counts(&a->next, &c->delta);
        add_all(&batch, &c->writes);
        changes++;
    }
    mark_flight(a);
    add_counts_document(a, &batch);
    metric_add(l->batches, 1);
    metric_add(l->changes, changes);
    a->tried = a->version;
    a->busy = true;
    store_write(l->store, &batch, on_written, a);
}

static void account_free(void *value)
{
    struct account *a = value;
    loop_timer_stop(a->ledger->loop, a->soon);
    loop_timer_stop(a->ledger->loop, a->retry);
    free_changes(&a->queue);
    free_changes(&a->flight);
    free(a);
}

static void rest(struct account *a)
{
    struct ledger *l = a->ledger;
    if (a->over)
        account_free(map_del(l->accounts, a->id));
    if (l->drain_fn && !l->waiting)
        drained(l);
}

static void pump(struct account *a)
{
    if (a->busy || a->retry)
        return;
    if (list_empty(&a->flight) && list_empty(&a->queue)) {
        rest(a);
        return;
    }
    if (!a->loaded) {
        a->busy = true;
        store_get_json(a->ledger->store, COLLECTION_CAMPAIGN_COUNTS, a->id, on_counts, a);
        return;
    }
    if (list_empty(&a->flight))
        board(a);
    write_flight(a);
}

/* ---- Asking ---------------------------------------------------------------------------- */

static struct account *account_of(struct ledger *l, int64_t campaign)
{
    char id[ID_TEXT];
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
    char id[ID_TEXT];
    const struct number *before = entry->before, *after = entry->after;
    if (before) {
        snprintf(id, sizeof id, "%" PRId64, before->id);
        c->delta.numbers[before->status]--;
    }
    if (!after) {
        store_batch_delete(&c->writes, COLLECTION_NUMBERS, id, before->version);
        return;
    }
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
    pump_soon(a);
}

size_t ledger_waiting(const struct ledger *l)
{
    return l->waiting;
}

struct asking {
    ledger_counts_fn *fn;
    void *arg;
};

static void on_asked(void *arg, const struct store_doc *doc)
{
    struct asking *asking = arg;
    struct campaign_counts counts = {0};
    if (doc->err == DG_OK)
        campaign_counts_read(&counts, doc->json);
    asking->fn(asking->arg, doc->err, doc->message, doc->err == DG_OK ? &counts : NULL);
    free(asking);
}

void ledger_counts(struct ledger *l, int64_t campaign, ledger_counts_fn *fn, void *arg)
{
    char id[ID_TEXT];
    struct asking *asking = xcalloc(1, sizeof *asking);
    *asking = (struct asking){fn, arg};
    snprintf(id, sizeof id, "%" PRId64, campaign);
    store_get_json(l->store, COLLECTION_CAMPAIGN_COUNTS, id, on_asked, asking);
}

/* ---- Making and freeing ------------------------------------------------------------------ */

static void on_drain_late(void *arg)
{
    struct ledger *l = arg;
    l->drain_timer = NULL;
    if (l->waiting)
        log_error("ledger", "stopped waiting for changes that are still to be written",
                  LOG_I("changes", l->waiting));
    drained(l);
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
