/* buf_test.c - base/buf: growing, the maximum, what is left behind. */
#include "unit.h"

#include "base/buf.h"

static void empty(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_string_equal(buf_cstr(&b), "");
    buf_add(&b, NULL, 0);
    buf_adds(&b, "");
    buf_consume(&b, 5);
    assert_int_equal(b.len, 0);
    assert_false(b.over);
    char *taken = buf_take(&b);
    assert_string_equal(taken, "");
    free(taken);
    buf_free(&b);
}

static void adding(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, BUF_MAX);
    buf_adds(&b, "one");
    buf_addc(&b, ' ');
    buf_add(&b, "two\0three", 9);
    buf_addf(&b, " %s=%d", "n", -4);
    assert_int_equal(b.len, 18);
    assert_memory_equal(b.ptr, "one two\0three n=-4", 19);
    buf_free(&b);
    assert_int_equal(b.max, BUF_MAX);
}

/* Every length around every capacity, so that no NUL is written outside. */
static void formatting_at_each_boundary(void **state)
{
    (void)state;
    for (int before = 0; before < 140; before++) {
        for (int len = 0; len < 140; len += 3) {
            struct buf b;
            buf_init(&b, 4096);
            for (int i = 0; i < before; i++)
                buf_addc(&b, 'a');
            buf_addf(&b, "%*s", len, "");
            assert_int_equal(b.len, before + len);
            assert_int_equal(strlen(buf_cstr(&b)), before + len);
            buf_free(&b);
        }
    }
}

static void the_maximum_is_reached_and_not_passed(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 5);
    buf_adds(&b, "12345");
    assert_false(b.over);
    assert_string_equal(b.ptr, "12345");
    buf_addc(&b, '6');
    assert_true(b.over);
    assert_string_equal(b.ptr, "12345");
    buf_free(&b);
}

static void what_is_too_long_is_not_added_in_part(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 5);
    buf_adds(&b, "12");
    buf_addf(&b, "%s", "3456");
    assert_true(b.over);
    assert_string_equal(buf_cstr(&b), "12");
    buf_addc(&b, 'x'); /* would fit, but would leave a hole */
    assert_string_equal(buf_cstr(&b), "12");
    assert_null(buf_reserve(&b, 1));
    buf_clear(&b);
    assert_false(b.over);
    buf_adds(&b, "abc");
    assert_string_equal(buf_cstr(&b), "abc");
    buf_free(&b);
}

static void a_maximum_of_nothing_and_of_everything(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    buf_addc(&b, 'x');
    assert_true(b.over);
    assert_string_equal(buf_cstr(&b), "");
    buf_free(&b);

    buf_init(&b, SIZE_MAX);
    buf_adds(&b, "x");
    assert_false(b.over);
    assert_string_equal(buf_cstr(&b), "x");
    buf_free(&b);
}

static void reserving(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    char *p = buf_reserve(&b, 10);
    assert_non_null(p);
    memcpy(p, "0123456789", 10);
    b.len += 10;
    assert_string_equal(b.ptr, "0123456789"); /* the NUL is there when all is used */
    p = buf_reserve(&b, 90);
    memcpy(p, "abc", 3);
    b.len += 3;
    assert_string_equal(buf_cstr(&b), "0123456789abc");
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_true(b.over);
    buf_free(&b);
}

static void consuming(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    buf_adds(&b, "abcdef");
    buf_consume(&b, 0);
    buf_consume(&b, 2);
    assert_string_equal(b.ptr, "cdef");
    buf_consume(&b, 99);
    assert_int_equal(b.len, 0);
    assert_string_equal(b.ptr, "");
    buf_adds(&b, "again");
    assert_string_equal(b.ptr, "again");
    buf_free(&b);
}

static void taking(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 5);
    buf_adds(&b, "abc");
    char *first = buf_take(&b);
    buf_adds(&b, "de");
    assert_string_equal(first, "abc");
    assert_string_equal(buf_cstr(&b), "de");
    assert_int_equal(b.max, 5);
    free(first);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty),
        cmocka_unit_test(adding),
        cmocka_unit_test(formatting_at_each_boundary),
        cmocka_unit_test(the_maximum_is_reached_and_not_passed),
        cmocka_unit_test(what_is_too_long_is_not_added_in_part),
        cmocka_unit_test(a_maximum_of_nothing_and_of_everything),
        cmocka_unit_test(reserving),
        cmocka_unit_test(consuming),
        cmocka_unit_test(taking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
