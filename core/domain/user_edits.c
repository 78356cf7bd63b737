/* user_edits.c - adding, changing and deleting users; see users.h.
 *
 * A change is built from the user as known, written under the version known,
 * and taken over when the store has it. If somebody else was faster, the user
 * is read again and the change applied to that.
 *
 * What takes an active admin away is written under the version of MARK_USERS
 * too, as it was before the other admins were looked for: every change raises
 * it, so two admins that are taken away at once cannot both be.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/marks.h"
#include "domain/user_record.h"
#include "domain/users_private.h"

#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-"
#define TRIES_MAX    5
#define ID_TEXT      24

enum edit_kind { EDIT_ADD, EDIT_CHANGE, EDIT_DELETE };

struct edit {
    struct link link;
    struct users *users;
    enum edit_kind kind;
    int64_t id; /* of the user; 0: yet to be given */
    char *of;   /* its name, if it was asked for by that: another one's is not meant */
    char *username, *password_hash, *email, *full_name, *role; /* what to set */
    int is_active, api_access;
    int64_t last_login_ms;
    struct user *next; /* the user as it will be */
    uint64_t mark;     /* the version that MARK_USERS must have, or DG_VERSION_ANY */
    unsigned tries;
    enum dg_err refused; /* before anything was written */
    const char *refusal;
    users_fn *fn;
    void *arg;
};

static void edit_free(struct edit *e)
{
    list_remove(&e->link);
    free(e->of);
    free(e->username);
    free(e->password_hash);
    free(e->email);
    free(e->full_name);
    free(e->role);
    user_free(e->next);
    free(e);
}

void edit_cut(struct link *edit)
{
    struct edit *e = list_item(edit, struct edit, link);
    list_remove(&e->link);
    e->users = NULL;
}

