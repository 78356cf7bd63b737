/* mock_numbers.h - numbers that clients under development want to be told to
 * be in a call, for a while. [control thread, unless said otherwise]
 *
 * They are no channels: no backend knows of them, and they answer whether a
 * backend is there or not. All gateways on one store agree on them: each
 * change is a document (some added, some taken away, all cleared), and the
 * numbers are what all of these make in the order of their ids. Another
 * gateway's changes are looked for when it says so, and once a second. Without a store they are
 * this gateway's own.
 */
#ifndef DOMAIN_MOCK_NUMBERS_H
#define DOMAIN_MOCK_NUMBERS_H

#include "base/err.h"
#include "base/metrics.h"
#include "data/notes.h"
#include "domain/mock_ranges.h"

struct mock_numbers;

#define MOCK_NUMBERS_MAX 400000 /* more would not fit into one answer of /mock-status */
struct mock_settings {
    uint64_t lifetime_ms; /* of a number, from when it was last added */
    size_t max_numbers;   /* at once */
};

struct mock_numbers_config {
    struct loop *loop;
    struct store *store;
    bool stored;         /* there is a store */
    struct notes *notes; /* NULL: this gateway is alone */
    unsigned readers;
    struct metrics *metrics; /* NULL: none */
    struct mock_settings settings;
};

struct mock_numbers *mock_numbers_new(const struct mock_numbers_config *config);
/* When nobody asks or reads any more. `fn` comes when the store has answered what it was asked, and
 * is before the store is freed. */
void mock_numbers_close(struct mock_numbers *m, dg_fn *fn, void *arg);
/* For numbers that are added from now on. */
void mock_numbers_set(struct mock_numbers *m, const struct mock_settings *settings);
/* Reads what the store has; once, before others ask. */
void mock_numbers_load(struct mock_numbers *m, dg_fn *fn, void *arg);

/* ---- Changing ---------------------------------------------------------------------- */

struct mock_answer {
    enum dg_err err;     /* DG_ELIMIT: too many; DG_EUNAVAILABLE: the store does not take them */
    const char *message; /* NULL when err is DG_OK */
    unsigned retry_s;    /* DG_ELIMIT: when some will have expired */
    size_t count;        /* of numbers that were cleared, or removed */
    int64_t expires_ms;  /* of what was added */
    uint64_t lifetime_ms;
};
typedef void mock_answer_fn(void *arg, const struct mock_answer *answer);

/* On a later turn. The items are copied. */
void mock_numbers_add(struct mock_numbers *m, const struct mock_item *items, size_t count,
                      mock_answer_fn *fn, void *arg);
void mock_numbers_remove(struct mock_numbers *m, uint32_t key, mock_answer_fn *fn, void *arg);
void mock_numbers_clear(struct mock_numbers *m, mock_answer_fn *fn, void *arg);

/* ---- Reading: on the reader's thread, without a lock --------------------------------- */

/* Is this key (phone_key) one of them? */
bool mock_numbers_find(struct mock_numbers *m, unsigned reader, uint32_t key,
                       struct mock_range *out);
/* All that have not expired, by their keys, lent for the call. */
typedef void mock_numbers_fn(void *arg, const struct mock_range *range);
void mock_numbers_each(struct mock_numbers *m, unsigned reader, mock_numbers_fn *fn, void *arg);
uint64_t mock_numbers_lifetime(const struct mock_numbers *m);

#endif
