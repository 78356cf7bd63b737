/* sql.h - a request as one SQL text with its values. The texts of requests
 * that differ in values only are the same, so their statements are reused;
 * names are those of the schema and nothing of a request gets into the text. */
#ifndef STORAGE_FILE_SQL_H
#define STORAGE_FILE_SQL_H

#include "store/value.h"

struct sql {
    struct text text;
    struct pool pool; /* of values made here */
    struct value *values;
    size_t count, cap;
    int64_t now_ms;
};

void sql_reset(struct sql *s, int64_t now_ms); /* before each use */
void sql_free(struct sql *s);
void sql_value(struct sql *s, const struct value *v); /* the next parameter's */

/* id, version, doc in order; `ids` only: id. */
bool sql_query(struct sql *s, const struct table *t, const struct dg_query *q, bool ids_only,
               struct fault *fault);
/* value of `by` (or NULL), count, sums */
bool sql_tally(struct sql *s, const struct table *t, const struct dg_tally *req,
               struct fault *fault);
/* UPDATE or DELETE of all that match. */
bool sql_change(struct sql *s, const struct table *t, const struct dg_change *req,
                struct fault *fault);
/* UPDATE of one by id (the last parameter, to be added), yielding version and doc. */
bool sql_merge(struct sql *s, const struct table *t, struct dg_bytes set, struct fault *fault);

#endif
