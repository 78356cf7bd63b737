/* queue.c - see queue.h. */
#include "store/queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUCKETS 16384 /* of documents with queued updates */

struct lane {
    struct job *first, **end;
    size_t writes;
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    bool closed, held;
    struct lane creates, rest;
    size_t jobs, bytes, max_jobs, max_bytes;
    uint64_t barriers; /* changes and takes that came so far */
    size_t barriers_waiting;
    uint64_t replaced;
    struct slot *buckets[BUCKETS];
};

struct queue *queue_new(size_t max_jobs, size_t max_bytes)
{
    struct queue *q = mem_alloc(sizeof(*q));
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&q->filled, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&q->lock, NULL);
    q->creates.end = &q->creates.first;
    q->rest.end = &q->rest.first;
    q->max_jobs = max_jobs;
    q->max_bytes = max_bytes;
    return q;
}

void queue_free(struct queue *q)
{
    pthread_cond_destroy(&q->filled);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

/* ---- Which documents have a queued update ------------------------------- */

static uint64_t hash_text(uint64_t h, const char *s)
{
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h * 1099511628211u;
}

static uint64_t hash_doc(const struct dg_write *w)
{
    return hash_text(hash_text(14695981039346656037u, w->collection), w->id);
}

/* The newest queued job of the ordered lane that touches the document. */
static struct slot *slot_find(struct queue *q, const struct dg_write *w)
{
    uint64_t hash = hash_doc(w);
    for (struct slot *s = q->buckets[hash % BUCKETS]; s; s = s->next) {
        if (s->hash == hash && strcmp(s->write->id, w->id) == 0 &&
            strcmp(s->write->collection, w->collection) == 0)
            return s;
    }
    return NULL;
}

static void slots_add(struct queue *q, struct job *j)
{
    j->slots = pool_alloc(&j->pool, (j->ask.write.count + 1) * sizeof(*j->slots));
    for (size_t i = 0; i < j->ask.write.count; i++) {
        const struct dg_write *w = &j->ask.write.list[i];
        if (!w->id)
            continue;
        struct slot *s = &j->slots[i], **head;
        *s = (struct slot){.hash = hash_doc(w), .write = w, .job = j};
        head = &q->buckets[s->hash % BUCKETS];
        s->next = *head;
        if (s->next)
            s->next->prev = s;
        *head = s;
    }
}

static void slots_remove(struct queue *q, struct job *j)
{
    for (size_t i = 0; j->slots && i < j->ask.write.count; i++) {
        struct slot *s = &j->slots[i];
        if (!s->job)
            continue;
        if (s->prev)
            s->prev->next = s->next;
        else
            q->buckets[s->hash % BUCKETS] = s->next;
        if (s->next)
            s->next->prev = s->prev;
    }
    j->slots = NULL;
}

/* ---- Coming in ---------------------------------------------------------- */

static bool only_creates(struct queue *q, const struct job *j)
{
    if (j->kind == JOB_DECLARE)
        return true;
    if (j->kind != JOB_WRITE || q->barriers_waiting)
        return false;
    for (size_t i = 0; i < j->ask.write.count; i++) {
        const struct dg_write *w = &j->ask.write.list[i];
        if (w->id && (!w->json.ptr || w->expect != DG_VERSION_NONE || slot_find(q, w)))
            return false;
    }
    return true;
}

static bool is_plain_put(const struct job *j)
{
    if (j->kind != JOB_WRITE || j->ask.write.count != 1)
        return false;
    const struct dg_write *w = &j->ask.write.list[0];
    return w->id && w->json.ptr && w->expect == DG_VERSION_ANY;
}

/* A put of a document whose last queued change is a put too takes its place. */
static bool replace_queued(struct queue *q, struct job *j)
{
    if (!is_plain_put(j))
        return false;
    struct slot *s = slot_find(q, &j->ask.write.list[0]);
    if (!s || s->job->barrier != q->barriers || !is_plain_put(s->job))
        return false;
    struct job *head = s->job;
    j->next = NULL;
    if (head->newest)
        head->newest->next = j;
    else
        head->followers = j;
    head->newest = j;
    head->follower_count++;
    q->bytes += j->bytes;
    q->jobs++;
    q->replaced++;
    return true;
}

static void lane_add(struct lane *lane, struct job *j)
{
    j->next = NULL;
    *lane->end = j;
    lane->end = &j->next;
    lane->writes += j->kind == JOB_WRITE ? j->ask.write.count : 1;
}

bool queue_put(struct queue *q, struct job *j, struct fault *fault)
{
    pthread_mutex_lock(&q->lock);
    bool ok = !q->closed && q->jobs < q->max_jobs && q->bytes + j->bytes <= q->max_bytes;
    if (!ok) {
        if (q->closed)
            fault_set(fault, DG_EUNAVAILABLE, "the store is closing");
        else
            fault_set(fault, DG_ELIMIT, "the disk is behind: %zu requests with %zu bytes wait",
                      q->jobs, q->bytes);
    } else if (!replace_queued(q, j)) {
        bool creates = only_creates(q, j);
        j->barrier = q->barriers;
        if (j->kind == JOB_CHANGE || j->kind == JOB_TAKE) {
            q->barriers++;
            q->barriers_waiting++;
        } else if (j->kind == JOB_WRITE && !creates) {
            slots_add(q, j);
        }
        lane_add(creates ? &q->creates : &q->rest, j);
        q->jobs++;
        q->bytes += j->bytes;
        if (!q->held)
            pthread_cond_signal(&q->filled);
    }
    pthread_mutex_unlock(&q->lock);
    return ok;
}

static bool is_empty(const struct queue *q)
{
    return !q->creates.first && !q->rest.first;
}

void queue_hold(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->held = is_empty(q);
    pthread_mutex_unlock(&q->lock);
}

void queue_release(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->held = false;
    if (!is_empty(q))
        pthread_cond_signal(&q->filled);
    pthread_mutex_unlock(&q->lock);
}

/* ---- Going out ---------------------------------------------------------- */

static struct job *lane_take(struct queue *q, struct lane *lane)
{
    struct job *j = lane->first;
    lane->first = j->next;
    if (!lane->first)
        lane->end = &lane->first;
    lane->writes -= j->kind == JOB_WRITE ? j->ask.write.count : 1;
    slots_remove(q, j);
    if (j->kind == JOB_CHANGE || j->kind == JOB_TAKE)
        q->barriers_waiting--;
    q->bytes -= j->bytes;
    for (const struct job *f = j->followers; f; f = f->next)
        q->bytes -= f->bytes;
    q->jobs -= 1 + j->follower_count;
    j->next = NULL;
    return j;
}

static struct job *take_group(struct queue *q)
{
    struct job *first = NULL, **end = &first;
    size_t writes = 0, room = GROUP_UPDATES;
    while (q->creates.first && writes < GROUP_CREATES) {
        bool declare = q->creates.first->kind == JOB_DECLARE;
        if (declare && first)
            return first;
        *end = lane_take(q, &q->creates);
        writes += (*end)->kind == JOB_WRITE ? (*end)->ask.write.count : 1;
        end = &(*end)->next;
        if (declare)
            return first;
    }
    if (q->rest.writes / 8 > room)
        room = q->rest.writes / 8;
    for (writes = 0; q->rest.first && writes < room;) {
        *end = lane_take(q, &q->rest);
        writes += (*end)->kind == JOB_WRITE ? (*end)->ask.write.count : GROUP_UPDATES / 4;
        end = &(*end)->next;
    }
    return first;
}

static bool wait_filled(struct queue *q, const struct timespec *until)
{
    if (!until)
        return pthread_cond_wait(&q->filled, &q->lock) == 0;
    return pthread_cond_timedwait(&q->filled, &q->lock, until) == 0;
}

struct job *queue_take(struct queue *q, bool group, int64_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    if (wait_ms >= 0 && until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&q->lock);
    while ((is_empty(q) || q->held) && !q->closed) {
        if (!wait_filled(q, wait_ms < 0 ? NULL : &until))
            break;
    }
    struct job *out = NULL;
    if (!is_empty(q) && (!q->held || q->closed))
        out = group ? take_group(q) : lane_take(q, &q->rest);
    pthread_mutex_unlock(&q->lock);
    return out;
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    pthread_cond_broadcast(&q->filled);
    pthread_mutex_unlock(&q->lock);
}

bool queue_closed(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    bool closed = q->closed;
    pthread_mutex_unlock(&q->lock);
    return closed;
}

uint64_t queue_replaced(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    uint64_t n = q->replaced;
    pthread_mutex_unlock(&q->lock);
    return n;
}
