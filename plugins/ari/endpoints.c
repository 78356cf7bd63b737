/* endpoints.c - lines and trunks, and the state of each one's device. ARI tells both, apart: so a
 * list of endpoints is followed by a question for each of them. */
#include <stdlib.h>
#include <string.h>

#include "ari.h"
#include "asterisk/device.h"
#include "asterisk/text.h"
#include "snapshot.h"

enum {
    STATES_MAX = 1000, /* beyond it, what ARI says of the endpoint has to do */
    STATE_MS = 5000,
};

struct listing {
    struct dg_op *op;
    char *text;
    json_t *endpoints;
    const char **states; /* of those that told one, by their place in the list */
    size_t asked;        /* answers that are still to come, and one for the listing itself */
};

struct question {
    struct listing *listing;
    size_t place;
};

/* Without a word of the device: as far as the endpoint tells. */
static const char *guess(const char *state, size_t calls)
{
    if (text_same(state, "offline"))
        return "unavailable";
    if (!text_same(state, "online"))
        return "unknown";
    return calls ? "in use" : "not in use";
}

static void give(struct ari *a, const struct listing *l, size_t place)
{
    const json_t *json = json_array_get(l->endpoints, place);
    const char *state = json_text(json, "state");
    size_t calls = json_array_size(json_object_get(json, "channel_ids"));
    a->h->item(l->op, &(struct dg_endpoint){
                          DG_SIZED(struct dg_endpoint),
                          .technology = json_text(json, "technology"),
                          .resource = json_text(json, "resource"),
                          .registered = text_same(state, "online"),
                          .available = text_same(state, "online"),
                          .active_calls = (uint32_t)calls,
                          .state = l->states[place] ? l->states[place] : guess(state, calls),
                      });
}

static bool is_wanted(const struct listing *l, const json_t *json)
{
    const char *technology = json_text(json, "technology"), *resource = json_text(json, "resource");
    return technology && resource && (!l->text || strstr(resource, l->text));
}

static void answered_for(struct ari *a, struct listing *l)
{
    if (--l->asked)
        return;
    for (size_t i = 0; i < json_array_size(l->endpoints); i++)
        if (is_wanted(l, json_array_get(l->endpoints, i)))
            give(a, l, i);
    a->h->done(l->op);
    json_decref(l->endpoints);
    free(l->states);
    free(l->text);
    free(l);
}

static void on_state(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct question *q = arg;
    (void)op;
    if (!r->err && json_text(r->json, "state"))
        q->listing->states[q->place] = device_state(json_text(r->json, "state"));
    answered_for(a, q->listing);
    free(q);
}

static void ask_state(struct ari *a, struct listing *l, size_t place)
{
    const json_t *json = json_array_get(l->endpoints, place);
    struct question *q = text_alloc(sizeof *q);
    struct text device = {0};
    *q = (struct question){l, place};
    text_puts(&device, json_text(json, "technology"));
    text_puts(&device, "/");
    text_puts(&device, json_text(json, "resource"));
    l->asked++;
    rest_send(a, NULL,
              &(struct rest_call){.path = {"deviceStates", device.at},
                                  .timeout_ms = STATE_MS,
                                  .then = on_state,
                                  .arg = q});
    text_free(&device);
}

static void on_endpoints(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    char *text = arg;
    if (r->err || !json_is_array(r->json)) {
        if (r->err)
            rest_fail(a, op, r);
        else
            a->h->fail(op, DG_EUPSTREAM, "ARI gives no list of endpoints");
        free(text);
        return;
    }
    struct listing *l = text_alloc(sizeof *l);
    size_t count = json_array_size(r->json);
    *l = (struct listing){op, text, json_incref((json_t *)r->json), NULL, 1};
    l->states = text_alloc((count + 1) * sizeof *l->states);
    for (size_t i = 0; i < count && l->asked <= STATES_MAX; i++)
        if (is_wanted(l, json_array_get(r->json, i)))
            ask_state(a, l, i);
    answered_for(a, l);
}

void ari_endpoints(void *self, const struct dg_filter *req, struct dg_op *op)
{
    rest_send(self, op,
              &(struct rest_call){.path = {"endpoints"},
                                  .max_body = 64u << 20,
                                  .urgent = true,
                                  .then = on_endpoints,
                                  .arg = req->text && *req->text ? text_copy(req->text) : NULL});
}
