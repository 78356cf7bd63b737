/* unheard.c - what no event has told of yet. Asterisk answers actions at once
 * and tells events in their turn, and as a companion we hear of a call only by
 * its events: what is asked of a leg may come before them. So Asterisk is asked
 * once for a leg that we do not know, and for those it talks to, before it is
 * said that there is no such call; and for one that seems to be alone in the
 * dialplan, before that is said of it.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "ami.h"
#include "asterisk/text.h"
#include "snapshot.h"

enum { CALLS = 2, TEXTS = 5 };

/* A request of the table: what is copied of it until the legs are known. */
struct shape {
    void (*ask)(void *self, const void *req, struct dg_op *op);
    size_t size;
    size_t calls[CALLS]; /* where in it the legs are named */
    size_t texts[TEXTS]; /* and its other texts */
    unsigned call_count, text_count;
    bool place; /* where the leg is decides: under control, in the dialplan, with whom */
};

struct learning {
    struct ami *a;
    struct dg_op *op;
    const struct shape *shape;
    void *req;
    unsigned next; /* of the legs */
    char *bridge;  /* of the last one */
    bool known;    /* an event has told of the last one, but not of where it is */
};

static char **text_at(void *req, size_t offset)
{
    return (char **)(void *)((char *)req + offset);
}

static const char *call_of(const void *req, const struct shape *s, unsigned i)
{
    return *(const char *const *)(const void *)((const char *)req + s->calls[i]);
}

/* It may have gone elsewhere, and the event that says so is on its way. */
static bool may_be_elsewhere(struct ami *a, const struct leg *leg)
{
    return leg->started && !leg->ended && !leg->ending && !leg->controlled &&
           control_is_alone(a, leg);
}

/* What can be no leg is refused by who is asked. */
static bool is_unheard(struct ami *a, const struct shape *s, const char *call)
{
    if (!text_is_plain(call, 255) || *call == '/' || *call == ' ' ||
        legs_is_gone(&a->events.life.legs, call))
        return false;
    const struct leg *leg = legs_named(&a->events.life.legs, call);
    return !leg || (s->place && may_be_elsewhere(a, leg));
}

/* ---- The request, kept ------------------------------------------------------------------ */

static struct learning *learning_new(struct ami *a, struct dg_op *op, const void *req,
                                     const struct shape *s)
{
    struct learning *n = text_alloc(sizeof *n);
    *n = (struct learning){.a = a, .op = op, .shape = s, .req = text_alloc(s->size)};
    memcpy(n->req, req, s->size);
    for (unsigned i = 0; i < s->call_count; i++)
        *text_at(n->req, s->calls[i]) = text_copy(*text_at(n->req, s->calls[i]));
    for (unsigned i = 0; i < s->text_count; i++)
        *text_at(n->req, s->texts[i]) = text_copy(*text_at(n->req, s->texts[i]));
    return n;
}

static void learning_free(struct learning *n)
{
    for (unsigned i = 0; i < n->shape->call_count; i++)
        free(*text_at(n->req, n->shape->calls[i]));
    for (unsigned i = 0; i < n->shape->text_count; i++)
        free(*text_at(n->req, n->shape->texts[i]));
    free(n->req);
    free(n->bridge);
    free(n);
}

/* ---- Asking Asterisk -------------------------------------------------------------------- */

static struct leg *heard(struct ami *a, const struct message *event)
{
    struct snapshot s;
    snapshot_read(&s, event, "");
    /* What is new of one that is known comes by its events. */
    if (s.call.id && legs_find(&a->events.life.legs, s.call.id))
        return life_known(&a->events.life, s.call.id);
    struct report report = {.life = &a->events.life, .at_ms = a->h->unix_ms(a->h)};
    return life_later(&report, &s.call);
}

static void on_partner(struct ami *a, struct dg_op *op, const struct message *event, void *arg)
{
    struct learning *n = arg;
    struct leg *leg = heard(a, event);
    (void)op;
    if (leg)
        text_set(&leg->bridge, n->bridge);
}

static void on_status(struct ami *a, struct dg_op *op, const struct message *event, void *arg)
{
    struct learning *n = arg;
    const char *bridge = message_text(event, "BridgeID");
    struct leg *leg = heard(a, event);
    (void)op;
    if (!leg)
        return;
    text_set(&leg->bridge, bridge && *bridge ? bridge : NULL);
    text_set(&n->bridge, leg->bridge);
    if (!leg->bridge && message_is(event, "Application", "AGI") &&
        message_is(event, "Data", "agi:async"))
        control_found(a, leg);
}

