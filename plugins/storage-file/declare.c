/* declare.c - see declare.h.
 *
 * The columns of fields hold nothing that is not in the documents, so they may
 * be dropped and made anew. Indexes of ours are named "table:fields"; those
 * with other names are an operator's own and are left alone.
 */
#include "declare.h"

#include <string.h>

#include "statements.h"

struct declaration {
    struct db *db;
    const struct table *table;
    struct pool pool;
    bool *present; /* per field: its column is there, of the right type */
    struct text sql;
    struct fault *fault;
};

struct names {
    const char **list;
    size_t count, cap;
};

static void names_add(struct declaration *d, struct names *n, const char *name)
{
    if (n->count == n->cap) {
        n->cap = n->cap ? n->cap * 2 : 16;
        const char **grown = pool_alloc(&d->pool, n->cap * sizeof(*grown));
        if (n->count)
            memcpy(grown, n->list, n->count * sizeof(*grown));
        n->list = grown;
    }
    n->list[n->count++] = pool_strdup(&d->pool, name);
}

static bool run(struct declaration *d)
{
    return db_exec(d->db, d->sql.ptr, d->fault);
}

static sqlite3_stmt *ask(struct declaration *d, const char *sql)
{
    struct value name = {.kind = VALUE_TEXT, .text = d->table->name, .len = strlen(d->table->name)};
    sqlite3_stmt *stmt = db_prepare(d->db, sql, strlen(sql), d->fault);
    return stmt && db_bind(d->db, stmt, 1, &name, d->fault) ? stmt : NULL;
}

/* ---- Tables ------------------------------------------------------------- */

static bool create(struct declaration *d)
{
    const struct table *t = d->table;
    text_clear(&d->sql);
    text_addf(&d->sql, "CREATE TABLE \"%s\"(\"id\" %s," COLUMN_VERSION " INTEGER NOT NULL", t->name,
              t->serial ? "INTEGER PRIMARY KEY AUTOINCREMENT" : "TEXT NOT NULL PRIMARY KEY");
    for (size_t i = 0; i < t->column_count; i++) {
        text_addf(&d->sql, ",\"%s\" %s", t->columns[i].name, column_type(t->columns[i].type));
        d->present[i] = true;
    }
    text_addf(&d->sql, "," COLUMN_DOC " TEXT NOT NULL)%s", t->serial ? "" : "WITHOUT ROWID");
    return run(d);
}

/* What the table has: notes the columns that fit, collects those that do not. */
static bool compare(struct declaration *d, bool *exists, struct names *unfit)
{
    sqlite3_stmt *stmt = ask(d, "SELECT name,type FROM pragma_table_info(?)");
    int more = -1;
    while (stmt && (more = db_step(d->db, stmt, d->fault)) > 0) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        const char *type = (const char *)sqlite3_column_text(stmt, 1);
        *exists = true;
        if (name[0] == '@')
            continue;
        if (strcmp(name, "id") == 0) {
            if (strcmp(type, d->table->serial ? "INTEGER" : "TEXT") == 0)
                continue;
            db_done(stmt);
            return fault_set(d->fault, DG_EINVAL,
                             "%s was made with %s ids and cannot become the other kind",
                             d->table->name, d->table->serial ? "text" : "serial");
        }
        int field = table_field(d->table, name);
        if (field >= 0 && strcmp(type, column_type(d->table->columns[field].type)) == 0)
            d->present[field] = true;
        else
            names_add(d, unfit, name);
    }
    return more == 0;
}

/* ---- Indexes ------------------------------------------------------------ */

static bool index_declared(const struct table *t, const char *name)
{
    for (size_t i = 0; i < t->index_count; i++) {
        if (strcmp(t->indexes[i].name, name) == 0)
            return true;
    }
    return false;
}

