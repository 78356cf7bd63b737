/* plug_bench.h - what tests of plugins need: a loop, a plug, settings from text,
 * results that are waited for. */
#ifndef TESTS_PLUG_BENCH_H
#define TESTS_PLUG_BENCH_H

#include "unit.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"
#include "plug/auth.h"
#include "plug/backend.h"
#include "plug/plug.h"
#include "plug/storage.h"

struct bench {
    struct loop *loop;
    struct net *net;
    struct metrics *metrics;
    struct plug *plug;
    struct problem problem;
    struct env *env;
};

/* A result, kept after its callback. */
struct result {
    struct bench *b;
    int calls;
    enum dg_err err;
    char *message, *text;
    size_t count;
    void (*look)(const struct op_result *res, void *arg); /* at the items, or NULL */
    void *arg;
};

static inline void bench_late(void *arg)
{
    (void)arg;
    fail_msg("what was waited for did not happen in 20 seconds");
}

static inline void bench_run(struct bench *b)
{
    struct loop_timer *late = loop_timer(b->loop, 20000, bench_late, NULL);
    loop_run(b->loop);
    loop_timer_stop(b->loop, late);
}

static inline void bench_start(struct bench *b, struct plug_config config)
{
    static const char *folders[] = {PLUGIN_DIR, TEST_PLUGIN_DIR, NULL};
    *b = (struct bench){.loop = loop_new(), .metrics = metrics_new()};
    b->net = net_new(b->loop, NULL);
    config.loop = b->loop;
    config.net = b->net;
    config.metrics = b->metrics;
    config.folders = config.folders ? config.folders : folders;
    b->plug = plug_new(&config);
}

static inline void bench_end(struct bench *b)
{
    plug_free(b->plug);
    net_free(b->net);
    loop_free(b->loop);
    metrics_free(b->metrics);
}

/* `text`: the lines of the instance's table. */
static inline struct settings *bench_settings(const struct dg_cfg_key *keys, const char *text)
{
    char path[UNIT_PATH_SIZE], why[200], *whole = xasprintf("[t]\n%s\n", text ? text : "");
    struct buf problems;
    unsigned count = 0;
    unit_file(path, whole, strlen(whole));
    struct toml_node *root = toml_load(path, why, sizeof(why));
    buf_init(&problems, 10000);
    const struct settings_source src = {.file = path, .problems = &problems, .count = &count};
    assert_non_null(root);
    struct settings *s = settings_read(&src, "t", toml_get(root, "t"), keys, NULL);
    if (count)
        fail_msg("%s", buf_cstr(&problems));
    buf_free(&problems);
    toml_free(root);
    unlink(path);
    free(whole);
    return s;
}

static inline struct instance *bench_open(struct bench *b, const struct dg_plugin *d,
                                          const char *text, const struct plug_events *events)
{
    if (!d) {
        fail_msg("%s", b->problem.text);
        return NULL;
    }
    return instance_open(b->plug, d, "one", bench_settings(d->config, text), events, &b->problem);
}

static inline struct instance *bench_load(struct bench *b, const char *name, const char *text,
                                          const struct plug_events *events)
{
    const struct dg_plugin *d = plug_load(b->plug, name, &b->problem);
    struct instance *in = bench_open(b, d, text, events);
    if (!in)
        fail_msg("%s", b->problem.text);
    return in;
}

static inline void bench_stop(void *arg)
{
    loop_stop(((struct bench *)arg)->loop);
}

static inline void bench_close(struct bench *b, struct instance *in)
{
    instance_close(in, bench_stop, b);
    bench_run(b);
}

static inline void bench_after(struct bench *b, uint64_t ms)
{
    loop_timer(b->loop, ms, bench_stop, b);
    bench_run(b);
}

/* The op_fn of results. */
static inline void on_result(void *arg, const struct op_result *res)
{
    struct result *r = arg;
    r->calls++;
    r->err = res->err;
    r->count = res->count;
    free(r->message);
    r->message = xstrdup(res->message);
    if (r->look)
        r->look(res, r->arg);
    if (r->b)
        loop_stop(r->b->loop);
}

/* Waits for a result just asked for; gives its error. */
static inline enum dg_err result_wait(struct bench *b, struct result *r)
{
    assert_int_equal(r->calls, 0); /* never from inside the call */
    r->b = b;
    bench_run(b);
    assert_int_equal(r->calls, 1);
    r->b = NULL;
    r->calls = 0;
    return r->err;
}

static inline void result_free(struct result *r)
{
    free(r->message);
    free(r->text);
}

/* A counter's line in the metrics, its value at the end; NULL text: not there. */
static inline bool bench_counted(struct bench *b, const char *line)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    metrics_render(b->metrics, &out);
    bool found = strstr(buf_cstr(&out), line) != NULL;
    if (!found)
        print_message("%s\n", buf_cstr(&out));
    buf_free(&out);
    return found;
}

#endif
