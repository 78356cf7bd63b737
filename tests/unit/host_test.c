/* host_test.c - the services of struct dg_host, and what plugins tell. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "peer.h"
#include "plug_bench.h"

#include "base/clock.h"

/* ---- A plugin that is played by the test ----------------------------------------- */

static const struct dg_host *h;
static struct dg_op *kept;

static void hangup(void *self, const struct dg_hangup *req, struct dg_op *op)
{
    (void)self;
    (void)req;
    kept = op;
}

static void originate(void *self, const struct dg_originate *req, struct dg_op *op)
{
    (void)self;
    (void)req;
    h->done(op);
}

static void calls(void *self, const struct dg_filter *req, struct dg_op *op)
{
    (void)self;
    (void)req;
    h->done(op);
}

static enum dg_err fake_open(const struct dg_host *host, void **self)
{
    h = host;
    *self = &kept;
    h->link(h, DG_LINK_UP, "hello");
    return DG_OK;
}

static void fake_close(void *self, struct dg_op *op)
{
    (void)self;
    h->done(op);
}

static const struct dg_backend backend = {DG_SIZED(struct dg_backend), .originate = originate,
                                          .hangup = hangup, .calls = calls};

static const struct dg_cfg_key keys[] = {
    {"text", DG_CFG_STR, "words", ""},
    {"number", DG_CFG_INT, "7", ""},
    {"yes", DG_CFG_BOOL, "true", ""},
    {0},
};

static const struct dg_plugin plugin = {
    .size = sizeof(struct dg_plugin),
    .abi_major = DG_ABI_MAJOR,
    .name = "fake-one",
    .version = "1",
    .config = keys,
    .backend = &backend,
    .open = fake_open,
    .close = fake_close,
};

/* ---- What is heard, in order -------------------------------------------------------- */

struct test {
    struct bench b;
    struct instance *in;
    struct result r;
    char heard[4000];
    unsigned count;
    bool inside;
};

