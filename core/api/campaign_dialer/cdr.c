/* cdr.c - /api/cdr: records of calls that are over, and their statistics. */
#include "api/campaign_dialer/cdr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

#define WAV "wav"

static void render_number(struct json_writer *w, const char *key, int64_t number)
{
    if (number)
        jw_int(w, key, number);
    else
        jw_null(w, key);
}

char *cdr_file(const struct cdr *r)
{
    return r->recording ? xasprintf("%s." WAV, r->recording) : NULL;
}

void cdr_render(struct json_writer *w, const struct cdr *r)
{
    char *file = cdr_file(r);
    jw_object(w, NULL);
    render_number(w, "id", r->number);
    render_number(w, "campaign_id", r->campaign_id);
    jw_str(w, "campaign_name", r->campaign_name);
    render_number(w, "campaign_number_id", r->campaign_number_id);
    jw_str(w, "channel_id", r->call_id);
    jw_str(w, "uniqueid", r->call_id);
    jw_str(w, "callerid", r->caller_id);
    jw_str(w, "destination", r->phone_number);
    jw_str(w, "agent", r->agent);
    dialer_time(w, "start_time", r->started_ms);
    dialer_time(w, "answer_time", r->answered_ms);
    dialer_time(w, "end_time", r->ended_ms);
    jw_int(w, "duration", r->duration_s);
    jw_int(w, "billsec", r->billsec);
    jw_str(w, "disposition", r->disposition);
    jw_str(w, "recording_file", file);
    jw_null(w, "recording_leg1");
    jw_null(w, "recording_leg2");
    dialer_time(w, "created_at", r->started_ms);
    jw_int(w, "cause", r->cause);
    jw_str(w, "cause_text", r->cause_text);
    if (r->ivr)
        jw_jansson(w, "ivr", r->ivr);
    if (r->amd)
        jw_jansson(w, "amd", r->amd);
    if (r->message)
        jw_jansson(w, "message", r->message);
    jw_end(w);
    free(file);
}

/* ---- The filter of the query ------------------------------------------------------------------
 */

static bool read_time(struct request *req, const char *name, bool end, int64_t *out)
{
    int64_t ms, span;
    const char *text = request_query(req, name);
    if (str_empty(text))
        return true;
    if (!clock_parse_plain(text, &ms, &span)) {
        char *message = xasprintf("Invalid %s. Must be YYYY-MM-DD, with or without HH:MM:SS", name);
        dialer_refuse(req, 400, message,
                      json_pack("{s:s}", name, "Must be YYYY-MM-DD, with or without HH:MM:SS"));
        free(message);
        return false;
    }
    *out = end ? ms + span : ms;
    return true;
}

/* Into the task; false: answered. */
bool cdr_filter_read(struct request *req, struct arena *arena, struct cdr_filter *f)
{
    int64_t campaign = 0;
    const char *id = request_query(req, "campaign_id"), *how = request_query(req, "disposition");
    const char *search = request_query(req, "search");
    if (!str_empty(id) && (!str_to_int(id, &campaign) || campaign < 1)) {
        dialer_refuse(req, 400, "Invalid campaign_id. Must be a number",
                      json_pack("{s:s}", "campaign_id", "Must be a number"));
        return false;
    }
    if (!str_empty(how) && !cdr_disposition_known(how)) {
        static const char why[] = "Must be: answered, no_answer, busy, failed, or cancelled";
        char *message = xasprintf("Invalid disposition. %s", why);
        dialer_refuse(req, 400, message, json_pack("{s:s}", "disposition", why));
        free(message);
        return false;
    }
    f->campaign = campaign;
    f->disposition = str_empty(how) ? NULL : arena_strdup(arena, how);
    f->search = str_empty(search) ? NULL : arena_strdup(arena, search);
    return read_time(req, "start_date", false, &f->from_ms) &&
           read_time(req, "end_date", true, &f->to_ms);
}

/* NULL: answered. */
static struct dialer_task *filter_task(struct request *req)
{
    struct dialer_task *t = task_new(req);
    t->own = arena_alloc(t->arena, sizeof(struct cdr_filter));
    if (cdr_filter_read(req, t->arena, t->own))
        return t;
    task_free(t);
    return NULL;
}

/* ---- GET ----------------------------------------------------------------------------------------
 */

