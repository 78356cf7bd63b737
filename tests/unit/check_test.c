/* check_test.c - JSON bodies and path parameters against tables of fields: what
 * passes, and what the 422 says when something does not. */
#include "request_bed.h"

#include "api/check.h"

static const char *rule_no_blank(const char *name, const char *value)
{
    (void)name;
    return strchr(value, ' ') ? "No blanks" : NULL;
}

static const char *rule_pair(const char *name, const char *value)
{
    return str_eq(name, "bad") ? "Bad name" : strlen(value) > 5 ? "Bad value" : NULL;
}

static const struct field option_fields[] = {
    {.name = "level", .kind = FIELD_INT, .min = 5, .max = 9},
    {.name = "word", .kind = FIELD_STR},
    {0}};
static const struct schema options = {"Options", NULL, option_fields};
static const struct field all_fields[] = {
    {.name = "needed", .kind = FIELD_STR, .required = true, .min = 2, .max = 4},
    {.name = "text", .kind = FIELD_STR, .rule = rule_no_blank},
    {.name = "patterned", .kind = FIELD_STR, .rule = rule_no_blank, .pattern = "^[^ ]*$"},
    {.name = "count", .kind = FIELD_INT, .min = 1, .max = 10},
    {.name = "any", .kind = FIELD_INT},
    {.name = "flag", .kind = FIELD_BOOL},
    {.name = "pairs", .kind = FIELD_STR_MAP, .max = 3, .rule = rule_pair},
    {.name = "free_pairs", .kind = FIELD_STR_MAP},
    {.name = "object", .kind = FIELD_OBJECT},
    {.name = "options", .kind = FIELD_OBJECT, .or_bool = true, .of = &options},
    {0}};
static const struct schema all = {"All", NULL, all_fields};
static const struct schema optional = {"Optional", NULL, all_fields + 1};

static void expect(const struct schema *schema, const char *body, size_t len, const char *problems)
{
    char said[1024];
    bed_begin("application/json", body, len);
    struct check *c = check_new(&bed);
    const json_t *object = check_body(c, schema);
    bool failed = check_failed(c);
    bed_problems(said, sizeof said);
    if (!str_eq(said, problems))
        fail_msg("%.*s\nsaid     %s\nexpected %s", (int)len, body, said, problems);
    assert_int_equal(failed, problems[0] != '\0');
    if (object)
        assert_true(json_is_object(object));
    bed_end();
}

