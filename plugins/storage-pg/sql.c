/* sql.c - see sql.h. */
#include "sql.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "store/scan.h"

/* ---- Parameters --------------------------------------------------------- */

void sql_reset(struct sql *s)
{
    text_clear(&s->text);
    pool_free(&s->pool);
    s->count = 0;
}

void sql_free(struct sql *s)
{
    text_free(&s->text);
    pool_free(&s->pool);
    free(s->types);
    free(s->values);
    free(s->lengths);
    free(s->formats);
    *s = (struct sql){0};
}

static void *grown(void *list, size_t size)
{
    void *out = realloc(list, size);
    if (!out)
        abort();
    return out;
}

static void add(struct sql *s, enum param_type type, const char *value, size_t len, int format)
{
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 16;
        size_t cap = (size_t)s->cap;
        s->types = grown(s->types, cap * sizeof(*s->types));
        s->values = grown(s->values, cap * sizeof(*s->values));
        s->lengths = grown(s->lengths, cap * sizeof(*s->lengths));
        s->formats = grown(s->formats, cap * sizeof(*s->formats));
    }
    s->types[s->count] = type;
    s->values[s->count] = value;
    s->lengths[s->count] = (int)len;
    s->formats[s->count] = format;
    s->count++;
}

void sql_text(struct sql *s, const char *text, size_t len)
{
    add(s, PARAM_TEXT, text, len, 1);
}

void sql_int(struct sql *s, int64_t n)
{
    uint64_t wire = htobe64((uint64_t)n);
    add(s, PARAM_INT, pool_dup(&s->pool, &wire, sizeof(wire)), sizeof(wire), 1);
}

void sql_null(struct sql *s, enum param_type type)
{
    add(s, type, NULL, 0, 1);
}

void sql_array(struct sql *s, enum param_type type, const char *text)
{
    add(s, type, pool_strdup(&s->pool, text), strlen(text), 0);
}

enum param_type sql_type(enum dg_field_type type)
{
    return type == DG_FIELD_TEXT ? PARAM_TEXT : type == DG_FIELD_BOOL ? PARAM_BOOL : PARAM_INT;
}

void sql_value(struct sql *s, enum dg_field_type type, const struct value *v)
{
    if (v->kind == VALUE_NULL)
        sql_null(s, sql_type(type));
    else if (v->kind == VALUE_TEXT)
        sql_text(s, v->text, v->len);
    else if (type == DG_FIELD_BOOL)
        add(s, PARAM_BOOL, v->number ? "\1" : "\0", 1, 1);
    else
        sql_int(s, v->number);
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

/* The value where it stands in the text: a parameter, or the clock and one. */
static bool add_operand(struct sql *s, enum dg_field_type type, const char *value)
{
    struct value v;
    int64_t offset;
    if (type == DG_FIELD_TIME && now_parse(value, &offset)) {
        sql_int(s, offset);
        text_addf(&s->text, "(" SQL_NOW "+$%d)", s->count);
        return true;
    }
    if (!value_parse(type, value, 0, &v))
        return false;
    sql_value(s, type, &v);
    text_addf(&s->text, "$%d", s->count);
    return true;
}

static void array_text(struct text *array, const char *value)
{
    text_add(array, array->len > 1 ? ",\"" : "\"");
    for (; *value; value++) {
        const char c[3] = {*value == '"' || *value == '\\' ? '\\' : *value, *value, '\0'};
        text_add(array, c[0] == '\\' ? c : c + 1);
    }
    text_add(array, "\"");
}

/* One parameter, an array, so that any number of values is the same statement; and
 * one comparison for each value that names the clock. */
static bool add_in(struct sql *s, const struct dg_where *w, enum dg_field_type type,
                   struct fault *fault)
{
    json_t *list = json_loads(w->value, 0, NULL), *item;
    bool ok = json_is_array(list);
    struct text array = {0}, clocks = {0};
    size_t i;
    text_add(&array, "{");
    text_clear(&clocks);
    json_array_foreach(list, i, item)
    {
        struct value v;
        int64_t offset;
        char *dumped = json_is_string(item) ? NULL : json_dumps(item, JSON_ENCODE_ANY);
        const char *value = dumped ? dumped : json_string_value(item);
        if (json_is_null(item) || !value) {
            ok = false;
        } else if (type == DG_FIELD_TIME && now_parse(value, &offset)) {
            sql_int(s, offset);
            text_addf(&clocks, " OR \"%s\"=(" SQL_NOW "+$%d)", w->field, s->count);
        } else {
            ok = ok && value_parse(type, value, 0, &v);
            array_text(&array, value);
        }
        free(dumped);
    }
    text_add(&array, "}");
    if (ok) {
        sql_array(s,
                  type == DG_FIELD_TEXT   ? PARAM_TEXTS
                  : type == DG_FIELD_BOOL ? PARAM_BOOLS
                                          : PARAM_INTS,
                  array.ptr);
        text_addf(&s->text, "(\"%s\"=ANY($%d)%s)", w->field, s->count, clocks.ptr);
    }
    text_free(&array);
    text_free(&clocks);
    json_decref(list);
    return ok ||
           fault_set(fault, DG_EINVAL,
                     "the value for \"%s\" must be a JSON array of values of its type", w->field);
}

static size_t add_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(first[size] | c);
    return size;
}

