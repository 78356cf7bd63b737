/* app_check.c - the verbs that look at a configuration without serving it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "app_private.h"
#include "auth/auth.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/calls.h"
#include "http/forwarded.h"
#include "http/listen.h"
#include "http/tls.h"

struct plug *app_plug_new(const struct config *c, struct loop *loop, struct net *net,
                          struct metrics *metrics)
{
    const char **trace = config_list(c->plugins, "trace");
    struct plug_config config = {
        .loop = loop, .net = net, .metrics = metrics, .folders = c->plugin_folders};
    for (size_t i = 0; trace[i]; i++) {
        config.trace_backend |= str_eq(trace[i], "backend");
        config.trace_storage |= str_eq(trace[i], "storage");
        config.trace_auth |= str_eq(trace[i], "auth");
    }
    config_list_free(trace);
    return plug_new(&config);
}

bool app_log_setup(const struct config *c, struct buf *problems)
{
    struct log_config config = {.json = str_eq(settings_str(c->log, "format"), "json"),
                                .file = settings_str(c->log, "file")};
    char place[512];
    if (!log_level_parse(settings_str(c->log, "level"), &config.level)) {
        buf_addf(problems, "%s: log.level: expected debug, info, warn or error\n",
                 settings_place(c->log, "level", place, sizeof place));
        return false;
    }
    if (c->debug)
        config.level = DG_DEBUG;
    if (!log_setup(&config)) {
        buf_addf(problems, "%s: log.file: cannot be opened: %s\n",
                 settings_place(c->log, "file", place, sizeof place), strerror(errno));
        return false;
    }
    return true;
}

/* Everything that is needed to look at plugins; nothing turns. */
struct look {
    struct loop *loop;
    struct net *net;
    struct metrics *metrics;
    struct plug *plug;
};

static void look_open(struct look *l, const struct config *c)
{
    l->loop = loop_new();
    l->net = net_new(l->loop, &(struct net_config){0});
    l->metrics = metrics_new();
    l->plug = app_plug_new(c, l->loop, l->net, l->metrics);
}

static void look_close(struct look *l)
{
    plug_free(l->plug);
    net_free(l->net);
    loop_free(l->loop);
    metrics_free(l->metrics);
}

static void check_proxies(const struct config *c, struct buf *problems, unsigned *count)
{
    char place[512];
    struct problem why;
    const char **list = config_list(c->server, "trusted_proxies");
    struct arena *arena = arena_new();
    if (!networks_read(arena, list, &why)) {
        buf_addf(problems, "%s: server.%s\n",
                 settings_place(c->server, "trusted_proxies", place, sizeof place), why.text);
        ++*count;
    }
    arena_free(arena);
    config_list_free(list);
}

static void check_addresses(const struct config *c, const char *key, struct buf *problems,
                            unsigned *count)
{
    char place[512];
    struct problem why;
    const char **list = config_list(c->server, key);
    for (size_t i = 0; list[i]; i++) {
        if (listen_makes_sense(list[i], &why))
            continue;
        buf_addf(problems, "%s: server.%s: %s\n",
                 settings_place(c->server, key, place, sizeof place), key, why.text);
        ++*count;
    }
    config_list_free(list);
}

/* Zero would refuse everybody. */
static void check_limits(const struct config *c, struct buf *problems, unsigned *count)
{
    static const char *const keys[] = {
        "max_body",        "max_header_bytes", "max_headers",
        "max_connections", "max_in_flight",    "max_connections_per_address",
        "head_timeout",    "body_timeout",     "max_in_flight_total",
        "write_timeout",   "idle_timeout",     "max_in_flight_per_connection",
    };
    char place[512];
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (settings_int(c->server, keys[i]) >= 1)
            continue;
        buf_addf(problems, "%s: server.%s: expected at least 1\n",
                 settings_place(c->server, keys[i], place, sizeof place), keys[i]);
        ++*count;
    }
}

static void check_range(const struct settings *s, const char *key, int64_t most,
                        struct buf *problems, unsigned *count)
{
    char place[512];
    int64_t value = settings_int(s, key);
    if (value >= 0 && value <= most)
        return;
    buf_addf(problems, "%s: %s.%s: expected a number from 0 to %lld\n",
             settings_place(s, key, place, sizeof place), settings_name(s), key, (long long)most);
    ++*count;
}

