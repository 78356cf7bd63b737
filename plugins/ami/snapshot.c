/* snapshot.c - see snapshot.h. */
#include "snapshot.h"

#include <stdio.h>
#include <string.h>

#include "asterisk/text.h"

const char *snapshot_text(const struct message *m, const char *prefix, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "%s%s", prefix, name);
    const char *text = message_text(m, key);
    return text && *text && strcmp(text, "<unknown>") != 0 ? text : NULL;
}

/* Asterisk writes names with backslashes before quotes and the like. */
static const char *unescaped(char *out, size_t size, const char *text)
{
    size_t len = 0;
    if (!text)
        return NULL;
    for (; *text && len + 1 < size; text++) {
        if (*text == '\\' && text[1])
            text++;
        out[len++] = *text;
    }
    out[len] = '\0';
    return out;
}

/* The number behind a Local channel's name. */
static const char *callee_of(struct snapshot *s)
{
    if (strncmp(s->endpoint, "Local/", 6) != 0)
        return NULL;
    life_callee(s->callee, sizeof s->callee, s->endpoint + 6);
    return s->callee;
}

void snapshot_read(struct snapshot *s, const struct message *m, const char *prefix)
{
    const char *state = snapshot_text(m, prefix, "ChannelStateDesc");
    memset(s, 0, sizeof *s);
    struct dg_call *c = &s->call;
    c->size = sizeof *c;
    c->id = snapshot_text(m, prefix, "Uniqueid");
    c->name = snapshot_text(m, prefix, "Channel");
    life_endpoint(s->endpoint, sizeof s->endpoint, c->name);
    c->endpoint = s->endpoint;
    c->state = life_state(state);
    c->caller_number = snapshot_text(m, prefix, "CallerIDNum");
    c->caller_name =
        unescaped(s->caller_name, sizeof s->caller_name, snapshot_text(m, prefix, "CallerIDName"));
    c->connected_number = snapshot_text(m, prefix, "ConnectedLineNum");
    c->callee_number = callee_of(s);
    c->context = snapshot_text(m, prefix, "Context");
    c->extension = snapshot_text(m, prefix, "Exten");
    c->account = snapshot_text(m, prefix, "AccountCode");
    c->application = *prefix ? NULL : message_text(m, "Application");
    c->application_data = *prefix ? NULL : message_text(m, "AppData");
    if (c->application && !c->application_data)
        c->application_data = message_text(m, "ApplicationData");
    c->direction = life_direction(c, state);
}
