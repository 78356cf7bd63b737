/* campaigns.h - campaigns: whom to call, how, and what with those who answer.
 * [control thread]
 *
 * They live in the store, which other gateways share, and are read anew for
 * each request. A change is made to what was read, and written under the
 * version that was read; where somebody was faster it is made again. The counts
 * of a campaign's numbers and calls are kept by the ledger (ledger.h), in a
 * document of their own: it is there as long as the campaign is.
 */
#ifndef DOMAIN_CAMPAIGNS_H
#define DOMAIN_CAMPAIGNS_H

#include "data/keyset.h"
#include "data/store.h"
#include "domain/calling_hours.h"
#include "domain/ledger.h"
#include "domain/pacing.h"
#include "domain/retry.h"

enum campaign_status { CAMPAIGN_STOPPED, CAMPAIGN_RUNNING, CAMPAIGN_PAUSED, CAMPAIGN_STATUSES };
enum campaign_trunk { TRUNK_CUSTOM, TRUNK_PJSIP, TRUNK_SIP, TRUNKS };
enum campaign_dest { DEST_CUSTOM, DEST_EXTEN, DEST_IVR, DEST_QUEUE, DESTS };

#define CAMPAIGN_CALLERIDS_MAX 100

struct campaign {
    int64_t id;
    uint64_t version;
    enum campaign_status status;
    char *name, *description; /* "" where there is none */
    enum campaign_trunk trunk_type;
    char *trunk_value;
    char *callerid;   /* NULL: none */
    char **callerids; /* each call shows the next of them; without any it is `callerid` */
    size_t callerid_count;
    enum campaign_dest dest_type;
    char *dest_value;
    bool record_calls;
    unsigned concurrent_calls, retry_times, retry_delay_s;
    unsigned dial_timeout_s, call_timeout_s;
    enum pacing_rule pacing;
    unsigned max_calls_per_second; /* 0: any number */
    unsigned priority;             /* 0..100, higher first */
    char *timezone;                /* NULL: the server's */
    bool dnc;                      /* the do-not-call list is looked at before dialling */
    bool retry_spread;
    json_t *calling_hours, *retry_rules;  /* as they were given; NULL: none */
    struct calling_hours hours;           /* the same, read */
    struct retry_plan retry;              /* with times, delay and spread from above */
    int64_t created_at_ms, updated_at_ms; /* updated 0: never */
    char *lease_node;                     /* who paces it, or did; NULL: nobody yet */
    int64_t lease_until_ms;
};

/* ---- As records ------------------------------------------------------------------- */

struct campaign *campaign_new(void);    /* with the defaults, stopped */
void campaign_free(struct campaign *c); /* NULL is fine */
void campaign_write(const struct campaign *c, struct buf *out);
/* NULL: the document is none of a campaign. */
struct campaign *campaign_read(const char *id, uint64_t version, const json_t *doc);
/* Of the list of hours or rules; after retry_times, retry_delay_s and retry_spread. NULL: none. */
bool campaign_set_hours(struct campaign *c, const json_t *hours, struct problem *problem);
bool campaign_set_rules(struct campaign *c, const json_t *rules, struct problem *problem);
/* false: too many, or one is no text. */
bool campaign_set_callerids(struct campaign *c, const json_t *list);
void campaign_set_text(char **where, const char *text); /* NULL and "" are NULL */

const char *campaign_status_name(enum campaign_status s);
bool campaign_status_parse(const char *name, enum campaign_status *out);
const char *campaign_trunk_name(enum campaign_trunk t);
bool campaign_trunk_parse(const char *name, enum campaign_trunk *out);
const char *campaign_dest_name(enum campaign_dest d);
bool campaign_dest_parse(const char *name, enum campaign_dest *out);

/* ---- In the store ------------------------------------------------------------------- */

struct campaigns;

struct campaigns *campaigns_new(struct store *store, struct ledger *ledger, struct loop *loop);
/* After the store is ready: goes on with deletions that were cut off. */
void campaigns_recover(struct campaigns *cs);
void campaigns_free(struct campaigns *cs); /* after the store, like the ledger */

struct campaign_answer {
    enum dg_err err;
    const char *message;             /* NULL when err is DG_OK */
    const struct campaign *campaign; /* lent; NULL unless err is DG_OK */
    const struct campaign_counts *counts;
};
typedef void campaign_fn(void *arg, const struct campaign_answer *answer);

/* DG_ENOTFOUND, or the store's word. With its counts. */
void campaigns_get(struct campaigns *cs, int64_t id, campaign_fn *fn, void *arg);
/* id, version and times are the store's. The status is always stopped. */
void campaigns_add(struct campaigns *cs, const struct campaign *campaign, campaign_fn *fn,
                   void *arg);

/* Makes a change to what was read; may be called again when somebody else was faster, then with
 * what is there now. false: it is not to be written, `problem` says why, and the answer too. */
typedef bool campaign_edit_fn(void *ctx, struct campaign *c, struct problem *problem);
void campaigns_change(struct campaigns *cs, int64_t id, campaign_edit_fn *edit, void *ctx,
                      campaign_fn *fn, void *arg);

/* Its numbers go with it, by and by; its CDRs stay, as those of no campaign. DG_ECONFLICT: it is
 * running. */
void campaigns_delete(struct campaigns *cs, int64_t id, campaign_fn *fn, void *arg);

struct campaign_entry {
    struct campaign *campaign;
    struct campaign_counts counts;
};
struct campaign_list {
    enum dg_err err;
    const char *message;
    const struct campaign_entry *entries; /* lent; newest first */
    size_t count;
    uint64_t total; /* of all pages; with `limit` only */
};
typedef void campaign_list_fn(void *arg, const struct campaign_list *list);

struct campaign_query {
    const char *status;     /* NULL: any */
    struct keyset after;    /* with it there is no total */
    uint64_t offset, limit; /* 0: all */
};
void campaigns_list(struct campaigns *cs, const struct campaign_query *query, campaign_list_fn *fn,
                    void *arg);

#endif
