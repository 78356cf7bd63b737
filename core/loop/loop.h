/* loop.h - the control thread's event loop (libuv).
 *
 * All functions are for the loop's own thread unless marked [any thread]. A
 * callback is always delivered on a later turn, never from inside the call
 * that asked for it.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/list.h"
#include "dialgate/plugin.h"

struct loop;
struct loop_timer;
struct loop_watch;

struct loop *loop_new(void);
void loop_run(struct loop *l); /* on the thread that is then "the loop's thread"; until loop_stop */
void loop_stop(struct loop *l); /* [any thread] one stop ends one run, also one yet to come */
/* After loop_run has returned, on its thread: runs what is still posted, closes every handle. */
void loop_free(struct loop *l);
/* [main thread] When no loop is left: ends the worker threads while they can still give back what
 * they keep. Nothing of this module may be used afterwards. */
void loop_end_workers(void);
bool loop_here(
    const struct loop *l); /* [any thread] is this the loop's thread? true before loop_run */
uv_loop_t *loop_uv(struct loop *l);

/* A message: embedded in what it is about, owned by the sender until `fn` runs.
 * Pushed without a lock; the loop is woken only when its queue was empty. */
struct loop_msg {
    struct loop_msg *next;
    void (*fn)(struct loop_msg *msg);
};
void loop_post(struct loop *l, struct loop_msg *msg); /* [any thread] in order of posting */
void loop_call(struct loop *l, dg_fn *fn,
               void *arg); /* [any thread] the same, with an allocated message */

/* Called once per turn just before the loop waits for events: for what is collected
 * during a turn and sent in one batch. Lives as long as the loop. */
void loop_before_wait(struct loop *l, dg_fn *fn, void *arg);

/* One shot. Gone when fn is called or loop_timer_stop returns. */
struct loop_timer *loop_timer(struct loop *l, uint64_t after_ms, dg_fn *fn, void *arg);
void loop_timer_stop(struct loop *l, struct loop_timer *t); /* NULL is fine */
void loop_timer_ref(struct loop_timer *t, bool on);

/* Level-triggered; `want` and the argument of fn are DG_READ | DG_WRITE. One watch per descriptor;
 * NULL for a second one, or a descriptor that cannot be waited for (a file). */
struct loop_watch *loop_watch(struct loop *l, int fd, unsigned want, dg_watch_fn *fn, void *arg);
void loop_watch_want(struct loop_watch *w, unsigned want);
void loop_watch_stop(struct loop_watch *w);

/* Work that blocks or burns, on the worker pool; `done` then runs on the loop.
 * Each lane runs at most its width at once and keeps at most its bound waiting. */
enum loop_lane {
    LANE_IO,  /* files, plugins' work */
    LANE_CPU, /* password hashing, signatures: at most half the cores, at least one */
};
#define LOOP_LANE_BOUND 1024
bool loop_work(struct loop *l, enum loop_lane lane, dg_fn *work, dg_fn *done,
               void *arg); /* false: full */
/* The same, never refused: for work whose number is bounded elsewhere. */
void loop_work_owed(struct loop *l, enum loop_lane lane, dg_fn *work, dg_fn *done, void *arg);
void loop_lane_bound(struct loop *l, enum loop_lane lane, size_t waiting);

/* How long a single callback may hold the loop before a warning names it. */
#define LOOP_SLOW_MS 20

#endif
