/* lists.c - what there is now: legs, bridges, endpoints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ami.h"
#include "asterisk/device.h"
#include "asterisk/text.h"
#include "snapshot.h"

/* The events of a list, until it is complete. */
struct listing {
    char *text; /* what to look for, or NULL */
    struct message **entries;
    size_t count, size;
    struct message **bridges; /* bridges() asks for two lists */
    size_t bridge_count;
    bool unseen; /* one of our calls was answered while we did not look */
    uint64_t link_since_ms;
};

static bool matches(const char *text, const char *id, const char *name)
{
    return !text || !*text || (id && strstr(id, text)) || (name && strstr(name, text));
}

static struct listing *listing_new(const struct ami *a, const char *text)
{
    struct listing *l = text_alloc(sizeof *l);
    l->text = text_copy(text);
    l->link_since_ms = a->link.up_since_ms;
    return l;
}

static void free_entries(struct message **entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
}

static void listing_free(struct listing *l)
{
    free_entries(l->entries, l->count);
    free_entries(l->bridges, l->bridge_count);
    free(l->text);
    free(l);
}

static void keep(struct listing *l, const struct message *event)
{
    if (l->count == l->size) {
        l->size = l->size ? l->size * 2 : 64;
        l->entries = realloc(l->entries, l->size * sizeof *l->entries);
        if (!l->entries)
            abort();
    }
    l->entries[l->count++] = message_copy(event);
}

static void on_entry(struct ami *a, struct dg_op *op, const struct message *event, void *arg)
{
    (void)a;
    (void)op;
    keep(arg, event);
}

/* ---- Legs -------------------------------------------------------------------------------- */

/* "00:01:05", as long as the channel has been there. */
static int64_t duration_ms(const char *text)
{
    int hours = 0, minutes = 0, seconds = 0;
    if (!text || sscanf(text, "%9d:%2d:%2d", &hours, &minutes, &seconds) != 3)
        return 0;
    return ((int64_t)hours * 3600 + minutes * 60 + seconds) * 1000;
}

static void take_call(struct ami *a, struct listing *l, const struct message *event)
{
    struct snapshot s;
    snapshot_read(&s, event, "");
    bool known = s.call.id && legs_find(&a->events.life.legs, s.call.id);
    struct leg *leg = life_adopt(&a->events.life, &s.call);
    const char *bridge = message_text(event, "BridgeId");
    if (!leg)
        return;
    text_set(&leg->bridge, bridge && *bridge ? bridge : NULL);
    text_set(&leg->application, s.call.application);
    text_set(&leg->application_data, s.call.application_data);
    /* A command that runs an application is shown as that one. */
    leg->controlled =
        (text_same(s.call.application, "AGI") && text_same(s.call.application_data, "agi:async")) ||
        (leg->controlled && agi_is_busy(a, leg->id));
    if (!leg->started_at_ms)
        leg->started_at_ms = a->h->unix_ms(a->h) - duration_ms(message_text(event, "Duration"));
    l->unseen |= !known && leg->fate.answered && text_is_uuid(leg->id);
}

static void on_call(struct ami *a, struct dg_op *op, const struct message *event, void *arg)
{
    (void)op;
    keep(arg, event);
    take_call(a, arg, event);
}

static void give_calls(struct ami *a, struct dg_op *op, struct listing *l)
{
    for (size_t i = 0; i < l->count; i++) {
        struct snapshot s;
        snapshot_read(&s, l->entries[i], "");
        const struct leg *leg = life_known(&a->events.life, s.call.id);
        if (!leg || !matches(l->text, s.call.id, s.call.name))
            continue;
        life_complete(&s.call, leg);
        a->h->item(op, &s.call);
    }
    a->h->done(op);
}

static void end_calls(struct ami *a, struct dg_op *op, struct listing *l)
{
    /* With the link all that is known of legs goes: a list without them would be a wrong one. */
    if (a->link.state == LINK_UP && a->link.up_since_ms == l->link_since_ms)
        give_calls(a, op, l);
    else
        a->h->fail(op, DG_EUNAVAILABLE, "the link was lost meanwhile");
    listing_free(l);
}

