/* users.c - /api/users: people and programs, for admins. */
#include <stdlib.h>
#include <string.h>

#include "api/campaign_dialer/private.h"
#include "api/rules.h"
#include "auth/auth.h"
#include "base/str.h"

/* ---- A user as it is shown ------------------------------------------------------------ */

static void render_user(struct json_writer *w, const struct user *user)
{
    jw_object(w, NULL);
    jw_int(w, "id", user->id);
    jw_str(w, "username", user->username);
    jw_str(w, "email", user->email);
    jw_str(w, "full_name", user->full_name);
    jw_str(w, "role", user->role);
    jw_int(w, "is_active", user->is_active);
    jw_int(w, "api_access", user->api_access);
    dialer_time(w, "last_login", user->last_login_ms);
    dialer_time(w, "created_at", user->created_at_ms);
    dialer_time(w, "updated_at", user->updated_at_ms);
    jw_end(w);
}

/* ---- GET ------------------------------------------------------------------------------- */

static void on_list(void *arg, const struct user_list *list)
{
    static const char message[] = "Users retrieved successfully";
    struct dialer_task *t = arg;
    if (list->err != DG_OK) {
        task_fail(t, list->err, list->message);
        return;
    }
    struct json_writer *w = task_data(t);
    jw_array(w, NULL);
    for (size_t i = 0; i < list->count; i++)
        render_user(w, list->users[i]);
    jw_end(w);
    if (t->page.number)
        task_paged(t, message, list->total);
    else
        task_done(t, 200, message);
}

static void run_list(struct dialer_task *t)
{
    users_list(t->api->users, page_skip(&t->page), t->page.size, on_list, t);
}

void dialer_users_list(struct request *req)
{
    struct dialer_task *t = task_new(req);
    if (dialer_wants_pages(req))
        dialer_page(req, &t->page);
    task_start(req, t, run_list);
}

/* ---- POST and PUT ------------------------------------------------------------------------ */

