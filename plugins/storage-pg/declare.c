/* declare.c - see declare.h.
 *
 * The columns of fields hold nothing that is not in the documents, so they may
 * be made anew. One that is not declared any more stays, because an older
 * gateway may still write it; a comment marks it, and when it is declared again
 * it is filled again. Indexes of ours are named "table:fields"; those with other
 * names are an operator's own and are left alone. */
#include "declare.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "statements.h"

#define LOCK_KEY  7236284031482553 /* any number, the same for all gateways */
#define NAME_MOST 63               /* bytes of a name in PostgreSQL */
#define STALE     "not declared any more: its values are old"

struct declaration {
    struct sync *sync;
    const struct table *table;
    struct pool pool;
    bool *present; /* per field: its column is there, of the right type */
    struct text sql;
};

static bool run(struct declaration *d)
{
    bool ok = sync_run(d->sync, d->sql.ptr);
    text_clear(&d->sql);
    return ok;
}

static PGresult *ask(struct declaration *d, const char *sql)
{
    const char *values[] = {d->table->name, NULL};
    return sync_ask(d->sync, sql, values);
}

/* ---- Tables ------------------------------------------------------------- */

static void add_column(struct text *sql, const struct column *c)
{
    text_addf(sql, "\"%s\" %s%s", c->name, column_type(c->type),
              c->type == DG_FIELD_TEXT ? " COLLATE \"C\"" : "");
}

static bool create(struct declaration *d)
{
    const struct table *t = d->table;
    text_clear(&d->sql);
    text_addf(&d->sql, "CREATE TABLE \"%s\"(\"id\" %s PRIMARY KEY,\"@version\" bigint NOT NULL",
              t->name, t->serial ? "bigint" : "text COLLATE \"C\"");
    for (size_t i = 0; i < t->column_count; i++) {
        text_add(&d->sql, ",");
        add_column(&d->sql, &t->columns[i]);
        d->present[i] = true;
    }
    /* Room on each page, so that an update needs no new entries in the indexes. */
    text_add(&d->sql, ",\"@doc\" text NOT NULL) WITH (fillfactor=80)");
    return run(d);
}

static bool drop_column(struct declaration *d, const char *name)
{
    text_clear(&d->sql);
    text_addf(&d->sql, "ALTER TABLE \"%s\" DROP COLUMN \"%s\"", d->table->name, name);
    return run(d);
}

static bool mark_stale(struct declaration *d, const char *name)
{
    text_clear(&d->sql);
    text_addf(&d->sql, "COMMENT ON COLUMN \"%s\".\"%s\" IS '" STALE "'", d->table->name, name);
    return run(d);
}

static bool check_id(struct declaration *d, const char *type)
{
    if (strcmp(type, d->table->serial ? "bigint" : "text") == 0)
        return true;
    return fault_set(d->sync->fault, DG_EINVAL,
                     "%s was made with %s ids and cannot become the other kind", d->table->name,
                     d->table->serial ? "text" : "serial");
}

static bool judge_column(struct declaration *d, const char *name, const char *type, bool stale)
{
    int field = table_field(d->table, name);
    if (name[0] == '@')
        return true;
    if (strcmp(name, "id") == 0)
        return check_id(d, type);
    if (field < 0)
        return stale || mark_stale(d, name);
    if (stale || strcmp(type, column_type(d->table->columns[field].type)) != 0)
        return drop_column(d, name);
    d->present[field] = true;
    return true;
}

/* What the table has: notes the columns that fit, sees to those that do not. */
static bool compare(struct declaration *d, bool *exists)
{
    PGresult *res =
        ask(d, "SELECT attname,format_type(atttypid,NULL),"
               "coalesce(col_description(attrelid,attnum)='" STALE "',false) FROM pg_attribute "
               "WHERE attrelid=to_regclass(quote_ident($1)) AND attnum>0 AND NOT attisdropped");
    bool ok = res != NULL;
    for (int i = 0; ok && i < PQntuples(res); i++) {
        *exists = true;
        ok = judge_column(d, PQgetvalue(res, i, 0), PQgetvalue(res, i, 1),
                          PQgetvalue(res, i, 2)[0] == 't');
    }
    PQclear(res);
    return ok;
}