/* "Variable: CDR(answer,u)=1795263407.070678"; Asterisk keeps a CDR of every channel unless that is
 * switched off. */
static void on_answer_time(struct ami *a, struct dg_op *op, const struct message *event, void *arg)
{
    static const char name[] = "CDR(answer,u)=";
    const char *id = message_text(event, "Uniqueid"), *value = message_text(event, "Variable");
    struct leg *leg = id ? legs_find(&a->events.life.legs, id) : NULL;
    (void)op;
    (void)arg;
    if (!leg || leg->answered_at_ms || !value || strncmp(value, name, sizeof name - 1) != 0)
        return;
    double seconds = strtod(value + sizeof name - 1, NULL);
    if (seconds > 1 && seconds < 1e11)
        leg->answered_at_ms = (int64_t)(seconds * 1000);
}

static void on_answer_times(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    (void)r;
    end_calls(a, op, arg);
}

/* The core would end the calls that are not in the list. */
static bool is_whole(const struct listing *l, const struct message *end)
{
    const char *items = message_text(end, "ListItems");
    return items && strtoul(items, NULL, 10) == l->count;
}

static void on_calls(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct listing *l = arg;
    if (r->err) {
        session_fail(a, op, r);
        listing_free(l);
        return;
    }
    if (!is_whole(l, r->message)) {
        a->h->fail(op, DG_EUPSTREAM, "the list of channels is not complete");
        listing_free(l);
        return;
    }
    agi_listed(a);
    if (l->unseen) {
        session_send(a, op,
                     &(struct request){.action = "Status",
                                       .lines = {{"Variables", "CDR(answer,u)"}},
                                       .entry = on_answer_time,
                                       .then = on_answer_times,
                                       .arg = l});
    } else {
        end_calls(a, op, l);
    }
}

void ami_calls(void *self, const struct dg_filter *req, struct dg_op *op)
{
    session_send(self, op,
                 &(struct request){.action = "CoreShowChannels",
                                   .entry = on_call,
                                   .then = on_calls,
                                   .arg = listing_new(self, req->text)});
}

/* ---- Bridges ------------------------------------------------------------------------------- */

struct group {
    struct entry entry; /* by the bridge's id */
    const struct message *bridge;
    const char **calls;
    size_t count, size;
};

static void group_add(struct group *g, const char *call)
{
    if (g->count == g->size) {
        g->size = g->size ? g->size * 2 : 4;
        g->calls = realloc(g->calls, g->size * sizeof *g->calls);
        if (!g->calls)
            abort();
    }
    g->calls[g->count++] = call;
}

static struct group *groups_of(struct table *t, const struct listing *l)
{
    struct group *groups = text_alloc((l->bridge_count + 1) * sizeof *groups);
    for (size_t i = 0; i < l->bridge_count; i++) {
        const char *id = message_text(l->bridges[i], "BridgeUniqueid");
        if (!id || table_find(t, id))
            continue;
        groups[i].bridge = l->bridges[i];
        groups[i].entry = (struct entry){.key = id, .owner = &groups[i]};
        table_put(t, &groups[i].entry);
    }
    for (size_t i = 0; i < l->count; i++) {
        struct group *g = table_find(t, message_text(l->entries[i], "BridgeId"));
        const char *call = message_text(l->entries[i], "Uniqueid");
        if (g && call)
            group_add(g, call);
    }
    return groups;
}

static void give_bridges(struct ami *a, struct dg_op *op, const struct listing *l)
{
    struct table by_id = {0};
    struct group *groups = groups_of(&by_id, l);
    for (size_t i = 0; i < l->bridge_count; i++) {
        const struct group *g = &groups[i];
        struct dg_bridge bridge = {DG_SIZED(struct dg_bridge), .calls = g->calls,
                                   .call_count = g->count};
        if (g->bridge) {
            bridge.id = g->entry.key;
            bridge.name = message_text(g->bridge, "BridgeName");
            if (matches(l->text, bridge.id, bridge.name))
                a->h->item(op, &bridge);
        }
        free(groups[i].calls);
    }
    free(groups);
    table_free(&by_id);
}

