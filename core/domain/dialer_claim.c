/* dialer_claim.c - numbers that are due: taken from the store, looked at, and
 * dialled, put off, or refused. What was taken and not dialled can be taken
 * again after a while, or as soon as its claim is given back. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/dialer_private.h"
#include "domain/dnc.h"

#define DRY_MS     500  /* after nothing was due */
#define BROKEN_MS  1000 /* after the store has refused */
#define PUT_OFF_MS 86400000

struct claim {
    struct pacer *p;
    unsigned asked; /* how many are counted as claimed */
    struct number *numbers;
    size_t count;
    struct number *refused; /* as they are to be */
    struct ledger_entry *entries;
    size_t refused_count;
};

static void claim_free(struct claim *c)
{
    for (size_t i = 0; i < c->count; i++)
        number_clear(&c->numbers[i]);
    for (size_t i = 0; i < c->refused_count; i++)
        number_clear(&c->refused[i]);
    free(c->numbers);
    free(c->refused);
    free(c->entries);
    free(c);
}

static void claim_end(struct claim *c)
{
    struct pacer *p = c->p;
    p->claimed -= c->asked;
    p->taking = false;
    claim_free(c);
    dialer_pace(p->d);
    pacer_let_go(p);
}

/* ---- Each number ------------------------------------------------------------------------- */

static void on_refused(void *arg, const struct ledger_result *res)
{
    (void)arg; /* they are taken once more when their claim is over */
    if (res->err != DG_OK && res->err != DG_ECONFLICT && res->err != DG_ENOTFOUND)
        log_warn("dialer", "numbers that are not dialled could not be written down",
                 LOG_S("why", res->message));
}

static struct number *refuse(struct claim *c, const struct number *n)
{
    struct number *after = &c->refused[c->refused_count];
    number_copy(after, n);
    free(after->claimed_by);
    after->claimed_by = NULL;
    after->claimed_until_ms = 0;
    after->updated_at_ms = clock_unix_ms();
    c->entries[c->refused_count++] = (struct ledger_entry){n, after};
    return after;
}

static void fail(struct claim *c, const struct number *n, enum refused reason, const char *why)
{
    count_refused(c->p->d, reason);
    log_info("dialer", "a number is not dialled", LOG_I("campaign", c->p->id),
             LOG_I("number", n->id), LOG_S("why", why));
    refuse(c, n)->status = NUMBER_FAILED;
}

/* Its own zone may have other hours than the campaign's. */
static bool put_off(struct claim *c, const struct number *n)
{
    const struct campaign *campaign = c->p->campaign;
    int64_t now_ms = clock_unix_ms();
    struct calling_window w =
        calling_hours_at(&campaign->hours, dial_zone(campaign, n, c->p->d->zone), now_ms / 1000);
    if (w.open)
        return false;
    count_refused(c->p->d, REFUSED_HOURS);
    refuse(c, n)->due_at_ms = w.until == CALLING_HOURS_NEVER ? now_ms + PUT_OFF_MS : w.until * 1000;
    return true;
}

static void dial(struct claim *c, const struct number *n)
{
    struct problem problem;
    char *endpoint = dial_endpoint(c->p->campaign, n->phone_number, &problem);
    if (endpoint)
        attempt_begin(c->p, n, endpoint);
    else
        fail(c, n, REFUSED_NUMBER, problem.text);
    free(endpoint);
}

static void each(struct claim *c, const bool *listed)
{
    struct pacer *p = c->p;
    c->refused = xcalloc(c->count + 1, sizeof *c->refused);
    c->entries = xcalloc(c->count + 1, sizeof *c->entries);
    for (size_t i = 0; i < c->count; i++) {
        const struct number *n = &c->numbers[i];
        p->claimed--;
        c->asked--;
        if (listed && listed[i])
            fail(c, n, REFUSED_DNC, "it is on the do-not-call list");
        else if (!put_off(c, n))
            dial(c, n);
    }
    const struct ledger_change change = {
        .campaign = p->id, .entries = c->entries, .count = c->refused_count};
    if (c->refused_count)
        ledger_write(p->d->config.ledger, &change, on_refused, NULL);
    if (c->refused_count == c->count && c->count)
        p->dry_until_ms = 0;
    claim_end(c);
}

/* ---- Taking -------------------------------------------------------------------------------- */

static void on_listed(void *arg, enum dg_err err, const char *message, const bool *listed)
{
    struct claim *c = arg;
    struct pacer *p = c->p;
    if (err != DG_OK)
        log_warn("dialer", "the do-not-call list could not be read: nothing is dialled",
                 LOG_I("campaign", p->id), LOG_S("why", message));
    if (err == DG_OK && pacer_runs(p)) {
        each(c, listed);
        return;
    }
    if (err != DG_OK)
        p->dry_until_ms = clock_ms() + BROKEN_MS;
    claims_release(p);
    claim_end(c);
}

