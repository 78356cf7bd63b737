/* claims.c - JSON Web Tokens through libjwt, and what libjwt leaves to us.
 *
 * libjwt checks the signature by the algorithm that the token names, takes an
 * absent key for leave not to check, and looks at no claim. So the key is never
 * empty, the algorithm must be the configured one, and the claims are read here.
 */
#include "auth/claims.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define PEM_MAX      16384
#define RSA_BITS_MIN 2048
#define DEPTH_MAX    16

bool claims_alg(const char *name, jwt_alg_t *out)
{
    static const struct {
        const char *name;
        jwt_alg_t alg;
    } algs[] = {{"ES256", JWT_ALG_ES256}, {"HS256", JWT_ALG_HS256}, {"RS256", JWT_ALG_RS256}};
    for (size_t i = 0; i < sizeof algs / sizeof *algs; i++)
        if (str_eq(name, algs[i].name)) {
            *out = algs[i].alg;
            return true;
        }
    return false;
}

static const char *key_refusal(EVP_PKEY *key, jwt_alg_t alg)
{
    char curve[32] = "";
    if (!key)
        return "holds no public key in PEM form";
    if (alg == JWT_ALG_RS256) {
        if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
            return "is not an RSA key, as RS256 wants";
        return EVP_PKEY_get_bits(key) < RSA_BITS_MIN ? "is an RSA key of fewer than 2048 bits"
                                                     : NULL;
    }
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
        EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL);
    return str_eq(curve, "prime256v1") ? NULL : "is not a key on the curve P-256, as ES256 wants";
}

char *claims_read_pem(const char *file, jwt_alg_t alg, struct problem *problem)
{
    BIO *in = file ? BIO_new_file(file, "r") : NULL;
    if (!in) {
        problem_set(problem, DG_EINVAL, "the public key %s cannot be read", file ? file : "(none)");
        return NULL;
    }
    char *pem = xcalloc(1, PEM_MAX + 1);
    int len = BIO_read(in, pem, PEM_MAX);
    BIO_free(in);
    BIO *text = BIO_new_mem_buf(pem, len < 0 ? 0 : len);
    EVP_PKEY *key = text ? PEM_read_bio_PUBKEY(text, NULL, NULL, NULL) : NULL;
    const char *refusal = key_refusal(key, alg);
    EVP_PKEY_free(key);
    BIO_free(text);
    if (refusal) {
        problem_set(problem, DG_EINVAL, "the file %s %s", file, refusal);
        free(pem);
        return NULL;
    }
    return pem;
}

void claims_rules_free(struct claims_rules *rules)
{
    if (rules->key)
        explicit_bzero(rules->key, rules->key_len);
    free(rules->key);
    free(rules->issuer);
    free(rules->audience);
    *rules = (struct claims_rules){0};
}

bool claims_looks_like(const char *token)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t head = strspn(token, letters);
    if (!head || token[head] != '.')
        return false;
    token += head + 1;
    size_t body = strspn(token, letters);
    if (!body || token[body] != '.')
        return false;
    return str_only(token + body + 1, letters);
}

/* A NumericDate. false: absent or no number. */
static bool get_time(const json_t *all, const char *name, double *out)
{
    const json_t *value = json_object_get(all, name);
    if (!json_is_number(value))
        return false;
    *out = json_number_value(value);
    return true;
}

static bool has_audience(const json_t *aud, const char *wanted)
{
    size_t i;
    json_t *one;
    if (json_is_string(aud))
        return str_eq(json_string_value(aud), wanted);
    json_array_foreach(aud, i, one)
    {
        if (json_is_string(one) && str_eq(json_string_value(one), wanted))
            return true;
    }
    return false;
}

static const char *times_refusal(const json_t *all, int64_t now_ms, struct claims *out)
{
    const double now_s = (double)now_ms / 1000, latest_s = (double)(INT64_MAX / 2000);
    double exp, nbf, iat;
    if (!get_time(all, "exp", &exp))
        return "it has no time of expiry";
    if (exp <= now_s)
        return "it has expired";
    if (json_object_get(all, "nbf") && (!get_time(all, "nbf", &nbf) || nbf > now_s))
        return "it is not valid yet";
    out->expires_at_ms = (int64_t)((exp < latest_s ? exp : latest_s) * 1000);
    out->issued_at_ms = 0;
    if (get_time(all, "iat", &iat) && iat > 0)
        out->issued_at_ms = (int64_t)((iat < latest_s ? iat : latest_s) * 1000);
    return NULL;
}

