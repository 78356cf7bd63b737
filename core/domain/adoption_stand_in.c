/* adoption_stand_in.c - what a server tells the application of a gateway that died comes to who
 * has its calls, until the last of them has ended or that gateway is back. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/adoption_private.h"

struct stand_in {
    struct link link;
    char *node;
    char *instance;        /* by name: it may be closed, and another one opened in its place */
    struct instance *told; /* held; NULL: nobody yet */
};

static void on_told(void *arg, const struct op_result *res)
{
    (void)arg;
    if (res->err != DG_OK && res->err != DG_EUNAVAILABLE)
        log_warn("nodes", "the events for a gateway that is gone are not to be had",
                 LOG_S("why", res->message));
}

static void tell(struct instance *in, const char *node, bool on)
{
    const struct dg_stand_in req = {.node = node, .on = on};
    if (backend_stands_in(in))
        backend_stand_in(in, &req, on_told, NULL);
}

/* The instance of that name that is connected now; once. */
static void tell_on(struct stand_in *s, struct instance *in)
{
    if (!in || in == s->told || in->link != DG_LINK_UP)
        return;
    if (s->told)
        instance_let_go(s->told);
    s->told = instance_hold(in);
    tell(in, s->node, true);
}

static void tell_off(struct stand_in *s)
{
    if (s->told && s->told->link == DG_LINK_UP)
        tell(s->told, s->node, false);
}

static struct stand_in *find(struct adoption *a, const char *node, const char *instance)
{
    for (struct link *i = a->stand_ins.next; i != &a->stand_ins; i = i->next) {
        struct stand_in *s = list_item(i, struct stand_in, link);
        if (str_eq(s->node, node) && str_eq(s->instance, instance))
            return s;
    }
    return NULL;
}

void adoption_stand_in(struct adoption *a, const char *node, struct instance *in)
{
    struct stand_in *s = find(a, node, in->name);
    if (!s) {
        s = xcalloc(1, sizeof *s);
        s->node = xstrdup(node);
        s->instance = xstrdup(in->name);
        list_append(&a->stand_ins, &s->link);
    }
    tell_on(s, in);
}

static void drop(struct stand_in *s)
{
    list_remove(&s->link);
    if (s->told)
        instance_let_go(s->told);
    free(s->node);
    free(s->instance);
    free(s);
}

struct search {
    const struct stand_in *s;
    bool found;
};

static void is_one(void *arg, const char *id, void *value)
{
    struct search *search = arg;
    const struct call *c = value;
    (void)id;
    search->found |=
        str_eq(c->adopted_from, search->s->node) && str_eq(c->backend, search->s->instance);
}

void adoption_stand_ins(struct adoption *a)
{
    for (struct link *i = a->stand_ins.next, *next; i != &a->stand_ins; i = next) {
        struct stand_in *s = list_item(i, struct stand_in, link);
        struct search search = {.s = s};
        next = i->next;
        map_each(a->config.calls->live, is_one, &search);
        if (search.found && !nodes_alive(a->config.nodes, s->node)) {
            tell_on(s, calls_backend_named(a->config.calls, s->instance));
        } else {
            tell_off(s);
            drop(s);
        }
    }
}

void adoption_stand_ins_free(struct adoption *a)
{
    while (!list_empty(&a->stand_ins))
        drop(list_item(a->stand_ins.next, struct stand_in, link));
}
