/* authenticate.c - who asks: from the thread's cache, or by a question to the control thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "http/inside.h"

#define MAX_CREDENTIALS 8192
#define MAX_REMEMBERED  1024 /* with each connection */

/* ---- Finding the credentials -------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* "Bearer <token>", the word in any case. */
static h2o_iovec_t bearer(h2o_iovec_t header)
{
    static const char scheme[] = "bearer";
    const size_t len = sizeof(scheme) - 1;
    if (header.len <= len || header.base[len] != ' ' || !h2o_lcstris(header.base, len, scheme, len))
        return (h2o_iovec_t){NULL, 0};
    const char *p = header.base + len, *end = header.base + header.len;
    while (p < end && *p == ' ')
        p++;
    while (end > p && end[-1] == ' ')
        end--;
    return h2o_iovec_init(p, (size_t)(end - p));
}

/* The API of opaque tokens: the word in this case alone, one space, anywhere in the header. */
static h2o_iovec_t opaque_bearer(h2o_iovec_t header)
{
    static const char word[] = "Bearer";
    const size_t len = sizeof(word) - 1;
    const char *end = header.base + header.len;
    const char *p = header.len ? memmem(header.base, header.len, word, len) : NULL;
    while (p && end - p > (ptrdiff_t)len + 1) {
        const char *token = p + len + 1, *stop = token;
        while (stop < end && !is_space(*stop))
            stop++;
        if (is_space(p[len]) && stop > token)
            return h2o_iovec_init(token, (size_t)(stop - token));
        p = memmem(p + len, (size_t)(end - p) - len, word, len);
    }
    return (h2o_iovec_t){NULL, 0};
}

static h2o_iovec_t find_credentials(struct request *req, enum route_auth auth)
{
    if (auth == ROUTE_API_KEY || auth == ROUTE_DEV_KEY)
        return request_raw_header(req, "x-api-key");
    h2o_iovec_t header = request_raw_header(req, "authorization");
    if (auth != ROUTE_TOKEN)
        return bearer(header);
    h2o_iovec_t token = opaque_bearer(header);
    if (token.len)
        return token;
    const char *in_query = request_query(req, "api_token");
    return in_query ? h2o_iovec_init(in_query, strlen(in_query)) : token;
}

static bool printable(h2o_iovec_t token)
{
    for (size_t i = 0; i < token.len; i++)
        if (token.base[i] < ' ' || token.base[i] > '~')
            return false;
    return true;
}

static struct siphash_tag make_tag(const struct http *h, enum route_auth auth, h2o_iovec_t token)
{
    char bytes[1 + MAX_CREDENTIALS];
    bytes[0] = (char)auth;
    memcpy(bytes + 1, token.base, token.len);
    return siphash128(&h->key, bytes, 1 + token.len);
}

void recent_token_forget(struct recent_token *t)
{
    if (t->bytes)
        explicit_bzero(t->bytes, t->len);
    free(t->bytes);
    *t = (struct recent_token){0};
}

/* Takes as long wherever they differ: behind a proxy a connection has many clients. */
static bool same_secret(const char *a, const char *b, size_t len)
{
    uint64_t differs = 0, left, right;
    size_t i = 0;
    for (; len - i >= sizeof(left); i += sizeof(left)) {
        memcpy(&left, a + i, sizeof(left));
        memcpy(&right, b + i, sizeof(right));
        differs |= left ^ right;
    }
    for (; i < len; i++)
        differs |= (unsigned char)(a[i] ^ b[i]);
    return !differs;
}

static struct siphash_tag tag_of(struct request *req, enum route_auth auth, h2o_iovec_t token)
{
    struct recent_token *t = &req->conn->token;
    if (t->len == token.len && t->auth == auth && same_secret(t->bytes, token.base, token.len))
        return t->tag;
    struct siphash_tag tag = make_tag(req->worker->http, auth, token);
    recent_token_forget(t);
    if (token.len > MAX_REMEMBERED)
        return tag;
    *t = (struct recent_token){xmalloc(token.len), token.len, auth, tag};
    memcpy(t->bytes, token.base, token.len);
    return tag;
}

/* ---- Asking the control thread ------------------------------------------ */

struct check {
    enum route_auth auth;
    char *token;
    char peer[ADDRESS_SIZE];
    identify_fn *identify; /* the gateway's; this may outlive struct http */
    void *identify_arg;
    struct siphash_tag tag;
    uint64_t generation; /* when the question was put */
    struct hop *hop;
    enum dg_err err; /* the answer */
    char *message;
    struct known *known;
    struct known_until until;
    bool cacheable;
    request_judged_fn *again; /* of a request that was let in before; else NULL */
};