static const char *claims_refusal(const struct claims_rules *rules, const json_t *all,
                                  int64_t now_ms, struct claims *out)
{
    const char *sub = json_get_str(all, "sub");
    const json_t *aud = json_object_get(all, "aud");
    const char *refusal = times_refusal(all, now_ms, out);
    if (refusal)
        return refusal;
    if (rules->issuer && !str_eq(json_get_str(all, "iss"), rules->issuer))
        return "it is of another issuer";
    /* RFC 7519, 4.1.3: whoever is not among a token's audience must refuse it. */
    if ((aud || rules->audience) && (!rules->audience || !has_audience(aud, rules->audience)))
        return "it is for another audience";
    if (str_empty(sub) || strlen(sub) > CLAIMS_SUBJECT_MAX || str_has_control(sub))
        return "it names no subject";
    memcpy(out->subject, sub, strlen(sub) + 1);
    return NULL;
}

static const char *header_refusal(const struct claims_rules *rules, jwt_t *jwt)
{
    /* libjwt takes the algorithm's name in any case; RFC 7515 does not. */
    if (jwt_get_alg(jwt) != rules->alg ||
        !str_eq(jwt_get_header(jwt, "alg"), jwt_alg_str(rules->alg)))
        return "it is signed by another algorithm";
    char *crit = jwt_get_headers_json(jwt, "crit");
    free(crit);
    return crit ? "it wants extensions that are not known here" : NULL;
}

const char *claims_read(const struct claims_rules *rules, const char *token, int64_t now_ms,
                        struct claims *out)
{
    jwt_t *jwt = NULL;
    if (strnlen(token, CLAIMS_TOKEN_MAX + 1) > CLAIMS_TOKEN_MAX)
        return "it is longer than 8192 bytes";
    if (!rules->key_len || !claims_looks_like(token))
        return "it is no JSON Web Token";
    if (jwt_decode(&jwt, token, rules->key, (int)rules->key_len) != 0)
        return "its signature is wrong";
    const char *refusal = header_refusal(rules, jwt);
    char *text = refusal ? NULL : jwt_get_grants_json(jwt, NULL);
    jwt_free(jwt);
    if (refusal)
        return refusal;
    json_t *all = text ? json_parse(text, strlen(text), DEPTH_MAX, NULL) : NULL;
    free(text);
    refusal = all ? claims_refusal(rules, all, now_ms, out) : "its claims cannot be read";
    json_decref(all);
    return refusal;
}

static bool add_claims(const struct claims_rules *rules, jwt_t *jwt, const char *subject,
                       int64_t now_s)
{
    return jwt_add_grant(jwt, "sub", subject) == 0 &&
           jwt_add_grant_int(jwt, "iat", (long)now_s) == 0 &&
           jwt_add_grant_int(jwt, "exp", (long)(now_s + rules->lifetime_s)) == 0 &&
           (!rules->issuer || jwt_add_grant(jwt, "iss", rules->issuer) == 0) &&
           (!rules->audience || jwt_add_grant(jwt, "aud", rules->audience) == 0);
}

char *claims_sign(const struct claims_rules *rules, const char *subject, int64_t now_ms,
                  int64_t *expires_at_ms)
{
    const int64_t now_s = now_ms / 1000;
    jwt_t *jwt = NULL;
    if (rules->alg != JWT_ALG_HS256 || !rules->key_len || jwt_new(&jwt) != 0)
        return NULL;
    char *token = NULL;
    if (add_claims(rules, jwt, subject, now_s) &&
        jwt_set_alg(jwt, JWT_ALG_HS256, rules->key, (int)rules->key_len) == 0)
        token = jwt_encode_str(jwt);
    jwt_free(jwt);
    *expires_at_ms = (now_s + rules->lifetime_s) * 1000;
    return token;
}
