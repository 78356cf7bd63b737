/* json_test.c - base/json: what is written, what is refused. */
#include "unit.h"

#include <float.h>
#include <math.h>

#include "base/json.h"
#include "base/str.h"

static struct buf out;
static struct json_writer w;

static int begin(void **state)
{
    (void)state;
    buf_init(&out, BUF_MAX);
    jw_init(&w, &out);
    return 0;
}

static int end(void **state)
{
    (void)state;
    buf_free(&out);
    return 0;
}

static void commas_and_nesting(void **state)
{
    (void)state;
    jw_object(&w, NULL);
    jw_str(&w, "a", "x");
    jw_object(&w, "empty");
    jw_end(&w);
    jw_array(&w, "list");
    jw_int(&w, NULL, 1);
    jw_array(&w, NULL);
    jw_end(&w);
    jw_object(&w, NULL);
    jw_bool(&w, "yes", true);
    jw_bool(&w, "no", false);
    jw_end(&w);
    jw_null(&w, NULL);
    jw_end(&w);
    jw_raw(&w, "raw", "[1,2]", 5);
    jw_strn(&w, "part", "abcdef", 3);
    jw_str(&w, "nothing", NULL);
    jw_strn(&w, "nothing too", NULL, 3);
    jw_end(&w);
    assert_string_equal(
        buf_cstr(&out),
        "{\"a\":\"x\",\"empty\":{},\"list\":[1,[],{\"yes\":true,\"no\":false},null],"
        "\"raw\":[1,2],\"part\":\"abc\",\"nothing\":null,\"nothing too\":null}");
}

static void escaping(void **state)
{
    (void)state;
    static const struct {
        const char *text, *written;
    } rows[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
        {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\""},
        {"\xe2\x82\xac", "\"\xe2\x82\xac\""},
        {"\xff", "\"\xef\xbf\xbd\""},
        {"a\xe2\x82", "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xed\xa0\x80x", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\""},
        {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        buf_clear(&out);
        jw_init(&w, &out);
        jw_str(&w, NULL, rows[i].text);
        assert_string_equal(buf_cstr(&out), rows[i].written);
    }
    buf_clear(&out);
    jw_init(&w, &out);
    jw_object(&w, NULL);
    jw_strn(&w, "k\"\n", "a\0b", 3);
    jw_end(&w);
    assert_string_equal(buf_cstr(&out), "{\"k\\\"\\n\":\"a\\u0000b\"}");
}

/* Each byte at each place of a text of each length: every path of the scan, and
 * what is written reads back as what was meant. The copy shows reading beyond. */
static void every_byte_everywhere(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 20; len++) {
        for (size_t at = 0; at < len; at++) {
            for (unsigned byte = 1; byte < 0x80; byte++) {
                char *text = malloc(len);
                memset(text, 'a', len);
                text[at] = (char)byte;
                buf_clear(&out);
                jw_init(&w, &out);
                jw_strn(&w, NULL, text, len);
                json_t *read = json_parse(out.ptr, out.len, 0, NULL);
                if (json_string_length(read) != len ||
                    memcmp(json_string_value(read), text, len) != 0)
                    fail_msg("byte %u at %zu of %zu: %s", byte, at, len, buf_cstr(&out));
                json_decref(read);
                free(text);
            }
        }
    }
}

static void random_bytes_become_valid_utf8(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        char bytes[64];
        str_random(bytes, sizeof(bytes));
        buf_clear(&out);
        jw_init(&w, &out);
        jw_strn(&w, NULL, bytes, sizeof(bytes));
        assert_true(str_utf8(out.ptr, out.len));
    }
}

