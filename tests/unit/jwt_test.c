/* jwt_test.c - auth/claims: JSON Web Tokens that are good, and every way they are not. */
#include "unit.h"

#include <jwt.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "auth/claims.h"
#include "base/mem.h"

#define NOW_S   1700000000
#define NOW_MS  (NOW_S * INT64_C(1000))
#define SECRET  "0f1e2d3c4b5a69788796a5b4c3d2e1f00123456789abcdeffedcba9876543210"
#define SECRET2 "1f1e2d3c4b5a69788796a5b4c3d2e1f00123456789abcdeffedcba9876543210"
#define GOOD    "\"sub\":\"ann\",\"iat\":1699999990,\"exp\":1700000100"

/* A key pair as PEM texts. */
struct pair {
    char *private, *public;
};

static char *bio_text(BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);
    char *text = xstrndup(data, (size_t)len);
    BIO_free(bio);
    return text;
}

static struct pair pair_of(EVP_PKEY *key)
{
    assert_non_null(key);
    BIO *private = BIO_new(BIO_s_mem()), *public = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(private, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(PEM_write_bio_PUBKEY(public, key), 1);
    EVP_PKEY_free(key);
    return (struct pair){bio_text(private), bio_text(public)};
}

static void pair_free(struct pair *pair)
{
    free(pair->private);
    free(pair->public);
}

static struct claims_rules rules_of(jwt_alg_t alg, const char *key)
{
    return (struct claims_rules){.alg = alg,
                                 .key = (unsigned char *)xstrdup(key),
                                 .key_len = strlen(key),
                                 .lifetime_s = 1800};
}

/* A token with these members, signed so. */
static char *sign(jwt_alg_t alg, const char *key, const char *members)
{
    jwt_t *jwt;
    char *claims = xasprintf("{%s}", members);
    assert_int_equal(jwt_new(&jwt), 0);
    assert_int_equal(jwt_add_grants_json(jwt, claims), 0);
    assert_int_equal(jwt_set_alg(jwt, alg, (const unsigned char *)key, key ? (int)strlen(key) : 0),
                     0);
    char *token = jwt_encode_str(jwt);
    assert_non_null(token);
    jwt_free(jwt);
    free(claims);
    return token;
}

/* What claims_read says of a token, which is freed. */
static const char *read_token(const struct claims_rules *rules, char *token)
{
    struct claims claims;
    const char *refusal = claims_read(rules, token, NOW_MS, &claims);
    free(token);
    return refusal;
}

#define assert_refused(rules, token, why)                                                          \
    do {                                                                                           \
        const char *refusal_ = read_token(rules, token);                                           \
        assert_non_null(refusal_);                                                                 \
        assert_string_equal(refusal_, why);                                                        \
    } while (0)

static void made_here(void **state)
{
    (void)state;
    struct claims claims;
    int64_t expires_at_ms;
    struct claims_rules rules = rules_of(JWT_ALG_HS256, SECRET);
    char *token = claims_sign(&rules, "ann@example.org", NOW_MS + 999, &expires_at_ms);
    assert_non_null(token);
    assert_int_equal(expires_at_ms, NOW_MS + 1800000);
    assert_null(claims_read(&rules, token, NOW_MS, &claims));
    assert_string_equal(claims.subject, "ann@example.org");
    assert_int_equal(claims.expires_at_ms, expires_at_ms);
    assert_int_equal(claims.issued_at_ms, NOW_MS);
    assert_null(claims_read(&rules, token, expires_at_ms - 1, &claims));
    assert_non_null(claims_read(&rules, token, expires_at_ms, &claims));
    free(token);
    claims_rules_free(&rules);
}

static void form_of_own_tokens(void **state)
{
    (void)state;
    jwt_t *jwt;
    int64_t expires_at_ms;
    struct claims_rules rules = rules_of(JWT_ALG_HS256, SECRET);
    for (int configured = 0; configured < 2; configured++) {
        char *token = claims_sign(&rules, "ann", NOW_MS, &expires_at_ms);
        assert_int_equal(jwt_decode(&jwt, token, rules.key, (int)rules.key_len), 0);
        char *head = jwt_get_headers_json(jwt, NULL), *body = jwt_get_grants_json(jwt, NULL);
        assert_string_equal(head, "{\"alg\":\"HS256\",\"typ\":\"JWT\"}");
        assert_string_equal(body, configured
                                      ? "{\"aud\":\"web\",\"exp\":1700001800,\"iat\":1700000000,"
                                        "\"iss\":\"here\",\"sub\":\"ann\"}"
                                      : "{\"exp\":1700001800,\"iat\":1700000000,\"sub\":\"ann\"}");
        free(head);
        free(body);
        free(token);
        jwt_free(jwt);
        rules.issuer = rules.issuer ? rules.issuer : xstrdup("here");
        rules.audience = rules.audience ? rules.audience : xstrdup("web");
    }
    claims_rules_free(&rules);
}

/* Each row is signed rightly: only the claims decide. */
static void claims_decide(void **state)
{
    (void)state;
    static const struct {
        const char *members, *issuer, *audience, *refusal;
    } rows[] = {
        {GOOD, NULL, NULL, NULL},
        {"\"sub\":\"ann\",\"exp\":1700000000.5", NULL, NULL, NULL},
        {"\"sub\":\"ann\"", NULL, NULL, "it has no time of expiry"},
        {"\"sub\":\"ann\",\"exp\":\"1700000100\"", NULL, NULL, "it has no time of expiry"},
        {"\"sub\":\"ann\",\"exp\":null", NULL, NULL, "it has no time of expiry"},
        {"\"sub\":\"ann\",\"exp\":true", NULL, NULL, "it has no time of expiry"},
        {"\"sub\":\"ann\",\"exp\":[1700000100]", NULL, NULL, "it has no time of expiry"},
        {"\"sub\":\"ann\",\"exp\":1699999999", NULL, NULL, "it has expired"},
        {"\"sub\":\"ann\",\"exp\":1700000000", NULL, NULL, "it has expired"},
        {"\"sub\":\"ann\",\"exp\":-1", NULL, NULL, "it has expired"},
        {"\"sub\":\"ann\",\"exp\":-1e300", NULL, NULL, "it has expired"},
        {GOOD ",\"nbf\":1700000000", NULL, NULL, NULL},
        {GOOD ",\"nbf\":1700000001", NULL, NULL, "it is not valid yet"},
        {GOOD ",\"nbf\":1700000000.5", NULL, NULL, "it is not valid yet"},
        {GOOD ",\"nbf\":\"0\"", NULL, NULL, "it is not valid yet"},
        {GOOD ",\"nbf\":null", NULL, NULL, "it is not valid yet"},
        {GOOD ",\"iss\":\"here\"", "here", NULL, NULL},
        {GOOD ",\"iss\":\"there\"", NULL, NULL, NULL},
        {GOOD ",\"iss\":\"there\"", "here", NULL, "it is of another issuer"},
        {GOOD ",\"iss\":[\"here\"]", "here", NULL, "it is of another issuer"},
        {GOOD, "here", NULL, "it is of another issuer"},
        {GOOD ",\"aud\":\"web\"", NULL, "web", NULL},
        {GOOD ",\"aud\":[\"app\",\"web\"]", NULL, "web", NULL},
        {GOOD ",\"aud\":[]", NULL, "web", "it is for another audience"},
        {GOOD ",\"aud\":[\"app\",7]", NULL, "web", "it is for another audience"},
        {GOOD ",\"aud\":\"webb\"", NULL, "web", "it is for another audience"},
        {GOOD ",\"aud\":{\"web\":1}", NULL, "web", "it is for another audience"},
        {GOOD, NULL, "web", "it is for another audience"},
        {GOOD ",\"aud\":\"web\"", NULL, NULL, "it is for another audience"},
        {"\"exp\":1700000100", NULL, NULL, "it names no subject"},
        {"\"sub\":\"\",\"exp\":1700000100", NULL, NULL, "it names no subject"},
        {"\"sub\":7,\"exp\":1700000100", NULL, NULL, "it names no subject"},
        {"\"sub\":\"a\\nb\",\"exp\":1700000100", NULL, NULL, "it names no subject"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct claims_rules rules = rules_of(JWT_ALG_HS256, SECRET);
        rules.issuer = xstrdup(rows[i].issuer);
        rules.audience = xstrdup(rows[i].audience);
        const char *refusal = read_token(&rules, sign(JWT_ALG_HS256, SECRET, rows[i].members));
        if (rows[i].refusal)
            assert_string_equal(refusal ? refusal : "accepted", rows[i].refusal);
        else
            assert_null(refusal);
        claims_rules_free(&rules);
    }
}

/* A time beyond what milliseconds can say stays in the future. */
static void far_expiry(void **state)
{
    (void)state;
    struct claims claims = {.expires_at_ms = 0};
    struct claims_rules rules = rules_of(JWT_ALG_HS256, SECRET);
    char *token = sign(JWT_ALG_HS256, SECRET, "\"sub\":\"ann\",\"exp\":9007199254740991000");
    assert_null(claims_read(&rules, token, NOW_MS, &claims));
    assert_true(claims.expires_at_ms > NOW_MS);
    free(token);
    claims_rules_free(&rules);
}

static void long_subject(void **state)
{
    (void)state;
    char sub[300], members[400];
    struct claims_rules rules = rules_of(JWT_ALG_HS256, SECRET);
    for (size_t len = CLAIMS_SUBJECT_MAX; len <= CLAIMS_SUBJECT_MAX + 1; len++) {
        memset(sub, 'a', len);
        sub[len] = '\0';
        snprintf(members, sizeof members, "\"sub\":\"%s\",\"exp\":1700000100", sub);
        const char *refusal = read_token(&rules, sign(JWT_ALG_HS256, SECRET, members));
        assert_int_equal(refusal != NULL, len > CLAIMS_SUBJECT_MAX);
    }
    claims_rules_free(&rules);
}

static void algorithms(void **state)
{
    (void)state;
    struct claims_rules hs = rules_of(JWT_ALG_HS256, SECRET);
    assert_refused(&hs, sign(JWT_ALG_HS384, SECRET, GOOD), "it is signed by another algorithm");
    assert_refused(&hs, sign(JWT_ALG_HS512, SECRET, GOOD), "it is signed by another algorithm");
    assert_refused(&hs, sign(JWT_ALG_HS256, SECRET2, GOOD), "its signature is wrong");
    char *none = sign(JWT_ALG_NONE, NULL, GOOD); /* "head.body." */
    assert_int_equal(none[strlen(none) - 1], '.');
    assert_refused(&hs, none, "its signature is wrong");
    claims_rules_free(&hs);

    struct claims_rules empty = {.alg = JWT_ALG_HS256, .key = (unsigned char *)xstrdup("")};
    assert_refused(&empty, sign(JWT_ALG_NONE, NULL, GOOD), "it is no JSON Web Token");
    assert_refused(&empty, sign(JWT_ALG_HS256, SECRET, GOOD), "it is no JSON Web Token");
    claims_rules_free(&empty);
}

/* libjwt does not mind; RFC 7515 does. */
static void names_in_another_case(void **state)
{
    (void)state;
    static const char *const heads[] = {"eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJoczI1NiJ9",
                                        "eyJhbGciOiJIczI1NiJ9"};
    struct claims_rules rules = rules_of(JWT_ALG_HS256, SECRET);
    char *good = sign(JWT_ALG_HS256, SECRET, GOOD);
    char *body = xstrndup(strchr(good, '.') + 1, strcspn(strchr(good, '.') + 1, "."));
    for (size_t i = 0; i < COUNT(heads); i++) { /* HS256, hs256, Hs256, each signed rightly */
        unsigned char mac[32], text[64];
        char *token = xasprintf("%s.%s", heads[i], body);
        HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET), (unsigned char *)token, strlen(token), mac,
             NULL);
        EVP_EncodeBlock(text, mac, sizeof mac);
        for (char *p = (char *)text; *p; p++)
            *p = (char)(*p == '+' ? '-' : *p == '/' ? '_' : *p == '=' ? '\0' : *p);
        char *whole = xasprintf("%s.%s", token, text);
        free(token);
        assert_int_equal(read_token(&rules, whole) == NULL, i == 0);
    }
    free(body);
    free(good);
    claims_rules_free(&rules);
}

