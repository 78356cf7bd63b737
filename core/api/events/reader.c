/* reader.c - one client of the live events.
 *
 * It begins behind: pages come from the feed until there is nothing that it
 * has missed; the last page is taken in the same turn of the control thread
 * from which on its HTTP thread is told what happens. What comes in while a
 * page is under way is held, and counts only if that page was the last.
 *
 * A reader that does not keep up is told so and let go: nobody waits for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/events/private.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#define MAX_PENDING 20000 /* events, whatever their size */
#define RETRY       "retry: 2000\n"
#define GAP_UNKNOWN "unknown"

static void more(struct request *req, void *arg);
static void drain(struct request *req, void *arg);
static const struct stream_use use = {more, drain};

/* ---- What waits ----------------------------------------------------------------- */

static void forget_pending(struct reader *r)
{
    for (size_t i = 0; i < r->pending_count; i++)
        event_unref(r->pending[i].event);
    r->pending_count = r->pending_bytes = 0;
}

static bool concerns(const struct reader *r, const struct event *e)
{
    if (str_eq(event_type(e), EVENT_GAP))
        return true;
    return event_type_listed(r->types, event_type(e)) &&
           (!r->call_id || str_eq(r->call_id, event_call(e))) &&
           (!r->campaign_id || str_eq(r->campaign_id, event_campaign(e)));
}

static void hold(struct reader *r, const struct reader_event *e)
{
    if (r->pending_count == r->pending_cap) {
        r->pending_cap = r->pending_cap ? 2 * r->pending_cap : 16;
        r->pending = xrealloc(r->pending, r->pending_cap * sizeof(*r->pending));
    }
    r->pending[r->pending_count++] = (struct reader_event){event_ref(e->event), e->sequence};
    r->pending_bytes += event_block(e->event).len;
}

static void add(struct reader *r, struct event *e)
{
    struct dg_bytes block = event_block(e);
    stream_lend(r->req, block.ptr, block.len, event_unref, event_ref(e));
}

void reader_offer(struct reader *r, const struct reader_event *e)
{
    if (r->state == READER_CLOSING || (r->state == READER_BEHIND && !r->paging))
        return;
    if (r->state == READER_LIVE && e->sequence <= r->sequence)
        return;
    if (r->state == READER_LIVE)
        r->sequence = e->sequence;
    if (!concerns(r, e->event))
        return;
    hold(r, e);
    if (r->pending_bytes > atomic_load(&r->readers->max_unsent) || r->pending_count > MAX_PENDING)
        reader_close(r, "slow", "the client does not take what it is sent");
}

void reader_flush(struct reader *r)
{
    if (r->state != READER_LIVE || !r->pending_count || !stream_ready(r->req))
        return;
    metric_add(r->readers->sent, (int64_t)r->pending_count);
    for (size_t i = 0; i < r->pending_count; i++)
        add(r, r->pending[i].event);
    forget_pending(r);
    r->sent_ms = clock_ms();
    stream_send(r->req);
}

/* ---- The end -------------------------------------------------------------------- */

static void say(struct reader *r, const char *type, const char *key, const char *value,
                const char *detail)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, BUF_MAX);
    buf_addf(&out, "event: %s\ndata: ", type);
    jw_init(&w, &out);
    jw_object(&w, NULL);
    jw_str(&w, "type", type);
    jw_str(&w, key, value);
    jw_str(&w, "detail", detail);
    jw_end(&w);
    buf_adds(&out, "\n\n");
    stream_add(r->req, out.ptr, out.len);
    buf_free(&out);
}

void reader_close(struct reader *r, const char *reason, const char *detail)
{
    if (r->state == READER_CLOSING)
        return;
    r->state = READER_CLOSING;
    forget_pending(r);
    stream_drop(r->req);
    metric_add(metric_of(r->readers->closed, &reason), 1);
    say(r, "closed", "reason", reason, detail);
    stream_end(r->req);
}

static void drain(struct request *req, void *arg)
{
    (void)req;
    reader_close(arg, "shutdown", "the gateway is stopping");
}

static void on_over(void *arg)
{
    struct reader *r = arg;
    readers_leave(r->readers, r);
    forget_pending(r);
    free(r->pending);
    free(r);
}

/* ---- What it has missed --------------------------------------------------------- */

struct page {
    struct hop *hop;
    struct readers *readers;
    struct port *port;
    unsigned thread;
    bool known_place;
    struct place place;
    struct event *events[FEED_PAGE];
    size_t count;
    const char *gap;
    bool last;
    int64_t sequence;
    enum dg_err err;
};

static void page_free(void *data)
{
    struct page *p = data;
    for (size_t i = 0; i < p->count; i++)
        event_unref(p->events[i]);
    port_unref(p->port);
    free(p);
}

