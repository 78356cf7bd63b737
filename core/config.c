/* config.c - every section and key of the configuration, with its default. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/calls.h"

static const struct dg_cfg_key server_keys[] = {
    {"listen", DG_CFG_JSON, "127.0.0.1:8000",
     "addresses for HTTP: \"host:port\", \"[v6]:port\", \"unix:/path\""},
    {"listen_tls", DG_CFG_JSON, "", "addresses for HTTPS; needs tls_certificate and tls_key"},
    {"control", DG_CFG_PATH, "control.sock", "Unix socket of the command line (mode 0600)"},
    {"timezone", DG_CFG_STR, "UTC", "zone of the APIs that write local times"},
    {"threads", DG_CFG_INT, "0", "HTTP threads; 0: one per core"},
    {"tls_certificate", DG_CFG_PATH, "", "PEM file with the certificate chain"},
    {"tls_key", DG_CFG_PATH, "", "PEM file with the private key"},
    {"http2", DG_CFG_BOOL, "true", "offer HTTP/2"},
    {"allowed_origins", DG_CFG_JSON, "*", "origins for CORS; \"*\" for any"},
    {"metrics", DG_CFG_BOOL, "true", "serve /metrics"},
    {"docs", DG_CFG_BOOL, "true", "serve /docs, /redoc and /openapi.json"},
    {"trusted_proxies", DG_CFG_JSON, "",
     "addresses or networks of proxies; only their X-Forwarded-For is believed"},
    {"max_body", DG_CFG_INT, "1000000", "largest request body in bytes"},
    {"max_upload", DG_CFG_INT, "67108864",
     "largest file of numbers, largest sound in bytes; see max_body"},
    {"max_uploads", DG_CFG_INT, "4", "of those larger than max_body at a time"},
    {"max_header_bytes", DG_CFG_INT, "32768", "size of a request's headers, names and values"},
    {"max_headers", DG_CFG_INT, "64", "header lines of a request; 100 are more than any may have"},
    {"max_connections", DG_CFG_INT, "10000", "connections at once, over all threads"},
    {"max_connections_per_address", DG_CFG_INT, "1000",
     "of these from one address (IPv6: one /64); trusted proxies and Unix sockets do not count"},
    {"max_in_flight", DG_CFG_INT, "4096", "requests waiting for an answer, per thread"},
    {"max_in_flight_total", DG_CFG_INT, "16384",
     "requests waiting for an answer, over all threads"},
    {"max_in_flight_per_connection", DG_CFG_INT, "64",
     "requests of an HTTP/2 connection that are served at a time; more wait"},
    {"head_timeout", DG_CFG_MS, "10s", "a client's time to send a request's head"},
    {"body_timeout", DG_CFG_MS, "30s", "a client's time to send a request's body"},
    {"upload_timeout", DG_CFG_MS, "10m", "to send a body larger than max_body"},
    {"write_timeout", DG_CFG_MS, "30s", "how long a client may take nothing of its answer"},
    {"idle_timeout", DG_CFG_MS, "60s", "keep-alive of an idle connection"},
    {"drain_timeout", DG_CFG_MS, "10s", "time for requests under way when stopping"},
    {"app_name", DG_CFG_STR, "Contact Center API", "title shown by / and the documentation"},
    {"app_version", DG_CFG_STR, "1.0.0", "version shown by /, /health and the documentation"},
    {"debug", DG_CFG_BOOL, "false", "weak secrets only warn; log level debug"},
    {0},
};

static const struct dg_cfg_key log_keys[] = {
    {"level", DG_CFG_STR, "info", "debug, info, warn or error"},
    {"format", DG_CFG_STR, "text", "text or json"},
    {"file", DG_CFG_PATH, "", "log file; empty: standard error"},
    {0},
};

static const struct dg_cfg_key plugins_keys[] = {
    {"path", DG_CFG_JSON, "plugins",
     "folders with plugins; relative ones count from the executable's folder"},
    {"trace", DG_CFG_JSON, "", "kinds whose calls are logged: backend, storage, auth"},
    {0},
};

static const struct dg_cfg_key calls_keys[] = {
    {"endpoint", DG_CFG_STR, "Local/{number}@{context}",
     "what is dialled; {number}, {context} and {trunk} are filled in"},
    {"trunk", DG_CFG_STR, "PJSIP/trunk", "what {trunk} of `endpoint` stands for"},
    {"context", DG_CFG_STR, "outbound-ivr", "dialplan context of the answered leg"},
    {"extension", DG_CFG_STR, "s", "dialplan extension of the answered leg"},
    {"priority", DG_CFG_INT, "1", "dialplan priority of the answered leg"},
    {"timeout_ms", DG_CFG_INT, "30000", "ring timeout; a value below 1000 is in seconds"},
    {"caller_id", DG_CFG_STR, "Outbound Call", "caller id where a request names none"},
    {"allowed_contexts", DG_CFG_JSON, "",
     "contexts a request may name beside `context`; \"*\" for any"},
    {"parked_context", DG_CFG_STR, "parkedcalls",
     "dialplan context in which a slot's number gets the call that is parked there"},
    {"max_active", DG_CFG_INT, "2000", "calls at once; 0: no limit"},
    {"max_per_second", DG_CFG_INT, "100",
     "new calls per second, above which they wait for their turn; 0: no limit; where it is not "
     "set, backends that only play their calls have none"},
    {"max_queued", DG_CFG_INT, "500", "calls that wait for their turn; the next is answered 429"},
    {"queue_timeout", DG_CFG_MS, "5s", "a call that would have to wait for longer is answered 429"},
    {"max_duration", DG_CFG_MS, "4h", "an answered call is hung up after; 0: never"},
    {"recent", DG_CFG_MS, "10m", "how long an ended call is answered from memory"},
    {"recent_max", DG_CFG_INT, "100000", "how many ended calls are kept in memory"},
    {0},
};

static const struct dg_cfg_key idempotency_keys[] = {
    {"lifetime", DG_CFG_MS, "24h", "how long an Idempotency-Key is remembered"},
    {"wait", DG_CFG_MS, "10s",
     "how long a request waits for the first one with its key; then it is answered 409"},
    {"max_remembered", DG_CFG_INT, "20000",
     "without a store: so many keys, the newest, are remembered in memory"},
    {0},
};

static const struct dg_cfg_key mobile_keys[] = {
    {"mock_timeout", DG_CFG_MS, "5m", "how long a number of /mock-connect seems to be in a call"},
    {"max_mock_numbers", DG_CFG_INT, "200000", "of these at once; more are answered 429"},
    {0},
};

static const struct dg_cfg_key events_keys[] = {
    {"lifetime", DG_CFG_MS, "1d", "how long an event can be read again"},
    {"max_stored", DG_CFG_INT, "1000000", "events of this gateway in the store; the oldest go"},
    {"max_recent", DG_CFG_INT, "10000",
     "events in memory, 200 at least; without a store these are all"},
    {"channels", DG_CFG_BOOL, "true", "events of every channel, besides those of calls"},
    {"queues", DG_CFG_BOOL, "true", "events of queues, and of lines and trunks"},
    {"max_readers", DG_CFG_INT, "2000",
     "clients that read events at once; the next is answered 503"},
    {"max_unsent", DG_CFG_INT, "1000000",
     "bytes that wait for a client that reads too slowly; then its stream is ended"},
    {"heartbeat", DG_CFG_MS, "15s", "a comment is sent when nothing has happened for so long"},
    {0},
};

static const struct dg_cfg_key webhooks_keys[] = {
    {"allow_private", DG_CFG_BOOL, "false",
     "deliver to private, loopback and link-local addresses as well"},
    {"max_webhooks", DG_CFG_INT, "100", "at once; more are refused"},
    {"max_pending", DG_CFG_INT, "10000", "deliveries that wait for one webhook; more are dropped"},
    {"max_pending_total", DG_CFG_INT, "100000", "and for all of them"},
    {"timeout", DG_CFG_MS, "10s", "a receiver's time to answer"},
    {"max_attempts", DG_CFG_INT, "12", "then a delivery is dead"},
    {"retry_min", DG_CFG_MS, "5s", "the first pause between attempts; each is twice as long,"},
    {"retry_max", DG_CFG_MS, "1h", "but no longer than this"},
    {"keep", DG_CFG_MS, "7d", "how long a delivery is kept, whatever has become of it"},
    {0},
};

static const struct dg_cfg_key ivr_keys[] = {
    {"sounds", DG_CFG_STR, "",
     "the telephone system's folder of sounds, which this gateway shares, or with `url` one of its "
     "own; empty: nothing can be uploaded"},
    {"folder", DG_CFG_STR, "dialer", "where uploaded sounds lie, below that folder"},
    {"url", DG_CFG_URL, "",
     "this gateway as the telephone system reaches it, \"http://10.0.0.5:8000\": that fetches "
     "uploaded sounds from here, and `sounds` is a folder of the gateway's own; empty: it reads "
     "them from the folder"},
    {0},
};

static const struct dg_cfg_key recordings_keys[] = {
    {"keep", DG_CFG_MS, "0",
     "recordings are deleted when they are older, \"30d\"; 0: they are kept for ever"},
    {"keep_foreign", DG_CFG_BOOL, "true",
     "that rule is for the recordings of gateways alone; false: for all that lie there"},
    {0},
};

static const struct dg_cfg_key node_keys[] = {
    {"name", DG_CFG_STR, "",
     "this gateway's name, another one for each on a store; empty: the host's"},
    {"dead_after", DG_CFG_MS, "10s",
     "a gateway on a shared store that was silent for so long is dead: others take its calls over; "
     "the same on all"},
    {"lost_after", DG_CFG_MS, "10m",
     "calls of a dead gateway that no living one can see are given up after"},
    {0},
};

static const struct dg_cfg_key telephony_keys[] = {
    {"backend", DG_CFG_STR, NULL, "the active backend: NAME of a [backend.NAME] table"},
    {"mock", DG_CFG_BOOL, "false",
     "whatever `backend` says, use the backend that only plays its calls"},
    {"fallback", DG_CFG_STR, "",
     "NAME of the [backend.NAME] that new calls go to while the active one is not connected"},
    {"fallback_hold", DG_CFG_MS, "10s",
     "the active backend must be connected again for so long before new calls go back to it"},
    {"switch_timeout", DG_CFG_MS, "30s",
     "after a reload, for so long the backend of before serves while the new one is not connected; "
     "0: not at all"},
    {0},
};

static const struct dg_cfg_key storage_keys[] = {
    {"plugin", DG_CFG_STR, NULL, "the plugin that keeps the records"},
    {"disabled", DG_CFG_BOOL, "false", "open no store: calls are placed, nothing is kept"},
    {0},
};

static const struct dg_cfg_key instance_keys[] = {
    {"plugin", DG_CFG_STR, NULL, "the plugin behind this instance"},
    {0},
};

static const struct dg_cfg_key backend_keys[] = {
    {"plugin", DG_CFG_STR, NULL, "the plugin behind this instance"},
    {"companion", DG_CFG_STR, "",
     "NAME of another [backend.NAME], a second way into the same server: it does for this one's "
     "calls what this one cannot"},
    {0},
};

const struct config_section config_sections[] = {
    {"server", server_keys},
    {"log", log_keys},
    {"plugins", plugins_keys},
    {"auth", auth_keys},
    {"calls", calls_keys},
    {"idempotency", idempotency_keys},
    {"mobile", mobile_keys},
    {"events", events_keys},
    {"webhooks", webhooks_keys},
    {"ivr", ivr_keys},
    {"recordings", recordings_keys},
    {"node", node_keys},
    {"storage", storage_keys},
    {"telephony", telephony_keys},
    {NULL, NULL},
};

static size_t keys_count(const struct dg_cfg_key *keys)
{
    size_t n = 0;
    while (keys && keys[n].name)
        n++;
    return n;
}

/* a and b as one list; the caller frees. */
static struct dg_cfg_key *keys_join(const struct dg_cfg_key *a, const struct dg_cfg_key *b)
{
    size_t na = keys_count(a), nb = keys_count(b);
    struct dg_cfg_key *all = xcalloc(na + nb + 1, sizeof *all);
    if (na)
        memcpy(all, a, na * sizeof *all);
    if (nb)
        memcpy(all + na, b, nb * sizeof *all);
    return all;
}

