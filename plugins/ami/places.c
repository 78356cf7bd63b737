/* places.c - where a leg goes: elsewhere in the dialplan, or to another leg. */
#include <stdlib.h>
#include <string.h>

#include "ami.h"
#include "asterisk/text.h"

/* ---- Into the dialplan ---------------------------------------------------------------- */

struct going {
    char *call, *context, *extension, *priority;
    bool transfer; /* to be told as one */
};

static void going_free(struct going *g)
{
    free(g->call);
    free(g->context);
    free(g->extension);
    free(g->priority);
    free(g);
}

static void tell_transfer(struct ami *a, const char *call, const struct going *g)
{
    struct text to = {0};
    text_puts(&to, g->extension);
    text_puts(&to, "@");
    text_puts(&to, g->context);
    control_tell(a, call, (struct dg_event){.type = DG_CALL_TRANSFERRED, .target = to.at});
    text_free(&to);
}

static void on_gone(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct going *g = arg;
    struct leg *leg = legs_named(&a->events.life.legs, g->call);
    if (r->err) {
        session_fail(a, op, r);
    } else {
        if (leg)
            control_lost(a, leg);
        if (leg && g->transfer)
            tell_transfer(a, leg->id, g);
        a->h->done(op);
    }
    going_free(g);
}

static void redirect(struct ami *a, struct dg_op *op, struct going *g)
{
    session_send(a, op,
                 &(struct request){.action = "Redirect",
                                   .lines = {{"Channel", g->call},
                                             {"Context", g->context},
                                             {"Exten", g->extension},
                                             {"Priority", g->priority}},
                                   .then = on_gone,
                                   .arg = g});
}

static void on_place(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct going *g = arg;
    const char *there = r->message ? message_text(r->message, "Value") : NULL;
    if (!r->err && !text_same(there, "0")) {
        redirect(a, op, g);
        return;
    }
    if (r->err)
        session_fail(a, op, r);
    else
        a->h->fail(op, DG_EINVAL, "the dialplan has no extension %s, priority %s, in context %s",
                   g->extension, g->priority, g->context);
    going_free(g);
}

/* Asterisk says Success to a place that does not exist, and then ends the call: so it is asked
 * first. An Asterisk without func_dialplan.so answers with nothing, and is believed. */
static void look_there(struct ami *a, struct dg_op *op, struct going *g)
{
    struct text function = {0};
    text_puts(&function, "DIALPLAN_EXISTS(");
    text_puts(&function, g->context);
    text_puts(&function, ",");
    text_puts(&function, g->extension);
    text_puts(&function, ",");
    text_puts(&function, g->priority);
    text_puts(&function, ")");
    session_send(a, op,
                 &(struct request){.action = "Getvar",
                                   .lines = {{"Channel", g->call}, {"Variable", function.at}},
                                   .then = on_place,
                                   .arg = g});
    text_free(&function);
}

static void go(struct ami *a, struct dg_op *op, const struct dg_dialplan *to, bool transfer)
{
    const char *priority = to->priority && *to->priority ? to->priority : "1";
    if (!ami_channel(a, op, to->call))
        return;
    if (!text_is_number(to->context) || !text_is_number(to->extension) ||
        !text_is_number(priority)) {
        a->h->fail(op, DG_EINVAL,
                   "context, extension and priority are letters, digits and + * # _ . -");
        return;
    }
    struct going *g = text_alloc(sizeof *g);
    *g = (struct going){.call = text_copy(to->call),
                        .context = text_copy(to->context),
                        .extension = text_copy(to->extension),
                        .priority = text_copy(priority),
                        .transfer = transfer};
    look_there(a, op, g);
}

void ami_go_to(void *self, const struct dg_dialplan *req, struct dg_op *op)
{
    go(self, op, req, false);
}

/* ---- To another leg ---------------------------------------------------------------------- */

struct joining {
    char *call, *other;
    bool transfer;
    unsigned waiting;
};

static void on_stays(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct joining *j = arg;
    if (r->err)
        a->h->log(a->h, DG_WARN, "a joined leg may go on in the dialplan when it is alone: %s",
                  r->words);
    if (--j->waiting)
        return;
    if (j->transfer)
        control_tell(a, j->call,
                     (struct dg_event){.type = DG_CALL_TRANSFERRED, .target = j->other});
    a->h->done(op);
    free(j->call);
    free(j->other);
    free(j);
}

/* Left alone in the bridge, a leg would go on in the dialplan where it stands; for one that was
 * dialled through Local/ that is the number it was dialled for: it would be dialled once more. */
static void ends_when_alone(struct ami *a, struct dg_op *op, const char *call, struct joining *j)
{
    struct leg *leg = legs_find(&a->events.life.legs, call);
    if (leg)
        control_lost(a, leg);
    session_send(
        a, op,
        &(struct request){
            .action = "Setvar",
            .lines = {{"Channel", call}, {"Variable", "CHANNEL(after_bridge_goto)"}, {"Value", ""}},
            .then = on_stays,
            .arg = j});
}

static void on_joined(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct joining *j = arg;
    if (r->err) {
        session_fail(a, op, r);
        free(j->call);
        free(j->other);
        free(j);
        return;
    }
    j->waiting = 2;
    char *other = text_copy(j->other); /* the second answer may come at once, and free j */
    ends_when_alone(a, op, j->call, j);
    ends_when_alone(a, op, other, j);
    free(other);
}

/* By their names: Asterisk takes what begins with the id for the channel of that id, and a Local
 * channel's other half begins so. */
static void join(struct ami *a, struct dg_op *op, const char *one, const char *two, bool transfer)
{
    struct leg *leg = control_leg(a, op, one);
    struct leg *other = leg ? control_leg(a, op, two) : NULL;
    if (!other)
        return;
    if (leg == other || !leg->name || !other->name) {
        a->h->fail(op, DG_EINVAL, "a call cannot be joined to itself");
        return;
    }
    struct joining *j = text_alloc(sizeof *j);
    *j = (struct joining){
        .call = text_copy(leg->id), .other = text_copy(other->id), .transfer = transfer};
    session_send(a, op,
                 &(struct request){.action = "Bridge",
                                   .lines = {{"Channel1", leg->name}, {"Channel2", other->name}},
                                   .then = on_joined,
                                   .arg = j});
}

void ami_join(void *self, const struct dg_join *req, struct dg_op *op)
{
    join(self, op, req->call, req->other, false);
}

void ami_transfer(void *self, const struct dg_transfer *req, struct dg_op *op)
{
    const struct dg_dialplan to = {.call = req->call,
                                   .context = req->context,
                                   .extension = req->extension,
                                   .priority = req->priority};
    if (req->type == DG_TRANSFER_ATTENDED)
        join(self, op, req->call, req->consult, true);
    else
        go(self, op, &to, true);
}
