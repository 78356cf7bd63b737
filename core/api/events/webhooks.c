/* webhooks.c - /api/v2/webhooks: who is told of what, what was delivered, once more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/contact_center/private.h"
#include "api/events/private.h"
#include "api/page.h"
#include "api/rules.h"
#include "base/mem.h"
#include "base/str.h"
#include "events/webhooks.h"

#define MAX_TYPES 40

/* ---- Bodies ------------------------------------------------------------------------------ */

static const char *rule_url(const char *name, const char *value)
{
    (void)name;
    bool http = str_starts(value, "http://") || str_starts(value, "https://");
    const char *host = http ? strstr(value, "://") + 3 : "";
    size_t len = strcspn(host, "/?#");
    if (!len || str_has_control(value) || strpbrk(value, " \\"))
        return "Input should be a URL that begins with http:// or https://";
    return memchr(host, '@', len) ? "A URL with a user or a password is not taken" : NULL;
}

static const char *rule_type(const char *name, const char *value)
{
    size_t len;
    (void)name;
    bool known =
        !strchr(value, ',') && !event_type_stray(event_types, event_type_count, value, &len);
    return known ? NULL
                 : "Input should be a type of events, or the beginning of some like call.*; GET "
                   "/api/v2/events/types lists them";
}

/* clang-format off */
#define URL_FIELD(required_)                                                                       \
    {.name = "url", .kind = FIELD_STR, .required = (required_), .min = 8, .max = 2000,             \
     .rule = rule_url, .help = "http or https; its address has to be a public one",                \
     .example = "\"https://example.com/events\""}
#define OTHER_FIELDS                                                                               \
    {.name = "types", .kind = FIELD_STR_LIST, .rule = rule_type,                                   \
     .help = "Of events, or beginnings like call.*; all if there are none",                        \
     .example = "[\"call.ended\"]"},                                                               \
    {.name = "description", .kind = FIELD_STR, .max = 200, .rule = rule_printable,                 \
     .example = "\"CRM\""},                                                                        \
    {.name = "secret", .kind = FIELD_STR, .min = 16, .max = 200, .rule = rule_printable,           \
     .help = "Signs what is sent; made by the gateway if there is none. It is shown once, when "   \
             "the webhook is created"},                                                            \
    {.name = "active", .kind = FIELD_BOOL, .help = "false: nothing is sent", .example = "true"}
static const struct field create_fields[] = {URL_FIELD(true), OTHER_FIELDS, {0}};
static const struct field change_fields[] = {URL_FIELD(false), OTHER_FIELDS, {0}};
/* clang-format on */
static const struct schema create_schema = {"WebhookCreate", "Whom to tell of what", create_fields};
static const struct schema change_schema = {
    "WebhookChange", "What is to be otherwise; what is left out stays as it is", change_fields};

/* ---- A question to the control thread ------------------------------------------------------- */

struct ask {
    struct hop *hop;
    struct arena *arena;
    char *id, *delivery, *state;
    struct webhook_request what;
    bool active, create;
    struct page page;
    uint64_t total;
    int status; /* of a success */
    enum dg_err err;
    const char *message;
    struct buf body;
};

static void ask_free(void *data)
{
    struct ask *a = data;
    if (a->body.ptr)
        explicit_bzero(a->body.ptr, a->body.len);
    arena_free(a->arena);
    buf_free(&a->body);
    free(a);
}

static struct ask *ask_new(struct request *req)
{
    struct ask *a = xcalloc(1, sizeof *a);
    a->arena = arena_new();
    a->status = 200;
    a->id = arena_strdup(a->arena, request_param(req, "id"));
    a->delivery = arena_strdup(a->arena, request_param(req, "delivery"));
    buf_init(&a->body, BUF_MAX);
    return a;
}

static void back(struct request *req, void *data)
{
    struct ask *a = data;
    if (a->err != DG_OK)
        contact_center_problem(req, a->err, a->message);
    else if (a->body.len)
        reply_json(req, a->status, &a->body);
    else
        reply_empty(req, 204);
}

static struct webhooks *webhooks_of(struct hop *hop)
{
    return ((struct api *)hop_app(hop))->webhooks;
}

static void failed(struct ask *a, enum dg_err err, const char *message)
{
    a->err = err;
    a->message = arena_strdup(a->arena, message);
}

/* ---- Rendering ---------------------------------------------------------------------------------
 */

static void render_types(struct json_writer *w, const char *types)
{
    jw_array(w, "types");
    for (const char *t = types; t && *t; t += *t == ',') {
        size_t len = strcspn(t, ",");
        jw_strn(w, NULL, t, len);
        t += len;
    }
    jw_end(w);
}

