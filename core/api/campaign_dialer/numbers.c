/* numbers.c - /api/campaigns/:id/numbers and /api/numbers/:id. */
#include <stdlib.h>
#include <string.h>

#include "api/campaign_dialer/campaigns.h"
#include "api/rules.h"
#include "base/str.h"
#include "domain/dialer.h"
#include "domain/number_reader.h"

#define NUMBER_NOT_FOUND "Number not found"

void number_render(struct json_writer *w, const struct number *n)
{
    jw_object(w, NULL);
    jw_int(w, "id", n->id);
    jw_int(w, "campaign_id", n->campaign_id);
    jw_str(w, "phone_number", n->phone_number);
    jw_str(w, "status", number_status_name(n->status));
    jw_int(w, "attempts", n->attempts);
    dialer_time(w, "last_attempt", n->last_attempt_ms);
    jw_str(w, "data", n->data);
    dialer_time(w, "created_at", n->created_at_ms);
    dialer_time(w, "updated_at", n->updated_at_ms);
    jw_int(w, "priority", n->priority);
    jw_str(w, "timezone", n->timezone);
    dialer_time(w, "due_at", n->due_at_ms > 0 ? n->due_at_ms : 0);
    jw_str(w, "call_id", str_empty(n->call_id) ? NULL : n->call_id);
    jw_end(w);
}

/* true: answered. */
static bool failed(struct dialer_task *t, enum dg_err err, const char *message,
                   const char *not_found)
{
    if (err == DG_OK)
        return false;
    if (err == DG_ENOTFOUND)
        task_refuse(t, 404, not_found, NULL, NULL);
    else
        task_fail(t, err, message);
    return true;
}

/* ---- GET /api/campaigns/:id/numbers -----------------------------------------------------------
 */

struct list_request {
    const char *status; /* NULL: any */
    uint64_t total;
};

static void on_list(void *arg, const struct number_list *list)
{
    struct dialer_task *t = arg;
    const struct list_request *l = t->own;
    if (failed(t, list->err, list->message, CAMPAIGN_NOT_FOUND))
        return;
    size_t count = list->count;
    if (count > t->page.size)
        task_next(t, list->numbers[--count - 1].id, NULL);
    struct json_writer *w = task_data(t);
    jw_array(w, NULL);
    for (size_t i = 0; i < count; i++)
        number_render(w, &list->numbers[i]);
    jw_end(w);
    task_paged(t, "Numbers retrieved successfully", l->total);
}

static void on_counts(void *arg, enum dg_err err, const char *message,
                      const struct campaign_counts *counts)
{
    struct dialer_task *t = arg;
    struct list_request *l = t->own;
    enum number_status status;
    if (failed(t, err, message, CAMPAIGN_NOT_FOUND))
        return;
    if (l->status && number_status_parse(l->status, &status))
        l->total = (uint64_t)counts->numbers[status];
    else
        l->total = (uint64_t)campaign_counts_total(counts);
    const struct number_query query = {.campaign = t->id,
                                       .status = l->status,
                                       .after = t->after.id ? t->after.at_ms : 0,
                                       .offset = page_skip(&t->page),
                                       .limit = t->page.size + 1};
    numbers_list(t->api->store, &query, on_list, t);
}

static void run_list(struct dialer_task *t)
{
    ledger_counts(t->api->ledger, t->id, on_counts, t);
}

void dialer_numbers_list(struct request *req)
{
    enum number_status status;
    const char *name = request_query(req, "status");
    if (!str_empty(name) && !number_status_parse(name, &status)) {
        dialer_refuse(req, 400, "Invalid status. Must be: " NUMBER_STATUS_NAMES,
                      json_pack("{s:s}", "status", "Must be: " NUMBER_STATUS_NAMES));
        return;
    }
    struct dialer_task *t = campaign_task(req, CAMPAIGN_NOT_FOUND);
    if (!t)
        return;
    struct list_request *l = arena_alloc(t->arena, sizeof *l);
    l->status = str_empty(name) ? NULL : arena_strdup(t->arena, name);
    t->own = l;
    if (dialer_place(req, t))
        task_start(req, t, run_list);
    else
        task_free(t);
}

/* ---- Adding -----------------------------------------------------------------------------------
 */

struct adding {
    struct number_new *list;
    size_t count;
    const char *refusal; /* 400, when there is such a campaign; NULL: none */
    bool bulk;
};

