/* http_faults_test.c - core/http as a whole: clients that are wrong, slow, hostile or gone, and
 * the end of the server. */
#include "http_bed.h"

#define SHORT_MS 1000 /* a limit that a test waits for */

static int set_up(void **state)
{
    (void)state;
    bed_start();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bed_stop();
    return 0;
}

/* ---- Requests of two lengths, and other nonsense ------------------------ */

static void ambiguous_lengths(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
        "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 6\r\n\r\n"
        "0\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
        "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n",
        "POST /body HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /hello HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT(requests); i++) {
        char *answer = raw_exchange(requests[i]);
        assert_true(str_starts(answer, "HTTP/1.1 400 "));
        assert_non_null(strstr(answer, "{\"detail\":\"Ambiguous request head\"}"));
        assert_null(strstr(answer + 1, "HTTP/1.1")); /* nothing was smuggled behind it */
        free(answer);
    }
    assert_int_equal(bed_refused("framing"), COUNT(requests));
}

static void a_second_request_behind_the_first(void **state)
{
    (void)state;
    char *answer =
        raw_exchange("POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
                     "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "5\r\nabcde\r\n0\r\n\r\n"
                     "GET /hop HTTP/1.1\r\nHost: x\r\nX-Request-ID: third\r\n\r\n"
                     "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const char *second = strstr(answer, "{\"length\":\"3\"}");
    assert_non_null(second);
    const char *third = strstr(second, "{\"length\":\"5\"}");
    assert_non_null(third);
    const char *fourth = strstr(third, "{\"hop\":\"third\"}");
    assert_non_null(fourth);
    assert_non_null(strstr(fourth, "{\"hello\":\"1\"}"));
    free(answer);
}

static void odd_requests(void **state)
{
    (void)state;
    static const struct {
        const char *request, *answer;
    } cases[] = {
        {"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 204 "},
        {"GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 "},
        {"GET http://x/hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 "},
        {"GET HTTP://x/echo/a/b?q=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
         "HTTP/1.1 200 "},
        {"GET https://x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 404 "},
        {"GET http://x?a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 404 "},
        {"CONNECT x:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 "},
        {"GET hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 "},
        {"GET /hello HTTP/1.0\r\n\r\n", "HTTP/1.1 200 "},
        {"GET /hello HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 "},
        {"GET /hello HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 "},
        {"GET /hop HTTP/1.0\r\n\r\n", "HTTP/1.1 200 "},
        {"\x16\x03\x01\x02", "HTTP/1.1 400 "},
        {"hello\r\n\r\n", "HTTP/1.1 400 "},
        {"GET /hello HTTP/1.1\r\nbad header\r\n\r\n", "HTTP/1.1 400 "},
        {"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400 "},
        {"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1e3\r\n\r\n", "HTTP/1.1 400 "},
        {"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
         "HTTP/1.1 4"},
        {"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 400 "},
        {"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
         "HTTP/1.1 400 "},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *answer = raw_exchange(cases[i].request);
        if (!str_starts(answer, cases[i].answer))
            fail_msg("%s: %s", cases[i].request, answer);
        free(answer);
    }
    expect((struct ask){.path = "/hello"}, 200, NULL);
}

/* ---- Limits ------------------------------------------------------------- */

static void too_many_hops(void **state)
{
    (void)state;
    struct http_config config = bed_config();
    config.threads = 1;
    config.limits.max_in_flight = 1;
    bed_start_with(&config);
    int fd = raw_connect();
    raw_text(fd, "GET /held HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    WAIT_FOR(atomic_load(&bed.held));
    assert_int_equal(bed_gauge("dialgate_http_in_flight"), 1);
    struct answer res = ask((struct ask){.path = "/hop"});
    assert_int_equal(res.status, 503);
    assert_string_equal(header_of(&res, "Retry-After"), "1");
    answer_free(&res);
    assert_int_equal(bed.freed, 1);
    expect((struct ask){.path = "/hello"}, 200, NULL);
    assert_int_equal(bed_refused("in_flight"), 1);
    bed_release();
    struct buf out;
    buf_init(&out, BUF_MAX);
    assert_true(raw_read_all(fd, &out, BED_WAIT_MS));
    assert_true(str_starts(buf_cstr(&out), "HTTP/1.1 200 "));
    buf_free(&out);
    close(fd);
    expect((struct ask){.path = "/hop"}, 200, NULL);
    bed_stop();
}

static void too_many_connections(void **state)
{
    (void)state;
    struct http_config config = bed_config();
    config.threads = 1;
    config.limits.max_connections = 3;
    bed_start_with(&config);
    int fds[3];
    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = raw_connect();
    WAIT_FOR(bed_gauge("dialgate_http_connections") == 3);
    int fd = raw_connect();
    struct buf out;
    buf_init(&out, BUF_MAX);
    assert_true(raw_read_all(fd, &out, BED_WAIT_MS));
    assert_true(str_starts(buf_cstr(&out), "HTTP/1.1 503 "));
    assert_int_equal(bed_refused("connections"), 1);
    buf_free(&out);
    close(fd);
    close(fds[0]);
    WAIT_FOR(bed_gauge("dialgate_http_connections") == 2);
    expect((struct ask){.path = "/hello"}, 200, NULL);
    close(fds[1]);
    close(fds[2]);
    bed_stop();
}

/* Two threads: each has to hear of it. */
static void limits_that_change(void **state)
{
    (void)state;
    struct http_limits limits = bed_config().limits;
    for (int round = 0; round < 4; round++) {
        limits.max_body = round % 2 ? 65536 : 4;
        http_set_limits(bed.http, &limits);
        for (int i = 0; i < 8; i++)
            expect((struct ask){.method = "POST", .path = "/body", .body = "abcde"},
                   round % 2 ? 200 : 413, NULL);
    }
    limits.max_headers = 3;
    http_set_limits(bed.http, &limits);
    char *answer = raw_exchange("GET /hello HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 2\r\nC: 3\r\n"
                                "Connection: close\r\n\r\n");
    assert_true(str_starts(answer, "HTTP/1.1 431 "));
    free(answer);
    limits.max_in_flight_total = 0;
    limits.max_headers = 64;
    http_set_limits(bed.http, &limits);
    expect((struct ask){.path = "/hop"}, 503, NULL);
    limits.max_in_flight_total = 1;
    http_set_limits(bed.http, &limits);
    expect((struct ask){.path = "/hop"}, 200, NULL);
}

/* ---- Slow clients ------------------------------------------------------- */

/* A client that sends a byte at a time until the server has had enough. */
struct dribble {
    const char *start, *rest;
    uint64_t at_least_ms, took_ms; /* 0: it was let be */
};

static void *dribble(void *arg)
{
    struct dribble *d = arg;
    int fd = raw_connect();
    uint64_t began = clock_ms();
    struct buf out;
    buf_init(&out, BUF_MAX);
    raw_text(fd, d->start);
    for (size_t i = 0; !d->took_ms && clock_ms() - began < BED_WAIT_MS; i++) {
        if (raw_read_all(fd, &out, 50))
            d->took_ms = clock_ms() - began;
        raw_send(fd, d->rest + i % strlen(d->rest), 1);
    }
    buf_free(&out);
    close(fd);
    return NULL;
}

static void slow_clients(void **state)
{
    (void)state;
    struct http_config config = bed_config();
    config.limits.head_ms = SHORT_MS;
    config.limits.body_ms = 2 * SHORT_MS;
    config.limits.idle_ms = SHORT_MS;
    bed_start_with(&config);
    struct dribble clients[] = {
        {"", "GET ", SHORT_MS, 0},
        {"GET /hello HTTP/1.1\r\nX-A: ", "a", SHORT_MS, 0},
        {"GET /hello HTTP/1.1\r\nHost: x\r\n\r\nG", "E", SHORT_MS, 0},
        {"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n", "b", 2 * SHORT_MS, 0},
        {"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1f4\r\n", "b",
         2 * SHORT_MS, 0},
    };
    pthread_t threads[COUNT(clients)];
    for (size_t i = 0; i < COUNT(clients); i++)
        pthread_create(&threads[i], NULL, dribble, &clients[i]);
    for (size_t i = 0; i < COUNT(clients); i++) {
        const struct dribble *d = &clients[i];
        pthread_join(threads[i], NULL);
        if (d->took_ms < d->at_least_ms || d->took_ms > d->at_least_ms + 4000)
            fail_msg("%s: ended after %d ms", d->start, (int)d->took_ms);
    }
    assert_int_equal(bed_refused("slow"), COUNT(clients));
    bed_stop();
}

static void idle_clients(void **state)
{
    (void)state;
    struct http_config config = bed_config();
    config.limits.head_ms = config.limits.idle_ms = config.limits.body_ms = SHORT_MS;
    bed_start_with(&config);
    char *answer = raw_exchange("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_non_null(strstr(answer, "{\"hello\":\"1\"}"));
    free(answer);
    answer = raw_exchange("");
    assert_string_equal(answer, "");
    free(answer);
    answer = raw_exchange("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    free(answer);
    bed_stop();
}

/* A client that asks for much and does not read. */
static void a_client_that_does_not_read(void **state)
{
    (void)state;
    struct http_config config = bed_config();
    config.limits.write_ms = SHORT_MS;
    bed_start_with(&config);
    int fd = raw_connect();
    int small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    for (int i = 0; i < 4; i++)
        raw_text(fd, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    WAIT_FOR(bed_gauge("dialgate_http_connections") == 1);
    WAIT_FOR(bed_gauge("dialgate_http_connections") == 0);
    assert_int_equal(bed_refused("unread"), 1);
    close(fd);
    bed_stop();
}

/* ---- Clients that go ---------------------------------------------------- */

static void gone_on_http1(void **state)
{
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        unsigned freed = atomic_load(&bed.freed);
        int fd = raw_connect();
        raw_text(fd, "GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
        WAIT_FOR(atomic_load(&bed.held));
        struct linger hard = {.l_onoff = reset};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        close(fd);
        WAIT_FOR(bed_gauge("dialgate_http_connections") == 0);
        /* The work goes on without it; what it held is freed when it is done. */
        assert_int_equal(bed.freed, freed);
        bed_release();
        WAIT_FOR(atomic_load(&bed.freed) == freed + 1);
    }
    assert_int_equal(bed.backs, 0);
    const char *labels[] = {"GET", "/held", "499"};
    assert_int_equal(bed_count("api_requests_total", labels), 2);
}

/* ---- HTTP/2 frames by hand ---------------------------------------------- */

static void put_frame(struct buf *out, unsigned type, unsigned flags, uint32_t stream,
                      const void *payload, size_t len)
{
    const unsigned char head[] = {
        (unsigned char)(len >> 16),    (unsigned char)(len >> 8),    (unsigned char)len,
        (unsigned char)type,           (unsigned char)flags,         (unsigned char)(stream >> 24),
        (unsigned char)(stream >> 16), (unsigned char)(stream >> 8), (unsigned char)stream};
    buf_add(out, head, sizeof(head));
    buf_add(out, payload, len);
}

enum {
    HEADERS = 1,
    RST_STREAM = 3,
    SETTINGS = 4,
    WINDOW_UPDATE = 8,
    END_STREAM = 1,
    END_HEADERS = 4
};

static void put_preface(struct buf *out)
{
    buf_adds(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    put_frame(out, SETTINGS, 0, 0, NULL, 0);
}

/* GET of a path of at most 60 characters. */
static void put_get(struct buf *out, uint32_t stream, const char *path)
{
    unsigned char block[80] = {0x82, 0x86, 0x01, 1, 'x', 0x04, (unsigned char)strlen(path)};
    memcpy(block + 7, path, strlen(path));
    put_frame(out, HEADERS, END_STREAM | END_HEADERS, stream, block, 7 + strlen(path));
}

/* A header value with a control character: H2O refuses it by itself, in our form. */
static void a_bad_header_on_http2(void **state)
{
    (void)state;
    static const unsigned char block[] = {0x82, 0x86, 0x01, 1,   'x',  0x04, 6,   '/', 'h',
                                          'e',  'l',  'l',  'o', 0x00, 1,    'a', 1,   0x01};
    struct buf out;
    buf_init(&out, BUF_MAX);
    put_preface(&out);
    put_frame(&out, HEADERS, END_STREAM | END_HEADERS, 1, block, sizeof(block));
    int fd = raw_connect();
    raw_send(fd, out.ptr, out.len);
    buf_clear(&out);
    for (int i = 0; !out.len || !memmem(out.ptr, out.len, "{\"detail\":\"Bad Request\"}", 24);
         i++) {
        assert_true(i < BED_WAIT_MS / 50);
        assert_false(raw_read_all(fd, &out, 50));
    }
    close(fd);
    buf_free(&out);
    const char *labels[] = {"GET", "unmatched", "400"};
    assert_int_equal(bed_count("api_requests_total", labels), 1);
}

static void gone_on_http2(void **state)
{
    (void)state;
    static const unsigned char cancel[] = {0, 0, 0, 8};
    struct buf out;
    buf_init(&out, BUF_MAX);
    put_preface(&out);
    put_get(&out, 1, "/held");
    int fd = raw_connect();
    raw_send(fd, out.ptr, out.len);
    WAIT_FOR(atomic_load(&bed.held));
    buf_clear(&out);
    put_frame(&out, RST_STREAM, 0, 1, cancel, 4);
    put_get(&out, 3, "/hop");
    raw_send(fd, out.ptr, out.len);
    WAIT_FOR(atomic_load(&bed.backs) == 1);
    bed_release();
    WAIT_FOR(atomic_load(&bed.freed) == 2);
    assert_int_equal(bed.backs, 1);
    close(fd);
    WAIT_FOR(bed_gauge("dialgate_http_connections") == 0);
    buf_free(&out);
}

/* Requests cancelled as soon as they are made, by the client or (with an update of zero) by us. */
static void resets(unsigned type, const void *payload, const char *path)
{
    struct buf out;
    buf_init(&out, BUF_MAX);
    put_preface(&out);
    for (uint32_t i = 0; i < 5000; i++) {
        put_get(&out, 2 * i + 1, path);
        put_frame(&out, type, 0, 2 * i + 1, payload, 4);
    }
    int fd = raw_connect();
    raw_send(fd, out.ptr, out.len);
    buf_clear(&out);
    assert_true(raw_read_all(fd, &out, BED_WAIT_MS));
    close(fd);
    buf_free(&out);
    WAIT_FOR(bed_gauge("dialgate_http_connections") == 0);
}

static void rapid_resets(void **state)
{
    (void)state;
    static const unsigned char cancel[] = {0, 0, 0, 8}, nothing[] = {0, 0, 0, 0};
    resets(RST_STREAM, cancel, "/hop");
    assert_int_equal(bed_refused("resets"), 1);
    resets(WINDOW_UPDATE, nothing, "/hop");
    assert_int_equal(bed_refused("resets"), 2);
    resets(RST_STREAM, cancel, "/hello");
    assert_int_equal(bed_refused("resets"), 3);
    /* No more than the guard lets through, of 5,000 each. */
    WAIT_FOR(bed_gauge("dialgate_http_in_flight") == 0);
    assert_true(atomic_load(&bed.runs) <= 2 * 110);
    expect((struct ask){.path = "/hop"}, 200, NULL);
}

/* Many requests that are not cancelled are nobody's offence. */
static void many_requests_of_one_connection(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, BUF_MAX);
    put_preface(&out);
    for (uint32_t i = 0; i < 90; i++)
        put_get(&out, 2 * i + 1, "/hop");
    int fd = raw_connect();
    raw_send(fd, out.ptr, out.len);
    WAIT_FOR(atomic_load(&bed.backs) == 90);
    assert_int_equal(bed_refused("resets"), 0);
    assert_int_equal(bed_gauge("dialgate_http_connections"), 1);
    close(fd);
    buf_free(&out);
}

/* Frames cut and mixed at random must not bring anything down. */
static void frames_of_nonsense(void **state)
{
    (void)state;
    uint32_t x = 1;
    for (int round = 0; round < 200; round++) {
        struct buf out;
        buf_init(&out, BUF_MAX);
        put_preface(&out);
        for (int i = 0; i < 20; i++) {
            unsigned char payload[64];
            for (size_t k = 0; k < sizeof(payload); k++)
                payload[k] = (unsigned char)((x = x * 1664525 + 1013904223) >> 24);
            if (payload[1] % 3 == 0)
                put_get(&out, 2 * (uint32_t)i + 1, "/hop");
            else
                put_frame(&out, payload[0] % 10, payload[2], payload[3] % 8, payload,
                          payload[4] % 64);
        }
        int fd = raw_connect();
        raw_send(fd, out.ptr, out.len - x % 50);
        close(fd);
        buf_free(&out);
    }
    WAIT_FOR(bed_gauge("dialgate_http_connections") == 0);
    expect((struct ask){.path = "/hello"}, 200, NULL);
}

/* ---- The end ------------------------------------------------------------ */

static void *asker(void *arg)
{
    struct answer *res = arg;
    long version = res->version;
    *res = ask((struct ask){.path = "/held", .version = version});
    return NULL;
}

static void *joiner(void *arg)
{
    bed_join(*(uint64_t *)arg);
    return NULL;
}

static bool refuses_connections(const char *url)
{
    struct answer res = ask((struct ask){.path = "/hello", .base = url});
    answer_free(&res);
    return res.rc == CURLE_COULDNT_CONNECT;
}

/* A request under way is finished, new connections are not taken, idle ones are closed. */
static void draining(long version)
{
    bed_start();
    struct answer res = {.version = version};
    pthread_t asking, joining;
    pthread_create(&asking, NULL, asker, &res);
    WAIT_FOR(atomic_load(&bed.held));
    int idle = raw_connect();
    struct buf out;
    buf_init(&out, BUF_MAX);
    raw_text(idle, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_false(raw_read_all(idle, &out, 100));
    assert_int_not_equal(out.len, 0);

    char *url = xstrdup(bed.url);
    uint64_t began = clock_ms(), deadline = BED_WAIT_MS;
    http_drain(bed.http);
    assert_true(raw_read_all(idle, &out, BED_WAIT_MS));
    assert_true(clock_ms() - began < 2000);
    WAIT_FOR(refuses_connections(url));
    pthread_create(&joining, NULL, joiner, &deadline);
    bed_release();
    pthread_join(asking, NULL);
    pthread_join(joining, NULL);
    assert_int_equal(res.rc, CURLE_OK);
    assert_int_equal(res.status, 200);
    assert_string_equal(buf_cstr(&res.body), "{\"hop\":\"held\"}");
    if (version == CURL_HTTP_VERSION_1_1)
        assert_string_equal(header_of(&res, "Connection"), "close");
    assert_true(clock_ms() - began < 5000);
    answer_free(&res);
    close(idle);
    buf_free(&out);
    free(url);
    bed_stop();
}

static void a_request_under_way_is_finished(void **state)
{
    (void)state;
    draining(CURL_HTTP_VERSION_1_1);
    draining(CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
}

/* Nobody lets the request go in time: it is told so, and its hop comes home to nobody. */
static void the_deadline_ends_what_is_under_way(void **state)
{
    (void)state;
    const long versions[] = {CURL_HTTP_VERSION_1_1, CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE};
    for (size_t v = 0; v < COUNT(versions); v++) {
        bed_start();
        struct answer res = {.version = versions[v]};
        pthread_t asking;
        pthread_create(&asking, NULL, asker, &res);
        WAIT_FOR(atomic_load(&bed.held));
        uint64_t began = clock_ms();
        bed_join(300);
        assert_true(clock_ms() - began >= 300);
        assert_true(clock_ms() - began < 3000);
        pthread_join(asking, NULL);
        assert_int_equal(res.status, 503);
        assert_string_equal(buf_cstr(&res.body), "{\"detail\":\"The server is shutting down\"}");
        answer_free(&res);
        assert_int_equal(bed.freed, 0);
        bed_release();
        WAIT_FOR(atomic_load(&bed.freed) == 1);
        assert_int_equal(bed.backs, 0);
        bed_stop();
    }
}

static void an_unused_server_ends_at_once(void **state)
{
    (void)state;
    bed_start();
    uint64_t began = clock_ms();
    bed_join(BED_WAIT_MS);
    assert_true(clock_ms() - began < 1000);
    bed_stop();
}

static void *hammer(void *arg)
{
    atomic_bool *stop = arg;
    unsigned answered = 0;
    while (!atomic_load(stop)) {
        struct answer res = ask((struct ask){.path = "/hop", .base = bed.url});
        /* Either not taken at all, or answered in full. */
        if (res.rc == CURLE_OK)
            answered++;
        if (res.rc == CURLE_OK && res.status != 200)
            fail_msg("status %ld", res.status);
        answer_free(&res);
    }
    return (void *)(uintptr_t)answered;
}

static void drained_under_load(void **state)
{
    (void)state;
    bed_start();
    atomic_bool stop = false;
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_create(&threads[i], NULL, hammer, &stop);
    WAIT_FOR(atomic_load(&bed.backs) > 50);
    bed_join(BED_WAIT_MS);
    atomic_store(&stop, true);
    uintptr_t answered = 0;
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *n;
        pthread_join(threads[i], &n);
        answered += (uintptr_t)n;
    }
    assert_int_equal(bed.runs, bed.freed);
    assert_int_equal(answered, bed.backs);
    bed_stop();
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    curl_global_init(CURL_GLOBAL_ALL);
    const struct CMUnitTest tests[] = {
        WITH_SERVER(ambiguous_lengths),
        WITH_SERVER(a_second_request_behind_the_first),
        WITH_SERVER(odd_requests),
        cmocka_unit_test(too_many_hops),
        cmocka_unit_test(too_many_connections),
        WITH_SERVER(limits_that_change),
        cmocka_unit_test(slow_clients),
        cmocka_unit_test(idle_clients),
        cmocka_unit_test(a_client_that_does_not_read),
        WITH_SERVER(gone_on_http1),
        WITH_SERVER(a_bad_header_on_http2),
        WITH_SERVER(gone_on_http2),
        WITH_SERVER(rapid_resets),
        WITH_SERVER(many_requests_of_one_connection),
        WITH_SERVER(frames_of_nonsense),
        cmocka_unit_test(a_request_under_way_is_finished),
        cmocka_unit_test(the_deadline_ends_what_is_under_way),
        cmocka_unit_test(an_unused_server_ends_at_once),
        cmocka_unit_test(drained_under_load),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return rc;
}
