/* expiry.h - deletes from a collection what has expired, in the background, so
 * many documents at a time that nobody else has to wait for it. [loop thread]
 */
#ifndef DATA_EXPIRY_H
#define DATA_EXPIRY_H

#include "data/store.h"

struct expiry;

/* `field`: of type TIME; what lies in the past has expired. */
struct expiry *expiry_new(struct loop *loop, struct store *store, const char *collection,
                          const char *field, uint64_t every_ms);
void expiry_every(struct expiry *e, uint64_t every_ms); /* from the next time on */
void expiry_free(struct expiry *e);                     /* NULL is fine */

#endif
