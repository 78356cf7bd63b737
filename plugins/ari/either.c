/* either.c - see either.h. */
#include "either.h"

#include <stdlib.h>
#include <string.h>

#include "ari.h"
#include "asterisk/text.h"

/* A snoop channel is there at once, but a moment later in the application. */
enum { SNOOP_TRIES = 40, SNOOP_WAIT_MS = 25 };

struct either *either_new(const char *on, const char *id)
{
    struct either *e = text_alloc(sizeof *e);
    struct text snoop = {0};
    text_puts(&snoop, LIFE_HIDDEN);
    text_puts(&snoop, id);
    e->on = text_copy(on);
    e->snoop = snoop.at;
    e->rest = (struct rest_call){.method = "POST", .path = {"channels", e->on}, .arg = e};
    return e;
}

static void either_free(struct either *e)
{
    free(e->on);
    free(e->id);
    free(e->record);
    free(e->snoop);
    for (size_t i = 0; i < sizeof e->texts / sizeof *e->texts; i++)
        free(e->texts[i]);
    free(e);
}

static void on_gone(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    (void)op;
    (void)arg;
    if (r->err && r->status != 404)
        a->h->log(a->h, DG_DEBUG, "a snoop channel stays: ARI error %d", r->status);
}

void either_served(struct ari *a, const char *snoop)
{
    events_snoop(&a->events, snoop, NULL);
    rest_send(
        a, NULL,
        &(struct rest_call){.method = "DELETE", .path = {"channels", snoop}, .then = on_gone});
}

static void note_play(struct ari *a, const struct either *e, bool accepted)
{
    struct text on = {0};
    text_puts(&on, e->step == EITHER_BRIDGE ? "bridge:" : "channel:");
    text_puts(&on, e->step == EITHER_SNOOP ? e->snoop : e->on);
    if (accepted)
        events_play_accepted(&a->events, e->id, on.at);
    else
        events_play_refused(&a->events, e->id);
    text_free(&on);
}

static void finish(struct ari *a, struct dg_op *op, struct either *e, const struct rest_reply *r)
{
    if (r->err && e->step == EITHER_SNOOP)
        either_served(a, e->snoop);
    if (e->id)
        note_play(a, e, r->err == DG_OK);
    if (r->err) {
        rest_fail(a, op, r);
    } else {
        if (e->record)
            events_recording(&a->events, e->texts[0], e->record);
        a->h->done(op);
    }
    either_free(e);
}

static void on_asked(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg);

static void ask(struct ari *a, struct dg_op *op, struct either *e)
{
    static const char *const kinds[] = {"channels", "channels", "bridges"};
    e->rest.path[0] = kinds[e->step];
    e->rest.path[1] = e->step == EITHER_SNOOP ? e->snoop : e->on;
    e->rest.then = on_asked;
    rest_send(a, op, &e->rest);
}

static void on_snooping(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct either *e = arg;
    const struct leg *leg = legs_named(&a->events.life.legs, e->on);
    if (r->status == 404 && !leg) {
        e->step = EITHER_BRIDGE;
        ask(a, op, e);
        return;
    }
    if (r->err) {
        e->step = EITHER_CALL;
        finish(a, op, e, r);
        return;
    }
    events_snoop(&a->events, e->snoop, leg ? leg->id : e->on);
    ask(a, op, e);
}

static void snoop(struct ari *a, struct dg_op *op, struct either *e)
{
    e->step = EITHER_SNOOP;
    rest_send(a, op,
              &(struct rest_call){
                  .method = "POST",
                  .path = {"channels", e->on, "snoop", e->snoop},
                  .query = {{"spy", e->spy}, {"whisper", e->whisper}, {"app", a->config.app}},
                  .then = on_snooping,
                  .arg = e});
}

/* What is whispered is added to the sound that is there. */
static bool talks(const struct ari *a, const struct either *e)
{
    const struct leg *leg = legs_named(&a->events.life.legs, e->on);
    return leg && leg->bridge;
}

static void on_asked(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct either *e = arg;
    if (e->step == EITHER_CALL && r->status == 409 && talks(a, e)) {
        snoop(a, op, e);
    } else if (e->step == EITHER_CALL && r->status == 404 &&
               !legs_named(&a->events.life.legs, e->on)) {
        e->step = EITHER_BRIDGE;
        ask(a, op, e);
    } else if (e->step == EITHER_SNOOP && r->status == 409 && e->tries++ < SNOOP_TRIES) {
        e->rest.delay_ms = SNOOP_WAIT_MS;
        ask(a, op, e);
    } else {
        finish(a, op, e, r);
    }
}

void either_send(struct ari *a, struct dg_op *op, struct either *e)
{
    if (e->direct)
        ask(a, op, e);
    else
        snoop(a, op, e);
}
