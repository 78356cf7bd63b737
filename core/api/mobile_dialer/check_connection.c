/* check_connection.c - is a number in a call? Answered on the HTTP thread: by the mock numbers,
 * then by the index of live channels. */
#include <string.h>

#include "api/check_private.h"
#include "api/mobile_dialer/private.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/phone.h"
#include "domain/channels.h"

/* ---- The answer -------------------------------------------------------------------------- */

struct question {
    const char *number, *caller; /* NULL: any caller */
};

struct connection {
    const char *channel; /* NULL: none */
    const char *message;
};

static void log_check(const struct question *q, const char *result, const char *channel)
{
    log_info_soon("mobile", "connection checked", LOG_S("number", q->number),
                  LOG_S("caller", q->caller), LOG_S("result", result), LOG_S("channel", channel));
}

static void answer_any(struct request *req, const struct connection *c)
{
    struct buf json;
    struct json_writer w;
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    jw_bool(&w, "connected", c->channel != NULL);
    jw_str(&w, "channel_id", c->channel);
    jw_str(&w, "message", c->message);
    mobile_now(&w);
    jw_end(&w);
    reply_json(req, 200, &json);
    buf_free(&json);
}

/* The length of an id in which nothing is to be escaped, else SIZE_MAX. */
static size_t plain_len(const char *id)
{
    static const bool plain[256] = {
        [' '] = true, ['!'] = true, ['#' ... '['] = true, [']' ... '~'] = true};
    size_t len = 0;
    while (plain[(unsigned char)id[len]])
        len++;
    return id[len] ? SIZE_MAX : len;
}

static char *put_found(char *at, const char *id, size_t len)
{
    at = stpcpy(at, "{\"connected\":true,\"channel_id\":\"");
    return stpcpy(mempcpy(at, id, len), "\",\"message\":\"");
}

/* The same without the writer where nothing is to be escaped: this is asked more often than
 * anything else. */
static void answer(struct request *req, const struct connection *c)
{
    char text[512], *end = text;
    size_t len = c->channel ? plain_len(c->channel) : 0;
    if (len > DG_ID_MAX) {
        answer_any(req, c);
        return;
    }
    if (c->channel)
        end = put_found(end, c->channel, len);
    else
        end = stpcpy(end, "{\"connected\":false,\"channel_id\":null,\"message\":\"");
    end = stpcpy(stpcpy(end, c->message), "\",\"timestamp\":\"");
    clock_iso_local(clock_unix_us(), end);
    end = stpcpy(end + strlen(end), "\"}");
    reply_bytes(req, 200, "application/json", text, (size_t)(end - text));
}

/* true: answered. */
static bool answer_from_mocks(struct request *req, const struct question *q)
{
    struct mock_range range;
    char id[MOCK_ID_SIZE];
    uint32_t key = phone_key(q->number);
    if (!mock_numbers_find(api_of(req)->mock_numbers, request_thread(req), key, &range))
        return false;
    mobile_mock_id(&range, key, id);
    log_check(q, "mock", id);
    answer(req, &(struct connection){id, "Mock connection active"});
    return true;
}

void mobile_check_connection(struct request *req)
{
    const struct question q = {request_query(req, "dialed_number"),
                               request_query(req, "caller_id")};
    if (!q.number) {
        struct check *check = check_new(req);
        check_connection_check(check);
        check_failed(check);
        return;
    }
    char id[DG_ID_MAX + 1];
    if (answer_from_mocks(req, &q))
        return;
    switch (channels_find(api_of(req)->channels, request_thread(req), q.number, q.caller, id)) {
    case CHANNEL_FOUND:
        log_check(&q, "connected", id);
        answer(req, &(struct connection){id, "Call exists on Asterisk server"});
        break;
    case CHANNEL_NOT_FOUND:
        log_check(&q, "not connected", NULL);
        answer(req, &(struct connection){NULL, "Call not found on Asterisk server"});
        break;
    case CHANNEL_UNCERTAIN: /* an app that is told "not connected" hangs up a live call */
        log_check(&q, "unknown, the telephone system is not connected", NULL);
        mobile_error(req, 500, "Internal server error");
        break;
    }
}

/* ---- Documentation ----------------------------------------------------------------------------
 */

static const struct field params[] = {
    {.name = "dialed_number",
     .kind = FIELD_STR,
     .required = true,
     .help = "In any form; the last seven digits count. Of fewer digits the whole number counts",
     .example = "\"+1 555-555-0100\""},
    {.name = "caller_id",
     .kind = FIELD_STR,
     .help = "Only a channel that has this number too, in another place; compared likewise",
     .example = "\"9025800000\""},
    {0}};

void check_connection_check(struct check *c)
{
    if (!request_query(check_request(c), "dialed_number"))
        check_problem(c, "query", "dialed_number", "missing", "Field required", NULL);
}

static const struct field fields[] = {
    {.name = "connected", .kind = FIELD_BOOL, .required = true, .example = "true"},
    {.name = "channel_id",
     .kind = FIELD_STR,
     .help = "For /disconnect-call; mock-... for a mock number",
     .example = "\"1767268800.123\""},
    {.name = "message",
     .kind = FIELD_STR,
     .required = true,
     .help = "Call exists on Asterisk server, Call not found on Asterisk server or Mock "
             "connection active",
     .example = "\"Call exists on Asterisk server\""},
    {.name = "timestamp",
     .kind = FIELD_STR,
     .required = true,
     .help = "Local time",
     .example = "\"2026-01-01T12:00:00.123456\""},
    {0}};
static const struct schema schema = {"Connection", "Whether a number is in a call", fields};
static const struct route_answer answers[] = {
    {200, "Whether it is", &schema, NULL, NULL},
    {401, "The API key is wrong", &mobile_detail, NULL, NULL},
    {422, "The API key or dialed_number is missing", NULL, NULL, NULL},
    {500, "The telephone system is not connected, so nobody knows; try again", &mobile_detail, NULL,
     NULL},
    {0}};
const struct route_doc mobile_check_connection_doc = {
    .id = "check_connection",
    .tag = "Mobile dialer",
    .summary = "Is a number in a call?",
    .help = "Looked for in every channel of the telephone system: its name, the number it is "
            "connected to, its extension, its caller's number, its account and its application's "
            "data. The channel must be up, ringing, dialling or have early media. Of several the "
            "one that is up, and of those the newest, is told.",
    .params = params,
    .answers = answers,
};
