/* statements.h - the texts of SQL that a table's documents are written with, made once. */
#ifndef STORAGE_PG_STATEMENTS_H
#define STORAGE_PG_STATEMENTS_H

#include "store/schema.h"

/* Tables of our own. No collection can be named so: their names are letters and "_". */
#define TABLE_COUNTERS "\"@counters\"" /* the last id of each serial collection */
#define TABLE_GROUPS   "\"@groups\""   /* the last group of writes of each gateway */

struct statements {
    const char *get;            /* id -> id, version, doc */
    const char *put;            /* id, versions to count, fields, doc */
    const char *create;         /* the same; nothing is done if it is there */
    const char *update;         /* id, version expected, fields, doc */
    const char *remove;         /* id */
    const char *remove_version; /* id, version expected */
    const char *number;         /* serial: versions to count, fields, doc -> id */
    const char *copy;           /* id, version, fields, doc */
    const char *put_many;       /* arrays of id, fields, doc: each put over what is there */
};

void statements_prepare(struct pool *pool, struct table *t); /* a table_fn */
const struct statements *statements_of(const struct table *t);

const char *column_type(enum dg_field_type type); /* as declared in SQL */

#endif
