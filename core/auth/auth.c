/* auth.c - one chain of providers per kind of credentials; see auth.h. */
#include "auth/auth.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth_settings.h"
#include "auth/chain.h"
#include "auth/own.h"
#include "auth/rate.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define RATE_MEMORY_MAX (16u << 20)
#define SIGN_INS_MAX    32 /* waiting: at the default cost and one worker they take about 10 s */
#define RETIRE_SWEEP_MS 50

struct auth {
    struct loop *loop;
    struct plug *plug;
    struct users *users;
    struct tokens *tokens;
    unsigned bcrypt_cost;
    struct rate *rate;
    struct notes *notes;
    struct chain nobody, bearer, api_key, dev_key, token;
    char spare_secret[65]; /* signs where none is set */
    struct link retired;   /* own providers that others have replaced, with asks under way */
    struct loop_timer *retire_timer;
    size_t open; /* own providers, the retired with them */
    bool closing;
    struct metric_family *attempts;
    struct metric *rate_exceeded;
    dg_fn *on_closed;
    void *on_closed_arg;
};

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

static size_t rate_addresses_max(const struct rate_limit *limit)
{
    return RATE_MEMORY_MAX / (256 + 8 * limit->count);
}

static struct rate_limit rate_of(const struct settings *s)
{
    struct rate_limit limit;
    rate_parse(settings_str(s, "token_rate"), &limit);
    return limit;
}

static void chain_fill(struct chain *chain, const struct settings *s)
{
    size_t i;
    json_t *name, *list = auth_chain_names(s);
    json_array_foreach(list, i, name) chain_add(chain, json_string_value(name), NULL);
    json_decref(list);
}

static void make_chains(struct auth *a, const struct settings *s)
{
    chain_fill(&a->bearer, s);
    chain_add(&a->api_key, "api-key", NULL);
    chain_add(&a->dev_key, "dev-api-key", NULL);
    chain_add(&a->token, "token", NULL);
}

/* What is forgiven in check_secret still must not be a key that anybody knows: the empty one. */
static void note_missing_secret(const struct settings *s)
{
    if (str_eq(settings_str(s, "algorithm"), "HS256") && str_empty(settings_str(s, "secret_key")))
        log_warn("auth", "secret_key is not set: tokens end with this process");
}

static bool open_providers(struct auth *a, const struct settings *s, bool with_jwt,
                           struct own_providers *out, struct problem *problem)
{
    const struct own_config config = {.plug = a->plug,
                                      .loop = a->loop,
                                      .users = a->users,
                                      .tokens = a->tokens,
                                      .settings = s,
                                      .spare_secret = a->spare_secret,
                                      .with_jwt = with_jwt};
    if (!own_open(&config, out, problem))
        return false;
    if (with_jwt)
        note_missing_secret(s);
    return true;
}

static void retire(struct auth *a, struct instance *in);

static void put_in_place(struct auth *a, struct chain *chain, const char *name, struct instance *in)
{
    struct chain_entry *entry = chain_find(chain, name);
    if (!in)
        return;
    a->open++;
    if (entry->in)
        retire(a, entry->in);
    entry->in = in;
}

static void use_providers(struct auth *a, const struct own_providers *own)
{
    put_in_place(a, &a->bearer, "jwt", own->jwt);
    put_in_place(a, &a->api_key, "api-key", own->api_key);
    put_in_place(a, &a->dev_key, "dev-api-key", own->dev_key);
    put_in_place(a, &a->token, "token", own->token);
}

/* Passwords are only looked at where tokens are made. */
static void set_work(struct auth *a, const struct settings *s)
{
    bool makes = str_eq(settings_str(s, "algorithm"), "HS256");
    loop_lane_bound(a->loop, LANE_CPU, makes ? SIGN_INS_MAX : LOOP_LANE_BOUND);
    a->bcrypt_cost = (unsigned)settings_int(s, "bcrypt_cost");
}

static void on_login_elsewhere(void *arg, const char *key)
{
    struct auth *a = arg;
    rate_count(a->rate, key);
}

static void destroy(struct auth *a)
{
    chain_clear(&a->nobody);
    chain_clear(&a->bearer);
    chain_clear(&a->api_key);
    chain_clear(&a->dev_key);
    chain_clear(&a->token);
    rate_free(a->rate);
    explicit_bzero(a->spare_secret, sizeof a->spare_secret);
    free(a);
}

struct auth *auth_new(const struct auth_config *config, struct problem *problem)
{
    struct own_providers own;
    if (!auth_check(config->settings, config->debug, problem))
        return NULL;
    struct auth *a = xcalloc(1, sizeof *a);
    struct rate_limit limit = rate_of(config->settings);
    a->loop = config->loop;
    a->plug = config->plug;
    a->users = config->users;
    a->tokens = config->tokens;
    a->rate = rate_new(&limit, rate_addresses_max(&limit));
    a->notes = config->notes;
    notes_subscribe(a->notes, NOTE_LOGINS, on_login_elsewhere, a);
    str_random_hex(32, a->spare_secret);
    list_init(&a->retired);
    chain_init(&a->nobody, a->loop);
    chain_init(&a->bearer, a->loop);
    chain_init(&a->api_key, a->loop);
    chain_init(&a->dev_key, a->loop);
    chain_init(&a->token, a->loop);
    make_metrics(a, config->metrics);
    make_chains(a, config->settings);
    bool with_jwt = chain_find(&a->bearer, "jwt") != NULL;
    if (!open_providers(a, config->settings, with_jwt, &own, problem)) {
        auth_free(a);
        return NULL;
    }
    use_providers(a, &own);
    set_work(a, config->settings);
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
    if (--a->open == 0 && a->closing)
        on_nothing_open(a);
}

