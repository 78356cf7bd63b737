/* settings_test.c - a table of the configuration against declared keys. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "plug/settings.h"

static const struct dg_cfg_key keys[] = {
    {"host", DG_CFG_STR, "localhost", "where the server is"},
    {"label", DG_CFG_STR, "", "shown"},
    {"password", DG_CFG_SECRET, "", "of the account"},
    {"port", DG_CFG_INT, "5038", "1 to 65535"},
    {"tls", DG_CFG_BOOL, "false", "encrypt"},
    {"wait", DG_CFG_MS, "30s", "for an answer"},
    {"list", DG_CFG_JSON, "", "of names"},
    {"file", DG_CFG_PATH, "", "where it lies"},
    {"site", DG_CFG_URL, "https://[::1]:8443/x", "where to look"},
    {0},
};

static const struct dg_cfg_key extra[] = {
    {"plugin", DG_CFG_STR, "acme", "which"},
    {"port", DG_CFG_STR, "ignored", "the first declaration counts"},
    {0},
};

static const struct dg_cfg_key required[] = {
    {"url", DG_CFG_STR, NULL, "set it to the server's address"},
    {0},
};

struct read {
    char folder[40], file[60];
    struct toml_node *root;
    struct buf problems;
    unsigned count;
    struct settings *s;
};

/* Reads the text as the table [t] of a file in a folder of its own. */
static void read_text(struct read *r, const char *text, const struct dg_cfg_key *of)
{
    char why[300];
    *r = (struct read){0};
    snprintf(r->folder, sizeof(r->folder), "/tmp/dialgate-settings-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    snprintf(r->file, sizeof(r->file), "%s/x.toml", r->folder);
    FILE *f = fopen(r->file, "w");
    fprintf(f, "[t]\n%s", text);
    fclose(f);
    r->root = toml_load(r->file, why, sizeof(why));
    assert_non_null(r->root);
    buf_init(&r->problems, 100000);
    const struct settings_source src = {
        .file = r->file, .problems = &r->problems, .count = &r->count};
    r->s = settings_read(&src, "t", toml_get(r->root, "t"), of, extra);
}

static void read_free(struct read *r)
{
    settings_free(r->s);
    toml_free(r->root);
    buf_free(&r->problems);
    unlink(r->file);
    rmdir(r->folder);
}

static void nothing_set_gives_the_defaults(void **state)
{
    (void)state;
    struct read r;
    char place[100], expected[100];
    read_text(&r, "", keys);
    assert_int_equal(r.count, 0);
    assert_string_equal(settings_name(r.s), "t");
    assert_string_equal(settings_str(r.s, "host"), "localhost");
    assert_null(settings_str(r.s, "label"));
    assert_null(settings_str(r.s, "password"));
    assert_null(settings_str(r.s, "file"));
    assert_int_equal(settings_int(r.s, "port"), 5038);
    assert_false(settings_bool(r.s, "tls"));
    assert_int_equal(settings_int(r.s, "wait"), 30000);
    assert_string_equal(settings_str(r.s, "list"), "[]");
    assert_string_equal(settings_str(r.s, "plugin"), "acme");
    assert_false(settings_has(r.s, "host"));
    snprintf(expected, sizeof(expected), "%s:1", r.file);
    assert_string_equal(settings_place(r.s, "host", place, sizeof(place)), expected);
    read_free(&r);
}

static void values_are_read_by_their_type(void **state)
{
    (void)state;
    struct read r;
    char place[100], expected[100];
    setenv("T_PORT", "99", 1);
    setenv("T_TLS", "yes", 1);
    setenv("T_WAIT", "1500", 1);
    setenv("T_LIST", "a, b ,,c", 1);
    read_text(&r,
              "host = \"10.0.0.${T_NONE:-5}\"\nport = \"${T_PORT}\"\ntls = \"${T_TLS}\"\n"
              "wait = \"${T_WAIT}\"\nlist = \"${T_LIST}\"\nfile = \"sub/x\"\n",
              keys);
    assert_string_equal(buf_cstr(&r.problems), "");
    assert_string_equal(settings_str(r.s, "host"), "10.0.0.5");
    assert_int_equal(settings_int(r.s, "port"), 99);
    assert_true(settings_bool(r.s, "tls"));
    assert_int_equal(settings_int(r.s, "wait"), 1500);
    assert_string_equal(settings_str(r.s, "list"), "[\"a\",\"b\",\"c\"]");
    snprintf(expected, sizeof(expected), "%s/sub/x", r.folder);
    assert_string_equal(settings_str(r.s, "file"), expected);
    assert_true(settings_has(r.s, "port"));
    snprintf(expected, sizeof(expected), "%s:3", r.file);
    assert_string_equal(settings_place(r.s, "port", place, sizeof(place)), expected);
    read_free(&r);

    read_text(&r,
              "port = 7\ntls = true\nwait = \"2m\"\nfile = \"/abs\"\nlist = [1, \"${T_PORT}\", "
              "{a = true, b = [1.5]}]\n",
              keys);
    assert_string_equal(buf_cstr(&r.problems), "");
    assert_int_equal(settings_int(r.s, "port"), 7);
    assert_int_equal(settings_int(r.s, "wait"), 120000);
    assert_string_equal(settings_str(r.s, "file"), "/abs");
    assert_string_equal(settings_str(r.s, "list"), "[1,\"99\",{\"a\":true,\"b\":[1.5]}]");
    read_free(&r);

    read_text(&r, "wait = 250\nlist = '{\"a\": 1}'\n", keys);
    assert_int_equal(settings_int(r.s, "wait"), 250);
    assert_string_equal(settings_str(r.s, "list"), "{\"a\": 1}");
    read_free(&r);
}

static void an_empty_variable_counts_as_unset(void **state)
{
    (void)state;
    struct read r;
    unsetenv("T_NONE");
    read_text(&r, "port = \"${T_NONE:-}\"\nhost = \"${T_NONE:-}\"\n", keys);
    assert_int_equal(r.count, 0);
    assert_int_equal(settings_int(r.s, "port"), 5038);
    assert_string_equal(settings_str(r.s, "host"), "localhost");
    assert_false(settings_has(r.s, "port"));
    read_free(&r);
}

static void secrets_come_from_files_too(void **state)
{
    (void)state;
    struct read r;
    char text[200], name[] = "/tmp/dialgate-secret-XXXXXX";
    int fd = mkstemp(name);
    assert_int_equal(write(fd, "s3cret\n", 7), 7);
    close(fd);
    snprintf(text, sizeof(text), "password = \"file:%s\"\n", name);
    read_text(&r, text, keys);
    assert_string_equal(settings_str(r.s, "password"), "s3cret");
    read_free(&r);
    unlink(name);
    read_text(&r, text, keys);
    assert_int_equal(r.count, 1);
    assert_non_null(strstr(buf_cstr(&r.problems), "cannot be read"));
    read_free(&r);
}

/* Each mistake is one problem that says where, what, and what was expected. */
static void mistakes_are_problems(void **state)
{
    static const struct {
        const char *text, *where, *says[3];
    } rows[] = {
        {"hsot = \"x\"\n", ":2:", {"t.hsot", "no such key", "did you mean \"host\"?"}},
        {"frobnicate = 1\n", ":2:", {"no such key", "host, label", "plugin"}},
        {"port = \"abc\"\n", ":2:", {"t.port", "\"abc\"", "an integer"}},
        {"port = \"${T_BAD}\"\n", ":2:", {"${T_BAD}", "gives \"12x\"", "an integer"}},
        {"port = true\n", ":2:", {"t.port", "was found", "an integer"}},
        {"\nport = 1.5\n", ":3:", {"t.port", "an integer", "1 to 65535"}},
        {"tls = 1\n", ":2:", {"t.tls", "true or false", ""}},
        {"tls = \"maybe\"\n", ":2:", {"\"maybe\"", "true or false", ""}},
        {"wait = \"5 parsecs\"\n", ":2:", {"t.wait", "a duration", "30s"}},
        {"wait = -1\n", ":2:", {"t.wait", "negative", "a duration"}},
        {"wait = \"-1\"\n", ":2:", {"t.wait", "a duration", ""}},
        {"host = 5\n", ":2:", {"t.host", "a string", ""}},
        {"host = \"${T_NONE}\"\n", ":2:", {"T_NONE", "is not set", ""}},
        {"list = 5\n", ":2:", {"t.list", "a list", ""}},
        {"list = \"[1,\"\n", ":2:", {"t.list", "no JSON", ""}},
        {"file = 1\n", ":2:", {"t.file", "a path", ""}},
        {"site = 1\n", ":2:", {"t.site", "a URL", ""}},
        {"site = \"nonsense\"\n", ":2:", {"t.site", "\"nonsense\"", "a URL (http:// or https://"}},
        {"site = \"ftp://pbx\"\n", ":2:", {"t.site", "a URL", ""}},
        {"site = \"http://\"\n", ":2:", {"t.site", "a URL", ""}},
        {"site = \"http:///ari\"\n", ":2:", {"t.site", "a URL", ""}},
        {"site = \"http://me@pbx\"\n", ":2:", {"t.site", "without a user", ""}},
        {"site = \"http://pbx:0/\"\n", ":2:", {"t.site", "a URL", ""}},
        {"site = \"http://pbx:65536\"\n", ":2:", {"t.site", "a URL", ""}},
        {"site = \"http://pbx:80a\"\n", ":2:", {"t.site", "a URL", ""}},
        {"site = \"http://[::1\"\n", ":2:", {"t.site", "a URL", ""}},
        {"site = \"http://p b/\"\n", ":2:", {"t.site", "a URL", ""}},
    };
    (void)state;
    setenv("T_BAD", "12x", 1);
    unsetenv("T_NONE");
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct read r;
        char where[100];
        read_text(&r, rows[i].text, keys);
        snprintf(where, sizeof(where), "%s%s", r.file, rows[i].where);
        const char *problems = buf_cstr(&r.problems);
        if (r.count != 1 || !str_starts(problems, where) || !str_ends(problems, "\n"))
            fail_msg("%s gave %u: %s", rows[i].text, r.count, problems);
        for (int k = 0; k < 3; k++)
            if (!strstr(problems, rows[i].says[k]))
                fail_msg("%s: \"%s\" is missing in: %s", rows[i].text, rows[i].says[k], problems);
        read_free(&r);
    }
}

