/* cdrs.h - call detail records as they are searched: one per call that is over.
 * [control thread] */
#ifndef DOMAIN_CDRS_H
#define DOMAIN_CDRS_H

#include <jansson.h>

#include "data/keyset.h"
#include "data/store.h"

struct cdr_filter {
    int64_t campaign;        /* 0: any */
    const char *disposition; /* NULL: any */
    int64_t from_ms, to_ms;  /* begun at from_ms or later, before to_ms; 0: any */
    const char *search;      /* is part of the caller's id, the number or the agent; NULL */
};

/* A record; texts are lent and may be NULL. */
struct cdr {
    int64_t number;                          /* counts all of them */
    int64_t campaign_id, campaign_number_id; /* 0: none */
    const char *campaign_name;
    const char *call_id, *caller_id, *phone_number, *agent, *disposition;
    const char *recording; /* the first file, without extension */
    int64_t started_ms, answered_ms, ended_ms, duration_s, billsec;
    int cause;
    const char *cause_text;
    const json_t *ivr;           /* its way through menus; NULL: it was in none */
    const json_t *amd, *message; /* who has answered, and what he heard; or NULL */
};

struct cdr_list {
    enum dg_err err;
    const char *message;
    const struct cdr *records; /* lent; newest first */
    size_t count;
    uint64_t total; /* of all pages, if it was asked for */
};
typedef void cdr_list_fn(void *arg, const struct cdr_list *list);

struct cdr_query {
    struct cdr_filter filter;
    struct keyset after;
    uint64_t offset, limit;
    bool total; /* count them all */
};
/* Everything is copied. */
void cdrs_list(struct store *store, const struct cdr_query *query, cdr_list_fn *fn, void *arg);
/* One, by its number; none: DG_ENOTFOUND. */
void cdrs_get(struct store *store, int64_t number, cdr_list_fn *fn, void *arg);

enum cdr_disposition { CDR_ANSWERED, CDR_NO_ANSWER, CDR_BUSY, CDR_FAILED, CDR_CANCELLED, CDR_ENDS };
const char *cdr_disposition_name(enum cdr_disposition d);
bool cdr_disposition_known(const char *name);

struct cdr_stats {
    enum dg_err err;
    const char *message;
    int64_t calls[CDR_ENDS];
    int64_t total, duration_s, billsec;
};
typedef void cdr_stats_fn(void *arg, const struct cdr_stats *stats);
void cdrs_stats(struct store *store, const struct cdr_filter *filter, cdr_stats_fn *fn, void *arg);

#endif
