/* history.c - GET /api/v2/calls: calls of now and before, newest first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/control/private.h"
#include "api/page.h"
#include "api/rules.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/history.h"

/* ---- The query ---------------------------------------------------------------------------- */

/* CALL_STATES: no such state. A cancelled call shows as failed there. */
static enum call_state state_of(const char *name, size_t len)
{
    for (enum call_state s = CALL_PENDING; s < CALL_STATES; s++) {
        const char *shown = contact_center_state(s);
        if (strlen(shown) == len && strncmp(shown, name, len) == 0)
            return s;
    }
    return CALL_STATES;
}

/* 0: one of them is none. */
static unsigned states_of(const char *list)
{
    unsigned states = 0;
    for (;; list++) {
        size_t len = strcspn(list, ",");
        enum call_state s = state_of(list, len);
        if (s == CALL_STATES)
            return 0;
        states |= 1u << s;
        if (s == CALL_FAILED)
            states |= 1u << CALL_CANCELLED;
        list += len;
        if (!*list)
            return states;
    }
}

static const char *rule_states(const char *name, const char *value)
{
    (void)name;
    return states_of(value) ? NULL
                            : "Input should be pending, dialing, ringing, answered, completed, "
                              "busy, no_answer or failed, or several of them with commas";
}

/* "+" is a space in a query. */
static const char *rule_query_number(const char *name, const char *value)
{
    char number[24];
    snprintf(number, sizeof number, "%s", value);
    if (*number == ' ')
        *number = '+';
    return str_only(number + (*number == '+'), "0123456789") ? NULL : rule_number(name, "");
}

static const char *rule_direction(const char *name, const char *value)
{
    (void)name;
    return str_eq(value, "outbound") || str_eq(value, "inbound")
               ? NULL
               : "Input should be 'outbound' or 'inbound'";
}

static const char *rule_api(const char *name, const char *value)
{
    (void)name;
    return str_only(value, "abcdefghijklmnopqrstuvwxyz0123456789_-")
               ? NULL
               : "String should match pattern '^[a-z0-9_-]+$'";
}

/* An offset's "+" is a space in a query. */
static bool moment_of(const char *value, int64_t *at_ms, int64_t *span_ms)
{
    char text[CLOCK_ISO_SIZE];
    snprintf(text, sizeof text, "%s", value);
    char *space = strchr(text, ' ');
    if (space)
        *space = '+';
    return strlen(value) < sizeof text && clock_parse_iso(text, at_ms, span_ms);
}

static const char *rule_moment(const char *name, const char *value)
{
    int64_t at_ms, span_ms;
    (void)name;
    return moment_of(value, &at_ms, &span_ms)
               ? NULL
               : "Input should be a valid datetime, 2025-10-01 or 2025-10-01T12:00:00Z";
}

/* "1759320000000-019339a4-...": the last call that was seen. */
static bool place_of(const char *cursor, int64_t *at_ms, const char **id)
{
    char number[24];
    const char *dash = strchr(cursor, '-');
    if (!dash || (size_t)(dash - cursor) >= sizeof number)
        return false;
    snprintf(number, sizeof number, "%.*s", (int)(dash - cursor), cursor);
    *id = dash + 1;
    return str_to_int(number, at_ms) && *at_ms >= 0 && id_is_uuid(*id);
}

static const char *rule_cursor(const char *name, const char *value)
{
    int64_t at_ms;
    const char *id;
    (void)name;
    return place_of(value, &at_ms, &id) ? NULL : "Input should be the next_cursor of an answer";
}

