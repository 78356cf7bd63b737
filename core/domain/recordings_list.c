/* recordings_list.c - all recordings, newest first. Who asks while the backends are being asked
 * gets the same answer, and so does who asks within a second: a folder of many thousands is not
 * read for each request. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "domain/recordings_private.h"

#define FRESH_MS 1000

struct waiter {
    struct link link;
    recordings_fn *fn;
    void *arg;
};

struct recording recording_of(const struct dg_recording *r, const char *backend)
{
    return (struct recording){.name = r->id,
                              .backend = backend,
                              .format = r->format,
                              .version = r->version,
                              .told = recording_name_read(r->id),
                              .bytes = r->bytes,
                              .duration_ms = r->duration_ms,
                              .at_ms = r->at_ms};
}

/* Newest first; what is as old by its name and its backend, so that the order is always one. */
static int newest_first(const void *a, const void *b)
{
    const struct recording *x = a, *y = b;
    int64_t mine = recording_created_ms(x), other = recording_created_ms(y);
    if (mine != other)
        return mine > other ? -1 : 1;
    int names = strcmp(y->name, x->name);
    return names ? names : strcmp(y->backend, x->backend);
}

static int by_name(const void *a, const void *b)
{
    const struct recording *x = a, *y = b;
    int backends = strcmp(x->backend, y->backend), names = strcmp(x->name, y->name);
    if (backends || names)
        return backends ? backends : names;
    return x->at_ms > y->at_ms ? -1 : x->at_ms < y->at_ms;
}

/* The same name of the same backend is one recording, in whatever formats: as it was written to
 * last, so that it is not too old before the last of them is. */
static size_t without_twins(struct recording *list, size_t count)
{
    size_t n = 0;
    qsort(list, count, sizeof *list, by_name);
    for (size_t i = 0; i < count; i++)
        if (!n || !str_eq(list[n - 1].name, list[i].name) ||
            !str_eq(list[n - 1].backend, list[i].backend))
            list[n++] = list[i];
    return n;
}

void recordings_drop_list(struct recordings *rs)
{
    arena_free(rs->last.arena);
    rs->last = (struct inventory){0};
}

void recordings_changed(struct recordings *rs)
{
    if (!rs)
        return;
    rs->last.at_ms = 0;
    rs->outdated = rs->looking;
}

static void tell(struct recordings *rs)
{
    const struct recordings_answer answer = {.err = rs->last.err,
                                             .message = rs->last.message,
                                             .list = rs->last.list,
                                             .count = rs->last.count};
    struct link now;
    list_init(&now);
    while (!list_empty(&rs->waiting)) { /* who asks from inside waits for the next answer */
        struct link *l = rs->waiting.next;
        list_remove(l);
        list_append(&now, l);
    }
    while (!list_empty(&now)) {
        struct waiter *w = list_item(now.next, struct waiter, link);
        list_remove(&w->link);
        w->fn(w->arg, &answer);
        free(w);
    }
}

static void take(struct inventory *in, const struct gathered *g)
{
    const struct dg_recording *r = g->item;
    if (!r || recording_name_refusal(r->id))
        return;
    struct recording *one = &in->list[in->count++];
    *one = recording_of(r, arena_strdup(in->arena, g->backend));
    one->name = arena_strdup(in->arena, r->id);
    one->format = arena_strdup(in->arena, r->format);
    one->version = NULL;
}

static void on_gathered(void *arg, const struct gather_answer *answer)
{
    struct recordings *rs = arg;
    recordings_drop_list(rs);
    rs->looking = false;
    struct inventory *in = &rs->last;
    in->arena = arena_new();
    in->err = answer->err;
    in->message = arena_strdup(in->arena, answer->message);
    in->at_ms = rs->outdated ? 0 : clock_ms();
    in->list = arena_alloc(in->arena, (answer->count + 1) * sizeof *in->list);
    for (size_t i = 0; i < answer->count; i++)
        take(in, &answer->items[i]);
    in->count = without_twins(in->list, in->count);
    qsort(in->list, in->count, sizeof *in->list, newest_first);
    tell(rs);
    recordings_over(rs);
}

static void on_fresh(void *arg)
{
    struct recordings *rs = arg;
    rs->answering = NULL;
    if (!rs->looking)
        tell(rs);
}

static void look(struct recordings *rs)
{
    const struct gather_question question = {.function = "recordings",
                                             .ask = backend_recordings,
                                             .kind = &op_recording,
                                             .what = "recordings",
                                             .apart = true};
    rs->looking = true;
    rs->outdated = false;
    rs->active++;
    gather(rs->config.calls, &question, on_gathered, rs);
}

void recordings_list(struct recordings *rs, recordings_fn *fn, void *arg)
{
    struct waiter *w = xcalloc(1, sizeof *w);
    *w = (struct waiter){.fn = fn, .arg = arg};
    list_append(&rs->waiting, &w->link);
    if (rs->looking)
        return;
    if (!rs->last.at_ms || rs->last.err != DG_OK || clock_ms() - rs->last.at_ms >= FRESH_MS)
        look(rs);
    else if (!rs->answering)
        rs->answering = loop_timer(rs->config.loop, 0, on_fresh, rs);
}
