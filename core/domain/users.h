/* users.h - the people and programs that may sign in. [control thread]
 *
 * All users are in memory, read from the store at the start; a change is
 * written first and seen afterwards. Names are compared as they are (case
 * matters); ids are numbers given by the store. Every change but that of the
 * last sign-in raises MARK_USERS (data/marks.h), by which other gateways notice.
 *
 * The last active admin stays one: a change that would take it away is refused
 * with DG_EDENIED, whichever gateways are asked, at once or not.
 */
#ifndef DOMAIN_USERS_H
#define DOMAIN_USERS_H

#include "base/err.h"
#include "data/store.h"
#include "loop/loop.h"

struct users;

struct user {
    int64_t id;
    uint64_t version;
    char *username, *password_hash, *email, *full_name, *role; /* role "admin" or "user" */
    bool is_active, api_access;
    char *phone_extension;
    int64_t last_login_ms, created_at_ms, updated_at_ms; /* Unix time; 0: never */
    /* Another password or another name: a sign-in from before this time, which is a whole second,
     * does not count any more. 0: there was none. */
    int64_t signed_in_since_ms;
};

/* `user` is NULL unless err is DG_OK; lent for the call. */
typedef void users_fn(void *arg, enum dg_err err, const char *message, const struct user *user);

struct users *users_new(struct store *store, struct loop *loop);
/* Waits for what is under way, frees the users, calls `fn`; before store_free. */
void users_close(struct users *u, dg_fn *fn, void *arg);
void users_free(struct users *u); /* without waiting: callbacks do not come any more */
/* After the store is ready, and again after an import: replaces all. `user` is NULL. */
void users_load(struct users *u, users_fn *fn, void *arg);
bool users_loaded(const struct users *u);
const struct user *users_find(const struct users *u, const char *username); /* NULL: no such user */
const struct user *users_find_id(const struct users *u, int64_t id);        /* likewise */
size_t users_count(const struct users *u);
typedef void users_each_fn(void *arg, const struct user *user);
void users_each(const struct users *u, users_each_fn *fn, void *arg); /* by id */

/* As the store has them, newest first; limit 0: all. */
struct user_list {
    enum dg_err err;
    const char *message;
    const struct user *const *users; /* lent for the call */
    size_t count;
    uint64_t total;
};
typedef void user_list_fn(void *arg, const struct user_list *list);
void users_list(struct users *u, uint64_t offset, uint64_t limit, user_list_fn *fn, void *arg);

/* What a change sets; NULL and -1 leave alone. */
struct user_change {
    const char *username; /* another one; not for users_add */
    const char *password_hash, *email, *full_name, *role;
    int is_active, api_access;
    int64_t last_login_ms; /* 0: leave alone */
};
/* username 3..50 of [A-Za-z0-9._@-]; DG_EINVAL names the field, DG_ECONFLICT when taken. */
void users_add(struct users *u, const char *username, const struct user_change *set, users_fn *fn,
               void *arg);
void users_change(struct users *u, const char *username, const struct user_change *set,
                  users_fn *fn, void *arg);
void users_change_id(struct users *u, int64_t id, const struct user_change *set, users_fn *fn,
                     void *arg);
void users_delete(struct users *u, int64_t id, users_fn *fn, void *arg); /* `user` is NULL */

/* Called after every change of a user that may revoke something. One listener. */
void users_on_change(struct users *u, dg_fn *fn, void *arg);

#endif