static void numbers(void **state)
{
    (void)state;
    jw_array(&w, NULL);
    jw_int(&w, NULL, 0);
    jw_int(&w, NULL, -7);
    jw_int(&w, NULL, INT64_MAX);
    jw_int(&w, NULL, INT64_MIN);
    jw_real(&w, NULL, 0.1);
    jw_real(&w, NULL, 5);
    jw_real(&w, NULL, -0.0);
    jw_real(&w, NULL, 1e300);
    jw_real(&w, NULL, 1.0 / 3);
    jw_real(&w, NULL, NAN);
    jw_real(&w, NULL, -INFINITY);
    jw_end(&w);
    assert_string_equal(buf_cstr(&out),
                        "[0,-7,9223372036854775807,-9223372036854775808,0.1,5.0,-0.0,1e+300,"
                        "0.3333333333333333,null,null]");
}

static void reals_read_back(void **state)
{
    (void)state;
    static const double values[] = {DBL_MAX, DBL_MIN, 5e-324, 0.1 + 0.2, 123456789.123456789,
                                    -1e-7};
    for (size_t i = 0; i < COUNT(values); i++) {
        buf_clear(&out);
        jw_init(&w, &out);
        jw_real(&w, NULL, values[i]);
        json_t *read = json_parse(out.ptr, out.len, 0, NULL);
        assert_true(json_is_real(read) && json_real_value(read) == values[i]);
        json_decref(read);
    }
}

static void times(void **state)
{
    (void)state;
    jw_array(&w, NULL);
    jw_time(&w, NULL, 1759320000123);
    jw_time(&w, NULL, 0);
    jw_end(&w);
    assert_string_equal(buf_cstr(&out), "[\"2025-10-01T12:00:00.123Z\",null]");
}

static void depth_of_writing(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++)
        i % 2 ? jw_object(&w, NULL) : jw_array(&w, i ? "k" : NULL);
    for (int i = 0; i < 60; i++)
        jw_end(&w);
    assert_false(out.over);
    assert_memory_equal(out.ptr, "[{\"k\":[{", 8 - 1);
    assert_memory_equal(out.ptr + out.len - 4, "}]}]", 4);

    buf_clear(&out);
    jw_init(&w, &out);
    for (int i = 0; i < 100; i++)
        jw_array(&w, NULL);
    for (int i = 0; i < 100; i++)
        jw_end(&w);
    assert_true(out.over);
    buf_clear(&out);
    jw_end(&w);
    assert_true(out.over);
}

static void trees(void **state)
{
    (void)state;
    static const char text[] = "{\"s\":\"\xc3\xa4\\n\",\"i\":-5,\"r\":2.5,\"t\":true,\"f\":false,"
                               "\"n\":null,\"a\":[1,[2],{}],\"o\":{\"x\":{\"y\":[]}}}";
    json_t *tree = json_parse(text, strlen(text), 10, NULL);
    jw_object(&w, NULL);
    jw_jansson(&w, "before", NULL);
    jw_jansson(&w, "tree", tree);
    jw_int(&w, "after", 1);
    jw_end(&w);
    char expected[300];
    snprintf(expected, sizeof(expected), "{\"before\":null,\"tree\":%s,\"after\":1}", text);
    assert_string_equal(buf_cstr(&out), expected);
    json_decref(tree);
}

static void a_full_buffer(void **state)
{
    (void)state;
    struct buf small;
    buf_init(&small, 10);
    jw_init(&w, &small);
    jw_object(&w, NULL);
    jw_str(&w, "key", "a text that does not fit");
    jw_end(&w);
    assert_true(small.over);
    assert_true(small.len <= 10);
    buf_free(&small);
}

/* ---- Reading ------------------------------------------------------------ */

