/* campaign_record.c - a campaign and its document in the store; see campaigns.h. */
#include <stdlib.h>

#include "base/json.h"
#include "base/str.h"
#include "domain/campaigns.h"

static const char *const statuses[] = {
    [CAMPAIGN_STOPPED] = "stopped", [CAMPAIGN_RUNNING] = "running", [CAMPAIGN_PAUSED] = "paused"};
static const char *const trunks[] = {
    [TRUNK_CUSTOM] = "custom", [TRUNK_PJSIP] = "pjsip", [TRUNK_SIP] = "sip"};
static const char *const dests[] = {
    [DEST_CUSTOM] = "custom", [DEST_EXTEN] = "exten", [DEST_IVR] = "ivr", [DEST_QUEUE] = "queue"};

static bool find(const char *const *names, size_t count, const char *name, unsigned *out)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(name, names[i])) {
            *out = (unsigned)i;
            return true;
        }
    }
    return false;
}

const char *campaign_status_name(enum campaign_status s)
{
    return statuses[s];
}

bool campaign_status_parse(const char *name, enum campaign_status *out)
{
    return find(statuses, CAMPAIGN_STATUSES, name, (unsigned *)out);
}

const char *campaign_trunk_name(enum campaign_trunk t)
{
    return trunks[t];
}

bool campaign_trunk_parse(const char *name, enum campaign_trunk *out)
{
    return find(trunks, TRUNKS, name, (unsigned *)out);
}

const char *campaign_dest_name(enum campaign_dest d)
{
    return dests[d];
}

bool campaign_dest_parse(const char *name, enum campaign_dest *out)
{
    return find(dests, DESTS, name, (unsigned *)out);
}

/* ---- In memory ------------------------------------------------------------------------- */

struct campaign *campaign_new(void)
{
    struct campaign *c = xcalloc(1, sizeof *c);
    c->description = xstrdup("");
    c->concurrent_calls = 1;
    c->retry_delay_s = 300;
    c->dial_timeout_s = 30;
    c->call_timeout_s = 600;
    c->dnc = true;
    return c;
}

static void clear_callerids(struct campaign *c)
{
    for (size_t i = 0; i < c->callerid_count; i++)
        free(c->callerids[i]);
    free(c->callerids);
    c->callerids = NULL;
    c->callerid_count = 0;
}

void campaign_free(struct campaign *c)
{
    if (!c)
        return;
    free(c->name);
    free(c->description);
    free(c->trunk_value);
    free(c->callerid);
    clear_callerids(c);
    free(c->dest_value);
    free(c->timezone);
    free(c->lease_node);
    json_decref(c->calling_hours);
    json_decref(c->retry_rules);
    free(c);
}

void campaign_set_text(char **where, const char *text)
{
    char *copy = str_empty(text) ? NULL : xstrdup(text);
    free(*where);
    *where = copy;
}

bool campaign_set_hours(struct campaign *c, const json_t *hours, struct problem *problem)
{
    const bool none = !hours || json_is_null(hours) || json_array_size(hours) == 0;
    if (!calling_hours_read(none ? json_null() : hours, &c->hours, problem))
        return false;
    json_t *copy = none ? NULL : json_deep_copy(hours);
    json_decref(c->calling_hours);
    c->calling_hours = copy;
    return true;
}

bool campaign_set_rules(struct campaign *c, const json_t *rules, struct problem *problem)
{
    const bool none = !rules || json_is_null(rules) || json_array_size(rules) == 0;
    struct retry_plan plan = {
        .times = c->retry_times, .delay_s = c->retry_delay_s, .spread = c->retry_spread};
    if (!retry_read_rules(none ? json_null() : rules, &plan, problem))
        return false;
    json_t *copy = none ? NULL : json_deep_copy(rules);
    json_decref(c->retry_rules);
    c->retry_rules = copy;
    c->retry = plan;
    return true;
}

bool campaign_set_callerids(struct campaign *c, const json_t *list)
{
    size_t i;
    json_t *item;
    clear_callerids(c);
    c->callerids = xcalloc(json_array_size(list) + 1, sizeof *c->callerids);
    json_array_foreach((json_t *)list, i, item)
    {
        if (json_is_string(item) && c->callerid_count < CAMPAIGN_CALLERIDS_MAX)
            c->callerids[c->callerid_count++] = xstrdup(json_string_value(item));
    }
    return c->callerid_count == json_array_size(list);
}

/* ---- JSON ------------------------------------------------------------------------------ */

