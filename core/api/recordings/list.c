/* list.c - GET /api/v2/recordings: what was recorded, newest first. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/page.h"
#include "api/recordings/private.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

/* ---- The query ---------------------------------------------------------------------------- */

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

static const char *rule_call(const char *name, const char *value)
{
    (void)name;
    return id_is_uuid(value) ? NULL : "Input should be the id of a call";
}

static const char *rule_search(const char *name, const char *value)
{
    char whole[RECORDING_NAME_MAX + 2]; /* what a name cannot begin with can still be in it */
    (void)name;
    snprintf(whole, sizeof whole, "a%s", value);
    return recording_name_refusal(whole) ? "Input should be a part of a recording's name" : NULL;
}

/* "1759320000000-NAME": the last recording that was seen. */
static bool place_of(const char *cursor, int64_t *at_ms, const char **name)
{
    char number[24];
    const char *dash = strchr(cursor, '-');
    if (!dash || (size_t)(dash - cursor) >= sizeof number)
        return false;
    snprintf(number, sizeof number, "%.*s", (int)(dash - cursor), cursor);
    *name = dash + 1;
    return str_to_int(number, at_ms) && *at_ms >= 0 && !recording_name_refusal(*name);
}

static const char *rule_cursor(const char *name, const char *value)
{
    int64_t at_ms;
    const char *last;
    (void)name;
    return place_of(value, &at_ms, &last) ? NULL : "Input should be the next_cursor of an answer";
}

