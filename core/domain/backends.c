/* backends.c - which backends there are, who carries what, and draining. */
#include "domain/backends.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/calls_private.h"

#define DRAIN_STEP_MS   500
#define DRAIN_LINGER_MS 2000 /* after the last call's end: for what is still to be answered */
/* An instance whose server we have reached anew by another one of its name is in that one's way. */
#define HANDED_STEP_MS 100
/* What a draining backend that is away carries is given up then. */
#define DRAIN_AWAY_MS (10 * 60 * 1000)

/* ---- The list ------------------------------------------------------------------- */

static struct backend *item(struct link *i)
{
    return list_item(i, struct backend, link);
}

struct backend *backend_of(const struct calls *cs, const struct instance *in)
{
    for (struct link *i = cs->backends.next; i != &cs->backends; i = i->next) {
        if (item(i)->in == in)
            return item(i);
    }
    return NULL;
}

bool backend_up(const struct backend *b)
{
    return b && b->in->link == DG_LINK_UP;
}

static struct backend *named(const struct calls *cs, const char *name)
{
    struct backend *found = NULL;
    for (struct link *i = cs->backends.next; i != &cs->backends; i = i->next) {
        struct backend *b = item(i);
        if (str_eq(b->in->name, name) && (!found || found->draining))
            found = b;
    }
    return found;
}

struct instance *calls_backend_named(const struct calls *cs, const char *name)
{
    const struct backend *b = named(cs, name);
    return b ? b->in : NULL;
}

static void free_defaults(struct call_defaults *d)
{
    for (size_t i = 0; d->allowed_contexts && d->allowed_contexts[i]; i++)
        free((char *)d->allowed_contexts[i]);
    free((void *)d->allowed_contexts);
    free((char *)d->endpoint);
    free((char *)d->context);
    free((char *)d->extension);
    free((char *)d->caller_id);
    free((char *)d->parked_context);
    free((char *)d->trunk);
}

static struct call_defaults copy_defaults(const struct call_defaults *d)
{
    size_t count = 0;
    while (d->allowed_contexts && d->allowed_contexts[count])
        count++;
    char **contexts = xcalloc(count + 1, sizeof *contexts);
    for (size_t i = 0; i < count; i++)
        contexts[i] = xstrdup(d->allowed_contexts[i]);
    return (struct call_defaults){.endpoint = xstrdup(d->endpoint),
                                  .context = xstrdup(d->context),
                                  .extension = xstrdup(d->extension),
                                  .caller_id = xstrdup(d->caller_id),
                                  .parked_context = xstrdup(d->parked_context),
                                  .trunk = xstrdup(d->trunk),
                                  .priority = d->priority,
                                  .ring_ms = d->ring_ms,
                                  .allowed_contexts = (const char *const *)contexts};
}

struct admission *admission_of(struct calls *cs, const char *backend)
{
    backend = backend ? backend : "";
    struct admission *a = map_get(cs->admissions, backend);
    if (!a) {
        a = admission_new(cs->config.loop, backend, cs->config.metrics);
        map_set(cs->admissions, backend, a);
    }
    return a;
}

static struct backend *backend_new(struct calls *cs, struct instance *in, bool mock)
{
    struct backend *b = xcalloc(1, sizeof *b);
    b->cs = cs;
    b->in = instance_hold(in);
    b->mock = mock;
    b->admission = admission_of(cs, in->name);
    b->was_up = in->link == DG_LINK_UP;
    b->away = in->link == DG_LINK_DOWN;
    b->away_since_ms = clock_ms();
    list_append(&cs->backends, &b->link);
    if (cs->config.channels)
        channels_follow(cs->config.channels, in, mock);
    return b;
}

static void backend_free(struct backend *b)
{
    loop_timer_stop(b->cs->config.loop, b->timer);
    list_remove(&b->link);
    instance_let_go(b->in);
    free_defaults(&b->defaults);
    free(b);
}

void calls_use(struct calls *cs, struct instance *in, bool mock,
               const struct call_defaults *defaults, const struct call_limits *limits)
{
    struct backend *b = backend_of(cs, in);
    if (!b)
        b = backend_new(cs, in, mock);
    free_defaults(&b->defaults);
    b->defaults = copy_defaults(defaults);
    admission_limit(b->admission, limits);
    if (!cs->routing.active)
        routing_begin(cs, b);
    backends_changed(cs);
}

void calls_set_limits(struct calls *cs, const struct call_limits *limits)
{
    if (cs->routing.active)
        admission_limit(cs->routing.active->admission, limits);
}

void backends_start(struct calls *cs)
{
    list_init(&cs->backends);
    cs->admissions = map_new();
}

