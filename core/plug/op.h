/* op.h - one asynchronous request that somebody waits for: struct dg_op.
 *
 * The asker begins it and is called back exactly once, on a later turn of the
 * loop: with what the plugin said, or with DG_ETIMEOUT when the deadline has
 * passed. The plugin ends it exactly once; ending it twice is a bug of the
 * plugin's that is logged with its name and has no effect. An op that was
 * answered by its deadline is kept until the plugin has ended it.
 *
 * Items are copied when the plugin hands them over, by the op's kind.
 */
#ifndef PLUG_OP_H
#define PLUG_OP_H

#include "base/mem.h"
#include "dialgate/auth.h"
#include "dialgate/backend.h"
#include "dialgate/storage.h"

struct instance;

struct op_result {
    enum dg_err err;
    const char *message;      /* why; NULL when err is DG_OK */
    const void *const *items; /* of the op's kind; lent for the callback */
    size_t count;
};

/* `res` is lent for the call. [loop thread] */
typedef void op_fn(void *arg, const struct op_result *res);

/* What an op yields: how an item is copied into an arena. NULL copy: it yields nothing.
 * copy returns NULL for an item that lacks what it must have. `sums` is op_sums's. */
struct op_kind {
    const char *name;
    void *(*copy)(struct arena *a, const void *item, size_t sums);
};
extern const struct op_kind op_nothing, op_text, op_bytes, op_number, op_call, op_bridge,
    op_endpoint, op_parked, op_queue, op_member, op_caller, op_recording, op_doc, op_tally,
    op_identity;

/* The first item as its type, or NULL. */
#define op_first(res, type) ((res)->count ? (const type *)(res)->items[0] : NULL)

/* For the wrappers: `what` names the function ("backend.originate"), a constant. */
struct dg_op *op_begin(struct instance *in, const struct op_kind *kind, const char *what,
                       uint64_t deadline_ms, op_fn *fn, void *arg);
/* How many sums a dg_tally_row of this op has. */
void op_sums(struct dg_op *op, size_t sums);
/* An op that is refused before the plugin is asked; fn comes on a later turn as always. */
void op_refuse(struct instance *in, const char *what, op_fn *fn, void *arg, enum dg_err err,
               const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* What the host offers to plugins. On another thread than the loop's they are refused and logged.
 */
void op_item(struct dg_op *op, const void *item);
void op_done(struct dg_op *op);
void op_fail(struct dg_op *op, enum dg_err err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
