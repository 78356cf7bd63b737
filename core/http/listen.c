/* listen.c - binding. */
#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define BACKLOG 1024

static bool failed(struct problem *problem, const char *address, const char *why)
{
    problem_set(problem, DG_EUNAVAILABLE, "http: cannot listen at %s: %s", address, why);
    return false;
}

/* ---- TCP ---------------------------------------------------------------- */

/* "host:port" or "[v6]:port"; an empty host or "*" is every address. */
static struct addrinfo *resolve(const char *address, struct problem *problem)
{
    const char *colon = strrchr(address, ':');
    if (!colon || !colon[1]) {
        failed(problem, address, "expected host:port, [v6]:port or unix:/path");
        return NULL;
    }
    int64_t port;
    if (!str_to_int(colon + 1, &port) || port < 0 || port > 65535) {
        failed(problem, address, "the port is a number from 0 to 65535");
        return NULL;
    }
    const char *host = address;
    size_t len = (size_t)(colon - address);
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        host++;
        len -= 2;
    } else if (memchr(host, ':', len)) {
        failed(problem, address, "an IPv6 address is written in brackets, as [::1]:8000");
        return NULL;
    }
    char *name = xstrndup(host, len);
    bool any = !*name || str_eq(name, "*");
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(any ? "0.0.0.0" : name, colon + 1, &hints, &found);
    free(name);
    if (rc != 0) {
        failed(problem, address, gai_strerror(rc));
        return NULL;
    }
    return found;
}

/* A bound socket, or -1 with errno. */
static int bind_tcp(const struct sockaddr *sa, socklen_t len, bool shared)
{
    int on = 1;
    int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if ((!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0) &&
        bind(fd, sa, len) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static char *tcp_name(const struct sockaddr *sa)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
        inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
        return xasprintf("[%s]:%u", text, ntohs(in6->sin6_port));
    }
    const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
    inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
    return xasprintf("%s:%u", text, ntohs(in->sin_port));
}

static bool open_tcp(struct listen_socket *l, const char *address, unsigned threads,
                     struct problem *problem)
{
    struct addrinfo *found = resolve(address, problem);
    if (!found)
        return false;
    struct sockaddr_storage sa = {0};
    socklen_t len = found->ai_addrlen;
    memcpy(&sa, found->ai_addr, len);
    freeaddrinfo(found);

    /* Sockets that share a port would also share it with another gateway of the same user: ask
     * for it alone first. Port 0 becomes a number by the way. */
    int probe = bind_tcp((struct sockaddr *)&sa, len, false);
    if (probe < 0 || getsockname(probe, (struct sockaddr *)&sa, &len) != 0) {
        int saved = errno;
        if (probe >= 0)
            close(probe);
        return failed(problem, address, strerror(saved));
    }
    close(probe);
    for (; l->count < threads; l->count++) {
        int fd = bind_tcp((struct sockaddr *)&sa, len, true);
        if (fd < 0)
            return failed(problem, address, strerror(errno));
        l->fds[l->count] = fd;
        if (listen(fd, BACKLOG) != 0) {
            l->count++;
            return failed(problem, address, strerror(errno));
        }
    }
    l->name = tcp_name((struct sockaddr *)&sa);
    return true;
}

/* ---- Unix sockets ------------------------------------------------------- */

/* A socket file that nobody listens at any more may be taken away. */
static bool abandoned(const struct sockaddr_un *sa)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool refused =
        connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) != 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static bool open_unix(struct listen_socket *l, const char *address, unsigned threads,
                      struct problem *problem)
{
    const char *path = address + strlen("unix:");
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    if (!*path || strlen(path) >= sizeof(sa.sun_path))
        return failed(problem, address, "the path is empty or too long");
    memcpy(sa.sun_path, path, strlen(path));

    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return failed(problem, address, strerror(errno));
    l->fds[l->count++] = fd;
    int rc = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
    if (rc != 0 && errno == EADDRINUSE && abandoned(&sa)) {
        unlink(path);
        rc = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
    }
    if (rc != 0)
        return failed(problem, address, strerror(errno));
    l->file = xstrdup(path);
    if (listen(fd, BACKLOG) != 0)
        return failed(problem, address, strerror(errno));
    while (l->count < threads) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
            return failed(problem, address, strerror(errno));
        l->fds[l->count++] = copy;
    }
    l->name = xstrdup(address);
    return true;
}

/* ---- Both --------------------------------------------------------------- */

bool listen_open(struct listen_socket *l, const char *address, unsigned threads,
                 struct problem *problem)
{
    *l = (struct listen_socket){.fds = xcalloc(threads, sizeof(int))};
    bool ok = str_starts(address, "unix:") ? open_unix(l, address, threads, problem)
                                           : open_tcp(l, address, threads, problem);
    if (!ok)
        listen_close(l);
    return ok;
}

bool listen_makes_sense(const char *address, struct problem *problem)
{
    if (str_starts(address, "unix:"))
        return address[strlen("unix:")] == '/' || failed(problem, address, "expected unix:/path");
    struct addrinfo *found = resolve(address, problem);
    if (found)
        freeaddrinfo(found);
    return found != NULL;
}

void listen_close(struct listen_socket *l)
{
    for (unsigned i = 0; i < l->count; i++)
        if (l->fds[i] >= 0)
            close(l->fds[i]);
    if (l->file)
        unlink(l->file);
    free(l->fds);
    free(l->file);
    free(l->name);
    *l = (struct listen_socket){0};
}

void listen_peer_name(const struct sockaddr *sa, char *out, size_t size)
{
    if (sa->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)sa)->sin_addr, out, (socklen_t)size);
        return;
    }
    if (sa->sa_family != AF_INET6) {
        snprintf(out, size, "unix");
        return;
    }
    const struct in6_addr *addr = &((const struct sockaddr_in6 *)sa)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(addr))
        inet_ntop(AF_INET, addr->s6_addr + 12, out, (socklen_t)size);
    else
        inet_ntop(AF_INET6, addr, out, (socklen_t)size);
}
