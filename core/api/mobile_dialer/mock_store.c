/* mock_store.c - which mock numbers there are, and clearing them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/mobile_dialer/private.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/phone.h"

/* ---- GET /mock-status -------------------------------------------------------------------------
 */

struct listing {
    struct json_writer active, numbers;
    struct buf active_json, numbers_json;
    uint64_t count;
};

static void add_number(struct listing *l, const struct mock_range *r, uint32_t key)
{
    char seven[PHONE_KEY_DIGITS + 1], whole[MOCK_NUMBER_SIZE];
    phone_key_text(key, seven);
    mock_range_number(r, key, whole);
    jw_object(&l->active, NULL);
    jw_str(&l->active, "number", seven);
    jw_str(&l->active, "original_number", whole);
    mobile_time(&l->active, "created_at", r->added_ms);
    mobile_time(&l->active, "expires_at", r->expires_ms);
    jw_end(&l->active);
    jw_str(&l->numbers, NULL, seven);
    l->count++;
}

static void add_range(void *arg, const struct mock_range *r)
{
    for (uint32_t key = r->first; key <= r->last; key++)
        add_number(arg, r, key);
}

static void listing_begin(struct json_writer *w, struct buf *json)
{
    buf_init(json, BUF_MAX);
    jw_init(w, json);
    jw_array(w, NULL);
}

void mobile_mock_status(struct request *req)
{
    struct listing l = {.count = 0};
    struct mock_numbers *mocks = api_of(req)->mock_numbers;
    struct buf json;
    struct json_writer w;
    listing_begin(&l.active, &l.active_json);
    listing_begin(&l.numbers, &l.numbers_json);
    mock_numbers_each(mocks, request_thread(req), add_range, &l);
    jw_end(&l.active);
    jw_end(&l.numbers);
    log_info("mobile", "mock numbers listed", LOG_I("numbers", l.count));

    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    jw_raw(&w, "active_mocks", l.active_json.ptr, l.active_json.len);
    jw_int(&w, "total_count", (int64_t)l.count);
    mobile_now(&w);
    jw_raw(&w, "mock_numbers", l.numbers_json.ptr, l.numbers_json.len);
    jw_int(&w, "timeout_minutes", (int64_t)(mock_numbers_lifetime(mocks) / 60000));
    jw_end(&w);
    if (json.over)
        mobile_error(req, 500, "There are too many to list");
    else
        reply_json(req, 200, &json);
    buf_free(&json);
    buf_free(&l.active_json);
    buf_free(&l.numbers_json);
}

/* ---- DELETE /clear-mocks
 * ---------------------------------------------------------------------------- */

struct clearing {
    struct hop *hop;
    struct mock_answer answer;
    char *message;
};

static void clearing_free(void *data)
{
    struct clearing *c = data;
    free(c->message);
    free(c);
}

static void on_cleared(void *arg, const struct mock_answer *answer)
{
    struct clearing *c = arg;
    c->answer = *answer;
    c->message = xstrdup(answer->message);
    hop_done(c->hop);
}

static void run_clear(struct hop *hop, void *data)
{
    struct clearing *c = data;
    c->hop = hop;
    mock_numbers_clear(((struct api *)hop_app(hop))->mock_numbers, on_cleared, c);
}

static void back_clear(struct request *req, void *data)
{
    const struct clearing *c = data;
    if (c->answer.err != DG_OK) {
        mobile_mock_problem(req, c->answer.err, c->message, c->answer.retry_s);
        return;
    }
    struct buf json;
    struct json_writer w;
    char message[64];
    snprintf(message, sizeof message, "Cleared %zu mock entries", c->answer.count);
    log_info("mobile", "mock numbers cleared", LOG_I("numbers", c->answer.count));
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    jw_int(&w, "cleared_count", (int64_t)c->answer.count);
    jw_str(&w, "message", message);
    jw_end(&w);
    reply_json(req, 200, &json);
    buf_free(&json);
}

void mobile_clear_mocks(struct request *req)
{
    hop_start(req, xcalloc(1, sizeof(struct clearing)), run_clear, back_clear, clearing_free);
}

/* ---- Documentation
 * -------------------------------------------------------------------------------------- */

static const struct field active_fields[] = {
    {.name = "number",
     .kind = FIELD_STR,
     .required = true,
     .help = "Its last seven digits",
     .example = "\"4567890\""},
    {.name = "original_number", .kind = FIELD_STR, .required = true, .example = "\"1234567890\""},
    {.name = "created_at",
     .kind = FIELD_STR,
     .required = true,
     .help = "Local time",
     .example = "\"2026-01-01T12:00:00.123000\""},
    {.name = "expires_at",
     .kind = FIELD_STR,
     .required = true,
     .example = "\"2026-01-01T12:05:00.123000\""},
    {0}};
static const struct schema active_schema = {"MockNumber", "A number that seems to be in a call",
                                            active_fields};
static const struct field status_fields[] = {
    {.name = "active_mocks", .kind = FIELD_LIST, .required = true, .of = &active_schema},
    {.name = "total_count", .kind = FIELD_INT, .required = true, .example = "1"},
    {.name = "timestamp",
     .kind = FIELD_STR,
     .required = true,
     .help = "Local time",
     .example = "\"2026-01-01T12:01:00.123456\""},
    {.name = "mock_numbers", .kind = FIELD_STR_LIST, .required = true, .example = "[\"4567890\"]"},
    {.name = "timeout_minutes", .kind = FIELD_INT, .required = true, .example = "5"},
    {0}};
static const struct schema status_schema = {"MockStatus", "All mock numbers", status_fields};
static const struct route_answer status_answers[] = {
    {200, "Those that have not expired", &status_schema, NULL, NULL},
    {401, "Not the development key", &mobile_detail, NULL, NULL},
    {422, "The API key is missing", NULL, NULL, NULL},
    {0}};
const struct route_doc mobile_mock_status_doc = {
    .id = "mock_status",
    .tag = "Mobile dialer",
    .summary = "Which mock numbers there are",
    .answers = status_answers,
};

static const struct field cleared_fields[] = {
    {.name = "cleared_count", .kind = FIELD_INT, .required = true, .example = "5"},
    {.name = "message",
     .kind = FIELD_STR,
     .required = true,
     .example = "\"Cleared 5 mock entries\""},
    {0}};
static const struct schema cleared_schema = {"ClearMocksResponse", "How many there were",
                                             cleared_fields};
static const struct route_answer cleared_answers[] = {
    {200, "They are gone", &cleared_schema, NULL, NULL},
    {401, "Not the development key", &mobile_detail, NULL, NULL},
    {422, "The API key is missing", NULL, NULL, NULL},
    {503, "The store cannot be reached", &mobile_detail, NULL, NULL},
    {0}};
const struct route_doc mobile_clear_mocks_doc = {
    .id = "clear_mocks",
    .tag = "Mobile dialer",
    .summary = "Forget all mock numbers",
    .answers = cleared_answers,
};
