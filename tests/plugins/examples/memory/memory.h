/* memory.h - inside of the memory store.
 *
 * memory.c       the plugin and its functions
 * collection.c   documents in order, unique fields, undoing
 * condition.c    typed values, and whether a document matches
 * saved.c        the file that keeps all from close to open
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <jansson.h>

#include "dialgate/storage.h"

#define IDS_FIELDS_MAX 16

/* A value as it is compared. BOOL is 0 and 1. */
struct value {
    enum { ABSENT, TEXT, NUMBER } kind;
    const char *text;
    int64_t number;
};

struct document {
    char *id;
    uint64_t version;
    json_t *json;
    char *text; /* as it came, of `len` bytes */
    size_t len;
};

struct field {
    char *name;
    enum dg_field_type type;
};

/* Fields whose values no two documents may share. */
struct unique {
    size_t fields[IDS_FIELDS_MAX];
    size_t count;
};

struct collection {
    struct collection *next;
    char *name;
    bool declared, serial;
    int64_t last; /* id given last */
    struct field *fields;
    struct unique *uniques;
    size_t field_count, unique_count;
    struct document **docs; /* in the order of their ids */
    size_t doc_count, room;
};

/* What was done since the beginning of a write, newest first. */
struct undo {
    struct undo *next;
    struct collection *c;
    char *id;
    struct document *old; /* NULL: there was none */
    int64_t last;
};

struct memory {
    const struct dg_host *h;
    struct collection *collections;
    char *path;
    bool loaded;
    struct dg_op *closing;
};

/* What cannot be done, and why; the first one counts. */
struct trouble {
    enum dg_err err;
    char why[200];
};
bool trouble(struct trouble *t, enum dg_err err, const char *fmt, ...) DG_PRINTF(3, 4); /* false */

void *get_memory(void *old, size_t size); /* the process ends without */
char *get_text(const char *bytes, size_t len);

/* collection.c */
struct collection *collection_find(struct memory *m, const char *name);
struct collection *collection_make(struct memory *m, const char *name);
void collection_free(struct collection *c);
bool collection_declare(struct collection *c, const struct dg_collection *to, struct trouble *t);
int field_find(const struct collection *c, const char *name); /* -1: not declared */
struct document *document_find(const struct collection *c, const char *id);
struct document *document_new(const struct collection *c, const char *id, struct dg_bytes json,
                              struct trouble *t);
void document_free(struct document *d);
/* Takes the document over; NULL removes. The undo knows what was there before. */
bool collection_put(struct collection *c, const char *id, struct document *d, struct undo **undo,
                    struct trouble *t);
void undo_all(struct undo **undo);
void undo_forget(struct undo **undo);
int64_t serial_of(const char *id); /* 0: no serial id */

/* condition.c */
struct value value_of(const struct collection *c, const struct document *d, int field);
int value_compare(struct value a, struct value b); /* ABSENT last */
bool conditions_check(struct memory *m, const struct collection *c, const struct dg_where *where,
                      size_t count, struct trouble *t);
bool conditions_match(struct memory *m, const struct collection *c, const struct dg_where *where,
                      size_t count, const struct document *d);
/* "@now", "@now+5" */
bool time_of(struct memory *m, const char *text, int64_t *out);
#define FIELD_ID (-2)

/* saved.c */
void saved_load(struct memory *m);
void saved_store(struct memory *m);

#endif
