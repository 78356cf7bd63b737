/* input.c - ids, bodies and pages of the campaign-dialer API. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/campaign_dialer/private.h"
#include "api/check_private.h"
#include "base/str.h"

#define BODY_DEPTH 16
#define ID_MAX     INT64_C(9007199254740991)

bool dialer_id(struct request *req, const char *not_found, int64_t *id)
{
    const char *text = request_param(req, "id");
    const bool digits = *text && str_only(text, "0123456789");
    if (digits && str_to_int(text, id) && *id <= ID_MAX)
        return true;
    campaign_dialer_error(req, 404, digits ? not_found : "Not Found");
    return false;
}

/* ---- Pages -------------------------------------------------------------------------- */

static uint64_t number_of(const struct request *req, const char *name, int64_t max,
                          int64_t fallback)
{
    int64_t number;
    const char *text = request_query(req, name);
    if (!text || !str_to_int(text, &number))
        return (uint64_t)fallback;
    return (uint64_t)(number < 1 ? 1 : number > max ? max : number);
}

void dialer_page(const struct request *req, struct page *out)
{
    out->number = number_of(req, "page", 1000000000, 1);
    out->size = number_of(req, "per_page", 100, 20);
}

bool dialer_wants_pages(const struct request *req)
{
    return request_query(req, "page") || request_query(req, "per_page") ||
           request_query(req, "cursor");
}

/* "1759320000000-019339a4-...", or a number alone. */
static bool read_cursor(struct dialer_task *t, const char *cursor)
{
    char number[24];
    const size_t len = strcspn(cursor, "-");
    if (len >= sizeof number || strlen(cursor) > 90)
        return false;
    snprintf(number, sizeof number, "%.*s", (int)len, cursor);
    const char *id = cursor[len] ? cursor + len + 1 : cursor;
    t->after.id = arena_strdup(t->arena, id);
    return str_to_int(number, &t->after.at_ms) && t->after.at_ms >= 0 && *id &&
           str_only(id, "0123456789abcdefABCDEF-");
}

bool dialer_place(struct request *req, struct dialer_task *t)
{
    const char *cursor = request_query(req, "cursor");
    dialer_page(req, &t->page);
    t->placed = true;
    if (str_empty(cursor))
        return true;
    t->page.number = 0;
    if (read_cursor(t, cursor))
        return true;
    dialer_refuse(req, 400, "Invalid cursor. Must be the next_cursor of an answer",
                  json_pack("{s:s}", "cursor", "Must be the next_cursor of an answer"));
    return false;
}

/* ---- Bodies -------------------------------------------------------------------------- */

static bool is_flag(const struct field *f)
{
    return f->kind == FIELD_INT && f->min == 0 && f->max == 1;
}

static bool blank(const json_t *value)
{
    return !value || json_is_null(value) ||
           (json_is_string(value) && json_string_length(value) == 0);
}

/* The members that the schema knows, flags as numbers. */
static json_t *known_members(const struct schema *schema, const json_t *body)
{
    json_t *known = json_object();
    for (const struct field *f = schema->fields; f->name; f++) {
        json_t *value = json_object_get(body, f->name);
        if (!value || json_is_null(value))
            continue;
        if (is_flag(f) && json_is_boolean(value))
            json_object_set_new(known, f->name, json_integer(json_is_true(value)));
        else
            json_object_set(known, f->name, value);
    }
    return known;
}

static json_t *missing_of(const struct schema *schema, const json_t *body)
{
    json_t *missing = json_array();
    for (const struct field *f = schema->fields; f->name; f++) {
        if (f->required && blank(json_object_get(body, f->name)))
            json_array_append_new(missing, json_string(f->name));
    }
    return missing;
}

static void problem_is(struct dialer_problem *problem, char *message, json_t *errors)
{
    problem->message = message;
    problem->errors = errors;
}

static bool anything_missing(const struct schema *schema, const json_t *body,
                             struct dialer_problem *problem)
{
    json_t *missing = missing_of(schema, body);
    const bool any = json_array_size(missing) > 0;
    if (any)
        problem_is(problem, xstrdup("Missing required fields"),
                   json_pack("{s:O}", "missing_fields", missing));
    json_decref(missing);
    return any;
}

/* "Invalid role. Must be: admin or user", of the first one; and all of them by their names. */
static void tell_wrong(const json_t *problems, struct dialer_problem *out)
{
    size_t i;
    json_t *problem, *errors = json_object();
    json_array_foreach((json_t *)problems, i, problem)
    {
        const char *field = json_string_value(json_array_get(json_object_get(problem, "loc"), 1));
        if (field && !json_object_get(errors, field))
            json_object_set(errors, field, json_object_get(problem, "msg"));
    }
    const json_t *first = json_array_get(problems, 0);
    const char *field = json_string_value(json_array_get(json_object_get(first, "loc"), 1));
    problem_is(out, xasprintf("Invalid %s. %s", field ? field : "body", json_get_str(first, "msg")),
               errors);
}

static bool object_sent(struct request *req, json_t **sent)
{
    struct dg_bytes bytes = request_body(req);
    *sent = bytes.len ? json_parse(bytes.ptr, bytes.len, BODY_DEPTH, NULL) : NULL;
    return !bytes.len || json_is_object(*sent);
}

const json_t *dialer_judge(struct request *req, const struct schema *schema, enum dialer_body kind,
                           struct dialer_problem *problem)
{
    json_t *sent;
    struct check *check = check_new(req);
    const bool readable = object_sent(req, &sent);
    const json_t *body = check_keep(check, known_members(schema, sent));
    json_decref(sent);
    *problem = (struct dialer_problem){0};
    if (kind == BODY_CREATES && anything_missing(schema, body, problem))
        return NULL;
    if (kind == BODY_UPDATES && json_object_size(body) == 0)
        problem_is(problem, xstrdup("No valid fields to update"), NULL);
    else if (!readable)
        problem_is(problem, xstrdup("The body must be a JSON object"), NULL);
    else
        check_given(check, schema, body);
    if (check_problems(check))
        tell_wrong(check_problems(check), problem);
    return problem->message ? NULL : body;
}

const json_t *dialer_body(struct request *req, const struct schema *schema, enum dialer_body kind)
{
    struct dialer_problem problem;
    const json_t *body = dialer_judge(req, schema, kind, &problem);
    if (!body)
        dialer_refuse(req, 400, problem.message, problem.errors);
    free(problem.message);
    return body;
}

bool dialer_query_failed(struct request *req, const struct check *check)
{
    struct dialer_problem problem;
    if (!check_problems(check))
        return false;
    tell_wrong(check_problems(check), &problem);
    dialer_refuse(req, 400, problem.message, problem.errors);
    free(problem.message);
    return true;
}

int dialer_flag(const json_t *body, const char *name, int fallback)
{
    return (int)check_int(body, name, fallback);
}