void backends_stop(struct calls *cs)
{
    for (struct link *i = cs->backends.next; i != &cs->backends; i = i->next) {
        loop_timer_stop(cs->config.loop, item(i)->timer);
        item(i)->timer = NULL;
    }
    routing_stop(cs);
}

static void free_admission(void *value)
{
    admission_free(value);
}

void backends_free(struct calls *cs)
{
    backends_stop(cs);
    while (!list_empty(&cs->backends))
        backend_free(item(cs->backends.next));
    map_free(cs->admissions, free_admission);
}

/* ---- Who carries what ------------------------------------------------------------- */

void calls_carry(struct calls *cs, struct call *c, struct instance *in)
{
    struct backend *before = c->carrier ? backend_of(cs, c->carrier) : NULL;
    struct backend *now = in ? backend_of(cs, in) : NULL;
    if (before)
        before->live--;
    if (now)
        now->live++;
    c->carrier = in;
    if (!cs->config.metrics)
        return;
    if (before)
        call_metrics_backend_calls(cs->config.metrics, before->in->name, -1);
    if (now)
        call_metrics_backend_calls(cs->config.metrics, now->in->name, 1);
}

const struct call_defaults *calls_defaults(const struct calls *cs, const struct call *c)
{
    const struct backend *b = c && c->carrier ? backend_of(cs, c->carrier) : NULL;
    return &(b ? b : cs->routing.active)->defaults;
}

bool calls_heeds(const struct calls *cs, const struct call *c, const struct instance *in)
{
    if (c->carrier)
        return c->carrier == in;
    return str_eq(c->backend, in->name) || !named(cs, c->backend);
}

struct need {
    const char *name;
    bool found;
};

static void look_for_name(void *arg, const char *id, void *value)
{
    struct need *n = arg;
    const struct call *c = value;
    (void)id;
    n->found |= !c->carrier && str_eq(c->backend, n->name);
}

bool calls_need_backend(const struct calls *cs, const char *name)
{
    struct need n = {.name = name};
    map_each(cs->live, look_for_name, &n);
    return n.found;
}

/* ---- Handing over -------------------------------------------------------------------
 *
 * When a backend's table has changed, there are two instances of its name. Mostly they talk to the
 * same server, and some servers bear only one of them: the first is thrown out when the second
 * connects. Then the second takes its calls up, as a gateway does that was restarted. */

struct hand_over {
    struct calls *cs;
    struct backend *from, *to;
};

static void hand_one_over(void *arg, const char *id, void *value)
{
    struct hand_over *h = arg;
    struct call *c = value;
    (void)id;
    if (c->carrier == h->from->in)
        calls_carry(h->cs, c, h->to->in);
}

static void hand_over(struct calls *cs, struct backend *from, struct backend *to)
{
    struct hand_over h = {cs, from, to};
    log_info("calls", "the calls of an instance go on with the one that takes its place",
             LOG_S("instance", from->in->name), LOG_I("calls", from->live));
    map_each(cs->live, hand_one_over, &h);
    from->handed_over = true;
}

static bool is_successor(const struct backend *b, const struct backend *of)
{
    return b && b != of && of->draining && !of->handed_over && !backend_up(of) && backend_up(b) &&
           b->in->plugin == of->in->plugin && b->in->server_run &&
           str_eq(b->in->server_run, of->in->server_run);
}

static void look_for_successors(struct calls *cs, const struct instance *told)
{
    for (struct link *i = cs->backends.next; i != &cs->backends; i = i->next) {
        struct backend *from = item(i), *to = named(cs, from->in->name);
        if (!is_successor(to, from))
            continue;
        hand_over(cs, from, to);
        if (to->in != told) /* else it is compared because its link is up */
            reconcile_link_up(cs, to->in);
    }
}

/* ---- Links --------------------------------------------------------------------------- */

static void note_link(struct backend *b, enum dg_link link)
{
    bool away = link != DG_LINK_UP && (b->away || b->was_up || link == DG_LINK_DOWN);
    if (away && !b->away)
        b->away_since_ms = clock_ms();
    b->away = away;
    b->was_up |= link == DG_LINK_UP;
}

void backends_link(struct calls *cs, struct instance *in, enum dg_link link)
{
    struct backend *b = backend_of(cs, in);
    if (!b)
        return;
    note_link(b, link);
    routing_link(cs, b);
    look_for_successors(cs, in);
    backends_changed(cs);
}

/* ---- Draining ------------------------------------------------------------------------ */

static void on_drain_timer(void *arg);

