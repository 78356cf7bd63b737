/* named.c - lists in the order of names: a page by its number, or on behind a name. */
#include <string.h>

#include "api/queues/private.h"
#include "base/str.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

const char *named_rule_backend(const char *name, const char *value)
{
    (void)name;
    return str_only(value, LETTERS "-_") ? NULL : "Input should be the name of a backend";
}

const char *named_rule_cursor(const char *name, const char *value)
{
    (void)name;
    return strchr(value, '/') && !str_has_control(value)
               ? NULL
               : "Input should be the next_cursor of an answer";
}

bool named_shows(struct named_page *p, const char *key)
{
    if (p->after && strcmp(key, p->after) <= 0)
        return false;
    if (++p->total <= page_skip(&p->page))
        return false;
    if (p->shown == p->page.size) {
        p->beyond = p->beyond ? p->beyond : key;
        return false;
    }
    p->shown++;
    p->last = key;
    return true;
}

void named_write_end(struct json_writer *w, const struct named_page *p)
{
    page_write(w, &p->page, p->total);
    jw_str(w, "next_cursor", p->beyond ? p->last : NULL);
}
