/* events.h - the manager's events as the core's: struct message in, struct
 * dg_event out.
 *
 * No I/O, so that recorded events can be played back (tests/unit/ami_events_test.c).
 * Legs are found by call id (Asterisk's Uniqueid) or channel name:
 * legs_named(&a->events.life.legs, text). One function per kind of event, found
 * in the table of events.c; incoming.h declares them.
 */
#ifndef AMI_EVENTS_H
#define AMI_EVENTS_H

#include "asterisk/life.h"
#include "message.h"

/* The classes of events that are asked for at login. */
#define EVENTS_MASK "system,call,dialplan,dtmf,agent,agi"

/* OriginateResponse of the channel that cannot be, by which the link proves itself. */
#define EVENTS_PROOF "dialgate-proof-"

/* Where other results go. All are called from inside events_take; none may call it again. */
struct events_sink {
    void (*originated)(void *arg, const char *action_id, bool success);
    /* A leg has ended and nobody has said why: whether more comes is seen in a moment. */
    void (*unsettled)(void *arg, const char *call);
    void (*proven)(void *arg, const char *action_id);
    void (*booted)(void *arg);
    void (*shutdown)(void *arg);
    void *arg;
};

struct events {
    struct life life;
    struct events_sink sink;
};

/* `now_ms` is Unix time: events bear no time of their own. */
void events_take(struct events *e, const struct message *m, int64_t now_ms);
void events_clear(struct events *e); /* the link is down: nothing is known any more */
void events_free(struct events *e);

/* No more is to be expected about why this leg has ended. */
void events_settle(struct events *e, const char *call, int64_t now_ms);

#endif
