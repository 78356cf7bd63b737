/* campaigns_private.h - what the files of the campaigns share. */
#ifndef DOMAIN_CAMPAIGNS_PRIVATE_H
#define DOMAIN_CAMPAIGNS_PRIVATE_H

#include "base/list.h"
#include "data/serials.h"
#include "domain/campaigns.h"

#define CAMPAIGN_ID_SIZE 24

struct campaigns {
    struct store *store;
    struct ledger *ledger;
    struct loop *loop;
    struct link sweeps; /* what deleted campaigns have left, being deleted */
};

void campaign_id_text(int64_t id, char out[CAMPAIGN_ID_SIZE]);

/* A deleted campaign has a sign in `meta` until nothing of it is left (campaigns_sweep.c). */
#define CAMPAIGN_SIGN      "campaign_deleted_"
#define CAMPAIGN_SIGN_SIZE (sizeof CAMPAIGN_SIGN + CAMPAIGN_ID_SIZE)
void campaign_sign(int64_t id, char out[CAMPAIGN_SIGN_SIZE]);
void campaign_sweep(struct campaigns *cs, int64_t id);
void campaign_sweeps_free(struct campaigns *cs);

#endif