static void check_free(void *data)
{
    struct check *check = data;
    known_unref(check->known);
    explicit_bzero(check->token, strlen(check->token));
    free(check->token);
    free(check->message);
    free(check);
}

static void on_identified(void *arg, const struct op_result *res)
{
    struct check *check = arg;
    const struct dg_identity *id = res->err == DG_OK ? op_first(res, struct dg_identity) : NULL;
    check->err = res->err == DG_OK && !id ? DG_EINTERNAL : res->err;
    if (id) {
        check->known = known_new(id);
        check->cacheable = known_until(id, clock_ms(), clock_unix_ms(), &check->until);
    } else if (res->message) {
        check->message = xstrdup(res->message);
    }
    hop_done(check->hop);
}

static void check_run(struct hop *hop, void *data)
{
    struct check *check = data;
    check->hop = hop;
    bool key = check->auth == ROUTE_API_KEY || check->auth == ROUTE_DEV_KEY;
    const struct dg_credentials c = {
        .scheme = key ? DG_AUTH_API_KEY : DG_AUTH_BEARER,
        .token = check->token,
        .peer = check->peer,
    };
    check->identify(check->identify_arg, check->auth, &c, on_identified, check);
}

static void refuse(struct request *req, const struct check *check)
{
    if (check->err == DG_EAUTH || check->err == DG_EUNSUPPORTED) {
        reply_unauthenticated(req, false);
        return;
    }
    if (check->err == DG_ELIMIT || check->err == DG_EUNAVAILABLE)
        reply_header(req, "Retry-After", "1");
    reply_error(req, err_http_status(check->err),
                check->message ? check->message : err_name(check->err));
}

/* Whoever cannot be judged at this moment stays what he was. */
static void judged_again(struct request *req, const struct check *check)
{
    const struct route *route = req->match.route;
    bool refused_now = check->err == DG_EAUTH || check->err == DG_EDENIED ||
                       check->err == DG_EUNSUPPORTED || check->err == DG_ENOTFOUND;
    bool admin = !route_admins_only(route->auth) || str_eq(req->known->identity.role, "admin");
    check->again(req, !refused_now && admin &&
                          (!route->permission || request_allowed(req, route->permission)));
}

static void check_back(struct request *req, void *data)
{
    struct check *check = data;
    if (!check->known && !check->again) {
        refuse(req, check);
        return;
    }
    if (check->cacheable)
        identity_cache_put(req->worker->identities, check->tag, check->generation, check->until,
                           check->known);
    if (check->known) {
        known_unref(req->known);
        req->known = check->known;
        check->known = NULL;
    }
    if (check->again)
        judged_again(req, check);
    else
        request_handle(req);
}

static void ask(struct request *req, enum route_auth auth, h2o_iovec_t token,
                struct siphash_tag tag, uint64_t generation, request_judged_fn *again)
{
    const struct http *h = req->worker->http;
    struct check *check = xcalloc(1, sizeof(*check));
    check->auth = auth;
    check->token = xstrndup(token.base, token.len);
    snprintf(check->peer, sizeof(check->peer), "%s", req->peer);
    check->identify = h->identify;
    check->identify_arg = h->identify_arg;
    check->tag = tag;
    check->generation = generation;
    check->again = again;
    hop_start(req, check, check_run, check_back, check_free);
}

void request_authenticate(struct request *req)
{
    const struct http *h = req->worker->http;
    enum route_auth auth = route_credentials(req->match.route->auth);
    h2o_iovec_t token = find_credentials(req, auth);
    if (!token.len || token.len > MAX_CREDENTIALS) {
        reply_unauthenticated(req, !token.len);
        return;
    }
    struct siphash_tag tag = tag_of(req, auth, token);
    uint64_t generation = atomic_load(&h->generation);
    struct known *known =
        identity_cache_get(req->worker->identities, tag, generation, req->began_us / 1000,
                           (int64_t)h2o_now(req->worker->ctx.loop));
    if (!known && !printable(token)) {
        reply_unauthenticated(req, false);
        return;
    }
    if (!known) {
        ask(req, auth, token, tag, generation, NULL);
        return;
    }
    known_ref(known);
    req->known = known;
    request_handle(req);
}

void request_judge_again(struct request *req, request_judged_fn *fn)
{
    const struct http *h = req->worker->http;
    enum route_auth auth = route_credentials(req->match.route->auth);
    if (auth == ROUTE_OPEN) {
        fn(req, true);
        return;
    }
    h2o_iovec_t token = find_credentials(req, auth);
    struct siphash_tag tag = tag_of(req, auth, token);
    uint64_t generation = atomic_load(&h->generation);
    if (identity_cache_get(req->worker->identities, tag, generation, clock_ms(), clock_unix_ms()))
        fn(req, true);
    else
        ask(req, auth, token, tag, generation, fn);
}