static const char *rule_name(const char *name, const char *value)
{
    (void)name;
    return str_only(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-")
               ? NULL
               : "String should match pattern '^[A-Za-z0-9._@-]+$'";
}

static const char *rule_role(const char *name, const char *value)
{
    (void)name;
    return str_eq(value, "admin") || str_eq(value, "user") ? NULL : "Must be: admin or user";
}

static const char *rule_password(const char *name, const char *value)
{
    (void)name;
    return password_refusal(value);
}

/* clang-format off */
static const struct field user_fields[] = {
    {.name = "username", .kind = FIELD_STR, .required = true, .min = 3, .max = 50,
     .rule = rule_name, .pattern = "^[A-Za-z0-9._@-]+$", .example = "\"alice\""},
    {.name = "password", .kind = FIELD_STR, .required = true, .min = 8, .max = 72,
     .rule = rule_password, .help = "At most 72 bytes", .example = "\"correct horse battery\""},
    {.name = "email", .kind = FIELD_STR, .required = true, .min = 3, .max = 254,
     .rule = rule_printable, .example = "\"alice@example.com\""},
    {.name = "full_name", .kind = FIELD_STR, .max = 200, .rule = rule_printable,
     .example = "\"Alice Example\""},
    {.name = "role", .kind = FIELD_STR, .rule = rule_role, .pattern = "^(admin|user)$",
     .fallback = "\"user\"", .example = "\"user\""},
    {.name = "is_active", .kind = FIELD_INT, .max = 1, .fallback = "1", .example = "1"},
    {.name = "api_access", .kind = FIELD_INT, .max = 1, .fallback = "1", .example = "1",
     .help = "0: the user's tokens open nothing"},
    {0}};
/* clang-format on */
static const struct schema user_create = {"DialerUserCreate", "A new user", user_fields};

/* What an update may hold is the same, all of it optional. */
/* clang-format off */
static const struct field change_fields[] = {
    {.name = "username", .kind = FIELD_STR, .min = 3, .max = 50, .rule = rule_name,
     .pattern = "^[A-Za-z0-9._@-]+$", .example = "\"alice\""},
    {.name = "password", .kind = FIELD_STR, .min = 8, .max = 72, .rule = rule_password,
     .help = "At most 72 bytes; ends what was signed in with the one before",
     .example = "\"correct horse battery\""},
    {.name = "email", .kind = FIELD_STR, .min = 3, .max = 254, .rule = rule_printable,
     .example = "\"alice@example.com\""},
    {.name = "full_name", .kind = FIELD_STR, .max = 200, .rule = rule_printable,
     .example = "\"Alice Example\""},
    {.name = "role", .kind = FIELD_STR, .rule = rule_role, .pattern = "^(admin|user)$",
     .example = "\"user\""},
    {.name = "is_active", .kind = FIELD_INT, .max = 1, .example = "1"},
    {.name = "api_access", .kind = FIELD_INT, .max = 1, .example = "1"},
    {0}};
/* clang-format on */
static const struct schema user_update = {"DialerUserUpdate", "What is to change", change_fields};

struct saving {
    struct user_change set;
    const char *username, *password; /* NULL: not given */
    bool adds;
};

static struct saving *saving_of(struct dialer_task *t, const json_t *body, bool adds)
{
    struct saving *s = arena_alloc(t->arena, sizeof *s);
    *s = (struct saving){.adds = adds};
    s->username = arena_strdup(t->arena, check_str(body, "username"));
    s->password = arena_strdup(t->arena, check_str(body, "password"));
    s->set = (struct user_change){.username = adds ? NULL : s->username,
                                  .email = arena_strdup(t->arena, check_str(body, "email")),
                                  .full_name = arena_strdup(t->arena, check_str(body, "full_name")),
                                  .role = arena_strdup(t->arena, check_str(body, "role")),
                                  .is_active = dialer_flag(body, "is_active", -1),
                                  .api_access = dialer_flag(body, "api_access", -1)};
    return s;
}

static void refuse_last_admin(struct dialer_task *t, const char *message)
{
    task_refuse(t, 400, message, "user", "This is the last active admin");
}

static void on_saved(void *arg, enum dg_err err, const char *message, const struct user *user)
{
    struct dialer_task *t = arg;
    const struct saving *s = t->own;
    if (err == DG_ENOTFOUND) {
        task_refuse(t, 404, "User not found", NULL, NULL);
    } else if (err == DG_EDENIED) {
        refuse_last_admin(t, "Failed to update user");
    } else if (err == DG_ECONFLICT && !strstr(message, ": ")) {
        task_refuse(t, 400, "The user is being changed by others; try again", NULL, NULL);
    } else if (err != DG_OK) {
        task_fail(t, err, message);
    } else {
        render_user(task_data(t), user);
        task_done(t, s->adds ? 201 : 200,
                  s->adds ? "User created successfully" : "User updated successfully");
    }
}

static void save(struct dialer_task *t)
{
    const struct saving *s = t->own;
    if (!t->api->users)
        task_fail(t, DG_EUNAVAILABLE, "the gateway is stopping");
    else if (s->adds)
        users_add(t->api->users, s->username, &s->set, on_saved, t);
    else
        users_change_id(t->api->users, t->id, &s->set, on_saved, t);
}

static void on_hash(void *arg, enum dg_err err, const char *hash)
{
    struct dialer_task *t = arg;
    struct saving *s = t->own;
    if (s->password)
        explicit_bzero((char *)s->password, strlen(s->password));
    s->set.password_hash = arena_strdup(t->arena, hash);
    if (err == DG_OK)
        save(t);
    else
        task_fail(t, err, err == DG_ELIMIT ? "too many sign-ins wait already" : NULL);
}

static void run_save(struct dialer_task *t)
{
    const struct saving *s = t->own;
    /* Before the work, though it is looked at again behind it. */
    if (!s->adds && !users_find_id(t->api->users, t->id))
        task_refuse(t, 404, "User not found", NULL, NULL);
    else if (task_wrong(t))
        return;
    else if (s->adds && users_find(t->api->users, s->username))
        task_fail(t, DG_ECONFLICT, "username: already taken");
    else if (s->password)
        auth_hash(t->api->auth, s->password, on_hash, t);
    else
        save(t);
}

void dialer_users_create(struct request *req)
{
    const json_t *body = dialer_body(req, &user_create, BODY_CREATES);
    if (!body)
        return;
    struct dialer_task *t = task_new(req);
    t->own = saving_of(t, body, true);
    task_start(req, t, run_save);
}

void dialer_users_update(struct request *req)
{
    int64_t id;
    if (!dialer_id(req, "User not found", &id))
        return;
    struct dialer_task *t = task_new(req);
    t->id = id;
    t->own = saving_of(t, task_body(req, t, &user_update, BODY_UPDATES), false);
    task_start(req, t, run_save);
}

/* ---- DELETE ------------------------------------------------------------------------------- */

static void on_deleted(void *arg, enum dg_err err, const char *message, const struct user *user)
{
    struct dialer_task *t = arg;
    (void)user;
    if (err == DG_OK && t->api->tokens)
        tokens_delete_of(t->api->tokens, t->id);
    if (err == DG_ENOTFOUND)
        task_refuse(t, 404, "User not found", NULL, NULL);
    else if (err == DG_EDENIED)
        refuse_last_admin(t, "Failed to delete user");
    else if (err != DG_OK)
        task_fail(t, err, message);
    else
        task_done(t, 200, "User deleted successfully");
}

static void run_delete(struct dialer_task *t)
{
    users_delete(t->api->users, t->id, on_deleted, t);
}

void dialer_users_delete(struct request *req)
{
    int64_t id;
    if (!dialer_id(req, "User not found", &id))
        return;
    struct dialer_task *t = task_new(req);
    t->id = id;
    task_start(req, t, run_delete);
}

/* ---- Documentation -------------------------------------------------------------------- */

/* clang-format off */
static const struct field shown_fields[] = {
    {.name = "id", .kind = FIELD_INT, .required = true, .example = "2"},
    {.name = "username", .kind = FIELD_STR, .required = true, .example = "\"alice\""},
    {.name = "email", .kind = FIELD_STR, .example = "\"alice@example.com\""},
    {.name = "full_name", .kind = FIELD_STR, .example = "\"Alice Example\""},
    {.name = "role", .kind = FIELD_STR, .required = true, .example = "\"user\""},
    {.name = "is_active", .kind = FIELD_INT, .required = true, .example = "1"},
    {.name = "api_access", .kind = FIELD_INT, .required = true, .example = "1"},
    {.name = "last_login", .kind = FIELD_STR, .example = "\"2025-10-01 12:00:00\""},
    {.name = "created_at", .kind = FIELD_STR, .example = "\"2025-10-01 12:00:00\""},
    {.name = "updated_at", .kind = FIELD_STR, .example = "null"},
    {0}};
static const struct schema shown = {"DialerUser", "A user; never the password", shown_fields};
#define USER_DATA                                                                                  \
    {.name = "data", .kind = FIELD_OBJECT, .required = true, .help = "The user (DialerUser)",      \
     .example = "{\"id\":2,\"username\":\"alice\",\"email\":\"alice@example.com\"," \
                "\"full_name\":null,\"role\":\"user\",\"is_active\":1,\"api_access\":1," \
                "\"last_login\":null,\"created_at\":\"2025-10-01 12:00:00\",\"updated_at\":null}"}
static const struct field list_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "Users retrieved successfully"),
    {.name = "data", .kind = FIELD_LIST, .required = true, .of = &shown},
    DIALER_PAGINATION_FIELD,
    {0}};
