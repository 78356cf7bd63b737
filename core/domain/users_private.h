/* users_private.h - what users.c and user_edits.c share. */
#ifndef DOMAIN_USERS_PRIVATE_H
#define DOMAIN_USERS_PRIVATE_H

#include "base/list.h"
#include "base/map.h"
#include "domain/users.h"

struct users {
    struct store *store;
    struct loop *loop;
    struct map *by_name;
    struct user **by_id; /* ascending */
    size_t count, cap;
    uint64_t changes; /* of single users: an answer of the store from before one is out of date */
    bool loaded;
    struct link loads, edits, lists; /* under way */
    dg_fn *on_change, *on_closed;
    void *on_change_arg, *on_closed_arg;
};

/* Takes `user` over, in the place of the one with its id if there is one. */
void users_keep(struct users *u, struct user *user);
void users_forget(struct users *u, const struct user *user);
/* To be called when a load or an edit is over. */
void users_close_when_idle(struct users *u);

void list_cut(struct link *list); /* likewise */
void edit_cut(struct link *edit); /* it finds nobody any more when it comes back */

#endif
