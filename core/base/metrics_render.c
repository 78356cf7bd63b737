/* metrics_render.c - metrics as Prometheus text, format 0.0.4. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics_own.h"

static void add_escaped(struct buf *out, const char *s, bool quotes)
{
    for (; *s; s++) {
        if (*s == '\n')
            buf_add(out, "\\n", 2);
        else if (*s == '\\' || (quotes && *s == '"'))
            buf_add(out, (char[]){'\\', *s}, 2);
        else
            buf_addc(out, *s);
    }
}

/* The shortest text that reads back as the same number. */
static void add_number(struct buf *out, double value)
{
    char text[40];
    if (isinf(value)) {
        buf_adds(out, value > 0 ? "+Inf" : "-Inf");
        return;
    }
    for (int precision = 6; precision <= 17; precision++) {
        snprintf(text, sizeof(text), "%.*g", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buf_adds(out, text);
}

/* `name{a="b",le="0.5"} `; `bound` NULL: without "le". */
static void add_series(struct buf *out, const struct metric *m, const char *suffix,
                       const double *bound)
{
    const struct metric_family *f = m->family;
    char before = '{';
    buf_adds(out, f->name);
    buf_adds(out, suffix);
    for (unsigned i = 0; i < f->label_count; i++) {
        buf_addc(out, before);
        buf_adds(out, f->labels[i]);
        buf_add(out, "=\"", 2);
        add_escaped(out, m->values[i], true);
        buf_addc(out, '"');
        before = ',';
    }
    if (bound) {
        buf_addc(out, before);
        buf_adds(out, "le=\"");
        add_number(out, *bound);
        buf_addc(out, '"');
        before = ',';
    }
    if (before == ',')
        buf_addc(out, '}');
    buf_addc(out, ' ');
}

/* The count is the sum of the buckets just read, not a number of its own: so it
 * always equals the last bucket, also while others are counting. */
static void render_histogram(const struct metric *m, struct buf *out)
{
    const struct metric_family *f = m->family;
    uint64_t count = 0;
    for (unsigned i = 0; i <= f->bucket_count; i++) {
        double bound = i < f->bucket_count ? f->bounds[i] : INFINITY;
        count += atomic_load_explicit(&m->buckets[i], memory_order_relaxed);
        add_series(out, m, "_bucket", &bound);
        buf_addf(out, "%" PRIu64 "\n", count);
    }
    add_series(out, m, "_sum", NULL);
    add_number(out, atomic_load_explicit(&m->sum, memory_order_relaxed));
    buf_addc(out, '\n');
    add_series(out, m, "_count", NULL);
    buf_addf(out, "%" PRIu64 "\n", count);
}

static void render_family(struct metric_family *f, struct buf *out)
{
    static const char *const kinds[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};

    buf_addf(out, "# HELP %s ", f->name);
    add_escaped(out, f->help, false);
    buf_addf(out, "\n# TYPE %s %s\n", f->name, kinds[f->kind]);
    unsigned count = atomic_load_explicit(&f->count, memory_order_acquire);
    for (unsigned i = 0; i < count; i++) {
        const struct metric *m = f->entries[i];
        if (f->kind == METRIC_HISTOGRAM) {
            render_histogram(m, out);
        } else {
            add_series(out, m, "", NULL);
            buf_addf(out, "%" PRId64 "\n", metric_value(m));
        }
    }
}

void metrics_render(struct metrics *m, struct buf *out)
{
    pthread_mutex_lock(&m->lock);
    for (struct metric_family *f = m->first; f; f = f->next)
        render_family(f, out);
    pthread_mutex_unlock(&m->lock);
}