/* ---- Columns ------------------------------------------------------------ */

/* A member of another type than declared, or no whole number of 64 bits, counts as absent:
 * the document was written when the field was not declared, and is not ours to change. */
static void add_filling(struct text *sql, const struct column *c)
{
    static const char *const wanted[] = {[DG_FIELD_TEXT] = "string",
                                         [DG_FIELD_INT] = "number",
                                         [DG_FIELD_TIME] = "number",
                                         [DG_FIELD_BOOL] = "boolean"};
    bool number = c->type == DG_FIELD_INT || c->type == DG_FIELD_TIME;
    const char *n = c->name;
    text_addf(sql, "\"%s\"=CASE WHEN json_typeof(j->'%s')='%s'", n, n, wanted[c->type]);
    if (number)
        text_addf(sql,
                  " THEN CASE WHEN (j->>'%s')~'^-?[0-9]{1,19}$' THEN CASE WHEN "
                  "(j->>'%s')::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 THEN "
                  "(j->>'%s')::bigint END END END",
                  n, n, n);
    else
        text_addf(sql, " THEN (j->>'%s')%s END", n, c->type == DG_FIELD_BOOL ? "::boolean" : "");
}

static bool fill(struct declaration *d, const struct text *columns, uint64_t *filled)
{
    const char *name = d->table->name;
    text_clear(&d->sql);
    text_addf(&d->sql,
              "UPDATE \"%s\" t SET %s FROM (SELECT \"id\" i,\"@doc\"::json j FROM \"%s\") o "
              "WHERE t.\"id\"=o.i",
              name, columns->ptr, name);
    PGresult *res = sync_ask(d->sync, d->sql.ptr, NULL);
    if (res)
        *filled += strtoull(PQcmdTuples(res), NULL, 10);
    PQclear(res);
    return res != NULL;
}

static bool add_columns(struct declaration *d, uint64_t *filled)
{
    const struct table *t = d->table;
    struct text columns = {0};
    bool ok = true;
    text_clear(&columns);
    for (size_t i = 0; ok && i < t->column_count; i++) {
        if (d->present[i])
            continue;
        text_clear(&d->sql);
        text_addf(&d->sql, "ALTER TABLE \"%s\" ADD COLUMN ", t->name);
        add_column(&d->sql, &t->columns[i]);
        ok = run(d);
        text_add(&columns, columns.len ? "," : "");
        add_filling(&columns, &t->columns[i]);
    }
    if (ok && columns.len)
        ok = fill(d, &columns, filled);
    text_free(&columns);
    return ok;
}

/* ---- Indexes ------------------------------------------------------------ */

