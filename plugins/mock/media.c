/* media.c - playing: nothing is heard, but it takes its time. */
#include "mock.h"

#include <stdlib.h>

static void play_end(struct mock_play *p, bool to_the_end)
{
    struct mock *m = p->mock;
    const struct dg_event ev = {
        DG_SIZED(struct dg_event),
        .type = DG_PLAY_ENDED,
        .target = p->thing.id,
        .call = p->call ? p->call->thing.id : NULL,
        .bridge = p->bridge ? p->bridge->thing.id : NULL,
        .on = to_the_end,
    };
    m->h->emit(m->h, &ev);
    m->h->timer_stop(m->h, p->timer);
    index_remove(&m->plays, &p->thing);
    free(p);
}

static void on_played(void *arg)
{
    struct mock_play *p = arg;
    p->timer = NULL;
    play_end(p, true);
}

void mock_play(void *self, const struct dg_play *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_bridge *b = index_get(&m->bridges, req->on);
    struct mock_call *c = b ? NULL : call_or_fail(m, req->on, true, op);
    if (!b && !c)
        return;
    if (!req->play || !req->media || !*req->media) {
        m->h->fail(op, DG_EINVAL, "playing needs an id and a sound");
        return;
    }
    if (index_get(&m->plays, req->play)) {
        m->h->fail(op, DG_ECONFLICT, "something of that id is being played already");
        return;
    }
    struct mock_play *p = mock_alloc(sizeof(*p));
    p->mock = m;
    p->call = c;
    p->bridge = b;
    index_add(&m->plays, &p->thing, req->play);
    p->timer = m->h->timer_start(m->h, (uint64_t)m->play_ms, on_played, p);
    m->h->done(op);
}

void mock_play_stop(void *self, const struct dg_stop *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_play *p = index_get(&m->plays, req->id);
    if (!p) {
        m->h->fail(op, DG_ENOTFOUND, "nothing of that id is being played");
        return;
    }
    m->h->done(op);
    play_end(p, false);
}

void plays_end(struct mock *m, const struct mock_call *c, const struct mock_bridge *b)
{
    for (struct mock_play *p = index_first(&m->plays), *next; p; p = next) {
        next = index_next(&m->plays, p);
        if ((c && p->call == c) || (b && p->bridge == b))
            play_end(p, false);
    }
}

void plays_free(struct mock *m)
{
    for (struct mock_play *p; (p = index_first(&m->plays));) {
        m->h->timer_stop(m->h, p->timer);
        index_remove(&m->plays, &p->thing);
        free(p);
    }
}
