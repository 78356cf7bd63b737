/* app_reload.c - another configuration, in force without a restart: all of it or nothing.
 *
 * The main thread reads the file and looks at what it names, which may take
 * its time, and then waits; the control thread checks the rest against the
 * plugins, and puts it in force in one turn of its loop. What can fail comes
 * before what changes anything. Calls and requests under way keep what they
 * began with; HTTP threads take over at their next request or connection.
 *
 * What only a start can change (config_restart.c) is named, and stays.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app_private.h"
#include "auth/auth.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

struct waiting {
    struct link link;
    uint64_t number;
    admin_reload_fn *fn;
    void *arg;
};

/* A configuration that wants to be in force. */
struct fresh {
    struct app *app;
    struct config *config; /* NULL: not readable, or in force now */
    struct http_policy *policy;
    struct http_limits limits;
    struct buf problems, notes; /* a line each */
    unsigned count;             /* of the problems */
    uint64_t asked;             /* who asked before it was read: this one, and all before */
};

/* ---- Who asks ---------------------------------------------------------------------- */

void app_reload_init(struct app *app)
{
    static const char *const results[] = {"done", "refused"};
    const struct metric_family_info info = {.kind = METRIC_COUNTER,
                                            .name = "dialgate_reloads_total",
                                            .help = "Reloads of the configuration by result.",
                                            .labels = {"result"}};
    list_init(&app->reload.waiting);
    sem_init(&app->reload.over, 0, 0);
    app->reload.count = metrics_family(app->metrics, &info);
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        metric_of(app->reload.count, &results[i]);
}

void app_reload_free(struct app *app)
{
    sem_destroy(&app->reload.over);
}

void app_reload_ask(void *arg, admin_reload_fn *fn, void *fn_arg)
{
    struct app *app = arg;
    struct waiting *w = xcalloc(1, sizeof *w);
    w->fn = fn;
    w->arg = fn_arg;
    w->number = atomic_fetch_add(&app->reload.asked, 1) + 1;
    list_append(&app->reload.waiting, &w->link);
    kill(getpid(), SIGHUP);
}

static void answer(struct app *app, uint64_t up_to, bool done, const char *text)
{
    struct link *head = &app->reload.waiting;
    while (!list_empty(head)) {
        struct waiting *w = list_item(head->next, struct waiting, link);
        if (w->number > up_to)
            return;
        list_remove(&w->link);
        w->fn(w->arg, done, text);
        free(w);
    }
}

void app_reload_end(struct app *app)
{
    answer(app, UINT64_MAX, false, "the gateway is stopping");
}

/* ---- What needs a restart ------------------------------------------------------------ */

static void note_restart(void *arg, const char *key)
{
    struct fresh *f = arg;
    char note[300];
    snprintf(note, sizeof note, "needs a restart: %s changed", key);
    log_warn("app", note);
    buf_addf(&f->notes, "%s\n", note);
}

static const struct config_instance *named(const struct config_instance *list, size_t count,
                                           const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(list[i].name, name))
            return &list[i];
    return NULL;
}

static void compare_instance(struct fresh *f, const struct instance *in, const char *prefix,
                             const struct config_instance *fresh)
{
    char *table = xasprintf("%s%s", prefix, in->name);
    config_restart_instance(in, fresh, table, note_restart, f);
    free(table);
}

static void note_restarts(struct fresh *f)
{
    const struct app *app = f->app;
    const struct config *c = f->config;
    config_restart_sections(app->config, c, note_restart, f);
    if (app->store_instance && str_eq(c->store.plugin, app->store_instance->plugin->name))
        compare_instance(f, app->store_instance, "", &c->store);
    for (size_t i = 0; i < app->provider_count; i++)
        compare_instance(f, app->providers[i], "auth.",
                         named(c->providers, c->provider_count, app->providers[i]->name));
}

/* ---- In force -------------------------------------------------------------------------- */

static void use_calls(struct app *app, const struct config *c)
{
    struct call_retention retention;
    struct idempotency_settings idempotency;
    app_retention(c, &retention);
    calls_retain(app->calls, &retention);
    app_idempotency(c, &idempotency);
    idempotency_set(app->idempotency, &idempotency);
    struct mock_settings mocks;
    app_mock_numbers(c, &mocks);
    mock_numbers_set(app->mock_numbers, &mocks);
}

