/* health.c - the parts and how they are. The backends are followed on the control
 * thread and read by HTTP threads under a lock that is held for a copy. */
#include "api/system/health.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/system/system.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

struct health {
    pthread_mutex_t lock;
    struct health_report report; /* all but the store */
    struct store *store;
    const struct calls *calls;
    struct metric *http_connected, *socket_connected;
};

static struct metric *gauge(struct metrics *m, const char *name, const char *help)
{
    struct metric_family_info info = {.kind = METRIC_GAUGE, .name = name, .help = help};
    return metric_plain(metrics_family(m, &info));
}

static struct health_backend describe(const struct backend_view *v)
{
    const struct instance *in = v->instance;
    struct health_backend b = {.role = v->role,
                               .link = in->link,
                               .serving = v->serving,
                               .mock = v->mock,
                               .calls = v->calls};
    snprintf(b.name, sizeof b.name, "%s", in->name);
    snprintf(b.plugin, sizeof b.plugin, "%s", in->plugin->name);
    snprintf(b.detail, sizeof b.detail, "%s",
             in->link == DG_LINK_DOWN && in->link_detail ? in->link_detail : "");
    return b;
}

static void on_event(void *arg, const struct bus_event *ev)
{
    struct health *h = arg;
    struct backend_view views[HEALTH_BACKENDS];
    if (ev->topic != BUS_BACKENDS || !h->calls)
        return;
    size_t count = calls_backends(h->calls, views, HEALTH_BACKENDS);
    bool up = count && views[0].instance->link == DG_LINK_UP;
    pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < count; i++)
        h->report.backends[i] = describe(&views[i]);
    h->report.count = count;
    pthread_mutex_unlock(&h->lock);
    metric_set(h->http_connected, up);
    metric_set(h->socket_connected, up);
}

struct health *health_new(struct bus *bus, struct store *store, struct metrics *metrics)
{
    struct health *h = xcalloc(1, sizeof *h);
    pthread_mutex_init(&h->lock, NULL);
    h->store = store;
    /* The documented names; they tell of the active backend, whatever it is. */
    h->http_connected = gauge(metrics, "ari_http_connected", "The active backend takes requests.");
    h->socket_connected =
        gauge(metrics, "ari_websocket_connected", "The active backend sends events.");
    bus_subscribe(bus, on_event, h);
    return h;
}

void health_free(struct health *h)
{
    if (!h)
        return;
    pthread_mutex_destroy(&h->lock);
    free(h);
}

void health_follow(struct health *h, const struct calls *calls)
{
    h->calls = calls;
}

void health_read(struct health *h, struct health_report *out)
{
    pthread_mutex_lock(&h->lock);
    *out = h->report;
    pthread_mutex_unlock(&h->lock);
    store_status(h->store, &out->store);
}

/* ---- GET /health --------------------------------------------------------------------- */

static bool store_is_well(const struct health_report *r)
{
    return r->store.state == STORE_UP || r->store.state == STORE_DISABLED;
}

/* "ok", "disabled", or "error: why". */
static void store_text(const struct health_report *r, char out[300])
{
    if (r->store.state == STORE_UP)
        snprintf(out, 300, "ok");
    else if (r->store.state == STORE_DISABLED)
        snprintf(out, 300, "disabled");
    else
        snprintf(out, 300, "error: %s",
                 r->store.detail[0] ? r->store.detail : store_state_name(r->store.state));
}

static bool is_up(const struct health_backend *b)
{
    return b && b->link == DG_LINK_UP;
}

static const struct health_backend *active(const struct health_report *r)
{
    return r->count ? &r->backends[0] : NULL;
}

static const struct health_backend *serving(const struct health_report *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->backends[i].serving)
            return &r->backends[i];
    }
    return active(r);
}

/* New calls go to the fallback, and it is connected. */
static const struct health_backend *stand_in(const struct health_report *r)
{
    const struct health_backend *b = serving(r);
    return b != active(r) && is_up(b) ? b : NULL;
}

