/* ivr_again.c - what a backend could not do just now is asked of it again: a call that has answered
 * comes under control a moment later, and a lost link comes back. */
#include "domain/calls_private.h"
#include "domain/ivr_private.h"

#define AGAIN_MS 100
#define TRIES    50
#define AWAY_MS  250

static bool may_pass(enum dg_err err)
{
    return err == DG_ECONFLICT || err == DG_ENOTFOUND || err == DG_EUNAVAILABLE;
}

/* While the link is away no try is counted: what waits has a longest time, or ends with its call.
 */
bool run_again(struct ivr_run *run, enum dg_err err, void (*fn)(void *run))
{
    const struct instance *carrier = run->call->carrier;
    bool away = carrier && carrier->link != DG_LINK_UP;
    if (!may_pass(err) || (!away && ++run->tries >= TRIES))
        return false;
    run->again = loop_timer(run->ivr->config.loop, away ? AWAY_MS : AGAIN_MS, fn, run);
    return true;
}
