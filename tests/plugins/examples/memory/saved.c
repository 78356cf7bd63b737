/* saved.c - the file that keeps all from close to open. Both run on a worker
 * thread, while nothing else touches the store. */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void load_collection(struct memory *m, const char *name, const json_t *saved)
{
    struct collection *c = collection_make(m, name);
    struct undo *undo = NULL;
    struct trouble t;
    const char *id;
    json_t *row;
    c->serial = json_is_true(json_object_get(saved, "serial"));
    json_object_foreach(json_object_get(saved, "docs"), id, row)
    {
        const char *text = json_string_value(json_array_get(row, 1));
        const struct dg_bytes bytes = {text, text ? strlen(text) : 0};
        struct document *d = document_new(c, id, bytes, &t);
        if (d && collection_put(c, id, d, &undo, &t))
            d->version = (uint64_t)json_integer_value(json_array_get(row, 0));
    }
    undo_forget(&undo);
    c->last = json_integer_value(json_object_get(saved, "last"));
}

void saved_load(struct memory *m)
{
    json_t *all = m->path ? json_load_file(m->path, 0, NULL) : NULL;
    const char *name;
    json_t *saved;
    json_object_foreach(all, name, saved) load_collection(m, name, saved);
    json_decref(all);
}

static json_t *collection_saved(const struct collection *c)
{
    json_t *docs = json_object();
    for (size_t i = 0; i < c->doc_count; i++) {
        const struct document *d = c->docs[i];
        json_object_set_new(docs, d->id,
                            json_pack("[I, s%]", (json_int_t)d->version, d->text, d->len));
    }
    return json_pack("{s:b, s:I, s:o}", "serial", c->serial, "last", (json_int_t)c->last, "docs",
                     docs);
}

void saved_store(struct memory *m)
{
    json_t *all = json_object();
    for (struct collection *c = m->collections; c; c = c->next)
        json_object_set_new(all, c->name, collection_saved(c));
    if (m->path && json_dump_file(all, m->path, JSON_COMPACT) != 0)
        m->h->log(m->h, DG_ERROR, "%s could not be written: what was stored is lost", m->path);
    json_decref(all);
}
