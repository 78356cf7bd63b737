/* call_metrics.c - counters and histograms of calls. */
#include "domain/call_metrics.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "domain/call.h"

#define LEN(a) (sizeof(a) / sizeof *(a))

struct call_metrics {
    struct metric *launched, *success, *failed, *total, *live;
    struct metric_family *originated, *transitions, *events, *queued, *refused;
    struct metric_family *backend_up, *backend_serving, *backend_calls, *route_changes, *moved;
    struct metric *latency, *latency_old, *duration, *waited;
};

static const double latency_buckets[] = {0.1, 0.25, 0.5, 1, 2.5, 5, 10};
static const double wait_buckets[] = {0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
static const double duration_buckets[] = {5, 10, 30, 60, 120, 300, 600, 1800, 3600};

static struct metric_family *family(struct metrics *m, enum metric_kind kind, const char *name,
                                    const char *help)
{
    struct metric_family_info info = {.kind = kind, .name = name, .help = help};
    return metrics_family(m, &info);
}

static struct metric *counter(struct metrics *m, const char *name, const char *help)
{
    return metric_plain(family(m, METRIC_COUNTER, name, help));
}

static struct metric *histogram(struct metrics *m, const char *name, const char *help,
                                const double *buckets, unsigned count)
{
    struct metric_family_info info = {.kind = METRIC_HISTOGRAM,
                                      .name = name,
                                      .help = help,
                                      .buckets = buckets,
                                      .bucket_count = count};
    return metric_plain(metrics_family(m, &info));
}

static void on_event(void *arg, const struct bus_event *ev)
{
    struct call_metrics *cm = arg;
    if (!ev->call)
        return;
    const char *labels[] = {ev->from, ev->to, "success"};
    if (!str_eq(ev->from, ev->to))
        metric_add(metric_of(cm->transitions, labels), 1);
    if (ev->topic != BUS_CALL_ENDED)
        return;
    metric_add(ev->call->state == CALL_COMPLETED ? cm->success : cm->failed, 1);
    if (ev->call->duration_s >= 0)
        metric_observe(cm->duration, (double)ev->call->duration_s);
}

static void add_admission(struct call_metrics *cm, struct metrics *m)
{
    struct metric_family_info queued = {.kind = METRIC_GAUGE,
                                        .name = "dialgate_calls_queued",
                                        .help = "Calls that wait for max_per_second.",
                                        .labels = {"backend"}};
    cm->queued = metrics_family(m, &queued);
    struct metric_family_info refused = {.kind = METRIC_COUNTER,
                                         .name = "dialgate_calls_refused_total",
                                         .help = "Calls refused by a limit, by the limit.",
                                         .labels = {"backend", "limit"}};
    cm->refused = metrics_family(m, &refused);
    cm->waited = histogram(m, "dialgate_call_queue_seconds",
                           "How long those calls waited that had to wait for max_per_second.",
                           wait_buckets, LEN(wait_buckets));
}

static struct metric_family *labelled(struct metrics *m, enum metric_kind kind, const char *name,
                                      const char *help, const char *first, const char *second)
{
    struct metric_family_info info = {
        .kind = kind, .name = name, .help = help, .labels = {first, second}};
    return metrics_family(m, &info);
}

static void add_backends(struct call_metrics *cm, struct metrics *m)
{
    cm->backend_up = labelled(m, METRIC_GAUGE, "dialgate_backend_up",
                              "1: the backend is connected.", "backend", NULL);
    cm->backend_serving = labelled(m, METRIC_GAUGE, "dialgate_backend_serving",
                                   "1: new calls go to this backend.", "backend", NULL);
    cm->backend_calls =
        labelled(m, METRIC_GAUGE, "dialgate_backend_calls",
                 "Calls that have not ended, by who carries them.", "backend", NULL);
    cm->route_changes = labelled(
        m, METRIC_COUNTER, "dialgate_backend_changes_total",
        "How often new calls began to go to another backend, by the reason.", "reason", NULL);
    cm->moved =
        labelled(m, METRIC_COUNTER, "dialgate_calls_moved_total",
                 "Calls that one backend has not dialled and another was given.", "from", "to");
}

struct call_metrics *call_metrics_new(struct metrics *m, struct bus *bus)
{
    struct call_metrics *cm = xcalloc(1, sizeof *cm);
    cm->launched = counter(m, "calls_launched_total", "Calls requested.");
    cm->success = counter(m, "calls_success_total", "Calls that were answered and have ended.");
    cm->failed = counter(m, "calls_failed_total", "Calls that ended without an answer or failed.");
    cm->total = counter(m, "calls_total", "Calls, whatever became of them.");
    cm->live =
        metric_plain(family(m, METRIC_GAUGE, "dialgate_calls_live", "Calls that have not ended."));
    struct metric_family_info originated = {.kind = METRIC_COUNTER,
                                            .name = "calls_originated_total",
                                            .help = "Originates by their result.",
                                            .labels = {"status"}};
    cm->originated = metrics_family(m, &originated);
    struct metric_family_info transitions = {.kind = METRIC_COUNTER,
                                             .name = "call_state_transitions_total",
                                             .help = "Changes of call states.",
                                             .labels = {"from_state", "to_state", "result"}};
    cm->transitions = metrics_family(m, &transitions);
    struct metric_family_info events = {.kind = METRIC_COUNTER,
                                        .name = "ari_events_received_total",
                                        .help = "Events of the active backend.",
                                        .labels = {"event_type", "status"}};
    cm->events = metrics_family(m, &events);
    cm->latency_old = histogram(m, "originate_latency_seconds",
                                "Time until the backend accepted or refused an originate.",
                                latency_buckets, LEN(latency_buckets));
    cm->latency = histogram(m, "call_origination_latency_seconds",
                            "Time until the backend accepted or refused an originate.",
                            latency_buckets, LEN(latency_buckets));
    cm->duration = histogram(m, "call_duration_seconds", "Answer to end, in seconds.",
                             duration_buckets, LEN(duration_buckets));
    add_admission(cm, m);
    add_backends(cm, m);
    bus_subscribe(bus, on_event, cm);
    return cm;
}

void call_metrics_free(struct call_metrics *cm)
{
    free(cm);
}

void call_metrics_originated(struct call_metrics *cm, bool accepted, double seconds)
{
    const char *labels[] = {accepted ? "success" : "failed"};
    metric_add(metric_of(cm->originated, labels), 1);
    metric_observe(cm->latency, seconds);
    metric_observe(cm->latency_old, seconds);
}

void call_metrics_event(struct call_metrics *cm, const char *type, bool processed)
{
    const char *labels[] = {type, processed ? "processed" : "ignored"};
    metric_add(metric_of(cm->events, labels), 1);
}

void call_metrics_launched(struct call_metrics *cm)
{
    metric_add(cm->launched, 1);
    metric_add(cm->total, 1);
}

void call_metrics_live(struct call_metrics *cm, size_t live)
{
    metric_set(cm->live, (int64_t)live);
}

void call_metrics_queued(struct call_metrics *cm, const char *backend, size_t queued)
{
    metric_set(metric_of(cm->queued, &backend), (int64_t)queued);
}

void call_metrics_refused(struct call_metrics *cm, const char *backend, const char *limit)
{
    const char *labels[] = {backend, limit};
    metric_add(metric_of(cm->refused, labels), 1);
}

void call_metrics_waited(struct call_metrics *cm, double seconds)
{
    metric_observe(cm->waited, seconds);
}

void call_metrics_backend(struct call_metrics *cm, const char *backend, bool up, bool serving)
{
    metric_set(metric_of(cm->backend_up, &backend), up);
    metric_set(metric_of(cm->backend_serving, &backend), serving);
}

void call_metrics_backend_calls(struct call_metrics *cm, const char *backend, int more)
{
    metric_add(metric_of(cm->backend_calls, &backend), more);
}

void call_metrics_route_changed(struct call_metrics *cm, const char *reason)
{
    metric_add(metric_of(cm->route_changes, &reason), 1);
}

void call_metrics_moved(struct call_metrics *cm, const char *from, const char *to)
{
    const char *labels[] = {from, to};
    metric_add(metric_of(cm->moved, labels), 1);
}
