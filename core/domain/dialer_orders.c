/* dialer_orders.c - start, stop, pause, resume. The store decides: a change is made
 * where the status still allows it, so that two who ask at once do not both win. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/dialer_private.h"
#include "domain/ledger.h"

#define TRIES_MAX 5
#define STOP_MS   5000 /* for the calls to end, before the stop is answered */
#define COUNT_MS  50

struct command {
    struct link link; /* in pacer.commands, while calls are waited for */
    struct dialer *d;
    int64_t campaign;
    enum dialer_order order;
    dialer_fn *fn;
    void *arg;
    unsigned tries;
    struct pacer *pacer; /* in whose list it is */
    struct loop_timer *timer, *again;
    bool counting, resetting;
    int64_t *priorities; /* of the numbers that are to be reset, one group after the other */
    size_t count, at;
};

static const struct {
    unsigned from; /* statuses, by bit */
    enum campaign_status to;
    const char *refusal, *log, *notice;
} rules[] = {
    [DIALER_START] = {1u << CAMPAIGN_STOPPED | 1u << CAMPAIGN_PAUSED, CAMPAIGN_RUNNING,
                      "Campaign is already running", "campaign started", "campaign.started"},
    [DIALER_STOP] = {1u << CAMPAIGN_RUNNING | 1u << CAMPAIGN_PAUSED, CAMPAIGN_STOPPED,
                     "Campaign is already stopped", "campaign stopped", "campaign.stopped"},
    [DIALER_PAUSE] = {1u << CAMPAIGN_RUNNING, CAMPAIGN_PAUSED, "Can only pause a running campaign",
                      "campaign paused", "campaign.paused"},
    [DIALER_RESUME] = {1u << CAMPAIGN_PAUSED, CAMPAIGN_RUNNING, "Can only resume a paused campaign",
                       "campaign resumed", "campaign.resumed"},
};

static void answer(struct command *cmd, enum dg_err err, const char *message)
{
    const struct dialer_answer a = {err, message};
    struct pacer *p = cmd->pacer;
    loop_timer_stop(cmd->d->config.loop, cmd->timer);
    loop_timer_stop(cmd->d->config.loop, cmd->again);
    list_remove(&cmd->link);
    cmd->d->asked--;
    cmd->fn(cmd->arg, &a);
    free(cmd->priorities);
    free(cmd);
    if (p)
        pacer_let_go(p);
}

/* ---- What a stop leaves ------------------------------------------------------------------- */

static void reset_next(struct command *cmd);

static void on_reset(void *arg, const struct op_result *res)
{
    struct command *cmd = arg;
    if (res->err != DG_OK)
        answer(cmd, res->err, res->message);
    else
        reset_next(cmd);
}

#define WAITED                                                                                     \
    {.field = "status", .compare = DG_EQ, .value = "pending"},                                     \
        {.field = "attempts", .compare = DG_GT, .value = "0", .group = 1},                         \
    {                                                                                              \
        .field = "due_at", .compare = DG_GT, .value = "0", .group = 1                              \
    }

/* What is due at once stands in the order of its importance: see number.h. */
static void reset_next(struct command *cmd)
{
    char id[24], priority[24];
    if (cmd->at == cmd->count) {
        answer(cmd, DG_OK, NULL);
        return;
    }
    int64_t group = cmd->priorities[cmd->at++];
    const struct dg_where where[] = {
        {.field = "campaign_id", .compare = DG_EQ, .value = pacer_key(cmd->campaign, id)},
        {.field = "priority", .compare = DG_EQ, .value = pacer_key(group, priority)},
        WAITED,
    };
    char *set = xasprintf("{\"attempts\":0,\"due_at\":%lld,\"claimed_by\":null,"
                          "\"claimed_until\":null}",
                          (long long)-group);
    const struct dg_change change = {.collection = COLLECTION_NUMBERS,
                                     .where = where,
                                     .where_count = sizeof where / sizeof *where,
                                     .set = {set, strlen(set)}};
    store_change(cmd->d->config.store, &change, on_reset, cmd);
    free(set);
}

