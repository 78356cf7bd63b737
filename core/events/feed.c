/* feed.c - gateways, and what comes from them; see feed.h. */
#include "events/feed_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#define POLL_MS      2000 /* between looks that no note has asked for */
#define LOOK_RECORDS 2    /* at once */
#define WARN_MS      60000
/* A gateway that was not known when others were asked where they are has started since then. Its
 * numbers are of its start; clocks may differ a little. */
#define CLOCKS_DIFFER_MS 60000
#define NUMBERS_A_MS     1000

static void warn(struct feed *f, const char *text, const char *node, const char *why)
{
    uint64_t now = clock_ms();
    if (f->warned_ms && now - f->warned_ms < WARN_MS)
        return;
    f->warned_ms = now;
    log_warn("events", text, LOG_S("node", node), LOG_S("why", why));
}

/* ---- Origins -------------------------------------------------------------------- */

struct origin *feed_origin(struct feed *f, const char *node)
{
    for (size_t i = 0; i < f->origin_count; i++)
        if (str_eq(f->origins[i]->name, node))
            return f->origins[i];
    return NULL;
}

/* NULL: there is no room for it. */
static struct origin *origin_add(struct feed *f, const char *name)
{
    if (f->origin_count == PLACE_NODES || strlen(name) >= PLACE_NODE_SIZE) {
        warn(f, "events of a gateway are not followed", name, "there are too many");
        return NULL;
    }
    struct origin *o = xcalloc(1, sizeof *o);
    o->feed = f;
    snprintf(o->name, sizeof o->name, "%s", name);
    f->origins[f->origin_count++] = o;
    return o;
}

static void forget_others(struct feed *f)
{
    while (f->origin_count > 1) {
        struct origin *o = f->origins[--f->origin_count];
        o->feed = NULL;
        if (!o->reading)
            free(o);
    }
}

static void failed(struct origin *o, const char *why)
{
    struct feed *f = o->feed;
    if (f->failures)
        metric_add(f->failures, 1);
    warn(f, "events of another gateway cannot be read now", o->name, why);
}

/* false: it is gone. */
static bool came_back(struct origin *o)
{
    o->reading = false;
    if (o->feed)
        return true;
    free(o);
    return false;
}

/* ---- What is new of them ------------------------------------------------------------ */

static void take_record(struct origin *o, const struct dg_doc *doc)
{
    struct feed *f = o->feed;
    struct event_record record;
    if (!event_record_read(doc, o->name, o->seen, &record))
        return;
    if (record.gap)
        feed_line_gap(f, o, o->seen, record.first);
    o->fresh = false;
    for (size_t i = 0; i < record.count; i++)
        feed_line_add(f, o, record.events[i]);
    if (f->received)
        metric_add(f->received, (int64_t)record.count);
    if (o->seen < record.last)
        o->seen = record.last;
    event_record_free(&record);
}

static void on_records(void *arg, const struct op_result *res)
{
    struct origin *o = arg;
    if (!came_back(o))
        return;
    if (res->err != DG_OK) {
        failed(o, res->message);
        return;
    }
    for (size_t i = 0; i < res->count; i++)
        take_record(o, res->items[i]);
    if (o->again || res->count == LOOK_RECORDS)
        feed_look(o);
    feed_pages_go_on(o->feed);
}

static void find_newest(struct origin *o);

void feed_look(struct origin *o)
{
    if (o->own)
        return;
    if (o->reading) {
        o->again = true;
        return;
    }
    if (!o->placed) {
        find_newest(o);
        return;
    }
    o->reading = true;
    o->again = false;
    event_records_after(o->feed->config.store, o->name, o->fresh ? o->start : o->seen, LOOK_RECORDS,
                        on_records, o);
}

/* ---- Where they are ------------------------------------------------------------------ */

static void on_poll(void *arg);

static void opened(struct feed *f)
{
    f->state = FEED_OPEN;
    if (f->config.names)
        f->poll = loop_timer(f->config.loop, POLL_MS, on_poll, f);
    for (size_t i = 0; i < f->origin_count; i++)
        if (f->origins[i]->again)
            feed_look(f->origins[i]);
    feed_pages_go_on(f);
}

static void open_when_all_answered(struct feed *f)
{
    for (size_t i = 0; i < f->origin_count; i++)
        if (f->origins[i]->reading)
            return;
    opened(f);
}

static void on_newest(void *arg, const struct op_result *res)
{
    struct origin *o = arg;
    struct event_record record;
    if (!came_back(o))
        return;
    struct feed *f = o->feed;
    const struct dg_doc *doc = op_first(res, struct dg_doc);
    if (res->err != DG_OK) {
        failed(o, res->message);
    } else {
        bool any = doc && event_record_read(doc, o->name, INT64_MAX - 1, &record);
        o->placed = true;
        o->fresh = !any;
        o->seen = o->base = any ? record.last : 0;
        if (any && f->state == FEED_OPEN) /* it could not be followed until now */
            feed_line_gap(f, o, 0, o->seen + 1);
    }
    if (f->state == FEED_OPENING)
        open_when_all_answered(f);
    else if (o->again)
        feed_look(o);
}

