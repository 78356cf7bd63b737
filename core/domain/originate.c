/* originate.c - from a request to a channel: check, write down, dial, answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/call_record.h"
#include "domain/calls_private.h"

struct originate {
    struct calls *cs;
    struct call *call;
    calls_fn *fn;
    void *arg;
    struct admission *admission; /* of the backend that the call was meant for */
    struct admission_turn turn;
    struct store_batch batch; /* what else is written with the call */
    uint64_t sent_us;
    /* A refusal on its way. */
    enum dg_err err;
    const char *field, *message; /* constants */
    unsigned retry_s;
};

/* Channel variables by which Asterisk itself goes to other places of the dialplan or runs
 * commands; a client may not set them. A trailing star stands for any rest. */
static const char *const reserved[] = {
    "TRANSFER_CONTEXT",
    "FORWARD_CONTEXT",
    "GOTO_ON_BLINDXFR",
    "BLINDTRANSFER*",
    "ATTENDEDTRANSFER*",
    "DYNAMIC_FEATURES*",
    "DYNAMIC_*",
    "MONITOR_EXEC*",
    "MIXMONITOR_*",
    "PARK*",
    "MACRO_*",
    "GOSUB_*",
    "AGI*",
    "SYSTEMSTATUS",
    "TOUCH_*",
    "BRIDGE_*",
    "LIMIT_*",
    "SIPTRANSFER*",
    "EPOCH",
    "SWIFT_*",
};

bool call_variable_reserved(const char *name)
{
    while (*name == '_') /* inheritance marks */
        name++;
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        size_t len = strlen(reserved[i]);
        bool any_rest = reserved[i][len - 1] == '*';
        if (any_rest ? strncasecmp(name, reserved[i], len - 1) == 0 : str_ieq(name, reserved[i]))
            return true;
    }
    return false;
}

static void originate_answer(struct originate *o, enum dg_err err, const char *message)
{
    struct call_answer answer = {
        .err = err, .field = o->field, .message = message, .retry_s = o->retry_s, .call = o->call};
    if (o->call)
        o->call->originate = NULL;
    o->fn(o->arg, &answer);
    if (o->call)
        calls_release(o->call);
    store_batch_free(&o->batch);
    free(o);
}

static void refuse_now(void *arg)
{
    struct originate *o = arg;
    originate_answer(o, o->err, o->message);
}

static void refuse(struct originate *o, enum dg_err err, const char *field, const char *message)
{
    o->err = err;
    o->field = field;
    o->message = message;
    loop_call(o->cs->config.loop, refuse_now, o);
}

/* ---- From request to call --------------------------------------------------- */

bool calls_context_allowed(const struct calls *cs, const char *context)
{
    const struct call_defaults *d = &cs->defaults;
    if (str_eq(context, d->context))
        return true;
    for (size_t i = 0; d->allowed_contexts && d->allowed_contexts[i]; i++) {
        if (str_eq(d->allowed_contexts[i], "*") || str_eq(d->allowed_contexts[i], context))
            return true;
    }
    return false;
}

/* The template with {number} and {context} filled in. */
static char *expand(const char *template, const char *number, const char *context)
{
    struct buf out;
    buf_init(&out, 1024);
    while (*template) {
        if (str_starts(template, "{number}")) {
            buf_adds(&out, number);
            template += strlen("{number}");
        } else if (str_starts(template, "{context}")) {
            buf_adds(&out, context);
            template += strlen("{context}");
        } else {
            buf_addc(&out, *template ++);
        }
    }
    return buf_take(&out);
}

static const char *or_default(const char *value, const char *fallback)
{
    return str_empty(value) ? fallback : value;
}