static void render_webhook(struct json_writer *w, const struct webhook_view *v, bool with_secret)
{
    jw_object(w, NULL);
    jw_str(w, "id", v->id);
    jw_str(w, "url", v->url);
    render_types(w, v->types);
    jw_str(w, "description", v->description);
    jw_bool(w, "active", v->active);
    jw_time(w, "created_at", v->created_at_ms);
    jw_time(w, "updated_at", v->updated_at_ms);
    jw_int(w, "pending", (int64_t)v->pending);
    jw_int(w, "failures", (int64_t)v->failing);
    if (with_secret)
        jw_str(w, "secret", v->secret);
    jw_end(w);
}

static void answer_webhook(struct ask *a, const struct webhook_view *v, bool with_secret)
{
    struct json_writer w;
    jw_init(&w, &a->body);
    render_webhook(&w, v, with_secret);
}

/* ---- The webhooks -------------------------------------------------------------------------------
 */

static void run_list(struct hop *hop, void *data)
{
    struct ask *a = data;
    struct webhooks *ws = webhooks_of(hop);
    struct json_writer w;
    jw_init(&w, &a->body);
    jw_object(&w, NULL);
    jw_array(&w, "webhooks");
    for (size_t i = 0; i < webhooks_count(ws); i++) {
        struct webhook_view v;
        webhooks_at(ws, i, &v);
        render_webhook(&w, &v, false);
    }
    jw_end(&w);
    jw_end(&w);
    hop_done(hop);
}

void webhooks_list(struct request *req)
{
    hop_start(req, ask_new(req), run_list, back, ask_free);
}

static void run_get(struct hop *hop, void *data)
{
    struct ask *a = data;
    struct webhook_view v;
    if (webhooks_find(webhooks_of(hop), a->id, &v))
        answer_webhook(a, &v, false);
    else
        failed(a, DG_ENOTFOUND, "Webhook not found");
    hop_done(hop);
}

void webhooks_get(struct request *req)
{
    hop_start(req, ask_new(req), run_get, back, ask_free);
}

static void on_changed(void *arg, enum dg_err err, const char *message,
                       const struct webhook_view *view)
{
    struct ask *a = arg;
    if (err != DG_OK)
        failed(a, err, message);
    else if (view)
        answer_webhook(a, view, a->create);
    hop_done(a->hop);
}

static char *join_types(struct arena *arena, const json_t *body)
{
    const json_t *list = json_object_get(body, "types");
    struct buf text;
    size_t i;
    json_t *item;
    if (!json_is_array(list))
        return NULL;
    buf_init(&text, BUF_MAX);
    json_array_foreach(list, i, item)
        buf_addf(&text, "%s%s", i ? "," : "", json_string_value(item));
    char *joined = arena_strdup(arena, text.len ? text.ptr : "*");
    buf_free(&text);
    return joined;
}

/* NULL: answered. */
static struct ask *read_body(struct request *req, const struct schema *schema)
{
    struct check *check = check_new(req);
    struct ask *a = ask_new(req);
    const json_t *body = check_body(check, schema);
    const json_t *active = json_object_get(body, "active");
    if (json_array_size(json_object_get(body, "types")) > MAX_TYPES)
        check_problem(check, "body", "types", "too_long", "List should have at most 40 items",
                      NULL);
    a->what.url = arena_strdup(a->arena, check_str(body, "url"));
    a->what.description = arena_strdup(a->arena, check_str(body, "description"));
    a->what.secret = arena_strdup(a->arena, check_str(body, "secret"));
    a->active = json_is_true(active);
    a->what.active = json_is_boolean(active) ? &a->active : NULL;
    if (!check_failed(check)) {
        a->what.types = join_types(a->arena, body);
        return a;
    }
    ask_free(a);
    return NULL;
}

static void run_create(struct hop *hop, void *data)
{
    struct ask *a = data;
    a->hop = hop;
    webhooks_create(webhooks_of(hop), &a->what, on_changed, a);
}

void webhooks_post(struct request *req)
{
    struct ask *a = read_body(req, &create_schema);
    if (!a)
        return;
    a->status = 201;
    a->create = true;
    hop_start(req, a, run_create, back, ask_free);
}

static void run_change(struct hop *hop, void *data)
{
    struct ask *a = data;
    a->hop = hop;
    webhooks_change(webhooks_of(hop), a->id, &a->what, on_changed, a);
}

