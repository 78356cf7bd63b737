/* control_forward.c - requests about calls that another gateway on the store carries: sent there
 * as a command, carried out there as if asked there, answered with its word. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "domain/call_record.h"
#include "domain/commands.h"
#include "domain/control_private.h"

#define OVER_TEXT  "Call has already ended"
#define JSON_DEPTH 20

void control_share(struct control *ct, struct commands *commands)
{
    ct->commands = commands;
}

/* ---- A request, as a JSON object and back ------------------------------------------------ */

/* clang-format off */
#define TEXTS(X) X(call) X(context) X(extension) X(digits) X(media) X(name) X(value) X(format) \
    X(lot) X(user)
#define FLAGS(X) X(on) X(in) X(out) X(beep)
#define NUMBERS(X) X(cause, int) X(priority, int) X(max_ms, uint64_t) X(timeout_ms, uint64_t)
/* clang-format on */

static json_t *request_write(const struct control_request *req)
{
    json_t *json = json_object();
    json_object_set_new(json, "action", json_string(control_action(req->action)->name));
    json_object_set_new(json, "change", json_integer((json_int_t)req->change));
#define X(member)                                                                                  \
    if (req->member)                                                                               \
        json_object_set_new(json, #member, json_string(req->member));
    TEXTS(X)
#undef X
#define X(member) json_object_set_new(json, #member, json_boolean(req->member));
    FLAGS(X)
#undef X
#define X(member, type) json_object_set_new(json, #member, json_integer((json_int_t)req->member));
    NUMBERS(X)
#undef X
    return json;
}

/* The texts are lent by `json`. false: it is none of ours. */
static bool request_read(const json_t *json, struct control_request *req)
{
    const char *action = json_get_str(json, "action");
    int64_t change = json_get_int(json, "change", 0);
    *req = (struct control_request){.action = CONTROL_ACTIONS};
    for (int i = 0; i < CONTROL_ACTIONS; i++) {
        if (str_eq(control_action((enum control_action)i)->name, action))
            req->action = (enum control_action)i;
    }
    if (change >= DG_RECORD_STOP && change <= DG_RECORD_RESUME)
        req->change = (enum dg_record_change)change;
#define X(member) req->member = json_get_str(json, #member);
    TEXTS(X)
#undef X
#define X(member) req->member = json_get_bool(json, #member, false);
    FLAGS(X)
#undef X
#define X(member, type) req->member = (type)json_get_int(json, #member, 0);
    NUMBERS(X)
#undef X
    return req->action != CONTROL_ACTIONS && req->call;
}

/* ---- The answer, likewise ------------------------------------------------------------------ */

static void set_text(json_t *json, const char *key, const char *text)
{
    if (text)
        json_object_set_new(json, key, json_string(text));
}

static json_t *answer_write(const struct control_answer *answer)
{
    json_t *json = json_pack("{s:i}", "err", (int)answer->err);
    struct buf record;
    set_text(json, "field", answer->field);
    set_text(json, "message", answer->message);
    set_text(json, "text", answer->text);
    if (!answer->call)
        return json;
    buf_init(&record, BUF_MAX);
    call_record_write(answer->call, &record);
    json_object_set_new(json, "call", json_parse(record.ptr, record.len, JSON_DEPTH, NULL));
    buf_free(&record);
    return json;
}

/* Who is answered keeps the field's name as it is: one of those that requests have. */
static const char *field_named(const char *name)
{
    static const char *const fields[] = {"context", "extension", "priority", "digits",
                                         "media",   "name",      "value",    "format",
                                         "lot",     "timeout",   "cause",    "type"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (str_eq(fields[i], name))
            return fields[i];
    }
    return NULL;
}

static void answer_read(struct order *o, const json_t *json)
{
    int64_t err = json_get_int(json, "err", DG_EINTERNAL);
    const json_t *record = json_object_get(json, "call");
    o->err = err >= DG_OK && err <= DG_ETIMEOUT ? (enum dg_err)err : DG_EINTERNAL;
    o->field = field_named(json_get_str(json, "field"));
    o->message = arena_strdup(o->arena, json_get_str(json, "message"));
    o->text = arena_strdup(o->arena, json_get_str(json, "text"));
    o->call = record ? call_record_read(o->req.call, record) : NULL;
    if (o->call)
        calls_hold(o->call);
}

/* ---- Asking the other gateway -----------------------------------------------------------------
 */

static void on_result(void *arg, const struct command_result *result)
{
    struct order *o = arg;
    if (result->err == DG_OK)
        answer_read(o, result->answer);
    else
        order_refuse(o, result->err, NULL, result->message);
    order_done(o);
}

static void on_record(void *arg, const struct store_doc *doc)
{
    struct order *o = arg;
    struct control *ct = o->ct;
    const char *node = doc->err == DG_OK ? json_get_str(doc->json, "node") : NULL;
    enum call_state state = CALL_FAILED;
    o->call = map_get(ct->calls->live, o->req.call);
    if (o->call) { /* taken over meanwhile */
        order_begin(o);
        return;
    }
    if (doc->err == DG_OK)
        call_state_parse(json_get_str(doc->json, "status"), &state);
    if (doc->err != DG_OK) {
        order_refuse(o, doc->err, NULL, doc->err == DG_ENOTFOUND ? "Call not found" : doc->message);
        order_done(o);
    } else if (call_is_over(state) || !ct->commands || str_eq(node, ct->calls->config.node)) {
        order_refuse(o, DG_ECONFLICT, NULL, OVER_TEXT);
        order_done(o);
    } else {
        commands_ask(ct->commands, node, request_write(&o->req), on_result, o);
    }
}

void order_elsewhere(struct order *o)
{
    store_get_json(o->ct->calls->config.store, COLLECTION_CALLS, o->req.call, on_record, o);
}

/* ---- Asked by another gateway -------------------------------------------------------------------
 */

static void on_carried_out(void *arg, const struct control_answer *answer)
{
    command_answer(arg, answer_write(answer));
}

/* Live here, or it is over: what is asked of us is not handed on again. */
void control_command(void *arg, const json_t *what, struct command *command)
{
    struct control *ct = arg;
    struct control_request req;
    struct control_answer refusal = {.err = DG_EINVAL, .message = "Unknown request"};
    if (!request_read(what, &req)) {
        command_answer(command, answer_write(&refusal));
    } else if (!map_get(ct->calls->live, req.call)) {
        refusal = (struct control_answer){.err = DG_ECONFLICT, .message = OVER_TEXT};
        command_answer(command, answer_write(&refusal));
    } else {
        control_ask(ct, &req, on_carried_out, command);
    }
}

/* ---- Any channel
 * ------------------------------------------------------------------------------------ */

struct channel_hangup {
    struct control *ct;
    char *id;
    op_fn *fn;
    void *arg;
};

static void on_call_hung_up(void *arg, const struct control_answer *answer)
{
    struct channel_hangup *h = arg;
    const struct op_result res = {.err = answer->err, .message = answer->message};
    if (answer->err == DG_ENOTFOUND || answer->err == DG_ECONFLICT)
        calls_hangup_channel(h->ct->calls, h->id, h->fn, h->arg); /* no live call of ours */
    else
        h->fn(h->arg, &res);
    free(h->id);
    free(h);
}

void control_hangup_channel(struct control *ct, const char *id_or_name, op_fn *fn, void *arg)
{
    bool may_be_elsewhere = ct->commands && id_is_uuid(id_or_name);
    if (!may_be_elsewhere || map_get(ct->calls->live, id_or_name)) {
        calls_hangup_channel(ct->calls, id_or_name, fn, arg);
        return;
    }
    struct channel_hangup *h = xcalloc(1, sizeof *h);
    *h = (struct channel_hangup){ct, xstrdup(id_or_name), fn, arg};
    control_ask(ct, &(struct control_request){.action = CONTROL_HANGUP, .call = h->id},
                on_call_hung_up, h);
}
