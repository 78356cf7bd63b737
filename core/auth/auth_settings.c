/* auth_settings.c - the section [auth]: its keys, and what the types alone do not say. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/auth_settings.h"
#include "auth/claims.h"
#include "auth/password.h"
#include "auth/rate.h"
#include "auth/secret.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

#define MINUTES_MAX (366 * 24 * 60)

const struct dg_cfg_key auth_keys[] = {
    {"secret_key", DG_CFG_SECRET, "",
     "signs tokens (HS256): at least 32 bytes, `openssl rand -hex 32`"},
    {"algorithm", DG_CFG_STR, "HS256", "HS256; RS256 or ES256 for tokens that are made elsewhere"},
    {"public_key", DG_CFG_PATH, "", "PEM file that RS256 and ES256 tokens are checked with"},
    {"jwt_issuer", DG_CFG_STR, "", "issuer that tokens must name; empty: any"},
    {"jwt_audience", DG_CFG_STR, "",
     "audience that tokens must name; empty: only tokens without one"},
    {"token_minutes", DG_CFG_INT, "30", "how long a token lives"},
    {"token_rate", DG_CFG_STR, "10/60s",
     "asks for a token per address and time; \"off\": no limit"},
    {"token_cache", DG_CFG_MS, "60s", "how long checked credentials are remembered; 0: not at all"},
    {"bcrypt_cost", DG_CFG_INT, "12", "work per password, 4 to 15; one more doubles it"},
    {"api_key", DG_CFG_SECRET, "", "opens the API of the mobile dialer; unset: it is closed"},
    {"dev_api_key", DG_CFG_SECRET, "", "opens it and its mock endpoints; unset: they are closed"},
    {"chain", DG_CFG_JSON, "jwt",
     "who judges bearer tokens: \"jwt\" and names of [auth.NAME], in order"},
    {0},
};

static bool refuse(const struct settings *s, const char *key, struct problem *problem,
                   const char *why)
{
    char place[256];
    settings_place(s, key, place, sizeof place);
    problem_set(problem, DG_EINVAL, "%s: [auth] %s %s", place, key, why);
    return false;
}

/* Weak secrets are forgiven where little is at stake: while debugging, and without a store. */
static bool check_secret(const struct settings *s, bool debug, const char *key,
                         struct problem *problem)
{
    char why[160];
    const char *refusal = secret_refusal(settings_str(s, key));
    if (!refusal)
        return true;
    if (debug) {
        log_warn("auth", "a secret is not safe", LOG_S("key", key), LOG_S("why", refusal));
        return true;
    }
    snprintf(why, sizeof why, "%s; make one with `openssl rand -hex 32`", refusal);
    return refuse(s, key, problem, why);
}

static bool check_range(const struct settings *s, const char *key, int64_t low, int64_t high,
                        struct problem *problem)
{
    char why[96];
    int64_t value = settings_int(s, key);
    if (value >= low && value <= high)
        return true;
    snprintf(why, sizeof why, "is %" PRId64 "; expected %" PRId64 " to %" PRId64, value, low, high);
    return refuse(s, key, problem, why);
}

static bool check_key(const struct settings *s, bool debug, struct problem *problem)
{
    jwt_alg_t alg;
    struct problem pem_problem;
    const char *file = settings_str(s, "public_key");
    if (!claims_alg(settings_str(s, "algorithm"), &alg))
        return refuse(s, "algorithm", problem, "is not known; expected HS256, RS256 or ES256");
    if (alg == JWT_ALG_HS256) {
        if (!str_empty(file))
            return refuse(s, "public_key", problem,
                          "is set, but algorithm is HS256; expected RS256 or ES256");
        return check_secret(s, debug, "secret_key", problem);
    }
    if (str_empty(file))
        return refuse(s, "public_key", problem, "is not set; RS256 and ES256 need a PEM file");
    char *pem = claims_read_pem(file, alg, &pem_problem);
    free(pem);
    return pem || refuse(s, "public_key", problem, pem_problem.text);
}

static bool check_chain(const struct settings *s, bool *has_jwt, struct problem *problem)
{
    size_t i;
    json_t *name, *list = auth_chain_names(s);
    bool good = json_array_size(list) > 0;
    *has_jwt = false;
    json_array_foreach(list, i, name)
    {
        good = good && !str_empty(json_string_value(name));
        *has_jwt = *has_jwt || str_eq(json_string_value(name), "jwt");
    }
    json_decref(list);
    return good || refuse(s, "chain", problem, "must be a list of names like [\"jwt\"]");
}

json_t *auth_chain_names(const struct settings *settings)
{
    const char *text = settings_str(settings, "chain");
    return text ? json_parse(text, strlen(text), 4, NULL) : NULL;
}

bool auth_check(const struct settings *s, bool debug, struct problem *problem)
{
    bool has_jwt;
    struct rate_limit limit;
    if (!rate_parse(settings_str(s, "token_rate"), &limit))
        return refuse(
            s, "token_rate", problem,
            "makes no sense; expected a count up to 1000 and a time, like \"10/60s\", or \"off\"");
    if (!check_range(s, "bcrypt_cost", PASSWORD_COST_MIN, PASSWORD_COST_MAX, problem) ||
        !check_range(s, "token_minutes", 1, MINUTES_MAX, problem) ||
        !check_chain(s, &has_jwt, problem))
        return false;
    if (has_jwt && !check_key(s, debug, problem))
        return false;
    static const char *const keys[] = {"api_key", "dev_api_key"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!str_empty(settings_str(s, keys[i])) && !check_secret(s, debug, keys[i], problem))
            return false;
    return true;
}
