/* idempotency.h - one call per key, however often it is asked for. [control thread]
 *
 * Whoever does not know what became of his request repeats it under the same
 * key, and is given the answer of the first. The record of a key is written in
 * one transaction with its call, before that is dialled, and the answer is added
 * to it before it is given; so a crash at any moment leaves either nothing, and
 * the repetition is a first request, or a record that leads to the call: then
 * its fate is awaited and told, and it is never dialled again.
 *
 * While the first is under way others wait for its answer, for a while. What
 * was refused before anything was written (a wrong field, a limit, the store
 * away) is not remembered: it may be tried again. Without a store all this holds
 * in memory, for the newest keys.
 */
#ifndef DOMAIN_IDEMPOTENCY_H
#define DOMAIN_IDEMPOTENCY_H

#include "base/metrics.h"
#include "domain/idempotency_record.h"
#include "domain/nodes.h"

struct idempotency;

struct idempotency_settings {
    uint64_t lifetime_ms;  /* how long a key is remembered */
    uint64_t wait_ms;      /* how long a repetition waits for the first */
    size_t max_remembered; /* keys in memory, where there is no store */
};

struct idempotency_config {
    struct loop *loop;
    struct store *store;
    struct calls *calls;
    struct bus *bus;
    struct notes *notes; /* NULL, both: this gateway is alone */
    struct nodes *nodes;
    struct metrics *metrics; /* NULL: none */
    struct idempotency_settings settings;
};

struct idempotency *idempotency_new(const struct idempotency_config *config);
/* For keys that come from now on. */
void idempotency_set(struct idempotency *im, const struct idempotency_settings *settings);
/* Whoever waits still is told that the gateway stops; nobody asks any more. */
void idempotency_free(struct idempotency *im);

#define IDEMPOTENCY_FIELD                                                                          \
    "idempotency-key" /* of an answer with DG_EINVAL that is about the key                         \
                       */

/* All that it points at is lent until `fn` is called. */
struct idempotency_request {
    struct idempotency_scope scope;
    const struct call_request *call; /* its `id` and `also` are not used */
    calls_render_fn *render;         /* the answer of a call that was placed, or failed */
};

struct idempotency_answer {
    enum dg_err err;
    const char *field, *message; /* as in struct call_answer */
    unsigned retry_s;
    struct dg_bytes body; /* DG_OK: as it was rendered */
    bool replayed;        /* another request's answer */
};
typedef void idempotency_fn(void *arg, const struct idempotency_answer *answer);

/* As calls_originate; besides DG_EINVAL with IDEMPOTENCY_FIELD: the key was used for something
 * else, DG_ECONFLICT: the first is still under way. */
void idempotency_originate(struct idempotency *im, const struct idempotency_request *req,
                           idempotency_fn *fn, void *arg);

#endif
