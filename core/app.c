/* app.c - the gateway as a table of steps, walked forwards to start and
 * backwards to stop.
 *
 * Steps run on the control thread, one after the other; each says when it is
 * through (app_next), now or on a later turn. HTTP is the last to start and
 * the first to stop: it is stopped from the main thread, because the control
 * thread still owes answers to the requests under way.
 */
#include "app.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/contact_center/contact_center.h"
#include "api/doc.h"
#include "api/system/health.h"
#include "app_private.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

struct step {
    const char *name;
    void (*start)(struct app *app);
    void (*stop)(struct app *app);
};

static const struct step steps[];

void app_fail(struct app *app, const char *why)
{
    fprintf(stderr, "dialgate: %s\n", why);
    log_error("app", "start refused", LOG_S("step", steps[app->step].name), LOG_S("why", why));
    app->failed = true;
    kill(getpid(), SIGTERM); /* the main thread takes it down again */
}

/* ---- What plugins tell ----------------------------------------------------------- */

static void on_store_link(void *arg, struct instance *in, enum dg_link link, const char *detail)
{
    struct app *app = arg;
    (void)in;
    if (!app->store)
        return;
    store_link(app->store, link, detail);
    notes_link(app->notes, link);
}

static void on_note(void *arg, struct instance *in, const struct dg_note *note)
{
    struct app *app = arg;
    (void)in;
    if (app->notes)
        notes_come(app->notes, note);
}

/* ---- Step: the store -------------------------------------------------------------- */

static void on_store_ready(void *arg, const struct op_result *res)
{
    struct app *app = arg;
    if (res->err != DG_OK)
        app_fail(app, res->message);
    else
        app_next(app);
}

static void start_store(struct app *app)
{
    struct config_instance *c = &app->config->store;
    if (c->descriptor) {
        struct plug_events events = {.link = on_store_link, .noted = on_note, .arg = app};
        struct problem why = {0};
        struct settings *settings = c->settings;
        c->settings = NULL;
        app->store_instance =
            instance_open(app->plug, c->descriptor, c->name, settings, &events, &why);
        if (!app->store_instance) {
            app_fail(app, why.text);
            return;
        }
    }
    struct store_config config = {
        .loop = app->loop, .instance = app->store_instance, .metrics = app->metrics};
    app->store = store_new(&config);
    app->notes = notes_new(app->store, app->metrics);
    store_ready(app->store, on_store_ready, app);
}

static void on_closed(void *arg)
{
    app_next(arg);
}

static void stop_store(struct app *app)
{
    store_free(app->store);
    app->store = NULL;
    notes_free(app->notes);
    app->notes = NULL;
    campaigns_free(app->campaigns);
    ivr_menus_free(app->ivr_menus);
    ivr_stats_free(app->ivr_stats);
    ledger_free(app->ledger);
    dialer_free(app->dialer);
    cdr_numbering_free(app->cdr_numbering);
    serials_free(app->cdr_numbers);
    if (app->store_instance)
        instance_close(app->store_instance, on_closed, app);
    else
        app_next(app);
}

/* ---- Step: campaigns, as they are kept ------------------------------------------- */

#define CDR_NUMBERS_BLOCK 1000
#define DRAIN_LEDGER_MS   10000

static void on_cdr_numbers(void *arg, const struct op_result *res)
{
    struct app *app = arg;
    if (res->err == DG_OK && !app->config->store_disabled)
        app->cdr_numbering = cdr_numbering_start(app->store, app->loop, app->cdr_numbers);
    on_store_ready(app, res);
}

static void start_campaigns(struct app *app)
{
    app->ledger = ledger_new(app->store, app->loop, app->metrics);
    app->campaigns = campaigns_new(app->store, app->ledger, app->loop);
    app->ivr_menus = ivr_menus_new(app->store, app->loop);
    app->ivr_stats = ivr_stats_new(app->store, app->loop);
    app->cdr_numbers = serials_new(app->store, app->loop, SERIAL_CDR, CDR_NUMBERS_BLOCK);
    if (!app->config->store_disabled)
        campaigns_recover(app->campaigns);
    serials_ready(app->cdr_numbers, on_cdr_numbers, app);
}

