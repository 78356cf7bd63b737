/* gather.c - see gather.h. */
#include "domain/gather.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/calls_private.h"

struct gathering {
    struct arena *arena;
    const struct op_kind *kind;
    const char *what;
    gather_fn *fn;
    void *arg;
    size_t waiting, told;
    struct asked *asked; /* in the order of the answer, whoever is the quickest */
    size_t asked_count;
    enum dg_err err; /* why the first that failed did */
    const char *message;
};

struct asked {
    struct gathering *g;
    const char *backend;
    struct gathered *items;
    size_t count;
};

/* ---- Whom ----------------------------------------------------------------------------------- */

static bool is_able(const struct instance *in, const char *function)
{
    bool never;
    return in && !backend_refusal(in, function, &never);
}

static bool is_listed(struct instance *const *list, size_t count, const struct instance *in)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == in)
            return true;
    return false;
}

/* It sees what another one that is asked sees. */
static bool only_helps(struct calls *cs, const struct backend_view *views, size_t count,
                       const struct instance *in, const char *function)
{
    for (size_t i = 0; i < count; i++)
        if (calls_companion(cs, views[i].instance) == in && is_able(views[i].instance, function))
            return true;
    return false;
}

size_t gather_whom(struct calls *cs, const struct gather_question *q,
                   struct instance *out[GATHER_MAX])
{
    struct backend_view views[GATHER_MAX];
    size_t n = 0, count = calls_backends(cs, views, GATHER_MAX);
    count = count < GATHER_MAX ? count : GATHER_MAX;
    for (size_t i = 0; i < count; i++) {
        struct instance *in = views[i].instance;
        if (q->backend && !str_eq(in->name, q->backend))
            continue;
        if (!is_able(in, q->function))
            in = calls_companion(cs, in);
        if (!is_able(in, q->function) || is_listed(out, n, in))
            continue;
        if (q->apart || q->backend || !only_helps(cs, views, count, in, q->function))
            out[n++] = in;
    }
    return n;
}

/* Of one that could do it, were it connected or its server otherwise. */
static enum dg_err refuse_now(const struct instance *in, const char *function, struct problem *why)
{
    bool never;
    const char *refusal = backend_refusal(in, function, &never);
    if (in->link != DG_LINK_UP)
        return problem_set(why, DG_EUNAVAILABLE, "%s: %s", in->name,
                           refusal ? refusal : "the telephone system is not connected");
    return problem_set(why, DG_EUNSUPPORTED, "The backend %s cannot do %s now: %s", in->name,
                       function, refusal ? refusal : "its server does not offer it");
}

enum dg_err gather_refusal(struct calls *cs, const struct gather_question *q, struct problem *why)
{
    const struct instance *in =
        q->backend ? calls_backend_named(cs, q->backend) : calls_backend(cs);
    const struct instance *helper = in ? calls_companion(cs, in) : NULL;
    bool never = false, helper_never = true;
    if (!in && q->backend)
        return problem_set(why, DG_ENOTFOUND, "There is no backend %.80s", q->backend);
    if (!in)
        return problem_set(why, DG_EUNAVAILABLE, "The telephone system is not connected");
    backend_refusal(in, q->function, &never);
    if (!never)
        return refuse_now(in, q->function, why);
    if (helper)
        backend_refusal(helper, q->function, &helper_never);
    if (!helper_never)
        return refuse_now(helper, q->function, why);
    return problem_set(why, DG_EUNSUPPORTED,
                       "The backend %s (%s) has no %s, and no companion that has (capability %s)",
                       in->name, in->plugin->name, q->what, q->function);
}

/* ---- Asking --------------------------------------------------------------------------------- */

static void finish(void *arg)
{
    struct gathering *g = arg;
    struct gather_answer answer = {0};
    size_t count = 0;
    for (size_t i = 0; i < g->asked_count; i++)
        count += g->asked[i].count;
    struct gathered *items = arena_alloc(g->arena, (count + 1) * sizeof *items);
    for (size_t i = 0; i < g->asked_count; i++) {
        const struct asked *a = &g->asked[i];
        for (size_t n = 0; n < a->count; n++)
            items[answer.count++] = a->items[n];
    }
    answer.items = items;
    if (!g->told) {
        answer.err = g->err;
        answer.message = g->message;
    }
    g->fn(g->arg, &answer);
    arena_free(g->arena);
    free(g);
}

static void on_told(void *arg, const struct op_result *res)
{
    struct asked *a = arg;
    struct gathering *g = a->g;
    if (res->err == DG_OK) {
        g->told++;
    } else {
        log_warn("calls", "a backend does not tell", LOG_S("instance", a->backend),
                 LOG_S("what", g->what), LOG_S("why", res->message));
        if (g->err == DG_OK) {
            g->err = res->err;
            g->message = arena_strdup(g->arena, res->message);
        }
    }
    if (res->err == DG_OK && res->count)
        a->items = arena_alloc(g->arena, res->count * sizeof *a->items);
    for (size_t i = 0; a->items && i < res->count; i++)
        a->items[a->count++] =
            (struct gathered){g->kind->copy(g->arena, res->items[i], 0), a->backend};
    if (--g->waiting == 0)
        finish(g);
}

void gather(struct calls *cs, const struct gather_question *q, gather_fn *fn, void *arg)
{
    struct instance *whom[GATHER_MAX];
    size_t count = gather_whom(cs, q, whom);
    struct gathering *g = xcalloc(1, sizeof *g);
    *g = (struct gathering){.arena = arena_new(), .kind = q->kind, .what = q->what, .fn = fn};
    g->arg = arg;
    g->waiting = count;
    if (!count) {
        struct problem why = {0};
        g->err = gather_refusal(cs, q, &why);
        g->message = arena_strdup(g->arena, why.text);
        loop_call(cs->config.loop, finish, g);
        return;
    }
    const struct dg_filter filter = {.text = q->text};
    g->asked = arena_alloc(g->arena, count * sizeof *g->asked);
    g->asked_count = count;
    for (size_t i = 0; i < count; i++) { /* none answers from inside the call */
        g->asked[i] = (struct asked){.g = g, .backend = arena_strdup(g->arena, whom[i]->name)};
        q->ask(whom[i], &filter, on_told, &g->asked[i]);
    }
}
