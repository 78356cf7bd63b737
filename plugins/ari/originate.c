/* originate.c - place a call once and only once.
 *
 * The core names the channel, and while it lives Asterisk refuses a second one
 * of that name: but when it has ended, a late second try would dial again. So
 * an answer that leaves doubt (none came, or 409) is followed by a look at the
 * channel, and an event that names it counts as acceptance. A try that timed
 * out is never repeated; if its call turns up later, it is ended.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ari.h"
#include "asterisk/dialling.h"
#include "asterisk/text.h"

enum { LOOK_MS = 3000 };

enum doubt { NO_DOUBT, TAKEN, LOST, TIMED_OUT };

struct originate {
    struct originate *next, *before;
    struct ari *a;
    struct dg_op *op;
    json_t *body;
    char *call;
    struct dg_timer *timer;
    unsigned tries;
    enum doubt doubt;
    uint64_t link_since_ms;
};

static void dial(void *arg);
static void look(void *arg);

/* ---- Ends ------------------------------------------------------------------------ */

static void release(struct originate *o)
{
    struct ari *a = o->a;
    if (o->timer)
        a->h->timer_stop(a->h, o->timer);
    *(o->before ? &o->before->next : &a->originates) = o->next;
    if (o->next)
        o->next->before = o->before;
    json_decref(o->body);
    free(o->call);
    free(o);
}

static void accepted(struct originate *o, const json_t *channel)
{
    struct ari *a = o->a;
    if (channel)
        events_meet(&a->events, channel);
    legs_settle(&a->events.life.legs, o->call, false);
    a->h->done(o->op);
    release(o);
}

static void failed(struct originate *o, enum dg_err err, int status)
{
    struct ari *a = o->a;
    legs_settle(&a->events.life.legs, o->call, o->doubt == TIMED_OUT || o->doubt == LOST);
    if (status)
        a->h->fail(o->op, err, "ARI error %d", status);
    else
        a->h->fail(o->op, err,
                   err == DG_ELIMIT ? "too many requests are waiting for ARI"
                                    : "Unable to connect to ARI");
    release(o);
}

/* An event has named the channel: it was accepted, whatever the answer says. */
static bool is_seen(const struct originate *o)
{
    const struct leg *leg = legs_find(&o->a->events.life.legs, o->call);
    return leg && (leg->started || leg->ended);
}

static bool again(struct originate *o, dg_fn *step)
{
    struct ari *a = o->a;
    if (o->tries >= a->config.tries || a->closing)
        return false;
    o->timer = a->h->timer_start(a->h, a->config.retry_ms << (o->tries - 1), step, o);
    o->tries++;
    return true;
}

/* ---- Steps ------------------------------------------------------------------------- */

static bool link_held(const struct originate *o)
{
    const struct link *l = &o->a->link;
    return l->state == LINK_UP && l->up_since_ms == o->link_since_ms;
}

static void on_looked(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct originate *o = arg;
    (void)a;
    (void)op;
    if (!r->err || is_seen(o)) {
        accepted(o, r->err ? NULL : r->json);
    } else if (r->status == 404 && o->doubt == TAKEN) {
        /* The connection repeated an old 409 (it is closed now); nobody has the name. */
        o->doubt = NO_DOUBT;
        if (!again(o, dial))
            failed(o, DG_EUPSTREAM, 500);
    } else if (r->status == 404 && o->doubt == LOST && link_held(o)) {
        /* No channel, and the event socket that saw all of it tells of none. */
        o->doubt = NO_DOUBT;
        if (!again(o, dial))
            failed(o, DG_EUNAVAILABLE, 0);
    } else if (r->status == 404 || !again(o, look)) {
        failed(o, o->doubt == TIMED_OUT ? DG_ETIMEOUT : DG_EUPSTREAM, 0);
    }
}

static void look(void *arg)
{
    struct originate *o = arg;
    o->timer = NULL;
    rest_send(o->a, NULL,
              &(struct rest_call){.path = {"channels", o->call},
                                  .timeout_ms = LOOK_MS,
                                  .urgent = true,
                                  .then = on_looked,
                                  .arg = o});
}

/* The op's message is what the documented answer shows, the status alone. */
static void say_words(const struct originate *o, const struct rest_reply *r)
{
    if (r->words)
        o->a->h->log(o->a->h, DG_INFO, "originate of %s: ARI error %d: %s", o->call, r->status,
                     r->words);
}

static void on_dialled(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct originate *o = arg;
    (void)op;
    if (!r->err || is_seen(o)) {
        accepted(o, r->err ? NULL : r->json);
    } else if (r->status == 409) {
        o->doubt = TAKEN;
        look(o);
    } else if (r->status >= 500) {
        say_words(o, r);
        if (again(o, dial))
            a->h->metric_add(a->retry_count, 1);
        else
            failed(o, r->err, r->status); /* 503: it takes no calls now */
    } else if (r->status || r->err == DG_ELIMIT || a->closing) {
        say_words(o, r);
        failed(o, r->err, r->status);
    } else {
        o->doubt = r->err == DG_ETIMEOUT ? TIMED_OUT : LOST;
        if (o->doubt == TIMED_OUT)
            look(o);
        else if (!again(o, look))
            failed(o, DG_EUPSTREAM, 0);
    }
}

