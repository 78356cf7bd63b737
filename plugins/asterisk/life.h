/* life.h - the life of a leg as the core is told of it: it begins, is dialled,
 * rings, is answered, ends.
 *
 * ARI and the manager interface tell the same story in other words. Here it is
 * told once: every leg begins and ends once, in that order, is answered at most
 * once, and ends for one reason (fate.h). No I/O and no clock.
 */
#ifndef ASTERISK_LIFE_H
#define ASTERISK_LIFE_H

#include "dialgate/backend.h"
#include "legs.h"

/* Channels of our own that only serve a call, as when something is played into it: their ids begin
 * so, and nobody is told of them. */
#define LIFE_HIDDEN "dialgate-aux-"

struct life {
    struct legs legs;
    /* Neither may call back into this module. */
    void (*emit)(void *arg, const struct dg_event *ev);
    void (*unwanted)(void *arg, const char *call); /* its originate was given up: it lives */
    void *arg;
};

/* An event of Asterisk that is being told. */
struct report {
    struct life *life;
    int64_t at_ms;          /* 0: now */
    struct dg_bytes native; /* the event itself as JSON, or empty */
};

void life_emit(const struct report *r, struct dg_event ev); /* fills in size, time, native */

/* The link is up: what was told before, perhaps nobody heeded. An answer is told again when its leg
 * ends, in case that no list has shown it until then. */
void life_link_up(struct life *l);

/* In what follows `seen` is the channel as the event shows it, without what is kept in its leg. */

/* The leg it is, told to the core if it is new. NULL: it has no id, or has ended. */
struct leg *life_leg(const struct report *r, const struct dg_call *seen);
/* The same for an event that does not tell of a leg's beginning: it has been dialled before. */
struct leg *life_later(const struct report *r, const struct dg_call *seen);
/* Only if it is known and lives. */
struct leg *life_known(const struct life *l, const char *id);
/* Found in a list of channels: remembered, not reported. NULL: it has ended since. */
struct leg *life_adopt(struct life *l, const struct dg_call *seen);

void life_show(const struct report *r, struct leg *leg, const struct dg_call *seen);
void life_answered(const struct report *r, struct leg *leg);
void life_rings(const struct report *r, struct leg *leg);
void life_progresses(const struct report *r, struct leg *leg);
/* An event tells of another state. */
void life_state_seen(const struct report *r, const struct dg_call *seen);

/* `caller` dials `seen`: it begins (status empty or NULL), goes on, or has ended. */
struct dial {
    const char *caller; /* its id, or NULL */
    const char *string, *status;
};
void life_dial(const struct report *r, const struct dg_call *seen, const struct dial *d);

/* Somebody, or the far end, wants it to end. `soft`: `cause` holds the kind of request instead. */
void life_hangup_asked(struct leg *leg, bool soft, int cause, int sip_code);

/* It has ended: what Asterisk says of it is kept in the leg, then told. */
struct ending {
    int cause, sip_code;
    const char *text; /* of the cause, or NULL */
};
struct leg *life_ending(const struct report *r, const struct dg_call *seen, const struct ending *e);
void life_end(const struct report *r, struct leg *leg, const struct ending *e);

/* What is kept in its leg, put into a channel as Asterisk shows it. */
void life_complete(struct dg_call *call, const struct leg *leg);
/* The number in a dial string: "7900486" of "7900486@trunk". */
void life_callee(char *out, size_t size, const char *dialstring);
/* "PJSIP/trunk" of "PJSIP/trunk-00000004", "Local/1@a" of "Local/1@a-00000004;1". */
void life_endpoint(char *out, size_t size, const char *name);
/* A leg that Asterisk dials shows such an application until it runs a dialplan. */
enum dg_direction life_direction(const struct dg_call *seen, const char *state);
enum dg_channel_state life_state(const char *state); /* "Ringing" */

#endif
