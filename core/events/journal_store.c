/* journal_store.c - the journal's way into the store.
 *
 * A record holds up to EVENT_RECORD_MAX events in a row, with the number of the event
 * before its first one, so that it can be seen whether any are missing. One
 * write is under way at a time. When a run ends in order, it leaves a mark with
 * its last number; the next one takes the mark away and knows by it that
 * nothing was lost.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "events/event_record.h"
#include "events/journal_private.h"

#define FLUSH_MS    200   /* for others to join the record */
#define RETRY_MS    2000  /* after a failure */
#define CLOSE_MS    5000  /* for the last ones to be written */
#define EXPIRE_MS   60000 /* between looks at what has expired */
#define PRUNE_MS    60000 /* between looks at how many there are */
#define PRUNE_SLICE 100   /* records deleted at once */

static void flush(struct journal *j);

/* ---- Writing -------------------------------------------------------------------- */

static size_t number_to_index(const struct journal *j, int64_t number)
{
    return (size_t)(number - event_number(journal_at(j, 0)));
}

static void write_event(struct json_writer *w, const struct event *e)
{
    struct dg_bytes json = event_json(e);
    jw_object(w, NULL);
    jw_str(w, "type", event_type(e));
    if (event_call(e))
        jw_str(w, "call_id", event_call(e));
    if (event_campaign(e))
        jw_str(w, "campaign_id", event_campaign(e));
    jw_raw(w, "event", json.ptr, json.len);
    jw_end(w);
}

static void write_record(struct journal *j, int64_t first, size_t count, struct buf *out)
{
    struct json_writer w;
    size_t at = number_to_index(j, first);
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "node", j->node);
    jw_int(&w, "first", first);
    jw_int(&w, "last", first + (int64_t)count - 1);
    jw_int(&w, "count", (int64_t)count);
    jw_int(&w, "before", first == j->run_first ? j->before_run : first - 1);
    jw_int(&w, "expires_at", clock_unix_ms() + (int64_t)j->config.limits.lifetime_ms);
    jw_array(&w, "events");
    for (size_t i = 0; i < count; i++)
        write_event(&w, journal_at(j, at + i));
    jw_end(&w);
    jw_end(&w);
}

static void end_if_closing(struct journal *j);

static void on_flush(void *arg)
{
    struct journal *j = arg;
    j->flush = NULL;
    flush(j);
}

static void on_written(void *arg, const struct op_result *res)
{
    struct journal *j = arg;
    j->writing = false;
    if (res->err == DG_OK) {
        if (j->written < j->under_way)
            j->written = j->under_way;
        notes_publish(j->config.notes, NOTE_EVENTS, j->node);
    } else {
        log_debug("events", "events were not written", LOG_S("why", res->message));
        if (j->failures)
            metric_add(j->failures, 1);
    }
    journal_show(j);
    if (j->closed_fn)
        end_if_closing(j);
    else if (res->err != DG_OK)
        j->flush = loop_timer(j->config.loop, RETRY_MS, on_flush, j);
    else
        journal_store_soon(j);
}

static void flush(struct journal *j)
{
    struct buf json;
    char id[EVENT_ID_SIZE];
    size_t count = journal_unwritten(j);
    if (!count || j->writing)
        return;
    count = count > EVENT_RECORD_MAX ? EVENT_RECORD_MAX : count;
    int64_t first = j->written + 1;
    buf_init(&json, BUF_MAX);
    write_record(j, first, count, &json);
    /* As many digits always: ids sort as numbers do. */
    snprintf(id, sizeof id, "%s-%016" PRId64, j->node, first);
    j->writing = true;
    j->under_way = first + (int64_t)count - 1;
    store_put(j->config.store, COLLECTION_EVENTS, id, (struct dg_bytes){json.ptr, json.len},
              DG_VERSION_ANY, on_written, j);
    buf_free(&json);
}

