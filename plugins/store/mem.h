/* mem.h - memory that cannot fail, pools freed as a whole, growing text, and
 * a failure on its way to whoever asked. */
#ifndef STORE_MEM_H
#define STORE_MEM_H

#include "dialgate/plugin.h"

void *mem_alloc(size_t size); /* zeroed; free() */

struct pool_chunk;

struct pool {
    struct pool_chunk *chunks;
};

void *pool_alloc(struct pool *p, size_t size);                 /* zeroed, aligned for anything */
char *pool_dup(struct pool *p, const void *bytes, size_t len); /* a NUL follows */
char *pool_strdup(struct pool *p, const char *s);              /* NULL gives NULL */
void pool_free(struct pool *p);

struct text {
    char *ptr; /* always ends with a NUL once something was added */
    size_t len, cap;
};

void text_clear(struct text *t);
void text_add(struct text *t, const char *s);
void text_addb(struct text *t, const char *bytes, size_t len);
void text_addf(struct text *t, const char *fmt, ...) DG_PRINTF(2, 3);
void text_free(struct text *t);

struct fault {
    enum dg_err err;
    char text[400];
};

/* Always false, so that a function may return it. The first fault stays. */
bool fault_set(struct fault *f, enum dg_err err, const char *fmt, ...) DG_PRINTF(3, 4);

#endif
