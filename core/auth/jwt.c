/* jwt.c - the provider for JSON Web Tokens: judges them, and makes them for
 * users who sign in with name and password.
 *
 * An HMAC costs microseconds and is checked on the loop. Signatures with a
 * public key and bcrypt burn, so they go to the lane for that; each such job
 * carries what it needs and touches nothing else.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/claims.h"
#include "auth/password.h"
#include "auth/providers.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define PAUSE_MAX_MS 2000 /* the clock of who changed the password may be ahead */

struct jwt_provider {
    const struct dg_host *host;
    struct loop *loop;
    struct users *users;
    struct claims_rules rules;
    uint64_t cache_ms;
    unsigned bcrypt_cost;
    unsigned jobs;         /* on the lane */
    _Atomic bool leaving;  /* also read by the workers */
    struct dg_op *closing; /* to be ended when the last job is done */
};

struct job {
    struct jwt_provider *p;
    struct dg_op *op;
    /* check */
    char *token;
    int64_t now_ms;
    struct claims claims;
    const char *refusal;
    /* issue */
    char *username, *password, *hash; /* hash NULL: no such user */
    bool right;
};

static bool own_tokens(const struct jwt_provider *p)
{
    return p->rules.alg == JWT_ALG_HS256;
}

static void provider_free(struct jwt_provider *p)
{
    claims_rules_free(&p->rules);
    free(p);
}

static void closed(struct jwt_provider *p)
{
    const struct dg_host *h = p->host;
    struct dg_op *op = p->closing;
    provider_free(p);
    h->done(op);
}

static void job_free(struct job *job)
{
    struct jwt_provider *p = job->p;
    if (job->password)
        explicit_bzero(job->password, strlen(job->password));
    free(job->token);
    free(job->username);
    free(job->password);
    free(job->hash);
    free(job);
    if (--p->jobs == 0 && p->closing)
        closed(p);
}

static struct job *job_new(struct jwt_provider *p, struct dg_op *op)
{
    struct job *job = xcalloc(1, sizeof *job);
    job->p = p;
    job->op = op;
    p->jobs++;
    return job;
}

static void job_start(struct job *job, dg_fn *work, dg_fn *done)
{
    if (loop_work(job->p->loop, LANE_CPU, work, done, job))
        return;
    job->p->host->fail(job->op, DG_ELIMIT, "too many sign-ins wait already");
    job_free(job);
}

static void yield(struct jwt_provider *p, struct dg_op *op, const char *subject,
                  const struct user *user, int64_t expires_at_ms, const char *token)
{
    static const char *const scopes[] = {"*"};
    const struct dg_identity identity = {
        DG_SIZED(struct dg_identity),
        .subject = subject,
        .role = user ? user->role : "user",
        .scopes = scopes,
        .scope_count = 1,
        .expires_at_ms = expires_at_ms,
        .cache_ms = p->cache_ms,
        .token = token,
    };
    p->host->item(op, &identity);
    p->host->done(op);
}

static bool refuse_for_now(const struct jwt_provider *p, struct dg_op *op)
{
    if (p->leaving)
        p->host->fail(op, DG_EUNAVAILABLE, "the gateway is stopping");
    else if (p->users && !users_loaded(p->users))
        p->host->fail(op, DG_EUNAVAILABLE, "the users are not loaded yet");
    else
        return false;
    return true;
}

/* ---- Judging tokens ---------------------------------------------------------- */

/* Signed in with a password, or as the owner of a name, of before. A token that does not say when
 * can only be good while there was no change. */
static bool outdated(const struct claims *claims, const struct user *user)
{
    const int64_t issued_ms = claims->issued_at_ms;
    return issued_ms < user->signed_in_since_ms ||
           (issued_ms && issued_ms < user->created_at_ms / 1000 * 1000);
}

/* Who signs with a key of his own may have users of his own. */
static const char *subject_refusal(const struct jwt_provider *p, const struct claims *claims,
                                   const struct user *user)
{
    if (user ? !user->is_active : own_tokens(p))
        return "its user is not active";
    if (user && own_tokens(p) && outdated(claims, user))
        return "its user has signed in before a change that ended it";
    return NULL;
}

