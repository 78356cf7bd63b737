/* queue.h - requests waiting for a thread: the writer's queue, which forms the
 * groups that share one commit, and the readers' plain one.
 *
 * The writer's has two lanes. Writes that only create documents go first:
 * somebody waits for them, and they are cheap. All else follows in the order
 * it came. What a single document goes through is never reordered, and a
 * change or a take, which may touch any document, is overtaken by nothing. */
#ifndef STORE_QUEUE_H
#define STORE_QUEUE_H

#include "store/job.h"

#define GROUP_CREATES 512 /* documents created per transaction, at most */
#define GROUP_UPDATES 64  /* other writes; more when many are waiting */

struct queue;

struct queue *queue_new(size_t max_jobs, size_t max_bytes);
void queue_free(struct queue *q); /* empty */
/* False: full, or closed; the job stays the caller's. */
bool queue_put(struct queue *q, struct job *j, struct fault *fault);
/* An empty queue is held: what comes now makes one group, and is taken once it is released. */
void queue_hold(struct queue *q);
void queue_release(struct queue *q);
/* The next group (one job for readers, linked by `next`), waiting for one up
 * to `wait_ms`; -1: for ever. NULL: closed and empty, or the time has passed. */
struct job *queue_take(struct queue *q, bool group, int64_t wait_ms);
/* Nothing more comes in; what is there is still taken. */
void queue_close(struct queue *q);
bool queue_closed(struct queue *q);
/* Jobs answered by another one's write so far. */
uint64_t queue_replaced(struct queue *q);

#endif
