/* dialer_attempt.c - one attempt on one number: its call, and what is written of it.
 *
 * The number is `calling` in the store if and only if the call's record is there
 * (one write), and the call is over there if and only if the number has been
 * settled (one write again, with the CDR). So after a crash the calls tell all.
 * Changes of one number follow each other: the next is made when the one before
 * is durable.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/dialer_private.h"
#include "domain/ledger.h"

#define API             "campaign-dialer"
#define TRY_AGAIN_MS    1000
#define BACKEND_FULL_MS 200

static void attempt_advance(struct attempt *a);

/* ---- Its place in the lists ------------------------------------------------------------------ */

static struct attempt *attempt_new(struct pacer *p, const char *call)
{
    struct attempt *a = xcalloc(1, sizeof *a);
    a->pacer = p;
    memcpy(a->call, call, sizeof a->call);
    list_init(&a->work);
    list_append(&p->attempts, &a->link);
    map_set(p->d->attempts, a->call, a);
    return a;
}

static void enter(struct attempt *a, int stage)
{
    struct pacer *p = a->pacer;
    int calling = (stage == STAGE_CALLING) - (a->stage == STAGE_CALLING);
    int answered = (stage == STAGE_ANSWERED) - (a->stage == STAGE_ANSWERED);
    a->stage = stage;
    p->calling += (unsigned)calling;
    p->answered += (unsigned)answered;
    count_live(p->d, LIVE_CALLING, calling);
    count_live(p->d, LIVE_ANSWERED, answered);
    dialer_pace(p->d);
}

void attempt_free(struct attempt *a)
{
    struct dialer *d = a->pacer->d;
    enter(a, STAGE_OVER);
    if (a->leg != LEG_NONE && a->leg != LEG_OVER) {
        a->pacer->agents--;
        count_live(d, LIVE_AGENT, -1);
    }
    loop_timer_stop(d->config.loop, a->timer);
    list_remove(&a->link);
    list_remove(&a->work);
    map_del(d->attempts, a->call);
    if (*a->agent)
        map_del(d->attempts, a->agent);
    if (a->ended)
        calls_release(a->ended);
    number_clear(&a->number);
    number_clear(&a->after);
    free(a->leg_endpoint);
    free(a);
}

/* Frees it when nothing is left to do. */
static bool let_go(struct attempt *a)
{
    struct pacer *p = a->pacer;
    if (!a->settled || a->stage != STAGE_OVER || a->placing || a->reading || a->writing ||
        !agent_idle(a))
        return false;
    attempt_free(a);
    commands_advance(p);
    pacer_let_go(p);
    return true;
}

static void work(void *arg)
{
    struct dialer *d = arg;
    struct link todo;
    list_init(&todo);
    d->work_asked = false;
    while (!list_empty(&d->work)) {
        struct link *first = d->work.next;
        list_remove(first);
        list_append(&todo, first);
    }
    while (!list_empty(&todo)) {
        struct attempt *a = list_item(todo.next, struct attempt, work);
        list_remove(&a->work);
        if (!d->stopping) /* what lives then goes on without us */
            agent_work(a);
        attempt_advance(a);
    }
}

void attempt_soon(struct attempt *a)
{
    struct dialer *d = a->pacer->d;
    if (d->closed)
        return;
    if (list_empty(&a->work))
        list_append(&d->work, &a->work);
    if (d->work_asked)
        return;
    d->work_asked = true;
    loop_call(d->config.loop, work, d);
}

static void on_timer(void *arg)
{
    struct attempt *a = arg;
    a->timer = NULL;
    attempt_soon(a);
}

void attempt_later(struct attempt *a, uint64_t ms)
{
    if (!a->timer)
        a->timer = loop_timer(a->pacer->d->config.loop, ms, on_timer, a);
}

/* ---- What the number is in the store --------------------------------------------------------- */

/* It is still about this attempt. */
static bool is_ours(const struct attempt *a, const struct number *n)
{
    return str_eq(n->call_id, a->call) &&
           (n->status == NUMBER_CALLING || n->status == NUMBER_ANSWERED);
}

static void on_number(void *arg, const struct store_doc *doc)
{
    struct attempt *a = arg;
    struct number n = {0};
    a->reading = false;
    if (doc->err == DG_OK && number_read(&n, doc->id, doc->version, doc->json)) {
        a->known = true;
        a->numberless = !is_ours(a, &n);
        a->settled = a->numberless && a->doubtful; /* there is no such attempt */
        a->told |= n.status == NUMBER_ANSWERED;
        number_clear(&a->number);
        a->number = n;
    } else if (doc->err == DG_OK || doc->err == DG_ENOTFOUND) {
        number_clear(&n);
        a->known = a->numberless = true;
    } else {
        attempt_later(a, TRY_AGAIN_MS);
        return;
    }
    attempt_advance(a);
}