/* The character that `text` ends with; its size is taken off `len`. */
static uint32_t last_character(const char *text, size_t *len)
{
    static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t end = *len;
    do
        --*len;
    while (*len > 0 && end - *len < 4 && ((unsigned char)text[*len] & 0xc0) == 0x80);
    uint32_t c = (unsigned char)text[*len] & first[end - *len];
    for (size_t i = *len + 1; i < end; i++)
        c = c << 6 | ((unsigned char)text[i] & 0x3f);
    return c;
}

/* The least text that is greater than all that begin with `text`, which has room for one byte
 * more: its last character made the next one, by characters because half of one is no text.
 * 0: there is none. */
static size_t raised(char *text, size_t len)
{
    while (len) {
        uint32_t c = last_character(text, &len);
        if (c < 0x10ffff)
            return len + add_utf8(text + len, c == 0xd7ff ? 0xe000 : c + 1);
    }
    return 0;
}

/* A range, so that an index on the field is of use. */
static void add_prefix(struct sql *s, const struct dg_where *w)
{
    size_t len = strlen(w->value);
    sql_text(s, w->value, len);
    char *high = pool_alloc(&s->pool, len + 2);
    memcpy(high, w->value, len);
    len = raised(high, len);
    if (!len) {
        text_addf(&s->text, "\"%s\">=$%d", w->field, s->count);
        return;
    }
    sql_text(s, high, len);
    text_addf(&s->text, "(\"%s\">=$%d AND \"%s\"<$%d)", w->field, s->count - 1, w->field, s->count);
}

static void add_contains(struct sql *s, const struct dg_where *w)
{
    size_t len = strlen(w->value);
    char *folded = pool_dup(&s->pool, w->value, len);
    for (char *c = folded; *c; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + ('a' - 'A'));
    }
    sql_text(s, folded, len);
    text_addf(&s->text, "strpos(lower(\"%s\"),$%d)>0", w->field, s->count);
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
    if ((unsigned)w->compare > DG_GE)
        return fault_set(fault, DG_EINVAL, "an unknown comparison for \"%s\"", w->field);
    text_addf(&s->text, "\"%s\"%s", w->field, operators[w->compare]);
    return add_operand(s, type, w->value) || bad_value(w, fault);
}

static bool group_seen(const struct dg_where *list, size_t before, unsigned group)
{
    for (size_t i = 0; i < before; i++) {
        if (list[i].group == group)
            return true;
    }
    return false;
}

