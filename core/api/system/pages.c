/* pages.c - the root, the metrics and the documentation pages. */
#include <string.h>

#include "api/api.h"
#include "api/system/system.h"
#include "base/json.h"
#include "http/assets.h"

static void not_found(struct request *req)
{
    reply_error(req, 404, "Not Found");
}

void system_root(struct request *req)
{
    struct api *api = api_of(req);
    struct buf json;
    struct json_writer w;
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    jw_str(&w, "message", api->app_name);
    jw_str(&w, "version", api->app_version);
    jw_str(&w, "docs", api->docs ? "/docs" : "disabled");
    jw_str(&w, "health", "/health");
    jw_str(&w, "readiness", "/readiness");
    jw_str(&w, "auth_token", "/api/v2/token");
    jw_end(&w);
    reply_json(req, 200, &json);
    buf_free(&json);
}

void system_metrics(struct request *req)
{
    struct api *api = api_of(req);
    if (!api->show_metrics) {
        not_found(req);
        return;
    }
    struct buf text;
    buf_init(&text, BUF_MAX);
    metrics_render(api->metrics, &text);
    reply_header(req, "cache-control", "no-store");
    reply_bytes(req, 200, "text/plain; version=0.0.4; charset=utf-8", buf_cstr(&text), text.len);
    buf_free(&text);
}

void system_openapi(struct request *req)
{
    struct api *api = api_of(req);
    if (api->docs)
        reply_static(req, 200, "application/json", api->openapi, api->openapi_len);
    else
        not_found(req);
}

void system_docs(struct request *req)
{
    if (!api_of(req)->docs) {
        not_found(req);
        return;
    }
    char *path = request_strdup(req, request_path(req));
    size_t len = strlen(path);
    if (len && path[len - 1] == '/') /* as for every route */
        path[len - 1] = '\0';
    assets_reply(req, path);
}

/* ---- Documentation ------------------------------------------------------------------------ */

static const struct field root_fields[] = {
    {.name = "message", .kind = FIELD_STR, .required = true, .example = "\"Contact Center API\""},
    {.name = "version", .kind = FIELD_STR, .required = true, .example = "\"1.0.0\""},
    {.name = "docs", .kind = FIELD_STR, .required = true, .example = "\"/docs\""},
    {.name = "health", .kind = FIELD_STR, .required = true, .example = "\"/health\""},
    {.name = "readiness", .kind = FIELD_STR, .required = true, .example = "\"/readiness\""},
    {.name = "auth_token", .kind = FIELD_STR, .required = true, .example = "\"/api/v2/token\""},
    {0}};
static const struct schema root_schema = {"Root", "Where things are", root_fields};
static const struct route_answer root_answers[] = {
    {200, "Where things are", &root_schema, NULL, NULL}, {0}};
const struct route_doc system_root_doc = {
    .id = "root", .tag = "System", .summary = "Where things are", .answers = root_answers};

static const struct route_answer metrics_answers[] = {
    {200, "Prometheus text", NULL, "text/plain", NULL},
    {404, "Switched off", NULL, NULL, NULL},
    {0}};
const struct route_doc system_metrics_doc = {.id = "metrics",
                                             .tag = "System",
                                             .summary = "Figures for Prometheus",
                                             .answers = metrics_answers};

static const struct route_answer openapi_answers[] = {
    {200, "OpenAPI 3.1", NULL, "application/json", NULL},
    {404, "Switched off", NULL, NULL, NULL},
    {0}};
const struct route_doc system_openapi_doc = {
    .id = "openapi", .tag = "System", .summary = "This document", .answers = openapi_answers};

static const struct route_answer page_answers[] = {
    {200, "A page", NULL, "text/html", NULL}, {404, "Switched off", NULL, NULL, NULL}, {0}};
const struct route_doc system_docs_doc = {.id = "docs",
                                          .tag = "System",
                                          .summary = "Documentation to try out (Swagger UI)",
                                          .answers = page_answers};
const struct route_doc system_redoc_doc = {.id = "redoc",
                                           .tag = "System",
                                           .summary = "Documentation to read (Redoc)",
                                           .answers = page_answers};
