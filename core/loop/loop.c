/* loop.c - the control thread's loop: running, stopping, messages.
 *
 * The inbox is a lock-free stack that any thread pushes to; the loop takes the
 * whole of it at once and turns it round. What is posted while messages run
 * waits for the next turn, and a turn runs at most TURN_MESSAGES of them, so
 * that neither a chain of posts nor a flood of them starves timers and sockets.
 */
#include "loop/loop.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "loop/parts.h"

#define TURN_MESSAGES 2048

static bool take_inbox(struct loop *l)
{
    struct loop_msg *newest = atomic_exchange_explicit(&l->inbox, NULL, memory_order_acquire);
    if (!newest)
        return false;
    l->queue_tail = newest;
    struct loop_msg *oldest = NULL;
    while (newest) {
        struct loop_msg *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    l->queue = oldest;
    return true;
}

/* One turn's share of messages; true when more is left. */
static bool run_messages(struct loop *l)
{
    if (!l->queue)
        take_inbox(l);
    for (unsigned n = 0; l->queue && n < TURN_MESSAGES; n++) {
        struct loop_msg *msg = l->queue;
        l->queue = msg->next;
        msg->fn(msg);
    }
    return l->queue != NULL;
}

static void on_wake(uv_async_t *wake)
{
    struct loop *l = wake->data;
    if (atomic_load(&l->stopping))
        uv_stop(&l->uv);
    /* What came in behind a queue that was not emptied has woken nobody. */
    if (run_messages(l) || atomic_load_explicit(&l->inbox, memory_order_relaxed))
        uv_async_send(&l->wake);
}

static void run_hooks(struct loop *l)
{
    for (struct link *i = l->hooks.next; i != &l->hooks; i = i->next) {
        struct loop_hook *hook = list_item(i, struct loop_hook, link);
        hook->fn(hook->arg);
    }
}

static void on_prepare(uv_prepare_t *prepare)
{
    run_hooks(prepare->data);
}

struct loop *loop_new(void)
{
    struct loop *l = xcalloc(1, sizeof(*l));
    list_init(&l->hooks);
    list_init(&l->timers);
    list_init(&l->idle_timers);
    list_init(&l->watches);
    loop_lanes_init(l);

    int rc = uv_loop_init(&l->uv);
    if (rc == 0)
        rc = uv_async_init(&l->uv, &l->wake, on_wake);
    if (rc == 0)
        rc = uv_prepare_init(&l->uv, &l->prepare);
    if (rc != 0) {
        log_error("loop", "cannot make an event loop", LOG_S("why", uv_strerror(rc)));
        abort();
    }
    l->wake.data = l;
    l->prepare.data = l;
    uv_prepare_start(&l->prepare, on_prepare);
    return l;
}

void loop_run(struct loop *l)
{
    l->thread = pthread_self();
    atomic_store_explicit(&l->started, true, memory_order_release);
    if (!atomic_load(&l->stopping))
        uv_run(&l->uv, UV_RUN_DEFAULT);
    atomic_store(&l->stopping, false);
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->stopping, true);
    uv_async_send(&l->wake);
}

bool loop_here(const struct loop *l)
{
    if (!atomic_load_explicit(&l->started, memory_order_acquire))
        return true;
    return pthread_equal(l->thread, pthread_self()) != 0;
}

uv_loop_t *loop_uv(struct loop *l)
{
    return &l->uv;
}

/* Messages, what they cause, and the workers' last results. */
static void settle(struct loop *l)
{
    for (;;) {
        while (run_messages(l) || atomic_load(&l->inbox))
            ;
        run_hooks(l);
        if (atomic_load(&l->inbox))
            continue;
        if (!loop_lanes_busy(l))
            return;
        uv_run(&l->uv, UV_RUN_ONCE);
    }
}

static void name_leftover(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        log_error("loop", "a handle was left open at the end",
                  LOG_S("type", uv_handle_type_name(handle->type)));
}

void loop_free(struct loop *l)
{
    settle(l);
    loop_timers_free(l);
    loop_watches_free(l);
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->wake, NULL);
    uv_walk(&l->uv, name_leftover, NULL);
    /* A stop that was asked for twice cuts one run short: so a few. */
    for (int i = 0; i < 4 && uv_run(&l->uv, UV_RUN_NOWAIT) != 0; i++)
        ;
    if (uv_loop_close(&l->uv) != 0) {
        log_error("loop", "the event loop could not be closed; its memory is left");
        return;
    }
    while (!list_empty(&l->hooks)) {
        struct loop_hook *hook = list_item(l->hooks.next, struct loop_hook, link);
        list_remove(&hook->link);
        free(hook);
    }
    free(l);
}

/* libuv does it at the exit of the process, but after OpenSSL has gone, which frees what it keeps
 * for each thread when that thread ends. */
void loop_end_workers(void)
{
    uv_library_shutdown();
}

void loop_post(struct loop *l, struct loop_msg *msg)
{
    struct loop_msg *newest = atomic_load_explicit(&l->inbox, memory_order_relaxed);
    do
        msg->next = newest;
    while (!atomic_compare_exchange_weak_explicit(&l->inbox, &newest, msg, memory_order_release,
                                                  memory_order_relaxed));
    if (!newest)
        uv_async_send(&l->wake);
}

struct loop_call {
    struct loop_msg msg;
    dg_fn *fn;
    void *arg;
};

static void on_call(struct loop_msg *msg)
{
    struct loop_call *call = list_item(msg, struct loop_call, msg);
    dg_fn *fn = call->fn;
    void *arg = call->arg;
    free(call);
    fn(arg);
}

void loop_call(struct loop *l, dg_fn *fn, void *arg)
{
    struct loop_call *call = xmalloc(sizeof(*call));
    *call = (struct loop_call){.msg.fn = on_call, .fn = fn, .arg = arg};
    loop_post(l, &call->msg);
}

void loop_before_wait(struct loop *l, dg_fn *fn, void *arg)
{
    struct loop_hook *hook = xcalloc(1, sizeof(*hook));
    hook->fn = fn;
    hook->arg = arg;
    list_append(&l->hooks, &hook->link);
}
