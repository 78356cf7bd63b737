/* lists.c - what there is now: legs, bridges, endpoints. */
#include <stdlib.h>
#include <string.h>

#include "ari.h"
#include "snapshot.h"
#include "text.h"

static bool matches(const char *text, const char *id, const char *name)
{
    return !text || !*text || (id && strstr(id, text)) || (name && strstr(name, text));
}

/* The core's ids are UUIDs; with observe = "own" these are the legs to tell of. */
static bool is_uuid(const char *id)
{
    if (strlen(id) != 36)
        return false;
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash != (id[i] == '-') || (!dash && !strchr("0123456789abcdefABCDEF", id[i])))
            return false;
    }
    return true;
}

static void give_call(struct ari *a, struct dg_op *op, const json_t *channel, const char *text)
{
    const char *id = json_text(channel, "id");
    bool known = id && legs_find(&a->events.legs, id);
    struct snapshot s;
    if (!id || (a->config.own_only && !known && !is_uuid(id)))
        return;
    const struct leg *leg = events_adopt(&a->events, channel);
    if (!leg)
        return;
    if (a->config.own_only && !known)
        ari_observe(a, "channel:", id);
    snapshot_read(&s, channel, leg);
    if (matches(text, s.call.id, s.call.name))
        a->h->item(op, &s.call);
}

static void on_calls(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    char *text = arg;
    size_t i;
    json_t *channel;
    if (r->err) {
        rest_fail(a, op, r);
    } else {
        json_array_foreach((json_t *)r->json, i, channel) give_call(a, op, channel, text);
        a->h->done(op);
    }
    free(text);
}

void ari_calls(void *self, const struct dg_filter *req, struct dg_op *op)
{
    rest_send(self, op,
              &(struct rest_call){.path = {"channels"},
                                  .max_body = 64u << 20,
                                  .urgent = true,
                                  .then = on_calls,
                                  .arg = ari_copy(req->text)});
}

static void give_bridge(struct ari *a, struct dg_op *op, const json_t *json, const char *text)
{
    const json_t *channels = json_object_get(json, "channels");
    size_t count = json_array_size(channels);
    const char **calls = ari_alloc((count + 1) * sizeof *calls);
    struct dg_bridge bridge = {DG_SIZED(struct dg_bridge), .id = json_text(json, "id"),
                               .name = json_text(json, "name"), .calls = calls};
    for (size_t i = 0; i < count; i++) {
        const char *call = json_string_value(json_array_get(channels, i));
        if (call)
            calls[bridge.call_count++] = call;
    }
    if (bridge.id && matches(text, bridge.id, bridge.name))
        a->h->item(op, &bridge);
    free(calls);
}

static void on_bridges(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    char *text = arg;
    size_t i;
    json_t *bridge;
    if (r->err) {
        rest_fail(a, op, r);
    } else {
        json_array_foreach((json_t *)r->json, i, bridge) give_bridge(a, op, bridge, text);
        a->h->done(op);
    }
    free(text);
}

void ari_bridges(void *self, const struct dg_filter *req, struct dg_op *op)
{
    rest_send(self, op,
              &(struct rest_call){.path = {"bridges"},
                                  .max_body = 64u << 20,
                                  .urgent = true,
                                  .then = on_bridges,
                                  .arg = ari_copy(req->text)});
}

static void give_endpoint(struct ari *a, struct dg_op *op, const json_t *json, const char *text)
{
    const char *state = json_text(json, "state");
    struct dg_endpoint endpoint = {
        DG_SIZED(struct dg_endpoint),
        .technology = json_text(json, "technology"),
        .resource = json_text(json, "resource"),
        .registered = ari_same(state, "online"),
        .available = ari_same(state, "online"),
        .active_calls = (uint32_t)json_array_size(json_object_get(json, "channel_ids")),
    };
    if (endpoint.technology && endpoint.resource && matches(text, endpoint.resource, NULL))
        a->h->item(op, &endpoint);
}

static void on_endpoints(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    char *text = arg;
    size_t i;
    json_t *endpoint;
    if (r->err) {
        rest_fail(a, op, r);
    } else {
        json_array_foreach((json_t *)r->json, i, endpoint) give_endpoint(a, op, endpoint, text);
        a->h->done(op);
    }
    free(text);
}

void ari_endpoints(void *self, const struct dg_filter *req, struct dg_op *op)
{
    rest_send(self, op,
              &(struct rest_call){.path = {"endpoints"},
                                  .max_body = 64u << 20,
                                  .then = on_endpoints,
                                  .arg = ari_copy(req->text)});
}
