/* idempotency_key.h - the header Idempotency-Key of whatever API, and what the
 * OpenAPI document says of it. */
#ifndef API_IDEMPOTENCY_KEY_H
#define API_IDEMPOTENCY_KEY_H

#include "api/check.h"

/* The request's key; NULL: it has none, or not a good one, which is then among the problems of
 * `check`. */
const char *idempotency_key(struct request *req, struct check *check);

/* For route_doc.headers; for the answers of such a route; for answers that say "later". */
extern const struct field idempotency_headers[], idempotency_answer_headers[],
    idempotency_retry_headers[];

#endif
