/* metrics_test.c - base/metrics: what is counted, and the text Prometheus reads. */
#include "unit.h"

#include <math.h>
#include <pthread.h>
#include <unistd.h>

#include "base/metrics.h"

static struct metrics *metrics;

static int set_up(void **state)
{
    (void)state;
    metrics = metrics_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    metrics_free(metrics);
    return 0;
}

static const char *render(void)
{
    static char text[1 << 20];
    struct buf out;
    buf_init(&out, sizeof(text) - 1);
    metrics_render(metrics, &out);
    assert_false(out.over);
    memcpy(text, buf_cstr(&out), out.len + 1);
    buf_free(&out);
    return text;
}

static struct metric_family *family(enum metric_kind kind, const char *name, const char *a,
                                    const char *b)
{
    static const double bounds[] = {0.005, 0.1, 1, 2.5};
    return metrics_family(metrics, &(struct metric_family_info){.kind = kind,
                                                                .name = name,
                                                                .help = "Some help.",
                                                                .labels = {a, b},
                                                                .buckets = bounds,
                                                                .bucket_count = COUNT(bounds)});
}

static struct metric *of(struct metric_family *f, const char *a, const char *b)
{
    return metric_of(f, (const char *const[]){a, b});
}

static void counters_and_gauges(void **state)
{
    (void)state;
    struct metric_family *calls = family(METRIC_COUNTER, "calls_total", "backend", "end");
    struct metric *live = metric_plain(family(METRIC_GAUGE, "active_calls", NULL, NULL));
    metric_add(of(calls, "pbx", "busy"), 2);
    metric_add(of(calls, "pbx", "answered"), 1);
    metric_add(of(calls, "pbx", "busy"), 1);
    metric_add(of(calls, "pbx", "busy"), -5); /* a counter does not fall */
    metric_add(live, 7);
    metric_add(live, -3);
    assert_int_equal(metric_value(live), 4);
    metric_set(live, -1);
    assert_int_equal(metric_value(of(calls, "pbx", "busy")), 3);
    assert_string_equal(render(), "# HELP active_calls Some help.\n"
                                  "# TYPE active_calls gauge\n"
                                  "active_calls -1\n"
                                  "# HELP calls_total Some help.\n"
                                  "# TYPE calls_total counter\n"
                                  "calls_total{backend=\"pbx\",end=\"busy\"} 3\n"
                                  "calls_total{backend=\"pbx\",end=\"answered\"} 1\n");
}

static void histograms(void **state)
{
    (void)state;
    struct metric *m = of(family(METRIC_HISTOGRAM, "wait_seconds", "path", NULL), "/x", NULL);
    static const double values[] = {0, 0.005, 0.0050001, 0.5, 2.5, 3, 1e9, INFINITY};
    for (size_t i = 0; i < COUNT(values) - 1; i++)
        metric_observe(m, values[i]);
    metric_observe(m, NAN);
    assert_int_equal(metric_value(m), 7);
    assert_string_equal(render(), "# HELP wait_seconds Some help.\n"
                                  "# TYPE wait_seconds histogram\n"
                                  "wait_seconds_bucket{path=\"/x\",le=\"0.005\"} 2\n"
                                  "wait_seconds_bucket{path=\"/x\",le=\"0.1\"} 3\n"
                                  "wait_seconds_bucket{path=\"/x\",le=\"1\"} 4\n"
                                  "wait_seconds_bucket{path=\"/x\",le=\"2.5\"} 5\n"
                                  "wait_seconds_bucket{path=\"/x\",le=\"+Inf\"} 7\n"
                                  "wait_seconds_sum{path=\"/x\"} 1000000006.0100001\n"
                                  "wait_seconds_count{path=\"/x\"} 7\n");
    metric_observe(m, INFINITY);
    assert_non_null(strstr(render(), "wait_seconds_sum{path=\"/x\"} +Inf\n"));

    struct metric *counter = metric_plain(family(METRIC_COUNTER, "x_total", NULL, NULL));
    metric_observe(counter, 1);
    assert_int_equal(metric_value(counter), 0);
}

static void a_histogram_without_buckets(void **state)
{
    (void)state;
    struct metric_family_info info = {.kind = METRIC_HISTOGRAM, .name = "h", .help = NULL};
    metric_observe(metric_plain(metrics_family(metrics, &info)), 2);
    assert_string_equal(render(), "# HELP h \n# TYPE h histogram\n"
                                  "h_bucket{le=\"+Inf\"} 1\nh_sum 2\nh_count 1\n");
}

