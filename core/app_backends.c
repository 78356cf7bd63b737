/* app_backends.c - which backends are open: at the start, after a reload, at the end.
 *
 * Opened is what is used: the active backend, the fallback, what calls were
 * carried by when the gateway ended, and the companions of these. Once open, an instance stays
 * while its table says the same, so that going back is at once. One whose table is another now is
 * opened anew beside the old one, which drains; so does one whose table is gone.
 */
#include <stdlib.h>

#include "app_private.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/calls.h"
#include "domain/queue_events.h"

/* Instances that drain count too: calls may hold them for hours. */
#define BACKENDS_MAX 64

/* What a configuration asks for. */
struct wanted {
    const struct config_instance *table;
    struct instance *in;
    bool opened; /* for this configuration; else it was open before */
};

struct backends_change {
    struct app *app;
    struct wanted *list;
    size_t count;
};

/* ---- What plugins tell --------------------------------------------------------------- */

static void on_event(void *arg, struct instance *in, const struct dg_event *ev)
{
    struct app *app = arg;
    calls_event(app->calls, in, ev);
    channels_event(app->channels, in, ev);
    if (ev->type == DG_RECORD_ENDED)
        recordings_changed(app->recordings);
    if (ev->type == DG_ENDPOINT_CHANGED || ev->type == DG_QUEUE_CHANGED)
        endpoints_changed(app->endpoints);
    if (app->tell_queues)
        queue_events_take(app->calls, app->bus, in, ev);
}

static void on_link(void *arg, struct instance *in, enum dg_link link, const char *detail)
{
    struct app *app = arg;
    (void)detail;
    endpoints_changed(app->endpoints);
    channels_link(app->channels, in, link);
    calls_link(app->calls, in, link);
}

/* ---- Closing ---------------------------------------------------------------------------- */

static void on_closed(void *arg)
{
    struct app *app = arg;
    app->backends_closing--;
    if (app->backends_ended && !app->backends_closing)
        app->backends_ended(app);
}

static void close_one(struct app *app, struct instance *in)
{
    app->backends_closing++;
    instance_close(in, on_closed, app);
}

static void forget(struct app *app, const struct instance *in)
{
    size_t kept = 0;
    for (size_t i = 0; i < app->backend_count; i++) {
        if (app->backends[i] != in)
            app->backends[kept++] = app->backends[i];
    }
    app->backend_count = kept;
}

static void on_drained(void *arg, struct instance *in)
{
    struct app *app = arg;
    forget(app, in);
    close_one(app, in);
}

void backends_close(struct app *app, void (*ended)(struct app *app))
{
    app->backends_ended = ended;
    for (size_t i = 0; i < app->backend_count; i++)
        close_one(app, app->backends[i]);
    app->backend_count = 0;
    free(app->backends);
    app->backends = NULL;
    if (!app->backends_closing)
        ended(app);
}

/* ---- What is to be open --------------------------------------------------------------- */

static bool carries(const struct app *app, const struct config *c, const struct config_instance *b)
{
    return b == config_active_backend(c) || b == config_fallback_backend(c) ||
           calls_need_backend(app->calls, b->name);
}

static bool is_used(const struct app *app, const struct config *c, const struct config_instance *b)
{
    bool used = carries(app, c, b);
    for (size_t i = 0; i < c->backend_count && !used; i++)
        used =
            str_eq(config_companion(&c->backends[i]), b->name) && carries(app, c, &c->backends[i]);
    return used;
}

static bool has(const struct backends_change *ch, const struct instance *in)
{
    for (size_t i = 0; i < ch->count; i++) {
        if (ch->list[i].in == in)
            return true;
    }
    return false;
}

/* The instance that is what the table asks for, perhaps one that drains. */
static struct instance *find_open(const struct app *app, const struct config_instance *b)
{
    for (size_t i = app->backend_count; i > 0; i--) {
        struct instance *in = app->backends[i - 1];
        if (str_eq(in->name, b->name) && config_same_instance(in, b) &&
            !calls_handed_over(app->calls, in))
            return in;
    }
    return NULL;
}

