/* user_record.c - a user and its document in the store; see user_record.h. */
#include "domain/user_record.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

void user_free(struct user *user)
{
    if (!user)
        return;
    free(user->username);
    free(user->password_hash);
    free(user->email);
    free(user->full_name);
    free(user->role);
    free(user->phone_extension);
    free(user);
}

struct user *user_copy(const struct user *from)
{
    struct user *user = xmalloc(sizeof *user);
    *user = *from;
    user->username = xstrdup(from->username);
    user->password_hash = xstrdup(from->password_hash);
    user->email = xstrdup(from->email);
    user->full_name = xstrdup(from->full_name);
    user->role = xstrdup(from->role);
    user->phone_extension = xstrdup(from->phone_extension);
    return user;
}

void user_write(const struct user *user, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "username", user->username);
    jw_str(&w, "password_hash", user->password_hash);
    jw_str(&w, "email", user->email);
    jw_str(&w, "full_name", user->full_name);
    jw_str(&w, "role", user->role);
    jw_bool(&w, "is_active", user->is_active);
    jw_bool(&w, "api_access", user->api_access);
    jw_str(&w, "phone_extension", user->phone_extension);
    jw_int(&w, "last_login", user->last_login_ms);
    jw_int(&w, "created_at", user->created_at_ms);
    jw_int(&w, "updated_at", user->updated_at_ms);
    jw_int(&w, "signed_in_since", user->signed_in_since_ms);
    jw_end(&w);
}

struct user *user_read(const char *id_text, uint64_t version, const json_t *json)
{
    int64_t id;
    const char *name = json_get_str(json, "username"), *role = json_get_str(json, "role");
    if (str_empty(name) || !str_to_int(id_text, &id))
        return NULL;
    struct user *user = xcalloc(1, sizeof *user);
    user->id = id;
    user->version = version;
    user->username = xstrdup(name);
    user->password_hash = xstrdup(json_get_str(json, "password_hash"));
    user->email = xstrdup(json_get_str(json, "email"));
    user->full_name = xstrdup(json_get_str(json, "full_name"));
    user->role = xstrdup(str_eq(role, "admin") ? "admin" : "user");
    user->is_active = json_get_bool(json, "is_active", false);
    user->api_access = json_get_bool(json, "api_access", false);
    user->phone_extension = xstrdup(json_get_str(json, "phone_extension"));
    user->last_login_ms = json_get_int(json, "last_login", 0);
    user->created_at_ms = json_get_int(json, "created_at", 0);
    user->updated_at_ms = json_get_int(json, "updated_at", 0);
    user->signed_in_since_ms = json_get_int(json, "signed_in_since", 0);
    return user;
}
