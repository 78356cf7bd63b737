/* readers.c - from the feed to every HTTP thread that has readers.
 *
 * What happens within a tick goes to a thread as one message, and from there to
 * each of its readers in one write: however much happens, a reader costs no
 * more than a write per tick. The events themselves are shared.
 */
#include <stdlib.h>

#include "api/events/private.h"
#include "base/clock.h"
#include "base/mem.h"

#define TICK_MS    40
#define BEAT_MS    1000
#define IDLE_BEATS 30 /* without a reader until the feed rests: many come back at once */

struct batch {
    struct port_msg msg;
    struct reader_thread *thread;
    size_t count; /* 0: a beat */
    struct reader_event events[];
};

/* ---- On the HTTP thread --------------------------------------------------------- */

static void on_batch(struct port_msg *msg)
{
    struct batch *b = list_item(msg, struct batch, msg);
    const uint64_t now = clock_ms();
    struct link *head = &b->thread->readers;
    for (struct link *i = head->next; i != head; i = i->next) {
        struct reader *r = list_item(i, struct reader, link);
        for (size_t n = 0; n < b->count; n++)
            reader_offer(r, &b->events[n]);
        if (b->count)
            reader_flush(r);
        else
            reader_beat(r, now);
    }
    for (size_t n = 0; n < b->count; n++)
        event_unref(b->events[n].event);
    free(b);
}

bool readers_enter(struct readers *rs, struct reader *r)
{
    struct reader_thread *t = &rs->threads[request_thread(r->req)];
    if (atomic_fetch_add(&rs->count, 1) >= atomic_load(&rs->max_readers)) {
        atomic_fetch_sub(&rs->count, 1);
        return false;
    }
    atomic_fetch_add(&t->count, 1);
    list_append(&t->readers, &r->link);
    metric_add(rs->open, 1);
    return true;
}

void readers_leave(struct readers *rs, struct reader *r)
{
    struct reader_thread *t = &rs->threads[request_thread(r->req)];
    list_remove(&r->link);
    atomic_fetch_sub(&t->count, 1);
    atomic_fetch_sub(&rs->count, 1);
    metric_add(rs->open, -1);
}

/* ---- On the control thread ------------------------------------------------------ */

static void send_to(struct reader_thread *t, const struct reader_event *events, size_t count)
{
    struct batch *b = xcalloc(1, sizeof *b + count * sizeof *b->events);
    b->msg.fn = on_batch;
    b->thread = t;
    b->count = count;
    for (size_t i = 0; i < count; i++)
        b->events[i] = (struct reader_event){event_ref(events[i].event), events[i].sequence};
    if (port_post(t->port, &b->msg))
        return;
    for (size_t i = 0; i < count; i++)
        event_unref(b->events[i].event);
    free(b);
}

static void send_all(struct readers *rs, const struct reader_event *events, size_t count)
{
    for (unsigned i = 0; i < rs->thread_count; i++) {
        struct reader_thread *t = &rs->threads[i];
        if (t->port && atomic_load(&t->count))
            send_to(t, events, count);
    }
}

static void on_tick(void *arg)
{
    struct readers *rs = arg;
    rs->tick = NULL;
    send_all(rs, rs->fresh, rs->fresh_count);
    for (size_t i = 0; i < rs->fresh_count; i++)
        event_unref(rs->fresh[i].event);
    rs->fresh_count = 0;
}

static void on_event(void *arg, struct event *e, int64_t sequence)
{
    struct readers *rs = arg;
    if (!atomic_load(&rs->count))
        return;
    if (rs->fresh_count == rs->fresh_cap) {
        rs->fresh_cap = rs->fresh_cap ? 2 * rs->fresh_cap : 64;
        rs->fresh = xrealloc(rs->fresh, rs->fresh_cap * sizeof(*rs->fresh));
    }
    rs->fresh[rs->fresh_count++] = (struct reader_event){event_ref(e), sequence};
    if (!rs->tick)
        rs->tick = loop_timer(rs->loop, TICK_MS, on_tick, rs);
}

static void on_beat(void *arg)
{
    struct readers *rs = arg;
    send_all(rs, NULL, 0);
    rs->idle_beats = atomic_load(&rs->count) ? 0 : rs->idle_beats + 1;
    if (rs->idle_beats == IDLE_BEATS)
        feed_rest(rs->feed);
    rs->beat = loop_timer(rs->loop, BEAT_MS, on_beat, rs);
}

void readers_know(struct readers *rs, unsigned thread, struct port *port)
{
    struct reader_thread *t = &rs->threads[thread];
    if (!t->port)
        t->port = port_ref(port);
}

/* ---- Beginning and end ---------------------------------------------------------- */

static void add_metrics(struct readers *rs, struct metrics *m)
{
    const struct metric_family_info open = {.kind = METRIC_GAUGE,
                                            .name = "dialgate_event_readers",
                                            .help = "Clients that read the live events."};
    const struct metric_family_info sent = {.kind = METRIC_COUNTER,
                                            .name = "dialgate_events_sent_total",
                                            .help = "Events sent to readers."};
    const struct metric_family_info closed = {
        .kind = METRIC_COUNTER,
        .name = "dialgate_event_readers_closed_total",
        .help = "Streams of events that the gateway ended, by reason.",
        .labels = {"reason"}};
    rs->open = metric_plain(metrics_family(m, &open));
    rs->sent = metric_plain(metrics_family(m, &sent));
    rs->closed = metrics_family(m, &closed);
}

void readers_set(struct readers *rs, const struct readers_settings *settings)
{
    atomic_store(&rs->max_readers, settings->max_readers);
    atomic_store(&rs->max_unsent, settings->max_unsent);
    atomic_store(&rs->heartbeat_ms, settings->heartbeat_ms);
}

struct readers *readers_new(const struct readers_config *config)
{
    struct readers *rs = xcalloc(1, sizeof *rs);
    rs->loop = config->loop;
    rs->feed = config->feed;
    rs->thread_count = config->threads;
    rs->threads = xcalloc(config->threads, sizeof *rs->threads);
    for (unsigned i = 0; i < config->threads; i++)
        list_init(&rs->threads[i].readers);
    readers_set(rs, &config->settings);
    add_metrics(rs, config->metrics);
    feed_follow(rs->feed, on_event, rs);
    rs->beat = loop_timer(rs->loop, BEAT_MS, on_beat, rs);
    return rs;
}

void readers_free(struct readers *rs)
{
    if (!rs)
        return;
    feed_unfollow(rs->feed, on_event, rs);
    loop_timer_stop(rs->loop, rs->tick);
    loop_timer_stop(rs->loop, rs->beat);
    for (size_t i = 0; i < rs->fresh_count; i++)
        event_unref(rs->fresh[i].event);
    for (unsigned i = 0; i < rs->thread_count; i++)
        port_unref(rs->threads[i].port);
    free(rs->fresh);
    free(rs->threads);
    free(rs);
}
