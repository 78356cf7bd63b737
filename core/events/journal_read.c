/* journal_read.c - events back from the store, a record at a time; see journal.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "events/journal_private.h"

struct read {
    struct link link;
    struct journal *journal; /* NULL: it is gone, and the answer was given */
    int64_t after;
    journal_page_fn *fn;
    void *arg;
};

static void answer(struct read *r, const struct journal_page *page)
{
    journal_page_fn *fn = r->fn;
    void *arg = r->arg;
    list_remove(&r->link);
    r->journal = NULL;
    fn(arg, page);
}

void journal_reads_end(struct journal *j)
{
    const struct journal_page page = {.err = DG_EUNAVAILABLE, .message = "the gateway is stopping"};
    while (!list_empty(&j->reads))
        answer(list_item(j->reads.next, struct read, link), &page);
}

/* Whether the oldest event in memory comes right after that one. */
static bool recent_follows(const struct journal *j, int64_t after)
{
    int64_t oldest = j->next - (int64_t)j->count;
    return after + 1 >= oldest || (oldest == j->run_first && after == j->before_run);
}

static void answer_no_more(struct read *r)
{
    const struct journal *j = r->journal;
    int64_t oldest = j->next - (int64_t)j->count;
    const struct journal_page page = {.gap = !recent_follows(j, r->after),
                                      .after = r->after + 1 < oldest ? oldest - 1 : r->after};
    answer(r, &page);
}

static struct event *read_event(const struct journal *j, const json_t *item, int64_t number)
{
    const char *type = json_get_str(item, "type");
    json_t *body = json_object_get(item, "event");
    char *json = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct event *e = NULL;
    if (type && json)
        e = event_new(j->node, number, type, json_get_str(item, "call_id"),
                      json_get_str(item, "campaign_id"), (struct dg_bytes){json, strlen(json)});
    free(json);
    return e;
}

static void answer_record(struct read *r, const json_t *record)
{
    struct event *events[JOURNAL_PAGE];
    const int64_t first = json_get_int(record, "first", 0);
    struct journal_page page = {.events = events, .after = r->after};
    size_t i;
    json_t *item;
    page.gap = first > r->after + 1 && json_get_int(record, "before", 0) != r->after;
    json_array_foreach(json_object_get(record, "events"), i, item)
    {
        int64_t number = first + (int64_t)i;
        struct event *e = number > r->after && page.count < JOURNAL_PAGE
                              ? read_event(r->journal, item, number)
                              : NULL;
        if (!e)
            continue;
        events[page.count++] = e;
        page.after = number;
    }
    answer(r, &page);
    for (size_t n = 0; n < page.count; n++)
        event_unref(events[n]);
}

static void on_record(void *arg, const struct op_result *res)
{
    struct read *r = arg;
    const struct dg_doc *doc = op_first(res, struct dg_doc);
    json_t *json = doc ? json_parse(doc->json.ptr, doc->json.len, 32, NULL) : NULL;
    if (r->journal && res->err != DG_OK)
        answer(r, &(struct journal_page){.err = res->err, .message = res->message});
    else if (r->journal && json_get_int(json, "last", 0) > r->after)
        answer_record(r, json);
    else if (r->journal)
        answer_no_more(r);
    json_decref(json);
    free(r);
}

static void on_nothing(void *arg)
{
    struct read *r = arg;
    if (r->journal)
        answer_no_more(r);
    free(r);
}

void journal_stored(struct journal *j, int64_t after, journal_page_fn *fn, void *arg)
{
    char from[24];
    struct read *r = xcalloc(1, sizeof *r);
    *r = (struct read){.journal = j, .after = after, .fn = fn, .arg = arg};
    list_append(&j->reads, &r->link);
    if (!j->config.stored) {
        loop_call(j->config.loop, on_nothing, r);
        return;
    }
    snprintf(from, sizeof from, "%" PRId64, after);
    const struct dg_where where[] = {{.field = "node", .compare = DG_EQ, .value = j->node},
                                     {.field = "last", .compare = DG_GT, .value = from}};
    const struct dg_query query = {.collection = COLLECTION_EVENTS,
                                   .where = where,
                                   .where_count = 2,
                                   .order_by = "last",
                                   .limit = 1};
    store_query(j->config.store, &query, on_record, r);
}
