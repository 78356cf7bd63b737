/* admission.h - admission control in front of a backend: how many calls at
 * once, how many new ones per second, and a bounded queue for those that come
 * too fast. [control thread]
 *
 * A telephone server above its knee refuses nothing, it only answers later and
 * later. So new calls are spread out here, by a token bucket that holds a tenth
 * of a second's worth. Whoever would find the queue full, or wait in it for
 * longer than allowed, is refused at once: nothing is gained by waiting first.
 */
#ifndef DOMAIN_ADMISSION_H
#define DOMAIN_ADMISSION_H

#include "base/list.h"
#include "domain/call_metrics.h"
#include "loop/loop.h"

struct call_limits {
    size_t max_active;       /* calls at once; 0: no limit */
    unsigned max_per_second; /* new calls; 0: no limit */
    size_t max_queued;       /* calls that wait for their turn */
    uint64_t queue_ms;       /* the longest wait */
};

struct admission;

/* Somebody who waits; embedded in what is to be admitted. */
struct admission_turn {
    struct link link;
    uint64_t since_us;
    /* Once, from the loop: its turn has come, or (false) will not come any more. */
    void (*fn)(struct admission_turn *turn, bool admitted);
};

struct admission_refusal {
    const char *message; /* for the client */
    unsigned retry_s;    /* when it may be worth another try */
};

enum admission_verdict { ADMISSION_GRANTED, ADMISSION_QUEUED, ADMISSION_REFUSED };

/* `backend` is its name, for the metrics (NULL: none). */
struct admission *admission_new(struct loop *loop, const char *backend,
                                struct call_metrics *metrics);
void admission_free(struct admission *a); /* nobody waits any more: admission_close */
/* Takes effect at once, also for those that wait. */
void admission_limit(struct admission *a, const struct call_limits *limits);

/* While it is held nobody is admitted, for a while: those who come wait, and go on when it is
 * let go or when they have waited for as long as they may. */
void admission_hold(struct admission *a, bool held);

/* GRANTED: go ahead. QUEUED: turn->fn comes. REFUSED: `why` says it. */
enum admission_verdict admission_ask(struct admission *a, struct admission_turn *turn,
                                     struct admission_refusal *why);
void admission_leave(struct admission *a, struct admission_turn *turn); /* out of the queue */
bool admission_waits(const struct admission_turn *turn);

/* How many could be admitted at this moment. */
size_t admission_room(const struct admission *a);

/* The calls that max_active counts. */
void admission_call_begins(struct admission *a);
void admission_call_ends(struct admission *a);

void admission_close(struct admission *a); /* all that wait are refused, in order */

#endif
