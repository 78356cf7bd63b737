/* control.c - what is done to one leg while it lives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ami.h"
#include "asterisk/text.h"

/* ---- Shared ------------------------------------------------------------------------ */

struct leg *control_leg(struct ami *a, struct dg_op *op, const char *call)
{
    struct leg *leg = ami_channel(a, op, call) ? legs_named(&a->events.life.legs, call) : NULL;
    if (leg && !leg->ended && !leg->ending)
        return leg;
    /* Said twice, the first reason counts. */
    if (text_is_plain(call, 255) && *call != '/' && *call != ' ')
        a->h->fail(op, DG_ENOTFOUND, "no such call");
    return NULL;
}

struct search {
    const struct leg *leg;
    struct leg *found;
    size_t count;
};

static void look_at(void *arg, void *owner)
{
    struct search *s = arg;
    struct leg *other = owner;
    if (other == s->leg || other->ended || !text_same(other->bridge, s->leg->bridge))
        return;
    s->found = other;
    s->count++;
}

static struct search others(struct ami *a, const struct leg *leg)
{
    struct search s = {.leg = leg};
    if (leg->bridge)
        table_each(&a->events.life.legs.by_id, look_at, &s);
    return s;
}

struct leg *control_peer(struct ami *a, const struct leg *leg)
{
    struct search s = others(a, leg);
    return s.count == 1 ? s.found : NULL;
}

bool control_is_alone(struct ami *a, const struct leg *leg)
{
    return others(a, leg).count == 0;
}

void control_tell(struct ami *a, const char *call, struct dg_event ev)
{
    ev.size = sizeof ev;
    ev.call = call;
    a->h->emit(a->h, &ev);
}

void control_found(struct ami *a, struct leg *leg)
{
    if (leg->controlled)
        return;
    leg->controlled = true;
    control_tell(a, leg->id,
                 (struct dg_event){.type = DG_CALL_CONTROL, .on = true, .text = leg->arguments});
}

void control_lost(struct ami *a, struct leg *leg)
{
    if (!leg->controlled)
        return;
    leg->controlled = false;
    agi_end(a, leg->id, DG_ECONFLICT, "the call has left the gateway's control");
    control_tell(a, leg->id, (struct dg_event){.type = DG_CALL_CONTROL});
}

void control_take(struct ami *a, const struct message *m)
{
    const char *event = message_text(m, "Event"), *call = message_text(m, "Uniqueid");
    if (strcmp(event, "AsyncAGIExec") == 0)
        agi_exec(a, m);
    else if (strncmp(event, "Parked", 6) == 0)
        parks_take(a, m);
    else if (strncmp(event, "ChanSpy", 7) == 0 || strcmp(event, "OriginateResponse") == 0)
        sounds_take(a, m);
    if (call && strcmp(event, "AsyncAGIEnd") == 0)
        agi_end(a, call, DG_ECONFLICT, "the call has left the gateway's control");
    if (!call || strcmp(event, "Hangup") != 0)
        return;
    sounds_take(a, m);
    agi_end(a, call, DG_ENOTFOUND, "the call has ended");
    sounds_end(a, call);
    records_end(a, call);
    parks_end(a, call);
    holds_end(a, call);
}

void control_lost_link(struct ami *a)
{
    digits_end(a);
    if (a->link.state == LINK_LEAVING)
        agi_end(a, NULL, DG_EUNAVAILABLE, "the link to Asterisk was lost");
    else
        agi_keep(a, "the link to Asterisk was lost");
    sounds_end(a, NULL);
    parks_end(a, NULL);
    holds_end(a, NULL);
}

void control_free(struct ami *a)
{
    struct control *c = &a->control;
    struct table *const tables[] = {&c->commands, &c->sounds, &c->records, &c->parks, &c->holds};
    records_end(a, NULL);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        table_free(tables[i]);
}

/* ---- Answer, music, mute --------------------------------------------------------------- */

void ami_answer(void *self, const struct dg_call_ref *req, struct dg_op *op)
{
    struct leg *leg = control_leg(self, op, req->call);
    if (leg)
        agi_send(self, op, leg, "ANSWER", agi_done, NULL);
}

void ami_moh(void *self, const struct dg_moh *req, struct dg_op *op)
{
    struct ami *a = self;
    struct leg *leg = control_leg(a, op, req->call);
    const char *class = req->music_class && *req->music_class ? req->music_class : "default";
    char text[120];
    if (!leg)
        return;
    if (!text_is_number(class) || strlen(class) > 80) {
        a->h->fail(op, DG_EINVAL, "a class of music is letters, digits and _.-");
        return;
    }
    snprintf(text, sizeof text, req->on ? "SET MUSIC ON %s" : "SET MUSIC OFF", class);
    agi_send(a, op, leg, text, agi_done, NULL);
}

/* MuteAudio is reported to nobody: the core is told when it is done. */
struct muting {
    char *call;
    bool on;
};

static void on_muted(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct muting *u = arg;
    struct leg *leg = legs_named(&a->events.life.legs, u->call);
    if (r->err) {
        session_fail(a, op, r);
    } else {
        if (leg) {
            leg->muted = u->on;
            control_tell(a, leg->id, (struct dg_event){.type = DG_CALL_MUTED, .on = u->on});
        }
        a->h->done(op);
    }
    free(u->call);
    free(u);
}

void ami_mute(void *self, const struct dg_mute *req, struct dg_op *op)
{
    struct ami *a = self;
    const char *direction = req->in == req->out ? "all" : req->in ? "in" : "out";
    const char *channel = ami_channel(a, op, req->call);
    if (!channel)
        return;
    struct muting *u = text_alloc(sizeof *u);
    u->call = text_copy(req->call);
    u->on = req->on;
    session_send(a, op,
                 &(struct request){.action = "MuteAudio",
                                   .lines = {{"Channel", channel},
                                             {"Direction", direction},
                                             {"State", req->on ? "on" : "off"}},
                                   .then = on_muted,
                                   .arg = u});
}

/* ---- Variables ---------------------------------------------------------------------------- */

static void on_variable(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    const char *value = r->message ? message_text(r->message, "Value") : NULL;
    (void)arg;
    if (r->err) {
        session_fail(a, op, r);
        return;
    }
    a->h->item(op, value ? value : "");
    a->h->done(op);
}

static bool is_variable(struct ami *a, const struct dg_variable *req, struct dg_op *op)
{
    if (req->call && !ami_channel(a, op, req->call))
        return false;
    /* A dialplan function could read files, or run a program. */
    if (text_is_variable(req->name))
        return true;
    a->h->fail(op, DG_EINVAL, "a variable's name is letters, digits and _");
    return false;
}

void ami_get_variable(void *self, const struct dg_variable *req, struct dg_op *op)
{
    if (is_variable(self, req, op))
        session_send(self, op,
                     &(struct request){.action = "Getvar",
                                       .lines = {{"Channel", req->call}, {"Variable", req->name}},
                                       .then = on_variable});
}

void ami_set_variable(void *self, const struct dg_variable *req, struct dg_op *op)
{
    const char *value = req->value ? req->value : "";
    if (is_variable(self, req, op))
        session_send(
            self, op,
            &(struct request){
                .action = "Setvar",
                .lines = {{"Channel", req->call}, {"Variable", req->name}, {"Value", value}}});
}
