/* str_test.c - base/str: comparing, checking, converting. */
#include "unit.h"

#include "base/buf.h"
#include "base/phone.h"
#include "base/str.h"

#define EURO  "\xe2\x82\xac"
#define EMOJI "\xf0\x9f\x93\x9e"

static void comparing(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool eq, ieq, starts, ends;
    } rows[] = {
        {"abc", "abc", true, true, true, true},
        {"ABC", "abc", false, true, false, false},
        {"abc", "ab", false, false, true, false},
        {"abc", "bc", false, false, false, true},
        {"abc", "", false, false, true, true},
        {"", "abc", false, false, false, false},
        {"", "", true, true, true, true},
        {"[", "{", false, false, false, false}, /* differ in the bit of case only */
        {"@", "`", false, false, false, false},
        {"\xc3\x84", "\xc3\xa4", false, false, false, false}, /* only ASCII is folded */
        {NULL, "", false, false, false, false},
        {"", NULL, false, false, false, false},
        {NULL, NULL, true, true, false, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(str_eq(rows[i].a, rows[i].b), rows[i].eq);
        assert_int_equal(str_ieq(rows[i].a, rows[i].b), rows[i].ieq);
        assert_int_equal(str_starts(rows[i].a, rows[i].b), rows[i].starts);
        assert_int_equal(str_ends(rows[i].a, rows[i].b), rows[i].ends);
    }
    assert_true(str_empty(NULL));
    assert_true(str_empty(""));
    assert_false(str_empty(" "));
}

static void secrets(void **state)
{
    (void)state;
    assert_true(str_secret_eq("abc", 3, "abc", 3));
    assert_true(str_secret_eq(NULL, 0, NULL, 0));
    assert_false(str_secret_eq("abc", 3, "abd", 3));
    assert_false(str_secret_eq("abc", 3, "xbc", 3));
    assert_false(str_secret_eq("abc", 3, "abcd", 4));
    assert_false(str_secret_eq("\x80", 1, "\x00", 1));
    /* differences must not cancel each other */
    assert_false(str_secret_eq("\x01\x01", 2, "\x02\x02", 2));
}

static void utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"", true},
        {"plain", true},
        {"\xc2\x80", true},         /* U+0080, the first of two bytes */
        {"\xdf\xbf", true},         /* U+07FF */
        {"\xe0\xa0\x80", true},     /* U+0800 */
        {"\xed\x9f\xbf", true},     /* U+D7FF, before the surrogates */
        {"\xee\x80\x80", true},     /* U+E000, behind them */
        {"\xef\xbf\xbf", true},     /* U+FFFF */
        {"\xf0\x90\x80\x80", true}, /* U+10000 */
        {"\xf4\x8f\xbf\xbf", true}, /* U+10FFFF */
        {EURO EMOJI "x", true},
        {"\x80", false},             /* a continuation alone */
        {"\xc0\x80", false},         /* overlong NUL */
        {"\xc1\xbf", false},         /* overlong */
        {"\xe0\x9f\xbf", false},     /* overlong */
        {"\xf0\x8f\xbf\xbf", false}, /* overlong */
        {"\xed\xa0\x80", false},     /* surrogate */
        {"\xed\xbf\xbf", false},     /* surrogate */
        {"\xf4\x90\x80\x80", false}, /* beyond U+10FFFF */
        {"\xf5\x80\x80\x80", false},
        {"\xff", false},
        {"\xc3", false}, /* torn */
        {"\xe2\x82", false},
        {"\xf0\x9f\x93", false},
        {"\xc3x", false},
        {"\xe2\x82x", false},
        {"\xf0\x9f\x93x", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        if (str_utf8(rows[i].text, strlen(rows[i].text)) != rows[i].good)
            fail_msg("row %zu", i);
    assert_false(str_utf8("a\0b", 3));
    assert_int_equal(str_utf8_len(""), 0);
    assert_int_equal(str_utf8_len("a" EURO EMOJI), 3);
}