static void check_zone(const struct config *c, struct buf *problems, unsigned *count)
{
    char place[512];
    if (clock_zone_known(settings_str(c->server, "timezone")))
        return;
    buf_addf(problems, "%s: server.timezone: expected UTC, or a name of /usr/share/zoneinfo\n",
             settings_place(c->server, "timezone", place, sizeof place));
    ++*count;
}

static void check_call_limits(const struct settings *s, struct buf *problems, unsigned *count)
{
    check_range(s, "max_active", INT32_MAX, problems, count);
    check_range(s, "max_per_second", 1000000, problems, count);
    check_range(s, "max_queued", INT32_MAX, problems, count);
}

#define DEAD_AFTER_MIN_MS 2000

static void check_node(const struct config *c, struct buf *problems, unsigned *count)
{
    char place[512];
    const char *name = settings_str(c->node, "name");
    if (!str_empty(name) && !node_name_ok(name)) {
        buf_addf(problems,
                 "%s: node.name: expected at most %d letters, digits, \".\", \"_\" and \"-\"\n",
                 settings_place(c->node, "name", place, sizeof place), NODE_NAME_MAX);
        ++*count;
    }
    if (settings_int(c->node, "dead_after") < DEAD_AFTER_MIN_MS) {
        buf_addf(problems, "%s: node.dead_after: expected %ds or more\n",
                 settings_place(c->node, "dead_after", place, sizeof place),
                 DEAD_AFTER_MIN_MS / 1000);
        ++*count;
    }
}

static void check_certificate(const struct config *c, struct buf *problems, unsigned *count)
{
    char place[512];
    struct problem why;
    const struct settings *s = c->server;
    const char *certificate = settings_str(s, "tls_certificate");
    const char *at = str_empty(certificate) ? "listen_tls" : "tls_certificate";
    const char **listen = config_list(s, "listen_tls");
    if (listen[0]) {
        SSL_CTX *tls = tls_new(certificate, settings_str(s, "tls_key"), true, &why);
        if (!tls) {
            buf_addf(problems, "%s: server.%s: %s\n", settings_place(s, at, place, sizeof place),
                     at, why.text);
            ++*count;
        }
        SSL_CTX_free(tls);
    }
    config_list_free(listen);
}

void app_check_http(const struct config *c, struct buf *problems, unsigned *count)
{
    unsigned before = *count;
    check_addresses(c, "listen", problems, count);
    check_addresses(c, "listen_tls", problems, count);
    check_proxies(c, problems, count);
    if (*count == before)
        check_certificate(c, problems, count);
}

/* It goes into arguments of the telephone system's applications. */
static void check_sounds_url(const struct config *c, struct buf *problems, unsigned *count)
{
    char place[512];
    const char *url = settings_str(c->ivr, "url");
    if (str_empty(url) || (strlen(url) <= 200 && !strstr(url, "..") &&
                           !url[strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "0123456789/_.-:[]")]))
        return;
    buf_addf(problems, "%s: ivr.url: expected up to 200 letters, digits and /_.-:[]\n",
             settings_place(c->ivr, "url", place, sizeof place));
    ++*count;
}

