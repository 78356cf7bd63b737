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
#include "data/notes.h"
#include "domain/dialer_private.h"
#include "domain/ledger.h"

#define CLOSE_MS 10
#define SCAN_MS  2000 /* campaigns that other gateways have started, stopped, or left */

static void on_scan_timer(void *arg);

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
        p->counting || p->asking_agents || p->lease != LEASE_NONE || !list_empty(&p->attempts) ||
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
    if (now == CAMPAIGN_STOPPED) {
        attempts_stop(p);
        if (before != now && p->lease != LEASE_NONE && !p->gone)
            command_follow(p);
    }
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
    follow_calls(d);
    dialer_look(d);
}

/* ---- Hints ------------------------------------------------------------------------------------
 */

void dialer_wake(struct dialer *d, int64_t campaign)
{
    struct pacer *p = pacer_find(d, campaign);
    if (!p || d->stopping)
        return;
    p->dry_until_ms = 0;
    p->exhausted = false;
    pacer_read(p);
    dialer_pace(d);
}

/* Another gateway has moved a campaign, or does not pace it any more. */
static void on_note(void *arg, const char *text)
{
    struct dialer *d = arg;
    int64_t campaign;
    if (!text || !str_to_int(text, &campaign))
        dialer_look(d);
    else if (!d->stopping)
        pacer_read(pacer_get(d, campaign));
}

void dialer_tell(struct dialer *d, int64_t campaign)
{
    char id[24];
    if (d->config.notes)
        notes_publish(d->config.notes, NOTE_CAMPAIGN, pacer_key(campaign, id));
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
    dialer_metrics_init(d);
    return d;
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
    follow_calls(d);
    map_each(d->pacers, read_all, NULL);
    notes_subscribe(d->config.notes, NOTE_CAMPAIGN, on_note, d);
    on_scan_timer(d);
    pace_start(d);
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
    notes_unsubscribe(d->config.notes, NOTE_CAMPAIGN, on_note, d);
    map_each(d->pacers, stop_pacer, NULL);
    d->stopping = true;
}

static void count_busy(void *arg, const char *key, void *value)
{
    const struct pacer *p = value;
    size_t *busy = arg;
    (void)key;
    *busy += p->reading || p->renewing || p->taking || p->recovering || p->counting ||
             p->asking_agents || !list_empty(&p->commands);
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