static void accepted(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        " [1, 2]\n",
        "null",
        "\"x\"",
        "-1.5e3",
        "9223372036854775807",
        "[[[]]]" /* depth 3 */,
        "\"[[[[[[\"",
        "\"\\\"[[[[\"",
        "\"\\\\\"",
        "\"\\ud83d\\udcde\"",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        char why[JSON_WHY_SIZE];
        json_t *value = json_parse(texts[i], strlen(texts[i]), 3, why);
        if (!value)
            fail_msg("%s: %s", texts[i], why);
        assert_string_equal(why, "");
        json_decref(value);
    }
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        const char *why;
    } rows[] = {
        {"", 0, "line 1, column 0: the text ends too early"},
        {"  ", 2, "line 1, column 2: the text ends too early"},
        {"{\"secret\":", 10, "line 1, column 10: the text ends too early"},
        {"{}x", 3, "line 1, column 3: something follows the value"},
        {"[1,\n secret]", 12, "line 2, column 7: not valid JSON"},
        {"{\"a\":1,\"a\":2}", 13, "line 1, column 10: an object has the same key twice"},
        {"[1,]", 4, "line 1, column 4: not valid JSON"},
        {"[NaN]", 5, "line 1, column 4: not valid JSON"},
        {"['a']", 5, "line 1, column 2: not valid JSON"},
        {"[01]", 4, "line 1, column 2: not valid JSON"},
        {"\"\xff\"", 3, NULL},
        {"\"\xed\xa0\x80\"", 5, NULL},
        {"\"\\ud83d\"", 8, NULL},
        {"\"\\u0000\"", 8, "the character U+0000 is not accepted"},
        {"{\"a\\u0000\":1}", 13, "the character U+0000 is not accepted"},
        {"9223372036854775808", 19, "a number is too large"},
        {"1e999", 5, "a number is too large"},
        {"[1]\0", 4, NULL},
        {"\0", 1, NULL},
        {"\"a\nb\"", 5, NULL},
        {"[[[[]]]]", 8, "nested more than 3 levels deep"},
        {"{\"a\":[{\"b\":[]}]}", 16, "nested more than 3 levels deep"},
        {"\xef\xbb\xbf{}", 5, NULL}, /* a byte order mark is no JSON */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char why[JSON_WHY_SIZE] = "";
        json_t *value = json_parse(rows[i].text, rows[i].len, 3, why);
        if (value || !*why || strstr(why, "secret") || strstr(why, "near") ||
            (rows[i].why && !strstr(why, rows[i].why)))
            fail_msg("row %zu: %s", i, why);
        assert_null(json_parse(rows[i].text, rows[i].len, 3, NULL));
    }
    assert_null(json_parse(NULL, 0, 3, NULL));
}

static void a_million_brackets(void **state)
{
    (void)state;
    size_t len = 1000000;
    char *text = malloc(len), why[JSON_WHY_SIZE];
    memset(text, '[', len);
    assert_null(json_parse(text, len, 32, why));
    assert_string_equal(why, "nested more than 32 levels deep");
    free(text);
}

static void members(void **state)
{
    (void)state;
    static const char text[] = "{\"s\":\"x\",\"i\":5,\"b\":true,\"n\":null,\"r\":1.5}";
    json_t *o = json_parse(text, strlen(text), 1, NULL);
    assert_string_equal(json_get_str(o, "s"), "x");
    assert_null(json_get_str(o, "i"));
    assert_null(json_get_str(o, "none"));
    assert_int_equal(json_get_int(o, "i", 9), 5);
    assert_int_equal(json_get_int(o, "r", 9), 9);
    assert_int_equal(json_get_int(o, "n", 9), 9);
    assert_true(json_get_bool(o, "b", false));
    assert_true(json_get_bool(o, "i", true));
    assert_false(json_get_bool(o, "i", false));
    assert_null(json_get_str(NULL, "s"));
    assert_int_equal(json_get_int(json_object_get(o, "s"), "s", 9), 9);
    json_decref(o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(commas_and_nesting),
        TEST(escaping),
        TEST(every_byte_everywhere),
        TEST(random_bytes_become_valid_utf8),
        TEST(numbers),
        TEST(reals_read_back),
        TEST(times),
        TEST(depth_of_writing),
        TEST(trees),
        TEST(a_full_buffer),
        cmocka_unit_test(accepted),
        cmocka_unit_test(refused),
        cmocka_unit_test(a_million_brackets),
        cmocka_unit_test(members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
