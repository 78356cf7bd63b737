/* admission.c - the limits of one backend; see admission.h.
 *
 * The bucket is kept as one number, the time at which it would be full again
 * (the generic cell rate algorithm): no refilling, no rounding, any rate.
 */
#include "domain/admission.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define SECOND_US 1000000u
#define BURST_US  100000u /* what may come at once: so long a time's worth, at least one */

struct admission {
    struct loop *loop;
    char *backend;
    struct call_metrics *metrics;
    struct call_limits limits;
    size_t active, queued;
    struct link queue;
    bool held;
    uint64_t full_us; /* when the bucket will be full again; in the past: it is */
    struct loop_timer *timer;
};

struct admission *admission_new(struct loop *loop, const char *backend,
                                struct call_metrics *metrics)
{
    struct admission *a = xcalloc(1, sizeof *a);
    a->loop = loop;
    a->backend = xstrdup(backend);
    a->metrics = metrics;
    list_init(&a->queue);
    return a;
}

void admission_free(struct admission *a)
{
    if (!a)
        return;
    loop_timer_stop(a->loop, a->timer);
    free(a->backend);
    free(a);
}

/* ---- The bucket ------------------------------------------------------------- */

static uint64_t interval_us(const struct admission *a)
{
    return a->limits.max_per_second ? SECOND_US / a->limits.max_per_second : 0;
}

/* Never long ago: what was not used is lost. But while somebody waits, being served a little late
 * must not make all behind him later. */
static uint64_t full_at_us(const struct admission *a, uint64_t now_us)
{
    uint64_t floor_us = list_empty(&a->queue) ? now_us : now_us - BURST_US;
    return a->full_us > floor_us ? a->full_us : floor_us;
}

/* Until there is a token; 0: there is one now. */
static uint64_t token_after_us(const struct admission *a, uint64_t now_us)
{
    uint64_t interval = interval_us(a), burst = interval > BURST_US ? interval : BURST_US;
    uint64_t full_us = full_at_us(a, now_us);
    return full_us + interval > now_us + burst ? full_us + interval - now_us - burst : 0;
}

static bool take_token(struct admission *a, uint64_t now_us)
{
    if (a->held)
        return false;
    if (!a->limits.max_per_second)
        return true;
    if (token_after_us(a, now_us))
        return false;
    a->full_us = full_at_us(a, now_us) + interval_us(a);
    return true;
}

/* ---- The queue -------------------------------------------------------------- */

static void count_queued(const struct admission *a)
{
    if (a->metrics)
        call_metrics_queued(a->metrics, a->backend, a->queued);
}

static void count_refused(const struct admission *a, const char *reason)
{
    if (a->metrics)
        call_metrics_refused(a->metrics, a->backend, reason);
}

bool admission_waits(const struct admission_turn *turn)
{
    return turn->link.next && !list_empty(&turn->link);
}

static void take_out(struct admission *a, struct admission_turn *turn)
{
    list_remove(&turn->link);
    a->queued--;
    count_queued(a);
    if (a->metrics)
        call_metrics_waited(a->metrics, (double)(clock_us() - turn->since_us) / 1e6);
}

static struct admission_turn *first(const struct admission *a)
{
    return list_item(a->queue.next, struct admission_turn, link);
}

static uint64_t deadline_us(const struct admission *a, const struct admission_turn *turn)
{
    return turn->since_us + a->limits.queue_ms * 1000;
}

static void on_timer(void *arg);

static void watch_first(struct admission *a)
{
    loop_timer_stop(a->loop, a->timer);
    a->timer = NULL;
    if (list_empty(&a->queue))
        return;
    uint64_t now_us = clock_us(), deadline = deadline_us(a, first(a));
    uint64_t after_us = token_after_us(a, now_us);
    if (a->held || deadline < now_us + after_us)
        after_us = deadline > now_us ? deadline - now_us : 0;
    a->timer = loop_timer(a->loop, (after_us + 999) / 1000, on_timer, a);
}

/* The first in the queue go, as many as there are tokens for, and those that have waited for too
 * long (because the limits have changed since they came). */
static void serve(struct admission *a)
{
    uint64_t now_us = clock_us();
    while (!list_empty(&a->queue)) {
        struct admission_turn *turn = first(a);
        bool admitted = take_token(a, now_us);
        if (!admitted && deadline_us(a, turn) > now_us)
            break;
        admitted |= a->held; /* to learn what has become of the backend */
        if (!admitted)
            count_refused(a, "queue_timeout");
        take_out(a, turn);
        turn->fn(turn, admitted);
    }
    watch_first(a);
}

static void on_timer(void *arg)
{
    struct admission *a = arg;
    a->timer = NULL;
    serve(a);
}

void admission_leave(struct admission *a, struct admission_turn *turn)
{
    if (admission_waits(turn))
        take_out(a, turn);
}

void admission_close(struct admission *a)
{
    while (!list_empty(&a->queue)) {
        struct admission_turn *turn = first(a);
        take_out(a, turn);
        turn->fn(turn, false);
    }
}

/* ---- At the door ------------------------------------------------------------ */

void admission_limit(struct admission *a, const struct call_limits *limits)
{
    a->limits = *limits;
    serve(a);
}

void admission_hold(struct admission *a, bool held)
{
    a->held = held;
    serve(a);
}

static enum admission_verdict refuse(const struct admission *a, struct admission_refusal *why,
                                     const char *reason, const char *message, uint64_t after_us)
{
    count_refused(a, reason);
    why->message = message;
    why->retry_s = (unsigned)((after_us + SECOND_US - 1) / SECOND_US);
    if (!why->retry_s)
        why->retry_s = 1;
    return ADMISSION_REFUSED;
}

enum admission_verdict admission_ask(struct admission *a, struct admission_turn *turn,
                                     struct admission_refusal *why)
{
    const struct call_limits *l = &a->limits;
    uint64_t now_us = clock_us();
    if (l->max_active && a->active >= l->max_active)
        return refuse(a, why, "max_active", "Too many active calls", 0);
    if (list_empty(&a->queue) && take_token(a, now_us))
        return ADMISSION_GRANTED;
    uint64_t wait_us = token_after_us(a, now_us) + a->queued * interval_us(a);
    if (a->queued >= l->max_queued)
        return refuse(a, why, "queue_full", "Too many calls are waiting to be placed", wait_us);
    if (wait_us > l->queue_ms * 1000)
        return refuse(a, why, "queue_timeout", "Too many calls are waiting to be placed",
                      wait_us - l->queue_ms * 1000);
    turn->since_us = now_us;
    list_append(&a->queue, &turn->link);
    a->queued++;
    count_queued(a);
    if (!a->timer)
        watch_first(a);
    return ADMISSION_QUEUED;
}

size_t admission_room(const struct admission *a)
{
    const struct call_limits *l = &a->limits;
    uint64_t now_us = clock_us(), interval = interval_us(a);
    size_t room = SIZE_MAX;
    if (!list_empty(&a->queue) || a->held)
        return 0;
    if (l->max_active)
        room = a->active < l->max_active ? l->max_active - a->active : 0;
    if (interval) {
        uint64_t burst = interval > BURST_US ? interval : BURST_US;
        uint64_t full = full_at_us(a, now_us), end = now_us + burst;
        size_t tokens = end > full ? (size_t)((end - full) / interval) : 0;
        room = tokens < room ? tokens : room;
    }
    return room;
}

void admission_call_begins(struct admission *a)
{
    a->active++;
}

void admission_call_ends(struct admission *a)
{
    a->active--;
}
