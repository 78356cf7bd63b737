/* op_test.c - operations: answered once and later, copied, counted, refused. */
#include "plug_bench.h"

#include "base/log.h"

/* ---- A plugin that keeps its op, or runs what it is told ------------------------ */

static struct fake {
    const struct dg_host *h;
    struct dg_op *op;
    bool keep;
    enum dg_link link_at_open;
} fake;

static void take(struct dg_op *op)
{
    fake.op = op;
    if (!fake.keep)
        fake.h->done(op);
}

static void fake_originate(void *self, const struct dg_originate *req, struct dg_op *op)
{
    (void)self;
    (void)req;
    take(op);
}

static void fake_hangup(void *self, const struct dg_hangup *req, struct dg_op *op)
{
    (void)self;
    (void)req;
    take(op);
}

static void fake_calls(void *self, const struct dg_filter *req, struct dg_op *op)
{
    (void)self;
    (void)req;
    take(op);
}

static void fake_check(void *self, const struct dg_credentials *c, struct dg_op *op)
{
    (void)self;
    (void)c;
    take(op);
}

static enum dg_err fake_open(const struct dg_host *h, void **self)
{
    fake.h = h;
    *self = &fake;
    h->link(h, fake.link_at_open, "at open");
    return DG_OK;
}

static void fake_close(void *self, struct dg_op *op)
{
    (void)self;
    fake.h->done(op);
}

static const struct dg_backend fake_backend = {
    DG_SIZED(struct dg_backend),
    .originate = fake_originate,
    .hangup = fake_hangup,
    .calls = fake_calls,
};
static const struct dg_auth fake_auth = {DG_SIZED(struct dg_auth), .check = fake_check};

static const struct dg_plugin fake_plugin = {
    .size = sizeof(struct dg_plugin),
    .abi_major = DG_ABI_MAJOR,
    .name = "fake",
    .version = "1",
    .backend = &fake_backend,
    .auth = &fake_auth,
    .open = fake_open,
    .close = fake_close,
};

struct test {
    struct bench b;
    struct instance *in;
    struct result r;
};

static void start_with(struct test *t, struct plug_config config, enum dg_link link)
{
    *t = (struct test){0};
    fake = (struct fake){.link_at_open = link};
    bench_start(&t->b, config);
    assert_true(plug_accept(&fake_plugin, "here", &t->b.problem));
    t->in = bench_open(&t->b, &fake_plugin, NULL, NULL);
    assert_non_null(t->in);
}

static void start(struct test *t)
{
    start_with(t, (struct plug_config){0}, DG_LINK_UP);
}

static void end(struct test *t)
{
    bench_close(&t->b, t->in);
    result_free(&t->r);
    bench_end(&t->b);
}

static struct dg_op *begin(struct test *t, const struct op_kind *kind)
{
    return op_begin(t->in, kind, "backend.calls", 20000, on_result, &t->r);
}

/* ---- Copies ------------------------------------------------------------------------ */

static void look_at_calls(const struct op_result *res, void *arg)
{
    (void)arg;
    const struct dg_call *first = op_first(res, struct dg_call);
    const struct dg_call *second = res->items[1];
    assert_string_equal(first->id, "one");
    assert_string_equal(first->caller_name, "Ann");
    assert_null(first->callee_number);
    assert_int_equal(first->state, DG_CHANNEL_UP);
    assert_string_equal(second->id, "two");
}

/* What is handed over may be overwritten at once, and may be larger than we know. */
static void items_are_copied(void **state)
{
    (void)state;
    struct test t;
    start(&t);
    t.r.look = look_at_calls;
    struct {
        struct dg_call call;
        char later[64];
    } item;
    char id[8] = "one", name[8] = "Ann";
    memset(&item, 0xff, sizeof(item));
    item.call = (struct dg_call){
        .size = sizeof(item), .id = id, .caller_name = name, .state = DG_CHANNEL_UP};
    struct dg_op *op = begin(&t, &op_call);
    op_item(op, &item);
    memcpy(id, "two", 4);
    op_item(op, &item);
    memset(id, 'x', sizeof(id) - 1);
    memset(name, 'x', sizeof(name) - 1);
    op_done(op);
    assert_int_equal(result_wait(&t.b, &t.r), DG_OK);
    assert_int_equal(t.r.count, 2);
    end(&t);
}

