/* calls.h - the calls of this gateway: placed, followed, ended, remembered.
 * [control thread]
 *
 * Events move calls, replies do not: the success of an originate means that
 * the backend accepted it. A call is written down before it is dialled, and
 * its id is the channel's id, so that it can be found again after a crash. It
 * ends by an event, by a comparison with what the backend really has, or by
 * its own deadline; exactly one CDR is written with the end, in one
 * transaction.
 *
 *   calls.c      the live calls: effects of a step, recent calls, hang-up
 *   channel_hangup.c  hang-up of channels that need not be calls of ours
 *   backends.c   which backends there are, who carries what, draining
 *   routing.c    where a new call goes: the active backend, or the fallback
 *   admission.c  how many calls a backend is given, at once and per second
 *   originate.c  from a request to a channel
 *   doing.c      what is being done to a live call
 *   reconcile.c  comparing with the backend; adopting after a restart
 */
#ifndef DOMAIN_CALLS_H
#define DOMAIN_CALLS_H

#include "base/metrics.h"
#include "data/serials.h"
#include "data/store.h"
#include "domain/backends.h"
#include "domain/call.h"
#include "domain/call_metrics.h"
#include "domain/channels.h"
#include "domain/snapshots.h"
#include "events/bus.h"

struct calls;

/* How long calls last, and are remembered. */
struct call_retention {
    uint64_t max_duration_ms; /* an answered call is hung up then; 0: never */
    uint64_t recent_ms;       /* an ended call is answered from memory for */
    size_t recent_max;        /* and so many of them */
};

typedef void calls_render_fn(const struct call *c, struct buf *out);

struct calls_config {
    struct loop *loop;
    struct store *store;
    struct bus *bus;
    struct snapshots *snapshots;
    struct channels *channels;    /* NULL: none; is given what backends list */
    struct call_metrics *metrics; /* NULL: none */
    struct serials *cdr_numbers;  /* NULL: CDRs have no numbers */
    calls_render_fn *render;      /* what readers of a snapshot are given */
    const char *node;
    uint64_t late_ms; /* so late an end may be told of a call that a list lacks; 0: 2 s */
    struct call_retention retention;
};

struct calls *calls_new(const struct calls_config *config);
/* Calls that still wait for their turn are refused. Before backends are closed. */
void calls_stop(struct calls *cs);
void calls_free(struct calls *cs); /* live calls stay in the store and on the backend */

/* Another retention, from now on: for calls not answered yet, and for all that have ended. */
void calls_retain(struct calls *cs, const struct call_retention *retention);
/* The backend that does for calls of `backend` what that one cannot: another way into the same
 * server, which knows the calls by the same ids. By the names of their tables; NULL: none. */
void calls_set_companion(struct calls *cs, const char *backend, const char *companion);
/* NULL: it has none, or that is not open. */
struct instance *calls_companion(const struct calls *cs, const struct instance *backend);

/* Who writes down the end of a campaign's call, together with what becomes of its number. The
 * batch holds the call's record and its CDR, and must not get lost; it is taken over. The call may
 * be held. false: he does not, it is written as that of any other call. */
typedef bool calls_ended_fn(void *arg, struct call *c, struct store_batch *batch);
void calls_set_ended(struct calls *cs, calls_ended_fn *fn, void *arg); /* NULL: nobody */
/* Who leads those calls that are led (call.h). */
struct calls_guide {
    /* What its carrier tells of it that moves no state. */
    void (*event)(void *arg, struct call *c, const struct dg_event *ev);
    /* It is over, and about to be written down; or another gateway has it now. */
    void (*ending)(void *arg, struct call *c);
    /* A request to send it elsewhere is under way (it may be told of the call's leaving before it
     * is answered), or has been refused; and it was sent: it is led no longer. */
    void (*sending)(void *arg, struct call *c, bool under_way);
    void (*away)(void *arg, struct call *c);
    void *arg;
};
void calls_set_guide(struct calls *cs, const struct calls_guide *guide); /* empty: nobody */
void calls_sending_on(struct calls *cs, struct call *c, bool under_way);
void calls_sent_on(struct calls *cs, struct call *c);
/* Its way so far, JSON; taken over. Written down and shown, at the latest with its end. */
void calls_set_path(struct calls *cs, struct call *c, char *json);
/* Likewise: who has answered, and what became of its message. */
void calls_set_detected(struct calls *cs, struct call *c, char *json);
void calls_set_message(struct calls *cs, struct call *c, char *json);
/* The batch once more. */
void calls_end_batch(const struct call *c, struct store_batch *batch);
void calls_hold(struct call *c);
void calls_release(struct call *c);
/* Live ones; `fn` must not begin or end any. */
typedef void calls_each_fn(void *arg, struct call *c);
void calls_each(struct calls *cs, calls_each_fn *fn, void *arg);
struct call *calls_find(struct calls *cs, const char *id); /* a live one, or NULL */
/* Something of it that is in its record and CDR has changed: its agent, or how that one ended. */
void calls_set_agent(struct calls *cs, struct call *c, const char *agent, const char *result);