/* clang-format off */
enum { Q_STATUS, Q_NUMBER, Q_DIRECTION, Q_API, Q_FROM, Q_TO, Q_PAGE, Q_PER_PAGE, Q_CURSOR };
static const struct field query_fields[] = {
    [Q_STATUS] = {.name = "status", .kind = FIELD_STR, .max = 100, .rule = rule_states,
                  .help = "One state, or several with commas between", .example = "\"busy\""},
    [Q_NUMBER] = {.name = "phone_number", .kind = FIELD_STR, .max = 20, .rule = rule_query_number,
                  .help = "Exactly as it was dialled", .example = "\"+1234567890\""},
    [Q_DIRECTION] = {.name = "direction", .kind = FIELD_STR, .max = 8, .rule = rule_direction,
                     .help = "outbound: all are, since these are the calls that this gateway "
                             "placed; inbound finds none, see /api/v2/channels",
                     .example = "\"outbound\""},
    [Q_API] = {.name = "api", .kind = FIELD_STR, .max = 50, .rule = rule_api,
               .help = "The API that it was placed through", .example = "\"contact-center\""},
    [Q_FROM] = {.name = "from", .kind = FIELD_STR, .max = 31, .rule = rule_moment,
                .help = "Created then or later; UTC unless it says otherwise",
                .example = "\"2025-10-01\""},
    [Q_TO] = {.name = "to", .kind = FIELD_STR, .max = 31, .rule = rule_moment,
              .help = "Created then or earlier; a date is its whole day",
              .example = "\"2025-10-31\""},
    [Q_PAGE] = PAGE_NUMBER_FIELD,
    [Q_PER_PAGE] = PAGE_SIZE_FIELD,
    [Q_CURSOR] = {.name = "cursor", .kind = FIELD_STR, .max = 80, .rule = rule_cursor,
                  .help = "next_cursor of the answer before, with the same filters",
                  .example = "\"1759320000000-019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {0}};
/* clang-format on */

struct listing {
    struct hop *hop;
    struct arena *arena;
    struct history_query query;
    struct page page;
    enum dg_err err;
    const char *message;
    struct buf body;
};

static void listing_free(void *data)
{
    struct listing *l = data;
    arena_free(l->arena);
    buf_free(&l->body);
    free(l);
}

static const char *number_of(struct arena *a, const char *text)
{
    char *number = arena_strdup(a, text);
    if (number && *number == ' ')
        *number = '+';
    return number;
}

static void read_times(struct check *check, struct history_query *q)
{
    int64_t at_ms, span_ms;
    const char *from = check_query_str(check, &query_fields[Q_FROM]);
    const char *to = check_query_str(check, &query_fields[Q_TO]);
    if (from && moment_of(from, &at_ms, &span_ms))
        q->from_ms = at_ms;
    if (to && moment_of(to, &at_ms, &span_ms))
        q->to_ms = at_ms + span_ms;
}

static void read_place(struct listing *l, struct check *check, struct request *req)
{
    struct history_query *q = &l->query;
    const char *id, *cursor = check_query_str(check, &query_fields[Q_CURSOR]);
    page_read(check, req, cursor != NULL, &l->page);
    q->limit = l->page.size;
    q->offset = page_skip(&l->page);
    q->total = !cursor;
    if (cursor && place_of(cursor, &q->before_ms, &id))
        q->before_id = arena_strdup(l->arena, id);
}

static void read_query(struct listing *l, struct check *check, struct request *req)
{
    const char *states = check_query_str(check, &query_fields[Q_STATUS]);
    const char *number = check_query_str(check, &query_fields[Q_NUMBER]);
    l->query.states = states ? states_of(states) : 0;
    l->query.phone_number = number_of(l->arena, number);
    l->query.direction = arena_strdup(l->arena, check_query_str(check, &query_fields[Q_DIRECTION]));
    l->query.api = arena_strdup(l->arena, check_query_str(check, &query_fields[Q_API]));
    read_times(check, &l->query);
    read_place(l, check, req);
}

/* ---- The answer -------------------------------------------------------------------------- */

static void render_call(struct json_writer *w, const struct call *c)
{
    jw_object(w, NULL);
    contact_center_members(w, c);
    jw_str(w, "direction", "outbound");
    jw_str(w, "api", c->api);
    jw_str(w, "user", c->user);
    jw_str(w, "node", c->node);
    jw_int(w, "cause", c->cause);
    jw_end(w);
}

static void on_calls(void *arg, const struct history_answer *answer)
{
    struct listing *l = arg;
    struct json_writer w;
    l->err = answer->err;
    l->message = arena_strdup(l->arena, answer->message);
    jw_init(&w, &l->body);
    jw_object(&w, NULL);
    jw_array(&w, "calls");
    for (size_t i = 0; i < answer->count; i++)
        render_call(&w, answer->calls[i]);
    jw_end(&w);
    page_write(&w, &l->page, answer->total);
    if (answer->more && answer->last_id) {
        char cursor[80];
        snprintf(cursor, sizeof cursor, "%lld-%s", (long long)answer->last_ms, answer->last_id);
        jw_str(&w, "next_cursor", cursor);
    } else {
        jw_null(&w, "next_cursor");
    }
    jw_end(&w);
    hop_done(l->hop);
}

static void run(struct hop *hop, void *data)
{
    struct listing *l = data;
    l->hop = hop;
    calls_history(((struct api *)hop_app(hop))->calls, &l->query, on_calls, l);
}

static void back(struct request *req, void *data)
{
    struct listing *l = data;
    if (l->err == DG_OK)
        reply_json(req, 200, &l->body);
    else
        contact_center_problem(req, l->err, l->message);
}

void control_history(struct request *req)
{
    struct check *check = check_new(req);
    struct listing *l = xcalloc(1, sizeof *l);
    l->arena = arena_new();
    buf_init(&l->body, BUF_MAX);
    read_query(l, check, req);
    if (check_failed(check))
        listing_free(l);
    else
        hop_start(req, l, run, back, listing_free);
}

/* ---- Documentation ------------------------------------------------------------------------ */

/* clang-format off */
static const struct field call_fields[] = {
    CONTACT_CENTER_STATUS_FIELDS,
    {.name = "direction", .kind = FIELD_STR, .required = true, .example = "\"outbound\""},
    {.name = "api", .kind = FIELD_STR, .help = "The API that it was placed through",
     .example = "\"contact-center\""},
    {.name = "user", .kind = FIELD_STR, .help = "Who asked for it", .example = "\"admin\""},
    {.name = "node", .kind = FIELD_STR, .help = "The gateway that placed it", .example = "\"gw1\""},
    {.name = "cause", .kind = FIELD_INT, .required = true, .help = "ITU-T Q.850; 0: not known",
     .example = "16"},
    {0}};
static const struct field page_fields[] = {
    {.name = "calls", .kind = FIELD_LIST, .required = true,
     .of = &(const struct schema){"HistoryCall", "A call, as it is now", call_fields}},
    PAGE_ANSWER_FIELD,
    {.name = "next_cursor", .kind = FIELD_STR, .help = "null: these are the last",
     .example = "\"1759320000000-019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {0}};
/* clang-format on */
static const struct schema page_schema = {"CallHistory", "Calls, newest first", page_fields};
static const struct route_answer answers[] = {
    {200, "The calls", &page_schema, NULL, NULL},
    {401, "No token, or not a valid one", &contact_center_detail, NULL, NULL},
    {422, "A filter is wrong", NULL, NULL, NULL},
    {503, "The store is disabled or away", &contact_center_detail, NULL, NULL},
    {0}};
const struct route_doc control_history_doc = {
    .id = "list_calls",
    .tag = "Calls",
    .summary = "Calls of now and before, newest first",
    .help = "Pages by number shift when new calls come; a cursor goes on behind the last call "
            "that was seen.",
    .params = query_fields,
    .answers = answers,
};
