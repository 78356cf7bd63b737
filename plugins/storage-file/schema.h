/* schema.h - the declared collections as tables. Immutable once made; one that
 * was replaced stays until close, so that readers need no lock. */
#ifndef STORAGE_FILE_SCHEMA_H
#define STORAGE_FILE_SCHEMA_H

#include "dialgate/storage.h"
#include "mem.h"

/* Columns of our own. No field can be named so: fields are [a-z_]+. */
#define COLUMN_VERSION "\"@version\""
#define COLUMN_DOC     "\"@doc\""

struct column {
    const char *name;
    size_t name_len;
    enum dg_field_type type;
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
    const char *get_sql;     /* id -> version, doc */
    const char *insert_sql;  /* id, version, fields, doc */
    const char *current_sql; /* id -> version, fields */
    const char *delete_sql;  /* id */
};

struct schema {
    struct pool pool;
    struct table *tables;
    size_t count;
    struct schema *older;
};

/* NULL: names that cannot be, twice the same, indexes over unknown fields. */
struct schema *schema_new(const struct dg_collection *list, size_t count, struct fault *fault);
void schema_free(struct schema *s); /* and the older ones */

/* NULL: not declared. */
const struct table *schema_table(const struct schema *s, const char *name, struct fault *fault);
/* A field's number, or -1. */
int table_field(const struct table *t, const char *name);

const char *column_type(enum dg_field_type type); /* as declared in SQL */

#endif