static void all_mistakes_are_told_at_once(void **state)
{
    (void)state;
    struct read r;
    read_text(&r, "port = \"x\"\ntls = 7\nnope = 1\n", keys);
    assert_int_equal(r.count, 3);
    read_free(&r);
}

static void a_required_key_must_be_there(void **state)
{
    static const char *const texts[] = {"", "url = \"\"\n", "url = \"${T_NONE:-}\"\n"};
    (void)state;
    unsetenv("T_NONE");
    for (int i = 0; i < 3; i++) {
        struct read r;
        read_text(&r, texts[i], required);
        assert_int_equal(r.count, 1);
        assert_non_null(strstr(buf_cstr(&r.problems), "t.url: it is "));
        assert_non_null(strstr(buf_cstr(&r.problems), "set it to the server's address"));
        read_free(&r);
    }
}

/* A secret's value must be in no message, whatever is wrong with it. */
static void secrets_are_not_in_problems(void **state)
{
    static const char *const texts[] = {"password = 12345\n", "password = [\"12345\"]\n",
                                        "password = \"12345${T_NONE}\"\n",
                                        "password = \"12345${\"\n"};
    (void)state;
    unsetenv("T_NONE");
    for (int i = 0; i < 4; i++) {
        struct read r;
        read_text(&r, texts[i], keys);
        assert_int_equal(r.count, 1);
        assert_null(strstr(buf_cstr(&r.problems), "12345"));
        read_free(&r);
    }
}

