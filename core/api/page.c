/* page.c - see page.h. */
#include "api/page.h"

#include "base/str.h"

#define PAGE_MAX     1000000000
#define PER_PAGE_MAX 100
#define PER_PAGE     20

static uint64_t within(int64_t value, int64_t most)
{
    return (uint64_t)(value < 1 ? 1 : value > most ? most : value);
}

void page_read(const struct request *req, struct page *out)
{
    const char *cursor = request_query(req, "cursor");
    *out = (struct page){.number = within(check_query_int(req, "page", 1), PAGE_MAX),
                         .size = within(check_query_int(req, "per_page", PER_PAGE), PER_PAGE_MAX),
                         .cursor = str_empty(cursor) ? NULL : cursor};
    if (out->cursor)
        out->number = 1;
}

void page_write(struct json_writer *w, const struct page *p, uint64_t total,
                const char *next_cursor)
{
    uint64_t end = page_skip(p) + p->size;
    jw_object(w, "pagination");
    jw_int(w, "total", (int64_t)total);
    jw_int(w, "per_page", (int64_t)p->size);
    jw_int(w, "total_pages", (int64_t)((total + p->size - 1) / p->size));
    if (!p->cursor) {
        jw_int(w, "current_page", (int64_t)p->number);
        jw_int(w, "from", (int64_t)page_skip(p) + 1);
        jw_int(w, "to", (int64_t)(end < total ? end : total));
    }
    jw_end(w);
    jw_str(w, "next_cursor", next_cursor);
}

static const struct field page_fields[] = {
    {.name = "total", .kind = FIELD_INT, .required = true, .example = "45"},
    {.name = "per_page", .kind = FIELD_INT, .required = true, .example = "20"},
    {.name = "total_pages", .kind = FIELD_INT, .required = true, .example = "3"},
    {.name = "current_page", .kind = FIELD_INT, .help = "Not with a cursor", .example = "1"},
    {.name = "from", .kind = FIELD_INT, .help = "Not with a cursor", .example = "1"},
    {.name = "to", .kind = FIELD_INT, .help = "Not with a cursor", .example = "20"},
    {0}};
const struct schema page_schema = {"Pagination", "Where in the whole list this page is",
                                   page_fields};