static void look_at_tally(const struct op_result *res, void *arg)
{
    (void)arg;
    const struct dg_tally_row *row = op_first(res, struct dg_tally_row);
    assert_string_equal(row->value, "busy");
    assert_int_equal(row->count, 7);
    assert_int_equal(row->sums[1], -5);
}

static void look_at_identity(const struct op_result *res, void *arg)
{
    (void)arg;
    const struct dg_identity *id = op_first(res, struct dg_identity);
    assert_string_equal(id->subject, "ann");
    assert_int_equal(id->scope_count, 2);
    assert_string_equal(id->scopes[1], "calls/*");
}

static void look_at_doc(const struct op_result *res, void *arg)
{
    (void)arg;
    const struct dg_doc *doc = op_first(res, struct dg_doc);
    assert_string_equal(doc->id, "7");
    assert_int_equal(doc->json.len, 2);
    assert_memory_equal(doc->json.ptr, "{}", 2);
}

static void look_at_bridge(const struct op_result *res, void *arg)
{
    (void)arg;
    const struct dg_bridge *b = op_first(res, struct dg_bridge);
    assert_int_equal(b->call_count, 1);
    assert_string_equal(b->calls[0], "leg");
}

static void look_at_text(const struct op_result *res, void *arg)
{
    assert_string_equal(op_first(res, char), arg);
}

static void look_at_number(const struct op_result *res, void *arg)
{
    (void)arg;
    const uint64_t *number = op_first(res, uint64_t);
    assert_true(number && *number == 1234567890123);
}

static void look_at_bytes(const struct op_result *res, void *arg)
{
    (void)arg;
    const struct dg_bytes *bytes = op_first(res, struct dg_bytes);
    assert_int_equal(bytes->len, 3);
    assert_memory_equal(bytes->ptr, "a\0b", 3);
}

static void every_kind_is_copied_deeply(void **state)
{
    (void)state;
    const int64_t sums[] = {3, -5};
    const char *const scopes[] = {"status", "calls/*"}, *const legs[] = {"leg"};
    const uint64_t number = 1234567890123;
    const struct dg_bytes bytes = {"a\0b", 3};
    const struct dg_tally_row row = {DG_SIZED(struct dg_tally_row), "busy", 7, sums};
    const struct dg_identity identity = {DG_SIZED(struct dg_identity), .subject = "ann",
                                         .scopes = scopes, .scope_count = 2};
    const struct dg_doc doc = {DG_SIZED(struct dg_doc), "7", 1, {"{}", 2}};
    const struct dg_bridge bridge = {DG_SIZED(struct dg_bridge), .id = "b", .calls = legs,
                                     .call_count = 1};
    const struct {
        const struct op_kind *kind;
        const void *item;
        void (*look)(const struct op_result *res, void *arg);
        size_t sums;
    } rows[] = {
        {&op_text, "words", look_at_text, 0},           {&op_number, &number, look_at_number, 0},
        {&op_bytes, &bytes, look_at_bytes, 0},          {&op_tally, &row, look_at_tally, 2},
        {&op_identity, &identity, look_at_identity, 0}, {&op_doc, &doc, look_at_doc, 0},
        {&op_bridge, &bridge, look_at_bridge, 0},
    };
    struct test t;
    start(&t);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct dg_op *op = begin(&t, rows[i].kind);
        t.r.look = rows[i].look;
        t.r.arg = "words";
        op_sums(op, rows[i].sums);
        op_item(op, rows[i].item);
        op_done(op);
        assert_int_equal(result_wait(&t.b, &t.r), DG_OK);
        assert_int_equal(t.r.count, 1);
    }
    end(&t);
}

