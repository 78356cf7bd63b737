/* token_record.c - see token_record.h. */
#include "domain/token_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/str.h"

#define SHOWN_LETTERS 8  /* at either end, */
#define SHOWN_SHORT   4  /* or so many of one that is */
#define SHORT_BELOW   48 /* shorter than this: the rest must not be guessed */

char *token_shown(const char *secret)
{
    const size_t len = strlen(secret);
    const int ends = len < SHORT_BELOW ? SHOWN_SHORT : SHOWN_LETTERS;
    return xasprintf("%.*s...%s", ends, secret, secret + len - ends);
}

static void write_permissions(struct json_writer *w, const struct token_request *req)
{
    if (!req->permission_count) {
        jw_null(w, "permissions");
        return;
    }
    jw_array(w, "permissions");
    for (size_t i = 0; i < req->permission_count; i++)
        jw_str(w, NULL, req->permissions[i]);
    jw_end(w);
}

static void write_time(struct json_writer *w, const char *key, int64_t unix_ms)
{
    if (unix_ms)
        jw_int(w, key, unix_ms);
    else
        jw_null(w, key);
}

void token_write(const struct token_request *req, int64_t now_ms, struct buf *out)
{
    struct json_writer w;
    char digest[DIGEST_SIZE];
    char *shown = token_shown(req->secret);
    digest_hex(req->secret, strlen(req->secret), digest);
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "digest", digest);
    jw_str(&w, "shown", shown);
    jw_int(&w, "user_id", req->user_id);
    jw_str(&w, "name", req->name);
    write_permissions(&w, req);
    jw_bool(&w, "is_active", true);
    jw_null(&w, "last_used");
    write_time(&w, "expires_at", req->expires_at_ms);
    jw_int(&w, "created_at", now_ms);
    jw_null(&w, "updated_at");
    jw_end(&w);
    free(shown);
}

static void read_permissions(struct token *token, const json_t *list)
{
    size_t i;
    json_t *one;
    token->permissions = xcalloc(json_array_size(list) + 1, sizeof *token->permissions);
    json_array_foreach((json_t *)list, i, one)
    {
        if (json_is_string(one))
            token->permissions[token->permission_count++] = xstrdup(json_string_value(one));
    }
}

struct token *token_read(const char *id_text, const json_t *json)
{
    int64_t id;
    const json_t *permissions = json_object_get(json, "permissions");
    /* One that is restricted by something unreadable must not become one that is not. */
    const bool readable = !permissions || json_is_null(permissions) || json_is_array(permissions);
    if (!json_get_str(json, "digest") || !readable || !str_to_int(id_text, &id))
        return NULL;
    struct token *token = xcalloc(1, sizeof *token);
    token->id = id;
    token->user_id = json_get_int(json, "user_id", 0);
    token->name = xstrdup(json_get_str(json, "name"));
    token->shown = xstrdup(json_get_str(json, "shown"));
    token->is_active = json_get_bool(json, "is_active", false);
    token->last_used_ms = json_get_int(json, "last_used", 0);
    token->expires_at_ms = json_get_int(json, "expires_at", 0);
    token->created_at_ms = json_get_int(json, "created_at", 0);
    token->updated_at_ms = json_get_int(json, "updated_at", 0);
    read_permissions(token, permissions);
    if (json_array_size(permissions) == token->permission_count)
        return token;
    token_free(token);
    return NULL;
}

void token_free(struct token *token)
{
    if (!token)
        return;
    for (size_t i = 0; i < token->permission_count; i++)
        free((char *)token->permissions[i]);
    free(token->permissions);
    free(token->name);
    free(token->shown);
    free(token);
}
