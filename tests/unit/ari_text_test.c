/* What the ari plugin lets through to Asterisk, and how it encodes it; the URL of the
 * configuration. */
#include "unit.h"

/* A plugin exports nothing but its descriptor: what is inside is tested from inside. */
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../plugins/ari/config.c"
/* NOLINTEND(bugprone-suspicious-include) */
#include "asterisk/text.h"

static void test_encoding(void **state)
{
    struct text t = {0};
    (void)state;
    text_encoded(&t, "a/b?c=d&e#f g%;+\r\n\xc3\xa9-._~");
    assert_string_equal(t.at, "a%2Fb%3Fc%3Dd%26e%23f%20g%25%3B%2B%0D%0A%C3%A9-._~");
    text_free(&t);
}

static void test_growth(void **state)
{
    struct text t = {0};
    (void)state;
    for (int i = 0; i < 10000; i++)
        text_add(&t, "0123456789", 10);
    assert_int_equal(t.len, 100000);
    assert_int_equal(strlen(t.at), 100000);
    text_free(&t);
}

static void test_time(void **state)
{
    static const struct {
        const char *stamp;
        int64_t ms;
    } rows[] = {
        {"1970-01-01T00:00:01.500+0000", 1500},
        {"2026-11-21T09:10:48.043+0000", 1795252248043},
        {"2026-11-21T10:10:48.043+0100", 1795252248043},
        {"2026-11-21T04:40:48.043-0430", 1795252248043},
        {"", 0},
        {"yesterday", 0},
        {"2026-11-21", 0},
        {NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(text_time_ms(rows[i].stamp), rows[i].ms);
}

static void test_checks(void **state)
{
    (void)state;
    assert_true(text_is_number("+1234567890"));
    assert_true(text_is_number("*98#"));
    assert_false(text_is_number(""));
    assert_false(text_is_number("12 34"));
    assert_false(text_is_number("12;x=1"));
    assert_false(text_is_number("12\r\nX-Bad: 1"));
    assert_false(text_is_number("1>"));
    assert_true(text_is_plain("J\xc3\xb6rg \"J\" <x>", 100));
    assert_false(text_is_plain("a\nb", 100));
    assert_false(text_is_plain("a\x7f", 100));
    assert_false(text_is_plain("abcd", 3));
    assert_true(text_is_variable("__CAMPAIGN_ID2"));
    assert_false(text_is_variable("2X"));
    assert_false(text_is_variable("SHELL(id)"));
    assert_false(text_is_variable("FILE(/etc/passwd)"));
    assert_false(text_is_variable(""));
    assert_true(text_is_file("2026/11/call-1"));
    assert_true(text_is_file("..hidden"));
    assert_false(text_is_file("/etc/passwd"));
    assert_false(text_is_file("../x"));
    assert_false(text_is_file("a/../b"));
    assert_false(text_is_file("a/.."));
    assert_false(text_is_file(""));
}

static void test_media(void **state)
{
    static const struct {
        const char *media;
        bool fine;
    } rows[] = {
        {"sound:hello", true},
        {"number:-42", true},
        {"sound:/etc/passwd", false},
        {"sound:../x", false},
        {"sound:http://10.0.0.5:8000/sounds/0f5b/de/welcome.wav", true},
        {"sound:https://[::1]:8443/a_b-c.wav", true},
        {"sound:http://", false},
        {"sound:http:///x", false},
        {"sound:http://host/../x", false},
        {"sound:http://host/a&sound:b", false},
        {"sound:http://host/a,b", false},
        {"sound:http://host/a b", false},
        {"sound:http://host/?a=b", false},
        {"sound:http://user@host/a", false},
        {"sound:ftp://host/a", false},
        {"recording:http://host/a", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(text_is_media(rows[i].media), rows[i].fine);
}

static void test_url(void **state)
{
    static const struct {
        const char *url, *base, *host, *path;
        unsigned port;
        bool tls;
    } good[] = {
        {"http://localhost:8088/ari", "http://localhost:8088/ari", "localhost", "/ari", 8088,
         false},
        {"https://pbx.example/ari/", "https://pbx.example/ari", "pbx.example", "/ari", 443, true},
        {"http://[::1]:8088/x/ari", "http://[::1]:8088/x/ari", "::1", "/x/ari", 8088, false},
        {"http://pbx", "http://pbx", "pbx", "", 80, false},
    };
    static const char *const bad[] = {
        "",
        "localhost:8088",
        "ftp://x/ari",
        "http://",
        "http:///ari",
        "http://x:0",
        "http://x:99999",
        "http://x:80x/",
        "http://u:p@x/ari",
        "http://x/ari?a=b",
        "http://[::1/ari",
        "http://x/a b",
        "http://x:/\r\n",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct config c = {0};
        assert_true(config_url(&c, good[i].url));
        assert_string_equal(c.base, good[i].base);
        assert_string_equal(c.host, good[i].host);
        assert_string_equal(c.path, good[i].path);
        assert_int_equal(c.port, good[i].port);
        assert_int_equal(c.tls, good[i].tls);
        config_free(&c);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct config c = {0};
        if (config_url(&c, bad[i]))
            fail_msg("%s was taken", bad[i]);
        config_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encoding), cmocka_unit_test(test_growth), cmocka_unit_test(test_time),
        cmocka_unit_test(test_checks),   cmocka_unit_test(test_media),  cmocka_unit_test(test_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
