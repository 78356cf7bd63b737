/* http_stream_test.c - answers that come bit by bit: an export whose pages come from
 * the control thread, clients that are slow or gone, messages to HTTP threads. */
#include "http_bed.h"

#include "http/post.h"
#include "http/stream.h"

#define PAGES     400
#define PAGE_SIZE 20000

static atomic_uint pages_made, exports_over, drains;

/* ---- An export: page by page, each made on the control thread ------------------- */

struct export_job {
    unsigned next;
    bool breaks; /* in the middle */
};

struct page {
    unsigned number;
    char bytes[PAGE_SIZE];
};

static void make_page(struct hop *hop, void *data)
{
    struct page *p = data;
    memset(p->bytes, 'a' + (int)(p->number % 26), sizeof p->bytes);
    atomic_fetch_add(&pages_made, 1);
    hop_done(hop);
}

static void page_made(struct request *req, void *data)
{
    struct page *p = data;
    struct export_job *e = stream_user(req);
    if (e->breaks && p->number == PAGES / 2) {
        stream_break(req);
        return;
    }
    if (p->number % 7) /* some bring nothing: the next is asked for at once */
        stream_add(req, p->bytes, sizeof p->bytes);
    if (++e->next == PAGES)
        stream_end(req);
}

static void more(struct request *req, void *arg)
{
    struct export_job *e = arg;
    struct page *p = xcalloc(1, sizeof *p);
    p->number = e->next;
    hop_start(req, p, make_page, page_made, free);
}

static void export_over(void *arg)
{
    (void)arg;
    atomic_fetch_add(&exports_over, 1);
}

static const struct stream_use export_use = {.more = more};

static void on_export(struct request *req)
{
    struct export_job *e = request_alloc(req, sizeof *e);
    e->breaks = request_query(req, "breaks") != NULL;
    request_on_end(req, export_over, NULL);
    reply_header(req, "Content-Disposition", "attachment");
    stream_begin(req, 200, "text/csv", &export_use, e);
}

/* ---- A stream that is quiet until somebody posts --------------------------------- */

static struct request *quiet; /* [its HTTP thread] */
static _Atomic(struct port *) quiet_port;

static void quiet_more(struct request *req, void *arg)
{
    (void)arg;
    if (quiet)
        return;
    quiet = req;
    stream_add(req, "hello\n", 6);
}

static void quiet_drain(struct request *req, void *arg)
{
    (void)arg;
    atomic_fetch_add(&drains, 1);
    stream_add(req, "bye\n", 4);
    stream_end(req);
}

static void quiet_over(void *arg)
{
    (void)arg;
    quiet = NULL;
    atomic_fetch_add(&exports_over, 1);
}

static const struct stream_use quiet_use = {.more = quiet_more, .drain = quiet_drain};

static void on_quiet(struct request *req)
{
    request_on_end(req, quiet_over, NULL);
    stream_begin(req, 200, "text/plain", &quiet_use, NULL);
    atomic_store(&quiet_port, request_port(req));
}

static void say(struct port_msg *msg)
{
    if (quiet) {
        stream_add(quiet, "news\n", 5);
        stream_send(quiet);
    }
    free(msg);
}

/* ---- The bed ----------------------------------------------------------------------- */

static const struct route routes[] = {
    {"GET", "/export", ROUTE_OPEN, NULL, on_export, NULL},
    {"GET", "/quiet", ROUTE_OPEN, NULL, on_quiet, NULL},
    {"GET", "/hello", ROUTE_OPEN, NULL, on_hello, NULL},
};

static int set_up(void **state)
{
    (void)state;
    struct http_config config = bed_config();
    config.routes = routes;
    config.route_count = COUNT(routes);
    config.limits.write_ms = 1000;
    atomic_store(&pages_made, 0);
    atomic_store(&exports_over, 0);
    atomic_store(&drains, 0);
    quiet = NULL;
    atomic_store(&quiet_port, NULL);
    bed_start_with(&config);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bed_stop();
    port_unref(atomic_load(&quiet_port));
    return 0;
}

static const long versions[] = {CURL_HTTP_VERSION_1_1, CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE};

