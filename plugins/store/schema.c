/* schema.c - see schema.h. */
#include "store/schema.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 60

static bool name_ok(const char *name)
{
    if (!name || !*name || strlen(name) > NAME_MAX_LEN || strncmp(name, "sqlite_", 7) == 0)
        return false;
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyz_")] == '\0';
}

int table_field(const struct table *t, const char *name)
{
    for (size_t i = 0; i < t->column_count; i++) {
        if (strcmp(t->columns[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

const struct table *schema_table(const struct schema *s, const char *name, struct fault *fault)
{
    for (size_t i = 0; s && i < s->count; i++) {
        if (strcmp(s->tables[i].name, name) == 0)
            return &s->tables[i];
    }
    fault_set(fault, DG_EINVAL, "the collection \"%s\" was not declared", name);
    return NULL;
}

static bool add_fields(struct schema *s, struct table *t, const struct dg_collection *c,
                       struct fault *fault)
{
    t->columns = pool_alloc(&s->pool, (c->field_count + 1) * sizeof(*t->columns));
    for (size_t i = 0; i < c->field_count; i++) {
        const struct dg_field *f = &c->fields[i];
        if (!name_ok(f->name) || strcmp(f->name, "id") == 0 || table_field(t, f->name) >= 0)
            return fault_set(fault, DG_EINVAL, "%s: a field cannot be named \"%s\"", t->name,
                             f->name ? f->name : "");
        struct column *col = &t->columns[t->column_count++];
        col->name = pool_strdup(&s->pool, f->name);
        col->name_len = strlen(f->name);
        col->type = f->type;
    }
    return true;
}

static bool add_index(struct schema *s, struct table *t, const char *const *fields, size_t count,
                      bool unique, struct fault *fault)
{
    struct text name = {0}, columns = {0};
    text_addf(&name, "%s:", t->name);
    for (size_t i = 0; i < count; i++) {
        if (table_field(t, fields[i]) < 0 && strcmp(fields[i], "id") != 0) {
            text_free(&name);
            text_free(&columns);
            return fault_set(fault, DG_EINVAL, "%s: an index over \"%s\", which is no field",
                             t->name, fields[i]);
        }
        if (table_field(t, fields[i]) >= 0)
            t->columns[table_field(t, fields[i])].indexed = true;
        text_addf(&name, "%s%s", i ? "," : "", fields[i]);
        text_addf(&columns, "%s\"%s\"", i ? "," : "", fields[i]);
    }
    text_add(&name, unique ? " unique" : "");
    t->has_unique = t->has_unique || unique;
    bool fresh = count > 0;
    for (size_t i = 0; i < t->index_count; i++)
        fresh = fresh && strcmp(t->indexes[i].name, name.ptr) != 0;
    if (fresh)
        t->indexes[t->index_count++] = (struct index){.name = pool_strdup(&s->pool, name.ptr),
                                                      .columns = pool_strdup(&s->pool, columns.ptr),
                                                      .unique = unique};
    text_free(&name);
    text_free(&columns);
    return true;
}

static bool add_indexes(struct schema *s, struct table *t, const struct dg_collection *c,
                        struct fault *fault)
{
    t->indexes = pool_alloc(&s->pool, (c->field_count + c->index_count + 1) * sizeof(*t->indexes));
    for (size_t i = 0; i < c->field_count; i++) {
        if (c->fields[i].unique && !add_index(s, t, &c->fields[i].name, 1, true, fault))
            return false;
    }
    for (size_t i = 0; i < c->index_count; i++) {
        const struct dg_index *ix = &c->indexes[i];
        if (!add_index(s, t, ix->fields, ix->field_count, ix->unique, fault))
            return false;
    }
    return true;
}

static bool add_table(struct schema *s, const struct dg_collection *c, table_fn *prepare,
                      struct fault *fault)
{
    if (!name_ok(c->name))
        return fault_set(fault, DG_EINVAL, "a collection cannot be named \"%s\"",
                         c->name ? c->name : "");
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->tables[i].name, c->name) == 0)
            return fault_set(fault, DG_EINVAL, "the collection \"%s\" is declared twice", c->name);
    }
    struct table *t = &s->tables[s->count++];
    t->name = pool_strdup(&s->pool, c->name);
    t->serial = c->serial;
    if (!add_fields(s, t, c, fault) || !add_indexes(s, t, c, fault))
        return false;
    prepare(&s->pool, t);
    return true;
}

struct schema *schema_new(const struct dg_collection *list, size_t count, table_fn *prepare,
                          struct fault *fault)
{
    struct schema *s = mem_alloc(sizeof(*s));
    s->tables = pool_alloc(&s->pool, (count + 1) * sizeof(*s->tables));
    for (size_t i = 0; i < count; i++) {
        if (!add_table(s, &list[i], prepare, fault)) {
            schema_free(s);
            return NULL;
        }
    }
    return s;
}

void schema_free(struct schema *s)
{
    while (s) {
        struct schema *older = s->older;
        pool_free(&s->pool);
        free(s);
        s = older;
    }
}
