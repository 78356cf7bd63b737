/* watch.c - file descriptors, level-triggered. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "loop/parts.h"

struct loop_watch {
    uv_poll_t uv; /* first: libuv gives it back */
    struct link link;
    unsigned want;
    bool gone;
    dg_watch_fn *fn;
    void *arg;
};

static void on_ready(uv_poll_t *uv, int status, int events);

static void watch_arm(struct loop_watch *w)
{
    int events = (w->want & DG_READ ? UV_READABLE : 0) | (w->want & DG_WRITE ? UV_WRITABLE : 0);
    if (events)
        uv_poll_start(&w->uv, events, on_ready);
    else
        uv_poll_stop(&w->uv);
}

static void on_ready(uv_poll_t *uv, int status, int events)
{
    struct loop_watch *w = (struct loop_watch *)uv;
    unsigned ready = (events & UV_READABLE ? DG_READ : 0u) | (events & UV_WRITABLE ? DG_WRITE : 0u);
    /* An error (a reset connection) is seen by reading or writing. libuv has
     * stopped the handle by then. */
    if (status < 0)
        ready = w->want;
    w->fn(w->arg, ready);
    if (status < 0 && !w->gone)
        watch_arm(w);
}

struct loop_watch *loop_watch(struct loop *l, int fd, unsigned want, dg_watch_fn *fn, void *arg)
{
    struct loop_watch *w = xcalloc(1, sizeof(*w));
    int rc = uv_poll_init(&l->uv, &w->uv, fd);
    if (rc != 0) {
        log_error("loop", "a descriptor cannot be watched", LOG_I("fd", fd),
                  LOG_S("why", uv_strerror(rc)));
        free(w);
        return NULL;
    }
    w->fn = fn;
    w->arg = arg;
    w->want = want;
    list_append(&l->watches, &w->link);
    watch_arm(w);
    return w;
}

void loop_watch_want(struct loop_watch *w, unsigned want)
{
    if (w->want == want)
        return;
    w->want = want;
    watch_arm(w);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

void loop_watch_stop(struct loop_watch *w)
{
    if (!w)
        return;
    w->gone = true;
    list_remove(&w->link);
    uv_poll_stop(&w->uv);
    uv_close((uv_handle_t *)&w->uv, on_closed);
}

void loop_watches_free(struct loop *l)
{
    while (!list_empty(&l->watches))
        loop_watch_stop(list_item(l->watches.next, struct loop_watch, link));
}
