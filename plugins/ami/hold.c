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
};

static void told(struct ami *a, const char *call, bool on)
{
    struct leg *leg = legs_find(&a->events.life.legs, call);
    if (!leg)
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

static void on_muted(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    (void)op;
    (void)arg;
    if (r->err && r->err != DG_ENOTFOUND)
        a->h->log(a->h, DG_WARN, "hold: %s", r->words);
}

static void mute(struct ami *a, const char *channel, const char *direction, bool on)
{
    session_send(
        a, NULL,
        &(struct request){
            .action = "MuteAudio",
            .lines = {{"Channel", channel}, {"Direction", direction}, {"State", on ? "on" : "off"}},
            .then = on_muted});
}

/* The other side hears neither the call nor its music. */
static void part(struct ami *a, const struct hold *h, bool on)
{
    const struct leg *leg = legs_find(&a->events.life.legs, h->call);
    const struct leg *peer = legs_find(&a->events.life.legs, h->peer);
    if (leg && !leg->muted)
        mute(a, h->call, "in", on);
    if (peer && !peer->muted)
        mute(a, h->peer, "all", on);
}

static void meet_again(struct ami *a, struct hold *h)
{
    sounds_stop(a, h->music);
    part(a, h, false);
    told(a, h->call, false);
    release(a, h);
}

#define MUSIC "hold-" /* and the call's id: the id of its music */

static void on_whispered(struct ami *a, struct dg_op *op, const char *id, enum dg_err err,
                         const char *why)
{
    struct hold *h = table_find(&a->control.holds, id + strlen(MUSIC));
    if (h && err)
        meet_again(a, h);
    if (err)
        a->h->fail(op, err, "%s", why);
    else
        a->h->done(op);
}

static void part_from_peer(struct ami *a, struct dg_op *op, const struct leg *leg)
{
    const struct leg *peer = control_peer(a, leg);
    struct text music = {0};
    if (!peer) {
        a->h->fail(op, DG_ECONFLICT,
                   "the call runs in the dialplan and talks to nobody: it cannot be put on hold");
        return;
    }
    text_puts(&music, MUSIC);
    text_puts(&music, leg->id);
    struct hold *h = text_alloc(sizeof *h);
    *h = (struct hold){.call = text_copy(leg->id), .peer = text_copy(peer->id), .music = music.at};
    h->entry = (struct entry){.key = h->call, .owner = h};
    table_put(&a->control.holds, &h->entry);
    part(a, h, true);
    told(a, h->call, true);
    sounds_whisper(a, op, leg,
                   &(struct whisper){.id = h->music, .application = "MusicOnHold", .quiet = true},
                   on_whispered);
}

void ami_hold(void *self, const struct dg_switch *req, struct dg_op *op)
{
    struct ami *a = self;
    struct leg *leg = control_leg(a, op, req->call);
    struct hold *h = leg ? table_find(&a->control.holds, leg->id) : NULL;
    if (!leg)
        return;
    if (h && !req->on) {
        meet_again(a, h);
        a->h->done(op);
    } else if (leg->held == req->on && (h || !leg->controlled)) {
        a->h->done(op);
    } else if (leg->controlled) {
        play_music(a, op, leg, req->on);
    } else {
        part_from_peer(a, op, leg);
    }
}

struct ended {
    struct ami *a;
    const char *call;
};

static void end_one(void *arg, void *owner)
{
    const struct ended *e = arg;
    struct hold *h = owner;
    if (e->call && !text_same(e->call, h->call) && !text_same(e->call, h->peer))
        return;
    if (e->call)
        part(e->a, h, false);
    if (e->call && text_same(e->call, h->peer)) {
        sounds_stop(e->a, h->music);
        told(e->a, h->call, false);
    }
    release(e->a, h);
}

void holds_end(struct ami *a, const char *call)
{
    table_each(&a->control.holds, end_one, &(struct ended){a, call});
}
