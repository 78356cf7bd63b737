/* auth_test.c - auth: signing in, chains of providers, the section [auth]. */
#include "memory_store.h"

#include <jwt.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "auth/auth.h"
#include "auth/claims.h"
#include "base/clock.h"

#define SECRET  "0f1e2d3c4b5a69788796a5b4c3d2e1f00123456789abcdeffedcba9876543210"
#define API_KEY "api-5a69788796a5b4c3d2e1f0-ABCDEFGHIJKLMNOP"
#define DEV_KEY "dev-5a69788796a5b4c3d2e1f0-ABCDEFGHIJKLMNOP"

struct scene {
    struct world *world;
    struct users *users;
    struct settings *settings;
    struct auth *auth;
    /* the last answer */
    enum dg_err err;
    char message[256], subject[64], role[32], token[2048];
    int64_t expires_at_ms;
    uint64_t cache_ms;
    unsigned answers;
};

/* ---- Asking and waiting ------------------------------------------------------- */

static void copy_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text ? text : "");
}

static void on_answer(void *arg, const struct op_result *res)
{
    struct scene *s = arg;
    const struct dg_identity *identity = op_first(res, struct dg_identity);
    s->err = res->err;
    copy_text(s->message, sizeof s->message, res->message);
    copy_text(s->subject, sizeof s->subject, identity ? identity->subject : "");
    copy_text(s->role, sizeof s->role, identity ? identity->role : "");
    copy_text(s->token, sizeof s->token, identity ? identity->token : "");
    s->expires_at_ms = identity ? identity->expires_at_ms : 0;
    s->cache_ms = identity ? identity->cache_ms : 0;
    s->answers++;
    s->world->done = true;
}

static enum dg_err ask(struct scene *s, enum route_auth route, enum dg_auth_scheme scheme,
                       const char *token)
{
    const struct dg_credentials c = {.scheme = scheme, .token = token, .peer = "10.0.0.1"};
    auth_identify(s->auth, route, &c, on_answer, s);
    assert_false(s->world->done); /* never from inside the call */
    world_wait(s->world, &s->world->done);
    return s->err;
}

static enum dg_err bearer(struct scene *s, const char *token)
{
    return ask(s, ROUTE_JWT, DG_AUTH_BEARER, token);
}

static enum dg_err sign_in(struct scene *s, const char *username, const char *password)
{
    auth_issue(s->auth, username, password, "10.0.0.1", on_answer, s);
    assert_false(s->world->done);
    world_wait(s->world, &s->world->done);
    return s->err;
}

static int64_t attempts(struct scene *s, const char *result)
{
    struct metric_family *family = metrics_family(
        s->world->metrics, &(struct metric_family_info){.name = "auth_attempts_total"});
    return metric_value(metric_of(family, &result));
}

/* ---- Users and settings ------------------------------------------------------- */

static void on_user(void *arg, enum dg_err err, const char *message, const struct user *user)
{
    (void)user;
    if (err != DG_OK)
        fail_msg("%s", message);
    world_done(arg);
}

static const struct user_change nothing = {.is_active = -1, .api_access = -1};

static void make_user(struct scene *s, const char *name, const char *password, const char *role)
{
    char hash[128];
    struct user_change set = nothing;
    assert_true(password_hash(password, 4, hash));
    set.password_hash = hash;
    set.role = role;
    users_add(s->users, name, &set, on_user, s->world);
    world_wait(s->world, &s->world->done);
}

static void set_active(struct scene *s, const char *name, bool active)
{
    struct user_change set = nothing;
    set.is_active = active;
    users_change(s->users, name, &set, on_user, s->world);
    world_wait(s->world, &s->world->done);
}

/* "key", "value", ..., NULL */
static struct settings *settings_of(const char *const *pairs)
{
    struct toml_node items[16], table = {.kind = TOML_TABLE, .items = items};
    for (; *pairs; pairs += 2)
        items[table.count++] = (struct toml_node){
            .kind = TOML_STR, .key = (char *)pairs[0], .text = (char *)pairs[1], .line = 7};
    return world_settings(auth_keys, &table);
}

static struct auth *make_auth(struct scene *s, struct users *users, struct problem *problem)
{
    const struct auth_config config = {.plug = s->world->plug,
                                       .loop = s->world->loop,
                                       .users = users,
                                       .metrics = s->world->metrics,
                                       .settings = s->settings};
    return auth_new(&config, problem);
}

static void open_auth(struct scene *s, struct users *users, const char *const *pairs)
{
    struct problem problem;
    s->settings = settings_of(pairs);
    s->auth = make_auth(s, users, &problem);
    if (!s->auth)
        fail_msg("%s", problem.text);
}

