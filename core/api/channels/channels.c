/* channels.c - a page of channels, or one of them by its id or name. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/channels/channels.h"
#include "api/contact_center/private.h"
#include "api/page.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/channel_events.h"

#define UNCERTAIN "The telephone system is not connected"

/* ---- Looking ------------------------------------------------------------------------------- */

struct look {
    char *id; /* of one; NULL: a page */
    struct page page;
    struct channels_page wanted;
    uint64_t last; /* number of the last on the page */
    enum channel_found found;
    struct buf json;
    struct json_writer w;
};

static void look_free(void *data)
{
    struct look *l = data;
    free(l->id);
    buf_free(&l->json);
    free(l);
}

static struct look *look_new(void)
{
    struct look *l = xcalloc(1, sizeof *l);
    buf_init(&l->json, BUF_MAX);
    jw_init(&l->w, &l->json);
    return l;
}

static void back(struct request *req, void *data)
{
    const struct look *l = data;
    if (l->found == CHANNEL_FOUND)
        reply_json(req, 200, &l->json);
    else if (l->found == CHANNEL_NOT_FOUND)
        contact_center_problem(req, DG_ENOTFOUND, "Channel not found");
    else
        contact_center_problem(req, DG_EUNAVAILABLE, UNCERTAIN);
}

/* ---- One --------------------------------------------------------------------------------------
 */

static void run_one(struct hop *hop, void *data)
{
    struct look *l = data;
    struct channel_view view;
    l->found = channels_get(((struct api *)hop_app(hop))->channels, l->id, &view);
    if (l->found == CHANNEL_FOUND)
        channel_write(&l->w, NULL, &view);
    hop_done(hop);
}

static const struct field one_params[] = {
    {.name = "channel_id",
     .kind = FIELD_STR,
     .required = true,
     .min = 1,
     .max = 255,
     .help = "Its id, or the telephone system's name for it, with / as %2F",
     .example = "\"PJSIP%2Ftrunk-00000001\""},
    {0}};

void channels_get_one(struct request *req)
{
    struct check *check = check_new(req);
    check_param(check, "channel_id", one_params);
    if (check_failed(check))
        return;
    struct look *l = look_new();
    l->id = xstrdup(request_param(req, "channel_id"));
    hop_start(req, l, run_one, back, look_free);
}

/* ---- A page -------------------------------------------------------------------------------------
 */

static void add_channel(void *arg, const struct channel_view *view)
{
    struct look *l = arg;
    channel_write(&l->w, NULL, view);
    l->last = view->number;
}

static void run_list(struct hop *hop, void *data)
{
    struct look *l = data;
    char next[24];
    jw_object(&l->w, NULL);
    jw_array(&l->w, "channels");
    bool known = channels_list(((struct api *)hop_app(hop))->channels, &l->wanted, add_channel, l);
    jw_end(&l->w);
    snprintf(next, sizeof next, "%" PRIu64, l->last);
    page_write(&l->w, &l->page, l->wanted.total);
    jw_str(&l->w, "next_cursor", l->wanted.more ? next : NULL);
    jw_end(&l->w);
    l->found = known ? CHANNEL_FOUND : CHANNEL_UNCERTAIN;
    hop_done(hop);
}

static const char *rule_cursor(const char *name, const char *value)
{
    int64_t number;
    (void)name;
    return str_to_int(value, &number) && number > 0
               ? NULL
               : "Input should be the next_cursor of an answer";
}

/* clang-format off */
enum { Q_PAGE, Q_PER_PAGE, Q_CURSOR };
static const struct field list_params[] = {
    [Q_PAGE] = PAGE_NUMBER_FIELD,
    [Q_PER_PAGE] = PAGE_SIZE_FIELD,
    [Q_CURSOR] = {.name = "cursor", .kind = FIELD_STR, .max = 20, .rule = rule_cursor,
                  .help = "next_cursor of the answer before", .example = "\"17\""},
    {0}};
/* clang-format on */

void channels_get_list(struct request *req)
{
    int64_t before = 0;
    struct page page;
    struct check *check = check_new(req);
    const char *cursor = check_query_str(check, &list_params[Q_CURSOR]);
    page_read(check, req, cursor != NULL, &page);
    if (check_failed(check))
        return;
    if (cursor)
        str_to_int(cursor, &before);
    struct look *l = look_new();
    l->page = page;
    l->wanted = (struct channels_page){
        .before = (uint64_t)before, .skip = page_skip(&page), .limit = page.size};
    hop_start(req, l, run_list, back, look_free);
}

