/* openapi_test.c - the document that is made from the table of routes says what
 * the table says, and is sound: every reference leads somewhere, every parameter
 * of a path is declared, no name is given twice. */
#include "unit.h"

#include "api/api.h"
#include "api/doc.h"
#include "base/json.h"
#include "base/str.h"

static json_t *document;

static int make(void **state)
{
    (void)state;
    struct buf out;
    const struct api api = {.app_name = "Our \"API\"", .app_version = "7.1"};
    buf_init(&out, BUF_MAX);
    openapi_render(&api, &out);
    assert_false(out.over);
    document = json_parse(out.ptr, out.len, 64, NULL);
    buf_free(&out);
    return document ? 0 : -1;
}

static int drop(void **state)
{
    (void)state;
    json_decref(document);
    return 0;
}

static const json_t *at(const json_t *from, const char *a, const char *b)
{
    const json_t *found = json_object_get(from, a);
    return b ? json_object_get(found, b) : found;
}

static void lower(const char *text, char out[16])
{
    size_t i = 0;
    for (; text[i] && i < 15; i++)
        out[i] = (char)(text[i] | 0x20);
    out[i] = '\0';
}

static const json_t *operation_of(const struct route *r)
{
    char method[16];
    lower(r->method, method);
    return at(at(document, "paths", r->pattern), method, NULL);
}

static void heading(void **state)
{
    (void)state;
    assert_string_equal(json_get_str(document, "openapi"), "3.1.0");
    assert_string_equal(json_string_value(at(document, "info", "title")), "Our \"API\"");
    assert_string_equal(json_string_value(at(document, "info", "version")), "7.1");
}

static const char *scheme_of(enum route_auth auth)
{
    switch (auth) {
    case ROUTE_OPEN:
        return NULL;
    case ROUTE_JWT:
    case ROUTE_JWT_ADMIN:
        return "jwt";
    case ROUTE_TOKEN:
    case ROUTE_TOKEN_ADMIN:
        return "token";
    case ROUTE_API_KEY:
    case ROUTE_DEV_KEY:
        return "api_key";
    }
    return "?";
}

/* Every documented route stands there once, with the credentials the router asks for. */
static void operations(void **state)
{
    (void)state;
    size_t documented = 0, found = 0;
    for (size_t i = 0; i < api_route_count; i++) {
        const struct route *r = &api_routes[i];
        if (!r->doc)
            continue;
        documented++;
        const json_t *operation = operation_of(r);
        if (!operation)
            fail_msg("%s %s is not in the document", r->method, r->pattern);
        assert_string_equal(json_get_str(operation, "operationId"), r->doc->id);
        assert_true(json_array_size(at(operation, "tags", NULL)) == 1);
        assert_false(str_empty(json_get_str(operation, "summary")));
        const json_t *security = at(operation, "security", NULL);
        const char *scheme = scheme_of(r->auth);
        assert_int_equal(json_array_size(security), scheme != NULL);
        if (scheme) {
            assert_non_null(at(json_array_get(security, 0), scheme, NULL));
            assert_non_null(at(at(document, "components", "securitySchemes"), scheme, NULL));
        }
        assert_true(json_object_size(at(operation, "responses", NULL)) > 0);
    }
    const char *path;
    json_t *item;
    json_object_foreach((json_t *)at(document, "paths", NULL), path, item) found +=
        json_object_size(item);
    assert_int_equal(found, documented);
}

static void operation_ids(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_route_count; i++)
        for (size_t k = 0; k < i; k++)
            if (api_routes[i].doc && api_routes[k].doc &&
                str_eq(api_routes[i].doc->id, api_routes[k].doc->id))
                fail_msg("%s is the id of two operations", api_routes[i].doc->id);
}

/* The braces of a pattern and the parameters in "path" are the same names. */
static void path_parameters(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_route_count; i++) {
        const struct route *r = &api_routes[i];
        if (!r->doc)
            continue;
        size_t braces = 0, declared = 0, k;
        json_t *p;
        for (const char *s = r->pattern; *s; s++)
            braces += *s == '{';
        json_array_foreach(at(operation_of(r), "parameters", NULL), k, p)
        {
            char part[80];
            if (!str_eq(json_get_str(p, "in"), "path"))
                continue;
            declared++;
            assert_true(json_get_bool(p, "required", false));
            snprintf(part, sizeof part, "{%s}", json_get_str(p, "name"));
            assert_non_null(strstr(r->pattern, part));
            assert_non_null(at(p, "schema", "type"));
        }
        if (braces != declared)
            fail_msg("%s %s: %zu parameters, %zu declared", r->method, r->pattern, braces,
                     declared);
    }
}

static const json_t *resolve(const char *ref)
{
    static const char prefix[] = "#/components/schemas/";
    assert_true(str_starts(ref, prefix));
    return at(at(document, "components", "schemas"), ref + sizeof prefix - 1, NULL);
}

static size_t follow(const json_t *value)
{
    const char *name;
    json_t *member;
    size_t i, count = 0;
    json_object_foreach((json_t *)value, name, member)
    {
        if (str_eq(name, "$ref")) {
            if (!resolve(json_string_value(member)))
                fail_msg("%s leads nowhere", json_string_value(member));
            count++;
        }
        count += follow(member);
    }
    json_array_foreach(value, i, member) count += follow(member);
    return count;
}

