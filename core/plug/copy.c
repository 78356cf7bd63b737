/* copy.c - deep copies of what plugins hand over: items of ops, and events.
 *
 * A plugin fills structs that begin with their size. One that was compiled with
 * a later header gives more than we know: the rest is left. One that gives less
 * than version 1.0 had has forgotten DG_SIZED: NULL.
 */
#include <string.h>

#include "plug/parts.h"

/* `least`: where version 1.0 of the struct ends. */
static void *sized(struct arena *a, const void *item, size_t least, size_t ours)
{
    uint32_t size;
    memcpy(&size, item, sizeof(size));
    if (size < least)
        return NULL;
    void *copy = arena_alloc(a, ours);
    memcpy(copy, item, size < ours ? size : ours);
    return copy;
}

#define END_OF(type, last)         (offsetof(struct type, last) + sizeof(((struct type *)0)->last))
#define SIZED(a, item, type, last) sized(a, item, END_OF(type, last), sizeof(struct type))
#define TEXT(a, copy, member)      ((copy)->member = arena_strdup(a, (copy)->member))

static struct dg_bytes bytes(struct arena *a, struct dg_bytes b)
{
    /* An empty text and an absent one differ. */
    return (struct dg_bytes){b.ptr ? arena_dup(a, b.ptr, b.len) : NULL, b.ptr ? b.len : 0};
}

static const char *const *texts(struct arena *a, const char *const *list, size_t count)
{
    const char **copy = arena_alloc(a, (count + 1) * sizeof(*copy));
    for (size_t i = 0; list && i < count; i++)
        copy[i] = arena_strdup(a, list[i]);
    return copy;
}

static void *copy_text(struct arena *a, const void *item, size_t sums)
{
    (void)sums;
    return arena_strdup(a, item);
}

static void *copy_bytes(struct arena *a, const void *item, size_t sums)
{
    (void)sums;
    struct dg_bytes *copy = arena_alloc(a, sizeof(*copy));
    *copy = bytes(a, *(const struct dg_bytes *)item);
    return copy;
}

static void *copy_number(struct arena *a, const void *item, size_t sums)
{
    (void)sums;
    return arena_dup(a, item, sizeof(uint64_t));
}

static void *copy_call(struct arena *a, const void *item, size_t sums)
{
    (void)sums;
    struct dg_call *c = SIZED(a, item, dg_call, state_since_ms);
    if (!c || !c->id)
        return NULL;
    TEXT(a, c, id);
    TEXT(a, c, name);
    TEXT(a, c, endpoint);
    TEXT(a, c, caller_number);
    TEXT(a, c, caller_name);
    TEXT(a, c, callee_number);
    TEXT(a, c, connected_number);
    TEXT(a, c, bridge);
    TEXT(a, c, context);
    TEXT(a, c, extension);
    TEXT(a, c, application);
    TEXT(a, c, application_data);
    TEXT(a, c, account);
    return c;
}

static void *copy_bridge(struct arena *a, const void *item, size_t sums)
{
    (void)sums;
    struct dg_bridge *b = SIZED(a, item, dg_bridge, locked);
    if (!b || !b->id)
        return NULL;
    TEXT(a, b, id);
    TEXT(a, b, name);
    b->call_count = b->calls ? b->call_count : 0;
    b->calls = texts(a, b->calls, b->call_count);
    return b;
}

static void *copy_endpoint(struct arena *a, const void *item, size_t sums)
{
    (void)sums;
    struct dg_endpoint *e = SIZED(a, item, dg_endpoint, active_calls);
    if (!e || !e->technology || !e->resource)
        return NULL;
    TEXT(a, e, technology);
    TEXT(a, e, resource);
    TEXT(a, e, state);
    return e;
}

static void *copy_parked(struct arena *a, const void *item, size_t sums)
{
    (void)sums;
    struct dg_parked *p = SIZED(a, item, dg_parked, timeout_ms);
    if (!p || !p->call)
        return NULL;
    TEXT(a, p, call);
    TEXT(a, p, lot);
    TEXT(a, p, slot);
    return p;
}

