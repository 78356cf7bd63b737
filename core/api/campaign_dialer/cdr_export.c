/* cdr_export.c - GET /api/cdr/export: what the list's filters let through, as a file. */
#include <stdlib.h>

#include "api/campaign_dialer/cdr.h"
#include "api/campaign_dialer/export.h"

static const char *const columns[] = {
    "id",          "campaign_id", "campaign_name", "campaign_number_id", "channel_id", "callerid",
    "destination", "agent",       "start_time",    "answer_time",        "end_time",   "duration",
    "billsec",     "disposition", "cause",         "recording_file",     NULL};

/* 0: it has none. */
static void add_number(struct export_part *p, int64_t number)
{
    if (number)
        export_int(p, number);
    else
        export_text(p, NULL);
}

static void add_row(struct export_part *p, const struct cdr *r)
{
    char *file = cdr_file(r);
    add_number(p, r->number);
    add_number(p, r->campaign_id);
    export_text(p, r->campaign_name);
    add_number(p, r->campaign_number_id);
    export_text(p, r->call_id);
    export_text(p, r->caller_id);
    export_text(p, r->phone_number);
    export_text(p, r->agent);
    export_time(p, r->started_ms);
    export_time(p, r->answered_ms);
    export_time(p, r->ended_ms);
    export_int(p, r->duration_s);
    export_int(p, r->billsec);
    export_text(p, r->disposition);
    export_int(p, r->cause);
    export_text(p, file);
    export_row(p);
    free(file);
}

static void on_records(void *arg, const struct cdr_list *list)
{
    struct export_part *p = arg;
    if (list->err != DG_OK) {
        export_fail(p, list->err, list->message);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        struct json_writer w;
        if (p->csv) {
            add_row(p, &list->records[i]);
        } else {
            export_object(p, &w);
            cdr_render(&w, &list->records[i]);
        }
        p->place.at = list->records[i].started_ms;
        snprintf(p->place.id, sizeof p->place.id, "%s", list->records[i].call_id);
    }
    export_end(p, list->count < EXPORT_PAGE);
}

static void fetch(struct export_part *p)
{
    const struct cdr_query query = {.filter = p->filter,
                                    .after = {p->place.at, *p->place.id ? p->place.id : NULL},
                                    .limit = EXPORT_PAGE};
    cdrs_list(p->api->store, &query, on_records, p);
}

static const struct export_kind kind = {"cdr", columns, fetch};

void dialer_cdr_export(struct request *req)
{
    struct export_part *p = export_open(req);
    if (!p)
        return;
    if (cdr_filter_read(req, p->arena, &p->filter))
        export_start(req, p, &kind);
    else
        export_close(p);
}

/* ---- Documentation ------------------------------------------------------------------------- */

static const struct field params[] = {CDR_FILTER_FIELDS, EXPORT_FORMAT_FIELD, {0}};
static const struct route_answer answers[] = {
    {200, "The file", NULL, "text/csv", NULL},
    {400, "A parameter is wrong", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};
const struct route_doc dialer_cdr_export_doc = {
    .id = "export_cdr",
    .tag = DIALER_TAG_CDR,
    .summary = "Records of calls that are over as a file, newest first",
    .help = "CSV with the names of the columns in the first line, or with `format=json` an array "
            "of objects as the list has them.",
    .params = params,
    .answers = answers,
};
