/* serials.h - whole numbers that are given once, from counters in the store.
 * [control thread]
 *
 * A counter is a document of `meta`. Numbers are taken from it durably, several
 * at a time if many are needed; those that were taken and not used are lost.
 */
#ifndef DATA_SERIALS_H
#define DATA_SERIALS_H

#include "data/store.h"
#include "loop/loop.h"

#define SERIAL_CAMPAIGNS   "campaign_ids"
#define SERIAL_CDR         "cdr_numbers"
#define SERIAL_IVR_MENUS   "ivr_menu_ids"
#define SERIAL_IVR_ACTIONS "ivr_action_ids"

/* DG_OK: `first` and the `count` - 1 after it are the caller's. */
typedef void serials_fn(void *arg, enum dg_err err, const char *message, int64_t first);
void serials_take(struct store *store, const char *counter, unsigned count, serials_fn *fn,
                  void *arg);

/* ---- One at a time, without waiting ---------------------------------------------------- */

struct serials;

/* Takes `block` numbers at a time, the next block before the last one is used up. */
struct serials *serials_new(struct store *store, struct loop *loop, const char *counter,
                            unsigned block);
/* `fn` comes when there are numbers, or the store is disabled: then they count from 1. DG_OK or why
 * the store did not give any. */
void serials_ready(struct serials *s, op_fn *fn, void *arg);
int64_t serials_next(struct serials *s); /* 0: none at hand, the store is away */
void serials_free(struct serials *s);    /* after the store */

#endif
