/* statements.c - see statements.h. */
#include "statements.h"

#include "store/value.h"

const char *column_type(enum dg_field_type type)
{
    switch (type) {
    case DG_FIELD_INT:
    case DG_FIELD_TIME:
        return "bigint";
    case DG_FIELD_BOOL:
        return "boolean";
    case DG_FIELD_TEXT:
        break;
    }
    return "text";
}

/* ,"a","b", or ,"a"=X."a",... with a pattern "X.". */
static void add_names(struct text *sql, const struct table *t, const char *pattern)
{
    for (size_t i = 0; i < t->column_count; i++) {
        text_addf(sql, ",\"%s\"", t->columns[i].name);
        if (*pattern)
            text_addf(sql, "=%s\"%s\"", pattern, t->columns[i].name);
    }
}

/* $from,$from+1,... as many as fields, and one for the document. */
static void add_marks(struct text *sql, const struct table *t, unsigned from)
{
    for (size_t i = 0; i <= t->column_count; i++)
        text_addf(sql, ",$%zu", from + i);
}

static void add_insert(struct text *sql, const struct table *t)
{
    text_addf(sql, "INSERT INTO \"%s\" AS t(\"id\",\"@version\"", t->name);
    add_names(sql, t, "");
    text_add(sql, ",\"@doc\")");
}

static void add_overwrite(struct text *sql, const struct table *t)
{
    text_add(sql, " ON CONFLICT(\"id\") DO UPDATE SET "
                  "\"@version\"=t.\"@version\"+EXCLUDED.\"@version\"");
    add_names(sql, t, "EXCLUDED.");
    text_add(sql, ",\"@doc\"=EXCLUDED.\"@doc\"");
}

static const char *kept(struct pool *pool, struct text *sql)
{
    const char *out = pool_strdup(pool, sql->ptr);
    text_clear(sql);
    return out;
}

/* An id that was given raises the counter, if the document was made. */
static const char *insert_with_id(struct pool *pool, const struct table *t, bool over)
{
    struct text sql = {0};
    if (t->serial)
        text_add(&sql, "WITH i AS(");
    add_insert(&sql, t);
    text_add(&sql, "VALUES($1,$2");
    add_marks(&sql, t, 3);
    text_add(&sql, ")");
    if (over)
        add_overwrite(&sql, t);
    else
        text_add(&sql, " ON CONFLICT DO NOTHING");
    if (t->serial)
        text_addf(&sql,
                  " RETURNING \"id\"),c AS(UPDATE " TABLE_COUNTERS " SET last=i.\"id\" FROM i "
                  "WHERE collection='%s' AND last<i.\"id\")SELECT \"id\" FROM i",
                  t->name);
    const char *out = kept(pool, &sql);
    text_free(&sql);
    return out;
}

static const char *array_type(enum dg_field_type type)
{
    return type == DG_FIELD_TEXT ? "text[]" : type == DG_FIELD_BOOL ? "bool[]" : "int8[]";
}

static const char *put_many(struct pool *pool, const struct table *t)
{
    struct text sql = {0};
    add_insert(&sql, t);
    text_add(&sql, "SELECT u.\"id\",1");
    for (size_t i = 0; i < t->column_count; i++)
        text_addf(&sql, ",u.\"%s\"", t->columns[i].name);
    text_addf(&sql, ",u.\"@doc\" FROM unnest($1::%s", t->serial ? "int8[]" : "text[]");
    for (size_t i = 0; i < t->column_count; i++)
        text_addf(&sql, ",$%zu::%s", i + 2, array_type(t->columns[i].type));
    text_addf(&sql, ",$%zu::text[]) AS u(\"id\"", t->column_count + 2);
    add_names(&sql, t, "");
    text_add(&sql, ",\"@doc\")");
    add_overwrite(&sql, t);
    const char *out = kept(pool, &sql);
    text_free(&sql);
    return out;
}

static const char *update(struct pool *pool, const struct table *t)
{
    struct text sql = {0};
    text_addf(&sql, "UPDATE \"%s\" SET \"@version\"=\"@version\"+1", t->name);
    for (size_t i = 0; i < t->column_count; i++)
        text_addf(&sql, ",\"%s\"=$%zu", t->columns[i].name, i + 3);
    text_addf(&sql, ",\"@doc\"=$%zu WHERE \"id\"=$1 AND \"@version\"=$2", t->column_count + 3);
    const char *out = kept(pool, &sql);
    text_free(&sql);
    return out;
}

/* The store's own numbering: within the transaction, so that no number is lost by a refusal. */
static const char *number(struct pool *pool, const struct table *t)
{
    struct text sql = {0};
    text_addf(&sql,
              "WITH c AS(UPDATE " TABLE_COUNTERS " SET last=last+1 WHERE collection='%s' AND "
              "last<%lld RETURNING last)",
              t->name, (long long)SERIAL_MAX);
    add_insert(&sql, t);
    text_add(&sql, "SELECT last,$1::int8");
    for (size_t i = 0; i <= t->column_count; i++)
        text_addf(&sql, ",$%zu::%s", i + 2,
                  i < t->column_count ? column_type(t->columns[i].type) : "text");
    text_add(&sql, " FROM c RETURNING \"id\"");
    const char *out = kept(pool, &sql);
    text_free(&sql);
    return out;
}

void statements_prepare(struct pool *pool, struct table *t)
{
    struct text sql = {0};
    struct statements *own = pool_alloc(pool, sizeof(*own));
    t->own = own;
    own->put = insert_with_id(pool, t, true);
    own->create = insert_with_id(pool, t, false);
    own->update = update(pool, t);
    own->put_many = put_many(pool, t);
    if (t->serial)
        own->number = number(pool, t);
    text_addf(&sql, "SELECT \"id\",\"@version\",\"@doc\" FROM \"%s\" WHERE \"id\"=$1", t->name);
    own->get = kept(pool, &sql);
    text_addf(&sql, "DELETE FROM \"%s\" WHERE \"id\"=$1", t->name);
    own->remove = kept(pool, &sql);
    text_addf(&sql, "DELETE FROM \"%s\" WHERE \"id\"=$1 AND \"@version\"=$2", t->name);
    own->remove_version = kept(pool, &sql);
    text_addf(&sql, "COPY \"%s\"(\"id\",\"@version\"", t->name);
    add_names(&sql, t, "");
    text_add(&sql, ",\"@doc\") FROM STDIN (FORMAT binary)");
    own->copy = kept(pool, &sql);
    text_free(&sql);
}

const struct statements *statements_of(const struct table *t)
{
    return t->own;
}