static void on_page(void *arg, const struct feed_page *next)
{
    struct page *p = arg;
    p->err = next->err;
    p->gap = next->gap;
    for (size_t i = 0; i < next->count; i++)
        p->events[p->count++] = event_ref(next->events[i]);
    p->place = next->after;
    p->last = next->last;
    p->sequence = next->sequence;
    hop_done(p->hop);
}

static void page_run(struct hop *hop, void *data)
{
    struct page *p = data;
    p->hop = hop;
    readers_know(p->readers, p->thread, p->port);
    feed_next(p->readers->feed, p->known_place ? &p->place : NULL, on_page, p);
}

/* What was held while the last page was under way is the beginning of what happens now. */
static void go_live(struct reader *r)
{
    size_t kept = 0;
    r->state = READER_LIVE;
    for (size_t i = 0; i < r->pending_count; i++) {
        struct reader_event *e = &r->pending[i];
        if (e->sequence > r->sequence) {
            r->pending[kept++] = *e;
            continue;
        }
        r->pending_bytes -= event_block(e->event).len;
        event_unref(e->event);
    }
    r->pending_count = kept;
    if (kept)
        r->sequence = r->pending[kept - 1].sequence;
    if (stream_ready(r->req))
        reader_flush(r);
}

static const char *gap_detail(const char *reason)
{
    return str_eq(reason, GAP_UNKNOWN)
               ? "where the last event was is not known, or not of each gateway: it goes on with "
                 "what happens now"
               : "events between the last one and the next are missing";
}

static void page_back(struct request *req, void *data)
{
    struct reader *r = stream_user(req);
    struct page *p = data;
    r->hopping = r->paging = false;
    if (r->state == READER_CLOSING)
        return;
    if (p->err != DG_OK) {
        reader_close(r, "unavailable", "the events of before cannot be read now");
        return;
    }
    if (p->gap)
        say(r, EVENT_GAP, "reason", p->gap, gap_detail(p->gap));
    for (size_t i = 0; i < p->count; i++)
        if (concerns(r, p->events[i]))
            add(r, p->events[i]);
    r->place = p->place;
    r->sequence = p->sequence;
    r->known_place = true;
    if (p->last)
        go_live(r);
    else
        forget_pending(r);
    if (stream_waiting(req))
        r->sent_ms = clock_ms();
}

static void next_page(struct reader *r)
{
    struct page *p = xcalloc(1, sizeof *p);
    forget_pending(r);
    p->readers = r->readers;
    p->thread = request_thread(r->req);
    p->port = request_port(r->req);
    p->known_place = r->known_place;
    p->place = r->place;
    r->hopping = r->paging = true;
    hop_start(r->req, p, page_run, page_back, page_free);
}

static void greet(struct reader *r)
{
    r->greeted = true;
    stream_add(r->req, RETRY, sizeof RETRY - 1);
    stream_add(r->req, ": connected\n\n", 13);
    if (r->gap)
        say(r, EVENT_GAP, "reason", GAP_UNKNOWN, gap_detail(GAP_UNKNOWN));
}

static void more(struct request *req, void *arg)
{
    struct reader *r = arg;
    (void)req;
    if (!r->greeted)
        greet(r);
    else if (r->state == READER_BEHIND && !r->hopping)
        next_page(r);
    else if (r->state == READER_LIVE)
        reader_flush(r);
}

/* ---- Once a second -------------------------------------------------------------- */

static void on_judged(struct request *req, bool welcome)
{
    struct reader *r = stream_user(req);
    r->hopping = false;
    if (!welcome)
        reader_close(r, "unauthorized", "the credentials are not valid any more");
}

void reader_beat(struct reader *r, uint64_t now_ms)
{
    if (r->state == READER_CLOSING || !stream_open(r->req))
        return;
    if (!r->hopping) {
        r->hopping = true;
        request_judge_again(r->req, on_judged);
    }
    if (r->state == READER_CLOSING || !stream_ready(r->req) ||
        now_ms - r->sent_ms < atomic_load(&r->readers->heartbeat_ms))
        return;
    stream_add(r->req, ": \n\n", 4);
    stream_send(r->req);
    r->sent_ms = now_ms;
}

void reader_start(struct request *req, struct reader *r)
{
    r->req = req;
    r->sent_ms = clock_ms();
    list_init(&r->link);
    if (!readers_enter(r->readers, r)) {
        free(r);
        reply_header(req, "Retry-After", "5");
        reply_error(req, 503, "Too many clients read events");
        return;
    }
    request_on_end(req, on_over, r);
    reply_header(req, "Cache-Control", "no-cache, no-transform");
    reply_header(req, "X-Accel-Buffering", "no");
    stream_begin(req, 200, "text/event-stream", &use, r);
}
