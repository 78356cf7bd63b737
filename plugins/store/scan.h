/* scan.h - the members of a JSON document, found without building a tree of it.
 *
 * Every document is checked when it is written, on the one thread that writes:
 * parsing it with jansson took twice the time that SQLite takes to store it.
 */
#ifndef STORE_SCAN_H
#define STORE_SCAN_H

#include "store/mem.h"

/* Deeper documents are refused: SQLite's own JSON functions would not take them. */
#define SCAN_DEPTH 500

enum scan_kind { SCAN_NULL, SCAN_BOOL, SCAN_INT, SCAN_REAL, SCAN_TEXT, SCAN_OTHER };

struct scan_value {
    enum scan_kind kind;
    int64_t number;   /* INT; 1 or 0 of BOOL. An integer of more than 64 bits is REAL */
    const char *text; /* TEXT: in the document, or in the pool if it had escapes */
    size_t len;
    const char *raw; /* as it stands in the document */
    size_t raw_len;
};

/* A member of the outermost object. False ends the scan. */
typedef bool scan_fn(void *arg, const char *key, size_t key_len, const struct scan_value *value);

bool utf8_ok(const char *text, size_t len);

/* Strict RFC 8259 and UTF-8; \u0000 and lone surrogates are refused. NULL: all of
 * it is an object, and every member was passed on. Else what is wrong; `at` is
 * the byte. What `fn` refused gives "". */
const char *scan_object(const char *json, size_t len, struct pool *pool, scan_fn *fn, void *arg,
                        size_t *at);

#endif