static void problem(struct buf *problems, unsigned *count, const char *file,
                    const struct toml_node *at, const char *text)
{
    buf_addf(problems, "%s:%d:%d: %s\n", file, at ? at->line : 1, at ? at->column : 1, text);
    ++*count;
}

static void problemf(const struct config *c, const struct toml_node *at, struct buf *problems,
                     unsigned *count, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
static void problemf(const struct config *c, const struct toml_node *at, struct buf *problems,
                     unsigned *count, const char *fmt, ...)
{
    struct problem p;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p.text, sizeof p.text, fmt, ap);
    va_end(ap);
    problem(problems, count, c->file, at, p.text);
}

static struct settings_source source_of(const struct config *c, struct buf *problems,
                                        unsigned *count)
{
    return (struct settings_source){c->file, c->env, problems, count};
}

static bool is_section(const char *name)
{
    for (const struct config_section *s = config_sections; s->name; s++) {
        if (str_eq(s->name, name))
            return true;
    }
    return str_eq(name, "backend");
}

/* The keys of [auth] stand beside the tables [auth.NAME]; those are instances, not keys. */
static struct toml_node without_tables(const struct toml_node *table)
{
    struct toml_node flat = *table;
    flat.items = xcalloc(table->count + 1, sizeof *flat.items);
    flat.count = 0;
    for (size_t i = 0; i < table->count; i++) {
        if (table->items[i].kind != TOML_TABLE)
            flat.items[flat.count++] = table->items[i];
    }
    return flat;
}