static void check(struct claim *c)
{
    struct pacer *p = c->p;
    if (!p->campaign->dnc) {
        each(c, NULL);
        return;
    }
    const char **numbers = xcalloc(c->count, sizeof *numbers);
    for (size_t i = 0; i < c->count; i++)
        numbers[i] = c->numbers[i].phone_number;
    dnc_listed(p->d->config.store, numbers, c->count, on_listed, c);
    free(numbers);
}

static void on_taken(void *arg, const struct op_result *res)
{
    struct claim *c = arg;
    struct pacer *p = c->p;
    c->numbers = xcalloc(res->count + 1, sizeof *c->numbers);
    for (size_t i = 0; i < res->count; i++) {
        if (number_of_doc(&c->numbers[c->count], res->items[i]))
            c->count++;
        else
            log_error("dialer", "unreadable record of a number", LOG_I("campaign", p->id));
    }
    if (res->err != DG_OK) {
        log_warn("dialer", "no numbers could be taken", LOG_I("campaign", p->id),
                 LOG_S("why", res->message));
        p->dry_until_ms = clock_ms() + BROKEN_MS;
    } else if (c->count < c->asked) {
        p->dry_until_ms = clock_ms() + DRY_MS;
    }
    p->claimed -= c->asked - (unsigned)c->count;
    c->asked = (unsigned)c->count;
    if (c->count && pacer_runs(p)) {
        check(c);
        return;
    }
    if (c->count)
        claims_release(p);
    claim_end(c);
}

/* While the campaign's own zone has no calling hours, those of another may have. */
static bool only_other_zones(const struct pacer *p)
{
    const struct campaign *c = p->campaign;
    return !calling_hours_at(&c->hours, dial_zone(c, NULL, p->d->zone), clock_unix_ms() / 1000)
                .open;
}

void claim_take(struct pacer *p, unsigned count)
{
    char id[24];
    struct claim *c = xcalloc(1, sizeof *c);
    const struct dg_where where[] = {
        {.field = "campaign_id", .compare = DG_EQ, .value = pacer_key(p->id, id)},
        {.field = "status", .compare = DG_EQ, .value = "pending"},
        {.field = "due_at", .compare = DG_LE, .value = "@now"},
        {.field = "claimed_until", .compare = DG_IS_NULL, .value = "true", .group = 1},
        {.field = "claimed_until", .compare = DG_LT, .value = "@now", .group = 1},
        {.field = "timezone", .compare = DG_IS_NULL, .value = "false"},
    };
    const size_t conditions = sizeof where / sizeof *where;
    struct buf set;
    struct json_writer w;
    char *until = xasprintf("@now+%d", CLAIM_MS);
    *c = (struct claim){.p = p, .asked = count < TAKE_MAX ? count : TAKE_MAX};
    buf_init(&set, BUF_MAX);
    jw_init(&w, &set);
    jw_object(&w, NULL);
    jw_str(&w, "claimed_by", p->d->config.node);
    jw_str(&w, "claimed_until", until);
    jw_end(&w);
    const struct dg_take take = {
        .from = {.collection = COLLECTION_NUMBERS,
                 .where = where,
                 .where_count = only_other_zones(p) ? conditions : conditions - 1,
                 .order_by = "due_at",
                 .limit = c->asked},
        .set = {set.ptr, set.len}};
    p->taking = true;
    p->claimed += c->asked;
    store_take(p->d->config.store, &take, on_taken, c);
    buf_free(&set);
    free(until);
}

static void ignore(void *arg, const struct op_result *res)
{
    (void)arg;
    (void)res;
}

static void release(struct pacer *p, const struct dg_where where[3])
{
    const char set[] = "{\"claimed_by\":null,\"claimed_until\":null}";
    const struct dg_change change = {.collection = COLLECTION_NUMBERS,
                                     .where = where,
                                     .where_count = 3,
                                     .set = {set, sizeof set - 1}};
    store_change(p->d->config.store, &change, ignore, NULL);
}

void claim_release(struct pacer *p, int64_t number)
{
    char id[24];
    const struct dg_where where[] = {
        {.field = "id", .compare = DG_EQ, .value = pacer_key(number, id)},
        {.field = "status", .compare = DG_EQ, .value = "pending"},
        {.field = "claimed_by", .compare = DG_EQ, .value = p->d->config.node},
    };
    release(p, where);
}

void claims_release(struct pacer *p)
{
    char id[24];
    const struct dg_where where[] = {
        {.field = "campaign_id", .compare = DG_EQ, .value = pacer_key(p->id, id)},
        {.field = "status", .compare = DG_EQ, .value = "pending"},
        {.field = "claimed_by", .compare = DG_EQ, .value = p->d->config.node},
    };
    release(p, where);
}
