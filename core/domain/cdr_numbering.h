/* cdr_numbering.h - numbers for CDRs that were written before they had any.
 * [control thread] */
#ifndef DOMAIN_CDR_NUMBERING_H
#define DOMAIN_CDR_NUMBERING_H

#include "data/serials.h"

struct cdr_numbering;

/* Goes through them by and by, oldest first; there is nothing to wait for. */
struct cdr_numbering *cdr_numbering_start(struct store *store, struct loop *loop,
                                          struct serials *numbers);
void cdr_numbering_free(struct cdr_numbering *n); /* after the store; NULL is fine */

#endif
