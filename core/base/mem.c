/* mem.c - allocation that ends the process when there is no memory, and arenas.
 *
 * An arena is a chain of blocks, newest first. Something large gets a block of
 * its own behind the newest, so that the room left in that one is not lost.
 */
#include "base/mem.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Most arenas are small and short-lived: their only block is of a size that the C library keeps at
 * hand for each thread (up to 1032 bytes, with our head). */
#define FIRST_SIZE 992u
#define BLOCK_SIZE 4096u

struct block {
    struct block *next;
    size_t used, size;
    _Alignas(max_align_t) char bytes[];
};

struct arena {
    struct block *newest;
};

static _Noreturn void out_of_memory(void)
{
    static const char text[] = "dialgate: out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)ignored;
    abort();
}

/* Not inlined, because the compiler makes a calloc(3) of a malloc(3) that it sees cleared. */
__attribute__((noinline)) void *xmalloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p)
        out_of_memory();
    return p;
}

/* malloc(3) has pieces of this size at hand for each thread; calloc(3) of glibc does not look. */
#define SMALL 1024u

void *xcalloc(size_t count, size_t size)
{
    if (size && size <= SMALL && count && count <= SMALL / size)
        return memset(xmalloc(count * size), 0, count * size);
    void *p = count && size ? calloc(count, size) : calloc(1, 1);
    if (!p)
        out_of_memory();
    return p;
}

void *xrealloc(void *old, size_t size)
{
    void *p = realloc(old, size ? size : 1);
    if (!p)
        out_of_memory();
    return p;
}

char *xstrdup(const char *s)
{
    return s ? xstrndup(s, strlen(s)) : NULL;
}

char *xstrndup(const char *s, size_t len)
{
    if (!s)
        return NULL;
    len = strnlen(s, len);
    char *copy = xmalloc(len + 1);
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

char *xasprintf(const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int len = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (len < 0)
        out_of_memory();
    return text;
}

static struct block *block_new(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct block))
        out_of_memory();
    struct block *b = xmalloc(sizeof(*b) + size);
    *b = (struct block){.size = size};
    return b;
}

struct arena *arena_new(void)
{
    struct arena *a = xcalloc(1, sizeof(*a));
    a->newest = block_new(FIRST_SIZE);
    return a;
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    for (struct block *b = a->newest, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(a);
}

/* Whatever stood there before. */
static void *arena_room(struct arena *a, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    if (size > SIZE_MAX - align)
        out_of_memory();
    size = (size + align - 1) & ~(align - 1);

    struct block *b = a->newest;
    if (size > b->size / 4 && size > b->size - b->used) {
        struct block *own = block_new(size);
        own->used = size;
        own->next = b->next;
        b->next = own;
        return own->bytes;
    }
    if (size > b->size - b->used) {
        b = block_new(BLOCK_SIZE);
        b->next = a->newest;
        a->newest = b;
    }
    void *p = b->bytes + b->used;
    b->used += size;
    return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
    return memset(arena_room(a, size), 0, size);
}

char *arena_strdup(struct arena *a, const char *s)
{
    return s ? arena_dup(a, s, strlen(s)) : NULL;
}

void *arena_dup(struct arena *a, const void *p, size_t len)
{
    if (len == SIZE_MAX)
        out_of_memory();
    char *copy = arena_room(a, len + 1);
    if (len)
        memcpy(copy, p, len);
    copy[len] = '\0';
    return copy;
}
