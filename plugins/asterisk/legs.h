/* legs.h - what is remembered about each living leg: only what later events
 * need (see fate.h), and what calls() cannot learn from Asterisk.
 */
#ifndef ASTERISK_LEGS_H
#define ASTERISK_LEGS_H

#include "dialgate/backend.h"
#include "fate.h"
#include "table.h"

struct leg {
    struct entry by_id, by_name;
    char *id, *name, *callee, *bridge;
    char *arguments;                      /* of its originate, told when it is under control */
    char *application, *application_data; /* last seen, where not every event shows it */
    char *language;                       /* that it had when it was created, or NULL */
    char *spoken;                         /* that was set since for what it hears, or NULL */
    struct fate fate;
    int hangup_cause, sip_code; /* of its hangup request: why the far end refused */
    int learned_sip;            /* the SIP code behind fate.learned_cause */
    enum dg_direction direction;
    bool started; /* the core has been told of it */
    bool ringing, progress, held, muted, controlled, hanging_up;
    bool answer_told; /* to the core, by an event */
    bool expected;    /* an originate for it is under way: kept after its end */
    bool ended;       /* it has, while it was expected */
    bool ending;      /* it has, but why is not known yet */
    bool given_up;    /* its originate was answered with a failure that leaves doubt */
    int64_t started_at_ms, answered_at_ms, state_since_ms;
    uint64_t shown; /* a hash of what the core was last told */
};

struct legs {
    struct table by_id, by_name;
    size_t given_up;
    /* Who ended last: late events and a list asked for before the end may still name them. */
    struct table gone;
    struct gone *first_gone, *last_gone;
};
#define LEGS_GONE 4096

struct leg *legs_find(const struct legs *l, const char *id);
struct leg *legs_named(const struct legs *l, const char *id_or_name);
struct leg *legs_add(struct legs *l, const char *id); /* or the one there is */
void legs_name(struct legs *l, struct leg *leg, const char *name);
/* The other half of a Local channel, or NULL. */
struct leg *legs_twin(const struct legs *l, const struct leg *leg);
bool legs_is_far_half(const char *name); /* "Local/1@a-00000004;2" */
void legs_drop(struct legs *l, struct leg *leg);
void legs_ended(struct legs *l, struct leg *leg); /* drops it, or keeps it while expected */
void legs_clear(struct legs *l);                  /* all but the expected and the given up */
void legs_free(struct legs *l);

/* An originate begins and ends. A leg given up that shows itself later is to be ended; at most
 * LEGS_GIVEN_UP are remembered. */
#define LEGS_GIVEN_UP 1000
struct leg *legs_expect(struct legs *l, const char *id);
void legs_settle(struct legs *l, const char *id, bool given_up);

bool legs_is_gone(const struct legs *l, const char *id);

#endif
