/* hold.c - AMI has no word for hold. A call under control is given music. One
 * that talks to somebody in the dialplan is given music too, and neither hears
 * the other; one that talks to nobody cannot be put on hold.
 */
#include <stdlib.h>
#include <string.h>

#include "ami.h"
#include "asterisk/text.h"

struct hold {
    struct entry entry; /* by call id */
    char *call, *peer, *music;
    struct dg_op *op; /* that waits for the last step */
    bool on;
    enum { MUTE_CALL, MUTE_PEER, MUSIC } step;
};

static void told(struct ami *a, const char *call, bool on)
{
    struct leg *leg = life_known(&a->events.life, call);
    if (!leg || leg->held == on)
        return;
    leg->held = on;
    control_tell(a, call, (struct dg_event){.type = DG_CALL_HELD, .on = on});
}

static void release(struct ami *a, struct hold *h)
{
    table_take(&a->control.holds, &h->entry);
    free(h->call);
    free(h->peer);
    free(h->music);
    free(h);
}

/* ---- Under control --------------------------------------------------------------------- */

struct music {
    char *call;
    bool on;
};

static void on_music(struct ami *a, struct dg_op *op, const struct agi_reply *r, void *arg)
{
    struct music *m = arg;
    if (!r->err && r->result >= 0)
        told(a, m->call, m->on);
    agi_done(a, op, r, NULL);
    free(m->call);
    free(m);
}

static void play_music(struct ami *a, struct dg_op *op, const struct leg *leg, bool on)
{
    struct music *m = text_alloc(sizeof *m);
    *m = (struct music){text_copy(leg->id), on};
    agi_send(a, op, leg, on ? "SET MUSIC ON default" : "SET MUSIC OFF", on_music, m);
}

/* ---- In the dialplan ------------------------------------------------------------------- */

#define MUSIC_ID "hold-" /* and the call's id: the id of its music */

static void advance(struct ami *a, struct hold *h);

static void finish(struct ami *a, struct hold *h)
{
    struct dg_op *op = h->op;
    h->op = NULL;
    told(a, h->call, h->on);
    if (!h->on) {
        sounds_stop(a, h->music);
        release(a, h);
    }
    if (op)
        a->h->done(op);
}

/* It could not be put on hold: what was done for it is undone. */
static void undo(struct ami *a, struct hold *h)
{
    h->op = NULL;
    h->on = false;
    h->step = MUTE_CALL;
    advance(a, h);
}

static void on_muted(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct hold *h = table_find(&a->control.holds, arg);
    (void)op;
    free(arg);
    if (!h)
        return;
    if (r->err && h->on && h->op) {
        session_fail(a, h->op, r);
        undo(a, h);
        return;
    }
    h->step++;
    advance(a, h);
}

/* False: the leg has ended, or was muted before and stays so. */
static bool mute(struct ami *a, const struct hold *h, const char *call, const char *direction)
{
    const struct leg *leg = call ? legs_find(&a->events.life.legs, call) : NULL;
    if (!leg || leg->ended || leg->muted)
        return false;
    session_send(
        a, NULL,
        &(struct request){
            .action = "MuteAudio",
            .lines = {{"Channel", call}, {"Direction", direction}, {"State", h->on ? "on" : "off"}},
            .then = on_muted,
            .arg = text_copy(h->call)});
    return true;
}

static void on_whispered(struct ami *a, struct dg_op *op, const char *id, enum dg_err err,
                         const char *why)
{
    struct hold *h = table_find(&a->control.holds, id + strlen(MUSIC_ID));
    if (!h || h->op != op)
        return; /* undone meanwhile, and answered */
    if (!err) {
        finish(a, h);
        return;
    }
    undo(a, h);
    a->h->fail(op, err, "%s", why);
}

/* The other side hears neither the call nor its music. */
static void advance(struct ami *a, struct hold *h)
{
    const struct leg *leg;
    if (h->step == MUTE_CALL && mute(a, h, h->call, "in"))
        return;
    if (h->step <= MUTE_PEER) {
        h->step = MUTE_PEER;
        if (mute(a, h, h->peer, "all"))
            return;
    }
    h->step = MUSIC;
    leg = legs_find(&a->events.life.legs, h->call);
    if (h->on && leg)
        sounds_whisper(
            a, h->op, leg,
            &(struct whisper){.id = h->music, .application = "MusicOnHold", .quiet = true},
            on_whispered);
    else
        finish(a, h);
}

