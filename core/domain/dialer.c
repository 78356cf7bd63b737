/* dialer.c - which campaigns run here, and when there is something to do. */
#include "domain/dialer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/calls_private.h"
#include "domain/dialer_private.h"
#include "domain/ledger.h"

#define CLOSE_MS 10
#define COUNT_MS 2000
#define SCAN_MS  2000 /* campaigns that other gateways have started, stopped, or left */
#define PACE_MS  250  /* when nothing happens: numbers become due, hours begin */

static void on_scan_timer(void *arg);
static void on_pace_timer(void *arg);

const char *pacer_key(int64_t id, char out[24])
{
    snprintf(out, 24, "%lld", (long long)id);
    return out;
}

/* ---- Pacers ------------------------------------------------------------------------------ */

struct pacer *pacer_find(const struct dialer *d, int64_t id)
{
    char key[24];
    return map_get(d->pacers, pacer_key(id, key));
}

struct pacer *pacer_get(struct dialer *d, int64_t id)
{
    char key[24];
    struct pacer *p = pacer_find(d, id);
    if (p)
        return p;
    p = xcalloc(1, sizeof *p);
    p->d = d;
    p->id = id;
    list_init(&p->attempts);
    list_init(&p->commands);
    map_set(d->pacers, pacer_key(id, key), p);
    return p;
}

static void pacer_free(void *value)
{
    struct pacer *p = value;
    commands_drop(p);
    while (!list_empty(&p->attempts))
        attempt_free(list_item(p->attempts.next, struct attempt, link));
    campaign_free(p->campaign);
    free(p);
}

bool pacer_runs(const struct pacer *p)
{
    return p->campaign && !p->gone && p->campaign->status == CAMPAIGN_RUNNING && lease_valid(p) &&
           !p->d->stopping;
}

void pacer_let_go(struct pacer *p)
{
    char key[24];
    bool running = p->campaign && !p->gone && p->campaign->status == CAMPAIGN_RUNNING;
    if (running || p->reading || p->renewing || p->taking || p->claimed || p->recovering ||
        p->counting || p->lease != LEASE_NONE || !list_empty(&p->attempts) ||
        !list_empty(&p->commands))
        return;
    map_del(p->d->pacers, pacer_key(p->id, key));
    pacer_free(p);
}

/* What another gateway, or a client of this one, has done to the campaign. */
static void take_notice(struct pacer *p, enum campaign_status before)
{
    enum campaign_status now = p->gone ? CAMPAIGN_STOPPED : p->campaign->status;
    if (now == CAMPAIGN_RUNNING) {
        p->exhausted = p->exhausted && before == now;
        lease_ask(p);
        return;
    }
    if (now == CAMPAIGN_STOPPED)
        attempts_stop(p);
    lease_give_back(p);
}

void pacer_use(struct pacer *p, struct campaign *c)
{
    enum campaign_status before = p->campaign ? p->campaign->status : CAMPAIGN_STOPPED;
    campaign_free(p->campaign);
    p->campaign = c;
    take_notice(p, before);
    attempts_resume(p);
    commands_advance(p);
    dialer_pace(p->d);
}

static void on_read(void *arg, const struct store_doc *doc)
{
    struct pacer *p = arg;
    p->reading = false;
    if (p->read_again) { /* it was changed after this was asked for */
        p->read_again = false;
        pacer_read(p);
        return;
    }
    struct campaign *c = doc->err == DG_OK ? campaign_read(doc->id, doc->version, doc->json) : NULL;
    if (c) {
        pacer_use(p, c);
    } else if (doc->err == DG_ENOTFOUND) {
        p->gone = true;
        take_notice(p, CAMPAIGN_STOPPED);
        attempts_resume(p);
        commands_advance(p);
    } /* else the next scan asks again */
    pacer_let_go(p);
}

void pacer_read(struct pacer *p)
{
    char key[24];
    p->read_again = p->reading;
    if (p->reading)
        return;
    p->reading = true;
    store_get_json(p->d->config.store, COLLECTION_CAMPAIGNS, pacer_key(p->id, key), on_read, p);
}

/* ---- Looking at the store ------------------------------------------------------------------- */

static void take_up(struct dialer *d, const struct dg_doc *doc)
{
    json_t *json = json_parse(doc->json.ptr, doc->json.len, 16, NULL);
    struct campaign *c = json ? campaign_read(doc->id, doc->version, json) : NULL;
    json_decref(json);
    if (!c) {
        log_error("dialer", "unreadable record of a campaign", LOG_S("campaign", doc->id));
        return;
    }
    struct pacer *p = pacer_get(d, c->id);
    p->scan = d->scans;
    if (p->campaign && c->version < p->campaign->version)
        campaign_free(c); /* it was read before it was changed */
    else
        pacer_use(p, c);
}

static void look_after(void *arg, const char *key, void *value)
{
    struct dialer *d = arg;
    struct pacer *p = value;
    (void)key;
    bool runs = p->campaign && !p->gone && p->campaign->status == CAMPAIGN_RUNNING;
    if (p->scan != d->scans && (runs || !p->campaign))
        pacer_read(p);
    else if (runs)
        lease_ask(p);
    else
        pacer_let_go(p);
}

