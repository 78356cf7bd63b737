/* http_bed.h - a whole HTTP server in a test: control loop, routes, clients.
 *
 * bed_start() takes what a test wants to be other than usual; the rest is set
 * here. Clients: libcurl for what is right, raw sockets for what is not.
 */
#ifndef TESTS_HTTP_BED_H
#define TESTS_HTTP_BED_H

#include "unit.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"
#include "http/server.h"

#define BED_WAIT_MS 10000

struct bed {
    struct loop *loop;
    pthread_t thread;
    struct metrics *metrics;
    struct http *http;
    char *url; /* of the first address */
    atomic_uint identified, runs, backs, freed;
    _Atomic(struct hop *) held; /* of /held */
};

static struct bed bed;

/* ---- Routes ------------------------------------------------------------- */

static void json_reply(struct request *req, int status, const char *key, const char *value)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, BUF_MAX);
    jw_init(&w, &out);
    jw_object(&w, NULL);
    jw_str(&w, key, value);
    jw_end(&w);
    reply_json(req, status, &out);
    buf_free(&out);
}

static void on_hello(struct request *req)
{
    json_reply(req, 200, "hello", request_http_major(req) == 2 ? "2" : "1");
}

static void on_echo(struct request *req)
{
    const char *q = request_query(req, "q");
    char *text = xasprintf("%s|%s|%s|%s|%s|%s", request_method(req), request_path(req),
                           request_param(req, "a"), request_param(req, "b"), q ? q : "(none)",
                           request_peer(req));
    json_reply(req, 200, "echo", text);
    free(text);
}

static void on_body(struct request *req)
{
    struct dg_bytes body = request_body(req);
    char *text = xasprintf("%zu", body.len);
    json_reply(req, 200, "length", text);
    free(text);
}

static void on_who(struct request *req)
{
    const struct identity *who = request_identity(req);
    json_reply(req, 200, "who", who ? who->subject : "nobody");
}

static void on_silent(struct request *req)
{
    (void)req;
}

static void on_twice(struct request *req)
{
    json_reply(req, 200, "answer", "first");
    json_reply(req, 200, "answer", "second");
}

static char bed_big[3 << 20];

static void on_big(struct request *req)
{
    reply_static(req, 200, "application/octet-stream", bed_big, sizeof(bed_big));
}

static void hop_freed(void *data)
{
    free(data);
    atomic_fetch_add(&bed.freed, 1);
}

static void hop_now(struct hop *hop, void *data)
{
    snprintf(data, 64, "%s", log_current_request_id());
    atomic_fetch_add(&bed.runs, 1);
    hop_done(hop);
}

static void hop_back(struct request *req, void *data)
{
    atomic_fetch_add(&bed.backs, 1);
    json_reply(req, 200, "hop", data);
}

static void on_hop(struct request *req)
{
    hop_start(req, xcalloc(1, 64), hop_now, hop_back, hop_freed);
}

static void hop_again(struct request *req, void *data)
{
    (void)data;
    hop_start(req, xcalloc(1, 64), hop_now, hop_back, hop_freed);
}

static void on_two_hops(struct request *req)
{
    hop_start(req, xcalloc(1, 64), hop_now, hop_again, hop_freed);
}

static void hop_hold(struct hop *hop, void *data)
{
    snprintf(data, 64, "held");
    atomic_fetch_add(&bed.runs, 1);
    atomic_store(&bed.held, hop);
}

/* Answered when the test lets it go. */
static void on_held(struct request *req)
{
    hop_start(req, xcalloc(1, 64), hop_hold, hop_back, hop_freed);
}

static void release_now(void *arg)
{
    (void)arg;
    struct hop *hop = atomic_exchange(&bed.held, NULL);
    if (hop)
        hop_done(hop);
}

static void on_error(struct request *req, int status, const char *detail)
{
    json_reply(req, status, "detail", detail);
}

static void on_unauthenticated(struct request *req, bool missing)
{
    reply_header(req, "WWW-Authenticate", "Bearer");
    json_reply(req, 401, "detail", missing ? "missing" : "bad");
}

static void on_campaign_error(struct request *req, int status, const char *detail)
{
    json_reply(req, status, "message", detail);
}

static const struct route bed_routes[] = {
    {"GET", "/hello", ROUTE_OPEN, NULL, on_hello, NULL},
    {"GET", "/echo/{a}/{b}", ROUTE_OPEN, NULL, on_echo, NULL},
    {"POST", "/echo/{a}/{b}", ROUTE_OPEN, NULL, on_echo, NULL},
    {"POST", "/body", ROUTE_OPEN, NULL, on_body, NULL},
    {"GET", "/hop", ROUTE_OPEN, NULL, on_hop, NULL},
    {"GET", "/two-hops", ROUTE_OPEN, NULL, on_two_hops, NULL},
    {"GET", "/held", ROUTE_OPEN, NULL, on_held, NULL},
    {"GET", "/big", ROUTE_OPEN, NULL, on_big, NULL},
    {"GET", "/silent", ROUTE_OPEN, NULL, on_silent, NULL},
    {"GET", "/twice", ROUTE_OPEN, NULL, on_twice, NULL},
    {"GET", "/api/v2/who", ROUTE_JWT, NULL, on_who, NULL},
    {"GET", "/api/who", ROUTE_TOKEN, "campaigns/list", on_who, NULL},
    {"GET", "/api/never", ROUTE_TOKEN, "users/list", on_who, NULL},
    {"GET", "/key", ROUTE_API_KEY, NULL, on_who, NULL},
    {"GET", "/dev-key", ROUTE_DEV_KEY, NULL, on_who, NULL},
};