/* A copy that ends where the text ends, so that reading on is seen by ASan. */
static void utf8_does_not_read_on(void **state)
{
    (void)state;
    static const char text[] = EMOJI;
    for (size_t len = 1; len < 4; len++) {
        char *torn = malloc(len);
        memcpy(torn, text, len);
        assert_false(str_utf8(torn, len));
        free(torn);
    }
}

static void checks(void **state)
{
    (void)state;
    char long80[81], long81[82];
    memset(long80, 'a', 80);
    memset(long81, 'a', 81);
    long80[80] = long81[81] = '\0';

    static const char *const control[] = {"\x01", "a\n", "\x1f", "\x7f", "\xc2\x80", "\xc2\x9f"};
    static const char *const no_control[] = {"", " ", "~", "\xc2\xa0", "\xc3\x80", EURO};
    for (size_t i = 0; i < COUNT(control); i++)
        assert_true(str_has_control(control[i]));
    for (size_t i = 0; i < COUNT(no_control); i++)
        assert_false(str_has_control(no_control[i]));

    static const char *const identifiers[] = {"a", "_", "_1", "CALL_ID", "x9"};
    static const char *const others[] = {"", "1a", "a-b", "a b", "FUNC(x)", "\xc3\xa4", "a\n"};
    for (size_t i = 0; i < COUNT(identifiers); i++)
        assert_true(str_is_identifier(identifiers[i]));
    for (size_t i = 0; i < COUNT(others); i++)
        assert_false(str_is_identifier(others[i]));
    assert_true(str_is_identifier(long80));
    assert_false(str_is_identifier(long81));
    assert_false(str_is_identifier(NULL));

    assert_true(str_only("", ""));
    assert_true(str_only("aab", "ab"));
    assert_false(str_only("aac", "ab"));
}

static void integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"007", true, 7},
        {"-12", true, -12},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.0", false, 0},
        {"0x10", false, 0},
        {"1e3", false, 0},
        {"--1", false, 0},
        {NULL, false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t value = 4711;
        assert_int_equal(str_to_int(rows[i].text, &value), rows[i].good);
        assert_int_equal(value, rows[i].good ? rows[i].value : 4711);
    }
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        int64_t ms;
    } rows[] = {
        {"250ms", true, 250},
        {"5s", true, 5000},
        {"2m", true, 120000},
        {"1h", true, 3600000},
        {"1d", true, 86400000},
        {"0", true, 0},
        {"0s", true, 0},
        {"9223372036854775807ms", true, INT64_MAX},
        {"106751991167d", true, INT64_C(9223372036828800000)},
        {"106751991168d", false, 0}, /* one day too long */
        {"9223372036854775808ms", false, 0},
        {"9223372036854775807s", false, 0},
        {"5", false, 0},
        {"5 s", false, 0},
        {"5S", false, 0},
        {"1.5s", false, 0},
        {"-5s", false, 0},
        {"5sec", false, 0},
        {"s", false, 0},
        {"", false, 0},
        {NULL, false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t ms = 4711;
        if (str_to_ms(rows[i].text, &ms) != rows[i].good)
            fail_msg("%s", rows[i].text);
        assert_int_equal(ms, rows[i].good ? rows[i].ms : 4711);
    }
}

static void booleans(void **state)
{
    (void)state;
    static const char *const yes[] = {"true", "TRUE", "1", "yes", "On"};
    static const char *const no[] = {"false", "False", "0", "NO", "off"};
    static const char *const neither[] = {"", "2", "t", "truee", " true", NULL};
    for (size_t i = 0; i < COUNT(yes); i++) {
        bool value = false;
        assert_true(str_to_bool(yes[i], &value) && value);
    }
    for (size_t i = 0; i < COUNT(no); i++) {
        bool value = true;
        assert_true(str_to_bool(no[i], &value) && !value);
    }
    for (size_t i = 0; i < COUNT(neither); i++) {
        bool value = true;
        assert_false(str_to_bool(neither[i], &value));
        assert_true(value);
    }
}