static void write_services(struct json_writer *w, const char *store, bool up)
{
    jw_object(w, "services");
    jw_str(w, "api", "running");
    jw_str(w, "database", store);
    jw_str(w, "asterisk_ari", up ? "ok" : "disconnected");
    jw_end(w);
}

static const char *link_word(const struct health_backend *b)
{
    return is_up(b) ? "connected" : "disconnected";
}

static void write_link(struct json_writer *w, const struct health_backend *b)
{
    jw_object(w, "asterisk");
    jw_str(w, "status", is_up(b) ? "ok" : "degraded");
    jw_str(w, "http", link_word(b));
    jw_str(w, "websocket", link_word(b));
    jw_str(w, "backend", b ? b->name : NULL);
    if (b && b->mock)
        jw_bool(w, "mock", true);
    if (b && b->detail[0])
        jw_str(w, "detail", b->detail);
    jw_end(w);
}

static void write_stand_in(struct json_writer *w, const struct health_backend *b)
{
    jw_object(w, "fallback");
    jw_str(w, "backend", b->name);
    jw_bool(w, "mock", b->mock);
    jw_end(w);
}

static void write_backends(struct json_writer *w, const struct health_report *r)
{
    jw_array(w, "backends");
    for (size_t i = 0; i < r->count; i++) {
        const struct health_backend *b = &r->backends[i];
        jw_object(w, NULL);
        jw_str(w, "name", b->name);
        jw_str(w, "plugin", b->plugin);
        jw_str(w, "role", backend_role_name(b->role));
        jw_str(w, "link", link_word(b));
        jw_bool(w, "serving", b->serving);
        jw_bool(w, "mock", b->mock);
        if (b->detail[0])
            jw_str(w, "detail", b->detail);
        jw_end(w);
    }
    jw_end(w);
}

/* Clients of the mobile dialer send a key; they expect "healthy", and local times. */
static bool is_mobile(const struct request *req)
{
    return request_header(req, "x-api-key") != NULL;
}

static const char *overall(const struct request *req, const struct health_report *r)
{
    if (is_mobile(req))
        return "healthy";
    return is_up(active(r)) && store_is_well(r) ? "ok" : "degraded";
}

static void write_time(struct json_writer *w, const struct request *req)
{
    char text[CLOCK_ISO_SIZE];
    if (is_mobile(req))
        clock_iso_local(clock_unix_us(), text);
    else
        clock_iso_utc(clock_unix_ms(), text);
    jw_str(w, "timestamp", text);
}

void system_health(struct request *req)
{
    struct api *api = api_of(req);
    struct health_report r;
    char store[300];
    health_read(api->health, &r);
    store_text(&r, store);

    struct buf json;
    struct json_writer w;
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    jw_str(&w, "status", overall(req, &r));
    jw_str(&w, "version", api->app_version);
    jw_str(&w, "node", api->node);
    jw_str(&w, "database", store);
    write_link(&w, active(&r));
    if (stand_in(&r))
        write_stand_in(&w, stand_in(&r));
    write_backends(&w, &r);
    write_services(&w, store, is_up(active(&r)));
    write_time(&w, req);
    jw_end(&w);
    reply_header(req, "cache-control", "no-store");
    reply_json(req, 200, &json);
    buf_free(&json);
}

/* ---- GET /readiness -------------------------------------------------------------------- */

void system_readiness(struct request *req)
{
    struct api *api = api_of(req);
    struct health_report r;
    health_read(api->health, &r);
    bool up = is_up(active(&r)), ready = (up || stand_in(&r)) && store_is_well(&r);

    struct buf json;
    struct json_writer w;
    buf_init(&json, BUF_MAX);
    jw_init(&w, &json);
    jw_object(&w, NULL);
    jw_bool(&w, "ready", ready);
    jw_object(&w, "checks");
    jw_bool(&w, "database", store_is_well(&r));
    jw_bool(&w, "asterisk_http", up);
    jw_bool(&w, "asterisk_websocket", up);
    jw_end(&w);
    if (stand_in(&r))
        write_stand_in(&w, stand_in(&r));
    jw_end(&w);
    reply_header(req, "cache-control", "no-store");
    reply_json(req, ready ? 200 : 503, &json);
    buf_free(&json);
}