static void close_auth(struct scene *s)
{
    if (s->auth) {
        auth_close(s->auth, world_done, s->world);
        world_wait(s->world, &s->world->done);
    }
    s->auth = NULL;
    settings_free(s->settings);
    s->settings = NULL;
}

static const char *const usual[] = {"secret_key",  SECRET,  "bcrypt_cost", "4",
                                    "api_key",     API_KEY, "dev_api_key", DEV_KEY,
                                    "token_cache", "45s",   NULL};

static int open_bare(void **state)
{
    struct scene *s = xcalloc(1, sizeof *s);
    s->world = world_new();
    s->users = users_new(s->world->store, s->world->loop);
    users_load(s->users, on_user, s->world);
    world_wait(s->world, &s->world->done);
    make_user(s, "ann", "correct horse", "admin");
    make_user(s, "bob", "battery staple", "user");
    *state = s;
    return 0;
}

static int open_scene(void **state)
{
    open_bare(state);
    struct scene *s = *state;
    open_auth(s, s->users, usual);
    return 0;
}

static int close_scene(void **state)
{
    struct scene *s = *state;
    close_auth(s);
    users_close(s->users, world_done, s->world);
    world_wait(s->world, &s->world->done);
    world_free(s->world);
    free(s);
    return 0;
}

/* ---- Signing in ----------------------------------------------------------------- */

static void a_token_for_a_password(void **state)
{
    struct scene *s = *state;
    const int64_t before_ms = clock_unix_ms() / 1000 * 1000;
    assert_int_equal(sign_in(s, "ann", "correct horse"), DG_OK);
    assert_string_equal(s->subject, "ann");
    assert_string_equal(s->role, "admin");
    assert_in_range(s->expires_at_ms, before_ms + 1800000, clock_unix_ms() + 1800000);
    const int64_t expires_at_ms = s->expires_at_ms;
    char token[2048];
    copy_text(token, sizeof token, s->token);
    assert_true(strlen(token) > 100);

    assert_int_equal(bearer(s, token), DG_OK);
    assert_string_equal(s->subject, "ann");
    assert_string_equal(s->role, "admin");
    assert_string_equal(s->token, "");
    assert_int_equal(s->expires_at_ms, expires_at_ms);
    assert_int_equal(s->cache_ms, 45000);
    token[strlen(token) - 5] ^= 1;
    assert_int_equal(bearer(s, token), DG_EAUTH);

    assert_int_equal(attempts(s, "success"), 1);
    assert_int_equal(attempts(s, "failed"), 0);
}

static void on_closed(void *arg)
{
    *(bool *)arg = true;
}

static void the_sign_in_is_noted(void **state)
{
    struct scene *s = *state;
    const int64_t before_ms = clock_unix_ms();
    assert_int_equal(users_find(s->users, "ann")->last_login_ms, 0);
    assert_int_equal(sign_in(s, "ann", "correct horse"), DG_OK);
    close_auth(s);
    bool closed = false;
    users_close(s->users, on_closed, &closed); /* waits for the write */
    world_wait(s->world, &closed);
    s->users = users_new(s->world->store, s->world->loop);
    users_load(s->users, on_user, s->world);
    world_wait(s->world, &s->world->done);
    assert_true(users_find(s->users, "ann")->last_login_ms >= before_ms);
    assert_int_equal(users_find(s->users, "bob")->last_login_ms, 0);
}

static void wrong_in_every_way(void **state)
{
    struct scene *s = *state;
    char longer[100];
    memset(longer, 'p', 80);
    longer[80] = '\0';
    set_active(s, "bob", false);
    const struct {
        const char *username, *password;
    } rows[] = {
        {"ann", "wrong horse"}, {"ann", ""},        {"ann", longer}, {"Ann", "correct horse"},
        {"nobody", "anything"}, {"nobody", longer}, {"", ""},        {"bob", "battery staple"},
        {"bob", "wrong"},
    };
    char first[256] = "";
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(sign_in(s, rows[i].username, rows[i].password), DG_EAUTH);
        assert_string_equal(s->token, "");
        if (!first[0])
            copy_text(first, sizeof first, s->message);
        assert_string_equal(s->message, first); /* nobody can tell the cases apart */
    }
    assert_int_equal(attempts(s, "failed"), COUNT(rows));
    assert_int_equal(attempts(s, "success"), 0);
}

static void a_user_without_password(void **state)
{
    struct scene *s = *state;
    users_add(s->users, "eve", &nothing, on_user, s->world);
    world_wait(s->world, &s->world->done);
    assert_int_equal(sign_in(s, "eve", ""), DG_EAUTH);
    assert_int_equal(sign_in(s, "eve", "anything"), DG_EAUTH);
}

