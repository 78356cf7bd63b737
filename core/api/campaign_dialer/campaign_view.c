/* campaign_view.c - a campaign and its statistics as they are shown. */
#include "api/campaign_dialer/campaigns.h"

void campaign_render_stats(struct json_writer *w, const char *key,
                           const struct campaign_counts *counts)
{
    jw_object(w, key);
    jw_int(w, "total", campaign_counts_total(counts));
    for (size_t i = 0; i < NUMBER_STATUSES; i++)
        jw_int(w, number_status_name((enum number_status)i), counts->numbers[i]);
    jw_int(w, "total_calls", counts->total_calls);
    jw_int(w, "answered_calls", counts->answered_calls);
    jw_end(w);
}

static void render_list(struct json_writer *w, const char *key, const json_t *list)
{
    if (list) {
        jw_jansson(w, key, list);
        return;
    }
    jw_array(w, key);
    jw_end(w);
}

void campaign_render(struct json_writer *w, const struct campaign *c,
                     const struct campaign_counts *counts)
{
    jw_object(w, NULL);
    jw_int(w, "id", c->id);
    jw_str(w, "name", c->name);
    jw_str(w, "description", c->description ? c->description : "");
    jw_str(w, "trunk_type", campaign_trunk_name(c->trunk_type));
    jw_str(w, "trunk_value", c->trunk_value);
    jw_str(w, "callerid", c->callerid);
    jw_str(w, "agent_dest_type", campaign_dest_name(c->dest_type));
    jw_str(w, "agent_dest_value", c->dest_value);
    jw_int(w, "record_calls", c->record_calls);
    jw_str(w, "status", campaign_status_name(c->status));
    jw_int(w, "concurrent_calls", c->concurrent_calls);
    jw_int(w, "retry_times", c->retry_times);
    jw_int(w, "retry_delay", c->retry_delay_s);
    jw_int(w, "dial_timeout", c->dial_timeout_s);
    jw_int(w, "call_timeout", c->call_timeout_s);
    jw_str(w, "pacing", pacing_rule_name(c->pacing));
    jw_int(w, "max_calls_per_second", c->max_calls_per_second);
    jw_int(w, "priority", c->priority);
    jw_str(w, "timezone", c->timezone);
    render_list(w, "calling_hours", c->calling_hours);
    render_list(w, "retry_rules", c->retry_rules);
    jw_int(w, "retry_spread", c->retry_spread);
    jw_array(w, "callerids");
    for (size_t i = 0; i < c->callerid_count; i++)
        jw_str(w, NULL, c->callerids[i]);
    jw_end(w);
    jw_int(w, "dnc", c->dnc);
    dialer_time(w, "created_at", c->created_at_ms);
    dialer_time(w, "updated_at", c->updated_at_ms);
    if (counts)
        campaign_render_stats(w, "stats", counts);
    jw_end(w);
}

/* ---- Documentation ------------------------------------------------------------------------ */

/* clang-format off */
static const struct field stats_fields[] = {
    {.name = "total", .kind = FIELD_INT, .required = true, .help = "Numbers", .example = "100"},
    {.name = "pending", .kind = FIELD_INT, .required = true, .example = "60"},
    {.name = "calling", .kind = FIELD_INT, .required = true, .example = "2"},
    {.name = "answered", .kind = FIELD_INT, .required = true, .example = "3"},
    {.name = "completed", .kind = FIELD_INT, .required = true, .example = "20"},
    {.name = "failed", .kind = FIELD_INT, .required = true, .example = "5"},
    {.name = "no_answer", .kind = FIELD_INT, .required = true, .example = "6"},
    {.name = "busy", .kind = FIELD_INT, .required = true, .example = "4"},
    {.name = "total_calls", .kind = FIELD_INT, .required = true, .help = "Call records",
     .example = "50"},
    {.name = "answered_calls", .kind = FIELD_INT, .required = true, .example = "23"},
    {0}};
const struct schema campaign_stats_shown = {
    "DialerCampaignStats", "Numbers by status, each counted once, and calls", stats_fields};
static const struct field shown_fields[] = {
    {.name = "id", .kind = FIELD_INT, .required = true, .example = "1"},
    {.name = "name", .kind = FIELD_STR, .required = true, .example = "\"Summer\""},
    {.name = "description", .kind = FIELD_STR, .required = true, .example = "\"\""},
    {.name = "trunk_type", .kind = FIELD_STR, .required = true, .example = "\"pjsip\""},
    {.name = "trunk_value", .kind = FIELD_STR, .required = true, .example = "\"trunk-1\""},
    {.name = "callerid", .kind = FIELD_STR, .example = "\"15550100\""},
    {.name = "agent_dest_type", .kind = FIELD_STR, .required = true, .example = "\"exten\""},
    {.name = "agent_dest_value", .kind = FIELD_STR, .required = true, .example = "\"100\""},
    {.name = "record_calls", .kind = FIELD_INT, .required = true, .example = "0"},
    {.name = "status", .kind = FIELD_STR, .required = true, .example = "\"stopped\"",
     .help = "stopped, running or paused"},
    {.name = "concurrent_calls", .kind = FIELD_INT, .required = true, .example = "10"},
    {.name = "retry_times", .kind = FIELD_INT, .required = true, .example = "2"},
    {.name = "retry_delay", .kind = FIELD_INT, .required = true, .example = "300"},
    {.name = "dial_timeout", .kind = FIELD_INT, .required = true, .example = "30"},
    {.name = "call_timeout", .kind = FIELD_INT, .required = true, .example = "600"},
    {.name = "pacing", .kind = FIELD_STR, .required = true, .example = "\"fixed\""},
    {.name = "max_calls_per_second", .kind = FIELD_INT, .required = true, .example = "0"},
    {.name = "priority", .kind = FIELD_INT, .required = true, .example = "0"},
    {.name = "timezone", .kind = FIELD_STR, .example = "\"Europe/Berlin\""},
    {.name = "calling_hours", .kind = FIELD_LIST, .of = &campaign_span},
    {.name = "retry_rules", .kind = FIELD_LIST, .of = &campaign_retry},
    {.name = "retry_spread", .kind = FIELD_INT, .required = true, .example = "0"},
    {.name = "callerids", .kind = FIELD_STR_LIST, .required = true},
    {.name = "dnc", .kind = FIELD_INT, .required = true, .example = "1"},
    {.name = "created_at", .kind = FIELD_STR, .required = true,
     .example = "\"2025-10-01 12:00:00\""},
    {.name = "updated_at", .kind = FIELD_STR, .example = "null"},
    {.name = "stats", .kind = FIELD_OBJECT, .of = &campaign_stats_shown,
     .help = "Where it is read"},
    {0}};
const struct schema campaign_shown = {"DialerCampaign", "A campaign", shown_fields};
/* clang-format on */