static struct settings *section(const struct config *c, const char *name,
                                const struct dg_cfg_key *keys, struct buf *problems,
                                unsigned *count)
{
    struct settings_source src = source_of(c, problems, count);
    const struct toml_node *table = toml_get(c->root, name);
    if (!table || table->kind != TOML_TABLE || keys != auth_keys)
        return settings_read(&src, name, table, keys, NULL);
    struct toml_node flat = without_tables(table);
    struct settings *s = settings_read(&src, name, &flat, keys, NULL);
    free(flat.items);
    return s;
}

static void read_sections(struct config *c, struct buf *problems, unsigned *count)
{
    for (size_t i = 0; i < c->root->count; i++) {
        const struct toml_node *n = &c->root->items[i];
        if (!is_section(n->key))
            problemf(c, n, problems, count,
                     "unknown section \"%s\"; `dialgate plugins` lists what there is", n->key);
    }
    c->server = section(c, "server", server_keys, problems, count);
    c->log = section(c, "log", log_keys, problems, count);
    c->plugins = section(c, "plugins", plugins_keys, problems, count);
    c->auth = section(c, "auth", auth_keys, problems, count);
    c->calls = section(c, "calls", calls_keys, problems, count);
    c->idempotency = section(c, "idempotency", idempotency_keys, problems, count);
    c->mobile = section(c, "mobile", mobile_keys, problems, count);
    c->events = section(c, "events", events_keys, problems, count);
    c->webhooks = section(c, "webhooks", webhooks_keys, problems, count);
    c->ivr = section(c, "ivr", ivr_keys, problems, count);
    c->recordings = section(c, "recordings", recordings_keys, problems, count);
    c->node = section(c, "node", node_keys, problems, count);
    c->telephony = section(c, "telephony", telephony_keys, problems, count);

    unsigned ignored = 0; /* the store's own keys are known once its plugin is loaded */
    struct buf nowhere;
    buf_init(&nowhere, BUF_MAX);
    struct settings_source quiet = source_of(c, &nowhere, &ignored);
    c->storage = settings_read(&quiet, "storage", toml_get(c->root, "storage"), storage_keys, NULL);
    buf_free(&nowhere);

    c->debug = settings_bool(c->server, "debug");
    c->store_disabled = settings_bool(c->storage, "disabled");
    c->mock = settings_bool(c->telephony, "mock");
}

