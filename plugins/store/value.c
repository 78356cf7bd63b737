/* value.c - see value.h. */
#include "store/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/scan.h"

bool number_parse(const char *text, int64_t *out)
{
    const char *digits = text + (*text == '-');
    if (!*digits || digits[strspn(digits, "0123456789")] != '\0')
        return false;
    if (*digits == '0' && (digits[1] || *text == '-'))
        return false;
    errno = 0;
    long long n = strtoll(text, NULL, 10);
    if (errno)
        return false;
    *out = n;
    return true;
}

bool serial_parse(const char *id, int64_t *out)
{
    int64_t n;
    if (!number_parse(id, &n) || n < 1 || n > SERIAL_MAX)
        return false;
    *out = n;
    return true;
}

bool now_parse(const char *text, int64_t *offset)
{
    *offset = 0;
    if (strncmp(text, "@now", 4) != 0)
        return false;
    text += 4;
    if (!*text)
        return true;
    if ((*text != '+' && *text != '-') || !number_parse(text + 1, offset) || *offset < 0)
        return false;
    if (*text == '-')
        *offset = -*offset;
    return true;
}

/* What the store's clock makes of it. */
static bool now_value(const char *text, int64_t now_ms, int64_t *out)
{
    int64_t offset;
    return now_parse(text, &offset) && !__builtin_add_overflow(now_ms, offset, out);
}

static struct value int_value(int64_t n)
{
    return (struct value){.kind = VALUE_INT, .number = n};
}

bool value_parse(enum dg_field_type type, const char *text, int64_t now_ms, struct value *out)
{
    int64_t n;
    switch (type) {
    case DG_FIELD_TEXT:
        *out = (struct value){.kind = VALUE_TEXT, .text = text, .len = strlen(text)};
        return utf8_ok(text, out->len);
    case DG_FIELD_BOOL:
        *out = int_value(strcmp(text, "true") == 0);
        return out->number || strcmp(text, "false") == 0;
    case DG_FIELD_TIME:
        if (now_value(text, now_ms, &n)) {
            *out = int_value(n);
            return true;
        }
        break;
    case DG_FIELD_INT:
        break;
    }
    if (!number_parse(text, &n))
        return false;
    *out = int_value(n);
    return true;
}

bool value_of_json(enum dg_field_type type, const json_t *json, int64_t now_ms, struct value *out)
{
    *out = (struct value){.kind = VALUE_NULL};
    if (!json || json_is_null(json))
        return true;
    if (type == DG_FIELD_TEXT) {
        *out = (struct value){
            .kind = VALUE_TEXT, .text = json_string_value(json), .len = json_string_length(json)};
        return json_is_string(json);
    }
    if (type == DG_FIELD_BOOL) {
        *out = int_value(json_is_true(json));
        return json_is_boolean(json);
    }
    if (type == DG_FIELD_TIME && json_is_string(json)) {
        int64_t n = 0;
        bool ok = now_value(json_string_value(json), now_ms, &n);
        *out = int_value(n);
        return ok;
    }
    *out = int_value(json_integer_value(json));
    return json_is_integer(json);
}

bool value_of_id(const struct table *t, const struct dg_write *w, struct value *out,
                 struct fault *fault)
{
    const char *id = w->id;
    *out = (struct value){.kind = VALUE_NULL};
    if (!w->json.ptr && w->expect == DG_VERSION_NONE)
        return fault_set(fault, DG_EINVAL,
                         "a delete cannot demand that the document does not exist");
    if (!id) {
        bool fine = t->serial && w->json.ptr &&
                    (w->expect == DG_VERSION_ANY || w->expect == DG_VERSION_NONE);
        return fine || fault_set(fault, DG_EINVAL, "%s: a write without an id", t->name);
    }
    *out = (struct value){.kind = VALUE_TEXT, .text = id, .len = strlen(id)};
    if (t->serial) {
        out->kind = VALUE_INT;
        if (!serial_parse(id, &out->number))
            return fault_set(fault, DG_EINVAL, "%s: \"%s\" is no serial id", t->name, id);
    } else if (!*id) {
        return fault_set(fault, DG_EINVAL, "%s: an empty id", t->name);
    } else if (out->len > TEXT_MOST || !utf8_ok(id, out->len)) {
        return fault_set(fault, DG_EINVAL, "%s: an id that is no text of at most %d bytes", t->name,
                         TEXT_MOST);
    }
    return true;
}

