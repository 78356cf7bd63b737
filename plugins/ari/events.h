/* events.h - ARI's events as the core's: JSON in, struct dg_event out.
 *
 * No I/O and no clock but what is passed in, so that recorded events can be
 * played back (tests/unit/ari_events_test.c).
 */
#ifndef ARI_EVENTS_H
#define ARI_EVENTS_H

#include "asterisk/life.h"
#include "dialgate/backend.h"

/* Where results go. All are called from inside events_take; none may call it again. */
struct events_sink {
    /* The user event by which the link proves itself has come back. */
    void (*beat)(void *arg, const char *token, int64_t at_ms);
    /* Another socket has taken the application over: this one is silent from now on. */
    void (*replaced)(void *arg);
    /* An own leg was answered that is to go on to a place in the dialplan. */
    void (*arrived)(void *arg, const char *call, const char *context, const char *extension,
                    const char *priority);
    /* A bridge made by join() has at most one leg left. */
    void (*lonely)(void *arg, const char *bridge);
    /* What a snoop channel of ours played or recorded has ended. */
    void (*served)(void *arg, const char *snoop);
    void *arg;
};

#define EVENTS_ALSO 16

struct events {
    struct events_sink sink;
    const char *app;               /* of our own */
    const char *also[EVENTS_ALSO]; /* applications that count as our own for a while, or NULL */
    bool own_only;                 /* observe = "own" */
    int64_t skew_ms;               /* what to add to Asterisk's clock to have ours */
    struct life life;
    struct table plays;      /* under way -> on what: struct named; without a value: asked for */
    struct table stopped;    /* plays cut by play_stop: likewise */
    struct table recordings; /* file -> the core's record id: likewise */
    struct table snoops;     /* snoop channels of our own -> the call each serves: likewise */
};

/* The name of our user event, and the first argument of a leg that is to go on to the dialplan. */
#define BEAT_EVENT     "dialgate-beat"
#define GO_ON_ARGUMENT "dialgate-go-on"
#define JOIN_PREFIX    "join-"
/* The context that runs AMD, and the first argument of a leg that comes back from it. */
#define DETECT_CONTEXT "dialgate-amd"

void events_take(struct events *e, const char *json, size_t len);
void events_clear(struct events *e); /* the link is down: nothing is known any more */
void events_free(struct events *e);

/* `app` lives until it is taken away again. More than there is room for are not heeded. */
void events_also(struct events *e, const char *app, bool on);

/* A leg found in a list of channels: remembered, not reported. NULL: it has ended since. */
struct leg *events_adopt(struct events *e, const void *channel_json);
/* A leg found in a list whose way back from detection was not seen: told, if it is one. */
void events_detected_unseen(struct events *e, const char *call, const void *channel_json);
/* A leg known from the answer to our own originate: reported if no event has told of it yet. */
void events_meet(struct events *e, const void *channel_json);

/* Asked for, and accepted; it may have ended in between. `on`: as Asterisk's target_uri. */
void events_play_asked(struct events *e, const char *play);
void events_play_accepted(struct events *e, const char *play, const char *on);
void events_play_refused(struct events *e, const char *play);
/* Its end was not seen: told now. */
void events_play_over(struct events *e, const char *play);
/* Those that have been accepted; `fn` may not change them. */
void events_plays(struct events *e, void (*fn)(void *arg, const char *play), void *arg);
void events_play_stopped(struct events *e, const char *play);
void events_play_went_on(struct events *e, const char *play); /* it could not be stopped */
void events_recording(struct events *e, const char *file, const char *record);
void events_snoop(struct events *e, const char *snoop, const char *call);      /* NULL: gone */
const char *events_recording_file(const struct events *e, const char *record); /* or NULL */

#endif
