/* listen.h - addresses to listen at, and their sockets. [main or control thread] */
#ifndef HTTP_LISTEN_H
#define HTTP_LISTEN_H

#include "base/err.h"

struct listen_socket {
    char *name; /* as bound: "127.0.0.1:8000", "[::1]:8000", "unix:/path" */
    char *file; /* of a Unix socket, removed at the end; NULL: none */
    bool tls;
    int *fds; /* one per thread; -1: handed over */
    unsigned count;
};

/* `address` as in the configuration. TCP: each thread has its own socket (SO_REUSEPORT), yet an
 * address that another process listens at is refused. false: nothing is left open. */
bool listen_open(struct listen_socket *l, const char *address, unsigned threads,
                 struct problem *problem);
/* Whether an address can be listened at as far as its text tells; nothing is opened. */
bool listen_makes_sense(const char *address, struct problem *problem);
void listen_close(struct listen_socket *l);

/* A peer as text without its port: "10.0.0.7", "::1", "unix". IPv4 in IPv6 is shown as IPv4. */
struct sockaddr;
void listen_peer_name(const struct sockaddr *sa, char *out, size_t size);

#endif