/* ---- Documentation
 * ---------------------------------------------------------------------------------- */

/* clang-format off */
static const struct field channel_fields[] = {
    {.name = "id", .kind = FIELD_STR, .required = true, .example = "\"1767268800.123\"",
     .help = "Of a call that was placed here: its call_id"},
    {.name = "name", .kind = FIELD_STR, .example = "\"PJSIP/trunk-00000001\""},
    {.name = "state", .kind = FIELD_STR, .required = true, .example = "\"up\"",
     .help = "dialing, ringing, early (media before the answer), up, busy, reserved, down or "
             "unknown"},
    {.name = "direction", .kind = FIELD_STR, .example = "\"outbound\"",
     .help = "inbound, outbound, or null where it is not known"},
    {.name = "caller_number", .kind = FIELD_STR, .example = "\"9025800000\""},
    {.name = "caller_name", .kind = FIELD_STR, .example = "\"Alice\""},
    {.name = "connected_number", .kind = FIELD_STR, .example = "\"5550100\""},
    {.name = "callee_number", .kind = FIELD_STR, .example = "\"5550100\""},
    {.name = "context", .kind = FIELD_STR, .example = "\"outbound-ivr\""},
    {.name = "extension", .kind = FIELD_STR, .example = "\"s\""},
    {.name = "application", .kind = FIELD_STR, .example = "\"Dial\""},
    {.name = "application_data", .kind = FIELD_STR, .example = "\"PJSIP/5550100@trunk,30\""},
    {.name = "account", .kind = FIELD_STR, .example = "null"},
    {.name = "bridge", .kind = FIELD_STR, .help = "The bridge it is in", .example = "null"},
    {.name = "held", .kind = FIELD_BOOL, .required = true, .example = "false"},
    {.name = "muted", .kind = FIELD_BOOL, .required = true, .example = "false"},
    {.name = "controlled", .kind = FIELD_BOOL, .required = true, .example = "false",
     .help = "Under the gateway's control, not in the dialplan"},
    {.name = "started_at", .kind = FIELD_TIME, .example = "\"2026-01-01T12:00:00.000Z\""},
    {.name = "answered_at", .kind = FIELD_TIME, .example = "\"2026-01-01T12:00:07.000Z\""},
    {.name = "backend", .kind = FIELD_STR, .required = true, .example = "\"pbx\""},
    {.name = "mock", .kind = FIELD_BOOL, .help = "Present and true: it is a simulation"},
    {0}};
/* clang-format on */
static const struct schema channel_schema = {"Channel", "A channel as it is now", channel_fields};
static const struct field list_fields[] = {
    {.name = "channels", .kind = FIELD_LIST, .required = true, .of = &channel_schema},
    PAGE_ANSWER_FIELD,
    {.name = "next_cursor",
     .kind = FIELD_STR,
     .help = "For the next page; null on the last",
     .example = "\"17\""},
    {0}};
static const struct schema list_schema = {"ChannelList", "Channels, the newest first", list_fields};

static const struct route_answer list_answers[] = {
    {200, "A page of them", &list_schema, NULL, NULL},
    {401, "No token, or not a valid one", &contact_center_detail, NULL, NULL},
    {422, "A parameter is wrong", NULL, NULL, NULL},
    {503, "The telephone system is not connected", &contact_center_detail, NULL, NULL},
    {0}};
const struct route_doc channels_get_list_doc = {
    .id = "list_channels",
    .tag = "Channels",
    .summary = "All channels of the telephone system",
    .params = list_params,
    .answers = list_answers,
};

static const struct route_answer one_answers[] = {
    {200, "The channel", &channel_schema, NULL, NULL},
    {401, "No token, or not a valid one", &contact_center_detail, NULL, NULL},
    {404, "No such channel", &contact_center_detail, NULL, NULL},
    {422, "The id is too long", NULL, NULL, NULL},
    {503, "It is not known, and the telephone system is not connected", &contact_center_detail,
     NULL, NULL},
    {0}};
const struct route_doc channels_get_one_doc = {
    .id = "get_channel",
    .tag = "Channels",
    .summary = "A channel by its id or name",
    .params = one_params,
    .answers = one_answers,
};
