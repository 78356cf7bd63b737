/* agi.c - commands for legs that wait in AGI(agi:async): see control.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ami.h"
#include "asterisk/text.h"

struct command {
    struct entry entry; /* by CommandID */
    char id[32];
    char *call;
    struct dg_op *op;
    agi_fn *then;
    void *arg;
    bool starting; /* `op` ends when it is queued */
    bool kept;     /* it was under way when the link was lost */
};

static void finish(struct ami *a, struct command *c, const struct agi_reply *r)
{
    table_take(&a->control.commands, &c->entry);
    c->then(a, c->op, r, c->arg);
    free(c->call);
    free(c);
}

/* Only an error ends it: a Success says that the command is queued. */
static void on_queued(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    char *id = arg;
    struct command *c = table_find(&a->control.commands, id);
    struct agi_reply no = {.err = r->err, .words = r->words};
    (void)op;
    free(id);
    if (!c)
        return;
    if (!r->err) {
        if (c->starting && c->op) {
            a->h->done(c->op);
            c->op = NULL;
        }
        return;
    }
    if (strncmp(r->words, "Failed to add AGI command", 25) == 0)
        no = (struct agi_reply){.err = DG_ECONFLICT, .words = AGI_DIALPLAN};
    finish(a, c, &no);
}

static void start(struct ami *a, const struct leg *leg, const char *text, struct command with)
{
    if (!leg->controlled) {
        with.then(a, with.op, &(struct agi_reply){.err = DG_ECONFLICT, .words = AGI_DIALPLAN},
                  with.arg);
        return;
    }
    struct command *c = text_alloc(sizeof *c);
    *c = with;
    if (!a->control.last_id) /* what an earlier run has asked for may end in this one */
        a->control.last_id = (uint64_t)a->h->unix_ms(a->h);
    snprintf(c->id, sizeof c->id, "dialgate-%llu", (unsigned long long)++a->control.last_id);
    c->call = text_copy(leg->id);
    c->entry = (struct entry){.key = c->id, .owner = c};
    table_put(&a->control.commands, &c->entry);
    session_send(
        a, NULL,
        &(struct request){.action = "AGI",
                          .lines = {{"Channel", leg->id}, {"Command", text}, {"CommandID", c->id}},
                          .then = on_queued,
                          .arg = text_copy(c->id)});
}

void agi_send(struct ami *a, struct dg_op *op, const struct leg *leg, const char *text,
              agi_fn *then, void *arg)
{
    start(a, leg, text, (struct command){.op = op, .then = then, .arg = arg});
}

void agi_start(struct ami *a, struct dg_op *op, const struct leg *leg, const char *text,
               agi_fn *then, void *arg)
{
    start(a, leg, text, (struct command){.op = op, .then = then, .arg = arg, .starting = true});
}

/* "200%20result%3D0%20endpos%3D3520%0A" */
static bool succeeded(const char *result, int *number)
{
    const char *at = result ? strstr(result, "result%3D") : NULL;
    *number = at ? (int)strtol(at + strlen("result%3D"), NULL, 10) : -1;
    return at && strncmp(result, "200", 3) == 0;
}

void agi_exec(struct ami *a, const struct message *m)
{
    const char *id = message_text(m, "CommandID"), *result = message_text(m, "Result");
    struct command *c = id ? table_find(&a->control.commands, id) : NULL;
    const char *call = message_text(m, "Uniqueid");
    struct agi_reply r = {.words = "Asterisk could not carry out the command"};
    /* Another gateway gives its commands the same ids. As long as the link is not proven nothing
     * more can be asked: the list tells. */
    if (!c || (call && !text_same(call, c->call)) || a->link.state != LINK_UP)
        return;
    if (!succeeded(result, &r.result))
        r.err = DG_EUPSTREAM;
    finish(a, c, &r);
}

void agi_done(struct ami *a, struct dg_op *op, const struct agi_reply *r, void *arg)
{
    (void)arg;
    if (r->err)
        a->h->fail(op, r->err, "%s", r->words);
    else if (r->result < 0)
        a->h->fail(op, DG_EUPSTREAM, "Asterisk could not do it");
    else
        a->h->done(op);
}

struct sweep {
    struct ami *a;
    const char *call;
    struct agi_reply reply;
};

static void end_one(void *arg, void *owner)
{
    struct sweep *e = arg;
    struct command *c = owner;
    if (!e->call || text_same(e->call, c->call))
        finish(e->a, c, &e->reply);
}

void agi_end(struct ami *a, const char *call, enum dg_err err, const char *why)
{
    struct sweep e = {.a = a, .call = call, .reply = {.err = err, .words = why}};
    table_each(&a->control.commands, end_one, &e);
}

/* ---- A loss of the link -------------------------------------------------------------------- */

static void keep_one(void *arg, void *owner)
{
    struct command *c = owner;
    if (c->op)
        end_one(arg, c);
    else
        c->kept = true;
}

void agi_keep(struct ami *a, const char *why)
{
    struct sweep e = {.a = a, .reply = {.err = DG_EUNAVAILABLE, .words = why}};
    table_each(&a->control.commands, keep_one, &e);
}

/* What a leg is doing now: a list of channels shows what was the case at their last event. */
struct look {
    char *command;
    bool waits;
};

static void on_shown(struct ami *a, struct dg_op *op, const struct message *event, void *arg)
{
    struct look *look = arg;
    (void)a;
    (void)op;
    look->waits = message_is(event, "Application", "AGI") && message_is(event, "Data", "agi:async");
}

static void on_looked(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct look *look = arg;
    struct command *c = table_find(&a->control.commands, look->command);
    (void)op;
    if (c && r->err == DG_ENOTFOUND)
        finish(a, c, &(struct agi_reply){.err = DG_ENOTFOUND, .words = "the call has ended"});
    else if (c && !r->err && look->waits)
        finish(a, c, &(struct agi_reply){.words = "it has ended unseen"});
    free(look->command);
    free(look);
}

static void compare_one(void *arg, void *owner)
{
    struct ami *a = arg;
    struct command *c = owner;
    struct leg *leg = legs_find(&a->events.life.legs, c->call);
    if (!c->kept)
        return;
    if (!leg || leg->ended) {
        finish(a, c, &(struct agi_reply){.err = DG_ENOTFOUND, .words = "the call has ended"});
        return;
    }
    struct look *look = text_alloc(sizeof *look);
    look->command = text_copy(c->id);
    leg->controlled = true;
    session_send(a, NULL,
                 &(struct request){.action = "Status",
                                   .lines = {{"Channel", c->call}},
                                   .entry = on_shown,
                                   .then = on_looked,
                                   .arg = look});
}

void agi_listed(struct ami *a)
{
    table_each(&a->control.commands, compare_one, a);
}

static void look_for(void *arg, void *owner)
{
    struct sweep *e = arg;
    const struct command *c = owner;
    if (text_same(e->call, c->call))
        e->reply.result++;
}

bool agi_is_busy(struct ami *a, const char *call)
{
    struct sweep e = {.call = call};
    table_each(&a->control.commands, look_for, &e);
    return e.reply.result > 0;
}
