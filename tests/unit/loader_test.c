/* loader_test.c - plugin files: which are taken, which are refused, and why. */
#include "abi_version.h"
#include "plug_bench.h"

static const struct {
    const char *name, *says[3];
} refusals[] = {
    {"no_entry", {"no_entry.so", "dg_plugin_entry", "DG_PLUGIN"}},
    {"null_descriptor", {"null_descriptor.so", "NULL", "descriptor"}},
    {"other_major", {"other_major.so", "version 2", ABI_VERSION}},
    {"newer_minor", {"newer_minor.so", "1.9999", "DG_NEEDS_MINOR"}},
    {"short_descriptor", {"short_descriptor.so", "24 bytes", "expected"}},
    {"name", {"name.so", "Bad Name", "expected"}},
    {"no_name", {"no_name.so", "\"\"", "expected"}},
    {"other", {"other.so", "\"renamed\"", "rename the file"}},
    {"no_table", {"no_table.so", "offers nothing", "at least one"}},
    {"no_hangup", {"no_hangup.so", "backend table", "no hangup"}},
    {"short_table", {"short_table.so", "backend table", "no calls"}},
    {"no_take", {"no_take.so", "storage table", "no declare"}},
    {"no_check", {"no_check.so", "auth table", "no check"}},
    {"no_open", {"no_open.so", "no open", "DG_PLUGIN"}},
    {"no_close", {"no_close.so", "no close", "DG_PLUGIN"}},
    {"unresolved", {"unresolved.so", "nobody_defines_this", "cannot be loaded"}},
    {"text", {"text.so", "cannot be loaded", "shared object"}},
    {"absent", {"absent.so", TEST_PLUGIN_DIR, "[plugins] path"}},
    {"../plugins/fits", {"is no plugin's name", "a-z", ""}},
    {"fits.so", {"is no plugin's name", "without .so", ""}},
    {"", {"is no plugin's name", "", ""}},
};

static void what_does_not_fit_is_refused_and_says_why(void **state)
{
    (void)state;
    struct bench b;
    bench_start(&b, (struct plug_config){0});
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct problem problem = {0};
        assert_null(plug_load(b.plug, refusals[i].name, &problem));
        assert_int_not_equal(problem.err, DG_OK);
        for (int k = 0; k < 3; k++)
            if (!strstr(problem.text, refusals[i].says[k]))
                fail_msg("%s: \"%s\" is missing in: %s", refusals[i].name, refusals[i].says[k],
                         problem.text);
    }
    bench_end(&b);
}

static void what_fits_is_loaded_once(void **state)
{
    (void)state;
    struct bench b;
    bench_start(&b, (struct plug_config){0});
    const struct dg_plugin *d = plug_load(b.plug, "fits", &b.problem);
    assert_non_null(d);
    assert_string_equal(d->name, "fits");
    assert_ptr_equal(plug_load(b.plug, "fits", &b.problem), d);
    bench_end(&b);
}

static void folders_are_searched_in_order(void **state)
{
    (void)state;
    struct bench b;
    const char *none[] = {NULL}, *wrong[] = {"/nonexistent", TEST_PLUGIN_DIR, NULL};
    bench_start(&b, (struct plug_config){.folders = none});
    assert_null(plug_load(b.plug, "fits", &b.problem));
    assert_non_null(strstr(b.problem.text, "any folder"));
    bench_end(&b);
    bench_start(&b, (struct plug_config){.folders = wrong});
    assert_non_null(plug_load(b.plug, "fits", &b.problem));
    bench_end(&b);
}

struct listing {
    int good, refused;
    bool saw_fits, saw_text;
};

static void on_listed(void *arg, const char *file, const struct dg_plugin *d, const char *refusal)
{
    struct listing *l = arg;
    assert_true((d == NULL) == (refusal != NULL));
    l->good += d != NULL;
    l->refused += d == NULL;
    l->saw_fits |= d && strcmp(d->name, "fits") == 0 && str_ends(file, "/fits.so");
    l->saw_text |= !d && str_ends(file, "/text.so") && strstr(refusal, "cannot be loaded");
}

static void all_are_listed(void **state)
{
    (void)state;
    struct bench b;
    struct listing l = {0};
    bench_start(&b, (struct plug_config){0});
    plug_list(b.plug, on_listed, &l);
    assert_true(l.saw_fits && l.saw_text);
    assert_true(l.good >= 3); /* fits, misbehaves, mock */
    assert_int_equal(l.refused, COUNT(refusals) - 4);
    bench_end(&b);
}

/* One .so, two instances. */
static void a_plugin_is_opened_twice(void **state)
{
    (void)state;
    struct bench b;
    struct result r = {0};
    bench_start(&b, (struct plug_config){0});
    struct instance *one = bench_load(&b, "fits", NULL, NULL);
    struct instance *two = bench_load(&b, "fits", NULL, NULL);
    assert_ptr_not_equal(one->self, two->self);
    bench_close(&b, one);
    backend_calls(two, &(struct dg_filter){0}, on_result, &r);
    assert_int_equal(result_wait(&b, &r), DG_OK);
    bench_close(&b, two);
    result_free(&r);
    bench_end(&b);
}

static void open_may_fail(void **state)
{
    (void)state;
    struct bench b;
    bench_start(&b, (struct plug_config){0});
    const struct dg_plugin *d = plug_load(b.plug, "misbehaves", &b.problem);
    assert_non_null(d);
    assert_null(bench_open(&b, d, "open_how = \"fails\"", NULL));
    assert_string_equal(b.problem.text, "one: the plugin misbehaves could not be opened: the "
                                        "server's address x:y makes no sense");
    assert_null(bench_open(&b, d, "open_how = \"fails-silently\"", NULL));
    assert_non_null(strstr(b.problem.text, err_name(DG_EINVAL)));
    bench_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_fit_is_refused_and_says_why),
        cmocka_unit_test(what_fits_is_loaded_once),
        cmocka_unit_test(folders_are_searched_in_order),
        cmocka_unit_test(all_are_listed),
        cmocka_unit_test(a_plugin_is_opened_twice),
        cmocka_unit_test(open_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
