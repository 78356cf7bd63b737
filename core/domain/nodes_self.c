/* nodes_self.c - what a gateway tells the others of itself: its document. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "domain/nodes_private.h"

#define BACKENDS_MAX 16

static void write_backends(const struct calls *calls, struct buf *out)
{
    struct backend_view views[BACKENDS_MAX];
    struct json_writer w;
    size_t count = calls ? calls_backends(calls, views, BACKENDS_MAX) : 0;
    jw_init(&w, out);
    jw_array(&w, NULL);
    for (size_t i = 0; i < count; i++) {
        const struct instance *in = views[i].instance;
        jw_object(&w, NULL);
        jw_str(&w, "name", in->name);
        jw_str(&w, "plugin", in->plugin->name);
        jw_str(&w, "role", backend_role_name(views[i].role));
        jw_str(&w, "link", in->link == DG_LINK_UP ? "connected" : "disconnected");
        jw_bool(&w, "serving", views[i].serving);
        jw_bool(&w, "mock", views[i].mock);
        jw_int(&w, "calls", (int64_t)views[i].calls);
        jw_end(&w);
    }
    jw_end(&w);
}

/* All that a beat says: the fields of the document. */
static void write_self(const struct nodes *n, struct buf *out)
{
    struct json_writer w;
    struct buf backends;
    buf_init(&backends, BUF_MAX);
    write_backends(n->calls, &backends);
    jw_init(&w, out);
    jw_object(&w, NULL);
    jw_str(&w, "run", n->run);
    jw_str(&w, "state", node_state_name(NODE_RUNNING));
    jw_str(&w, "version", n->config.version);
    jw_int(&w, "calls", n->calls ? (int64_t)calls_live(n->calls) : 0);
    jw_str(&w, "backends", buf_cstr(&backends));
    jw_str(&w, "adopter", "");
    jw_end(&w);
    buf_free(&backends);
}

void nodes_write_document(const struct nodes *n, bool set, bool first, struct buf *out)
{
    struct buf now;
    buf_init(&now, 64);
    write_self(n, out);
    out->len--; /* the closing brace */
    if (set)
        buf_adds(&now, "\"@now\"");
    else
        buf_addf(&now, "%" PRId64, clock_unix_ms());
    buf_addf(out, ",\"seen_at\":%s", buf_cstr(&now));
    if (first)
        buf_addf(out, ",\"started_at\":%s", buf_cstr(&now));
    buf_addc(out, '}');
    buf_free(&now);
}

/* A store of its own: the picture is what this one knows of itself. */
void nodes_know_self(struct nodes *n)
{
    struct buf json;
    buf_init(&json, BUF_MAX);
    nodes_write_document(n, false, false, &json);
    json_t *doc = json_parse(json.ptr, json.len, 16, NULL);
    json_object_set_new(doc, "started_at", json_integer(n->started_unix_ms));
    nodes_take_in(n, n->config.name, doc);
    json_decref(doc);
    buf_free(&json);
}

void nodes_refresh(struct nodes *n)
{
    struct node_record *self = map_get(n->known, n->config.name);
    struct buf backends;
    if (!n->shared)
        nodes_know_self(n);
    else if (self && n->calls) {
        buf_init(&backends, BUF_MAX);
        write_backends(n->calls, &backends);
        free(self->node.backends);
        self->node.backends = buf_take(&backends);
        self->node.calls = (int64_t)calls_live(n->calls);
    }
}

void nodes_follow(struct nodes *n, const struct calls *calls)
{
    n->calls = calls;
    if (!n->shared)
        nodes_know_self(n);
}
