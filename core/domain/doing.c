/* doing.c - what is being done to a live call: on hold, muted, parked, recorded. */
#include <string.h>

#include "base/str.h"
#include "domain/calls_private.h"

static bool set_flag(bool *flag, bool on)
{
    bool changed = *flag != on;
    *flag = on;
    return changed;
}

/* The event does not tell the direction: what we asked for is known already. */
static bool set_muted(struct call_doing *d, bool on)
{
    if (on && (d->muted_in || d->muted_out))
        return false;
    bool in = set_flag(&d->muted_in, on), out = set_flag(&d->muted_out, on);
    return in || out;
}

static bool end_recording(struct call_doing *d, const char *file)
{
    if (!d->recording || !d->recording_count ||
        !str_eq(d->recordings[d->recording_count - 1], file))
        return false;
    d->recording = d->recording_paused = false;
    return true;
}

static bool note(struct call *c, const struct dg_event *ev)
{
    switch (ev->type) {
    case DG_CALL_HELD:
        return set_flag(&c->doing.held, ev->on);
    case DG_CALL_MUTED:
        return set_muted(&c->doing, ev->on);
    case DG_CALL_PARKED:
        return call_set_parked(c, ev->on ? ev->target : NULL);
    case DG_RECORD_ENDED:
        return end_recording(&c->doing, ev->target);
    default:
        return false;
    }
}

void doing_event(struct calls *cs, struct call *c, const struct dg_event *ev)
{
    if (note(c, ev))
        calls_refresh(cs, c);
}