static void stop_campaigns(struct app *app)
{
    ledger_drain(app->ledger, DRAIN_LEDGER_MS, on_closed, app);
}

/* ---- Steps: users, auth ---------------------------------------------------------- */

static void on_users(void *arg, enum dg_err err, const char *message, const struct user *user)
{
    struct app *app = arg;
    (void)user;
    if (err != DG_OK)
        app_fail(app, message);
    else
        app_next(app);
}

static void forget_identities(void *arg)
{
    struct app *app = arg;
    pthread_mutex_lock(&app->http_lock);
    if (app->http)
        http_forget_identities(app->http);
    pthread_mutex_unlock(&app->http_lock);
}

/* Changed by this gateway, not read from what another has changed. */
static void identities_changed(void *arg)
{
    struct app *app = arg;
    forget_identities(app);
    if (!app->users_reloading)
        notes_publish(app->notes, NOTE_USERS, "");
}

static void on_note_of_users(void *arg, const char *text)
{
    struct app *app = arg;
    (void)text;
    if (app->marks)
        marks_look(app->marks);
}

static void on_users_reloaded(void *arg, enum dg_err err, const char *message,
                              const struct user *user)
{
    struct app *app = arg;
    (void)user;
    app->users_reloading = false;
    if (err == DG_OK)
        return;
    log_warn("users", "changes made elsewhere were not read", LOG_S("why", message));
    if (app->marks)
        marks_again(app->marks, MARK_USERS);
}

static void reload_users(void *arg)
{
    struct app *app = arg;
    app->users_reloading = true;
    users_load(app->users, on_users_reloaded, app);
}

static void start_users(struct app *app)
{
    if (app->config->store_disabled) {
        app_next(app);
        return;
    }
    app->users = users_new(app->store, app->loop);
    app->tokens = tokens_new(app->store, app->loop, app->users);
    app->marks = marks_new(app->loop, app->store, MARKS_EVERY_MS);
    users_on_change(app->users, identities_changed, app);
    tokens_on_revoked(app->tokens, identities_changed, app);
    notes_subscribe(app->notes, NOTE_USERS, on_note_of_users, app);
    marks_watch(app->marks, MARK_USERS, reload_users, app);
    marks_watch(app->marks, MARK_TOKENS, forget_identities, app);
    users_load(app->users, on_users, app);
}

static void on_tokens_closed(void *arg)
{
    struct app *app = arg;
    users_close(app->users, on_closed, app);
}

static void on_marks_closed(void *arg)
{
    struct app *app = arg;
    app->marks = NULL;
    tokens_close(app->tokens, on_tokens_closed, app);
}

static void stop_users(struct app *app)
{
    app->api.users = NULL;
    app->api.tokens = NULL;
    if (app->users) {
        notes_unsubscribe(app->notes, NOTE_USERS, on_note_of_users, app);
        marks_close(app->marks, on_marks_closed, app);
    } else {
        app_next(app);
    }
}

static void on_one_closed(void *arg)
{
    struct app *app = arg;
    if (--app->closing == 0)
        app_next(app);
}

static bool open_providers(struct app *app, struct problem *why)
{
    app->providers = xcalloc(app->config->provider_count + 1, sizeof(struct instance *));
    for (size_t i = 0; i < app->config->provider_count; i++) {
        struct config_instance *c = &app->config->providers[i];
        struct plug_events events = {.arg = app};
        struct settings *settings = c->settings;
        c->settings = NULL;
        struct instance *in =
            instance_open(app->plug, c->descriptor, c->name, settings, &events, why);
        if (!in)
            return false;
        app->providers[app->provider_count++] = in;
        if (!auth_use(app->auth, in, why))
            return false;
    }
    return true;
}

