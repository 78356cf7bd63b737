/* backend_rig.c - see backend_rig.h. */
#include "backend_rig.h"

#include "base/clock.h"
#include "base/log.h"

#define AFTER_END_MS   250
#define CLOCK_SLACK_MS 100

/* ---- Hearing --------------------------------------------------------------- */

static void on_event(void *arg, struct instance *in, const struct dg_event *ev)
{
    struct rig *r = arg;
    (void)in;
    if (r->heard_count == r->heard_room) {
        r->heard_room = r->heard_room ? r->heard_room * 2 : 64;
        r->heard = xrealloc(r->heard, r->heard_room * sizeof(*r->heard));
    }
    r->heard[r->heard_count++] = (struct heard){
        .type = ev->type,
        .call = xstrdup(ev->call),
        .bridge = xstrdup(ev->bridge),
        .target = xstrdup(ev->target),
        .text = xstrdup(ev->text),
        .on = ev->on,
        .estimated = ev->estimated,
        .has_info = ev->info != NULL,
        .state = ev->info ? ev->info->state : DG_CHANNEL_UNKNOWN,
        .cause = ev->cause,
        .sip_code = ev->sip_code,
        .at_ms = ev->at_ms,
    };
    loop_stop(r->loop);
}

static void on_link(void *arg, struct instance *in, enum dg_link link, const char *detail)
{
    struct rig *r = arg;
    (void)in;
    (void)link;
    (void)detail;
    loop_stop(r->loop);
}

/* ---- Turning the loop --------------------------------------------------------- */

static void on_time(void *arg)
{
    struct loop_timer **timer = ((void **)arg)[0];
    *timer = NULL;
    loop_stop(((void **)arg)[1]);
}

bool rig_until(struct rig *r, rig_fn *done, const void *arg)
{
    struct loop_timer *timer = NULL;
    void *both[] = {&timer, r->loop};
    timer = loop_timer(r->loop, r->config.patience_ms, on_time, both);
    while (timer && !done(r, arg))
        loop_run(r->loop);
    loop_timer_stop(r->loop, timer);
    return done(r, arg);
}

static bool time_is_up(struct rig *r, const void *arg)
{
    (void)r;
    return clock_ms() >= *(const uint64_t *)arg;
}

static void wake(void *arg)
{
    loop_stop(arg);
}

void rig_sleep(struct rig *r, uint64_t ms)
{
    uint64_t until = clock_ms() + ms;
    loop_timer(r->loop, ms, wake, r->loop);
    while (!time_is_up(r, &until)) {
        loop_run(r->loop);
        if (!time_is_up(r, &until))
            loop_timer(r->loop, 5, wake, r->loop);
    }
}

/* ---- The instance --------------------------------------------------------------- */

static const struct dg_cfg_key core_keys[] = {
    {"plugin", DG_CFG_STR, "", "the plugin"},
    {"endpoint", DG_CFG_STR, "", "what is dialled"},
    {"context", DG_CFG_STR, "", "where an answered call goes"},
    {"extension", DG_CFG_STR, "", "where an answered call goes"},
    {0},
};

static bool link_is_up(struct rig *r, const void *arg)
{
    (void)arg;
    return r->in->link == DG_LINK_UP;
}

bool rig_open(struct rig *r)
{
    struct buf problems;
    struct problem problem = {.err = DG_OK};
    unsigned count = 0;
    const struct plug_events events = {.event = on_event, .link = on_link, .arg = r};
    buf_init(&problems, 16384);
    const struct settings_source source = {
        .file = r->config.file, .env = r->env, .problems = &problems, .count = &count};
    struct settings *settings = settings_read(
        &source, r->config.instance, toml_get(toml_get(r->root, "backend"), r->config.instance),
        r->plugin->config, core_keys);
    r->in =
        count ? NULL
              : instance_open(r->plug, r->plugin, r->config.instance, settings, &events, &problem);
    if (count) {
        fputs(buf_cstr(&problems), stderr);
        settings_free(settings);
    } else if (!r->in) {
        fprintf(stderr, "%s\n", problem.text);
    }
    buf_free(&problems);
    if (!r->in)
        return false;
    if (rig_until(r, link_is_up, NULL))
        return true;
    fprintf(stderr, "%s: the link did not come up: %s\n", r->config.instance,
            r->in->link_detail ? r->in->link_detail : "-");
    return false;
}

