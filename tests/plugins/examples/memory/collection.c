/* collection.c - documents in the order of their ids, unique fields, undoing. */
#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *get_memory(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (!p)
        abort();
    if (!old)
        memset(p, 0, size);
    return p;
}

char *get_text(const char *bytes, size_t len)
{
    char *copy = get_memory(NULL, len + 1);
    memcpy(copy, bytes, len);
    return copy;
}

bool trouble(struct trouble *t, enum dg_err err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(t->why, sizeof(t->why), fmt, ap);
    va_end(ap);
    t->err = err;
    return false;
}

/* ---- Ids ---------------------------------------------------------------------- */

int64_t serial_of(const char *id)
{
    size_t len = strlen(id);
    if (len == 0 || len > 18 || strspn(id, "0123456789") != len || *id == '0')
        return 0;
    return strtoll(id, NULL, 10);
}

static int id_compare(const struct collection *c, const char *a, const char *b)
{
    if (!c->serial)
        return strcmp(a, b);
    int64_t x = serial_of(a), y = serial_of(b);
    return (x > y) - (x < y);
}

/* Where it is, or would be. */
static size_t place_of(const struct collection *c, const char *id)
{
    size_t low = 0, high = c->doc_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (id_compare(c, c->docs[middle]->id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct document *document_find(const struct collection *c, const char *id)
{
    size_t at = place_of(c, id);
    if (at == c->doc_count || strcmp(c->docs[at]->id, id) != 0)
        return NULL;
    return c->docs[at];
}

/* ---- Collections --------------------------------------------------------------- */

struct collection *collection_find(struct memory *m, const char *name)
{
    struct collection *c = m->collections;
    while (c && strcmp(c->name, name) != 0)
        c = c->next;
    return c;
}

struct collection *collection_make(struct memory *m, const char *name)
{
    struct collection *c = get_memory(NULL, sizeof(*c));
    c->name = get_text(name, strlen(name));
    c->next = m->collections;
    m->collections = c;
    return c;
}

static void fields_free(struct collection *c)
{
    for (size_t i = 0; i < c->field_count; i++)
        free(c->fields[i].name);
    free(c->fields);
    free(c->uniques);
}

void collection_free(struct collection *c)
{
    for (size_t i = 0; i < c->doc_count; i++)
        document_free(c->docs[i]);
    fields_free(c);
    free(c->docs);
    free(c->name);
    free(c);
}

int field_find(const struct collection *c, const char *name)
{
    if (strcmp(name, "id") == 0)
        return FIELD_ID;
    for (size_t i = 0; i < c->field_count; i++)
        if (strcmp(c->fields[i].name, name) == 0)
            return (int)i;
    return -1;
}

static bool add_index(struct collection *c, const struct dg_index *index)
{
    struct unique *u = &c->uniques[c->unique_count];
    for (size_t i = 0; i < index->field_count && i < IDS_FIELDS_MAX; i++) {
        int field = field_find(c, index->fields[i]);
        if (field < 0)
            return false;
        u->fields[u->count++] = (size_t)field;
    }
    c->unique_count++;
    return true;
}

static bool take_fields(struct collection *c, const struct dg_collection *to)
{
    c->fields = get_memory(NULL, to->field_count * sizeof(*c->fields));
    c->uniques = get_memory(NULL, (to->field_count + to->index_count) * sizeof(*c->uniques));
    for (size_t i = 0; i < to->field_count; i++) {
        const struct dg_field *f = &to->fields[i];
        c->fields[c->field_count++] = (struct field){get_text(f->name, strlen(f->name)), f->type};
        if (f->unique)
            c->uniques[c->unique_count++] = (struct unique){{i}, 1};
    }
    for (size_t i = 0; i < to->index_count; i++)
        if (to->indexes[i].unique && !add_index(c, &to->indexes[i]))
            return false;
    return true;
}

static bool same_in(const struct collection *c, const struct unique *u, const struct document *a,
                    const struct document *b)
{
    for (size_t i = 0; i < u->count; i++) {
        struct value x = value_of(c, a, (int)u->fields[i]), y = value_of(c, b, (int)u->fields[i]);
        if (x.kind == ABSENT || y.kind == ABSENT || value_compare(x, y) != 0)
            return false;
    }
    return true;
}

static bool is_unique(const struct collection *c, const struct document *d)
{
    for (size_t i = 0; i < c->unique_count; i++)
        for (size_t k = 0; k < c->doc_count; k++)
            if (strcmp(c->docs[k]->id, d->id) != 0 && same_in(c, &c->uniques[i], c->docs[k], d))
                return false;
    return true;
}

bool collection_declare(struct collection *c, const struct dg_collection *to, struct trouble *t)
{
    struct collection before = *c;
    c->field_count = c->unique_count = 0;
    bool ok = take_fields(c, to) || trouble(t, DG_EINVAL, "%s: an index of no field", to->name);
    for (size_t i = 0; ok && i < c->doc_count; i++)
        ok = is_unique(c, c->docs[i]) ||
             trouble(t, DG_ECONFLICT, "%s: what shall be unique is not", to->name);
    if (ok) {
        fields_free(&before);
        c->declared = true;
        c->serial = to->serial;
    } else {
        fields_free(c);
        *c = before;
    }
    return ok;
}

/* ---- Documents ------------------------------------------------------------------ */

static bool fields_fit(const struct collection *c, const json_t *json, struct trouble *t)
{
    for (size_t i = 0; i < c->field_count; i++) {
        const json_t *v = json_object_get(json, c->fields[i].name);
        enum dg_field_type type = c->fields[i].type;
        bool fits = !v || json_is_null(v) || (type == DG_FIELD_TEXT && json_is_string(v)) ||
                    (type == DG_FIELD_BOOL && json_is_boolean(v)) ||
                    ((type == DG_FIELD_INT || type == DG_FIELD_TIME) && json_is_integer(v));
        if (!fits)
            return trouble(t, DG_EINVAL, "%s.%s has a value of another type", c->name,
                           c->fields[i].name);
    }
    return true;
}

struct document *document_new(const struct collection *c, const char *id, struct dg_bytes bytes,
                              struct trouble *t)
{
    json_t *json = json_loadb(bytes.ptr, bytes.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(json) || !fields_fit(c, json, t)) {
        if (!json_is_object(json))
            trouble(t, DG_EINVAL, "%s: what is to be written is no JSON object", c->name);
        json_decref(json);
        return NULL;
    }
    struct document *d = get_memory(NULL, sizeof(*d));
    d->id = get_text(id, strlen(id));
    d->json = json;
    d->text = get_text(bytes.ptr, bytes.len);
    d->len = bytes.len;
    return d;
}

void document_free(struct document *d)
{
    if (!d)
        return;
    json_decref(d->json);
    free(d->id);
    free(d->text);
    free(d);
}

/* Puts it there, takes out what was: no questions asked. */
static struct document *swap(struct collection *c, const char *id, struct document *d)
{
    size_t at = place_of(c, id);
    struct document *old = document_find(c, id);
    if (old && d) {
        c->docs[at] = d;
    } else if (old) {
        memmove(&c->docs[at], &c->docs[at + 1], (--c->doc_count - at) * sizeof(*c->docs));
    } else if (d) {
        if (c->doc_count == c->room) {
            c->room = c->room ? c->room * 2 : 64;
            c->docs = get_memory(c->docs, c->room * sizeof(*c->docs));
        }
        memmove(&c->docs[at + 1], &c->docs[at], (c->doc_count++ - at) * sizeof(*c->docs));
        c->docs[at] = d;
    }
    return old;
}

bool collection_put(struct collection *c, const char *id, struct document *d, struct undo **undo,
                    struct trouble *t)
{
    const struct document *old = document_find(c, id);
    if (d && !is_unique(c, d)) {
        document_free(d);
        return trouble(t, DG_ECONFLICT, "%s: another document has the same unique field", c->name);
    }
    if (d)
        d->version = old ? old->version + 1 : 1;
    struct undo *u = get_memory(NULL, sizeof(*u));
    *u = (struct undo){*undo, c, get_text(id, strlen(id)), NULL, c->last};
    u->old = swap(c, id, d);
    if (c->serial && serial_of(id) > c->last)
        c->last = serial_of(id);
    *undo = u;
    return true;
}

void undo_all(struct undo **undo)
{
    for (struct undo *u = *undo, *next; u; u = next) {
        next = u->next;
        document_free(swap(u->c, u->id, u->old));
        u->c->last = u->last;
        free(u->id);
        free(u);
    }
    *undo = NULL;
}

void undo_forget(struct undo **undo)
{
    for (struct undo *u = *undo, *next; u; u = next) {
        next = u->next;
        document_free(u->old);
        free(u->id);
        free(u);
    }
    *undo = NULL;
}
