/* mock_test.c - what the contract suite does not ask of the mock: its rules, its
 * randomness, parking and transfers, thousands of calls. */
#include "plug_bench.h"

#define QUICK "ring_ms = 1\nanswer_ms = 1\nhangup_ms = 1\ntalk_ms = 0\nplay_ms = 5\n"

struct test {
    struct bench b;
    struct instance *in;
    struct result r;
    char story[4000];
    char ends[100]; /* the ids of ended calls, in order; not of thousands */
    unsigned answered, ended;
    int causes[256];
    unsigned wanted_ends;
    unsigned wanted_answers;
};

static void on_event(void *arg, struct instance *in, const struct dg_event *ev)
{
    static const char *const words[] = {
        [DG_CALL_STARTED] = "started",   [DG_CALL_CHANGED] = "changed",
        [DG_CALL_CONTROL] = "control",   [DG_CALL_RINGING] = "ringing",
        [DG_CALL_PROGRESS] = "progress", [DG_CALL_ANSWERED] = "answered",
        [DG_CALL_BRIDGED] = "bridged",   [DG_CALL_PARKED] = "parked",
        [DG_CALL_VARIABLE] = "variable", [DG_CALL_TRANSFERRED] = "transferred",
        [DG_BRIDGE_STARTED] = "bridge",  [DG_BRIDGE_ENDED] = "unbridge",
        [DG_PLAY_ENDED] = "played",      [DG_CALL_ENDED] = "ended",
        [DG_CALL_DETECTED] = "detected",
    };
    struct test *t = arg;
    size_t len = strlen(t->story);
    (void)in;
    snprintf(t->story + len, sizeof(t->story) - len, "%s%s%s ", words[ev->type],
             ev->type == DG_CALL_PARKED || ev->type == DG_CALL_TRANSFERRED  ? ev->target
             : ev->type == DG_CALL_VARIABLE || ev->type == DG_CALL_DETECTED ? ev->text
                                                                            : "",
             ev->on ? "+" : "");
    t->answered += ev->type == DG_CALL_ANSWERED;
    if (ev->type == DG_CALL_ENDED) {
        t->ended++;
        t->causes[ev->cause]++;
        len = strlen(t->ends);
        snprintf(t->ends + len, sizeof(t->ends) - len, "%s ", ev->call);
    }
    if ((t->wanted_ends && t->ended == t->wanted_ends) ||
        (t->wanted_answers && t->answered == t->wanted_answers))
        bench_stop(&t->b);
}

static void start(struct test *t, const char *text)
{
    *t = (struct test){0};
    const struct plug_events events = {.event = on_event, .arg = t};
    bench_start(&t->b, (struct plug_config){0});
    t->in = bench_load(&t->b, "mock", text, &events);
}

static void end(struct test *t)
{
    bench_close(&t->b, t->in);
    result_free(&t->r);
    bench_end(&t->b);
}

static enum dg_err dial(struct test *t, const char *id, const char *endpoint)
{
    const struct dg_originate req = {.call = id, .endpoint = endpoint, .ring_ms = 5000};
    backend_originate(t->in, &req, on_result, &t->r);
    return result_wait(&t->b, &t->r);
}

static void until_answered(struct test *t, unsigned count)
{
    t->wanted_answers = count;
    while (t->answered < count)
        bench_run(&t->b);
    t->wanted_answers = 0;
}

static void until_ended(struct test *t, unsigned count)
{
    t->wanted_ends = count;
    while (t->ended < count)
        bench_run(&t->b);
    t->wanted_ends = 0;
}

/* An answered call, its story forgotten. */
static void answered_call(struct test *t, const char *id)
{
    unsigned before = t->answered;
    assert_int_equal(dial(t, id, "PJSIP/100200@trunk"), DG_OK);
    until_answered(t, before + 1);
    bench_after(&t->b, 2);
    t->story[0] = '\0';
}

