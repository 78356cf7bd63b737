/* number_import.c - POST /api/campaigns/:id/numbers/import: a file of numbers. */
#include "domain/number_import.h"

#include "api/campaign_dialer/campaigns.h"
#include "api/campaign_dialer/import.h"
#include "base/str.h"
#include "domain/dialer.h"

static void on_done(void *arg, const struct number_import_result *result)
{
    struct dialer_task *t = arg;
    if (result->accepted)
        dialer_wake(t->api->dialer, t->id);
    if (import_failed(t, result))
        return;
    struct json_writer *w = task_data(t);
    jw_object(w, NULL);
    jw_int(w, "campaign_id", t->id);
    import_render(w, result);
    jw_end(w);
    import_done(t, result);
}

static void on_campaign(void *arg, enum dg_err err, const char *message,
                        const struct campaign_counts *counts)
{
    struct dialer_task *t = arg;
    (void)counts;
    if (err == DG_ENOTFOUND) {
        task_refuse(t, 404, CAMPAIGN_NOT_FOUND, NULL, NULL);
    } else if (err != DG_OK) {
        task_fail(t, err, message);
    } else {
        char *bytes = t->upload;
        t->upload = NULL;
        number_import(t->api->store, t->api->ledger, t->api->loop, t->own, bytes, t->upload_len,
                      on_done, t);
    }
}

static void run(struct dialer_task *t)
{
    struct number_import_request *wanted = t->own;
    wanted->campaign = t->id;
    ledger_counts(t->api->ledger, t->id, on_campaign, t);
}

static const char *query(struct request *req, struct arena *arena, const char *name)
{
    return arena_strdup(arena, request_query(req, name));
}

void dialer_numbers_import(struct request *req)
{
    bool skip = false;
    const char *duplicates = request_query(req, "skip_duplicates");
    if (duplicates && !str_to_bool(duplicates, &skip)) {
        dialer_refuse(req, 400, "Invalid skip_duplicates. Must be 0 or 1",
                      json_pack("{s:s}", "skip_duplicates", "Must be 0 or 1"));
        return;
    }
    struct dialer_task *t = campaign_task(req, CAMPAIGN_NOT_FOUND);
    if (!t)
        return;
    struct number_import_request *wanted = t->own = arena_alloc(t->arena, sizeof *wanted);
    *wanted = (struct number_import_request){
        .columns = {.phone_number = query(req, t->arena, "phone_number"),
                    .priority = query(req, t->arena, "priority"),
                    .timezone = query(req, t->arena, "timezone")},
        .skip_duplicates = skip};
    if (dialer_upload(req, &wanted->format, t))
        task_start(req, t, run);
    else
        task_free(t);
}

/* ---- Documentation -------------------------------------------------------------------------- */

/* clang-format off */
static const struct field params[] = {
    {.name = "id", .kind = FIELD_INT, .required = true, .min = 1, .help = "The campaign's number"},
    {.name = "skip_duplicates", .kind = FIELD_INT, .max = 1, .example = "1",
     .help = "1: numbers that the campaign has already are passed over"},
    IMPORT_PARAMS,
    {.name = "priority", .kind = FIELD_STR, .help = "Likewise"},
    {.name = "timezone", .kind = FIELD_STR, .help = "Likewise"},
    {0}};
static const struct field result_fields[] = {
    {.name = "campaign_id", .kind = FIELD_INT, .required = true, .example = "1"},
    IMPORT_RESULT_FIELDS,
    {0}};
static const struct schema result_shown = {"DialerNumbersImport", "What came of each line",
                                           result_fields};
static const struct field done_fields[] = {
    DIALER_SUCCESS_FIELDS("201", "2 numbers imported successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true, .of = &result_shown},
    {0}};
/* clang-format on */
static const struct schema done_answer = {"DialerNumbersImported", "It was read to its end",
                                          done_fields};
static const struct route_answer answers[] = {
    {201, "It was read to its end", &done_answer, NULL, NULL},
    {400, "It is of another type", &dialer_error, NULL, NULL},
    {404, "There is no such campaign", &dialer_error, NULL, NULL},
    {413, "It is larger than max_upload", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};

const struct route_doc dialer_numbers_import_doc = {
    .id = "import_numbers",
    .tag = DIALER_TAG_NUMBERS,
    .summary = "Add a file of numbers to a campaign",
    .help =
        "`text/csv` with the names of the columns in the first line: `phone_number`, and if they "
        "are wanted `priority`, `timezone` and `data` (a JSON object); all others become data. "
        "Fields are separated by commas, semicolons or tabs. Or `application/x-ndjson` with an "
        "object in each line. Or `multipart/form-data` with such a file. Lines that are wrong are "
        "told and passed over.",
    .file_types = import_types,
    .params = params,
    .answers = answers,
};
