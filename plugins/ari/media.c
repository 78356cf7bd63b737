/* media.c - playing, recording, listening in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ari.h"
#include "asterisk/text.h"
#include "either.h"
#include "snapshot.h"

void ari_play(void *self, const struct dg_play *req, struct dg_op *op)
{
    struct ari *a = self;
    char skip[12];
    if (!text_is_media(req->media)) {
        a->h->fail(op, DG_EINVAL,
                   "media is sound:, recording:, number:, digits:, characters: or "
                   "tone: and what is to be played");
        return;
    }
    struct either *e = either_new(req->on, req->play);
    e->spy = "none";
    e->whisper = "out";
    e->direct = true;
    e->id = text_copy(req->play);
    e->texts[0] = text_copy(req->media);
    e->texts[1] = text_copy(req->language);
    e->rest.path[2] = "play";
    e->rest.path[3] = e->id;
    e->rest.query[0] = (struct dg_kv){"media", e->texts[0]};
    e->rest.query[1] = (struct dg_kv){"lang", e->texts[1]};
    if (req->skip_ms) {
        snprintf(skip, sizeof skip, "%u", req->skip_ms);
        e->texts[2] = text_copy(skip);
        e->rest.query[2] = (struct dg_kv){"skipms", e->texts[2]};
    }
    events_play_asked(&a->events, req->play);
    either_send(a, op, e);
}

static void on_looked(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    char *play = arg;
    (void)op;
    if (r->status == 404)
        events_play_over(&a->events, play);
    free(play);
}

static void look_for(void *arg, const char *play)
{
    rest_send(arg, NULL,
              &(struct rest_call){
                  .path = {"playbacks", play}, .then = on_looked, .arg = text_copy(play)});
}

void ari_plays_link_up(struct ari *a)
{
    events_plays(&a->events, look_for, a);
}

static void on_stopped(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    char *play = arg;
    if (r->err) {
        events_play_went_on(&a->events, play);
        rest_fail(a, op, r);
    } else {
        a->h->done(op);
    }
    free(play);
}

void ari_play_stop(void *self, const struct dg_stop *req, struct dg_op *op)
{
    struct ari *a = self;
    events_play_stopped(&a->events, req->id); /* its end may be told before the answer comes */
    rest_send(a, op,
              &(struct rest_call){.method = "DELETE",
                                  .path = {"playbacks", req->id},
                                  .then = on_stopped,
                                  .arg = text_copy(req->id)});
}

/* ---- Recordings -------------------------------------------------------------------------- */

void ari_record(void *self, const struct dg_record *req, struct dg_op *op)
{
    struct ari *a = self;
    const char *file = req->file && *req->file ? req->file : req->record;
    char seconds[24];
    if (!text_is_recording(file)) {
        a->h->fail(op, DG_EINVAL, "a recording's file is letters, digits and - . _ + @ = /");
        return;
    }
    struct either *e = either_new(req->on, req->record);
    snprintf(seconds, sizeof seconds, "%llu", (unsigned long long)(req->max_ms + 999) / 1000);
    /* A leg that is recorded itself can do nothing else meanwhile, and only it is heard. */
    e->spy = "both";
    e->whisper = req->beep ? "out" : "none";
    e->record = text_copy(req->record);
    e->texts[0] = text_copy(file);
    e->texts[1] = text_copy(req->format && *req->format ? req->format : "wav");
    e->texts[2] = text_copy(seconds);
    e->rest.path[2] = "record";
    e->rest.query[0] = (struct dg_kv){"name", e->texts[0]};
    e->rest.query[1] = (struct dg_kv){"format", e->texts[1]};
    e->rest.query[2] = (struct dg_kv){"maxDurationSeconds", req->max_ms ? e->texts[2] : NULL};
    e->rest.query[3] = (struct dg_kv){"beep", req->beep ? "true" : "false"};
    e->rest.query[4] = (struct dg_kv){"ifExists", "fail"};
    either_send(a, op, e);
}

/* A recording that was accepted begins when the thread of its channel looks at its orders, on
 * Asterisk 16 up to 200 ms later: until then it cannot be changed. */
enum { CHANGE_TRIES = 20, CHANGE_WAIT_MS = 25 };

struct change {
    char *file;
    enum dg_record_change change;
    unsigned tries;
};

static void change(struct ari *a, struct dg_op *op, struct change *c);

static void on_changed(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct change *c = arg;
    if (r->status == 409 && ++c->tries < CHANGE_TRIES) {
        change(a, op, c);
        return;
    }
    if (r->err)
        rest_fail(a, op, r);
    else
        a->h->done(op);
    free(c->file);
    free(c);
}

static void change(struct ari *a, struct dg_op *op, struct change *c)
{
    const char *verb = c->change == DG_RECORD_STOP ? "stop" : "pause";
    rest_send(a, op,
              &(struct rest_call){.method = c->change == DG_RECORD_RESUME ? "DELETE" : "POST",
                                  .path = {"recordings", "live", c->file, verb},
                                  .delay_ms = c->tries ? CHANGE_WAIT_MS : 0,
                                  .then = on_changed,
                                  .arg = c});
}

void ari_record_change(void *self, const struct dg_record_ref *req, struct dg_op *op)
{
    struct ari *a = self;
    const char *file = events_recording_file(&a->events, req->record);
    struct change *c = text_alloc(sizeof *c);
    c->file = text_copy(file ? file : req->record);
    c->change = req->change;
    change(a, op, c);
}

/* ---- Snoop -------------------------------------------------------------------------------- */

void ari_snoop(void *self, const struct dg_snoop *req, struct dg_op *op)
{
    struct ari *a = self;
    const char *spy = req->hear_in && req->hear_out ? "both" : req->hear_in ? "in" : "out";
    if (!req->hear_in && !req->hear_out)
        spy = "none";
    rest_send(a, op,
              &(struct rest_call){.method = "POST",
                                  .path = {"channels", req->call, "snoop", req->snoop},
                                  .query = {{"spy", spy},
                                            {"whisper", req->whisper ? "out" : "none"},
                                            {"app", a->config.app}}});
}