#define ASK(t, function, ...)                                                                      \
    (backend_##function((t)->in, __VA_ARGS__, on_result, &(t)->r), result_wait(&(t)->b, &(t)->r))

/* ---- Numbers and rules ---------------------------------------------------------------- */

static void the_number_is_found_in_every_endpoint(void **state)
{
    static const struct {
        const char *endpoint;
        int cause; /* 0: refused */
    } rows[] = {
        {"PJSIP/7486@trunk", 17},
        {"Local/7486@context", 17},
        {"Local/7486@context/n", 17},
        {"PJSIP/trunk/sip:7603@host", 21},
        {"PJSIP/sip:7404@h:5060;transport=udp", 1},
        {"SIP/trunk/sip:7503@h", 34},
        {"PJSIP/486", 17},
        {"nothing", 0},
        {"PJSIP/", 0},
        {"PJSIP/@trunk", 0},
        {"", 0},
    };
    (void)state;
    struct test t;
    unsigned ends = 0;
    start(&t, QUICK);
    for (size_t i = 0; i < COUNT(rows); i++) {
        memset(t.causes, 0, sizeof(t.causes));
        enum dg_err err = dial(&t, "x", rows[i].endpoint);
        assert_int_equal(err, rows[i].cause ? DG_OK : DG_EINVAL);
        if (!rows[i].cause)
            continue;
        until_ended(&t, ++ends);
        assert_int_equal(t.causes[rows[i].cause], 1);
    }
    backend_originate(t.in, &(struct dg_originate){.endpoint = "PJSIP/1"}, on_result, &t.r);
    assert_int_equal(result_wait(&t.b, &t.r), DG_EINVAL);
    end(&t);
}

static void rules_are_of_the_configuration(void **state)
{
    (void)state;
    struct test t;
    start(&t, QUICK
          "rules = [{suffix = \"1\", outcome = \"busy\"}, "
          "{suffix = \"11\", outcome = \"declines\"}, {suffix = \"\", outcome = \"unknown\"}]");
    assert_int_equal(dial(&t, "a", "X/21"), DG_OK);
    assert_int_equal(dial(&t, "b", "X/11"), DG_OK);
    assert_int_equal(dial(&t, "c", "X/486"), DG_OK);
    until_ended(&t, 3);
    assert_int_equal(t.causes[17], 1);
    assert_int_equal(t.causes[21], 1);
    assert_int_equal(t.causes[1], 1);
    end(&t);
}

static void rules_that_make_no_sense_stop_the_start(void **state)
{
    static const char *const rules[] = {
        "rules = [{suffix = \"1\", outcome = \"explodes\"}]",
        "rules = [{suffix = 1, outcome = \"busy\"}]",
        "rules = [{suffix = \"1\"}]",
        "rules = [{suffix = \"1\", outcome = \"busy\", more = 1}]",
        "rules = {suffix = \"1\"}",
    };
    (void)state;
    struct bench b;
    bench_start(&b, (struct plug_config){0});
    const struct dg_plugin *d = plug_load(b.plug, "mock", &b.problem);
    assert_non_null(d);
    for (size_t i = 0; i < COUNT(rules); i++) {
        assert_null(bench_open(&b, d, rules[i], NULL));
        assert_non_null(strstr(b.problem.text, "rules: "));
    }
    bench_end(&b);
}

/* ---- Times ------------------------------------------------------------------------------- */

static void a_call_ends_after_its_talk(void **state)
{
    (void)state;
    struct test t;
    start(&t, "ring_ms = 1\nanswer_ms = 1\ntalk_ms = 5");
    assert_int_equal(dial(&t, "a", "X/1"), DG_OK);
    until_ended(&t, 1);
    assert_string_equal(t.story, "started ringing answered control+ ended ");
    assert_int_equal(t.causes[16], 1);
    end(&t);
}

static void the_link_comes_up_late_if_wished(void **state)
{
    (void)state;
    struct test t;
    start(&t, QUICK "link_delay_ms = 10");
    assert_int_equal(t.in->link, DG_LINK_CONNECTING);
    assert_int_equal(dial(&t, "x", "X/1"), DG_EUNAVAILABLE);
    bench_after(&t.b, 30);
    assert_int_equal(t.in->link, DG_LINK_UP);
    assert_int_equal(dial(&t, "x", "X/1"), DG_OK);
    end(&t);
}

/* Four calls that end in the order of their random times. */
static void play_with_seed(const char *seed, char order[100])
{
    struct test t;
    char *text = xasprintf("ring_ms = 1\njitter_ms = 1000\nseed = %s\n", seed);
    start(&t, text);
    free(text);
    static const char *const ids[] = {"0", "1", "2", "3"};
    for (size_t i = 0; i < COUNT(ids); i++)
        assert_int_equal(dial(&t, ids[i], "X/486"), DG_OK);
    until_ended(&t, COUNT(ids));
    snprintf(order, 100, "%s", t.ends);
    end(&t);
}

/* With these seeds the times lie 180 ms and more from each other. */
static void a_seed_gives_the_same_calls(void **state)
{
    char one[100], again[100], other[100];
    (void)state;
    play_with_seed("200", one);
    play_with_seed("200", again);
    play_with_seed("218", other);
    assert_string_equal(one, again);
    assert_string_not_equal(one, other);
}

/* ---- What is done to calls ---------------------------------------------------------------------
 */

static void a_call_is_parked_and_comes_back(void **state)
{
    (void)state;
    struct test t;
    start(&t, QUICK);
    answered_call(&t, "a");
    answered_call(&t, "b");
    assert_int_equal(ASK(&t, park, &(struct dg_park){.call = "a", .timeout_ms = 10}), DG_OK);
    assert_int_equal(ASK(&t, park, &(struct dg_park){.call = "a"}), DG_ECONFLICT);
    assert_int_equal(ASK(&t, park, &(struct dg_park){.call = "b", .preferred_slot = "750"}), DG_OK);
    assert_int_equal(ASK(&t, parked, &(struct dg_filter){0}), DG_OK);
    assert_int_equal(t.r.count, 2);
    bench_after(&t.b, 30);
    assert_int_equal(ASK(&t, parked, &(struct dg_filter){0}), DG_OK);
    assert_int_equal(t.r.count, 1);
    assert_int_equal(ASK(&t, hangup, &(struct dg_hangup){.call = "b"}), DG_OK);
    bench_after(&t.b, 2);
    assert_string_equal(t.story, "parkeddefault/701+ parkeddefault/750+ parkeddefault/701 "
                                 "parkeddefault/750 ended ");
    end(&t);
}

static void calls_are_transferred(void **state)
{
    (void)state;
    struct test t;
    start(&t, QUICK);
    answered_call(&t, "a");
    answered_call(&t, "b");
    const struct dg_transfer blind = {
        .call = "a", .type = DG_TRANSFER_BLIND, .context = "in", .extension = "100"};
    assert_int_equal(ASK(&t, transfer, &blind), DG_OK);
    bench_after(&t.b, 2);
    assert_string_equal(t.story, "transferred100 control changed ");
    t.story[0] = '\0';
    const struct dg_transfer attended = {.call = "a", .type = DG_TRANSFER_ATTENDED, .consult = "b"};
    assert_int_equal(ASK(&t, transfer, &attended), DG_OK);
    bench_after(&t.b, 2);
    assert_string_equal(t.story, "transferredb bridge bridged+ bridged+ ");
    t.story[0] = '\0';
    assert_int_equal(ASK(&t, hangup, &(struct dg_hangup){.call = "a"}), DG_OK);
    assert_int_equal(ASK(&t, hangup, &(struct dg_hangup){.call = "b"}), DG_OK);
    bench_after(&t.b, 2);
    assert_string_equal(t.story, "bridged ended bridged unbridge ended ");
    const struct dg_transfer nowhere = {.call = "a", .type = DG_TRANSFER_BLIND};
    assert_int_equal(ASK(&t, transfer, &nowhere), DG_ENOTFOUND);
    end(&t);
}

static void what_a_bridge_plays_ends_with_it(void **state)
{
    (void)state;
    struct test t;
    start(&t, "ring_ms = 1\nanswer_ms = 1\nplay_ms = \"10s\"");
    answered_call(&t, "a");
    assert_int_equal(ASK(&t, bridge_create, &(struct dg_bridge_new){.bridge = "B"}), DG_OK);
    assert_int_equal(ASK(&t, bridge_create, &(struct dg_bridge_new){.bridge = "B"}), DG_ECONFLICT);
    assert_int_equal(ASK(&t, bridge_add, &(struct dg_bridge_leg){"B", "a"}), DG_OK);
    const struct dg_play play = {.play = "p", .on = "B", .media = "sound:x"};
    assert_int_equal(ASK(&t, play, &play), DG_OK);
    assert_int_equal(ASK(&t, play, &play), DG_ECONFLICT);
    assert_int_equal(ASK(&t, bridge_destroy, &(struct dg_bridge_ref){"B"}), DG_OK);
    assert_int_equal(ASK(&t, play_stop, &(struct dg_stop){"p"}), DG_ENOTFOUND);
    bench_after(&t.b, 2);
    assert_string_equal(t.story, "bridge bridged+ bridged played unbridge ");
    end(&t);
}

static void a_machine_is_looked_for(void **state)
{
    (void)state;
    struct test t;
    start(&t, QUICK);
    const struct dg_originate req = {.call = "a", .endpoint = "X/1", .detect_machine = true};
    assert_int_equal(ASK(&t, originate, &req), DG_OK);
    until_answered(&t, 1);
    bench_after(&t.b, 2);
    assert_string_equal(t.story,
                        "started ringing answered variableAMDSTATUS variableAMDCAUSE control+ ");
    end(&t);
}

static void who_has_answered_is_told(void **state)
{
    (void)state;
    struct test t;
    start(&t, QUICK "detect_ms = 20\nrules = [{suffix = \"2\", outcome = \"answers\", "
                    "amd = \"machine\"}]\n");
    const struct dg_detect now = {.call = "a"}, silence = {.call = "b", .silence_ms = 100};
    assert_int_equal(ASK(&t, detect, &now), DG_ENOTFOUND);
    const struct dg_originate person = {.call = "a", .endpoint = "X/1"};
    assert_int_equal(ASK(&t, originate, &person), DG_OK);
    assert_int_equal(ASK(&t, detect, &now), DG_ECONFLICT);
    until_answered(&t, 1);
    bench_after(&t.b, 2);
    t.story[0] = '\0';
    assert_int_equal(ASK(&t, detect, &now), DG_OK);
    assert_int_equal(ASK(&t, detect, &now), DG_ECONFLICT);
    bench_after(&t.b, 60);
    assert_string_equal(t.story, "variableAMDSTATUS variableAMDCAUSE detectedHUMAN ");

    const struct dg_originate robot = {.call = "b", .endpoint = "X/2"};
    assert_int_equal(ASK(&t, originate, &robot), DG_OK);
    until_answered(&t, 2);
    bench_after(&t.b, 2);
    t.story[0] = '\0';
    assert_int_equal(ASK(&t, detect, &silence), DG_OK);
    bench_after(&t.b, 100);
    assert_string_equal(t.story, "variableAMDSTATUS variableAMDCAUSE detectedMACHINE+ ");

    t.story[0] = '\0'; /* one that hangs up meanwhile is not told of */
    assert_int_equal(ASK(&t, detect, &silence), DG_OK);
    assert_int_equal(ASK(&t, hangup, &(struct dg_hangup){.call = "b"}), DG_OK);
    bench_after(&t.b, 60);
    assert_string_equal(t.story, "ended ");
    end(&t);
}

/* ---- Many
 * ---------------------------------------------------------------------------------------- */

static void thousands_of_calls_live_at_once(void **state)
{
    enum { CALLS = 5000 };
    (void)state;
    struct test t;
    start(&t, "ring_ms = 5\nanswer_ms = 5\ntalk_ms = 0\n");
    for (int i = 0; i < CALLS; i++) {
        char id[16];
        snprintf(id, sizeof(id), "call-%d", i);
        const struct dg_originate req = {.call = id, .endpoint = "PJSIP/1000@t", .ring_ms = 60000};
        backend_originate(t.in, &req, on_result, &t.r);
    }
    until_answered(&t, CALLS);
    assert_int_equal(t.r.calls, CALLS);
    assert_int_equal(t.r.err, DG_OK);
    t.r.calls = 0;
    assert_int_equal(ASK(&t, calls, &(struct dg_filter){0}), DG_OK);
    assert_int_equal(t.r.count, CALLS);
    for (int i = 0; i < CALLS; i += 2) {
        char id[16];
        snprintf(id, sizeof(id), "call-%d", i);
        backend_hangup(t.in, &(struct dg_hangup){.call = id}, on_result, &t.r);
    }
    until_ended(&t, CALLS / 2);
    assert_int_equal(t.causes[16], CALLS / 2);
    t.r.calls = 0;
    assert_int_equal(ASK(&t, calls, &(struct dg_filter){0}), DG_OK);
    assert_int_equal(t.r.count, CALLS / 2);
    end(&t); /* with half of them alive */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_number_is_found_in_every_endpoint),
        cmocka_unit_test(rules_are_of_the_configuration),
        cmocka_unit_test(rules_that_make_no_sense_stop_the_start),
        cmocka_unit_test(a_call_ends_after_its_talk),
        cmocka_unit_test(the_link_comes_up_late_if_wished),
        cmocka_unit_test(a_seed_gives_the_same_calls),
        cmocka_unit_test(a_call_is_parked_and_comes_back),
        cmocka_unit_test(calls_are_transferred),
        cmocka_unit_test(what_a_bridge_plays_ends_with_it),
        cmocka_unit_test(a_machine_is_looked_for),
        cmocka_unit_test(who_has_answered_is_told),
        cmocka_unit_test(thousands_of_calls_live_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