static void dial(void *arg)
{
    struct originate *o = arg;
    o->timer = NULL;
    o->link_since_ms = o->a->link.up_since_ms;
    rest_send(o->a, NULL,
              &(struct rest_call){.method = "POST",
                                  .path = {"channels"},
                                  .body = json_incref(o->body),
                                  .then = on_dialled,
                                  .arg = o});
}

void ari_originates_end(struct ari *a)
{
    /* Those with a request under way are ended by rest_close. */
    for (struct originate *o = a->originates, *next; o; o = next) {
        next = o->next;
        if (o->timer)
            failed(o, DG_EUNAVAILABLE, 0);
    }
}

/* ---- The request --------------------------------------------------------------------- */

static bool is_all_digits(const char *s)
{
    return *s && strlen(s) < 7 && !s[strspn(s, "0123456789")];
}

static void set(json_t *body, const char *key, json_t *value)
{
    if (value)
        json_object_set_new(body, key, value);
}

static void set_text(json_t *body, const char *key, const char *value)
{
    if (value)
        set(body, key, json_string(value));
}

static void set_owned(json_t *body, const char *key, char *value)
{
    set_text(body, key, value);
    free(value);
}

static void set_place(json_t *body, const struct dg_originate *req)
{
    const char *priority = req->priority ? req->priority : "1";
    set_text(body, "context", req->context);
    set_text(body, "extension", req->extension ? req->extension : "s");
    if (is_all_digits(priority))
        set(body, "priority", json_integer(strtol(priority, NULL, 10)));
    else
        set_text(body, "label", priority);
}

/* To be under control, or, when only own legs are observed, to be sent on from there. */
static void set_app(json_t *body, const struct ari *a, const struct dg_originate *req)
{
    struct text args = {0};
    set_text(body, "app", a->config.app);
    if (req->context) {
        text_puts(&args, GO_ON_ARGUMENT ",");
        text_puts(&args, req->context);
        text_puts(&args, ",");
        text_puts(&args, req->extension ? req->extension : "s");
        text_puts(&args, ",");
        text_puts(&args, req->priority ? req->priority : "1");
    } else {
        text_puts(&args, req->arguments ? req->arguments : "");
    }
    set_text(body, "appArgs", args.at);
    text_free(&args);
}

static json_t *body_of(const struct ari *a, const struct dg_originate *req)
{
    json_t *body = json_object(), *variables = json_object();
    set_owned(body, "endpoint", dialling_endpoint(req));
    set_text(body, "channelId", req->call);
    set_owned(body, "otherChannelId", dialling_other(req));
    set_owned(body, "callerId", dialling_caller(req));
    if (req->ring_ms)
        set(body, "timeout", json_integer((json_int_t)((req->ring_ms + 999) / 1000)));
    set_text(body, "originator", req->peer);
    if (req->context && !a->config.own_only)
        set_place(body, req);
    else
        set_app(body, a, req);
    for (size_t i = 0; i < req->variable_count; i++)
        set_text(variables, req->variables[i].key, req->variables[i].value);
    set(body, "variables", variables);
    return body;
}

/* The place travels among the arguments of the application. */
static bool is_in_arguments(const struct ari *a, const struct dg_originate *req)
{
    const char *const parts[] = {req->context, req->extension, req->priority};
    for (size_t i = 0; a->config.own_only && i < sizeof parts / sizeof *parts; i++)
        if (parts[i] && strchr(parts[i], ','))
            return false;
    return true;
}

static bool are_variables(const struct dg_originate *req)
{
    for (size_t i = 0; i < req->variable_count; i++) {
        const char *value = req->variables[i].value;
        json_t *json = json_string(value ? value : "");
        bool good = json && text_is_variable(req->variables[i].key) &&
                    (!value || !*value || text_is_plain(value, 4000));
        json_decref(json);
        if (!good)
            return false;
    }
    return true;
}

/* Why the request can not be sent, or NULL. */
static const char *refusal(const struct ari *a, const struct dg_originate *req)
{
    const char *why = dialling_refusal(req);
    if (!why && !is_in_arguments(a, req))
        why = "context, extension or priority has a comma";
    if (!why && !are_variables(req))
        why = "a variable's name is no plain name, or its value is not printable";
    return why;
}

void ari_originate(void *self, const struct dg_originate *req, struct dg_op *op)
{
    struct ari *a = self;
    const char *why = refusal(a, req);
    const struct leg *living = legs_find(&a->events.life.legs, req->call);
    if (why || (living && (living->started || living->expected))) {
        a->h->fail(op, why ? DG_EINVAL : DG_ECONFLICT, "%s",
                   why ? why : "there is a call of this id");
        return;
    }
    if (req->detect_machine) {
        a->h->fail(op, DG_EUNSUPPORTED, "ARI cannot detect answering machines by itself");
        return;
    }
    struct originate *o = text_alloc(sizeof *o);
    o->a = a;
    o->op = op;
    o->call = text_copy(req->call);
    o->body = body_of(a, req);
    o->tries = 1;
    o->next = a->originates;
    if (o->next)
        o->next->before = o;
    a->originates = o;
    legs_expect(&a->events.life.legs, o->call);
    dial(o);
}
