/* toml_test.c - base/toml: the tree, its order and lines, and what is refused. */
#include "unit.h"

#include <math.h>
#include <unistd.h>

#include "base/toml.h"

static char why[256];

static struct toml_node *load_bytes(const char *text, size_t len)
{
    char path[UNIT_PATH_SIZE];
    unit_file(path, text, len);
    why[0] = '\0';
    struct toml_node *root = toml_load(path, why, sizeof(why));
    unlink(path);
    return root;
}

static struct toml_node *load(const char *text)
{
    struct toml_node *root = load_bytes(text, strlen(text));
    if (!root)
        fail_msg("%s", why);
    return root;
}

static void kinds(void **state)
{
    (void)state;
    struct toml_node *root = load("s = \"t\xc3\xa4xt\\n\"\n"
                                  "i = -42\n"
                                  "big = 9223372036854775807\n"
                                  "hex = 0xff\n"
                                  "f = 2.5\n"
                                  "inf = inf\n"
                                  "b = true\n"
                                  "d = 1979-05-27\n"
                                  "t = 07:32:00\n"
                                  "dt = 1979-05-27T07:32:00Z\n"
                                  "odt = 1979-05-27 07:32:00.5-07:00\n"
                                  "a = [1, \"x\", [2]]\n"
                                  "none = []\n"
                                  "in = {x = 1, y = {}}\n"
                                  "lit = 'a\\b'\n"
                                  "multi = \"\"\"\none\ntwo\"\"\"\n");
    assert_int_equal(root->kind, TOML_TABLE);
    assert_null(root->key);
    assert_string_equal(toml_get(root, "s")->text, "t\xc3\xa4xt\n");
    assert_int_equal(toml_get(root, "i")->integer, -42);
    assert_int_equal(toml_get(root, "big")->integer, INT64_MAX);
    assert_int_equal(toml_get(root, "hex")->integer, 255);
    assert_true(toml_get(root, "f")->real == 2.5);
    assert_true(isinf(toml_get(root, "inf")->real));
    assert_true(toml_get(root, "b")->boolean);
    static const char *const times[][2] = {{"d", "1979-05-27"},
                                           {"t", "07:32:00"},
                                           {"dt", "1979-05-27T07:32:00Z"},
                                           {"odt", "1979-05-27T07:32:00.5-07:00"}};
    for (size_t i = 0; i < COUNT(times); i++) {
        assert_int_equal(toml_get(root, times[i][0])->kind, TOML_TIME);
        assert_string_equal(toml_get(root, times[i][0])->text, times[i][1]);
    }
    const struct toml_node *a = toml_get(root, "a");
    assert_int_equal(a->kind, TOML_ARRAY);
    assert_int_equal(a->count, 3);
    assert_int_equal(a->items[0].integer, 1);
    assert_null(a->items[0].key);
    assert_string_equal(a->items[1].text, "x");
    assert_int_equal(a->items[2].items[0].integer, 2);
    assert_int_equal(toml_get(root, "none")->count, 0);
    assert_int_equal(toml_get(toml_get(root, "in"), "x")->integer, 1);
    assert_int_equal(toml_get(toml_get(root, "in"), "y")->kind, TOML_TABLE);
    assert_string_equal(toml_get(root, "lit")->text, "a\\b");
    assert_string_equal(toml_get(root, "multi")->text, "one\ntwo");
    assert_null(toml_get(root, "absent"));
    assert_null(toml_get(a, "x"));
    assert_null(toml_get(NULL, "x"));
    toml_free(root);
    toml_free(NULL);
}

