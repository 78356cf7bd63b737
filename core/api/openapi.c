/* openapi.c - the OpenAPI 3.1 document, made from the table of routes.
 *
 * What is said once is written once: schemas go to components and are
 * referred to, each field once with the limits that check.c enforces.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/doc.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define VALIDATION_ERROR "HTTPValidationError"

/* ---- Schemas ------------------------------------------------------------------------- */

static const char *type_of(enum field_kind kind)
{
    static const char *const names[] = {
        [FIELD_STR] = "string",     [FIELD_INT] = "integer",    [FIELD_BOOL] = "boolean",
        [FIELD_STR_MAP] = "object", [FIELD_TIME] = "string",    [FIELD_OBJECT] = "object",
        [FIELD_LIST] = "array",     [FIELD_STR_LIST] = "array",
    };
    return names[kind];
}

static void write_ref(struct json_writer *w, const char *name)
{
    char ref[160];
    snprintf(ref, sizeof ref, "#/components/schemas/%s", name);
    jw_str(w, "$ref", ref);
}

/* What is optional may be null as well (JSON Schema 2020-12: a list of types). */
static void write_type(struct json_writer *w, const struct field *f)
{
    if (f->kind == FIELD_OBJECT && f->of) {
        jw_array(w, "anyOf");
        jw_object(w, NULL);
        write_ref(w, f->of->name);
        jw_end(w);
        if (f->or_bool) {
            jw_object(w, NULL);
            jw_str(w, "type", "boolean");
            jw_end(w);
        }
        if (!f->required) {
            jw_object(w, NULL);
            jw_str(w, "type", "null");
            jw_end(w);
        }
        jw_end(w);
        return;
    }
    if (f->required) {
        jw_str(w, "type", type_of(f->kind));
        return;
    }
    jw_array(w, "type");
    jw_str(w, NULL, type_of(f->kind));
    jw_str(w, NULL, "null");
    jw_end(w);
}

static void write_limits(struct json_writer *w, const struct field *f)
{
    bool text = f->kind == FIELD_STR;
    if (f->min)
        jw_int(w, text ? "minLength" : "minimum", f->min);
    if (f->max)
        jw_int(w, text ? "maxLength" : f->kind == FIELD_INT ? "maximum" : "maxProperties", f->max);
    if (f->pattern)
        jw_str(w, "pattern", f->pattern);
}

/* What a map or a list holds. */
static void write_items(struct json_writer *w, const struct field *f)
{
    bool list = f->kind == FIELD_LIST || f->kind == FIELD_STR_LIST;
    if (!list && f->kind != FIELD_STR_MAP)
        return;
    jw_object(w, list ? "items" : "additionalProperties");
    if (f->of)
        write_ref(w, f->of->name);
    else
        jw_str(w, "type", f->kind == FIELD_LIST ? "object" : "string");
    jw_end(w);
}

static void write_field(struct json_writer *w, const struct field *f, const char *key)
{
    jw_object(w, key);
    write_type(w, f);
    if (f->kind == FIELD_TIME)
        jw_str(w, "format", "date-time");
    write_limits(w, f);
    write_items(w, f);
    if (f->help)
        jw_str(w, "description", f->help);
    if (f->fallback)
        jw_raw(w, "default", f->fallback, strlen(f->fallback));
    if (f->example) {
        jw_array(w, "examples");
        jw_raw(w, NULL, f->example, strlen(f->example));
        jw_end(w);
    }
    jw_end(w);
}

static void write_schema(struct json_writer *w, const struct schema *s)
{
    jw_object(w, s->name);
    jw_str(w, "type", "object");
    if (s->help)
        jw_str(w, "description", s->help);
    jw_array(w, "required");
    for (const struct field *f = s->fields; f->name; f++) {
        if (f->required)
            jw_str(w, NULL, f->name);
    }
    jw_end(w);
    jw_object(w, "properties");
    for (const struct field *f = s->fields; f->name; f++)
        write_field(w, f, f->name);
    jw_end(w);
    jw_end(w);
}

/* An example of the whole, from the examples of its fields. */
static void write_example(struct json_writer *w, const struct schema *s)
{
    jw_object(w, "example");
    for (const struct field *f = s->fields; f->name; f++) {
        if (f->example)
            jw_raw(w, f->name, f->example, strlen(f->example));
    }
    jw_end(w);
}

/* ---- Operations ------------------------------------------------------------------------ */

static bool in_path(const struct route *r, const char *name)
{
    char part[80];
    snprintf(part, sizeof part, "{%s}", name);
    return strstr(r->pattern, part) != NULL;
}

