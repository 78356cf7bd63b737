/* metrics.c - counting. How it is shown is in metrics_render.c.
 *
 * A family finds the metric of some label values in a table of atomic pointers,
 * open addressing, about half full at most: entries are added under a lock,
 * never moved and never removed, so looking up needs none. The same entries
 * stand in a list in the order they came, for showing.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/metrics_own.h"
#include "base/str.h"

static struct metric *metric_new(struct metric_family *f, uint64_t hash, const char *const *values)
{
    struct metric *m = xcalloc(1, sizeof(*m));
    m->family = f;
    m->hash = hash;
    for (unsigned i = 0; i < f->label_count; i++)
        m->values[i] = xstrdup(values[i]);
    if (f->kind == METRIC_HISTOGRAM)
        m->buckets = xcalloc(f->bucket_count + 1, sizeof(*m->buckets));
    return m;
}

static void metric_free(struct metric *m)
{
    for (unsigned i = 0; i < METRICS_LABELS; i++)
        free(m->values[i]);
    free(m->buckets);
    free(m);
}

/* ---- Families ----------------------------------------------------------- */

struct metrics *metrics_new(void)
{
    struct metrics *m = xcalloc(1, sizeof(*m));
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

static void family_free(struct metric_family *f)
{
    for (unsigned i = 0; i < atomic_load(&f->count); i++)
        metric_free(f->entries[i]);
    for (unsigned i = 0; i < f->label_count; i++)
        free(f->labels[i]);
    pthread_mutex_destroy(&f->lock);
    free(f->bounds);
    free(f->name);
    free(f->help);
    free(f);
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    for (struct metric_family *f = m->first, *next; f; f = next) {
        next = f->next;
        family_free(f);
    }
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static struct metric_family *family_new(const struct metric_family_info *info)
{
    struct metric_family *f = xcalloc(1, sizeof(*f));
    f->kind = info->kind;
    f->name = xstrdup(info->name);
    f->help = xstrdup(info->help ? info->help : "");
    while (f->label_count < METRICS_LABELS && info->labels[f->label_count]) {
        f->labels[f->label_count] = xstrdup(info->labels[f->label_count]);
        f->label_count++;
    }
    if (f->kind == METRIC_HISTOGRAM && info->bucket_count) {
        f->bucket_count = info->bucket_count;
        f->bounds = xcalloc(info->bucket_count, sizeof(*f->bounds));
        memcpy(f->bounds, info->buckets, info->bucket_count * sizeof(*f->bounds));
    }
    pthread_mutex_init(&f->lock, NULL);
    return f;
}

struct metric_family *metrics_family(struct metrics *m, const struct metric_family_info *info)
{
    pthread_mutex_lock(&m->lock);
    struct metric_family **place = &m->first;
    while (*place && strcmp((*place)->name, info->name) < 0)
        place = &(*place)->next;
    struct metric_family *f = *place;
    if (!f || strcmp(f->name, info->name) != 0) {
        f = family_new(info);
        f->next = *place;
        *place = f;
        if (!f->label_count)
            f->plain = metric_of(f, NULL); /* shown as 0 from the start */
    }
    pthread_mutex_unlock(&m->lock);
    return f;
}

/* ---- The metrics of a family -------------------------------------------- */

/* FNV-1a. Who chooses the values can make at most METRICS_PER_FAMILY collide. */
static uint64_t hash_values(const char *const *values, unsigned count)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (unsigned i = 0; i < count; i++) {
        for (const char *p = values[i]; *p; p++)
            hash = (hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
        hash = (hash ^ 0xff) * UINT64_C(0x100000001b3);
    }
    return hash ^ hash >> 32;
}

static bool same_values(const struct metric *m, const char *const *values)
{
    for (unsigned i = 0; i < m->family->label_count; i++)
        if (strcmp(m->values[i], values[i]) != 0)
            return false;
    return true;
}

/* The slot that holds these values, or the free one where they belong. */
static unsigned find_slot(struct metric_family *f, uint64_t hash, const char *const *values)
{
    unsigned i = (unsigned)hash & (METRICS_SLOTS - 1);
    for (;; i = (i + 1) & (METRICS_SLOTS - 1)) {
        const struct metric *m = atomic_load_explicit(&f->slots[i], memory_order_acquire);
        if (!m || (m->hash == hash && same_values(m, values)))
            return i;
    }
}

/* Under the family's lock. NULL: it is full. */
static struct metric *find_or_add(struct metric_family *f, const char *const *values, unsigned max)
{
    uint64_t hash = hash_values(values, f->label_count);
    unsigned slot = find_slot(f, hash, values);
    struct metric *m = atomic_load_explicit(&f->slots[slot], memory_order_relaxed);
    unsigned count = atomic_load_explicit(&f->count, memory_order_relaxed);
    if (m || count >= max)
        return m;
    m = metric_new(f, hash, values);
    f->entries[count] = m;
    atomic_store_explicit(&f->count, count + 1, memory_order_release);
    atomic_store_explicit(&f->slots[slot], m, memory_order_release);
    return m;
}

/* One invalid character would make Prometheus refuse everything we show. */
static bool all_utf8(const char *const *values, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (!str_utf8(values[i], strlen(values[i])))
            return false;
    return true;
}

static struct metric *metric_add_new(struct metric_family *f, const char *const *values)
{
    static const char *const others[METRICS_LABELS] = {"other", "other", "other", "other"};
    struct metric *m = atomic_load_explicit(&f->other, memory_order_acquire);
    unsigned count = atomic_load_explicit(&f->count, memory_order_acquire);
    if (m && count >= METRICS_PER_FAMILY)
        return m; /* full: without the lock, since this may come often */

    pthread_mutex_lock(&f->lock);
    m = all_utf8(values, f->label_count) ? find_or_add(f, values, METRICS_PER_FAMILY) : NULL;
    if (!m) {
        m = find_or_add(f, others, METRICS_PER_FAMILY + 1);
        atomic_store_explicit(&f->other, m, memory_order_release);
    }
    pthread_mutex_unlock(&f->lock);
    return m;
}

struct metric *metric_of(struct metric_family *f, const char *const *values)
{
    const char *present[METRICS_LABELS] = {NULL};
    for (unsigned i = 0; i < f->label_count; i++)
        present[i] = values[i] ? values[i] : "";
    unsigned slot = find_slot(f, hash_values(present, f->label_count), present);
    struct metric *m = atomic_load_explicit(&f->slots[slot], memory_order_acquire);
    return m ? m : metric_add_new(f, present);
}

struct metric *metric_plain(struct metric_family *f)
{
    static const char *const none[METRICS_LABELS] = {NULL};
    return f->plain ? f->plain : metric_of(f, none);
}

/* ---- Counting ----------------------------------------------------------- */

void metric_add(struct metric *m, int64_t n)
{
    if (m->family->kind == METRIC_COUNTER && n < 0)
        return; /* a counter that falls looks like a restart */
    atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}

void metric_set(struct metric *m, int64_t n)
{
    atomic_store_explicit(&m->value, n, memory_order_relaxed);
}

void metric_observe(struct metric *m, double value)
{
    const struct metric_family *f = m->family;
    if (f->kind != METRIC_HISTOGRAM || isnan(value))
        return;
    unsigned i = 0;
    while (i < f->bucket_count && value > f->bounds[i])
        i++;
    double sum = atomic_load_explicit(&m->sum, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&m->sum, &sum, sum + value, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
    atomic_fetch_add_explicit(&m->buckets[i], 1, memory_order_relaxed);
}

int64_t metric_value(const struct metric *m)
{
    if (m->family->kind != METRIC_HISTOGRAM)
        return atomic_load_explicit(&m->value, memory_order_relaxed);
    uint64_t count = 0;
    for (unsigned i = 0; i <= m->family->bucket_count; i++)
        count += atomic_load_explicit(&m->buckets[i], memory_order_relaxed);
    return (int64_t)count;
}
