/* call_record.c - calls and CDRs to JSON and back. Times are Unix milliseconds. */
#include "domain/call_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/call_plan.h"

#define USUAL_SIZE 1000 /* of a record: room for it is made at once */

static void write_ms(struct json_writer *w, const char *key, int64_t ms)
{
    if (ms)
        jw_int(w, key, ms);
    else
        jw_null(w, key);
}

static void write_number(struct json_writer *w, const char *key, int64_t number)
{
    if (number)
        jw_int(w, key, number);
}

static void write_recordings(struct json_writer *w, const struct call *c)
{
    jw_array(w, "recordings");
    for (size_t i = 0; i < c->doing.recording_count; i++)
        jw_str(w, NULL, c->doing.recordings[i]);
    jw_end(w);
}

/* So that it is known after a restart of the gateway. */
static void write_doing(struct json_writer *w, const struct call_doing *d)
{
    const struct {
        const char *name;
        bool on;
    } flags[] = {{"held", d->held},
                 {"muted_in", d->muted_in},
                 {"muted_out", d->muted_out},
                 {"recording", d->recording},
                 {"recording_paused", d->recording_paused},
                 {"consult_held", d->consult_held}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (flags[i].on)
            jw_bool(w, flags[i].name, true);
    }
    if (d->parked)
        jw_str(w, "parked", d->parked);
    if (*d->consult)
        jw_str(w, "consult", d->consult);
}

/* What a call and its CDR have in common. */
static void write_common(struct json_writer *w, const struct call *c)
{
    write_number(w, "campaign_id", c->campaign_id);
    write_number(w, "campaign_number_id", c->campaign_number_id);
    if (c->agent)
        jw_str(w, "agent", c->agent);
    if (c->agent_result)
        jw_str(w, "agent_result", c->agent_result);
    write_number(w, "ivr_menu", c->ivr_menu);
    if (c->sent_on)
        jw_bool(w, "sent_on", true);
    if (c->ivr_path)
        jw_raw(w, "ivr", c->ivr_path, strlen(c->ivr_path));
    if (c->detected)
        jw_raw(w, "amd", c->detected, strlen(c->detected));
    if (c->message)
        jw_raw(w, "message", c->message, strlen(c->message));
    jw_str(w, "phone_number", c->phone_number);
    jw_str(w, "direction", "outbound");
    jw_str(w, "api", c->api);
    jw_str(w, "user", c->user);
    jw_str(w, "backend", c->backend);
    jw_str(w, "node", c->node);
    if (c->adopted_from)
        jw_str(w, "adopted_from", c->adopted_from);
    jw_bool(w, "mock", c->mock);
    jw_str(w, "channel", c->channel);
    jw_str(w, "context", c->context);
    jw_str(w, "extension", c->extension);
    jw_int(w, "priority", c->priority);
    jw_str(w, "caller_id", c->caller_id);
    write_ms(w, "dialed_at", c->dialed_at_ms);
    write_ms(w, "ringing_at", c->ringing_at_ms);
    write_ms(w, "answered_at", c->answered_at_ms);
    write_ms(w, "ended_at", c->ended_at_ms);
    jw_int(w, "cause", c->cause);
    jw_int(w, "sip_code", c->sip_code);
    jw_str(w, "failure_reason", c->failure_reason);
    jw_int(w, "attempt_number", c->attempt_number);
    jw_bool(w, "estimated", c->estimated);
    if (c->doing.recording_count)
        write_recordings(w, c);
    if (c->given_up) /* the true end lies between this and ended_at */
        write_ms(w, "alive_at", c->heard_at_ms);
}

void call_record_write(const struct call *c, struct buf *out)
{
    struct json_writer w;
    buf_reserve(out, USUAL_SIZE);
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "status", call_state_name(c->state));
    jw_int(&w, "created_at", c->created_at_ms);
    jw_int(&w, "ring_ms", (int64_t)c->ring_ms);
    jw_str(&w, "server_run", c->server_run);
    write_number(&w, "cdr_number", c->cdr_number);
    if (c->peer)
        jw_str(&w, "peer", c->peer);
    if (c->leg)
        jw_bool(&w, "leg", true);
    if (c->talk_ms)
        jw_int(&w, "talk_ms", (int64_t)c->talk_ms);
    if (c->plan)
        call_plan_write(c->plan, &w, "plan");
    if (c->duration_s >= 0)
        jw_int(&w, "duration", c->duration_s);
    else
        jw_null(&w, "duration");
    write_common(&w, c);
    if (!call_is_over(c->state))
        write_doing(&w, &c->doing);
    jw_object(&w, "variables");
    for (size_t i = 0; i < c->variable_count; i++)
        jw_str(&w, c->variables[i].name, c->variables[i].value);
    jw_end(&w);
    jw_end(&w);
}

const char *cdr_disposition(const struct call *c)
{
    if (c->answered_at_ms)
        return "answered";
    return call_state_name(c->state);
}

