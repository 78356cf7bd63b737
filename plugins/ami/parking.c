/* parking.c - calls put away in a parking lot. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ami.h"
#include "asterisk/text.h"
#include "snapshot.h"

/* A call on its way there: Asterisk's Success is confirmed by the event of its arrival. */
struct parking {
    struct entry entry; /* by call id */
    struct ami *a;
    struct dg_op *op;
    struct dg_timer *timer;
    char *call, *lot, *slot, *back; /* `back`: who is called when its time is up */
    uint64_t timeout_ms;
};

enum { ARRIVAL_MS = 5000 };

static void release(struct parking *p)
{
    table_take(&p->a->control.parks, &p->entry);
    if (p->timer)
        p->a->h->timer_stop(p->a->h, p->timer);
    free(p->call);
    free(p->lot);
    free(p->slot);
    free(p->back);
    free(p);
}

static void fail(struct parking *p, enum dg_err err, const char *why)
{
    p->a->h->fail(p->op, err, "%s", why);
    release(p);
}

static void on_late(void *arg)
{
    struct parking *p = arg;
    p->timer = NULL;
    fail(p, DG_ECONFLICT, "Asterisk did not park the call: no such lot, or no free slot in it");
}

/* The call may have arrived, or ended, before the answer is here. */
static struct parking *waiting(struct ami *a, void *call)
{
    struct parking *p = table_find(&a->control.parks, call);
    free(call);
    return p;
}

static void on_answer(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct parking *p = waiting(a, arg);
    (void)op;
    if (!p || !r->err)
        return;
    if (strncmp(r->words, "Park action failed", 18) == 0) {
        on_late(p);
        return;
    }
    session_fail(a, p->op, r);
    release(p);
}

static void park(struct parking *p)
{
    struct ami *a = p->a;
    char ms[24];
    snprintf(ms, sizeof ms, "%llu", (unsigned long long)p->timeout_ms);
    p->timer = a->h->timer_start(a->h, ARRIVAL_MS, on_late, p);
    session_send(a, NULL,
                 &(struct request){.action = "Park",
                                   .lines = {{"Channel", p->call},
                                             {"TimeoutChannel", p->back},
                                             /* Nobody to go back to: it stays. */
                                             {"Timeout", !p->back        ? "0"
                                                         : p->timeout_ms ? ms
                                                                         : NULL},
                                             {"Parkinglot", p->lot}},
                                   .then = on_answer,
                                   .arg = text_copy(p->call)});
}

static void on_slot(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct parking *p = waiting(a, arg);
    (void)op;
    if (p && r->err) {
        session_fail(a, p->op, r);
        release(p);
    } else if (p) {
        park(p);
    }
}

/* Asterisk 16 has no ParkingSpace; this variable is what both look at. */
static void prefer_slot(struct parking *p)
{
    if (!p->slot) {
        park(p);
        return;
    }
    session_send(
        p->a, NULL,
        &(struct request){
            .action = "Setvar",
            .lines = {{"Channel", p->call}, {"Variable", "PARKINGEXTEN"}, {"Value", p->slot}},
            .then = on_slot,
            .arg = text_copy(p->call)});
}

/* "Local/s@from-sales/n-0": the last dash and what follows stand for a channel's number, which
 * Asterisk cuts off. */
static void on_status(struct ami *a, struct dg_op *op, const struct message *event, void *arg)
{
    struct parking *p = table_find(&a->control.parks, arg);
    struct snapshot s;
    struct text back = {0};
    (void)op;
    snapshot_read(&s, event, "");
    if (!p || p->back || !text_is_number(s.call.context) || !text_is_number(s.call.extension))
        return;
    text_puts(&back, "Local/");
    text_puts(&back, s.call.extension);
    text_puts(&back, "@");
    text_puts(&back, s.call.context);
    text_puts(&back, "/n-0");
    p->back = back.at;
}

static void on_place(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct parking *p = waiting(a, arg);
    (void)op;
    if (p && r->err) {
        session_fail(a, p->op, r);
        release(p);
    } else if (p) {
        prefer_slot(p);
    }
}

