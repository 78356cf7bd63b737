/* feed_page.c - pages of events for a reader that begins or comes back; see feed.h.
 *
 * A reading goes from one gateway to the next: where the reader is behind what
 * the line holds of a gateway, its events come from the journal's memory or the
 * store. When he is not behind any more, the rest is taken from the line.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/str.h"
#include "events/feed_private.h"

#define PATIENCE_MS 2000 /* for events that the reader has and this gateway has not read yet */

#define UNKNOWN "unknown"
#define EXPIRED "expired"

struct reading {
    struct link link;
    struct feed *feed; /* NULL: it was answered */
    bool busy;         /* somebody will come back to it */
    bool from_now, checked, out_of_patience;
    struct place place;
    const char *gap;
    char node[PLACE_NODE_SIZE]; /* whose events are being read */
    struct event *events[FEED_PAGE];
    size_t count;
    struct loop_timer *patience;
    feed_page_fn *fn;
    void *arg;
};

static void step(struct reading *r);

/* ---- Answering ------------------------------------------------------------------- */

static void answer(struct reading *r, enum dg_err err, const char *message, bool last)
{
    struct feed *f = r->feed;
    const struct feed_page page = {.err = err,
                                   .message = message,
                                   .gap = r->gap,
                                   .events = r->events,
                                   .count = r->count,
                                   .after = r->place,
                                   .last = last,
                                   .sequence = f->next - 1};
    list_remove(&r->link);
    loop_timer_stop(f->config.loop, r->patience);
    r->feed = NULL;
    r->fn(r->arg, &page);
    for (size_t i = 0; i < r->count; i++)
        event_unref(r->events[i]);
    if (!r->busy)
        free(r);
}

/* false: it was answered meanwhile. */
static bool came_back(struct reading *r)
{
    r->busy = false;
    if (r->feed)
        return true;
    free(r);
    return false;
}

static void missing(struct reading *r, const char *why)
{
    if (!r->gap)
        r->gap = why;
}

static void add(struct reading *r, struct event *e)
{
    char text[PLACE_TEXT_SIZE];
    place_set(&r->place, event_node(e), event_number(e));
    if (r->place.count > 1) {
        place_text(&r->place, event_node(e), text);
        r->events[r->count++] = event_placed(e, text);
    } else {
        r->events[r->count++] = event_ref(e);
    }
}

/* ---- What is in the store ------------------------------------------------------------- */

/* Nothing is there behind the place: the reader goes on where the line, or the memory, begins. */
static void skip(struct reading *r)
{
    struct feed *f = r->feed;
    const struct origin *o = feed_origin(f, r->node);
    int64_t *at = place_number(&r->place, r->node);
    bool gap = false;
    if (!o) {
        place_forget(&r->place, r->node);
        return;
    }
    if (o->own) {
        *at = journal_skip(f->config.journal, *at, &gap);
    } else {
        gap = *at < o->base;
        *at = gap ? o->base : *at;
    }
    if (gap)
        missing(r, EXPIRED);
}

static void on_records(void *arg, const struct op_result *res)
{
    struct reading *r = arg;
    struct event_record record;
    const struct dg_doc *doc = op_first(res, struct dg_doc);
    if (!came_back(r))
        return;
    int64_t *at = place_number(&r->place, r->node);
    if (res->err != DG_OK) {
        answer(r, res->err, res->message, false);
        return;
    }
    if (!doc || !event_record_read(doc, r->node, *at, &record)) {
        skip(r);
        step(r);
        return;
    }
    if (record.gap)
        missing(r, EXPIRED);
    for (size_t i = 0; i < record.count; i++)
        add(r, record.events[i]);
    *at = record.last;
    event_record_free(&record);
    answer(r, DG_OK, NULL, false);
}

static void read_stored(struct reading *r, const char *node, int64_t after)
{
    struct feed *f = r->feed;
    size_t i = 0;
    for (; node[i] && i < sizeof r->node - 1; i++)
        r->node[i] = node[i];
    r->node[i] = '\0';
    if (!f->config.stored) {
        skip(r);
        step(r);
        return;
    }
    r->busy = true;
    event_records_after(f->config.store, r->node, after, 1, on_records, r);
}

static void read_own(struct reading *r, int64_t after)
{
    struct journal *j = r->feed->config.journal;
    struct event *events[FEED_PAGE];
    int count = journal_recent(j, after, events, FEED_PAGE);
    if (count < 0) {
        read_stored(r, journal_node(j), after);
        return;
    }
    for (int i = 0; i < count; i++) {
        add(r, events[i]);
        event_unref(events[i]);
    }
    answer(r, DG_OK, NULL, false);
}

