/* endpoints.c - see endpoints.h. Who asks while the backends are being asked gets the same answer,
 * and so does who asks within a second. */
#include "domain/endpoints.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/str.h"
#include "loop/loop.h"

#define FRESH_MS 1000

struct waiter {
    struct link link;
    gather_fn *fn;
    void *arg;
};

/* The last list of a backend, or of all of them. */
struct listed {
    struct link link;
    struct endpoints *es;
    char *backend; /* NULL: all */
    struct arena *arena;
    struct gather_answer answer;
    uint64_t at_ms; /* 0: there is none, or it is outdated */
    struct link waiting;
    bool looking, outdated; /* outdated: something has changed since they were asked */
    struct loop_timer *answering;
};

struct endpoints {
    struct loop *loop;
    struct calls *calls;
    struct link lists;
    size_t looking;
    bool freed; /* goes when nobody is being asked any more */
};

static const struct gather_question question = {
    .function = "endpoints", .ask = backend_endpoints, .kind = &op_endpoint, .what = "endpoints"};

/* ---- The list ---------------------------------------------------------------------------------
 */

static struct listed *list_of(struct endpoints *es, const char *backend)
{
    for (struct link *i = es->lists.next; i != &es->lists; i = i->next) {
        struct listed *l = list_item(i, struct listed, link);
        if (str_eq(l->backend, backend) || (!l->backend && !backend))
            return l;
    }
    struct listed *l = xcalloc(1, sizeof *l);
    l->es = es;
    l->backend = backend ? xstrdup(backend) : NULL;
    list_init(&l->waiting);
    list_append(&es->lists, &l->link);
    return l;
}

static void list_free(struct listed *l)
{
    loop_timer_stop(l->es->loop, l->answering);
    list_remove(&l->link);
    arena_free(l->arena);
    free(l->backend);
    free(l);
}

static void tell(struct listed *l)
{
    const struct gather_answer answer = l->answer;
    struct link now;
    list_init(&now);
    while (!list_empty(&l->waiting)) { /* who asks from inside waits for the next answer */
        struct link *first = l->waiting.next;
        list_remove(first);
        list_append(&now, first);
    }
    while (!list_empty(&now)) {
        struct waiter *w = list_item(now.next, struct waiter, link);
        list_remove(&w->link);
        w->fn(w->arg, &answer);
        free(w);
    }
}

static void on_fresh(void *arg)
{
    struct listed *l = arg;
    l->answering = NULL;
    if (!l->looking)
        tell(l);
}

static void keep(struct listed *l, const struct gather_answer *answer)
{
    arena_free(l->arena);
    l->arena = arena_new();
    struct gathered *items = arena_alloc(l->arena, (answer->count + 1) * sizeof *items);
    l->answer = (struct gather_answer){
        .err = answer->err, .message = arena_strdup(l->arena, answer->message), .items = items};
    for (size_t i = 0; i < answer->count; i++) {
        const struct gathered *g = &answer->items[i];
        if (g->item)
            items[l->answer.count++] = (struct gathered){question.kind->copy(l->arena, g->item, 0),
                                                         arena_strdup(l->arena, g->backend)};
    }
    l->at_ms = answer->err != DG_OK || l->outdated ? 0 : clock_ms();
}

static void release(struct endpoints *es)
{
    while (!list_empty(&es->lists))
        list_free(list_item(es->lists.next, struct listed, link));
    free(es);
}

static void on_gathered(void *arg, const struct gather_answer *answer)
{
    struct listed *l = arg;
    struct endpoints *es = l->es;
    keep(l, answer);
    l->looking = false;
    tell(l);
    /* Of backends that are not there, whatever names clients think of, nothing is left. */
    if (l->answer.err != DG_OK && !l->looking)
        list_free(l);
    if (--es->looking == 0 && es->freed)
        release(es);
}

static void look(struct listed *l)
{
    struct gather_question whom = question;
    whom.backend = l->backend;
    l->looking = true;
    l->outdated = false;
    l->es->looking++;
    gather(l->es->calls, &whom, on_gathered, l);
}

void endpoints_list(struct endpoints *es, const char *backend, gather_fn *fn, void *arg)
{
    struct listed *l = list_of(es, backend);
    struct waiter *w = xcalloc(1, sizeof *w);
    *w = (struct waiter){.fn = fn, .arg = arg};
    list_append(&l->waiting, &w->link);
    if (l->looking)
        return;
    if (!l->at_ms || clock_ms() - l->at_ms >= FRESH_MS)
        look(l);
    else if (!l->answering)
        l->answering = loop_timer(es->loop, 0, on_fresh, l);
}

void endpoints_changed(struct endpoints *es)
{
    if (!es)
        return;
    for (struct link *i = es->lists.next; i != &es->lists; i = i->next) {
        struct listed *l = list_item(i, struct listed, link);
        l->at_ms = 0;
        l->outdated = l->looking;
    }
}

/* ---- One --------------------------------------------------------------------------------------
 */

void endpoints_find(struct endpoints *es, const char *name, const char *backend, gather_fn *fn,
                    void *arg)
{
    struct gather_question one = question;
    one.text = name;
    one.backend = backend;
    gather(es->calls, &one, fn, arg);
}

/* ---- Coming and going -------------------------------------------------------------------------
 */

struct endpoints *endpoints_new(struct loop *loop, struct calls *calls)
{
    struct endpoints *es = xcalloc(1, sizeof *es);
    es->loop = loop;
    es->calls = calls;
    list_init(&es->lists);
    return es;
}

void endpoints_free(struct endpoints *es)
{
    if (!es)
        return;
    es->freed = true;
    if (!es->looking)
        release(es);
}
