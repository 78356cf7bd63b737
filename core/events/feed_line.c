/* feed_line.c - the newest events of all gateways as they came here; see feed.h.
 *
 * It only has to reach from one page of a reader to the next: what is older is
 * in the journal's memory or in the store.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "events/feed_private.h"

#define MAX_COUNT 4096
#define MAX_BYTES (8u << 20)

struct entry *feed_line_at(const struct feed *f, size_t i)
{
    return &f->ring[(f->head + i) % f->cap];
}

static void drop_oldest(struct feed *f)
{
    struct entry *n = feed_line_at(f, 0);
    n->origin->base = event_number(n->event);
    f->bytes -= event_block(n->event).len;
    f->head = (f->head + 1) % f->cap;
    f->count--;
    event_unref(n->event);
}

void feed_line_clear(struct feed *f)
{
    while (f->count)
        drop_oldest(f);
}

static void grow(struct feed *f)
{
    size_t cap = f->cap ? 2 * f->cap : 64;
    struct entry *ring = xcalloc(cap, sizeof *ring);
    for (size_t i = 0; i < f->count; i++)
        ring[i] = *feed_line_at(f, i);
    free(f->ring);
    f->ring = ring;
    f->cap = cap;
    f->head = 0;
}

static void keep(struct feed *f, struct origin *o, struct event *e)
{
    if (f->count == f->cap)
        grow(f);
    f->ring[(f->head + f->count++) % f->cap] = (struct entry){event_ref(e), o};
    f->bytes += event_block(e).len;
    while (f->count > MAX_COUNT || f->bytes > MAX_BYTES)
        drop_oldest(f);
}

bool feed_several(const struct feed *f)
{
    size_t placed = 0;
    for (size_t i = 0; i < f->origin_count; i++)
        placed += f->origins[i]->placed;
    return placed > 1;
}

static struct event *with_place(const struct feed *f, const struct origin *o, struct event *e)
{
    struct place place = {0};
    char text[PLACE_TEXT_SIZE];
    if (!feed_several(f))
        return event_ref(e);
    for (size_t i = 0; i < f->origin_count; i++)
        if (f->origins[i]->placed)
            place_set(&place, f->origins[i]->name, f->origins[i]->seen);
    place_text(&place, o->name, text);
    return event_placed(e, text);
}

void feed_line_add(struct feed *f, struct origin *o, struct event *e)
{
    o->seen = event_number(e);
    struct event *told = with_place(f, o, e);
    keep(f, o, told);
    int64_t sequence = f->next++;
    for (size_t i = 0; i < f->follower_count; i++)
        f->followers[i].fn(f->followers[i].arg, told, sequence);
    event_unref(told);
}

void feed_line_gap(struct feed *f, struct origin *o, int64_t after, int64_t before)
{
    struct buf json;
    struct json_writer w;
    char text[EVENT_ID_SIZE];
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    snprintf(text, sizeof text, "%s-%" PRId64, o->name, before - 1);
    jw_str(&w, "id", text);
    jw_str(&w, "type", EVENT_GAP);
    jw_time(&w, "at", clock_unix_ms());
    jw_str(&w, "node", o->name);
    snprintf(text, sizeof text, "%s-%" PRId64, o->name, after);
    jw_str(&w, "after", after ? text : NULL);
    jw_str(&w, "reason", "events of that gateway were not written, or are not there any more");
    jw_end(&w);
    struct event *e = event_new(o->name, before - 1, EVENT_GAP, NULL, NULL,
                                (struct dg_bytes){json.ptr, json.len});
    buf_free(&json);
    if (f->gaps)
        metric_add(f->gaps, 1);
    feed_line_add(f, o, e);
    event_unref(e);
}
