/* app.c - the gateway as a table of steps, walked forwards to start and
 * backwards to stop.
 *
 * Steps run on the control thread, one after the other; each says when it is
 * through (app_next), now or on a later turn. HTTP is the last to start and
 * the first to stop: it is stopped from the main thread, because the control
 * thread still owes answers to the requests under way.
 */
#include "app.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin.h"
#include "api/api.h"
#include "api/contact_center/contact_center.h"
#include "api/doc.h"
#include "api/system/health.h"
#include "app_private.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "config.h"
#include "http/server.h"

struct app {
    char *config_file;
    struct config *config;
    struct loop *loop;
    struct net *net;
    struct metrics *metrics;
    struct plug *plug;
    struct bus *bus;
    struct snapshots *snapshots;
    struct instance *store_instance;
    struct store *store;
    struct users *users;
    struct auth *auth;
    struct instance **providers, **backends;
    size_t provider_count, backend_count, closing;
    struct call_metrics *call_metrics;
    struct calls *calls;
    struct admin *admin;
    struct http *http;
    struct api api;
    const char **listen, **listen_tls, **origins, **proxies;
    char node[256];
    unsigned threads;

    pthread_t main, control;
    size_t step; /* of the table below: the one that runs, or is to run next */
    bool stopping, failed;
    bool stop_wanted; /* while a step of the start was still under way */
};

struct step {
    const char *name;
    void (*start)(struct app *app);
    void (*stop)(struct app *app);
};

static const struct step steps[];
static void app_next(struct app *app);

static void app_fail(struct app *app, const char *why)
{
    fprintf(stderr, "dialgate: %s\n", why);
    log_error("app", "start refused", LOG_S("step", steps[app->step].name), LOG_S("why", why));
    app->failed = true;
    kill(getpid(), SIGTERM); /* the main thread takes it down again */
}

/* ---- What plugins tell ----------------------------------------------------------- */

static void on_backend_event(void *arg, struct instance *in, const struct dg_event *ev)
{
    struct app *app = arg;
    calls_event(app->calls, in, ev);
}

static void on_backend_link(void *arg, struct instance *in, enum dg_link link, const char *detail)
{
    struct app *app = arg;
    (void)detail;
    calls_link(app->calls, in, link);
}

static void on_store_link(void *arg, struct instance *in, enum dg_link link, const char *detail)
{
    struct app *app = arg;
    (void)in;
    if (app->store)
        store_link(app->store, link, detail);
}

/* ---- Steps: the store, users, auth ----------------------------------------------- */

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
        struct plug_events events = {.link = on_store_link, .arg = app};
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
    if (app->store_instance)
        instance_close(app->store_instance, on_closed, app);
    else
        app_next(app);
}

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
    if (app->http)
        http_forget_identities(app->http);
}

static void start_users(struct app *app)
{
    if (app->config->store_disabled) {
        app_next(app);
        return;
    }
    app->users = users_new(app->store, app->loop);
    users_on_change(app->users, forget_identities, app);
    users_load(app->users, on_users, app);
}