void webhooks_put(struct request *req)
{
    struct ask *a = read_body(req, &change_schema);
    if (a)
        hop_start(req, a, run_change, back, ask_free);
}

static void run_delete(struct hop *hop, void *data)
{
    struct ask *a = data;
    a->hop = hop;
    webhooks_delete(webhooks_of(hop), a->id, on_changed, a);
}

void webhooks_remove(struct request *req)
{
    hop_start(req, ask_new(req), run_delete, back, ask_free);
}

/* ---- Deliveries
 * ------------------------------------------------------------------------------------ */

static const char *rule_state(const char *name, const char *value)
{
    (void)name;
    return str_eq(value, "pending") || str_eq(value, "delivered") || str_eq(value, "dead")
               ? NULL
               : "Input should be 'pending', 'delivered' or 'dead'";
}

/* clang-format off */
enum { P_ID, P_STATE, P_PAGE, P_SIZE };
static const struct field list_params[] = {
    [P_ID] = {.name = "id", .kind = FIELD_STR, .required = true, .max = 20, .example = "\"1\""},
    [P_STATE] = {.name = "state", .kind = FIELD_STR, .max = 9, .rule = rule_state,
                 .help = "pending, delivered or dead", .example = "\"dead\""},
    [P_PAGE] = PAGE_NUMBER_FIELD,
    [P_SIZE] = PAGE_SIZE_FIELD,
    {0}};
/* clang-format on */

static void render_delivery(struct json_writer *w, const struct dg_doc *doc)
{
    json_t *json = json_parse(doc->json.ptr, doc->json.len, 32, NULL);
    const char *state = json_get_str(json, "state"), *error = json_get_str(json, "last_error");
    int64_t status = json_get_int(json, "last_status", 0);
    jw_object(w, NULL);
    jw_str(w, "id", doc->id);
    jw_str(w, "event_id", json_get_str(json, "event_id"));
    jw_str(w, "type", json_get_str(json, "type"));
    jw_str(w, "state", state);
    jw_int(w, "attempts", json_get_int(json, "attempts", 0));
    jw_time(w, "created_at", json_get_int(json, "created_at", 0));
    jw_time(w, "last_attempt_at", json_get_int(json, "ended_at", 0));
    jw_time(w, "next_attempt_at", str_eq(state, "pending") ? json_get_int(json, "next_at", 0) : 0);
    if (status)
        jw_int(w, "last_status", status);
    else
        jw_null(w, "last_status");
    jw_str(w, "last_error", str_empty(error) ? NULL : error);
    jw_jansson(w, "event", json_object_get(json, "body"));
    jw_end(w);
    json_decref(json);
}

static void on_deliveries(void *arg, const struct op_result *res)
{
    struct ask *a = arg;
    struct json_writer w;
    if (res->err != DG_OK)
        failed(a, res->err, res->message);
    jw_init(&w, &a->body);
    jw_object(&w, NULL);
    jw_array(&w, "deliveries");
    for (size_t i = 0; i < res->count; i++)
        render_delivery(&w, res->items[i]);
    jw_end(&w);
    page_write(&w, &a->page, a->total);
    jw_end(&w);
    hop_done(a->hop);
}

static void on_total(void *arg, const struct op_result *res)
{
    struct ask *a = arg;
    const struct dg_tally_row *row = op_first(res, struct dg_tally_row);
    a->total = row ? row->count : 0;
    if (res->err != DG_OK) {
        failed(a, res->err, res->message);
        hop_done(a->hop);
        return;
    }
    webhooks_deliveries(webhooks_of(a->hop), a->id, a->state, page_skip(&a->page), a->page.size,
                        on_deliveries, a);
}

static void run_deliveries(struct hop *hop, void *data)
{
    struct ask *a = data;
    struct webhook_view v;
    a->hop = hop;
    if (webhooks_find(webhooks_of(hop), a->id, &v)) {
        webhooks_deliveries_count(webhooks_of(hop), a->id, a->state, on_total, a);
        return;
    }
    failed(a, DG_ENOTFOUND, "Webhook not found");
    hop_done(hop);
}

void webhooks_get_deliveries(struct request *req)
{
    struct check *check = check_new(req);
    struct ask *a = ask_new(req);
    a->state = arena_strdup(a->arena, check_query_str(check, &list_params[P_STATE]));
    page_read(check, req, false, &a->page);
    if (check_failed(check))
        ask_free(a);
    else
        hop_start(req, a, run_deliveries, back, ask_free);
}

