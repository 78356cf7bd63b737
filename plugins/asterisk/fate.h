/* fate.h - why a leg ended: one truth out of what Asterisk 16 and 22 tell.
 *
 * ChannelDestroyed alone does not say it. The same end has different causes on
 * different versions (a ring timeout is 19 on 22 and 0 on 16, a callee's BYE 0
 * on 22 and 16 on 16), and the near half of a Local channel only learns from
 * its far half what the dialplan made of it. So a few facts are kept for each
 * leg, and this pure function weighs them.
 */
#ifndef ASTERISK_FATE_H
#define ASTERISK_FATE_H

#include <stdbool.h>

enum dial_status {
    DIAL_NONE, /* no attempt has ended */
    DIAL_ANSWER,
    DIAL_BUSY,
    DIAL_CONGESTION,
    DIAL_UNAVAILABLE,
    DIAL_NO_ANSWER,
    DIAL_CANCELLED,
};

struct fate {
    bool answered;
    bool outgoing;           /* Asterisk called out with it */
    bool dialled;            /* a Dial event named it as the callee */
    bool asked;              /* somebody ended it by request */
    int asked_cause;         /* the cause that came with our own request; 0: none */
    int cause;               /* of ChannelDestroyed */
    enum dial_status status; /* how the attempt to reach this leg ended */
    /* The last leg that this one, or its far half, has dialled. */
    enum dial_status learned;
    int learned_cause;
};

/* Q.850: 16 normal end, 17 busy, 19 ring timeout, 21 declined, 1 no such number, 34 congestion,
 * 3 no such place in the dialplan or no way to the endpoint; 0 not known. */
int fate_cause(const struct fate *f);

/* Whether no later event could say more about why it ended. */
bool fate_is_known(const struct fate *f);

/* The text of a Dial event; "" and RINGING, PROGRESS are no end: DIAL_NONE. */
enum dial_status fate_status(const char *text);

#endif