static void drain_on(struct backend *b)
{
    uint64_t after_ms = b->handed_over ? HANDED_STEP_MS : DRAIN_STEP_MS;
    b->timer = loop_timer(b->cs->config.loop, after_ms, on_drain_timer, b);
}

/* Requests under way are answered before it goes; one that is handed over does not stay for long:
 * it would take the connection back. */
static bool is_drained(struct backend *b)
{
    uint64_t now = clock_ms();
    if (b->live || routing_uses(b->cs, b)) {
        b->idle_since_ms = 0;
        return false;
    }
    if (!b->idle_since_ms)
        b->idle_since_ms = now;
    bool lingered = now - b->idle_since_ms >= DRAIN_LINGER_MS;
    bool asked = instance_open_ops(b->in) > 0;
    return b->handed_over ? !asked || lingered : !asked && lingered;
}

static void on_drain_timer(void *arg)
{
    struct backend *b = arg;
    struct calls *cs = b->cs;
    b->timer = NULL;
    if (!is_drained(b)) {
        if (b->live && b->away && clock_ms() - b->away_since_ms >= DRAIN_AWAY_MS)
            reconcile_lost(cs, b->in);
        drain_on(b);
        return;
    }
    struct instance *in = b->in;
    calls_drained_fn *fn = b->drained;
    void *fn_arg = b->drained_arg;
    log_info("calls", "backend drained", LOG_S("instance", in->name));
    reconcile_forget(cs, in);
    if (cs->config.channels)
        channels_unfollow(cs->config.channels, in);
    backend_free(b);
    backends_changed(cs);
    fn(fn_arg, in);
}

void calls_drain(struct calls *cs, struct instance *in, calls_drained_fn *fn, void *arg)
{
    struct backend *b = backend_of(cs, in);
    if (!b || b->draining)
        return;
    b->draining = true;
    b->drained = fn;
    b->drained_arg = arg;
    b->idle_since_ms = 0;
    log_info("calls", "backend drains", LOG_S("instance", in->name), LOG_I("calls", b->live));
    drain_on(b);
    backends_changed(cs);
}

void calls_keep(struct calls *cs, struct instance *in)
{
    struct backend *b = backend_of(cs, in);
    if (!b || b->handed_over || !b->draining)
        return;
    b->draining = false;
    loop_timer_stop(cs->config.loop, b->timer);
    b->timer = NULL;
    backends_changed(cs);
}

bool calls_handed_over(const struct calls *cs, const struct instance *in)
{
    const struct backend *b = backend_of(cs, in);
    return !b || b->handed_over;
}

/* ---- Views ------------------------------------------------------------------------------ */

const char *backend_role_name(enum backend_role role)
{
    static const char *const names[] = {
        [BACKEND_ACTIVE] = "active",     [BACKEND_NEXT] = "next",
        [BACKEND_FALLBACK] = "fallback", [BACKEND_STANDBY] = "standby",
        [BACKEND_DRAINING] = "draining",
    };
    return names[role];
}

static enum backend_role role_of(const struct calls *cs, const struct backend *b)
{
    const struct routing *r = &cs->routing;
    if (b == r->active)
        return BACKEND_ACTIVE;
    if (b == r->next)
        return BACKEND_NEXT;
    if (b == r->fallback)
        return BACKEND_FALLBACK;
    return b->draining ? BACKEND_DRAINING : BACKEND_STANDBY;
}

static struct backend_view view_of(const struct calls *cs, const struct backend *b)
{
    return (struct backend_view){.instance = b->in,
                                 .role = role_of(cs, b),
                                 .serving = b == routing_target(cs),
                                 .mock = b->mock,
                                 .calls = b->live};
}

size_t calls_backends(const struct calls *cs, struct backend_view *out, size_t max)
{
    const struct backend *active = cs->routing.active;
    size_t count = 0;
    if (!active || !max) /* the first one is active */
        return 0;
    out[count++] = view_of(cs, active);
    for (struct link *i = cs->backends.next; i != &cs->backends && count < max; i = i->next) {
        if (item(i) != active)
            out[count++] = view_of(cs, item(i));
    }
    return count;
}

static void count_backends(const struct calls *cs)
{
    for (struct link *i = cs->backends.next; i != &cs->backends; i = i->next) {
        const struct backend *b = item(i);
        if (b == named(cs, b->in->name))
            call_metrics_backend(cs->config.metrics, b->in->name, backend_up(b),
                                 b == routing_target(cs));
    }
}

void backends_changed(struct calls *cs)
{
    struct bus_event ev = {.topic = BUS_BACKENDS, .at_ms = clock_unix_ms(), .calls = cs};
    if (cs->config.metrics)
        count_backends(cs);
    bus_publish(cs->config.bus, &ev);
}
