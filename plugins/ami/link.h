/* link.h - the life of the connection to one Asterisk.
 *
 * connected -> banner -> login -> what the user may do, which run of the server
 * this is, booted, and proof that events arrive -> up. A user without "call" in
 * the read line of manager.conf gets answers but no events: so an originate of
 * a channel that cannot be is sent, and its OriginateResponse must come. A
 * frozen Asterisk keeps its connections: so it is pinged, and silence ends it.
 */
#ifndef AMI_LINK_H
#define AMI_LINK_H

#include "dialgate/plugin.h"
#include "message.h"

struct ami;

enum link_state {
    LINK_WAITING, /* for the next attempt */
    LINK_OPENING, /* connecting, and until the banner is there */
    LINK_LOGIN,
    LINK_PROVING,
    LINK_UP,
    LINK_LEAVING,
};

struct link {
    enum link_state state;
    struct dg_timer *timer;     /* the next step: a retry, a limit, a tick */
    unsigned failures;          /* since the link was last up for a while */
    unsigned missed;            /* pings in a row without an answer */
    bool refused;               /* the last attempt, by Asterisk's own word */
    bool asked, booted, proven; /* what PROVING waits for: answers, FullyBooted, our own event */
    bool tells_boot;            /* it has sent FullyBooted before: it will again */
    uint64_t since_ms;          /* in this state */
    uint64_t up_since_ms, last_tick_ms;
    char *reason;  /* why it is down, as last said */
    char *lacking; /* what the user may not do, as last said */
    char *version; /* "22.10.1"; NULL: not known */
    char *startup; /* which run of the server: "2026-11-21 09:10:48" */
    char proof[64];
    struct dg_op *closing;
};

void link_start(struct ami *a);
/* What events tell of the server itself: `arg` is the instance. */
void link_proven(void *arg, const char *action_id);
void link_booted(void *arg);
void link_shutdown(void *arg);
/* Ends `op` when all is let go; then the instance is freed. */
void link_close(struct ami *a, struct dg_op *op);

#endif
