/* mem.h - allocation that cannot fail: without memory the process ends. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *s); /* NULL gives NULL */
char *xstrndup(const char *s, size_t len);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* An arena: many small allocations, freed together. */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena *a);                            /* NULL is fine */
void *arena_alloc(struct arena *a, size_t size);             /* zeroed, aligned for anything */
char *arena_strdup(struct arena *a, const char *s);          /* NULL gives NULL */
void *arena_dup(struct arena *a, const void *p, size_t len); /* a NUL follows */

#endif
