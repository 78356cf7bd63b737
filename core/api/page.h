/* page.h - lists in pages: by number, or on from where the last one ended.
 *
 * ?page=1&per_page=20, at most 100; what is out of range is taken as the
 * nearest that is not. ?cursor=... takes the place of `page`.
 */
#ifndef API_PAGE_H
#define API_PAGE_H

#include "api/check.h"
#include "base/json.h"

struct page {
    uint64_t number, size;
    const char *cursor; /* NULL: none; lives with the request */
};

/* For the table of a list's parameters. */
#define PAGE_FIELDS                                                                                \
    {.name = "page", .kind = FIELD_INT, .help = "From 1; not with a cursor", .example = "1"},      \
        {.name = "per_page",                                                                       \
         .kind = FIELD_INT,                                                                        \
         .help = "1 to 100; 20 if not given",                                                      \
         .example = "20"},                                                                         \
    {                                                                                              \
        .name = "cursor", .kind = FIELD_STR, .help = "next_cursor of the page before"              \
    }

/* After check_query. */
void page_read(const struct request *req, struct page *out);
static inline uint64_t page_skip(const struct page *p)
{
    return (p->number - 1) * p->size;
}
/* "pagination":{...},"next_cursor":... in an object; next_cursor NULL: this was the last. */
void page_write(struct json_writer *w, const struct page *p, uint64_t total,
                const char *next_cursor);

extern const struct schema page_schema; /* of `pagination` */

#endif
