/* users.c - the people and programs that may sign in; see users.h.
 *
 * A change is built from the user as known, written under the version known,
 * and taken over when the store has it. If somebody else was faster, the user
 * is read again and the change applied to that.
 */
#include "domain/users.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/user_record.h"

#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-"
#define TRIES_MAX    5
#define ID_TEXT      24

struct users {
    struct store *store;
    struct loop *loop;
    struct map *by_name;
    struct user **by_id; /* ascending */
    size_t count, cap;
    bool loaded;
    struct link loads, edits; /* under way */
    dg_fn *on_change, *on_closed;
    void *on_change_arg, *on_closed_arg;
};

/* One users_add or users_change on its way through the store. */
struct edit {
    struct link link;
    struct users *users;
    char *username, *password_hash, *email, *full_name, *role; /* what to set */
    int is_active, api_access;
    int64_t last_login_ms;
    struct user *next; /* the user as it will be */
    unsigned tries;
    bool adds;
    enum dg_err refused; /* before anything was written */
    const char *refusal;
    users_fn *fn;
    void *arg;
};

/* ---- The users in memory ----------------------------------------------------- */

/* Where `id` stands or would stand. */
static size_t place_of(const struct users *u, int64_t id)
{
    size_t low = 0, high = u->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (u->by_id[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Takes `user` over, in the place of the one with its id if there is one. */
static void keep(struct users *u, struct user *user)
{
    size_t at = place_of(u, user->id);
    if (at < u->count && u->by_id[at]->id == user->id) {
        map_del(u->by_name, u->by_id[at]->username);
        user_free(u->by_id[at]);
    } else {
        if (u->count == u->cap)
            u->by_id = xrealloc(u->by_id, (u->cap = u->cap ? u->cap * 2 : 16) * sizeof *u->by_id);
        memmove(u->by_id + at + 1, u->by_id + at, (u->count - at) * sizeof *u->by_id);
        u->count++;
    }
    u->by_id[at] = user;
    map_set(u->by_name, user->username, user);
}

static void forget(struct users *u, const struct user *user)
{
    size_t at = place_of(u, user->id);
    map_del(u->by_name, user->username);
    user_free(u->by_id[at]);
    u->count--;
    memmove(u->by_id + at, u->by_id + at + 1, (u->count - at) * sizeof *u->by_id);
}

static void forget_all(struct users *u)
{
    map_free(u->by_name, NULL);
    u->by_name = map_new();
    for (size_t i = 0; i < u->count; i++)
        user_free(u->by_id[i]);
    u->count = 0;
}

struct users *users_new(struct store *store, struct loop *loop)
{
    struct users *u = xcalloc(1, sizeof *u);
    u->store = store;
    u->loop = loop;
    list_init(&u->loads);
    u->by_name = map_new();
    list_init(&u->edits);
    return u;
}

static void edit_free(struct edit *e)
{
    list_remove(&e->link);
    free(e->username);
    free(e->password_hash);
    free(e->email);
    free(e->full_name);
    free(e->role);
    user_free(e->next);
    free(e);
}

struct load {
    struct link link; /* in users.loads */
    struct users *users;
    users_fn *fn;
    void *arg;
};

static void load_free(struct load *load)
{
    list_remove(&load->link);
    free(load);
}

/* What is under way finds nobody any more when it comes back. */
void users_free(struct users *u)
{
    if (!u)
        return;
    while (!list_empty(&u->loads)) {
        struct load *load = list_item(u->loads.next, struct load, link);
        list_remove(&load->link);
        load->users = NULL;
    }
    while (!list_empty(&u->edits)) {
        struct edit *e = list_item(u->edits.next, struct edit, link);
        list_remove(&e->link);
        e->users = NULL;
    }
    forget_all(u);
    map_free(u->by_name, NULL);
    free(u->by_id);
    free(u);
}

static void on_closed(void *arg)
{
    struct users *u = arg;
    dg_fn *fn = u->on_closed;
    void *fn_arg = u->on_closed_arg;
    users_free(u);
    fn(fn_arg);
}

static void close_when_idle(struct users *u)
{
    if (u->on_closed && list_empty(&u->loads) && list_empty(&u->edits))
        loop_call(u->loop, on_closed, u);
}

void users_close(struct users *u, dg_fn *fn, void *arg)
{
    u->on_closed = fn;
    u->on_closed_arg = arg;
    close_when_idle(u);
}

bool users_loaded(const struct users *u)
{
    return u->loaded;
}

const struct user *users_find(const struct users *u, const char *username)
{
    return map_get(u->by_name, username);
}

size_t users_count(const struct users *u)
{
    return u->count;
}

void users_each(const struct users *u, users_each_fn *fn, void *arg)
{
    for (size_t i = 0; i < u->count; i++)
        fn(arg, u->by_id[i]);
}

void users_on_change(struct users *u, dg_fn *fn, void *arg)
{
    u->on_change = fn;
    u->on_change_arg = arg;
}

/* ---- Loading ------------------------------------------------------------------- */

static void keep_all(struct users *u, const struct op_result *res)
{
    forget_all(u);
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_doc *doc = res->items[i];
        json_t *json = json_parse(doc->json.ptr, doc->json.len, 8, NULL);
        struct user *user = json ? user_read(doc->id, doc->version, json) : NULL;
        json_decref(json);
        if (user)
            keep(u, user);
        else
            log_warn("users", "a document of the store is no user", LOG_S("id", doc->id));
    }
    u->loaded = true;
}

static void on_loaded(void *arg, const struct op_result *res)
{
    struct load *load = arg;
    struct users *u = load->users;
    if (u) {
        const bool again = u->loaded;
        if (res->err == DG_OK)
            keep_all(u, res);
        if (res->err == DG_OK && again && u->on_change)
            u->on_change(u->on_change_arg);
        load->fn(load->arg, res->err, res->message, NULL);
    }
    load_free(load);
    if (u)
        close_when_idle(u);
}

void users_load(struct users *u, users_fn *fn, void *arg)
{
    struct load *load = xcalloc(1, sizeof *load);
    *load = (struct load){.users = u, .fn = fn, .arg = arg};
    list_append(&u->loads, &load->link);
    store_query(u->store, &(struct dg_query){.collection = COLLECTION_USERS}, on_loaded, load);
}

/* ---- Changing -------------------------------------------------------------------- */

static bool email_ok(const char *email)
{
    const char *at = strchr(email, '@');
    return at && at != email && at[1] && !strchr(at + 1, '@') && strlen(email) <= 254 &&
           !strchr(email, ' ') && !str_has_control(email) && str_utf8(email, strlen(email));
}

/* NULL: nothing is wrong; else a sentence that begins with the field's name. */
static const char *refusal_of(const char *username, const struct user_change *set)
{
    size_t len = strlen(username);
    if (len < 3 || len > 50 || !str_only(username, NAME_LETTERS))
        return "username: 3 to 50 letters, digits or any of . _ @ -";
    if (set->role && !str_eq(set->role, "admin") && !str_eq(set->role, "user"))
        return "role: admin or user";
    if (!str_empty(set->email) && !email_ok(set->email))
        return "email: not an address";
    if (set->full_name && (strlen(set->full_name) > 200 || str_has_control(set->full_name) ||
                           !str_utf8(set->full_name, strlen(set->full_name))))
        return "full_name: at most 200 bytes without control characters";
    if (set->password_hash && (!*set->password_hash || strlen(set->password_hash) > 127))
        return "password: no hash";
    return NULL;
}

static void edit_end(struct edit *e, enum dg_err err, const char *message)
{
    struct users *u = e->users;
    if (u)
        e->fn(e->arg, err, message, err == DG_OK ? users_find(u, e->username) : NULL);
    edit_free(e);
    if (u)
        close_when_idle(u);
}

static void on_refused(void *arg)
{
    struct edit *e = arg;
    edit_end(e, e->refused, e->refusal);
}

/* Whoever asked is told on a later turn. */
static void edit_refuse(struct edit *e, enum dg_err err, const char *refusal)
{
    e->refused = err;
    e->refusal = refusal;
    loop_call(e->users->loop, on_refused, e);
}

static void set_text(char **place, const char *text)
{
    if (!text)
        return;
    free(*place);
    *place = *text ? xstrdup(text) : NULL;
}

static void edit_apply(const struct edit *e, struct user *user)
{
    set_text(&user->password_hash, e->password_hash);
    set_text(&user->email, e->email);
    set_text(&user->full_name, e->full_name);
    set_text(&user->role, e->role);
    if (e->is_active >= 0)
        user->is_active = e->is_active != 0;
    if (e->api_access >= 0)
        user->api_access = e->api_access != 0;
    if (e->last_login_ms)
        user->last_login_ms = e->last_login_ms;
    else
        user->updated_at_ms = clock_unix_ms();
}

/* Whether somebody who was let in before may have to stay outside now. */
static bool may_revoke(const struct user *before, const struct user *after)
{
    return !before || before->is_active != after->is_active ||
           before->api_access != after->api_access || !str_eq(before->role, after->role) ||
           !str_eq(before->password_hash, after->password_hash);
}

static void edit_write(struct edit *e);

static void on_reread(void *arg, const struct store_doc *doc)
{
    struct edit *e = arg;
    if (!e->users) {
        edit_free(e);
        return;
    }
    const struct user *known = users_find(e->users, e->username);
    if (doc->err == DG_ENOTFOUND && known)
        forget(e->users, known);
    struct user *user = doc->err == DG_OK ? user_read(doc->id, doc->version, doc->json) : NULL;
    if (!user) {
        if (doc->err == DG_OK)
            edit_end(e, DG_EINTERNAL, "the user's document cannot be read");
        else
            edit_end(e, doc->err, doc->err == DG_ENOTFOUND ? "no such user" : doc->message);
        return;
    }
    keep(e->users, user);
    edit_write(e);
}

/* Another gateway, or another edit of ours, was faster. */
static void edit_again(struct edit *e)
{
    char id[ID_TEXT];
    snprintf(id, sizeof id, "%" PRId64, e->next->id);
    store_get_json(e->users->store, COLLECTION_USERS, id, on_reread, e);
}

static void edit_take_over(struct edit *e, const char *id)
{
    struct users *u = e->users;
    struct user *user = e->next;
    e->next = NULL;
    user->version++;
    if (e->adds && !str_to_int(id, &user->id))
        log_error("users", "the store gave a strange id", LOG_S("id", id));
    bool revokes = may_revoke(e->adds ? NULL : users_find(u, user->username), user);
    keep(u, user);
    if (revokes && u->on_change)
        u->on_change(u->on_change_arg);
}

static void on_written(void *arg, const struct op_result *res)
{
    struct edit *e = arg;
    const char *id = op_first(res, char);
    if (!e->users) {
        edit_free(e);
    } else if (res->err == DG_ECONFLICT && e->adds) {
        edit_end(e, DG_ECONFLICT, "username: already taken");
    } else if (res->err == DG_ECONFLICT && ++e->tries < TRIES_MAX) {
        edit_again(e);
    } else if (res->err != DG_OK) {
        edit_end(e, res->err, res->message);
    } else {
        edit_take_over(e, id);
        edit_end(e, DG_OK, NULL);
    }
}

static void edit_write(struct edit *e)
{
    char id[ID_TEXT];
    struct buf json;
    const struct user *known = users_find(e->users, e->username);
    if (!e->adds && !known) {
        edit_refuse(e, DG_ENOTFOUND, "no such user");
        return;
    }
    if (!e->adds) {
        user_free(e->next);
        e->next = user_copy(known);
    }
    edit_apply(e, e->next);
    snprintf(id, sizeof id, "%" PRId64, e->next->id);
    buf_init(&json, BUF_MAX);
    user_write(e->next, &json);
    store_put(e->users->store, COLLECTION_USERS, e->adds ? NULL : id,
              (struct dg_bytes){json.ptr, json.len}, e->next->version, on_written, e);
    buf_free(&json);
}

static struct edit *edit_new(struct users *u, const char *username, const struct user_change *set,
                             users_fn *fn, void *arg)
{
    struct edit *e = xcalloc(1, sizeof *e);
    e->users = u;
    e->username = xstrdup(username);
    e->password_hash = xstrdup(set->password_hash);
    e->email = xstrdup(set->email);
    e->full_name = xstrdup(set->full_name);
    e->role = xstrdup(set->role);
    e->is_active = set->is_active;
    e->api_access = set->api_access;
    e->last_login_ms = set->last_login_ms;
    e->fn = fn;
    e->arg = arg;
    list_append(&u->edits, &e->link);
    return e;
}

void users_add(struct users *u, const char *username, const struct user_change *set, users_fn *fn,
               void *arg)
{
    struct edit *e = edit_new(u, username, set, fn, arg);
    const char *refusal = refusal_of(username, set);
    e->adds = true;
    if (refusal) {
        edit_refuse(e, DG_EINVAL, refusal);
    } else if (users_find(u, username)) {
        edit_refuse(e, DG_ECONFLICT, "username: already taken");
    } else {
        e->next = xcalloc(1, sizeof *e->next);
        e->next->username = xstrdup(username);
        e->next->role = xstrdup("user");
        e->next->is_active = e->next->api_access = true;
        e->next->created_at_ms = clock_unix_ms();
        e->next->version = DG_VERSION_NONE;
        edit_write(e);
    }
}

void users_change(struct users *u, const char *username, const struct user_change *set,
                  users_fn *fn, void *arg)
{
    struct edit *e = edit_new(u, username, set, fn, arg);
    const char *refusal = refusal_of(username, set);
    if (!users_find(u, username))
        edit_refuse(e, DG_ENOTFOUND, "no such user");
    else if (refusal)
        edit_refuse(e, DG_EINVAL, refusal);
    else
        edit_write(e);
}
