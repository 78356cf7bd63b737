/* declare.h - tables, columns and indexes made to fit a schema. */
#ifndef STORAGE_PG_DECLARE_H
#define STORAGE_PG_DECLARE_H

#include "store/schema.h"
#include "sync.h"

/* In one transaction, one gateway at a time; where all fits already, nothing is
 * locked. `gateway`: who declares. */
bool declare_all(struct sync *s, const struct schema *schema, const char *gateway,
                 uint64_t *filled);

#endif
