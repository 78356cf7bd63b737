/* web_assets_test.c - what the program carries of the documentation pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "web/assets.h"

static const struct web_asset *find(const char *path)
{
    for (const struct web_asset *a = web_assets; a->path; a++) {
        if (strcmp(a->path, path) == 0)
            return a;
    }
    fail_msg("no asset for %s", path);
    return NULL;
}

/* The plain body with a NUL behind it; the caller frees it. */
static char *inflated(const struct web_asset *a)
{
    char *plain = malloc(a->plain_len + 1);
    assert_non_null(plain);
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)a->gzip,
                  .avail_in = (uInt)a->gzip_len,
                  .next_out = (unsigned char *)plain,
                  .avail_out = (uInt)a->plain_len + 1};
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.total_out, a->plain_len);
    assert_int_equal(z.avail_in, 0);
    inflateEnd(&z);
    plain[a->plain_len] = '\0';
    return plain;
}

static void test_bodies_inflate_to_their_length(void **state)
{
    (void)state;
    size_t count = 0;
    for (const struct web_asset *a = web_assets; a->path; a++, count++) {
        free(inflated(a));
        assert_true(a->plain_len > 0);
        assert_true(strncmp(a->path, "/docs", 5) == 0 || strncmp(a->path, "/redoc", 6) == 0);
        assert_true(strncmp(a->etag, "W/\"", 3) == 0 && a->etag[strlen(a->etag) - 1] == '"');
        for (const struct web_asset *b = web_assets; b != a; b++) {
            assert_string_not_equal(a->path, b->path);
            assert_string_not_equal(a->etag, b->etag);
        }
    }
    assert_int_equal(count, 8);
}

static void test_types_follow_the_kind_of_file(void **state)
{
    (void)state;
    assert_string_equal(find("/docs")->type, "text/html; charset=utf-8");
    assert_string_equal(find("/redoc/page.css")->type, "text/css; charset=utf-8");
    assert_string_equal(find("/redoc/start.js")->type, "text/javascript; charset=utf-8");
}

/* Each src and href of a page is an asset of ours (or the empty icon). */
static void check_references(const char *page, const char *attribute)
{
    char *html = inflated(find(page));
    size_t found = 0;
    for (char *at = html; (at = strstr(at, attribute)); found++) {
        at += strlen(attribute);
        char *end = strchr(at, '"');
        assert_non_null(end);
        *end = '\0';
        if (strcmp(at, "data:,") != 0)
            assert_non_null(find(at));
        at = end + 1;
    }
    assert_int_equal(found, 2);
    free(html);
}

static void test_pages_refer_to_nothing_outside(void **state)
{
    (void)state;
    const char *pages[] = {"/docs", "/redoc"};
    for (size_t i = 0; i < 2; i++) {
        check_references(pages[i], "src=\"");
        check_references(pages[i], "href=\"");
        char *html = inflated(find(pages[i]));
        assert_null(strstr(html, "://"));
        assert_non_null(strstr(html, "default-src 'self'"));
        free(html);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies_inflate_to_their_length),
        cmocka_unit_test(test_types_follow_the_kind_of_file),
        cmocka_unit_test(test_pages_refer_to_nothing_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
