/* env_test.c - base/env: the .env file, and ${NAME} in the configuration. */
#include "unit.h"

#include <errno.h>
#include <unistd.h>

#include "base/env.h"

static struct env *load(const char *text, struct problem *problem)
{
    char path[UNIT_PATH_SIZE];
    unit_file(path, text, strlen(text));
    struct env *env = env_load(path, problem);
    unlink(path);
    return env;
}

static void lines(void **state)
{
    (void)state;
    static const struct {
        const char *line, *value; /* of NAME; NULL: unset */
    } rows[] = {
        {"NAME=value", "value"},
        {"NAME=", NULL},
        {"NAME=\"\"", NULL},
        {"", NULL},
        {"# NAME=value", NULL},
        {"  NAME = value  ", "value"},
        {"\tNAME\t=\tvalue\t", "value"},
        {"export NAME=value", "value"},
        {"export\tNAME=value", "value"},
        {"name=value", "value"},
        {"Name=value", "value"},
        {"NAME=two words", "two words"},
        {"NAME=value # comment", "value"},
        {"NAME=value\t# comment", "value"},
        {"NAME=va#lue", "va#lue"},
        {"NAME=# comment", NULL},
        {"NAME=a=b=c", "a=b=c"},
        {"NAME=a'b\"c", "a'b\"c"},
        {"NAME='single # \\n $x' # comment", "single # \\n $x"},
        {"NAME=\"double # \\n\\t\\\"\\\\\\$ \\x\"", "double # \n\t\"\\$ \\x"},
        {"NAME=\"kept as it is: ${OTHER}\"", "kept as it is: ${OTHER}"},
        {"NAME=value\r", "value"},
        {"NAME=\"value\"\r", "value"},
        {"NAME=first\nNAME=last", "last"},
        {"NAME=first\nname=last", "last"},
        {"OTHER=x\n\n# y\nNAME=value\n", "value"},
        {"\xef\xbb\xbfNAME=value", "value"},
        {"NAME=p\xc3\xa4sswort", "p\xc3\xa4sswort"},
        {"EXPORTED=x\nNAME=value", "value"},
        {"export=x\nNAME=value", "value"},
    };
    unsetenv("NAME");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct problem problem = {0};
        struct env *env = load(rows[i].line, &problem);
        if (!env)
            fail_msg("%s: %s", rows[i].line, problem.text);
        const char *value = env_get(env, "NAME");
        if (!rows[i].value || !value)
            assert_ptr_equal(value, rows[i].value);
        else
            assert_string_equal(value, rows[i].value);
        env_free(env);
    }
}

static void lines_that_make_no_sense(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place;
    } rows[] = {
        {"NAME", ":1: "},           {"A=1\nNAME secret", ":2: "}, {"=secret", ":1: "},
        {"1A=secret", ":1: "},      {"A-B=secret", ":1: "},       {"\n\nA='secret", ":3: "},
        {"A=\"secret\\\"", ":1: "}, {"A='secret' more", ":1: "},  {"export", ":1: "},
        {"A=\xff", "UTF-8"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct problem problem = {0};
        assert_null(load(rows[i].text, &problem));
        assert_int_equal(problem.err, DG_EINVAL);
        if (!strstr(problem.text, rows[i].place) || strstr(problem.text, "secret") ||
            !strstr(problem.text, "/tmp/dialgate-"))
            fail_msg("%s: %s", rows[i].text, problem.text);
        assert_null(load(rows[i].text, NULL));
    }
}

static void files(void **state)
{
    (void)state;
    struct problem problem = {0};
    struct env *env = env_load("/nonexistent/.env", &problem);
    assert_non_null(env);
    assert_null(env_get(env, "DIALGATE_NO_SUCH_NAME"));
    env_free(env);
    env = env_load(NULL, &problem);
    assert_non_null(env);
    env_free(env);
    env_free(NULL);
    assert_null(env_load("/tmp", &problem)); /* a folder */
    assert_non_null(strstr(problem.text, strerror(EISDIR)));

    size_t len = (1 << 20) + 1;
    char path[UNIT_PATH_SIZE], *large = malloc(len);
    memset(large, '\n', len);
    unit_file(path, large, len);
    assert_null(env_load(path, &problem));
    assert_non_null(strstr(problem.text, "1 MiB"));
    unlink(path);
    unit_file(path, "A=1\0B=2", 7);
    assert_null(env_load(path, &problem));
    unlink(path);
    free(large);
}

