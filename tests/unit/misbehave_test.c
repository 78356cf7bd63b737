/* misbehave_test.c - a plugin that breaks the rules hurts itself only: what it
 * did is logged and counted under its name, and the core goes on. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plug_bench.h"

struct heard {
    int events, links, notes;
};

static void on_event(void *arg, struct instance *in, const struct dg_event *ev)
{
    (void)in;
    (void)ev;
    ((struct heard *)arg)->events++;
}

static void on_link(void *arg, struct instance *in, enum dg_link link, const char *detail)
{
    (void)in;
    (void)link;
    (void)detail;
    ((struct heard *)arg)->links++;
}

static void on_noted(void *arg, struct instance *in, const struct dg_note *note)
{
    (void)in;
    (void)note;
    ((struct heard *)arg)->notes++;
}

struct test {
    struct bench b;
    struct heard heard;
    struct instance *in;
    struct result r;
};

static void start_with(struct test *t, const char *text)
{
    *t = (struct test){0};
    const struct plug_events events = {on_event, on_link, on_noted, &t->heard};
    bench_start(&t->b, (struct plug_config){.deadline_ms = 100});
    t->in = bench_load(&t->b, "misbehaves", text, &events);
}

static void end(struct test *t)
{
    bench_close(&t->b, t->in);
    result_free(&t->r);
    bench_end(&t->b);
}

static enum dg_err ask(struct test *t, const char *how)
{
    backend_originate(t->in, &(struct dg_originate){.call = "x", .endpoint = how}, on_result,
                      &t->r);
    return result_wait(&t->b, &t->r);
}

static bool faulted(struct test *t, const char *fault)
{
    char line[200];
    snprintf(line, sizeof(line), "dialgate_plugin_faults_total{instance=\"one\",fault=\"%s\"} 1\n",
             fault);
    return bench_counted(&t->b, line);
}

/* Afterwards it must still be of use. */
static void still_works(struct test *t)
{
    assert_int_equal(ask(t, "well"), DG_OK);
    assert_int_equal(instance_open_ops(t->in), 0);
}

static void ending_twice_has_no_effect(void **state)
{
    static const char *const hows[] = {"twice", "fails done", "item late"};
    (void)state;
    for (size_t i = 0; i < COUNT(hows); i++) {
        struct test t;
        start_with(&t, NULL);
        assert_int_equal(ask(&t, hows[i]), DG_OK);
        bench_after(&t.b, 5);
        assert_int_equal(t.r.calls, 0);
        assert_true(faulted(&t, "an operation was ended twice"));
        still_works(&t);
        end(&t);
    }
}

static void an_op_that_is_not_ended_is_answered_by_its_deadline(void **state)
{
    (void)state;
    struct test t;
    start_with(&t, NULL);
    assert_int_equal(ask(&t, "never"), DG_ETIMEOUT);
    assert_non_null(strstr(t.r.message, "backend.originate"));
    assert_int_equal(instance_open_ops(t.in), 0);
    /* When it is ended after all, nobody hears of it. */
    backend_hangup(t.in, &(struct dg_hangup){.call = "x"}, on_result, &t.r);
    assert_int_equal(result_wait(&t.b, &t.r), DG_OK);
    still_works(&t);
    /* And again: now it is ended twice. */
    backend_hangup(t.in, &(struct dg_hangup){.call = "x"}, on_result, &t.r);
    assert_int_equal(result_wait(&t.b, &t.r), DG_OK);
    assert_true(faulted(&t, "an operation was ended twice"));
    end(&t);
}

static void an_op_that_is_never_ended_is_freed_with_the_instance(void **state)
{
    (void)state;
    struct test t;
    start_with(&t, NULL);
    assert_int_equal(ask(&t, "never"), DG_ETIMEOUT);
    end(&t); /* a leak would be found */
}

