/* status.c - GET of one call: from its snapshot, or, when it is older, from the store. */
#include <stdlib.h>

#include "api/contact_center/private.h"
#include "base/mem.h"

struct look_up {
    struct hop *hop;
    char *id;
    enum dg_err err;
    char *message;
    struct buf body;
};

static void look_up_free(void *data)
{
    struct look_up *l = data;
    free(l->id);
    free(l->message);
    buf_free(&l->body);
    free(l);
}

static void on_call(void *arg, const struct call_answer *answer)
{
    struct look_up *l = arg;
    l->err = answer->err;
    l->message = xstrdup(answer->message);
    if (answer->err == DG_OK)
        contact_center_render(answer->call, &l->body);
    hop_done(l->hop);
}

static void run(struct hop *hop, void *data)
{
    struct look_up *l = data;
    l->hop = hop;
    calls_get(((struct api *)hop_app(hop))->calls, l->id, on_call, l);
}

static void back(struct request *req, void *data)
{
    struct look_up *l = data;
    if (l->err == DG_OK)
        reply_json(req, 200, &l->body);
    else
        contact_center_problem(req, l->err, l->message);
}

static void from_snapshot(void *arg, const void *bytes, size_t len)
{
    reply_bytes(arg, 200, "application/json", bytes, len);
}

void contact_center_status(struct request *req)
{
    struct api *api = api_of(req);
    struct check *check = check_new(req);
    check_param(check, "call_id", contact_center_call_id);
    if (check_failed(check))
        return;
    if (api->store_disabled) {
        contact_center_problem(req, DG_EUNAVAILABLE, STORE_DISABLED_TEXT);
        return;
    }
    const char *id = request_param(req, "call_id");
    if (snapshots_read(api->snapshots, request_thread(req), id, from_snapshot, req))
        return;
    struct look_up *l = xcalloc(1, sizeof *l);
    l->id = xstrdup(id);
    buf_init(&l->body, BUF_MAX);
    hop_start(req, l, run, back, look_up_free);
}

/* ---- Documentation -------------------------------------------------------------- */

const struct field contact_center_call_id[] = {
    {.name = "call_id",
     .kind = FIELD_STR,
     .required = true,
     .min = 8,
     .max = 255,
     .help = "As it was answered when the call was placed",
     .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {0}};

static const struct field detail_fields[] = {
    {.name = "detail", .kind = FIELD_STR, .required = true, .help = "What is wrong"}, {0}};
const struct schema contact_center_detail = {"Error", "What is wrong", detail_fields};

/* clang-format off */
static const struct field status_fields[] = {
    CONTACT_CENTER_STATUS_FIELDS,
    {0}};
/* clang-format on */
const struct schema contact_center_status_schema = {"CallStatus", "A call as it is now",
                                                    status_fields};

static const struct route_answer answers[] = {
    {200, "The call", &contact_center_status_schema, NULL, NULL},
    {401, "No token, or not a valid one", &contact_center_detail, NULL, NULL},
    {404, "No such call", &contact_center_detail, NULL, NULL},
    {422, "The id is too short or too long", NULL, NULL, NULL},
    {503, "The store is disabled or away", &contact_center_detail, NULL, NULL},
    {0}};

#define STATUS_DOC(variable, operation)                                                            \
    const struct route_doc variable = {.id = operation,                                            \
                                       .tag = "Calls",                                             \
                                       .summary = "Status of a call",                              \
                                       .params = contact_center_call_id,                           \
                                       .answers = answers}
STATUS_DOC(contact_center_status_doc, "get_status");
STATUS_DOC(contact_center_status_calls_doc, "get_call");
STATUS_DOC(contact_center_status_interaction_doc, "get_interaction_status");