static struct call *call_of(struct calls *cs, const struct call_request *req)
{
    const struct call_defaults *d = &cs->defaults;
    struct call *c = call_new();
    if (req->id)
        memcpy(c->id, req->id, sizeof c->id);
    c->owner = cs;
    c->created_at_ms = clock_unix_ms();
    c->phone_number = xstrdup(req->phone_number);
    if (!req->controlled) {
        c->context = xstrdup(or_default(req->context, d->context));
        c->extension = xstrdup(or_default(req->extension, d->extension));
    }
    c->peer = xstrdup(req->peer);
    c->caller_id = xstrdup(or_default(req->caller_id, d->caller_id));
    c->priority = req->priority ? req->priority : d->priority;
    c->ring_ms = req->ring_ms ? req->ring_ms : d->ring_ms;
    c->channel = req->endpoint
                     ? xstrdup(req->endpoint)
                     : expand(d->endpoint, c->phone_number, or_default(c->context, d->context));
    c->api = xstrdup(req->api);
    c->user = xstrdup(req->user);
    c->node = xstrdup(cs->config.node);
    c->backend = xstrdup(cs->backend->name);
    c->carrier = cs->backend;
    c->server_run = xstrdup(cs->backend->server_run);
    c->heard_at_ms = c->created_at_ms;
    c->mock = cs->mock;
    c->variables = xcalloc(req->variable_count + 1, sizeof *c->variables);
    for (size_t i = 0; i < req->variable_count; i++)
        c->variables[i] = (struct call_variable){xstrdup(req->variables[i].key),
                                                 xstrdup(req->variables[i].value)};
    c->variable_count = req->variable_count;
    return c;
}

/* ---- From call to channel ------------------------------------------------------ */

static void ignore(void *arg, const struct op_result *res)
{
    (void)arg;
    (void)res;
}

static void on_accepted(void *arg, const struct op_result *res)
{
    struct originate *o = arg;
    struct call *c = o->call;
    if (o->cs->config.metrics)
        call_metrics_originated(o->cs->config.metrics, res->err == DG_OK,
                                (double)(clock_us() - o->sent_us) / 1e6);
    if (res->err == DG_OK) {
        struct call_event ev = calls_event_now(CALL_EV_ACCEPTED);
        c->placed = true;
        calls_move(o->cs, c, &ev);
        originate_answer(o, DG_OK, NULL);
        return;
    }
    if (res->err == DG_ETIMEOUT &&
        !c->placed) { /* it may ring all the same: make sure it does not */
        struct dg_hangup req = {.call = c->id};
        backend_hangup(c->carrier, &req, ignore, NULL);
    }
    struct call_event ev = calls_event_now(CALL_EV_REFUSED);
    ev.text = res->message;
    calls_move(o->cs, c, &ev);
    originate_answer(o, DG_OK, NULL);
}

/* "Name <number>", "Name" or "number" apart; `text` is changed. */
static void split_caller_id(char *text, const char **name, const char **number)
{
    char *open = strrchr(text, '<'), *close = open ? strchr(open, '>') : NULL;
    *name = *number = NULL;
    if (open && close && !close[1]) {
        *close = '\0';
        *number = open + 1;
        char *end = open;
        while (end > text && (end[-1] == ' ' || end[-1] == '"'))
            end--;
        *end = '\0';
        while (*text == '"' || *text == ' ')
            text++;
        *name = *text ? text : NULL;
    } else if (text[strspn(text, "+0123456789")] == '\0') {
        *number = text;
    } else {
        *name = text;
    }
}

static void dial(struct originate *o)
{
    struct call *c = o->call;
    char priority[16], *caller_id = xstrdup(c->caller_id);
    struct dg_kv *variables = xcalloc(c->variable_count + 1, sizeof *variables);
    for (size_t i = 0; i < c->variable_count; i++)
        variables[i] = (struct dg_kv){c->variables[i].name, c->variables[i].value};
    snprintf(priority, sizeof priority, "%d", c->priority);
    struct dg_originate req = {
        .call = c->id,
        .endpoint = c->channel,
        .context = c->context,
        .extension = c->extension,
        .priority = priority,
        .peer = c->peer,
        .ring_ms = c->ring_ms,
        .variables = variables,
        .variable_count = c->variable_count,
    };
    o->sent_us = clock_us();
    split_caller_id(caller_id, &req.caller_name, &req.caller_number);
    backend_originate(c->carrier, &req, on_accepted, o);
    free(variables);
    free(caller_id);
}

/* Nothing is dialled. Whether it was written is in doubt when the store gave no answer: then the
 * end is, too, as soon as that is possible. */