static void on_resent(void *arg, const struct op_result *res)
{
    struct ask *a = arg;
    struct json_writer w;
    if (res->err != DG_OK)
        failed(a, res->err, res->message);
    jw_init(&w, &a->body);
    jw_object(&w, NULL);
    jw_bool(&w, "success", true);
    jw_str(&w, "delivery_id", a->delivery);
    jw_str(&w, "message", "The delivery will be sent again");
    jw_end(&w);
    hop_done(a->hop);
}

static void run_resend(struct hop *hop, void *data)
{
    struct ask *a = data;
    struct webhook_view v;
    a->hop = hop;
    if (webhooks_find(webhooks_of(hop), a->id, &v)) {
        webhooks_resend(webhooks_of(hop), a->id, a->delivery, on_resent, a);
        return;
    }
    failed(a, DG_ENOTFOUND, "Webhook not found");
    hop_done(hop);
}

void webhooks_post_resend(struct request *req)
{
    struct ask *a = ask_new(req);
    a->status = 202;
    hop_start(req, a, run_resend, back, ask_free);
}

/* ---- Documentation
 * ----------------------------------------------------------------------------------- */

/* clang-format off */
#define WEBHOOK_FIELDS                                                                             \
    {.name = "id", .kind = FIELD_STR, .required = true, .example = "\"1\""},                       \
    {.name = "url", .kind = FIELD_STR, .required = true,                                           \
     .example = "\"https://example.com/events\""},                                                 \
    {.name = "types", .kind = FIELD_STR_LIST, .required = true, .example = "[\"call.ended\"]",     \
     .help = "None: all"},                                                                         \
    {.name = "description", .kind = FIELD_STR, .example = "\"CRM\""},                              \
    {.name = "active", .kind = FIELD_BOOL, .required = true, .example = "true"},                   \
    {.name = "created_at", .kind = FIELD_TIME, .example = "\"2026-01-01T12:00:00.000Z\""},         \
    {.name = "updated_at", .kind = FIELD_TIME, .example = "\"2026-01-01T12:00:00.000Z\""},         \
    {.name = "pending", .kind = FIELD_INT, .required = true, .example = "0",                       \
     .help = "Deliveries that wait, about"},                                                       \
    {.name = "failures", .kind = FIELD_INT, .required = true, .example = "0",                      \
     .help = "In a row, as this gateway has seen them"}
static const struct field webhook_fields[] = {WEBHOOK_FIELDS, {0}};
static const struct field created_fields[] = {
    WEBHOOK_FIELDS,
    {.name = "secret", .kind = FIELD_STR, .required = true, .help = "Not shown again",
     .example = "\"5d6a...\""},
    {0}};
static const struct schema webhook_schema = {"Webhook", "Who is told of what", webhook_fields};
static const struct schema created_schema = {"WebhookCreated", "The webhook, with its secret", created_fields};
static const struct field all_fields[] = {
    {.name = "webhooks", .kind = FIELD_LIST, .required = true, .of = &webhook_schema}, {0}};
