/* journal.c - from the bus to followers and to the ring of recent events; see journal.h. */
#include "events/journal_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#define MAX_EVENT    (64u << 10) /* bytes of one; what is larger is left out, and counted */
#define MAX_BYTES    (32u << 20) /* of all in memory */
#define NUMBERS_A_MS 1000        /* so that a new run never gives a number again */

/* ---- The ring ------------------------------------------------------------------- */

struct event *journal_at(const struct journal *j, size_t i)
{
    return j->ring[(j->head + i) % j->cap];
}

size_t journal_unwritten(const struct journal *j)
{
    int64_t last = j->next - 1;
    return j->config.stored && last > j->written ? (size_t)(last - j->written) : 0;
}

void journal_show(const struct journal *j)
{
    if (!j->recent)
        return;
    metric_set(j->recent, (int64_t)j->count);
    metric_set(j->unwritten, (int64_t)journal_unwritten(j));
}

/* Those that the store has not taken by now are lost; who reads on there is told of a gap. */
static void drop_oldest(struct journal *j)
{
    struct event *e = journal_at(j, 0);
    int64_t number = event_number(e);
    if (j->config.stored && number > j->written) {
        j->written = number;
        if (j->lost)
            metric_add(j->lost, 1);
    }
    j->bytes -= event_block(e).len;
    j->head = (j->head + 1) % j->cap;
    j->count--;
    event_unref(e);
}

static void grow(struct journal *j)
{
    size_t cap = j->cap ? 2 * j->cap : 64;
    struct event **ring = xcalloc(cap, sizeof(*ring));
    for (size_t i = 0; i < j->count; i++)
        ring[i] = journal_at(j, i);
    free(j->ring);
    j->ring = ring;
    j->cap = cap;
    j->head = 0;
}

static void keep(struct journal *j, struct event *e)
{
    if (j->count == j->cap)
        grow(j);
    j->ring[(j->head + j->count++) % j->cap] = e;
    j->bytes += event_block(e).len;
    while (j->count > j->config.limits.max_recent || j->bytes > MAX_BYTES)
        drop_oldest(j);
}

/* ---- Events --------------------------------------------------------------------- */

/* Takes the reference. */
static void add(struct journal *j, struct event *e)
{
    const char *type = event_type(e);
    j->next++;
    if (j->events)
        metric_add(metric_of(j->events, &type), 1);
    event_ref(e);
    keep(j, e);
    for (size_t i = 0; i < j->follower_count; i++)
        j->followers[i].fn(j->followers[i].arg, e);
    event_unref(e);
    journal_store_soon(j);
    journal_show(j);
}

static void write_head(struct journal *j, struct json_writer *w, const char *type, int64_t at_ms)
{
    char id[EVENT_ID_SIZE];
    snprintf(id, sizeof id, "%s-%" PRId64, j->node, j->next);
    jw_object(w, NULL);
    jw_str(w, "id", id);
    jw_str(w, "type", type);
    jw_time(w, "at", at_ms);
    jw_str(w, "node", j->node);
}

static void finish(struct journal *j, struct json_writer *w, const char *type,
                   const struct bus_event *ev)
{
    struct buf *json = w->out;
    jw_end(w);
    if (!json->over)
        add(j, event_new(j->node, j->next, type, ev ? ev->call_id : NULL,
                         ev ? ev->campaign_id : NULL, (struct dg_bytes){json->ptr, json->len}));
    else
        log_warn("events", "an event is too large and is left out", LOG_S("type", type));
    buf_free(json);
}

/* What the event's own object says is said there; the rest comes from the event. */
static void add_members(struct json_writer *w, const struct bus_event *ev)
{
    json_t *all = ev->json ? json_parse(ev->json, strlen(ev->json), 16, NULL) : NULL;
    const char *name;
    json_t *value;
    if (ev->call_id && !json_object_get(all, "call_id"))
        jw_str(w, "call_id", ev->call_id);
    if (ev->campaign_id && !json_object_get(all, "campaign_id"))
        jw_str(w, "campaign_id", ev->campaign_id);
    json_object_foreach(all, name, value) jw_jansson(w, name, value);
    json_decref(all);
}

static void on_bus(void *arg, const struct bus_event *ev)
{
    struct journal *j = arg;
    const struct event_type *t = event_type_of(j->config.types, j->config.type_count, ev);
    struct buf json;
    struct json_writer w;
    if (!t)
        return;
    buf_init(&json, MAX_EVENT);
    jw_init(&w, &json);
    write_head(j, &w, t->name, ev->at_ms);
    if (t->render && ev->campaign_id)
        jw_str(&w, "campaign_id", ev->campaign_id);
    if (t->render)
        t->render(&w, ev);
    else
        add_members(&w, ev);
    finish(j, &w, t->name, ev);
}