const char **config_list(const struct settings *s, const char *key)
{
    const char *text = settings_str(s, key);
    json_t *list = str_empty(text) ? NULL : json_parse(text, strlen(text), 4, NULL);
    const char **out = xcalloc(json_array_size(list) + 1, sizeof *out);
    size_t i, n = 0;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        if (!str_empty(json_string_value(item)))
            out[n++] = xstrdup(json_string_value(item));
    }
    json_decref(list);
    return out;
}

void config_list_free(const char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free((char *)list[i]);
    free(list);
}

/* Relative folders count from the executable's own. */
static void find_folders(struct config *c)
{
    char exe[4096] = "";
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
    char *slash = len > 0 ? strrchr(exe, '/') : NULL;
    if (slash)
        *slash = '\0';
    c->plugin_folders = config_list(c->plugins, "path");
    for (size_t i = 0; c->plugin_folders[i]; i++) {
        char *folder = (char *)c->plugin_folders[i];
        if (folder[0] == '/')
            continue;
        c->plugin_folders[i] = xasprintf("%s/%s", exe, folder);
        free(folder);
    }
}

struct config *config_load(const char *file, struct buf *problems, unsigned *count)
{
    struct config *c = xcalloc(1, sizeof *c);
    char why[512], *real = realpath(file, NULL);
    c->file = real ? real : xstrdup(file);
    c->folder = xstrdup(c->file);
    char *slash = strrchr(c->folder, '/');
    if (slash)
        slash[slash == c->folder] = '\0';

