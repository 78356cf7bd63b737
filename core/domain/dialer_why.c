/* dialer_why.c - what keeps a campaign from dialling. It asks the functions that
 * decide (pacer_runs, pacer_decide), so that it cannot say anything else. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/dialer_private.h"
#include "domain/ledger.h"

struct question {
    struct dialer *d;
    int64_t id;
    dialer_why_fn *fn;
    void *arg;
    struct campaign *campaign;
    struct campaign_counts counts;
    struct dialer_why why;
    uint64_t due_elsewhere; /* due numbers with a zone of their own */
};

static void done(struct question *q, enum dg_err err, const char *message)
{
    q->d->asked--;
    q->fn(q->arg, err, message, err == DG_OK ? &q->why : NULL);
    campaign_free(q->campaign);
    free(q);
}

__attribute__((format(printf, 3, 4))) static void reason(struct question *q, const char *code,
                                                         const char *fmt, ...)
{
    struct dialer_why *w = &q->why;
    if (w->reason_count == DIALER_REASONS_MAX)
        return;
    struct dialer_reason *r = &w->reasons[w->reason_count++];
    va_list args;
    va_start(args, fmt);
    r->code = code;
    vsnprintf(r->text, sizeof r->text, fmt, args);
    va_end(args);
}

/* ---- The reasons, the most telling first --------------------------------------------------- */

static void about_status(struct question *q)
{
    const struct campaign *c = q->campaign;
    struct problem problem;
    if (c->status != CAMPAIGN_RUNNING)
        reason(q, c->status == CAMPAIGN_PAUSED ? "paused" : "stopped", "The campaign is %s",
               campaign_status_name(c->status));
    else if (!dial_check(c, &problem) || !agents_check(q->d, c, &problem))
        reason(q, "invalid", "%.190s", problem.text);
}

static void about_lease(struct question *q, const struct pacer *p)
{
    const struct campaign *c = q->campaign;
    bool free_lease = str_empty(c->lease_node) || c->lease_until_ms < clock_unix_ms();
    if (c->status != CAMPAIGN_RUNNING || (p && pacer_runs(p)))
        return;
    if (!free_lease && !str_eq(c->lease_node, q->d->config.node))
        reason(q, "other_gateway", "The campaign is paced by the gateway %s, which knows more",
               c->lease_node);
    else
        reason(q, "no_lease", "No gateway paces the campaign yet");
}

static void about_window(struct question *q)
{
    const struct campaign *c = q->campaign;
    const struct zone *zone = dial_zone(c, NULL, q->d->zone);
    struct calling_window w = calling_hours_at(&c->hours, zone, clock_unix_ms() / 1000);
    char iso[CLOCK_ISO_SIZE];
    q->why.window_open = w.open;
    q->why.window_changes_ms = w.until == CALLING_HOURS_NEVER ? 0 : w.until * 1000;
    if (w.open)
        return;
    clock_iso_utc(q->why.window_changes_ms, iso);
    if (q->why.window_changes_ms)
        reason(q, "window_closed", "Calling hours (%s) begin at %s", zone_name(zone), iso);
    else
        reason(q, "window_closed", "There are no calling hours (%s) within a week",
               zone_name(zone));
}

static void about_numbers(struct question *q)
{
    const struct dialer_why *w = &q->why;
    char iso[CLOCK_ISO_SIZE];
    uint64_t due = w->window_open ? w->due : q->due_elsewhere;
    if (!w->pending) {
        reason(q, "no_numbers", "No number is pending: all %lld are done with or being called",
               (long long)campaign_counts_total(&q->counts));
    } else if (!w->due && w->next_due_ms) {
        clock_iso_utc(w->next_due_ms, iso);
        reason(q, "no_numbers_due", "%llu numbers are pending, the first is due at %s",
               (unsigned long long)w->pending, iso);
    } else if (!due && w->window_open) {
        reason(q, "no_numbers_due", "The numbers that are pending are being dialled");
    }
}

static void about_backend(struct question *q)
{
    struct instance *in = calls_backend(q->d->config.calls);
    q->why.backend = in ? in->name : NULL;
    q->why.backend_up = in && in->link == DG_LINK_UP;
    if (!in)
        reason(q, "link_down", "There is no backend");
    else if (!q->why.backend_up)
        reason(q, "link_down", "The backend %s is not connected%s%.120s", in->name,
               in->link_detail ? ": " : "", in->link_detail ? in->link_detail : "");
}

static void about_pacing(struct question *q, const struct pacer *p)
{
    const struct campaign *c = q->campaign;
    struct dialer_why *w = &q->why;
    if (!p || !pacer_runs(p))
        return;
    if (p->recovery != RECOVERY_DONE) {
        reason(q, "recovering", "What was left of earlier attempts is being looked at");
        return;
    }
    switch (pacer_decide(p, dialer_backend_room(q->d), UINT32_MAX).bound) {
    case PACING_CONCURRENCY:
        reason(q, "concurrency", "%u of %u calls at once are up",
               p->calling + p->answered + p->claimed, c->concurrent_calls);
        break;
    case PACING_AGENTS:
        reason(q, "agents", "%u agents are free, %u calls ring, %u agents are rung or talk",
               agents_free(p), p->calling + p->claimed, p->agents);
        break;
    case PACING_RATE:
        if (!w->rate_room)
            reason(q, "rate", "The campaign may begin %u calls per second", w->rate_per_second);
        break;
    case PACING_BACKEND:
        if (w->backend_up && !dialer_backend_room(q->d))
            reason(q, "backend_limit", "The backend %s takes no more calls now", w->backend);
        break;
    default:
        break;
    }
}

