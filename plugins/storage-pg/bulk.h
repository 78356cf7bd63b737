/* bulk.h - many documents of one collection in one write, and a few others behind them. */
#ifndef STORAGE_PG_BULK_H
#define STORAGE_PG_BULK_H

#include "errand.h"
#include "sync.h"

/* Fills the job's answer, or `s->fault`. True: the connection ended with the commit, and
 * whether it took place is not known. */
bool bulk_write(struct sync *s, struct errand *e);

#endif
