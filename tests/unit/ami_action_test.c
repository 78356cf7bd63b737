/* What goes to the manager interface: exactly what was meant, or nothing. */
#include "unit.h"

/* A plugin exports nothing but its descriptor: what is inside is tested from inside. */
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../plugins/ami/action.c"
/* NOLINTEND(bugprone-suspicious-include) */

static void test_action(void **state)
{
    struct action a = {0};
    (void)state;
    action_put(&a, "Action", "Hangup");
    action_put(&a, "Channel", NULL);
    action_put(&a, "Empty", "");
    action_variable(&a, "A", "1, 2");
    assert_true(action_end(&a));
    assert_string_equal(a.bytes.at, "Action: Hangup\r\nEmpty: \r\nVariable: A=1\\, 2\r\n\r\n");
    action_free(&a);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *value, *why;
    } rows[] = {
        {"1\r\nAction: Command", "Data has a line break or another control character"},
        {"1\nX: 2", "Data has a line break or another control character"},
        {"1\rX", "Data has a line break or another control character"},
        {"\x7f", "Data has a line break or another control character"},
        {"\t", "Data has a line break or another control character"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct action a = {0};
        action_put(&a, "Data", rows[i].value);
        action_put(&a, "More", "x");
        assert_false(action_end(&a));
        assert_string_equal(a.why, rows[i].why);
        action_free(&a);
    }
    static const char *const names[] = {"", "A B", "A,B", "A=B", "SHELL(x)", "1A", "A\n"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct action a = {0};
        action_variable(&a, names[i], "1");
        assert_false(action_end(&a));
        assert_string_equal(a.why, "a variable's name is letters, digits and _");
        action_free(&a);
    }
}

static void test_limits(void **state)
{
    char value[ACTION_LINE_MAX + 1];
    struct action a = {0};
    (void)state;
    memset(value, 'x', sizeof value);
    value[ACTION_LINE_MAX - 3] = '\0'; /* "A: " and the value fill the line */
    action_put(&a, "A", value);
    assert_true(action_end(&a));
    action_free(&a);
    a = (struct action){0};
    value[ACTION_LINE_MAX - 3] = 'x';
    value[ACTION_LINE_MAX - 2] = '\0';
    action_put(&a, "A", value);
    assert_false(action_end(&a));
    assert_non_null(strstr(a.why, "too long"));
    action_free(&a);
    a = (struct action){0};
    for (int i = 0; i < ACTION_LINES_MAX; i++)
        action_put(&a, "A", "1");
    assert_true(action_end(&a));
    action_put(&a, "A", "1");
    assert_false(action_end(&a));
    assert_non_null(strstr(a.why, "one line too many"));
    action_free(&a);
}

/* How Asterisk cuts a "Variable:" line: at commas outside of quotes and brackets, a backslash taken
 * from before what it precedes, quotes dropped. */
static size_t asterisk_cuts(char *line, char *parts[], size_t max)
{
    size_t count = 1;
    int paren = 0, bracket = 0;
    bool quoted = false;
    char *out = line;
    parts[0] = line;
    for (const char *in = line; *in; in++) {
        if (*in == '"') {
            quoted = !quoted;
        } else if (*in == '\\' && in[1]) {
            *out++ = *++in;
        } else if (*in == ',' && !paren && !bracket && !quoted) {
            *out++ = '\0';
            assert_true(count < max);
            parts[count++] = out;
        } else {
            paren += (*in == '(') - (*in == ')' && paren);
            bracket += (*in == '[') - (*in == ']' && bracket);
            *out++ = *in;
        }
    }
    *out = '\0';
    return count;
}

/* Any printable value arrives as it is, and is one variable. */
static void test_any_value_arrives(void **state)
{
    static const char odd[] = "\\\",()[]=|;${}' ab\xc3\xa9";
    (void)state;
    srandom(4711);
    for (int i = 0; i < 20000; i++) {
        char value[40], expected[60], line[1100], *parts[64];
        size_t len = (size_t)random() % (sizeof value - 1);
        for (size_t k = 0; k < len; k++)
            value[k] = odd[(size_t)random() % (sizeof odd - 1)];
        value[len] = '\0';
        struct action a = {0};
        action_variable(&a, "V", value);
        assert_true(action_end(&a));
        snprintf(line, sizeof line, "%s", a.bytes.at + strlen("Variable: "));
        assert_non_null(strchr(line, '\r'));
        *strchr(line, '\r') = '\0';
        snprintf(expected, sizeof expected, "V=%s", value);
        assert_int_equal(asterisk_cuts(line, parts, COUNT(parts)), 1);
        assert_string_equal(parts[0], expected);
        action_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_action),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_any_value_arrives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
