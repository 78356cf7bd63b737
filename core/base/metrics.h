/* metrics.h - counters, gauges and histograms, shown as Prometheus text 0.0.4.
 *
 * Families are made once at start-up, before threads; metrics within a family
 * (one per combination of label values) when first used. Adding is atomic and
 * may be done on any thread. At most METRICS_PER_FAMILY combinations are kept per family;
 * what comes after is counted under the label values "other".
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdint.h>

#include "base/buf.h"

/* Enough for each route with each status that it may have. */
#define METRICS_PER_FAMILY 2048
#define METRICS_LABELS     4

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metrics;
struct metric_family;
struct metric;

struct metric_family_info {
    enum metric_kind kind;
    const char *name, *help;
    const char *labels[METRICS_LABELS]; /* unused: NULL */
    const double *buckets;              /* HISTOGRAM: upper bounds, ascending */
    unsigned bucket_count;
};

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);
/* The info is copied. A name that is there already gives that family again. */
struct metric_family *metrics_family(struct metrics *m, const struct metric_family_info *info);
/* The metric with these label values (as many as the family has labels). [any thread] */
struct metric *metric_of(struct metric_family *f, const char *const *values);
struct metric *metric_plain(struct metric_family *f); /* a family without labels */
void metric_add(struct metric *m, int64_t n);         /* [any thread] */
void metric_set(struct metric *m, int64_t n);         /* gauges [any thread] */
void metric_observe(struct metric *m, double value);  /* histograms [any thread] */
int64_t metric_value(const struct metric *m);
/* Families sorted by name, each with HELP and TYPE. [any thread] */
void metrics_render(struct metrics *m, struct buf *out);

#endif