static void read_number(struct attempt *a, int64_t id)
{
    char key[24];
    a->reading = true;
    store_get_json(a->pacer->d->config.store, COLLECTION_NUMBERS, pacer_key(id, key), on_number, a);
}

static void take_over(struct attempt *a)
{
    uint64_t version = a->number.version + 1;
    number_clear(&a->number);
    a->number = a->after;
    a->number.version = version;
    a->after = (struct number){0};
    notice_number(a->pacer->d, &a->number);
}

static void change(struct attempt *a, struct store_batch *also, bool ends, ledger_fn *fn)
{
    const struct ledger_entry entry = {&a->number, &a->after};
    const struct ledger_change c = {.campaign = a->pacer->id,
                                    .entries = &entry,
                                    .count = a->numberless ? 0 : 1,
                                    .calls = ends,
                                    .answered = ends && a->ended->answered_at_ms,
                                    .also = also,
                                    .kept = ends};
    a->writing = true;
    ledger_write(a->pacer->d->config.ledger, &c, fn, a);
}

/* ---- The beginning ------------------------------------------------------------------------------
 */

static void begun(struct attempt *a, enum dg_err err, const char *message)
{
    const struct op_result res = {.err = err, .message = message};
    op_fn *fn = a->write_fn;
    a->write_fn = NULL;
    fn(a->write_arg, &res); /* may end the attempt */
}

static void on_begun(void *arg, const struct ledger_result *res)
{
    struct attempt *a = arg;
    if (a->pacer->d->closed)
        return;
    a->writing = false;
    if (res->err == DG_OK)
        take_over(a);
    else
        number_clear(&a->after);
    a->known = res->err == DG_OK;
    a->doubtful = res->err == DG_ETIMEOUT || res->err == DG_EUPSTREAM;
    begun(a, res->err, res->message);
}

static void refuse_to_begin(void *arg)
{
    struct attempt *a = arg;
    a->refusing = false;
    begun(a, DG_ECONFLICT, "The campaign is not being dialled any more");
}

/* Its turn has come: the last moment at which nothing has happened yet. */
static void write_beginning(void *arg, struct store_batch *batch, op_fn *fn, void *fn_arg)
{
    struct attempt *a = arg;
    struct pacer *p = a->pacer;
    a->write_fn = fn;
    a->write_arg = fn_arg;
    if (!pacer_runs(p) || a->stopped) {
        a->refusing = true;
        loop_call(p->d->config.loop, refuse_to_begin, a);
        return;
    }
    number_copy(&a->after, &a->number);
    struct number *n = &a->after;
    free(n->claimed_by);
    n->claimed_by = NULL;
    n->claimed_until_ms = 0;
    n->status = NUMBER_CALLING;
    n->attempts++;
    n->last_attempt_ms = n->updated_at_ms = clock_unix_ms();
    memcpy(n->call_id, a->call, sizeof n->call_id);
    change(a, batch, false, on_begun);
}

static void on_placed(void *arg, const struct call_answer *answer)
{
    struct attempt *a = arg;
    struct pacer *p = a->pacer;
    a->placing = false;
    if (answer->err != DG_OK && !a->ended) {
        log_debug("dialer", "a number was not dialled", LOG_I("number", a->number.id),
                  LOG_S("why", answer->message));
        if (answer->err == DG_ELIMIT)
            p->backend_until_ms = clock_ms() + BACKEND_FULL_MS;
        if (answer->err != DG_ECONFLICT || a->stopped)
            claim_release(p, a->number.id);
        a->settled = true;
        enter(a, STAGE_OVER);
    }
    attempt_soon(a);
}

void attempt_begin(struct pacer *p, const struct number *n, const char *endpoint)
{
    const struct campaign *c = p->campaign;
    char id[ID_SIZE];
    id_uuid7(id);
    struct attempt *a = attempt_new(p, id);
    number_copy(&a->number, n);
    a->known = a->placing = true;
    p->calling++;
    count_live(p->d, LIVE_CALLING, 1);
    dial_rate_use(&p->rate, c->max_calls_per_second, clock_us());
    const struct call_request req = {.id = a->call,
                                     .phone_number = n->phone_number,
                                     .endpoint = endpoint,
                                     .controlled = true,
                                     .own_place = true,
                                     .caller_id = dial_caller_id(c, p->turn++),
                                     .ring_ms = (uint64_t)c->dial_timeout_s * 1000,
                                     .talk_ms = (uint64_t)c->call_timeout_s * 1000,
                                     .campaign_id = p->id,
                                     .campaign_number_id = n->id,
                                     .ivr_menu = dial_menu(c),
                                     .attempt = (int)n->attempts + 1,
                                     .write = write_beginning,
                                     .write_arg = a,
                                     .api = API};
    calls_originate(p->d->config.calls, &req, on_placed, a);
}