    struct problem env_problem = {0};
    char *env_file = xasprintf("%s/.env", c->folder);
    c->env = env_load(env_file, &env_problem);
    free(env_file);
    if (!c->env) {
        buf_addf(problems, "%s\n", env_problem.text);
        ++*count;
    }
    c->root = toml_load(c->file, why, sizeof why);
    if (!c->root) {
        buf_addf(problems, "%s\n", why);
        ++*count;
    }
    if (!c->env || !c->root) {
        config_free(c);
        return NULL;
    }
    read_sections(c, problems, count);
    find_folders(c);
    return c;
}

enum role { ROLE_BACKEND, ROLE_STORE, ROLE_PROVIDER };

/* NULL: it can; else what it is not. */
static const char *unfit(const struct dg_plugin *d, enum role role)
{
    switch (role) {
    case ROLE_BACKEND:
        return d->backend ? NULL : "telephony backend";
    case ROLE_STORE:
        return d->storage ? NULL : "store";
    case ROLE_PROVIDER:
        return d->auth ? NULL : "auth provider";
    }
    return NULL;
}

/* Reads one instance's table: the plugin's keys, and for backends the overrides of [calls]. */
static void read_instance(struct config *c, struct plug *plug, struct config_instance *in,
                          enum role role, const struct toml_node *table,
                          const struct dg_cfg_key *core_keys, struct buf *problems, unsigned *count)
{
    const struct toml_node *at = toml_get(table, "plugin");
    struct problem why = {0};
    in->descriptor = plug_load(plug, in->plugin, &why);
    if (!in->descriptor) {
        problem(problems, count, c->file, at ? at : table, why.text);
        return;
    }
    const char *what = unfit(in->descriptor, role);
    if (what) {
        problemf(c, at ? at : table, problems, count, "plugin \"%s\" is no %s", in->plugin, what);
        return;
    }
    struct settings_source src = source_of(c, problems, count);
    in->settings = settings_read(&src, in->name, table, in->descriptor->config, core_keys);
}

static void read_calls_overrides(struct config *c, struct config_instance *in,
                                 const struct toml_node *table, const struct dg_cfg_key *core_keys)
{
    unsigned ignored = 0; /* told already when the plugin's settings were read */
    struct buf nowhere;
    buf_init(&nowhere, BUF_MAX);
    struct settings_source quiet = source_of(c, &nowhere, &ignored);
    in->calls = settings_read(&quiet, in->name, table, core_keys, NULL);
    buf_free(&nowhere);
}

static const char *plugin_of(const struct config *c, const struct toml_node *table,
                             struct buf *problems, unsigned *count)
{
    const struct toml_node *at = toml_get(table, "plugin");
    if (at && at->kind == TOML_STR && at->text[0])
        return at->text;
    problemf(c, at ? at : table, problems, count,
             "\"plugin\" is missing in [%s]; expected the name of a plugin, see `dialgate plugins`",
             table->key);
    return NULL;
}