static void escaping(void **state)
{
    (void)state;
    struct metric_family_info info = {.kind = METRIC_GAUGE,
                                      .name = "g",
                                      .help = "a \"quote\", a \\ and a\nline",
                                      .labels = {"v"}};
    struct metric_family *f = metrics_family(metrics, &info);
    metric_set(of(f, "a \"quote\", a \\ and a\nline {}", NULL), 1);
    metric_set(of(f, "", NULL), 2);
    metric_set(of(f, NULL, NULL), 3); /* as if it were empty */
    metric_set(of(f, "\xe2\x82\xac", NULL), 4);
    metric_set(of(f, "\xff", NULL), 5); /* not UTF-8: Prometheus would refuse it all */
    metric_set(of(f, "\xfe", NULL), 6);
    assert_string_equal(render(), "# HELP g a \"quote\", a \\\\ and a\\nline\n"
                                  "# TYPE g gauge\n"
                                  "g{v=\"a \\\"quote\\\", a \\\\ and a\\nline {}\"} 1\n"
                                  "g{v=\"\"} 3\n"
                                  "g{v=\"\xe2\x82\xac\"} 4\n"
                                  "g{v=\"other\"} 6\n");
}

static void a_family_is_made_once(void **state)
{
    (void)state;
    struct metric_family *f = family(METRIC_COUNTER, "a_total", "x", NULL);
    assert_ptr_equal(family(METRIC_COUNTER, "a_total", "x", NULL), f);
    assert_ptr_not_equal(family(METRIC_COUNTER, "a", "x", NULL), f);
    assert_ptr_equal(of(f, "1", NULL), of(f, "1", NULL));
    assert_ptr_not_equal(of(f, "1", NULL), of(f, "2", NULL));

    /* The border between two values counts. */
    struct metric_family *two = family(METRIC_COUNTER, "b_total", "x", "y");
    assert_ptr_not_equal(of(two, "ab", "c"), of(two, "a", "bc"));
}

static void what_is_too_many_is_counted_as_other(void **state)
{
    (void)state;
    struct metric_family *f = family(METRIC_COUNTER, "a_total", "id", "kind");
    for (int i = 0; i < 100000; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", i);
        metric_add(of(f, id, "k"), 1);
    }
    assert_int_equal(metric_value(of(f, "other", "other")), 100000 - METRICS_PER_FAMILY);
    assert_int_equal(metric_value(of(f, "0", "k")), 1);
    char last[16], next[16];
    snprintf(last, sizeof last, "%d", METRICS_PER_FAMILY - 1);
    snprintf(next, sizeof next, "%d", METRICS_PER_FAMILY);
    assert_ptr_not_equal(of(f, last, "k"), of(f, "other", "other"));
    assert_int_equal(metric_value(of(f, last, "k")), 1);
    assert_ptr_equal(of(f, next, "k"), of(f, "other", "other"));
    unsigned lines = 0;
    for (const char *p = render(); (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, METRICS_PER_FAMILY + 1 + 2);
}

#define THREADS 4
#define ROUNDS  4000

static struct metric_family *shared, *shared_histogram;

static void *count(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", i % 300);
        metric_add(of(shared, id, NULL), 1);
        metric_observe(metric_plain(shared_histogram), 0.5);
    }
    return NULL;
}

/* All find the same metrics while they come into being, and nothing is lost. */
static void threads(void **state)
{
    (void)state;
    pthread_t ids[THREADS];
    shared = family(METRIC_COUNTER, "shared_total", "id", NULL);
    shared_histogram = family(METRIC_HISTOGRAM, "shared_seconds", NULL, NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&ids[i], NULL, count, NULL), 0);
    for (int i = 0; i < 20; i++)
        render();
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    int64_t sum = 0;
    const char *p = strstr(render(), "# TYPE shared_total");
    for (p = strchr(p, '\n') + 1; *p; p = strchr(p, '\n') + 1)
        sum += strtoll(strchr(p, ' '), NULL, 10);
    assert_int_equal(sum, THREADS * ROUNDS);
    assert_int_equal(metric_value(metric_plain(shared_histogram)), THREADS * ROUNDS);
    assert_non_null(strstr(render(), "shared_seconds_sum 8000\n"));
}

static void freeing_nothing(void **state)
{
    (void)state;
    metrics_free(NULL);
    assert_string_equal(render(), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counters_and_gauges),
        TEST(histograms),
        TEST(a_histogram_without_buckets),
        TEST(escaping),
        TEST(a_family_is_made_once),
        TEST(what_is_too_many_is_counted_as_other),
        TEST(threads),
        TEST(freeing_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