static void a_failure_discards_items_and_says_why(void **state)
{
    (void)state;
    struct test t;
    start(&t);
    struct dg_op *op = begin(&t, &op_text);
    op_item(op, "one");
    op_fail(op, DG_EUPSTREAM, "the server said %d", 500);
    assert_int_equal(result_wait(&t.b, &t.r), DG_EUPSTREAM);
    assert_int_equal(t.r.count, 0);
    assert_string_equal(t.r.message, "the server said 500");
    end(&t);
}

/* ---- Deadlines, many ops ------------------------------------------------------------- */

static void a_deadline_answers_once(void **state)
{
    (void)state;
    struct test t;
    start_with(&t, (struct plug_config){.deadline_ms = 20}, DG_LINK_UP);
    fake.keep = true;
    backend_hangup(t.in, &(struct dg_hangup){.call = "x"}, on_result, &t.r);
    assert_int_equal(instance_open_ops(t.in), 1);
    assert_int_equal(result_wait(&t.b, &t.r), DG_ETIMEOUT);
    assert_int_equal(instance_open_ops(t.in), 0);
    op_item(fake.op, "dropped");
    op_fail(fake.op, DG_EINTERNAL, "dropped");
    bench_after(&t.b, 5);
    assert_int_equal(t.r.calls, 0);
    end(&t);
}

static void count_only(void *arg, const struct op_result *res)
{
    (void)res;
    ++*(int *)arg;
}

/* More than are kept for those who end twice; the latest are still found. */
static void many_ops_come_and_go(void **state)
{
    (void)state;
    struct test t;
    int seen = 0;
    start(&t);
    for (int i = 0; i < 15000; i++)
        backend_hangup(t.in, &(struct dg_hangup){.call = "x"}, count_only, &seen);
    assert_int_equal(seen, 0);
    struct dg_op *last = fake.op;
    bench_after(&t.b, 100);
    while (seen < 15000)
        bench_after(&t.b, 10);
    assert_int_equal(seen, 15000);
    op_done(last);
    assert_true(bench_counted(&t.b, "fault=\"an operation was ended twice\"} 1\n"));
    assert_true(bench_counted(&t.b,
                              "dialgate_backend_ops_total{instance=\"one\",function=\"hangup\","
                              "result=\"ok\"} 15000\n"));
    end(&t);
}

static void too_many_ops_are_refused(void **state)
{
    (void)state;
    struct test t;
    int seen = 0;
    start(&t);
    fake.keep = true;
    for (int i = 0; i < 20000; i++)
        backend_hangup(t.in, &(struct dg_hangup){.call = "x"}, count_only, &seen);
    backend_hangup(t.in, &(struct dg_hangup){.call = "x"}, on_result, &t.r);
    assert_int_equal(result_wait(&t.b, &t.r), DG_ELIMIT);
    assert_int_equal(seen, 0);
    end(&t);
    assert_int_equal(seen, 20000); /* answered at the end */
}

static void see_request_id(const struct op_result *res, void *arg)
{
    (void)res;
    assert_string_equal(log_current_request_id(), arg);
}

static void the_request_id_comes_back(void **state)
{
    (void)state;
    struct test t;
    start(&t);
    t.r.look = see_request_id;
    t.r.arg = "req-7";
    log_request_id("req-7");
    backend_hangup(t.in, &(struct dg_hangup){.call = "x"}, on_result, &t.r);
    log_request_id(NULL);
    assert_int_equal(result_wait(&t.b, &t.r), DG_OK);
    assert_null(log_current_request_id());
    end(&t);
}

/* ---- Refusals ---------------------------------------------------------------------------- */

static enum dg_err hangup(struct test *t)
{
    backend_hangup(t->in, &(struct dg_hangup){.call = "x"}, on_result, &t->r);
    return result_wait(&t->b, &t->r);
}

