/* lists.c - what there is now: legs and bridges. */
#include <stdlib.h>
#include <string.h>

#include "ari.h"
#include "asterisk/text.h"
#include "snapshot.h"

enum {
    ANSWER_TIME_MS = 3000,   /* for one answer */
    ANSWER_TIMES_MAX = 5000, /* beyond it the time of adoption has to do */
};

static bool matches(const char *text, const char *id, const char *name)
{
    return !text || !*text || (id && strstr(id, text)) || (name && strstr(name, text));
}

/* A list of calls on its way: what was answered while we did not look is asked when. */
struct listing {
    struct dg_op *op;
    char *text;
    json_t *channels;
    size_t asked; /* answers that are still to come, and one for the listing itself */
    uint64_t link_since_ms;
};

struct question {
    struct listing *listing;
    char *id;
};

static void give_call(struct ari *a, struct dg_op *op, const json_t *channel, const char *text)
{
    const char *id = json_text(channel, "id");
    struct leg *leg = id ? legs_find(&a->events.life.legs, id) : NULL;
    struct snapshot s;
    if (!leg || leg->ended)
        return;
    snapshot_read(&s, channel);
    life_complete(&s.call, leg);
    if (matches(text, s.call.id, s.call.name))
        a->h->item(op, &s.call);
}

static void answered_for(struct ari *a, struct listing *l)
{
    size_t i;
    json_t *channel;
    if (--l->asked)
        return;
    /* With the link all that is known of legs goes: a list without them would be a wrong one. */
    if (a->link.state == LINK_UP && a->link.up_since_ms == l->link_since_ms) {
        json_array_foreach(l->channels, i, channel) give_call(a, l->op, channel, l->text);
        a->h->done(l->op);
    } else {
        a->h->fail(l->op, DG_EUNAVAILABLE, "the link was lost meanwhile");
    }
    json_decref(l->channels);
    free(l->text);
    free(l);
}

/* "1795263407.070678"; Asterisk keeps a CDR of every channel unless that is switched off. */
static void on_answer_time(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct question *q = arg;
    struct leg *leg = legs_find(&a->events.life.legs, q->id);
    const char *value = r->err ? NULL : json_text(r->json, "value");
    double seconds = value ? strtod(value, NULL) : 0;
    (void)op;
    if (leg && !leg->answered_at_ms && seconds > 1 && seconds < 1e11)
        leg->answered_at_ms = (int64_t)(seconds * 1000) + a->events.skew_ms;
    answered_for(a, q->listing);
    free(q->id);
    free(q);
}

static void ask_when_answered(struct ari *a, struct listing *l, const char *id)
{
    struct question *q = text_alloc(sizeof *q);
    q->listing = l;
    q->id = text_copy(id);
    l->asked++;
    rest_send(a, NULL,
              &(struct rest_call){.path = {"channels", id, "variable"},
                                  .query = {{"variable", "CDR(answer,u)"}},
                                  .timeout_ms = ANSWER_TIME_MS,
                                  .then = on_answer_time,
                                  .arg = q});
}

/* The core's ids are UUIDs; with observe = "own" these are the legs to tell of. */
static void take_call(struct ari *a, struct listing *l, const json_t *channel)
{
    const char *id = json_text(channel, "id");
    bool known = id && legs_find(&a->events.life.legs, id);
    if (!id || (a->config.own_only && !known && !text_is_uuid(id)))
        return;
    const struct leg *leg = events_adopt(&a->events, channel);
    if (leg && a->config.own_only && !known)
        ari_observe(a, "channel:", id);
    if (leg && leg->controlled && !known)
        events_detected_unseen(&a->events, id, channel);
    if (leg && !known && text_is_uuid(id) && leg->fate.answered && l->asked <= ANSWER_TIMES_MAX)
        ask_when_answered(a, l, id);
}

static void on_calls(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    char *text = arg;
    size_t i;
    json_t *channel;
    /* A list that cannot be read must not pass for an empty one: the core would end all calls. */
    if (r->err || !json_is_array(r->json)) {
        if (r->err)
            rest_fail(a, op, r);
        else
            a->h->fail(op, DG_EUPSTREAM, "ARI gives no list of channels");
        free(text);
        return;
    }
    struct listing *l = text_alloc(sizeof *l);
    *l = (struct listing){op, text, json_incref((json_t *)r->json), 1, a->link.up_since_ms};
    json_array_foreach(l->channels, i, channel) take_call(a, l, channel);
    answered_for(a, l);
}

void ari_calls(void *self, const struct dg_filter *req, struct dg_op *op)
{
    rest_send(self, op,
              &(struct rest_call){.path = {"channels"},
                                  .max_body = 64u << 20,
                                  .urgent = true,
                                  .then = on_calls,
                                  .arg = text_copy(req->text)});
}

static void give_bridge(struct ari *a, struct dg_op *op, const json_t *json, const char *text)
{
    const json_t *channels = json_object_get(json, "channels");
    size_t count = json_array_size(channels);
    const char **calls = text_alloc((count + 1) * sizeof *calls);
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
                                  .arg = text_copy(req->text)});
}