void campaign_write(const struct campaign *c, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "name", c->name);
    jw_str(&w, "description", c->description ? c->description : "");
    jw_str(&w, "trunk_type", trunks[c->trunk_type]);
    jw_str(&w, "trunk_value", c->trunk_value);
    jw_str(&w, "callerid", c->callerid);
    jw_array(&w, "callerids");
    for (size_t i = 0; i < c->callerid_count; i++)
        jw_str(&w, NULL, c->callerids[i]);
    jw_end(&w);
    jw_str(&w, "agent_dest_type", dests[c->dest_type]);
    jw_str(&w, "agent_dest_value", c->dest_value);
    jw_bool(&w, "record_calls", c->record_calls);
    jw_str(&w, "status", statuses[c->status]);
    jw_int(&w, "concurrent_calls", c->concurrent_calls);
    jw_int(&w, "retry_times", c->retry_times);
    jw_int(&w, "retry_delay", c->retry_delay_s);
    jw_int(&w, "dial_timeout", c->dial_timeout_s);
    jw_int(&w, "call_timeout", c->call_timeout_s);
    jw_str(&w, "pacing", pacing_rule_name(c->pacing));
    jw_int(&w, "max_calls_per_second", c->max_calls_per_second);
    jw_int(&w, "priority", c->priority);
    jw_str(&w, "timezone", c->timezone);
    jw_jansson(&w, "calling_hours", c->calling_hours);
    jw_jansson(&w, "retry_rules", c->retry_rules);
    jw_bool(&w, "retry_spread", c->retry_spread);
    jw_bool(&w, "dnc", c->dnc);
    jw_int(&w, "created_at", c->created_at_ms);
    if (c->updated_at_ms)
        jw_int(&w, "updated_at", c->updated_at_ms);
    if (c->lease_node)
        jw_str(&w, "lease_node", c->lease_node);
    if (c->lease_until_ms)
        jw_int(&w, "lease_until", c->lease_until_ms);
    jw_end(&w);
}

static unsigned number(const json_t *doc, const char *key, unsigned fallback)
{
    int64_t value = json_get_int(doc, key, fallback);
    return value < 0 || value > INT32_MAX ? fallback : (unsigned)value;
}

static char *text(const json_t *doc, const char *key)
{
    return xstrdup(json_get_str(doc, key));
}

static void read_rest(struct campaign *c, const json_t *doc)
{
    struct problem ignored;
    const char *pacing = json_get_str(doc, "pacing");
    c->concurrent_calls = number(doc, "concurrent_calls", 1);
    c->retry_times = number(doc, "retry_times", 0);
    c->retry_delay_s = number(doc, "retry_delay", 300);
    c->dial_timeout_s = number(doc, "dial_timeout", 30);
    c->call_timeout_s = number(doc, "call_timeout", 600);
    c->max_calls_per_second = number(doc, "max_calls_per_second", 0);
    c->priority = number(doc, "priority", 0);
    c->record_calls = json_get_bool(doc, "record_calls", false);
    c->retry_spread = json_get_bool(doc, "retry_spread", false);
    c->dnc = json_get_bool(doc, "dnc", true);
    if (pacing)
        pacing_rule_parse(pacing, &c->pacing);
    c->timezone = text(doc, "timezone");
    c->lease_node = text(doc, "lease_node");
    c->lease_until_ms = json_get_int(doc, "lease_until", 0);
    c->created_at_ms = json_get_int(doc, "created_at", 0);
    c->updated_at_ms = json_get_int(doc, "updated_at", 0);
    campaign_set_callerids(c, json_object_get(doc, "callerids"));
    campaign_set_hours(c, json_object_get(doc, "calling_hours"), &ignored);
    campaign_set_rules(c, json_object_get(doc, "retry_rules"), &ignored);
}

struct campaign *campaign_read(const char *id_text, uint64_t version, const json_t *doc)
{
    int64_t id;
    enum campaign_status status;
    enum campaign_trunk trunk;
    enum campaign_dest dest;
    if (!str_to_int(id_text, &id) || !json_get_str(doc, "name") ||
        !campaign_status_parse(json_get_str(doc, "status"), &status) ||
        !campaign_trunk_parse(json_get_str(doc, "trunk_type"), &trunk) ||
        !campaign_dest_parse(json_get_str(doc, "agent_dest_type"), &dest))
        return NULL;
    struct campaign *c = campaign_new();
    c->id = id;
    c->version = version;
    c->status = status;
    c->trunk_type = trunk;
    c->dest_type = dest;
    c->name = text(doc, "name");
    free(c->description);
    c->description = text(doc, "description");
    c->trunk_value = text(doc, "trunk_value");
    c->callerid = text(doc, "callerid");
    c->dest_value = text(doc, "agent_dest_value");
    read_rest(c, doc);
    return c;
}
