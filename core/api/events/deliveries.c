/* deliveries.c - /api/v2/webhooks/{id}/deliveries: what was sent, or waits; once more. */
#include "api/contact_center/private.h"
#include "api/events/webhooks_private.h"
#include "base/str.h"

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
    [P_ID] = WEBHOOK_ID_FIELD,
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
    struct webhook_ask *a = arg;
    struct json_writer w;
    if (res->err != DG_OK)
        webhook_ask_failed(a, res->err, res->message);
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
    struct webhook_ask *a = arg;
    const struct dg_tally_row *row = op_first(res, struct dg_tally_row);
    a->total = row ? row->count : 0;
    if (res->err != DG_OK) {
        webhook_ask_failed(a, res->err, res->message);
        hop_done(a->hop);
        return;
    }
    webhooks_deliveries(webhooks_of(a->hop), a->id, a->state, page_skip(&a->page), a->page.size,
                        on_deliveries, a);
}

static void run_deliveries(struct hop *hop, void *data)
{
    struct webhook_ask *a = data;
    struct webhook_view v;
    a->hop = hop;
    if (webhooks_find(webhooks_of(hop), a->id, &v)) {
        webhooks_deliveries_count(webhooks_of(hop), a->id, a->state, on_total, a);
        return;
    }
    webhook_ask_failed(a, DG_ENOTFOUND, "Webhook not found");
    hop_done(hop);
}

void webhooks_get_deliveries(struct request *req)
{
    struct check *check = check_new(req);
    struct webhook_ask *a = webhook_ask_new(req);
    a->state = arena_strdup(a->arena, check_query_str(check, &list_params[P_STATE]));
    page_read(check, req, false, &a->page);
    if (check_failed(check))
        webhook_ask_free(a);
    else
        webhook_ask_start(req, a, run_deliveries);
}

static void on_resent(void *arg, const struct op_result *res)
{
    struct webhook_ask *a = arg;
    struct json_writer w;
    if (res->err != DG_OK)
        webhook_ask_failed(a, res->err, res->message);
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
    struct webhook_ask *a = data;
    struct webhook_view v;
    a->hop = hop;
    if (webhooks_find(webhooks_of(hop), a->id, &v)) {
        webhooks_resend(webhooks_of(hop), a->id, a->delivery, on_resent, a);
        return;
    }
    webhook_ask_failed(a, DG_ENOTFOUND, "Webhook not found");
    hop_done(hop);
}

void webhooks_post_resend(struct request *req)
{
    struct webhook_ask *a = webhook_ask_new(req);
    a->status = 202;
    webhook_ask_start(req, a, run_resend);
}

/* ---- Documentation -------------------------------------------------------------- */

/* clang-format off */
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
static const struct field resend_params[] = {
    WEBHOOK_ID_FIELD,
    {.name = "delivery", .kind = FIELD_STR, .required = true, .max = 36,
     .example = "\"019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d\""},
    {0}};
static const struct route_answer deliveries_answers[] = {
    {200, "A page of them", &deliveries_schema, NULL, NULL}, WEBHOOK_NOT_FOUND, WEBHOOK_WRONG, WEBHOOK_COMMON_ANSWERS};
static const struct route_answer resend_answers[] = {{202, "It waits again", &resent_schema, NULL, NULL}, WEBHOOK_NOT_FOUND, WEBHOOK_COMMON_ANSWERS};
/* clang-format on */

const struct route_doc webhooks_get_deliveries_doc =
    WEBHOOK_DOC("list_deliveries", .summary = "What was sent to a webhook, or waits, newest first",
                .params = list_params, .answers = deliveries_answers);
const struct route_doc webhooks_post_resend_doc =
    WEBHOOK_DOC("resend_delivery", .summary = "Send a delivery again", .params = resend_params,
                .answers = resend_answers);
