/* task.c - from a handler to the control thread and back into the envelope. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/campaign_dialer/private.h"
#include "base/str.h"

static void copy_identity(struct dialer_task *t, const struct identity *who)
{
    const char **scopes = arena_alloc(t->arena, (who->scope_count + 1) * sizeof *scopes);
    for (size_t i = 0; i < who->scope_count; i++)
        scopes[i] = arena_strdup(t->arena, who->scopes[i]);
    t->identity = (struct identity){.subject = arena_strdup(t->arena, who->subject),
                                    .tenant = arena_strdup(t->arena, who->tenant),
                                    .role = arena_strdup(t->arena, who->role),
                                    .scopes = scopes,
                                    .scope_count = who->scope_count};
}

struct dialer_task *task_new(struct request *req)
{
    struct dialer_task *t = xcalloc(1, sizeof *t);
    t->arena = arena_new();
    buf_init(&t->data, BUF_MAX);
    copy_identity(t, request_identity(req));
    return t;
}

void task_free(void *data)
{
    struct dialer_task *t = data;
    if (t->data.ptr) /* it may hold a new token */
        explicit_bzero(t->data.ptr, t->data.len);
    buf_free(&t->data);
    json_decref(t->errors);
    json_decref(t->wrong.errors);
    free(t->wrong.message);
    free(t->upload);
    arena_free(t->arena);
    free(t);
}

static void run(struct hop *hop, void *data)
{
    struct dialer_task *t = data;
    t->hop = hop;
    t->api = hop_app(hop);
    if (t->api->users)
        t->run(t);
    else
        task_fail(t, DG_EUNAVAILABLE, "the gateway is stopping");
}

static void render(struct json_writer *w, const struct dialer_task *t)
{
    jw_object(w, NULL);
    jw_bool(w, "success", true);
    if (!t->paged)
        jw_int(w, "code", t->status);
    if (t->message)
        jw_str(w, "message", t->message);
    if (t->data.len)
        jw_raw(w, "data", t->data.ptr, t->data.len);
    if (t->paged)
        page_write(w, &t->page, t->total);
    if (t->placed)
        jw_str(w, "next_cursor", *t->next ? t->next : NULL);
    jw_end(w);
}

static void refuse(struct request *req, const struct dialer_task *t)
{
    char seconds[16];
    if (t->retry_s) {
        snprintf(seconds, sizeof seconds, "%u", t->retry_s);
        reply_header(req, "Retry-After", seconds);
    }
    dialer_refuse(req, t->status, t->message, t->errors ? json_incref((json_t *)t->errors) : NULL);
}

static void back(struct request *req, void *data)
{
    struct dialer_task *t = data;
    struct buf body;
    struct json_writer w;
    if (t->status >= 400) {
        refuse(req, t);
        return;
    }
    /* Nobody on the way may keep it: the token may have been in the address, and be all that was
     * asked for. */
    reply_header(req, "Cache-Control", "no-store");
    buf_init(&body, BUF_MAX);
    jw_init(&w, &body);
    if (t->data.over)
        body.over = true;
    else
        render(&w, t);
    reply_json(req, t->status, &body);
    if (body.ptr)
        explicit_bzero(body.ptr, body.len);
    buf_free(&body);
}

void task_start(struct request *req, struct dialer_task *t, void (*fn)(struct dialer_task *t))
{
    t->run = fn;
    hop_start(req, t, run, back, task_free);
}

const json_t *task_body(struct request *req, struct dialer_task *t, const struct schema *schema,
                        enum dialer_body kind)
{
    return dialer_judge(req, schema, kind, &t->wrong);
}

const struct user *task_user(struct dialer_task *t)
{
    const struct user *user = users_find(t->api->users, t->identity.subject);
    if (!user)
        task_refuse(t, 401, "Invalid or expired token", NULL, NULL);
    return user;
}

/* ---- The end ------------------------------------------------------------------------- */

struct json_writer *task_data(struct dialer_task *t)
{
    jw_init(&t->writer, &t->data);
    return &t->writer;
}

static void end(struct dialer_task *t, int status, const char *message)
{
    t->status = status;
    t->message = arena_strdup(t->arena, message);
    hop_done(t->hop);
}

void task_done(struct dialer_task *t, int status, const char *message)
{
    end(t, status, message);
}

void task_next(struct dialer_task *t, int64_t at, const char *id)
{
    snprintf(t->next, sizeof t->next, "%lld%s%s", (long long)at, id ? "-" : "", id ? id : "");
}

void task_paged(struct dialer_task *t, const char *message, uint64_t total)
{
    t->paged = true;
    t->total = total;
    end(t, 200, message);
}

void task_refuse(struct dialer_task *t, int status, const char *message, const char *field,
                 const char *why)
{
    if (field)
        t->errors = json_pack("{s:s}", field, why);
    end(t, status, message);
}

void task_fail(struct dialer_task *t, enum dg_err err, const char *message)
{
    const char *colon = message ? strstr(message, ": ") : NULL;
    const bool named = colon && (err == DG_EINVAL || err == DG_ECONFLICT);
    int status = err == DG_ECONFLICT ? 400 : err_http_status(err);
    t->retry_s = err == DG_EUNAVAILABLE ? 5 : err == DG_ELIMIT ? 1 : 0;
    if (!named) {
        task_refuse(t, status, message ? message : err_name(err), NULL, NULL);
        return;
    }
    char *field = arena_strdup(t->arena, message);
    field[colon - message] = '\0';
    char *text = xasprintf("Invalid %s. %s", field, colon + 2);
    task_refuse(t, status, text, field, colon + 2);
    free(text);
}

bool task_wrong(struct dialer_task *t)
{
    if (!t->wrong.message)
        return false;
    t->errors = json_incref(t->wrong.errors);
    end(t, 400, t->wrong.message);
    return true;
}
