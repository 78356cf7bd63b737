/* token.c - POST /api/v2/token: the OAuth2 password grant (RFC 6749, 4.3). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/contact_center/private.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

static const char *rule_grant(const char *name, const char *value)
{
    (void)name;
    return str_eq(value, "password") ? NULL : "String should match pattern '^password$'";
}

/* clang-format off */
static const struct field token_fields[] = {
    {.name = "username", .kind = FIELD_STR, .required = true, .min = 1, .max = 255,
     .example = "\"admin\""},
    {.name = "password", .kind = FIELD_STR, .required = true, .min = 1, .max = 4096,
     .example = "\"correct horse battery staple\""},
    {.name = "grant_type", .kind = FIELD_STR, .rule = rule_grant, .pattern = "^password$",
     .example = "\"password\""},
    {.name = "scope", .kind = FIELD_STR, .help = "Ignored"},
    {.name = "client_id", .kind = FIELD_STR, .help = "Ignored"},
    {.name = "client_secret", .kind = FIELD_STR, .help = "Ignored"},
    {0}};
static const struct schema token_request = {"TokenRequest", "User and password", token_fields};

static const struct field answer_fields[] = {
    {.name = "access_token", .kind = FIELD_STR, .required = true},
    {.name = "token_type", .kind = FIELD_STR, .required = true, .example = "\"bearer\""},
    {0}};
/* clang-format on */
static const struct schema token_answer = {"Token", "A JWT for Authorization: Bearer",
                                           answer_fields};

static const struct route_answer answers[] = {
    {200, "A token", &token_answer, NULL, NULL},
    {401, "Unknown user, inactive user or wrong password", &contact_center_detail, NULL, NULL},
    {422, "A field is missing, or the body is no form", NULL, NULL, NULL},
    {429, "Too many requests from this address", &contact_center_detail, NULL, NULL},
    {503, "The store is disabled or away", &contact_center_detail, NULL, NULL},
    {0}};

const struct route_doc contact_center_token_doc = {
    .id = "create_token",
    .tag = "Authentication",
    .summary = "Sign in with user and password",
    .body = &token_request,
    .form = true,
    .answers = answers,
};

struct signing_in {
    struct hop *hop;
    char *username, *password, *peer;
    enum dg_err err;
    char *message, *token;
};

static void wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

static void signing_in_free(void *data)
{
    struct signing_in *s = data;
    free(s->username);
    wipe(s->password);
    free(s->peer);
    free(s->message);
    wipe(s->token);
    free(s);
}

static void on_issued(void *arg, const struct op_result *res)
{
    struct signing_in *s = arg;
    const struct dg_identity *identity = op_first(res, struct dg_identity);
    s->err = res->err;
    s->message = xstrdup(res->message);
    if (res->err == DG_OK && identity)
        s->token = xstrdup(identity->token);
    hop_done(s->hop);
}

static void run(struct hop *hop, void *data)
{
    struct signing_in *s = data;
    s->hop = hop;
    auth_issue(((struct api *)hop_app(hop))->auth, s->username, s->password, s->peer, on_issued, s);
}

static void back(struct request *req, void *data)
{
    struct signing_in *s = data;
    if (s->err == DG_EAUTH) { /* as documented: no WWW-Authenticate here */
        contact_center_problem(req, DG_EAUTH, "Invalid credentials");
        return;
    }
    if (s->err != DG_OK) {
        contact_center_problem(req, s->err, s->message);
        return;
    }
    struct buf json;
    struct json_writer w;
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    jw_str(&w, "access_token", s->token);
    jw_str(&w, "token_type", "bearer");
    jw_end(&w);
    reply_header(req, "cache-control", "no-store");
    reply_json(req, 200, &json);
    buf_free(&json);
}

static void too_many(struct request *req, unsigned retry_after_s)
{
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%u", retry_after_s);
    reply_header(req, "retry-after", seconds);
    reply_error(req, 429, "Too Many Requests");
}

void contact_center_token(struct request *req)
{
    struct api *api = api_of(req);
    unsigned retry_after_s = 0;
    if (!auth_token_rate(api->auth, request_peer(req), &retry_after_s)) {
        too_many(req, retry_after_s);
        return;
    }
    struct check *check = check_new(req);
    const json_t *form = check_form(check, &token_request);
    if (check_failed(check))
        return;
    if (api->store_disabled) {
        contact_center_problem(req, DG_EUNAVAILABLE, STORE_DISABLED_TEXT);
        return;
    }
    struct signing_in *s = xcalloc(1, sizeof *s);
    s->username = xstrdup(check_str(form, "username"));
    s->password = xstrdup(check_str(form, "password"));
    s->peer = xstrdup(request_peer(req));
    hop_start(req, s, run, back, signing_in_free);
}