/* clang-format off */
enum { Q_CALL, Q_SEARCH, Q_BACKEND, Q_FROM, Q_TO, Q_PAGE, Q_PER_PAGE, Q_CURSOR };
static const struct field query_fields[] = {
    [Q_CALL] = {.name = "call_id", .kind = FIELD_STR, .max = 36, .rule = rule_call,
                .help = "Of this call", .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    [Q_SEARCH] = {.name = "search", .kind = FIELD_STR, .max = RECORDING_NAME_MAX - 1,
                  .rule = rule_search, .help = "Is in the name", .example = "\"20251001\""},
    [Q_BACKEND] = {.name = "backend", .kind = FIELD_STR, .max = 40,
                   .rule = recordings_rule_backend, .help = "On this backend's server",
                   .example = "\"pbx\""},
    [Q_FROM] = {.name = "from", .kind = FIELD_STR, .max = 31, .rule = rule_moment,
                .help = "Created then or later; UTC unless it says otherwise",
                .example = "\"2025-10-01\""},
    [Q_TO] = {.name = "to", .kind = FIELD_STR, .max = 31, .rule = rule_moment,
              .help = "Created then or earlier; a date is its whole day",
              .example = "\"2025-10-31\""},
    [Q_PAGE] = PAGE_NUMBER_FIELD,
    [Q_PER_PAGE] = PAGE_SIZE_FIELD,
    [Q_CURSOR] = {.name = "cursor", .kind = FIELD_STR, .max = 160, .rule = rule_cursor,
                  .help = "next_cursor of the answer before, with the same filters",
                  .example = "\"1759320000000-20251001-120007-019339a4-7b0a-7c3e-9f27-"
                             "0d3c5a1b2c4d\""},
    {0}};
/* clang-format on */

struct listing {
    struct hop *hop;
    struct arena *arena;
    const char *call, *search, *backend, *after; /* after: the cursor's name */
    int64_t from_ms, to_ms, after_ms;
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

static void read_query(struct listing *l, struct check *check, struct request *req)
{
    int64_t at_ms, span_ms;
    const char *name;
    const char *from = check_query_str(check, &query_fields[Q_FROM]);
    const char *to = check_query_str(check, &query_fields[Q_TO]);
    const char *cursor = check_query_str(check, &query_fields[Q_CURSOR]);
    l->call = arena_strdup(l->arena, check_query_str(check, &query_fields[Q_CALL]));
    l->search = arena_strdup(l->arena, check_query_str(check, &query_fields[Q_SEARCH]));
    l->backend = arena_strdup(l->arena, check_query_str(check, &query_fields[Q_BACKEND]));
    l->to_ms = INT64_MAX;
    if (from && moment_of(from, &at_ms, &span_ms))
        l->from_ms = at_ms;
    if (to && moment_of(to, &at_ms, &span_ms))
        l->to_ms = at_ms + span_ms - 1;
    page_read(check, req, cursor != NULL, &l->page);
    if (cursor && place_of(cursor, &l->after_ms, &name))
        l->after = arena_strdup(l->arena, name);
}

/* ---- The answer ---------------------------------------------------------------------------- */

static bool is_wanted(const struct listing *l, const struct recording *r)
{
    int64_t at_ms = recording_created_ms(r);
    return (!l->call || strcasecmp(l->call, r->told.call_id) == 0) &&
           (!l->search || strstr(r->name, l->search)) &&
           (!l->backend || str_eq(l->backend, r->backend)) &&
           (!l->from_ms || at_ms >= l->from_ms) && at_ms <= l->to_ms;
}

static bool is_behind(const struct listing *l, const struct recording *r)
{
    int64_t at_ms = recording_created_ms(r);
    return !l->after || at_ms < l->after_ms ||
           (at_ms == l->after_ms && strcmp(r->name, l->after) < 0);
}

/* A cursor's place is a name: those of one name are not taken apart. */
static bool is_full(uint64_t shown, uint64_t size, const struct recording *last,
                    const struct recording *r)
{
    return shown > size || (shown == size && last && !str_eq(last->name, r->name));
}

static void render_list(struct listing *l, const struct recordings_answer *answer)
{
    struct json_writer w;
    uint64_t total = 0, shown = 0;
    const struct recording *last = NULL, *beyond = NULL;
    jw_init(&w, &l->body);
    jw_object(&w, NULL);
    jw_array(&w, "recordings");
    for (size_t i = 0; i < answer->count; i++) {
        const struct recording *r = &answer->list[i];
        if (!is_wanted(l, r) || !is_behind(l, r) || ++total <= page_skip(&l->page))
            continue;
        if (shown >= l->page.size && (l->page.number || is_full(shown, l->page.size, last, r))) {
            beyond = beyond ? beyond : r;
            shown = l->page.size + 1; /* nothing more is shown */
            continue;
        }
        recordings_write(&w, r);
        shown++;
        last = r;
    }
    jw_end(&w);
    page_write(&w, &l->page, total);
    if (beyond && last) {
        char cursor[RECORDING_NAME_MAX + 32];
        snprintf(cursor, sizeof cursor, "%" PRId64 "-%s", recording_created_ms(last), last->name);
        jw_str(&w, "next_cursor", cursor);
    } else {
        jw_null(&w, "next_cursor");
    }
    jw_end(&w);
}

static void on_list(void *arg, const struct recordings_answer *answer)
{
    struct listing *l = arg;
    l->err = answer->err;
    l->message = arena_strdup(l->arena, answer->message);
    if (answer->err == DG_OK)
        render_list(l, answer);
    hop_done(l->hop);
}

static void run(struct hop *hop, void *data)
{
    struct listing *l = data;
    l->hop = hop;
    recordings_list(((struct api *)hop_app(hop))->recordings, on_list, l);
}

static void back(struct request *req, void *data)
{
    struct listing *l = data;
    if (l->err == DG_OK)
        reply_json(req, 200, &l->body);
    else
        contact_center_problem(req, l->err, l->message);
}

void recordings_get_list(struct request *req)
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

/* ---- Documentation ------------------------------------------------------------------------- */

/* clang-format off */
static const struct field list_fields[] = {
    {.name = "recordings", .kind = FIELD_LIST, .required = true, .of = &recordings_schema},
    PAGE_ANSWER_FIELD,
    {.name = "next_cursor", .kind = FIELD_STR, .help = "null: these are the last",
     .example = "null"},
    {0}};
/* clang-format on */
static const struct schema list_schema = {"RecordingList", "Recordings, newest first", list_fields};
static const struct route_answer answers[] = {
    {200, "A page of them", &list_schema, NULL, NULL}, RECORDINGS_REFUSALS, {0}};
const struct route_doc recordings_get_list_doc = {
    .id = "list_recordings",
    .tag = "Recordings",
    .summary = "What was recorded, newest first",
    .help = "Of all backends that are connected and can tell, as of a second ago at most. Those "
            "whose names are not letters, digits and `- . _ + @ =`, or that lie in a folder of "
            "their own, are not shown.",
    .params = query_fields,
    .answers = answers,
};
