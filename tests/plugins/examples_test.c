/* examples_test.c - the example plugins, built from outside the tree, load and
 * serve requests. */
#include "plug_bench.h"

/* ---- echo: a backend ------------------------------------------------------------ */

struct heard {
    struct bench *b;
    char story[200];
};

static void on_event(void *arg, struct instance *in, const struct dg_event *ev)
{
    static const char *const words[] = {
        [DG_CALL_STARTED] = "started", [DG_CALL_CONTROL] = "control",
        [DG_CALL_DTMF] = "digit",      [DG_CALL_RINGING] = "ringing",
        [DG_CALL_ENDED] = "ended",     [DG_CALL_ANSWERED] = "answered",
    };
    struct heard *h = arg;
    size_t len = strlen(h->story);
    (void)in;
    assert_string_equal(ev->call, "call-1");
    snprintf(h->story + len, sizeof(h->story) - len, "%s%s ", words[ev->type],
             ev->type == DG_CALL_DTMF ? ev->text : "");
    if (ev->type == DG_CALL_CONTROL || ev->type == DG_CALL_ENDED)
        bench_stop(h->b);
}

static void echo_carries_a_call(void **state)
{
    (void)state;
    struct bench b;
    struct result r = {0};
    struct heard heard = {.b = &b, .story = ""};
    const struct plug_events events = {.event = on_event, .arg = &heard};
    const struct dg_originate call = {.call = "call-1", .endpoint = "Any/100"};
    bench_start(&b, (struct plug_config){0});
    struct instance *in = bench_load(&b, "echo", "answer_ms = \"10ms\"", &events);
    backend_originate(in, &call, on_result, &r);
    assert_int_equal(result_wait(&b, &r), DG_OK);
    bench_run(&b);
    backend_originate(in, &call, on_result, &r);
    assert_int_equal(result_wait(&b, &r), DG_ECONFLICT);
    backend_calls(in, &(struct dg_filter){0}, on_result, &r);
    assert_int_equal(result_wait(&b, &r), DG_OK);
    assert_int_equal(r.count, 1);
    backend_dtmf(in, &(struct dg_dtmf){.call = "call-1", .digits = "4#"}, on_result, &r);
    assert_int_equal(result_wait(&b, &r), DG_OK);
    assert_true(bench_counted(&b, "dialgate_echo_digits_total{instance=\"one\"} 2\n"));
    backend_park(in, &(struct dg_park){.call = "call-1"}, on_result, &r);
    assert_int_equal(result_wait(&b, &r), DG_EUNSUPPORTED);
    instance_close(in, bench_stop, &b); /* with a call alive */
    bench_run(&b);
    assert_string_equal(heard.story, "started ringing answered control digit4 digit# ");

    in = bench_load(&b, "echo", NULL, &events);
    heard.story[0] = '\0';
    backend_originate(in, &call, on_result, &r);
    assert_int_equal(result_wait(&b, &r), DG_OK);
    backend_hangup(in, &(struct dg_hangup){.call = "call-1"}, on_result, &r);
    assert_int_equal(result_wait(&b, &r), DG_OK);
    backend_hangup(in, &(struct dg_hangup){.call = "call-1"}, on_result, &r);
    assert_int_equal(result_wait(&b, &r), DG_ENOTFOUND);
    assert_string_equal(heard.story, "started ended ");
    bench_close(&b, in);
    result_free(&r);
    bench_end(&b);
}

/* ---- static-token: an auth provider in C++ ----------------------------------------- */

static void look_at_identity(const struct op_result *res, void *arg)
{
    const struct dg_identity *id = op_first(res, struct dg_identity);
    (void)arg;
    if (res->err)
        return;
    assert_string_equal(id->subject, "robot");
    assert_string_equal(id->role, "admin");
    assert_int_equal(id->scope_count, 1);
    assert_string_equal(id->scopes[0], "*");
}