static void on_list(void *arg, const struct cdr_list *list)
{
    struct dialer_task *t = arg;
    if (list->err != DG_OK) {
        task_fail(t, list->err, list->message);
        return;
    }
    size_t count = list->count;
    if (count > t->page.size) {
        const struct cdr *last = &list->records[--count - 1];
        task_next(t, last->started_ms, last->call_id);
    }
    struct json_writer *w = task_data(t);
    jw_array(w, NULL);
    for (size_t i = 0; i < count; i++)
        cdr_render(w, &list->records[i]);
    jw_end(w);
    task_paged(t, "CDR records retrieved successfully", list->total);
}

static void run_list(struct dialer_task *t)
{
    const struct cdr_filter *filter = t->own;
    const struct cdr_query query = {.filter = *filter,
                                    .after = t->after,
                                    .offset = page_skip(&t->page),
                                    .limit = t->page.size + 1,
                                    .total = !t->after.id};
    cdrs_list(t->api->store, &query, on_list, t);
}

void dialer_cdr_list(struct request *req)
{
    struct dialer_task *t = filter_task(req);
    if (!t)
        return;
    if (dialer_place(req, t))
        task_start(req, t, run_list);
    else
        task_free(t);
}

static void on_view(void *arg, const struct cdr_list *list)
{
    struct dialer_task *t = arg;
    if (list->err == DG_ENOTFOUND) {
        task_refuse(t, 404, "CDR record not found", NULL, NULL);
    } else if (list->err != DG_OK) {
        task_fail(t, list->err, list->message);
    } else {
        cdr_render(task_data(t), &list->records[0]);
        task_done(t, 200, "CDR record retrieved successfully");
    }
}

static void run_view(struct dialer_task *t)
{
    cdrs_get(t->api->store, t->id, on_view, t);
}

void dialer_cdr_view(struct request *req)
{
    struct dialer_task *t = campaign_task(req, "CDR record not found");
    if (t)
        task_start(req, t, run_view);
}

/* Two places are enough. */
static void render_average(struct json_writer *w, const char *key, int64_t sum, int64_t count)
{
    jw_real(w, key, count ? round(100.0 * (double)sum / (double)count) / 100.0 : 0);
}

static void on_stats(void *arg, const struct cdr_stats *stats)
{
    struct dialer_task *t = arg;
    if (stats->err != DG_OK) {
        task_fail(t, stats->err, stats->message);
        return;
    }
    struct json_writer *w = task_data(t);
    jw_object(w, NULL);
    jw_int(w, "total_calls", stats->total);
    for (size_t i = 0; i < CDR_ENDS; i++)
        jw_int(w, cdr_disposition_name((enum cdr_disposition)i), stats->calls[i]);
    render_average(w, "avg_duration", stats->duration_s, stats->total);
    render_average(w, "avg_billsec", stats->billsec, stats->total);
    jw_int(w, "total_duration", stats->duration_s);
    jw_int(w, "total_billsec", stats->billsec);
    jw_end(w);
    task_done(t, 200, "CDR statistics retrieved successfully");
}

static void run_stats(struct dialer_task *t)
{
    cdrs_stats(t->api->store, t->own, on_stats, t);
}

void dialer_cdr_stats(struct request *req)
{
    struct dialer_task *t = filter_task(req);
    if (t)
        task_start(req, t, run_stats);
}

/* ---- Documentation ------------------------------------------------------------------------------
 */

/* clang-format off */
static const struct field list_params[] = {CDR_FILTER_FIELDS, PAGE_NUMBER_FIELD, PAGE_SIZE_FIELD,
                                            DIALER_CURSOR_FIELD, {0}};
