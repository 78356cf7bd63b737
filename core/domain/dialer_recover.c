/* dialer_recover.c - attempts that were left behind: by a run of this gateway that
 * ended, or by another gateway that does not pace the campaign any more.
 *
 * A number that is `calling` or `answered` has a call. One that lives here is
 * followed already; one that is over settles its number; one that is not in the
 * store was never dialled. One that lives on another gateway is that one's, or
 * of whoever takes its calls over: it is looked at again after a while.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/dialer_private.h"
#include "domain/ledger.h"

#define PAGE     500
#define AGAIN_MS 10000

struct recovery {
    struct pacer *p;
    struct number *numbers; /* of this page */
    size_t count, at;
    int64_t after; /* the last id that was read */
    bool last;     /* there is no page behind this one */
    bool others, failed;
    struct number changed;
};

static void next_page(struct recovery *r);
static void next_number(struct recovery *r);

static void clear(struct recovery *r)
{
    for (size_t i = 0; i < r->count; i++)
        number_clear(&r->numbers[i]);
    free(r->numbers);
    r->numbers = NULL;
    r->count = r->at = 0;
}

static void end(struct recovery *r)
{
    struct pacer *p = r->p;
    bool first = p->recovery != RECOVERY_DONE;
    p->recovery = r->failed && first ? RECOVERY_DUE : RECOVERY_DONE;
    p->recovering = false;
    p->recover_again_ms = r->failed || r->others ? clock_ms() + AGAIN_MS : 0;
    clear(r);
    free(r);
    dialer_pace(p->d);
    pacer_let_go(p);
}

/* ---- One number ------------------------------------------------------------------------------ */

static void on_changed(void *arg, const struct ledger_result *res)
{
    struct recovery *r = arg;
    if (r->p->d->closed)
        return;
    number_clear(&r->changed);
    if (res->err != DG_OK && res->err != DG_ECONFLICT && res->err != DG_ENOTFOUND) {
        log_warn("dialer", "an attempt that was left behind could not be settled",
                 LOG_I("campaign", r->p->id), LOG_S("why", res->message));
        r->failed = true;
    }
    next_number(r);
}

static void on_call(void *arg, const struct call_answer *answer)
{
    struct recovery *r = arg;
    struct pacer *p = r->p;
    const struct number *n = &r->numbers[r->at - 1];
    const struct call *c = answer->call;
    bool never = answer->err == DG_ENOTFOUND;
    if (!never && (answer->err != DG_OK || !call_is_over(c->state) || !p->campaign)) {
        r->failed |= answer->err != DG_OK;
        r->others |= answer->err == DG_OK;
        next_number(r);
        return;
    }
    number_copy(&r->changed, n);
    const struct ledger_entry entry = {n, &r->changed};
    struct ledger_change change = {.campaign = p->id, .entries = &entry, .count = 1};
    if (never) {
        attempt_undo(&r->changed);
    } else { /* its CDR was written, but not counted */
        const struct attempt_end end = attempt_end_of(c, false);
        attempt_settle(&r->changed, p->campaign, dial_zone(p->campaign, n, p->d->zone), &end);
        change.calls = 1;
        change.answered = c->answered_at_ms != 0;
    }
    count_recovered(p->d);
    log_info("dialer", "an attempt that was left behind is settled", LOG_I("number", n->id),
             LOG_S("call", n->call_id), LOG_S("status", number_status_name(r->changed.status)));
    ledger_write(p->d->config.ledger, &change, on_changed, r);
}

static void next_number(struct recovery *r)
{
    struct dialer *d = r->p->d;
    while (r->at < r->count) {
        const struct number *n = &r->numbers[r->at++];
        if (map_get(d->attempts, n->call_id))
            continue;
        calls_get(d->config.calls, n->call_id, on_call, r);
        return;
    }
    clear(r);
    if (r->last || r->failed || d->stopping)
        end(r);
    else
        next_page(r);
}

/* ---- All of a campaign --------------------------------------------------------------------------
 */

static void on_page(void *arg, const struct op_result *res)
{
    struct recovery *r = arg;
    r->failed |= res->err != DG_OK;
    r->last = res->count < PAGE;
    r->numbers = xcalloc(res->count + 1, sizeof *r->numbers);
    for (size_t i = 0; i < res->count; i++) {
        if (number_of_doc(&r->numbers[r->count], res->items[i]))
            r->after = r->numbers[r->count++].id;
    }
    next_number(r);
}

static void next_page(struct recovery *r)
{
    char campaign[24], after[24];
    const struct dg_where where[] = {
        {.field = "campaign_id", .compare = DG_EQ, .value = pacer_key(r->p->id, campaign)},
        {.field = "status", .compare = DG_IN, .value = "[\"calling\",\"answered\"]"},
        {.field = "id", .compare = DG_GT, .value = pacer_key(r->after, after)},
    };
    const struct dg_query query = {
        .collection = COLLECTION_NUMBERS, .where = where, .where_count = 3, .limit = PAGE};
    store_query(r->p->d->config.store, &query, on_page, r);
}

void recover_campaign(struct pacer *p)
{
    if (p->recovering)
        return;
    struct recovery *r = xcalloc(1, sizeof *r);
    r->p = p;
    p->recovering = true;
    p->recover_again_ms = 0;
    if (p->recovery == RECOVERY_DUE)
        claims_release(p);
    next_page(r);
}
