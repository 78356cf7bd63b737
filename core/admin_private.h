/* admin_private.h - what the door and the connections behind it share. */
#ifndef ADMIN_PRIVATE_H
#define ADMIN_PRIVATE_H

#include <sys/types.h>

#include "admin.h"
#include "base/list.h"

struct admin {
    struct admin_config config;
    char *path;
    int fd;       /* listening; -1: none */
    dev_t device; /* of the socket's file: another one in its place is not ours */
    ino_t inode;
    struct loop_watch *watch;
    struct link connections;
    size_t count;
};

void connections_close(struct admin *a);

#endif