static const struct envelope bed_envelopes[] = {
    {"", on_error, on_unauthenticated},
    {"/api/v2", on_error, on_unauthenticated},
    {"/api", on_campaign_error, on_unauthenticated},
};

/* ---- Identities: "good" is ann, "slow" is not remembered, the rest is not ann -- */

static void identify(void *arg, enum route_auth auth, const struct dg_credentials *c, op_fn *fn,
                     void *fn_arg)
{
    (void)arg;
    atomic_fetch_add(&bed.identified, 1);
    static const char *const scopes[] = {"campaigns/*", "cdr/list"};
    const struct dg_identity id = {
        DG_SIZED(struct dg_identity),
        .subject = auth == ROUTE_DEV_KEY ? "developer" : "ann",
        .scopes = scopes,
        .scope_count = 2,
        .cache_ms = str_eq(c->token, "slow") ? 0 : 60000,
    };
    const void *items[] = {&id};
    struct op_result res = {.err = DG_EAUTH, .message = "no"};
    if (str_eq(c->token, "good") || str_eq(c->token, "slow"))
        res = (struct op_result){.err = DG_OK, .items = items, .count = 1};
    else if (str_eq(c->token, "nostore"))
        res = (struct op_result){.err = DG_EUNAVAILABLE, .message = "Database disabled"};
    fn(fn_arg, &res);
}

/* ---- Start and end ------------------------------------------------------ */

static void *control_thread(void *arg)
{
    loop_run(arg);
    return NULL;
}

static const char *const bed_listen[] = {"127.0.0.1:0", NULL};
static const char *const bed_any_origin[] = {"*", NULL};

static struct http_config bed_config(void)
{
    return (struct http_config){
        .listen = bed_listen,
        .threads = 2,
        .http2 = true,
        .allowed_origins = bed_any_origin,
        .limits = {.max_body = 65536,
                   .max_header_bytes = 32768,
                   .max_headers = 64,
                   .max_connections = 200,
                   .max_connections_per_address = 200,
                   .max_in_flight = 100,
                   .max_in_flight_total = 200,
                   .max_in_flight_per_connection = 64,
                   .head_ms = 5000,
                   .body_ms = 5000,
                   .write_ms = 30000,
                   .idle_ms = 30000},
        .server_name = "Dialgate",
        .routes = bed_routes,
        .route_count = COUNT(bed_routes),
        .envelopes = bed_envelopes,
        .envelope_count = COUNT(bed_envelopes),
        .identify = identify,
        .identity_cache = 64,
    };
}

static void bed_start_with(struct http_config *config)
{
    signal(SIGPIPE, SIG_IGN);
    if (!getenv("HTTP_TEST_LOG"))
        log_setup(&(struct log_config){.level = DG_ERROR, .file = "/dev/null"});
    else
        log_setup(&(struct log_config){.level = DG_DEBUG});
    memset(&bed, 0, sizeof(bed));
    bed.loop = loop_new();
    bed.metrics = metrics_new();
    config->control = bed.loop;
    config->metrics = bed.metrics;
    config->app = &bed;
    struct problem problem = {0};
    bed.http = http_start(config, &problem);
    if (!bed.http)
        fail_msg("%s", problem.text);
    assert_int_equal(pthread_create(&bed.thread, NULL, control_thread, bed.loop), 0);
    bed.url = xasprintf("http://%s", http_addresses(bed.http)[0]);
}

static inline void bed_start(void)
{
    struct http_config config = bed_config();
    bed_start_with(&config);
}

static void bed_join(uint64_t deadline_ms)
{
    http_join(bed.http, deadline_ms);
    bed.http = NULL;
}

static void bed_stop(void)
{
    if (bed.http)
        bed_join(5000);
    loop_call(bed.loop, release_now, NULL);
    loop_stop(bed.loop);
    pthread_join(bed.thread, NULL);
    loop_free(bed.loop);
    metrics_free(bed.metrics);
    free(bed.url);
}

/* ---- Waiting ------------------------------------------------------------ */

#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        for (int waited_ = 0; !(condition); waited_++) {                                           \
            if (waited_ > BED_WAIT_MS)                                                             \
                fail_msg("waited in vain for %s", #condition);                                     \
            usleep(1000);                                                                          \
        }                                                                                          \
    } while (0)