/* Those of others are closed by who opened them. */
static void close_own(struct auth *a, struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        struct instance *in = chain->entries[i].in;
        chain->entries[i].in = NULL;
        if (own_is(in))
            own_close(in, on_provider_closed, a);
    }
}

/* ---- Providers that were replaced ---------------------------------------------- */

struct retired {
    struct link link;
    struct instance *in;
};

/* `all`: also those that still owe an answer. */
static void close_retired(struct auth *a, bool all)
{
    for (struct link *i = a->retired.next, *next; i != &a->retired; i = next) {
        struct retired *r = list_item(i, struct retired, link);
        next = i->next;
        if (!all && instance_open_ops(r->in) > 0)
            continue;
        own_close(r->in, on_provider_closed, a);
        list_remove(&r->link);
        free(r);
    }
}

static void sweep_retired(void *arg)
{
    struct auth *a = arg;
    close_retired(a, false);
    a->retire_timer =
        list_empty(&a->retired) ? NULL : loop_timer(a->loop, RETIRE_SWEEP_MS, sweep_retired, a);
}

/* Closing it at once would fail whoever is asking it: it goes when it has answered. */
static void retire(struct auth *a, struct instance *in)
{
    struct retired *r = xcalloc(1, sizeof *r);
    r->in = in;
    list_append(&a->retired, &r->link);
    if (!a->retire_timer)
        a->retire_timer = loop_timer(a->loop, RETIRE_SWEEP_MS, sweep_retired, a);
}

void auth_close(struct auth *a, dg_fn *fn, void *arg)
{
    a->on_closed = fn;
    a->on_closed_arg = arg;
    a->closing = true;
    /* The notes may be gone when the last provider is. */
    notes_unsubscribe(a->notes, NOTE_LOGINS, on_login_elsewhere, a);
    loop_timer_stop(a->loop, a->retire_timer);
    if (!a->open)
        loop_call(a->loop, on_nothing_open, a);
    close_retired(a, true);
    close_own(a, &a->bearer);
    close_own(a, &a->api_key);
    close_own(a, &a->dev_key);
    close_own(a, &a->token);
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

/* ---- Another section ----------------------------------------------------------- */

struct auth_change {
    struct auth *auth;
    struct own_providers own;
    struct rate_limit limit;
    const struct settings *settings;
};

struct auth_change *auth_prepare(struct auth *a, const struct settings *settings, bool debug,
                                 struct problem *problem)
{
    struct chain named;
    if (!auth_check(settings, debug, problem))
        return NULL;
    struct auth_change *change = xcalloc(1, sizeof *change);
    change->auth = a;
    change->limit = rate_of(settings);
    change->settings = settings;
    /* The chain stays as it is; without "jwt" in it the section says nothing about tokens. */
    chain_init(&named, a->loop);
    chain_fill(&named, settings);
    bool with_jwt = chain_find(&a->bearer, "jwt") && chain_find(&named, "jwt");
    chain_clear(&named);
    if (open_providers(a, settings, with_jwt, &change->own, problem))
        return change;
    free(change);
    return NULL;
}

void auth_apply(struct auth_change *change)
{
    struct auth *a = change->auth;
    use_providers(a, &change->own);
    rate_set(a->rate, &change->limit, rate_addresses_max(&change->limit));
    set_work(a, change->settings);
    free(change);
}

void auth_cancel(struct auth_change *change)
{
    if (!change)
        return;
    own_abandon(&change->own);
    free(change);
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
    else if (kind == ROUTE_TOKEN)
        chain = &a->token;
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

struct told_login {
    struct notes *notes;
    char key[RATE_KEY_SIZE];
};

static void tell_login(void *arg)
{
    struct told_login *t = arg;
    notes_publish(t->notes, NOTE_LOGINS, t->key);
    free(t);
}

/* The other gateways count it too. */
static void tell_others(struct auth *a, const char *peer)
{
    struct told_login *t = xcalloc(1, sizeof *t);
    t->notes = a->notes;
    rate_key(peer, t->key);
    loop_call(a->loop, tell_login, t);
}

bool auth_token_rate(struct auth *a, const char *peer, unsigned *retry_after_s)
{
    bool allowed = rate_allow(a->rate, peer, retry_after_s);
    if (allowed && a->notes)
        tell_others(a, peer);
    if (allowed)
        return true;
    metric_add(a->rate_exceeded, 1);
    return false;
}

/* ---- Hashing ------------------------------------------------------------------ */

struct hashing {
    char *password, hash[128];
    unsigned cost;
    auth_hash_fn *fn;
    void *arg;
};

static void hash_work(void *arg)
{
    struct hashing *h = arg;
    if (!password_hash(h->password, h->cost, h->hash))
        h->hash[0] = '\0';
}

static void hash_done(void *arg)
{
    struct hashing *h = arg;
    h->fn(h->arg, h->hash[0] ? DG_OK : DG_EINTERNAL, h->hash[0] ? h->hash : NULL);
    explicit_bzero(h->password, strlen(h->password));
    explicit_bzero(h->hash, sizeof h->hash);
    free(h->password);
    free(h);
}

void auth_hash(struct auth *a, const char *password, auth_hash_fn *fn, void *arg)
{
    struct hashing *h = xcalloc(1, sizeof *h);
    h->password = xstrdup(password);
    h->cost = a->bcrypt_cost;
    h->fn = fn;
    h->arg = arg;
    if (loop_work(a->loop, LANE_CPU, hash_work, hash_done, h))
        return;
    fn(arg, DG_ELIMIT, NULL);
    explicit_bzero(h->password, strlen(h->password));
    free(h->password);
    free(h);
}
