/* statements.c - see statements.h. */
#include "statements.h"

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

void statements_prepare(struct pool *pool, struct table *t)
{
    struct text names = {0}, marks = {0}, sql = {0};
    struct statements *own = pool_alloc(pool, sizeof(*own));
    text_clear(&names);
    text_clear(&marks);
    for (size_t i = 0; i < t->column_count; i++) {
        text_addf(&names, ",\"%s\"", t->columns[i].name);
        text_add(&marks, ",?");
    }
    text_addf(&sql, "INSERT INTO \"%s\"(\"id\"," COLUMN_VERSION "%s," COLUMN_DOC ")VALUES(?,?%s,?)",
              t->name, names.ptr, marks.ptr);
    own->insert_sql = pool_strdup(pool, sql.ptr);
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
    text_free(&marks);
    text_free(&sql);
}

const struct statements *statements_of(const struct table *t)
{
    return t->own;
}
