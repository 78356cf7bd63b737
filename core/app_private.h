/* app_private.h - what serving and checking share. */
#ifndef APP_PRIVATE_H
#define APP_PRIVATE_H

#include "config.h"

struct plug *app_plug_new(const struct config *c, struct loop *loop, struct net *net,
                          struct metrics *metrics);
/* What only shows when the parts are put together. */
void app_check_values(const struct config *c, struct buf *problems, unsigned *count);
/* false: `problems` says why. */
bool app_log_setup(const struct config *c, struct buf *problems);

#endif