static void on_bridge_calls(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct listing *l = arg;
    if (r->err) {
        session_fail(a, op, r);
    } else {
        give_bridges(a, op, l);
        a->h->done(op);
    }
    listing_free(l);
}

static void on_bridges(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct listing *l = arg;
    if (r->err) {
        session_fail(a, op, r);
        listing_free(l);
        return;
    }
    l->bridges = l->entries;
    l->bridge_count = l->count;
    l->entries = NULL;
    l->count = l->size = 0;
    session_send(
        a, op,
        &(struct request){
            .action = "CoreShowChannels", .entry = on_entry, .then = on_bridge_calls, .arg = l});
}

void ami_bridges(void *self, const struct dg_filter *req, struct dg_op *op)
{
    session_send(self, op,
                 &(struct request){.action = "BridgeList",
                                   .entry = on_entry,
                                   .then = on_bridges,
                                   .arg = listing_new(self, req->text)});
}

/* ---- Endpoints ------------------------------------------------------------------------------ */

struct count {
    const char *name; /* "8001" */
    uint32_t legs;
};

/* "PJSIP/8001-0000002a" is one of 8001's. */
static void count_leg(void *arg, void *owner)
{
    struct count *c = arg;
    const struct leg *leg = owner;
    const char *at = leg->name && strncmp(leg->name, "PJSIP/", 6) == 0 ? leg->name + 6 : "";
    size_t len = strlen(c->name);
    c->legs += strncmp(at, c->name, len) == 0 && strrchr(at, '-') == at + len;
}

/* "2", or of Asterisk 16 nothing: then those that it has told of. */
static uint32_t active_calls(struct ami *a, const char *told, const char *name, const char *state)
{
    struct count count = {.name = name};
    if (told && *told)
        return (uint32_t)strtoul(told, NULL, 10);
    if (name && device_is_there(state) && !text_same(state, "not in use"))
        table_each(&a->events.life.legs.by_id, count_leg, &count);
    return count.legs;
}

static void give_endpoint(struct ami *a, struct dg_op *op, const struct message *event,
                          const char *text)
{
    const char *state = device_state(message_text(event, "DeviceState"));
    const char *name = message_text(event, "ObjectName");
    const char *contacts = message_text(event, "Contacts");
    struct dg_endpoint endpoint = {
        DG_SIZED(struct dg_endpoint),
        .technology = "PJSIP",
        .resource = name,
        .registered = contacts && *contacts,
        .available = device_is_there(state),
        .state = state,
        .active_calls = active_calls(a, message_text(event, "ActiveChannels"), name, state),
    };
    struct text whole = {0};
    text_puts(&whole, "PJSIP/");
    text_puts(&whole, name ? name : "");
    if (name && matches(text, whole.at, NULL))
        a->h->item(op, &endpoint);
    text_free(&whole);
}

static void on_endpoints(struct ami *a, struct dg_op *op, const struct reply *r, void *arg)
{
    struct listing *l = arg;
    /* That there are none is told as an error. */
    bool none = r->err == DG_EUPSTREAM && strstr(r->words, "No endpoints");
    if (r->err && !none) {
        session_fail(a, op, r);
    } else {
        for (size_t i = 0; i < l->count; i++)
            give_endpoint(a, op, l->entries[i], l->text);
        a->h->done(op);
    }
    listing_free(l);
}

void ami_endpoints(void *self, const struct dg_filter *req, struct dg_op *op)
{
    session_send(self, op,
                 &(struct request){.action = "PJSIPShowEndpoints",
                                   .entry = on_entry,
                                   .then = on_endpoints,
                                   .arg = listing_new(self, req->text)});
}