void journal_add_gap(struct journal *j)
{
    struct buf json;
    struct json_writer w;
    char after[EVENT_ID_SIZE];
    snprintf(after, sizeof after, "%s-%" PRId64, j->node, j->before_run);
    buf_init(&json, MAX_EVENT);
    jw_init(&w, &json);
    write_head(j, &w, EVENT_GAP, clock_unix_ms());
    jw_str(&w, "after", after);
    jw_str(&w, "reason", "the gateway ended without writing its last events down");
    finish(j, &w, EVENT_GAP, NULL);
}

/* ---- Followers and readers ------------------------------------------------------ */

void journal_follow(struct journal *j, journal_fn *fn, void *arg)
{
    j->followers = xrealloc(j->followers, (j->follower_count + 1) * sizeof *j->followers);
    j->followers[j->follower_count++] = (struct follower){fn, arg};
}

void journal_unfollow(struct journal *j, journal_fn *fn, void *arg)
{
    size_t kept = 0;
    for (size_t i = 0; i < j->follower_count; i++)
        if (j->followers[i].fn != fn || j->followers[i].arg != arg)
            j->followers[kept++] = j->followers[i];
    j->follower_count = kept;
}

const char *journal_node(const struct journal *j)
{
    return j->node;
}

int64_t journal_newest(const struct journal *j)
{
    return j->next - 1;
}

int journal_recent(struct journal *j, int64_t after, struct event **out, size_t max)
{
    int64_t oldest = j->next - (int64_t)j->count;
    size_t given = 0;
    if (after + 1 < oldest)
        return -1;
    for (size_t i = (size_t)(after + 1 - oldest); i < j->count && given < max; i++)
        out[given++] = event_ref(journal_at(j, i));
    return (int)given;
}

int64_t journal_skip(const struct journal *j, int64_t after, bool *gap)
{
    int64_t oldest = j->next - (int64_t)j->count;
    *gap = after + 1 < oldest && (oldest != j->run_first || after != j->before_run);
    return after + 1 < oldest ? oldest - 1 : after;
}

/* ---- Beginning and end ---------------------------------------------------------- */

static void add_metrics(struct journal *j, struct metrics *m)
{
    const struct metric_family_info events = {.kind = METRIC_COUNTER,
                                              .name = "dialgate_events_total",
                                              .help = "Events of the live stream, by type.",
                                              .labels = {"type"}};
    const struct metric_family_info plain[] = {
        {METRIC_GAUGE, "dialgate_events_recent", "Events in memory.", {0}, 0, 0},
        {METRIC_GAUGE, "dialgate_events_unwritten", "Events not in the store yet.", {0}, 0, 0},
        {METRIC_COUNTER,
         "dialgate_events_lost_total",
         "Events that the store did not take in time; readers who need them are told of a gap.",
         {0},
         0,
         0},
        {METRIC_COUNTER,
         "dialgate_events_write_failures_total",
         "Writes of events that failed and are tried again.",
         {0},
         0,
         0},
    };
    struct metric **out[] = {&j->recent, &j->unwritten, &j->lost, &j->failures};
    if (!m)
        return;
    j->events = metrics_family(m, &events);
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        *out[i] = metric_plain(metrics_family(m, &plain[i]));
}

struct journal *journal_new(const struct journal_config *config, op_fn *fn, void *arg)
{
    struct journal *j = xcalloc(1, sizeof *j);
    j->config = *config;
    j->node = xstrdup(config->node);
    j->ready_fn = fn;
    j->ready_arg = arg;
    j->next = clock_unix_ms() * NUMBERS_A_MS;
    j->written = j->next - 1;
    add_metrics(j, config->metrics);
    bus_subscribe(config->bus, on_bus, j);
    journal_store_open(j);
    return j;
}

void journal_set(struct journal *j, const struct journal_limits *limits)
{
    j->config.limits = *limits;
    while (j->count > limits->max_recent)
        drop_oldest(j);
    journal_show(j);
}

void journal_close(struct journal *j, dg_fn *fn, void *arg)
{
    bus_unsubscribe(j->config.bus, on_bus, j);
    j->closed_fn = fn;
    j->closed_arg = arg;
    journal_store_close(j);
}

void journal_free(struct journal *j)
{
    dg_fn *fn = j->closed_fn;
    void *arg = j->closed_arg;
    while (j->count)
        drop_oldest(j);
    free(j->ring);
    free(j->followers);
    free(j->node);
    free(j);
    fn(arg);
}