static void stop_users(struct app *app)
{
    struct users *users = app->users;
    app->users = NULL;
    if (users)
        users_close(users, on_closed, app);
    else
        app_next(app);
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

static void on_recovered(void *arg, const struct op_result *res)
{
    struct app *app = arg;
    if (res->err != DG_OK && !app->config->store_disabled)
        app_fail(app, res->message);
    else
        app_next(app);
}

static struct call_retention app_retention(const struct config *c)
{
    return (struct call_retention){
        .max_duration_ms = (uint64_t)settings_int(c->calls, "max_duration"),
        .recent_ms = (uint64_t)settings_int(c->calls, "recent"),
        .recent_max = (size_t)settings_int(c->calls, "recent_max"),
    };
}

static void start_calls(struct app *app)
{
    app->bus = bus_new();
    app->snapshots = snapshots_new(app->threads);
    app->call_metrics = call_metrics_new(app->metrics, app->bus);
    app->api.health = health_new(app->bus, app->store, app->metrics);
    struct calls_config config = {
        .loop = app->loop,
        .store = app->store,
        .bus = app->bus,
        .snapshots = app->snapshots,
        .metrics = app->call_metrics,
        .render = contact_center_render,
        .node = app->node,
        .retention = app_retention(app->config),
    };
    app->calls = calls_new(&config);
    calls_recover(app->calls, on_recovered, app);
}

static void on_drained(void *arg)
{
    struct app *app = arg;
    calls_free(app->calls);
    app->calls = NULL;
    call_metrics_free(app->call_metrics);
    health_free(app->api.health);
    bus_free(app->bus);
    snapshots_free(app->snapshots);
    app_next(app);
}

#define DRAIN_STORE_MS 10000

static void stop_calls(struct app *app)
{
    store_drain(app->store, DRAIN_STORE_MS, on_drained, app);
}

static void start_backends(struct app *app)
{
    const struct config *c = app->config;
    const struct config_instance *active = config_active_backend(c);
    app->backends = xcalloc(c->backend_count + 1, sizeof(struct instance *));
    for (size_t i = 0; i < c->backend_count; i++) {
        struct config_instance *b = &c->backends[i];
        if (b != active)
            continue;
        struct plug_events events = {
            .event = on_backend_event, .link = on_backend_link, .arg = app};
        struct problem why = {0};
        struct settings *settings = b->settings;
        b->settings = NULL;
        struct instance *in =
            instance_open(app->plug, b->descriptor, b->name, settings, &events, &why);
        if (!in) {
            app_fail(app, why.text);
            return;
        }
        app->backends[app->backend_count++] = in;
        bool mock = b->descriptor->backend->simulated;
        struct call_defaults defaults;
        config_call_defaults(c, b, &defaults);
        struct call_limits limits;
        config_call_limits(c, b, &limits);
        calls_use(app->calls, in, mock, &defaults, &limits);
        config_list_free((const char **)defaults.allowed_contexts);
        health_backend(app->api.health, in->name, mock);
    }
    app_next(app);
}

static void stop_backends(struct app *app)
{
    calls_stop(app->calls);
    close_all(app, app->backends, app->backend_count);
}

/* ---- Steps: the doors ---------------------------------------------------------------- */

static void on_reload(void *arg)
{
    (void)arg;
    kill(getpid(), SIGHUP);
}

static void start_admin(struct app *app)
{
    struct problem why = {0};
    struct admin_config config = {
        .loop = app->loop,
        .path = settings_str(app->config->server, "control"),
        .store = app->store,
        .users = app->users,
        .bcrypt_cost = (unsigned)settings_int(app->config->auth, "bcrypt_cost"),
        .reload = on_reload,
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
    admin_stop(app->admin);
    app->admin = NULL;
    app_next(app);
}

static void fill_api(struct app *app)
{
    const struct settings *s = app->config->server;
    app->api.calls = app->calls;
    app->api.auth = app->auth;
    app->api.snapshots = app->snapshots;
    app->api.store = app->store;
    app->api.metrics = app->metrics;
    app->api.app_name = settings_str(s, "app_name");
    app->api.app_version = settings_str(s, "app_version");
    app->api.node = app->node;
    app->api.docs = settings_bool(s, "docs");
    app->api.show_metrics = settings_bool(s, "metrics");
    app->api.store_disabled = app->config->store_disabled;
    struct buf json;
    buf_init(&json, BUF_MAX);
    openapi_render(&app->api, &json);
    app->api.openapi_len = json.len;
    app->api.openapi = buf_take(&json);
}

#define IDENTITY_CACHE 4096

/* The limits that a configuration asks for. */
static struct http_limits http_limits_of(const struct config *c)
{
#define SIZE(key) ((size_t)settings_int(c->server, key))
    return (struct http_limits){
        .max_body = SIZE("max_body"),
        .max_header_bytes = SIZE("max_header_bytes"),
        .max_headers = SIZE("max_headers"),
        .max_connections = SIZE("max_connections"),
        .max_connections_per_address = SIZE("max_connections_per_address"),
        .max_in_flight = SIZE("max_in_flight"),
        .max_in_flight_total = SIZE("max_in_flight_total"),
        .max_in_flight_per_connection = SIZE("max_in_flight_per_connection"),
        .head_ms = SIZE("head_timeout"),
        .body_ms = SIZE("body_timeout"),
        .write_ms = SIZE("write_timeout"),
        .idle_ms = SIZE("idle_timeout"),
    };
#undef SIZE
}

static void start_http(struct app *app)
{
    static const char *const long_preflights[] = {"/api", "/adial/api", NULL};
    const struct settings *s = app->config->server;
    fill_api(app);
    app->listen = config_list(s, "listen");
    app->listen_tls = config_list(s, "listen_tls");
    app->origins = config_list(s, "allowed_origins");
    app->proxies = config_list(s, "trusted_proxies");
    struct http_config config = {
        .listen = app->listen,
        .listen_tls = app->listen_tls,
        .certificate = settings_str(s, "tls_certificate"),
        .key = settings_str(s, "tls_key"),
        .threads = app->threads,
        .http2 = settings_bool(s, "http2"),
        .allowed_origins = app->origins,
        .trusted_proxies = app->proxies,
        .long_preflights = long_preflights,
        .limits = http_limits_of(app->config),
        .server_name = "dialgate",
        .routes = api_routes,
        .route_count = api_route_count,
        .envelopes = api_envelopes,
        .envelope_count = api_envelope_count,
        .control = app->loop,
        .metrics = app->metrics,
        .identify = auth_identify,
        .identify_arg = app->auth,
        .identity_cache = IDENTITY_CACHE,
        .app = &app->api,
    };
    struct problem why = {0};
    app->http = http_start(&config, &why);
    if (!app->http) {
        app_fail(app, why.text);
        return;
    }
    app_next(app);
}

/* By the main thread, before the other steps are walked back. */
static void stop_http(struct app *app)
{
    if (!app->http)
        return;
    http_drain(app->http);
    http_join(app->http, (uint64_t)settings_int(app->config->server, "drain_timeout"));
    app->http = NULL;
}

static void free_http(struct app *app)
{
    config_list_free(app->listen);
    config_list_free(app->listen_tls);
    config_list_free(app->origins);
    config_list_free(app->proxies);
    free(app->api.openapi);
    app_next(app);
}

/* ---- The table ------------------------------------------------------------------------ */

static const struct step steps[] = {
    {"store", start_store, stop_store},
    {"users", start_users, stop_users},
    {"auth", start_auth, stop_auth},
    {"calls", start_calls, stop_calls},
    {"backends", start_backends, stop_backends},
    {"admin", start_admin, stop_admin},
    {"http", start_http, free_http},
    {NULL, NULL, NULL},
};

static void app_next(struct app *app)
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
        log_info("app", "started", LOG_S("node", app->node), LOG_S("version", DIALGATE_VERSION),
                 LOG_S("config", app->config->file));
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

/* The log is set up anew: level, format, and the file is opened again (log rotation). */
static void app_reload(struct app *app)
{
    struct buf problems;
    unsigned count = 0;
    buf_init(&problems, BUF_MAX);
    struct config *fresh = config_load(app->config_file, &problems, &count);
    if (fresh && count == 0 && app_log_setup(fresh, &problems))
        log_info("app", "reloaded", LOG_S("config", app->config_file));
    else
        log_error("app", "not reloaded, the configuration has problems",
                  LOG_S("problems", buf_cstr(&problems)));
    config_free(fresh);
    buf_free(&problems);
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

static void name_node(struct app *app)
{
    const char *name = settings_str(app->config->node, "name");
    if (!str_empty(name))
        snprintf(app->node, sizeof app->node, "%s", name);
    else if (gethostname(app->node, sizeof app->node - 1) != 0)
        snprintf(app->node, sizeof app->node, "node");
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
    }
    bool good = count == 0 && app_log_setup(app->config, &problems);
    if (good)
        app_check_values(app->config, &problems, &count);
    good = good && count == 0;
    if (!good)
        fputs(buf_cstr(&problems), stderr);
    buf_free(&problems);
    return good;
}

static void app_free(struct app *app)
{
    metrics_free(app->metrics);
    config_free(app->config);
    free(app->config_file);
    free(app);
}

int app_serve(const char *config_file)
{
    struct app *app = xcalloc(1, sizeof *app);
    sigset_t waited;
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
