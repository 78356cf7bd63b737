/* monitoring.c - /api/monitoring: what goes on at this moment. */
#include "api/campaign_dialer/campaigns.h"
#include "api/system/health.h"
#include "base/clock.h"
#include "base/str.h"
#include "domain/cdrs.h"
#include "domain/channels.h"

#define NOT_CONNECTED "Failed to get channels: the telephone system is not connected"

/* ---- Channels -----------------------------------------------------------------------------------
 */

/* The words of Asterisk, which this API has always shown. */
static const char *state_name(enum dg_channel_state state)
{
    static const char *const names[] = {
        [DG_CHANNEL_UNKNOWN] = "Unknown", [DG_CHANNEL_DIALING] = "Dialing",
        [DG_CHANNEL_RINGING] = "Ringing", [DG_CHANNEL_UP] = "Up",
        [DG_CHANNEL_BUSY] = "Busy",       [DG_CHANNEL_RESERVED] = "Rsrvd",
        [DG_CHANNEL_DOWN] = "Down",
    };
    return (size_t)state < sizeof names / sizeof *names ? names[state] : "Unknown";
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static void render_party(struct json_writer *w, const char *key, const char *name,
                         const char *number)
{
    jw_object(w, key);
    jw_str(w, "name", or_empty(name));
    jw_str(w, "number", or_empty(number));
    jw_end(w);
}

static void add_channel(void *arg, const struct channel_view *view)
{
    struct json_writer *w = arg;
    const struct dg_call *c = view->call;
    jw_object(w, NULL);
    jw_str(w, "id", c->id);
    jw_str(w, "name", c->name);
    jw_str(w, "state", state_name(c->state));
    render_party(w, "caller", c->caller_name, c->caller_number);
    render_party(w, "connected", NULL, c->connected_number);
    dialer_time(w, "creationtime", c->started_at_ms);
    jw_end(w);
}

/* "channels":[...]; false: it is not known which there are. */
static bool render_channels(struct dialer_task *t, struct json_writer *w, size_t *count)
{
    struct channels_page page = {.limit = SIZE_MAX};
    jw_array(w, "channels");
    bool known = channels_list(t->api->channels, &page, add_channel, w);
    jw_end(w);
    *count = known ? page.total : 0;
    return known;
}

static void run_channels(struct dialer_task *t)
{
    size_t count;
    struct json_writer *w = task_data(t);
    jw_object(w, NULL);
    if (!render_channels(t, w, &count)) {
        buf_clear(&t->data);
        task_refuse(t, 500, NOT_CONNECTED, NULL, NULL);
        return;
    }
    jw_int(w, "count", (int64_t)count);
    jw_end(w);
    task_done(t, 200, "Active channels retrieved successfully");
}

void dialer_monitoring_channels(struct request *req)
{
    task_start(req, task_new(req), run_channels);
}

/* ---- Status
 * --------------------------------------------------------------------------------------- */

static void count_channel(void *arg, const struct channel_view *view)
{
    (void)arg;
    (void)view;
}

static size_t channels_now(const struct dialer_task *t)
{
    struct channels_page page = {0};
    return channels_list(t->api->channels, &page, count_channel, NULL) ? page.total : 0;
}

static bool asterisk_up(const struct health_report *r)
{
    return r->count && r->backends[0].link == DG_LINK_UP;
}

static void on_running(void *arg, const struct op_result *res)
{
    struct dialer_task *t = arg;
    struct health_report report;
    const struct dg_tally_row *row = op_first(res, struct dg_tally_row);
    health_read(t->api->health, &report);
    struct json_writer *w = task_data(t);
    jw_object(w, NULL);
    jw_bool(w, "asterisk", asterisk_up(&report));
    jw_bool(w, "database", res->err == DG_OK);
    jw_int(w, "active_channels", (int64_t)channels_now(t));
    jw_int(w, "active_campaigns", row ? (int64_t)row->count : 0);
    dialer_time(w, "timestamp", clock_unix_ms());
    jw_end(w);
    task_done(t, 200, "System status retrieved successfully");
}

static void run_status(struct dialer_task *t)
{
    const struct dg_where where = {.field = "status", .value = "running"};
    const struct dg_tally tally = {
        .collection = COLLECTION_CAMPAIGNS, .where = &where, .where_count = 1};
    store_tally(t->api->store, &tally, on_running, t);
}

void dialer_monitoring_status(struct request *req)
{
    task_start(req, task_new(req), run_status);
}

/* ---- Realtime
 * ------------------------------------------------------------------------------------- */

static void on_today(void *arg, const struct cdr_stats *stats)
{
    static const enum cdr_disposition shown[] = {CDR_ANSWERED, CDR_NO_ANSWER, CDR_BUSY, CDR_FAILED};
    struct dialer_task *t = arg;
    struct json_writer *w = &t->writer;
    if (stats->err != DG_OK) {
        buf_clear(&t->data);
        task_fail(t, stats->err, stats->message);
        return;
    }
    jw_object(w, "today_stats");
    jw_int(w, "total_calls", stats->total);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        jw_int(w, cdr_disposition_name(shown[i]), stats->calls[shown[i]]);
    jw_end(w);
    dialer_time(w, "timestamp", clock_unix_ms());
    jw_end(w);
    task_done(t, 200, "Real-time data retrieved successfully");
}

static int64_t midnight_ms(void)
{
    char text[CLOCK_ISO_SIZE];
    int64_t ms = 0, span;
    clock_plain_local(clock_unix_ms(), text);
    text[sizeof "2025-10-01" - 1] = '\0';
    clock_parse_plain(text, &ms, &span);
    return ms;
}

static void on_campaigns(void *arg, const struct campaign_list *list)
{
    struct dialer_task *t = arg;
    size_t count;
    if (list->err != DG_OK) {
        task_fail(t, list->err, list->message);
        return;
    }
    struct json_writer *w = task_data(t);
    jw_object(w, NULL);
    jw_array(w, "campaigns");
    for (size_t i = 0; i < list->count; i++)
        campaign_render(w, list->entries[i].campaign, &list->entries[i].counts);
    jw_end(w);
    render_channels(t, w, &count);
    jw_int(w, "channel_count", (int64_t)count);
    const struct cdr_filter today = {.from_ms = midnight_ms()};
    cdrs_stats(t->api->store, &today, on_today, t);
}

static void run_realtime(struct dialer_task *t)
{
    const struct campaign_query query = {.status = "running"};
    campaigns_list(t->api->campaigns, &query, on_campaigns, t);
}

void dialer_monitoring_realtime(struct request *req)
{
    task_start(req, task_new(req), run_realtime);
}

/* ---- Documentation ------------------------------------------------------------------------------
 */

/* clang-format off */
static const struct field status_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "System status retrieved successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true,
     .example = "{\"asterisk\":true,\"database\":true,\"active_channels\":2,"
                "\"active_campaigns\":1,\"timestamp\":\"2025-10-01 12:00:00\"}"},
    {0}};
