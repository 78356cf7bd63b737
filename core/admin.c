/* admin.c - the control socket: who may come in, and the file it is found by. */
#include "admin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin_private.h"
#include "admin_verbs.h"
#include "base/log.h"
#include "base/mem.h"

#define CONNECTIONS_MAX 16

/* NULL: come in; else why not. */
static const char *refusal_of(const struct admin *a, int fd)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof peer;
    if (a->count >= CONNECTIONS_MAX)
        return "too many connections on the control socket; try again";
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
        (peer.uid == 0 || peer.uid == geteuid()))
        return NULL;
    log_warn("admin", "a connection of another user was refused", LOG_I("uid", peer.uid));
    return "the control socket is for root and the gateway's own user";
}

static void turn_away(int fd, const char *why)
{
    struct buf line;
    buf_init(&line, BUF_MAX);
    admin_refusal(&line, why);
    buf_addc(&line, '\n');
    if (send(fd, line.ptr, line.len, MSG_NOSIGNAL) < 0)
        log_debug("admin", "a refused connection is gone already");
    close(fd);
    buf_free(&line);
}

static void on_knock(void *arg, unsigned ready)
{
    struct admin *a = arg;
    (void)ready;
    int fd = accept4(a->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    const char *refusal = fd < 0 ? NULL : refusal_of(a, fd);
    if (refusal)
        turn_away(fd, refusal);
    else if (fd >= 0)
        admin_serve(a, fd);
}

/* ---- Its file --------------------------------------------------------------------------- */

static bool address_of(const char *path, struct sockaddr_un *out, struct problem *problem)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof out->sun_path) {
        problem_set(problem, DG_EINVAL, "the control socket's path has more than %zu bytes: %s",
                    sizeof out->sun_path - 1, path);
        return false;
    }
    memcpy(out->sun_path, path, strlen(path) + 1);
    return true;
}

/* Only a socket that refuses connections is removed: it was left behind by a gateway that died. */
static bool clear_stale(const struct sockaddr_un *address, struct problem *problem)
{
    struct stat file;
    const char *path = address->sun_path;
    if (lstat(path, &file) != 0)
        return errno == ENOENT || problem_set(problem, DG_EINVAL, "the control socket %s: %s", path,
                                              strerror(errno)) == DG_OK;
    int fd = S_ISSOCK(file.st_mode) ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    int rc = fd < 0 ? 0 : connect(fd, (const struct sockaddr *)address, sizeof *address);
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && rc != 0 && why == ECONNREFUSED)
        return unlink(path) == 0 || errno == ENOENT ||
               problem_set(problem, DG_EINVAL, "the control socket %s: %s", path,
                           strerror(errno)) == DG_OK;
    problem_set(problem, DG_ECONFLICT,
                fd < 0 ? "the control socket's path %s is taken by a file that is no socket"
                       : "another gateway uses the control socket %s",
                path);
    return false;
}

static bool door_open(struct admin *a, struct problem *problem)
{
    struct sockaddr_un address;
    struct stat file;
    if (!address_of(a->path, &address, problem) || !clear_stale(&address, problem))
        return false;
    a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* On Linux the file takes the socket's mode, so it is never open to others, not for a moment.
     */
    if (a->fd < 0 || fchmod(a->fd, 0600) != 0 ||
        bind(a->fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        chmod(a->path, 0600) != 0 || stat(a->path, &file) != 0 ||
        listen(a->fd, CONNECTIONS_MAX) != 0) {
        problem_set(problem, DG_EINVAL, "the control socket %s cannot be made: %s", a->path,
                    strerror(errno));
        return false;
    }
    a->device = file.st_dev;
    a->inode = file.st_ino;
    a->watch = loop_watch(a->config.loop, a->fd, DG_READ, on_knock, a);
    return a->watch != NULL;
}

static void door_close(struct admin *a)
{
    struct stat file;
    if (a->watch) {
        loop_watch_stop(a->watch);
        if (lstat(a->path, &file) == 0 && file.st_dev == a->device && file.st_ino == a->inode)
            unlink(a->path);
    }
    if (a->fd >= 0)
        close(a->fd);
}

struct admin *admin_start(const struct admin_config *config, struct problem *problem)
{
    struct admin *a = xcalloc(1, sizeof *a);
    a->config = *config;
    a->path = xstrdup(config->path);
    a->fd = -1;
    list_init(&a->connections);
    if (a->path && !door_open(a, problem)) {
        admin_stop(a);
        return NULL;
    }
    return a;
}

void admin_hash_cost(struct admin *a, unsigned bcrypt_cost)
{
    a->config.bcrypt_cost = bcrypt_cost;
}

void admin_stop(struct admin *a)
{
    if (!a)
        return;
    connections_close(a);
    door_close(a);
    free(a->path);
    free(a);
}
