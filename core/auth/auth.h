/* auth.h - who is asking: chains of providers, one chain per kind of
 * credentials. [control thread, unless said otherwise]
 *
 * The providers of the core (jwt, api-key) stand behind dialgate/auth.h like
 * anybody's. A chain asks one provider after the other until one judges
 * (anything but DG_EUNSUPPORTED).
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "data/notes.h"
#include "domain/tokens.h"
#include "domain/users.h"
#include "http/route.h"
#include "plug/plug.h"

struct auth;

struct auth_config {
    struct plug *plug;
    struct loop *loop;
    struct users *users;   /* NULL: no store, users are not checked and nobody can sign in */
    struct tokens *tokens; /* NULL: likewise */
    struct notes *notes;   /* to other gateways on the store; NULL: there are none */
    struct metrics *metrics;
    const struct settings *settings; /* section [auth]; keys in auth_keys */
    bool debug;                      /* weak secrets only warn */
};

/* The keys of [auth]: secret_key, algorithm, public_key, jwt_issuer, jwt_audience, token_minutes,
 * token_rate, token_cache, bcrypt_cost, api_key, dev_api_key, chain (names of [auth.NAME]
 * instances of plugins that judge bearer tokens of /api/v2 before or after "jwt"; default ["jwt"]).
 */
extern const struct dg_cfg_key auth_keys[];

/* The section as auth_new would judge it, without making anything; false: `problem` says why not.
 */
bool auth_check(const struct settings *settings, bool debug, struct problem *problem);

/* Refuses a missing, short or placeholder secret with a sentence that says how to make one. */
struct auth *auth_new(const struct auth_config *config, struct problem *problem);
/* An opened third-party instance for the chain, in the place its name has there. It stays the
 * caller's, to close after auth_close or auth_free was called. */
bool auth_use(struct auth *a, struct instance *provider, struct problem *problem);
/* The first name of the chain that no provider was given for; NULL: complete. */
const char *auth_missing(const struct auth *a);
/* The section as it is to be from now on, all of it but the chain, whose names stay. Nothing
 * changes before auth_apply; that cannot fail. Who is being judged is judged by the keys of before.
 * A change is applied or cancelled (NULL is fine) before its settings are freed. Cached identities
 * are for the caller to forget. NULL: `problem` says why not. */
struct auth_change;
struct auth_change *auth_prepare(struct auth *a, const struct settings *settings, bool debug,
                                 struct problem *problem);
void auth_apply(struct auth_change *change);
void auth_cancel(struct auth_change *change);
/* Closes its own providers, then calls `fn` and is gone. The users are not touched after this
 * returns.
 */
void auth_close(struct auth *a, dg_fn *fn, void *arg);
void auth_free(struct auth *a); /* auth_close without waiting; NULL is fine */

/* An identify_fn (http/server.h). */
void auth_identify(void *auth, enum route_auth kind, const struct dg_credentials *c, op_fn *fn,
                   void *arg);
/* Sign in with user and password; yields 1 dg_identity with token. DG_EAUTH for unknown, inactive
 * and wrong alike, after the same work; DG_ELIMIT when too many hashes wait; DG_EUNAVAILABLE
 * without a store. */
void auth_issue(struct auth *a, const char *username, const char *password, const char *peer,
                op_fn *fn, void *arg);
/* Hashes a new password as the configuration says. `hash` NULL: DG_ELIMIT, too many wait. */
typedef void auth_hash_fn(void *arg, enum dg_err err, const char *hash);
void auth_hash(struct auth *a, const char *password, auth_hash_fn *fn, void *arg);
/* [any thread] May this address ask the token endpoint once more? Sliding window, every ask counts,
 * also those of the other gateways on the store, as soon as they are told of: within milliseconds,
 * and of a note that is lost never.
 * false: *retry_after_s says when. Bounded memory. */
bool auth_token_rate(struct auth *a, const char *peer, unsigned *retry_after_s);

/* A bcrypt hash ("$2b$", `cost` 4..15) of at most 72 bytes. [worker thread: it burns] */
bool password_hash(const char *password, unsigned cost, char out[128]);
/* Accepts $2a$, $2b$, $2y$. `hash` NULL: burns the same time and says false. [worker thread] */
bool password_verify(const char *password, const char *hash);
/* NULL: fine; else why not ("at most 72 bytes", "at least 8 characters"). */
const char *password_refusal(const char *password);

#endif