static const struct field channels_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "Active channels retrieved successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true, .help = "channels and count",
     .example = "{\"channels\":[],\"count\":0}"},
    {0}};
static const struct field realtime_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "Real-time data retrieved successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true,
     .help = "campaigns (running ones, with stats), channels, channel_count, today_stats "
             "(total_calls, answered, no_answer, busy, failed), timestamp"},
    {0}};
/* clang-format on */
static const struct schema status_answer = {"DialerStatus", "How the parts are", status_fields};
static const struct schema channels_answer = {"DialerChannels", "Every channel", channels_fields};
static const struct schema realtime_answer = {"DialerRealtime", "What goes on", realtime_fields};
static const struct route_answer status_answers[] = {
    {200, "How the parts are", &status_answer, NULL, NULL}, DIALER_REFUSALS, {0}};
static const struct route_answer channels_answers[] = {
    {200, "The channels", &channels_answer, NULL, NULL},
    {500, "The telephone system is not connected", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};
static const struct route_answer realtime_answers[] = {
    {200, "What goes on", &realtime_answer, NULL, NULL}, DIALER_REFUSALS, {0}};

const struct route_doc dialer_monitoring_status_doc = {
    .id = "monitoring_status",
    .tag = DIALER_TAG_MONITORING,
    .summary = "How the parts are",
    .answers = status_answers,
};
const struct route_doc dialer_monitoring_channels_doc = {
    .id = "monitoring_channels",
    .tag = DIALER_TAG_MONITORING,
    .summary = "Every channel of the telephone system",
    .answers = channels_answers,
};
const struct route_doc dialer_monitoring_realtime_doc = {
    .id = "monitoring_realtime",
    .tag = DIALER_TAG_MONITORING,
    .summary = "Running campaigns, channels and today's calls",
    .answers = realtime_answers,
};