static void a_table_is_expected(void **state)
{
    (void)state;
    struct read r;
    read_text(&r, "x = 5\n", keys);
    struct settings *s = settings_read(
        &(struct settings_source){.file = "f", .problems = &r.problems, .count = &r.count}, "x",
        toml_get(toml_get(r.root, "t"), "x"), keys, NULL);
    assert_non_null(strstr(buf_cstr(&r.problems), "a table was expected"));
    settings_free(s);
    s = settings_read(
        &(struct settings_source){.file = "f", .problems = &r.problems, .count = &r.count}, "x",
        NULL, keys, NULL);
    assert_int_equal(settings_int(s, "port"), 5038);
    char place[100];
    assert_string_equal(settings_place(s, "port", place, sizeof(place)), "f");
    settings_free(s);
    read_free(&r);
}

static void ask_wrong(const struct settings *s)
{
    settings_int(s, "host");
}

static void ask_undeclared(const struct settings *s)
{
    settings_str(s, "frobnicate");
}

/* Asking wrongly is a bug: the process ends, here a child's. */
static void asking_wrongly_ends_the_process(void **state)
{
    void (*const asks[])(const struct settings *s) = {ask_wrong, ask_undeclared};
    (void)state;
    struct read r;
    read_text(&r, "", keys);
    for (int i = 0; i < 2; i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            signal(SIGABRT, SIG_DFL);
            if (!freopen("/dev/null", "w", stderr))
                _exit(0);
            asks[i](r.s);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) != 0);
    }
    read_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_set_gives_the_defaults),
        cmocka_unit_test(values_are_read_by_their_type),
        cmocka_unit_test(an_empty_variable_counts_as_unset),
        cmocka_unit_test(secrets_come_from_files_too),
        cmocka_unit_test(mistakes_are_problems),
        cmocka_unit_test(all_mistakes_are_told_at_once),
        cmocka_unit_test(a_required_key_must_be_there),
        cmocka_unit_test(secrets_are_not_in_problems),
        cmocka_unit_test(a_table_is_expected),
        cmocka_unit_test(asking_wrongly_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
