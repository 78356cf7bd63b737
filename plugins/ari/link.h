/* link.h - the life of the connection to one Asterisk.
 *
 * asked who it is (GET /asterisk/info) -> event socket -> proof that events
 * arrive -> up. A socket can be open and deaf (a reconnect too soon), open and
 * silent (a frozen Asterisk), or taken over by another of the same application:
 * so a user event of our own must come back before the link is up, and again
 * every few seconds; and a ping must be answered every second.
 */
#ifndef ARI_LINK_H
#define ARI_LINK_H

#include "dialgate/plugin.h"
#include "socket.h"

struct ari;

enum link_state { LINK_WAITING, LINK_ASKING, LINK_OPENING, LINK_PROVING, LINK_UP, LINK_LEAVING };

#define LINK_TOKEN_SIZE 33

struct link {
    enum link_state state;
    struct socket *socket;
    struct dg_timer *timer; /* the next step: a retry, a proof, a tick */
    unsigned failures;      /* since the link was last up for a while */
    uint64_t up_since_ms, last_tick_ms, state_since_ms;
    char token[LINK_TOKEN_SIZE]; /* of the user event awaited; empty: none */
    uint64_t beat_at_ms;
    unsigned ticks, beat_failures;
    /* Upgrades in a row that Asterisk left without an answer, while it answered other requests;
     * the last of them began at. */
    unsigned hangs;
    uint64_t opened_ms;
    unsigned thrown_out; /* by another client of our application, in a row */
    uint64_t yield_ms;   /* how long to leave it to the other one; 0: the usual wait */
    char *reason;        /* why it is down, as last said */
    char *version, *startup;
    struct dg_op *closing;
};

void link_start(struct ari *a);
void link_beat(struct ari *a, const char *token, int64_t at_ms);
void link_replaced(struct ari *a);
/* Ends `op` when the socket is closed, or after a moment; then the instance is freed. */
void link_close(struct ari *a, struct dg_op *op);

#endif
