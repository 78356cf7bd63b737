/* static_token.cc - an auth provider in C++: one token of the configuration
 * stands for one user.
 *
 * Tokens begin with "st_", so that the provider knows which ones to judge: of
 * all others it says DG_EUNSUPPORTED, and the next provider is asked.
 *
 *     c++ -std=c++20 -fPIC -shared -I PREFIX/include -o static-token.so static_token.cc
 */
#include <new>
#include <string>
#include <string_view>

#include "dialgate/auth.h"

namespace
{

constexpr std::string_view prefix = "st_";

struct Provider {
    const dg_host *host;
    std::string token, user, role, scope;
};

const dg_cfg_key keys[] = {
    {"token", DG_CFG_SECRET, nullptr, "begins with st_; best from a file: \"file:/run/token\""},
    {"user", DG_CFG_STR, "robot", "who comes with the token"},
    {"role", DG_CFG_STR, "user", "admin or user"},
    {"scope", DG_CFG_STR, "*", "one permission pattern"},
    {nullptr, DG_CFG_STR, nullptr, nullptr},
};

/* The time it takes does not tell how much of a guess was right. */
bool same(std::string_view a, std::string_view b)
{
    unsigned char differs = a.size() != b.size();
    for (size_t i = 0; i < a.size(); i++)
        differs |= static_cast<unsigned char>(a[i] ^ b[i % (b.empty() ? 1 : b.size())]);
    return !differs;
}

void check(void *self, const dg_credentials *c, dg_op *op)
{
    auto *p = static_cast<Provider *>(self);
    if (c->scheme != DG_AUTH_BEARER || !c->token ||
        !std::string_view(c->token).starts_with(prefix)) {
        p->host->fail(op, DG_EUNSUPPORTED, "is no token of this provider");
        return;
    }
    if (!same(c->token, p->token)) {
        p->host->fail(op, DG_EAUTH, "the token is wrong");
        return;
    }
    const char *scopes[] = {p->scope.c_str()};
    dg_identity identity = {};
    identity.size = sizeof(identity);
    identity.subject = p->user.c_str();
    identity.role = p->role.c_str();
    identity.scopes = scopes;
    identity.scope_count = 1;
    identity.cache_ms = 60000;
    p->host->item(op, &identity);
    p->host->done(op);
}

/* No exception may pass the boundary: it is C. */
dg_err open(const dg_host *h, void **self) noexcept
try {
    std::string_view token = h->cfg_str(h, "token");
    if (!token.starts_with(prefix) || token.size() < 20) {
        h->log(h, DG_ERROR, "the token must begin with st_ and have 20 characters or more");
        return DG_EINVAL;
    }
    const char *scope = h->cfg_str(h, "scope");
    *self = new Provider{h, std::string(token), h->cfg_str(h, "user"), h->cfg_str(h, "role"),
                         scope ? scope : "*"};
    return DG_OK;
} catch (const std::bad_alloc &) {
    return DG_EINTERNAL;
}

void close(void *self, dg_op *op)
{
    auto *p = static_cast<Provider *>(self);
    const dg_host *h = p->host;
    delete p;
    h->done(op);
}

const dg_auth auth = {DG_SIZED(dg_auth), .check = check, .issue = nullptr, .revoke = nullptr};

} // namespace

DG_PLUGIN(.name = "static-token", .version = "1.0", .summary = "one token for one user",
          .config = keys, .backend = nullptr, .storage = nullptr, .auth = &auth, .open = open,
          .close = close);
