/* sql.c - see sql.h. */
#include "sql.h"

#include <stdlib.h>
#include <string.h>

#include "store/scan.h"

void sql_reset(struct sql *s, int64_t now_ms)
{
    text_clear(&s->text);
    pool_free(&s->pool);
    s->count = 0;
    s->now_ms = now_ms;
}

void sql_free(struct sql *s)
{
    text_free(&s->text);
    pool_free(&s->pool);
    free(s->values);
    *s = (struct sql){0};
}

void sql_value(struct sql *s, const struct value *v)
{
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 16;
        struct value *grown = mem_alloc(cap * sizeof(*grown));
        if (s->count)
            memcpy(grown, s->values, s->count * sizeof(*grown));
        free(s->values);
        s->values = grown;
        s->cap = cap;
    }
    s->values[s->count++] = *v;
}

/* ---- Conditions --------------------------------------------------------- */

static bool is_id(const char *field)
{
    return strcmp(field, "id") == 0;
}

static bool field_type(const struct table *t, const char *field, enum dg_field_type *type,
                       struct fault *fault)
{
    int i = field ? table_field(t, field) : -1;
    if (i >= 0)
        *type = t->columns[i].type;
    else if (field && is_id(field))
        *type = t->serial ? DG_FIELD_INT : DG_FIELD_TEXT;
    else
        return fault_set(fault, DG_EINVAL, "%s has no field \"%s\"", t->name, field ? field : "");
    return true;
}

static bool bad_value(const struct dg_where *w, struct fault *fault)
{
    return fault_set(fault, DG_EINVAL, "the value for \"%s\" is not of its type", w->field);
}

/* One parameter, a JSON array in the column's own type, so that any number of
 * values is the same statement. */
static bool add_in(struct sql *s, const struct dg_where *w, enum dg_field_type type,
                   struct fault *fault)
{
    json_t *list = json_loads(w->value, 0, NULL), *typed = json_array(), *item;
    bool ok = json_is_array(list);
    size_t i;
    json_array_foreach(list, i, item)
    {
        char *dumped = json_is_string(item) ? NULL : json_dumps(item, JSON_ENCODE_ANY);
        struct value v;
        ok = ok && !json_is_null(item) &&
             value_parse(type, dumped ? dumped : json_string_value(item), s->now_ms, &v);
        if (ok)
            json_array_append_new(typed, v.kind == VALUE_INT ? json_integer(v.number)
                                                             : json_stringn(v.text, v.len));
        free(dumped);
    }
    if (ok) {
        char *text = json_dumps(typed, JSON_COMPACT);
        struct value v = {.kind = VALUE_TEXT, .len = strlen(text)};
        v.text = pool_dup(&s->pool, text, v.len);
        free(text);
        sql_value(s, &v);
        text_addf(&s->text, "\"%s\" IN(SELECT value FROM json_each(?))", w->field);
    }
    json_decref(list);
    json_decref(typed);
    return ok ||
           fault_set(fault, DG_EINVAL,
                     "the value for \"%s\" must be a JSON array of values of its type", w->field);
}

/* A range, so that an index on the field is of use. UTF-8 has no byte 0xFF,
 * so the last byte can always be raised. */
static void add_prefix(struct sql *s, const struct dg_where *w)
{
    struct value low = {.kind = VALUE_TEXT, .text = w->value, .len = strlen(w->value)};
    sql_value(s, &low);
    if (!low.len) {
        text_addf(&s->text, "\"%s\">=?", w->field);
        return;
    }
    char *raised = pool_dup(&s->pool, low.text, low.len);
    raised[low.len - 1] = (char)(raised[low.len - 1] + 1);
    struct value high = {.kind = VALUE_TEXT, .text = raised, .len = low.len};
    sql_value(s, &high);
    text_addf(&s->text, "(\"%s\">=? AND \"%s\"<?)", w->field, w->field);
}

static void add_contains(struct sql *s, const struct dg_where *w)
{
    size_t len = strlen(w->value);
    char *folded = pool_dup(&s->pool, w->value, len);
    for (char *c = folded; *c; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + ('a' - 'A'));
    }
    struct value v = {.kind = VALUE_TEXT, .text = folded, .len = len};
    sql_value(s, &v);
    text_addf(&s->text, "instr(lower(\"%s\"),?)>0", w->field);
}

static bool add_null(struct sql *s, const struct dg_where *w, struct fault *fault)
{
    bool null = !w->value || strcmp(w->value, "true") == 0;
    if (!null && strcmp(w->value, "false") != 0)
        return bad_value(w, fault);
    text_addf(&s->text, "\"%s\" IS %sNULL", w->field, null ? "" : "NOT ");
    return true;
}

