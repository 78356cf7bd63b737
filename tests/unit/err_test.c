/* err_test.c - base/err: names, statuses, sentences. */
#include "unit.h"

#include "base/err.h"
#include "base/str.h"

static void statuses(void **state)
{
    (void)state;
    static const struct {
        enum dg_err err;
        int status;
    } rows[] = {
        {DG_OK, 200},           {DG_EINVAL, 400},    {DG_EAUTH, 401},        {DG_EDENIED, 403},
        {DG_ENOTFOUND, 404},    {DG_ECONFLICT, 409}, {DG_ELIMIT, 429},       {DG_EINTERNAL, 500},
        {DG_EUNSUPPORTED, 501}, {DG_EUPSTREAM, 502}, {DG_EUNAVAILABLE, 503}, {DG_ETIMEOUT, 504},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(err_http_status(rows[i].err), rows[i].status);
        assert_false(str_empty(err_name(rows[i].err)));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(err_name(rows[i].err), err_name(rows[k].err));
    }
    assert_string_equal(err_name(DG_ENOTFOUND), "not found");
}

static void a_number_that_is_no_error(void **state)
{
    (void)state;
    assert_int_equal(err_http_status((enum dg_err)999), 500);
    assert_int_equal(err_http_status((enum dg_err) - 1), 500);
    assert_string_equal(err_name((enum dg_err)999), err_name(DG_EINTERNAL));
}

static void sentences(void **state)
{
    (void)state;
    struct problem p;
    assert_int_equal(problem_set(&p, DG_EINVAL, "line %d", 3), DG_EINVAL);
    assert_int_equal(p.err, DG_EINVAL);
    assert_string_equal(p.text, "line 3");
    problem_set(&p, DG_EUPSTREAM, "storage: %s", p.text); /* its own text as an argument */
    assert_string_equal(p.text, "storage: line 3");
    assert_int_equal(problem_set(NULL, DG_ELIMIT, "nobody asked"), DG_ELIMIT);
}

/* Wherever the cut falls, no half character is left. */
static void long_sentences_are_cut_between_characters(void **state)
{
    (void)state;
    static const char *const characters[] = {"a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x93\x9e"};
    for (size_t c = 0; c < COUNT(characters); c++) {
        for (size_t shift = 0; shift < 4; shift++) {
            char text[1024] = "";
            size_t len = shift, size = strlen(characters[c]);
            memset(text, 'x', shift);
            for (; len + size < sizeof(text); len += size)
                memcpy(text + len, characters[c], size);
            text[len] = '\0';
            struct problem p;
            problem_set(&p, DG_EINVAL, "%s", text);
            assert_true(str_utf8(p.text, strlen(p.text)));
            assert_true(strlen(p.text) > sizeof(p.text) - 1 - size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses),
        cmocka_unit_test(a_number_that_is_no_error),
        cmocka_unit_test(sentences),
        cmocka_unit_test(long_sentences_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
