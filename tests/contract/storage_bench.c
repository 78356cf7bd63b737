/* storage_bench.c - how fast a store is: callers at once, each of which creates
 * a call, updates it four times without waiting, writes its record, and begins
 * anew. Rates are wall time: say so when the machine is shared. */
#include <sys/resource.h>

#include "base/clock.h"
#include "base/id.h"
#include "storage_suite.h"

#define UPDATES     4
#define LATENCY_MAX 4000000 /* kept for the percentiles */

struct bench {
    struct rig *rig;
    const char *calls;
    char filling[300];
    uint64_t end_us;
    unsigned running; /* callers, and writes that nobody waits for */
    uint64_t creates, others;
    uint32_t *took_us;
    bool done;
};

struct caller {
    struct bench *bench;
    char id[ID_SIZE];
    uint64_t began_us;
};

static void create(struct caller *c);

static void ended(struct bench *b, const struct op_result *res)
{
    if (res->err != DG_OK) {
        fprintf(stderr, "%s\n", res->message);
        exit(1);
    }
    if (--b->running == 0)
        rig_turn(b->rig, &b->done);
}

static void on_other(void *arg, const struct op_result *res)
{
    struct bench *b = arg;
    b->others++;
    ended(b, res);
}

static void put(struct caller *c, const char *id, const char *state, uint64_t expect, op_fn *fn,
                void *arg)
{
    struct bench *b = c->bench;
    char json[512];
    int len = snprintf(json, sizeof(json), "{\"kind\":\"%s\",\"at\":%lld,\"filling\":\"%s\"}",
                       state, (long long)(c->began_us / 1000), b->filling);
    struct dg_write w = {
        .collection = b->calls, .id = id, .json = {json, (size_t)len}, .expect = expect};
    b->running++;
    storage_write(rig_instance(b->rig), &w, 1, fn, arg);
}

static void on_created(void *arg, const struct op_result *res)
{
    static const char *const states[UPDATES] = {"dialing", "ringing", "answered", "completed"};
    struct caller *c = arg;
    struct bench *b = c->bench;
    uint64_t now = clock_us();
    if (b->creates < LATENCY_MAX)
        b->took_us[b->creates] = (uint32_t)(now - c->began_us);
    b->creates++;
    for (size_t i = 0; i < UPDATES; i++)
        put(c, c->id, states[i], DG_VERSION_ANY, on_other, b);
    char record[64];
    snprintf(record, sizeof(record), "%s-cdr", c->id);
    put(c, record, "record", DG_VERSION_ANY, on_other, b);
    if (now < b->end_us)
        create(c);
    ended(b, res);
}

static void create(struct caller *c)
{
    c->began_us = clock_us();
    id_uuid7(c->id);
    put(c, c->id, "pending", DG_VERSION_NONE, on_created, c);
}

static void begin(struct rig *r, void *arg)
{
    struct caller *callers = arg;
    (void)r;
    for (struct caller *c = callers; c->bench; c++)
        create(c);
}

static int by_value(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

int storage_bench(struct rig *r, unsigned seconds, unsigned count)
{
    struct bench b = {.rig = r, .calls = THINGS};
    struct caller *callers = calloc(count + 1, sizeof(*callers));
    b.took_us = calloc(LATENCY_MAX, sizeof(*b.took_us));
    memset(b.filling, 'x', sizeof(b.filling) - 1);
    for (unsigned i = 0; i < count; i++)
        callers[i].bench = &b;
    double cpu = cpu_seconds();
    uint64_t began = clock_us();
    b.end_us = began + seconds * 1000000u;
    rig_on_loop(r, begin, callers);
    rig_wait_for(r, &b.done);
    double took = (double)(clock_us() - began) / 1e6;
    cpu = cpu_seconds() - cpu;
    size_t kept = b.creates < LATENCY_MAX ? b.creates : LATENCY_MAX;
    qsort(b.took_us, kept, sizeof(*b.took_us), by_value);
    double median = b.took_us[kept / 2], tail = b.took_us[kept * 99 / 100];
    printf("%u callers, %.1f s: %.0f creates/s, each with %u updates and a record: "
           "%.0f writes/s; create p50 %.2f ms, p99 %.2f ms; %.0f us of processor per create\n",
           count, took, (double)b.creates / took, UPDATES, (double)(b.creates + b.others) / took,
           median / 1e3, tail / 1e3, cpu * 1e6 / (double)b.creates);
    free(b.took_us);
    free(callers);
    return 0;
}
