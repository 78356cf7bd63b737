/* metrics_own.h - what metrics.c and metrics_render.c share. */
#ifndef BASE_METRICS_OWN_H
#define BASE_METRICS_OWN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/metrics.h"

#define METRICS_SLOTS 4096u /* a power of two, twice METRICS_PER_FAMILY */

struct metric {
    struct metric_family *family;
    uint64_t hash;
    char *values[METRICS_LABELS];
    _Atomic int64_t value;
    _Atomic uint64_t *buckets; /* not cumulative; the last is above all bounds */
    _Atomic double sum;
};

struct metric_family {
    struct metric_family *next; /* sorted by name */
    enum metric_kind kind;
    char *name, *help;
    char *labels[METRICS_LABELS];
    unsigned label_count;
    double *bounds;
    unsigned bucket_count;

    pthread_mutex_t lock; /* to add */
    struct metric *plain; /* a family without labels has just this */
    struct metric *_Atomic other;
    struct metric *_Atomic slots[METRICS_SLOTS];
    struct metric *entries[METRICS_PER_FAMILY + 1]; /* below `count` they never change */
    atomic_uint count;
};

struct metrics {
    pthread_mutex_t lock; /* the list of families */
    struct metric_family *first;
};

#endif