static bool add_condition(struct sql *s, const struct table *t, const struct dg_where *w,
                          struct fault *fault)
{
    static const char *const operators[] = {[DG_EQ] = "=",  [DG_NE] = "<>", [DG_LT] = "<",
                                            [DG_LE] = "<=", [DG_GT] = ">",  [DG_GE] = ">="};
    enum dg_field_type type;
    if (!field_type(t, w->field, &type, fault))
        return false;
    if (w->compare == DG_IS_NULL)
        return add_null(s, w, fault);
    if (!w->value)
        return fault_set(fault, DG_EINVAL, "no value for \"%s\"", w->field);
    if (w->compare == DG_IN)
        return add_in(s, w, type, fault);
    if (w->compare == DG_PREFIX || w->compare == DG_CONTAINS) {
        if (type != DG_FIELD_TEXT || !utf8_ok(w->value, strlen(w->value)))
            return fault_set(fault, DG_EINVAL, "\"%s\" or its value is not text", w->field);
        if (w->compare == DG_PREFIX)
            add_prefix(s, w);
        else
            add_contains(s, w);
        return true;
    }
    struct value v;
    if ((unsigned)w->compare > DG_GE)
        return fault_set(fault, DG_EINVAL, "an unknown comparison for \"%s\"", w->field);
    if (!value_parse(type, w->value, s->now_ms, &v))
        return bad_value(w, fault);
    sql_value(s, &v);
    text_addf(&s->text, "\"%s\"%s?", w->field, operators[w->compare]);
    return true;
}

static bool group_seen(const struct dg_where *list, size_t before, unsigned group)
{
    for (size_t i = 0; i < before; i++) {
        if (list[i].group == group)
            return true;
    }
    return false;
}

static bool add_where(struct sql *s, const struct table *t, const struct dg_where *list,
                      size_t count, struct fault *fault)
{
    const char *glue = " WHERE ";
    for (size_t i = 0; i < count; i++) {
        unsigned group = list[i].group;
        if (group && group_seen(list, i, group))
            continue;
        text_add(&s->text, glue);
        glue = " AND ";
        if (!group) {
            if (!add_condition(s, t, &list[i], fault))
                return false;
            continue;
        }
        const char *inner = "(";
        for (size_t k = i; k < count; k++) {
            if (list[k].group != group)
                continue;
            text_add(&s->text, inner);
            inner = " OR ";
            if (!add_condition(s, t, &list[k], fault))
                return false;
        }
        text_add(&s->text, ")");
    }
    return true;
}

/* ---- Requests ----------------------------------------------------------- */

/* True if the conditions leave no document without the field. */
static bool never_null(const struct dg_query *q)
{
    for (size_t i = 0; i < q->where_count; i++) {
        const struct dg_where *w = &q->where[i];
        if (!w->group && w->compare != DG_IS_NULL && strcmp(w->field, q->order_by) == 0)
            return true;
    }
    return false;
}

static bool add_order(struct sql *s, const struct table *t, const struct dg_query *q,
                      struct fault *fault)
{
    const char *way = q->descending ? " DESC" : "";
    text_add(&s->text, " ORDER BY ");
    if (q->order_by && !is_id(q->order_by)) {
        enum dg_field_type type;
        if (!field_type(t, q->order_by, &type, fault))
            return false;
        const char *nulls = never_null(q) ? "" : q->descending ? " NULLS FIRST" : " NULLS LAST";
        text_addf(&s->text, "\"%s\"%s%s,", q->order_by, way, nulls);
    }
    text_addf(&s->text, "\"id\"%s", way);
    return true;
}

static void add_limit(struct sql *s, const struct dg_query *q)
{
    if (!q->limit && !q->offset)
        return;
    struct value limit = {.kind = VALUE_INT, .number = -1}; /* all */
    if (q->limit && q->limit <= INT64_MAX)
        limit.number = (int64_t)q->limit;
    struct value offset = {.kind = VALUE_INT,
                           .number = q->offset <= INT64_MAX ? (int64_t)q->offset : INT64_MAX};
    text_add(&s->text, " LIMIT ? OFFSET ?");
    sql_value(s, &limit);
    sql_value(s, &offset);
}

bool sql_query(struct sql *s, const struct table *t, const struct dg_query *q, bool ids_only,
               struct fault *fault)
{
    text_addf(&s->text, "SELECT \"id\"%s FROM \"%s\"",
              ids_only ? "" : "," COLUMN_VERSION "," COLUMN_DOC, t->name);
    if (!add_where(s, t, q->where, q->where_count, fault) || !add_order(s, t, q, fault))
        return false;
    add_limit(s, q);
    return true;
}

