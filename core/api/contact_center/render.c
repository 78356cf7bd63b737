/* render.c - a call as the contact-center API shows it. */
#include <string.h>

#include "api/contact_center/private.h"
#include "base/json.h"

/* Ended by us before an answer counts as failed there; the reason says it. */
const char *contact_center_state(enum call_state s)
{
    return call_state_name(s == CALL_CANCELLED ? CALL_FAILED : s);
}

/* Only when somebody has asked for such a thing: the documented body has no such members. */
static void render_doing(struct json_writer *w, const struct call_doing *d)
{
    if (d->held)
        jw_bool(w, "held", true);
    if (d->muted_in || d->muted_out)
        jw_str(w, "muted", !d->muted_out ? "in" : !d->muted_in ? "out" : "both");
    if (d->parked)
        jw_str(w, "parked", d->parked);
    if (d->recording)
        jw_str(w, "recording", d->recording_paused ? "paused" : "active");
}

static void render_recordings(struct json_writer *w, const struct call_doing *d)
{
    if (!d->recording_count)
        return;
    jw_array(w, "recordings");
    for (size_t i = 0; i < d->recording_count; i++)
        jw_str(w, NULL, d->recordings[i]);
    jw_end(w);
}

void contact_center_members(struct json_writer *w, const struct call *c)
{
    jw_str(w, "call_id", c->id);
    jw_str(w, "phone_number", c->phone_number);
    jw_str(w, "status", contact_center_state(c->state));
    jw_str(w, "channel", c->channel);
    jw_str(w, "context", c->context);
    jw_str(w, "extension", c->extension);
    jw_str(w, "caller_id", c->caller_id);
    jw_time(w, "created_at", c->created_at_ms);
    jw_time(w, "dialed_at", c->dialed_at_ms);
    jw_time(w, "answered_at", c->answered_at_ms);
    jw_time(w, "ended_at", c->ended_at_ms);
    if (c->duration_s >= 0)
        jw_int(w, "duration", c->duration_s);
    else
        jw_null(w, "duration");
    jw_str(w, "failure_reason", c->failure_reason);
    jw_int(w, "attempt_number", c->attempt_number);
    jw_bool(w, "is_active", !call_is_over(c->state));
    jw_bool(w, "is_completed", call_is_over(c->state));
    jw_str(w, "backend", c->backend);
    if (c->mock)
        jw_bool(w, "mock", true);
    if (!call_is_over(c->state))
        render_doing(w, &c->doing);
    render_recordings(w, &c->doing);
    if (c->ivr_path)
        jw_raw(w, "ivr", c->ivr_path, strlen(c->ivr_path));
    if (c->detected)
        jw_raw(w, "amd", c->detected, strlen(c->detected));
    if (c->message)
        jw_raw(w, "message", c->message, strlen(c->message));
}

void contact_center_render(const struct call *c, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w, NULL);
    contact_center_members(&w, c);
    jw_end(&w);
}