static void start_auth(struct app *app)
{
    struct problem why = {0};
    struct auth_config config = {.plug = app->plug,
                                 .loop = app->loop,
                                 .users = app->users,
                                 .notes = app->notes,
                                 .tokens = app->tokens,
                                 .metrics = app->metrics,
                                 .settings = app->config->auth,
                                 .debug = app->config->debug || app->config->store_disabled};
    app->auth = auth_new(&config, &why);
    const char *missing = NULL;
    if (app->auth && open_providers(app, &why))
        missing = auth_missing(app->auth);
    if (missing)
        problem_set(&why, DG_EINVAL, "auth.chain names \"%s\", but there is no table [auth.%s]",
                    missing, missing);
    if (why.err)
        app_fail(app, why.text);
    else
        app_next(app);
}

static void close_all(struct app *app, struct instance **list, size_t count)
{
    app->closing = count;
    if (!count)
        app_next(app);
    for (size_t i = 0; i < count; i++)
        instance_close(list[i], on_one_closed, app);
    free(list);
}

static void on_auth_closed(void *arg)
{
    struct app *app = arg;
    close_all(app, app->providers, app->provider_count);
}

static void stop_auth(struct app *app)
{
    struct auth *auth = app->auth;
    app->auth = NULL;
    if (auth)
        auth_close(auth, on_auth_closed, app);
    else
        on_auth_closed(app);
}

/* ---- Steps: calls and backends ----------------------------------------------------- */

static void on_mock_numbers(void *arg)
{
    app_next(arg);
}

static void on_recovered(void *arg, const struct op_result *res)
{
    struct app *app = arg;
    if (res->err != DG_OK && !app->config->store_disabled)
        app_fail(app, res->message);
    else
        mock_numbers_load(app->mock_numbers, on_mock_numbers, app);
}

static void start_calls(struct app *app)
{
    app->bus = bus_new();
    app->snapshots = snapshots_new(app->threads);
    app->channels = channels_new(app->loop, app->threads);
    app_channel_events(app, app->config);
    app->call_metrics = call_metrics_new(app->metrics, app->bus);
    app->api.health = health_new(app->bus, app->store, app->metrics);
    struct calls_config config = {
        .loop = app->loop,
        .store = app->store,
        .bus = app->bus,
        .snapshots = app->snapshots,
        .channels = app->channels,
        .metrics = app->call_metrics,
        .cdr_numbers = app->cdr_numbers,
        .render = contact_center_render,
        .node = app->node,
    };
    app_retention(app->config, &config.retention);
    app->calls = calls_new(&config);
    health_follow(app->api.health, app->calls);
    struct idempotency_config keys = {.loop = app->loop,
                                      .store = app->store,
                                      .calls = app->calls,
                                      .bus = app->bus,
                                      .notes = app->notes,
                                      .nodes = app->nodes,
                                      .metrics = app->metrics};
    app->call_control = control_new(app->loop, app->calls, app->bus);
    app_sounds_key(app);
    const struct ivr_config menus = {.loop = app->loop,
                                     .calls = app->calls,
                                     .bus = app->bus,
                                     .menus = app->ivr_menus,
                                     .stats = app->ivr_stats,
                                     .metrics = app->metrics,
                                     .place = {settings_str(app->config->ivr, "folder"),
                                               settings_str(app->config->ivr, "url"),
                                               app->sounds_key}};
    app->ivr = ivr_new(&menus);
    app->audio = audio_new(app->loop, settings_str(app->config->ivr, "sounds"),
                           settings_str(app->config->ivr, "folder"));
    struct recordings_config recordings = {
        .loop = app->loop, .calls = app->calls, .nodes = app->nodes, .metrics = app->metrics};
    app_recordings(app->config, &recordings.settings);
    app->recordings = recordings_new(&recordings);
    app->endpoints = endpoints_new(app->loop, app->calls);
    app_idempotency(app->config, &keys.settings);
    app->idempotency = idempotency_new(&keys);
    struct mock_numbers_config mocks = {.loop = app->loop,
                                        .store = app->store,
                                        .stored = !app->config->store_disabled,
                                        .notes = app->notes,
                                        .readers = app->threads,
                                        .metrics = app->metrics};
    app_mock_numbers(app->config, &mocks.settings);
    app->mock_numbers = mock_numbers_new(&mocks);
    share_calls(app);
    calls_recover(app->calls, on_recovered, app);
}

