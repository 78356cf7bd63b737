/* control.c - what is done to one leg. Most need it under control (in the
 * application): else Asterisk answers 409 and the op fails with DG_ECONFLICT.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ari.h"
#include "asterisk/text.h"
#include "snapshot.h"

/* ---- Hangup ------------------------------------------------------------------------ */

struct hangup {
    char *call;
    int cause;
    bool was_asked;
};

static void on_hung_up(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct hangup *u = arg;
    struct leg *leg = legs_named(&a->events.life.legs, u->call);
    if (leg && r->err)
        leg->fate.asked = u->was_asked;
    free(u->call);
    free(u);
    if (r->err)
        rest_fail(a, op, r);
    else
        a->h->done(op);
}

void ari_hangup(void *self, const struct dg_hangup *req, struct dg_op *op)
{
    struct ari *a = self;
    struct leg *leg = legs_named(&a->events.life.legs, req->call);
    struct hangup *u = text_alloc(sizeof *u);
    char code[12];
    snprintf(code, sizeof code, "%d", req->cause);
    u->call = text_copy(req->call);
    if (leg) {
        u->was_asked = leg->fate.asked;
        leg->fate.asked_cause = req->cause;
        /* The event that says so comes only when everything is observed. */
        leg->fate.asked |= a->config.own_only;
    }
    rest_send(a, op,
              &(struct rest_call){.method = "DELETE",
                                  .path = {"channels", req->call},
                                  .query = {{"reason_code", req->cause ? code : NULL}},
                                  .then = on_hung_up,
                                  .arg = u});
}

static void on_killed(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    (void)op;
    (void)arg;
    if (r->err && r->status != 404)
        a->h->log(a->h, DG_WARN, "a call that nobody waits for could not be ended");
}

void ari_kill(struct ari *a, const char *call)
{
    a->h->log(a->h, DG_WARN, "ending call %s: it came about after its originate had timed out",
              call);
    rest_send(
        a, NULL,
        &(struct rest_call){.method = "DELETE", .path = {"channels", call}, .then = on_killed});
}

static void on_observed(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    (void)op;
    (void)arg;
    if (r->err)
        a->h->log(a->h, DG_DEBUG, "its events are not to be had: ARI error %d", r->status);
}

void ari_observe(struct ari *a, const char *kind, const char *id)
{
    struct text source = {0};
    text_puts(&source, kind);
    text_puts(&source, id);
    rest_send(a, NULL,
              &(struct rest_call){.method = "POST",
                                  .path = {"applications", a->config.app, "subscription"},
                                  .query = {{"eventSource", source.at}},
                                  .urgent = true,
                                  .then = on_observed});
    text_free(&source);
}

/* ---- Switches ------------------------------------------------------------------------ */

/* A change that Asterisk reports to nobody: told to the core when it is done. */
struct change {
    char *call;
    enum dg_event_type type;
    bool on;
};

static void on_changed(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct change *c = arg;
    struct leg *leg = legs_named(&a->events.life.legs, c->call);
    if (r->err) {
        rest_fail(a, op, r);
    } else {
        if (leg && c->type == DG_CALL_HELD)
            leg->held = c->on;
        if (leg && c->type == DG_CALL_MUTED)
            leg->muted = c->on;
        if (leg)
            a->h->emit(a->h, &(struct dg_event){DG_SIZED(struct dg_event), .type = c->type,
                                                .call = leg->id, .on = c->on});
        a->h->done(op);
    }
    free(c->call);
    free(c);
}

static void change(struct ari *a, struct dg_op *op, const char *call, enum dg_event_type type,
                   bool on, struct rest_call rest)
{
    struct change *c = text_alloc(sizeof *c);
    c->call = text_copy(call);
    c->type = type;
    c->on = on;
    rest.method = on ? "POST" : "DELETE";
    rest.then = on_changed;
    rest.arg = c;
    rest_send(a, op, &rest);
}

void ari_answer(void *self, const struct dg_call_ref *req, struct dg_op *op)
{
    rest_send(self, op,
              &(struct rest_call){.method = "POST", .path = {"channels", req->call, "answer"}});
}

