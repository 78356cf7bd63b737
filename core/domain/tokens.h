/* tokens.h - opaque tokens, by which programs act for a user. [control thread]
 *
 * A token is known by its SHA-256 alone, and looked up by that in the store:
 * nothing is kept in memory of those that are not being used, however many
 * there are. It opens while it is active and has not expired, and its user is
 * active and has api_access. When it was last used is written later, at most
 * once a minute, and many at a time.
 */
#ifndef DOMAIN_TOKENS_H
#define DOMAIN_TOKENS_H

#include "base/err.h"
#include "data/store.h"
#include "domain/users.h"
#include "loop/loop.h"

#define TOKEN_SIZE            65 /* of one made here: 64 hexadecimal digits and the NUL */
#define TOKEN_NAME_MAX        100
#define TOKEN_PERMISSIONS_MAX 100
#define TOKEN_PERMISSION_MAX  100

struct tokens;

struct token {
    int64_t id, user_id;
    char *name;
    char *shown;              /* "0123abcd...89ef4567" */
    const char **permissions; /* patterns (base/pattern.h); none: all that the user may do */
    size_t permission_count;
    bool is_active;
    int64_t last_used_ms, expires_at_ms, created_at_ms, updated_at_ms; /* 0: never */
};

struct tokens *tokens_new(struct store *store, struct loop *loop, struct users *users);
/* Writes what is still to be written, waits for what is under way, calls `fn`; before users_close
 * and store_free. */
void tokens_close(struct tokens *t, dg_fn *fn, void *arg);
/* Called after a token was revoked here. One listener. */
void tokens_on_revoked(struct tokens *t, dg_fn *fn, void *arg);

/* Could this be a token at all? 32 to 128 letters, digits or . _ ~ + / = - */
bool token_well_formed(const char *secret);

/* `token` and `user` are NULL unless err is DG_OK, and always for tokens_revoke; lent for the
 * call. Of a token that was added only the ids are set. */
typedef void token_fn(void *arg, enum dg_err err, const char *message, const struct token *token,
                      const struct user *user);

/* DG_EAUTH: it opens nothing. */
void tokens_check(struct tokens *t, const char *secret, token_fn *fn, void *arg);

struct token_request {
    int64_t user_id;
    const char *name; /* NULL: "API Token" */
    const char *const *permissions;
    size_t permission_count;
    int64_t expires_at_ms; /* 0: never */
    const char *secret;    /* the token; from token_make, or made elsewhere */
};
void token_make(char out[TOKEN_SIZE]);
/* DG_EINVAL names the field, DG_ENOTFOUND: no such user, DG_ECONFLICT: the token is there. */
void tokens_add(struct tokens *t, const struct token_request *req, token_fn *fn, void *arg);

struct token_list {
    enum dg_err err;
    const char *message;
    const struct token *const *tokens; /* newest first; lent for the call */
    size_t count;
    uint64_t total;
};
typedef void token_list_fn(void *arg, const struct token_list *list);
/* Of one user; 0: of all. */
void tokens_list(struct tokens *t, int64_t user_id, uint64_t offset, uint64_t limit,
                 token_list_fn *fn, void *arg);

/* From the moment that `fn` gets DG_OK it opens nothing here. `by`: a user who has to be its owner
 * or an admin, else DG_EDENIED; 0: whoever may. DG_ENOTFOUND: there is no such token. */
void tokens_revoke(struct tokens *t, int64_t id, int64_t by, token_fn *fn, void *arg);
/* Deletes those of a user that is gone: they open nothing any more. */
void tokens_delete_of(struct tokens *t, int64_t user_id);

#endif
