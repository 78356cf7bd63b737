/* call_record.h - a call and its CDR as documents of the store. */
#ifndef DOMAIN_CALL_RECORD_H
#define DOMAIN_CALL_RECORD_H

#include <jansson.h>

#include "base/buf.h"
#include "domain/call.h"

void call_record_write(const struct call *c, struct buf *out);
/* NULL: the document is none of a call. The caller frees with call_free. */
struct call *call_record_read(const char *id, const json_t *doc);
/* One per call, when it has ended. */
void cdr_write(const struct call *c, struct buf *out);
/* "answered", "busy", "no_answer", "failed", "cancelled" */
const char *cdr_disposition(const struct call *c);

#endif