static void write_param(struct json_writer *w, const struct field *f, const char *where)
{
    jw_object(w, NULL);
    jw_str(w, "name", f->name);
    jw_str(w, "in", where);
    jw_bool(w, "required", str_eq(where, "path") || f->required);
    if (f->help)
        jw_str(w, "description", f->help);
    write_field(w, f, "schema");
    jw_end(w);
}

static void write_params(struct json_writer *w, const struct route *r)
{
    if (!r->doc->params && !r->doc->headers)
        return;
    jw_array(w, "parameters");
    for (const struct field *f = r->doc->params; f && f->name; f++)
        write_param(w, f, in_path(r, f->name) ? "path" : "query");
    for (const struct field *f = r->doc->headers; f && f->name; f++)
        write_param(w, f, "header");
    jw_end(w);
}

static void write_body(struct json_writer *w, const struct route_doc *d)
{
    if (!d->body)
        return;
    jw_object(w, "requestBody");
    jw_bool(w, "required", !d->body_optional);
    jw_object(w, "content");
    jw_object(w, d->form ? "application/x-www-form-urlencoded" : "application/json");
    jw_object(w, "schema");
    write_ref(w, d->body->name);
    jw_end(w);
    write_example(w, d->body);
    jw_end(w);
    jw_end(w);
    jw_end(w);
}

static void write_file_type(struct json_writer *w, const char *type)
{
    const bool form = strcmp(type, "multipart/form-data") == 0;
    jw_object(w, type);
    jw_object(w, "schema");
    if (form) {
        jw_str(w, "type", "object");
        jw_object(w, "properties");
        jw_object(w, "file");
    }
    jw_str(w, "type", "string");
    if (form) {
        jw_end(w);
        jw_end(w);
    }
    jw_end(w);
    jw_end(w);
}

static void write_file(struct json_writer *w, const char *const *types)
{
    if (!types)
        return;
    jw_object(w, "requestBody");
    jw_bool(w, "required", true);
    jw_object(w, "content");
    for (; *types; types++)
        write_file_type(w, *types);
    jw_end(w);
    jw_end(w);
}

static void write_answer_headers(struct json_writer *w, const struct field *headers)
{
    jw_object(w, "headers");
    for (const struct field *f = headers; f->name; f++) {
        jw_object(w, f->name);
        jw_str(w, "description", f->help);
        write_field(w, f, "schema");
        jw_end(w);
    }
    jw_end(w);
}

static void write_answer(struct json_writer *w, const struct route_answer *a)
{
    char status[8];
    snprintf(status, sizeof status, "%d", a->status);
    jw_object(w, status);
    jw_str(w, "description", a->help);
    if (a->headers)
        write_answer_headers(w, a->headers);
    bool invalid = a->status == 422 && !a->schema;
    if (a->schema || invalid || a->type) {
        jw_object(w, "content");
        jw_object(w, a->type ? a->type : "application/json");
        if (a->schema || invalid) {
            jw_object(w, "schema");
            write_ref(w, invalid ? VALIDATION_ERROR : a->schema->name);
            jw_end(w);
        }
        if (a->schema)
            write_example(w, a->schema);
        jw_end(w);
        jw_end(w);
    }
    jw_end(w);
}

static void write_security(struct json_writer *w, enum route_auth auth)
{
    static const char *const schemes[] = {
        [ROUTE_JWT] = "jwt",
        [ROUTE_TOKEN] = "token",
        [ROUTE_API_KEY] = "api_key",
        [ROUTE_DEV_KEY] = "api_key",
    };
    auth = route_credentials(auth);
    jw_array(w, "security");
    if (auth != ROUTE_OPEN) {
        jw_object(w, NULL);
        jw_array(w, schemes[auth]);
        jw_end(w);
        jw_end(w);
    }
    jw_end(w);
}

/* What the caller has to have besides good credentials. */
static void write_permission(struct json_writer *w, const struct route *r)
{
    if (route_admins_only(r->auth))
        jw_str(w, "x-role", "admin");
    if (!r->permission)
        return;
    jw_array(w, "x-permission");
    for (const char *p = r->permission, *end; *p; p = *end ? end + 1 : end) {
        end = p + strcspn(p, "|");
        jw_strn(w, NULL, p, (size_t)(end - p));
    }
    jw_end(w);
}

