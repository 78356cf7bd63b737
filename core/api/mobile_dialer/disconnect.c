/* disconnect.c - ending a call by what check-connection told of it. */
#include <stdlib.h>

#include "api/mobile_dialer/private.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/calls.h"

#define CHANNEL_ID_MAX 255

static const char *rule_channel(const char *name, const char *value)
{
    (void)name;
    return str_has_control(value) ? "String should not contain control characters" : NULL;
}

static const struct field body_fields[] = {
    {.name = "channel_id",
     .kind = FIELD_STR,
     .required = true,
     .min = 1,
     .max = CHANNEL_ID_MAX,
     .rule = rule_channel,
     .help = "As /check-connection told it, or a channel's name",
     .example = "\"1767268800.123\""},
    {0}};
static const struct schema body_schema = {"DisconnectCallRequest", "Which call to end",
                                          body_fields};

const json_t *disconnect_call_check(struct check *c)
{
    return check_body(c, &body_schema);
}

/* ---- Ending it --------------------------------------------------------------------------------
 */

struct ending {
    struct hop *hop;
    char *id;
    bool mock;
    uint32_t key; /* of a mock number; 0: the id names none */
    enum dg_err err;
    char *why;
};

static void ending_free(void *data)
{
    struct ending *e = data;
    free(e->id);
    free(e->why);
    free(e);
}

static void end(struct ending *e, enum dg_err err, const char *why)
{
    e->err = err;
    e->why = xstrdup(why);
    hop_done(e->hop);
}

static void on_removed(void *arg, const struct mock_answer *answer)
{
    end(arg, answer->err, answer->message);
}

static void on_hung_up(void *arg, const struct op_result *res)
{
    bool gone = res->err == DG_ENOTFOUND; /* it is not there any more, as was asked */
    end(arg, gone ? DG_OK : res->err, res->message);
}

static void run(struct hop *hop, void *data)
{
    struct ending *e = data;
    struct api *api = hop_app(hop);
    e->hop = hop;
    if (e->mock)
        mock_numbers_remove(api->mock_numbers, e->key, on_removed, e);
    else
        control_hangup_channel(api->control, e->id, on_hung_up, e);
}

static void answer(struct request *req, const struct ending *e)
{
    struct buf json;
    struct json_writer w;
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    jw_str(&w, "message", e->mock ? "Mock call disconnected" : "Call disconnected successfully");
    jw_str(&w, "channel_id", e->id);
    mobile_now(&w);
    jw_bool(&w, "success", true);
    jw_end(&w);
    reply_json(req, 200, &json);
    buf_free(&json);
}

static void back(struct request *req, void *data)
{
    const struct ending *e = data;
    if (e->err == DG_OK) {
        log_info("mobile", "call disconnected", LOG_S("channel", e->id),
                 LOG_S("mock", e->mock ? "true" : "false"));
        answer(req, e);
        return;
    }
    log_warn("mobile", "call not disconnected", LOG_S("channel", e->id), LOG_S("why", e->why));
    if (e->mock)
        mobile_mock_problem(req, e->err, e->why, 0);
    else
        mobile_error(req, 500, "Failed to disconnect call");
}

void mobile_disconnect_call(struct request *req)
{
    struct check *check = check_new(req);
    const json_t *body = disconnect_call_check(check);
    if (check_failed(check))
        return;
    struct ending *e = xcalloc(1, sizeof *e);
    e->id = xstrdup(check_str(body, "channel_id"));
    e->mock = mobile_mock_key(e->id, &e->key);
    hop_start(req, e, run, back, ending_free);
}

/* ---- Documentation
 * ---------------------------------------------------------------------------------- */

static const struct field ended_fields[] = {
    {.name = "message",
     .kind = FIELD_STR,
     .required = true,
     .help = "Call disconnected successfully or Mock call disconnected",
     .example = "\"Call disconnected successfully\""},
    {.name = "channel_id", .kind = FIELD_STR, .required = true, .example = "\"1767268800.123\""},
    {.name = "timestamp",
     .kind = FIELD_STR,
     .required = true,
     .help = "Local time",
     .example = "\"2026-01-01T12:00:00.123456\""},
    {.name = "success", .kind = FIELD_BOOL, .required = true, .example = "true"},
    {0}};
static const struct schema ended_schema = {"DisconnectCallResponse", "The call ends", ended_fields};
static const struct route_answer answers[] = {
    {200, "It was hung up, or was not there any more", &ended_schema, NULL, NULL},
    {401, "The API key is wrong", &mobile_detail, NULL, NULL},
    {422, "The API key is missing, or something is wrong with the channel's id", NULL, NULL, NULL},
    {500, "The telephone system is not connected, or refused", &mobile_detail, NULL, NULL},
    {503, "A mock number, and the store cannot be reached", &mobile_detail, NULL, NULL},
    {0}};
#define DISCONNECT_DOC(variable, operation)                                                        \
    const struct route_doc variable = {.id = operation,                                            \
                                       .tag = "Mobile dialer",                                     \
                                       .summary = "End a call, whoever placed it",                 \
                                       .body = &body_schema,                                       \
                                       .answers = answers}
DISCONNECT_DOC(mobile_disconnect_call_doc, "disconnect_call");
DISCONNECT_DOC(mobile_disconnect_call_delete_doc, "disconnect_call_delete");
