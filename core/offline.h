/* offline.h - the store without a gateway, for the command line: opened under its
 * lock on a thread of its own, and served there like a gateway's control socket.
 */
#ifndef OFFLINE_H
#define OFFLINE_H

#include "config.h"

struct offline;

/* Returns when the store is ready and the users are loaded. `*fd` is a connection to ask it by;
 * it is the caller's to close, before offline_close. NULL: `problem` says why not. */
struct offline *offline_open(struct config *config, int *fd, struct problem *problem);
void offline_close(struct offline *o); /* what was answered is written; NULL is fine */

#endif