static void not_written(struct originate *o, const struct op_result *res)
{
    struct call *c = o->call;
    bool taken = res->err == DG_ECONFLICT;
    struct call_event ev = calls_event_now(CALL_EV_REFUSED);
    ev.text = "The call could not be written down";
    if (!taken)
        log_error("calls", "call not placed: the store did not take it", LOG_S("call", c->id),
                  LOG_S("why", res->message));
    c->stored = res->err == DG_ETIMEOUT || res->err == DG_EUPSTREAM;
    calls_move(o->cs, c, &ev);
    if (taken)
        originate_answer(o, DG_ECONFLICT, "What was to be written with the call is there already");
    else
        originate_answer(o, DG_EUNAVAILABLE, "Database unavailable");
}

static void on_written(void *arg, const struct op_result *res)
{
    struct originate *o = arg;
    struct call *c = o->call;
    bool without_store = res->err == DG_EUNAVAILABLE && str_eq(res->message, STORE_DISABLED_TEXT);
    if (res->err != DG_OK && !without_store) {
        not_written(o, res);
        return;
    }
    c->stored = true;
    if (c->cancelled) { /* hung up before it was dialled */
        struct call_event ev = calls_event_now(CALL_EV_ENDED);
        calls_move(o->cs, c, &ev);
        originate_answer(o, DG_OK, NULL);
        return;
    }
    calls_watch(o->cs, c);
    dial(o);
}

static void write_down(struct originate *o)
{
    struct buf json;
    buf_init(&json, BUF_MAX);
    call_record_write(o->call, &json);
    store_batch_put(&o->batch, COLLECTION_CALLS, o->call->id, (struct dg_bytes){json.ptr, json.len},
                    DG_VERSION_NONE);
    store_write(o->cs->config.store, &o->batch, on_written, o);
    buf_free(&json);
}

/* ---- Admission ------------------------------------------------------------------- */

#define TURN_LOST_TEXT "Too many calls are waiting to be placed"

static void on_turn(struct admission_turn *turn, bool admitted)
{
    struct originate *o = list_item(turn, struct originate, turn);
    if (admitted) {
        write_down(o);
        return;
    }
    struct call_event ev = calls_event_now(CALL_EV_REFUSED);
    ev.text = TURN_LOST_TEXT;
    calls_move(o->cs, o->call, &ev);
    o->retry_s = 1;
    originate_answer(o, DG_ELIMIT, TURN_LOST_TEXT);
}

void originate_hurry(struct originate *o)
{
    if (!admission_waits(&o->turn))
        return;
    admission_leave(o->admission, &o->turn);
    write_down(o);
}

static void take_on(struct originate *o, const struct call_request *req)
{
    struct calls *cs = o->cs;
    struct call *c = o->call = call_of(cs, req);
    store_batch_init(&o->batch);
    if (req->also)
        store_batch_put(&o->batch, req->also->collection, req->also->id, req->also->json,
                        req->also->expect);
    c->originate = o;
    calls_hold(c);
    calls_add(cs, c);
    calls_publish(cs, c, CALL_PENDING);
    if (cs->config.metrics)
        call_metrics_launched(cs->config.metrics);
    log_info("calls", "call requested", LOG_S("call", c->id), LOG_S("channel", c->channel),
             LOG_S("backend", c->backend), LOG_S("user", c->user));
}

void calls_originate(struct calls *cs, const struct call_request *req, calls_fn *fn, void *arg)
{
    struct originate *o = xcalloc(1, sizeof *o);
    *o = (struct originate){
        .cs = cs, .fn = fn, .arg = arg, .admission = cs->admission, .turn.fn = on_turn};
    const char *context = or_default(req->context, cs->defaults.context);
    if (!req->own_place && !calls_context_allowed(cs, context)) {
        refuse(o, DG_EINVAL, "context",
               "Context is not allowed; the configuration lists what is (calls.allowed_contexts)");
        return;
    }
    struct admission_refusal why;
    enum admission_verdict verdict = admission_ask(cs->admission, &o->turn, &why);
    if (verdict == ADMISSION_REFUSED) {
        o->retry_s = why.retry_s;
        refuse(o, DG_ELIMIT, NULL, why.message);
        return;
    }
    take_on(o, req);
    if (verdict == ADMISSION_GRANTED)
        write_down(o);
}
