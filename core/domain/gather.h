/* gather.h - one question to all backends that can tell, their answers put
 * together. [control thread]
 *
 * A backend that cannot tell is left out; where it has a companion that can,
 * that one is asked, since it sees the same server. Only when nobody has told
 * anything does the asker hear why: from those that were asked, or why the
 * active backend cannot be.
 */
#ifndef DOMAIN_GATHER_H
#define DOMAIN_GATHER_H

#include "base/mem.h"
#include "domain/calls.h"

typedef void gather_ask_fn(struct instance *in, const struct dg_filter *req, op_fn *fn, void *arg);

struct gather_question {
    const char *function; /* of the backend, "queues" */
    gather_ask_fn *ask;
    const struct op_kind *kind; /* of what it yields */
    const char *what;           /* for people: "queues" */
    const char *text;           /* of the filter, or NULL */
    const char *backend;        /* by name: this one alone, or its companion; NULL: all */
    bool apart;                 /* what a companion tells is not what its backend tells */
};

struct gathered {
    const void *item; /* of the question's kind */
    const char *backend;
};

struct gather_answer {
    enum dg_err err;
    const char *message;          /* NULL when err is DG_OK */
    const struct gathered *items; /* of the active backend first, then by the backends' age */
    size_t count;
};
/* `answer` is lent, on a later turn. */
typedef void gather_fn(void *arg, const struct gather_answer *answer);

/* The question and its texts are needed only until it returns, `function`, `what` and `kind` for
 * ever. */
void gather(struct calls *cs, const struct gather_question *question, gather_fn *fn, void *arg);

/* Who would be asked; at most GATHER_MAX. */
#define GATHER_MAX 32
size_t gather_whom(struct calls *cs, const struct gather_question *question,
                   struct instance *out[GATHER_MAX]);
/* Why nobody would be: DG_EUNSUPPORTED, DG_EUNAVAILABLE, or DG_ENOTFOUND for a backend that is
 * not open. */
enum dg_err gather_refusal(struct calls *cs, const struct gather_question *question,
                           struct problem *why);

#endif