/* The hash takes a while; what happens to the user meanwhile counts. */
static void disabled_while_signing_in(void **state)
{
    struct scene *s = *state;
    char hash[128];
    struct user_change set = nothing;
    password_hash("correct horse", 11, hash);
    set.password_hash = hash;
    users_change(s->users, "bob", &set, on_user, s->world);
    world_wait(s->world, &s->world->done);

    auth_issue(s->auth, "bob", "correct horse", "10.0.0.1", on_answer, s);
    set_active(s, "bob", false);
    assert_int_equal(s->answers, 0);
    world_wait(s->world, &s->world->done);
    assert_int_equal(s->err, DG_EAUTH);
}

static void on_counted(void *arg, const struct op_result *res)
{
    unsigned *counts = arg;
    assert_true(res->err == DG_EAUTH || res->err == DG_ELIMIT || res->err == DG_EUNAVAILABLE);
    counts[res->err]++;
}

enum { CROWD = 200 };

static void too_many_wait(void **state)
{
    struct scene *s = *state;
    unsigned counts[16] = {0};
    for (int i = 0; i < CROWD; i++)
        auth_issue(s->auth, "nobody", "anything", "10.0.0.1", on_counted, counts);
    assert_int_equal(counts[DG_ELIMIT], 0); /* later, like every answer */
    while (counts[DG_ELIMIT] + counts[DG_EAUTH] < CROWD)
        uv_run(loop_uv(s->world->loop), UV_RUN_ONCE);
    assert_in_range(counts[DG_EAUTH], 30, 40); /* 32 wait, one or more run */
    assert_int_equal(attempts(s, "refused"), counts[DG_ELIMIT]);
    assert_int_equal(attempts(s, "failed"), counts[DG_EAUTH]);
}

static void closed_while_signing_in(void **state)
{
    struct scene *s = *state;
    unsigned counts[16] = {0};
    for (int i = 0; i < 20; i++)
        auth_issue(s->auth, "ann", "wrong", "10.0.0.1", on_counted, counts);
    close_auth(s);
    assert_int_equal(counts[DG_EUNAVAILABLE], 20);
}

static void users_not_loaded_yet(void **state)
{
    struct scene *s = *state;
    struct users *empty = users_new(s->world->store, s->world->loop);
    assert_int_equal(sign_in(s, "ann", "correct horse"), DG_OK);
    char token[2048];
    copy_text(token, sizeof token, s->token);
    close_auth(s);
    open_auth(s, empty, usual);
    assert_int_equal(sign_in(s, "ann", "correct horse"), DG_EUNAVAILABLE);
    assert_int_equal(bearer(s, token), DG_EUNAVAILABLE);
    close_auth(s);
    users_free(empty);
}

/* ---- Tokens and users -------------------------------------------------------------- */

static char *token_for(const char *subject)
{
    int64_t expires_at_ms;
    struct claims_rules rules = {.alg = JWT_ALG_HS256,
                                 .key = (unsigned char *)xstrdup(SECRET),
                                 .key_len = strlen(SECRET),
                                 .lifetime_s = 60};
    char *token = claims_sign(&rules, subject, clock_unix_ms(), &expires_at_ms);
    claims_rules_free(&rules);
    return token;
}

static void tokens_of_users_that_are_not_active(void **state)
{
    struct scene *s = *state;
    char *bob = token_for("bob"), *nobody = token_for("nobody");
    assert_int_equal(bearer(s, bob), DG_OK);
    assert_string_equal(s->role, "user");
    set_active(s, "bob", false);
    assert_int_equal(bearer(s, bob), DG_EAUTH);
    set_active(s, "bob", true);
    assert_int_equal(bearer(s, bob), DG_OK);
    assert_int_equal(bearer(s, nobody), DG_EAUTH);
    free(bob);
    free(nobody);
}

static void bad_bearers(void **state)
{
    struct scene *s = *state;
    static const char *const tokens[] = {
        "",
        "x",
        "a.b.c",
        "....",
        "0f1e2d3c4b5a69788796a5b4c3d2e1f00123456789abcdeffedcba9876543210",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4iLCJleHAiOjk5OTk5OTk5OTl9.",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4iLCJleHAiOjk5OTk5OTk5OTl9.AAAA",
    };
    for (size_t i = 0; i < COUNT(tokens); i++)
        assert_int_equal(bearer(s, tokens[i]), DG_EAUTH);
    assert_int_equal(bearer(s, NULL), DG_EAUTH);
    char *huge = xcalloc(1, 20000);
    memset(huge, 'A', 19999);
    huge[10] = huge[100] = '.';
    assert_int_equal(bearer(s, huge), DG_EAUTH);
    free(huge);
    char *ann = token_for("ann");
    assert_int_equal(ask(s, ROUTE_JWT, DG_AUTH_API_KEY, ann), DG_EAUTH);
    assert_int_equal(ask(s, ROUTE_JWT, DG_AUTH_BEARER, API_KEY), DG_EAUTH);
    /* A path for other credentials does not take this kind. */
    assert_int_equal(ask(s, ROUTE_TOKEN, DG_AUTH_BEARER, ann), DG_EUNAVAILABLE); /* no store */
    assert_int_equal(ask(s, ROUTE_API_KEY, DG_AUTH_BEARER, ann), DG_EAUTH);
    assert_int_equal(ask(s, ROUTE_OPEN, DG_AUTH_BEARER, ann), DG_EAUTH);
    assert_int_equal(ask(s, ROUTE_API_KEY, DG_AUTH_BEARER, API_KEY), DG_EAUTH);
    free(ann);
}