static const char *type_name(enum dg_field_type type)
{
    switch (type) {
    case DG_FIELD_INT:
        return "an integer";
    case DG_FIELD_BOOL:
        return "true or false";
    case DG_FIELD_TIME:
        return "a time in milliseconds";
    case DG_FIELD_TEXT:
        break;
    }
    return "text";
}

/* ---- Documents ---------------------------------------------------------- */

struct reading {
    const struct table *table;
    struct value *values;
    bool *seen;
    size_t next; /* column: documents mostly have their members in the same order */
    struct fault *fault;
};

static bool is_named(const struct column *c, const char *key, size_t len)
{
    return c->name_len == len && memcmp(c->name, key, len) == 0;
}

static int find_field(struct reading *r, const char *key, size_t len)
{
    const struct table *t = r->table;
    for (size_t n = t->column_count, i = r->next; n; n--, i++) {
        i = i < t->column_count ? i : 0;
        if (!is_named(&t->columns[i], key, len))
            continue;
        r->next = i + 1;
        return (int)i;
    }
    return -1;
}

static bool too_long(const struct table *t, const struct column *c, size_t len, struct fault *fault)
{
    if (c->type != DG_FIELD_TEXT || !c->indexed || len <= TEXT_MOST)
        return false;
    fault_set(fault, DG_EINVAL, "%s: \"%s\" has more than %d bytes, and is indexed", t->name,
              c->name, TEXT_MOST);
    return true;
}

static bool on_member(void *arg, const char *key, size_t key_len, const struct scan_value *v)
{
    static const enum scan_kind kinds[] = {[DG_FIELD_TEXT] = SCAN_TEXT,
                                           [DG_FIELD_INT] = SCAN_INT,
                                           [DG_FIELD_BOOL] = SCAN_BOOL,
                                           [DG_FIELD_TIME] = SCAN_INT};
    struct reading *r = arg;
    int i = find_field(r, key, key_len);
    if (i < 0)
        return true;
    const struct column *c = &r->table->columns[i];
    if (r->seen[i])
        return fault_set(r->fault, DG_EINVAL, "%s: \"%s\" is there twice", r->table->name, c->name);
    r->seen[i] = true;
    if (v->kind == SCAN_NULL)
        return true;
    if (v->kind != kinds[c->type])
        return fault_set(r->fault, DG_EINVAL, "%s: \"%s\" must be %s", r->table->name, c->name,
                         type_name(c->type));
    if (v->kind == SCAN_TEXT && too_long(r->table, c, v->len, r->fault))
        return false;
    r->values[i] = v->kind == SCAN_TEXT
                       ? (struct value){.kind = VALUE_TEXT, .text = v->text, .len = v->len}
                       : int_value(v->number);
    return true;
}

bool doc_values(const struct table *t, struct dg_bytes doc, struct pool *pool, struct value *values,
                struct fault *fault)
{
    struct reading r = {.table = t, .values = values, .fault = fault};
    size_t at;
    r.seen = pool_alloc(pool, t->column_count + 1);
    memset(values, 0, t->column_count * sizeof(*values));
    const char *wrong = scan_object(doc.ptr, doc.len, pool, on_member, &r, &at);
    return !wrong || fault_set(fault, DG_EINVAL, "%s: not a JSON document: %s, at byte %zu",
                               t->name, wrong, at);
}

json_t *set_parse(const struct table *t, struct dg_bytes set, struct fault *fault)
{
    json_error_t why;
    json_t *json = json_loadb(set.ptr, set.len, JSON_REJECT_DUPLICATES, &why);
    const char *key;
    json_t *member;
    bool ok = json_is_object(json);
    if (!ok)
        fault_set(fault, DG_EINVAL, "set: not a JSON object%s%s", json ? "" : ": ",
                  json ? "" : why.text);
    json_object_foreach(json, key, member)
    {
        int field = table_field(t, key);
        if (field < 0)
            ok = fault_set(fault, DG_EINVAL, "set: \"%s\" is no field of %s", key, t->name);
        else if (too_long(t, &t->columns[field], json_string_length(member), fault))
            ok = false;
    }
    if (ok)
        return json;
    json_decref(json);
    return NULL;
}
