/* sql.h - a request as one SQL text with its parameters. The texts of requests
 * that differ in values only are the same, so they are prepared once; names are
 * those of the schema, and nothing of a request gets into the text. */
#ifndef STORAGE_PG_SQL_H
#define STORAGE_PG_SQL_H

#include <libpq-fe.h>

#include "store/value.h"

/* The server's clock in milliseconds; the same all through a statement. */
#define SQL_NOW "floor(extract(epoch FROM statement_timestamp())*1000)::int8"

enum param_type {
    PARAM_BOOL = 16,
    PARAM_INT = 20,
    PARAM_TEXT = 25,
    PARAM_BOOLS = 1000,
    PARAM_TEXTS = 1009,
    PARAM_INTS = 1016
};

struct sql {
    struct text text;
    struct pool pool; /* of values made here */
    Oid *types;
    const char **values;
    int *lengths, *formats;
    int count, cap;
};

void sql_reset(struct sql *s); /* before each use */
void sql_free(struct sql *s);

/* The next parameters. Text is lent until the statement is sent. */
void sql_text(struct sql *s, const char *text, size_t len);
void sql_int(struct sql *s, int64_t n);
void sql_value(struct sql *s, enum dg_field_type type, const struct value *v);
void sql_null(struct sql *s, enum param_type type);
/* An array as PostgreSQL writes it; copied. */
void sql_array(struct sql *s, enum param_type type, const char *text);

enum param_type sql_type(enum dg_field_type type);

/* id, version, doc in order */
bool sql_query(struct sql *s, const struct table *t, const struct dg_query *q, struct fault *fault);
/* value of `by` (or NULL), count, sums */
bool sql_tally(struct sql *s, const struct table *t, const struct dg_tally *req,
               struct fault *fault);
/* UPDATE or DELETE of all that match. */
bool sql_change(struct sql *s, const struct table *t, const struct dg_change *req,
                struct fault *fault);
/* id, version, doc of what was taken, in order */
bool sql_take(struct sql *s, const struct table *t, const struct dg_take *req, struct fault *fault);

#endif