static void order_and_places(void **state)
{
    (void)state;
    struct toml_node *root = load("zebra = 1\n"
                                  "  apple = 2\n"
                                  "\n"
                                  "[server]\n"
                                  "port = 80\n"
                                  "host = \"x\"\n"
                                  "[backend.pbx]\n"
                                  "url = \"u\"\n"
                                  "[auth]\n"
                                  "[backend.mock]\n"
                                  "ring_ms = 1\n"
                                  "[[list]]\n"
                                  "n = 1\n"
                                  "[[list]]\n"
                                  "n = 2\n");
    static const struct {
        const char *key;
        int line, column;
    } expected[] = {{"zebra", 1, 1},   {"apple", 2, 3}, {"server", 4, 2},
                    {"backend", 7, 2}, {"auth", 9, 2},  {"list", 12, 3}};
    assert_int_equal(root->count, COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++) {
        assert_string_equal(root->items[i].key, expected[i].key);
        assert_int_equal(root->items[i].line, expected[i].line);
        assert_int_equal(root->items[i].column, expected[i].column);
    }
    const struct toml_node *server = toml_get(root, "server");
    assert_string_equal(server->items[0].key, "port");
    assert_string_equal(server->items[1].key, "host");
    const struct toml_node *backend = toml_get(root, "backend");
    assert_string_equal(backend->items[0].key, "pbx");
    assert_int_equal(backend->items[0].line, 7);
    assert_string_equal(backend->items[1].key, "mock");
    assert_int_equal(backend->items[1].line, 10);
    const struct toml_node *list = toml_get(root, "list");
    assert_int_equal(list->count, 2);
    assert_int_equal(list->items[1].line, 14);
    assert_int_equal(toml_get(&list->items[1], "n")->integer, 2);
    assert_int_equal(toml_get(&list->items[1], "n")->line, 15);
    toml_free(root);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len; /* 0: up to the NUL */
        const char *place;
    } rows[] = {
        {"x = ", 0, ":1:"},
        {"a = 1\nx == 1", 0, ":2:"},
        {"a = 1\n\na = 2", 0, ":3:"},
        {"[t]\n[t]", 0, ":2:"},
        {"x = 9223372036854775808", 0, ":1:"},
        {"x = \"open", 0, ":1:"},
        {"x = 1979-13-01", 0, ":1:"},
        {"x = \"\xff\"", 0, ":1:"},
        {"key with spaces = 1", 0, ":1:"},
        {"x = 1\ny = \"a\\u0000b\"", 0, ":2:5: the character U+0000"},
        {"\"k\\u0000\" = 1", 0, ":1:1: the character U+0000"},
        {"x = \"a\0b\"", 10, ":1:"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct toml_node *root =
            load_bytes(rows[i].text, rows[i].len ? rows[i].len : strlen(rows[i].text));
        if (root || strncmp(why, "/tmp/dialgate-", 14) != 0 || !strstr(why, rows[i].place))
            fail_msg("row %zu: %s", i, why);
    }
}

static void files(void **state)
{
    (void)state;
    assert_null(toml_load("/nonexistent/x.toml", why, sizeof(why)));
    assert_string_equal(why, "/nonexistent/x.toml: No such file or directory");
    assert_null(toml_load("/tmp", why, sizeof(why)));
    assert_string_equal(why, "/tmp: Is a directory");
    char small[8];
    assert_null(toml_load("/nonexistent/x.toml", small, sizeof(small)));
    assert_string_equal(small, "/nonexi");
    assert_null(toml_load("/nonexistent/x.toml", NULL, 0));

    struct toml_node *root = load("");
    assert_int_equal(root->count, 0);
    toml_free(root);

    size_t len = (4u << 20) + 1;
    char *large = malloc(len);
    memset(large, '\n', len);
    assert_null(load_bytes(large, len));
    assert_non_null(strstr(why, "4 MiB"));
    memset(large, '[', 100000);
    memcpy(large, "x = ", 4);
    assert_null(load_bytes(large, 100000));
    assert_non_null(strstr(why, ":1:"));
    free(large);
}

static void names_of_kinds(void **state)
{
    (void)state;
    assert_string_equal(toml_kind_name(TOML_TABLE), "a table");
    assert_string_equal(toml_kind_name(TOML_STR), "a string");
    assert_string_equal(toml_kind_name(TOML_TIME), "a date or time");
    for (int i = TOML_TABLE; i < TOML_TIME; i++)
        assert_string_not_equal(toml_kind_name((enum toml_kind)i),
                                toml_kind_name((enum toml_kind)(i + 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds), cmocka_unit_test(order_and_places), cmocka_unit_test(refused),
        cmocka_unit_test(files), cmocka_unit_test(names_of_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