static const struct field stats_params[] = {CDR_FILTER_FIELDS, {0}};
static const struct field shown_fields[] = {
    {.name = "id", .kind = FIELD_INT, .example = "1"},
    {.name = "campaign_id", .kind = FIELD_INT, .example = "1"},
    {.name = "campaign_name", .kind = FIELD_STR, .example = "\"Summer\""},
    {.name = "campaign_number_id", .kind = FIELD_INT, .example = "1"},
    {.name = "channel_id", .kind = FIELD_STR, .help = "The call's id",
     .example = "\"0199f3c1-0000-7000-8000-000000000001\""},
    {.name = "uniqueid", .kind = FIELD_STR},
    {.name = "callerid", .kind = FIELD_STR, .example = "\"15550100\""},
    {.name = "destination", .kind = FIELD_STR, .example = "\"+15550101\""},
    {.name = "agent", .kind = FIELD_STR, .example = "null"},
    {.name = "start_time", .kind = FIELD_STR, .example = "\"2025-10-01 12:00:00\""},
    {.name = "answer_time", .kind = FIELD_STR, .example = "\"2025-10-01 12:00:05\""},
    {.name = "end_time", .kind = FIELD_STR, .example = "\"2025-10-01 12:01:00\""},
    {.name = "duration", .kind = FIELD_INT, .required = true, .help = "Seconds from start to end",
     .example = "60"},
    {.name = "billsec", .kind = FIELD_INT, .required = true, .help = "Seconds from answer to end",
     .example = "55"},
    {.name = "disposition", .kind = FIELD_STR, .required = true, .example = "\"answered\"",
     .help = "answered, no_answer, busy, failed or cancelled"},
    {.name = "recording_file", .kind = FIELD_STR, .example = "null"},
    {.name = "recording_leg1", .kind = FIELD_STR, .example = "null"},
    {.name = "recording_leg2", .kind = FIELD_STR, .example = "null"},
    {.name = "created_at", .kind = FIELD_STR, .example = "\"2025-10-01 12:00:00\""},
    {.name = "cause", .kind = FIELD_INT, .help = "ITU-T Q.850", .example = "16"},
    {.name = "cause_text", .kind = FIELD_STR, .example = "\"Normal clearing\""},
    {.name = "ivr", .kind = FIELD_OBJECT,
     .help = "Of calls that were led through menus: menu, keys, result, path"},
    {.name = "amd", .kind = FIELD_OBJECT,
     .help = "Who has answered, where that was to be found out: result (human, machine, notsure, "
             "hangup or failed), cause, at"},
    {.name = "message", .kind = FIELD_OBJECT,
     .help = "Of calls that were to hear a message: audio, to, played, result, path"},
    {0}};
static const struct schema shown = {"DialerCdr", "A call that is over", shown_fields};
static const struct field list_fields[] = {
    {.name = "success", .kind = FIELD_BOOL, .required = true, .example = "true"},
    {.name = "message", .kind = FIELD_STR, .required = true,
     .example = "\"CDR records retrieved successfully\""},
    {.name = "data", .kind = FIELD_LIST, .required = true, .of = &shown},
    DIALER_PLACE_FIELDS,
    {0}};
static const struct field view_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "CDR record retrieved successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true, .of = &shown},
    {0}};
static const struct field stats_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "CDR statistics retrieved successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true,
     .help = "total_calls, answered, no_answer, busy, failed, cancelled, avg_duration, "
             "avg_billsec, total_duration, total_billsec"},
    {0}};
/* clang-format on */
static const struct schema list_answer = {"DialerCdrs", "A page of records, newest first",
                                          list_fields};
static const struct schema view_answer = {"DialerCdrViewed", "The record", view_fields};
static const struct schema stats_answer = {"DialerCdrCounted", "The statistics", stats_fields};
static const struct route_answer list_answers[] = {
    {200, "The records", &list_answer, NULL, NULL},
    {400, "A parameter is wrong", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};
static const struct route_answer view_answers[] = {
    {200, "The record", &view_answer, NULL, NULL},
    {404, "There is no such record", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};
static const struct route_answer stats_answers[] = {
    {200, "The statistics", &stats_answer, NULL, NULL},
    {400, "A parameter is wrong", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};

const struct route_doc dialer_cdr_list_doc = {
    .id = "list_cdr",
    .tag = DIALER_TAG_CDR,
    .summary = "Records of calls that are over, newest first",
    .help = "One for each attempt of a campaign and each call of any other API.",
    .params = list_params,
    .answers = list_answers,
};
const struct route_doc dialer_cdr_view_doc = {
    .id = "view_cdr",
    .tag = DIALER_TAG_CDR,
    .summary = "One record",
    .params = dialer_id_param,
    .answers = view_answers,
};
const struct route_doc dialer_cdr_stats_doc = {
    .id = "cdr_stats",
    .tag = DIALER_TAG_CDR,
    .summary = "Statistics of calls that are over",
    .params = stats_params,
    .answers = stats_answers,
};
