/* storage.c - the wrappers of struct dg_storage. */
#include "plug/storage.h"

#include "plug/parts.h"

/* Making tables, and filling new columns from a full store, takes its time. */
#define DECLARE_MS 600000
#define CHANGE_MS  120000
#define MANY       1000 /* documents in one write: that takes its time as well */

static struct dg_op *begin(struct call *c, struct instance *in, const char *what, bool present,
                           const char *subject, const struct op_kind *kind, uint64_t deadline_ms,
                           op_fn *fn, void *arg)
{
    const struct call_request call = {
        .in = in,
        .class = CLASS_STORAGE,
        .what = what,
        .subject = subject,
        .present = present,
        .kind = kind,
        .deadline_ms = deadline_ms,
        .fn = fn,
        .arg = arg,
    };
    return call_begin(c, &call);
}

#define BEGIN(function, subject, kind, deadline_ms)                                                \
    struct call c;                                                                                 \
    struct dg_op *op = begin(&c, in, "storage." #function, in->priv->storage.function != NULL,     \
                             subject, kind, deadline_ms, fn, arg);                                 \
    if (!op)                                                                                       \
    return

void storage_declare(struct instance *in, const struct dg_collection *list, size_t count, op_fn *fn,
                     void *arg)
{
    BEGIN(declare, NULL, &op_nothing, DECLARE_MS);
    in->priv->storage.declare(in->self, list, count, op);
    call_leave(&c);
}

void storage_get(struct instance *in, const struct dg_key *key, op_fn *fn, void *arg)
{
    BEGIN(get, key->collection, &op_doc, 0);
    in->priv->storage.get(in->self, key, op);
    call_leave(&c);
}

void storage_query(struct instance *in, const struct dg_query *query, op_fn *fn, void *arg)
{
    BEGIN(query, query->collection, &op_doc, 0);
    in->priv->storage.query(in->self, query, op);
    call_leave(&c);
}

void storage_write(struct instance *in, const struct dg_write *list, size_t count, op_fn *fn,
                   void *arg)
{
    BEGIN(write, count ? list[0].collection : NULL, &op_text, count > MANY ? CHANGE_MS : 0);
    in->priv->storage.write(in->self, list, count, op);
    call_leave(&c);
}

void storage_change(struct instance *in, const struct dg_change *req, op_fn *fn, void *arg)
{
    BEGIN(change, req->collection, &op_number, CHANGE_MS);
    in->priv->storage.change(in->self, req, op);
    call_leave(&c);
}

void storage_take(struct instance *in, const struct dg_take *req, op_fn *fn, void *arg)
{
    BEGIN(take, req->from.collection, &op_doc, 0);
    in->priv->storage.take(in->self, req, op);
    call_leave(&c);
}

void storage_tally(struct instance *in, const struct dg_tally *req, op_fn *fn, void *arg)
{
    BEGIN(tally, req->collection, &op_tally, 0);
    op_sums(op, req->sum_count);
    in->priv->storage.tally(in->self, req, op);
    call_leave(&c);
}

void storage_notify(struct instance *in, const struct dg_note *note, op_fn *fn, void *arg)
{
    BEGIN(notify, note->topic, &op_nothing, 0);
    in->priv->storage.notify(in->self, note, op);
    call_leave(&c);
}

bool storage_passes_notes(const struct instance *in)
{
    return in->priv->storage.notify != NULL;
}