/* A name that is too long keeps its beginning, with a number that stands for the rest. */
static const char *index_name(struct declaration *d, const struct index *ix)
{
    if (strlen(ix->name) <= NAME_MOST)
        return ix->name;
    struct text name = {0};
    uint64_t hash = 14695981039346656037u;
    for (const char *c = ix->name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    text_addf(&name, "%.46s#%016" PRIx64, ix->name, hash);
    const char *out = pool_strdup(&d->pool, name.ptr);
    text_free(&name);
    return out;
}

static bool index_declared(struct declaration *d, const char *name)
{
    for (size_t i = 0; i < d->table->index_count; i++) {
        if (strcmp(index_name(d, &d->table->indexes[i]), name) == 0)
            return true;
    }
    return false;
}

static bool drop_index(struct declaration *d, const char *name)
{
    text_clear(&d->sql);
    text_addf(&d->sql, "DROP INDEX \"%s\"", name);
    return run(d);
}

static bool create_index(struct declaration *d, const struct index *ix)
{
    text_clear(&d->sql);
    text_addf(&d->sql, "CREATE %sINDEX \"%s\" ON \"%s\"(%s)", ix->unique ? "UNIQUE " : "",
              index_name(d, ix), d->table->name, ix->columns);
    return run(d);
}

static bool is_there(const PGresult *res, const char *name)
{
    for (int i = 0; i < PQntuples(res); i++) {
        if (strcmp(PQgetvalue(res, i, 0), name) == 0)
            return true;
    }
    return false;
}

static bool make_indexes(struct declaration *d)
{
    const struct table *t = d->table;
    size_t len = strlen(t->name);
    PGresult *res = ask(d, "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid=indexrelid "
                           "WHERE indrelid=to_regclass(quote_ident($1))");
    bool ok = res != NULL;
    for (int i = 0; ok && i < PQntuples(res); i++) {
        const char *name = PQgetvalue(res, i, 0);
        bool ours = strncmp(name, t->name, len) == 0 && name[len] == ':';
        if (ours && !index_declared(d, name))
            ok = drop_index(d, name);
    }
    for (size_t i = 0; ok && i < t->index_count; i++) {
        if (!is_there(res, index_name(d, &t->indexes[i])))
            ok = create_index(d, &t->indexes[i]);
    }
    PQclear(res);
    return ok;
}

/* ---- All ---------------------------------------------------------------- */

static bool count_from(struct declaration *d)
{
    text_clear(&d->sql);
    text_addf(&d->sql,
              "INSERT INTO " TABLE_COUNTERS " SELECT '%s',coalesce(max(\"id\"),0) FROM \"%s\" "
              "ON CONFLICT DO NOTHING",
              d->table->name, d->table->name);
    return run(d);
}

static bool declare_table(struct declaration *d, uint64_t *filled)
{
    bool exists = false;
    d->present = pool_alloc(&d->pool, d->table->column_count + 1);
    if (!compare(d, &exists))
        return false;
    if (exists ? !add_columns(d, filled) : !create(d))
        return false;
    return make_indexes(d) && (!d->table->serial || count_from(d));
}

static bool declare_own(struct sync *s, const char *gateway)
{
    static const char *const tables[] = {
        "CREATE TABLE IF NOT EXISTS " TABLE_COUNTERS
        "(collection text COLLATE \"C\" PRIMARY KEY,last bigint NOT NULL)",
        "CREATE TABLE IF NOT EXISTS " TABLE_GROUPS
        "(gateway text COLLATE \"C\" PRIMARY KEY,last bigint NOT NULL,at timestamptz NOT NULL)"
        " WITH (fillfactor=50)",
        "DELETE FROM " TABLE_GROUPS " WHERE at<now()-interval '7 days'",
    };
    const char *values[] = {gateway, NULL};
    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
        if (!sync_run(s, tables[i]))
            return false;
    }
    PGresult *res = sync_ask(s,
                             "INSERT INTO " TABLE_GROUPS " VALUES($1,0,now()) "
                             "ON CONFLICT DO NOTHING",
                             values);
    PQclear(res);
    return res != NULL;
}

static bool declare_tables(struct sync *s, const struct schema *schema, uint64_t *filled)
{
    bool ok = true;
    for (size_t i = 0; ok && i < schema->count; i++) {
        struct declaration d = {.sync = s, .table = &schema->tables[i]};
        text_clear(&d.sql);
        ok = declare_table(&d, filled);
        text_free(&d.sql);
        pool_free(&d.pool);
    }
    return ok;
}

bool declare_all(struct sync *s, const struct schema *schema, const char *gateway, uint64_t *filled)
{
    char lock[80];
    *filled = 0;
    snprintf(lock, sizeof(lock), "SELECT pg_advisory_xact_lock(%lld)", (long long)LOCK_KEY);
    bool ok = sync_run(s, "BEGIN") && sync_run(s, "SET LOCAL client_min_messages=warning") &&
              sync_run(s, "SET LOCAL statement_timeout=0") &&
              sync_run(s, "SET LOCAL lock_timeout=0") && sync_run(s, lock) &&
              declare_own(s, gateway) && declare_tables(s, schema, filled) && sync_run(s, "COMMIT");
    if (!ok && PQstatus(s->conn) == CONNECTION_OK) {
        struct fault second = {0}, *first = s->fault;
        s->fault = &second;
        sync_run(s, "ROLLBACK");
        s->fault = first;
    }
    return ok;
}
