/* control.h - what is done to a call while it lives, by its id. [control thread]
 *
 * A request is sent to the backend that carries the call, and answered with
 * that backend's word. What the backend cannot do, or not with this call now
 * (one that runs in the dialplan), is tried in other ways: by another of its
 * functions, then by the companion that the configuration names for it, which
 * is another way into the same server. Only when nothing is left is it refused:
 *
 *   DG_ENOTFOUND     no such call, recording, variable, consultation
 *   DG_ECONFLICT     the call is over, or in no state for this
 *   DG_EUNSUPPORTED  no way leads there; the message says why
 *   DG_EINVAL        `field` says which
 *   others           the backend's word
 *
 *   control.c           finding the call, trying the ways, the answer
 *   control_actions.c   each action: its ways, and what the call shows afterwards
 *   control_record.c    the same of recordings
 *   control_consult.c   attended transfers
 *   control_park.c      the same of parking; taking a parked call back
 *   control_parked.c    who is parked
 *   control_forward.c   calls that another gateway on the store carries
 */
#ifndef DOMAIN_CONTROL_H
#define DOMAIN_CONTROL_H

#include "domain/calls.h"

struct control;

enum control_action {
    CONTROL_HANGUP,        /* cause */
    CONTROL_TRANSFER,      /* blind: context, extension, priority */
    CONTROL_REDIRECT,      /* the same; this leg alone */
    CONTROL_HOLD,          /* on */
    CONTROL_MUTE,          /* on, in, out */
    CONTROL_DTMF,          /* digits */
    CONTROL_PLAY,          /* media */
    CONTROL_GET_VARIABLE,  /* name; the answer's text is the value */
    CONTROL_SET_VARIABLE,  /* name, value */
    CONTROL_RECORD,        /* format, max_ms, beep; the answer's text is the file's name */
    CONTROL_RECORD_CHANGE, /* change; likewise */
    CONTROL_PARK,          /* lot, timeout_ms; the answer's text is "lot/slot" */
    CONTROL_CONSULT,       /* context, extension, user; the text is the other leg's id */
    CONTROL_COMPLETE,      /* of a consultation: the two are joined */
    CONTROL_CANCEL,        /* of a consultation */
    CONTROL_ACTIONS,
};

/* Checked by who asks, but for what the domain alone knows (contexts, states). Copied. */
struct control_request {
    enum control_action action;
    const char *call;
    bool on;
    bool in, out; /* what the far end says; what it hears */
    int cause;    /* Q.850; 0: normal */
    /* A place in the dialplan; context NULL: that of the call, priority 0: the first. */
    const char *context, *extension;
    int priority;
    const char *digits, *media;
    const char *name,
        *value;         /* of a recording `name` is the file; NULL: by the call and the time */
    const char *format; /* NULL: "wav" */
    uint64_t max_ms;    /* 0: no limit */
    bool beep;
    enum dg_record_change change;
    const char *user;    /* who asks */
    const char *lot;     /* NULL: the default one */
    uint64_t timeout_ms; /* 0: the lot's */
};

struct control_answer {
    enum dg_err err;
    const char *field;       /* DG_EINVAL: which; else NULL */
    const char *message;     /* NULL when err is DG_OK */
    const char *text;        /* what the action yields, or NULL */
    const struct call *call; /* NULL: it is not in memory */
};
typedef void control_fn(void *arg, const struct control_answer *answer);

struct control *control_new(struct loop *loop, struct calls *calls, struct bus *bus);
void control_free(struct control *ct); /* after the backends were closed */

/* Requests about calls of other gateways go to them. NULL: no longer. */
struct commands;
void control_share(struct control *ct, struct commands *commands);
/* What another gateway asks of this one: a command_fn, `arg` is the struct control. */
struct command;
void control_command(void *arg, const json_t *what, struct command *command);

struct control_request control_copy(struct arena *a, const struct control_request *req);
void control_ask(struct control *ct, const struct control_request *req, control_fn *fn, void *arg);

/* Any channel, as calls_hangup_channel does; a call of another gateway is ended by that one. */
void control_hangup_channel(struct control *ct, const char *id_or_name, op_fn *fn, void *arg);

/* ---- What can be done ------------------------------------------------------------------- */

struct control_capability {
    const char *action; /* "hold" */
    enum backend_ability ability;
    const struct instance *by; /* who does it: the backend, or its companion; NULL: nobody */
    const char *why;           /* when it does not work; may be NULL */
};
/* Of calls that `in` carries. */
struct control_capability control_capability(const struct control *ct, const struct instance *in,
                                             enum control_action action);

/* ---- Parked calls ---------------------------------------------------------------------- */

/* On the servers of all backends that are open, draining ones too; those of the active one first.
 * One that is not connected, or fails, is left out (and logged), unless nobody can tell anything.
 */
struct parked_call {
    const struct dg_parked *shown; /* also of calls that are not ours */
    const char *backend;           /* by name: whose server it waits on */
};
struct parked_answer {
    enum dg_err err;
    const char *message; /* NULL when err is DG_OK */
    const struct parked_call *calls;
    size_t count;
};
typedef void parked_fn(void *arg, const struct parked_answer *answer);
void control_parked(struct control *ct, parked_fn *fn, void *arg);

struct retrieve_request {
    const char *slot, *lot; /* lot NULL: any */
    const char *endpoint;   /* who gets it, "PJSIP/100" */
    const char *api, *user;
};
/* Rings the endpoint; whoever answers there talks to the parked call. The answer's call is the new
 * leg, its text the id of the parked one. */
void control_retrieve(struct control *ct, const struct retrieve_request *req, control_fn *fn,
                      void *arg);

#endif