static int stage_of(const struct call *c)
{
    if (call_is_over(c->state))
        return STAGE_OVER;
    return c->state == CALL_ANSWERED ? STAGE_ANSWERED : STAGE_CALLING;
}

struct attempt *attempt_adopt(struct pacer *p, struct call *c)
{
    struct attempt *a = attempt_new(p, c->id);
    p->calling++;
    count_live(p->d, LIVE_CALLING, 1);
    enter(a, stage_of(c));
    a->number.id = c->campaign_number_id;
    attempt_soon(a);
    return a;
}

/* ---- The middle
 * ------------------------------------------------------------------------------------ */

static void on_told(void *arg, const struct ledger_result *res)
{
    struct attempt *a = arg;
    if (a->pacer->d->closed)
        return;
    a->writing = false;
    a->told = true; /* if not, the end will say it */
    a->known = res->err == DG_OK;
    if (res->err == DG_OK)
        take_over(a);
    else
        number_clear(&a->after);
    attempt_advance(a);
}

static void write_answered(struct attempt *a)
{
    number_copy(&a->after, &a->number);
    a->after.status = NUMBER_ANSWERED;
    a->after.updated_at_ms = clock_unix_ms();
    change(a, NULL, false, on_told);
}

/* ---- The end
 * ------------------------------------------------------------------------------------------ */

/* Who has answered is not called again, also when his call was lost: his CDR says "answered". */
struct attempt_end attempt_end_of(const struct call *c, bool stopped)
{
    return (struct attempt_end){.state = c->answered_at_ms ? CALL_COMPLETED : c->state,
                                .cause = c->cause,
                                .began_ms = c->created_at_ms,
                                .ended_ms = c->ended_at_ms,
                                .stopped = stopped};
}

static void on_settled(void *arg, const struct ledger_result *res)
{
    struct attempt *a = arg;
    struct pacer *p = a->pacer;
    if (a->pacer->d->closed)
        return;
    a->writing = false;
    if (res->err == DG_OK) {
        if (!a->numberless && a->after.status == NUMBER_PENDING &&
            a->after.due_at_ms <= clock_unix_ms())
            p->dry_until_ms = 0;
        if (!a->numberless)
            notice_number(p->d, &a->after);
        count_attempt(p->d, a->ended, a->numberless ? NULL : &a->after);
        a->settled = true;
    } else if (res->err == DG_ENOTFOUND) {
        p->gone = true;
    } else if (res->err == DG_ECONFLICT && !a->numberless) {
        a->known = false;
    } else {
        log_error("dialer", "the end of an attempt could not be written down",
                  LOG_S("call", a->call), LOG_S("why", res->message));
        attempt_later(a, TRY_AGAIN_MS);
    }
    number_clear(&a->after);
    if (!a->timer)
        attempt_soon(a);
}

static void on_cdr(void *arg, const struct store_doc *doc)
{
    struct attempt *a = arg;
    a->reading = false;
    if (doc->err == DG_OK)
        a->settled = true;
    else if (doc->err == DG_ENOTFOUND)
        a->unrecorded = true;
    else
        attempt_later(a, TRY_AGAIN_MS);
    attempt_soon(a);
}

/* The number is not about this attempt any more: whoever has settled it has written the CDR too. */
static void look_for_cdr(struct attempt *a)
{
    a->reading = true;
    store_get_json(a->pacer->d->config.store, COLLECTION_CDR, a->call, on_cdr, a);
}

static void settle(struct attempt *a)
{
    struct pacer *p = a->pacer;
    struct store_batch also;
    if (p->gone) { /* the call's CDR stays, as one of no campaign */
        a->ended->campaign_id = a->ended->campaign_number_id = 0;
        calls_end_batch(a->ended, &also);
        store_write_kept(p->d->config.store, &also);
        store_batch_free(&also);
        a->settled = true;
        attempt_soon(a);
        return;
    }
    calls_end_batch(a->ended, &also);
    if (!a->numberless) {
        const struct attempt_end end = attempt_end_of(a->ended, a->stopped);
        number_copy(&a->after, &a->number);
        attempt_settle(&a->after, p->campaign, dial_zone(p->campaign, &a->number, p->d->zone),
                       &end);
    }
    change(a, &also, true, on_settled);
    store_batch_free(&also);
}