static bool add_group(struct sql *s, const struct table *t, const struct dg_where *list,
                      size_t count, size_t first, struct fault *fault)
{
    const char *glue = "(";
    for (size_t k = first; k < count; k++) {
        if (list[k].group != list[first].group)
            continue;
        text_add(&s->text, glue);
        glue = " OR ";
        if (!add_condition(s, t, &list[k], fault))
            return false;
    }
    text_add(&s->text, ")");
    return true;
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
        if (!(group ? add_group(s, t, list, count, i, fault)
                    : add_condition(s, t, &list[i], fault)))
            return false;
    }
    return true;
}

/* ---- Reading ------------------------------------------------------------ */

/* PostgreSQL's own order of NULLs is the contract's: last, and first descending. */
static bool add_order(struct sql *s, const struct table *t, const struct dg_query *q,
                      struct fault *fault)
{
    const char *way = q->descending ? " DESC" : "";
    text_add(&s->text, " ORDER BY ");
    if (q->order_by && !is_id(q->order_by)) {
        enum dg_field_type type;
        if (!field_type(t, q->order_by, &type, fault))
            return false;
        text_addf(&s->text, "\"%s\"%s,", q->order_by, way);
    }
    text_addf(&s->text, "\"id\"%s", way);
    return true;
}

static void add_limit(struct sql *s, const struct dg_query *q)
{
    if (q->limit && q->limit <= INT64_MAX) {
        sql_int(s, (int64_t)q->limit);
        text_addf(&s->text, " LIMIT $%d", s->count);
    }
    if (q->offset) {
        sql_int(s, q->offset <= INT64_MAX ? (int64_t)q->offset : INT64_MAX);
        text_addf(&s->text, " OFFSET $%d", s->count);
    }
}

bool sql_query(struct sql *s, const struct table *t, const struct dg_query *q, struct fault *fault)
{
    text_addf(&s->text, "SELECT \"id\",\"@version\",\"@doc\" FROM \"%s\"", t->name);
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
        text_addf(&s->text, ",coalesce(sum(\"%s\"),0)", req->sums[i]);
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
        text_addf(&s->text, "SELECT CASE WHEN \"%s\" THEN 'true' WHEN NOT \"%s\" THEN 'false' END",
                  req->by, req->by);
    else
        text_addf(&s->text, "SELECT \"%s\"", req->by);
    text_add(&s->text, ",count(*)");
    if (!add_sums(s, t, req, fault))
        return false;
    text_addf(&s->text, " FROM \"%s\"", t->name);
    if (!add_where(s, t, req->where, req->where_count, fault))
        return false;
    if (req->by)
        text_addf(&s->text, " GROUP BY \"%s\" ORDER BY \"%s\"", req->by, req->by);
    return true;
}

/* ---- Changing ----------------------------------------------------------- */

/* What is set, as columns, and as the text of a JSON object. */
struct set {
    struct text columns, json;
};

static void set_free(struct set *set)
{
    text_free(&set->columns);
    text_free(&set->json);
}

static bool add_member(struct sql *s, const struct table *t, struct set *set, const char *key,
                       const json_t *member)
{
    enum dg_field_type type = t->columns[table_field(t, key)].type;
    const char *comma = set->json.len ? "," : "";
    struct value v;
    int64_t offset;
    if (type == DG_FIELD_TIME && json_is_string(member)) {
        if (!now_parse(json_string_value(member), &offset))
            return false;
        sql_int(s, offset);
        text_addf(&set->columns, ",\"%s\"=" SQL_NOW "+$%d", key, s->count);
        text_addf(&set->json, "||'%s\"%s\":'||(" SQL_NOW "+$%d)", comma, key, s->count);
        return true;
    }
    if (!value_of_json(type, member, 0, &v))
        return false;
    char *dumped = json_dumps(member, JSON_ENCODE_ANY | JSON_COMPACT);
    size_t len = strlen(dumped);
    if (v.kind == VALUE_TEXT)
        v.text = pool_dup(&s->pool, v.text, v.len);
    sql_value(s, type, &v);
    text_addf(&set->columns, ",\"%s\"=$%d", key, s->count);
    sql_text(s, pool_dup(&s->pool, dumped, len), len);
    text_addf(&set->json, "||'%s\"%s\":'||$%d", comma, key, s->count);
    free(dumped);
    return true;
}