static bool add_sums(struct sql *s, const struct table *t, const struct dg_tally *req,
                     struct fault *fault)
{
    for (size_t i = 0; i < req->sum_count; i++) {
        int field = table_field(t, req->sums[i]);
        if (field < 0 || t->columns[field].type != DG_FIELD_INT)
            return fault_set(fault, DG_EINVAL, "%s has no INT field \"%s\" to sum", t->name,
                             req->sums[i]);
        /* In two halves, so that only what does not fit in the end is refused. */
        text_addf(&s->text, ",coalesce(sum(\"%s\">>32),0),coalesce(sum(\"%s\"&4294967295),0)",
                  req->sums[i], req->sums[i]);
    }
    return true;
}

bool sql_tally(struct sql *s, const struct table *t, const struct dg_tally *req,
               struct fault *fault)
{
    enum dg_field_type type = DG_FIELD_TEXT;
    if (req->by && !field_type(t, req->by, &type, fault))
        return false;
    if (!req->by)
        text_add(&s->text, "SELECT NULL");
    else if (type == DG_FIELD_BOOL)
        text_addf(&s->text, "SELECT CASE \"%s\" WHEN 1 THEN 'true' WHEN 0 THEN 'false' END",
                  req->by);
    else
        text_addf(&s->text, "SELECT \"%s\"", req->by);
    text_add(&s->text, ",count(*)");
    if (!add_sums(s, t, req, fault))
        return false;
    text_addf(&s->text, " FROM \"%s\"", t->name);
    if (!add_where(s, t, req->where, req->where_count, fault))
        return false;
    if (req->by)
        text_addf(&s->text, " GROUP BY \"%s\" ORDER BY \"%s\" NULLS LAST", req->by, req->by);
    return true;
}

/* One member as a column, and as JSON in the text of all. */
static bool add_member(struct sql *s, const struct table *t, const char *key, const json_t *member,
                       struct text *json)
{
    struct value v;
    if (!value_of_json(t->columns[table_field(t, key)].type, member, s->now_ms, &v))
        return false;
    if (v.kind == VALUE_TEXT)
        v.text = pool_dup(&s->pool, v.text, v.len);
    sql_value(s, &v);
    text_addf(&s->text, ",\"%s\"=?", key);
    text_addf(json, "%s\"%s\":", json->len ? "," : "{", key);
    if (json_is_string(member) && v.kind == VALUE_INT) {
        text_addf(json, "%lld", (long long)v.number); /* the clock */
        return true;
    }
    char *dumped = json_dumps(member, JSON_ENCODE_ANY | JSON_COMPACT);
    text_add(json, dumped);
    free(dumped);
    return true;
}

/* SET of an UPDATE: the version, the columns, and the same in the document. */
static bool add_set(struct sql *s, const struct table *t, struct dg_bytes set, struct fault *fault)
{
    json_t *json = set_parse(t, set, fault), *member;
    const char *key;
    if (!json)
        return false;
    bool ok = true;
    struct text merged = {0};
    text_clear(&merged);
    text_addf(&s->text, "UPDATE \"%s\" SET " COLUMN_VERSION "=" COLUMN_VERSION "+1", t->name);
    json_object_foreach(json, key, member)
    {
        if (ok && !add_member(s, t, key, member, &merged))
            ok = fault_set(fault, DG_EINVAL, "set: \"%s\" is not of its type", key);
    }
    if (merged.len) {
        text_add(&merged, "}");
        struct value v = {.kind = VALUE_TEXT, .len = merged.len};
        v.text = pool_dup(&s->pool, merged.ptr, merged.len);
        sql_value(s, &v);
        text_add(&s->text, "," COLUMN_DOC "=dg_merge(" COLUMN_DOC ",?)");
    }
    text_free(&merged);
    json_decref(json);
    return ok;
}

bool sql_change(struct sql *s, const struct table *t, const struct dg_change *req,
                struct fault *fault)
{
    if (!req->set.ptr)
        text_addf(&s->text, "DELETE FROM \"%s\"", t->name);
    else if (!add_set(s, t, req->set, fault))
        return false;
    return add_where(s, t, req->where, req->where_count, fault);
}

bool sql_merge(struct sql *s, const struct table *t, struct dg_bytes set, struct fault *fault)
{
    if (!add_set(s, t, set, fault))
        return false;
    text_addf(&s->text, " WHERE \"id\"=? RETURNING " COLUMN_VERSION "," COLUMN_DOC);
    return true;
}
