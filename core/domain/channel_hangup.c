/* channel_hangup.c - hanging up any channel: a call of ours, its other half, somebody else's. */
#include <stdlib.h>

#include "base/mem.h"
#include "domain/calls_private.h"

struct hangup {
    op_fn *fn;
    void *arg;
};

static void on_own(void *arg, const struct call_answer *answer)
{
    struct hangup *h = arg;
    bool over = answer->err == DG_ECONFLICT; /* it has just ended */
    const struct op_result res = {.err = over ? DG_ENOTFOUND : answer->err,
                                  .message = answer->message};
    h->fn(h->arg, &res);
    free(h);
}

static void on_nowhere(void *arg)
{
    struct hangup *h = arg;
    const struct op_result res = {.err = DG_EUNAVAILABLE, .message = "There is no backend"};
    h->fn(h->arg, &res);
    free(h);
}

static struct hangup *hangup_new(op_fn *fn, void *arg)
{
    struct hangup *h = xcalloc(1, sizeof *h);
    *h = (struct hangup){.fn = fn, .arg = arg};
    return h;
}

void calls_hangup_channel(struct calls *cs, const char *id_or_name, op_fn *fn, void *arg)
{
    if (map_get(cs->live, id_or_name)) {
        calls_hangup(cs, id_or_name, 0, on_own, hangup_new(fn, arg));
        return;
    }
    struct instance *in = channels_carrier(cs->config.channels, id_or_name);
    const struct dg_hangup req = {.call = id_or_name};
    if (in)
        backend_hangup(in, &req, fn, arg);
    else
        loop_call(cs->config.loop, on_nowhere, hangup_new(fn, arg));
}
