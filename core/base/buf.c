/* buf.c - a growing byte buffer that knows its maximum.
 *
 * Once `over` is set nothing more is added, so that what is there is always the
 * beginning of what was meant and never a text with a hole.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_CAP 64u

void buf_init(struct buf *b, size_t max)
{
    /* One byte is kept for the NUL, so a maximum of SIZE_MAX cannot be had. */
    *b = (struct buf){.max = max < SIZE_MAX ? max : SIZE_MAX - 1};
}

void buf_free(struct buf *b)
{
    free(b->ptr);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->over = false;
    if (b->ptr)
        b->ptr[0] = '\0';
}

static void grow(struct buf *b, size_t need)
{
    size_t cap = b->cap ? b->cap : FIRST_CAP;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    if (cap > b->max + 1)
        cap = b->max + 1;
    b->ptr = xrealloc(b->ptr, cap);
    b->cap = cap;
}

char *buf_reserve(struct buf *b, size_t len)
{
    if (b->over || b->len > b->max || len > b->max - b->len) {
        b->over = true;
        return NULL;
    }
    size_t need = b->len + len + 1;
    if (need > b->cap)
        grow(b, need);
    b->ptr[b->len + len] = '\0';
    return b->ptr + b->len;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
    char *room = buf_reserve(b, len);
    if (!room || !len)
        return;
    memcpy(room, bytes, len);
    b->len += len;
}

void buf_adds(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
    char *room = buf_reserve(b, 1);
    if (!room)
        return;
    *room = c;
    b->len++;
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    size_t room = b->cap > b->len && !b->over ? b->cap - b->len : 0;
    int len = vsnprintf(room ? b->ptr + b->len : NULL, room, fmt, ap);
    if (len < 0 || b->over) {
        b->over = true;
    } else if ((size_t)len < room) {
        b->len += (size_t)len;
    } else {
        if (room)
            b->ptr[b->len] = '\0';
        char *p = buf_reserve(b, (size_t)len);
        if (p) {
            vsnprintf(p, (size_t)len + 1, fmt, again);
            b->len += (size_t)len;
        }
    }
    va_end(again);
    va_end(ap);
}

void buf_consume(struct buf *b, size_t len)
{
    if (!b->ptr || !len)
        return;
    if (len > b->len)
        len = b->len;
    b->len -= len;
    memmove(b->ptr, b->ptr + len, b->len);
    b->ptr[b->len] = '\0';
}

const char *buf_cstr(struct buf *b)
{
    if (!b->ptr)
        return "";
    b->ptr[b->len] = '\0';
    return b->ptr;
}

char *buf_take(struct buf *b)
{
    char *text = b->ptr ? b->ptr : xcalloc(1, 1);
    if (b->ptr)
        text[b->len] = '\0';
    buf_init(b, b->max);
    return text;
}
