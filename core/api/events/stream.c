/* stream.c - GET /api/v2/events and GET /api/monitoring/stream, and the types there are. */
#include <stdlib.h>

#include "api/campaign_dialer/private.h"
#include "api/contact_center/private.h"
#include "api/events/private.h"
#include "base/mem.h"
#include "base/str.h"

/* ---- The query ------------------------------------------------------------------ */

static const char *rule_types(const char *name, const char *value)
{
    size_t len;
    (void)name;
    return event_type_stray(event_types, event_type_count, value, &len)
               ? "Input should be types of events, or the beginning of some like call.*, with "
                 "commas between; GET /api/v2/events/types lists them"
               : NULL;
}

static const char *rule_last(const char *name, const char *value)
{
    (void)name;
    return str_has_control(value) ? "Input should be the id of an event" : NULL;
}

/* clang-format off */
enum { Q_TYPES, Q_CALL, Q_CAMPAIGN, Q_LAST };
static const struct field query_fields[] = {
    [Q_TYPES] = {.name = "types", .kind = FIELD_STR, .max = 500, .rule = rule_types,
                 .help = "Only these, with commas between; call.* stands for all that begin so",
                 .example = "\"call.answered,call.ended\""},
    [Q_CALL] = {.name = "call_id", .kind = FIELD_STR, .max = 100,
                .help = "Only of this call", .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    [Q_CAMPAIGN] = {.name = "campaign_id", .kind = FIELD_STR, .max = 100,
                    .help = "Only of this campaign", .example = "\"7\""},
    [Q_LAST] = {.name = "last_event_id", .kind = FIELD_STR, .max = PLACE_TEXT_SIZE, .rule = rule_last,
                .help = "As the header Last-Event-ID, for clients that cannot send one",
                .example = "\"gw1-1759320000000000\""},
    {0}};
static const struct field request_headers[] = {
    {.name = "Last-Event-ID", .kind = FIELD_STR, .max = PLACE_TEXT_SIZE,
     .help = "Go on behind this event", .example = "\"gw1-1759320000000000\""},
    {0}};
/* clang-format on */

static void read_place(struct request *req, struct reader *r, const char *in_query)
{
    const char *id = request_header(req, "last-event-id");
    if (str_empty(id))
        id = in_query;
    if (str_empty(id))
        return;
    r->known_place = place_parse(&r->place, id);
    r->gap = !r->known_place;
}

static struct reader *read_query(struct request *req, struct check *check)
{
    struct reader *r = xcalloc(1, sizeof *r);
    r->readers = api_of(req)->readers;
    r->types = check_query_str(check, &query_fields[Q_TYPES]);
    r->call_id = check_query_str(check, &query_fields[Q_CALL]);
    r->campaign_id = check_query_str(check, &query_fields[Q_CAMPAIGN]);
    read_place(req, r, check_query_str(check, &query_fields[Q_LAST]));
    return r;
}

void events_stream(struct request *req)
{
    struct check *check = check_new(req);
    struct reader *r = read_query(req, check);
    if (check_failed(check))
        free(r);
    else
        reader_start(req, r);
}

void events_monitoring(struct request *req)
{
    struct check *check = check_new(req);
    struct reader *r = read_query(req, check);
    if (dialer_query_failed(req, check))
        free(r);
    else
        reader_start(req, r);
}

/* ---- GET /api/v2/events/types --------------------------------------------------- */

void events_list_types(struct request *req)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, BUF_MAX);
    jw_init(&w, &out);
    jw_object(&w, NULL);
    jw_array(&w, "types");
    for (size_t i = 0; i < event_type_count; i++) {
        jw_object(&w, NULL);
        jw_str(&w, "type", event_types[i].name);
        jw_str(&w, "description", event_types[i].help);
        jw_end(&w);
    }
    jw_end(&w);
    jw_end(&w);
    reply_json(req, 200, &out);
    buf_free(&out);
}

/* ---- Documentation -------------------------------------------------------------- */

#define STREAM_HELP                                                                                \
    "Each event is a JSON object: `id`, `type`, `at`, `node`, and what belongs to its type; "      \
    "`GET /api/v2/events/types` lists the types. A client that was away sends the id of its last " \
    "event as `Last-Event-ID` and is given what it has missed, also across a restart of the "      \
    "gateway. Where that is not complete any more, an event of type `gap` says so. The gateway "   \
    "ends a stream with an event `closed` and its reason: `slow` (the client does not take what "  \
    "it is sent), `unauthorized` (the credentials have expired or were revoked), `shutdown`, "     \
    "`unavailable`. With several gateways on one store each of them streams the events of all; "   \
    "those of the others come a moment later. The events of one gateway keep their order, those "  \
    "of different ones need not. The id that a stream names has the event's own at its beginning " \
    "and behind it where the other gateways were; a client may come back with it to any of them."

/* clang-format off */
static const struct field type_fields[] = {
    {.name = "type", .kind = FIELD_STR, .required = true, .example = "\"call.answered\""},
    {.name = "description", .kind = FIELD_STR, .required = true, .example = "\"It was answered\""},
    {0}};
static const struct field types_fields[] = {
    {.name = "types", .kind = FIELD_LIST, .required = true,
     .of = &(const struct schema){"EventType", "A type of events", type_fields}},
    {0}};
/* clang-format on */
static const struct schema types_schema = {"EventTypes", "What events there are", types_fields};
static const struct route_answer stream_answers[] = {
    {200, "Events, as they happen", NULL, "text/event-stream", NULL},
    {401, "No token, or not a valid one", &contact_center_detail, NULL, NULL},
    {422, "A filter is wrong", NULL, NULL, NULL},
    {503, "Too many clients read events", &contact_center_detail, NULL, NULL},
    {0}};
const struct route_doc events_stream_doc = {
    .id = "stream_events",
    .tag = "Events",
    .summary = "What happens, as it happens (Server-Sent Events)",
    .help = STREAM_HELP,
    .params = query_fields,
    .headers = request_headers,
    .answers = stream_answers,
};
static const struct route_answer monitoring_answers[] = {
    {200, "Events, as they happen", NULL, "text/event-stream", NULL},
    {400, "A filter is wrong", &dialer_error, NULL, NULL},
    {401, "No token, or not a valid one", &dialer_error, NULL, NULL},
    {403, "The token has no permission monitoring/stream", &dialer_error, NULL, NULL},
    {503, "Too many clients read events", &dialer_error, NULL, NULL},
    {0}};
const struct route_doc events_monitoring_doc = {
    .id = "monitoring_stream",
    .tag = "Monitoring",
    .summary = "What happens, as it happens (Server-Sent Events)",
    .help = STREAM_HELP,
    .params = query_fields,
    .headers = request_headers,
    .answers = monitoring_answers,
};
static const struct route_answer types_answers[] = {
    {200, "The types", &types_schema, NULL, NULL},
    {401, "No token, or not a valid one", &contact_center_detail, NULL, NULL},
    {0}};
const struct route_doc events_types_doc = {
    .id = "list_event_types",
    .tag = "Events",
    .summary = "What events there are",
    .answers = types_answers,
};