static void edit_end(struct edit *e, enum dg_err err, const char *message)
{
    struct users *u = e->users;
    if (u)
        e->fn(e->arg, err, message, err == DG_OK ? users_find_id(u, e->id) : NULL);
    edit_free(e);
    if (u)
        users_close_when_idle(u);
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

/* true: the users are gone, and the edit with them. */
static bool edit_orphaned(struct edit *e)
{
    if (e->users)
        return false;
    edit_free(e);
    return true;
}

/* ---- What may be set ---------------------------------------------------------- */

static bool email_ok(const char *email)
{
    const char *at = strchr(email, '@');
    return at && at != email && at[1] && !strchr(at + 1, '@') && strlen(email) <= 254 &&
           !strchr(email, ' ') && !str_has_control(email) && str_utf8(email, strlen(email));
}

static bool name_ok(const char *username)
{
    size_t len = strlen(username);
    return len >= 3 && len <= 50 && str_only(username, NAME_LETTERS);
}

/* NULL: nothing is wrong; else a sentence that begins with the field's name. */
static const char *refusal_of(const struct user_change *set)
{
    if (set->username && !name_ok(set->username))
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

static bool taken(const struct users *u, const char *username, int64_t id)
{
    const struct user *other = username ? users_find(u, username) : NULL;
    return other && other->id != id;
}

static void set_text(char **place, const char *text)
{
    if (!text)
        return;
    free(*place);
    *place = *text ? xstrdup(text) : NULL;
}

/* Sign-ins tell their time in seconds, so they count from the next one on. Other gateways may know
 * the old password for a moment longer; and their clocks may be ahead. */
static void end_sign_ins(struct user *user)
{
    const int64_t last_ms = user->last_login_ms, now_ms = clock_unix_ms() + MARKS_EVERY_MS;
    user->signed_in_since_ms = ((last_ms > now_ms ? last_ms : now_ms) / 1000 + 1) * 1000;
}

static void set_credentials(const struct edit *e, struct user *user)
{
    const bool renames = e->username && !str_eq(e->username, user->username);
    if (e->kind == EDIT_CHANGE && (e->password_hash || renames))
        end_sign_ins(user);
    set_text(&user->password_hash, e->password_hash);
    set_text(&user->username, e->username);
}

static void edit_apply(const struct edit *e, struct user *user)
{
    set_credentials(e, user);
    set_text(&user->email, e->email);
    set_text(&user->full_name, e->full_name);
    set_text(&user->role, e->role);
    if (e->is_active >= 0)
        user->is_active = e->is_active != 0;
    if (e->api_access >= 0)
        user->api_access = e->api_access != 0;
    if (e->last_login_ms)
        user->last_login_ms = e->last_login_ms;
    else if (e->kind == EDIT_CHANGE)
        user->updated_at_ms = clock_unix_ms();
}

/* ---- Writing ------------------------------------------------------------------- */

static bool rules(const struct user *user)
{
    return user && user->is_active && str_eq(user->role, "admin");
}

/* Whether somebody who was let in before may have to stay outside now. `after` NULL: deleted. */
static bool may_revoke(const struct user *before, const struct user *after)
{
    return !before || !after || before->is_active != after->is_active ||
           before->api_access != after->api_access || !str_eq(before->role, after->role) ||
           !str_eq(before->username, after->username) ||
           !str_eq(before->password_hash, after->password_hash);
}

/* The time of a sign-in concerns nobody else. */
static bool marked(const struct edit *e)
{
    return !e->last_login_ms;
}

static void edit_write(struct edit *e);

static void on_reread(void *arg, const struct store_doc *doc)
{
    struct edit *e = arg;
    if (edit_orphaned(e))
        return;
    struct users *u = e->users;
    const struct user *known = users_find_id(u, e->id);
    /* Nobody has changed the user since he was copied: it is the name that is in the way. */
    const bool same = e->next && doc->err == DG_OK && e->next->version == doc->version;
    u->changes++;
    if (doc->err == DG_ENOTFOUND && known)
        users_forget(u, known);
    struct user *user = doc->err == DG_OK ? user_read(doc->id, doc->version, doc->json) : NULL;
    if (!user) {
        if (doc->err == DG_OK)
            edit_end(e, DG_EINTERNAL, "the user's document cannot be read");
        else
            edit_end(e, doc->err, doc->err == DG_ENOTFOUND ? "no such user" : doc->message);
        return;
    }
    const bool renames = e->username && !str_eq(e->username, user->username);
    users_keep(u, user);
    if (same && renames && e->mark == DG_VERSION_ANY)
        edit_end(e, DG_ECONFLICT, "username: already taken");
    else
        edit_write(e);
}

/* Another gateway, or another edit of ours, was faster. */
static void edit_again(struct edit *e)
{
    char id[ID_TEXT];
    snprintf(id, sizeof id, "%" PRId64, e->id);
    store_get_json(e->users->store, COLLECTION_USERS, id, on_reread, e);
}

static void edit_take_over(struct edit *e, const char *id)
{
    struct users *u = e->users;
    struct user *user = e->next;
    const struct user *known = users_find_id(u, e->id);
    e->next = NULL;
    if (e->kind == EDIT_ADD && str_to_int(id, &e->id))
        user->id = e->id;
    bool revokes = may_revoke(known, user);
    u->changes += marked(e);
    if (user) {
        user->version++;
        users_keep(u, user);
    } else if (known) {
        users_forget(u, known);
    }
    if (revokes && u->on_change)
        u->on_change(u->on_change_arg);
}

static void on_written(void *arg, const struct op_result *res)
{
    struct edit *e = arg;
    const char *id = op_first(res, char);
    if (edit_orphaned(e))
        return;
    if (res->err == DG_ECONFLICT && e->kind == EDIT_ADD) {
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

static void put_user(struct store_batch *b, const struct edit *e, const char *id)
{
    struct buf json;
    buf_init(&json, BUF_MAX);
    user_write(e->next, &json);
    store_batch_put(b, COLLECTION_USERS, e->kind == EDIT_ADD ? NULL : id,
                    (struct dg_bytes){json.ptr, json.len}, e->next->version);
    buf_free(&json);
}

static void edit_put(struct edit *e)
{
    char id[ID_TEXT];
    struct store_batch b;
    const struct user *known = users_find_id(e->users, e->id);
    if (e->kind == EDIT_DELETE && !known) { /* gone while the other admins were looked for */
        edit_refuse(e, DG_ENOTFOUND, "no such user");
        return;
    }
    snprintf(id, sizeof id, "%" PRId64, e->id);
    store_batch_init(&b);
    if (e->next)
        put_user(&b, e, id);
    else
        store_batch_delete(&b, COLLECTION_USERS, id, known->version);
    if (marked(e))
        mark_add(&b, MARK_USERS, e->mark);
    store_write(e->users->store, &b, on_written, e);
}

/* ---- Who takes an active admin away ------------------------------------------- */

static bool other_rules(const struct edit *e, const struct dg_doc *doc)
{
    json_t *json = json_parse(doc->json.ptr, doc->json.len, 8, NULL);
    struct user *user = json ? user_read(doc->id, doc->version, json) : NULL;
    bool other = user && user->id != e->id && rules(user);
    user_free(user);
    json_decref(json);
    return other;
}

static void on_admins(void *arg, const struct op_result *res)
{
    struct edit *e = arg;
    bool other = false;
    if (edit_orphaned(e))
        return;
    for (size_t i = 0; res->err == DG_OK && i < res->count; i++)
        other = other || other_rules(e, res->items[i]);
    if (res->err != DG_OK)
        edit_end(e, res->err, res->message);
    else if (!other)
        edit_end(e, DG_EDENIED, "this is the last active admin");
    else
        edit_put(e);
}

static void on_mark(void *arg, const struct store_doc *mark)
{
    static const struct dg_where where[] = {{"role", DG_EQ, "admin", 0},
                                            {"is_active", DG_EQ, "true", 0}};
    static const struct dg_query admins = {
        .collection = COLLECTION_USERS, .where = where, .where_count = 2, .limit = 2};
    struct edit *e = arg;
    if (edit_orphaned(e))
        return;
    if (mark->err != DG_OK && mark->err != DG_ENOTFOUND) {
        edit_end(e, mark->err, mark->message);
        return;
    }
    e->mark = mark->err == DG_OK ? mark->version : DG_VERSION_NONE;
    store_query(e->users->store, &admins, on_admins, e);
}

static void edit_write(struct edit *e)
{
    const struct user *known = users_find_id(e->users, e->id);
    if (e->kind != EDIT_ADD && (!known || (e->of && !str_eq(e->of, known->username)))) {
        edit_refuse(e, DG_ENOTFOUND, "no such user");
        return;
    }
    if (taken(e->users, e->username, e->id)) {
        edit_refuse(e, DG_ECONFLICT, "username: already taken");
        return;
    }
    if (e->kind == EDIT_CHANGE) {
        user_free(e->next);
        e->next = user_copy(known);
        edit_apply(e, e->next);
    }
    e->mark = DG_VERSION_ANY;
    if (rules(known) && !rules(e->next))
        store_get_json(e->users->store, COLLECTION_MARKS, MARK_USERS, on_mark, e);
    else
        edit_put(e);
}

/* ---- Beginning ---------------------------------------------------------------------- */

static struct edit *edit_new(struct users *u, enum edit_kind kind, const struct user_change *set,
                             users_fn *fn, void *arg)
{
    struct edit *e = xcalloc(1, sizeof *e);
    e->users = u;
    e->kind = kind;
    e->username = xstrdup(set->username);
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
    struct user_change all = *set;
    all.username = username;
    struct edit *e = edit_new(u, EDIT_ADD, &all, fn, arg);
    const char *refusal = refusal_of(&all);
    if (refusal) {
        edit_refuse(e, DG_EINVAL, refusal);
        return;
    }
    e->next = xcalloc(1, sizeof *e->next);
    e->next->role = xstrdup("user");
    e->next->is_active = e->next->api_access = true;
    e->next->created_at_ms = clock_unix_ms();
    e->next->version = DG_VERSION_NONE;
    edit_apply(e, e->next);
    edit_write(e);
}

static void change(struct users *u, int64_t id, const char *of, const struct user_change *set,
                   users_fn *fn, void *arg)
{
    struct edit *e = edit_new(u, EDIT_CHANGE, set, fn, arg);
    const char *refusal = refusal_of(set);
    e->id = id;
    e->of = xstrdup(of);
    if (!users_find_id(u, id))
        edit_refuse(e, DG_ENOTFOUND, "no such user");
    else if (refusal)
        edit_refuse(e, DG_EINVAL, refusal);
    else
        edit_write(e);
}

void users_change_id(struct users *u, int64_t id, const struct user_change *set, users_fn *fn,
                     void *arg)
{
    change(u, id, NULL, set, fn, arg);
}

void users_change(struct users *u, const char *username, const struct user_change *set,
                  users_fn *fn, void *arg)
{
    const struct user *user = users_find(u, username);
    change(u, user ? user->id : 0, username, set, fn, arg);
}

void users_delete(struct users *u, int64_t id, users_fn *fn, void *arg)
{
    static const struct user_change nothing = {.is_active = -1, .api_access = -1};
    struct edit *e = edit_new(u, EDIT_DELETE, &nothing, fn, arg);
    e->id = id;
    edit_write(e);
}