static void on_closed(void *arg)
{
    struct rig *r = arg;
    r->closed = true;
    r->in = NULL;
    loop_stop(r->loop);
}

static bool is_closed(struct rig *r, const void *arg)
{
    (void)arg;
    return r->closed;
}

bool rig_close(struct rig *r)
{
    if (!r->in)
        return true;
    r->closed = false;
    uint64_t began = clock_ms();
    instance_close(r->in, on_closed, r);
    return rig_until(r, is_closed, NULL) && clock_ms() - began < 4500;
}

static bool load(struct rig *r, char *why, size_t size)
{
    char folder[4096];
    struct problem problem = {.err = DG_OK};
    const char *plugin = r->config.plugin, *slash = strrchr(plugin, '/');
    snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - plugin) : 7,
             slash ? plugin : "plugins");
    char *name = xstrdup(slash ? slash + 1 : plugin);
    if (str_ends(name, ".so"))
        name[strlen(name) - 3] = '\0';
    const char *folders[] = {folder, NULL};
    r->plug = plug_new(&(struct plug_config){
        .loop = r->loop, .net = r->net, .metrics = r->metrics, .folders = folders});
    r->plugin = plug_load(r->plug, name, &problem);
    snprintf(why, size, "%s", r->plugin ? "it is no backend" : problem.text);
    free(name);
    return r->plugin && r->plugin->backend;
}

bool rig_init(struct rig *r, const struct rig_config *config)
{
    char why[1024];
    *r = (struct rig){.config = *config, .next_number = 1};
    log_setup(&(struct log_config){.level = DG_WARN});
    r->env = env_load("/nonexistent", NULL);
    r->loop = loop_new();
    r->net = net_new(r->loop, NULL);
    r->metrics = metrics_new();
    bool ok =
        load(r, why, sizeof(why)) && (r->root = toml_load(config->file, why, sizeof(why))) != NULL;
    if (ok && !toml_get(r->root, "backend")) {
        snprintf(why, sizeof(why), "%s has no [backend.%s]", config->file, config->instance);
        ok = false;
    }
    if (!ok)
        fprintf(stderr, "%s\n", why);
    return ok;
}

void rig_free(struct rig *r)
{
    rig_close(r);
    plug_free(r->plug);
    net_free(r->net);
    loop_free(r->loop);
    metrics_free(r->metrics);
    toml_free(r->root);
    env_free(r->env);
    for (size_t i = 0; i < r->heard_count; i++) {
        free(r->heard[i].call);
        free(r->heard[i].bridge);
        free(r->heard[i].target);
        free(r->heard[i].text);
    }
    free(r->heard);
}

/* ---- Asking ------------------------------------------------------------------------ */

static void copy_calls(struct answer *a, const struct op_result *res)
{
    for (size_t i = 0; i < res->count && i < COUNT(a->calls); i++) {
        const struct dg_call *c = res->items[i];
        snprintf(a->call_ids[i], sizeof(a->call_ids[i]), "%s", c->id);
        a->calls[i] = *c; /* its texts are gone afterwards: only the id is kept */
        a->calls[i].id = a->call_ids[i];
    }
}

