/* nodes.c - GET /api/v2/nodes: the gateways on this store, and how they are. */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/contact_center/private.h"
#include "api/system/system.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

struct telling {
    struct hop *hop;
    struct buf body;
};

static void telling_free(void *data)
{
    struct telling *t = data;
    buf_free(&t->body);
    free(t);
}

/* A gateway that has stopped by itself is not dead; one that is silent says nothing of its own. */
static const char *state_of(const struct node *node)
{
    if (node->alive)
        return "running";
    return node->state == NODE_STOPPED ? "stopped" : "dead";
}

static void render(void *arg, const struct node *node)
{
    struct json_writer *w = arg;
    jw_object(w, NULL);
    jw_str(w, "name", node->name);
    jw_str(w, "state", state_of(node));
    jw_bool(w, "self", node->self);
    jw_str(w, "version", node->version);
    jw_time(w, "started_at", node->started_at_ms);
    jw_time(w, "seen_at", node->seen_at_ms);
    jw_int(w, "calls", node->calls);
    jw_raw(w, "backends", node->backends, strlen(node->backends));
    jw_str(w, "calls_taken_over_by", str_empty(node->adopter) ? NULL : node->adopter);
    jw_end(w);
}

static void run(struct hop *hop, void *data)
{
    struct telling *t = data;
    struct json_writer w;
    const struct api *api = hop_app(hop);
    nodes_refresh(api->nodes);
    jw_init(&w, &t->body);
    jw_object(&w, NULL);
    jw_array(&w, "nodes");
    nodes_each(api->nodes, render, &w);
    jw_end(&w);
    jw_end(&w);
    hop_done(hop);
}

static void back(struct request *req, void *data)
{
    struct telling *t = data;
    reply_header(req, "cache-control", "no-store");
    reply_json(req, 200, &t->body);
}

void system_nodes(struct request *req)
{
    if (!str_eq(request_identity(req)->role, "admin")) {
        reply_error(req, 403, "Only an administrator may see this");
        return;
    }
    struct telling *t = xcalloc(1, sizeof *t);
    buf_init(&t->body, BUF_MAX);
    hop_start(req, t, run, back, telling_free);
}

/* ---- Documentation ------------------------------------------------------------------------ */

static const struct field backend_fields[] = {
    {.name = "name", .kind = FIELD_STR, .required = true, .example = "\"pbx\""},
    {.name = "plugin", .kind = FIELD_STR, .required = true, .example = "\"ari\""},
    {.name = "role", .kind = FIELD_STR, .required = true, .example = "\"active\""},
    {.name = "link",
     .kind = FIELD_STR,
     .required = true,
     .help = "connected or disconnected",
     .example = "\"connected\""},
    {.name = "serving", .kind = FIELD_BOOL, .required = true, .example = "true"},
    {.name = "mock", .kind = FIELD_BOOL, .required = true, .example = "false"},
    {.name = "calls", .kind = FIELD_INT, .required = true, .example = "12"},
    {0}};
static const struct schema backend_schema = {"NodeBackend", "A backend of a gateway",
                                             backend_fields};

static const struct field node_fields[] = {
    {.name = "name", .kind = FIELD_STR, .required = true, .example = "\"east\""},
    {.name = "state",
     .kind = FIELD_STR,
     .required = true,
     .help = "running, stopped (by itself), or dead (silent for node.dead_after)",
     .example = "\"running\""},
    {.name = "self",
     .kind = FIELD_BOOL,
     .required = true,
     .help = "It is the one that answers",
     .example = "true"},
    {.name = "version", .kind = FIELD_STR, .required = true, .example = "\"1.0.0\""},
    {.name = "started_at",
     .kind = FIELD_TIME,
     .help = "By the store's clock",
     .example = "\"2026-01-01T12:00:00.123Z\""},
    {.name = "seen_at",
     .kind = FIELD_TIME,
     .help = "Likewise",
     .example = "\"2026-01-01T12:30:00.123Z\""},
    {.name = "calls", .kind = FIELD_INT, .required = true, .help = "Live ones", .example = "12"},
    {.name = "backends", .kind = FIELD_LIST, .required = true, .of = &backend_schema},
    {.name = "calls_taken_over_by",
     .kind = FIELD_STR,
     .help = "After its death; null: nobody",
     .example = "\"west\""},
    {0}};
static const struct schema node_schema = {"Node", "A gateway on this store", node_fields};
static const struct field nodes_fields[] = {{.name = "nodes",
                                             .kind = FIELD_LIST,
                                             .required = true,
                                             .of = &node_schema,
                                             .help = "The one that answers first, then by name"},
                                            {0}};
static const struct schema nodes_schema = {"Nodes", "The gateways on this store", nodes_fields};
static const struct route_answer nodes_answers[] = {
    {200, "The gateways", &nodes_schema, NULL, NULL},
    {401, "Not signed in", &contact_center_detail, NULL, NULL},
    {403, "Not an administrator", &contact_center_detail, NULL, NULL},
    {0}};
const struct route_doc system_nodes_doc = {
    .id = "nodes",
    .tag = "System",
    .summary = "The gateways on this store",
    .help = "A gateway with a store of its own shows itself alone.",
    .answers = nodes_answers};
