/* value.h - from text and JSON to what a column holds. */
#ifndef STORE_VALUE_H
#define STORE_VALUE_H

#include <jansson.h>

#include "store/schema.h"

#define SERIAL_MAX 9007199254740991 /* the greatest id: what every JSON reader can hold */
#define TEXT_MOST  1000             /* bytes of an id, and of text that an index has */

enum value_kind { VALUE_NULL, VALUE_INT, VALUE_TEXT };

struct value {
    enum value_kind kind;
    int64_t number;
    const char *text; /* lent */
    size_t len;
};

/* A canonical decimal number and nothing else. */
bool number_parse(const char *text, int64_t *out);
/* Ids of a serial collection: 1 to 2^53-1, no leading zeros. */
bool serial_parse(const char *id, int64_t *out);

/* "@now", "@now+30000", "@now-30000": the store's clock, and how far from it. */
bool now_parse(const char *text, int64_t *offset);

/* A condition's value. `now_ms` is what "@now" means. False: not of that type. */
bool value_parse(enum dg_field_type type, const char *text, int64_t now_ms, struct value *out);
/* A member of `set`; "@now" counts in times. */
bool value_of_json(enum dg_field_type type, const json_t *json, int64_t now_ms, struct value *out);

/* The id a write names, or VALUE_NULL where the store is to give one. False: it makes no sense. */
bool value_of_id(const struct table *t, const struct dg_write *w, struct value *out,
                 struct fault *fault);

/* The declared fields of a document, one value per column; they point into it or
 * the pool. False: not a JSON object, or a field is not of its type. */
bool doc_values(const struct table *t, struct dg_bytes doc, struct pool *pool, struct value *values,
                struct fault *fault);
/* `set` of a change: an object of declared fields. NULL: it is not. */
json_t *set_parse(const struct table *t, struct dg_bytes set, struct fault *fault);

#endif
