/* page.c - see page.h. */
#include "api/page.h"

static const struct field fields[] = {PAGE_NUMBER_FIELD, PAGE_SIZE_FIELD};

void page_read(struct check *c, const struct request *req, bool by_cursor, struct page *out)
{
    out->number = (uint64_t)check_query_near(c, &fields[0], 1);
    out->size = (uint64_t)check_query_near(c, &fields[1], 20);
    if (!by_cursor)
        return;
    if (request_query(req, "page"))
        check_problem(c, "query", "page", "value_error", "A cursor has no pages", NULL);
    out->number = 0;
}

uint64_t page_skip(const struct page *p)
{
    return p->number ? (p->number - 1) * p->size : 0;
}

void page_write(struct json_writer *w, const struct page *p, uint64_t total)
{
    uint64_t end = page_skip(p) + p->size;
    if (!p->number) {
        jw_null(w, "pagination");
        return;
    }
    jw_object(w, "pagination");
    jw_int(w, "total", (int64_t)total);
    jw_int(w, "per_page", (int64_t)p->size);
    jw_int(w, "current_page", (int64_t)p->number);
    jw_int(w, "total_pages", (int64_t)((total + p->size - 1) / p->size));
    jw_int(w, "from", (int64_t)page_skip(p) + 1);
    jw_int(w, "to", (int64_t)(end < total ? end : total));
    jw_end(w);
}