static void copy_bridge(struct answer *a, const struct op_result *res)
{
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_bridge *b = res->items[i];
        if (!str_eq(b->id, a->look_for))
            continue;
        snprintf(a->text, sizeof(a->text), "%s", b->id);
        for (size_t k = 0, len = 0; k < b->call_count && len < sizeof(a->bridge_calls); k++)
            len += (size_t)snprintf(a->bridge_calls + len, sizeof(a->bridge_calls) - len, "%s ",
                                    b->calls[k]);
    }
}

static void copy_parked(struct answer *a, const struct op_result *res)
{
    const char *call = a->look_for + strlen(RIG_PARKED);
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_parked *p = res->items[i];
        if (str_eq(p->call, call))
            snprintf(a->text, sizeof(a->text), "%s/%s", p->lot, p->slot);
    }
}

/* Which kind of item it is, the caller of ASK knows by `look_for`: NULL for calls,
 * "" for text, "parked:..." for a parked call, else a bridge. */
void rig_answer(void *arg, const struct op_result *res)
{
    struct answer *a = arg;
    a->count_answers++;
    a->err = res->err;
    a->count = res->count;
    snprintf(a->message, sizeof(a->message), "%s", res->message ? res->message : "");
    if (res->count && !a->look_for)
        copy_calls(a, res);
    else if (res->count && !*a->look_for)
        snprintf(a->text, sizeof(a->text), "%s", op_first(res, char));
    else if (res->count && str_starts(a->look_for, RIG_PARKED))
        copy_parked(a, res);
    else if (res->count)
        copy_bridge(a, res);
    loop_stop(a->rig->loop);
}

static bool is_answered(struct rig *r, const void *arg)
{
    (void)r;
    return ((const struct answer *)arg)->count_answers > 0;
}

enum dg_err rig_wait(struct rig *r, struct answer *a)
{
    if (!rig_until(r, is_answered, a))
        fail_msg("an operation was not answered in time");
    return a->err;
}

bool rig_can(struct rig *r, const char *function)
{
    bool never;
    const char *refusal = backend_refusal(r->in, function, &never);
    if (refusal)
        print_message("[     SAYS ] cannot %s: %s\n", function, refusal);
    return !refusal;
}

/* ---- Calls --------------------------------------------------------------------------- */

static char *endpoint_of(struct rig *r, const char *suffix)
{
    const char *hole = strstr(r->config.endpoint, "{number}");
    /* 7900 0001 486: the end decides the callee's fate. */
    return xasprintf("%.*s790%04u%s%s", (int)(hole - r->config.endpoint), r->config.endpoint,
                     r->next_number++, suffix, hole + strlen("{number}"));
}

enum dg_err rig_dial_as(struct rig *r, const struct dial *d, const char *id)
{
    struct answer a = {0};
    char *endpoint = endpoint_of(r, d->suffix);
    const struct dg_originate req = {
        .call = id,
        .endpoint = endpoint,
        .context = d->context,
        .extension = d->extension,
        .priority = d->context ? "1" : NULL,
        .arguments = d->arguments,
        .caller_number = "7001",
        .caller_name = "Contract",
        .ring_ms = d->ring_ms ? d->ring_ms : 20000,
        .variables = d->variables,
        .variable_count = d->variable_count,
    };
    ASK(r, &a, originate, &req);
    free(endpoint);
    return a.err;
}

enum dg_err rig_dial(struct rig *r, const struct dial *d, char id[ID_SIZE])
{
    id_uuid7(id);
    return rig_dial_as(r, d, id);
}

enum dg_err rig_hangup(struct rig *r, const char *id)
{
    struct answer a = {0};
    return ASK(r, &a, hangup, &(struct dg_hangup){.call = id});
}

/* ---- What was heard --------------------------------------------------------------------- */

static bool is_about(const struct heard *h, const char *id)
{
    if ((h->type >= DG_CALL_STARTED && h->type <= DG_CALL_ENDED) || h->type == DG_CALL_DETECTED)
        return str_eq(h->call, id);
    return str_eq(h->target, id) || str_eq(h->bridge, id);
}

