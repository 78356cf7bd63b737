/* dnc.c - /api/dnc: numbers that are not to be called. */
#include "domain/dnc.h"

#include <string.h>

#include "api/campaign_dialer/campaigns.h"
#include "api/campaign_dialer/import.h"
#include "api/rules.h"
#include "base/clock.h"
#include "base/str.h"

#define NOT_LISTED "Number not found"

static void render(struct json_writer *w, const struct dnc_entry *entry)
{
    jw_object(w, NULL);
    jw_str(w, "phone_number", entry->number);
    jw_str(w, "reason", entry->reason);
    dialer_time(w, "created_at", entry->created_at_ms);
    jw_end(w);
}

static void on_list(void *arg, const struct dnc_list *list)
{
    struct dialer_task *t = arg;
    if (list->err != DG_OK) {
        task_fail(t, list->err, list->message);
        return;
    }
    size_t count = list->count;
    if (count > t->page.size) {
        const struct dnc_entry *last = &list->entries[--count - 1];
        task_next(t, last->created_at_ms, last->number);
    }
    struct json_writer *w = task_data(t);
    jw_array(w, NULL);
    for (size_t i = 0; i < count; i++)
        render(w, &list->entries[i]);
    jw_end(w);
    task_paged(t, "Do-not-call list retrieved successfully", list->total);
}

static void run_list(struct dialer_task *t)
{
    const struct dnc_query query = {.search = t->own,
                                    .after = t->after,
                                    .offset = page_skip(&t->page),
                                    .limit = t->page.size + 1};
    dnc_list(t->api->store, &query, on_list, t);
}

void dialer_dnc_list(struct request *req)
{
    struct dialer_task *t = task_new(req);
    t->own = arena_strdup(t->arena, request_query(req, "search"));
    if (dialer_place(req, t))
        task_start(req, t, run_list);
    else
        task_free(t);
}

/* ---- POST ---------------------------------------------------------------------------------- */

struct adding {
    const char *number, *reason;
};

static void on_added(void *arg, const struct op_result *res)
{
    struct dialer_task *t = arg;
    const struct adding *a = t->own;
    char id[DNC_ID_SIZE];
    if (res->err != DG_OK) {
        task_fail(t, res->err, res->message);
        return;
    }
    dnc_id(a->number, id);
    render(task_data(t), &(struct dnc_entry){id, a->reason, clock_unix_ms()});
    task_done(t, 201, "Number added successfully");
}

static void run_add(struct dialer_task *t)
{
    const struct adding *a = t->own;
    if (!dnc_add(t->api->store, a->number, a->reason, on_added, t))
        task_fail(t, DG_EINVAL, "phone_number: Must have digits");
}

/* clang-format off */
static const struct field add_fields[] = {
    {.name = "phone_number", .kind = FIELD_STR, .required = true, .min = 1,
     .max = NUMBER_PHONE_MAX, .rule = rule_printable, .example = "\"+15550100\""},
    {.name = "reason", .kind = FIELD_STR, .max = 200, .rule = rule_printable,
     .example = "\"asked us not to call\""},
    {0}};
/* clang-format on */
static const struct schema add_body = {"DialerDncNew", "A number that is not to be called",
                                       add_fields};

void dialer_dnc_add(struct request *req)
{
    const json_t *body = dialer_body(req, &add_body, BODY_CREATES);
    if (!body)
        return;
    struct dialer_task *t = task_new(req);
    struct adding *a = t->own = arena_alloc(t->arena, sizeof *a);
    a->number = arena_strdup(t->arena, check_str(body, "phone_number"));
    a->reason = arena_strdup(t->arena, check_str(body, "reason"));
    task_start(req, t, run_add);
}

/* ---- POST /api/dnc/import ------------------------------------------------------------------- */

static void on_imported(void *arg, const struct number_import_result *result)
{
    struct dialer_task *t = arg;
    if (import_failed(t, result))
        return;
    struct json_writer *w = task_data(t);
    jw_object(w, NULL);
    import_render(w, result);
    jw_end(w);
    import_done(t, result);
}

static void run_import(struct dialer_task *t)
{
    char *bytes = t->upload;
    t->upload = NULL;
    number_import(t->api->store, t->api->ledger, t->api->loop, t->own, bytes, t->upload_len,
                  on_imported, t);
}

void dialer_dnc_import(struct request *req)
{
    struct dialer_task *t = task_new(req);
    struct number_import_request *wanted = t->own = arena_alloc(t->arena, sizeof *wanted);
    wanted->dnc = true;
    wanted->columns.phone_number = arena_strdup(t->arena, request_query(req, "phone_number"));
    if (dialer_upload(req, &wanted->format, t))
        task_start(req, t, run_import);
    else
        task_free(t);
}

/* ---- DELETE -------------------------------------------------------------------------------- */

