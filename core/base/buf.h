/* buf.h - a growing byte buffer that knows its maximum from the start.
 *
 * What would pass the maximum is not added and `over` is set; from then on
 * nothing is, until it is cleared: check it once, at the end. The bytes are always followed by a
 * NUL, so `ptr` is also a C string once something was added; buf_cstr() is one always.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *ptr;
    size_t len, cap, max;
    bool over;
};

#define BUF_MAX (64u << 20) /* for what we produce ourselves */

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);
void buf_clear(struct buf *b);
void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room behind the end, or NULL when over; what is used of it is then added to len. */
char *buf_reserve(struct buf *b, size_t len);
void buf_consume(struct buf *b, size_t len); /* drop from the front */
const char *buf_cstr(struct buf *b);
char *buf_take(struct buf *b); /* the caller frees; the buffer is empty afterwards */

#endif
