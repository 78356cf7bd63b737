/* work_read.c - get, query, tally; see work.h. */
#include "work.h"

#include <string.h>

#include "statements.h"

static void read_get(struct db *db, const struct table *t, struct job *j)
{
    const struct dg_key *key = &j->ask.key;
    struct value id = {.kind = VALUE_TEXT, .text = key->id, .len = strlen(key->id)};
    if (t->serial) {
        id.kind = VALUE_INT;
        if (!serial_parse(key->id, &id.number)) {
            fault_set(&j->fault, DG_ENOTFOUND, "%s has no document \"%s\"", t->name, key->id);
            return;
        }
    }
    const char *sql = statements_of(t)->get_sql;
    sqlite3_stmt *stmt = db_prepare(db, sql, strlen(sql), &j->fault);
    if (!stmt || !db_bind(db, stmt, 1, &id, &j->fault))
        return;
    int found = db_step(db, stmt, &j->fault);
    if (found == 0)
        fault_set(&j->fault, DG_ENOTFOUND, "%s has no document \"%s\"", t->name, key->id);
    if (found <= 0)
        return;
    job_add_doc(j, key->id, (uint64_t)sqlite3_column_int64(stmt, 0), sqlite3_column_text(stmt, 1),
                (size_t)sqlite3_column_bytes(stmt, 1));
    db_done(stmt);
}

static void read_query(struct db *db, const struct table *t, struct job *j)
{
    if (!sql_query(&db->sql, t, &j->ask.query, false, &j->fault))
        return;
    sqlite3_stmt *stmt = db_prepare_sql(db, &j->fault);
    while (stmt && db_step(db, stmt, &j->fault) > 0)
        job_add_doc(j, (const char *)sqlite3_column_text(stmt, 0),
                    (uint64_t)sqlite3_column_int64(stmt, 1), sqlite3_column_text(stmt, 2),
                    (size_t)sqlite3_column_bytes(stmt, 2));
}

/* The upper and the lower half; see sql_tally. */
static void read_sum(sqlite3_stmt *stmt, int column, int64_t *out, struct fault *fault)
{
    __extension__ typedef __int128 wide;
    wide sum = (wide)sqlite3_column_int64(stmt, column) * 4294967296 +
               sqlite3_column_int64(stmt, column + 1);
    *out = (int64_t)sum;
    if (sum != *out)
        fault_set(fault, DG_EINVAL, "the sum does not fit into 64 bits");
}

static void read_tally(struct db *db, const struct table *t, struct job *j)
{
    size_t sum_count = j->ask.tally.sum_count;
    int64_t *sums = pool_alloc(&j->pool, (sum_count + 1) * sizeof(*sums));
    if (!sql_tally(&db->sql, t, &j->ask.tally, &j->fault))
        return;
    sqlite3_stmt *stmt = db_prepare_sql(db, &j->fault);
    while (stmt && db_step(db, stmt, &j->fault) > 0) {
        for (size_t i = 0; i < sum_count; i++)
            read_sum(stmt, (int)i * 2 + 2, &sums[i], &j->fault);
        job_add_row(j, (const char *)sqlite3_column_text(stmt, 0),
                    (uint64_t)sqlite3_column_int64(stmt, 1), sums, sum_count);
    }
}

void work_read(struct db *db, const struct schema *schema, struct job *j)
{
    const char *name = j->kind == JOB_GET     ? j->ask.key.collection
                       : j->kind == JOB_QUERY ? j->ask.query.collection
                                              : j->ask.tally.collection;
    const struct table *t = schema_table(schema, name, &j->fault);
    if (!t)
        return;
    sql_reset(&db->sql, j->host->unix_ms(j->host));
    if (j->kind == JOB_GET)
        read_get(db, t, j);
    else if (j->kind == JOB_QUERY)
        read_query(db, t, j);
    else
        read_tally(db, t, j);
}
