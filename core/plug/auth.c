/* auth.c - the wrappers of struct dg_auth. Nothing of a request is traced: it is secret. */
#include "plug/auth.h"

#include "plug/parts.h"

#define X(function, yields)                                                                        \
    void provider_##function(struct instance *in, const struct dg_credentials *c, op_fn *fn,       \
                             void *arg)                                                            \
    {                                                                                              \
        const struct call_request request = {                                                      \
            .in = in,                                                                              \
            .class = CLASS_AUTH,                                                                   \
            .what = "auth." #function,                                                             \
            .present = in->priv->auth.function != NULL,                                            \
            .kind = &yields,                                                                       \
            .fn = fn,                                                                              \
            .arg = arg,                                                                            \
        };                                                                                         \
        struct call call;                                                                          \
        struct dg_op *op = call_begin(&call, &request);                                            \
        if (!op)                                                                                   \
            return;                                                                                \
        in->priv->auth.function(in->self, c, op);                                                  \
        call_leave(&call);                                                                         \
    }

X(check, op_identity)
X(issue, op_identity)
X(revoke, op_nothing)
