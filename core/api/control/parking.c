/* parking.c - parked calls: put one away, list them, take one back. */
#include <stdlib.h>
#include <string.h>

#include "api/control/private.h"
#include "api/rules.h"
#include "base/mem.h"
#include "base/str.h"

/* ---- Park -------------------------------------------------------------------------------- */

/* clang-format off */
#define LOT                                                                                        \
    {.name = "lot", .kind = FIELD_STR, .min = 1, .max = 50, .rule = rule_context,                  \
     .pattern = CONTEXT_PATTERN, .help = "Parking lot", .example = "\"default\""}

static const struct field park_fields[] = {
    LOT,
    {.name = "timeout", .kind = FIELD_INT, .min = 1, .max = 86400,
     .help = "Seconds until the call comes back by itself; left out: as the lot says",
     .example = "45"},
    {0}};
static const struct field park_answer_fields[] = {
    {.name = "success", .kind = FIELD_BOOL, .required = true, .example = "true"},
    {.name = "call_id", .kind = FIELD_STR, .required = true,
     .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {.name = "message", .kind = FIELD_STR, .required = true, .example = "\"Call parked\""},
    {.name = "lot", .kind = FIELD_STR, .required = true, .example = "\"default\""},
    {.name = "slot", .kind = FIELD_STR, .required = true, .example = "\"701\""},
    {0}};
/* clang-format on */
static const struct schema park_request = {"ParkRequest", "Where the call waits", park_fields};
static const struct schema park_schema = {"ParkResponse", "Where the call waits",
                                          park_answer_fields};
static const struct route_answer park_answers[] = {CONTROL_ANSWERS(&park_schema)};

/* "lot/slot" apart. */
static void render_place(struct json_writer *w, const struct control_request *req,
                         const struct control_answer *answer)
{
    const char *slash = strrchr(answer->text, '/');
    (void)req;
    jw_strn(w, "lot", answer->text, slash ? (size_t)(slash - answer->text) : 0);
    jw_str(w, "slot", slash ? slash + 1 : answer->text);
}

void control_park_call(struct request *req)
{
    static const struct act_answer answer = {"Call parked", render_place};
    struct check *check = check_new(req);
    check_param(check, "call_id", contact_center_call_id);
    const json_t *body = check_body(check, &park_request);
    if (!check_failed(check))
        control_act(
            req,
            (struct control_request){.action = CONTROL_PARK,
                                     .lot = check_str(body, "lot"),
                                     .timeout_ms = (uint64_t)check_int(body, "timeout", 0) * 1000},
            &answer);
}
const struct route_doc control_park_doc = {
    .id = "park_call",
    .tag = "Call control",
    .summary = "Park a call",
    .params = contact_center_call_id,
    .body = &park_request,
    .body_optional = true,
    .answers = park_answers,
};

/* ---- The list ----------------------------------------------------------------------------- */

struct listing {
    struct hop *hop;
    enum dg_err err;
    char *message;
    struct buf body;
};

static void listing_free(void *data)
{
    struct listing *l = data;
    free(l->message);
    buf_free(&l->body);
    free(l);
}

static void render_parked(struct json_writer *w, const struct parked_call *call)
{
    const struct dg_parked *p = call->shown;
    jw_object(w, NULL);
    jw_str(w, "lot", p->lot);
    jw_str(w, "slot", p->slot);
    jw_str(w, "call_id", p->call);
    jw_str(w, "backend", call->backend);
    jw_time(w, "parked_at", p->parked_at_ms);
    if (p->timeout_ms)
        jw_int(w, "timeout", (int64_t)(p->timeout_ms / 1000));
    else
        jw_null(w, "timeout");
    jw_end(w);
}

static void on_parked(void *arg, const struct parked_answer *answer)
{
    struct listing *l = arg;
    struct json_writer w;
    l->err = answer->err;
    l->message = xstrdup(answer->message);
    jw_init(&w, &l->body);
    jw_object(&w, NULL);
    jw_array(&w, "parked");
    for (size_t i = 0; i < answer->count; i++)
        render_parked(&w, &answer->calls[i]);
    jw_end(&w);
    jw_end(&w);
    hop_done(l->hop);
}

static void run_list(struct hop *hop, void *data)
{
    struct listing *l = data;
    l->hop = hop;
    control_parked(((struct api *)hop_app(hop))->control, on_parked, l);
}

static void back_list(struct request *req, void *data)
{
    struct listing *l = data;
    if (l->err == DG_OK)
        reply_json(req, 200, &l->body);
    else
        contact_center_problem(req, l->err, l->message);
}

void control_parked_calls(struct request *req)
{
    struct listing *l = xcalloc(1, sizeof *l);
    buf_init(&l->body, BUF_MAX);
    hop_start(req, l, run_list, back_list, listing_free);
}

/* clang-format off */
static const struct field parked_fields[] = {
    {.name = "lot", .kind = FIELD_STR, .example = "\"default\""},
    {.name = "slot", .kind = FIELD_STR, .example = "\"701\""},
    {.name = "call_id", .kind = FIELD_STR, .required = true,
     .help = "Of a call that is not this gateway's: what the telephone system calls it",
     .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {.name = "backend", .kind = FIELD_STR, .required = true,
     .help = "The backend whose server it waits on", .example = "\"pbx\""},
    {.name = "parked_at", .kind = FIELD_TIME, .example = "\"2025-10-01T12:00:07.301Z\""},
    {.name = "timeout", .kind = FIELD_INT, .help = "Seconds until it comes back", .example = "45"},
    {0}};
/* clang-format on */
static const struct schema parked_schema = {"ParkedCall", "A parked call", parked_fields};
static const struct field list_fields[] = {
    {.name = "parked", .kind = FIELD_LIST, .required = true, .of = &parked_schema}, {0}};
static const struct schema list_schema = {"ParkedCalls", "Who is parked", list_fields};
static const struct route_answer list_answers[] = {
    {200,
     "All that are parked on the servers of all backends that are connected, draining ones too; "
     "also calls that are not this gateway's",
     &list_schema, NULL, NULL},
    {401, "No token, or not a valid one", &contact_center_detail, NULL, NULL},
    {501, "The backend cannot park", &contact_center_detail, NULL, NULL},
    {502, "The telephone system refused", &contact_center_detail, NULL, NULL},
    {503, "The telephone system cannot be reached", &contact_center_detail, NULL, NULL},
    {504, "The telephone system gave no answer in time", &contact_center_detail, NULL, NULL},
    {0}};
const struct route_doc control_parked_calls_doc = {
    .id = "list_parked_calls",
    .tag = "Call control",
    .summary = "Parked calls",
    .answers = list_answers,
};

/* ---- Taking one back ------------------------------------------------------------------------ */

static const char *rule_slot(const char *name, const char *value)
{
    (void)name;
    return str_only(value, "0123456789") ? NULL : "String should match pattern '^[0-9]+$'";
}

/* clang-format off */
static const struct field slot_param[] = {
    {.name = "slot", .kind = FIELD_STR, .required = true, .min = 1, .max = 10, .rule = rule_slot,
     .pattern = "^[0-9]+$", .help = "Where the call waits", .example = "\"701\""},
    {0}};
static const struct field retrieve_fields[] = {
    {.name = "endpoint", .kind = FIELD_STR, .required = true, .min = 1, .max = 100,
     .rule = rule_endpoint, .pattern = ENDPOINT_PATTERN,
     .help = "Who gets the call; the context of a Local endpoint must be allowed",
     .example = "\"PJSIP/8013\""},
    LOT,
    {0}};
static const struct field retrieve_answer_fields[] = {
    {.name = "success", .kind = FIELD_BOOL, .required = true, .example = "true"},
    {.name = "call_id", .kind = FIELD_STR, .required = true, .help = "The new leg",
     .example = "\"019339a5-1c20-7a11-8c3b-5d1e7f2a9b80\""},
    {.name = "parked_call_id", .kind = FIELD_STR, .required = true,
     .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {.name = "message", .kind = FIELD_STR, .required = true, .example = "\"Endpoint is called\""},
    {0}};
/* clang-format on */
static const struct schema retrieve_request_schema = {"RetrieveRequest", "Who gets the call",
                                                      retrieve_fields};
static const struct schema retrieve_schema = {"RetrieveResponse", "The endpoint is called",
                                              retrieve_answer_fields};

struct retrieving {
    struct hop *hop;
    struct arena *arena;
    struct retrieve_request request;
    enum dg_err err;
    const char *field, *message;
    struct buf body;
};

static void retrieving_free(void *data)
{
    struct retrieving *r = data;
    arena_free(r->arena);
    buf_free(&r->body);
    free(r);
}

static void on_retrieved(void *arg, const struct control_answer *answer)
{
    struct retrieving *r = arg;
    struct json_writer w;
    r->err = answer->err;
    r->field = answer->field;
    r->message = arena_strdup(r->arena, answer->message);
    if (answer->err == DG_OK) {
        jw_init(&w, &r->body);
        jw_object(&w, NULL);
        jw_bool(&w, "success", true);
        jw_str(&w, "call_id", answer->call->id);
        jw_str(&w, "parked_call_id", answer->text);
        jw_str(&w, "message", "Endpoint is called");
        jw_end(&w);
    }
    hop_done(r->hop);
}

static void run_retrieve(struct hop *hop, void *data)
{
    struct retrieving *r = data;
    r->hop = hop;
    control_retrieve(((struct api *)hop_app(hop))->control, &r->request, on_retrieved, r);
}

static void back_retrieve(struct request *req, void *data)
{
    struct retrieving *r = data;
    if (r->err == DG_OK)
        reply_json(req, 200, &r->body);
    else
        control_problem(req, r->err, r->field, r->message);
}

void control_retrieve_call(struct request *req)
{
    struct check *check = check_new(req);
    check_param(check, "slot", slot_param);
    const json_t *body = check_body(check, &retrieve_request_schema);
    if (check_failed(check))
        return;
    struct retrieving *r = xcalloc(1, sizeof *r);
    r->arena = arena_new();
    buf_init(&r->body, BUF_MAX);
    r->request = (struct retrieve_request){
        .slot = arena_strdup(r->arena, request_param(req, "slot")),
        .lot = arena_strdup(r->arena, check_str(body, "lot")),
        .endpoint = arena_strdup(r->arena, check_str(body, "endpoint")),
        .api = "contact-center",
        .user = arena_strdup(r->arena, request_identity(req)->subject),
    };
    hop_start(req, r, run_retrieve, back_retrieve, retrieving_free);
}

static const struct route_answer retrieve_answers[] = {CONTROL_ANSWERS(&retrieve_schema)};
const struct route_doc control_retrieve_doc = {
    .id = "retrieve_parked_call",
    .tag = "Call control",
    .summary = "Let an endpoint take a parked call",
    .help = "Rings the endpoint; whoever answers talks to the call that is parked in the slot.",
    .params = slot_param,
    .body = &retrieve_request_schema,
    .answers = retrieve_answers,
};