void journal_store_soon(struct journal *j)
{
    size_t count = journal_unwritten(j);
    if (!count || j->writing || j->flush || !j->opened || j->closed_fn)
        return;
    if (count >= EVENT_RECORD_MAX)
        flush(j);
    else
        j->flush = loop_timer(j->config.loop, FLUSH_MS, on_flush, j);
}

/* ---- No more than so many ------------------------------------------------------- */

static void prune_look(void *arg);

static void prune_later(struct journal *j, bool at_once)
{
    j->pruning = false;
    if (j->closed_fn)
        end_if_closing(j);
    else
        j->prune = loop_timer(j->config.loop, at_once ? 1 : PRUNE_MS, prune_look, j);
}

static void on_pruned(void *arg, const struct op_result *res)
{
    struct journal *j = arg;
    const uint64_t *count = op_first(res, uint64_t);
    prune_later(j, count && *count);
}

static void on_border(void *arg, const struct op_result *res)
{
    struct journal *j = arg;
    const struct dg_doc *doc = op_first(res, struct dg_doc);
    json_t *json = doc ? json_parse(doc->json.ptr, doc->json.len, 16, NULL) : NULL;
    if (!json || j->closed_fn) {
        json_decref(json);
        prune_later(j, false);
        return;
    }
    char last[24];
    snprintf(last, sizeof last, "%" PRId64, json_get_int(json, "last", 0));
    json_decref(json);
    const struct dg_where where[] = {{.field = "node", .compare = DG_EQ, .value = j->node},
                                     {.field = "last", .compare = DG_LE, .value = last}};
    const struct dg_change change = {
        .collection = COLLECTION_EVENTS, .where = where, .where_count = 2};
    store_change(j->config.store, &change, on_pruned, j);
}

/* Far too many: a slice of records. A little too many: one. */
static void find_border(struct journal *j, uint64_t excess)
{
    const struct dg_where where = {.field = "node", .compare = DG_EQ, .value = j->node};
    uint64_t records = excess / EVENT_RECORD_MAX;
    const struct dg_query query = {.collection = COLLECTION_EVENTS,
                                   .where = &where,
                                   .where_count = 1,
                                   .order_by = "last",
                                   .offset = records > PRUNE_SLICE ? PRUNE_SLICE - 1
                                             : records             ? records - 1
                                                                   : 0,
                                   .limit = 1};
    store_query(j->config.store, &query, on_border, j);
}

static void on_counted(void *arg, const struct op_result *res)
{
    struct journal *j = arg;
    const struct dg_tally_row *row = op_first(res, struct dg_tally_row);
    uint64_t total = row && row->sums && row->sums[0] > 0 ? (uint64_t)row->sums[0] : 0;
    if (total > j->config.limits.max_stored && !j->closed_fn)
        find_border(j, total - j->config.limits.max_stored);
    else
        prune_later(j, false);
}

static void prune_look(void *arg)
{
    static const char *const sums[] = {"count"};
    struct journal *j = arg;
    const struct dg_where where = {.field = "node", .compare = DG_EQ, .value = j->node};
    const struct dg_tally tally = {.collection = COLLECTION_EVENTS,
                                   .where = &where,
                                   .where_count = 1,
                                   .sums = sums,
                                   .sum_count = 1};
    j->prune = NULL;
    j->pruning = true;
    store_tally(j->config.store, &tally, on_counted, j);
}

/* ---- Beginning ------------------------------------------------------------------ */

static const char *mark_id(const struct journal *j, char out[EVENT_ID_SIZE])
{
    snprintf(out, EVENT_ID_SIZE, "events_end_%s", j->node);
    return out;
}

static void opened(struct journal *j)
{
    j->opened = true;
    if (j->config.stored) {
        j->expiry =
            expiry_new(j->config.loop, j->config.store, COLLECTION_EVENTS, "expires_at", EXPIRE_MS);
        prune_later(j, false);
    }
    j->ready_fn(j->ready_arg, &(struct op_result){.err = DG_OK});
    journal_store_soon(j);
}

