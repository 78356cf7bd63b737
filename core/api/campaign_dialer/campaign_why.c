/* campaign_why.c - GET /api/campaigns/:id/why: what keeps a campaign from dialling. */
#include "api/campaign_dialer/campaigns.h"
#include "domain/dialer.h"

static void render_reasons(struct json_writer *w, const struct dialer_why *why)
{
    jw_array(w, "reasons");
    for (size_t i = 0; i < why->reason_count; i++) {
        jw_object(w, NULL);
        jw_str(w, "code", why->reasons[i].code);
        jw_str(w, "text", why->reasons[i].text);
        jw_end(w);
    }
    jw_end(w);
}

static void render_numbers(struct json_writer *w, const struct dialer_why *why)
{
    jw_object(w, "numbers");
    jw_int(w, "pending", (int64_t)why->pending);
    jw_int(w, "due", (int64_t)why->due);
    dialer_time(w, "next_due", why->next_due_ms);
    jw_end(w);
}

static void render_calls(struct json_writer *w, const struct dialer_why *why)
{
    jw_object(w, "calls");
    jw_int(w, "concurrent_calls", why->concurrent);
    jw_int(w, "calling", why->calling);
    jw_int(w, "answered", why->answered);
    jw_int(w, "max_calls_per_second", why->rate_per_second);
    if (why->rate_per_second)
        jw_int(w, "room_this_second", why->rate_room);
    else
        jw_null(w, "room_this_second");
    jw_end(w);
}

static void render(struct json_writer *w, int64_t campaign, const struct dialer_why *why)
{
    jw_object(w, NULL);
    jw_int(w, "campaign_id", campaign);
    jw_str(w, "status", why->status);
    jw_bool(w, "dialing", why->dialing);
    render_reasons(w, why);
    render_numbers(w, why);
    render_calls(w, why);
    jw_object(w, "calling_hours");
    jw_bool(w, "open", why->window_open);
    dialer_time(w, "changes_at", why->window_changes_ms);
    jw_end(w);
    jw_object(w, "gateway");
    jw_str(w, "name", why->node);
    dialer_time(w, "until", why->lease_until_ms);
    jw_end(w);
    jw_object(w, "backend");
    jw_str(w, "name", why->backend);
    jw_bool(w, "connected", why->backend_up);
    jw_end(w);
    jw_end(w);
}

static void on_why(void *arg, enum dg_err err, const char *message, const struct dialer_why *why)
{
    struct dialer_task *t = arg;
    if (err == DG_ENOTFOUND) {
        task_refuse(t, 404, CAMPAIGN_NOT_FOUND, NULL, NULL);
    } else if (err != DG_OK) {
        task_fail(t, err, message);
    } else {
        render(task_data(t), t->id, why);
        task_done(t, 200, "Campaign explained successfully");
    }
}

static void run(struct dialer_task *t)
{
    dialer_why(t->api->dialer, t->id, on_why, t);
}

void dialer_campaigns_why(struct request *req)
{
    struct dialer_task *t = campaign_task(req, CAMPAIGN_NOT_FOUND);
    if (t)
        task_start(req, t, run);
}

/* ---- Documentation ------------------------------------------------------------------------- */

/* clang-format off */
static const struct field reason_fields[] = {
    {.name = "code", .kind = FIELD_STR, .required = true, .example = "\"window_closed\"",
     .help = "stopped, paused, invalid, other_gateway, no_lease, recovering, window_closed, "
             "no_numbers, no_numbers_due, link_down, concurrency, agents, rate, backend_limit"},
    {.name = "text", .kind = FIELD_STR, .required = true,
     .example = "\"Calling hours (Europe/Berlin) begin at 2025-10-01T07:00:00Z\""},
    {0}};
static const struct schema reason = {"DialerReason", "What keeps it from dialling", reason_fields};
static const struct field why_fields[] = {
    {.name = "campaign_id", .kind = FIELD_INT, .required = true, .example = "1"},
    {.name = "status", .kind = FIELD_STR, .required = true, .example = "\"running\""},
    {.name = "dialing", .kind = FIELD_BOOL, .required = true, .example = "false",
     .help = "Numbers would be dialled now; then there are no reasons"},
    {.name = "reasons", .kind = FIELD_LIST, .required = true, .of = &reason,
     .help = "The most telling first"},
    {.name = "numbers", .kind = FIELD_OBJECT, .required = true,
     .help = "pending, due (may be dialled now), next_due",
     .example = "{\"pending\":10,\"due\":10,\"next_due\":null}"},
    {.name = "calls", .kind = FIELD_OBJECT, .required = true,
     .help = "concurrent_calls, calling, answered, max_calls_per_second, room_this_second",
     .example = "{\"concurrent_calls\":5,\"calling\":0,\"answered\":0,"
                "\"max_calls_per_second\":0,\"room_this_second\":null}"},
    {.name = "calling_hours", .kind = FIELD_OBJECT, .required = true, .help = "open, changes_at",
     .example = "{\"open\":false,\"changes_at\":\"2025-10-01 09:00:00\"}"},
    {.name = "gateway", .kind = FIELD_OBJECT, .required = true,
     .help = "Which paces it (name), until when unless it says so again",
     .example = "{\"name\":\"gw1\",\"until\":\"2025-10-01 08:12:10\"}"},
    {.name = "backend", .kind = FIELD_OBJECT, .required = true, .help = "name, connected",
     .example = "{\"name\":\"pbx\",\"connected\":true}"},
    {0}};
static const struct schema why_shown = {"DialerWhy", "Why a campaign dials or does not",
                                        why_fields};
static const struct field answer_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "Campaign explained successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true, .of = &why_shown},
    {0}};
/* clang-format on */
static const struct schema answer_shown = {"DialerCampaignExplained", "Why it does what it does",
                                           answer_fields};
static const struct route_answer answers[] = {
    {200, "What it waits for", &answer_shown, NULL, NULL},
    {404, "There is no such campaign", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};

const struct route_doc dialer_campaigns_why_doc = {
    .id = "explain_campaign",
    .tag = DIALER_TAG_CAMPAIGNS,
    .summary = "Why it is not dialling at this moment",
    .help = "By the rules that decide, in words and numbers.",
    .params = dialer_id_param,
    .answers = answers,
};
