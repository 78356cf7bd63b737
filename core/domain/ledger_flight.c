/* ledger_flight.c - changes of numbers in batches, with the counts; see ledger.h.
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
 *
 * Reading may work where writing does not (a full disk): after a second failure
 * there is a pause before the next try, and each is longer than the one before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "domain/ledger_private.h"

#define BATCH_WRITES 2500 /* that a flight may hold, if it has more than one change */
#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 5000

#define NO_CAMPAIGN "There is no such campaign"

static void pump(struct account *a);

/* ---- Marks ------------------------------------------------------------------------------- */

static void read_marks(struct account *a, const json_t *doc)
{
    const json_t *list = json_object_get(doc, "recent");
    for (size_t i = 0; i < LEDGER_MARKS; i++) {
        const char *mark = json_string_value(json_array_get(list, i));
        snprintf(a->marks[i], ID_SIZE, "%s", mark ? mark : "");
    }
}

static bool has_mark(const struct account *a, const char *mark)
{
    for (size_t i = 0; *mark && i < LEDGER_MARKS; i++) {
        if (str_eq(a->marks[i], mark))
            return true;
    }
    return false;
}

static void put_mark(struct account *a, const char *mark)
{
    memmove(a->marks[1], a->marks[0], (LEDGER_MARKS - 1) * sizeof *a->marks);
    memcpy(a->marks[0], mark, ID_SIZE);
}

/* ---- Writing --------------------------------------------------------------------------- */

static void go_on(void *arg)
{
    struct account *a = arg;
    a->soon = NULL;
    pump(a);
}

/* On a later turn, so that what is asked for in this one goes together. */
void account_pump_soon(struct account *a)
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
        ledger_tell_all(a->ledger, &a->flight, err, message);
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
        ledger_tell_all(l, &a->flight, DG_OK, NULL);
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
    ledger_tell_all(a->ledger, &a->flight, DG_ENOTFOUND, NO_CAMPAIGN);
    ledger_tell_all(a->ledger, &a->queue, DG_ENOTFOUND, NO_CAMPAIGN);
    a->alone = 0;
    a->over = true;
}

/* The store cannot be read or written. */
static void stuck(struct account *a, enum dg_err err, const char *message)
{
    struct ledger *l = a->ledger;
    if (!passes(err, message)) {
        ledger_tell_all(l, &a->flight, err, message);
        ledger_tell_all(l, &a->queue, err, message);
        a->alone = 0;
        return;
    }
    ledger_tell_impatient(l, &a->flight, err, message);
    ledger_tell_impatient(l, &a->queue, err, message);
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
        if (!a->failures)
            a->retry_ms = 0;
        settle_flight(a);
    }
    account_pump_soon(a);
}

static void on_written(void *arg, const struct op_result *res)
{
    struct account *a = arg;
    struct ledger *l = a->ledger;
    a->busy = false;
    const bool doubtful = passes(res->err, res->message);
    a->failures = doubtful ? a->failures + 1 : 0;
    if (res->err == DG_OK) {
        a->counts = a->next;
        a->version = a->tried + 1;
        a->retry_ms = 0;
        ledger_tell_all(l, &a->flight, DG_OK, NULL);
    } else if (res->err == DG_ECONFLICT) {
        a->loaded = false;
        a->conflicted = true;
        metric_add(l->conflicts, 1);
    } else if (doubtful) {
        a->loaded = false;
        metric_add(l->doubts, 1);
        log_warn("ledger", "whether a batch was written is not known yet",
                 LOG_I("campaign", a->campaign), LOG_S("why", res->message));
        if (a->failures > 1)
            stuck(a, res->err, res->message);
    } else {
        find_culprit(a, res->err, res->message);
    }
    account_pump_soon(a);
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
    counts_write(&w, &a->next);
    jw_array(&w, "recent");
    for (size_t i = 0; i < LEDGER_MARKS && a->marks[i][0]; i++)
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
        counts_add(&a->next, &c->delta);
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

void account_free(void *value)
{
    struct account *a = value;
    loop_timer_stop(a->ledger->loop, a->soon);
    loop_timer_stop(a->ledger->loop, a->retry);
    ledger_free_changes(&a->queue);
    ledger_free_changes(&a->flight);
    free(a);
}

static void rest(struct account *a)
{
    struct ledger *l = a->ledger;
    if (a->over)
        account_free(map_del(l->accounts, a->id));
    if (l->drain_fn && !l->waiting)
        ledger_drained(l);
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