static void hear(struct test *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void hear(struct test *t, const char *fmt, ...)
{
    size_t len = strlen(t->heard);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(t->heard + len, sizeof(t->heard) - len, fmt, ap);
    va_end(ap);
    t->count++;
    assert_false(t->inside);
    assert_true(loop_here(t->b.loop));
}

static void on_event(void *arg, struct instance *in, const struct dg_event *ev)
{
    struct test *t = arg;
    assert_ptr_equal(in, t->in);
    assert_true(ev->at_ms > 0);
    hear(t, "event %d %s %s; ", ev->type, ev->call, ev->info ? ev->info->callee_number : "-");
}

static void on_link(void *arg, struct instance *in, enum dg_link link, const char *detail)
{
    struct test *t = arg;
    (void)in;
    hear(t, "link %d %s; ", link, detail ? detail : "-");
}

static void on_noted(void *arg, struct instance *in, const struct dg_note *note)
{
    struct test *t = arg;
    (void)in;
    hear(t, "note %s %s; ", note->topic, note->text);
}

static void on_op(void *arg, const struct op_result *res)
{
    struct test *t = arg;
    hear(t, "op %d; ", res->err);
}

static void start(struct test *t, const char *text)
{
    *t = (struct test){0};
    const struct plug_events events = {on_event, on_link, on_noted, t};
    bench_start(&t->b, (struct plug_config){0});
    t->in = bench_open(&t->b, &plugin, text, &events);
    assert_non_null(t->in);
    assert_int_equal(t->count, 0); /* the link was told, but not from inside */
    bench_after(&t->b, 1);
    assert_string_equal(t->heard, "link 2 hello; ");
    t->heard[0] = '\0';
    t->count = 0;
}

static void end(struct test *t)
{
    bench_close(&t->b, t->in);
    result_free(&t->r);
    bench_end(&t->b);
}

/* ---- Events, link, notes -------------------------------------------------------------- */

static void things_are_heard_in_the_order_they_were_told(void **state)
{
    (void)state;
    struct test t;
    char id[8] = "a", number[8] = "100";
    start(&t, NULL);
    backend_hangup(t.in, &(struct dg_hangup){.call = "a"}, on_op, &t);
    const struct dg_call info = {DG_SIZED(struct dg_call), .id = id, .callee_number = number};
    t.inside = true;
    h->emit(h, &(struct dg_event){DG_SIZED(struct dg_event), .type = DG_CALL_STARTED, .call = id,
                                  .info = &info});
    h->done(kept);
    h->emit(h, &(struct dg_event){DG_SIZED(struct dg_event), .type = DG_CALL_RINGING, .call = id});
    h->noted(h, &(struct dg_note){"topic", "text"});
    h->link(h, DG_LINK_DOWN, "broke");
    memset(id, 'x', sizeof(id) - 1); /* it was copied */
    memset(number, 'x', sizeof(number) - 1);
    t.inside = false;
    bench_after(&t.b, 5);
    assert_string_equal(t.heard,
                        "event 1 a 100; op 0; event 4 a -; note topic text; link 0 broke; ");
    assert_true(bench_counted(
        &t.b, "dialgate_backend_events_total{instance=\"one\",type=\"call_ringing\"} 1\n"));
    end(&t);
}

static void the_link_is_told_when_it_changes(void **state)
{
    (void)state;
    struct test t;
    start(&t, NULL);
    h->link(h, DG_LINK_CONNECTING, "a");
    h->link(h, DG_LINK_CONNECTING, "b"); /* no change */
    assert_int_equal(t.in->link, DG_LINK_CONNECTING);
    assert_string_equal(t.in->link_detail, "b");
    h->link(h, DG_LINK_UP, NULL);
    h->link(h, DG_LINK_UP, NULL); /* asks to look again */
    h->link(h, DG_LINK_DOWN, "cut");
    h->link(h, DG_LINK_DOWN, "cut"); /* no change */
    h->link(h, DG_LINK_DOWN, "still booting");
    h->server_run(h, "first");
    assert_string_equal(t.in->server_run, "first");
    h->server_run(h, NULL);
    assert_null(t.in->server_run);
    bench_after(&t.b, 5);
    assert_string_equal(t.heard,
                        "link 1 a; link 2 -; link 2 -; link 0 cut; link 0 still booting; ");
    end(&t);
}

/* What cannot be taken is not lost silently: the core is told to read again. */
static void a_flood_of_events_ends_in_a_second_look(void **state)
{
    (void)state;
    struct test t;
    start(&t, NULL);
    for (int i = 0; i < 100010; i++)
        h->emit(
            h, &(struct dg_event){DG_SIZED(struct dg_event), .type = DG_CALL_RINGING, .call = "a"});
    t.heard[0] = '\0';
    while (t.count < 100001)
        bench_after(&t.b, 20);
    assert_int_equal(t.count, 100001); /* and the link */
    bench_after(&t.b, 5);
    assert_int_equal(t.count, 100001);
    assert_true(
        bench_counted(&t.b, "fault=\"more events were emitted at once than are taken\"} 1\n"));
    end(&t);
}

/* ---- Settings, clocks, metrics --------------------------------------------------------- */

static void settings_and_clocks(void **state)
{
    (void)state;
    struct test t;
    start(&t, "number = 8");
    assert_string_equal(h->instance, "one");
    assert_string_equal(h->cfg_str(h, "text"), "words");
    assert_int_equal(h->cfg_int(h, "number"), 8);
    assert_true(h->cfg_bool(h, "yes"));
    clock_fake(1000, 2000);
    assert_int_equal(h->now_ms(h), 1000);
    assert_int_equal(h->unix_ms(h), 2000);
    clock_real();
    end(&t);
}

static void metrics_carry_the_plugins_name(void **state)
{
    (void)state;
    struct test t;
    start(&t, NULL);
    struct dg_metric *m = h->metric(h, DG_COUNTER, "packets_total", "Packets");
    struct dg_metric *g = h->metric(h, DG_GAUGE, "depth", "Depth");
    h->metric_add(m, 3);
    h->metric_add(m, 4);
    h->metric_add(g, 5);
    h->metric_add(g, -2);
    assert_true(bench_counted(&t.b, "dialgate_fake_one_packets_total{instance=\"one\"} 7\n"));
    assert_true(bench_counted(&t.b, "dialgate_fake_one_depth{instance=\"one\"} 3\n"));
    end(&t);
}

/* ---- Timers, watches, posts, work -------------------------------------------------------- */

static void add(void *arg)
{
    ++*(int *)arg;
}

static void timers_fire_once_or_not_at_all(void **state)
{
    (void)state;
    struct test t;
    int fired = 0, stopped = 0;
    start(&t, NULL);
    h->timer_start(h, 1, add, &fired);
    h->timer_stop(h, h->timer_start(h, 1, add, &stopped));
    h->timer_stop(h, NULL);
    bench_after(&t.b, 20);
    assert_int_equal(fired, 1);
    assert_int_equal(stopped, 0);
    end(&t);
}

struct watched {
    struct dg_watch *watch;
    int fd[2], seen;
};

static void on_readable(void *arg, unsigned ready)
{
    struct watched *w = arg;
    char c;
    assert_int_equal(ready, DG_READ);
    assert_int_equal(read(w->fd[0], &c, 1), 1);
    if (++w->seen == 2)
        h->watch_stop(h, w->watch);
}

static void watches_see_what_can_be_read(void **state)
{
    (void)state;
    struct test t;
    struct watched w = {0};
    start(&t, NULL);
    assert_int_equal(pipe(w.fd), 0);
    w.watch = h->watch_start(h, w.fd[0], 0, on_readable, &w);
    assert_non_null(w.watch);
    assert_int_equal(write(w.fd[1], "abc", 3), 3);
    bench_after(&t.b, 5);
    assert_int_equal(w.seen, 0);
    h->watch_want(h, w.watch, DG_READ);
    bench_after(&t.b, 20);
    assert_int_equal(w.seen, 2);
    int regular = open(SOURCE_DIR "/LICENSE", O_RDONLY);
    assert_null(h->watch_start(h, regular, DG_READ, on_readable, &w));
    close(regular);
    close(w.fd[0]);
    close(w.fd[1]);
    end(&t);
}

enum { THREADS = 4, POSTS = 5000 };

struct posting {
    struct test *t;
    int from, next;
};

static struct posting postings[THREADS];
static int posted_in_all;

struct post {
    struct posting *by;
    int number;
};

static void on_post(void *arg)
{
    struct post *p = arg;
    assert_int_equal(p->number, p->by->next++);
    posted_in_all++;
    free(p);
}

static void *post_all(void *arg)
{
    for (int i = 0; i < POSTS; i++) {
        struct post *p = xmalloc(sizeof(*p));
        *p = (struct post){arg, i};
        h->post(h, on_post, p);
        if (i % 500 == 0) {
            h->log(h, DG_DEBUG, "post %d at %d", i, (int)(h->now_ms(h) > 0));
            h->log(h, DG_ERROR, "no error, only a test %d", i);
        }
    }
    return NULL;
}

static void posts_come_from_any_thread(void **state)
{
    (void)state;
    struct test t;
    pthread_t threads[THREADS];
    start(&t, NULL);
    posted_in_all = 0;
    for (int i = 0; i < THREADS; i++) {
        postings[i] = (struct posting){&t, i, 0};
        pthread_create(&threads[i], NULL, post_all, &postings[i]);
    }
    while (posted_in_all < THREADS * POSTS)
        bench_after(&t.b, 5);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    end(&t);
}

struct job {
    struct test *t;
    pthread_t worker;
    int done;
};

static void work(void *arg)
{
    ((struct job *)arg)->worker = pthread_self();
}

static void work_done(void *arg)
{
    struct job *j = arg;
    assert_false(pthread_equal(j->worker, pthread_self()));
    j->done++;
    bench_stop(&j->t->b);
}

static void work_runs_elsewhere_and_ends_here(void **state)
{
    (void)state;
    struct test t;
    start(&t, NULL);
    struct job j = {.t = &t};
    h->work(h, work, work_done, &j);
    bench_run(&t.b);
    assert_int_equal(j.done, 1);
    end(&t);
}

static void slow_work(void *arg)
{
    (void)arg;
    usleep(50000);
}

/* Closed while a worker is busy: its end is not told, and nothing is used after it is freed. */
static void work_may_outlive_its_instance(void **state)
{
    (void)state;
    struct test t;
    int done = 0;
    start(&t, NULL);
    h->work(h, slow_work, add, &done);
    bench_close(&t.b, t.in);
    bench_end(&t.b);
    assert_int_equal(done, 0);
}

/* ---- The network ---------------------------------------------------------------------------- */

static void say_ok(struct peer_conn *c)
{
    char bytes[2000];
    const char *answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    while (peer_read(c, bytes, sizeof(bytes)) > 0)
        peer_write(c, answer, strlen(answer));
}

struct asked {
    struct test *t;
    int answers, parts, opened, closed;
    struct dg_stream *stream;
    size_t received;
};

static void on_answer(void *arg, const struct dg_http_response *res)
{
    struct asked *a = arg;
    assert_int_equal(res->err, DG_OK);
    assert_int_equal(res->status, 200);
    a->answers++;
    if (!a->parts)
        assert_memory_equal(res->body.ptr, "ok", 2);
    bench_stop(&a->t->b);
}

static void on_part(void *arg, struct dg_bytes part)
{
    struct asked *a = arg;
    assert_memory_equal(part.ptr, "ok", part.len);
    a->parts++;
}

static void on_opened(void *arg)
{
    struct asked *a = arg;
    a->opened++;
    h->stream_write(a->stream, (struct dg_bytes){"x", 1});
}

static void on_data(void *arg, struct dg_bytes bytes)
{
    struct asked *a = arg;
    a->received += bytes.len;
    if (a->received >= 40)
        bench_stop(&a->t->b);
}

static void on_closed(void *arg, enum dg_err err, const char *why)
{
    struct asked *a = arg;
    (void)err;
    assert_non_null(why);
    a->closed++;
    h->stream_close(a->stream); /* late, and without effect */
    bench_stop(&a->t->b);
}

static const struct dg_stream_events stream_events = {DG_SIZED(struct dg_stream_events), on_opened,
                                                      on_data, on_closed};

static void http_and_streams(void **state)
{
    (void)state;
    struct test t;
    char url[60];
    start(&t, NULL);
    struct peer *peer = peer_start(say_ok, NULL, NULL);
    struct asked a = {.t = &t};
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", peer->port);
    struct dg_http_request req = {DG_SIZED(struct dg_http_request), .url = url};
    h->http_start(h, &req, on_answer, &a);
    bench_run(&t.b);
    h->http_stop(h, h->http_start(h, &req, on_answer, &a));
    h->http_stop(h, NULL);
    req.part = on_part;
    h->http_start(h, &req, on_answer, &a);
    bench_run(&t.b);
    assert_int_equal(a.answers, 2);
    assert_true(a.parts > 0);

    struct dg_stream_request to = {DG_SIZED(struct dg_stream_request), .host = "127.0.0.1",
                                   .port = peer->port};
    a.stream = h->stream_open(h, &to, &stream_events, &a);
    bench_run(&t.b);
    assert_int_equal(a.opened, 1);
    assert_int_equal(a.received, 40);
    h->stream_close(a.stream);
    to.port = 1;
    a.stream = h->stream_open(h, &to, &stream_events, &a);
    bench_run(&t.b);
    assert_int_equal(a.closed, 1);
    peer_stop(peer);
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(things_are_heard_in_the_order_they_were_told),
        cmocka_unit_test(the_link_is_told_when_it_changes),
        cmocka_unit_test(a_flood_of_events_ends_in_a_second_look),
        cmocka_unit_test(settings_and_clocks),
        cmocka_unit_test(metrics_carry_the_plugins_name),
        cmocka_unit_test(timers_fire_once_or_not_at_all),
        cmocka_unit_test(watches_see_what_can_be_read),
        cmocka_unit_test(posts_come_from_any_thread),
        cmocka_unit_test(work_runs_elsewhere_and_ends_here),
        cmocka_unit_test(work_may_outlive_its_instance),
        cmocka_unit_test(http_and_streams),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