static void on_scanned(void *arg, const struct op_result *res)
{
    struct dialer *d = arg;
    d->scanning = false;
    if (d->stopping)
        return;
    for (size_t i = 0; res->err == DG_OK && i < res->count; i++)
        take_up(d, res->items[i]);
    if (res->err == DG_OK)
        map_each(d->pacers, look_after, d);
    else if (res->err != DG_EUNAVAILABLE)
        log_warn("dialer", "running campaigns could not be looked for", LOG_S("why", res->message));
    dialer_pace(d);
}

void dialer_look(struct dialer *d)
{
    const struct dg_where where = {.field = "status", .compare = DG_EQ, .value = "running"};
    const struct dg_query query = {
        .collection = COLLECTION_CAMPAIGNS, .where = &where, .where_count = 1};
    if (d->scanning || d->stopping || !d->started)
        return;
    d->scanning = true;
    d->scans++;
    store_query(d->config.store, &query, on_scanned, d);
}

static void on_scan_timer(void *arg)
{
    struct dialer *d = arg;
    d->scan_timer = loop_timer(d->config.loop, SCAN_MS, on_scan_timer, d);
    dialer_look(d);
}

/* ---- Pacing ------------------------------------------------------------------------------------
 */

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
        .agents_free = p->agents ? 0 : 1,
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

static void on_pace_timer(void *arg)
{
    struct dialer *d = arg;
    d->pace_timer = loop_timer(d->config.loop, PACE_MS, on_pace_timer, d);
    dialer_pace(d);
}

void dialer_wake(struct dialer *d, int64_t campaign)
{
    struct pacer *p = pacer_find(d, campaign);
    if (!p)
        return;
    p->dry_until_ms = 0;
    p->exhausted = false;
    dialer_pace(d);
}

struct dialer_live dialer_live(const struct dialer *d, int64_t campaign)
{
    const struct pacer *p = pacer_find(d, campaign);
    return p ? (struct dialer_live){p->calling, p->answered, p->agents} : (struct dialer_live){0};
}

/* ---- Beginning and end
 * ---------------------------------------------------------------------------- */

struct dialer *dialer_new(const struct dialer_config *config)
{
    struct dialer *d = xcalloc(1, sizeof *d);
    d->config = *config;
    d->zone = str_empty(config->timezone) ? NULL : zone_find(config->timezone);
    if (!d->zone)
        d->zone = zone_find("UTC");
    d->pacers = map_new();
    d->attempts = map_new();
    list_init(&d->work);
    return d;
}

static void adopt(void *arg, struct call *c)
{
    struct dialer *d = arg;
    if (c->campaign_id && !c->leg)
        attempt_adopt(pacer_get(d, c->campaign_id), c);
}

static void adopt_leg(void *arg, struct call *c)
{
    struct dialer *d = arg;
    if (!c->leg || !c->peer)
        return;
    struct attempt *a = map_get(d->attempts, c->peer);
    if (a)
        agent_adopt(a, c);
    else
        attempt_hang_up(d, c->id); /* whoever it was for is gone */
}

static void read_all(void *arg, const char *key, void *value)
{
    (void)arg;
    (void)key;
    pacer_read(value);
}

void dialer_start(struct dialer *d)
{
    d->started = true;
    bus_subscribe(d->config.bus, attempts_event, d);
    calls_set_ended(d->config.calls, attempts_ended, d);
    calls_each(d->config.calls, adopt, d);
    calls_each(d->config.calls, adopt_leg, d);
    map_each(d->pacers, read_all, NULL);
    on_scan_timer(d);
    on_pace_timer(d);
}

static void stop_pacer(void *arg, const char *key, void *value)
{
    (void)arg;
    (void)key;
    lease_give_back(value);
}

void dialer_stop(struct dialer *d)
{
    if (d->stopping || !d->started)
        return;
    loop_timer_stop(d->config.loop, d->scan_timer);
    loop_timer_stop(d->config.loop, d->pace_timer);
    map_each(d->pacers, stop_pacer, NULL);
    d->stopping = true;
}

static void count_busy(void *arg, const char *key, void *value)
{
    const struct pacer *p = value;
    size_t *busy = arg;
    (void)key;
    *busy += p->reading || p->renewing || p->taking || p->recovering || p->counting ||
             !list_empty(&p->commands);
    for (const struct link *i = p->attempts.next; i != &p->attempts; i = i->next) {
        const struct attempt *a = list_item(i, struct attempt, link);
        *busy += a->placing || a->reading || a->refusing || a->leg_placing || a->leg_joining;
    }
}

static void close_if_idle(void *arg)
{
    struct dialer *d = arg;
    size_t busy = d->scanning || d->pace_asked || d->work_asked || d->asked;
    d->close_timer = NULL;
    map_each(d->pacers, count_busy, &busy);
    if (busy) {
        d->close_timer = loop_timer(d->config.loop, CLOSE_MS, close_if_idle, d);
        return;
    }
    if (d->started) {
        calls_set_ended(d->config.calls, NULL, NULL);
        bus_unsubscribe(d->config.bus, attempts_event, d);
    }
    d->closed = true;
    d->close_fn(d->close_arg);
}

void dialer_close(struct dialer *d, dg_fn *fn, void *arg)
{
    d->stopping = true;
    d->close_fn = fn;
    d->close_arg = arg;
    d->close_timer = loop_timer(d->config.loop, 0, close_if_idle, d);
}

void dialer_free(struct dialer *d)
{
    if (!d)
        return;
    map_free(d->pacers, pacer_free);
    map_free(d->attempts, NULL);
    free(d);
}
