/* dialer.h - dials the numbers of running campaigns. [control thread]
 *
 * A running campaign is paced by the one gateway that holds its lease. A number
 * is taken by that gateway, written down as `calling` with the id that its call
 * will have, and only then dialled: whatever dies in between, what is in the
 * store tells how far it had come, and no attempt is dialled twice. Every change
 * of a number goes by the ledger (ledger.h), which keeps the counts.
 *
 *   dialer.c          which campaigns run here; when there is something to do
 *   dialer_lease.c    who paces a campaign
 *   dialer_pace.c     how many calls begin now
 *   dialer_agents.c   how many agents of a queue are free
 *   dialer_claim.c    numbers that are due: taken, checked, written down
 *   dialer_attempt.c  one attempt, from the call to the number's next state
 *   dialer_agent.c    the second leg of an answered call
 *   dialer_follow.c   calls that live here and are not followed yet
 *   dialer_recover.c  attempts that another run, or another gateway, left behind
 *   dialer_orders.c   start, stop, pause, resume
 *   dialer_why.c      what keeps a campaign from dialling
 *   dialer_rules.c    the pure rules: what becomes of a number, what is dialled
 */
#ifndef DOMAIN_DIALER_H
#define DOMAIN_DIALER_H

#include "domain/calls.h"
#include "domain/control.h"
#include "domain/pacing.h"

struct dialer;
struct ledger;
struct notes;

struct dialer_config {
    struct loop *loop;
    struct metrics *metrics; /* NULL: none */
    struct store *store;
    struct bus *bus;
    struct calls *calls;
    struct control *control;
    struct ledger *ledger;
    struct notes *notes; /* NULL: no other gateway */
    const char *node;
    const char *timezone; /* of campaigns that name none */
};

struct dialer *dialer_new(const struct dialer_config *config);
/* Once, after calls_recover: looks for running campaigns and for what was left behind. */
void dialer_start(struct dialer *d);
/* Nothing new is dialled; leases are given back. Before calls_stop. */
void dialer_stop(struct dialer *d);
/* After the backends were closed: `fn` comes when nobody is asked for anything any more but the
 * ledger, and then calls and control may go. */
void dialer_close(struct dialer *d, dg_fn *fn, void *arg);
void dialer_free(struct dialer *d); /* after the ledger; NULL is fine */

/* A campaign was changed or deleted, or numbers of it were added, reset or deleted: look again.
 * Cheap, and only a hint: without it the same is seen half a second later, or two. Not needed after
 * dialer_command. Any gateway, also one that does not pace the campaign. */
void dialer_wake(struct dialer *d, int64_t campaign);
/* All campaigns in the store are looked at, as is done every two seconds: after changes of many. */
void dialer_look(struct dialer *d);

/* ---- Start, stop, pause, resume ------------------------------------------------------------ */

enum dialer_order { DIALER_START, DIALER_STOP, DIALER_PAUSE, DIALER_RESUME };

struct dialer_answer {
    enum dg_err err;
    const char *message; /* for the client; NULL when err is DG_OK */
};
typedef void dialer_fn(void *arg, const struct dialer_answer *answer);

/* All of start, stop, pause and resume, on any gateway: `fn` comes once, on a later turn.
 *
 *   DG_OK           it is durable; a stop: and its calls are over, its numbers pending again with
 * no attempts (of calls that do not end the answer comes after five seconds) DG_ENOTFOUND "Campaign
 * not found" DG_ECONFLICT    its status does not allow it; the sentence is that of the published
 * description, "Campaign is already running" DG_EINVAL       start and resume: it cannot be dialled
 * as it is; the sentence names the field others          the store's word: DG_EUNAVAILABLE,
 * DG_ETIMEOUT
 *
 * The status of the campaign afterwards is the order's: running, stopped, paused, running. */
void dialer_command(struct dialer *d, int64_t campaign, enum dialer_order order, dialer_fn *fn,
                    void *arg);

/* ---- Asking -------------------------------------------------------------------------------- */

/* Calls of a campaign on this gateway. */
struct dialer_live {
    unsigned calling;  /* not answered yet */
    unsigned answered; /* and not over */
    unsigned agents;   /* second legs among the channels beside them */
};
struct dialer_live dialer_live(const struct dialer *d, int64_t campaign);

#define DIALER_REASONS_MAX 12

struct dialer_reason {
    const char *code; /* "window_closed"; a constant */
    char text[200];
};

/* Why a campaign is not dialling more at this moment. */
struct dialer_why {
    const char *status; /* the campaign's */
    bool dialing;       /* numbers would be dialled now: then there is no reason */
    struct dialer_reason reasons[DIALER_REASONS_MAX];
    size_t reason_count; /* the most telling first */
    const char *node;    /* who paces it; NULL: nobody */
    int64_t lease_until_ms;
    bool window_open;
    int64_t window_changes_ms; /* when it closes or opens next; 0: not within a week */
    unsigned concurrent, calling, answered;
    uint64_t pending, due; /* numbers; `due`: those that may be dialled now */
    int64_t next_due_ms;   /* of the first that is not due yet; 0: none */
    unsigned rate_per_second, rate_room;
    const char *backend; /* to which new calls would go; NULL: none */
    bool backend_up;
};
typedef void dialer_why_fn(void *arg, enum dg_err err, const char *message,
                           const struct dialer_why *why);

/* From the functions that decide. DG_ENOTFOUND "Campaign not found", or the store's word; `why` is
 * lent, and NULL then. Of a campaign that another gateway paces it says which one does. */
void dialer_why(struct dialer *d, int64_t campaign, dialer_why_fn *fn, void *arg);

#endif
