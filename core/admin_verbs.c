/* admin_verbs.c - the verbs of the control socket; see admin_verbs.h. */
#include "admin_run.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum needs { NEEDS_NOTHING, NEEDS_STORE, NEEDS_USER };

struct admin_verb {
    const char *name;
    void (*run)(struct admin_run *run);
    enum needs needs;
};

/* ---- Answering --------------------------------------------------------------- */

void admin_refusal(struct buf *out, const char *why)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_bool(&w, "ok", false);
    jw_str(&w, "error", why);
    jw_end(&w);
}

static void run_free(struct admin_run *run)
{
    if (run->password)
        explicit_bzero((char *)run->password, strlen(run->password));
    if (run->ended)
        *run->ended = true;
    explicit_bzero(run->hash, sizeof run->hash);
    free(run->own);
    json_decref(run->request);
    free(run);
}

void admin_run_end(struct admin_run *run, const struct buf *reply)
{
    if (run->config)
        run->fn(run->arg, reply);
    run_free(run);
}

void admin_run_refuse(struct admin_run *run, const char *why)
{
    struct buf reply;
    buf_init(&reply, BUF_MAX);
    admin_refusal(&reply, why);
    admin_run_end(run, &reply);
    buf_free(&reply);
}

void admin_run_refuse_field(struct admin_run *run, const char *field, const char *why)
{
    char *text = xasprintf("%s: %s", field, why);
    admin_run_refuse(run, text);
    free(text);
}

const char *admin_run_verb(const struct admin_run *run)
{
    return run->verb->name;
}

static void write_user(struct json_writer *w, const char *key, const struct user *user)
{
    jw_object(w, key);
    jw_int(w, "id", user->id);
    jw_str(w, "username", user->username);
    jw_str(w, "email", user->email);
    jw_str(w, "full_name", user->full_name);
    jw_str(w, "role", user->role);
    jw_bool(w, "is_active", user->is_active);
    jw_bool(w, "api_access", user->api_access);
    jw_time(w, "last_login", user->last_login_ms);
    jw_time(w, "created_at", user->created_at_ms);
    jw_end(w);
}

/* Answers {"ok":true} with `user` beside it, if there is one. */
static void accept_with(struct admin_run *run, const struct user *user)
{
    struct buf reply;
    struct json_writer w;
    buf_init(&reply, BUF_MAX);
    jw_init(&w, &reply);
    jw_object(&w, NULL);
    jw_bool(&w, "ok", true);
    if (user)
        write_user(&w, "user", user);
    jw_end(&w);
    admin_run_end(run, &reply);
    buf_free(&reply);
}

static const struct user_change nothing = {.is_active = -1, .api_access = -1};

/* ---- Users ------------------------------------------------------------------- */

static void on_user(void *arg, enum dg_err err, const char *message, const struct user *user)
{
    struct admin_run *run = arg;
    if (!run->config) {
        run_free(run);
    } else if (err != DG_OK) {
        admin_run_refuse(run, message);
    } else {
        log_info("admin", "done", LOG_S("verb", run->verb->name), LOG_S("user", user->username));
        accept_with(run, user);
    }
}

static void hash_work(void *arg)
{
    struct admin_run *run = arg;
    if (!password_hash(run->password, run->bcrypt_cost, run->hash))
        run->hash[0] = '\0';
}

static void hash_done(void *arg)
{
    struct admin_run *run = arg;
    if (!run->config) {
        run_free(run);
        return;
    }
    if (!run->hash[0]) {
        admin_run_refuse(run, "the password could not be hashed");
        return;
    }
    run->set.password_hash = run->hash;
    if (run->adds)
        users_add(run->config->users, run->username, &run->set, on_user, run);
    else
        users_change(run->config->users, run->username, &run->set, on_user, run);
}

static void run_with_password(struct admin_run *run, bool adds)
{
    const char *refusal = run->password ? password_refusal(run->password) : "is missing";
    const bool there = users_find(run->config->users, run->username) != NULL;
    run->adds = adds;
    if (refusal)
        admin_run_refuse_field(run, "password", refusal);
    else if (there && adds)
        admin_run_refuse_field(run, "username", "already taken");
    else if (!there && !adds)
        admin_run_refuse(run, "no such user");
    else if (!loop_work(run->config->loop, LANE_CPU, hash_work, hash_done, run))
        admin_run_refuse(run, "too many sign-ins wait already; try again");
}

static void user_add(struct admin_run *run)
{
    run_with_password(run, true);
}

static void user_passwd(struct admin_run *run)
{
    run->set = nothing;
    run_with_password(run, false);
}

