/* value.c - see value.h. */
#include "value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SERIAL_MAX 9007199254740991 /* what every JSON reader can hold */

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

/* "@now", "@now+30000", "@now-30000" */
static bool now_parse(const char *text, int64_t now_ms, int64_t *out)
{
    if (strncmp(text, "@now", 4) != 0)
        return false;
    text += 4;
    int64_t offset = 0;
    if (*text) {
        if ((*text != '+' && *text != '-') || !number_parse(text + 1, &offset) || offset < 0)
            return false;
        if (*text == '-')
            offset = -offset;
    }
    return !__builtin_add_overflow(now_ms, offset, out);
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
        return true;
    case DG_FIELD_BOOL:
        *out = int_value(strcmp(text, "true") == 0);
        return out->number || strcmp(text, "false") == 0;
    case DG_FIELD_TIME:
        if (now_parse(text, now_ms, &n)) {
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

bool value_of_json(enum dg_field_type type, const json_t *json, const int64_t *now_ms,
                   struct value *out)
{
    *out = (struct value){.kind = VALUE_NULL};
    if (!json || json_is_null(json))
        return true;
    switch (type) {
    case DG_FIELD_TEXT:
        if (!json_is_string(json))
            return false;
        *out = (struct value){
            .kind = VALUE_TEXT, .text = json_string_value(json), .len = json_string_length(json)};
        return true;
    case DG_FIELD_BOOL:
        *out = int_value(json_is_true(json));
        return json_is_boolean(json);
    case DG_FIELD_TIME:
        if (now_ms && json_is_string(json)) {
            int64_t n;
            if (!now_parse(json_string_value(json), *now_ms, &n))
                return false;
            *out = int_value(n);
            return true;
        }
        break;
    case DG_FIELD_INT:
        break;
    }
    *out = int_value(json_integer_value(json));
    return json_is_integer(json);
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

static bool too_deep(struct dg_bytes doc)
{
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < doc.len; i++) {
        char c = doc.ptr[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > DOC_DEPTH)
                return true;
        } else if ((c == '}' || c == ']') && depth) {
            depth--;
        }
    }
    return false;
}

static json_t *parse_object(const char *what, struct dg_bytes bytes, struct fault *fault)
{
    json_error_t why;
    if (too_deep(bytes)) {
        fault_set(fault, DG_EINVAL, "%s: nested deeper than %d", what, DOC_DEPTH);
        return NULL;
    }
    json_t *json = json_loadb(bytes.ptr, bytes.len, JSON_REJECT_DUPLICATES, &why);
    if (!json) {
        fault_set(fault, DG_EINVAL, "%s: not JSON: %s at byte %d", what, why.text, why.position);
    } else if (!json_is_object(json)) {
        fault_set(fault, DG_EINVAL, "%s: not a JSON object", what);
        json_decref(json);
        json = NULL;
    }
    return json;
}

json_t *doc_values(const struct table *t, struct dg_bytes doc, struct value *values,
                   struct fault *fault)
{
    json_t *json = parse_object(t->name, doc, fault);
    if (!json)
        return NULL;
    for (size_t i = 0; i < t->column_count; i++) {
        const struct column *c = &t->columns[i];
        if (!value_of_json(c->type, json_object_get(json, c->name), NULL, &values[i])) {
            fault_set(fault, DG_EINVAL, "%s: \"%s\" must be %s", t->name, c->name,
                      type_name(c->type));
            json_decref(json);
            return NULL;
        }
    }
    return json;
}

json_t *set_parse(const struct table *t, struct dg_bytes set, struct fault *fault)
{
    json_t *json = parse_object("set", set, fault);
    const char *key;
    json_t *member;
    bool ok = json != NULL;
    json_object_foreach(json, key, member)
    {
        if (table_field(t, key) < 0)
            ok = fault_set(fault, DG_EINVAL, "set: \"%s\" is no field of %s", key, t->name);
    }
    if (ok)
        return json;
    json_decref(json);
    return NULL;
}
