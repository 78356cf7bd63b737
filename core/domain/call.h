/* call.h - one call, and the pure rules of how it moves.
 *
 * call_next() is the state machine: a function of state and event alone, with
 * no clock and no I/O. call_apply() writes its outcome into the call. What must
 * then be done (store, publish, one CDR) is in the step it returns.
 */
#ifndef DOMAIN_CALL_H
#define DOMAIN_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"
#include "base/list.h"

enum call_state {
    CALL_PENDING, /* written down, the backend has not accepted it yet */
    CALL_DIALING, /* accepted */
    CALL_RINGING,
    CALL_ANSWERED,
    /* terminal from here on */
    CALL_COMPLETED, /* was answered, has ended */
    CALL_BUSY,
    CALL_NO_ANSWER,
    CALL_FAILED,
    CALL_CANCELLED, /* ended by us before an answer */
    CALL_STATES,
};

enum call_event_type {
    CALL_EV_ACCEPTED, /* the backend took the originate */
    CALL_EV_STARTED,  /* the channel exists: counts as acceptance */
    CALL_EV_RINGING,
    CALL_EV_PROGRESS,
    CALL_EV_ANSWERED,
    CALL_EV_ENDED,   /* `cause`, `sip_code`, `text`, `estimated` */
    CALL_EV_REFUSED, /* the backend did not take it: `text` */
    CALL_EV_LOST,    /* the backend does not know it any more: `text` */
    CALL_EV_MISSED,  /* neither does it, but it ran on meanwhile: the end was not seen; `text` */
    CALL_EVENTS,
};

struct call_event {
    enum call_event_type type;
    int64_t at_ms;    /* Unix time */
    uint64_t mono_ms; /* monotonic, for durations; 0: not known */
    int cause;        /* ITU-T Q.850; 0: not known */
    int sip_code;     /* 0: not known */
    const char *text; /* a reason in words, or NULL */
    bool estimated;   /* the true time of an answer or an end was missed */
};

struct calls;
struct originate;
struct call_plan;

struct call_variable {
    char *name, *value;
};

/* What is being done to an answered call. */
struct call_doing {
    bool held, muted_in, muted_out;
    char *parked; /* "lot/slot"; NULL: it is not */
    /* Files that were recorded, the oldest first, without extension; the last is still being
     * written when `recording` is set. */
    char **recordings;
    size_t recording_count;
    bool recording, recording_paused, recording_starting;
    char consult[ID_SIZE]; /* the leg of an attended transfer under way; "": none is */
    bool consult_held;     /* it was put on hold for that */
    unsigned held_way, muted_way, recording_way; /* how control.c did it; 0: somebody else did */
};

struct call {
    struct link live;   /* in calls.c's list of live calls */
    char id[ID_SIZE];   /* is the channel's id as well */
    int64_t cdr_number; /* its CDR's, for those who count records; 0: none yet */
    int64_t campaign_id, campaign_number_id; /* 0: it belongs to none */
    char *agent; /* the leg that it was joined to by a campaign, or NULL */
    char *phone_number;
    char *peer;                /* the call that it is meant for, or NULL */
    char *channel;             /* as dialled, "Local/+15550100@outbound-ivr" */
    char *context, *extension; /* NULL: it stays under control */
    int priority;
    char *caller_id;
    uint64_t ring_ms;
    struct call_variable *variables;
    size_t variable_count;
    char *api, *user;       /* through which API, and who asked */
    int64_t ivr_menu;       /* that it is led through when it is answered; 0: none */
    char *ivr_path;         /* JSON: its way through menus so far, or NULL */
    struct call_plan *plan; /* what is done with it before that, or instead; or NULL */
    bool sent_on;           /* it was led, until it was sent on: by its plan, or a request */
    char *detected;         /* JSON: whether a person or a machine has answered, or NULL */
    char *message;          /* JSON: what became of the message it was to hear, or NULL */
    bool leg;               /* a part of the call `peer`, in whose CDR it stands: it has none */
    char *agent_result;     /* the state that this one came to: "answered", "busy", ...; or NULL */
    uint64_t talk_ms;     /* it is hung up so long after its answer; 0: as the configuration says */
    char *backend, *node; /* which instance carries it, on which gateway */
    char *adopted_from;   /* the gateway that had it before, and died; NULL: none */
    char *server_run;     /* of the backend's server that carries it; NULL: not known */
    bool mock;            /* carried by a simulation */

    enum call_state state;
    int64_t created_at_ms, dialed_at_ms, ringing_at_ms, answered_at_ms,
        ended_at_ms;           /* 0: not yet */
    int64_t heard_at_ms;       /* when it was last known to be alive */
    uint64_t answered_mono_ms; /* 0: not known (adopted after a restart) */
    int64_t duration_s;        /* from answer to end; -1: none */
    int cause, sip_code;
    char *failure_reason;
    int attempt_number;
    bool estimated; /* of its answer or its end the true time was missed */
    bool cancelled; /* we asked for its end */
    struct call_doing doing;

    /* Kept by calls.c; nothing of it is stored. */
    struct calls *owner;
    struct originate *originate; /* while it is being placed */
    unsigned refs;               /* the live map, and operations under way */
    struct instance *carrier;    /* NULL: adopted, its backend has not come up yet; or over */
    bool announced;              /* the bus has told of it */
    bool stored;                 /* its first write was acknowledged */
    bool asked;                  /* the carrier was asked to place it */
    bool placed;                 /* the backend is known to have it, or to have had it */
    bool let_go;                 /* another gateway has it: nothing moves it here */
    bool overdue;                /* its deadline has passed, we asked for its end */
    bool given_up;               /* ended without a word from the backend */
    uint64_t postponed_ms;       /* by how much its deadline was, because its backend is away */
    uint64_t seen;               /* number of the last comparison that showed it */
    struct loop_timer *deadline;
};

/* What a step asks for. */
enum call_effect {
    CALL_DO_STORE = 1 << 0,   /* the record has changed */
    CALL_DO_PUBLISH = 1 << 1, /* the state has changed */
    CALL_DO_CDR = 1 << 2,     /* it has ended: exactly one */
};

struct call_step {
    enum call_state to;
    unsigned effects; /* 0: nothing, the event was late or a duplicate */
};

/* true: it has changed. */
bool call_set_parked(struct call *c, const char *place); /* NULL: no longer */
void call_add_recording(struct call *c, const char *file);

/* Pure. `cancelled`: we had asked for the end. */
struct call_step call_next(enum call_state from, const struct call_event *ev, bool cancelled);
struct call_step call_apply(struct call *c, const struct call_event *ev);

/* The one map of causes for a call that ends without an answer. */
enum call_state call_outcome(int cause);
/* "User busy"; what Q.850 calls it, or NULL. */
const char *call_cause_text(int cause);

const char *call_state_name(enum call_state s);
bool call_state_parse(const char *name, enum call_state *out);
/* The gateway leads it when it is answered: through a menu, or as its plan says. */
static inline bool call_is_led(const struct call *c)
{
    return (c->ivr_menu || c->plan) && !c->sent_on;
}
static inline bool call_is_over(enum call_state s)
{
    return s >= CALL_COMPLETED;
}

struct call *call_new(void); /* zeroed, with an id of its own, pending */
void call_free(struct call *c);

#endif