void cdr_write(const struct call *c, struct buf *out)
{
    struct json_writer w;
    buf_reserve(out, USUAL_SIZE);
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "call_id", c->id);
    write_number(&w, "number", c->cdr_number);
    jw_str(&w, "disposition", cdr_disposition(c));
    jw_str(&w, "status", call_state_name(c->state));
    jw_int(&w, "started_at", c->created_at_ms);
    jw_int(&w, "billsec", c->duration_s >= 0 ? c->duration_s : 0);
    jw_int(&w, "duration", (c->ended_at_ms - c->created_at_ms) / 1000);
    jw_str(&w, "cause_text", call_cause_text(c->cause));
    write_common(&w, c);
    jw_end(&w);
}

static char *text(const json_t *doc, const char *key)
{
    return xstrdup(json_get_str(doc, key));
}

static void read_variables(struct call *c, const json_t *all)
{
    const char *name;
    json_t *value;
    c->variables = xcalloc(json_object_size(all) + 1, sizeof *c->variables);
    json_object_foreach((json_t *)all, name, value)
    {
        if (json_is_string(value))
            c->variables[c->variable_count++] =
                (struct call_variable){xstrdup(name), xstrdup(json_string_value(value))};
    }
}

static void read_doing(struct call *c, const json_t *doc)
{
    struct call_doing *d = &c->doing;
    const char *leg = json_get_str(doc, "consult");
    size_t i;
    json_t *file;
    d->held = json_get_bool(doc, "held", false);
    d->muted_in = json_get_bool(doc, "muted_in", false);
    d->muted_out = json_get_bool(doc, "muted_out", false);
    d->recording = json_get_bool(doc, "recording", false);
    d->recording_paused = json_get_bool(doc, "recording_paused", false);
    d->parked = text(doc, "parked");
    d->consult_held = json_get_bool(doc, "consult_held", false);
    snprintf(d->consult, sizeof d->consult, "%s", leg && strlen(leg) < ID_SIZE ? leg : "");
    json_array_foreach(json_object_get(doc, "recordings"), i, file)
    {
        if (json_is_string(file))
            call_add_recording(c, json_string_value(file));
    }
}

static char *read_path(const json_t *path)
{
    return json_is_object(path) ? json_dumps(path, JSON_COMPACT) : NULL;
}

static int64_t last_time(const struct call *c)
{
    return c->answered_at_ms  ? c->answered_at_ms
           : c->ringing_at_ms ? c->ringing_at_ms
           : c->dialed_at_ms  ? c->dialed_at_ms
                              : c->created_at_ms;
}

struct call *call_record_read(const char *id, const json_t *doc)
{
    enum call_state state;
    if (!call_state_parse(json_get_str(doc, "status"), &state) || strlen(id) >= ID_SIZE ||
        !json_get_str(doc, "phone_number"))
        return NULL;
    struct call *c = call_new();
    memcpy(c->id, id, strlen(id) + 1);
    c->state = state;
    c->phone_number = text(doc, "phone_number");
    c->cdr_number = json_get_int(doc, "cdr_number", 0);
    c->campaign_id = json_get_int(doc, "campaign_id", 0);
    c->campaign_number_id = json_get_int(doc, "campaign_number_id", 0);
    c->agent = text(doc, "agent");
    c->api = text(doc, "api");
    c->user = text(doc, "user");
    c->backend = text(doc, "backend");
    c->node = text(doc, "node");
    c->adopted_from = text(doc, "adopted_from");
    c->server_run = text(doc, "server_run");
    c->mock = json_get_bool(doc, "mock", false);
    c->channel = text(doc, "channel");
    c->context = text(doc, "context");
    c->extension = text(doc, "extension");
    c->priority = (int)json_get_int(doc, "priority", 1);
    c->caller_id = text(doc, "caller_id");
    c->ring_ms = (uint64_t)json_get_int(doc, "ring_ms", 30000);
    c->created_at_ms = json_get_int(doc, "created_at", 0);
    c->dialed_at_ms = json_get_int(doc, "dialed_at", 0);
    c->ringing_at_ms = json_get_int(doc, "ringing_at", 0);
    c->answered_at_ms = json_get_int(doc, "answered_at", 0);
    c->ended_at_ms = json_get_int(doc, "ended_at", 0);
    c->heard_at_ms = json_get_int(doc, "alive_at", last_time(c));
    c->duration_s = json_get_int(doc, "duration", -1);
    c->cause = (int)json_get_int(doc, "cause", 0);
    c->sip_code = (int)json_get_int(doc, "sip_code", 0);
    c->failure_reason = text(doc, "failure_reason");
    c->attempt_number = (int)json_get_int(doc, "attempt_number", 1);
    c->agent_result = text(doc, "agent_result");
    c->ivr_menu = json_get_int(doc, "ivr_menu", 0);
    c->sent_on = json_is_true(json_object_get(doc, "sent_on"));
    c->ivr_path = read_path(json_object_get(doc, "ivr"));
    c->detected = read_path(json_object_get(doc, "amd"));
    c->message = read_path(json_object_get(doc, "message"));
    c->plan = call_plan_read(json_object_get(doc, "plan"));
    c->peer = text(doc, "peer");
    c->leg = json_get_bool(doc, "leg", false);
    c->talk_ms = (uint64_t)json_get_int(doc, "talk_ms", 0);
    c->estimated = json_get_bool(doc, "estimated", false);
    read_variables(c, json_object_get(doc, "variables"));
    read_doing(c, doc);
    return c;
}