static void user_switch(struct admin_run *run, int is_active)
{
    run->set = nothing;
    run->set.is_active = is_active;
    users_change(run->config->users, run->username, &run->set, on_user, run);
}

static void user_disable(struct admin_run *run)
{
    user_switch(run, 0);
}

static void user_enable(struct admin_run *run)
{
    user_switch(run, 1);
}

static void list_one(void *arg, const struct user *user)
{
    write_user(arg, NULL, user);
}

static void user_list(struct admin_run *run)
{
    struct buf reply;
    struct json_writer w;
    buf_init(&reply, BUF_MAX);
    jw_init(&w, &reply);
    jw_object(&w, NULL);
    jw_bool(&w, "ok", true);
    jw_array(&w, "users");
    users_each(run->config->users, list_one, &w);
    jw_end(&w);
    jw_end(&w);
    admin_run_end(run, &reply);
    buf_free(&reply);
}

/* ---- The gateway ------------------------------------------------------------- */

static void on_reloaded(void *arg, bool done, const char *text)
{
    struct admin_run *run = arg;
    struct buf reply;
    struct json_writer w;
    buf_init(&reply, BUF_MAX);
    jw_init(&w, &reply);
    jw_object(&w, NULL);
    jw_bool(&w, "ok", done);
    jw_str(&w, done ? "notes" : "error", text);
    jw_end(&w);
    admin_run_end(run, &reply);
    buf_free(&reply);
}

static void reload(struct admin_run *run)
{
    const struct admin_config *config = run->config;
    if (config->reload)
        config->reload(config->arg, on_reloaded, run);
    else
        admin_run_refuse(run, "no gateway is running");
}

/* ---- The table ---------------------------------------------------------------- */

static const struct admin_verb verbs[] = {
    {"counts.check", admin_counts_check, NEEDS_STORE},
    {"reload", reload, NEEDS_NOTHING},
    {"token.create", admin_token_create, NEEDS_USER},
    {"token.import", admin_token_import, NEEDS_USER},
    {"token.list", admin_token_list, NEEDS_STORE},
    {"token.revoke", admin_token_revoke, NEEDS_STORE},
    {"user.add", user_add, NEEDS_USER},
    {"user.disable", user_disable, NEEDS_USER},
    {"user.enable", user_enable, NEEDS_USER},
    {"user.list", user_list, NEEDS_STORE},
    {"user.passwd", user_passwd, NEEDS_USER},
};

static const struct admin_verb *verb_find(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (str_eq(verbs[i].name, name))
            return &verbs[i];
    return NULL;
}

static bool all_text(const json_t *list)
{
    size_t i;
    json_t *one;
    json_array_foreach((json_t *)list, i, one)
    {
        if (!json_is_string(one))
            return false;
    }
    return json_is_array(list);
}

/* Every member of a request is text, or a list of texts for what there may be several of. */
static const char *misfit(const json_t *request)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)request, key, value)
    {
        if (str_eq(key, "permissions") ? !all_text(value) : !json_is_string(value))
            return "every member of a request must be text";
    }
    return json_is_object(request) ? NULL : "a request must be a JSON object";
}

static const char *refusal_of(const struct admin_config *config, const struct admin_verb *verb,
                              const json_t *request)
{
    const char *wrong = misfit(request);
    if (wrong)
        return wrong;
    if (!verb)
        return "no such verb";
    if (verb->needs != NEEDS_NOTHING && !config->users)
        return STORE_DISABLED_TEXT;
    if (verb->needs == NEEDS_USER && !json_get_str(request, "username"))
        return "username: is missing";
    return NULL;
}

struct admin_run *admin_run(const struct admin_config *config, const json_t *request,
                            admin_reply_fn *fn, void *arg)
{
    struct admin_run *run = xcalloc(1, sizeof *run);
    bool ended = false;
    run->config = config;
    run->verb = verb_find(json_get_str(request, "verb"));
    run->request = json_deep_copy(request);
    run->username = json_get_str(run->request, "username");
    run->password = json_get_str(run->request, "password");
    run->set = nothing;
    run->set.role = json_get_str(run->request, "role");
    run->set.email = json_get_str(run->request, "email");
    run->set.full_name = json_get_str(run->request, "full_name");
    run->bcrypt_cost = config->bcrypt_cost;
    run->ended = &ended;
    run->fn = fn;
    run->arg = arg;
    const char *refusal = refusal_of(config, run->verb, run->request);
    if (refusal)
        admin_run_refuse(run, refusal);
    else
        run->verb->run(run);
    if (ended)
        return NULL;
    run->ended = NULL;
    return run;
}

void admin_run_cancel(struct admin_run *run)
{
    run->config = NULL;
}