static void public_keys(void **state)
{
    (void)state;
    int64_t expires_at_ms;
    struct pair rsa = pair_of(EVP_RSA_gen(2048)), rsa2 = pair_of(EVP_RSA_gen(2048));
    struct pair ec = pair_of(EVP_EC_gen("P-256")), ec2 = pair_of(EVP_EC_gen("P-256"));
    struct claims_rules rs = rules_of(JWT_ALG_RS256, rsa.public);
    struct claims_rules es = rules_of(JWT_ALG_ES256, ec.public);

    assert_null(read_token(&rs, sign(JWT_ALG_RS256, rsa.private, GOOD)));
    assert_null(read_token(&es, sign(JWT_ALG_ES256, ec.private, GOOD)));
    assert_refused(&rs, sign(JWT_ALG_RS256, rsa2.private, GOOD), "its signature is wrong");
    assert_refused(&es, sign(JWT_ALG_ES256, ec2.private, GOOD), "its signature is wrong");
    assert_refused(&rs, sign(JWT_ALG_ES256, ec.private, GOOD), "its signature is wrong");
    assert_refused(&rs, sign(JWT_ALG_RS384, rsa.private, GOOD),
                   "it is signed by another algorithm");
    assert_refused(&rs, sign(JWT_ALG_NONE, NULL, GOOD), "its signature is wrong");
    /* Confusion: the public key, which anybody has, taken for a secret. */
    assert_refused(&rs, sign(JWT_ALG_HS256, rsa.public, GOOD), "it is signed by another algorithm");
    assert_refused(&es, sign(JWT_ALG_HS256, ec.public, GOOD), "it is signed by another algorithm");
    /* Claims count here too. */
    assert_refused(&rs, sign(JWT_ALG_RS256, rsa.private, "\"sub\":\"ann\""),
                   "it has no time of expiry");
    assert_null(claims_sign(&rs, "ann", NOW_MS, &expires_at_ms));

    claims_rules_free(&rs);
    claims_rules_free(&es);
    pair_free(&rsa);
    pair_free(&rsa2);
    pair_free(&ec);
    pair_free(&ec2);
}