static void on_mock_numbers_closed(void *arg)
{
    struct app *app = arg;
    app->mock_numbers = NULL;
    idempotency_free(app->idempotency);
    unshare_calls(app);
    recordings_free(app->recordings);
    app->recordings = NULL;
    endpoints_free(app->endpoints);
    app->endpoints = NULL;
    control_free(app->call_control);
    ivr_free(app->ivr);
    audio_free(app->audio);
    app->audio = NULL;
    app->ivr = NULL;
    nodes_follow(app->nodes, NULL);
    calls_free(app->calls);
    app->calls = NULL;
    channels_free(app->channels);
    call_metrics_free(app->call_metrics);
    health_free(app->api.health);
    bus_free(app->bus);
    snapshots_free(app->snapshots);
    app_next(app);
}

static void on_drained(void *arg)
{
    struct app *app = arg;
    mock_numbers_close(app->mock_numbers, on_mock_numbers_closed, app);
}

#define DRAIN_STORE_MS  10000
#define DRAIN_COUNTS_MS 3000

static void on_counts_drained(void *arg)
{
    struct app *app = arg;
    store_drain(app->store, DRAIN_STORE_MS, on_drained, app);
}

static void on_dialer_closed(void *arg)
{
    struct app *app = arg;
    ivr_stats_drain(app->ivr_stats, DRAIN_COUNTS_MS, on_counts_drained, app);
}

static void stop_calls(struct app *app)
{
    if (app->dialer)
        dialer_close(app->dialer, on_dialer_closed, app);
    else
        on_dialer_closed(app);
}

/* ---- Steps: backends -------------------------------------------------------------------- */

static void start_backends(struct app *app)
{
    struct problem why = {0};
    struct backends_change *change = backends_prepare(app, app->config, &why);
    if (!change) {
        app_fail(app, why.text);
        return;
    }
    backends_apply(change, app->config);
    app_next(app);
}

static void stop_backends(struct app *app)
{
    unshare_calls(app);
    calls_stop(app->calls);
    backends_close(app, app_next);
}

static void start_dialer(struct app *app)
{
    const struct dialer_config config = {.loop = app->loop,
                                         .metrics = app->metrics,
                                         .store = app->store,
                                         .bus = app->bus,
                                         .calls = app->calls,
                                         .control = app->call_control,
                                         .ledger = app->ledger,
                                         .notes = app->notes,
                                         .node = app->node,
                                         .timezone = settings_str(app->config->server, "timezone")};
    app->dialer = dialer_new(&config);
    if (!app->config->store_disabled)
        dialer_start(app->dialer);
    app_next(app);
}

static void stop_dialer(struct app *app)
{
    dialer_stop(app->dialer);
    ivr_stop(app->ivr);
    app_next(app);
}

/* ---- Steps: the doors ---------------------------------------------------------------- */

static void numbers_added(void *arg, int64_t campaign)
{
    struct app *app = arg;
    if (app->dialer)
        dialer_wake(app->dialer, campaign);
}

static void start_admin(struct app *app)
{
    struct problem why = {0};
    struct admin_config config = {
        .loop = app->loop,
        .path = settings_str(app->config->server, "control"),
        .store = app->store,
        .users = app->users,
        .tokens = app->tokens,
        .bcrypt_cost = (unsigned)settings_int(app->config->auth, "bcrypt_cost"),
        .ledger = app->ledger,
        .reload = app_reload_ask,
        .numbers_added = numbers_added,
        .arg = app,
    };
    app->admin = admin_start(&config, &why);
    if (!app->admin)
        app_fail(app, why.text);
    else
        app_next(app);
}

