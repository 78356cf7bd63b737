/* parts.h - inside of the loop: what loop.c, timer.c, watch.c and work.c share. */
#ifndef LOOP_PARTS_H
#define LOOP_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "loop/loop.h"

#define LOOP_LANES 2

struct loop_lane_state {
    struct link waiting;
    size_t waiting_count, running;
    size_t width, bound;
};

struct loop_hook {
    struct link link;
    dg_fn *fn;
    void *arg;
};

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t prepare;

    _Atomic(struct loop_msg *) inbox;    /* newest first; pushed by anybody */
    struct loop_msg *queue, *queue_tail; /* oldest first; taken from the inbox */

    _Atomic bool stopping, started;
    pthread_t thread; /* set before `started` */

    struct link hooks;
    struct link timers;      /* running */
    struct link idle_timers; /* kept for reuse */
    size_t idle_timer_count;
    struct link watches;
    struct loop_lane_state lanes[LOOP_LANES];
};

void loop_timers_free(struct loop *l);
void loop_watches_free(struct loop *l);
void loop_lanes_init(struct loop *l);
bool loop_lanes_busy(const struct loop *l);

#endif
