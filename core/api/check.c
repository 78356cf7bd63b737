/* check.c - problems of one request, collected; and the checks of JSON bodies. */
#include "api/check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/check_private.h"
#include "base/json.h"
#include "base/str.h"

#define BODY_DEPTH    16
#define INPUT_BYTES   200 /* of the client's own value in an answer */
#define INPUT_MEMBERS 32
#define PROBLEMS_MAX  100 /* of the items of a list */

struct check {
    struct request *req;
    json_t *problems; /* NULL: none, as with most requests */
    bool discreet;    /* what was sent is not sent back */
};

struct check *check_new(struct request *req)
{
    struct check *c = request_alloc(req, sizeof *c);
    c->req = req;
    return c;
}

struct request *check_request(const struct check *c)
{
    return c->req;
}

void check_discreet(struct check *c)
{
    c->discreet = true;
}

const json_t *check_keep(struct check *c, json_t *value)
{
    request_on_end(c->req, (dg_fn *)json_decref, value);
    return value;
}

/* Long values are not sent back, nor is what lies deeper. */
static json_t *shown_plain(const json_t *input)
{
    if (json_is_object(input))
        return json_object();
    if (json_is_array(input))
        return json_array();
    if (json_is_string(input) && json_string_length(input) > INPUT_BYTES)
        return json_string("...");
    return json_copy((json_t *)input);
}

static json_t *shown(const json_t *input)
{
    const char *name;
    json_t *value;
    if (!input)
        return json_null();
    json_t *out = shown_plain(input);
    if (!json_is_object(input) || json_object_size(input) > INPUT_MEMBERS)
        return out;
    json_object_foreach((json_t *)input, name, value)
    {
        if (strlen(name) <= INPUT_BYTES)
            json_object_set_new(out, name, shown_plain(value));
    }
    return out;
}

void check_problem(struct check *c, const char *where, const char *field, const char *type,
                   const char *message, const json_t *input)
{
    json_t *loc = json_array();
    json_array_append_new(loc, json_string(where));
    if (field) {
        json_t *name = json_string(field);
        json_array_append_new(loc, name ? name : json_string("?"));
    }
    json_t *problem = json_object();
    json_object_set_new(problem, "type", json_string(type));
    json_object_set_new(problem, "loc", loc);
    json_object_set_new(problem, "msg", json_string(message));
    json_object_set_new(problem, "input", shown(c->discreet ? NULL : input));
    if (!c->problems) {
        c->problems = json_array();
        check_keep(c, c->problems);
    }
    json_array_append_new(c->problems, problem);
}

bool check_failed(struct check *c)
{
    if (!c->problems)
        return false;
    struct buf out;
    struct json_writer w;
    buf_init(&out, BUF_MAX);
    jw_init(&w, &out);
    jw_object(&w, NULL);
    jw_jansson(&w, "detail", c->problems);
    jw_end(&w);
    reply_json(c->req, 422, &out);
    buf_free(&out);
    return true;
}

/* ---- One field ------------------------------------------------------------------- */

static void plural(char out[96], const char *what, int64_t limit)
{
    snprintf(out, 96, "String should have at %s %lld character%s", what, (long long)limit,
             limit == 1 ? "" : "s");
}

static void text_problem(struct check *c, const char *where, const struct field *f,
                         const char *type, const char *message, const char *text)
{
    json_t *input = json_string(text);
    check_problem(c, where, f->name, type, message, input);
    json_decref(input);
}

static void check_text(struct check *c, const char *where, const struct field *f, const char *text)
{
    char message[96];
    const char *why;
    int64_t len = (int64_t)str_utf8_len(text);
    if (len < f->min) {
        plural(message, "least", f->min);
        text_problem(c, where, f, "string_too_short", message, text);
    } else if (f->max && len > f->max) {
        plural(message, "most", f->max);
        text_problem(c, where, f, "string_too_long", message, text);
    } else if (f->rule && (why = f->rule(f->name, text))) {
        text_problem(c, where, f, f->pattern ? "string_pattern_mismatch" : "value_error", why,
                     text);
    }
}

/* As pydantic reads integers: also from integral text and integral reals. */
static bool integer_of(const json_t *value, int64_t *out)
{
    double real = json_real_value(value);
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    if (json_is_string(value))
        return str_to_int(json_string_value(value), out);
    if (!json_is_real(value) || real != floor(real) || fabs(real) > 9007199254740992.0)
        return false;
    *out = (int64_t)real;
    return true;
}

