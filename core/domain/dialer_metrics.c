/* dialer_metrics.c - figures of the dialer. */
#include "domain/dialer_private.h"

static const char *const reason_names[] = {
    [REFUSED_DNC] = "dnc", [REFUSED_HOURS] = "hours", [REFUSED_NUMBER] = "number"};
static const char *const stage_names[] = {
    [LIVE_CALLING] = "calling", [LIVE_ANSWERED] = "answered", [LIVE_AGENT] = "agent"};

void dialer_metrics_init(struct dialer *d)
{
    static const struct metric_family_info infos[] = {
        {.kind = METRIC_COUNTER,
         .name = "dialgate_campaign_attempts_total",
         .help = "Attempts of campaigns that have ended, by the state of their call.",
         .labels = {"result"}},
        {.kind = METRIC_COUNTER,
         .name = "dialgate_campaign_numbers_total",
         .help = "Numbers of campaigns after an attempt, by what became of them.",
         .labels = {"status"}},
        {.kind = METRIC_COUNTER,
         .name = "dialgate_campaign_refused_total",
         .help = "Numbers that were taken and not dialled: on the do-not-call list, outside their "
                 "hours, none that can be dialled.",
         .labels = {"reason"}},
        {.kind = METRIC_GAUGE,
         .name = "dialgate_campaign_calls",
         .help = "Live calls of campaigns on this gateway, by stage.",
         .labels = {"stage"}},
        {.kind = METRIC_GAUGE,
         .name = "dialgate_campaigns_paced",
         .help = "Campaigns that this gateway paces."},
        {.kind = METRIC_COUNTER,
         .name = "dialgate_campaign_recovered_total",
         .help = "Attempts that were left behind by a crash and settled."},
    };
    struct dialer_metrics *m = &d->metrics;
    struct metric_family **out[] = {&m->attempts, &m->numbers, &m->refused,
                                    &m->calls,    &m->paced,   &m->recovered};
    for (size_t i = 0; d->config.metrics && i < sizeof infos / sizeof *infos; i++)
        *out[i] = metrics_family(d->config.metrics, &infos[i]);
    for (size_t i = 0; m->calls && i < sizeof stage_names / sizeof *stage_names; i++)
        metric_set(metric_of(m->calls, &stage_names[i]), 0);
    if (m->paced)
        metric_set(metric_plain(m->paced), 0);
}

static void count(struct metric_family *family, const char *label)
{
    if (family)
        metric_add(metric_of(family, &label), 1);
}

void count_attempt(struct dialer *d, const struct call *c, const struct number *after)
{
    count(d->metrics.attempts, call_state_name(c->state));
    if (after)
        count(d->metrics.numbers, number_status_name(after->status));
}

void count_refused(struct dialer *d, enum refused reason)
{
    count(d->metrics.refused, reason_names[reason]);
}

void count_recovered(struct dialer *d)
{
    if (d->metrics.recovered)
        metric_add(metric_plain(d->metrics.recovered), 1);
}

void count_live(struct dialer *d, enum live live, int more)
{
    if (d->metrics.calls && more)
        metric_add(metric_of(d->metrics.calls, &stage_names[live]), more);
}

void count_paced(struct dialer *d, int more)
{
    if (d->metrics.paced)
        metric_add(metric_plain(d->metrics.paced), more);
}
