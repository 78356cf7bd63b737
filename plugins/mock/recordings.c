/* recordings.c - recording: it begins, pauses and ends as a real one; what is left is silence
 * (stored.c). */
#include "mock.h"

#include <stdlib.h>

static void recording_end(struct mock_recording *r)
{
    struct mock *m = r->mock;
    uint64_t now_ms = m->h->now_ms(m->h);
    stored_keep(m, r->file, r->ms + (r->since_ms ? now_ms - r->since_ms : 0));
    const struct dg_event ev = {
        DG_SIZED(struct dg_event),
        .type = DG_RECORD_ENDED,
        .target = r->thing.id,
        .text = r->file,
        .call = r->call ? r->call->thing.id : NULL,
        .bridge = r->bridge ? r->bridge->thing.id : NULL,
    };
    m->h->emit(m->h, &ev);
    recording_free(r);
}

void recording_free(struct mock_recording *r)
{
    r->mock->h->timer_stop(r->mock->h, r->timer);
    index_remove(&r->mock->recordings, &r->thing);
    free(r->file);
    free(r);
}

static void on_full(void *arg)
{
    struct mock_recording *r = arg;
    r->timer = NULL;
    recording_end(r);
}

void mock_record(void *self, const struct dg_record *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_bridge *b = index_get(&m->bridges, req->on);
    struct mock_call *c = b ? NULL : call_or_fail(m, req->on, true, op);
    if (!b && !c)
        return;
    if (!req->record || !*req->record) {
        m->h->fail(op, DG_EINVAL, "a recording needs an id");
        return;
    }
    if (index_get(&m->recordings, req->record)) {
        m->h->fail(op, DG_ECONFLICT, "something is being recorded under that id already");
        return;
    }
    struct mock_recording *r = mock_alloc(sizeof(*r));
    r->mock = m;
    r->call = c;
    r->bridge = b;
    r->since_ms = m->h->now_ms(m->h);
    r->file = mock_strdup(req->file ? req->file : req->record);
    index_add(&m->recordings, &r->thing, req->record);
    if (req->max_ms)
        r->timer = m->h->timer_start(m->h, req->max_ms, on_full, r);
    m->h->done(op);
}

void mock_record_change(void *self, const struct dg_record_ref *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_recording *r = index_get(&m->recordings, req->record);
    bool pause = req->change == DG_RECORD_PAUSE;
    if (!r) {
        m->h->fail(op, DG_ENOTFOUND, "nothing is being recorded under that id");
    } else if (req->change == DG_RECORD_STOP) {
        m->h->done(op);
        recording_end(r);
    } else if (r->paused == pause) {
        m->h->fail(op, DG_ECONFLICT, pause ? "it is paused already" : "it is not paused");
    } else {
        uint64_t now_ms = m->h->now_ms(m->h);
        r->ms += pause ? now_ms - r->since_ms : 0;
        r->since_ms = pause ? 0 : now_ms;
        r->paused = pause;
        m->h->done(op);
    }
}

void recordings_end(struct mock *m, const struct mock_call *c, const struct mock_bridge *b)
{
    for (struct mock_recording *r = index_first(&m->recordings), *next; r; r = next) {
        next = index_next(&m->recordings, r);
        if ((c && r->call == c) || (b && r->bridge == b))
            recording_end(r);
    }
}

void recordings_free(struct mock *m)
{
    for (struct mock_recording *r; (r = index_first(&m->recordings));)
        recording_free(r);
}
