/* statements.h - the texts of SQL that a table's documents are read and written with. */
#ifndef STORAGE_FILE_STATEMENTS_H
#define STORAGE_FILE_STATEMENTS_H

#include "store/schema.h"

#define INSERT_ROWS 16 /* SQLite's work for a statement is more than that for a row */

struct statements {
    const char *get_sql;         /* id -> version, doc */
    const char *insert_sql;      /* id, version, fields, doc */
    const char *insert_many_sql; /* the same, INSERT_ROWS times; NULL: it has too many fields */
    const char *current_sql;     /* id -> version, fields */
    const char *delete_sql;      /* id */
};

void statements_prepare(struct pool *pool, struct table *t); /* a table_fn */
const struct statements *statements_of(const struct table *t);

const char *column_type(enum dg_field_type type); /* as declared in SQL */

#endif
