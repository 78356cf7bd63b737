/* access.c - what is counted and logged of each request. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/inside.h"

#define UNMATCHED "unmatched"

static const char *const refusal_names[REFUSED_REASONS] = {
    [REFUSED_CONNECTIONS] = "connections",
    [REFUSED_ADDRESS] = "connections_per_address",
    [REFUSED_IN_FLIGHT] = "in_flight",
    [REFUSED_BODY] = "body",
    [REFUSED_UPLOADS] = "uploads",
    [REFUSED_URI] = "uri",
    [REFUSED_HEADERS] = "headers",
    [REFUSED_FRAMING] = "framing",
    [REFUSED_RESETS] = "resets",
    [REFUSED_FLOOD] = "flood",
    [REFUSED_SLOW] = "slow",
    [REFUSED_UNREAD] = "unread",
};

static const double latency_buckets[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                         0.1,    0.25,  0.5,    1,     2.5,  5,     10};

static struct metric *gauge(struct metrics *m, const char *name, const char *help)
{
    const struct metric_family_info info = {.kind = METRIC_GAUGE, .name = name, .help = help};
    return metric_plain(metrics_family(m, &info));
}

void access_init(struct http *h)
{
    const struct metric_family_info requests = {
        .kind = METRIC_COUNTER,
        .name = "api_requests_total",
        .help = "Requests answered, by method, route and status.",
        .labels = {"method", "path", "status"},
    };
    const struct metric_family_info latency = {
        .kind = METRIC_HISTOGRAM,
        .name = "api_request_latency_seconds",
        .help = "Time from the complete request to its answer.",
        .labels = {"method", "path"},
        .buckets = latency_buckets,
        .bucket_count = sizeof(latency_buckets) / sizeof(*latency_buckets),
    };
    const struct metric_family_info refusals = {
        .kind = METRIC_COUNTER,
        .name = "dialgate_http_refused_total",
        .help = "Requests and connections turned away by a limit.",
        .labels = {"reason"},
    };
    h->count.requests = metrics_family(h->metrics, &requests);
    h->count.latency = metrics_family(h->metrics, &latency);
    h->count.refused_family = metrics_family(h->metrics, &refusals);
    for (int i = 0; i < REFUSED_REASONS; i++)
        h->count.refused[i] = metric_of(h->count.refused_family, &refusal_names[i]);
    h->count.connections = gauge(h->metrics, "dialgate_http_connections", "Open connections.");
    h->count.streams =
        gauge(h->metrics, "dialgate_http_streams", "Answers under way that come bit by bit.");
    h->count.in_flight =
        gauge(h->metrics, "dialgate_http_in_flight", "Requests that wait for the control thread.");
}

void refused(struct http *h, enum refused reason)
{
    metric_add(h->count.refused[reason], 1);
}

/* ---- Per request -------------------------------------------------------- */

static struct metric *find_count(const struct http *h, const char *method, const char *path,
                                 int status)
{
    char digits[4] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
                      (char)('0' + status % 10)};
    return metric_of(h->count.requests, (const char *const[]){method, path, digits});
}

/* The statuses of a route are few: its metrics are looked up once per thread. */
static struct metric *route_count(struct route_metrics *rm, const struct http *h,
                                  const struct route *route, int status)
{
    for (int i = 0; i < STATUSES_KEPT; i++) {
        if (rm->seen[i].status == status)
            return rm->seen[i].count;
        if (rm->seen[i].status == 0) {
            rm->seen[i].count = find_count(h, route->method, route->pattern, status);
            rm->seen[i].status = status;
            return rm->seen[i].count;
        }
    }
    return find_count(h, route->method, route->pattern, status);
}

static void count(struct request *req, int status, double seconds)
{
    struct http *h = req->worker->http;
    const struct route *route = req->match.route;
    if (!route) {
        const char *labels[] = {req->method, UNMATCHED};
        metric_add(find_count(h, req->method, UNMATCHED, status), 1);
        metric_observe(metric_of(h->count.latency, labels), seconds);
        return;
    }
    struct route_metrics *rm = &req->worker->route_metrics[route - h->routes];
    if (!rm->latency)
        rm->latency =
            metric_of(h->count.latency, (const char *const[]){route->method, route->pattern});
    metric_add(route_count(rm, h, route, status), 1);
    metric_observe(rm->latency, seconds);
}

void access_note(struct request *req, int status)
{
    uint64_t us = clock_us() - req->began_us;
    count(req, status, (double)us / 1e6);
    log_debug("http", "request", LOG_S("method", req->head ? "HEAD" : req->method),
              LOG_S("path", req->path), LOG_I("status", status), LOG_I("us", us),
              LOG_S("peer", req->peer));
}
