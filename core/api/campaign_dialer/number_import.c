/* number_import.c - POST /api/campaigns/:id/numbers/import: a file of numbers. */
#include "domain/number_import.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/campaign_dialer/campaigns.h"
#include "base/str.h"
#include "domain/dialer.h"

struct importing {
    struct number_import_request req;
};

static void on_done(void *arg, const struct number_import_result *result)
{
    struct dialer_task *t = arg;
    if (result->accepted)
        dialer_wake(t->api->dialer, t->id);
    if (result->err == DG_ENOTFOUND) {
        task_refuse(t, 404, CAMPAIGN_NOT_FOUND, NULL, NULL);
        return;
    }
    if (result->err != DG_OK) {
        char *text = xasprintf("After %llu numbers were added: %s",
                               (unsigned long long)result->accepted, result->message);
        task_fail(t, result->err, result->accepted ? text : result->message);
        free(text);
        return;
    }
    struct json_writer *w = task_data(t);
    jw_object(w, NULL);
    jw_int(w, "campaign_id", t->id);
    jw_int(w, "accepted", (int64_t)result->accepted);
    jw_int(w, "skipped", (int64_t)result->skipped);
    jw_int(w, "wrong", (int64_t)result->wrong);
    jw_array(w, "errors");
    for (size_t i = 0; i < result->error_count; i++) {
        jw_object(w, NULL);
        jw_int(w, "line", (int64_t)result->errors[i].line);
        jw_str(w, "error", result->errors[i].why);
        jw_end(w);
    }
    jw_end(w);
    jw_end(w);
    char *text =
        xasprintf("%llu numbers imported successfully", (unsigned long long)result->accepted);
    task_done(t, 201, text);
    free(text);
}

static void on_campaign(void *arg, enum dg_err err, const char *message,
                        const struct campaign_counts *counts)
{
    struct dialer_task *t = arg;
    const struct importing *im = t->own;
    (void)counts;
    if (err == DG_ENOTFOUND)
        task_refuse(t, 404, CAMPAIGN_NOT_FOUND, NULL, NULL);
    else if (err != DG_OK)
        task_fail(t, err, message);
    else
        number_import(t->api->store, t->api->ledger, t->api->loop, &im->req, on_done, t);
}

static void run(struct dialer_task *t)
{
    struct importing *im = t->own;
    im->req.campaign = t->id;
    ledger_counts(t->api->ledger, t->id, on_campaign, t);
}

/* ---- What was sent -------------------------------------------------------------------------- */

static bool is_type(const char *sent, const char *type)
{
    const size_t len = strlen(type);
    return sent && strncasecmp(sent, type, len) == 0 && (!sent[len] || strchr("; \t", sent[len]));
}

/* false: answered. */
static bool read_format(struct request *req, enum number_format *out)
{
    static const struct {
        const char *type;
        enum number_format format;
    } known[] = {{"text/csv", NUMBERS_CSV},
                 {"application/x-ndjson", NUMBERS_NDJSON},
                 {"application/ndjson", NUMBERS_NDJSON}};
    const char *type = request_header(req, "content-type");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (is_type(type, known[i].type)) {
            *out = known[i].format;
            return true;
        }
    }
    dialer_refuse(req, 400, "Invalid Content-Type. Must be: text/csv or application/x-ndjson",
                  json_pack("{s:s}", "content-type", "Must be: text/csv or application/x-ndjson"));
    return false;
}

static const char *query(struct request *req, struct arena *arena, const char *name)
{
    return arena_strdup(arena, request_query(req, name));
}

void dialer_numbers_import(struct request *req)
{
    enum number_format format;
    bool skip = false;
    const char *duplicates = request_query(req, "skip_duplicates");
    if (duplicates && !str_to_bool(duplicates, &skip)) {
        dialer_refuse(req, 400, "Invalid skip_duplicates. Must be 0 or 1",
                      json_pack("{s:s}", "skip_duplicates", "Must be 0 or 1"));
        return;
    }
    if (!read_format(req, &format))
        return;
    struct dialer_task *t = campaign_task(req, CAMPAIGN_NOT_FOUND);
    if (!t)
        return;
    const struct dg_bytes body = request_body(req);
    struct importing *im = t->own = arena_alloc(t->arena, sizeof *im);
    im->req = (struct number_import_request){
        .format = format,
        .columns = {.phone_number = query(req, t->arena, "phone_number"),
                    .priority = query(req, t->arena, "priority"),
                    .timezone = query(req, t->arena, "timezone")},
        .bytes = {arena_dup(t->arena, body.ptr ? body.ptr : "", body.len), body.len},
        .skip_duplicates = skip};
    task_start(req, t, run);
}

/* ---- Documentation -------------------------------------------------------------------------- */

/* clang-format off */
static const struct field params[] = {
    {.name = "id", .kind = FIELD_INT, .required = true, .min = 1, .help = "The campaign's number"},
    {.name = "skip_duplicates", .kind = FIELD_INT, .max = 1, .example = "1",
     .help = "1: numbers that the campaign has already are passed over"},
    {.name = "phone_number", .kind = FIELD_STR, .example = "\"Telefon\"",
     .help = "The name of the column with the number, if it is another one"},
    {.name = "priority", .kind = FIELD_STR, .help = "Likewise"},
    {.name = "timezone", .kind = FIELD_STR, .help = "Likewise"},
    {0}};
static const struct field done_fields[] = {
    DIALER_SUCCESS_FIELDS("201", "2 numbers imported successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true,
     .help = "campaign_id, accepted, skipped, wrong, and errors: the first 100 wrong lines",
     .example = "{\"campaign_id\":1,\"accepted\":2,\"skipped\":0,\"wrong\":1,\"errors\":"
                "[{\"line\":3,\"error\":\"phone_number is missing\"}]}"},
    {0}};
/* clang-format on */
static const struct schema done_answer = {"DialerNumbersImported", "What came of each line",
                                          done_fields};
static const struct route_answer answers[] = {
    {201, "It was read to its end", &done_answer, NULL, NULL},
    {400, "It is of another type", &dialer_error, NULL, NULL},
    {404, "There is no such campaign", &dialer_error, NULL, NULL},
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
        "object in each line. Lines that are wrong are told and passed over.",
    .params = params,
    .answers = answers,
};