static bool read_set(struct sql *s, const struct table *t, struct dg_bytes bytes, struct set *set,
                     struct fault *fault)
{
    json_t *json = set_parse(t, bytes, fault), *member;
    const char *key;
    bool ok = json != NULL;
    text_clear(&set->columns);
    text_clear(&set->json);
    json_object_foreach(json, key, member)
    {
        if (ok && !add_member(s, t, set, key, member))
            ok = fault_set(fault, DG_EINVAL, "set: \"%s\" is not of its type", key);
    }
    json_decref(json);
    return ok;
}

/* What follows SET. The document's members keep their places and the bytes of their
 * values; those that it had not are appended. */
static void add_set(struct sql *s, const struct set *set)
{
    text_addf(&s->text, "\"@version\"=\"@version\"+1%s", set->columns.ptr);
    if (!set->json.len)
        return;
    text_addf(&s->text,
              ",\"@doc\"=(WITH n AS MATERIALIZED(SELECT ('{'%s||'}')::json j),"
              "o AS MATERIALIZED(SELECT * FROM json_each(\"@doc\"::json) WITH ORDINALITY AS "
              "e(k,v,i)),"
              "s AS MATERIALIZED(SELECT e.* FROM n,json_each(n.j) WITH ORDINALITY AS e(k,v,i)) "
              "SELECT '{'||string_agg(to_json(k)::text||':'||v,',' ORDER BY part,i)||'}' FROM("
              "SELECT 0 part,o.i,o.k,coalesce(s.v,o.v)::text v FROM o LEFT JOIN s ON s.k=o.k "
              "UNION ALL SELECT 1,s.i,s.k,s.v::text FROM s WHERE NOT EXISTS(SELECT FROM o WHERE "
              "o.k=s.k)) m)",
              set->json.ptr);
}

bool sql_change(struct sql *s, const struct table *t, const struct dg_change *req,
                struct fault *fault)
{
    struct set set = {0};
    bool ok = true;
    if (!req->set.ptr) {
        text_addf(&s->text, "DELETE FROM \"%s\"", t->name);
    } else {
        ok = read_set(s, t, req->set, &set, fault);
        text_addf(&s->text, "UPDATE \"%s\" SET ", t->name);
        if (ok)
            add_set(s, &set);
    }
    set_free(&set);
    return ok && add_where(s, t, req->where, req->where_count, fault);
}

bool sql_take(struct sql *s, const struct table *t, const struct dg_take *req, struct fault *fault)
{
    static const struct dg_bytes nothing = {"{}", 2};
    const struct dg_query *q = &req->from;
    const char *by = q->order_by && !is_id(q->order_by) ? q->order_by : "id";
    const char *way = q->descending ? " DESC" : "";
    struct set set = {0};
    bool ok = read_set(s, t, req->set.ptr ? req->set : nothing, &set, fault);
    /* Its place in the order is that of before: `set` may change what it is ordered by. */
    text_addf(&s->text, "WITH p AS MATERIALIZED(SELECT \"id\" \"@id\",\"%s\" \"@by\" FROM \"%s\"",
              by, t->name);
    ok = ok && add_where(s, t, q->where, q->where_count, fault) && add_order(s, t, q, fault);
    if (ok) {
        add_limit(s, q);
        text_addf(&s->text, " FOR UPDATE SKIP LOCKED),d AS(UPDATE \"%s\" SET ", t->name);
        add_set(s, &set);
        text_addf(&s->text,
                  " FROM p WHERE \"id\"=\"@id\" RETURNING \"id\",\"@version\",\"@doc\",\"@by\")"
                  "SELECT \"id\",\"@version\",\"@doc\" FROM d ORDER BY \"@by\"%s,\"id\"%s",
                  way, way);
    }
    set_free(&set);
    return ok;
}