/* The token is good: is its subject still welcome? */
static void judge_subject(struct jwt_provider *p, struct dg_op *op, const struct claims *claims)
{
    const struct user *user = p->users ? users_find(p->users, claims->subject) : NULL;
    if (refuse_for_now(p, op))
        return;
    const char *refusal = p->users ? subject_refusal(p, claims, user) : NULL;
    if (refusal) {
        p->host->fail(op, DG_EAUTH, "token refused: %s", refusal);
        return;
    }
    yield(p, op, claims->subject, user, claims->expires_at_ms, NULL);
}

static void judged(struct jwt_provider *p, struct dg_op *op, const char *refusal,
                   const struct claims *claims)
{
    if (refusal)
        p->host->fail(op, DG_EAUTH, "token refused: %s", refusal);
    else
        judge_subject(p, op, claims);
}

static void check_work(void *arg)
{
    struct job *job = arg;
    if (!job->p->leaving)
        job->refusal = claims_read(&job->p->rules, job->token, job->now_ms, &job->claims);
}

static void check_done(void *arg)
{
    struct job *job = arg;
    judged(job->p, job->op, job->refusal, &job->claims);
    job_free(job);
}

static void jwt_check(void *self, const struct dg_credentials *c, struct dg_op *op)
{
    struct jwt_provider *p = self;
    const int64_t now_ms = p->host->unix_ms(p->host);
    struct claims claims;
    if (c->scheme != DG_AUTH_BEARER || !c->token || !claims_looks_like(c->token)) {
        p->host->fail(op, DG_EUNSUPPORTED, "no JSON Web Token");
    } else if (own_tokens(p)) {
        const char *refusal = claims_read(&p->rules, c->token, now_ms, &claims);
        judged(p, op, refusal, &claims);
    } else {
        struct job *job = job_new(p, op);
        job->token = xstrndup(c->token, CLAIMS_TOKEN_MAX + 1);
        job->now_ms = now_ms;
        job_start(job, check_work, check_done);
    }
}

/* ---- Signing in ------------------------------------------------------------------ */

static void on_login_noted(void *arg, enum dg_err err, const char *message, const struct user *user)
{
    (void)arg;
    (void)user;
    if (err != DG_OK && err != DG_ECONFLICT) /* a conflict: another sign-in has just set it */
        log_warn("auth", "the time of a sign-in was not kept", LOG_S("why", message));
}

static void issue_work(void *arg)
{
    struct job *job = arg;
    if (job->p->leaving)
        return;
    if (job->hash)
        job->right = password_verify(job->password, job->hash);
    else
        password_burn(job->password, job->p->bcrypt_cost);
}

static void issue_token(struct jwt_provider *p, struct dg_op *op, const struct user *user)
{
    const int64_t now_ms = p->host->unix_ms(p->host), since_ms = user->signed_in_since_ms;
    int64_t expires_at_ms;
    char *token = claims_sign(&p->rules, user->username, now_ms > since_ms ? now_ms : since_ms,
                              &expires_at_ms);
    if (!token) {
        p->host->fail(op, DG_EINTERNAL, "the token could not be made");
        return;
    }
    yield(p, op, user->username, user, expires_at_ms, token);
    free(token);
    const struct user_change set = {.is_active = -1, .api_access = -1, .last_login_ms = now_ms};
    users_change(p->users, user->username, &set, on_login_noted, NULL);
}

static void judge_sign_in(struct jwt_provider *p, const struct job *job)
{
    if (refuse_for_now(p, job->op))
        return;
    /* Looked up again: the user may have been disabled, or got a new password, meanwhile. */
    const struct user *user = users_find(p->users, job->username);
    if (job->right && user && user->is_active && str_eq(user->password_hash, job->hash))
        issue_token(p, job->op, user);
    else
        p->host->fail(job->op, DG_EAUTH, "user name or password wrong");
}

static void issue_ready(void *arg)
{
    struct job *job = arg;
    judge_sign_in(job->p, job);
    job_free(job);
}

/* Right after a change of password, until the second in which sign-ins count again. */
static uint64_t pause_ms(struct jwt_provider *p, const struct job *job)
{
    const struct user *user = job->right && p->users ? users_find(p->users, job->username) : NULL;
    const int64_t left_ms = user ? user->signed_in_since_ms - p->host->unix_ms(p->host) : 0;
    return left_ms <= 0 ? 0 : left_ms < PAUSE_MAX_MS ? (uint64_t)left_ms : PAUSE_MAX_MS;
}

static void issue_done(void *arg)
{
    struct job *job = arg;
    const uint64_t wait_ms = pause_ms(job->p, job);
    if (wait_ms)
        loop_timer(job->p->loop, wait_ms, issue_ready, job);
    else
        issue_ready(job);
}