static void check_integer(struct check *c, const struct field *f, const json_t *value)
{
    char message[96];
    int64_t number;
    if (!integer_of(value, &number)) {
        bool parsing = json_is_string(value);
        check_problem(c, "body", f->name, parsing ? "int_parsing" : "int_type",
                      parsing ? "Input should be a valid integer, unable to parse string as an "
                                "integer"
                              : "Input should be a valid integer",
                      value);
    } else if ((f->min || f->max) && number < f->min) {
        snprintf(message, sizeof message, "Input should be greater than or equal to %lld",
                 (long long)f->min);
        check_problem(c, "body", f->name, "greater_than_equal", message, value);
    } else if (f->max && number > f->max) {
        snprintf(message, sizeof message, "Input should be less than or equal to %lld",
                 (long long)f->max);
        check_problem(c, "body", f->name, "less_than_equal", message, value);
    }
}

static void check_map(struct check *c, const struct field *f, const json_t *map)
{
    const char *name;
    json_t *value;
    char message[160];
    if (f->max && (int64_t)json_object_size(map) > f->max) {
        snprintf(message, sizeof message, "Dictionary should have at most %lld items",
                 (long long)f->max);
        check_problem(c, "body", f->name, "too_long", message, NULL);
        return;
    }
    json_object_foreach((json_t *)map, name, value)
    {
        const char *text = json_string_value(value);
        const char *why =
            text ? f->rule ? f->rule(name, text) : NULL : "Input should be a valid string";
        if (!why)
            continue;
        check_problem(c, "body", f->name, text ? "value_error" : "string_type", why, value);
        json_t *loc =
            json_object_get(json_array_get(c->problems, json_array_size(c->problems) - 1), "loc");
        json_array_append_new(loc, json_string(name));
    }
}

/* What is wrong with the item at `index` of a list. */
static void item_problem(struct check *c, const struct field *f, size_t index, const char *type,
                         const char *message, const json_t *input)
{
    check_problem(c, "body", f->name, type, message, input);
    json_t *last = json_array_get(c->problems, json_array_size(c->problems) - 1);
    json_array_append_new(json_object_get(last, "loc"), json_integer((json_int_t)index));
}

static void check_list(struct check *c, const struct field *f, const json_t *list)
{
    size_t index;
    json_t *value;
    json_array_foreach((json_t *)list, index, value)
    {
        const char *text = json_string_value(value);
        const char *why = text && f->rule ? f->rule(f->name, text) : NULL;
        if (!text)
            item_problem(c, f, index, "string_type", "Input should be a valid string", value);
        else if (why)
            item_problem(c, f, index, "value_error", why, value);
        if (json_array_size(c->problems) >= PROBLEMS_MAX)
            return;
    }
}

static void check_value(struct check *c, const struct field *f, const json_t *value);

static const struct field *member_of(const struct schema *s, const char *name)
{
    const struct field *f = s->fields;
    while (f->name && !str_eq(f->name, name))
        f++;
    return f->name ? f : NULL;
}

/* What is wrong with a member has the object's name in front. */
static void check_members(struct check *c, const struct field *f, const json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        size_t before = json_array_size(c->problems);
        const struct field *member = member_of(f->of, name);
        if (!member)
            check_problem(c, "body", name, "extra_forbidden", "Extra inputs are not permitted",
                          value);
        else if (!json_is_null(value))
            check_value(c, member, value);
        for (size_t i = before; i < json_array_size(c->problems); i++)
            json_array_insert_new(json_object_get(json_array_get(c->problems, i), "loc"), 1,
                                  json_string(f->name));
        if (json_array_size(c->problems) >= PROBLEMS_MAX)
            return;
    }
}