static const struct field created_fields[] = {
    DIALER_SUCCESS_FIELDS("201", "User created successfully"), USER_DATA, {0}};
static const struct field updated_fields[] = {
    DIALER_SUCCESS_FIELDS("200", "User updated successfully"), USER_DATA, {0}};
static const struct field page_params[] = {PAGE_NUMBER_FIELD, PAGE_SIZE_FIELD, {0}};
/* clang-format on */
static const struct schema list_answer = {"DialerUsers", "Users, newest first", list_fields};
static const struct schema created_answer = {"DialerUserCreated", "The new user", created_fields};
static const struct schema updated_answer = {"DialerUserUpdated", "The user as it is now",
                                             updated_fields};

static const struct route_answer list_answers[] = {
    {200, "The users", &list_answer, NULL, NULL}, DIALER_REFUSALS, {0}};
static const struct route_answer create_answers[] = {
    {201, "The new user", &created_answer, NULL, NULL},
    {400, "A field is missing or wrong, or the name is taken", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};
static const struct route_answer update_answers[] = {
    {200, "The user", &updated_answer, NULL, NULL},
    {400, "Nothing to change, a field is wrong, or it is the last active admin", &dialer_error,
     NULL, NULL},
    {404, "There is no such user", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};
static const struct route_answer delete_answers[] = {
    {200, "The user and its tokens are gone", &dialer_done, NULL, NULL},
    {400, "It is the last active admin", &dialer_error, NULL, NULL},
    {404, "There is no such user", &dialer_error, NULL, NULL},
    DIALER_REFUSALS,
    {0}};

const struct route_doc dialer_users_list_doc = {
    .id = "list_users",
    .tag = DIALER_TAG_USERS,
    .summary = "All users, newest first",
    .help = "With `page` or `per_page` a page of them, with `pagination` in the place of `code`.",
    .params = page_params,
    .answers = list_answers,
};
const struct route_doc dialer_users_create_doc = {
    .id = "create_user",
    .tag = DIALER_TAG_USERS,
    .summary = "Add a user",
    .body = &user_create,
    .answers = create_answers,
};
const struct route_doc dialer_users_update_doc = {
    .id = "update_user",
    .tag = DIALER_TAG_USERS,
    .summary = "Change a user",
    .help = "A user that is not active any more, or has no access to the API, is out at once; so "
            "is, after a new password, who signed in with the old one. The last active admin "
            "stays one.",
    .params = dialer_id_param,
    .body = &user_update,
    .answers = update_answers,
};
const struct route_doc dialer_users_delete_doc = {
    .id = "delete_user",
    .tag = DIALER_TAG_USERS,
    .summary = "Delete a user and its tokens",
    .params = dialer_id_param,
    .answers = delete_answers,
};