static void references(void **state)
{
    (void)state;
    assert_true(follow(document) > 10);
}

/* What is required is declared, and what is given as an example has its type. */
static bool fits(const json_t *schema, const json_t *example)
{
    const json_t *type = at(schema, "type", NULL);
    size_t i;
    json_t *one;
    if (json_is_array(type)) {
        json_array_foreach(type, i, one)
        {
            const json_t *alone = json_pack("{sO}", "type", one);
            bool good = fits(alone, example);
            json_decref((json_t *)alone);
            if (good)
                return true;
        }
        return false;
    }
    const char *name = json_string_value(type);
    return (str_eq(name, "string") && json_is_string(example)) ||
           (str_eq(name, "integer") && json_is_integer(example)) ||
           (str_eq(name, "boolean") && json_is_boolean(example)) ||
           (str_eq(name, "object") && json_is_object(example)) ||
           (str_eq(name, "array") && json_is_array(example)) ||
           (str_eq(name, "null") && json_is_null(example));
}

static void schemas(void **state)
{
    (void)state;
    const char *name, *field;
    json_t *schema, *property, *one;
    size_t i;
    json_object_foreach((json_t *)at(document, "components", "schemas"), name, schema)
    {
        assert_string_equal(json_get_str(schema, "type"), "object");
        json_array_foreach(at(schema, "required", NULL), i, one)
            assert_non_null(at(at(schema, "properties", NULL), json_string_value(one), NULL));
        json_object_foreach((json_t *)at(schema, "properties", NULL), field, property)
        {
            json_array_foreach(at(property, "examples", NULL), i, one) if (!fits(property, one))
                fail_msg("%s.%s: the example has another type", name, field);
        }
    }
}

struct gathered {
    const struct schema *list[512];
    size_t count;
};

/* The schema, and those of what its lists hold. */
static void gather(struct gathered *g, const struct schema *schema)
{
    if (!schema)
        return;
    for (size_t i = 0; i < g->count; i++) {
        if (g->list[i] == schema)
            return;
        if (str_eq(g->list[i]->name, schema->name))
            fail_msg("two schemas are named %s", schema->name);
    }
    assert_true(g->count < COUNT(g->list));
    g->list[g->count++] = schema;
    for (const struct field *f = schema->fields; f->name; f++)
        gather(g, f->of);
}

/* Two different schemas of one name would hide each other. */
static void schema_names(void **state)
{
    (void)state;
    struct gathered all = {0};
    for (size_t i = 0; i < api_route_count; i++) {
        const struct route_doc *d = api_routes[i].doc;
        gather(&all, d ? d->body : NULL);
        for (const struct route_answer *a = d ? d->answers : NULL; a && a->status; a++)
            gather(&all, a->schema);
    }
    assert_int_equal(json_object_size(at(document, "components", "schemas")), all.count + 1);
}

static void limits(void **state)
{
    (void)state;
    const json_t *call = at(at(document, "components", "schemas"), "CallRequest", "properties");
    const json_t *number = at(call, "phone_number", NULL), *priority = at(call, "priority", NULL);
    assert_int_equal(json_get_int(number, "minLength", 0), 7);
    assert_int_equal(json_get_int(number, "maxLength", 0), 20);
    assert_string_equal(json_get_str(number, "pattern"), "^[+]?[0-9]+$");
    assert_string_equal(json_get_str(number, "type"), "string");
    assert_int_equal(json_get_int(priority, "minimum", 0), 1);
    assert_int_equal(json_get_int(priority, "maximum", 0), 10);
    assert_true(json_is_array(at(priority, "type", NULL)));
    assert_int_equal(json_get_int(at(call, "timeout", NULL), "maximum", 0), 600000);
    assert_string_equal(
        json_string_value(at(at(call, "variables", NULL), "additionalProperties", "type")),
        "string");
}

static void bodies(void **state)
{
    (void)state;
    const json_t *paths = at(document, "paths", NULL);
    const json_t *token = at(at(paths, "/api/v2/token", "post"), "requestBody", NULL);
    const json_t *call = at(at(paths, "/api/v2/calls", "post"), "requestBody", NULL);
    const json_t *interaction =
        at(at(paths, "/api/v2/interaction/{number}", "post"), "requestBody", NULL);
    assert_non_null(at(at(token, "content", "application/x-www-form-urlencoded"), "schema", NULL));
    assert_true(json_get_bool(token, "required", false));
    assert_non_null(at(at(call, "content", "application/json"), "example", "phone_number"));
    assert_true(json_get_bool(call, "required", false));
    assert_false(json_get_bool(interaction, "required", true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heading),       cmocka_unit_test(operations),
        cmocka_unit_test(operation_ids), cmocka_unit_test(path_parameters),
        cmocka_unit_test(references),    cmocka_unit_test(schemas),
        cmocka_unit_test(schema_names),  cmocka_unit_test(limits),
        cmocka_unit_test(bodies),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
