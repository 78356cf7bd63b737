/* chain.h - providers asked one after the other until one judges. [control thread] */
#ifndef AUTH_CHAIN_H
#define AUTH_CHAIN_H

#include "plug/auth.h"

struct chain_entry {
    char *name;
    struct instance *in; /* NULL: not opened yet; passed over */
};

struct chain {
    struct loop *loop;
    struct chain_entry *entries;
    size_t count;
    struct link walks; /* under way */
};

void chain_init(struct chain *c, struct loop *loop);
/* Walks under way end with DG_EUNAVAILABLE at their next step. */
void chain_clear(struct chain *c);
void chain_add(struct chain *c, const char *name, struct instance *in);
struct chain_entry *chain_find(struct chain *c, const char *name); /* NULL: not in it */

/* `fn` gets what the first that judges says, or DG_EAUTH (check), DG_EUNAVAILABLE
 * (issue) when nobody does. The
 * credentials are copied. */
void chain_check(struct chain *c, const struct dg_credentials *credentials, op_fn *fn, void *arg);
void chain_issue(struct chain *c, const struct dg_credentials *credentials, op_fn *fn, void *arg);

#endif
