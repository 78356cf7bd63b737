/* tokens.c - /api/tokens: a user's tokens, shown in full once. */
#include <string.h>

#include "api/campaign_dialer/private.h"
#include "api/rules.h"
#include "base/clock.h"
#include "base/pattern.h"
#include "base/str.h"

#define LIST_MAX 1000 /* of a list that is not asked for in pages */

/* ---- GET ------------------------------------------------------------------------------- */

static void render_permissions(struct json_writer *w, const struct token *token)
{
    if (!token->permission_count) {
        jw_null(w, "permissions");
        return;
    }
    jw_array(w, "permissions");
    for (size_t i = 0; i < token->permission_count; i++)
        jw_str(w, NULL, token->permissions[i]);
    jw_end(w);
}

static void render_token(struct json_writer *w, const struct token *token)
{
    jw_object(w, NULL);
    jw_int(w, "id", token->id);
    jw_int(w, "user_id", token->user_id);
    jw_str(w, "token", token->shown);
    jw_str(w, "name", token->name);
    render_permissions(w, token);
    jw_int(w, "is_active", token->is_active);
    dialer_time(w, "last_used", token->last_used_ms);
    dialer_time(w, "expires_at", token->expires_at_ms);
    dialer_time(w, "created_at", token->created_at_ms);
    dialer_time(w, "updated_at", token->updated_at_ms);
    jw_end(w);
}

static void on_list(void *arg, const struct token_list *list)
{
    static const char message[] = "API tokens retrieved successfully";
    struct dialer_task *t = arg;
    if (list->err != DG_OK) {
        task_fail(t, list->err, list->message);
        return;
    }
    struct json_writer *w = task_data(t);
    jw_array(w, NULL);
    for (size_t i = 0; i < list->count; i++)
        render_token(w, list->tokens[i]);
    jw_end(w);
    if (t->page.number)
        task_paged(t, message, list->total);
    else
        task_done(t, 200, message);
}

static void run_list(struct dialer_task *t)
{
    const struct user *user = task_user(t);
    const uint64_t limit = t->page.number ? t->page.size : LIST_MAX;
    if (user)
        tokens_list(t->api->tokens, user->id, page_skip(&t->page), limit, on_list, t);
}

void dialer_tokens_list(struct request *req)
{
    struct dialer_task *t = task_new(req);
    if (dialer_wants_pages(req))
        dialer_page(req, &t->page);
    task_start(req, t, run_list);
}

/* ---- POST ------------------------------------------------------------------------------- */

static const char *rule_permission(const char *name, const char *value)
{
    const size_t len = strlen(value);
    return len >= 1 && len <= TOKEN_PERMISSION_MAX ? rule_printable(name, value)
                                                   : "Must be patterns of 1 to 100 bytes";
}

static const char *rule_expiry(const char *name, const char *value)
{
    int64_t at_ms, span_ms;
    (void)name;
    if (!clock_parse_plain(value, &at_ms, &span_ms))
        return "Must be a time: YYYY-MM-DD HH:MM:SS";
    return at_ms > clock_unix_ms() ? NULL : "Must not be over already";
}

/* clang-format off */
static const struct field create_fields[] = {
    {.name = "name", .kind = FIELD_STR, .max = TOKEN_NAME_MAX, .rule = rule_printable,
     .fallback = "\"API Token\"", .example = "\"Reports\""},
    {.name = "permissions", .kind = FIELD_STR_LIST, .rule = rule_permission,
     .help = "Patterns of permissions, \"*\" for any run of characters; none or null: all that the "
             "user may do, or all that the token may with which this is asked for",
     .example = "[\"campaigns/*\",\"cdr/list\"]"},
    {.name = "expires_at", .kind = FIELD_STR, .rule = rule_expiry,
     .help = "YYYY-MM-DD HH:MM:SS in the server's zone; null: never",
     .example = "\"2099-12-31 23:59:59\""},
    {0}};
/* clang-format on */
static const struct schema token_create = {"DialerTokenCreate", "A new token", create_fields};

struct creating {
    struct token_request request;
    char secret[TOKEN_SIZE];
};

