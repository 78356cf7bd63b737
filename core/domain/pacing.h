/* pacing.h - how many numbers a campaign dials now. [any thread; pure]
 *
 * A function of what is counted at this moment, with no clock and no state, so
 * that every rule can be tested as a table and another one added beside it.
 */
#ifndef DOMAIN_PACING_H
#define DOMAIN_PACING_H

#include <stdbool.h>
#include <stdint.h>

enum pacing_rule {
    PACING_FIXED,       /* keep `concurrent` calls up */
    PACING_PROGRESSIVE, /* never more ringing than agents are free to take them */
    PACING_RULES,
};

/* What kept the number of dials from being higher, the tightest of them. */
enum pacing_bound {
    PACING_UNBOUND,     /* as many as were asked for: no numbers are left to dial */
    PACING_CONCURRENCY, /* the campaign's calls */
    PACING_AGENTS,      /* progressive: no agent free who is not spoken for */
    PACING_RATE,        /* calls per second, of the campaign or of all */
    PACING_BACKEND,     /* the backend's calls or its link */
    PACING_BOUNDS,
};

struct pacing_input {
    enum pacing_rule rule;
    uint64_t due;         /* numbers that may be dialled now */
    unsigned concurrent;  /* how many calls the campaign may have */
    unsigned live;        /* how many it has: dialling, ringing and answered */
    unsigned ringing;     /* those of them that nobody has answered yet */
    unsigned waiting;     /* those answered that no agent has been given yet */
    unsigned agents_free; /* who could take one now; progressive only */
    unsigned rate_room;   /* calls that the rates allow to begin now */
    unsigned backend_room;
};

struct pacing_output {
    unsigned dial;
    enum pacing_bound bound;
};

struct pacing_output pacing_decide(const struct pacing_input *in);

const char *pacing_rule_name(enum pacing_rule rule); /* "fixed", "progressive" */
bool pacing_rule_parse(const char *name, enum pacing_rule *out);
/* "concurrency", "agents", "rate", "backend"; "numbers" where nothing else bounds */
const char *pacing_bound_name(enum pacing_bound bound);

#endif
