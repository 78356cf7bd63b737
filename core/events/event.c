/* event.c - see event.h. One allocation each; the block holds the object. */
#include "events/event.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* ---- Types ---------------------------------------------------------------------- */

const struct event_type *event_type_of(const struct event_type *types, size_t count,
                                       const struct bus_event *ev)
{
    for (size_t i = 0; i < count; i++) {
        const struct event_type *t = &types[i];
        if (t->topic != ev->topic)
            continue;
        if (ev->topic == BUS_NOTICE ? str_eq(t->name, ev->type) : !t->is || t->is(ev))
            return t;
    }
    return NULL;
}

static bool fits(const char *pattern, size_t len, const char *type)
{
    if (len && pattern[len - 1] == '*')
        return strncmp(pattern, type, len - 1) == 0;
    return strlen(type) == len && memcmp(pattern, type, len) == 0;
}

bool event_type_listed(const char *list, const char *type)
{
    if (!list || str_eq(type, EVENT_GAP))
        return true;
    for (;; list++) {
        size_t len = strcspn(list, ",");
        if (fits(list, len, type))
            return true;
        list += len;
        if (!*list)
            return false;
    }
}

static bool known(const struct event_type *types, size_t count, const char *pattern, size_t len)
{
    bool open = len && pattern[len - 1] == '*';
    if (open && len > 1 && pattern[len - 2] != '.')
        return false;
    for (size_t i = 0; i < count; i++)
        if (fits(pattern, len, types[i].name))
            return true;
    return false;
}

const char *event_type_stray(const struct event_type *types, size_t count, const char *list,
                             size_t *len)
{
    for (;; list++) {
        *len = strcspn(list, ",");
        if (!known(types, count, list, *len))
            return list;
        list += *len;
        if (!*list)
            return NULL;
    }
}

/* ---- Events --------------------------------------------------------------------- */

struct event {
    atomic_uint refs;
    int64_t number;
    const char *node, *id, *type, *call_id, *campaign_id;
    struct dg_bytes json, block;
    char text[];
};

static const char *put(char **at, const char *text)
{
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    char *start = *at;
    memcpy(start, text, size);
    *at += size;
    return start;
}

static size_t room(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static struct event *make(const struct event *of, const char *place, struct dg_bytes json)
{
    size_t block = sizeof "id: \nevent: \ndata: \n\n" + strlen(place) + strlen(of->type) + json.len;
    struct event *e = xmalloc(sizeof *e + room(of->node) + room(of->id) + room(of->type) +
                              room(of->call_id) + room(of->campaign_id) + block);
    char *at = e->text;
    atomic_init(&e->refs, 1);
    e->number = of->number;
    e->node = put(&at, of->node);
    e->id = put(&at, of->id);
    e->type = put(&at, of->type);
    e->call_id = put(&at, of->call_id);
    e->campaign_id = put(&at, of->campaign_id);
    int head = snprintf(at, block, "id: %s\nevent: %s\ndata: ", place, of->type);
    memcpy(at + head, json.ptr, json.len);
    memcpy(at + head + json.len, "\n\n", 2);
    e->json = (struct dg_bytes){at + head, json.len};
    e->block = (struct dg_bytes){at, (size_t)head + json.len + 2};
    return e;
}

struct event *event_new(const char *node, int64_t number, const char *type, const char *call_id,
                        const char *campaign_id, struct dg_bytes json)
{
    char id[EVENT_ID_SIZE];
    snprintf(id, sizeof id, "%s-%" PRId64, node, number);
    const struct event of = {.number = number,
                             .node = node,
                             .id = id,
                             .type = type,
                             .call_id = call_id,
                             .campaign_id = campaign_id};
    return make(&of, id, json);
}

struct event *event_placed(const struct event *e, const char *place)
{
    return make(e, place, e->json);
}

struct event *event_ref(struct event *e)
{
    atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    return e;
}

void event_unref(void *event)
{
    struct event *e = event;
    if (e && atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1)
        free(e);
}

int64_t event_number(const struct event *e)
{
    return e->number;
}

const char *event_node(const struct event *e)
{
    return e->node;
}

const char *event_id(const struct event *e)
{
    return e->id;
}

const char *event_type(const struct event *e)
{
    return e->type;
}

const char *event_call(const struct event *e)
{
    return e->call_id;
}

const char *event_campaign(const struct event *e)
{
    return e->campaign_id;
}

struct dg_bytes event_json(const struct event *e)
{
    return e->json;
}

struct dg_bytes event_block(const struct event *e)
{
    return e->block;
}