static void on_opened(void *arg)
{
    opened(arg);
}

static void on_unmarked(void *arg, const struct op_result *res)
{
    struct journal *j = arg;
    if (res->err != DG_OK && res->err != DG_ENOTFOUND)
        log_warn("events", "the mark of the last run stays", LOG_S("why", res->message));
    opened(j);
}

static void on_mark(void *arg, const struct store_doc *doc)
{
    struct journal *j = arg;
    char id[EVENT_ID_SIZE];
    bool in_order = doc->err == DG_OK && json_get_int(doc->json, "last", 0) == j->before_run;
    if (j->before_run && !in_order)
        journal_add_gap(j);
    if (doc->err == DG_OK)
        store_delete(j->config.store, COLLECTION_META, mark_id(j, id), DG_VERSION_ANY, on_unmarked,
                     j);
    else
        opened(j);
}

/* A clock that went back must not give numbers again. */
static void go_on_behind(struct journal *j, int64_t last)
{
    j->before_run = last;
    if (j->next > last || j->count)
        return;
    j->next = j->run_first = last + 1;
    j->written = last;
}

static void on_last(void *arg, const struct op_result *res)
{
    struct journal *j = arg;
    char id[EVENT_ID_SIZE];
    const struct dg_doc *doc = op_first(res, struct dg_doc);
    json_t *json = doc ? json_parse(doc->json.ptr, doc->json.len, 16, NULL) : NULL;
    if (res->err != DG_OK)
        log_warn("events", "the events of before cannot be read", LOG_S("why", res->message));
    if (json)
        go_on_behind(j, json_get_int(json, "last", 0));
    json_decref(json);
    store_get_json(j->config.store, COLLECTION_META, mark_id(j, id), on_mark, j);
}

void journal_store_open(struct journal *j)
{
    j->run_first = j->next;
    if (j->config.stored)
        event_records_newest(j->config.store, j->node, on_last, j);
    else
        loop_call(j->config.loop, on_opened, j);
}

/* ---- The end -------------------------------------------------------------------- */

static void on_marked(void *arg, const struct op_result *res)
{
    struct journal *j = arg;
    if (res->err != DG_OK)
        log_warn("events", "the end of this run is not marked", LOG_S("why", res->message));
    journal_free(j);
}

static void mark_end(struct journal *j)
{
    char id[EVENT_ID_SIZE], json[40];
    int64_t last = j->next > j->run_first ? j->next - 1 : j->before_run;
    int len = snprintf(json, sizeof json, "{\"last\":%" PRId64 "}", last);
    store_put(j->config.store, COLLECTION_META, mark_id(j, id),
              (struct dg_bytes){json, (size_t)len}, DG_VERSION_ANY, on_marked, j);
}

static void end_if_closing(struct journal *j)
{
    if (j->writing || j->pruning)
        return;
    if (journal_unwritten(j) && !j->stop_writing) {
        flush(j);
        return;
    }
    loop_timer_stop(j->config.loop, j->closing);
    j->closing = NULL;
    if (j->config.stored && !journal_unwritten(j) && !j->stop_writing)
        mark_end(j);
    else
        journal_free(j);
}

static void on_close_timeout(void *arg)
{
    struct journal *j = arg;
    j->closing = NULL;
    j->stop_writing = true;
    log_warn("events", "the last events are not written", LOG_I("count", journal_unwritten(j)));
    end_if_closing(j);
}

static void close_later(void *arg)
{
    end_if_closing(arg);
}

void journal_store_close(struct journal *j)
{
    loop_timer_stop(j->config.loop, j->flush);
    loop_timer_stop(j->config.loop, j->prune);
    j->flush = j->prune = NULL;
    expiry_free(j->expiry);
    j->expiry = NULL;
    j->closing = loop_timer(j->config.loop, CLOSE_MS, on_close_timeout, j);
    loop_call(j->config.loop, close_later, j);
}