static void on_priorities(void *arg, const struct op_result *res)
{
    struct command *cmd = arg;
    if (res->err != DG_OK) {
        answer(cmd, res->err, res->message);
        return;
    }
    cmd->priorities = xcalloc(res->count + 1, sizeof *cmd->priorities);
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_tally_row *row = res->items[i];
        if (row->value && str_to_int(row->value, &cmd->priorities[cmd->count]))
            cmd->count++;
    }
    reset_next(cmd);
}

/* Attempts and waiting times of what is pending are forgotten; that is no change of the counts. */
static void reset(struct command *cmd)
{
    char id[24];
    const struct dg_where where[] = {
        {.field = "campaign_id", .compare = DG_EQ, .value = pacer_key(cmd->campaign, id)},
        WAITED,
    };
    const struct dg_tally tally = {.collection = COLLECTION_NUMBERS,
                                   .where = where,
                                   .where_count = sizeof where / sizeof *where,
                                   .by = "priority"};
    cmd->resetting = true;
    loop_timer_stop(cmd->d->config.loop, cmd->again);
    cmd->again = NULL;
    store_tally(cmd->d->config.store, &tally, on_priorities, cmd);
}

static void on_stop_timer(void *arg)
{
    struct command *cmd = arg;
    cmd->timer = NULL;
    if (cmd->resetting || cmd->counting) /* or its answer will find that time is up */
        return;
    log_warn("dialer", "calls of a stopped campaign have not ended yet",
             LOG_I("campaign", cmd->campaign), LOG_I("calling", cmd->pacer->calling));
    reset(cmd);
}

/* Numbers that are still being called. */
static bool is_calling(const struct pacer *p)
{
    for (const struct link *i = p->attempts.next; i != &p->attempts; i = i->next) {
        const struct attempt *a = list_item(i, struct attempt, link);
        if (!a->settled && (a->stage != STAGE_ANSWERED || a->writing))
            return true;
    }
    return p->claimed > 0;
}

static void count_calling(struct command *cmd);

static void on_again(void *arg)
{
    struct command *cmd = arg;
    cmd->again = NULL;
    count_calling(cmd);
}

static void on_counts(void *arg, enum dg_err err, const char *message,
                      const struct campaign_counts *counts)
{
    struct command *cmd = arg;
    (void)message;
    cmd->counting = false;
    if (cmd->resetting)
        return;
    if (err == DG_ENOTFOUND || !cmd->timer || (err == DG_OK && !counts->numbers[NUMBER_CALLING]))
        reset(cmd);
    else
        cmd->again = loop_timer(cmd->d->config.loop, COUNT_MS, on_again, cmd);
}

/* Another gateway may have paced it, and its calls end there. */
static void count_calling(struct command *cmd)
{
    if (cmd->counting || cmd->again)
        return;
    cmd->counting = true;
    ledger_counts(cmd->d->config.ledger, cmd->campaign, on_counts, cmd);
}

void commands_advance(struct pacer *p)
{
    bool known = p->gone || (p->campaign && p->campaign->status == CAMPAIGN_STOPPED);
    for (struct link *i = p->commands.next, *next; known && i != &p->commands; i = next) {
        struct command *cmd = list_item(i, struct command, link);
        next = i->next;
        if (!cmd->resetting && !is_calling(p))
            count_calling(cmd);
    }
}

void commands_drop(struct pacer *p)
{
    while (!list_empty(&p->commands)) {
        struct command *cmd = list_item(p->commands.next, struct command, link);
        list_remove(&cmd->link);
        loop_timer_stop(p->d->config.loop, cmd->timer);
        loop_timer_stop(p->d->config.loop, cmd->again);
        free(cmd->priorities);
        free(cmd);
    }
}

/* ---- The change ------------------------------------------------------------------------------ */

static void look(struct command *cmd);

static void wait_for_calls(struct command *cmd, struct pacer *p)
{
    cmd->pacer = p;
    cmd->timer = loop_timer(cmd->d->config.loop, STOP_MS, on_stop_timer, cmd);
    list_append(&p->commands, &cmd->link);
}

