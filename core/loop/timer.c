/* timer.c - one-shot timers. Ended ones are kept for reuse: every operation
 * has a deadline, and libuv's open and close are its dearest part. */
#include <stdlib.h>

#include "base/mem.h"
#include "loop/parts.h"

/* Under AddressSanitizer each timer is its own allocation, so that the use of
 * one that is gone is found. */
#ifdef __SANITIZE_ADDRESS__
#define IDLE_MAX 0
#else
#define IDLE_MAX 8192
#endif

struct loop_timer {
    uv_timer_t uv; /* first: libuv gives it back */
    struct link link;
    struct loop *loop;
    dg_fn *fn;
    void *arg;
};

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void timer_release(struct loop_timer *t)
{
    struct loop *l = t->loop;
    list_remove(&t->link);
    if (l->idle_timer_count + 1 > IDLE_MAX) {
        uv_close((uv_handle_t *)&t->uv, on_closed);
        return;
    }
    list_append(&l->idle_timers, &t->link);
    l->idle_timer_count++;
}

static struct loop_timer *timer_take(struct loop *l)
{
    if (list_empty(&l->idle_timers)) {
        struct loop_timer *t = xcalloc(1, sizeof(*t));
        uv_timer_init(&l->uv, &t->uv);
        list_init(&t->link);
        t->loop = l;
        return t;
    }
    struct loop_timer *t = list_item(l->idle_timers.next, struct loop_timer, link);
    list_remove(&t->link);
    l->idle_timer_count--;
    uv_ref((uv_handle_t *)&t->uv);
    return t;
}

static void on_timer(uv_timer_t *uv)
{
    struct loop_timer *t = (struct loop_timer *)uv;
    dg_fn *fn = t->fn;
    void *arg = t->arg;
    timer_release(t);
    fn(arg);
}

struct loop_timer *loop_timer(struct loop *l, uint64_t after_ms, dg_fn *fn, void *arg)
{
    struct loop_timer *t = timer_take(l);
    t->fn = fn;
    t->arg = arg;
    list_append(&l->timers, &t->link);
    /* libuv counts from the beginning of the turn, which may be long ago. At
     * least 1 ms: libuv would run a timer of 0 that starts another for ever. */
    uint64_t now = uv_hrtime() / 1000000, turn = uv_now(&l->uv);
    if (after_ms < 1)
        after_ms = 1;
    uv_timer_start(&t->uv, on_timer, after_ms + (now > turn ? now - turn : 0), 0);
    return t;
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
    (void)l;
    if (!t)
        return;
    uv_timer_stop(&t->uv);
    timer_release(t);
}

void loop_timer_ref(struct loop_timer *t, bool on)
{
    if (on)
        uv_ref((uv_handle_t *)&t->uv);
    else
        uv_unref((uv_handle_t *)&t->uv);
}

static void close_all(struct link *timers)
{
    while (!list_empty(timers)) {
        struct loop_timer *t = list_item(timers->next, struct loop_timer, link);
        list_remove(&t->link);
        uv_close((uv_handle_t *)&t->uv, on_closed);
    }
}

void loop_timers_free(struct loop *l)
{
    close_all(&l->timers);
    close_all(&l->idle_timers);
}
