/* condition.c - typed values, and whether a document matches. */
#include "memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_text(const struct collection *c, int field)
{
    return field == FIELD_ID ? !c->serial : c->fields[field].type == DG_FIELD_TEXT;
}

struct value value_of(const struct collection *c, const struct document *d, int field)
{
    if (field == FIELD_ID && !c->serial)
        return (struct value){TEXT, d->id, 0};
    if (field == FIELD_ID)
        return (struct value){NUMBER, NULL, serial_of(d->id)};
    const json_t *v = json_object_get(d->json, c->fields[field].name);
    switch (c->fields[field].type) {
    case DG_FIELD_TEXT:
        if (json_is_string(v))
            return (struct value){TEXT, json_string_value(v), 0};
        break;
    case DG_FIELD_BOOL:
        if (json_is_boolean(v))
            return (struct value){NUMBER, NULL, json_is_true(v)};
        break;
    case DG_FIELD_INT:
    case DG_FIELD_TIME:
        if (json_is_integer(v))
            return (struct value){NUMBER, NULL, json_integer_value(v)};
        break;
    }
    return (struct value){ABSENT, NULL, 0};
}

int value_compare(struct value a, struct value b)
{
    if (a.kind == ABSENT || b.kind == ABSENT)
        return (a.kind == ABSENT) - (b.kind == ABSENT);
    if (a.kind == TEXT)
        return strcmp(a.text, b.text);
    return (a.number > b.number) - (a.number < b.number);
}

static bool number_of(const char *text, int64_t *out)
{
    char *end;
    if (!*text || !strchr("-0123456789", *text))
        return false;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && *end == '\0' && end > text;
}

bool time_of(struct memory *m, const char *text, int64_t *out)
{
    int64_t offset = 0;
    if (strncmp(text, "@now", 4) != 0)
        return number_of(text, out);
    bool plus = text[4] == '+';
    if (text[4] && ((!plus && text[4] != '-') || !number_of(text + 4 + plus, &offset)))
        return false;
    *out = m->h->unix_ms(m->h) + offset;
    return true;
}

/* A condition's value by the field's type. */
static bool parse(struct memory *m, const struct collection *c, int field, const char *text,
                  struct value *out)
{
    if (!text)
        return false;
    *out = (struct value){NUMBER, NULL, 0};
    if (is_text(c, field)) {
        *out = (struct value){TEXT, text, 0};
        return true;
    }
    if (field == FIELD_ID || c->fields[field].type == DG_FIELD_INT)
        return number_of(text, &out->number);
    if (c->fields[field].type == DG_FIELD_TIME)
        return time_of(m, text, &out->number);
    out->number = strcmp(text, "true") == 0;
    return out->number || strcmp(text, "false") == 0;
}

static bool parse_element(struct memory *m, const struct collection *c, int field,
                          const json_t *element, struct value *out)
{
    if (json_is_integer(element) && !is_text(c, field)) {
        *out = (struct value){NUMBER, NULL, json_integer_value(element)};
        return true;
    }
    return json_is_string(element) && parse(m, c, field, json_string_value(element), out);
}

static bool list_check(struct memory *m, const struct collection *c, int field, const char *text)
{
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    struct value v;
    bool ok = json_is_array(list);
    for (size_t i = 0; ok && i < json_array_size(list); i++)
        ok = parse_element(m, c, field, json_array_get(list, i), &v);
    json_decref(list);
    return ok;
}

static bool condition_check(struct memory *m, const struct collection *c, const struct dg_where *w)
{
    struct value v;
    int field = field_find(c, w->field);
    if (field == -1)
        return false;
    switch (w->compare) {
    case DG_IS_NULL:
        return !w->value || strcmp(w->value, "true") == 0 || strcmp(w->value, "false") == 0;
    case DG_IN:
        return list_check(m, c, field, w->value);
    case DG_PREFIX:
    case DG_CONTAINS:
        return w->value && is_text(c, field);
    default:
        return parse(m, c, field, w->value, &v);
    }
}

bool conditions_check(struct memory *m, const struct collection *c, const struct dg_where *where,
                      size_t count, struct trouble *t)
{
    for (size_t i = 0; i < count; i++)
        if (!condition_check(m, c, &where[i]))
            return trouble(t, DG_EINVAL, "the condition on %s.%s makes no sense", c->name,
                           where[i].field);
    return true;
}

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool contains(const char *text, const char *part)
{
    for (;; text++) {
        size_t i = 0;
        while (part[i] && fold(text[i]) == fold(part[i]))
            i++;
        if (!part[i])
            return true;
        if (!*text)
            return false;
    }
}

static bool in_list(struct memory *m, const struct collection *c, int field, const char *text,
                    struct value v)
{
    json_t *list = json_loads(text, 0, NULL);
    struct value element;
    bool found = false;
    for (size_t i = 0; !found && i < json_array_size(list); i++)
        found = parse_element(m, c, field, json_array_get(list, i), &element) &&
                value_compare(v, element) == 0;
    json_decref(list);
    return found;
}

static bool condition_matches(struct memory *m, const struct collection *c,
                              const struct dg_where *w, const struct document *d)
{
    int field = field_find(c, w->field);
    struct value v = value_of(c, d, field), other;
    if (w->compare == DG_IS_NULL)
        return (v.kind == ABSENT) == (!w->value || strcmp(w->value, "true") == 0);
    if (v.kind == ABSENT)
        return false;
    if (w->compare == DG_IN)
        return in_list(m, c, field, w->value, v);
    if (w->compare == DG_PREFIX)
        return strncmp(v.text, w->value, strlen(w->value)) == 0;
    if (w->compare == DG_CONTAINS)
        return contains(v.text, w->value);
    parse(m, c, field, w->value, &other);
    int order = value_compare(v, other);
    switch (w->compare) {
    case DG_EQ:
        return order == 0;
    case DG_NE:
        return order != 0;
    case DG_LT:
        return order < 0;
    case DG_LE:
        return order <= 0;
    case DG_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

/* Does one of this condition's group match? */
static bool group_matches(struct memory *m, const struct collection *c,
                          const struct dg_where *where, size_t count, unsigned group,
                          const struct document *d)
{
    for (size_t i = 0; i < count; i++)
        if (where[i].group == group && condition_matches(m, c, &where[i], d))
            return true;
    return false;
}

bool conditions_match(struct memory *m, const struct collection *c, const struct dg_where *where,
                      size_t count, const struct document *d)
{
    for (size_t i = 0; i < count; i++) {
        bool matches = where[i].group ? group_matches(m, c, where, count, where[i].group, d)
                                      : condition_matches(m, c, &where[i], d);
        if (!matches)
            return false;
    }
    return true;
}
