/* api_key.c - one key, and one for development: whoever sends it is let in.
 *
 * A key that is not configured opens nothing. Both keys are always compared,
 * so that the time tells neither which one was close nor which one is set.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/providers.h"
#include "base/mem.h"
#include "base/str.h"

struct api_key {
    const struct dg_host *host;
    const char *key, *dev_key; /* NULL: not configured */
    uint64_t cache_ms;
};

static bool same(const char *key, const char *token)
{
    return !str_empty(key) && str_secret_eq(key, strlen(key), token, strlen(token));
}

static void api_key_check(void *self, const struct dg_credentials *c, struct dg_op *op)
{
    static const char *const scopes[] = {"*"};
    const struct api_key *k = self;
    if (c->scheme != DG_AUTH_API_KEY || !c->token) {
        k->host->fail(op, DG_EUNSUPPORTED, "no API key");
        return;
    }
    bool is_key = same(k->key, c->token), is_dev_key = same(k->dev_key, c->token);
    if (!is_key && !is_dev_key) {
        k->host->fail(op, DG_EAUTH, "the API key is wrong");
        return;
    }
    const char *name = is_key ? "api-key" : "dev-api-key";
    const struct dg_identity identity = {DG_SIZED(struct dg_identity),
                                         .subject = name,
                                         .role = name,
                                         .scopes = scopes,
                                         .scope_count = 1,
                                         .cache_ms = k->cache_ms};
    k->host->item(op, &identity);
    k->host->done(op);
}

static enum dg_err api_key_open(const struct dg_host *h, void **self)
{
    struct api_key *k = xcalloc(1, sizeof *k);
    k->host = h;
    k->key = h->cfg_str(h, "api_key");
    k->dev_key = h->cfg_str(h, "dev_api_key");
    k->cache_ms = (uint64_t)h->cfg_int(h, "token_cache");
    *self = k;
    return DG_OK;
}

static void api_key_close(void *self, struct dg_op *op)
{
    struct api_key *k = self;
    const struct dg_host *h = k->host;
    free(k);
    h->done(op);
}

static const struct dg_cfg_key api_key_keys[] = {
    {"api_key", DG_CFG_SECRET, "", "the key"},
    {"dev_api_key", DG_CFG_SECRET, "", "the key for development"},
    {"token_cache", DG_CFG_MS, "60s", "how long a checked key is remembered"},
    {0},
};

static const struct dg_auth api_key_table = {DG_SIZED(struct dg_auth), .check = api_key_check};

const struct dg_plugin api_key_plugin = {
    .size = sizeof(struct dg_plugin),
    .abi_major = DG_ABI_MAJOR,
    .abi_minor = DG_ABI_MINOR,
    .needs_minor = DG_NEEDS_MINOR,
    .name = "api-key",
    .version = DIALGATE_VERSION,
    .summary = "one fixed key in the header X-API-Key",
    .config = api_key_keys,
    .auth = &api_key_table,
    .open = api_key_open,
    .close = api_key_close,
};
