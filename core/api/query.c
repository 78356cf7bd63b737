/* query.c - parameters of the query against a table of fields. */
#include <string.h>

#include "api/check_private.h"
#include "base/str.h"

static void query_integer(struct check *c, const struct field *f, const char *text)
{
    int64_t number;
    if (str_to_int(text, &number))
        return;
    json_t *input = json_string(text);
    check_problem(c, "query", f->name, "int_parsing",
                  "Input should be a valid integer, unable to parse string as an integer", input);
    json_decref(input);
}

static bool is_of_path(const struct request *req, const char *name)
{
    return *request_param(req, name) != '\0';
}

void check_query(struct check *c, const struct field *fields)
{
    const struct request *req = check_request(c);
    for (const struct field *f = fields; f->name; f++) {
        const char *text = request_query(req, f->name);
        if (is_of_path(req, f->name))
            continue;
        if (!text && f->required)
            check_problem(c, "query", f->name, "missing", "Field required", NULL);
        else if (text && f->kind == FIELD_INT)
            query_integer(c, f, text);
        else if (text)
            check_text(c, "query", f, text);
    }
}

int64_t check_query_int(const struct request *req, const char *name, int64_t fallback)
{
    int64_t number;
    const char *text = request_query(req, name);
    return text && str_to_int(text, &number) ? number : fallback;
}
