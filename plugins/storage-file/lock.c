/* lock.c - one gateway per file: a lock beside it, which the system lets go
 * when the process ends in whatever way. It lies beside the file proper, so
 * that a symbolic link is no way around it. The file itself cannot carry it:
 * SQLite has locks of its own there, that closing any descriptor would undo. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "file.h"

static bool lock_path(const char *path, char out[PATH_MAX], struct fault *fault)
{
    char real[PATH_MAX];
    int len = -1;
    if (realpath(path, real)) {
        len = snprintf(out, PATH_MAX, "%s.lock", real);
    } else if (errno == ENOENT) {
        char *folder = strdup(path), *name = strdup(path);
        if (folder && name && realpath(dirname(folder), real))
            len = snprintf(out, PATH_MAX, "%s/%s.lock", real, basename(name));
        free(folder);
        free(name);
    }
    if (len > 0 && len < PATH_MAX)
        return true;
    return fault_set(fault, DG_EUNAVAILABLE, "%s cannot be opened: %s; make its folder first", path,
                     strerror(errno));
}

static long holder(int fd)
{
    char text[24] = "";
    return pread(fd, text, sizeof(text) - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

int lock_take(const char *path, struct fault *fault)
{
    char lock[PATH_MAX];
    if (!lock_path(path, lock, fault))
        return -1;
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);
    if (fd < 0) {
        fault_set(fault, DG_EUNAVAILABLE, "%s cannot be opened: %s", lock, strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        fault_set(fault, DG_ECONFLICT,
                  "%s is in use by process %ld; stop that one, or give a path of its own", path,
                  holder(fd));
        close(fd);
        return -1;
    }
    char pid[24];
    int len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    /* Only a help for people; the lock holds without it, on a full disk too. */
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)len, 0) != len)
        errno = 0;
    return fd;
}