/* The first that the token with which this is asked for does not cover; NULL: it covers all. */
static const char *wider(const struct identity *who, const struct token_request *req)
{
    for (size_t i = 0; i < req->permission_count; i++) {
        const char *wanted = req->permissions[i];
        bool covered = false;
        for (size_t k = 0; k < who->scope_count; k++)
            covered = covered || pattern_covers(who->scopes[k], wanted, strlen(wanted));
        if (!covered)
            return wanted;
    }
    return NULL;
}

static bool unrestricted(const struct identity *who)
{
    return who->scope_count == 1 && str_eq(who->scopes[0], "*");
}

static void read_permissions(struct dialer_task *t, const json_t *list, struct token_request *req)
{
    size_t i;
    json_t *one;
    const char **permissions =
        arena_alloc(t->arena, (json_array_size(list) + 1) * sizeof *permissions);
    json_array_foreach((json_t *)list, i, one)
    {
        permissions[i] = arena_strdup(t->arena, json_string_value(one));
    }
    req->permissions = permissions;
    req->permission_count = json_array_size(list);
    if (req->permission_count || unrestricted(&t->identity))
        return;
    req->permissions = t->identity.scopes;
    req->permission_count = t->identity.scope_count;
}

static struct creating *creating_of(struct dialer_task *t, const json_t *body)
{
    int64_t span_ms;
    struct creating *c = arena_alloc(t->arena, sizeof *c);
    *c = (struct creating){.request.secret = c->secret};
    const char *name = check_str(body, "name"), *expires = check_str(body, "expires_at");
    c->request.name = arena_strdup(t->arena, str_empty(name) ? "API Token" : name);
    if (expires)
        clock_parse_plain(expires, &c->request.expires_at_ms, &span_ms);
    read_permissions(t, json_object_get(body, "permissions"), &c->request);
    token_make(c->secret);
    return c;
}

static void on_created(void *arg, enum dg_err err, const char *message, const struct token *token,
                       const struct user *user)
{
    struct dialer_task *t = arg;
    struct creating *c = t->own;
    (void)token;
    (void)user;
    if (err == DG_OK) {
        struct json_writer *w = task_data(t);
        jw_object(w, NULL);
        jw_str(w, "token", c->secret);
        jw_str(w, "name", c->request.name);
        jw_str(w, "message", "Save this token securely. It will not be shown again.");
        jw_end(w);
    }
    explicit_bzero(c->secret, sizeof c->secret);
    if (err == DG_OK)
        task_done(t, 201, "API token created successfully");
    else
        task_fail(t, err, message);
}

static void run_create(struct dialer_task *t)
{
    struct creating *c = t->own;
    const struct user *user = task_user(t);
    if (!user)
        return;
    c->request.user_id = user->id;
    tokens_add(t->api->tokens, &c->request, on_created, t);
}

void dialer_tokens_create(struct request *req)
{
    const json_t *body = dialer_body(req, &token_create, BODY_CREATES);
    if (!body)
        return;
    struct dialer_task *t = task_new(req);
    struct creating *c = creating_of(t, body);
    const char *too_wide = wider(&t->identity, &c->request);
    t->own = c;
    if (!too_wide) {
        task_start(req, t, run_create);
        return;
    }
    dialer_refuse(req, 403, "A token cannot create one that may do more than itself",
                  json_pack("{s:s}", "permissions", too_wide));
    task_free(t);
}

/* ---- DELETE ------------------------------------------------------------------------------- */

static void on_revoked(void *arg, enum dg_err err, const char *message, const struct token *token,
                       const struct user *user)
{
    struct dialer_task *t = arg;
    (void)token;
    (void)user;
    if (err == DG_ENOTFOUND)
        task_refuse(t, 404, "Token not found", NULL, NULL);
    else if (err == DG_EDENIED)
        task_refuse(t, 403, "You do not have permission to revoke this token", NULL, NULL);
    else if (err != DG_OK)
        task_fail(t, err, message);
    else
        task_done(t, 200, "API token revoked successfully");
}

static void run_revoke(struct dialer_task *t)
{
    const struct user *user = task_user(t);
    if (user)
        tokens_revoke(t->api->tokens, t->id, user->id, on_revoked, t);
}