/* ---- Documentation ------------------------------------------------------------------------ */

static const struct field backend_fields[] = {
    {.name = "name", .kind = FIELD_STR, .required = true, .example = "\"pbx\""},
    {.name = "plugin", .kind = FIELD_STR, .required = true, .example = "\"ari\""},
    {.name = "role",
     .kind = FIELD_STR,
     .required = true,
     .help = "active, next (takes over when it is connected), fallback, standby or draining",
     .example = "\"active\""},
    {.name = "link",
     .kind = FIELD_STR,
     .required = true,
     .help = "connected or disconnected",
     .example = "\"connected\""},
    {.name = "serving",
     .kind = FIELD_BOOL,
     .required = true,
     .help = "New calls go there",
     .example = "true"},
    {.name = "mock", .kind = FIELD_BOOL, .required = true, .help = "It only plays its calls"},
    {.name = "detail", .kind = FIELD_STR, .help = "Why it is not connected"},
    {0}};
static const struct schema backend_schema = {"BackendHealth", "A backend that is open",
                                             backend_fields};
static const struct field stand_in_fields[] = {
    {.name = "backend", .kind = FIELD_STR, .required = true, .example = "\"spare\""},
    {.name = "mock", .kind = FIELD_BOOL, .required = true, .help = "It only plays its calls"},
    {0}};
static const struct schema stand_in_schema = {
    "StandIn", "Who is given new calls instead of the active backend", stand_in_fields};
#define STAND_IN                                                                                   \
    {                                                                                              \
        .name = "fallback", .kind = FIELD_OBJECT, .of = &stand_in_schema,                          \
        .help = "Only while new calls go to another backend than the active one"                   \
    }

static const struct field health_fields[] = {
    {.name = "status",
     .kind = FIELD_STR,
     .required = true,
     .help = "ok or degraded; healthy for a client that sends X-API-Key",
     .example = "\"ok\""},
    {.name = "version", .kind = FIELD_STR, .required = true, .example = "\"1.0.0\""},
    {.name = "node",
     .kind = FIELD_STR,
     .required = true,
     .help = "The gateway that answers",
     .example = "\"east\""},
    {.name = "database",
     .kind = FIELD_STR,
     .required = true,
     .help = "ok, disabled, or error: and why",
     .example = "\"ok\""},
    {.name = "asterisk",
     .kind = FIELD_OBJECT,
     .required = true,
     .help = "The link to the active backend; `detail` says why it is not there",
     .example = "{\"status\":\"ok\",\"http\":\"connected\",\"websocket\":\"connected\"}"},
    STAND_IN,
    {.name = "backends",
     .kind = FIELD_LIST,
     .required = true,
     .of = &backend_schema,
     .help = "Those that are open, the active one first"},
    {.name = "services", .kind = FIELD_OBJECT, .required = true},
    {.name = "timestamp",
     .kind = FIELD_STR,
     .required = true,
     .help = "In UTC; for a client that sends X-API-Key local time without zone",
     .example = "\"2026-01-01T12:00:00.123Z\""},
    {0}};
static const struct schema health_schema = {"Health", "How the parts are", health_fields};
static const struct route_answer health_answers[] = {
    {200, "Always, whatever it says", &health_schema, NULL, NULL}, {0}};
const struct route_doc system_health_doc = {
    .id = "health", .tag = "System", .summary = "How the parts are", .answers = health_answers};

static const struct field readiness_fields[] = {
    {.name = "ready", .kind = FIELD_BOOL, .required = true, .example = "true"},
    {.name = "checks", .kind = FIELD_OBJECT, .required = true},
    STAND_IN,
    {0}};
static const struct schema readiness_schema = {"Readiness", "Whether calls can be placed",
                                               readiness_fields};
static const struct route_answer readiness_answers[] = {
    {200, "Ready", &readiness_schema, NULL, NULL},
    {503, "Not ready", &readiness_schema, NULL, NULL},
    {0}};
const struct route_doc system_readiness_doc = {.id = "readiness",
                                               .tag = "System",
                                               .summary = "Whether calls can be placed",
                                               .answers = readiness_answers};
