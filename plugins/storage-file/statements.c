/* statements.c - see statements.h. */
#include "statements.h"

#define PARAMETERS_MAX 999 /* that every SQLite takes in a statement */

const char *column_type(enum dg_field_type type)
{
    switch (type) {
    case DG_FIELD_INT:
        return "INTEGER";
    case DG_FIELD_BOOL:
        return "BOOLEAN";
    case DG_FIELD_TIME:
        return "TIMESTAMP";
    case DG_FIELD_TEXT:
        break;
    }
    return "TEXT";
}

static void add_insert(struct text *sql, const struct table *t, size_t rows)
{
    text_clear(sql);
    text_addf(sql, "INSERT INTO \"%s\"(\"id\"," COLUMN_VERSION, t->name);
    for (size_t i = 0; i < t->column_count; i++)
        text_addf(sql, ",\"%s\"", t->columns[i].name);
    text_add(sql, "," COLUMN_DOC ")VALUES");
    for (size_t row = 0; row < rows; row++) {
        text_add(sql, row ? ",(?,?" : "(?,?");
        for (size_t i = 0; i <= t->column_count; i++)
            text_add(sql, ",?");
        text_add(sql, ")");
    }
}

void statements_prepare(struct pool *pool, struct table *t)
{
    struct text names = {0}, sql = {0};
    struct statements *own = pool_alloc(pool, sizeof(*own));
    text_clear(&names);
    for (size_t i = 0; i < t->column_count; i++)
        text_addf(&names, ",\"%s\"", t->columns[i].name);
    add_insert(&sql, t, 1);
    own->insert_sql = pool_strdup(pool, sql.ptr);
    if ((t->column_count + 3) * INSERT_ROWS <= PARAMETERS_MAX) {
        add_insert(&sql, t, INSERT_ROWS);
        own->insert_many_sql = pool_strdup(pool, sql.ptr);
    }
    text_clear(&sql);
    text_addf(&sql, "SELECT " COLUMN_VERSION "%s FROM \"%s\" WHERE \"id\"=?", names.ptr, t->name);
    own->current_sql = pool_strdup(pool, sql.ptr);
    text_clear(&sql);
    text_addf(&sql, "SELECT " COLUMN_VERSION "," COLUMN_DOC " FROM \"%s\" WHERE \"id\"=?", t->name);
    own->get_sql = pool_strdup(pool, sql.ptr);
    text_clear(&sql);
    text_addf(&sql, "DELETE FROM \"%s\" WHERE \"id\"=?", t->name);
    own->delete_sql = pool_strdup(pool, sql.ptr);
    t->own = own;
    text_free(&names);
    text_free(&sql);
}

const struct statements *statements_of(const struct table *t)
{
    return t->own;
}