static int64_t bed_gauge(const char *name)
{
    const struct metric_family_info info = {.kind = METRIC_GAUGE, .name = name};
    return metric_value(metric_plain(metrics_family(bed.metrics, &info)));
}

static int64_t bed_count(const char *name, const char *const *labels)
{
    const struct metric_family_info info = {.kind = METRIC_COUNTER, .name = name};
    return metric_value(metric_of(metrics_family(bed.metrics, &info), labels));
}

static inline int64_t bed_refused(const char *reason)
{
    return bed_count("dialgate_http_refused_total", &reason);
}

static inline void bed_release(void)
{
    WAIT_FOR(atomic_load(&bed.held));
    loop_call(bed.loop, release_now, NULL);
}

/* ---- libcurl ------------------------------------------------------------ */

struct ask {
    const char *method, *path;
    const char *headers[8];
    const char *body;
    size_t body_len;
    long version; /* CURL_HTTP_VERSION_...; 0: 1.1 */
    const char *base, *ca_file, *socket;
    CURL *curl; /* kept between requests; NULL: a new one */
};

struct answer {
    CURLcode rc;
    long status, version;
    struct buf head, body;
};

static size_t take_bytes(char *bytes, size_t size, size_t n, void *arg)
{
    buf_add(arg, bytes, size * n);
    return size * n;
}

static struct answer ask(struct ask a)
{
    struct answer res = {0};
    buf_init(&res.head, BUF_MAX);
    buf_init(&res.body, BUF_MAX);
    CURL *c = a.curl ? a.curl : curl_easy_init();
    curl_easy_reset(c);
    char *url = xasprintf("%s%s", a.base ? a.base : bed.url, a.path);
    struct curl_slist *headers = NULL;
    for (size_t i = 0; i < COUNT(a.headers) && a.headers[i]; i++)
        headers = curl_slist_append(headers, a.headers[i]);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)BED_WAIT_MS);
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, a.version ? a.version : (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &res.body);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_bytes);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, &res.head);
    if (a.ca_file)
        curl_easy_setopt(c, CURLOPT_CAINFO, a.ca_file);
    if (a.socket)
        curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, a.socket);
    if (a.body) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)(a.body_len ? a.body_len : strlen(a.body)));
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, a.body);
    }
    if (str_eq(a.method, "HEAD"))
        curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    else if (a.method)
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, a.method);
    res.rc = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &res.status);
    curl_easy_getinfo(c, CURLINFO_HTTP_VERSION, &res.version);
    curl_slist_free_all(headers);
    free(url);
    if (!a.curl)
        curl_easy_cleanup(c);
    return res;
}

static void answer_free(struct answer *res)
{
    buf_free(&res->head);
    buf_free(&res->body);
}

/* The value of a header of the answer, or NULL; valid until the next call. */
static inline const char *header_of(struct answer *res, const char *name)
{
    static char value[512];
    size_t len = strlen(name);
    for (const char *line = buf_cstr(&res->head); line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            snprintf(value, sizeof(value), "%.*s", (int)strcspn(line + len + 2, "\r\n"),
                     line + len + 2);
            return value;
        }
    }
    return NULL;
}

static inline void expect(struct ask a, long status, const char *body)
{
    struct answer res = ask(a);
    if (res.rc != CURLE_OK || res.status != status || (body && !str_eq(buf_cstr(&res.body), body)))
        fail_msg("%s %s: %s, %ld %s", a.method ? a.method : "GET", a.path,
                 curl_easy_strerror(res.rc), res.status, buf_cstr(&res.body));
    answer_free(&res);
}

/* ---- Raw sockets -------------------------------------------------------- */

static inline int raw_connect(void)
{
    const char *address = http_addresses(bed.http)[0];
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port =
                                 htons((uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    return fd;
}

static inline void raw_send(int fd, const void *bytes, size_t len)
{
    for (const char *p = bytes; len;) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        p += n;
        len -= (size_t)n;
    }
}

static inline void raw_text(int fd, const char *text)
{
    raw_send(fd, text, strlen(text));
}

/* All that comes until the other side closes; false: it did not. */
static inline bool raw_read_all(int fd, struct buf *out, int wait_ms)
{
    uint64_t until = clock_ms() + (uint64_t)wait_ms;
    for (;;) {
        uint64_t now = clock_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (now >= until || poll(&p, 1, (int)(until - now)) <= 0)
            return false;
        char bytes[4096];
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
        if (n <= 0)
            return true;
        buf_add(out, bytes, (size_t)n);
    }
}

/* Sends and reads to the end of the connection, which must come. */
static inline char *raw_exchange(const char *text)
{
    int fd = raw_connect();
    struct buf out;
    buf_init(&out, BUF_MAX);
    raw_text(fd, text);
    bool closed = raw_read_all(fd, &out, BED_WAIT_MS);
    close(fd);
    if (!closed)
        fail_msg("the connection stays open after: %s", text);
    buf_addc(&out, '\0');
    return buf_take(&out);
}

#endif