static void url_decoding(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool plus_is_space;
        const char *decoded; /* NULL: refused */
    } rows[] = {
        {"", false, ""},
        {"abc", false, "abc"},
        {"a%20b", false, "a b"},
        {"%2B%2b", true, "++"},
        {"a+b", false, "a+b"},
        {"a+b", true, "a b"},
        {"%e2%82%ac", false, EURO},
        {"%2e%2e%2f", false, "../"},
        {"%2525", false, "%25"}, /* once only */
        {"%", false, NULL},
        {"%4", false, NULL},
        {"%4g", false, NULL},
        {"%g4", false, NULL},
        {"% 4", false, NULL},
        {"a%00b", false, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf b;
        buf_init(&b, 100);
        buf_adds(&b, "kept:");
        bool good = str_url_decode(rows[i].text, strlen(rows[i].text), rows[i].plus_is_space, &b);
        assert_int_equal(good, rows[i].decoded != NULL);
        assert_int_equal(strncmp(buf_cstr(&b), "kept:", 5), 0);
        assert_string_equal(buf_cstr(&b) + 5, good ? rows[i].decoded : "");
        buf_free(&b);
    }
    struct buf b;
    buf_init(&b, 3);
    assert_false(str_url_decode("a\0b", 3, false, &b));
    assert_false(str_url_decode("%41x", 2, false, &b)); /* the escape is cut by the length */
    assert_false(str_url_decode("abcd", 4, false, &b)); /* does not fit */
    buf_free(&b);
}

static void url_encoding(void **state)
{
    (void)state;
    static const struct {
        const char *text, *encoded;
    } rows[] = {
        {"", ""},
        {"AZaz09-._~", "AZaz09-._~"},
        {"PJSIP/1000@x;y", "PJSIP%2F1000%40x%3By"},
        {" +%&=?#", "%20%2B%25%26%3D%3F%23"},
        {EURO, "%E2%82%AC"},
        {"\xff\r\n", "%FF%0D%0A"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf b;
        buf_init(&b, 100);
        str_url_encode(rows[i].text, &b);
        assert_string_equal(buf_cstr(&b), rows[i].encoded);
        buf_free(&b);
    }
}

static void hex_and_random(void **state)
{
    (void)state;
    char hex[9], a[129], b[129];
    str_hex("\x00\xff\x1a\xB0", 4, hex);
    assert_string_equal(hex, "00ff1ab0");
    str_hex("", 0, hex);
    assert_string_equal(hex, "");

    str_random_hex(64, a);
    str_random_hex(64, b);
    assert_int_equal(strlen(a), 128);
    assert_true(str_only(a, "0123456789abcdef"));
    assert_string_not_equal(a, b);
    assert_memory_not_equal(a, a + 64, 64); /* the pieces it is made of differ */
    str_random_hex(0, a);
    assert_string_equal(a, "");
}

static void phone_numbers(void **state)
{
    (void)state;
    static const char *const good[] = {"1234567",    "+123456",
                                       "+123456789", "12345678901234567890",
                                       "0000000",    "+1234567890123456789"};
    static const char *const bad[] = {"",
                                      "123456",
                                      "+12345",
                                      "123456789012345678901",
                                      "+",
                                      "++1234567",
                                      "1234567+",
                                      "123 4567",
                                      "123-4567",
                                      "12345a7",
                                      "1234567\n",
                                      "\xd9\xa1"
                                      "1234567"};
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(phone_valid(good[i]));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(phone_valid(bad[i]));
    assert_false(phone_valid(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparing),      cmocka_unit_test(secrets),
        cmocka_unit_test(utf8),           cmocka_unit_test(utf8_does_not_read_on),
        cmocka_unit_test(checks),         cmocka_unit_test(integers),
        cmocka_unit_test(durations),      cmocka_unit_test(booleans),
        cmocka_unit_test(url_decoding),   cmocka_unit_test(url_encoding),
        cmocka_unit_test(hex_and_random), cmocka_unit_test(phone_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
