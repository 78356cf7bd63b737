/* call_plan_test.c - domain/call_plan: what is written is read again, whatever was stored. */
#include "unit.h"

#include "base/mem.h"
#include "domain/call_plan.h"

static char *written(const struct call_plan *p)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, BUF_MAX);
    jw_init(&w, &out);
    call_plan_write(p, &w, NULL);
    buf_addc(&out, '\0');
    return buf_take(&out);
}

static struct call_plan *read_from(const char *text)
{
    char why[JSON_WHY_SIZE];
    json_t *doc = json_parse(text, strlen(text), 8, why);
    if (!doc)
        fail_msg("%s: %s", text, why);
    struct call_plan *p = call_plan_read(doc);
    json_decref(doc);
    return p;
}

static void written_and_read(void **state)
{
    (void)state;
    static const char *const plans[] = {
        "{\"audio\":\"welcome&number:4\",\"repeat\":1}",
        "{\"audio\":\"welcome\",\"repeat\":10,\"language\":\"de\"}",
        "{\"repeat\":1,\"amd\":{},\"on_machine\":\"continue\"}",
        "{\"repeat\":1,\"amd\":{},\"on_machine\":\"hangup\"}",
        "{\"audio\":\"a\",\"repeat\":2,\"amd\":{\"initial_silence\":100,\"greeting\":30000,"
        "\"after_greeting_silence\":50,\"total_analysis_time\":60000,\"min_word_length\":10,"
        "\"maximum_word_length\":60000,\"between_words_silence\":10,"
        "\"maximum_number_of_words\":100,\"silence_threshold\":32767,\"silence\":100,"
        "\"wait\":120000},\"on_machine\":\"message\",\"machine_message\":\"b\"}",
    };
    for (size_t i = 0; i < COUNT(plans); i++) {
        struct call_plan *p = read_from(plans[i]), *copy = call_plan_copy(p);
        call_plan_free(p);
        char *text = written(copy);
        assert_string_equal(text, plans[i]);
        free(text);
        call_plan_free(copy);
    }
    assert_null(call_plan_copy(NULL));
    call_plan_free(NULL);
}

/* What a store holds may be of another version, or damaged: it is brought within the limits. */
static void damaged(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{}", "{\"repeat\":1}"},
        {"{\"repeat\":0,\"audio\":7}", "{\"repeat\":1}"},
        {"{\"repeat\":1000000,\"audio\":\"a\"}", "{\"audio\":\"a\",\"repeat\":1}"},
        {"{\"amd\":{\"greeting\":99,\"wait\":4294967296,\"silence\":-1,\"other\":5},"
         "\"on_machine\":\"sing\"}",
         "{\"repeat\":1,\"amd\":{},\"on_machine\":\"continue\"}"},
        {"{\"amd\":true}", "{\"repeat\":1}"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_plan *p = read_from(rows[i][0]);
        char *text = written(p);
        assert_string_equal(text, rows[i][1]);
        free(text);
        call_plan_free(p);
    }
    assert_null(read_from("[]"));
    assert_null(call_plan_read(NULL));
}

static void machines(void **state)
{
    (void)state;
    enum plan_machine m = PLAN_MACHINES;
    assert_true(plan_machine_parse("hangup", &m));
    assert_int_equal(m, PLAN_MACHINE_HANGUP);
    assert_false(plan_machine_parse("HANGUP", &m));
    assert_false(plan_machine_parse(NULL, &m));
    assert_int_equal(m, PLAN_MACHINE_HANGUP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_and_read),
        cmocka_unit_test(damaged),
        cmocka_unit_test(machines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