static void on_added(void *arg, const struct numbers_answer *answer)
{
    struct dialer_task *t = arg;
    const struct adding *a = t->own;
    if (failed(t, answer->err, answer->message, CAMPAIGN_NOT_FOUND))
        return;
    dialer_wake(t->api->dialer, t->id);
    struct json_writer *w = task_data(t);
    jw_object(w, NULL);
    jw_int(w, "campaign_id", t->id);
    if (a->bulk)
        jw_int(w, "count", (int64_t)answer->count);
    else
        jw_str(w, "phone_number", a->list[0].phone_number);
    jw_end(w);
    char *text =
        a->bulk ? xasprintf("%llu numbers added successfully", (unsigned long long)answer->count)
                : xstrdup("Number added successfully");
    task_done(t, 201, text);
    free(text);
}

static void on_campaign(void *arg, enum dg_err err, const char *message,
                        const struct campaign_counts *counts)
{
    struct dialer_task *t = arg;
    const struct adding *a = t->own;
    (void)counts;
    if (failed(t, err, message, CAMPAIGN_NOT_FOUND) || task_wrong(t))
        return;
    if (a->refusal)
        task_refuse(t, 400, a->refusal, NULL, NULL);
    else
        numbers_add(t->api->ledger, t->api->loop, t->id, a->list, a->count, on_added, t);
}

/* Whether there is such a campaign comes before what is wrong with the numbers. */
static void run_add(struct dialer_task *t)
{
    ledger_counts(t->api->ledger, t->id, on_campaign, t);
}

static const char *rule_phone(const char *name, const char *value)
{
    (void)name;
    return value[strcspn(value, "0123456789*#")] ? rule_printable(name, value)
                                                 : "Must have a digit";
}

static const char *rule_zone(const char *name, const char *value)
{
    (void)name;
    return str_empty(value) || zone_find(value) ? NULL : "Must be a time zone, like Europe/Berlin";
}

/* clang-format off */
static const struct field number_fields[] = {
    {.name = "phone_number", .kind = FIELD_STR, .required = true, .min = 1,
     .max = NUMBER_PHONE_MAX, .rule = rule_phone, .example = "\"+15550100\""},
    {.name = "data", .kind = FIELD_OBJECT, .help = "Kept with the number",
     .example = "{\"name\":\"John Doe\"}"},
    {.name = "priority", .kind = FIELD_INT, .min = 0, .max = NUMBER_PRIORITY_MAX,
     .fallback = "0", .example = "0", .help = "Higher first"},
    {.name = "timezone", .kind = FIELD_STR, .max = 64, .rule = rule_zone,
     .example = "\"Europe/Berlin\"", .help = "Empty: the campaign's"},
    {0}};
static const struct field bulk_fields[] = {
    {.name = "numbers", .kind = FIELD_LIST, .required = true,
     .help = "As single numbers; those without phone_number are passed over"},
    {0}};
/* clang-format on */
static const struct schema number_body = {"DialerNumberNew", "A number to be called",
                                          number_fields};
static const struct schema bulk_body = {"DialerNumbersNew", "Numbers to be called", bulk_fields};

static struct number_new number_of(struct dialer_task *t, const json_t *body)
{
    const json_t *data = json_object_get(body, "data");
    struct number_new n = {.phone_number = arena_strdup(t->arena, check_str(body, "phone_number")),
                           .timezone = arena_strdup(t->arena, check_str(body, "timezone")),
                           .priority = (unsigned)check_int(body, "priority", 0)};
    if (json_is_object(data)) {
        char *text = json_dumps(data, JSON_COMPACT);
        n.data = arena_strdup(t->arena, text);
        free(text);
    }
    return n;
}

void dialer_numbers_add(struct request *req)
{
    struct dialer_task *t = campaign_task(req, CAMPAIGN_NOT_FOUND);
    if (!t)
        return;
    const json_t *body = task_body(req, t, &number_body, BODY_CREATES);
    struct adding *a = t->own = arena_alloc(t->arena, sizeof *a);
    a->list = arena_alloc(t->arena, sizeof *a->list);
    if (body)
        a->list[a->count++] = number_of(t, body);
    task_start(req, t, run_add);
}

/* ---- Many at once ------------------------------------------------------------------------------
 */