static void without_a_store(void **state)
{
    struct scene *s = *state;
    close_auth(s);
    open_auth(s, NULL, usual);
    char *token = token_for("whoever");
    assert_int_equal(bearer(s, token), DG_OK);
    assert_string_equal(s->subject, "whoever");
    assert_string_equal(s->role, "user");
    free(token);
    assert_int_equal(sign_in(s, "ann", "correct horse"), DG_EUNAVAILABLE);
}

/* ---- A public key ----------------------------------------------------------------------- */

/* Makes a key, leaves its public half in a file, returns the private half as PEM. */
static char *key_file(EVP_PKEY *key, char path[UNIT_PATH_SIZE])
{
    char *data;
    BIO *private = BIO_new(BIO_s_mem()), *public = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(private, key, NULL, NULL, 0, NULL, NULL);
    PEM_write_bio_PUBKEY(public, key);
    long len = BIO_get_mem_data(public, &data);
    unit_file(path, data, (size_t)len);
    len = BIO_get_mem_data(private, &data);
    char *text = xstrndup(data, (size_t)len);
    BIO_free(private);
    BIO_free(public);
    EVP_PKEY_free(key);
    return text;
}

static char *sign_with(jwt_alg_t alg, const char *pem, const char *subject)
{
    jwt_t *jwt;
    jwt_new(&jwt);
    jwt_add_grant(jwt, "sub", subject);
    jwt_add_grant_int(jwt, "exp", (long)(clock_unix_ms() / 1000 + 60));
    assert_int_equal(jwt_set_alg(jwt, alg, (const unsigned char *)pem, (int)strlen(pem)), 0);
    char *token = jwt_encode_str(jwt);
    jwt_free(jwt);
    return token;
}

static void tokens_made_elsewhere(void **state)
{
    struct scene *s = *state;
    const struct {
        const char *name;
        jwt_alg_t alg;
        EVP_PKEY *key;
    } rows[] = {{"RS256", JWT_ALG_RS256, EVP_RSA_gen(2048)},
                {"ES256", JWT_ALG_ES256, EVP_EC_gen("P-256")}};
    set_active(s, "bob", false);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char path[UNIT_PATH_SIZE];
        char *private = key_file(rows[i].key, path);
        close_auth(s);
        open_auth(s, s->users,
                  (const char *const[]){"algorithm", rows[i].name, "public_key", path, NULL});
        remove(path);
        char *ann = sign_with(rows[i].alg, private, "ann");
        char *bob = sign_with(rows[i].alg, private, "bob");
        char *stranger = sign_with(rows[i].alg, private, "stranger");
        char *own = token_for("ann");
        assert_int_equal(bearer(s, ann), DG_OK);
        assert_string_equal(s->role, "admin");
        assert_int_equal(bearer(s, stranger), DG_OK);
        assert_string_equal(s->role, "user");
        assert_int_equal(bearer(s, bob), DG_EAUTH);
        assert_int_equal(bearer(s, own), DG_EAUTH);
        ann[strlen(ann) - 10] ^= 1;
        assert_int_equal(bearer(s, ann), DG_EAUTH);
        assert_int_equal(sign_in(s, "ann", "correct horse"), DG_EUNAVAILABLE);
        free(ann);
        free(bob);
        free(stranger);
        free(own);
        free(private);
    }
}

/* ---- API keys ------------------------------------------------------------------------------- */

