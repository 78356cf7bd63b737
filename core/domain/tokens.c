/* tokens.c - opaque tokens: looked up, made, revoked; see tokens.h.
 *
 * A request to the store carries a struct token_ask, by which closing knows
 * what is still under way.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/str.h"
#include "data/marks.h"
#include "domain/token_record.h"
#include "domain/tokens_private.h"

#define USED_EVERY   60000 /* ms: how exact the time of the last use is */
#define USED_WITHIN  1000  /* ms: how long it may wait to be written */
#define USED_AT_ONCE 1000  /* tokens in one write */

static const char default_name[] = "API Token";

static void write_used(void *arg);

/* ---- Beginning and end ---------------------------------------------------------- */

struct tokens *tokens_new(struct store *store, struct loop *loop, struct users *users)
{
    struct tokens *t = xcalloc(1, sizeof *t);
    t->store = store;
    t->loop = loop;
    t->users = users;
    buf_init(&t->used, BUF_MAX);
    return t;
}

static void closed(void *arg)
{
    struct tokens *t = arg;
    dg_fn *fn = t->on_closed;
    void *fn_arg = t->on_closed_arg;
    buf_free(&t->used);
    free(t);
    fn(fn_arg);
}

static void close_when_idle(struct tokens *t)
{
    if (t->on_closed && !t->under_way)
        loop_call(t->loop, closed, t);
}

void tokens_close(struct tokens *t, dg_fn *fn, void *arg)
{
    if (t->used_count) {
        loop_timer_stop(t->loop, t->used_timer);
        write_used(t);
    }
    t->on_closed = fn;
    t->on_closed_arg = arg;
    close_when_idle(t);
}

void tokens_on_revoked(struct tokens *t, dg_fn *fn, void *arg)
{
    t->on_revoked = fn;
    t->on_revoked_arg = arg;
}

struct token_ask *token_ask_new(struct tokens *t, token_fn *fn, void *arg)
{
    struct token_ask *a = xcalloc(1, sizeof *a);
    a->tokens = t;
    a->fn = fn;
    a->arg = arg;
    t->under_way++;
    return a;
}

void token_ask_free(struct token_ask *a)
{
    struct tokens *t = a->tokens;
    free(a);
    t->under_way--;
    close_when_idle(t);
}

static void ask_end(struct token_ask *a, enum dg_err err, const char *message,
                    const struct token *token, const struct user *user)
{
    a->fn(a->arg, err, message, token, user);
    token_ask_free(a);
}

static void on_refused(void *arg)
{
    struct token_ask *a = arg;
    ask_end(a, a->refused, a->refusal, NULL, NULL);
}

static void ask_refuse(struct token_ask *a, enum dg_err err, const char *refusal)
{
    a->refused = err;
    a->refusal = refusal;
    loop_call(a->tokens->loop, on_refused, a);
}

/* ---- The last use ----------------------------------------------------------------- */

static void on_used_written(void *arg, const struct op_result *res)
{
    struct token_ask *a = arg;
    if (res->err != DG_OK)
        log_debug("tokens", "the times of last use were not written", LOG_S("why", res->message));
    token_ask_free(a);
}

static void write_used(void *arg)
{
    static const char set[] = "{\"last_used\":\"@now\"}";
    struct tokens *t = arg;
    t->used_timer = NULL;
    buf_addc(&t->used, ']');
    const struct dg_where where = {.field = "id", .compare = DG_IN, .value = buf_cstr(&t->used)};
    const struct dg_change change = {.collection = COLLECTION_TOKENS,
                                     .where = &where,
                                     .where_count = 1,
                                     .set = {set, sizeof set - 1}};
    store_change(t->store, &change, on_used_written, token_ask_new(t, NULL, NULL));
    t->used.len = 0;
    t->used_count = 0;
}

/* The threads that serve HTTP remember who a token is for a minute at most, so it comes here. */
static void note_use(struct tokens *t, const struct token *token)
{
    char text[TOKEN_ID_TEXT + 4];
    const int64_t since_ms = clock_unix_ms() - token->last_used_ms;
    if ((since_ms >= 0 && since_ms < USED_EVERY) || t->used_count == USED_AT_ONCE || t->on_closed)
        return;
    snprintf(text, sizeof text, "%c\"%" PRId64 "\"", t->used_count ? ',' : '[', token->id);
    buf_adds(&t->used, text);
    if (!t->used_count++)
        t->used_timer = loop_timer(t->loop, USED_WITHIN, write_used, t);
}