static void read_bulk(struct dialer_task *t, struct adding *a, const json_t *numbers)
{
    size_t i;
    json_t *item;
    a->list = arena_alloc(t->arena, (json_array_size(numbers) + 1) * sizeof *a->list);
    json_array_foreach((json_t *)numbers, i, item)
    {
        if (str_empty(json_get_str(item, "phone_number")))
            continue;
        char *data;
        struct number_new *n = &a->list[a->count];
        const char *why = number_new_read(item, n, &data);
        n->phone_number = arena_strdup(t->arena, n->phone_number);
        n->timezone = arena_strdup(t->arena, n->timezone);
        n->data = arena_strdup(t->arena, data);
        free(data);
        if (why) {
            char *text = xasprintf("Invalid numbers[%zu]. %s", i, why);
            a->refusal = arena_strdup(t->arena, text);
            free(text);
            return;
        }
        a->count++;
    }
    if (!a->count)
        a->refusal = "No valid numbers provided";
}

void dialer_numbers_bulk(struct request *req)
{
    struct dialer_task *t = campaign_task(req, CAMPAIGN_NOT_FOUND);
    if (!t)
        return;
    const struct dg_bytes bytes = request_body(req);
    json_t *body = bytes.len ? json_parse(bytes.ptr, bytes.len, 32, NULL) : NULL;
    const json_t *numbers = json_object_get(body, "numbers");
    struct adding *a = t->own = arena_alloc(t->arena, sizeof *a);
    a->bulk = true;
    if (json_is_array(numbers))
        read_bulk(t, a, numbers);
    else
        a->refusal = "Invalid input. Expected \"numbers\" array";
    json_decref(body);
    task_start(req, t, run_add);
}

/* ---- /api/numbers/:id ---------------------------------------------------------------------------
 */

static void on_view(void *arg, const struct number_list *list)
{
    struct dialer_task *t = arg;
    if (failed(t, list->err, list->message, NUMBER_NOT_FOUND))
        return;
    number_render(task_data(t), &list->numbers[0]);
    task_done(t, 200, "Number retrieved successfully");
}

static void run_view(struct dialer_task *t)
{
    numbers_get(t->api->store, t->id, on_view, t);
}

void dialer_numbers_view(struct request *req)
{
    struct dialer_task *t = campaign_task(req, NUMBER_NOT_FOUND);
    if (t)
        task_start(req, t, run_view);
}

static void on_deleted(void *arg, const struct numbers_answer *answer)
{
    struct dialer_task *t = arg;
    if (!failed(t, answer->err, answer->message, NUMBER_NOT_FOUND))
        task_done(t, 200, "Number deleted successfully");
}

static void run_delete(struct dialer_task *t)
{
    numbers_delete(t->api->store, t->api->ledger, t->id, on_deleted, t);
}

void dialer_numbers_delete(struct request *req)
{
    struct dialer_task *t = campaign_task(req, NUMBER_NOT_FOUND);
    if (t)
        task_start(req, t, run_delete);
}

/* ---- Documentation ------------------------------------------------------------------------------
 */

/* clang-format off */
static const struct field list_params[] = {
    {.name = "id", .kind = FIELD_INT, .required = true, .min = 1, .help = "The campaign's number"},
    {.name = "status", .kind = FIELD_STR, .example = "\"pending\"", .help = "One of " NUMBER_STATUS_NAMES},
    PAGE_NUMBER_FIELD, PAGE_SIZE_FIELD, DIALER_CURSOR_FIELD, {0}};
static const struct field shown_fields[] = {
    {.name = "id", .kind = FIELD_INT, .required = true, .example = "1"},
    {.name = "campaign_id", .kind = FIELD_INT, .required = true, .example = "1"},
    {.name = "phone_number", .kind = FIELD_STR, .required = true, .example = "\"+15550100\""},
    {.name = "status", .kind = FIELD_STR, .required = true, .example = "\"pending\""},
    {.name = "attempts", .kind = FIELD_INT, .required = true, .example = "0"},
    {.name = "last_attempt", .kind = FIELD_STR, .example = "null"},
    {.name = "data", .kind = FIELD_STR, .help = "A JSON object, as text",
     .example = "\"{\\\"name\\\":\\\"John Doe\\\"}\""},
    {.name = "created_at", .kind = FIELD_STR, .required = true,
     .example = "\"2025-10-01 12:00:00\""},
    {.name = "updated_at", .kind = FIELD_STR, .example = "null"},
    {.name = "priority", .kind = FIELD_INT, .required = true, .example = "0"},
    {.name = "timezone", .kind = FIELD_STR, .example = "null"},
    {.name = "due_at", .kind = FIELD_STR, .help = "Not before; null: at once",
     .example = "null"},
    {.name = "call_id", .kind = FIELD_STR, .help = "Of the last attempt", .example = "null"},
    {0}};