static void jwt_issue(void *self, const struct dg_credentials *c, struct dg_op *op)
{
    struct jwt_provider *p = self;
    if (!own_tokens(p) || !p->users) {
        p->host->fail(op, DG_EUNSUPPORTED, "tokens are made elsewhere");
    } else if (!refuse_for_now(p, op)) {
        const struct user *user = users_find(p->users, c->user);
        struct job *job = job_new(p, op);
        job->username = xstrdup(c->user);
        job->password = xstrdup(c->password);
        job->hash = user ? xstrdup(user->password_hash) : NULL;
        job_start(job, issue_work, issue_done);
    }
}

/* ---- The plugin ---------------------------------------------------------------------- */

void jwt_provider_use(void *self, struct loop *loop, struct users *users)
{
    struct jwt_provider *p = self;
    p->loop = loop;
    p->users = users;
}

void jwt_provider_leave(void *self)
{
    struct jwt_provider *p = self;
    p->leaving = true;
    p->users = NULL;
}

static char *optional(const struct dg_host *h, const char *key)
{
    const char *value = h->cfg_str(h, key);
    return str_empty(value) ? NULL : xstrdup(value);
}

/* false: why was logged. */
static bool read_key(struct jwt_provider *p)
{
    const struct dg_host *h = p->host;
    struct problem problem = {.text = "secret_key is not set"};
    const char *algorithm = h->cfg_str(h, "algorithm");
    char *key = NULL;
    if (!claims_alg(algorithm, &p->rules.alg))
        problem_set(&problem, DG_EINVAL, "algorithm %s is not known: HS256, RS256 or ES256",
                    algorithm);
    else if (own_tokens(p))
        key = optional(h, "secret_key");
    else
        key = claims_read_pem(h->cfg_str(h, "public_key"), p->rules.alg, &problem);
    if (!key)
        h->log(h, DG_ERROR, "%s", problem.text);
    p->rules.key = (unsigned char *)key;
    p->rules.key_len = key ? strlen(key) : 0;
    return key != NULL;
}

static enum dg_err jwt_open(const struct dg_host *h, void **self)
{
    struct jwt_provider *p = xcalloc(1, sizeof *p);
    p->host = h;
    if (!read_key(p)) {
        provider_free(p);
        return DG_EINVAL;
    }
    p->rules.issuer = optional(h, "jwt_issuer");
    p->rules.audience = optional(h, "jwt_audience");
    p->rules.lifetime_s = h->cfg_int(h, "token_minutes") * 60;
    p->cache_ms = (uint64_t)h->cfg_int(h, "token_cache");
    p->bcrypt_cost = (unsigned)h->cfg_int(h, "bcrypt_cost");
    *self = p;
    return DG_OK;
}

static void jwt_close(void *self, struct dg_op *op)
{
    struct jwt_provider *p = self;
    p->closing = op;
    if (!p->jobs)
        closed(p);
}

static const struct dg_cfg_key jwt_keys[] = {
    {"algorithm", DG_CFG_STR, "HS256", "HS256, RS256 or ES256"},
    {"secret_key", DG_CFG_SECRET, "", "HS256: the key"},
    {"public_key", DG_CFG_PATH, "", "RS256, ES256: PEM file with the public key"},
    {"jwt_issuer", DG_CFG_STR, "", "issuer that tokens must name"},
    {"jwt_audience", DG_CFG_STR, "", "audience that tokens must name"},
    {"token_minutes", DG_CFG_INT, "30", "how long a token that is made here lives"},
    {"token_cache", DG_CFG_MS, "60s", "how long a checked token is remembered"},
    {"bcrypt_cost", DG_CFG_INT, "12", "what an unknown user's password costs"},
    {0},
};

static const struct dg_auth jwt_table = {
    DG_SIZED(struct dg_auth),
    .check = jwt_check,
    .issue = jwt_issue,
};

const struct dg_plugin jwt_plugin = {
    .size = sizeof(struct dg_plugin),
    .abi_major = DG_ABI_MAJOR,
    .abi_minor = DG_ABI_MINOR,
    .needs_minor = DG_NEEDS_MINOR,
    .name = "jwt",
    .version = DIALGATE_VERSION,
    .summary = "JSON Web Tokens: HS256, RS256, ES256",
    .config = jwt_keys,
    .auth = &jwt_table,
    .open = jwt_open,
    .close = jwt_close,
};
