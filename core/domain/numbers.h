/* numbers.h - the numbers of a campaign: read, added, deleted, many at once.
 * [control thread]
 *
 * What is changed goes by the ledger. A change of many is made a page at a
 * time, each page as a whole; numbers that are being dialled meanwhile are left
 * alone.
 */
#ifndef DOMAIN_NUMBERS_H
#define DOMAIN_NUMBERS_H

#include "domain/ledger.h"

struct number_list {
    enum dg_err err;
    const char *message;
    const struct number *numbers; /* lent; by id */
    size_t count;
};
typedef void number_list_fn(void *arg, const struct number_list *list);

struct number_query {
    int64_t campaign;
    const char *status; /* NULL: any */
    int64_t after;      /* only ids above it; 0: from the beginning */
    uint64_t offset, limit;
};
void numbers_list(struct store *store, const struct number_query *query, number_list_fn *fn,
                  void *arg);

/* The list has the number, or `err` is DG_ENOTFOUND. */
void numbers_get(struct store *store, int64_t id, number_list_fn *fn, void *arg);

/* ---- Adding ------------------------------------------------------------------------------ */

#define NUMBERS_PAGE 2000 /* in one write: the store's other users wait no longer than for it */

struct number_new {
    const char *phone_number; /* 1..NUMBER_PHONE_MAX characters */
    const char *data;         /* a JSON object as text; NULL: none */
    const char *timezone;     /* NULL: the campaign's */
    unsigned priority;
};

struct numbers_answer {
    enum dg_err err;
    const char *message; /* NULL when err is DG_OK */
    uint64_t count;      /* added or changed, also when there was an error behind them */
};
typedef void numbers_fn(void *arg, const struct numbers_answer *answer);

/* In their order. The list is lent until `fn` comes. */
void numbers_add(struct ledger *ledger, struct loop *loop, int64_t campaign,
                 const struct number_new *list, size_t count, numbers_fn *fn, void *arg);

/* ---- Deleting, beginning anew ------------------------------------------------------------ */

/* DG_ENOTFOUND, DG_ECONFLICT: it is being dialled. */
void numbers_delete(struct store *store, struct ledger *ledger, int64_t id, numbers_fn *fn,
                    void *arg);

enum number_action {
    NUMBERS_DELETE,
    NUMBERS_RESET,   /* as if never dialled */
    NUMBERS_REQUEUE, /* pending at once, with the attempts that were made */
};

struct number_filter {
    int64_t campaign;
    unsigned statuses;        /* one bit each, 1 << NUMBER_BUSY; 0: all that are not in a call */
    const char *phone_number; /* begins with; NULL: any */
    int64_t min_attempts, max_attempts;     /* -1: any */
    int64_t created_from_ms, created_to_ms; /* from and before; 0: any */
};

/* Numbers in a call are left alone: calling and answered. The filter is copied. */
void numbers_apply(struct store *store, struct ledger *ledger, const struct number_filter *filter,
                   enum number_action action, numbers_fn *fn, void *arg);

#endif