static bool open_one(struct app *app, struct config_instance *b, struct instance **in,
                     struct problem *why)
{
    struct plug_events events = {.event = on_event, .link = on_link, .arg = app};
    struct settings *settings = b->settings;
    if (app->backend_count >= BACKENDS_MAX) {
        problem_set(why, DG_ELIMIT, "%s: %d backends are open already, most of them draining",
                    b->name, BACKENDS_MAX);
        return false;
    }
    b->settings = NULL;
    *in = instance_open(app->plug, b->descriptor, b->name, settings, &events, why);
    return *in != NULL;
}

struct backends_change *backends_prepare(struct app *app, struct config *c, struct problem *why)
{
    struct backends_change *ch = xcalloc(1, sizeof *ch);
    struct problem refused = {0};
    ch->app = app;
    ch->list = xcalloc(c->backend_count + 1, sizeof *ch->list);
    for (size_t i = 0; i < c->backend_count; i++) {
        struct config_instance *b = &c->backends[i];
        struct wanted w = {.table = b, .in = find_open(app, b)};
        if (!w.in && !is_used(app, c, b))
            continue;
        w.opened = !w.in;
        if (w.opened && !open_one(app, b, &w.in, &refused)) {
            problem_set(why, refused.err, "%s:%d: %s", c->file, b->line, refused.text);
            backends_cancel(ch);
            return NULL;
        }
        ch->list[ch->count++] = w;
    }
    return ch;
}

static void change_free(struct backends_change *ch)
{
    free(ch->list);
    free(ch);
}

void backends_cancel(struct backends_change *ch)
{
    for (size_t i = 0; i < ch->count; i++) {
        if (ch->list[i].opened)
            close_one(ch->app, ch->list[i].in);
    }
    change_free(ch);
}

/* ---- In force ---------------------------------------------------------------------------- */

static void use_one(struct app *app, const struct config *c, const struct config_instance *b,
                    struct instance *in)
{
    struct call_defaults defaults;
    struct call_limits limits;
    config_call_defaults(c, b, &defaults);
    config_call_limits(c, b, &limits);
    calls_use(app->calls, in, b->descriptor->backend->simulated, &defaults, &limits);
    config_list_free((const char **)defaults.allowed_contexts);
    calls_set_companion(app->calls, b->name, config_companion(b));
}

static struct instance *instance_of(const struct backends_change *ch,
                                    const struct config_instance *table)
{
    for (size_t i = 0; table && i < ch->count; i++) {
        if (ch->list[i].table == table)
            return ch->list[i].in;
    }
    return NULL;
}

static void choose_route(const struct backends_change *ch, const struct config *c)
{
    const struct calls_route route = {
        .active = instance_of(ch, config_active_backend(c)),
        .fallback = instance_of(ch, config_fallback_backend(c)),
        .hold_ms = (uint64_t)settings_int(c->telephony, "fallback_hold"),
        .switch_ms = (uint64_t)settings_int(c->telephony, "switch_timeout"),
    };
    calls_route(ch->app->calls, &route);
}

void backends_apply(struct backends_change *ch, const struct config *c)
{
    struct app *app = ch->app;
    size_t before = app->backend_count;
    app->backends = xrealloc(app->backends, (before + ch->count + 1) * sizeof *app->backends);
    for (size_t i = 0; i < ch->count; i++) {
        struct wanted *w = &ch->list[i];
        if (w->opened)
            app->backends[app->backend_count++] = w->in;
        else
            calls_keep(app->calls, w->in);
        use_one(app, c, w->table, w->in);
    }
    choose_route(ch, c);
    for (size_t i = 0; i < before; i++) {
        if (!has(ch, app->backends[i]))
            calls_drain(app->calls, app->backends[i], on_drained, app);
    }
    change_free(ch);
}