static void whole(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNT(versions); v++) {
        struct answer res = ask((struct ask){.path = "/export", .version = versions[v]});
        assert_int_equal(res.rc, CURLE_OK);
        assert_int_equal(res.status, 200);
        assert_string_equal(header_of(&res, "content-type"), "text/csv");
        assert_string_equal(header_of(&res, "content-disposition"), "attachment");
        const char *at = res.body.ptr, *end = at + res.body.len;
        for (unsigned i = 0; i < PAGES; i++) {
            for (unsigned n = 0; i % 7 && n < PAGE_SIZE; n++)
                assert_true(at < end && *at++ == (char)('a' + i % 26));
        }
        assert_ptr_equal(at, end);
        answer_free(&res);
    }
    WAIT_FOR(atomic_load(&exports_over) == COUNT(versions));
    WAIT_FOR(bed_gauge("dialgate_http_streams") == 0);
}

static void head(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNT(versions); v++) {
        struct answer res =
            ask((struct ask){.method = "HEAD", .path = "/export", .version = versions[v]});
        assert_int_equal(res.status, 200);
        assert_int_equal(res.body.len, 0);
        answer_free(&res);
    }
    assert_int_equal(atomic_load(&pages_made), 0);
}

/* The client sees that it is not complete. */
static void broken_off(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNT(versions); v++) {
        struct answer res = ask((struct ask){.path = "/export?breaks=1", .version = versions[v]});
        assert_int_not_equal(res.rc, CURLE_OK);
        assert_int_equal(res.status, 200);
        answer_free(&res);
    }
    WAIT_FOR(atomic_load(&exports_over) == COUNT(versions));
}

static int ask_raw(const char *path)
{
    int fd = raw_connect(), small = 4096;
    char *text = xasprintf("GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    raw_text(fd, text);
    free(text);
    return fd;
}

/* Nothing is produced for a client that does not read, and it is cut off. */
static void back_pressure(void **state)
{
    (void)state;
    int fd = ask_raw("/export");
    WAIT_FOR(atomic_load(&pages_made) > 1);
    WAIT_FOR(bed_refused("unread") == 1);
    assert_true(atomic_load(&pages_made) < PAGES);
    WAIT_FOR(atomic_load(&exports_over) == 1);
    close(fd);
    expect((struct ask){.path = "/hello"}, 200, NULL);
}

static void gone(void **state)
{
    (void)state;
    int fd = ask_raw("/export");
    WAIT_FOR(atomic_load(&pages_made) > 1);
    close(fd);
    WAIT_FOR(atomic_load(&exports_over) == 1);
    fd = ask_raw("/quiet");
    WAIT_FOR(atomic_load(&quiet_port));
    close(fd);
    WAIT_FOR(atomic_load(&exports_over) == 2);
}

static void expect_bytes(int fd, const char *wanted)
{
    char text[2048] = "";
    size_t len = 0;
    for (int i = 0; i < 100 && !strstr(text, wanted); i++) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 100) == 1) {
            ssize_t n = recv(fd, text + len, sizeof text - 1 - len, 0);
            len += n > 0 ? (size_t)n : 0;
        }
    }
    if (!strstr(text, wanted))
        fail_msg("no %s in %s", wanted, text);
}

/* A stream with nothing to send lasts longer than any of a client's times. */
static void quiet_for_long(void **state)
{
    (void)state;
    int fd = ask_raw("/quiet");
    expect_bytes(fd, "hello\n");
    usleep(2500 * 1000); /* that nothing happens can only be waited for */
    struct port_msg *msg = xcalloc(1, sizeof *msg);
    msg->fn = say;
    assert_true(port_post(atomic_load(&quiet_port), msg));
    expect_bytes(fd, "5\r\nnews\n");
    assert_int_equal(atomic_load(&exports_over), 0);
    close(fd);
}

static void drained(void **state)
{
    (void)state;
    int fd = ask_raw("/quiet");
    expect_bytes(fd, "hello\n");
    http_drain(bed.http);
    expect_bytes(fd, "bye\n");
    bed_join(5000);
    assert_int_equal(atomic_load(&drains), 1);
    struct port_msg *msg = xcalloc(1, sizeof *msg);
    assert_false(port_post(atomic_load(&quiet_port), msg));
    free(msg);
    close(fd);
}

/* An export that does not end in time is broken off. */
static void deadline(void **state)
{
    (void)state;
    int fd = ask_raw("/export");
    WAIT_FOR(atomic_load(&pages_made) > 1);
    bed_join(100);
    assert_int_equal(atomic_load(&exports_over), 1);
    close(fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(whole), TEST(head),           TEST(broken_off), TEST(back_pressure),
        TEST(gone),  TEST(quiet_for_long), TEST(drained),    TEST(deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
