/* parking.c - calls put away in numbered slots; after their time they come back. */
#include "mock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SLOT 701
#define LAST_SLOT  799
#define PARK_MS    45000

/* Whoever is sent here gets the call of the slot, as with Asterisk's own lot. */
#define LOT_CONTEXT "parkedcalls"

static bool slot_taken(const struct mock *m, const char *lot, unsigned slot)
{
    for (struct mock_call *c = index_first(&m->calls); c; c = index_next(&m->calls, c))
        if (c->slot == slot && strcmp(c->lot, lot) == 0)
            return true;
    return false;
}

/* 0: all are taken. */
static unsigned free_slot(const struct mock *m, const char *lot, const char *preferred)
{
    unsigned long want = preferred ? strtoul(preferred, NULL, 10) : 0;
    if (want >= FIRST_SLOT && want <= LAST_SLOT && !slot_taken(m, lot, (unsigned)want))
        return (unsigned)want;
    for (unsigned slot = FIRST_SLOT; slot <= LAST_SLOT; slot++)
        if (!slot_taken(m, lot, slot))
            return slot;
    return 0;
}

static void emit_parked(struct mock_call *c, bool on)
{
    char target[100];
    snprintf(target, sizeof(target), "%.80s/%u", c->lot, c->slot);
    call_emit(c, (struct dg_event){.type = DG_CALL_PARKED, .target = target, .on = on});
}

void park_leave(struct mock_call *c)
{
    if (!c->slot)
        return;
    c->mock->h->timer_stop(c->mock->h, c->park_timer);
    c->park_timer = NULL;
    emit_parked(c, false);
    c->slot = 0;
}

void park_retrieve(struct mock_call *c)
{
    unsigned long slot = strtoul(c->extension, NULL, 10);
    if (strcmp(c->context, LOT_CONTEXT) != 0)
        return;
    for (struct mock_call *p = index_first(&c->mock->calls); p; p = index_next(&c->mock->calls, p))
        if (p->slot && p->slot == slot && p != c) {
            bridge_join(c->mock, c, p);
            return;
        }
}

static void on_park_timeout(void *arg)
{
    struct mock_call *c = arg;
    c->park_timer = NULL;
    park_leave(c);
}

void mock_park(void *self, const struct dg_park *req, struct dg_op *op)
{
    struct mock *m = self;
    struct mock_call *c = call_or_fail(m, req->call, true, op);
    const char *lot = req->lot ? req->lot : "default";
    unsigned slot = c ? free_slot(m, lot, req->preferred_slot) : 0;
    if (!c)
        return;
    if (c->slot || !slot) {
        m->h->fail(op, DG_ECONFLICT, c->slot ? "the call is parked already" : "the lot is full");
        return;
    }
    m->h->done(op);
    bridge_leave(c);
    set_text(&c->lot, lot);
    c->slot = slot;
    c->parked_at_ms = m->h->unix_ms(m->h);
    c->park_ms = req->timeout_ms ? req->timeout_ms : PARK_MS;
    c->park_timer = m->h->timer_start(m->h, c->park_ms, on_park_timeout, c);
    emit_parked(c, true);
}

void mock_parked(void *self, const struct dg_filter *req, struct dg_op *op)
{
    struct mock *m = self;
    for (struct mock_call *c = index_first(&m->calls); c; c = index_next(&m->calls, c)) {
        char slot[16];
        if (!c->slot || !matches(req, c->thing.id, c->name))
            continue;
        snprintf(slot, sizeof(slot), "%u", c->slot);
        const struct dg_parked info = {
            DG_SIZED(struct dg_parked),      .call = c->thing.id,      .lot = c->lot, .slot = slot,
            .parked_at_ms = c->parked_at_ms, .timeout_ms = c->park_ms,
        };
        m->h->item(op, &info);
    }
    m->h->done(op);
}