static const struct schema all_schema = {"WebhookList", "All webhooks", all_fields};
static const struct field delivery_fields[] = {
    {.name = "id", .kind = FIELD_STR, .required = true, .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {.name = "event_id", .kind = FIELD_STR, .example = "\"gw1-1759320000000000\""},
    {.name = "type", .kind = FIELD_STR, .example = "\"call.ended\""},
    {.name = "state", .kind = FIELD_STR, .required = true, .example = "\"delivered\"",
     .help = "pending, delivered or dead"},
    {.name = "attempts", .kind = FIELD_INT, .required = true, .example = "1"},
    {.name = "created_at", .kind = FIELD_TIME, .example = "\"2026-01-01T12:00:00.000Z\""},
    {.name = "last_attempt_at", .kind = FIELD_TIME, .example = "\"2026-01-01T12:00:00.100Z\""},
    {.name = "next_attempt_at", .kind = FIELD_TIME, .example = "null"},
    {.name = "last_status", .kind = FIELD_INT, .example = "200", .help = "null: there was no answer"},
    {.name = "last_error", .kind = FIELD_STR, .example = "null"},
    {.name = "event", .kind = FIELD_OBJECT, .help = "What is sent"},
    {0}};
static const struct field deliveries_fields[] = {
    {.name = "deliveries", .kind = FIELD_LIST, .required = true,
     .of = &(const struct schema){"Delivery", "An event on its way to a webhook", delivery_fields}},
    PAGE_ANSWER_FIELD,
    {0}};
static const struct schema deliveries_schema = {"DeliveryList", "Deliveries, newest first", deliveries_fields};
static const struct field resent_fields[] = {
    {.name = "success", .kind = FIELD_BOOL, .required = true, .example = "true"},
    {.name = "delivery_id", .kind = FIELD_STR, .required = true, .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {.name = "message", .kind = FIELD_STR, .required = true, .example = "\"The delivery will be sent again\""},
    {0}};
static const struct schema resent_schema = {"DeliveryResent", "It waits again", resent_fields};
static const struct field id_params[] = {
    {.name = "id", .kind = FIELD_STR, .required = true, .max = 20, .example = "\"1\""}, {0}};
static const struct field resend_params[] = {
    {.name = "id", .kind = FIELD_STR, .required = true, .max = 20, .example = "\"1\""},
    {.name = "delivery", .kind = FIELD_STR, .required = true, .max = 36,
     .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {0}};
#define COMMON_ANSWERS                                                                             \
    {401, "No token, or not a valid one", &contact_center_detail, NULL, NULL},                     \
    {403, "Admin access required", &contact_center_detail, NULL, NULL},                        \
    {503, "The store is disabled or away", &contact_center_detail, NULL, NULL}, {0}
#define NOT_FOUND {404, "No such webhook or delivery", &contact_center_detail, NULL, NULL}
#define WRONG     {422, "A field is missing or wrong", NULL, NULL, NULL}
#define RACED     {409, "Somebody else has changed it", &contact_center_detail, NULL, NULL}
static const struct route_answer all_answers[] = {{200, "All", &all_schema, NULL, NULL}, COMMON_ANSWERS};
static const struct route_answer created_answers[] = {
    {201, "Created; the secret is shown this once", &created_schema, NULL, NULL}, WRONG,
    {429, "There are too many webhooks already", &contact_center_detail, NULL, NULL}, COMMON_ANSWERS};
static const struct route_answer one_answers[] = {{200, "The webhook", &webhook_schema, NULL, NULL}, NOT_FOUND, COMMON_ANSWERS};
static const struct route_answer put_answers[] = {
    {200, "As it is now", &webhook_schema, NULL, NULL}, NOT_FOUND, WRONG, RACED, COMMON_ANSWERS};
static const struct route_answer delete_answers[] = {{204, "It is gone, with its deliveries", NULL, NULL, NULL}, NOT_FOUND, COMMON_ANSWERS};
static const struct route_answer deliveries_answers[] = {
    {200, "A page of them", &deliveries_schema, NULL, NULL}, NOT_FOUND, WRONG, COMMON_ANSWERS};
static const struct route_answer resend_answers[] = {{202, "It waits again", &resent_schema, NULL, NULL}, NOT_FOUND, COMMON_ANSWERS};
/* clang-format on */

#define DOC(id_, ...)                                                                              \
    {                                                                                              \
        .id = (id_), .tag = "Webhooks", __VA_ARGS__                                                \
    }

const struct route_doc webhooks_list_doc =
    DOC("list_webhooks", .summary = "All webhooks", .answers = all_answers);
const struct route_doc webhooks_post_doc = DOC(
    "create_webhook", .summary = "Be told of events by HTTP requests",
    .help = "Each event is a POST with the JSON object that the live stream shows. "
            "`X-Dialgate-Signature` is `v1=` and the hexadecimal HMAC-SHA256, with the webhook's "
            "secret, of `X-Dialgate-Timestamp` (Unix seconds), a point, and the body as it was "
            "sent; compare it in constant time and refuse what is older than a few minutes. "
            "`X-Dialgate-Event-Id` names the event, `X-Dialgate-Delivery-Id` the delivery: the "
            "same may come twice. Any 2xx is a success; redirects are not followed. What fails is "
            "sent again with growing pauses, then it is dead, and can be listed and sent again.",
    .body = &create_schema, .answers = created_answers);
const struct route_doc webhooks_get_doc =
    DOC("get_webhook", .summary = "A webhook", .params = id_params, .answers = one_answers);
const struct route_doc webhooks_put_doc =
    DOC("change_webhook", .summary = "Change a webhook", .params = id_params,
        .body = &change_schema, .answers = put_answers);
const struct route_doc webhooks_remove_doc =
    DOC("delete_webhook", .summary = "Delete a webhook and what waits for it", .params = id_params,
        .answers = delete_answers);
const struct route_doc webhooks_get_deliveries_doc =
    DOC("list_deliveries", .summary = "What was sent to a webhook, or waits, newest first",
        .params = list_params, .answers = deliveries_answers);
const struct route_doc webhooks_post_resend_doc =
    DOC("resend_delivery", .summary = "Send a delivery again", .params = resend_params,
        .answers = resend_answers);