static void use_events(struct app *app, const struct config *c)
{
    struct journal_limits limits;
    struct readers_settings readers;
    app_journal(c, &limits);
    journal_set(app->journal, &limits);
    app_readers(c, &readers);
    readers_set(app->readers, &readers);
    app_channel_events(app, c);
    struct webhook_settings webhooks;
    app_webhooks(c, &webhooks);
    webhooks_set(app->webhooks, &webhooks);
}

static void use(struct fresh *f, struct auth_change *auth, struct backends_change *backends)
{
    struct app *app = f->app;
    struct config *old = app->config;
    note_restarts(f);
    auth_apply(auth);
    http_use(app->http, f->policy);
    http_set_limits(app->http, &f->limits);
    http_forget_identities(app->http);
    use_calls(app, f->config);
    use_events(app, f->config);
    backends_apply(backends, f->config);
    app_switch_pages(app, f->config);
    admin_hash_cost(app->admin, (unsigned)settings_int(f->config->auth, "bcrypt_cost"));
    app->config = f->config;
    f->config = NULL;
    f->policy = NULL;
    config_free(old);
}

/* In the order in which it can be taken back: another log can not. */
static bool try_to_use(struct fresh *f)
{
    struct app *app = f->app;
    struct problem why = {0};
    struct auth_change *auth = auth_prepare(app->auth, f->config->auth,
                                            f->config->debug || f->config->store_disabled, &why);
    struct backends_change *backends = auth ? backends_prepare(app, f->config, &why) : NULL;
    if (!backends)
        buf_addf(&f->problems, "%s\n", why.text);
    if (backends && app_log_setup(f->config, &f->problems)) {
        use(f, auth, backends);
        return true;
    }
    if (backends)
        backends_cancel(backends);
    if (auth)
        auth_cancel(auth);
    f->count++;
    return false;
}

static void tell_refusal(struct fresh *f)
{
    const char *lines = buf_cstr(&f->problems);
    size_t len = strlen(lines);
    char *text = xasprintf("not reloaded, the configuration of before stays in force:\n%.*s",
                           (int)(len ? len - 1 : 0), lines);
    answer(f->app, f->asked, false, text);
    free(text);
    for (; *lines; lines += len + (lines[len] == '\n')) {
        len = strcspn(lines, "\n");
        char *line = xstrndup(lines, len);
        log_error("app", "the configuration is refused", LOG_S("problem", line));
        free(line);
    }
    log_error("app", "not reloaded, the configuration of before stays in force",
              LOG_I("problems", f->count));
}

static void judge(void *arg)
{
    struct fresh *f = arg;
    struct app *app = f->app;
    app->reload.wanted = !app_started(app);
    if (!app->reload.wanted) {
        if (f->config)
            config_plugins(f->config, app->plug, &f->problems, &f->count);
        if (!f->count)
            app_check_values(f->config, &f->problems, &f->count);
        bool done = !f->count && try_to_use(f);
        const char *result = done ? "done" : "refused";
        metric_add(metric_of(app->reload.count, &result), 1);
        if (done) {
            log_info("app", "reloaded", LOG_S("config", app->config->file));
            answer(app, f->asked, true, buf_cstr(&f->notes));
        } else {
            tell_refusal(f);
        }
    }
    sem_post(&app->reload.over);
}

/* ---- The main thread's part --------------------------------------------------------------- */

static void prepare_http(struct fresh *f)
{
    struct app_http http;
    struct problem why = {0};
    app_http_fill(f->app, f->config, &http);
    http.config.http2 = settings_bool(f->app->config->server, "http2");
    f->limits = http.config.limits;
    f->policy = http_policy_new(&http.config, &why);
    app_http_clear(&http);
    if (f->policy)
        return;
    buf_addf(&f->problems, "%s: %s\n", f->config->file, why.text);
    f->count++;
}

static void read_fresh(struct fresh *f)
{
    f->config = config_load(f->app->config_file, &f->problems, &f->count);
    if (!f->config || f->count)
        return;
    app_check_http(f->config, &f->problems, &f->count);
    if (!f->count)
        prepare_http(f);
}

void app_reload(struct app *app)
{
    struct fresh f = {.app = app, .asked = atomic_load(&app->reload.asked)};
    buf_init(&f.problems, BUF_MAX);
    buf_init(&f.notes, BUF_MAX);
    read_fresh(&f);
    loop_call(app->loop, judge, &f);
    while (sem_wait(&app->reload.over) != 0 && errno == EINTR)
        ;
    http_policy_free(f.policy);
    config_free(f.config);
    buf_free(&f.problems);
    buf_free(&f.notes);
}
