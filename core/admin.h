/* admin.h - the control socket: the command line's door into a running gateway.
 * [control thread]
 *
 * Requests are lines of JSON, {"verb":"user.add",...}; each is answered with one
 * line, {"ok":true,...} or {"ok":false,"error":"..."}. After {"verb":"export"}
 * come the documents, a line each (data/transfer.h), and the answer last. After
 * {"verb":"import"} the client sends documents until it closes its side; then
 * comes the answer. {"verb":"numbers.import",...} is likewise, with a file of
 * numbers (domain/number_reader.h).
 *
 * The socket belongs to its owner alone (mode 0600), and a peer must be the
 * same user or root.
 */
#ifndef ADMIN_H
#define ADMIN_H

#include "base/err.h"
#include "data/store.h"
#include "domain/ledger.h"
#include "domain/tokens.h"
#include "domain/users.h"
#include "loop/loop.h"

struct admin;

/* The end of a reload. `text`: what is wrong, or what remains to be said; lines. */
typedef void admin_reload_fn(void *arg, bool done, const char *text);

struct admin_config {
    struct loop *loop;
    const char *path; /* of the socket; NULL: no socket, only admin_serve */
    struct store *store;
    struct users *users;   /* NULL: no store */
    struct tokens *tokens; /* likewise */
    struct ledger *ledger; /* likewise */
    unsigned bcrypt_cost;
    /* With `arg`; calls `fn` once, later. NULL: there is nothing to reload. */
    void (*reload)(void *arg, admin_reload_fn *fn, void *fn_arg);
    /* Likewise: numbers were added to a campaign. NULL: nobody dials. */
    void (*numbers_added)(void *arg, int64_t campaign);
    void *arg;
};

/* A socket that nobody listens on any more is replaced. NULL: `problem` says why not. */
struct admin *admin_start(const struct admin_config *config, struct problem *problem);
void admin_hash_cost(struct admin *a, unsigned bcrypt_cost); /* of passwords from now on */
/* Closes every connection; requests under way are not answered. NULL is fine. */
void admin_stop(struct admin *a);
/* Serves a connected stream socket as if it had come in by the door. Takes `fd` over. */
void admin_serve(struct admin *a, int fd);

#endif
