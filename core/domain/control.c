/* control.c - a request about a call: find it, try the ways, answer. */
#include "domain/control.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/str.h"
#include "domain/control_private.h"

struct control *control_new(struct loop *loop, struct calls *calls, struct bus *bus)
{
    struct control *ct = xcalloc(1, sizeof *ct);
    *ct = (struct control){.loop = loop, .calls = calls, .bus = bus};
    list_init(&ct->looking);
    list_init(&ct->consults);
    bus_subscribe(bus, consults_event, ct);
    return ct;
}

/* ---- The answer -------------------------------------------------------------------- */

static void went(struct order *o)
{
    if (o->err == DG_OK)
        calls_sent_on(o->ct->calls, o->call);
    else
        calls_sending_on(o->ct->calls, o->call, false);
}

void order_done(struct order *o)
{
    if (o->err != DG_OK && o->begun && o->action->failed)
        o->action->failed(o);
    if (o->begun && o->action->away)
        went(o);
    struct control_answer answer = {.err = o->err,
                                    .field = o->field,
                                    .message = o->err == DG_OK ? NULL : o->message,
                                    .text = o->text,
                                    .call = o->call};
    o->fn(o->arg, &answer);
    if (o->call)
        calls_release(o->call);
    arena_free(o->arena);
    free(o);
}

static void answer_now(void *arg)
{
    order_done(arg);
}

void order_refuse(struct order *o, enum dg_err err, const char *field, const char *message)
{
    o->err = err;
    o->field = field;
    o->message = arena_strdup(o->arena, message);
}

void control_free(struct control *ct)
{
    if (!ct)
        return;
    while (!list_empty(&ct->looking)) {
        struct order *o = list_item(ct->looking.next, struct order, link);
        list_remove(&o->link);
        loop_timer_stop(ct->loop, o->timer);
        order_refuse(o, DG_EUNAVAILABLE, NULL, "The gateway is stopping");
        order_done(o);
    }
    consults_free(ct);
    bus_unsubscribe(ct->bus, consults_event, ct);
    free(ct);
}

/* Nothing is answered from inside the call that asked. */
void order_answer_soon(struct order *o)
{
    loop_call(o->ct->loop, answer_now, o);
}

/* ---- The ways ---------------------------------------------------------------------- */

static unsigned way_count(const struct action *a)
{
    unsigned n = 0;
    while (n < WAYS_MAX && a->ways[n].ask)
        n++;
    return n;
}

/* Ways are numbered from 1: those of the carrier, then those of its companion. */
struct instance *order_instance(const struct order *o, unsigned number)
{
    unsigned count = way_count(o->action);
    if (number == 0 || number > 2 * count)
        return NULL;
    return number <= count ? o->call->carrier : calls_companion(o->ct->calls, o->call->carrier);
}

static bool try_way(struct order *o, unsigned number)
{
    unsigned count = way_count(o->action);
    struct instance *in = order_instance(o, number);
    if (!count || !in)
        return false;
    o->tried = number;
    o->action->ways[(number - 1) % count].ask(o, in);
    return true;
}

static bool another_may(enum dg_err err)
{
    return err == DG_EUNSUPPORTED || err == DG_ECONFLICT;
}

/* That something cannot be done at all says less than why it could not be done now; and that the
 * companion does not know the call says nothing of the carrier's refusal. */
static bool says_more(const struct order *o, enum dg_err err)
{
    if (o->err == DG_OK)
        return true;
    return err != DG_EUNSUPPORTED && err != DG_ENOTFOUND;
}

static void keep_refusal(struct order *o, const struct op_result *res)
{
    if (!says_more(o, res->err))
        return;
    if (res->err != DG_ENOTFOUND)
        order_refuse(o, res->err, NULL, res->message);
    else if (o->action->missing)
        order_refuse(o, res->err, NULL, o->action->missing);
    else /* the event that says so is on its way */
        order_refuse(o, DG_ECONFLICT, NULL, "Call has already ended");
}

static void succeeded(struct order *o, const struct op_result *res)
{
    const char *text = op_first(res, char);
    struct instance *in = order_instance(o, o->tried);
    o->err = DG_OK;
    if (text)
        o->text = arena_strdup(o->arena, text);
    if (o->action->note && !call_is_over(o->call->state))
        o->action->note(o);
    if (o->action->away)
        went(o);
    if (o->action->finish && in && o->err == DG_OK)
        o->action->finish(o, in);
    else
        order_done(o);
}

void order_sent(void *arg, const struct op_result *res)
{
    struct order *o = arg;
    if (res->err == DG_OK) {
        succeeded(o, res);
        return;
    }
    keep_refusal(o, res);
    if (o->only || !another_may(res->err) || !try_way(o, o->tried + 1))
        order_done(o);
}

/* ---- From request to order ------------------------------------------------------------ */

static bool in_state(struct order *o)
{
    const struct call *c = o->call;
    if (call_is_over(c->state))
        order_refuse(o, DG_ECONFLICT, NULL, "Call has already ended");
    else if (c->state < o->action->from)
        order_refuse(o, DG_ECONFLICT, NULL,
                     o->action->from == CALL_ANSWERED ? "Call is not answered yet"
                                                      : "Call is not placed yet");
    else if (!c->carrier)
        order_refuse(o, DG_EUNAVAILABLE, NULL, "The call's backend is not connected");
    return o->err == DG_OK;
}

void order_try(struct order *o)
{
    unsigned known = o->action->undo ? o->action->undo(o) : 0;
    o->only = known && try_way(o, known);
    if (!o->only)
        try_way(o, 1);
}

static void on_hung_up(void *arg, const struct call_answer *answer)
{
    struct order *o = arg;
    o->err = answer->err;
    o->message = arena_strdup(o->arena, answer->message);
    order_done(o);
}

void order_begin(struct order *o)
{
    calls_hold(o->call);
    if (o->req.action == CONTROL_HANGUP) { /* also before it was placed: calls.c knows how */
        calls_hangup(o->ct->calls, o->req.call, o->req.cause, on_hung_up, o);
        return;
    }
    if (!in_state(o) || (o->action->check && !o->action->check(o))) {
        order_answer_soon(o);
        return;
    }
    o->begun = true;
    if (o->action->away)
        calls_sending_on(o->ct->calls, o->call, true);
    if (o->action->run)
        o->action->run(o);
    else
        order_try(o);
}

struct control_request control_copy(struct arena *a, const struct control_request *req)
{
    struct control_request copy = *req;
    const char **const texts[] = {&copy.call,  &copy.context, &copy.extension, &copy.digits,
                                  &copy.media, &copy.name,    &copy.value,     &copy.format,
                                  &copy.lot,   &copy.user};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = arena_strdup(a, *texts[i]);
    return copy;
}

void control_ask(struct control *ct, const struct control_request *req, control_fn *fn, void *arg)
{
    struct order *o = xcalloc(1, sizeof *o);
    *o = (struct order){.ct = ct, .arena = arena_new(), .fn = fn, .arg = arg};
    o->req = control_copy(o->arena, req);
    o->action = control_action(req->action);
    o->call = map_get(ct->calls->live, o->req.call);
    if (o->call)
        order_begin(o);
    else
        order_elsewhere(o);
}
