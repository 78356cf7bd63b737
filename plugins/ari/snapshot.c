/* snapshot.c - see snapshot.h. */
#include "snapshot.h"

#include <string.h>

#include "asterisk/text.h"

const char *json_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

int json_number(const json_t *object, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(object, key));
    return n > -100000 && n < 100000 ? (int)n : 0;
}

/* The number behind a Local channel's name. */
static const char *callee_of(struct snapshot *s)
{
    if (strncmp(s->endpoint, "Local/", 6) != 0)
        return NULL;
    life_callee(s->callee, sizeof s->callee, s->endpoint + 6);
    return s->callee;
}

void snapshot_read(struct snapshot *s, const json_t *channel)
{
    const json_t *dialplan = json_object_get(channel, "dialplan");
    const json_t *caller = json_object_get(channel, "caller");
    memset(s, 0, sizeof *s);
    struct dg_call *c = &s->call;
    c->size = sizeof *c;
    c->id = json_text(channel, "id");
    c->name = json_text(channel, "name");
    life_endpoint(s->endpoint, sizeof s->endpoint, c->name);
    c->endpoint = s->endpoint;
    c->state = life_state(json_text(channel, "state"));
    c->caller_number = json_text(caller, "number");
    c->caller_name = json_text(caller, "name");
    c->connected_number = json_text(json_object_get(channel, "connected"), "number");
    c->callee_number = callee_of(s);
    c->context = json_text(dialplan, "context");
    c->extension = json_text(dialplan, "exten");
    c->application = json_text(dialplan, "app_name");
    c->application_data = json_text(dialplan, "app_data");
    c->account = json_text(channel, "accountcode");
    c->started_at_ms = text_time_ms(json_text(channel, "creationtime"));
    c->direction = life_direction(c, json_text(channel, "state"));
}