/* ---- Judging ------------------------------------------------------------------------ */

bool token_well_formed(const char *secret)
{
    const size_t len = strlen(secret);
    return len >= 32 && len <= 128 &&
           str_only(secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                            "._~+/=-");
}

/* NULL: it opens. */
static const char *refusal_of(const struct token *token, const struct user *user)
{
    if (!token->is_active)
        return "the token was revoked";
    if (token->expires_at_ms && token->expires_at_ms <= clock_unix_ms())
        return "the token has expired";
    if (!user || !user->is_active)
        return "the token's user is not active";
    return user->api_access ? NULL : "the token's user has no access to the API";
}

static void on_found(void *arg, const struct store_doc *doc)
{
    struct token_ask *a = arg;
    if (doc->err != DG_OK) {
        ask_end(a, doc->err == DG_ENOTFOUND ? DG_EAUTH : doc->err,
                doc->err == DG_ENOTFOUND ? "there is no such token" : doc->message, NULL, NULL);
        return;
    }
    struct token *token = token_read(doc->id, doc->json);
    const struct user *user = token ? users_find_id(a->tokens->users, token->user_id) : NULL;
    const char *refusal = token ? refusal_of(token, user) : "the token's record cannot be read";
    if (refusal) {
        ask_end(a, DG_EAUTH, refusal, NULL, NULL);
    } else {
        note_use(a->tokens, token);
        ask_end(a, DG_OK, NULL, token, user);
    }
    token_free(token);
}

void tokens_check(struct tokens *t, const char *secret, token_fn *fn, void *arg)
{
    char digest[DIGEST_SIZE];
    struct token_ask *a = token_ask_new(t, fn, arg);
    if (!users_loaded(t->users)) {
        ask_refuse(a, DG_EUNAVAILABLE, "the users are not loaded yet");
    } else if (!token_well_formed(secret)) {
        ask_refuse(a, DG_EAUTH, "this is no token");
    } else {
        digest_hex(secret, strlen(secret), digest);
        store_find_json(t->store, COLLECTION_TOKENS, "digest", digest, on_found, a);
    }
}

/* ---- Making ------------------------------------------------------------------------- */

void token_make(char out[TOKEN_SIZE])
{
    str_random_hex((TOKEN_SIZE - 1) / 2, out);
}

static bool text_ok(const char *text, size_t max)
{
    return *text && strnlen(text, max + 1) <= max && !str_has_control(text) &&
           str_utf8(text, strlen(text));
}

static const char *request_refusal(const struct token_request *req)
{
    if (!token_well_formed(req->secret))
        return "token: 32 to 128 letters, digits or any of . _ ~ + / = -";
    if (!text_ok(req->name, TOKEN_NAME_MAX))
        return "name: 1 to 100 bytes without control characters";
    if (req->permission_count > TOKEN_PERMISSIONS_MAX)
        return "permissions: at most 100";
    for (size_t i = 0; i < req->permission_count; i++)
        if (!text_ok(req->permissions[i], TOKEN_PERMISSION_MAX))
            return "permissions: 1 to 100 bytes each without control characters";
    if (req->expires_at_ms && req->expires_at_ms <= clock_unix_ms())
        return "expires_at: is over already";
    return NULL;
}

static void on_added(void *arg, const struct op_result *res)
{
    struct token_ask *a = arg;
    const char *id = op_first(res, char);
    struct token token = {.user_id = a->user_id};
    if (res->err == DG_OK && id && str_to_int(id, &token.id))
        ask_end(a, DG_OK, NULL, &token, users_find_id(a->tokens->users, a->user_id));
    else if (res->err == DG_ECONFLICT)
        ask_end(a, DG_ECONFLICT, "token: is there already", NULL, NULL);
    else
        ask_end(a, res->err ? res->err : DG_EINTERNAL, res->message, NULL, NULL);
}