/* All of ours when columns go, else those that are not declared any more. */
static bool drop_indexes(struct declaration *d, bool all)
{
    struct names unwanted = {0};
    size_t len = strlen(d->table->name);
    sqlite3_stmt *stmt = ask(d, "SELECT name FROM sqlite_schema WHERE type='index' AND tbl_name=?");
    int more = -1;
    while (stmt && (more = db_step(d->db, stmt, d->fault)) > 0) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        bool ours = strncmp(name, d->table->name, len) == 0 && name[len] == ':';
        if (ours && (all || !index_declared(d->table, name)))
            names_add(d, &unwanted, name);
    }
    for (size_t i = 0; more == 0 && i < unwanted.count; i++) {
        text_clear(&d->sql);
        text_addf(&d->sql, "DROP INDEX \"%s\"", unwanted.list[i]);
        if (!run(d))
            return false;
    }
    return more == 0;
}

static bool create_indexes(struct declaration *d)
{
    for (size_t i = 0; i < d->table->index_count; i++) {
        const struct index *ix = &d->table->indexes[i];
        text_clear(&d->sql);
        text_addf(&d->sql, "CREATE %sINDEX IF NOT EXISTS \"%s\" ON \"%s\"(%s)",
                  ix->unique ? "UNIQUE " : "", ix->name, d->table->name, ix->columns);
        if (!run(d))
            return false;
    }
    return true;
}

/* ---- Columns ------------------------------------------------------------ */

static bool drop_columns(struct declaration *d, const struct names *unfit)
{
    if (unfit->count && !drop_indexes(d, true))
        return false;
    for (size_t i = 0; i < unfit->count; i++) {
        text_clear(&d->sql);
        text_addf(&d->sql, "ALTER TABLE \"%s\" DROP COLUMN \"%s\"", d->table->name, unfit->list[i]);
        if (!run(d))
            return false;
    }
    return true;
}

/* A member of another type than declared counts as absent: the document was
 * written when the field was not declared, and is not ours to change. */
static void add_filling(struct text *sql, const struct column *c)
{
    text_addf(sql, "\"%s\"=CASE json_type(" COLUMN_DOC ",'$.%s') ", c->name, c->name);
    if (c->type == DG_FIELD_BOOL)
        text_add(sql, "WHEN 'true' THEN 1 WHEN 'false' THEN 0 END");
    else
        text_addf(sql, "WHEN '%s' THEN json_extract(" COLUMN_DOC ",'$.%s') END",
                  c->type == DG_FIELD_TEXT ? "text" : "integer", c->name);
}

static bool add_columns(struct declaration *d, uint64_t *filled)
{
    const struct table *t = d->table;
    struct text fill = {0};
    bool ok = true;
    text_addf(&fill, "UPDATE \"%s\" SET ", t->name);
    size_t start = fill.len;
    for (size_t i = 0; ok && i < t->column_count; i++) {
        if (d->present[i])
            continue;
        text_clear(&d->sql);
        text_addf(&d->sql, "ALTER TABLE \"%s\" ADD COLUMN \"%s\" %s", t->name, t->columns[i].name,
                  column_type(t->columns[i].type));
        ok = run(d);
        text_add(&fill, fill.len > start ? "," : "");
        add_filling(&fill, &t->columns[i]);
    }
    if (ok && fill.len > start) {
        ok = db_exec(d->db, fill.ptr, d->fault);
        *filled += ok ? (uint64_t)sqlite3_changes64(d->db->handle) : 0;
    }
    text_free(&fill);
    return ok;
}

static bool declare_table(struct declaration *d, uint64_t *filled)
{
    bool exists = false;
    struct names unfit = {0};
    d->present = pool_alloc(&d->pool, d->table->column_count + 1);
    if (!compare(d, &exists, &unfit))
        return false;
    if (exists ? !drop_columns(d, &unfit) || !add_columns(d, filled) : !create(d))
        return false;
    return drop_indexes(d, false) && create_indexes(d);
}

bool declare_all(struct db *db, const struct schema *schema, uint64_t *filled, struct fault *fault)
{
    *filled = 0;
    if (!db_exec(db, "BEGIN IMMEDIATE", fault))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < schema->count; i++) {
        struct declaration d = {.db = db, .table = &schema->tables[i], .fault = fault};
        ok = declare_table(&d, filled);
        text_free(&d.sql);
        pool_free(&d.pool);
    }
    ok = ok && db_exec(db, "COMMIT", fault);
    if (!ok && db_in_transaction(db))
        db_exec(db, "ROLLBACK", &(struct fault){0});
    return ok;
}
