/* mock_record.h - a change of the mock numbers as a document of the store. */
#ifndef DOMAIN_MOCK_RECORD_H
#define DOMAIN_MOCK_RECORD_H

#include <jansson.h>

#include "base/buf.h"
#include "domain/mock_ranges.h"

enum mock_change_kind { MOCK_ADD, MOCK_REMOVE, MOCK_CLEAR };

struct mock_change {
    enum mock_change_kind kind;
    int64_t at_ms, expires_ms;
    struct mock_ranges ranges; /* a set; of MOCK_CLEAR none */
};

void mock_change_write(const struct mock_change *c, struct buf *out);
/* false: unreadable. The ranges are the caller's to free. */
bool mock_change_read(const json_t *json, struct mock_change *out);

#endif