void ari_ring(void *self, const struct dg_switch *req, struct dg_op *op)
{
    rest_send(self, op,
              &(struct rest_call){.method = req->on ? "POST" : "DELETE",
                                  .path = {"channels", req->call, "ring"}});
}

void ari_hold(void *self, const struct dg_switch *req, struct dg_op *op)
{
    change(self, op, req->call, DG_CALL_HELD, req->on,
           (struct rest_call){.path = {"channels", req->call, "hold"}});
}

void ari_mute(void *self, const struct dg_mute *req, struct dg_op *op)
{
    /* ARI's "in" is what comes from the far end. */
    const char *direction = req->in == req->out ? "both" : req->in ? "in" : "out";
    change(self, op, req->call, DG_CALL_MUTED, req->on,
           (struct rest_call){.path = {"channels", req->call, "mute"},
                              .query = {{"direction", direction}}});
}

void ari_moh(void *self, const struct dg_moh *req, struct dg_op *op)
{
    rest_send(self, op,
              &(struct rest_call){.method = req->on ? "POST" : "DELETE",
                                  .path = {"channels", req->call, "moh"},
                                  .query = {{"mohClass", req->on ? req->music_class : NULL}}});
}

void ari_dtmf(void *self, const struct dg_dtmf *req, struct dg_op *op)
{
    struct ari *a = self;
    char tone[12], gap[12];
    const char *digits = req->digits ? req->digits : "";
    if (!*digits || strlen(digits) > 100 || digits[strspn(digits, "0123456789*#ABCDabcd")]) {
        a->h->fail(op, DG_EINVAL, "digits are 0-9 * # A-D, at most 100");
        return;
    }
    snprintf(tone, sizeof tone, "%u", req->tone_ms);
    snprintf(gap, sizeof gap, "%u", req->gap_ms);
    rest_send(a, op,
              &(struct rest_call){.method = "POST",
                                  .path = {"channels", req->call, "dtmf"},
                                  .query = {{"dtmf", digits},
                                            {"duration", req->tone_ms ? tone : NULL},
                                            {"between", req->gap_ms ? gap : NULL}}});
}

/* ---- Dialplan ------------------------------------------------------------------------- */

static struct rest_call continue_at(const char *call, const char *context, const char *extension,
                                    const char *priority)
{
    bool number = !priority || (*priority && !priority[strspn(priority, "0123456789")]);
    return (struct rest_call){.method = "POST",
                              .path = {"channels", call, "continue"},
                              .query = {{"context", context},
                                        {"extension", extension},
                                        {"priority", number ? priority : NULL},
                                        {"label", number ? NULL : priority}}};
}

struct going {
    char *call, *context, *extension, *priority;
};

static void on_place(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct going *g = arg;
    struct rest_call rest = continue_at(g->call, g->context, g->extension, g->priority);
    if (text_same(json_text(r->json, "value"), "0"))
        a->h->fail(op, DG_EINVAL, "the dialplan has no extension %s, priority %s, in context %s",
                   g->extension, g->priority, g->context);
    else
        rest_send(a, op, &rest);
    free(g->call);
    free(g->context);
    free(g->extension);
    free(g->priority);
    free(g);
}

/* Asterisk accepts a place that does not exist, and then ends the call: so it is asked first. One
 * without func_dialplan.so does not know, and is believed. */
void ari_go_to(void *self, const struct dg_dialplan *req, struct dg_op *op)
{
    struct ari *a = self;
    const char *priority = req->priority && *req->priority ? req->priority : "1";
    struct text function = {0};
    if (!text_is_number(req->context) || !text_is_number(req->extension) ||
        !text_is_number(priority)) {
        a->h->fail(op, DG_EINVAL,
                   "context, extension and priority are letters, digits and + * # _ . -");
        return;
    }
    struct going *g = text_alloc(sizeof *g);
    *g = (struct going){text_copy(req->call), text_copy(req->context), text_copy(req->extension),
                        text_copy(priority)};
    text_puts(&function, "DIALPLAN_EXISTS(");
    text_puts(&function, g->context);
    text_puts(&function, ",");
    text_puts(&function, g->extension);
    text_puts(&function, ",");
    text_puts(&function, g->priority);
    text_puts(&function, ")");
    rest_send(a, op,
              &(struct rest_call){.path = {"channels", g->call, "variable"},
                                  .query = {{"variable", function.at}},
                                  .then = on_place,
                                  .arg = g});
    text_free(&function);
}

