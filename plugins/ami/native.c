/* native.c - any action, for pass-through: its name as the verb, its lines as the
 * members of `args`. Answered with {"response": {...}, "events": [{...}]}.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ami.h"
#include "asterisk/text.h"

enum { MAX_LINES = 15 };

static json_t *object_of(const struct message *m)
{
    json_t *o = json_object();
    for (size_t i = 0; m && i < m->count; i++)
        if (!json_object_get(o, m->lines[i].name))
            json_object_set_new(o, m->lines[i].name, json_string(m->lines[i].value));
    return o;
}

static void on_event(struct ami *a, struct dg_op *op, const struct message *m, void *arg)
{
    (void)a;
    (void)op;
    json_array_append_new(arg, object_of(m));
}

static void on_answer(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    json_t *events = arg;
    if (r->err) {
        session_fail(a, op, r);
        json_decref(events);
        return;
    }
    json_t *both = json_pack("{s:o, s:o}", "response", object_of(r->message), "events", events);
    char *dump = both ? json_dumps(both, JSON_COMPACT) : NULL;
    a->h->item(op, &(struct dg_bytes){dump ? dump : "{}", dump ? strlen(dump) : 2});
    a->h->done(op);
    free(dump);
    json_decref(both);
}

static bool is_word(const char *s)
{
    return *s && strlen(s) <= 40 &&
           !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")];
}

/* Those that would change or end the session that everything else lives on. */
static bool is_ours(const char *action)
{
    static const char *const ours[] = {"Login",  "Logoff", "Challenge",
                                       "Events", "Filter", "WaitEvent"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcasecmp(action, ours[i]) == 0)
            return true;
    return false;
}

/* False: a member is no plain value, or there are too many. */
static bool add_lines(struct request *request, json_t *args, char numbers[MAX_LINES][32])
{
    const char *key;
    json_t *value;
    size_t n = 0;
    json_object_foreach(args, key, value)
    {
        if (n == MAX_LINES || !is_word(key) || strcasecmp(key, "Action") == 0 ||
            strcasecmp(key, "ActionID") == 0)
            return false;
        if (json_is_string(value))
            request->lines[n] = (struct dg_kv){key, json_string_value(value)};
        else if (json_is_integer(value) || json_is_boolean(value))
            request->lines[n] = (struct dg_kv){key, numbers[n]};
        else
            return false;
        if (json_is_integer(value))
            snprintf(numbers[n], sizeof numbers[n], "%lld", (long long)json_integer_value(value));
        else if (json_is_boolean(value))
            snprintf(numbers[n], sizeof numbers[n], "%s", json_is_true(value) ? "true" : "false");
        n++;
    }
    return true;
}

void ami_native(void *self, const struct dg_native *req, struct dg_op *op)
{
    struct ami *a = self;
    const char *action = req->verb ? req->verb : "";
    json_t *args = req->args.len ? json_loadb(req->args.ptr, req->args.len, 0, NULL) : NULL;
    char numbers[MAX_LINES][32];
    struct request request = {.action = action, .entry = on_event, .then = on_answer};
    if (!is_word(action) || is_ours(action)) {
        a->h->fail(op, DG_EINVAL, "expected the name of an action, and none of the session's own");
    } else if (req->args.len && !json_is_object(args)) {
        a->h->fail(op, DG_EINVAL, "the arguments are no JSON object");
    } else if (args && !add_lines(&request, args, numbers)) {
        a->h->fail(op, DG_EINVAL, "an action has at most 15 lines of text, numbers or booleans");
    } else {
        request.arg = json_array();
        session_send(a, op, &request);
    }
    json_decref(args);
}