void app_check_values(const struct config *c, struct buf *problems, unsigned *count)
{
    check_sounds_url(c, problems, count);
    char place[512];
    enum dg_level level;
    check_limits(c, problems, count);
    const char *format = settings_str(c->log, "format");
    if (!str_eq(format, "text") && !str_eq(format, "json")) {
        buf_addf(problems, "%s: log.format: expected text or json\n",
                 settings_place(c->log, "format", place, sizeof place));
        ++*count;
    }
    if (!log_level_parse(settings_str(c->log, "level"), &level)) {
        buf_addf(problems, "%s: log.level: expected debug, info, warn or error\n",
                 settings_place(c->log, "level", place, sizeof place));
        ++*count;
    }
    const char *endpoint = settings_str(c->calls, "endpoint");
    if (!endpoint || !strstr(endpoint, "{number}")) {
        buf_addf(problems, "%s: calls.endpoint: expected a template with {number}\n",
                 settings_place(c->calls, "endpoint", place, sizeof place));
        ++*count;
    }
    check_call_limits(c->calls, problems, count);
    check_range(c->idempotency, "max_remembered", INT32_MAX, problems, count);
    check_range(c->mobile, "max_mock_numbers", MOCK_NUMBERS_MAX, problems, count);
    check_range(c->events, "max_stored", INT32_MAX, problems, count);
    check_range(c->events, "max_recent", 1000000, problems, count);
    check_range(c->events, "max_readers", 100000, problems, count);
    check_range(c->events, "max_unsent", INT32_MAX, problems, count);
    check_range(c->webhooks, "max_webhooks", 10000, problems, count);
    check_range(c->webhooks, "max_pending", INT32_MAX, problems, count);
    check_range(c->webhooks, "max_pending_total", INT32_MAX, problems, count);
    check_range(c->webhooks, "max_attempts", 1000, problems, count);
    check_zone(c, problems, count);
    check_node(c, problems, count);
    for (size_t i = 0; i < c->backend_count; i++)
        check_call_limits(c->backends[i].calls, problems, count);
    struct problem why = {0};
    if (!auth_check(c->auth, c->debug || c->store_disabled, &why)) {
        buf_addf(problems, "%s\n", why.text);
        ++*count;
    }
}

int app_check(const char *config_file)
{
    struct buf problems;
    unsigned count = 0;
    buf_init(&problems, BUF_MAX);
    struct config *c = config_load(config_file, &problems, &count);
    if (c) {
        struct look look;
        look_open(&look, c);
        config_plugins(c, look.plug, &problems, &count);
        if (count == 0) {
            app_check_http(c, &problems, &count);
            app_check_values(c, &problems, &count);
        }
        look_close(&look);
    }
    fputs(buf_cstr(&problems), stderr);
    if (c && count == 0)
        printf("%s: no problems\n", c->file);
    buf_free(&problems);
    config_free(c);
    return count ? 1 : 0;
}

static const char *type_name(enum dg_cfg_type type)
{
    static const char *const names[] = {
        [DG_CFG_STR] = "text",        [DG_CFG_SECRET] = "secret", [DG_CFG_INT] = "integer",
        [DG_CFG_BOOL] = "true/false", [DG_CFG_MS] = "duration",   [DG_CFG_JSON] = "list or table",
        [DG_CFG_PATH] = "path",       [DG_CFG_URL] = "url",
    };
    return names[type];
}

static void print_keys(const struct dg_cfg_key *keys)
{
    for (const struct dg_cfg_key *k = keys; k && k->name; k++)
        printf("  %-18s %-13s %s%s%s\n    %s\n", k->name, type_name(k->type),
               k->fallback ? "default \"" : "required", k->fallback ? k->fallback : "",
               k->fallback ? "\"" : "", k->help);
}

static void print_plugin(void *arg, const char *file, const struct dg_plugin *d,
                         const char *refusal)
{
    (void)arg;
    if (!d) {
        printf("%s: refused: %s\n\n", file, refusal);
        return;
    }
    printf("%s %s (ABI %u.%u)%s%s%s: %s\n  %s\n", d->name, d->version, d->abi_major, d->abi_minor,
           d->backend ? " backend" : "", d->storage ? " storage" : "", d->auth ? " auth" : "",
           d->summary ? d->summary : "", file);
    print_keys(d->config);
    putchar('\n');
}

int app_plugins(const char *config_file)
{
    struct buf problems;
    unsigned count = 0;
    buf_init(&problems, BUF_MAX);
    struct config *c = config_load(config_file, &problems, &count);
    if (!c) {
        fputs(buf_cstr(&problems), stderr);
        buf_free(&problems);
        return 1;
    }
    struct look look;
    look_open(&look, c);
    plug_list(look.plug, print_plugin, NULL);
    for (const struct config_section *s = config_sections; s->name; s++) {
        printf("[%s]\n", s->name);
        print_keys(s->keys);
        putchar('\n');
    }
    look_close(&look);
    buf_free(&problems);
    config_free(c);
    return 0;
}
