/* number_export.c - GET /api/campaigns/:id/numbers/export: all of them, as a file. */
#include "api/campaign_dialer/export.h"
#include "base/str.h"

static const char *const columns[] = {
    "id",     "phone_number", "status",  "attempts",   "last_attempt", "priority", "timezone",
    "due_at", "data",         "call_id", "created_at", "updated_at",   NULL};

static void add_row(struct export_part *p, const struct number *n)
{
    export_int(p, n->id);
    export_text(p, n->phone_number);
    export_text(p, number_status_name(n->status));
    export_int(p, n->attempts);
    export_time(p, n->last_attempt_ms);
    export_int(p, n->priority);
    export_text(p, n->timezone);
    export_time(p, n->due_at_ms);
    export_text(p, n->data);
    export_text(p, n->call_id);
    export_time(p, n->created_at_ms);
    export_time(p, n->updated_at_ms);
    export_row(p);
}

static void on_numbers(void *arg, const struct number_list *list)
{
    struct export_part *p = arg;
    if (list->err != DG_OK) {
        export_fail(p, list->err, list->message);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        struct json_writer w;
        if (p->csv) {
            add_row(p, &list->numbers[i]);
        } else {
            export_object(p, &w);
            number_render(&w, &list->numbers[i]);
        }
        p->place.at = list->numbers[i].id;
    }
    export_end(p, list->count < EXPORT_PAGE);
}

static void read_page(struct export_part *p)
{
    const struct number_query query = {
        .campaign = p->campaign, .status = p->status, .after = p->place.at, .limit = EXPORT_PAGE};
    numbers_list(p->api->store, &query, on_numbers, p);
}

static void on_campaign(void *arg, enum dg_err err, const char *message,
                        const struct campaign_counts *counts)
{
    struct export_part *p = arg;
    (void)counts;
    if (err != DG_OK)
        export_fail(p, err, err == DG_ENOTFOUND ? CAMPAIGN_NOT_FOUND : message);
    else
        read_page(p);
}

static void fetch(struct export_part *p)
{
    if (p->place.at)
        read_page(p);
    else
        ledger_counts(p->api->ledger, p->campaign, on_campaign, p);
}

static const struct export_kind kind = {"numbers", columns, fetch};

void dialer_numbers_export(struct request *req)
{
    int64_t id;
    enum number_status status;
    const char *wanted = request_query(req, "status");
    if (!str_empty(wanted) && !number_status_parse(wanted, &status)) {
        dialer_refuse(req, 400, "Invalid status. Must be: " NUMBER_STATUS_NAMES,
                      json_pack("{s:s}", "status", "Must be: " NUMBER_STATUS_NAMES));
        return;
    }
    if (!dialer_id(req, CAMPAIGN_NOT_FOUND, &id))
        return;
    struct export_part *p = export_open(req);
    if (!p)
        return;
    p->campaign = id;
    p->status = str_empty(wanted) ? NULL : arena_strdup(p->arena, wanted);
    export_start(req, p, &kind);
}

/* ---- Documentation ------------------------------------------------------------------------- */

/* clang-format off */
static const struct field params[] = {
    {.name = "id", .kind = FIELD_INT, .required = true, .min = 1, .help = "The campaign's number"},
    {.name = "status", .kind = FIELD_STR, .example = "\"failed\"",
     .help = "One of " NUMBER_STATUS_NAMES},
    EXPORT_FORMAT_FIELD, {0}};
/* clang-format on */
static const struct route_answer answers[] = {
    {200, "The file, as it is read; numbers that change meanwhile may be in either state", NULL,
     "text/csv", NULL},
    {400, "A parameter is wrong", &dialer_error, NULL, NULL},
    {404, "There is no such campaign", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};
const struct route_doc dialer_numbers_export_doc = {
    .id = "export_numbers",
    .tag = DIALER_TAG_NUMBERS,
    .summary = "All numbers of a campaign as a file",
    .help = "CSV with the names of the columns in the first line, or with `format=json` an array "
            "of objects as the list has them.",
    .params = params,
    .answers = answers,
};