static const struct schema shown = {"DialerNumber", "A number of a campaign", shown_fields};
static const struct field list_fields[] = {
    {.name = "success", .kind = FIELD_BOOL, .required = true, .example = "true"},
    {.name = "message", .kind = FIELD_STR, .required = true,
     .example = "\"Numbers retrieved successfully\""},
    {.name = "data", .kind = FIELD_LIST, .required = true, .of = &shown},
    DIALER_PLACE_FIELDS,
    {0}};
static const struct field added_fields[] = {
    DIALER_SUCCESS_FIELDS("201", "Number added successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true, .help = "campaign_id, phone_number",
     .example = "{\"campaign_id\":1,\"phone_number\":\"+15550100\"}"},
    {0}};
static const struct field many_fields[] = {
    DIALER_SUCCESS_FIELDS("201", "2 numbers added successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true, .help = "campaign_id, count",
     .example = "{\"campaign_id\":1,\"count\":2}"},
    {0}};
static const struct field view_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "Number retrieved successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true, .of = &shown},
    {0}};
/* clang-format on */
static const struct schema list_answer = {"DialerNumbers", "A page of numbers, by id", list_fields};
static const struct schema added_answer = {"DialerNumberAdded", "It will be called", added_fields};
static const struct schema many_answer = {"DialerNumbersAdded", "They will be called", many_fields};
static const struct schema view_answer = {"DialerNumberViewed", "The number", view_fields};

#define NO_CAMPAIGN                                                                                \
    {                                                                                              \
        404, "There is no such campaign", &dialer_error, NULL, NULL                                \
    }
#define NO_NUMBER                                                                                  \
    {                                                                                              \
        404, "There is no such number", &dialer_error, NULL, NULL                                  \
    }
static const struct route_answer list_answers[] = {
    {200, "The numbers", &list_answer, NULL, NULL},
    {400, "There is no such status", &dialer_error, NULL, NULL},
    NO_CAMPAIGN,
    DIALER_REFUSALS,
    {0}};
static const struct route_answer add_answers[] = {
    {201, "It was added", &added_answer, NULL, NULL},
    {400, "A field is missing or wrong", &dialer_error, NULL, NULL},
    NO_CAMPAIGN,
    DIALER_REFUSALS,
    {0}};
static const struct route_answer bulk_answers[] = {
    {201, "They were added", &many_answer, NULL, NULL},
    {400, "There is no list, or nothing in it, or one is wrong", &dialer_error, NULL, NULL},
    NO_CAMPAIGN,
    DIALER_REFUSALS,
    {0}};
static const struct route_answer view_answers[] = {
    {200, "The number", &view_answer, NULL, NULL}, NO_NUMBER, DIALER_REFUSALS, {0}};
static const struct route_answer delete_answers[] = {
    {200, "It is gone", &dialer_done, NULL, NULL},
    {400, "It is in a call", &dialer_error, NULL, NULL},
    NO_NUMBER,
    DIALER_REFUSALS,
    {0}};

const struct route_doc dialer_numbers_list_doc = {
    .id = "list_numbers",
    .tag = DIALER_TAG_NUMBERS,
    .summary = "The numbers of a campaign",
    .params = list_params,
    .answers = list_answers,
};
const struct route_doc dialer_numbers_add_doc = {
    .id = "add_number",
    .tag = DIALER_TAG_NUMBERS,
    .summary = "Add a number to a campaign",
    .params = dialer_id_param,
    .body = &number_body,
    .answers = add_answers,
};
const struct route_doc dialer_numbers_bulk_doc = {
    .id = "add_numbers",
    .tag = DIALER_TAG_NUMBERS,
    .summary = "Add many numbers to a campaign",
    .params = dialer_id_param,
    .body = &bulk_body,
    .answers = bulk_answers,
};
const struct route_doc dialer_numbers_view_doc = {
    .id = "view_number",
    .tag = DIALER_TAG_NUMBERS,
    .summary = "A number",
    .params = dialer_id_param,
    .answers = view_answers,
};
const struct route_doc dialer_numbers_delete_doc = {
    .id = "delete_number",
    .tag = DIALER_TAG_NUMBERS,
    .summary = "Delete a number that is not in a call",
    .params = dialer_id_param,
    .answers = delete_answers,
};