static void on_gone_on(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    (void)op;
    (void)arg;
    if (r->err && r->status != 404)
        a->h->log(a->h, DG_WARN, "an answered call could not be sent on to the dialplan: %s",
                  r->words ? r->words : "no answer");
}

void ari_go_on(struct ari *a, const char *call, const char *context, const char *extension,
               const char *priority)
{
    struct rest_call rest = continue_at(call, context, extension, priority);
    rest.then = on_gone_on;
    rest.urgent = true;
    rest_send(a, NULL, &rest);
}

/* ---- Variables ------------------------------------------------------------------------- */

static void on_variable(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    const char *value = json_text(r->json, "value");
    (void)arg;
    if (r->err) {
        rest_fail(a, op, r);
        return;
    }
    a->h->item(op, value ? value : "");
    a->h->done(op);
}

static struct rest_call variable(const struct dg_variable *req, const char *value)
{
    struct rest_call rest = {.method = value ? "POST" : "GET",
                             .path = {"channels", req->call, "variable"},
                             .query = {{"variable", req->name}, {"value", value}}};
    if (!req->call) {
        rest.path[0] = "asterisk";
        rest.path[1] = "variable";
        rest.path[2] = NULL;
    }
    return rest;
}

void ari_get_variable(void *self, const struct dg_variable *req, struct dg_op *op)
{
    struct ari *a = self;
    struct rest_call rest = variable(req, NULL);
    rest.then = on_variable;
    /* A dialplan function could read files. */
    if (text_is_variable(req->name))
        rest_send(a, op, &rest);
    else
        a->h->fail(op, DG_EINVAL, "a variable's name is letters, digits and _");
}

/* Asterisk 16 sets a variable only when the leg's thread looks at its orders, up to 200 ms after
 * it has answered; whoever asks for it then would be told the old value. */
struct setting {
    char *call, *name, *value;
    unsigned looks;
};

enum { SETTING_LOOKS = 10, SETTING_WAIT_MS = 50 };

static void look_at(struct ari *a, struct dg_op *op, struct setting *s);

static void setting_free(struct setting *s)
{
    free(s->call);
    free(s->name);
    free(s->value);
    free(s);
}

static void setting_end(struct ari *a, struct dg_op *op, struct setting *s)
{
    a->h->done(op);
    setting_free(s);
}

static void on_looked_at(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct setting *s = arg;
    bool there = text_same(json_text(r->json, "value"), s->value);
    /* It was accepted: that it cannot be seen is no failure. */
    if (there || ++s->looks == SETTING_LOOKS || (r->err && r->status != 404))
        setting_end(a, op, s);
    else
        look_at(a, op, s);
}

static void look_at(struct ari *a, struct dg_op *op, struct setting *s)
{
    struct rest_call rest = variable(&(struct dg_variable){.call = s->call, .name = s->name}, NULL);
    rest.then = on_looked_at;
    rest.arg = s;
    rest.delay_ms = s->looks ? SETTING_WAIT_MS : 0;
    rest_send(a, op, &rest);
}

static void on_set(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct setting *s = arg;
    if (!r->err && s->call && *s->value) {
        look_at(a, op, s);
        return;
    }
    if (!r->err) {
        setting_end(a, op, s);
        return;
    }
    rest_fail(a, op, r);
    setting_free(s);
}

void ari_set_variable(void *self, const struct dg_variable *req, struct dg_op *op)
{
    struct ari *a = self;
    const char *value = req->value ? req->value : "";
    struct rest_call rest = variable(req, value);
    if (!text_is_variable(req->name) || (*value && !text_is_plain(value, 4000))) {
        a->h->fail(op, DG_EINVAL,
                   "a variable's name is letters, digits and _; its value is printable");
        return;
    }
    struct setting *s = text_alloc(sizeof *s);
    s->call = text_copy(req->call);
    s->name = text_copy(req->name);
    s->value = text_copy(value);
    rest.then = on_set;
    rest.arg = s;
    rest_send(a, op, &rest);
}
