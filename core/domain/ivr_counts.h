/* ivr_counts.h - what callers did in a menu, counted. [any thread; pure] */
#ifndef DOMAIN_IVR_COUNTS_H
#define DOMAIN_IVR_COUNTS_H

#include "domain/ivr_engine.h"

struct ivr_choice_count {
    char keys[IVR_DIGITS_MAX + 2]; /* of the action, not what was pressed: "_XXXX" is one */
    uint64_t times;
};

struct ivr_counts {
    uint64_t entries, repeats, choices, timeouts, invalid;
    uint64_t joined, unreached, recorded;
    uint64_t left; /* callers who hung up here */
    struct ivr_choice_count by_keys[IVR_ACTIONS_MAX * 2];
    size_t key_count; /* keys that do not fit any more are in `choices` alone */
};

/* What the session did in this menu is added. */
void ivr_counts_add_session(struct ivr_counts *c, const struct ivr_session *s, int64_t menu);
void ivr_counts_add(struct ivr_counts *c, const struct ivr_counts *more);
void ivr_counts_write(const struct ivr_counts *c, struct json_writer *w);   /* an object */
void ivr_counts_members(const struct ivr_counts *c, struct json_writer *w); /* of an open one */
void ivr_counts_read(struct ivr_counts *c, const json_t *doc); /* what is missing is 0 */

#endif