/* When the time in the lot is up, Asterisk dials whoever parked the call, and takes that for the
 * call itself when nobody is named: the callee would be dialled a second time. */
static void find_way_back(struct parking *p, const struct leg *leg)
{
    const struct leg *peer = control_peer(p->a, leg);
    if (peer && peer->name)
        p->back = text_copy(peer->name);
    if (peer || leg->controlled) {
        prefer_slot(p);
        return;
    }
    session_send(p->a, NULL,
                 &(struct request){.action = "Status",
                                   .lines = {{"Channel", p->call}},
                                   .entry = on_status,
                                   .then = on_place,
                                   .arg = text_copy(p->call)});
}

void ami_park(void *self, const struct dg_park *req, struct dg_op *op)
{
    struct ami *a = self;
    const struct leg *leg = control_leg(a, op, req->call);
    const char *slot = req->preferred_slot;
    if (!leg)
        return;
    if ((req->lot && !text_is_number(req->lot)) || (slot && !text_is_number(slot))) {
        a->h->fail(op, DG_EINVAL, "a lot and a slot are letters, digits and + * # _ . -");
        return;
    }
    if (table_find(&a->control.parks, leg->id)) {
        a->h->fail(op, DG_ECONFLICT, "the call is being parked already");
        return;
    }
    struct parking *p = text_alloc(sizeof *p);
    *p = (struct parking){.a = a,
                          .op = op,
                          .call = text_copy(leg->id),
                          .lot = text_copy(req->lot),
                          .slot = text_copy(slot),
                          .timeout_ms = req->timeout_ms};
    p->entry = (struct entry){.key = p->call, .owner = p};
    table_put(&a->control.parks, &p->entry);
    find_way_back(p, leg);
}

void parks_take(struct ami *a, const struct message *m)
{
    const char *call = message_text(m, "ParkeeUniqueid");
    struct leg *leg = call ? legs_find(&a->events.life.legs, call) : NULL;
    struct parking *p = call ? table_find(&a->control.parks, call) : NULL;
    if (!message_is(m, "Event", "ParkedCall"))
        return;
    if (leg)
        control_lost(a, leg);
    if (!p)
        return;
    a->h->done(p->op);
    release(p);
}

struct ended {
    const char *call;
};

static void end_one(void *arg, void *owner)
{
    const struct ended *e = arg;
    struct parking *p = owner;
    if (!e->call)
        fail(p, DG_EUNAVAILABLE, "the link to Asterisk was lost");
    else if (text_same(e->call, p->call))
        fail(p, DG_ENOTFOUND, "the call has ended");
}

void parks_end(struct ami *a, const char *call)
{
    table_each(&a->control.parks, end_one, &(struct ended){call});
}

/* ---- Who is parked -------------------------------------------------------------------------- */

static void on_parked_one(struct ami *a, struct dg_op *op, const struct message *m, void *arg)
{
    const char *text = arg;
    struct dg_parked parked = {
        DG_SIZED(struct dg_parked),
        .call = message_text(m, "ParkeeUniqueid"),
        .lot = message_text(m, "Parkinglot"),
        .slot = message_text(m, "ParkingSpace"),
        .parked_at_ms = a->h->unix_ms(a->h) - message_number(m, "ParkingDuration") * 1000LL,
        .timeout_ms = (uint64_t)message_number(m, "ParkingTimeout") * 1000,
    };
    const char *name = message_text(m, "ParkeeChannel");
    if (parked.call && (!text || strstr(parked.call, text) || (name && strstr(name, text))))
        a->h->item(op, &parked);
}

static void on_all_parked(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    free(arg);
    if (r->err)
        session_fail(a, op, r);
    else
        a->h->done(op);
}

void ami_parked(void *self, const struct dg_filter *req, struct dg_op *op)
{
    session_send(self, op,
                 &(struct request){.action = "ParkedCalls",
                                   .entry = on_parked_one,
                                   .then = on_all_parked,
                                   .arg = text_copy(req->text)});
}