static void altered(void **state)
{
    (void)state;
    struct claims claims;
    struct claims_rules rules = rules_of(JWT_ALG_HS256, SECRET);
    char *token = sign(JWT_ALG_HS256, SECRET, GOOD);
    const size_t len = strlen(token);
    assert_null(claims_read(&rules, token, NOW_MS, &claims));
    for (size_t cut = 0; cut < len; cut++) {
        char *part = xstrndup(token, cut);
        assert_non_null(claims_read(&rules, part, NOW_MS, &claims));
        free(part);
    }
    for (size_t at = 0; at < len; at++) {
        char *other = xstrdup(token);
        other[at] = other[at] == 'A' ? 'B' : 'A';
        assert_non_null(claims_read(&rules, other, NOW_MS, &claims));
        free(other);
    }
    static const char *const tails[] = {".", "=", "A", " ", "\n", ".AAAA"};
    for (size_t i = 0; i < COUNT(tails); i++) {
        char *longer = xasprintf("%s%s", token, tails[i]);
        assert_non_null(claims_read(&rules, longer, NOW_MS, &claims));
        free(longer);
    }
    free(token);
    claims_rules_free(&rules);
}

static void critical_header(void **state)
{
    (void)state;
    jwt_t *jwt;
    struct claims_rules rules = rules_of(JWT_ALG_HS256, SECRET);
    static const struct {
        const char *header;
        bool good;
    } rows[] = {{"{\"crit\":[\"b64\"]}", false}, {"{\"kid\":\"../../etc/passwd\"}", true}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(jwt_new(&jwt), 0);
        jwt_add_grants_json(jwt, "{" GOOD "}");
        jwt_add_headers_json(jwt, rows[i].header);
        jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)SECRET, (int)strlen(SECRET));
        assert_int_equal(read_token(&rules, jwt_encode_str(jwt)) == NULL, rows[i].good);
        jwt_free(jwt);
    }
    claims_rules_free(&rules);
}