static void the_real_environment_comes_first(void **state)
{
    (void)state;
    struct env *env = load("DG_T1=file\nDG_T2=file\ndg_t3=file\n", NULL);
    setenv("DG_T1", "real", 1);
    setenv("DG_T2", "", 1); /* counts as unset */
    setenv("dg_t4", "real", 1);
    assert_string_equal(env_get(env, "DG_T1"), "real");
    assert_string_equal(env_get(env, "DG_T2"), "file");
    assert_string_equal(env_get(env, "DG_T3"), "file");
    assert_null(env_get(env, "DG_T4")); /* as written in the real one */
    assert_string_equal(env_get(NULL, "DG_T1"), "real");
    assert_null(env_get(NULL, "DG_T3"));
    unsetenv("DG_T1");
    unsetenv("DG_T2");
    unsetenv("dg_t4");
    env_free(env);
}

static void expanding(void **state)
{
    (void)state;
    static const struct {
        const char *text, *result, *problem; /* a part of the message */
    } rows[] = {
        {"", "", NULL},
        {"plain", "plain", NULL},
        {"${A}", "one", NULL},
        {"x${A}y${a}z", "xoneyonez", NULL},
        {"${NONE:-}", "", NULL},
        {"${NONE:-def}", "def", NULL},
        {"${A:-def}", "one", NULL},
        {"${EMPTY:-def}", "def", NULL},
        {"${NONE:-${ALSO:-deep}}", "deep", NULL},
        {"${NONE:-${A}}", "one", NULL},
        {"${NONE:-<${ALSO:-1}-${A}>}.", "<1-one>.", NULL},
        {"${A:-${NONE}}", "one", NULL}, /* a default not needed may name what is not there */
        {"$${A}", "${A}", NULL},
        {"$$$${A}", "$${A}", NULL},
        {"$$${A}", "$one", NULL},
        {"${NONE:-$${x}", "${x", NULL},
        {"cost $5, $", "cost $5, $", NULL},
        {"}", "}", NULL},
        {"{A}", "{A}", NULL},
        {"${DOLLAR}", "${A}$$", NULL}, /* a value is not expanded again */
        {"${NONE:-a:-b}", "a:-b", NULL},
        {"${NONE}", NULL, "NONE"},
        {"${EMPTY}", NULL, "EMPTY"},
        {"a${NONE:-${ALSO}}", NULL, "ALSO"},
        {"ab${A", NULL, "character 6: "},
        {"${}", NULL, "character 3: "},
        {"${1A}", NULL, "character 3: "},
        {"${A B}", NULL, "character 4: "},
        {"${A:b}", NULL, "character 4: "},
        {"${A-b}", NULL, "character 4: "},
        {"${NONE:-x", NULL, "character 10: "},
        {"${A:-x", NULL, "character 7: "}, /* also when the default is not needed */
        {"${A:-${}}", NULL, "character 8: "},
        {"${", NULL, "character 3: "},
    };
    unsetenv("A");
    struct env *env = load("A=one\nEMPTY=\nDOLLAR='${A}$$'\n", NULL);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct problem problem = {0};
        struct buf out;
        buf_init(&out, 1000);
        buf_adds(&out, "<");
        bool good = env_expand(env, rows[i].text, &out, &problem);
        if (good != (rows[i].result != NULL))
            fail_msg("%s: %s", rows[i].text, problem.text);
        assert_string_equal(buf_cstr(&out) + 1, good ? rows[i].result : "");
        if (!good && !strstr(problem.text, rows[i].problem))
            fail_msg("%s: %s", rows[i].text, problem.text);
        buf_free(&out);
    }
    env_free(env);
}

static void limits_of_expanding(void **state)
{
    (void)state;
    struct problem problem = {0};
    struct buf out;
    buf_init(&out, 5);
    assert_true(env_expand(NULL, "12345", &out, &problem));
    buf_clear(&out);
    assert_false(env_expand(NULL, "123456", &out, &problem));
    assert_non_null(strstr(problem.text, "5 bytes"));
    buf_free(&out);

    char text[2000] = "";
    for (int i = 0; i < 200; i++)
        memcpy(text + 5 * i, "${Z:-", 6);
    memset(text + 1000, '}', 200);
    buf_init(&out, 5);
    assert_false(env_expand(NULL, text, &out, &problem));
    assert_non_null(strstr(problem.text, "deeply"));
    char name[1000] = "${";
    memset(name + 2, 'A', 900);
    name[902] = '}';
    assert_false(env_expand(NULL, name, &out, &problem));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),     cmocka_unit_test(lines_that_make_no_sense),
        cmocka_unit_test(files),     cmocka_unit_test(the_real_environment_comes_first),
        cmocka_unit_test(expanding), cmocka_unit_test(limits_of_expanding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
