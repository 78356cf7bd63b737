/* originate.c - from a request to a channel: check, write down, dial, answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/call_plan.h"
#include "domain/call_record.h"
#include "domain/calls_private.h"

/* How often a call that was not dialled is tried on another backend. */
#define MOVES_MAX 2

struct originate {
    struct calls *cs;
    struct call *call;
    calls_fn *fn;
    void *arg;
    struct admission *admission; /* of the backend that the call is meant for */
    struct admission_turn turn;
    unsigned moves;
    /* What the request did not leave out: it is the same on another backend. */
    bool has_context, has_extension, has_caller_id, has_priority, has_ring;
    bool controlled;          /* it goes to no place of the dialplan */
    bool fixed;               /* on another backend it would mean something else */
    struct store_batch batch; /* what else is written with the call */
    calls_write_fn *write;    /* who writes it down, but on another backend; NULL: the store */
    void *write_arg;
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
    "DIALGATE_*",
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

bool call_context_allowed(const struct call_defaults *d, const char *context)
{
    if (str_eq(context, d->context))
        return true;
    for (size_t i = 0; d->allowed_contexts && d->allowed_contexts[i]; i++) {
        if (str_eq(d->allowed_contexts[i], "*") || str_eq(d->allowed_contexts[i], context))
            return true;
    }
    return false;
}

/* The template with {number}, {context} and {trunk} filled in. */
static char *expand(const char *template, const char *number, const char *context,
                    const char *trunk)
{
    const struct {
        const char *name, *value;
    } words[] = {{"{number}", number}, {"{context}", context}, {"{trunk}", trunk ? trunk : ""}};
    struct buf out;
    buf_init(&out, 1024);
    while (*template) {
        size_t i = 0;
        while (i < sizeof words / sizeof *words && !str_starts(template, words[i].name))
            i++;
        if (i < sizeof words / sizeof *words) {
            buf_adds(&out, words[i].value);
            template += strlen(words[i].name);
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

static void set_text(char **where, const char *text)
{
    free(*where);
    *where = xstrdup(text);
}

/* The backend that is to carry it, and what that one's configuration fills in. */
static void assign(struct originate *o, const struct backend *b)
{
    struct call *c = o->call;
    const struct call_defaults *d = &b->defaults;
    if (!o->has_context && !o->controlled)
        set_text(&c->context, d->context);
    if (!o->has_extension && !o->controlled)
        set_text(&c->extension, d->extension);
    if (!o->has_caller_id)
        set_text(&c->caller_id, d->caller_id);
    if (!o->has_priority)
        c->priority = d->priority;
    if (!o->has_ring)
        c->ring_ms = d->ring_ms;
    if (!c->channel || !o->fixed) {
        free(c->channel);
        c->channel =
            expand(d->endpoint, c->phone_number, or_default(c->context, d->context), d->trunk);
    }
    set_text(&c->backend, b->in->name);
    set_text(&c->server_run, b->in->server_run);
    c->mock = b->mock;
    o->admission = b->admission;
    calls_carry(o->cs, c, b->in);
}

/* It is about a call or a place of one backend, or about a line that one has. */
static bool is_fixed(const struct call_request *req)
{
    return req->peer || req->own_place || req->endpoint || req->backend;
}

static struct backend *backend_for(const struct calls *cs, const struct call_request *req)
{
    const struct call *peer = req->peer ? map_get(cs->live, req->peer) : NULL;
    struct instance *in = peer           ? peer->carrier
                          : req->backend ? calls_backend_named(cs, req->backend)
                                         : NULL;
    struct backend *b = in ? backend_of(cs, in) : NULL;
    if (b)
        return b;
    return is_fixed(req) ? cs->routing.active : routing_target(cs);
}

static struct call *call_of(struct originate *o, const struct call_request *req,
                            const struct backend *b)
{
    struct calls *cs = o->cs;
    struct call *c = o->call = call_new();
    if (req->id)
        memcpy(c->id, req->id, sizeof c->id);
    c->owner = cs;
    c->created_at_ms = clock_unix_ms();
    c->cdr_number = cs->config.cdr_numbers && !req->leg ? serials_next(cs->config.cdr_numbers) : 0;
    c->campaign_id = req->campaign_id;
    c->campaign_number_id = req->campaign_number_id;
    if (req->attempt)
        c->attempt_number = req->attempt;
    c->phone_number = xstrdup(req->phone_number);
    o->has_context = !str_empty(req->context);
    o->has_extension = !str_empty(req->extension);
    o->has_caller_id = !str_empty(req->caller_id);
    o->has_priority = req->priority != 0;
    o->has_ring = req->ring_ms != 0;
    o->controlled = req->controlled;
    o->fixed = is_fixed(req);
    c->context = xstrdup(req->context);
    c->extension = xstrdup(req->extension);
    c->channel = xstrdup(req->endpoint);
    c->peer = xstrdup(req->peer);
    c->caller_id = xstrdup(req->caller_id);
    c->priority = req->priority;
    c->ring_ms = req->ring_ms;
    c->api = xstrdup(req->api);
    c->user = xstrdup(req->user);
    c->leg = req->leg;
    c->ivr_menu = req->ivr_menu;
    c->plan = call_plan_copy(req->plan);
    c->talk_ms = req->talk_ms;
    c->node = xstrdup(cs->config.node);
    c->heard_at_ms = c->created_at_ms;
    c->variables = xcalloc(req->variable_count + 1, sizeof *c->variables);
    for (size_t i = 0; i < req->variable_count; i++)
        c->variables[i] = (struct call_variable){xstrdup(req->variables[i].key),
                                                 xstrdup(req->variables[i].value)};
    c->variable_count = req->variable_count;
    assign(o, b);
    return c;
}

/* ---- From call to channel ------------------------------------------------------ */

static void ignore(void *arg, const struct op_result *res)
{
    (void)arg;
    (void)res;
}

static void write_down(struct originate *o);

/* Another backend may carry it when it is certain that this one has dialled nothing, and never
 * will; and when that one's configuration allows what was asked for. */
static struct backend *elsewhere(const struct originate *o, const struct op_result *res)
{
    const struct call *c = o->call;
    struct backend *to = routing_target(o->cs);
    bool untouched = res->err == DG_EUNAVAILABLE && !c->placed && c->state == CALL_PENDING;
    if (!untouched || o->fixed || c->cancelled || o->cs->stopping || o->moves == MOVES_MAX)
        return NULL;
    if (!to || to->in == c->carrier || !routing_open(o->cs, to))
        return NULL;
    return !o->has_context || call_context_allowed(&to->defaults, c->context) ? to : NULL;
}

/* What it was written with is written anew before it is dialled there. */
static bool move_on(struct originate *o, const struct op_result *res)
{
    struct call *c = o->call;
    struct backend *to = elsewhere(o, res);
    struct admission_refusal why;
    if (!to)
        return false;
    enum admission_verdict verdict = admission_ask(to->admission, &o->turn, &why);
    if (verdict == ADMISSION_REFUSED)
        return false;
    log_warn("calls", "the call was not dialled and goes to another backend", LOG_S("call", c->id),
             LOG_S("from", c->backend), LOG_S("to", to->in->name), LOG_S("why", res->message));
    if (o->cs->config.metrics)
        call_metrics_moved(o->cs->config.metrics, c->backend, to->in->name);
    o->moves++;
    admission_call_ends(o->admission);
    assign(o, to);
    admission_call_begins(o->admission);
    c->asked = false;
    loop_timer_stop(o->cs->config.loop, c->deadline);
    c->deadline = NULL;
    calls_publish(o->cs, c, CALL_PENDING);
    if (verdict == ADMISSION_GRANTED)
        write_down(o);
    return true;
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
    if (move_on(o, res))
        return;
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
        .context = c->plan ? NULL : c->context, /* it goes there when the plan is carried out */
        .extension = c->extension,
        .priority = priority,
        .peer = c->peer,
        .ring_ms = c->ring_ms,
        .variables = variables,
        .variable_count = c->variable_count,
    };
    o->sent_us = clock_us();
    c->asked = true;
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
    if (!o->moves)
        c->stored = res->err == DG_ETIMEOUT || res->err == DG_EUPSTREAM;
    calls_move(o->cs, c, &ev);
    if (o->moves) /* as the record of before says, there is such a call */
        originate_answer(o, DG_OK, NULL);
    else if (taken)
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
    if (o->moves) {
        store_batch_free(&o->batch);
        store_batch_init(&o->batch);
    }
    store_batch_put(&o->batch, COLLECTION_CALLS, o->call->id, (struct dg_bytes){json.ptr, json.len},
                    o->moves ? DG_VERSION_ANY : DG_VERSION_NONE);
    if (o->write && !o->moves)
        o->write(o->write_arg, &o->batch, on_written, o);
    else
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
    originate_answer(o, o->moves ? DG_OK : DG_ELIMIT, o->moves ? NULL : TURN_LOST_TEXT);
}

void originate_hurry(struct originate *o)
{
    if (!admission_waits(&o->turn))
        return;
    admission_leave(o->admission, &o->turn);
    write_down(o);
}

static void take_on(struct originate *o, const struct call_request *req, const struct backend *b)
{
    struct calls *cs = o->cs;
    struct call *c = call_of(o, req, b);
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
    struct backend *b = backend_for(cs, req);
    struct originate *o = xcalloc(1, sizeof *o);
    *o = (struct originate){.cs = cs,
                            .fn = fn,
                            .arg = arg,
                            .turn.fn = on_turn,
                            .write = req->write,
                            .write_arg = req->write_arg};
    const char *context = or_default(req->context, b->defaults.context);
    if (!req->own_place && !call_context_allowed(&b->defaults, context)) {
        refuse(o, DG_EINVAL, "context",
               "Context is not allowed; the configuration lists what is (calls.allowed_contexts)");
        return;
    }
    struct admission_refusal why;
    enum admission_verdict verdict = admission_ask(b->admission, &o->turn, &why);
    if (verdict == ADMISSION_REFUSED) {
        o->retry_s = why.retry_s;
        refuse(o, DG_ELIMIT, NULL, why.message);
        return;
    }
    take_on(o, req, b);
    if (verdict == ADMISSION_GRANTED)
        write_down(o);
}
