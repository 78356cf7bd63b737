/* collections.h - what the gateway keeps: every collection with the fields it
 * is searched, sorted and counted by. Members of a document that are not
 * listed are kept all the same. */
#ifndef DATA_COLLECTIONS_H
#define DATA_COLLECTIONS_H

#include "dialgate/storage.h"

#define COLLECTION_USERS        "users"  /* serial ids */
#define COLLECTION_TOKENS       "tokens" /* serial ids */
#define COLLECTION_CALLS        "calls"  /* id: the call's */
#define COLLECTION_CDR          "cdr"    /* id: the call's, so that a call has one record at most */
#define COLLECTION_META         "meta" /* id: what it is about; facts of the installation itself */
#define COLLECTION_IDEMPOTENCY  "idempotency"  /* id: a digest of principal, route and key */
#define COLLECTION_EVENTS       "events"       /* id: node and first number of a batch of events */
#define COLLECTION_WEBHOOKS     "webhooks"     /* serial ids */
#define COLLECTION_DELIVERIES   "deliveries"   /* id: a UUIDv7; an event on its way to a webhook */
#define COLLECTION_MOCK_NUMBERS "mock_numbers" /* id: a UUIDv7; changes, in their order */
#define COLLECTION_CAMPAIGNS    "campaigns"    /* serial ids */
#define COLLECTION_CAMPAIGN_COUNTS                                                                 \
    "campaign_counts"                  /* id: the campaign's; only the ledger writes it */
#define COLLECTION_NUMBERS  "numbers"  /* serial ids; only the ledger writes them */
#define COLLECTION_DNC      "dnc"      /* id: the digits of a number that is not to be called */
#define COLLECTION_MARKS    "marks"    /* id: what was changed; data/marks.h */
#define COLLECTION_NODES    "nodes"    /* id: the gateway's name */
#define COLLECTION_COMMANDS "commands" /* id: a UUIDv7; what one asks of another */

#define COLLECTION_IVR_MENUS  "ivr_menus"  /* from a counter in meta; with their actions */
#define COLLECTION_IVR_COUNTS "ivr_counts" /* id: the menu's; what callers did in it */

extern const struct dg_collection collections[];
extern const size_t collection_count;

const struct dg_collection *collection_find(const char *name); /* NULL: no such collection */

#endif
