/* history.h - calls of now and before, newest first. [control thread]
 *
 * Read from the store; those that are live show as they are now. A place in the
 * list is told by the last call that was seen (`before`), so that new calls and
 * other pages cannot shift it.
 */
#ifndef DOMAIN_HISTORY_H
#define DOMAIN_HISTORY_H

#include "domain/calls.h"

struct history_query {
    unsigned states;                            /* one bit each, 1 << CALL_BUSY; 0: any */
    const char *phone_number, *direction, *api; /* NULL: any */
    int64_t from_ms, to_ms;                     /* created at from_ms or later, before to_ms; 0 */
    int64_t before_ms;                          /* after the call `before_id`, which was created */
    const char *before_id;                      /* at before_ms; NULL: from the beginning */
    uint64_t offset, limit;
    bool total; /* count them all */
};

struct history_answer {
    enum dg_err err;
    const char *message;
    const struct call *const *calls; /* lent for the callback */
    size_t count;
    bool more;           /* there are further ones, behind this one: */
    const char *last_id; /* the last that was read, also when it is not shown */
    int64_t last_ms;
    uint64_t total; /* when it was asked for */
};
typedef void history_fn(void *arg, const struct history_answer *answer);

void calls_history(struct calls *cs, const struct history_query *query, history_fn *fn, void *arg);

#endif
