/* schema.h - the declared collections as tables. Immutable once made; one that
 * was replaced stays until close, so that readers need no lock. */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "dialgate/storage.h"
#include "store/mem.h"

/* Columns of our own. No field can be named so: fields are [a-z_]+. */
#define COLUMN_VERSION "\"@version\""
#define COLUMN_DOC     "\"@doc\""

struct column {
    const char *name;
    size_t name_len;
    enum dg_field_type type;
    bool indexed; /* by an index of the declaration */
};

struct index {
    const char *name;    /* "calls:phone_number,created_at"; " unique" behind it if so */
    const char *columns; /* "\"phone_number\",\"created_at\"" */
    bool unique;
};

struct table {
    const char *name;
    bool serial;
    struct column *columns; /* the declared fields */
    size_t column_count;
    struct index *indexes;
    size_t index_count;
    bool has_unique;
    void *own; /* what the store adds: its statements */
};

struct schema {
    struct pool pool;
    struct table *tables;
    size_t count;
    struct schema *older;
};

/* Fills `own` of a table that is complete otherwise. */
typedef void table_fn(struct pool *pool, struct table *t);

/* NULL: names that cannot be, twice the same, indexes over unknown fields. */
struct schema *schema_new(const struct dg_collection *list, size_t count, table_fn *prepare,
                          struct fault *fault);
void schema_free(struct schema *s); /* and the older ones */

/* NULL: not declared. */
const struct table *schema_table(const struct schema *s, const char *name, struct fault *fault);
/* A field's number, or -1. */
int table_field(const struct table *t, const char *name);

#endif