static void stop_admin(struct app *app)
{
    app_reload_end(app);
    admin_stop(app->admin);
    app->admin = NULL;
    app_next(app);
}

static void fill_api(struct app *app)
{
    const struct settings *s = app->config->server;
    app->api.calls = app->calls;
    app->api.control = app->call_control;
    app->api.nodes = app->nodes;
    app->api.idempotency = app->idempotency;
    app->api.mock_numbers = app->mock_numbers;
    app->api.auth = app->auth;
    app->api.users = app->users;
    app->api.tokens = app->tokens;
    app->api.channels = app->channels;
    app->api.readers = app->readers;
    app->api.webhooks = app->webhooks;
    app->api.snapshots = app->snapshots;
    app->api.store = app->store;
    app->api.loop = app->loop;
    app->api.ledger = app->ledger;
    app->api.dialer = app->dialer;
    app->api.campaigns = app->campaigns;
    app->api.ivr_menus = app->ivr_menus;
    app->api.ivr_stats = app->ivr_stats;
    app->api.audio = app->audio;
    app->api.recordings = app->recordings;
    app->api.endpoints = app->endpoints;
    app->api.metrics = app->metrics;
    app->api.app_name = app->app_name = xstrdup(settings_str(s, "app_name"));
    app->api.app_version = app->app_version = xstrdup(settings_str(s, "app_version"));
    app->api.node = app->node;
    app_switch_pages(app, app->config);
    app->api.store_disabled = app->config->store_disabled;
    struct buf json;
    buf_init(&json, BUF_MAX);
    openapi_render(&app->api, &json);
    app->api.openapi_len = json.len;
    app->api.openapi = buf_take(&json);
}

static void start_http(struct app *app)
{
    struct app_http http;
    struct problem why = {0};
    fill_api(app);
    app_http_fill(app, app->config, &http);
    http.config.identify_arg = app->auth;
    app->http = http_start(&http.config, &why);
    app_http_clear(&http);
    if (!app->http)
        app_fail(app, why.text);
    else
        app_next(app);
}

/* By the main thread, before the other steps are walked back. */
static void stop_http(struct app *app)
{
    struct http *http = app->http;
    if (!http)
        return;
    http_drain(http);
    pthread_mutex_lock(&app->http_lock);
    app->http = NULL;
    pthread_mutex_unlock(&app->http_lock);
    http_join(http, (uint64_t)settings_int(app->config->server, "drain_timeout"));
}

static void free_http(struct app *app)
{
    free(app->app_name);
    free(app->app_version);
    free(app->api.openapi);
    app_next(app);
}

/* ---- The table ------------------------------------------------------------------------ */

/* clang-format off */
static const struct step steps[] = {
    {"store", start_store, stop_store},    {"campaigns", start_campaigns, stop_campaigns},
    {"users", start_users, stop_users},    {"auth", start_auth, stop_auth},
    {"nodes", start_nodes, stop_nodes},    {"calls", start_calls, stop_calls},
    {"events", start_events, stop_events}, {"backends", start_backends, stop_backends},
    {"dialer", start_dialer, stop_dialer}, {"admin", start_admin, stop_admin},
    {"http", start_http, free_http},       {NULL, NULL, NULL},
};
/* clang-format on */

bool app_started(const struct app *app)
{
    return !steps[app->step].name && !app->stopping && !app->failed;
}

static void note_started(struct app *app)
{
    log_info("app", "started", LOG_S("node", app->node), LOG_S("version", DIALGATE_VERSION),
             LOG_S("config", app->config->file));
    if (app->reload.wanted)
        kill(getpid(), SIGHUP);
}

void app_next(struct app *app)
{
    if (app->failed && !app->stopping)
        return; /* the way back comes from app_stop */
    if (app->stop_wanted && !app->stopping) {
        app->stopping = true;
        app->step++;
    }
    if (app->stopping) {
        if (app->step == 0)
            loop_stop(app->loop);
        else
            steps[--app->step].stop(app);
        return;
    }
    app->step++;
    if (steps[app->step].name)
        steps[app->step].start(app);
    else
        note_started(app);
}