static void check_value(struct check *c, const struct field *f, const json_t *value)
{
    static const struct {
        const char *type, *message;
    } wrong[] = {
        [FIELD_STR] = {"string_type", "Input should be a valid string"},
        [FIELD_TIME] = {"string_type", "Input should be a valid string"},
        [FIELD_BOOL] = {"bool_type", "Input should be a valid boolean"},
        [FIELD_STR_MAP] = {"dict_type", "Input should be a valid dictionary"},
        [FIELD_OBJECT] = {"dict_type", "Input should be a valid dictionary"},
        [FIELD_LIST] = {"list_type", "Input should be a valid list"},
        [FIELD_STR_LIST] = {"list_type", "Input should be a valid list"},
    };
    switch (f->kind) {
    case FIELD_INT:
        check_integer(c, f, value);
        return;
    case FIELD_STR:
    case FIELD_TIME:
        if (json_is_string(value)) {
            check_text(c, "body", f, json_string_value(value));
            return;
        }
        break;
    case FIELD_BOOL:
        if (json_is_boolean(value))
            return;
        break;
    case FIELD_STR_MAP:
        if (json_is_object(value)) {
            check_map(c, f, value);
            return;
        }
        break;
    case FIELD_STR_LIST:
        if (json_is_array(value)) {
            check_list(c, f, value);
            return;
        }
        break;
    case FIELD_OBJECT:
        if (json_is_object(value) && f->or_bool)
            check_members(c, f, value);
        if (json_is_object(value) || (f->or_bool && json_is_boolean(value)))
            return;
        break;
    case FIELD_LIST:
        if (json_is_array(value))
            return;
        break;
    }
    check_problem(c, "body", f->name, wrong[f->kind].type, wrong[f->kind].message, value);
}

/* ---- The whole body --------------------------------------------------------------- */

void check_fields(struct check *c, const struct schema *schema, const json_t *object)
{
    for (const struct field *f = schema->fields; f->name; f++) {
        const json_t *value = json_object_get(object, f->name);
        bool given = value && !json_is_null(value);
        if (given)
            check_value(c, f, value);
        else if (f->required && !value)
            check_problem(c, "body", f->name, "missing", "Field required", object);
        else if (f->required)
            check_value(c, f, value);
    }
}

void check_given(struct check *c, const struct schema *schema, const json_t *object)
{
    for (const struct field *f = schema->fields; f->name; f++) {
        const json_t *value = json_object_get(object, f->name);
        if (value && !json_is_null(value))
            check_value(c, f, value);
    }
}

const json_t *check_problems(const struct check *c)
{
    return c->problems;
}

static bool anything_required(const struct schema *schema)
{
    for (const struct field *f = schema->fields; f->name; f++) {
        if (f->required)
            return true;
    }
    return false;
}

const json_t *check_body(struct check *c, const struct schema *schema)
{
    char why[JSON_WHY_SIZE], message[JSON_WHY_SIZE + 32];
    struct dg_bytes body = request_body(c->req);
    if (body.len == 0) {
        if (anything_required(schema))
            check_problem(c, "body", NULL, "missing", "Field required", NULL);
        return NULL;
    }
    json_t *parsed = json_parse(body.ptr, body.len, BODY_DEPTH, why);
    if (!parsed) {
        snprintf(message, sizeof message, "JSON decode error: %s", why);
        check_problem(c, "body", NULL, "json_invalid", message, NULL);
        return NULL;
    }
    const json_t *object = check_keep(c, parsed);
    if (json_is_null(object) && !anything_required(schema))
        return NULL;
    if (!json_is_object(object)) {
        check_problem(c, "body", NULL, "model_attributes_type",
                      "Input should be a valid dictionary or object to extract fields from",
                      object);
        return NULL;
    }
    check_fields(c, schema, object);
    return object;
}

const char *check_str(const json_t *body, const char *name)
{
    return json_string_value(json_object_get(body, name));
}

int64_t check_int(const json_t *body, const char *name, int64_t fallback)
{
    int64_t number;
    const json_t *value = json_object_get(body, name);
    return value && integer_of(value, &number) ? number : fallback;
}

void check_param(struct check *c, const char *name, const struct field *field)
{
    check_text(c, "path", field, request_param(c->req, name));
}

const char *check_query_str(struct check *c, const struct field *field)
{
    const char *text = request_query(c->req, field->name);
    if (str_empty(text))
        return NULL;
    check_text(c, "query", field, text);
    return text;
}

int64_t check_query_near(struct check *c, const struct field *field, int64_t fallback)
{
    int64_t number = fallback;
    const char *text = request_query(c->req, field->name);
    if (str_empty(text))
        return fallback;
    if (!str_to_int(text, &number)) {
        text_problem(c, "query", field, "int_parsing",
                     "Input should be a valid integer, unable to parse string as an integer", text);
        return fallback;
    }
    return number < field->min ? field->min : number > field->max ? field->max : number;
}