static void check_route(const struct config *c, const struct toml_node *all, struct buf *problems,
                        unsigned *count)
{
    const struct toml_node *telephony = toml_get(c->root, "telephony");
    const char *active = settings_str(c->telephony, "backend");
    const char *fallback = settings_str(c->telephony, "fallback");
    const struct toml_node *at = telephony ? toml_get(telephony, "fallback") : NULL;
    if (config_active_backend(c) || str_empty(active)) /* the latter was told already */
        ;
    else if (c->mock)
        problemf(c, telephony, problems, count,
                 "telephony.mock is true, but no [backend.*] has a plugin that only plays calls");
    else if (!(all && toml_get(all, active)))
        problemf(c, telephony, problems, count,
                 "telephony names the backend \"%s\", but there is no table [backend.%s]", active,
                 active);
    if (str_empty(fallback))
        return;
    if (!(all && toml_get(all, fallback)))
        problemf(c, at, problems, count,
                 "telephony.fallback is \"%s\", but there is no table [backend.%s]", fallback,
                 fallback);
    else if (str_eq(active, fallback))
        problemf(c, at, problems, count,
                 "telephony.fallback is the active backend itself; name another, or none");
}

static void check_companions(const struct config *c, const struct toml_node *all,
                             struct buf *problems, unsigned *count)
{
    for (size_t i = 0; i < c->backend_count; i++) {
        const struct config_instance *in = &c->backends[i];
        const char *name = config_companion(in);
        const struct toml_node *table = toml_get(all, in->name), *at = toml_get(table, "companion");
        if (name && !toml_get(all, name))
            problemf(c, at ? at : table, problems, count,
                     "backend.%s.companion is \"%s\", but there is no table [backend.%s]", in->name,
                     name, name);
        else if (str_eq(name, in->name))
            problemf(c, at ? at : table, problems, count,
                     "backend.%s.companion is the backend itself; name another, or none", in->name);
    }
}

static void read_backends(struct config *c, struct plug *plug, struct buf *problems,
                          unsigned *count)
{
    const struct toml_node *all = toml_get(c->root, "backend");
    struct dg_cfg_key *core_keys = keys_join(backend_keys, calls_keys);
    for (size_t i = 0; all && i < all->count; i++) {
        const struct toml_node *table = &all->items[i];
        if (table->kind != TOML_TABLE) {
            problemf(c, table, problems, count, "\"backend.%s\" must be a table", table->key);
            continue;
        }
        const char *plugin = plugin_of(c, table, problems, count);
        if (!plugin)
            continue;
        c->backends = xrealloc(c->backends, (c->backend_count + 1) * sizeof *c->backends);
        struct config_instance *in = &c->backends[c->backend_count++];
        *in = (struct config_instance){.name = table->key, .plugin = plugin, .line = table->line};
        read_instance(c, plug, in, ROLE_BACKEND, table, core_keys, problems, count);
        read_calls_overrides(c, in, table, core_keys);
    }
    free(core_keys);

    check_route(c, all, problems, count);
    check_companions(c, all, problems, count);
}

static void read_store(struct config *c, struct plug *plug, struct buf *problems, unsigned *count)
{
    const struct toml_node *table = toml_get(c->root, "storage");
    struct toml_node none = {.kind = TOML_TABLE, .key = (char *)"storage"};
    if (c->store_disabled)
        return;
    const char *plugin = plugin_of(c, table ? table : &none, problems, count);
    if (!plugin)
        return;
    c->store = (struct config_instance){.name = "storage", .plugin = plugin};
    read_instance(c, plug, &c->store, ROLE_STORE, table ? table : &none, storage_keys, problems,
                  count);
}

static void read_providers(struct config *c, struct plug *plug, struct buf *problems,
                           unsigned *count)
{
    const struct toml_node *auth = toml_get(c->root, "auth");
    for (size_t i = 0; auth && i < auth->count; i++) {
        const struct toml_node *table = &auth->items[i];
        const char *plugin =
            table->kind == TOML_TABLE ? plugin_of(c, table, problems, count) : NULL;
        if (!plugin)
            continue;
        c->providers = xrealloc(c->providers, (c->provider_count + 1) * sizeof *c->providers);
        struct config_instance *in = &c->providers[c->provider_count++];
        *in = (struct config_instance){.name = table->key, .plugin = plugin};
        read_instance(c, plug, in, ROLE_PROVIDER, table, instance_keys, problems, count);
    }
}

