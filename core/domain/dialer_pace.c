/* dialer_pace.c - how many calls begin now, and of which campaign. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "domain/calls_private.h"
#include "domain/dialer_private.h"
#include "domain/ledger.h"

#define COUNT_MS 2000
#define PACE_MS  250 /* when nothing happens: numbers become due, hours begin */

size_t dialer_backend_room(const struct dialer *d)
{
    struct instance *in = calls_backend(d->config.calls);
    struct backend *b = in ? backend_of(d->config.calls, in) : NULL;
    return b && backend_up(b) ? admission_room(b->admission) : 0;
}

static unsigned cut(size_t n)
{
    return n < UINT32_MAX ? (unsigned)n : UINT32_MAX;
}

struct pacing_output pacer_decide(const struct pacer *p, size_t backend_room, uint64_t due)
{
    const struct campaign *c = p->campaign;
    unsigned calling = p->calling + p->claimed;
    const struct pacing_input in = {
        .rule = c->pacing,
        .due = due,
        .concurrent = c->concurrent_calls,
        .live = calling + p->answered,
        .ringing = calling,
        .waiting = p->answered > p->agents ? p->answered - p->agents : 0,
        .agents_free = agents_free(p),
        .rate_room = dial_rate_room(&p->rate, c->max_calls_per_second, clock_us()),
        .backend_room = cut(backend_room),
    };
    struct pacing_output out = pacing_decide(&in);
    if (out.bound == PACING_RATE || !c->max_calls_per_second)
        return out;
    /* numbers that were taken have not used their tokens yet */
    unsigned left = in.rate_room > p->claimed ? in.rate_room - p->claimed : 0;
    if (left < out.dial)
        out = (struct pacing_output){left, PACING_RATE};
    return out;
}

struct round {
    struct pacer **list;
    size_t count;
    size_t claimed; /* by all */
};

static void join_round(void *arg, const char *key, void *value)
{
    struct round *r = arg;
    struct pacer *p = value;
    (void)key;
    r->claimed += p->claimed;
    if (pacer_runs(p))
        r->list[r->count++] = p;
}

/* The more important first; among equals whoever has the fewest calls. */
static int by_priority(const void *a, const void *b)
{
    const struct pacer *x = *(struct pacer *const *)a, *y = *(struct pacer *const *)b;
    unsigned in_x = x->calling + x->answered + x->claimed;
    unsigned in_y = y->calling + y->answered + y->claimed;
    if (x->campaign->priority != y->campaign->priority)
        return x->campaign->priority > y->campaign->priority ? -1 : 1;
    if (in_x != in_y)
        return in_x < in_y ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

static void on_counts(void *arg, enum dg_err err, const char *message,
                      const struct campaign_counts *counts)
{
    struct pacer *p = arg;
    (void)message;
    p->counting = false;
    if (err == DG_OK && !counts->numbers[NUMBER_PENDING] && !counts->numbers[NUMBER_CALLING] &&
        !counts->numbers[NUMBER_ANSWERED] && pacer_runs(p)) {
        p->exhausted = true;
        log_info("dialer", "the numbers of a campaign are used up", LOG_I("campaign", p->id));
        notice_campaign(p->d, "campaign.exhausted", p->id);
    }
    pacer_let_go(p);
}

/* Nothing is due, and nobody is called: is anything left at all? */
static void look_for_the_end(struct pacer *p, uint64_t now)
{
    if (p->exhausted || p->counting || now < p->count_at_ms || p->claimed ||
        !list_empty(&p->attempts))
        return;
    p->counting = true;
    p->count_at_ms = now + COUNT_MS;
    ledger_counts(p->d->config.ledger, p->id, on_counts, p);
}

static void pace_one(struct pacer *p, size_t *room)
{
    uint64_t now = clock_ms();
    if (p->recovery != RECOVERY_DONE || (p->recover_again_ms && now >= p->recover_again_ms))
        recover_campaign(p);
    if (p->recovery == RECOVERY_DONE && now < p->dry_until_ms)
        look_for_the_end(p, now);
    if (p->recovery != RECOVERY_DONE || p->taking || now < p->dry_until_ms ||
        now < p->backend_until_ms)
        return;
    agents_ask(p, now);
    unsigned n = pacer_decide(p, *room, TAKE_MAX).dial;
    if (!n)
        return;
    *room -= n < *room ? n : *room;
    claim_take(p, n);
}

static void pace_now(void *arg)
{
    struct dialer *d = arg;
    struct round round = {.list = xcalloc(map_len(d->pacers) + 1, sizeof(struct pacer *))};
    d->pace_asked = false;
    if (d->started && !d->stopping) {
        map_each(d->pacers, join_round, &round);
        size_t room = dialer_backend_room(d);
        room = room > round.claimed ? room - round.claimed : 0;
        if (round.count)
            qsort(round.list, round.count, sizeof *round.list, by_priority);
        for (size_t i = 0; i < round.count; i++)
            pace_one(round.list[i], &room);
    }
    free(round.list);
}

void dialer_pace(struct dialer *d)
{
    if (d->pace_asked || d->stopping)
        return;
    d->pace_asked = true;
    loop_call(d->config.loop, pace_now, d);
}

void pace_start(void *arg)
{
    struct dialer *d = arg;
    d->pace_timer = loop_timer(d->config.loop, PACE_MS, pace_start, d);
    dialer_pace(d);
}
