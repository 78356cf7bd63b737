/* mocks.c - numbers that seem to be in a call, for those who develop an app: adding some. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/mobile_dialer/private.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/phone.h"

#define EXPANDED_MAX 100000 /* numbers that one request stands for */

/* ---- The items ------------------------------------------------------------------------------ */

static const char *rule_item(const char *name, const char *value)
{
    struct mock_item item;
    (void)name;
    switch (mock_item_read(value, &item)) {
    case MOCK_ITEM_COLONS:
        return "A range is start:end, with one colon";
    case MOCK_ITEM_LONG:
        return "A number should have at most 18 digits";
    case MOCK_ITEM_FINE:
        break;
    }
    return NULL;
}

static const struct field body_fields[] = {
    {.name = "numbers",
     .kind = FIELD_STR_LIST,
     .required = true,
     .rule = rule_item,
     .help = "Numbers, or ranges start:end of which both ends have as many digits; together at "
             "most 100000 numbers",
     .example = "[\"1234567890\",\"555-0100:555-0199\"]"},
    {0}};
static const struct schema body_schema = {"MockConnectRequest",
                                          "Numbers that are to seem connected", body_fields};

static uint64_t count_numbers(const json_t *list)
{
    uint64_t count = 0;
    size_t i;
    json_t *text;
    struct mock_item item;
    json_array_foreach((json_t *)list, i, text)
    {
        if (!json_is_string(text) || mock_item_read(json_string_value(text), &item))
            continue;
        uint64_t more = mock_item_count(&item);
        count = more > EXPANDED_MAX ? EXPANDED_MAX + 1 : count + more;
        if (count > EXPANDED_MAX)
            break;
    }
    return count;
}

const json_t *mock_connect_check(struct check *c)
{
    const json_t *body = check_body(c, &body_schema);
    const json_t *list = json_object_get(body, "numbers");
    if (list && count_numbers(list) > EXPANDED_MAX)
        check_problem(c, "body", "numbers", "too_long",
                      "The ranges should have at most 100000 numbers together", NULL);
    return list;
}

/* ---- Adding ------------------------------------------------------------------------------------
 */

struct adding {
    struct hop *hop;
    struct mock_item *items;
    size_t count;
    struct mock_answer answer;
    char *message;
};

static void adding_free(void *data)
{
    struct adding *a = data;
    free(a->items);
    free(a->message);
    free(a);
}

static void on_added(void *arg, const struct mock_answer *answer)
{
    struct adding *a = arg;
    a->answer = *answer;
    a->message = xstrdup(answer->message);
    hop_done(a->hop);
}

static void run_add(struct hop *hop, void *data)
{
    struct adding *a = data;
    a->hop = hop;
    mock_numbers_add(((struct api *)hop_app(hop))->mock_numbers, a->items, a->count, on_added, a);
}

/* Every number as it was written, or its last seven digits. */
static void write_numbers(struct json_writer *w, const struct adding *a, bool short_form)
{
    char text[MOCK_DIGITS_MAX + 1];
    for (size_t i = 0; i < a->count; i++) {
        const struct mock_item *item = &a->items[i];
        for (uint64_t n = mock_item_count(item), number = item->from; n; n--, number++) {
            int len = snprintf(text, sizeof text, "%0*" PRIu64, (int)item->digits, number);
            bool cut = short_form && len > PHONE_KEY_DIGITS;
            jw_str(w, NULL, cut ? text + len - PHONE_KEY_DIGITS : text);
        }
    }
}

static uint64_t total(const struct adding *a)
{
    uint64_t count = 0;
    for (size_t i = 0; i < a->count; i++)
        count += mock_item_count(&a->items[i]);
    return count;
}

static void back_add(struct request *req, void *data)
{
    const struct adding *a = data;
    if (a->answer.err != DG_OK) {
        mobile_mock_problem(req, a->answer.err, a->message, a->answer.retry_s);
        return;
    }
    struct buf json;
    struct json_writer w;
    char message[64];
    snprintf(message, sizeof message, "Added %" PRIu64 " numbers to mock store", total(a));
    log_info("mobile", "mock numbers added", LOG_I("numbers", total(a)), LOG_I("items", a->count),
             LOG_I("seconds", a->answer.lifetime_ms / 1000));
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    jw_str(&w, "message", message);
    jw_array(&w, "numbers_added");
    write_numbers(&w, a, false);
    jw_end(&w);
    mobile_time(&w, "expires_at", a->answer.expires_ms);
    jw_array(&w, "numbers");
    write_numbers(&w, a, true);
    jw_end(&w);
    jw_int(&w, "expires_in_minutes", (int64_t)(a->answer.lifetime_ms / 60000));
    jw_end(&w);
    reply_json(req, 200, &json);
    buf_free(&json);
}

static void log_item(const char *text, const struct mock_item *item)
{
    if (item->joined)
        log_warn("mobile", "mock range with ends of unequal length, taken as one number",
                 LOG_S("item", text));
    else
        log_debug("mobile", "mock number", LOG_S("item", text),
                  LOG_I("numbers", mock_item_count(item)));
}

void mobile_mock_connect(struct request *req)
{
    struct check *check = check_new(req);
    const json_t *list = mock_connect_check(check);
    if (check_failed(check))
        return;
    size_t i;
    json_t *text;
    struct adding *a = xcalloc(1, sizeof *a);
    a->items = xcalloc(json_array_size(list) + 1, sizeof *a->items);
    json_array_foreach((json_t *)list, i, text)
    {
        struct mock_item *item = &a->items[a->count++];
        mock_item_read(json_string_value(text), item);
        log_item(json_string_value(text), item);
    }
    hop_start(req, a, run_add, back_add, adding_free);
}

/* ---- Documentation
 * -------------------------------------------------------------------------------- */

static const struct field added_fields[] = {
    {.name = "message",
     .kind = FIELD_STR,
     .required = true,
     .example = "\"Added 1 numbers to mock store\""},
    {.name = "numbers_added",
     .kind = FIELD_STR_LIST,
     .required = true,
     .help = "The digits of each number",
     .example = "[\"1234567890\"]"},
    {.name = "expires_at",
     .kind = FIELD_STR,
     .required = true,
     .help = "Local time",
     .example = "\"2026-01-01T12:05:00.123000\""},
    {.name = "numbers",
     .kind = FIELD_STR_LIST,
     .required = true,
     .help = "The last seven digits of each, by which they are known",
     .example = "[\"4567890\"]"},
    {.name = "expires_in_minutes", .kind = FIELD_INT, .required = true, .example = "5"},
    {0}};
static const struct schema added_schema = {"MockConnectResponse", "What was added", added_fields};
static const struct route_answer added_answers[] = {
    {200, "Added; numbers that were there last anew", &added_schema, NULL, NULL},
    {401, "Not the development key", &mobile_detail, NULL, NULL},
    {422, "The key is missing, or something is wrong with the numbers", NULL, NULL, NULL},
    {429, "Too many mock numbers at once", &mobile_detail, NULL, NULL},
    {503, "The store cannot be reached", &mobile_detail, NULL, NULL},
    {0}};
const struct route_doc mobile_mock_connect_doc = {
    .id = "mock_connect",
    .tag = "Mobile dialer",
    .summary = "Let numbers seem to be in a call",
    .body = &body_schema,
    .answers = added_answers,
};
