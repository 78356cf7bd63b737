/* value.h - from text and JSON to what a column holds. */
#ifndef STORAGE_FILE_VALUE_H
#define STORAGE_FILE_VALUE_H

#include <jansson.h>

#include "schema.h"

enum value_kind { VALUE_NULL, VALUE_INT, VALUE_TEXT };

struct value {
    enum value_kind kind;
    int64_t number;
    const char *text; /* lent */
    size_t len;
};

/* Deeper documents are refused: SQLite's own JSON functions would not take them. */
#define DOC_DEPTH 500

/* A canonical decimal number and nothing else. */
bool number_parse(const char *text, int64_t *out);
/* Ids of a serial collection: 1 to 2^53-1, no leading zeros. */
bool serial_parse(const char *id, int64_t *out);

/* A condition's value. `now_ms` is what "@now" means. False: not of that type. */
bool value_parse(enum dg_field_type type, const char *text, int64_t now_ms, struct value *out);
/* A member of a document, or of `set` when `now_ms` is not NULL ("@now" then counts). */
bool value_of_json(enum dg_field_type type, const json_t *json, const int64_t *now_ms,
                   struct value *out);

/* The declared fields of a document, one value per column. The values point
 * into the tree that is returned: json_decref when they are not needed any
 * more. NULL: not a JSON object, or a field is not of its type. */
json_t *doc_values(const struct table *t, struct dg_bytes doc, struct value *values,
                   struct fault *fault);
/* `set` of a change: an object of declared fields. NULL: it is not. */
json_t *set_parse(const struct table *t, struct dg_bytes set, struct fault *fault);

#endif