static void find_newest(struct origin *o)
{
    o->reading = true;
    o->again = false;
    event_records_newest(o->feed->config.store, o->name, on_newest, o);
}

static void meet(void *arg, const char *name)
{
    struct feed *f = arg;
    struct origin *o = feed_origin(f, name) ? NULL : origin_add(f, name);
    if (!o)
        return;
    if (f->state == FEED_OPENING) {
        find_newest(o);
        return;
    }
    o->placed = o->fresh = true;
    o->start = (f->opened_at_ms - CLOCKS_DIFFER_MS) * NUMBERS_A_MS;
    feed_look(o);
}

static void on_poll(void *arg)
{
    struct feed *f = arg;
    f->poll = loop_timer(f->config.loop, POLL_MS, on_poll, f);
    f->config.names(f->config.names_arg, meet, f);
    for (size_t i = 0; i < f->origin_count; i++)
        feed_look(f->origins[i]);
}

static void on_note(void *arg, const char *name)
{
    struct feed *f = arg;
    if (f->state == FEED_RESTING)
        return;
    if (name && !feed_origin(f, name)) {
        meet(f, name);
        return;
    }
    for (size_t i = 0; i < f->origin_count; i++)
        if (!name || str_eq(f->origins[i]->name, name))
            feed_look(f->origins[i]);
}

void feed_open(struct feed *f)
{
    struct origin *own = f->origins[0];
    if (f->state != FEED_RESTING)
        return;
    f->state = FEED_OPENING;
    f->opened_at_ms = clock_unix_ms();
    own->seen = own->base = journal_newest(f->config.journal);
    if (f->config.names)
        f->config.names(f->config.names_arg, meet, f);
    open_when_all_answered(f);
}

void feed_rest(struct feed *f)
{
    if (f->state != FEED_OPEN)
        return;
    f->state = FEED_RESTING;
    loop_timer_stop(f->config.loop, f->poll);
    f->poll = NULL;
    feed_line_clear(f);
    forget_others(f);
}

/* ---- Followers, beginning, end ---------------------------------------------------------- */

static void on_own(void *arg, struct event *e)
{
    struct feed *f = arg;
    if (f->state != FEED_RESTING)
        feed_line_add(f, f->origins[0], e);
}

void feed_follow(struct feed *f, feed_fn *fn, void *arg)
{
    f->followers = xrealloc(f->followers, (f->follower_count + 1) * sizeof *f->followers);
    f->followers[f->follower_count++] = (struct feed_follower){fn, arg};
}

void feed_unfollow(struct feed *f, feed_fn *fn, void *arg)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->follower_count; i++)
        if (f->followers[i].fn != fn || f->followers[i].arg != arg)
            f->followers[kept++] = f->followers[i];
    f->follower_count = kept;
}

static void add_metrics(struct feed *f, struct metrics *m)
{
    static const struct metric_family_info infos[] = {
        {.kind = METRIC_COUNTER,
         .name = "dialgate_events_received_total",
         .help = "Events of other gateways, read from the store for readers here."},
        {.kind = METRIC_COUNTER,
         .name = "dialgate_events_read_failures_total",
         .help = "Attempts to read other gateways' events that failed."},
        {.kind = METRIC_COUNTER,
         .name = "dialgate_events_gaps_total",
         .help = "Places where events of another gateway are missing; readers are told of them."},
    };
    struct metric **out[] = {&f->received, &f->failures, &f->gaps};
    for (size_t i = 0; m && i < sizeof infos / sizeof *infos; i++)
        *out[i] = metric_plain(metrics_family(m, &infos[i]));
}

struct feed *feed_new(const struct feed_config *config)
{
    struct feed *f = xcalloc(1, sizeof *f);
    f->config = *config;
    f->next = 1;
    list_init(&f->readings);
    if (!config->stored)
        f->config.names = NULL;
    struct origin *own = origin_add(f, journal_node(config->journal));
    own->own = own->placed = true;
    add_metrics(f, config->metrics);
    journal_follow(config->journal, on_own, f);
    if (f->config.names)
        notes_subscribe(config->notes, NOTE_EVENTS, on_note, f);
    return f;
}

void feed_free(struct feed *f)
{
    feed_pages_end(f);
    if (f->config.names)
        notes_unsubscribe(f->config.notes, NOTE_EVENTS, on_note, f);
    journal_unfollow(f->config.journal, on_own, f);
    loop_timer_stop(f->config.loop, f->poll);
    feed_line_clear(f);
    forget_others(f);
    free(f->origins[0]);
    free(f->followers);
    free(f->ring);
    free(f);
}
