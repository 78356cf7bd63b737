/* page.h - lists in pages: by number, or on from where the last one ended.
 *
 * ?page=1&per_page=20; what is out of range is brought back to it. A cursor
 * takes the place of `page`.
 */
#ifndef API_PAGE_H
#define API_PAGE_H

#include "api/check.h"
#include "base/json.h"

struct page {
    uint64_t number; /* 0: by cursor */
    uint64_t size;
};

/* For the tables of a list's parameters. */
#define PAGE_NUMBER_FIELD                                                                          \
    {                                                                                              \
        .name = "page", .kind = FIELD_INT, .min = 1, .max = 1000000000, .fallback = "1",           \
        .help = "For leafing; a cursor is quicker", .example = "1"                                 \
    }
#define PAGE_SIZE_FIELD                                                                            \
    {                                                                                              \
        .name = "per_page", .kind = FIELD_INT, .min = 1, .max = 100, .fallback = "20",             \
        .help = "What is out of range is brought back to it", .example = "20"                      \
    }
/* And of its answer. */
#define PAGE_ANSWER_FIELD                                                                          \
    {                                                                                              \
        .name = "pagination", .kind = FIELD_OBJECT,                                                \
        .help = "total, per_page, current_page, total_pages, from, to; null with a cursor"         \
    }

/* A cursor beside a page is a problem. */
void page_read(struct check *c, const struct request *req, bool by_cursor, struct page *out);
uint64_t page_skip(const struct page *p); /* how many come before */
/* "pagination":{...} or null, in an object. */
void page_write(struct json_writer *w, const struct page *p, uint64_t total);

#endif
