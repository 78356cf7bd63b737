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
    AT_ONCE = 8,       /* questions of one list: calls wait in the same line */
    STATE_MS = 5000,
    STATES_MS = 8000, /* for all of them; likewise */
};

struct listing {
    struct dg_op *op;
    char *text; /* or NULL */
    json_t *endpoints;
    const char **states; /* of those that told one, by their place in the list */
    size_t next;         /* place that is to be asked about */
    size_t asked;        /* in all */
    size_t open;         /* answers that are still to come, and one for the listing itself */
    uint64_t until_ms;
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
    if (--l->open)
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

static void ask_next(struct ari *a, struct listing *l);

static void on_state(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    struct question *q = arg;
    struct listing *l = q->listing;
    (void)op;
    if (!r->err && json_text(r->json, "state"))
        l->states[q->place] = device_state(json_text(r->json, "state"));
    if (!r->status) /* nobody answers, or too many wait already: the rest is guessed */
        l->asked = STATES_MAX;
    free(q);
    ask_next(a, l);
    answered_for(a, l);
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
    rest_send(a, NULL,
              &(struct rest_call){.path = {"deviceStates", device.at},
                                  .timeout_ms = STATE_MS,
                                  .then = on_state,
                                  .arg = q});
    text_free(&device);
}

/* `then` may be called before rest_send returns: it must find the listing complete. */
static void ask_next(struct ari *a, struct listing *l)
{
    size_t count = json_array_size(l->endpoints);
    while (l->next < count && !is_wanted(l, json_array_get(l->endpoints, l->next)))
        l->next++;
    if (l->next >= count || l->asked >= STATES_MAX || a->h->now_ms(a->h) >= l->until_ms)
        return;
    l->asked++;
    l->open++;
    ask_state(a, l, l->next++);
}

/* Takes `text` and `endpoints` over. */
static void ask_states(struct ari *a, struct dg_op *op, char *text, json_t *endpoints)
{
    struct listing *l = text_alloc(sizeof *l);
    *l = (struct listing){.op = op, .text = text, .endpoints = endpoints, .open = 1};
    l->states = text_alloc((json_array_size(endpoints) + 1) * sizeof *l->states);
    l->until_ms = a->h->now_ms(a->h) + STATES_MS;
    for (size_t i = 0; i < AT_ONCE; i++)
        ask_next(a, l);
    answered_for(a, l);
}

static void on_endpoints(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    char *text = arg;
    if (!r->err && json_is_array(r->json)) {
        ask_states(a, op, text, json_incref((json_t *)r->json));
        return;
    }
    if (r->err)
        rest_fail(a, op, r);
    else
        a->h->fail(op, DG_EUPSTREAM, "ARI gives no list of endpoints");
    free(text);
}

static void on_one(struct ari *a, struct dg_op *op, const struct rest_reply *r, void *arg)
{
    (void)arg;
    json_t *list = json_array();
    if (!r->err && json_array_append(list, (json_t *)r->json) == 0) {
        ask_states(a, op, NULL, list);
        return;
    }
    json_decref(list);
    if (r->err == DG_ENOTFOUND)
        a->h->done(op);
    else if (r->err)
        rest_fail(a, op, r);
    else
        a->h->fail(op, DG_EUPSTREAM, "ARI does not tell of the endpoint");
}

/* "PJSIP/100" */
static void ask_one(struct ari *a, const char *name, struct dg_op *op)
{
    const char *slash = strchr(name, '/');
    struct text technology = {0};
    text_add(&technology, name, (size_t)(slash - name));
    rest_send(a, op,
              &(struct rest_call){.path = {"endpoints", technology.at, slash + 1}, .then = on_one});
    text_free(&technology);
}

void ari_endpoints(void *self, const struct dg_filter *req, struct dg_op *op)
{
    const char *text = req->text ? req->text : "", *slash = strchr(text, '/');
    if (slash && slash != text && slash[1])
        ask_one(self, text, op);
    else
        rest_send(self, op,
                  &(struct rest_call){.path = {"endpoints"},
                                      .max_body = 64u << 20,
                                      .urgent = true,
                                      .then = on_endpoints,
                                      .arg = *text ? text_copy(text) : NULL});
}
