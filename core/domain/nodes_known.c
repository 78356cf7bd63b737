/* nodes_known.c - the picture of the gateways on the store: what their documents said when they
 * were last looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/nodes_private.h"

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

bool node_name_ok(const char *name)
{
    return !str_empty(name) && strlen(name) <= NODE_NAME_MAX && str_only(name, NAME_CHARS);
}

static const char *const state_names[] = {[NODE_RUNNING] = "running",
                                          [NODE_STOPPED] = "stopped",
                                          [NODE_ADOPTING] = "adopting",
                                          [NODE_DEAD] = "dead"};

const char *node_state_name(enum node_state state)
{
    return state_names[state];
}

static enum node_state state_of(const char *text)
{
    for (int i = 0; i <= NODE_DEAD; i++) {
        if (str_eq(state_names[i], text))
            return (enum node_state)i;
    }
    return NODE_DEAD;
}

/* ---- The picture ------------------------------------------------------------------- */

void node_record_free(void *value)
{
    struct node_record *r = value;
    free(r->name);
    free(r->node.version);
    free(r->node.backends);
    free(r->node.adopter);
    free(r);
}

static char *text_of(const json_t *json, const char *key, const char *fallback)
{
    const char *text = json_get_str(json, key);
    return xstrdup(text ? text : fallback);
}

void nodes_take_in(struct nodes *n, const char *name, const json_t *json)
{
    struct node_record *r = xcalloc(1, sizeof *r), *old;
    struct node *node = &r->node;
    const char *run = json_get_str(json, "run");
    r->name = xstrdup(name);
    node->name = r->name;
    snprintf(node->run, sizeof node->run, "%s", run ? run : "");
    node->state = state_of(json_get_str(json, "state"));
    node->started_at_ms = json_get_int(json, "started_at", 0);
    node->seen_at_ms = json_get_int(json, "seen_at", 0);
    node->calls = json_get_int(json, "calls", 0);
    node->version = text_of(json, "version", "");
    node->backends = text_of(json, "backends", "[]");
    node->adopter = text_of(json, "adopter", "");
    node->self = str_eq(name, n->config.name);
    old = map_set(n->known, name, r);
    if (old)
        node_record_free(old);
}

static bool fresh(const struct nodes *n, const struct node *node)
{
    return nodes_store_ms(n) - node->seen_at_ms < (int64_t)n->config.dead_after_ms;
}

static bool judge(const struct nodes *n, const struct node *node)
{
    if (node->self)
        return n->phase == PHASE_RUNNING;
    return node->state == NODE_RUNNING && fresh(n, node);
}

const struct node *nodes_find(const struct nodes *n, const char *name)
{
    struct node_record *r = name ? map_get(n->known, name) : NULL;
    if (!r)
        return NULL;
    r->node.alive = judge(n, &r->node);
    return &r->node;
}

bool nodes_alive(const struct nodes *n, const char *name)
{
    const struct node *node = nodes_find(n, name);
    return node && node->alive;
}

struct names {
    const char **list;
    size_t count;
};

static void add_name(void *arg, const char *name, void *value)
{
    struct names *names = arg;
    (void)value;
    names->list[names->count++] = name;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void nodes_each(const struct nodes *n, node_fn *fn, void *arg)
{
    struct names names = {.list = xcalloc(map_len(n->known) + 1, sizeof(char *))};
    map_each(n->known, add_name, &names);
    qsort(names.list, names.count, sizeof *names.list, by_name);
    for (int others = 0; others <= 1; others++) {
        for (size_t i = 0; i < names.count; i++) {
            if (str_eq(names.list[i], n->config.name) == !others)
                fn(arg, nodes_find(n, names.list[i]));
        }
    }
    free(names.list);
}
