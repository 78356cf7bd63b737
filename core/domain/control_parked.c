/* control_parked.c - who is parked: every open backend's server is asked, by a
 * companion where the backend itself cannot tell. Several may see one server.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/str.h"
#include "domain/control_private.h"

#define ASKED_MAX 32

struct gathering {
    struct control *ct;
    struct arena *arena;
    parked_fn *fn;
    void *arg;
    size_t waiting, told;
    struct parked_call *calls;
    size_t count, size;
    enum dg_err err; /* why the first that failed did */
    const char *message;
};

/* One backend that is asked. */
struct source {
    struct gathering *g;
    const char *backend;
    struct instance *in;
};

static bool is_there(const struct gathering *g, const struct dg_parked *p)
{
    for (size_t i = 0; i < g->count; i++) {
        const struct dg_parked *other = g->calls[i].shown;
        if (str_eq(other->call, p->call) && str_eq(other->lot, p->lot) &&
            str_eq(other->slot, p->slot))
            return true;
    }
    return false;
}

static void take(struct gathering *g, const struct source *s, const struct dg_parked *p)
{
    if (is_there(g, p))
        return;
    if (g->count == g->size) {
        g->size = g->size ? g->size * 2 : 16;
        g->calls = xrealloc(g->calls, g->size * sizeof *g->calls);
    }
    g->calls[g->count++] = (struct parked_call){op_parked.copy(g->arena, p, 0), s->backend};
}

static void gathered(struct gathering *g)
{
    struct parked_answer answer = {.calls = g->calls, .count = g->count};
    if (!g->told) {
        answer.err = g->err;
        answer.message = g->message;
    }
    g->fn(g->arg, &answer);
    free(g->calls);
    arena_free(g->arena);
    free(g);
}

/* Why the active one, asked first, cannot tell says most; but being unable to park at all says
 * less than any failure. */
static void keep_failure(struct gathering *g, const struct source *s, const struct op_result *res)
{
    if (res->err != DG_EUNSUPPORTED)
        log_warn("calls", "a backend's parked calls are not known", LOG_S("instance", s->backend),
                 LOG_S("why", res->message));
    if (g->err != DG_OK && (g->err != DG_EUNSUPPORTED || res->err == DG_EUNSUPPORTED))
        return;
    g->err = res->err;
    g->message = res->err == DG_EUNSUPPORTED
                     ? "The backend cannot park calls, and has no companion that can"
                     : arena_strdup(g->arena, res->message);
}

static void on_told(void *arg, const struct op_result *res)
{
    struct source *s = arg;
    struct gathering *g = s->g;
    if (res->err == DG_OK)
        g->told++;
    else
        keep_failure(g, s, res);
    for (size_t i = 0; res->err == DG_OK && i < res->count; i++)
        take(g, s, res->items[i]);
    if (--g->waiting == 0)
        gathered(g);
}

static void on_list(void *arg, const struct op_result *res)
{
    struct source *s = arg;
    struct calls *cs = s->g->ct->calls;
    struct instance *in = calls_backend_named(cs, s->backend);
    struct instance *helper = in ? calls_companion(cs, in) : NULL;
    const struct dg_filter all = {0};
    if (res->err == DG_EUNSUPPORTED && helper)
        backend_parked(helper, &all, on_told, s);
    else
        on_told(s, res);
}

static bool helps_another(const struct control *ct, const struct backend_view *views, size_t count,
                          const struct instance *in)
{
    for (size_t i = 0; i < count; i++) {
        if (calls_companion(ct->calls, views[i].instance) == in)
            return true;
    }
    return false;
}

/* A companion is asked for whom it helps; one that is away is asked only if it is the active one,
 * to hear why. */
static bool is_asked(const struct control *ct, const struct backend_view *views, size_t count,
                     size_t number)
{
    const struct backend_view *v = &views[number];
    if (number == 0)
        return true;
    return v->instance->link == DG_LINK_UP &&
           (v->role != BACKEND_STANDBY || !helps_another(ct, views, count, v->instance));
}

void control_parked(struct control *ct, parked_fn *fn, void *arg)
{
    struct backend_view views[ASKED_MAX];
    struct source *asked[ASKED_MAX];
    size_t count = calls_backends(ct->calls, views, ASKED_MAX);
    struct gathering *g = xcalloc(1, sizeof *g);
    const struct dg_filter all = {0};
    *g = (struct gathering){.ct = ct, .arena = arena_new(), .fn = fn, .arg = arg};
    for (size_t i = 0; i < count; i++) {
        if (!is_asked(ct, views, count, i))
            continue;
        struct source *s = asked[g->waiting++] = arena_alloc(g->arena, sizeof *s);
        s->g = g;
        s->backend = arena_strdup(g->arena, views[i].instance->name);
        s->in = views[i].instance;
    }
    for (size_t i = 0, n = g->waiting; i < n; i++) /* none answers from inside the call */
        backend_parked(asked[i]->in, &all, on_list, asked[i]);
}
