/* token.c - the provider for opaque tokens, which are kept in the store (domain/tokens.h).
 *
 * Who is let in is remembered for a minute at most, whatever token_cache says,
 * so that a token in use is seen here often enough to tell when it was last used.
 */
#include <stdlib.h>

#include "auth/providers.h"
#include "base/mem.h"

#define CACHE_MAX_MS 60000

struct token_provider {
    const struct dg_host *host;
    struct tokens *tokens; /* NULL: no store */
    uint64_t cache_ms;
    unsigned checks;       /* under way */
    struct dg_op *closing; /* to be ended when the last one is answered */
};

struct token_check {
    struct token_provider *p;
    struct dg_op *op;
};

static void closed(struct token_provider *p)
{
    const struct dg_host *h = p->host;
    struct dg_op *op = p->closing;
    free(p);
    h->done(op);
}

static void yield(struct token_provider *p, struct dg_op *op, const struct token *token,
                  const struct user *user)
{
    static const char *const all[] = {"*"};
    const bool restricted = token->permission_count > 0;
    const struct dg_identity identity = {
        DG_SIZED(struct dg_identity),
        .subject = user->username,
        .role = user->role,
        .scopes = restricted ? token->permissions : all,
        .scope_count = restricted ? token->permission_count : 1,
        .expires_at_ms = token->expires_at_ms,
        .cache_ms = p->cache_ms,
    };
    p->host->item(op, &identity);
    p->host->done(op);
}

static void on_checked(void *arg, enum dg_err err, const char *message, const struct token *token,
                       const struct user *user)
{
    struct token_check *check = arg;
    struct token_provider *p = check->p;
    if (err == DG_OK)
        yield(p, check->op, token, user);
    else
        p->host->fail(check->op, err, "%s", message);
    free(check);
    if (--p->checks == 0 && p->closing)
        closed(p);
}

static void token_check(void *self, const struct dg_credentials *c, struct dg_op *op)
{
    struct token_provider *p = self;
    if (c->scheme != DG_AUTH_BEARER || !c->token) {
        p->host->fail(op, DG_EUNSUPPORTED, "no token");
    } else if (!p->tokens) {
        p->host->fail(op, DG_EUNAVAILABLE, STORE_DISABLED_TEXT);
    } else {
        struct token_check *check = xmalloc(sizeof *check);
        *check = (struct token_check){p, op};
        p->checks++;
        tokens_check(p->tokens, c->token, on_checked, check);
    }
}

void token_provider_use(void *self, struct tokens *tokens)
{
    struct token_provider *p = self;
    p->tokens = tokens;
}

static enum dg_err token_open(const struct dg_host *h, void **self)
{
    struct token_provider *p = xcalloc(1, sizeof *p);
    const uint64_t cache_ms = (uint64_t)h->cfg_int(h, "token_cache");
    p->host = h;
    p->cache_ms = cache_ms < CACHE_MAX_MS ? cache_ms : CACHE_MAX_MS;
    *self = p;
    return DG_OK;
}

static void token_close(void *self, struct dg_op *op)
{
    struct token_provider *p = self;
    p->closing = op;
    if (!p->checks)
        closed(p);
}

static const struct dg_cfg_key token_keys[] = {
    {"token_cache", DG_CFG_MS, "60s", "how long a checked token is remembered"},
    {0},
};

static const struct dg_auth token_table = {DG_SIZED(struct dg_auth), .check = token_check};

const struct dg_plugin token_plugin = {
    .size = sizeof(struct dg_plugin),
    .abi_major = DG_ABI_MAJOR,
    .abi_minor = DG_ABI_MINOR,
    .needs_minor = DG_NEEDS_MINOR,
    .name = "token",
    .version = DIALGATE_VERSION,
    .summary = "opaque tokens of users, kept in the store",
    .config = token_keys,
    .auth = &token_table,
    .open = token_open,
    .close = token_close,
};
