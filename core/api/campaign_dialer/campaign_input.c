/* campaign_input.c - the fields of a campaign as clients send them. */
#include <stdlib.h>
#include <string.h>

#include "api/campaign_dialer/campaigns.h"
#include "api/rules.h"
#include "base/str.h"

/* ---- Rules ------------------------------------------------------------------------------- */

static const char *rule_trunk_type(const char *name, const char *value)
{
    enum campaign_trunk trunk;
    (void)name;
    return campaign_trunk_parse(value, &trunk) ? NULL : "Must be: custom, pjsip, or sip";
}

static const char *rule_dest_type(const char *name, const char *value)
{
    enum campaign_dest dest;
    (void)name;
    return campaign_dest_parse(value, &dest) ? NULL : "Must be: custom, exten, ivr, or queue";
}

static const char *rule_pacing(const char *name, const char *value)
{
    enum pacing_rule rule;
    (void)name;
    return pacing_rule_parse(value, &rule) ? NULL : "Must be: fixed or progressive";
}

static const char *rule_zone(const char *name, const char *value)
{
    (void)name;
    return str_empty(value) || zone_find(value) ? NULL : "Must be a time zone, like Europe/Berlin";
}

/* ---- The fields --------------------------------------------------------------------------- */

#define TRUNK_PATTERN  "^(custom|pjsip|sip)$"
#define DEST_PATTERN   "^(custom|exten|ivr|queue)$"
#define PACING_PATTERN "^(fixed|progressive)$"

/* clang-format off */
#define CAMPAIGN_FIELDS(needed)                                                                    \
    {.name = "name", .kind = FIELD_STR, .required = (needed), .min = 1, .max = 255,                \
     .rule = rule_printable, .example = "\"Summer\""},                                             \
    {.name = "trunk_type", .kind = FIELD_STR, .required = (needed), .rule = rule_trunk_type,       \
     .pattern = TRUNK_PATTERN, .example = "\"pjsip\""},                                            \
    {.name = "trunk_value", .kind = FIELD_STR, .required = (needed), .min = 1, .max = 255,         \
     .rule = rule_printable, .example = "\"trunk-1\"",                                             \
     .help = "The trunk's name; with the type custom what is dialled, with ${EXTEN} for the "      \
             "number"},                                                                            \
    {.name = "agent_dest_type", .kind = FIELD_STR, .required = (needed), .rule = rule_dest_type,   \
     .pattern = DEST_PATTERN, .example = "\"exten\""},                                             \
    {.name = "agent_dest_value", .kind = FIELD_STR, .required = (needed), .min = 1, .max = 255,    \
     .rule = rule_printable, .example = "\"100\""},                                                \
    {.name = "description", .kind = FIELD_STR, .max = 2000, .rule = rule_printable,                \
     .example = "\"\""},                                                                           \
    {.name = "callerid", .kind = FIELD_STR, .max = 100, .rule = rule_printable,                    \
     .example = "\"15550100\""},                                                                   \
    {.name = "callerids", .kind = FIELD_STR_LIST, .max = 100, .rule = rule_printable,              \
     .help = "Shown in turn, instead of callerid"},                                                \
    {.name = "record_calls", .kind = FIELD_INT, .max = 1, .fallback = "0", .example = "0"},        \
    {.name = "concurrent_calls", .kind = FIELD_INT, .min = 1, .max = 10000, .fallback = "1",       \
     .example = "10"},                                                                             \
    {.name = "retry_times", .kind = FIELD_INT, .min = 0, .max = RETRY_TIMES_MAX, .fallback = "0",  \
     .example = "2"},                                                                              \
    {.name = "retry_delay", .kind = FIELD_INT, .min = 0, .max = RETRY_DELAY_MAX_S,                 \
     .fallback = "300", .example = "300", .help = "Seconds from the end of an attempt"},           \
    {.name = "dial_timeout", .kind = FIELD_INT, .min = 15, .max = 180, .fallback = "30",           \
     .example = "30", .help = "Seconds that a number rings"},                                      \
    {.name = "call_timeout", .kind = FIELD_INT, .min = 30, .max = 3600, .fallback = "600",         \
     .example = "600", .help = "Seconds after which an answered call is ended"},                   \
    {.name = "pacing", .kind = FIELD_STR, .rule = rule_pacing, .pattern = PACING_PATTERN,          \
     .fallback = "\"fixed\"", .example = "\"fixed\""},                                             \
    {.name = "max_calls_per_second", .kind = FIELD_INT, .min = 0, .max = 10000, .fallback = "0",   \
     .example = "0", .help = "0: as many as there is room for"},                                   \
    {.name = "priority", .kind = FIELD_INT, .min = 0, .max = 100, .fallback = "0",                 \
     .example = "0", .help = "Among campaigns that share a backend's calls; higher first"},        \
    {.name = "timezone", .kind = FIELD_STR, .max = 64, .rule = rule_zone,                          \
     .example = "\"Europe/Berlin\"", .help = "Of the calling hours; empty: the server's"},         \
    {.name = "calling_hours", .kind = FIELD_LIST, .of = &campaign_span, .help = "None: always"},            \
    {.name = "retry_rules", .kind = FIELD_LIST, .of = &campaign_retry,                                      \
     .help = "For some outcomes other retries; the first that fits"},                              \
    {.name = "retry_spread", .kind = FIELD_INT, .max = 1, .fallback = "0", .example = "0",         \
     .help = "Each retry at another part of the day"},                                             \
    {.name = "dnc", .kind = FIELD_INT, .max = 1, .fallback = "1", .example = "1",                  \
     .help = "0: the do-not-call list is not looked at"}

