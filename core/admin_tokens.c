/* admin_tokens.c - the control socket's verbs about tokens. */
#include <stdlib.h>
#include <string.h>

#include "admin_run.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define LIST_MAX 1000

/* {"ok":true, and what `write` adds} */
static void accept_with(struct admin_run *run,
                        void (*write)(struct json_writer *w, const void *arg), const void *arg)
{
    struct buf reply;
    struct json_writer w;
    buf_init(&reply, BUF_MAX);
    jw_init(&w, &reply);
    jw_object(&w, NULL);
    jw_bool(&w, "ok", true);
    if (write)
        write(&w, arg);
    jw_end(&w);
    admin_run_end(run, &reply);
    if (reply.ptr) /* it may hold a token */
        explicit_bzero(reply.ptr, reply.len);
    buf_free(&reply);
}

/* true: it was cancelled, or went wrong, and is over. */
static bool over(struct admin_run *run, enum dg_err err, const char *message)
{
    if (!run->config)
        admin_run_end(run, NULL);
    else if (err != DG_OK)
        admin_run_refuse(run, message);
    return !run->config || err != DG_OK;
}

/* ---- create, import -------------------------------------------------------------- */

struct adding {
    char secret[TOKEN_SIZE]; /* when it is made here */
    const char **permissions;
};

static void write_secret(struct json_writer *w, const void *secret)
{
    if (*(const char *)secret)
        jw_str(w, "token", secret);
}

static void on_added(void *arg, enum dg_err err, const char *message, const struct token *token,
                     const struct user *user)
{
    struct admin_run *run = arg;
    char secret[TOKEN_SIZE];
    struct adding *adding = run->own;
    const bool cancelled = !run->config;
    memcpy(secret, adding->secret, sizeof secret);
    explicit_bzero(adding->secret, sizeof adding->secret);
    free(adding->permissions);
    if (cancelled || err != DG_OK) {
        over(run, err, message);
    } else {
        log_info("admin", "done", LOG_S("verb", admin_run_verb(run)), LOG_I("token", token->id),
                 LOG_S("user", user ? user->username : NULL));
        accept_with(run, write_secret, secret);
    }
    explicit_bzero(secret, sizeof secret);
}

static const char **texts_of(const json_t *list)
{
    size_t i;
    json_t *one;
    const char **texts = xcalloc(json_array_size(list) + 1, sizeof *texts);
    json_array_foreach((json_t *)list, i, one) texts[i] = json_string_value(one);
    return texts;
}

static void add(struct admin_run *run, const char *secret)
{
    int64_t span_ms;
    struct adding *adding = run->own;
    const json_t *permissions = json_object_get(run->request, "permissions");
    const char *expires = json_get_str(run->request, "expires_at");
    const struct user *user = users_find(run->config->users, run->username);
    struct token_request req = {.user_id = user ? user->id : 0,
                                .name = json_get_str(run->request, "name"),
                                .permission_count = json_array_size(permissions),
                                .secret = secret};
    if (expires && !clock_parse_plain(expires, &req.expires_at_ms, &span_ms)) {
        admin_run_refuse_field(run, "expires", "must be a time, YYYY-MM-DD HH:MM:SS");
        return;
    }
    adding->permissions = texts_of(permissions);
    req.permissions = adding->permissions;
    tokens_add(run->config->tokens, &req, on_added, run);
}

void admin_token_create(struct admin_run *run)
{
    struct adding *adding = xcalloc(1, sizeof *adding);
    run->own = adding;
    token_make(adding->secret);
    add(run, adding->secret);
}

/* Made elsewhere: it is not sent back. */
void admin_token_import(struct admin_run *run)
{
    const char *secret = json_get_str(run->request, "token");
    run->own = xcalloc(1, sizeof(struct adding));
    add(run, secret ? secret : "");
}

/* ---- list ------------------------------------------------------------------------- */

struct shown_list {
    const struct token_list *list;
    const struct users *users;
};

static void write_token(struct json_writer *w, const struct token *token, const struct users *users)
{
    const struct user *user = users_find_id(users, token->user_id);
    jw_object(w, NULL);
    jw_int(w, "id", token->id);
    jw_str(w, "username", user ? user->username : NULL);
    jw_str(w, "token", token->shown);
    jw_str(w, "name", token->name);
    jw_array(w, "permissions");
    for (size_t i = 0; i < token->permission_count; i++)
        jw_str(w, NULL, token->permissions[i]);
    jw_end(w);
    jw_bool(w, "is_active", token->is_active);
    jw_time(w, "last_used", token->last_used_ms);
    jw_time(w, "expires_at", token->expires_at_ms);
    jw_time(w, "created_at", token->created_at_ms);
    jw_end(w);
}

static void write_tokens(struct json_writer *w, const void *arg)
{
    const struct shown_list *shown = arg;
    jw_array(w, "tokens");
    for (size_t i = 0; i < shown->list->count; i++)
        write_token(w, shown->list->tokens[i], shown->users);
    jw_end(w);
    jw_int(w, "total", (int64_t)shown->list->total);
}

static void on_list(void *arg, const struct token_list *list)
{
    struct admin_run *run = arg;
    if (over(run, list->err, list->message))
        return;
    const struct shown_list shown = {list, run->config->users};
    accept_with(run, write_tokens, &shown);
}

void admin_token_list(struct admin_run *run)
{
    const struct user *user = run->username ? users_find(run->config->users, run->username) : NULL;
    if (run->username && !user)
        admin_run_refuse(run, "no such user");
    else
        tokens_list(run->config->tokens, user ? user->id : 0, 0, LIST_MAX, on_list, run);
}

/* ---- revoke ----------------------------------------------------------------------- */

static void on_revoked(void *arg, enum dg_err err, const char *message, const struct token *token,
                       const struct user *user)
{
    struct admin_run *run = arg;
    (void)token;
    (void)user;
    if (over(run, err, message))
        return;
    log_info("admin", "done", LOG_S("verb", admin_run_verb(run)),
             LOG_S("token", json_get_str(run->request, "id")));
    accept_with(run, NULL, NULL);
}

void admin_token_revoke(struct admin_run *run)
{
    int64_t id;
    const char *text = json_get_str(run->request, "id");
    if (text && str_to_int(text, &id) && id > 0)
        tokens_revoke(run->config->tokens, id, 0, on_revoked, run);
    else
        admin_run_refuse_field(run, "id", "must be a number of the list");
}