static void attempt_advance(struct attempt *a)
{
    struct pacer *p = a->pacer;
    if (let_go(a) || a->settled || a->placing || a->reading || a->writing || a->timer ||
        p->d->closed)
        return;
    if (!p->campaign && !p->gone)
        pacer_read(p);
    else if (!a->known && !a->numberless && !p->gone)
        read_number(a, a->ended ? a->ended->campaign_number_id : a->number.id);
    else if (a->ended && a->numberless && !a->unrecorded && !p->gone)
        look_for_cdr(a);
    else if (a->ended)
        settle(a);
    else if (a->stage == STAGE_ANSWERED && !a->told && !a->numberless)
        write_answered(a);
}

bool attempts_ended(void *arg, struct call *c, struct store_batch *batch)
{
    struct dialer *d = arg;
    struct attempt *a = map_get(d->attempts, c->id);
    (void)batch; /* it is made again when it is written */
    if (!a)
        a = attempt_adopt(pacer_get(d, c->campaign_id), c);
    calls_hold(c);
    a->ended = c;
    attempt_soon(a);
    return true;
}

/* ---- What happens to the calls
 * --------------------------------------------------------------------------- */

static void customer_event(struct attempt *a, const struct bus_event *ev)
{
    enum call_state state = ev->call->state;
    if (call_is_over(state) && a->stage != STAGE_OVER) {
        enter(a, STAGE_OVER);
        attempt_soon(a);
    } else if (state == CALL_ANSWERED && a->stage == STAGE_CALLING) {
        enter(a, STAGE_ANSWERED);
        attempt_soon(a);
    }
}

void attempts_event(void *arg, const struct bus_event *ev)
{
    struct dialer *d = arg;
    bool of_call = ev->topic == BUS_CALL_CHANGED || ev->topic == BUS_CALL_ENDED;
    struct attempt *a = of_call ? map_get(d->attempts, ev->call->id) : NULL;
    if (ev->topic == BUS_BACKENDS || ev->topic == BUS_LINK)
        dialer_pace(d);
    if (!a)
        return;
    if (str_eq(a->call, ev->call->id))
        customer_event(a, ev);
    else
        agent_event(a, ev);
}

void attempt_lose(struct attempt *a)
{
    log_info("dialer", "an attempt is another gateway's now", LOG_S("call", a->call));
    a->settled = true;
    enter(a, STAGE_OVER);
    attempt_soon(a);
}

struct hang_up {
    struct dialer *d;
    char call[ID_SIZE];
};

/* While the backend is away for a moment nobody hears of it: asked once more. */
static void on_hung_up(void *arg, const struct call_answer *answer)
{
    struct hang_up *h = arg;
    struct attempt *a = map_get(h->d->attempts, h->call);
    if (answer->err != DG_OK && answer->err != DG_ECONFLICT && answer->err != DG_ENOTFOUND) {
        log_warn("dialer", "a call could not be hung up", LOG_S("call", h->call),
                 LOG_S("why", answer->message));
        if (a && str_eq(a->call, h->call))
            a->hung_up = false;
        else if (a)
            a->leg_hung_up = false;
        if (a && !h->d->stopping)
            attempt_later(a, TRY_AGAIN_MS);
    }
    h->d->asked--;
    free(h);
}

void attempt_hang_up(struct dialer *d, const char *call)
{
    if (d->stopping)
        return;
    struct hang_up *h = xcalloc(1, sizeof *h);
    h->d = d;
    snprintf(h->call, sizeof h->call, "%s", call);
    d->asked++;
    calls_hangup(d->config.calls, call, 0, on_hung_up, h);
}

void attempts_resume(struct pacer *p)
{
    for (struct link *i = p->attempts.next; i != &p->attempts; i = i->next)
        attempt_soon(list_item(i, struct attempt, link));
}

/* The campaign was stopped. Both legs of an answered call: a second one that was not hung up would
 * wait for the event. */
void attempts_stop(struct pacer *p)
{
    for (struct link *i = p->attempts.next, *next; i != &p->attempts; i = next) {
        struct attempt *a = list_item(i, struct attempt, link);
        next = i->next;
        if (a->stopped)
            continue;
        a->stopped = true;
        attempt_soon(a);
    }
}
