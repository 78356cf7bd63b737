/* backend.c - the wrappers of struct dg_backend, made from the list in the header. */
#include "plug/backend.h"

#include <string.h>

#include "base/str.h"
#include "plug/parts.h"

/* Every request begins with the id or name that it is about. */
#define X(function, request, yields)                                                               \
    void backend_##function(struct instance *in, const struct request *req, op_fn *fn, void *arg)  \
    {                                                                                              \
        const struct call_request call = {                                                         \
            .in = in,                                                                              \
            .class = CLASS_BACKEND,                                                                \
            .what = "backend." #function,                                                          \
            .subject = *(const char *const *)(const void *)req,                                    \
            .present = in->priv->backend.function != NULL,                                         \
            .kind = &yields,                                                                       \
            .fn = fn,                                                                              \
            .arg = arg,                                                                            \
        };                                                                                         \
        struct call c;                                                                             \
        struct dg_op *op = call_begin(&c, &call);                                                  \
        if (!op)                                                                                   \
            return;                                                                                \
        in->priv->backend.function(in->self, req, op);                                             \
        call_leave(&c);                                                                            \
    }
BACKEND_FUNCTIONS(X)
#undef X

bool backend_stands_in(const struct instance *in)
{
    return in->priv->backend.stand_in != NULL;
}

/* Between gateways alone: it is none of the functions that can be asked for from outside. */
void backend_stand_in(struct instance *in, const struct dg_stand_in *req, op_fn *fn, void *arg)
{
    const struct call_request call = {
        .in = in,
        .class = CLASS_BACKEND,
        .what = "backend.stand_in",
        .subject = req->node,
        .present = backend_stands_in(in),
        .kind = &op_nothing,
        .fn = fn,
        .arg = arg,
    };
    struct call c;
    struct dg_op *op = call_begin(&c, &call);
    if (!op)
        return;
    in->priv->backend.stand_in(in->self, req, op);
    call_leave(&c);
}

/* Does the table have it? -1: no such function. */
static int has_function(const struct dg_backend *table, const char *function)
{
#define X(name, request, kind)                                                                     \
    if (strcmp(function, #name) == 0)                                                              \
        return table->name != NULL;
    BACKEND_FUNCTIONS(X)
#undef X
    return -1;
}

const char *backend_refusal(const struct instance *in, const char *function, bool *never)
{
    int has = has_function(&in->priv->backend, function);
    *never = has <= 0;
    if (has < 0)
        return "there is no such function";
    if (has == 0)
        return "this backend's plugin cannot do it";
    if (in->closing)
        return "the backend is being closed";
    if (in->link != DG_LINK_UP)
        return in->link_detail ? in->link_detail : "the backend is not connected";
    return map_get(in->lacks, function);
}

const char *const backend_functions[] = {
#define X(name, request, kind) #name,
    BACKEND_FUNCTIONS(X)
#undef X
        NULL,
};

enum backend_ability backend_ability(const struct instance *in, const char *function,
                                     const char **why)
{
    const char *const *controlled = in->priv->backend.needs_control;
    bool never;
    *why = backend_refusal(in, function, &never);
    if (*why)
        return never ? BACKEND_NEVER : BACKEND_UNAVAILABLE;
    for (; controlled && *controlled; controlled++) {
        if (strcmp(*controlled, function) == 0)
            return BACKEND_CONTROLLED;
    }
    return BACKEND_WORKS;
}
