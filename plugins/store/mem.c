/* mem.c - see mem.h. */
#include "store/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 992 /* with its head, what the C library keeps at hand for each thread */

struct pool_chunk {
    struct pool_chunk *next;
    size_t used, size;
    _Alignas(max_align_t) char bytes[];
};

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

void *mem_alloc(size_t size)
{
    return must(calloc(1, size ? size : 1));
}

/* Whatever stood there before. */
static void *pool_room(struct pool *p, size_t size)
{
    size = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    struct pool_chunk *c = p->chunks;
    if (!c || c->size - c->used < size) {
        size_t room = size > CHUNK ? size : CHUNK;
        struct pool_chunk *fresh = must(malloc(sizeof(*fresh) + room));
        *fresh = (struct pool_chunk){.size = room};
        /* One that is full from the start does not hide the room that is left. */
        if (c && room == size) {
            fresh->next = c->next;
            c->next = fresh;
        } else {
            fresh->next = c;
            p->chunks = fresh;
        }
        c = fresh;
    }
    void *out = c->bytes + c->used;
    c->used += size;
    return out;
}

void *pool_alloc(struct pool *p, size_t size)
{
    return memset(pool_room(p, size), 0, size);
}

char *pool_dup(struct pool *p, const void *bytes, size_t len)
{
    char *out = pool_room(p, len + 1);
    if (len)
        memcpy(out, bytes, len);
    out[len] = '\0';
    return out;
}

char *pool_strdup(struct pool *p, const char *s)
{
    return s ? pool_dup(p, s, strlen(s)) : NULL;
}

void pool_free(struct pool *p)
{
    while (p->chunks) {
        struct pool_chunk *next = p->chunks->next;
        free(p->chunks);
        p->chunks = next;
    }
}

static void text_room(struct text *t, size_t more)
{
    if (t->len + more + 1 <= t->cap)
        return;
    t->cap = (t->len + more + 1) * 2;
    t->ptr = must(realloc(t->ptr, t->cap));
}

void text_clear(struct text *t)
{
    text_room(t, 0);
    t->len = 0;
    t->ptr[0] = '\0';
}

void text_addb(struct text *t, const char *bytes, size_t len)
{
    text_room(t, len);
    memcpy(t->ptr + t->len, bytes, len);
    t->len += len;
    t->ptr[t->len] = '\0';
}

void text_add(struct text *t, const char *s)
{
    text_addb(t, s, strlen(s));
}

void text_addf(struct text *t, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (len > 0) {
        text_room(t, (size_t)len);
        vsnprintf(t->ptr + t->len, (size_t)len + 1, fmt, again);
        t->len += (size_t)len;
    }
    va_end(again);
}

void text_free(struct text *t)
{
    free(t->ptr);
    *t = (struct text){0};
}

bool fault_set(struct fault *f, enum dg_err err, const char *fmt, ...)
{
    if (f->err != DG_OK)
        return false;
    f->err = err;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof(f->text), fmt, ap);
    va_end(ap);
    return false;
}
