/* queues.h - the telephone systems' queues: who waits, who works in them, and
 * changes of that. [control thread]
 *
 * Nothing is kept here: the backends are asked, or where one has no word for
 * queues, its companion. A change goes to the backend that has the queue, and
 * is answered with the member as that one shows it afterwards.
 */
#ifndef DOMAIN_QUEUES_H
#define DOMAIN_QUEUES_H

#include "domain/gather.h"

#define QUEUE_NAME_MAX     80
#define MEMBER_MAX         100
#define MEMBER_PENALTY_MAX 10000

/* NULL: it can be one. Else why not, in a sentence. */
const char *queue_name_refusal(const char *name);
const char *member_refusal(const char *interface); /* "PJSIP/8001", "Local/8001@agents/n" */

struct queues_answer {
    enum dg_err err;
    const char *field;   /* DG_EINVAL: which; else NULL */
    const char *message; /* NULL when err is DG_OK */
    /* Of dg_queue, dg_queue_member and dg_queue_caller. */
    const struct gathered *queues, *members, *callers;
    size_t queue_count, member_count, caller_count;
};
/* `answer` is lent, on a later turn. */
typedef void queues_fn(void *arg, const struct queues_answer *answer);

/* `name`: of one, with all that is to be known of it, DG_ENOTFOUND if nobody has it; NULL: all
 * queues, without callers where a backend cannot tell them. `backend` NULL: of all backends. */
void queues_ask(struct calls *cs, const char *name, const char *backend, queues_fn *fn, void *arg);

/* What is wanted of a member; copied. */
struct member_request {
    const char *queue, *interface;
    const char *backend; /* NULL: the first that has the queue, with this member unless it is new */
    bool add, remove;    /* one of them at most */
    const char *name;    /* add: as people call it, or NULL */
    bool sets_paused, paused;
    const char *reason; /* of a pause, or NULL */
    bool sets_penalty;
    uint32_t penalty;
};
/* DG_ENOTFOUND: no such queue or member; DG_ECONFLICT: it is one already, or cannot be removed. The
 * answer's one member is as it is now; after a removal there is none. */
void queues_change(struct calls *cs, const struct member_request *req, queues_fn *fn, void *arg);

#endif