const struct heard *rig_event(struct rig *r, enum dg_event_type type, const char *id, size_t nth)
{
    for (size_t i = 0; i < r->heard_count; i++)
        if (r->heard[i].type == type && is_about(&r->heard[i], id) && nth-- == 0)
            return &r->heard[i];
    return NULL;
}

size_t rig_count(struct rig *r, enum dg_event_type type, const char *id)
{
    size_t n = 0;
    while (rig_event(r, type, id, n))
        n++;
    return n;
}

struct wanted {
    enum dg_event_type type;
    const char *id;
};

static bool is_heard(struct rig *r, const void *arg)
{
    const struct wanted *w = arg;
    return rig_event(r, w->type, w->id, 0) != NULL;
}

bool rig_saw(struct rig *r, enum dg_event_type type, const char *id)
{
    const struct wanted w = {type, id};
    return rig_until(r, is_heard, &w);
}

const char *rig_story(struct rig *r, const char *id)
{
    static const char *const names[] = {
        [DG_CALL_STARTED] = "started",   [DG_CALL_CONTROL] = "control",
        [DG_CALL_RINGING] = "ringing",   [DG_CALL_PROGRESS] = "progress",
        [DG_CALL_ANSWERED] = "answered", [DG_CALL_ENDED] = "ended",
        [DG_CALL_BRIDGED] = "bridged",   [DG_CALL_HELD] = "held",
        [DG_CALL_MUTED] = "muted",
    };
    static char story[1000];
    size_t len = 0;
    story[0] = '\0';
    for (size_t i = 0; i < r->heard_count; i++) {
        const struct heard *h = &r->heard[i];
        if (h->type > DG_CALL_ENDED || !is_about(h, id) || h->type >= COUNT(names) ||
            !names[h->type])
            continue;
        len += (size_t)snprintf(story + len, sizeof(story) - len, "%s%s", len ? " " : "",
                                names[h->type]);
    }
    return story;
}

const struct heard *rig_ended(struct rig *r, const char *id)
{
    if (!rig_saw(r, DG_CALL_ENDED, id))
        fail_msg("the call has not ended in time; it %s", rig_story(r, id));
    rig_sleep(r, AFTER_END_MS);
    return rig_event(r, DG_CALL_ENDED, id, 0);
}

void rig_check_call(struct rig *r, const char *id)
{
    const struct heard *last = NULL;
    size_t n = 0;
    for (size_t i = 0; i < r->heard_count; i++) {
        const struct heard *h = &r->heard[i];
        if (h->type > DG_CALL_ENDED || !is_about(h, id))
            continue;
        if (n++ == 0 && h->type != DG_CALL_STARTED)
            fail_msg("the first event is not its start: %s", rig_story(r, id));
        /* A server's own clock readings may be a few milliseconds out of order. */
        if (last && h->at_ms + CLOCK_SLACK_MS < last->at_ms)
            fail_msg("times go backwards by %lld ms: %s", (long long)(last->at_ms - h->at_ms),
                     rig_story(r, id));
        last = h;
    }
    if (!last) {
        fail_msg("nothing was heard of it");
        return;
    }
    if (rig_count(r, DG_CALL_STARTED, id) != 1)
        fail_msg("it has not started once: %s", rig_story(r, id));
    if (!rig_event(r, DG_CALL_STARTED, id, 0)->has_info)
        fail_msg("its start says nothing of the call");
    if (rig_count(r, DG_CALL_ENDED, id) != 1 || last->type != DG_CALL_ENDED)
        fail_msg("it has not ended last and once: %s", rig_story(r, id));
    if (rig_count(r, DG_CALL_ANSWERED, id) > 1 || rig_count(r, DG_CALL_RINGING, id) > 1)
        fail_msg("something is told twice: %s", rig_story(r, id));
    if (llabs(last->at_ms - clock_unix_ms()) > 60000)
        fail_msg("the end's time is not of now");
}