static void what_the_plugin_cannot_do_is_refused(void **state)
{
    (void)state;
    struct test t;
    bool never;
    start(&t);
    backend_park(t.in, &(struct dg_park){.call = "x"}, on_result, &t.r);
    assert_int_equal(result_wait(&t.b, &t.r), DG_EUNSUPPORTED);
    assert_string_equal(t.r.message, "one (plugin fake) cannot park");
    assert_non_null(backend_refusal(t.in, "park", &never));
    assert_true(never);
    assert_non_null(backend_refusal(t.in, "frobnicate", &never));
    assert_true(never);
    assert_null(backend_refusal(t.in, "hangup", &never));
    assert_false(never);
    assert_null(fake.op);
    end(&t);
}

static void what_the_server_lacks_is_refused_until_the_link_is_down(void **state)
{
    (void)state;
    struct test t;
    bool never;
    start(&t);
    fake.h->lacks(fake.h, "hangup", "its module is not loaded");
    assert_int_equal(hangup(&t), DG_EUNSUPPORTED);
    assert_string_equal(t.r.message, "one cannot hangup: its module is not loaded");
    assert_string_equal(backend_refusal(t.in, "hangup", &never), "its module is not loaded");
    assert_false(never);
    fake.h->link(fake.h, DG_LINK_DOWN, "gone");
    fake.h->link(fake.h, DG_LINK_UP, NULL);
    assert_int_equal(hangup(&t), DG_OK);
    end(&t);
}

static void without_a_link_nothing_is_asked(void **state)
{
    static const enum dg_link links[] = {DG_LINK_DOWN, DG_LINK_CONNECTING};
    (void)state;
    for (size_t i = 0; i < COUNT(links); i++) {
        struct test t;
        bool never;
        start_with(&t, (struct plug_config){0}, links[i]);
        assert_int_equal(hangup(&t), DG_EUNAVAILABLE);
        assert_string_equal(t.r.message,
                            links[i] == DG_LINK_DOWN ? "at open" : "one is not connected yet");
        assert_string_equal(backend_refusal(t.in, "hangup", &never), "at open");
        assert_null(fake.op);
        /* A provider has no other side. */
        provider_check(t.in, &(struct dg_credentials){0}, on_result, &t.r);
        assert_int_equal(result_wait(&t.b, &t.r), DG_OK);
        end(&t);
    }
}

static void a_closing_instance_takes_nothing(void **state)
{
    (void)state;
    struct test t;
    start(&t);
    instance_close(t.in, bench_stop, &t.b);
    backend_hangup(t.in, &(struct dg_hangup){.call = "x"}, on_result, &t.r);
    bench_run(&t.b);
    assert_int_equal(t.r.calls, 1);
    assert_int_equal(t.r.err, DG_EUNAVAILABLE);
    result_free(&t.r);
    bench_end(&t.b);
}

static void tracing_tells_and_changes_nothing(void **state)
{
    (void)state;
    struct test t;
    start_with(&t, (struct plug_config){.trace_backend = true, .trace_auth = true}, DG_LINK_UP);
    assert_int_equal(hangup(&t), DG_OK);
    provider_check(t.in, &(struct dg_credentials){.token = "secret"}, on_result, &t.r);
    assert_int_equal(result_wait(&t.b, &t.r), DG_OK);
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_copied),
        cmocka_unit_test(every_kind_is_copied_deeply),
        cmocka_unit_test(a_failure_discards_items_and_says_why),
        cmocka_unit_test(a_deadline_answers_once),
        cmocka_unit_test(many_ops_come_and_go),
        cmocka_unit_test(too_many_ops_are_refused),
        cmocka_unit_test(the_request_id_comes_back),
        cmocka_unit_test(what_the_plugin_cannot_do_is_refused),
        cmocka_unit_test(what_the_server_lacks_is_refused_until_the_link_is_down),
        cmocka_unit_test(without_a_link_nothing_is_asked),
        cmocka_unit_test(a_closing_instance_takes_nothing),
        cmocka_unit_test(tracing_tells_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