static void static_token_knows_its_user(void **state)
{
    static const struct {
        struct dg_credentials credentials;
        enum dg_err expected;
    } rows[] = {
        {{.scheme = DG_AUTH_BEARER, .token = "st_0123456789abcdefgh"}, DG_OK},
        {{.scheme = DG_AUTH_BEARER, .token = "st_0123456789abcdefgH"}, DG_EAUTH},
        {{.scheme = DG_AUTH_BEARER, .token = "st_"}, DG_EAUTH},
        {{.scheme = DG_AUTH_BEARER, .token = "eyJ.a.b"}, DG_EUNSUPPORTED},
        {{.scheme = DG_AUTH_BEARER, .token = NULL}, DG_EUNSUPPORTED},
        {{.scheme = DG_AUTH_API_KEY, .token = "st_0123456789abcdefgh"}, DG_EUNSUPPORTED},
    };
    (void)state;
    struct bench b;
    struct result r = {.look = look_at_identity};
    bench_start(&b, (struct plug_config){0});
    struct instance *in =
        bench_load(&b, "static-token", "token = \"st_0123456789abcdefgh\"\nrole = \"admin\"", NULL);
    for (size_t i = 0; i < COUNT(rows); i++) {
        provider_check(in, &rows[i].credentials, on_result, &r);
        assert_int_equal(result_wait(&b, &r), rows[i].expected);
    }
    provider_issue(in, &rows[0].credentials, on_result, &r);
    assert_int_equal(result_wait(&b, &r), DG_EUNSUPPORTED);
    bench_close(&b, in);
    const struct dg_plugin *d = plug_load(b.plug, "static-token", &b.problem);
    assert_null(bench_open(&b, d, "token = \"short\"", NULL));
    assert_non_null(strstr(b.problem.text, "st_"));
    result_free(&r);
    bench_end(&b);
}

/* ---- memory: a store; all of its contract is asked by contract_memory ----------------- */

static void look_at_doc(const struct op_result *res, void *arg)
{
    const struct dg_doc *doc = op_first(res, struct dg_doc);
    assert_non_null(doc);
    assert_int_equal(doc->json.len, strlen(arg));
    assert_memory_equal(doc->json.ptr, arg, doc->json.len);
}

static void on_link(void *arg, struct instance *in, enum dg_link link, const char *detail)
{
    (void)in;
    (void)detail;
    if (link == DG_LINK_UP)
        bench_stop(arg);
}

static void memory_keeps_a_document(void **state)
{
    static const struct dg_field fields[] = {{"kind", DG_FIELD_TEXT, false}};
    const struct dg_collection things = {.name = "things", .fields = fields, .field_count = 1};
    char text[] = "{\"kind\":\"x\"}";
    (void)state;
    struct bench b;
    struct result r = {0};
    bench_start(&b, (struct plug_config){0});
    const struct plug_events events = {.link = on_link, .arg = &b};
    struct instance *in = bench_load(&b, "memory", NULL, &events);
    bench_run(&b); /* its link comes up later */
    storage_declare(in, &things, 1, on_result, &r);
    assert_int_equal(result_wait(&b, &r), DG_OK);
    storage_write(in, &(struct dg_write){"things", "a", {text, strlen(text)}, DG_VERSION_NONE}, 1,
                  on_result, &r);
    assert_int_equal(result_wait(&b, &r), DG_OK);
    r.look = look_at_doc;
    r.arg = text;
    storage_get(in, &(struct dg_key){"things", "a"}, on_result, &r);
    assert_int_equal(result_wait(&b, &r), DG_OK);
    r.look = NULL;
    storage_notify(in, &(struct dg_note){"t", "x"}, on_result, &r);
    assert_int_equal(result_wait(&b, &r), DG_EUNSUPPORTED);
    bench_close(&b, in);
    /* Closed while it is still opening. */
    in = bench_load(&b, "memory", NULL, NULL);
    bench_close(&b, in);
    result_free(&r);
    bench_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo_carries_a_call),
        cmocka_unit_test(static_token_knows_its_user),
        cmocka_unit_test(memory_keeps_a_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