void tokens_add(struct tokens *t, const struct token_request *req, token_fn *fn, void *arg)
{
    struct token_request named = *req;
    struct token_ask *a = token_ask_new(t, fn, arg);
    struct buf json;
    named.name = req->name ? req->name : default_name;
    a->user_id = req->user_id;
    const char *refusal = request_refusal(&named);
    if (refusal) {
        ask_refuse(a, DG_EINVAL, refusal);
        return;
    }
    if (!users_find_id(t->users, req->user_id)) {
        ask_refuse(a, DG_ENOTFOUND, "no such user");
        return;
    }
    buf_init(&json, BUF_MAX);
    token_write(&named, clock_unix_ms(), &json);
    store_put(t->store, COLLECTION_TOKENS, NULL, (struct dg_bytes){json.ptr, json.len},
              DG_VERSION_NONE, on_added, a);
    buf_free(&json);
}

/* ---- Revoking ------------------------------------------------------------------------- */

/* Said when the other gateways can know it too. */
static void on_marked(void *arg, const struct op_result *res)
{
    struct token_ask *a = arg;
    struct tokens *t = a->tokens;
    if (t->on_revoked)
        t->on_revoked(t->on_revoked_arg);
    ask_end(a, res->err, res->message, NULL, NULL);
}

static void on_revoked(void *arg, const struct op_result *res)
{
    struct token_ask *a = arg;
    if (res->err != DG_OK)
        ask_end(a, res->err, res->message, NULL, NULL);
    else
        mark_raise(a->tokens->store, MARK_TOKENS, on_marked, a);
}

static void shut(struct token_ask *a)
{
    char id[TOKEN_ID_TEXT], set[64];
    snprintf(id, sizeof id, "%" PRId64, a->id);
    snprintf(set, sizeof set, "{\"is_active\":false,\"updated_at\":%" PRId64 "}", clock_unix_ms());
    const struct dg_where where = {.field = "id", .compare = DG_EQ, .value = id};
    const struct dg_change change = {.collection = COLLECTION_TOKENS,
                                     .where = &where,
                                     .where_count = 1,
                                     .set = {set, strlen(set)}};
    store_change(a->tokens->store, &change, on_revoked, a);
}

static void on_to_revoke(void *arg, const struct store_doc *doc)
{
    struct token_ask *a = arg;
    const struct user *by = users_find_id(a->tokens->users, a->user_id);
    const bool owner = doc->err == DG_OK && json_get_int(doc->json, "user_id", 0) == a->user_id;
    if (doc->err != DG_OK)
        ask_end(a, doc->err, doc->err == DG_ENOTFOUND ? "no such token" : doc->message, NULL, NULL);
    else if (a->user_id && !owner && !(by && str_eq(by->role, "admin")))
        ask_end(a, DG_EDENIED, "the token is another user's", NULL, NULL);
    else
        shut(a);
}

void tokens_revoke(struct tokens *t, int64_t id, int64_t by, token_fn *fn, void *arg)
{
    char text[TOKEN_ID_TEXT];
    struct token_ask *a = token_ask_new(t, fn, arg);
    a->id = id;
    a->user_id = by;
    snprintf(text, sizeof text, "%" PRId64, id);
    store_get_json(t->store, COLLECTION_TOKENS, text, on_to_revoke, a);
}

static void on_deleted(void *arg, const struct op_result *res)
{
    struct token_ask *a = arg;
    if (res->err != DG_OK)
        log_warn("tokens", "those of a deleted user are still in the store", LOG_I("user", a->id),
                 LOG_S("why", res->message));
    token_ask_free(a);
}

void tokens_delete_of(struct tokens *t, int64_t user_id)
{
    char user[TOKEN_ID_TEXT];
    struct token_ask *a = token_ask_new(t, NULL, NULL);
    a->id = user_id;
    snprintf(user, sizeof user, "%" PRId64, user_id);
    const struct dg_where where = {.field = "user_id", .compare = DG_EQ, .value = user};
    const struct dg_change change = {
        .collection = COLLECTION_TOKENS, .where = &where, .where_count = 1};
    store_change(t->store, &change, on_deleted, a);
}