/* From the plugins; see plug_events. */
void calls_event(struct calls *cs, struct instance *in, const struct dg_event *ev);
void calls_link(struct calls *cs, struct instance *in, enum dg_link link);

/* After the store is ready and before backends are opened: take up what was
 * live when the gateway ended. `fn` gets DG_OK or why the store could not be read. */
void calls_recover(struct calls *cs, op_fn *fn, void *arg);

/* ---- Requests -------------------------------------------------------------- */

/* Writes `batch`, which holds the new call's record, together with what else belongs to it, and
 * answers by `fn`, once, from the loop. The batch is taken over. */
typedef void calls_write_fn(void *arg, struct store_batch *batch, op_fn *fn, void *fn_arg);

struct call_request {
    const char *id;              /* NULL: a new one */
    const struct dg_write *also; /* written in the call's own transaction, or NULL */
    const char *phone_number;    /* checked by the caller: phone_valid */
    const char *context, *extension, *caller_id; /* NULL: the default */
    const char *endpoint;                        /* what is dialled; NULL: by the template */
    const char *peer;                            /* the call that it will be joined to, or NULL */
    const char *backend; /* by name: which one must carry it; NULL: as it is configured */
    bool controlled;  /* it goes to no place of the dialplan, and waits there for what is asked */
    bool own_place;   /* the place is the gateway's own: whether it is allowed is not asked */
    int priority;     /* 0: the default */
    uint64_t ring_ms; /* 0: the default */
    const struct dg_kv *variables; /* names are identifiers */
    size_t variable_count;
    const char *api, *user;
    int64_t campaign_id, campaign_number_id; /* 0: no campaign's */
    int attempt;                             /* of that number; 0: the first */
    int64_t ivr_menu;             /* that it is led through when it is answered; 0: none */
    const struct call_plan *plan; /* what is done with it before that, or instead; or NULL */
    bool leg;                     /* a part of `peer`: no CDR */
    uint64_t talk_ms;             /* how long it may last from its answer; 0: the default */
    calls_write_fn *write;        /* who writes it down instead; NULL: nobody */
    void *write_arg;
};

struct call_answer {
    enum dg_err err;
    const char *field;   /* DG_EINVAL: which one; else NULL */
    const char *message; /* NULL when err is DG_OK */
    unsigned retry_s;    /* DG_ELIMIT: when it may be worth another try */
    const struct call
        *call; /* DG_OK: as it is now, also when the backend refused it (then failed) */
};
typedef void calls_fn(void *arg, const struct call_answer *answer);

/* DG_EINVAL a field, DG_ELIMIT too many calls, at once or per second, DG_EUNAVAILABLE the store
 * cannot write it down: nothing was dialled. Everything is
 * copied. */
void calls_originate(struct calls *cs, const struct call_request *req, calls_fn *fn, void *arg);
/* DG_ENOTFOUND unknown, DG_ECONFLICT it is over, else the backend's word. cause 0: normal. */
void calls_hangup(struct calls *cs, const char *id, int cause, calls_fn *fn, void *arg);
/* Any channel of the telephone systems, also of others, by its id or its server's name for it.
 * DG_ENOTFOUND: it is not there. */
void calls_hangup_channel(struct calls *cs, const char *id_or_name, op_fn *fn, void *arg);
/* A call in memory or in the store. The answer's call is complete but for what is "kept by
 * calls.c". */
void calls_get(struct calls *cs, const char *id, calls_fn *fn, void *arg);

size_t calls_live(const struct calls *cs);

/* How calls are placed on the backend that carries `c`; NULL, or carried by none: on the active
 * one. */
const struct call_defaults *calls_defaults(const struct calls *cs, const struct call *c);
/* May a request send a call there? */
bool call_context_allowed(const struct call_defaults *d, const char *context);
/* A variable that would let the dialplan leave what the configuration allows. */
bool call_variable_reserved(const char *name);

#endif