static void conclude(struct question *q)
{
    const struct campaign *c = q->campaign;
    struct dialer_why *w = &q->why;
    const struct pacer *p = pacer_find(q->d, q->id);
    if (p) {
        w->calling = p->calling;
        w->answered = p->answered;
    }
    w->status = campaign_status_name(c->status);
    w->node = c->lease_until_ms > clock_unix_ms() ? c->lease_node : NULL;
    w->lease_until_ms = w->node ? c->lease_until_ms : 0;
    w->concurrent = c->concurrent_calls;
    w->pending = (uint64_t)q->counts.numbers[NUMBER_PENDING];
    w->rate_per_second = c->max_calls_per_second;
    w->rate_room = p ? dial_rate_room(&p->rate, c->max_calls_per_second, clock_us()) : 0;
    about_status(q);
    about_window(q);
    about_lease(q, p);
    about_backend(q);
    about_numbers(q);
    about_pacing(q, p);
    w->dialing = w->reason_count == 0;
    done(q, DG_OK, NULL);
}

/* ---- What stands in the store ------------------------------------------------------------------
 */

static void on_next(void *arg, const struct op_result *res)
{
    struct question *q = arg;
    struct number n = {0};
    if (res->count && number_of_doc(&n, res->items[0]))
        q->why.next_due_ms = n.due_at_ms;
    number_clear(&n);
    conclude(q);
}

static void ask_next(struct question *q)
{
    char id[24];
    const struct dg_where where[] = {
        {.field = "campaign_id", .compare = DG_EQ, .value = pacer_key(q->id, id)},
        {.field = "status", .compare = DG_EQ, .value = "pending"},
        {.field = "due_at", .compare = DG_GT, .value = "@now"},
    };
    const struct dg_query query = {.collection = COLLECTION_NUMBERS,
                                   .where = where,
                                   .where_count = 3,
                                   .order_by = "due_at",
                                   .limit = 1};
    store_query(q->d->config.store, &query, on_next, q);
}

static uint64_t tallied(const struct op_result *res)
{
    const struct dg_tally_row *row = op_first(res, struct dg_tally_row);
    return row ? row->count : 0;
}

static void on_due_elsewhere(void *arg, const struct op_result *res)
{
    struct question *q = arg;
    q->due_elsewhere = tallied(res);
    ask_next(q);
}

static void count_due(struct question *q, bool elsewhere, op_fn *fn)
{
    char id[24];
    const struct dg_where where[] = {
        {.field = "campaign_id", .compare = DG_EQ, .value = pacer_key(q->id, id)},
        {.field = "status", .compare = DG_EQ, .value = "pending"},
        {.field = "due_at", .compare = DG_LE, .value = "@now"},
        {.field = "timezone", .compare = DG_IS_NULL, .value = "false"},
    };
    const struct dg_tally tally = {
        .collection = COLLECTION_NUMBERS, .where = where, .where_count = elsewhere ? 4 : 3};
    store_tally(q->d->config.store, &tally, fn, q);
}

static void on_due(void *arg, const struct op_result *res)
{
    struct question *q = arg;
    if (res->err != DG_OK) {
        done(q, res->err, res->message);
        return;
    }
    q->why.due = tallied(res);
    if (q->why.due)
        count_due(q, true, on_due_elsewhere);
    else
        ask_next(q);
}

static void on_counts(void *arg, enum dg_err err, const char *message,
                      const struct campaign_counts *counts)
{
    struct question *q = arg;
    if (err != DG_OK) {
        done(q, err, message);
        return;
    }
    q->counts = *counts;
    count_due(q, false, on_due);
}

static void on_campaign(void *arg, const struct store_doc *doc)
{
    struct question *q = arg;
    q->campaign = doc->err == DG_OK ? campaign_read(doc->id, doc->version, doc->json) : NULL;
    if (q->campaign)
        ledger_counts(q->d->config.ledger, q->id, on_counts, q);
    else if (doc->err == DG_ENOTFOUND)
        done(q, DG_ENOTFOUND, "Campaign not found");
    else
        done(q, doc->err == DG_OK ? DG_EINTERNAL : doc->err,
             doc->err == DG_OK ? "Unreadable record" : doc->message);
}

void dialer_why(struct dialer *d, int64_t campaign, dialer_why_fn *fn, void *arg)
{
    char id[24];
    struct question *q = xcalloc(1, sizeof *q);
    *q = (struct question){.d = d, .id = campaign, .fn = fn, .arg = arg};
    d->asked++;
    store_get_json(d->config.store, COLLECTION_CAMPAIGNS, pacer_key(campaign, id), on_campaign, q);
}
