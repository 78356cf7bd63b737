/* pattern_test.c - base/pattern: what a star stands for, and that nothing else is special. */
#include "unit.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/pattern.h"

static const struct {
    const char *pattern, *text;
    bool covers;
} rows[] = {
    {"campaigns/list", "campaigns/list", true},
    {"campaigns/list", "campaigns/lis", false},
    {"campaigns/list", "campaigns/listx", false},
    {"campaigns/*", "campaigns/list", true},
    {"campaigns/*", "campaigns/", true},
    {"campaigns/*", "campaigns", false},
    {"campaigns/*", "xcampaigns/list", false},
    {"*", "", true},
    {"*", "a/b/c", true},
    {"", "", true},
    {"", "a", false},
    {"**", "a", true},
    {"*/list", "users/list", true},
    {"*/list", "a/b/list", true},
    {"*/list", "list", false},
    {"u*s/l*t", "users/list", true},
    {"u*s/l*t", "users/lists", false},
    {"*a*b*c*", "xxaxxbxxc", true},
    {"*a*b*c*", "xxaxxcxxb", false},
    {"*ab", "aab", true},
    {"*aab", "aaab", true},
    {"a*a", "a", false},
    /* Not special. */
    {"users/.*", "users/list", false},
    {"users/.*", "users/.x", true},
    {"users/lis?", "users/list", false},
    {"users/[a-z]", "users/a", false},
    {"users/list|tokens/list", "users/list", false},
    {"^users/list$", "users/list", false},
    {"users\\/list", "users/list", false},
    {"(users)", "users", false},
    {"a+", "aa", false},
    {"USERS/LIST", "users/list", false},
    /* A star in the text is matched by stars alone: one pattern within another. */
    {"*", "*", true},
    {"a*", "a*", true},
    {"a*", "*", false},
    {"a*", "ab*", true},
    {"ab*", "a*", false},
    {"*a", "*a", true},
    {"*a", "*ba", true},
    {"a*b", "a*", false},
    {"a*b", "ax*yb", true},
    {"abc", "a*", false},
    {"*a*", "*b*", false},
    {"*a*", "*ba*", true},
    {"**", "*", true},
};

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (pattern_covers(rows[i].pattern, rows[i].text, strlen(rows[i].text)) != rows[i].covers)
            fail_msg("\"%s\" and \"%s\"", rows[i].pattern, rows[i].text);
}

static void length_counts(void **state)
{
    (void)state;
    assert_true(pattern_covers("a/b", "a/b|c", 3));
    assert_false(pattern_covers("a/b", "a/b|c", 5));
    assert_true(pattern_covers("a*", "a\0b", 3));
    assert_false(pattern_covers("a", "a\0b", 3));
}

/* What brings backtracking matchers to a standstill. */
static void long_input(void **state)
{
    (void)state;
    enum { LEN = 20000 };
    char *stars = xcalloc(1, LEN + 2), *text = xcalloc(1, LEN + 1);
    for (size_t i = 0; i < LEN; i += 2)
        memcpy(stars + i, "*a", 2);
    memset(text, 'a', LEN);
    stars[LEN] = 'b';
    const uint64_t began_ms = clock_ms();
    assert_false(pattern_covers(stars, text, LEN));
    stars[LEN] = '*';
    assert_true(pattern_covers(stars, text, LEN));
    memset(stars, '*', LEN);
    stars[LEN] = 'b';
    assert_false(pattern_covers(stars, text, LEN));
    assert_true(clock_ms() - began_ms < 20000);
    free(stars);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(length_counts),
        cmocka_unit_test(long_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