static void garbage(void **state)
{
    (void)state;
    struct claims claims;
    struct claims_rules rules = rules_of(JWT_ALG_HS256, SECRET);
    static const char *const texts[] = {
        "",
        ".",
        "..",
        "...",
        "a",
        "a.b",
        "a.b.",
        "a.b.c",
        "a.b.c.d",
        "bearer",
        "e30.e30.e30",
        "e30.e30.",
        "bnVsbA.bnVsbA.bnVsbA",
        "\xff.\xfe.\xfd",
        "a b.c.d",
        /* {"alg":"HS256"} over what is no object, and over half a document */
        "eyJhbGciOiJIUzI1NiJ9.W10.AAAA",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.AAAA",
        /* {"alg":7} {"alg":"none"} {"alg":"None"} {"alg":""} */
        "eyJhbGciOjd9.e30.",
        "eyJhbGciOiJub25lIn0.e30.",
        "eyJhbGciOiJOb25lIn0.e30.AA",
        "eyJhbGciOiIifQ.e30.AA",
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_non_null(claims_read(&rules, texts[i], NOW_MS, &claims));
    claims_rules_free(&rules);
}

static void oversized(void **state)
{
    (void)state;
    struct claims_rules rules = rules_of(JWT_ALG_HS256, SECRET);
    for (int extra = 0; extra < 2; extra++) {
        size_t pad =
            extra ? 6200 : 5800; /* four letters for three bytes, and the rest of the token */
        char *x = xcalloc(1, pad + 1);
        memset(x, 'x', pad);
        char *members = xasprintf("%s,\"pad\":\"%s\"", GOOD, x);
        char *token = sign(JWT_ALG_HS256, SECRET, members);
        assert_int_equal(strlen(token) > CLAIMS_TOKEN_MAX, extra);
        const char *refusal = read_token(&rules, token);
        if (extra)
            assert_string_equal(refusal, "it is longer than 8192 bytes");
        else
            assert_null(refusal);
        free(members);
        free(x);
    }
    claims_rules_free(&rules);
}

static char *small_rsa(void)
{
    struct pair pair = pair_of(EVP_RSA_gen(1024));
    free(pair.private);
    return pair.public;
}

static void pem_files(void **state)
{
    (void)state;
    struct pair rsa = pair_of(EVP_RSA_gen(2048)), ec = pair_of(EVP_EC_gen("P-256"));
    struct pair other = pair_of(EVP_EC_gen("P-384"));
    char *weak = small_rsa();
    const struct {
        const char *text;
        jwt_alg_t alg;
        const char *why; /* NULL: it is a good key */
    } rows[] = {
        {rsa.public, JWT_ALG_RS256, NULL},
        {ec.public, JWT_ALG_ES256, NULL},
        {rsa.public, JWT_ALG_ES256, "is not a key on the curve P-256"},
        {ec.public, JWT_ALG_RS256, "is not an RSA key"},
        {other.public, JWT_ALG_ES256, "is not a key on the curve P-256"},
        {weak, JWT_ALG_RS256, "fewer than 2048 bits"},
        {rsa.private, JWT_ALG_RS256, "holds no public key"},
        {"not a key", JWT_ALG_RS256, "holds no public key"},
        {"", JWT_ALG_ES256, "holds no public key"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char path[UNIT_PATH_SIZE];
        struct problem problem = {0};
        unit_file(path, rows[i].text, strlen(rows[i].text));
        char *pem = claims_read_pem(path, rows[i].alg, &problem);
        assert_int_equal(pem == NULL, rows[i].why != NULL);
        if (rows[i].why)
            assert_non_null(strstr(problem.text, rows[i].why));
        free(pem);
        remove(path);
    }
    struct problem problem = {0};
    assert_null(claims_read_pem("/nonexistent/key.pem", JWT_ALG_RS256, &problem));
    assert_non_null(strstr(problem.text, "/nonexistent/key.pem"));
    free(weak);
    pair_free(&rsa);
    pair_free(&ec);
    pair_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_here),
        cmocka_unit_test(form_of_own_tokens),
        cmocka_unit_test(claims_decide),
        cmocka_unit_test(long_subject),
        cmocka_unit_test(algorithms),
        cmocka_unit_test(public_keys),
        cmocka_unit_test(names_in_another_case),
        cmocka_unit_test(altered),
        cmocka_unit_test(critical_header),
        cmocka_unit_test(garbage),
        cmocka_unit_test(oversized),
        cmocka_unit_test(pem_files),
        cmocka_unit_test(far_expiry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
