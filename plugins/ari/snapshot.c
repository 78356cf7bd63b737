/* snapshot.c - see snapshot.h. */
#include "snapshot.h"

#include <string.h>

#include "asterisk/text.h"

static const struct {
    const char *text;
    enum dg_channel_state state;
} states[] = {
    {"Down", DG_CHANNEL_DOWN},
    {"Rsrvd", DG_CHANNEL_RESERVED},
    {"OffHook", DG_CHANNEL_DIALING},
    {"Dialing", DG_CHANNEL_DIALING},
    {"Ring", DG_CHANNEL_DIALING},
    {"Ringing", DG_CHANNEL_RINGING},
    {"Up", DG_CHANNEL_UP},
    {"Busy", DG_CHANNEL_BUSY},
    {"Dialing Offhook", DG_CHANNEL_DIALING},
    {"Pre-ring", DG_CHANNEL_RINGING},
};

const char *json_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

int json_number(const json_t *object, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(object, key));
    return n > -100000 && n < 100000 ? (int)n : 0;
}

enum dg_channel_state snapshot_state(const json_t *channel)
{
    const char *text = json_text(channel, "state");
    for (size_t i = 0; text && i < sizeof states / sizeof *states; i++)
        if (strcmp(text, states[i].text) == 0)
            return states[i].state;
    return DG_CHANNEL_UNKNOWN;
}

/* A leg that Asterisk dials shows an application of that name until it runs a dialplan. */
enum dg_direction snapshot_direction(const json_t *channel)
{
    const char *app = json_text(json_object_get(channel, "dialplan"), "app_name");
    const char *name = json_text(channel, "name"), *state = json_text(channel, "state");
    if (app && strncmp(app, "AppDial", 7) == 0)
        return DG_OUTBOUND;
    if (state && strcmp(state, "Ring") == 0 && name && strncmp(name, "Local/", 6) != 0)
        return DG_INBOUND;
    return DG_DIR_UNKNOWN;
}

/* "PJSIP/trunk" of "PJSIP/trunk-00000004", "Local/1@a" of "Local/1@a-00000004;1". */
static const char *endpoint_of(char *out, size_t size, const char *name)
{
    const char *dash = name ? strrchr(name, '-') : NULL;
    size_t len = dash ? (size_t)(dash - name) : name ? strlen(name) : 0;
    if (len >= size)
        len = size - 1;
    memcpy(out, name ? name : "", len);
    out[len] = '\0';
    return out;
}

void snapshot_callee(char *out, size_t size, const char *dialstring)
{
    size_t len = strcspn(dialstring, "@;/&");
    if (len >= size)
        len = size - 1;
    memcpy(out, dialstring, len);
    out[len] = '\0';
}

static const char *callee_of(struct snapshot *s, const json_t *dialplan)
{
    if (strncmp(s->endpoint, "Local/", 6) == 0) {
        snapshot_callee(s->callee, sizeof s->callee, s->endpoint + 6);
        return s->callee;
    }
    return s->call.direction == DG_INBOUND ? json_text(dialplan, "exten") : NULL;
}

void snapshot_read(struct snapshot *s, const json_t *channel, const struct leg *leg)
{
    const json_t *dialplan = json_object_get(channel, "dialplan");
    const json_t *caller = json_object_get(channel, "caller");
    memset(s, 0, sizeof *s);
    struct dg_call *c = &s->call;
    c->size = sizeof *c;
    c->id = json_text(channel, "id");
    c->name = json_text(channel, "name");
    c->endpoint = endpoint_of(s->endpoint, sizeof s->endpoint, c->name);
    c->direction = leg && leg->direction ? leg->direction : snapshot_direction(channel);
    c->state = snapshot_state(channel);
    c->caller_number = json_text(caller, "number");
    c->caller_name = json_text(caller, "name");
    c->connected_number = json_text(json_object_get(channel, "connected"), "number");
    c->callee_number = leg && leg->callee ? leg->callee : callee_of(s, dialplan);
    c->context = json_text(dialplan, "context");
    c->extension = json_text(dialplan, "exten");
    c->application = json_text(dialplan, "app_name");
    c->application_data = json_text(dialplan, "app_data");
    c->account = json_text(channel, "accountcode");
    c->started_at_ms = text_time_ms(json_text(channel, "creationtime"));
    if (leg) {
        c->bridge = leg->bridge;
        c->held = leg->held;
        c->muted = leg->muted;
        c->controlled = leg->controlled;
        c->answered_at_ms = leg->answered_at_ms;
        c->state_since_ms = leg->state_since_ms;
    }
}

uint64_t snapshot_hash(const struct snapshot *s)
{
    const struct dg_call *c = &s->call;
    const char *const parts[] = {
        c->name,    c->caller_number, c->caller_name, c->connected_number, c->callee_number,
        c->context, c->extension,     c->application, c->application_data, c->account};
    uint64_t hash = 0xcbf29ce484222325 ^ (uint64_t)c->state;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (const char *p = parts[i] ? parts[i] : "";; p++) {
            hash = (hash ^ (unsigned char)*p) * 0x100000001b3;
            if (!*p)
                break;
        }
    return hash;
}