static struct hold *hold_new(struct ami *a, struct dg_op *op, const struct leg *leg, bool on)
{
    const struct leg *peer = control_peer(a, leg);
    struct text music = {0};
    struct hold *h = text_alloc(sizeof *h);
    text_puts(&music, MUSIC_ID);
    text_puts(&music, leg->id);
    *h = (struct hold){.call = text_copy(leg->id),
                       .peer = text_copy(peer ? peer->id : NULL),
                       .music = music.at,
                       .op = op,
                       .on = on};
    h->entry = (struct entry){.key = h->call, .owner = h};
    table_put(&a->control.holds, &h->entry);
    return h;
}

static void part_from_peer(struct ami *a, struct dg_op *op, const struct leg *leg)
{
    if (control_peer(a, leg))
        advance(a, hold_new(a, op, leg, true));
    else
        a->h->fail(op, DG_ECONFLICT,
                   "the call runs in the dialplan and talks to nobody: it cannot be put on hold");
}

/* ---- Put on hold before the link, or this program, was there -------------------------------- */

static void on_music_gone(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct leg *leg = life_known(&a->events.life, arg);
    free(arg);
    if (r->err == DG_ENOTFOUND) /* no music of ours: it is not on hold */
        a->h->done(op);
    else if (r->err)
        session_fail(a, op, r);
    else if (!leg || table_find(&a->control.holds, leg->id))
        a->h->fail(op, DG_ECONFLICT, "the call has ended, or is being put on hold");
    else
        advance(a, hold_new(a, op, leg, false));
}

/* The near half ends with it. */
static void take_back(struct ami *a, struct dg_op *op, const struct leg *leg)
{
    struct text far = {0};
    text_puts(&far, LIFE_HIDDEN MUSIC_ID);
    text_puts(&far, leg->id);
    text_puts(&far, "-2");
    session_send(a, op,
                 &(struct request){.action = "Hangup",
                                   .lines = {{"Channel", far.at}},
                                   .then = on_music_gone,
                                   .arg = text_copy(leg->id)});
    text_free(&far);
}

static void change(struct ami *a, struct dg_op *op, struct hold *h, bool on)
{
    if (h->op || h->on == on) {
        if (h->op || !on)
            a->h->fail(op, DG_ECONFLICT, "the call is being put on hold, or taken from it");
        else
            a->h->done(op);
        return;
    }
    h->op = op;
    h->on = on;
    h->step = MUTE_CALL;
    advance(a, h);
}

void ami_hold(void *self, const struct dg_switch *req, struct dg_op *op)
{
    struct ami *a = self;
    struct leg *leg = control_leg(a, op, req->call);
    struct hold *h = leg ? table_find(&a->control.holds, leg->id) : NULL;
    if (!leg)
        return;
    if (h)
        change(a, op, h, req->on);
    else if (leg->controlled)
        play_music(a, op, leg, req->on);
    else if (req->on)
        part_from_peer(a, op, leg);
    else
        take_back(a, op, leg);
}

struct ended {
    struct ami *a;
    const char *call;
};

/* Who remains hears, and is heard, again. */
static void end_one(void *arg, void *owner)
{
    const struct ended *e = arg;
    struct hold *h = owner;
    struct dg_op *op = h->op;
    if (e->call && !text_same(e->call, h->call) && !text_same(e->call, h->peer))
        return;
    if (op)
        e->a->h->fail(op, e->call ? DG_ENOTFOUND : DG_EUNAVAILABLE,
                      e->call ? "the call, or its other side, has ended"
                              : "the link to Asterisk was lost");
    if (e->call)
        undo(e->a, h);
    else
        release(e->a, h);
}

void holds_end(struct ami *a, const char *call)
{
    table_each(&a->control.holds, end_one, &(struct ended){a, call});
}