static void advance(struct learning *n);

static void on_asked(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct learning *n = arg;
    /* A user who may not ask is served by what the events have told. */
    if (!r->err || r->err == DG_ENOTFOUND || (n->known && r->err == DG_EUNSUPPORTED)) {
        advance(n);
        return;
    }
    session_fail(a, op, r);
    learning_free(n);
}

static void ask_for_partners(struct learning *n)
{
    char *bridge = n->bridge;
    struct request ask = {.action = "BridgeInfo",
                          .lines = {{"BridgeUniqueid", bridge}},
                          .entry = on_partner,
                          .then = on_asked,
                          .arg = n};
    session_send(n->a, n->op, &ask);
}

static void on_leg(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct learning *n = arg;
    if (!r->err && n->bridge) {
        ask_for_partners(n);
    } else if (r->err == DG_ENOTFOUND && n->known) {
        a->h->fail(op, DG_ENOTFOUND, "the call has ended");
        learning_free(n);
    } else {
        on_asked(a, op, r, n);
    }
}

/* The next leg that has to be asked for; then what was asked for. */
static void advance(struct learning *n)
{
    text_set(&n->bridge, NULL);
    while (n->next < n->shape->call_count) {
        const char *call = call_of(n->req, n->shape, n->next++);
        if (!is_unheard(n->a, n->shape, call))
            continue;
        n->known = legs_named(&n->a->events.life.legs, call) != NULL;
        session_send(n->a, n->op,
                     &(struct request){.action = "Status",
                                       .lines = {{"Channel", call}},
                                       .entry = on_status,
                                       .then = on_leg,
                                       .arg = n});
        return;
    }
    n->shape->ask(n->a, n->req, n->op);
    learning_free(n);
}

static void ask(struct ami *a, const void *req, struct dg_op *op, const struct shape *s)
{
    for (unsigned i = 0; i < s->call_count; i++) {
        if (!is_unheard(a, s, call_of(req, s, i)))
            continue;
        advance(learning_new(a, op, req, s));
        return;
    }
    s->ask(a, req, op);
}

/* ---- The functions of the table --------------------------------------------------------- */

#define AT(request, member) offsetof(struct request, member)
#define HEARD(function, request, ...)                                                              \
    static void ask_##function(void *self, const void *req, struct dg_op *op)                      \
    {                                                                                              \
        ami_##function(self, req, op);                                                             \
    }                                                                                              \
    void heard_##function(void *self, const struct request *req, struct dg_op *op)                 \
    {                                                                                              \
        static const struct shape shape = {                                                        \
            .ask = ask_##function, .size = sizeof *req, __VA_ARGS__};                              \
        ask(self, req, op, &shape);                                                                \
    }
#define ONE(request, member) .calls = {AT(request, member)}, .call_count = 1

HEARD(answer, dg_call_ref, ONE(dg_call_ref, call), .place = true)
HEARD(hold, dg_switch, ONE(dg_switch, call), .place = true)
HEARD(moh, dg_moh, ONE(dg_moh, call), .place = true, .texts = {AT(dg_moh, music_class)},
      .text_count = 1)
HEARD(park, dg_park, ONE(dg_park, call), .place = true,
      .texts = {AT(dg_park, lot), AT(dg_park, preferred_slot)}, .text_count = 2)
HEARD(join, dg_join, .calls = {AT(dg_join, call), AT(dg_join, other)}, .call_count = 2)
HEARD(transfer, dg_transfer, .calls = {AT(dg_transfer, call), AT(dg_transfer, consult)},
      .call_count = 2,
      .texts = {AT(dg_transfer, context), AT(dg_transfer, extension), AT(dg_transfer, priority)},
      .text_count = 3)
HEARD(play, dg_play, ONE(dg_play, on), .place = true,
      .texts = {AT(dg_play, play), AT(dg_play, media), AT(dg_play, language)}, .text_count = 3)
HEARD(detect, dg_detect, ONE(dg_detect, call), .place = true)
HEARD(record, dg_record, ONE(dg_record, on),
      .texts = {AT(dg_record, record), AT(dg_record, file), AT(dg_record, format)}, .text_count = 3)
