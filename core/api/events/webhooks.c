/* webhooks.c - /api/v2/webhooks: who is told of what. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/contact_center/private.h"
#include "api/events/webhooks_private.h"
#include "api/rules.h"
#include "base/mem.h"
#include "base/str.h"

#define MAX_TYPES 40

/* ---- Bodies --------------------------------------------------------------------- */

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

static void answer_webhook(struct webhook_ask *a, const struct webhook_view *v, bool with_secret)
{
    struct json_writer w;
    jw_init(&w, &a->body);
    render_webhook(&w, v, with_secret);
}

/* ---- The webhooks -------------------------------------------------------------------------------
 */

static void run_list(struct hop *hop, void *data)
{
    struct webhook_ask *a = data;
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
    webhook_ask_start(req, webhook_ask_new(req), run_list);
}

static void run_get(struct hop *hop, void *data)
{
    struct webhook_ask *a = data;
    struct webhook_view v;
    if (webhooks_find(webhooks_of(hop), a->id, &v))
        answer_webhook(a, &v, false);
    else
        webhook_ask_failed(a, DG_ENOTFOUND, "Webhook not found");
    hop_done(hop);
}

void webhooks_get(struct request *req)
{
    webhook_ask_start(req, webhook_ask_new(req), run_get);
}

static void on_changed(void *arg, enum dg_err err, const char *message,
                       const struct webhook_view *view)
{
    struct webhook_ask *a = arg;
    if (err != DG_OK)
        webhook_ask_failed(a, err, message);
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
static struct webhook_ask *read_body(struct request *req, const struct schema *schema)
{
    struct check *check = check_new(req);
    struct webhook_ask *a = webhook_ask_new(req);
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
    webhook_ask_free(a);
    return NULL;
}

static void run_create(struct hop *hop, void *data)
{
    struct webhook_ask *a = data;
    a->hop = hop;
    webhooks_create(webhooks_of(hop), &a->what, on_changed, a);
}

void webhooks_post(struct request *req)
{
    struct webhook_ask *a = read_body(req, &create_schema);
    if (!a)
        return;
    a->status = 201;
    a->create = true;
    webhook_ask_start(req, a, run_create);
}

static void run_change(struct hop *hop, void *data)
{
    struct webhook_ask *a = data;
    a->hop = hop;
    webhooks_change(webhooks_of(hop), a->id, &a->what, on_changed, a);
}

void webhooks_put(struct request *req)
{
    struct webhook_ask *a = read_body(req, &change_schema);
    if (a)
        webhook_ask_start(req, a, run_change);
}

static void run_delete(struct hop *hop, void *data)
{
    struct webhook_ask *a = data;
    a->hop = hop;
    webhooks_delete(webhooks_of(hop), a->id, on_changed, a);
}

void webhooks_remove(struct request *req)
{
    webhook_ask_start(req, webhook_ask_new(req), run_delete);
}

/* ---- Documentation -------------------------------------------------------------- */

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
static const struct field id_params[] = {
    WEBHOOK_ID_FIELD, {0}};
static const struct route_answer all_answers[] = {{200, "All", &all_schema, NULL, NULL}, WEBHOOK_COMMON_ANSWERS};
static const struct route_answer created_answers[] = {
    {201, "Created; the secret is shown this once", &created_schema, NULL, NULL}, WEBHOOK_WRONG,
    {429, "There are too many webhooks already", &contact_center_detail, NULL, NULL}, WEBHOOK_COMMON_ANSWERS};
static const struct route_answer one_answers[] = {{200, "The webhook", &webhook_schema, NULL, NULL}, WEBHOOK_NOT_FOUND, WEBHOOK_COMMON_ANSWERS};
static const struct route_answer put_answers[] = {
    {200, "As it is now", &webhook_schema, NULL, NULL}, WEBHOOK_NOT_FOUND, WEBHOOK_WRONG,
    {409, "Somebody else has changed it", &contact_center_detail, NULL, NULL}, WEBHOOK_COMMON_ANSWERS};
static const struct route_answer delete_answers[] = {{204, "It is gone, with its deliveries", NULL, NULL, NULL}, WEBHOOK_NOT_FOUND, WEBHOOK_COMMON_ANSWERS};
/* clang-format on */

const struct route_doc webhooks_list_doc =
    WEBHOOK_DOC("list_webhooks", .summary = "All webhooks", .answers = all_answers);
const struct route_doc webhooks_post_doc = WEBHOOK_DOC(
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
    WEBHOOK_DOC("get_webhook", .summary = "A webhook", .params = id_params, .answers = one_answers);
const struct route_doc webhooks_put_doc =
    WEBHOOK_DOC("change_webhook", .summary = "Change a webhook", .params = id_params,
                .body = &change_schema, .answers = put_answers);
const struct route_doc webhooks_remove_doc =
    WEBHOOK_DOC("delete_webhook", .summary = "Delete a webhook and what waits for it",
                .params = id_params, .answers = delete_answers);
