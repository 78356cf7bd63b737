/* auth.c - one chain of providers per kind of credentials; see auth.h. */
#include "auth/auth.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth_settings.h"
#include "auth/chain.h"
#include "auth/providers.h"
#include "auth/rate.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define RATE_MEMORY_MAX (16u << 20)
#define SIGN_INS_MAX    32 /* waiting: at the default cost and one worker they take about 10 s */

struct auth {
    struct loop *loop;
    struct plug *plug;
    struct users *users;
    struct rate *rate;
    struct chain nobody, bearer, api_key, dev_key;
    size_t open; /* providers, while closing */
    struct metric_family *attempts;
    struct metric *rate_exceeded;
    dg_fn *on_closed;
    void *on_closed_arg;
};

/* ---- The providers of the program ------------------------------------------ */

/* A provider reads its own settings, so it is given a table with its part of [auth]. */
struct part {
    struct toml_node items[10];
    size_t count;
};

static void part_add(struct part *part, const char *key, const char *value)
{
    struct buf text;
    if (str_empty(value))
        return;
    buf_init(&text, BUF_MAX);
    for (; *value; value++) {
        if (*value == '$')
            buf_addc(&text, '$'); /* was expanded already */
        buf_addc(&text, *value);
    }
    part->items[part->count++] =
        (struct toml_node){.kind = TOML_STR, .key = xstrdup(key), .text = buf_take(&text)};
}

static void part_add_int(struct part *part, const char *key, int64_t value)
{
    part->items[part->count++] =
        (struct toml_node){.kind = TOML_INT, .key = xstrdup(key), .integer = value};
}

static void part_free(struct part *part)
{
    for (size_t i = 0; i < part->count; i++) {
        if (part->items[i].text)
            explicit_bzero(part->items[i].text, strlen(part->items[i].text));
        free(part->items[i].text);
        free(part->items[i].key);
    }
}

static struct instance *open_own(struct auth *a, const struct dg_plugin *plugin, const char *name,
                                 struct part *part, struct problem *problem)
{
    struct buf problems;
    unsigned count = 0;
    struct toml_node table = {
        .kind = TOML_TABLE, .key = (char *)name, .items = part->items, .count = part->count};
    const struct settings_source source = {
        .file = "[auth]", .problems = &problems, .count = &count};
    buf_init(&problems, BUF_MAX);
    struct settings *settings = settings_read(&source, name, &table, plugin->config, NULL);
    part_free(part);
    struct instance *in = NULL;
    if (count)
        problem_set(problem, DG_EINVAL, "auth: %s: %s", name, buf_cstr(&problems));
    if (!count && plug_accept(plugin, "auth", problem))
        in = instance_open(a->plug, plugin, name, settings, NULL, problem);
    else
        settings_free(settings);
    buf_free(&problems);
    return in;
}

/* What is forgiven in check_secret still must not be a key that anybody knows: the empty one. */
static void add_secret(struct part *part, const char *secret)
{
    char random[65];
    if (str_empty(secret)) {
        str_random_hex(32, random);
        secret = random;
        log_warn("auth", "secret_key is not set: tokens end with this process");
    }
    part_add(part, "secret_key", secret);
    explicit_bzero(random, sizeof random);
}

static bool open_jwt(struct auth *a, const struct settings *s, struct problem *problem)
{
    static const char *const texts[] = {"algorithm", "public_key", "jwt_issuer", "jwt_audience"};
    struct part part = {.count = 0};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        part_add(&part, texts[i], settings_str(s, texts[i]));
    if (str_eq(settings_str(s, "algorithm"), "HS256"))
        add_secret(&part, settings_str(s, "secret_key"));
    part_add_int(&part, "token_minutes", settings_int(s, "token_minutes"));
    part_add_int(&part, "bcrypt_cost", settings_int(s, "bcrypt_cost"));
    part_add_int(&part, "token_cache", settings_int(s, "token_cache"));
    struct instance *in = open_own(a, &jwt_plugin, "jwt", &part, problem);
    if (!in)
        return false;
    jwt_provider_use(in->self, a->loop, a->users);
    chain_find(&a->bearer, "jwt")->in = in;
    return true;
}

static bool open_keys(struct auth *a, const struct settings *s, const char *name,
                      struct chain *chain, bool dev_only, struct problem *problem)
{
    struct part part = {.count = 0};
    if (!dev_only)
        part_add(&part, "api_key", settings_str(s, "api_key"));
    part_add(&part, "dev_api_key", settings_str(s, "dev_api_key"));
    part_add_int(&part, "token_cache", settings_int(s, "token_cache"));
    struct instance *in = open_own(a, &api_key_plugin, name, &part, problem);
    if (in)
        chain_add(chain, name, in);
    return in != NULL;
}

/* ---- Start and stop ---------------------------------------------------------- */

static void make_metrics(struct auth *a, struct metrics *m)
{
    const struct metric_family_info attempts = {.kind = METRIC_COUNTER,
                                                .name = "auth_attempts_total",
                                                .help = "Sign-ins by result.",
                                                .labels = {"result"}};
    const struct metric_family_info exceeded = {.kind = METRIC_COUNTER,
                                                .name = "rate_limit_exceeded_total",
                                                .help =
                                                    "Requests of addresses that asked too often.",
                                                .labels = {"endpoint"}};
    static const char *const results[] = {"success", "failed", "refused"};
    a->attempts = metrics_family(m, &attempts);
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        metric_of(a->attempts, &results[i]); /* shown from the start, as 0 */
    a->rate_exceeded =
        metric_of(metrics_family(m, &exceeded), (const char *const[]){"/api/v2/token"});
}