void dialer_tokens_revoke(struct request *req)
{
    int64_t id;
    if (!dialer_id(req, "Token not found", &id))
        return;
    struct dialer_task *t = task_new(req);
    t->id = id;
    task_start(req, t, run_revoke);
}

/* ---- Documentation -------------------------------------------------------------------- */

/* clang-format off */
static const struct field shown_fields[] = {
    {.name = "id", .kind = FIELD_INT, .required = true, .example = "5"},
    {.name = "user_id", .kind = FIELD_INT, .required = true, .example = "2"},
    {.name = "token", .kind = FIELD_STR, .required = true, .help = "Its ends alone",
     .example = "\"0f1e2d3c...98765432\""},
    {.name = "name", .kind = FIELD_STR, .required = true, .example = "\"Reports\""},
    {.name = "permissions", .kind = FIELD_STR_LIST, .help = "null: all that the user may do",
     .example = "[\"cdr/*\"]"},
    {.name = "is_active", .kind = FIELD_INT, .required = true, .example = "1"},
    {.name = "last_used", .kind = FIELD_STR, .help = "To a minute or so",
     .example = "\"2025-10-01 12:00:00\""},
    {.name = "expires_at", .kind = FIELD_STR, .example = "null"},
    {.name = "created_at", .kind = FIELD_STR, .required = true,
     .example = "\"2025-10-01 12:00:00\""},
    {.name = "updated_at", .kind = FIELD_STR, .example = "null"},
    {0}};
static const struct schema shown = {"DialerToken", "A token", shown_fields};
static const struct field list_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "API tokens retrieved successfully"),
    {.name = "data", .kind = FIELD_LIST, .required = true, .of = &shown},
    DIALER_PAGINATION_FIELD,
    {0}};
static const struct field created_fields[] = {
    DIALER_SUCCESS_FIELDS("201", "API token created successfully"),
    {.name = "data", .kind = FIELD_OBJECT, .required = true,
     .help = "token: 64 hexadecimal digits, shown now and never again; name; message",
     .example = "{\"token\":\"0f1e2d3c4b5a69780f1e2d3c4b5a69780f1e2d3c4b5a69780f1e2d3c98765432\","
                "\"name\":\"Reports\",\"message\":\"Save this token securely. It will not be shown "
                "again.\"}"},
    {0}};
static const struct field page_params[] = {PAGE_NUMBER_FIELD, PAGE_SIZE_FIELD, {0}};
/* clang-format on */
static const struct schema list_answer = {"DialerTokens", "Tokens, newest first", list_fields};
static const struct schema created_answer = {"DialerTokenCreated", "The new token", created_fields};

static const struct route_answer list_answers[] = {
    {200, "The tokens of the user who asks", &list_answer, NULL, NULL}, DIALER_REFUSALS, {0}};
static const struct route_answer create_answers[] = {
    {201, "The new token", &created_answer, NULL, NULL},
    {400, "A field is wrong", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};
static const struct route_answer revoke_answers[] = {
    {200, "It opens nothing any more", &dialer_done, NULL, NULL},
    {404, "There is no such token", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};

const struct route_doc dialer_tokens_list_doc = {
    .id = "list_api_tokens",
    .tag = DIALER_TAG_TOKENS,
    .summary = "The tokens of the user who asks, newest first",
    .help = "The newest 1000; with `page` or `per_page` a page of all of them, with `pagination` "
            "in the place of `code`.",
    .params = page_params,
    .answers = list_answers,
};
const struct route_doc dialer_tokens_create_doc = {
    .id = "create_api_token",
    .tag = DIALER_TAG_TOKENS,
    .summary = "Make a token",
    .help = "For the user who asks. A token that is restricted can make none that may do more.",
    .body = &token_create,
    .body_optional = true,
    .answers = create_answers,
};
const struct route_doc dialer_tokens_revoke_doc = {
    .id = "revoke_api_token",
    .tag = DIALER_TAG_TOKENS,
    .summary = "Revoke a token",
    .help = "One's own; an admin may revoke anybody's. The record is kept.",
    .params = dialer_id_param,
    .answers = revoke_answers,
};
