/* own.h - the providers of the program itself, opened with what [auth] says. [control thread] */
#ifndef AUTH_OWN_H
#define AUTH_OWN_H

#include "domain/tokens.h"
#include "plug/plug.h"

struct own_providers {
    struct instance *jwt; /* NULL: not wanted */
    struct instance *api_key, *dev_key, *token;
};

struct own_config {
    struct plug *plug;
    struct loop *loop;
    struct users *users;
    struct tokens *tokens;
    const struct settings *settings; /* [auth] */
    const char *spare_secret;        /* signs where none is set */
    bool with_jwt;
};

/* false: nothing is left open. */
bool own_open(const struct own_config *config, struct own_providers *out, struct problem *problem);
void own_abandon(const struct own_providers *own); /* closes all that were opened */
bool own_is(const struct instance *in);            /* NULL is not */
/* The users are not touched after this returns. */
void own_close(struct instance *in, dg_fn *fn, void *arg);

#endif