static void make_rate(struct auth *a, const struct settings *s)
{
    struct rate_limit limit;
    rate_parse(settings_str(s, "token_rate"), &limit);
    a->rate = rate_new(&limit, RATE_MEMORY_MAX / (256 + 8 * limit.count));
}

static void make_chain(struct auth *a, const struct settings *s)
{
    size_t i;
    json_t *name, *list = auth_chain_names(s);
    json_array_foreach(list, i, name) chain_add(&a->bearer, json_string_value(name), NULL);
    json_decref(list);
}

static void destroy(struct auth *a)
{
    chain_clear(&a->nobody);
    chain_clear(&a->bearer);
    chain_clear(&a->api_key);
    chain_clear(&a->dev_key);
    rate_free(a->rate);
    free(a);
}

static bool open_all(struct auth *a, const struct settings *s, struct problem *problem)
{
    return (!chain_find(&a->bearer, "jwt") || open_jwt(a, s, problem)) &&
           open_keys(a, s, "api-key", &a->api_key, false, problem) &&
           open_keys(a, s, "dev-api-key", &a->dev_key, true, problem);
}

struct auth *auth_new(const struct auth_config *config, struct problem *problem)
{
    if (!auth_check(config->settings, config->debug, problem))
        return NULL;
    struct auth *a = xcalloc(1, sizeof *a);
    a->loop = config->loop;
    a->plug = config->plug;
    a->users = config->users;
    chain_init(&a->nobody, a->loop);
    chain_init(&a->bearer, a->loop);
    chain_init(&a->api_key, a->loop);
    chain_init(&a->dev_key, a->loop);
    make_metrics(a, config->metrics);
    make_rate(a, config->settings);
    make_chain(a, config->settings);
    if (!open_all(a, config->settings, problem)) {
        auth_free(a);
        return NULL;
    }
    if (str_eq(settings_str(config->settings, "algorithm"), "HS256"))
        loop_lane_bound(a->loop, LANE_CPU, SIGN_INS_MAX);
    return a;
}

static void on_nothing_open(void *arg)
{
    struct auth *a = arg;
    if (a->on_closed)
        a->on_closed(a->on_closed_arg);
    destroy(a);
}

static void on_provider_closed(void *arg)
{
    struct auth *a = arg;
    if (--a->open == 0)
        on_nothing_open(a);
}

/* Those of others are closed by who opened them. */
static bool is_own(const struct instance *in)
{
    return in && (in->plugin == &jwt_plugin || in->plugin == &api_key_plugin);
}

static size_t count_own(const struct chain *chain)
{
    size_t count = 0;
    for (size_t i = 0; i < chain->count; i++)
        count += is_own(chain->entries[i].in);
    return count;
}

static void close_own(struct auth *a, struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        struct instance *in = chain->entries[i].in;
        chain->entries[i].in = NULL;
        if (!is_own(in))
            continue;
        if (in->plugin == &jwt_plugin)
            jwt_provider_leave(in->self);
        instance_close(in, on_provider_closed, a);
    }
}

void auth_close(struct auth *a, dg_fn *fn, void *arg)
{
    a->on_closed = fn;
    a->on_closed_arg = arg;
    a->open = count_own(&a->bearer) + count_own(&a->api_key) + count_own(&a->dev_key);
    if (!a->open)
        loop_call(a->loop, on_nothing_open, a);
    close_own(a, &a->bearer);
    close_own(a, &a->api_key);
    close_own(a, &a->dev_key);
}

void auth_free(struct auth *a)
{
    if (a)
        auth_close(a, NULL, NULL);
}

bool auth_use(struct auth *a, struct instance *provider, struct problem *problem)
{
    struct chain_entry *entry = chain_find(&a->bearer, provider->name);
    if (!entry || entry->in) {
        problem_set(problem, DG_EINVAL, "auth: [auth.%s] is not in [auth] chain%s", provider->name,
                    entry ? " under a name of its own" : "");
        return false;
    }
    entry->in = provider;
    return true;
}

const char *auth_missing(const struct auth *a)
{
    for (size_t i = 0; i < a->bearer.count; i++)
        if (!a->bearer.entries[i].in)
            return a->bearer.entries[i].name;
    return NULL;
}

/* ---- Asking ------------------------------------------------------------------ */

void auth_identify(void *auth, enum route_auth kind, const struct dg_credentials *c, op_fn *fn,
                   void *arg)
{
    struct auth *a = auth;
    struct chain *chain = &a->nobody;
    if (kind == ROUTE_JWT)
        chain = &a->bearer;
    else if (kind == ROUTE_API_KEY)
        chain = &a->api_key;
    else if (kind == ROUTE_DEV_KEY)
        chain = &a->dev_key;
    chain_check(chain, c, fn, arg);
}

struct sign_in {
    struct metric_family *attempts;
    op_fn *fn;
    void *arg;
};

static void on_issued(void *arg, const struct op_result *res)
{
    struct sign_in *s = arg;
    const char *result = res->err == DG_OK      ? "success"
                         : res->err == DG_EAUTH ? "failed"
                                                : "refused";
    metric_add(metric_of(s->attempts, &result), 1);
    s->fn(s->arg, res);
    free(s);
}

void auth_issue(struct auth *a, const char *username, const char *password, const char *peer,
                op_fn *fn, void *arg)
{
    const struct dg_credentials c = {.user = username, .password = password, .peer = peer};
    struct sign_in *s = xmalloc(sizeof *s);
    *s = (struct sign_in){a->attempts, fn, arg};
    chain_issue(&a->bearer, &c, on_issued, s);
}

bool auth_token_rate(struct auth *a, const char *peer, unsigned *retry_after_s)
{
    if (rate_allow(a->rate, peer, retry_after_s))
        return true;
    metric_add(a->rate_exceeded, 1);
    return false;
}
