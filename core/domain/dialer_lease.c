/* dialer_lease.c - who paces a campaign: the one gateway whose name stands in it,
 * for as long as it renews that. The times are the store's own. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/dialer_private.h"

bool lease_valid(const struct pacer *p)
{
    return p->lease == LEASE_HELD && clock_ms() < p->lease_since_ms + LEASE_MS - LEASE_MARGIN_MS;
}

struct renewal {
    struct pacer *p;
    uint64_t asked_ms;
};

static void held(struct pacer *p, uint64_t asked_ms)
{
    if (p->lease != LEASE_HELD) {
        log_info("dialer", "the campaign is paced here", LOG_I("campaign", p->id));
        p->recovery = RECOVERY_DUE;
        count_paced(p->d, 1);
    }
    p->lease = LEASE_HELD;
    p->lease_since_ms = asked_ms;
    dialer_pace(p->d);
}

static void lose(struct pacer *p)
{
    if (p->lease == LEASE_HELD)
        count_paced(p->d, -1);
    p->lease = LEASE_NONE;
}

static void not_held(struct pacer *p)
{
    if (p->lease == LEASE_HELD)
        log_warn("dialer", "the campaign is paced by another gateway now",
                 LOG_I("campaign", p->id));
    lose(p);
}

static void on_renewed(void *arg, const struct op_result *res)
{
    struct renewal *r = arg;
    struct pacer *p = r->p;
    const uint64_t *changed = op_first(res, uint64_t);
    bool runs = p->campaign && !p->gone && p->campaign->status == CAMPAIGN_RUNNING;
    p->renewing = false;
    if (res->err == DG_OK && changed && *changed && runs)
        held(p, r->asked_ms);
    else if (res->err == DG_OK)
        not_held(p);
    else if (!lease_valid(p)) /* the store is away, and it may have run out meanwhile */
        lose(p);
    free(r);
    pacer_let_go(p);
}

static bool is_free(const struct pacer *p)
{
    const struct campaign *c = p->campaign;
    return str_empty(c->lease_node) || str_eq(c->lease_node, p->d->config.node) ||
           c->lease_until_ms < clock_unix_ms() + LEASE_RENEW_MS;
}

void lease_ask(struct pacer *p)
{
    const struct dialer_config *config = &p->d->config;
    uint64_t now = clock_ms();
    char id[24];
    if (p->renewing || p->d->stopping || (p->lease == LEASE_NONE && !is_free(p)) ||
        (p->lease == LEASE_HELD && now < p->lease_since_ms + LEASE_RENEW_MS))
        return;
    const struct dg_where where[] = {
        {.field = "id", .compare = DG_EQ, .value = pacer_key(p->id, id)},
        {.field = "status", .compare = DG_EQ, .value = "running"},
        {.field = "lease_until", .compare = DG_LT, .value = "@now", .group = 1},
        {.field = "lease_until", .compare = DG_IS_NULL, .value = "true", .group = 1},
        {.field = "lease_node", .compare = DG_EQ, .value = config->node, .group = 1},
    };
    char *until = xasprintf("@now+%d", LEASE_MS);
    struct buf set;
    struct json_writer w;
    buf_init(&set, BUF_MAX);
    jw_init(&w, &set);
    jw_object(&w, NULL);
    jw_str(&w, "lease_node", config->node);
    jw_str(&w, "lease_until", until);
    jw_end(&w);
    const struct dg_change change = {.collection = COLLECTION_CAMPAIGNS,
                                     .where = where,
                                     .where_count = sizeof where / sizeof *where,
                                     .set = {set.ptr, set.len}};
    struct renewal *r = xcalloc(1, sizeof *r);
    *r = (struct renewal){p, now};
    p->renewing = true;
    store_change(config->store, &change, on_renewed, r);
    buf_free(&set);
    free(until);
}

struct gift {
    struct dialer *d;
    int64_t campaign;
};

static void on_given_back(void *arg, const struct op_result *res)
{
    struct gift *g = arg;
    g->d->asked--;
    if (res->err == DG_OK)
        dialer_tell(g->d, g->campaign);
    free(g);
}

/* So that another gateway need not wait until it has run out. */
void lease_give_back(struct pacer *p)
{
    char id[24];
    if (p->lease == LEASE_NONE)
        return;
    const struct dg_where where[] = {
        {.field = "id", .compare = DG_EQ, .value = pacer_key(p->id, id)},
        {.field = "lease_node", .compare = DG_EQ, .value = p->d->config.node},
    };
    const char set[] = "{\"lease_until\":null}";
    const struct dg_change change = {.collection = COLLECTION_CAMPAIGNS,
                                     .where = where,
                                     .where_count = 2,
                                     .set = {set, sizeof set - 1}};
    struct gift *g = xcalloc(1, sizeof *g);
    *g = (struct gift){p->d, p->id};
    p->d->asked++;
    lose(p);
    claims_release(p);
    store_change(p->d->config.store, &change, on_given_back, g);
}
