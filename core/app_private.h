/* app_private.h - what serving and checking share. */
#ifndef APP_PRIVATE_H
#define APP_PRIVATE_H

#include "config.h"

struct plug *app_plug_new(const struct config *c, struct loop *loop, struct net *net,
                          struct metrics *metrics);
/* false: `problems` says why. */
bool app_log_setup(const struct config *c, struct buf *problems);

#endif