static void *copy_queue(struct arena *a, const void *item, size_t sums)
{
    (void)sums;
    struct dg_queue *q = SIZED(a, item, dg_queue, hold_ms);
    if (!q || !q->name)
        return NULL;
    TEXT(a, q, name);
    TEXT(a, q, strategy);
    return q;
}

static void *copy_member(struct arena *a, const void *item, size_t sums)
{
    (void)sums;
    struct dg_queue_member *m = SIZED(a, item, dg_queue_member, pause_reason);
    if (!m || !m->interface)
        return NULL;
    TEXT(a, m, queue);
    TEXT(a, m, interface);
    TEXT(a, m, name);
    TEXT(a, m, state);
    TEXT(a, m, pause_reason);
    return m;
}

static void *copy_caller(struct arena *a, const void *item, size_t sums)
{
    (void)sums;
    struct dg_queue_caller *c = SIZED(a, item, dg_queue_caller, wait_ms);
    if (!c || !c->queue)
        return NULL;
    TEXT(a, c, queue);
    TEXT(a, c, call);
    TEXT(a, c, caller_number);
    TEXT(a, c, caller_name);
    return c;
}

static void *copy_recording(struct arena *a, const void *item, size_t sums)
{
    (void)sums;
    struct dg_recording *r = SIZED(a, item, dg_recording, at_ms);
    if (!r || !r->id)
        return NULL;
    TEXT(a, r, id);
    TEXT(a, r, format);
    TEXT(a, r, version);
    return r;
}

static void *copy_doc(struct arena *a, const void *item, size_t sums)
{
    (void)sums;
    struct dg_doc *d = SIZED(a, item, dg_doc, json);
    if (!d || !d->id || !d->json.ptr)
        return NULL;
    TEXT(a, d, id);
    d->json = bytes(a, d->json);
    return d;
}

static void *copy_tally(struct arena *a, const void *item, size_t sums)
{
    struct dg_tally_row *r = SIZED(a, item, dg_tally_row, sums);
    if (!r || (sums && !r->sums))
        return NULL;
    TEXT(a, r, value);
    r->sums = arena_dup(a, r->sums, sums * sizeof(*r->sums));
    return r;
}

static void *copy_identity(struct arena *a, const void *item, size_t sums)
{
    (void)sums;
    struct dg_identity *i = SIZED(a, item, dg_identity, token);
    if (!i || !i->subject)
        return NULL;
    TEXT(a, i, subject);
    TEXT(a, i, tenant);
    TEXT(a, i, role);
    TEXT(a, i, token);
    i->scope_count = i->scopes ? i->scope_count : 0;
    i->scopes = texts(a, i->scopes, i->scope_count);
    return i;
}

struct dg_event *copy_event(struct arena *a, const struct dg_event *ev)
{
    struct dg_event *e = SIZED(a, ev, dg_event, native);
    if (!e)
        return NULL;
    TEXT(a, e, call);
    TEXT(a, e, bridge);
    TEXT(a, e, target);
    TEXT(a, e, text);
    TEXT(a, e, member);
    e->native = bytes(a, e->native);
    if (e->info && !(e->info = copy_call(a, e->info, 0)))
        return NULL;
    return e;
}

const struct op_kind op_nothing = {"nothing", NULL};
const struct op_kind op_text = {"text", copy_text};
const struct op_kind op_bytes = {"bytes", copy_bytes};
const struct op_kind op_number = {"number", copy_number};
const struct op_kind op_call = {"call", copy_call};
const struct op_kind op_bridge = {"bridge", copy_bridge};
const struct op_kind op_endpoint = {"endpoint", copy_endpoint};
const struct op_kind op_parked = {"parked call", copy_parked};
const struct op_kind op_queue = {"queue", copy_queue};
const struct op_kind op_member = {"queue member", copy_member};
const struct op_kind op_caller = {"queue caller", copy_caller};
const struct op_kind op_recording = {"recording", copy_recording};
const struct op_kind op_doc = {"document", copy_doc};
const struct op_kind op_tally = {"tally row", copy_tally};
const struct op_kind op_identity = {"identity", copy_identity};
