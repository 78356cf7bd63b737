/* host_net.c - HTTP requests and streams of plugins. */
#include <stdlib.h>
#include <string.h>

#include "plug/parts.h"

/* The struct as large as ours; one that does not say its size has version 1.0's. */
static void take_sized(struct instance *in, void *ours, size_t our_size, const void *theirs,
                       size_t least, const char *function)
{
    uint32_t size;
    memcpy(&size, theirs, sizeof(size));
    if (size < least) {
        plug_fault(in, "a request without its size was given", function);
        size = (uint32_t)least;
    }
    memset(ours, 0, our_size);
    memcpy(ours, theirs, size < our_size ? size : our_size);
}

#define END_OF(type, last) (offsetof(struct type, last) + sizeof(((struct type *)0)->last))

/* ---- HTTP ------------------------------------------------------------------ */

struct host_http {
    struct held held; /* first */
    struct dg_http *http;
    dg_http_fn *fn;
    void (*part)(void *arg, struct dg_bytes part);
    void *arg;
};

static void on_part(void *arg, struct dg_bytes part)
{
    struct host_http *x = arg; /* may be gone after it */
    struct call c;
    call_enter(&c, x->held.in, "a part of an HTTP answer");
    x->part(x->arg, part);
    call_leave(&c);
}

static void on_response(void *arg, const struct dg_http_response *res)
{
    struct host_http x = *(struct host_http *)arg;
    list_remove(&((struct host_http *)arg)->held.link);
    free(arg);
    struct call c;
    call_enter(&c, x.held.in, "an HTTP answer");
    x.fn(x.arg, res);
    call_leave(&c);
}

static void http_release(struct held *held)
{
    struct host_http *x = (struct host_http *)held;
    net_fetch_stop(x->http);
    list_remove(&held->link);
    free(x);
}

static struct dg_http *host_http_start(const struct dg_host *h, const struct dg_http_request *req,
                                       dg_http_fn *fn, void *arg)
{
    struct instance *in = host_instance(h);
    if (!plug_on_loop(in, "http_start"))
        return NULL;
    struct dg_http_request full;
    take_sized(in, &full, sizeof(full), req, END_OF(dg_http_request, part), "http_start");
    struct host_http *x = xcalloc(1, sizeof(*x));
    x->fn = fn;
    x->part = full.part;
    x->arg = arg;
    if (full.part)
        full.part = on_part;
    x->http = net_fetch(in->plug->net, &full, on_response, x);
    held_add(&x->held, in, "an HTTP request", http_release);
    return (struct dg_http *)x;
}

static void host_http_stop(const struct dg_host *h, struct dg_http *http)
{
    if (http && plug_on_loop(host_instance(h), "http_stop"))
        http_release((struct held *)http);
}

/* ---- Streams --------------------------------------------------------------- */

struct host_stream {
    struct held held; /* first */
    struct dg_stream *stream;
    struct dg_stream_events ev;
    void *arg;
    bool over; /* closed() is being told */
};

static void on_opened(void *arg)
{
    struct host_stream *s = arg;
    struct call c;
    if (!s->ev.opened)
        return;
    call_enter(&c, s->held.in, "a stream's opened");
    s->ev.opened(s->arg);
    call_leave(&c);
}

static void on_data(void *arg, struct dg_bytes bytes)
{
    struct host_stream *s = arg;
    struct call c;
    if (!s->ev.data)
        return;
    call_enter(&c, s->held.in, "a stream's data");
    s->ev.data(s->arg, bytes);
    call_leave(&c);
}

static void on_closed(void *arg, enum dg_err err, const char *why)
{
    struct host_stream *s = arg;
    struct call c;
    list_remove(&s->held.link);
    s->over = true;
    call_enter(&c, s->held.in, "a stream's closed");
    if (s->ev.closed)
        s->ev.closed(s->arg, err, why);
    call_leave(&c);
    free(s);
}

static const struct dg_stream_events stream_events = {
    DG_SIZED(struct dg_stream_events),
    .opened = on_opened,
    .data = on_data,
    .closed = on_closed,
};

static void stream_release(struct held *held)
{
    struct host_stream *s = (struct host_stream *)held;
    net_stream_close(s->stream);
    list_remove(&held->link);
    free(s);
}

static struct dg_stream *host_stream_open(const struct dg_host *h,
                                          const struct dg_stream_request *req,
                                          const struct dg_stream_events *ev, void *arg)
{
    struct instance *in = host_instance(h);
    if (!plug_on_loop(in, "stream_open"))
        return NULL;
    struct dg_stream_request full;
    struct host_stream *s = xcalloc(1, sizeof(*s));
    take_sized(in, &full, sizeof(full), req, END_OF(dg_stream_request, max_unsent), "stream_open");
    take_sized(in, &s->ev, sizeof(s->ev), ev, END_OF(dg_stream_events, closed), "stream_open");
    s->arg = arg;
    s->stream = net_stream(in->plug->net, &full, &stream_events, s);
    held_add(&s->held, in, "a stream", stream_release);
    return (struct dg_stream *)s;
}

static void host_stream_write(struct dg_stream *stream, struct dg_bytes bytes)
{
    struct host_stream *s = (struct host_stream *)stream;
    if (s && plug_on_loop(s->held.in, "stream_write") && !s->over)
        net_stream_write(s->stream, bytes);
}

static void host_stream_close(struct dg_stream *stream)
{
    struct host_stream *s = (struct host_stream *)stream;
    if (s && plug_on_loop(s->held.in, "stream_close") && !s->over)
        stream_release(&s->held);
}

void host_net_init(struct dg_host *pub)
{
    pub->http_start = host_http_start;
    pub->http_stop = host_http_stop;
    pub->stream_open = host_stream_open;
    pub->stream_write = host_stream_write;
    pub->stream_close = host_stream_close;
}
