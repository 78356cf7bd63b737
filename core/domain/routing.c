/* routing.c - where a new call goes: the active backend, the one that is to
 * follow it, or the fallback. */
#include "base/log.h"
#include "domain/calls_private.h"

/* ---- Asking ------------------------------------------------------------------- */

struct backend *routing_target(const struct calls *cs)
{
    const struct routing *r = &cs->routing;
    if (r->on_fallback && backend_up(r->fallback))
        return r->fallback;
    if (r->next && !backend_up(r->active))
        return r->next;
    return r->active;
}

/* A call for it waits: the one of before is gone, and its own link is being made. */
static bool is_held(const struct calls *cs, const struct backend *b)
{
    const struct routing *r = &cs->routing;
    return b == r->next && !backend_up(b) && !b->away && b == routing_target(cs);
}

bool routing_open(const struct calls *cs, const struct backend *to)
{
    return backend_up(to) || is_held(cs, to);
}

bool routing_uses(const struct calls *cs, const struct backend *b)
{
    const struct routing *r = &cs->routing;
    return b == r->active || b == r->next || b == r->fallback;
}

struct instance *calls_backend(const struct calls *cs)
{
    return cs->routing.active ? cs->routing.active->in : NULL;
}

struct instance *calls_serving(const struct calls *cs)
{
    const struct backend *b = routing_target(cs);
    return b ? b->in : NULL;
}

/* ---- The fallback --------------------------------------------------------------- */

static void stop_timer(struct calls *cs, struct loop_timer **timer)
{
    loop_timer_stop(cs->config.loop, *timer);
    *timer = NULL;
}

static void count_change(struct calls *cs, const char *reason)
{
    if (cs->config.metrics)
        call_metrics_route_changed(cs->config.metrics, reason);
}

static void to_fallback(struct calls *cs)
{
    struct routing *r = &cs->routing;
    r->on_fallback = true;
    count_change(cs, "fallback");
    log_warn("calls", "new calls go to the fallback", LOG_S("backend", r->fallback->in->name),
             LOG_S("instead_of", r->active->in->name), LOG_S("why", r->active->in->link_detail),
             LOG_S("mock", r->fallback->mock ? "yes" : "no"));
}

static void back_again(struct calls *cs)
{
    struct routing *r = &cs->routing;
    stop_timer(cs, &r->back_timer);
    r->on_fallback = false;
    count_change(cs, "recovered");
    log_info("calls", "new calls go to the active backend again",
             LOG_S("backend", r->active->in->name));
}

static void on_back(void *arg)
{
    struct calls *cs = arg;
    cs->routing.back_timer = NULL;
    back_again(cs);
    backends_changed(cs);
}

static void leave_fallback(struct calls *cs)
{
    stop_timer(cs, &cs->routing.back_timer);
    cs->routing.on_fallback = false;
}

/* The active one is left when its link is lost, and taken again when it has been there for a
 * while: a link that comes and goes must not take the calls along each time. */
static void choose(struct calls *cs)
{
    struct routing *r = &cs->routing;
    if (!r->fallback || !r->active || r->fallback == r->active) {
        leave_fallback(cs);
    } else if (r->active->away) {
        stop_timer(cs, &r->back_timer);
        if (!r->on_fallback && backend_up(r->fallback))
            to_fallback(cs);
    } else if (r->on_fallback && backend_up(r->active)) {
        if (!backend_up(r->fallback) || !r->hold_ms)
            back_again(cs);
        else if (!r->back_timer)
            r->back_timer = loop_timer(cs->config.loop, r->hold_ms, on_back, cs);
    }
}

/* ---- Another active backend ------------------------------------------------------- */

/* Its calls wait while it is held: see is_held. */
static void hold_or_serve(struct calls *cs)
{
    struct routing *r = &cs->routing;
    struct admission *held = r->next && is_held(cs, r->next) ? r->next->admission : NULL;
    if (held == r->held)
        return;
    if (r->held)
        admission_hold(r->held, false);
    r->held = held;
    if (held)
        admission_hold(held, true);
}

static void set_active(struct calls *cs, struct backend *b)
{
    cs->routing.active = b;
    if (cs->config.channels)
        channels_use(cs->config.channels, b->in);
}

void routing_begin(struct calls *cs, struct backend *b)
{
    set_active(cs, b);
}

static void take(struct calls *cs, struct backend *b, const char *reason)
{
    struct routing *r = &cs->routing;
    stop_timer(cs, &r->switch_timer);
    set_active(cs, b);
    r->next = NULL;
    leave_fallback(cs);
    count_change(cs, reason);
    log_info("calls", "new calls go to another backend", LOG_S("backend", b->in->name),
             LOG_S("plugin", b->in->plugin->name));
    choose(cs);
}

static void on_switch_timer(void *arg)
{
    struct calls *cs = arg;
    struct backend *b = cs->routing.next;
    cs->routing.switch_timer = NULL;
    log_error("calls", "the new backend is not connected in time, and takes over all the same",
              LOG_S("backend", b->in->name), LOG_S("why", b->in->link_detail));
    b->away = !backend_up(b);
    take(cs, b, "switch_timeout");
    hold_or_serve(cs);
    backends_changed(cs);
}

static void await(struct calls *cs, struct backend *b)
{
    struct routing *r = &cs->routing;
    r->next = b;
    stop_timer(cs, &r->switch_timer);
    r->switch_timer = loop_timer(cs->config.loop, r->switch_ms, on_switch_timer, cs);
    log_info("calls", "new calls go to another backend as soon as it is connected",
             LOG_S("backend", b->in->name), LOG_S("until_then", r->active->in->name));
}

void calls_route(struct calls *cs, const struct calls_route *route)
{
    struct routing *r = &cs->routing;
    struct backend *wanted = backend_of(cs, route->active);
    r->fallback = route->fallback ? backend_of(cs, route->fallback) : NULL;
    r->hold_ms = route->hold_ms;
    r->switch_ms = route->switch_ms;
    if (r->next && wanted != r->next) {
        r->next = NULL;
        stop_timer(cs, &r->switch_timer);
    }
    if (!r->routed)
        set_active(cs, wanted);
    else if (wanted != r->active && (!r->switch_ms || backend_up(wanted)))
        take(cs, wanted, "switch");
    else if (wanted != r->active && !r->next)
        await(cs, wanted);
    r->routed = true;
    choose(cs);
    hold_or_serve(cs);
    backends_changed(cs);
}

void routing_link(struct calls *cs, struct backend *b)
{
    if (b == cs->routing.next && backend_up(b))
        take(cs, b, "switch");
    choose(cs);
    hold_or_serve(cs);
}

void routing_stop(struct calls *cs)
{
    stop_timer(cs, &cs->routing.switch_timer);
    leave_fallback(cs);
}
