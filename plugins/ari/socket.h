/* socket.h - a WebSocket client over a host stream: upgrade, messages, ping, close.
 *
 * wslay frames; the host's stream connects, encrypts and bounds. `closed` comes
 * exactly once, last, unless socket_drop was called before. Any function may be
 * called from inside a callback.
 */
#ifndef ARI_SOCKET_H
#define ARI_SOCKET_H

#include "config.h"

struct socket;

struct socket_events {
    void (*opened)(void *arg); /* upgraded */
    void (*message)(void *arg, struct dg_bytes text);
    /* `status` is that of an answer that refused the upgrade, else 0. */
    void (*closed)(void *arg, enum dg_err err, int status, const char *why);
};

#define SOCKET_MAX_MESSAGE (4u << 20)

/* `path` with query. `ev` and the texts of `c` outlive the socket. */
struct socket *socket_open(const struct dg_host *h, const struct config *c, const char *path,
                           const struct socket_events *ev, void *arg);
void socket_ping(struct socket *s);
uint64_t socket_heard_ms(const struct socket *s); /* when anything came last, pongs too */
/* The closing handshake, at most `wait_ms`; then `closed`. Without it Asterisk may leave the next
 * socket of the same application deaf. */
void socket_close(struct socket *s, uint64_t wait_ms);
void socket_drop(struct socket *s); /* at once; nothing is called any more */

#endif
