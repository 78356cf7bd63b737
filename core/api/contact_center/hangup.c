/* hangup.c - hanging up a call. */
#include <stdlib.h>

#include "api/contact_center/private.h"
#include "base/json.h"
#include "base/mem.h"

struct ending {
    struct hop *hop;
    char *id;
    enum dg_err err;
    char *message;
};

static void ending_free(void *data)
{
    struct ending *e = data;
    free(e->id);
    free(e->message);
    free(e);
}

static void on_hung_up(void *arg, const struct control_answer *answer)
{
    struct ending *e = arg;
    e->err = answer->err;
    e->message = xstrdup(answer->message);
    hop_done(e->hop);
}

static void run_hangup(struct hop *hop, void *data)
{
    struct ending *e = data;
    e->hop = hop;
    const struct control_request what = {.action = CONTROL_HANGUP, .call = e->id};
    control_ask(((struct api *)hop_app(hop))->control, &what, on_hung_up, e);
}

static void back_hangup(struct request *req, void *data)
{
    struct ending *e = data;
    if (e->err != DG_OK) {
        contact_center_problem(req, e->err, e->message);
        return;
    }
    struct buf json;
    struct json_writer w;
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    jw_bool(&w, "success", true);
    jw_str(&w, "call_id", e->id);
    jw_str(&w, "message", "Call hung up");
    jw_end(&w);
    reply_json(req, 200, &json);
    buf_free(&json);
}

void contact_center_hangup(struct request *req)
{
    struct check *check = check_new(req);
    check_param(check, "call_id", contact_center_call_id);
    if (check_failed(check))
        return;
    struct ending *e = xcalloc(1, sizeof *e);
    e->id = xstrdup(request_param(req, "call_id"));
    hop_start(req, e, run_hangup, back_hangup, ending_free);
}

static const struct field hangup_fields[] = {
    {.name = "success", .kind = FIELD_BOOL, .required = true, .example = "true"},
    {.name = "call_id", .kind = FIELD_STR, .required = true},
    {.name = "message", .kind = FIELD_STR, .required = true, .example = "\"Call hung up\""},
    {0}};
static const struct schema hangup_schema = {"HangupResponse", "The telephone system took it",
                                            hangup_fields};
static const struct route_answer hangup_answers[] = {
    {200, "The telephone system took the hang-up; the end follows as a state", &hangup_schema, NULL,
     NULL},
    {401, "No token, or not a valid one", &contact_center_detail, NULL, NULL},
    {404, "No such call", &contact_center_detail, NULL, NULL},
    {409, "The call has already ended", &contact_center_detail, NULL, NULL},
    {422, "The id is too short or too long", NULL, NULL, NULL},
    {503, "The telephone system cannot be reached", &contact_center_detail, NULL, NULL},
    {0}};
const struct route_doc contact_center_hangup_doc = {
    .id = "hangup_call",
    .tag = "Calls",
    .summary = "Hang up a call",
    .params = contact_center_call_id,
    .answers = hangup_answers,
};
