/* control.c - what is done to a call while it lives. */
#include "mock.h"

#include <stdlib.h>
#include <string.h>

void mock_answer(void *self, const struct dg_call_ref *req, struct dg_op *op)
{
    struct mock *m = self;
    /* All calls here are ours: the far end answers, we cannot. */
    if (call_or_fail(m, req->call, true, op))
        m->h->done(op);
}

void mock_ring(void *self, const struct dg_switch *req, struct dg_op *op)
{
    struct mock *m = self;
    if (call_or_fail(m, req->call, false, op))
        m->h->done(op);
}

void mock_hold(void *self, const struct dg_switch *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_call *c = call_or_fail(m, req->call, true, op);
    if (!c)
        return;
    m->h->done(op);
    if (c->held == req->on)
        return;
    c->held = req->on;
    call_emit(c, (struct dg_event){.type = DG_CALL_HELD, .on = req->on});
}

void mock_mute(void *self, const struct dg_mute *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_call *c = call_or_fail(m, req->call, true, op);
    if (!c)
        return;
    if (!req->in && !req->out) {
        m->h->fail(op, DG_EINVAL, "nothing to mute: neither in nor out");
        return;
    }
    m->h->done(op);
    if (c->muted == req->on)
        return;
    c->muted = req->on;
    call_emit(c, (struct dg_event){.type = DG_CALL_MUTED, .on = req->on});
}

void mock_moh(void *self, const struct dg_moh *req, struct dg_op *op)
{
    struct mock *m = self;
    if (call_or_fail(m, req->call, true, op))
        m->h->done(op);
}

void mock_dtmf(void *self, const struct dg_dtmf *req, struct dg_op *op)
{
    struct mock *m = self;
    if (!call_or_fail(m, req->call, true, op))
        return;
    if (!req->digits || !*req->digits ||
        req->digits[strspn(req->digits, "0123456789*#ABCDabcd")] != '\0')
        m->h->fail(op, DG_EINVAL, "digits are 0-9, *, # and A-D");
    else
        m->h->done(op);
}

void call_go_to(struct mock_call *c, const char *context, const char *extension,
                const char *priority)
{
    set_text(&c->context, context);
    set_text(&c->extension, extension);
    set_text(&c->priority, priority);
    bridge_leave(c);
    park_leave(c);
    queue_leave(c);
    if (c->controlled) {
        c->controlled = false;
        call_emit(c, (struct dg_event){.type = DG_CALL_CONTROL, .on = false});
    }
    call_changed(c);
    park_retrieve(c);
    queue_enter(c);
}

void mock_go_to(void *self, const struct dg_dialplan *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_call *c = call_or_fail(m, req->call, true, op);
    if (!c)
        return;
    if (!req->context || !req->extension) {
        m->h->fail(op, DG_EINVAL, "a place in the dialplan has a context and an extension");
        return;
    }
    m->h->done(op);
    call_go_to(c, req->context, req->extension, req->priority ? req->priority : "1");
}

/* ---- Variables ---------------------------------------------------------------- */

static struct mock_variable *variable_find(struct mock_variable *list, const char *name)
{
    while (list && strcmp(list->name, name) != 0)
        list = list->next;
    return list;
}

void variable_set(struct mock_variable **list, const char *name, const char *value)
{
    struct mock_variable *v = variable_find(*list, name);
    if (!v) {
        v = mock_alloc(sizeof(*v));
        v->name = mock_strdup(name);
        v->next = *list;
        *list = v;
    }
    set_text(&v->value, value ? value : "");
}

void variables_free(struct mock_variable **list)
{
    for (struct mock_variable *v = *list, *next; v; v = next) {
        next = v->next;
        free(v->name);
        free(v->value);
        free(v);
    }
    *list = NULL;
}

/* The list that is meant, or NULL and the op is failed. */
static struct mock_variable **variables_of(struct mock *m, const struct dg_variable *req,
                                           struct dg_op *op)
{
    if (!req->name || !*req->name) {
        m->h->fail(op, DG_EINVAL, "a variable has a name");
        return NULL;
    }
    if (!req->call)
        return &m->globals;
    struct mock_call *c = call_or_fail(m, req->call, false, op);
    return c ? &c->variables : NULL;
}

void mock_get_variable(void *self, const struct dg_variable *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_variable **list = variables_of(m, req, op);
    if (!list)
        return;
    const struct mock_variable *v = variable_find(*list, req->name);
    if (!v) {
        m->h->fail(op, DG_ENOTFOUND, "there is no such variable");
        return;
    }
    m->h->item(op, v->value);
    m->h->done(op);
}

void mock_set_variable(void *self, const struct dg_variable *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_variable **list = variables_of(m, req, op);
    if (!list)
        return;
    variable_set(list, req->name, req->value);
    m->h->done(op);
}
