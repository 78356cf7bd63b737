/* dialer_follow.c - the calls of campaigns that live on this gateway, and are followed: also those
 * that a run of it before this one has left, or that it took over from a gateway that died. */
#include "base/log.h"
#include "base/str.h"
#include "domain/dialer_private.h"

static void adopt(void *arg, struct call *c)
{
    struct dialer *d = arg;
    if (c->campaign_id && !c->leg && !call_is_over(c->state) && !map_get(d->attempts, c->id))
        attempt_adopt(pacer_get(d, c->campaign_id), c);
}

static void adopt_leg(void *arg, struct call *c)
{
    struct dialer *d = arg;
    if (!c->leg || !c->peer || call_is_over(c->state) || map_get(d->attempts, c->id))
        return;
    struct attempt *a = map_get(d->attempts, c->peer);
    if (a && a->leg == LEG_NONE)
        agent_adopt(a, c);
    else
        attempt_hang_up(d, c->id); /* whoever it was for is gone */
}

/* While this gateway was away another one has taken its calls over. */
static void let_go(void *arg, const char *key, void *value)
{
    struct dialer *d = arg;
    struct attempt *a = value;
    if (str_eq(key, a->call) && a->stage != STAGE_OVER && !a->placing && !a->ended &&
        !calls_find(d->config.calls, a->call))
        attempt_lose(a);
    else if (str_eq(key, a->agent) && a->leg != LEG_OVER && !a->leg_placing &&
             !calls_find(d->config.calls, a->agent))
        agent_lose(a);
}

void follow_calls(struct dialer *d)
{
    if (d->stopping)
        return;
    map_each(d->attempts, let_go, d);
    calls_each(d->config.calls, adopt, d);
    calls_each(d->config.calls, adopt_leg, d);
}