static void ops_under_way_are_answered_when_it_is_closed(void **state)
{
    (void)state;
    struct test t;
    start_with(&t, NULL);
    backend_originate(t.in, &(struct dg_originate){.call = "x", .endpoint = "never"}, on_result,
                      &t.r);
    bench_close(&t.b, t.in);
    assert_int_equal(t.r.calls, 1);
    assert_int_equal(t.r.err, DG_EUNAVAILABLE);
    result_free(&t.r);
    bench_end(&t.b);
}

static void holding_the_loop_is_told(void **state)
{
    (void)state;
    struct test t;
    start_with(&t, NULL);
    assert_int_equal(ask(&t, "blocks"), DG_OK);
    assert_true(faulted(&t, "held the loop"));
    end(&t);
}

static void failing_with_success_is_an_error(void **state)
{
    (void)state;
    struct test t;
    start_with(&t, NULL);
    assert_int_equal(ask(&t, "success fails"), DG_EINTERNAL);
    end(&t);
}

static void garbage_is_dropped(void **state)
{
    (void)state;
    struct test t;
    start_with(&t, NULL);
    assert_int_equal(ask(&t, "garbage"), DG_OK);
    bench_after(&t.b, 5);
    assert_int_equal(t.heard.events, 0);
    assert_int_equal(t.heard.links, 1);
    assert_int_equal(t.heard.notes, 0);
    assert_int_equal(map_len(t.in->lacks), 0);
    assert_int_equal(t.in->link, DG_LINK_UP);
    assert_true(faulted(&t, "a note without a topic was told"));
    still_works(&t);
    end(&t);
}

static void bad_items_fail_the_op(void **state)
{
    static const char *const hows[] = {"unsized", "nameless", "null"};
    (void)state;
    struct test t;
    start_with(&t, NULL);
    for (size_t i = 0; i < COUNT(hows); i++) {
        backend_calls(t.in, &(struct dg_filter){hows[i]}, on_result, &t.r);
        assert_int_equal(result_wait(&t.b, &t.r), DG_EINTERNAL);
        assert_int_equal(t.r.count, 0);
    }
    still_works(&t);
    end(&t);
}

static void what_is_left_behind_is_taken_away(void **state)
{
    (void)state;
    struct test t;
    start_with(&t, "close_how = \"leaves\"");
    bench_close(&t.b, t.in);
    bench_after(&t.b, 60); /* the shorter of its two timers would have run */
    assert_true(bench_counted(&t.b, "dialgate_plugin_faults_total{instance=\"one\",fault=\""
                                    "something was left behind by close\"} 2\n"));
    bench_end(&t.b);
}

static void a_close_that_does_not_end_is_given_up(void **state)
{
    (void)state;
    struct test t;
    start_with(&t, "close_how = \"never\"");
    bench_close(&t.b, t.in);
    assert_true(faulted(&t, "close did not end in time; the instance is given up"));
    bench_end(&t.b);
}

/* A build with assertions ends there, one without refuses the call. */
static void another_thread_is_found_out(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct test t;
        signal(SIGABRT, SIG_DFL);
        start_with(&t, NULL);
        bench_after(&t.b, 1); /* from the first run on the loop knows its thread */
        bool same = ask(&t, "thread") == DG_OK &&
                    faulted(&t, "a host function was called on another thread than the loop's");
        _exit(same ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
#ifdef NDEBUG
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
#else
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_thread_is_found_out), /* first: it forks */
        cmocka_unit_test(ending_twice_has_no_effect),
        cmocka_unit_test(an_op_that_is_not_ended_is_answered_by_its_deadline),
        cmocka_unit_test(an_op_that_is_never_ended_is_freed_with_the_instance),
        cmocka_unit_test(ops_under_way_are_answered_when_it_is_closed),
        cmocka_unit_test(holding_the_loop_is_told),
        cmocka_unit_test(failing_with_success_is_an_error),
        cmocka_unit_test(garbage_is_dropped),
        cmocka_unit_test(bad_items_fail_the_op),
        cmocka_unit_test(what_is_left_behind_is_taken_away),
        cmocka_unit_test(a_close_that_does_not_end_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