static void write_operation(struct json_writer *w, const struct route *r)
{
    char method[16];
    size_t len = strlen(r->method);
    for (size_t i = 0; i <= len && i < sizeof method; i++)
        method[i] =
            (char)(r->method[i] >= 'A' && r->method[i] <= 'Z' ? r->method[i] + 32 : r->method[i]);
    jw_object(w, method);
    jw_str(w, "operationId", r->doc->id);
    jw_array(w, "tags");
    jw_str(w, NULL, r->doc->tag);
    jw_end(w);
    jw_str(w, "summary", r->doc->summary);
    if (r->doc->help)
        jw_str(w, "description", r->doc->help);
    write_security(w, r->auth);
    write_permission(w, r);
    write_params(w, r);
    write_body(w, r->doc);
    write_file(w, r->doc->file_types);
    jw_object(w, "responses");
    for (const struct route_answer *a = r->doc->answers; a->status; a++)
        write_answer(w, a);
    jw_end(w);
    jw_end(w);
}

/* Routes of one path may stand anywhere in the table; it is written at its first. */
static bool is_first_of_path(size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (api_routes[i].doc && str_eq(api_routes[i].pattern, api_routes[index].pattern))
            return false;
    }
    return true;
}

static void write_paths(struct json_writer *w)
{
    jw_object(w, "paths");
    for (size_t i = 0; i < api_route_count; i++) {
        if (!api_routes[i].doc || !is_first_of_path(i))
            continue;
        jw_object(w, api_routes[i].pattern);
        for (size_t k = i; k < api_route_count; k++) {
            if (api_routes[k].doc && str_eq(api_routes[k].pattern, api_routes[i].pattern))
                write_operation(w, &api_routes[k]);
        }
        jw_end(w);
    }
    jw_end(w);
}

/* ---- Components ----------------------------------------------------------------------- */

struct seen {
    const struct schema **list;
    size_t count;
};

static void see(struct seen *s, const struct schema *schema)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->list[i] == schema)
            return;
    }
    if (!schema)
        return;
    s->list = xrealloc(s->list, (s->count + 1) * sizeof *s->list);
    s->list[s->count++] = schema;
    for (const struct field *f = schema->fields; f->name; f++)
        see(s, f->of);
}

static int by_name(const void *a, const void *b)
{
    const struct schema *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* The shape of check.c's 422. */
static void write_validation_error(struct json_writer *w)
{
    static const char json[] =
        "{\"type\":\"object\",\"required\":[\"detail\"],\"properties\":{\"detail\":{\"type\":"
        "\"array\",\"items\":{\"type\":\"object\",\"required\":[\"type\",\"loc\",\"msg\"],"
        "\"properties\":{\"type\":{\"type\":\"string\",\"examples\":[\"missing\"]},\"loc\":{"
        "\"type\":\"array\",\"items\":{\"type\":[\"string\",\"integer\"]},\"examples\":[[\"body\","
        "\"phone_number\"]]},\"msg\":{\"type\":\"string\",\"examples\":[\"Field required\"]},"
        "\"input\":{}}}}}}";
    jw_raw(w, VALIDATION_ERROR, json, sizeof json - 1);
}

static void write_schemas(struct json_writer *w)
{
    struct seen seen = {0};
    for (size_t i = 0; i < api_route_count; i++) {
        const struct route_doc *d = api_routes[i].doc;
        if (!d)
            continue;
        see(&seen, d->body);
        for (const struct route_answer *a = d->answers; a->status; a++)
            see(&seen, a->schema);
    }
    qsort(seen.list, seen.count, sizeof *seen.list, by_name);
    jw_object(w, "schemas");
    for (size_t i = 0; i < seen.count; i++)
        write_schema(w, seen.list[i]);
    write_validation_error(w);
    jw_end(w);
    free(seen.list);
}

static void write_security_schemes(struct json_writer *w)
{
    static const char json[] =
        "{\"jwt\":{\"type\":\"oauth2\",\"flows\":{\"password\":{\"tokenUrl\":\"/api/v2/token\","
        "\"scopes\":{}}}},"
        "\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
        "\"api_key\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"}}";
    jw_raw(w, "securitySchemes", json, sizeof json - 1);
}

void openapi_render(const struct api *api, struct buf *out)
{
    struct json_writer w;
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "openapi", "3.1.0");
    jw_object(&w, "info");
    jw_str(&w, "title", api->app_name);
    jw_str(&w, "version", api->app_version);
    jw_str(&w, "description", "Calls through Asterisk, by HTTP.");
    jw_end(&w);
    write_paths(&w);
    jw_object(&w, "components");
    write_schemas(&w);
    write_security_schemes(&w);
    jw_end(&w);
    jw_end(&w);
}
