/* event_record.c - see event_record.h. */
#include "events/event_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void event_records_after(struct store *store, const char *node, int64_t after, uint64_t limit,
                         op_fn *fn, void *arg)
{
    char from[24];
    snprintf(from, sizeof from, "%" PRId64, after);
    const struct dg_where where[] = {{.field = "node", .compare = DG_EQ, .value = node},
                                     {.field = "last", .compare = DG_GT, .value = from}};
    const struct dg_query query = {.collection = COLLECTION_EVENTS,
                                   .where = where,
                                   .where_count = 2,
                                   .order_by = "last",
                                   .limit = limit};
    store_query(store, &query, fn, arg);
}

void event_records_newest(struct store *store, const char *node, op_fn *fn, void *arg)
{
    const struct dg_where where = {.field = "node", .compare = DG_EQ, .value = node};
    const struct dg_query query = {.collection = COLLECTION_EVENTS,
                                   .where = &where,
                                   .where_count = 1,
                                   .order_by = "last",
                                   .descending = true,
                                   .limit = 1};
    store_query(store, &query, fn, arg);
}

static struct event *read_event(const char *node, const json_t *item, int64_t number)
{
    const char *type = json_get_str(item, "type");
    json_t *body = json_object_get(item, "event");
    char *json = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct event *e = NULL;
    if (type && json)
        e = event_new(node, number, type, json_get_str(item, "call_id"),
                      json_get_str(item, "campaign_id"), (struct dg_bytes){json, strlen(json)});
    free(json);
    return e;
}

bool event_record_read(const struct dg_doc *doc, const char *node, int64_t after,
                       struct event_record *out)
{
    json_t *json = json_parse(doc->json.ptr, doc->json.len, 32, NULL), *item;
    size_t i;
    *out = (struct event_record){.first = json_get_int(json, "first", 0),
                                 .last = json_get_int(json, "last", 0)};
    out->gap = after && out->first > after + 1 && json_get_int(json, "before", 0) != after;
    json_array_foreach(json_object_get(json, "events"), i, item)
    {
        int64_t number = out->first + (int64_t)i;
        bool wanted = number > after && out->count < EVENT_RECORD_MAX;
        struct event *e = wanted ? read_event(node, item, number) : NULL;
        if (e)
            out->events[out->count++] = e;
    }
    json_decref(json);
    return out->first > 0 && out->last >= out->first;
}

void event_record_free(struct event_record *r)
{
    for (size_t i = 0; i < r->count; i++)
        event_unref(r->events[i]);
    r->count = 0;
}
