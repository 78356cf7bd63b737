/* idempotency_record.h - what is kept of a key: whose, what was asked, which
 * call it led to, and the answer once there is one. */
#ifndef DOMAIN_IDEMPOTENCY_RECORD_H
#define DOMAIN_IDEMPOTENCY_RECORD_H

#include <jansson.h>

#include "base/digest.h"
#include "domain/calls.h"

/* Who sent which key where. */
struct idempotency_scope {
    const char *principal, *tenant, *route, *key; /* tenant may be NULL */
};

struct idempotency_record {
    char id[DIGEST_SIZE];          /* of the scope: nobody reads another one's keys */
    char fingerprint[DIGEST_SIZE]; /* of the request */
    char call[ID_SIZE];
    char *principal, *route; /* for those who look into the store */
    int64_t created_at_ms, expires_at_ms;
    char *answer; /* NULL: not known yet */
};

void idempotency_id(const struct idempotency_scope *scope, char out[DIGEST_SIZE]);
/* The same for requests that ask for the same, whatever the order of their members. Defaults are
 * not filled in: the configuration may change between a request and its repetition. */
void idempotency_fingerprint(const struct call_request *req, char out[DIGEST_SIZE]);

void idempotency_record_write(const struct idempotency_record *r, struct buf *out);
/* What `r` held before is freed. false: the document is no such record, `r` is left alone. */
bool idempotency_record_read(struct idempotency_record *r, const char *id, const json_t *doc);
void idempotency_record_clear(struct idempotency_record *r);

#endif