static void app_begin(void *arg)
{
    struct app *app = arg;
    steps[0].start(app);
}

static void app_stop(void *arg)
{
    struct app *app = arg;
    if (!app->failed && steps[app->step].name) {
        app->stop_wanted = true; /* the step under way turns round when it is through */
        return;
    }
    app->stopping = true;
    if (app->failed) /* the step that failed has left something behind that its stop clears */
        app->step++;
    app_next(app);
}

/* ---- The control thread and the main thread --------------------------------------------- */

static void *control_thread(void *arg)
{
    struct app *app = arg;
    pthread_setname_np(pthread_self(), "control");
    loop_call(app->loop, app_begin, app);
    loop_run(app->loop);
    plug_free(app->plug);
    net_free(app->net);
    loop_free(app->loop);
    return NULL;
}

static void block_signals(sigset_t *waited)
{
    sigset_t all;
    sigfillset(&all);
    const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGILL, SIGTRAP};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(waited);
    sigaddset(waited, SIGTERM);
    sigaddset(waited, SIGINT);
    sigaddset(waited, SIGHUP);
}

static void app_wait(struct app *app, const sigset_t *waited)
{
    for (;;) {
        int sig = 0;
        if (sigwait(waited, &sig) != 0)
            continue;
        if (sig != SIGHUP) {
            log_info("app", "stopping", LOG_S("signal", strsignal(sig)));
            return;
        }
        app_reload(app);
    }
}

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static unsigned thread_count(const struct config *c)
{
    int64_t wanted = settings_int(c->server, "threads");
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return wanted > 0 ? (unsigned)wanted : cores > 0 ? (unsigned)cores : 1;
}

static bool app_prepare(struct app *app, const char *config_file)
{
    struct buf problems;
    unsigned count = 0;
    buf_init(&problems, BUF_MAX);
    app->config_file = xstrdup(config_file);
    app->config = config_load(config_file, &problems, &count);
    if (app->config) {
        app->loop = loop_new();
        app->net = net_new(app->loop, &(struct net_config){0});
        app->metrics = metrics_new();
        app->plug = app_plug_new(app->config, app->loop, app->net, app->metrics);
        config_plugins(app->config, app->plug, &problems, &count);
        app_reload_init(app);
    }
    bool good = count == 0 && app_log_setup(app->config, &problems);
    if (good) {
        app_check_http(app->config, &problems, &count);
        app_check_values(app->config, &problems, &count);
    }
    good = good && count == 0;
    if (!good)
        fputs(buf_cstr(&problems), stderr);
    buf_free(&problems);
    return good;
}

static void app_free(struct app *app)
{
    if (app->config)
        app_reload_free(app);
    metrics_free(app->metrics);
    config_free(app->config);
    free(app->config_file);
    pthread_mutex_destroy(&app->http_lock);
    free(app);
}

int app_serve(const char *config_file)
{
    struct app *app = xcalloc(1, sizeof *app);
    sigset_t waited;
    pthread_mutex_init(&app->http_lock, NULL);
    block_signals(&waited);
    raise_file_limit();
    if (!app_prepare(app, config_file)) {
        if (app->config) {
            plug_free(app->plug);
            net_free(app->net);
            loop_free(app->loop);
        }
        app_free(app);
        return 1;
    }
    app->threads = thread_count(app->config);
    name_node(app);
    clock_zone(settings_str(app->config->server, "timezone"));
    app->main = pthread_self();
    if (pthread_create(&app->control, NULL, control_thread, app) != 0)
        abort();
    app_wait(app, &waited);
    stop_http(app);
    loop_call(app->loop, app_stop, app);
    pthread_join(app->control, NULL);
    int status = app->failed ? 1 : 0;
    log_info("app", "stopped");
    app_free(app);
    return status;
}
