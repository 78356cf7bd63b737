/* csv.h - comma-separated values (RFC 4180), a piece at a time. [any thread]
 *
 * Lines end with CR, LF or both; fields may be quoted, and then hold anything,
 * with "" for a quotation mark. A byte order mark at the beginning is no part of
 * the first field. What separates fields is seen in the first line: a comma, a
 * semicolon or a tab, whichever is most often in it outside quotes.
 */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSV_COLUMNS_MAX 200
#define CSV_ROW_MAX     (256u << 10) /* bytes */

struct csv;

/* A row that is not empty, with the line that it begins in, from 1. The texts are lent and
 * well-formed UTF-8. `why`: it cannot be read, and has no fields. */
struct csv_row {
    uint64_t line;
    const char *const *fields;
    size_t count;
    const char *why; /* NULL: it is fine */
};
typedef void csv_fn(void *arg, const struct csv_row *row);

struct csv *csv_new(csv_fn *fn, void *arg);
void csv_feed(struct csv *c, const char *bytes, size_t len);
void csv_end(struct csv *c); /* what is left is a row as well */
void csv_free(struct csv *c);

/* ---- Writing ------------------------------------------------------------------- */

struct buf;
/* A field of the row that `out` ends with, quoted where it must be; `first` of its row or not. */
void csv_write(struct buf *out, const char *text, bool first); /* NULL: empty */
void csv_write_end(struct buf *out);                           /* of the row */

#endif