void config_plugins(struct config *c, struct plug *plug, struct buf *problems, unsigned *count)
{
    read_store(c, plug, problems, count);
    read_backends(c, plug, problems, count);
    read_providers(c, plug, problems, count);
}

static bool simulated(const struct config_instance *in)
{
    return in->descriptor && in->descriptor->backend && in->descriptor->backend->simulated;
}

const struct config_instance *config_active_backend(const struct config *c)
{
    const char *name = settings_str(c->telephony, "backend");
    for (size_t i = 0; i < c->backend_count; i++) {
        const struct config_instance *in = &c->backends[i];
        if (c->mock ? simulated(in) : str_eq(in->name, name))
            return in;
    }
    return NULL;
}

const struct config_instance *config_fallback_backend(const struct config *c)
{
    const char *name = settings_str(c->telephony, "fallback");
    for (size_t i = 0; !c->mock && i < c->backend_count; i++) {
        if (str_eq(c->backends[i].name, name))
            return &c->backends[i];
    }
    return NULL;
}

const char *config_companion(const struct config_instance *backend)
{
    const char *name = settings_str(backend->calls, "companion");
    return str_empty(name) ? NULL : name;
}

/* Where a key of [calls] stands that the instance's own table may override. */
static const struct settings *calls_from(const struct config *c,
                                         const struct config_instance *backend, const char *key)
{
    return settings_has(backend->calls, key) ? backend->calls : c->calls;
}

void config_call_defaults(const struct config *c, const struct config_instance *backend,
                          struct call_defaults *out)
{
#define FROM(key) calls_from(c, backend, key)
    int64_t ring = settings_int(FROM("timeout_ms"), "timeout_ms");
    *out = (struct call_defaults){
        .endpoint = settings_str(FROM("endpoint"), "endpoint"),
        .trunk = settings_str(FROM("trunk"), "trunk"),
        .context = settings_str(FROM("context"), "context"),
        .extension = settings_str(FROM("extension"), "extension"),
        .caller_id = settings_str(FROM("caller_id"), "caller_id"),
        .parked_context = settings_str(FROM("parked_context"), "parked_context"),
        .priority = (int)settings_int(FROM("priority"), "priority"),
        .ring_ms = (uint64_t)(ring < 1000 ? ring * 1000 : ring),
        .allowed_contexts = config_list(FROM("allowed_contexts"), "allowed_contexts"),
    };
#undef FROM
}

void config_call_limits(const struct config *c, const struct config_instance *backend,
                        struct call_limits *out)
{
#define LIMIT(key) settings_int(calls_from(c, backend, key), key)
    *out = (struct call_limits){
        .max_active = (size_t)LIMIT("max_active"),
        .max_per_second = (unsigned)LIMIT("max_per_second"),
        .max_queued = (size_t)LIMIT("max_queued"),
        .queue_ms = (uint64_t)LIMIT("queue_timeout"),
    };
#undef LIMIT
    if (simulated(backend) &&
        !settings_has(calls_from(c, backend, "max_per_second"), "max_per_second"))
        out->max_per_second = 0;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    struct settings *const sections[] = {
        c->server,  c->log,         c->plugins, c->auth,   c->calls,    c->node, c->telephony,
        c->storage, c->idempotency, c->mobile,  c->events, c->webhooks, c->ivr,  c->recordings};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        settings_free(sections[i]);
    for (size_t i = 0; i < c->backend_count; i++) {
        settings_free(c->backends[i].settings);
        settings_free(c->backends[i].calls);
    }
    for (size_t i = 0; i < c->provider_count; i++)
        settings_free(c->providers[i].settings);
    settings_free(c->store.settings);
    config_list_free(c->plugin_folders);
    free(c->backends);
    free(c->providers);
    toml_free(c->root);
    env_free(c->env);
    free(c->folder);
    free(c->file);
    free(c);
}

char *config_find(void)
{
    const char *named = getenv("DIALGATE_CONFIG");
    if (!str_empty(named))
        return xstrdup(named);
    static const char *const places[] = {"dialgate.toml", "/etc/dialgate/dialgate.toml"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (access(places[i], R_OK) == 0)
            return xstrdup(places[i]);
    }
    return NULL;
}
