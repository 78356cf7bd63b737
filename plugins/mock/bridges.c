/* bridges.c - bridges, and what is made of them: joining and transfers. */
#include "mock.h"

#include <stdio.h>
#include <stdlib.h>

static void emit_bridge(struct mock *m, enum dg_event_type type, const char *id)
{
    const struct dg_event ev = {DG_SIZED(struct dg_event), .type = type, .bridge = id};
    m->h->emit(m->h, &ev);
}

static struct mock_bridge *bridge_new(struct mock *m, const char *id, const char *name)
{
    struct mock_bridge *b = mock_alloc(sizeof(*b));
    b->name = mock_strdup(name);
    index_add(&m->bridges, &b->thing, id);
    emit_bridge(m, DG_BRIDGE_STARTED, id);
    return b;
}

static void bridge_free(struct mock *m, struct mock_bridge *b)
{
    index_remove(&m->bridges, &b->thing);
    free(b->name);
    free(b);
}

static void bridge_end(struct mock *m, struct mock_bridge *b)
{
    plays_end(m, NULL, b);
    recordings_end(m, NULL, b);
    emit_bridge(m, DG_BRIDGE_ENDED, b->thing.id);
    bridge_free(m, b);
}

static void emit_bridged(struct mock_call *c, const struct mock_bridge *b, bool on)
{
    call_emit(c, (struct dg_event){.type = DG_CALL_BRIDGED, .bridge = b->thing.id, .on = on});
}

void bridge_leave(struct mock_call *c)
{
    struct mock_bridge *b = c->bridge;
    if (!b)
        return;
    c->bridge = NULL;
    b->call_count--;
    emit_bridged(c, b, false);
    if (b->joined && b->call_count == 0)
        bridge_end(c->mock, b);
}

static void bridge_enter(struct mock_call *c, struct mock_bridge *b)
{
    if (c->bridge == b)
        return;
    bridge_leave(c);
    park_leave(c);
    queue_leave(c);
    c->bridge = b;
    b->call_count++;
    emit_bridged(c, b, true);
}

static struct mock_bridge *bridge_or_fail(struct mock *m, const char *id, struct dg_op *op)
{
    struct mock_bridge *b = index_get(&m->bridges, id);
    if (!b)
        m->h->fail(op, DG_ENOTFOUND, "there is no such bridge");
    return b;
}

void mock_bridge_create(void *self, const struct dg_bridge_new *req, struct dg_op *op)
{
    struct mock *m = self;
    if (!req->bridge || !*req->bridge) {
        m->h->fail(op, DG_EINVAL, "a bridge needs an id");
    } else if (index_get(&m->bridges, req->bridge)) {
        m->h->fail(op, DG_ECONFLICT, "there is a bridge of that id already");
    } else {
        m->h->done(op);
        bridge_new(m, req->bridge, req->name);
    }
}

static struct mock_call *first_in(struct mock *m, const struct mock_bridge *b)
{
    struct mock_call *c = index_first(&m->calls);
    while (c && c->bridge != b)
        c = index_next(&m->calls, c);
    return c;
}

void mock_bridge_destroy(void *self, const struct dg_bridge_ref *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_bridge *b = bridge_or_fail(m, req->bridge, op);
    if (!b)
        return;
    m->h->done(op);
    b->joined = false;
    for (struct mock_call *c; (c = first_in(m, b));)
        bridge_leave(c);
    bridge_end(m, b);
}

void mock_bridge_add(void *self, const struct dg_bridge_leg *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_bridge *b = bridge_or_fail(m, req->bridge, op);
    struct mock_call *c = b ? call_or_fail(m, req->call, true, op) : NULL;
    if (!c)
        return;
    m->h->done(op);
    bridge_enter(c, b);
}

void mock_bridge_remove(void *self, const struct dg_bridge_leg *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_bridge *b = bridge_or_fail(m, req->bridge, op);
    struct mock_call *c = b ? call_or_fail(m, req->call, false, op) : NULL;
    if (!c)
        return;
    if (c->bridge != b) {
        m->h->fail(op, DG_ECONFLICT, "the call is not in this bridge");
        return;
    }
    m->h->done(op);
    bridge_leave(c);
}

void mock_bridges(void *self, const struct dg_filter *req, struct dg_op *op)
{
    struct mock *m = self;
    const char **ids = mock_alloc((m->calls.count + 1) * sizeof(*ids));
    for (struct mock_bridge *b = index_first(&m->bridges); b; b = index_next(&m->bridges, b)) {
        size_t n = 0;
        if (!matches(req, b->thing.id, b->name))
            continue;
        for (struct mock_call *c = index_first(&m->calls); c; c = index_next(&m->calls, c))
            if (c->bridge == b)
                ids[n++] = c->thing.id;
        const struct dg_bridge info = {
            DG_SIZED(struct dg_bridge),
            .id = b->thing.id,
            .name = b->name,
            .calls = ids,
            .call_count = n,
        };
        m->h->item(op, &info);
    }
    free(ids);
    m->h->done(op);
}

void bridge_join(struct mock *m, struct mock_call *a, struct mock_call *b)
{
    char id[40];
    snprintf(id, sizeof(id), "mock-bridge-%u", m->names++);
    struct mock_bridge *bridge = bridge_new(m, id, NULL);
    bridge_enter(a, bridge);
    bridge_enter(b, bridge);
    bridge->joined = true;
}

void mock_join(void *self, const struct dg_join *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_call *a = call_or_fail(m, req->call, true, op);
    struct mock_call *b = a ? call_or_fail(m, req->other, true, op) : NULL;
    if (!b)
        return;
    if (a == b) {
        m->h->fail(op, DG_EINVAL, "a call cannot be joined to itself");
        return;
    }
    m->h->done(op);
    bridge_join(m, a, b);
}

void mock_transfer(void *self, const struct dg_transfer *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_call *c = call_or_fail(m, req->call, true, op);
    struct mock_call *to = NULL;
    if (!c)
        return;
    if (req->type == DG_TRANSFER_ATTENDED && !(to = call_or_fail(m, req->consult, true, op)))
        return;
    if (to == c || (!to && (!req->context || !req->extension))) {
        m->h->fail(op, DG_EINVAL, "a transfer needs a place or another call to go to");
        return;
    }
    m->h->done(op);
    call_emit(c, (struct dg_event){.type = DG_CALL_TRANSFERRED,
                                   .target = to ? to->thing.id : req->extension});
    if (to)
        bridge_join(m, c, to);
    else
        call_go_to(c, req->context, req->extension, req->priority ? req->priority : "1");
}

void bridges_free(struct mock *m)
{
    for (struct mock_bridge *b; (b = index_first(&m->bridges));)
        bridge_free(m, b);
}
