/* work.c - the worker pool in lanes, so that password hashing cannot take all
 * threads from the disk, nor the other way round. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "loop/parts.h"

#define IO_WIDTH 4

struct job {
    uv_work_t uv; /* first: libuv gives it back */
    struct link link;
    struct loop_lane_state *lane;
    dg_fn *work, *done;
    void *arg;
};

static size_t cpu_width(void)
{
    size_t half = uv_available_parallelism() / 2;
    return half ? half : 1;
}

static void size_pool(void)
{
    char threads[16];
    snprintf(threads, sizeof(threads), "%zu", IO_WIDTH + cpu_width());
    /* libuv reads it when the pool is first used; an operator's own value wins. */
    setenv("UV_THREADPOOL_SIZE", threads, 0);
}

void loop_lanes_init(struct loop *l)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, size_pool);
    for (size_t i = 0; i < LOOP_LANES; i++) {
        list_init(&l->lanes[i].waiting);
        l->lanes[i].bound = LOOP_LANE_BOUND;
    }
    l->lanes[LANE_IO].width = IO_WIDTH;
    l->lanes[LANE_CPU].width = cpu_width();
}

bool loop_lanes_busy(const struct loop *l)
{
    return l->lanes[LANE_IO].running || l->lanes[LANE_CPU].running;
}

static void on_work(uv_work_t *uv)
{
    struct job *job = (struct job *)uv;
    job->work(job->arg);
}

static void lane_next(struct loop_lane_state *lane, uv_loop_t *uv);

static void on_done(uv_work_t *uv, int status)
{
    (void)status; /* nothing is ever cancelled */
    struct job *job = (struct job *)uv;
    job->lane->running--;
    lane_next(job->lane, uv->loop);
    if (job->done)
        job->done(job->arg);
    free(job);
}

static void lane_next(struct loop_lane_state *lane, uv_loop_t *uv)
{
    while (lane->running < lane->width && !list_empty(&lane->waiting)) {
        struct job *job = list_item(lane->waiting.next, struct job, link);
        list_remove(&job->link);
        lane->waiting_count--;
        lane->running++;
        uv_queue_work(uv, &job->uv, on_work, on_done);
    }
}

void loop_work_owed(struct loop *l, enum loop_lane which, dg_fn *work, dg_fn *done, void *arg)
{
    struct loop_lane_state *lane = &l->lanes[which];
    struct job *job = xcalloc(1, sizeof(*job));
    job->lane = lane;
    job->work = work;
    job->done = done;
    job->arg = arg;
    list_append(&lane->waiting, &job->link);
    lane->waiting_count++;
    lane_next(lane, &l->uv);
}

bool loop_work(struct loop *l, enum loop_lane which, dg_fn *work, dg_fn *done, void *arg)
{
    const struct loop_lane_state *lane = &l->lanes[which];
    if (lane->running >= lane->width && lane->waiting_count >= lane->bound)
        return false;
    loop_work_owed(l, which, work, done, arg);
    return true;
}

void loop_lane_bound(struct loop *l, enum loop_lane which, size_t waiting)
{
    l->lanes[which].bound = waiting;
}