static void api_keys(void **state)
{
    struct scene *s = *state;
    static const struct {
        enum route_auth route;
        const char *key;
        enum dg_err err;
        const char *role;
    } rows[] = {
        {ROUTE_API_KEY, API_KEY, DG_OK, "api-key"}, {ROUTE_API_KEY, DEV_KEY, DG_OK, "dev-api-key"},
        {ROUTE_API_KEY, "wrong", DG_EAUTH, ""},     {ROUTE_API_KEY, "", DG_EAUTH, ""},
        {ROUTE_API_KEY, API_KEY "x", DG_EAUTH, ""}, {ROUTE_DEV_KEY, DEV_KEY, DG_OK, "dev-api-key"},
        {ROUTE_DEV_KEY, API_KEY, DG_EAUTH, ""},     {ROUTE_DEV_KEY, "", DG_EAUTH, ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(ask(s, rows[i].route, DG_AUTH_API_KEY, rows[i].key), rows[i].err);
        assert_string_equal(s->role, rows[i].role);
        assert_int_equal(s->expires_at_ms, 0);
        assert_int_equal(s->cache_ms, rows[i].err == DG_OK ? 45000 : 0);
    }
    assert_int_equal(ask(s, ROUTE_API_KEY, DG_AUTH_NONE, NULL), DG_EAUTH);
}

static void unset_keys_open_nothing(void **state)
{
    struct scene *s = *state;
    close_auth(s);
    open_auth(s, s->users, (const char *const[]){"secret_key", SECRET, NULL});
    static const char *const keys[] = {"", API_KEY, DEV_KEY};
    for (size_t i = 0; i < COUNT(keys); i++) {
        assert_int_equal(ask(s, ROUTE_API_KEY, DG_AUTH_API_KEY, keys[i]), DG_EAUTH);
        assert_int_equal(ask(s, ROUTE_DEV_KEY, DG_AUTH_API_KEY, keys[i]), DG_EAUTH);
    }
}

/* A dollar in a secret is a dollar, not the beginning of a variable. */
static void secrets_stay_as_they_are(void **state)
{
    struct scene *s = *state;
    static const char key[] = "k$$y-${HOME}-0123456789-$$-ABCDEFGHIJ";
    close_auth(s);
    /* "$$" is how a dollar is written in the configuration. */
    open_auth(s, s->users,
              (const char *const[]){"secret_key", SECRET, "api_key",
                                    "k$$$$y-$${HOME}-0123456789-$$$$-ABCDEFGHIJ", NULL});
    assert_string_equal(settings_str(s->settings, "api_key"), key);
    assert_int_equal(ask(s, ROUTE_API_KEY, DG_AUTH_API_KEY, key), DG_OK);
}

/* ---- Somebody else's provider ------------------------------------------------------------------
 */

static const struct dg_host *acme_host;

/* Takes "acme:NAME"; NAME "-" is a provider that forgets to say who. */
static void acme_check(void *self, const struct dg_credentials *c, struct dg_op *op)
{
    (void)self;
    if (!c->token || !str_starts(c->token, "acme:")) {
        (acme_host->fail)(op, DG_EUNSUPPORTED, "not mine");
    } else if (str_eq(c->token, "acme:down")) {
        (acme_host->fail)(op, DG_EUNAVAILABLE, "the directory is down");
    } else {
        const struct dg_identity identity = {DG_SIZED(struct dg_identity), .subject = c->token + 5,
                                             .role = "acme"};
        if (!str_eq(c->token, "acme:-"))
            acme_host->item(op, &identity);
        acme_host->done(op);
    }
}

static enum dg_err acme_open(const struct dg_host *h, void **self)
{
    acme_host = h;
    *self = NULL;
    return DG_OK;
}

static void acme_close(void *self, struct dg_op *op)
{
    (void)self;
    acme_host->done(op);
}

static const struct dg_auth acme_table = {DG_SIZED(struct dg_auth), .check = acme_check};
static const struct dg_plugin acme_plugin = {
    .size = sizeof(struct dg_plugin),
    .abi_major = DG_ABI_MAJOR,
    .name = "acme",
    .version = "1",
    .summary = "another way in",
    .config = memory_keys,
    .auth = &acme_table,
    .open = acme_open,
    .close = acme_close,
};

static struct instance *open_acme(struct scene *s, const char *name)
{
    struct problem problem;
    return instance_open(s->world->plug, &acme_plugin, name, world_settings(memory_keys, NULL),
                         NULL, &problem);
}

static void close_acme(struct scene *s, struct instance *acme)
{
    instance_close(acme, world_done, s->world);
    world_wait(s->world, &s->world->done);
}

static void another_provider_in_the_chain(void **state)
{
    struct scene *s = *state;
    struct problem problem;
    static const char *const chains[] = {"acme, jwt", "jwt, acme"};
    for (size_t i = 0; i < COUNT(chains); i++) {
        close_auth(s);
        open_auth(s, s->users,
                  (const char *const[]){"secret_key", SECRET, "bcrypt_cost", "4", "chain",
                                        chains[i], NULL});
        assert_string_equal(auth_missing(s->auth), "acme");
        assert_int_equal(bearer(s, "acme:zoe"), DG_EAUTH);
        struct instance *acme = open_acme(s, "acme");
        assert_true(auth_use(s->auth, acme, &problem));
        assert_null(auth_missing(s->auth));
        char *ann = token_for("ann");
        assert_int_equal(bearer(s, "acme:zoe"), DG_OK);
        assert_string_equal(s->subject, "zoe");
        assert_int_equal(bearer(s, ann), DG_OK);
        assert_string_equal(s->subject, "ann");
        assert_int_equal(bearer(s, "acme:-"), DG_EINTERNAL);
        assert_int_equal(bearer(s, "acme:down"), DG_EUNAVAILABLE);
        assert_int_equal(bearer(s, "other"), DG_EAUTH);
        assert_int_equal(sign_in(s, "ann", "correct horse"), DG_OK);
        free(ann);
        close_auth(s);
        close_acme(s, acme);
    }
}

static void only_another_provider(void **state)
{
    struct scene *s = *state;
    struct problem problem;
    close_auth(s);
    open_auth(s, s->users, (const char *const[]){"chain", "acme", NULL}); /* needs no secret */
    struct instance *acme = open_acme(s, "acme");
    assert_true(auth_use(s->auth, acme, &problem));
    char *ann = token_for("ann");
    assert_int_equal(bearer(s, "acme:zoe"), DG_OK);
    assert_int_equal(bearer(s, ann), DG_EAUTH);
    assert_int_equal(sign_in(s, "ann", "correct horse"), DG_EUNAVAILABLE);
    free(ann);
    close_auth(s);
    close_acme(s, acme);
}

/* Asked, and before the answer everything is taken down. */
static void closed_while_a_provider_judges(void **state)
{
    struct scene *s = *state;
    struct problem problem;
    unsigned counts[16] = {0};
    close_auth(s);
    open_auth(s, s->users, (const char *const[]){"secret_key", SECRET, "chain", "acme, jwt", NULL});
    struct instance *acme = open_acme(s, "acme");
    assert_true(auth_use(s->auth, acme, &problem));
    const struct dg_credentials c = {.scheme = DG_AUTH_BEARER, .token = "a.b.c"};
    auth_identify(s->auth, ROUTE_JWT, &c, on_counted, counts); /* acme passes it on to jwt */
    close_auth(s);
    close_acme(s, acme);
    assert_int_equal(counts[DG_EUNAVAILABLE] + counts[DG_EAUTH], 1);
}

static void a_provider_out_of_place(void **state)
{
    struct scene *s = *state;
    struct problem problem;
    struct instance *acme = open_acme(s, "acme"), *jwt = open_acme(s, "jwt");
    assert_false(auth_use(s->auth, acme, &problem));
    assert_non_null(strstr(problem.text, "[auth.acme]"));
    assert_false(auth_use(s->auth, jwt, &problem)); /* the place is taken */
    close_acme(s, acme);
    close_acme(s, jwt);
}

/* ---- The section ------------------------------------------------------------------------------
 */

static void refused_settings(void **state)
{
    struct scene *s = *state;
    static const struct {
        const char *pairs[7], *says;
        bool debug_forgives;
    } rows[] = {
        {{"token_minutes", "30"},
         "secret_key is not set; make one with `openssl rand -hex 32`",
         true},
        {{"secret_key", "short"}, "secret_key is shorter than 32 bytes; make one", true},
        {{"secret_key", "your-secret-key-change-it-0123456789"},
         "secret_key is a placeholder",
         true},
        {{"secret_key", SECRET, "api_key", "abc"}, "api_key is shorter", true},
        {{"secret_key", SECRET, "dev_api_key", "change-me"}, "dev_api_key is a placeholder", true},
        {{"secret_key", SECRET, "algorithm", "none"}, "algorithm is not known", false},
        {{"secret_key", SECRET, "algorithm", "HS512"}, "algorithm is not known", false},
        {{"secret_key", SECRET, "algorithm", "RS256"}, "public_key is not set", false},
        {{"secret_key", SECRET, "public_key", "/etc/hostname"}, "algorithm is HS256", false},
        {{"algorithm", "ES256", "public_key", "/nonexistent.pem"},
         "/nonexistent.pem cannot be read",
         false},
        {{"secret_key", SECRET, "bcrypt_cost", "3"}, "bcrypt_cost is 3; expected 4 to 15", false},
        {{"secret_key", SECRET, "bcrypt_cost", "16"}, "bcrypt_cost is 16", false},
        {{"secret_key", SECRET, "token_minutes", "0"}, "token_minutes is 0", false},
        {{"secret_key", SECRET, "token_minutes", "-5"}, "token_minutes is -5", false},
        {{"secret_key", SECRET, "token_rate", "ten"}, "token_rate makes no sense", false},
        {{"secret_key", SECRET, "chain", "[]"}, "chain must be a list of names", false},
        {{"secret_key", SECRET, "chain", "[7]"}, "chain must be a list of names", false},
        {{"secret_key", SECRET, "chain", "{}"}, "chain must be a list of names", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct problem problem = {0};
        s->settings = settings_of(rows[i].pairs);
        assert_false(auth_check(s->settings, false, &problem));
        if (!strstr(problem.text, rows[i].says))
            fail_msg("%s, not: %s", problem.text, rows[i].says);
        assert_memory_equal(problem.text, "test.toml", 9);
        assert_null(make_auth(s, s->users, &problem));
        assert_int_equal(auth_check(s->settings, true, &problem), rows[i].debug_forgives);
        settings_free(s->settings);
        s->settings = NULL;
    }
}

/* Where a missing secret is forgiven, it must not be the empty one. */
static void a_forgiven_secret_is_random(void **state)
{
    struct scene *s = *state;
    struct problem problem;
    s->settings = settings_of((const char *const[]){"bcrypt_cost", "4", NULL});
    const struct auth_config config = {.plug = s->world->plug,
                                       .loop = s->world->loop,
                                       .users = s->users,
                                       .metrics = s->world->metrics,
                                       .settings = s->settings,
                                       .debug = true};
    s->auth = auth_new(&config, &problem);
    assert_non_null(s->auth);
    static const char *const tokens[] = {
        /* ann, exp 9999999999: unsigned, and signed with the empty key */
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4iLCJleHAiOjk5OTk5OTk5OTl9.",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4iLCJleHAiOjk5OTk5OTk5OTl9."
        "i-tmNjxUIN4-nVDaH_pjp0yVg276viT-j0Le8XN15zg",
    };
    for (size_t i = 0; i < COUNT(tokens); i++)
        assert_int_equal(bearer(s, tokens[i]), DG_EAUTH);
    assert_int_equal(sign_in(s, "ann", "correct horse"), DG_OK);
    char token[2048];
    copy_text(token, sizeof token, s->token);
    assert_int_equal(bearer(s, token), DG_OK);
}

/* ---- Another section ------------------------------------------------------------ */

#define OTHER_SECRET "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA"
#define OTHER_KEY    "b3RoZXIta2V5LW9mLXRoZS1nYXRld2F5LTEyMzQ1Njc"

static struct auth_change *prepare(struct scene *s, const char *const *pairs)
{
    struct problem problem;
    struct settings *settings = settings_of(pairs);
    struct auth_change *change = auth_prepare(s->auth, settings, false, &problem);
    if (!change)
        fail_msg("%s", problem.text);
    settings_free(s->settings);
    s->settings = settings;
    return change;
}

static void other_keys(void **state)
{
    struct scene *s = *state;
    char token[2048];
    assert_int_equal(sign_in(s, "ann", "correct horse"), DG_OK);
    copy_text(token, sizeof token, s->token);
    struct auth_change *change =
        prepare(s, (const char *const[]){"secret_key", OTHER_SECRET, "bcrypt_cost", "4", "api_key",
                                         OTHER_KEY, NULL});
    assert_int_equal(bearer(s, token), DG_OK); /* not yet */
    auth_apply(change);
    assert_int_equal(bearer(s, token), DG_EAUTH);
    assert_int_equal(ask(s, ROUTE_API_KEY, DG_AUTH_API_KEY, API_KEY), DG_EAUTH);
    assert_int_equal(ask(s, ROUTE_API_KEY, DG_AUTH_API_KEY, OTHER_KEY), DG_OK);
    assert_int_equal(ask(s, ROUTE_DEV_KEY, DG_AUTH_API_KEY, DEV_KEY), DG_EAUTH);
    assert_int_equal(sign_in(s, "ann", "correct horse"), DG_OK);
    copy_text(token, sizeof token, s->token);
    assert_int_equal(bearer(s, token), DG_OK);
}

static void a_change_that_is_cancelled(void **state)
{
    struct scene *s = *state;
    struct problem problem;
    struct settings *weak = settings_of((const char *const[]){"secret_key", "short", NULL});
    struct settings *other = settings_of((const char *const[]){"secret_key", OTHER_SECRET, NULL});
    assert_null(auth_prepare(s->auth, weak, false, &problem));
    assert_non_null(strstr(problem.text, "test.toml:7"));
    struct auth_change *change = auth_prepare(s->auth, other, false, &problem);
    assert_non_null(change);
    auth_cancel(change);
    settings_free(weak);
    settings_free(other);
    assert_int_equal(ask(s, ROUTE_API_KEY, DG_AUTH_API_KEY, API_KEY), DG_OK);
    assert_int_equal(sign_in(s, "ann", "correct horse"), DG_OK);
}

/* Who is having a password looked at gets an answer, and so does the next, and the end comes. */
static void changed_while_signing_in(void **state)
{
    struct scene *s = *state;
    auth_issue(s->auth, "ann", "correct horse", "10.0.0.1", on_answer, s);
    for (int i = 0; i < 3; i++)
        auth_apply(prepare(s, usual));
    world_wait(s->world, &s->world->done);
    assert_int_equal(s->err, DG_OK);
    char token[2048];
    copy_text(token, sizeof token, s->token);
    assert_int_equal(bearer(s, token), DG_OK); /* the secret is the same */
    unsigned counts[16] = {0};
    auth_issue(s->auth, "ann", "correct horse", "10.0.0.1", on_counted, counts);
    auth_apply(prepare(s, usual));
    close_auth(s); /* the one that was replaced still owes its answer */
    assert_int_equal(counts[DG_EUNAVAILABLE], 1);
}

/* Without a secret tokens end with the process, not with the next reload. */
static void a_random_secret_stays(void **state)
{
    struct scene *s = *state;
    struct problem problem;
    char token[2048];
    s->settings = settings_of((const char *const[]){"bcrypt_cost", "4", NULL});
    const struct auth_config config = {.plug = s->world->plug,
                                       .loop = s->world->loop,
                                       .users = s->users,
                                       .metrics = s->world->metrics,
                                       .settings = s->settings,
                                       .debug = true};
    s->auth = auth_new(&config, &problem);
    assert_int_equal(sign_in(s, "ann", "correct horse"), DG_OK);
    copy_text(token, sizeof token, s->token);
    struct auth_change *change = auth_prepare(s->auth, s->settings, true, &problem);
    assert_non_null(change);
    auth_apply(change);
    assert_int_equal(bearer(s, token), DG_OK);
}

static void another_rate(void **state)
{
    struct scene *s = *state;
    unsigned wait = 0;
    assert_true(auth_token_rate(s->auth, "10.0.0.1", &wait)); /* ten by default */
    static const char *const two[] = {"secret_key", SECRET,  "bcrypt_cost", "4",
                                      "token_rate", "2/60s", NULL};
    auth_apply(prepare(s, two));
    assert_true(auth_token_rate(s->auth, "10.0.0.1", &wait));
    assert_true(auth_token_rate(s->auth, "10.0.0.1", &wait));
    assert_false(auth_token_rate(s->auth, "10.0.0.1", &wait));
    auth_apply(prepare(s, two));
    assert_false(auth_token_rate(s->auth, "10.0.0.1", &wait));
    auth_apply(prepare(s, (const char *const[]){"secret_key", SECRET, "bcrypt_cost", "4",
                                                "token_rate", "off", NULL}));
    for (int i = 0; i < 100; i++)
        assert_true(auth_token_rate(s->auth, "10.0.0.1", &wait));
}

static void asks_are_counted(void **state)
{
    struct scene *s = *state;
    unsigned wait = 0;
    close_auth(s);
    open_auth(s, s->users,
              (const char *const[]){"secret_key", SECRET, "token_rate", "3/60s", NULL});
    for (int i = 0; i < 3; i++)
        assert_true(auth_token_rate(s->auth, "10.0.0.1", &wait));
    assert_false(auth_token_rate(s->auth, "10.0.0.1", &wait));
    assert_in_range(wait, 1, 60);
    assert_true(auth_token_rate(s->auth, "10.0.0.2", &wait));
    struct buf text;
    buf_init(&text, BUF_MAX);
    metrics_render(s->world->metrics, &text);
    assert_non_null(strstr(text.ptr, "rate_limit_exceeded_total{endpoint=\"/api/v2/token\"} 1\n"));
    buf_free(&text);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_scene, close_scene)
#define BARE(f) cmocka_unit_test_setup_teardown(f, open_bare, close_scene)
    const struct CMUnitTest tests[] = {
        TEST(a_token_for_a_password),
        TEST(the_sign_in_is_noted),
        TEST(wrong_in_every_way),
        TEST(a_user_without_password),
        TEST(disabled_while_signing_in),
        TEST(too_many_wait),
        TEST(closed_while_signing_in),
        TEST(users_not_loaded_yet),
        TEST(tokens_of_users_that_are_not_active),
        TEST(bad_bearers),
        TEST(without_a_store),
        TEST(tokens_made_elsewhere),
        TEST(api_keys),
        TEST(unset_keys_open_nothing),
        TEST(secrets_stay_as_they_are),
        TEST(another_provider_in_the_chain),
        TEST(only_another_provider),
        TEST(closed_while_a_provider_judges),
        TEST(a_provider_out_of_place),
        BARE(refused_settings),
        BARE(a_forgiven_secret_is_random),
        BARE(a_random_secret_stays),
        TEST(other_keys),
        TEST(a_change_that_is_cancelled),
        TEST(changed_while_signing_in),
        TEST(another_rate),
        TEST(asks_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