/* What is dialled here stops at once; what another gateway dials, when that one looks again. */
static void stopped(struct command *cmd)
{
    struct pacer *p = pacer_get(cmd->d, cmd->campaign);
    wait_for_calls(cmd, p);
    pacer_read(p);
}

static void ignore(void *arg, const struct dialer_answer *a)
{
    (void)arg;
    (void)a;
}

void command_follow(struct pacer *p)
{
    if (!list_empty(&p->commands) || p->d->stopping)
        return;
    struct command *cmd = xcalloc(1, sizeof *cmd);
    *cmd = (struct command){.d = p->d, .campaign = p->id, .order = DIALER_STOP, .fn = ignore};
    p->d->asked++;
    wait_for_calls(cmd, p);
}

static void on_changed(void *arg, const struct op_result *res)
{
    struct command *cmd = arg;
    const uint64_t *changed = op_first(res, uint64_t);
    if (res->err != DG_OK) {
        answer(cmd, res->err, res->message);
        return;
    }
    if (!changed || !*changed) { /* somebody else was faster */
        look(cmd);
        return;
    }
    log_info("dialer", rules[cmd->order].log, LOG_I("campaign", cmd->campaign));
    notice_campaign(cmd->d, rules[cmd->order].notice, cmd->campaign);
    dialer_tell(cmd->d, cmd->campaign);
    if (cmd->order == DIALER_STOP) {
        stopped(cmd);
        return;
    }
    pacer_read(pacer_get(cmd->d, cmd->campaign));
    answer(cmd, DG_OK, NULL);
}

static void change(struct command *cmd, enum campaign_status from)
{
    char id[24];
    const struct dg_where where[] = {
        {.field = "id", .compare = DG_EQ, .value = pacer_key(cmd->campaign, id)},
        {.field = "status", .compare = DG_EQ, .value = campaign_status_name(from)},
    };
    char *set = xasprintf("{\"status\":\"%s\",\"updated_at\":\"@now\"}",
                          campaign_status_name(rules[cmd->order].to));
    const struct dg_change req = {.collection = COLLECTION_CAMPAIGNS,
                                  .where = where,
                                  .where_count = 2,
                                  .set = {set, strlen(set)}};
    store_change(cmd->d->config.store, &req, on_changed, cmd);
    free(set);
}

static void on_campaign(void *arg, const struct store_doc *doc)
{
    struct command *cmd = arg;
    struct problem problem;
    struct campaign *c = doc->err == DG_OK ? campaign_read(doc->id, doc->version, doc->json) : NULL;
    if (doc->err == DG_OK && !c)
        answer(cmd, DG_EINTERNAL, "Unreadable record");
    else if (!c)
        answer(cmd, doc->err, doc->err == DG_ENOTFOUND ? "Campaign not found" : doc->message);
    else if (!(rules[cmd->order].from & 1u << c->status))
        answer(cmd, DG_ECONFLICT, rules[cmd->order].refusal);
    else if (rules[cmd->order].to == CAMPAIGN_RUNNING &&
             (!dial_check(c, &problem) || !agents_check(cmd->d, c, &problem)))
        answer(cmd, problem.err, problem.text);
    else
        change(cmd, c->status);
    campaign_free(c);
}

static void look(struct command *cmd)
{
    char id[24];
    if (cmd->tries++ == TRIES_MAX)
        answer(cmd, DG_ECONFLICT, "The campaign changes too often");
    else
        store_get_json(cmd->d->config.store, COLLECTION_CAMPAIGNS, pacer_key(cmd->campaign, id),
                       on_campaign, cmd);
}

void dialer_command(struct dialer *d, int64_t campaign, enum dialer_order order, dialer_fn *fn,
                    void *arg)
{
    struct command *cmd = xcalloc(1, sizeof *cmd);
    *cmd = (struct command){.d = d, .campaign = campaign, .order = order, .fn = fn, .arg = arg};
    list_init(&cmd->link);
    d->asked++;
    look(cmd);
}
