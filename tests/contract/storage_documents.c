/* storage_documents.c - the contract: one document in and out. */
#include "storage_suite.h"

static void gives_back_what_came(void **state)
{
    static const char *const docs[] = {
        "{}",
        "{\"a\":null,\"b\":[],\"c\":{},\"d\":[[{\"e\":[1,2,{}]}]]}",
        "{\"least\":-9223372036854775808,\"most\":9223372036854775807,\"none\":0}",
        "{\"tenth\":0.1,\"big\":1e300,\"small\":5e-324,\"third\":0.3333333333333333}",
        "{\"text\":\"\\\"quotes\\\" \\\\ \\/ \\b\\f\\n\\r\\t \\u0001 'single' %_ --;\"}",
        "{\"unicode\":\"\\u00fc \\ud83d\\ude00 \xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80\"}",
        "{\"\":\"an empty key\",\"a b\":1,\"a.b\":2,\"$\":3,\"@now\":\"@now\"}",
        "{\"true\":true,\"false\":false}",
        " { \"spaced\" : [ 1 , 2 ] } ",
        "{\"name\":null,\"kind\":\"\",\"size\":-1,\"open\":false,\"at\":0}",
        "{\"name\":\"@now+5\",\"size\":9223372036854775807,\"at\":-9223372036854775808}",
    };
    struct rig *r = *state;
    suite_clear(r, THINGS);
    for (size_t i = 0; i < COUNT(docs); i++) {
        assert_ok(suite_put(r, THINGS, "doc", docs[i], DG_VERSION_ANY));
        suite_check(r, THINGS, "doc", i + 1, docs[i]);
    }
}

static void knows_what_is_not_there(void **state)
{
    struct rig *r = *state;
    suite_clear(r, THINGS);
    assert_err(rig_get(r, THINGS, "nobody"), DG_ENOTFOUND);
    assert_err(rig_get(r, THINGS, ""), DG_ENOTFOUND);
    assert_err(rig_get(r, NUMBERED, "4711"), DG_ENOTFOUND);
    assert_err(rig_get(r, NUMBERED, "not-a-number"), DG_ENOTFOUND);
    assert_err(rig_get(r, NUMBERED, "99999999999999999999999"), DG_ENOTFOUND);
    assert_ok(suite_put(r, THINGS, "here", "{}", DG_VERSION_ANY));
    assert_err(rig_get(r, PAIRS, "here"), DG_ENOTFOUND);
    assert_ok(suite_put(r, THINGS, "here", NULL, DG_VERSION_ANY));
    assert_err(rig_get(r, THINGS, "here"), DG_ENOTFOUND);
}

static void takes_any_text_as_id(void **state)
{
    static const char *const ids[] = {
        "a",       "A",
        "0",       "01",
        "1",       " ",
        "'",       "\"",
        "\\",      "%",
        "a/b",     "a'; DROP TABLE x; --",
        "id",      "NULL",
        "ü",       "\xe4\xb8\xad",
        "x\ny\tz", "0190b0c4-aaaa-7bbb-8ccc-123456789abc",
    };
    struct rig *r = *state;
    suite_clear(r, THINGS);
    for (size_t i = 0; i < COUNT(ids); i++) {
        char json[32];
        snprintf(json, sizeof(json), "{\"size\":%zu}", i);
        assert_ok(suite_put(r, THINGS, ids[i], json, DG_VERSION_NONE));
    }
    assert_int_equal(suite_count(r, THINGS), COUNT(ids));
    for (size_t i = 0; i < COUNT(ids); i++) {
        char json[32];
        snprintf(json, sizeof(json), "{\"size\":%zu}", i);
        suite_check(r, THINGS, ids[i], 1, json);
    }
    assert_err(suite_put(r, THINGS, "", "{}", DG_VERSION_ANY), DG_EINVAL);
}

static void keeps_big_documents(void **state)
{
    enum { SIZE = 1 << 20 };
    struct rig *r = *state;
    char *json = malloc(SIZE + 64);
    assert_non_null(json);
    int head = snprintf(json, 64, "{\"name\":\"big\",\"filling\":\"");
    for (int i = 0; i < SIZE; i++)
        json[head + i] = (char)('a' + i * 7 % 26);
    memcpy(json + head + SIZE, "\"}", 3);
    suite_clear(r, THINGS);
    assert_ok(suite_put(r, THINGS, "big", json, DG_VERSION_NONE));
    assert_ok(suite_put(r, THINGS, "big", json, 1));
    suite_check(r, THINGS, "big", 2, json);
    struct dg_where where = {.field = "name", .compare = DG_EQ, .value = "big"};
    struct answer *a =
        rig_query(r, &(struct dg_query){.collection = THINGS, .where = &where, .where_count = 1});
    assert_ok(a);
    assert_int_equal(a->count, 1);
    assert_int_equal(a->docs[0].json.len, strlen(json));
    free(json);
}

/* What makes no sense is refused, and nothing of it is written. */
static void refuses_nonsense(void **state)
{
    static const char *const docs[] = {
        "",
        "not json",
        "[]",
        "\"text\"",
        "null",
        "{\"a\":1",
        "{\"a\":1}}",
        "{'a':1}",
        "{\"a\":\"\xff\"}",
        "{\"size\":\"5\"}",
        "{\"size\":5.5}",
        "{\"size\":true}",
        "{\"name\":5}",
        "{\"open\":1}",
        "{\"open\":\"true\"}",
        "{\"at\":\"@now\"}",
        "{\"at\":\"2025-01-01\"}",
    };
    struct rig *r = *state;
    suite_clear(r, THINGS);
    for (size_t i = 0; i < COUNT(docs); i++) {
        struct answer *a = suite_put(r, THINGS, "doc", docs[i], DG_VERSION_ANY);
        if (a->err != DG_EINVAL)
            fail_msg("%s was not refused: %s", docs[i], err_name(a->err));
    }
    assert_err(suite_put(r, "undeclared_things", "doc", "{}", DG_VERSION_ANY), DG_EINVAL);
    assert_err(suite_put(r, THINGS, NULL, "{}", DG_VERSION_ANY), DG_EINVAL);
    assert_err(suite_put(r, NUMBERED, "one", "{}", DG_VERSION_ANY), DG_EINVAL);
    assert_err(suite_put(r, NUMBERED, "0", "{}", DG_VERSION_ANY), DG_EINVAL);
    assert_err(suite_put(r, NUMBERED, "-1", "{}", DG_VERSION_ANY), DG_EINVAL);
    assert_err(suite_put(r, NUMBERED, NULL, NULL, DG_VERSION_ANY), DG_EINVAL);
    assert_int_equal(suite_count(r, THINGS), 0);
}

int storage_documents(struct rig *r)
{
    const struct CMUnitTest tests[] = {
        SUITE_TEST(gives_back_what_came), SUITE_TEST(knows_what_is_not_there),
        SUITE_TEST(takes_any_text_as_id), SUITE_TEST(keeps_big_documents),
        SUITE_TEST(refuses_nonsense),
    };
    return cmocka_run_group_tests_name("documents", tests, NULL, NULL);
}