/* ---- What is in the line ----------------------------------------------------------------- */

static void read_line(struct reading *r)
{
    struct feed *f = r->feed;
    for (size_t i = 0; i < f->count; i++) {
        const struct entry *n = feed_line_at(f, i);
        const int64_t *at = place_number(&r->place, n->origin->name);
        if (at && event_number(n->event) <= *at)
            continue;
        if (r->count == FEED_PAGE) {
            answer(r, DG_OK, NULL, false);
            return;
        }
        add(r, n->event);
    }
    answer(r, DG_OK, NULL, true);
}

/* ---- The place ------------------------------------------------------------------------------ */

static void begin_now(struct reading *r)
{
    struct feed *f = r->feed;
    for (size_t i = 0; i < f->origin_count; i++)
        if (f->origins[i]->placed)
            place_set(&r->place, f->origins[i]->name, f->origins[i]->seen);
    answer(r, DG_OK, NULL, true);
}

/* A place names all gateways that there were: what it leaves out begins now, and may have been. */
static void check(struct reading *r)
{
    struct feed *f = r->feed;
    r->checked = true;
    for (size_t i = 0; i < f->origin_count; i++) {
        const struct origin *o = f->origins[i];
        if (!o->placed || place_number(&r->place, o->name))
            continue;
        place_set(&r->place, o->name, o->seen);
        if (o->own || !o->fresh)
            missing(r, UNKNOWN);
    }
}

static void on_patience(void *arg)
{
    struct reading *r = arg;
    r->patience = NULL;
    r->out_of_patience = true;
    if (!r->busy)
        step(r);
}

/* Events of another gateway that the reader has been given there may not be here yet. true: they
 * are waited for. */
static bool is_ahead(struct reading *r)
{
    struct feed *f = r->feed;
    bool ahead = false;
    for (size_t i = 0; i < f->origin_count; i++) {
        struct origin *o = f->origins[i];
        int64_t *at = place_number(&r->place, o->name);
        if (!at || !o->placed || *at <= o->seen)
            continue;
        if (o->own || r->out_of_patience) { /* of no run that is known */
            *at = o->seen;
            missing(r, EXPIRED);
            continue;
        }
        ahead = true;
        feed_look(o);
    }
    if (ahead && !r->patience)
        r->patience = loop_timer(f->config.loop, PATIENCE_MS, on_patience, r);
    return ahead;
}

/* true: events from before the line are needed, and are being read. */
static bool is_behind(struct reading *r)
{
    struct feed *f = r->feed;
    for (size_t i = 0; i < r->place.count; i++) {
        const struct place_node *at = &r->place.at[i];
        const struct origin *o = feed_origin(f, at->node);
        if (o && (!o->placed || at->number >= o->base))
            continue;
        if (o && o->own)
            read_own(r, at->number);
        else
            read_stored(r, at->node, at->number);
        return true;
    }
    return false;
}

static void step(struct reading *r)
{
    struct feed *f = r->feed;
    if (f->state == FEED_RESTING)
        feed_open(f); /* which comes back here */
    else if (f->state == FEED_OPENING)
        return;
    else if (r->from_now)
        begin_now(r);
    else {
        if (!r->checked)
            check(r);
        if (!is_ahead(r) && !is_behind(r))
            read_line(r);
    }
}

/* ---- From outside ---------------------------------------------------------------------------- */

static void on_begun(void *arg)
{
    struct reading *r = arg;
    if (came_back(r))
        step(r);
}

void feed_next(struct feed *f, const struct place *after, feed_page_fn *fn, void *arg)
{
    struct reading *r = xcalloc(1, sizeof *r);
    r->feed = f;
    r->from_now = !after;
    if (after)
        r->place = *after;
    r->fn = fn;
    r->arg = arg;
    r->busy = true;
    list_append(&f->readings, &r->link);
    loop_call(f->config.loop, on_begun, r);
}

void feed_pages_go_on(struct feed *f)
{
    for (struct link *i = f->readings.next, *next; i != &f->readings; i = next) {
        struct reading *r = list_item(i, struct reading, link);
        next = i->next;
        if (!r->busy)
            step(r);
    }
}

void feed_pages_end(struct feed *f)
{
    while (!list_empty(&f->readings))
        answer(list_item(f->readings.next, struct reading, link), DG_EUNAVAILABLE,
               "the gateway is stopping", false);
}