static void on_removed(void *arg, const struct op_result *res)
{
    struct dialer_task *t = arg;
    if (res->err == DG_ENOTFOUND)
        task_refuse(t, 404, NOT_LISTED, NULL, NULL);
    else if (res->err != DG_OK)
        task_fail(t, res->err, res->message);
    else
        task_done(t, 200, "Number deleted successfully");
}

static void run_delete(struct dialer_task *t)
{
    if (!dnc_remove(t->api->store, t->own, on_removed, t))
        task_refuse(t, 404, NOT_LISTED, NULL, NULL);
}

void dialer_dnc_delete(struct request *req)
{
    struct dialer_task *t = task_new(req);
    t->own = arena_strdup(t->arena, request_param(req, "number"));
    task_start(req, t, run_delete);
}

/* ---- Documentation ------------------------------------------------------------------------- */

/* clang-format off */
static const struct field list_params[] = {
    {.name = "search", .kind = FIELD_STR, .help = "Digits that numbers begin with",
     .example = "\"1555\""},
    PAGE_NUMBER_FIELD, PAGE_SIZE_FIELD, DIALER_CURSOR_FIELD, {0}};
static const struct field number_param[] = {
    {.name = "number", .kind = FIELD_STR, .required = true, .example = "\"15550100\""}, {0}};
static const struct field shown_fields[] = {
    {.name = "phone_number", .kind = FIELD_STR, .required = true, .help = "Its digits",
     .example = "\"15550100\""},
    {.name = "reason", .kind = FIELD_STR, .example = "null"},
    {.name = "created_at", .kind = FIELD_STR, .required = true,
     .example = "\"2025-10-01 12:00:00\""},
    {0}};
static const struct schema shown = {"DialerDnc", "A number that is not called", shown_fields};
static const struct field list_fields[] = {
    {.name = "success", .kind = FIELD_BOOL, .required = true, .example = "true"},
    {.name = "message", .kind = FIELD_STR, .required = true,
     .example = "\"Do-not-call list retrieved successfully\""},
    {.name = "data", .kind = FIELD_LIST, .required = true, .of = &shown},
    DIALER_PLACE_FIELDS,
    {0}};
static const struct field import_params[] = {IMPORT_PARAMS, {0}};
static const struct field result_fields[] = {IMPORT_RESULT_FIELDS, {0}};
static const struct schema result_shown = {"DialerDncImport", "What came of each line",
                                           result_fields};
static const struct field imported_fields[] = {
    DIALER_SUCCESS_FIELDS("201", "2 numbers imported successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true, .of = &result_shown},
    {0}};
static const struct field added_fields[] = {
    DIALER_SUCCESS_FIELDS("201", "Number added successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true, .of = &shown},
    {0}};
/* clang-format on */
static const struct schema list_answer = {"DialerDncList", "A page, newest first", list_fields};
static const struct schema added_answer = {"DialerDncAdded", "It is not called any more",
                                           added_fields};
static const struct schema imported_answer = {"DialerDncImported", "It was read to its end",
                                              imported_fields};
static const struct route_answer list_answers[] = {
    {200, "The numbers", &list_answer, NULL, NULL}, DIALER_REFUSALS, {0}};
static const struct route_answer add_answers[] = {
    {201, "It is on the list", &added_answer, NULL, NULL},
    {400, "A field is missing or wrong", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};
static const struct route_answer import_answers[] = {
    {201, "It was read to its end", &imported_answer, NULL, NULL},
    {400, "It is of another type", &dialer_error, NULL, NULL},
    {413, "It is larger than max_upload", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};
static const struct route_answer delete_answers[] = {
    {200, "It may be called again", &dialer_done, NULL, NULL},
    {404, "It is not on the list", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};

const struct route_doc dialer_dnc_list_doc = {
    .id = "list_dnc",
    .tag = DIALER_TAG_DNC,
    .summary = "Numbers that are not to be called, newest first",
    .help = "A number is known by its digits alone. Campaigns look at the list before they dial.",
    .params = list_params,
    .answers = list_answers,
};
const struct route_doc dialer_dnc_add_doc = {
    .id = "add_dnc",
    .tag = DIALER_TAG_DNC,
    .summary = "Put a number on the list",
    .body = &add_body,
    .answers = add_answers,
};
const struct route_doc dialer_dnc_import_doc = {
    .id = "import_dnc",
    .tag = DIALER_TAG_DNC,
    .summary = "Put a file of numbers on the list",
    .help = "`text/csv` with the names of the columns in the first line, `phone_number` and if "
            "wanted `reason`; or `application/x-ndjson` with objects of `phone_number` and "
            "`data`, an object with `reason`; or `multipart/form-data` with such a file.",
    .file_types = import_types,
    .params = import_params,
    .answers = import_answers,
};
const struct route_doc dialer_dnc_delete_doc = {
    .id = "delete_dnc",
    .tag = DIALER_TAG_DNC,
    .summary = "Take a number off the list",
    .params = number_param,
    .answers = delete_answers,
};