static const struct field span_fields[] = {
    {.name = "days", .kind = FIELD_STR, .required = true, .example = "\"mon-fri\"",
     .help = "A day, a range, or a list of them"},
    {.name = "from", .kind = FIELD_STR, .required = true, .example = "\"09:00\""},
    {.name = "to", .kind = FIELD_STR, .required = true, .example = "\"20:00\""},
    {0}};
const struct schema campaign_span = {"DialerCallingSpan", "When numbers may be called", span_fields};
static const struct field retry_fields[] = {
    {.name = "disposition", .kind = FIELD_STR, .example = "\"busy\""},
    {.name = "cause", .kind = FIELD_INT, .example = "17", .help = "Instead: ITU-T Q.850"},
    {.name = "times", .kind = FIELD_INT, .example = "5"},
    {.name = "delay", .kind = FIELD_INT, .example = "60", .help = "Seconds"},
    {0}};
const struct schema campaign_retry = {"DialerRetryRule", "Retries after one outcome", retry_fields};
static const struct field create_fields[] = {CAMPAIGN_FIELDS(true), {0}};
static const struct field update_fields[] = {CAMPAIGN_FIELDS(false), {0}};
/* clang-format on */
const struct schema campaign_create_schema = {"DialerCampaignCreate", "A new campaign",
                                              create_fields};
const struct schema campaign_update_schema = {"DialerCampaignUpdate", "What is to change",
                                              update_fields};

/* ---- Into a campaign --------------------------------------------------------------------- */

static void apply_text(const json_t *body, const char *name, char **where)
{
    const char *text = check_str(body, name);
    if (text)
        campaign_set_text(where, text);
}

static void apply_number(const json_t *body, const char *name, unsigned *where)
{
    *where = (unsigned)check_int(body, name, *where);
}

static void apply_flag(const json_t *body, const char *name, bool *where)
{
    *where = check_int(body, name, *where) != 0;
}

static bool apply_lists(struct campaign *c, const json_t *body, struct problem *problem)
{
    const json_t *hours = json_object_get(body, "calling_hours");
    const json_t *rules = json_object_get(body, "retry_rules");
    const json_t *callerids = json_object_get(body, "callerids");
    if (callerids && !campaign_set_callerids(c, callerids)) {
        problem_set(problem, DG_EINVAL, "callerids: At most %d texts", CAMPAIGN_CALLERIDS_MAX);
        return false;
    }
    if (hours && !campaign_set_hours(c, hours, problem))
        return false;
    return campaign_set_rules(c, rules ? rules : c->retry_rules, problem);
}

bool campaign_apply(struct campaign *c, const json_t *body, struct problem *problem)
{
    const char *pacing = check_str(body, "pacing");
    apply_text(body, "name", &c->name);
    apply_text(body, "description", &c->description);
    apply_text(body, "trunk_value", &c->trunk_value);
    apply_text(body, "agent_dest_value", &c->dest_value);
    apply_text(body, "callerid", &c->callerid);
    apply_text(body, "timezone", &c->timezone);
    campaign_trunk_parse(check_str(body, "trunk_type"), &c->trunk_type);
    campaign_dest_parse(check_str(body, "agent_dest_type"), &c->dest_type);
    if (pacing)
        pacing_rule_parse(pacing, &c->pacing);
    apply_number(body, "concurrent_calls", &c->concurrent_calls);
    apply_number(body, "retry_times", &c->retry_times);
    apply_number(body, "retry_delay", &c->retry_delay_s);
    apply_number(body, "dial_timeout", &c->dial_timeout_s);
    apply_number(body, "call_timeout", &c->call_timeout_s);
    apply_number(body, "max_calls_per_second", &c->max_calls_per_second);
    apply_number(body, "priority", &c->priority);
    apply_flag(body, "record_calls", &c->record_calls);
    apply_flag(body, "retry_spread", &c->retry_spread);
    apply_flag(body, "dnc", &c->dnc);
    return apply_lists(c, body, problem);
}