static void bodies(void **state)
{
    (void)state;
    static const struct {
        const char *body, *problems;
    } cases[] = {
        /* presence */
        {"{\"needed\":\"ab\"}", ""},
        {"{}", "missing body needed"},
        {"{\"needed\":null}", "string_type body needed"},
        {"{\"needed\":\"ab\",\"unknown\":[1,{}]}", ""},
        {"{\"needed\":\"ab\",\"text\":null,\"count\":null,\"flag\":null,\"pairs\":null,"
         "\"object\":null}",
         ""},
        {"null", "model_attributes_type body"},
        {"[]", "model_attributes_type body"},
        {"\"text\"", "model_attributes_type body"},
        {"3", "model_attributes_type body"},
        {"", "missing body"},
        /* texts: lengths in characters, not in bytes */
        {"{\"needed\":\"a\"}", "string_too_short body needed"},
        {"{\"needed\":\"\"}", "string_too_short body needed"},
        {"{\"needed\":\"abcde\"}", "string_too_long body needed"},
        {"{\"needed\":\"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\"}", ""},
        {"{\"needed\":\"\xc3\xa4\"}", "string_too_short body needed"},
        {"{\"needed\":\"\\u00e4\\u00e4\"}", ""},
        {"{\"needed\":5}", "string_type body needed"},
        {"{\"needed\":true}", "string_type body needed"},
        {"{\"needed\":[\"ab\"]}", "string_type body needed"},
        {"{\"needed\":\"ab\",\"text\":\"a b\"}", "value_error body text"},
        {"{\"needed\":\"ab\",\"patterned\":\"a b\"}", "string_pattern_mismatch body patterned"},
        /* integers, as pydantic takes them */
        {"{\"needed\":\"ab\",\"count\":1}", ""},
        {"{\"needed\":\"ab\",\"count\":10}", ""},
        {"{\"needed\":\"ab\",\"count\":0}", "greater_than_equal body count"},
        {"{\"needed\":\"ab\",\"count\":-1}", "greater_than_equal body count"},
        {"{\"needed\":\"ab\",\"count\":11}", "less_than_equal body count"},
        {"{\"needed\":\"ab\",\"count\":\"3\"}", ""},
        {"{\"needed\":\"ab\",\"count\":3.0}", ""},
        {"{\"needed\":\"ab\",\"count\":3.5}", "int_type body count"},
        {"{\"needed\":\"ab\",\"count\":1e300}", "int_type body count"},
        {"{\"needed\":\"ab\",\"count\":\"three\"}", "int_parsing body count"},
        {"{\"needed\":\"ab\",\"count\":\"99999999999999999999\"}", "int_parsing body count"},
        {"{\"needed\":\"ab\",\"count\":99999999999999999999}", "json_invalid body"},
        {"{\"needed\":\"ab\",\"count\":true}", "int_type body count"},
        {"{\"needed\":\"ab\",\"count\":{}}", "int_type body count"},
        {"{\"needed\":\"ab\",\"any\":-9223372036854775808}", ""},
        /* the other kinds */
        {"{\"needed\":\"ab\",\"flag\":false}", ""},
        {"{\"needed\":\"ab\",\"flag\":\"true\"}", "bool_type body flag"},
        {"{\"needed\":\"ab\",\"object\":{}}", ""},
        {"{\"needed\":\"ab\",\"object\":[]}", "dict_type body object"},
        {"{\"needed\":\"ab\",\"object\":true}", "dict_type body object"},
        {"{\"needed\":\"ab\",\"options\":true}", ""},
        {"{\"needed\":\"ab\",\"options\":{}}", ""},
        {"{\"needed\":\"ab\",\"options\":{\"level\":\"5\",\"word\":null}}", ""},
        {"{\"needed\":\"ab\",\"options\":\"true\"}", "dict_type body options"},
        {"{\"needed\":\"ab\",\"options\":{\"level\":4,\"word\":1}}",
         "greater_than_equal body options level; string_type body options word"},
        {"{\"needed\":\"ab\",\"options\":{\"levle\":5}}", "extra_forbidden body options levle"},
        {"{\"needed\":\"ab\",\"pairs\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"\"}}", ""},
        {"{\"needed\":\"ab\",\"pairs\":{}}", ""},
        {"{\"needed\":\"ab\",\"pairs\":[]}", "dict_type body pairs"},
        {"{\"needed\":\"ab\",\"pairs\":\"a\"}", "dict_type body pairs"},
        {"{\"needed\":\"ab\",\"pairs\":{\"a\":1}}", "string_type body pairs a"},
        {"{\"needed\":\"ab\",\"pairs\":{\"a\":null}}", "string_type body pairs a"},
        {"{\"needed\":\"ab\",\"pairs\":{\"bad\":\"1\"}}", "value_error body pairs bad"},
        {"{\"needed\":\"ab\",\"pairs\":{\"a\":\"123456\"}}", "value_error body pairs a"},
        {"{\"needed\":\"ab\",\"pairs\":{\"a\":\"\",\"b\":\"\",\"c\":\"\",\"d\":\"\"}}",
         "too_long body pairs"},
        {"{\"needed\":\"ab\",\"free_pairs\":{\"bad\":\"123456\"}}", ""},
        /* all that is wrong is told at once, in the order of the table */
        {"{\"flag\":1,\"count\":11}",
         "missing body needed; less_than_equal body count; bool_type body flag"},
        /* what is no JSON */
        {"{\"needed\":\"ab\"", "json_invalid body"},
        {"{\"needed\":\"ab\",}", "json_invalid body"},
        {"{'needed':'ab'}", "json_invalid body"},
        {"{\"needed\":\"ab\"} x", "json_invalid body"},
        {"{\"needed\":\"ab\",\"needed\":\"ab\"}", "json_invalid body"},
        {"{\"needed\":\"\xff\xfe\"}", "json_invalid body"},
        {"{\"needed\":\"a\\u0000b\"}", "json_invalid body"},
        {"  \n", "json_invalid body"},
        {"[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]", "json_invalid body"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        expect(&all, cases[i].body, strlen(cases[i].body), cases[i].problems);
    static const char with_nul[] = "{\"needed\":\"a\0b\"}";
    expect(&all, with_nul, sizeof with_nul - 1, "json_invalid body");
}

static void nothing_required(void **state)
{
    (void)state;
    expect(&optional, "", 0, "");
    expect(&optional, "null", 4, "");
    expect(&optional, "{}", 2, "");
    expect(&optional, "[]", 2, "model_attributes_type body");
    expect(&optional, "{\"count\":0}", 11, "greater_than_equal body count");
}

static void members(void **state)
{
    (void)state;
    static const char body[] = "{\"text\":\"a\",\"count\":\"7\",\"any\":3.0,\"flag\":null}";
    bed_begin(NULL, body, sizeof body - 1);
    struct check *c = check_new(&bed);
    const json_t *object = check_body(c, &optional);
    assert_false(check_failed(c));
    assert_string_equal(check_str(object, "text"), "a");
    assert_null(check_str(object, "flag"));
    assert_null(check_str(object, "nothing"));
    assert_int_equal(check_int(object, "count", -1), 7);
    assert_int_equal(check_int(object, "any", -1), 3);
    assert_int_equal(check_int(object, "flag", -1), -1);
    assert_int_equal(check_int(object, "nothing", -1), -1);
    assert_null(check_str(NULL, "text"));
    assert_int_equal(check_int(NULL, "count", 4), 4);
    bed_end();
}

static void parameters(void **state)
{
    (void)state;
    static const struct field field = {
        .name = "id", .kind = FIELD_STR, .required = true, .min = 2, .max = 4};
    static const struct {
        const char *value, *problems;
    } cases[] = {
        {"ab", ""},
        {"abcd", ""},
        {"a", "string_too_short path id"},
        {"abcde", "string_too_long path id"},
        {"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char said[256];
        bed_begin(NULL, "", 0);
        bed.param = cases[i].value;
        struct check *c = check_new(&bed);
        check_param(c, "id", &field);
        check_failed(c);
        bed_problems(said, sizeof said);
        assert_string_equal(said, cases[i].problems);
        bed_end();
    }
}

/* A client's value comes back as long as it is short, whatever surrounds it. */
static void inputs(void **state)
{
    (void)state;
    static char body[70000];
    static const char head[] = "{\"count\":\"";
    memset(body, 'x', sizeof body);
    memcpy(body, head, sizeof head - 1);
    memcpy(body + sizeof body - 2, "\"}", 2);
    bed_begin(NULL, body, sizeof body);
    struct check *c = check_new(&bed);
    check_body(c, &all);
    assert_true(check_failed(c));
    assert_true(strlen(bed.answer) < 1000);
    assert_non_null(strstr(bed.answer, "\"input\":\"...\""));
    bed_end();

    /* Also where the value is the whole object, and the long one lies within. */
    static const char deep[] = "{\"object\":{\"x\":\"";
    memset(body, 'x', sizeof body);
    memcpy(body, deep, sizeof deep - 1);
    memcpy(body + sizeof body - 3, "\"}}", 3);
    bed_begin(NULL, body, sizeof body);
    c = check_new(&bed);
    check_body(c, &all);
    assert_true(check_failed(c));
    assert_true(strlen(bed.answer) < 1000);
    bed_end();

    static const char short_one[] = "{\"needed\":\"ab\",\"count\":11}";
    bed_begin(NULL, short_one, sizeof short_one - 1);
    c = check_new(&bed);
    check_body(c, &all);
    assert_true(check_failed(c));
    assert_string_equal(bed.answer,
                        "{\"detail\":[{\"type\":\"less_than_equal\",\"loc\":[\"body\",\"count\"],"
                        "\"msg\":\"Input should be less than or equal to 10\",\"input\":11}]}");
    bed_end();

    static const char missing[] = "{\"text\":\"a\"}";
    bed_begin(NULL, missing, sizeof missing - 1);
    c = check_new(&bed);
    check_body(c, &all);
    assert_true(check_failed(c));
    assert_string_equal(bed.answer,
                        "{\"detail\":[{\"type\":\"missing\",\"loc\":[\"body\",\"needed\"],"
                        "\"msg\":\"Field required\",\"input\":{\"text\":\"a\"}}]}");
    bed_end();
}

static void queries(void **state)
{
    (void)state;
    static const struct field text = {.name = "q", .kind = FIELD_STR, .max = 3};
    static const struct field count = {.name = "q", .kind = FIELD_INT, .min = 1, .max = 100};
    static const struct {
        const char *value;
        bool fits; /* as a text */
        int64_t number;
        bool whole;
    } cases[] = {
        {NULL, true, 20, true},     {"", true, 20, true},
        {"7", true, 7, true},       {"100", true, 100, true},
        {"101", true, 100, true},   {"0", true, 1, true},
        {"-5", true, 1, true},      {"abc", true, 20, false},
        {"1.5", true, 20, false},   {"1 2", true, 20, false},
        {"abcd", false, 20, false}, {"99999999999999999999", false, 20, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        bed_begin(NULL, "", 0);
        bed.query = cases[i].value;
        struct check *c = check_new(&bed);
        const char *given = check_query_str(c, &text);
        assert_true(str_empty(cases[i].value) ? !given : str_eq(given, cases[i].value));
        assert_true(check_failed(c) == !cases[i].fits);
        c = check_new(&bed);
        free(bed.answer);
        bed.answer = NULL;
        assert_int_equal(check_query_near(c, &count, 20), cases[i].number);
        assert_true(check_failed(c) == !cases[i].whole);
        bed_end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies),     cmocka_unit_test(nothing_required), cmocka_unit_test(members),
        cmocka_unit_test(parameters), cmocka_unit_test(inputs),           cmocka_unit_test(queries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
