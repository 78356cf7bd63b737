/* storage_schema.c - the contract: declaring again, and opening again. */
#include "storage_suite.h"

#define GROWING_AT 4 /* in suite_collections */

static void declares_again(void **state)
{
    struct rig *r = *state;
    suite_clear(r, THINGS);
    assert_ok(suite_put(r, THINGS, "a", "{\"size\":1}", DG_VERSION_ANY));
    suite_declare(r);
    suite_declare(r);
    suite_check(r, THINGS, "a", 1, "{\"size\":1}");
}

static const struct dg_field grown_fields[] = {
    {.name = "colour", .type = DG_FIELD_TEXT}, {.name = "weight", .type = DG_FIELD_INT},
    {.name = "ripe", .type = DG_FIELD_BOOL},   {.name = "picked", .type = DG_FIELD_TIME},
    {.name = "farm", .type = DG_FIELD_TEXT},
};
static const struct dg_index grown_indexes[] = {
    {.fields = (const char *const[]){"colour", "weight"}, .field_count = 2},
};
static const struct dg_index unique_indexes[] = {
    {.fields = (const char *const[]){"weight"}, .field_count = 1, .unique = true},
};

static struct answer *declare_grown(struct rig *r, const struct dg_index *indexes)
{
    struct dg_collection list[SUITE_COLLECTIONS];
    suite_collections(r, list);
    list[GROWING_AT].fields = grown_fields;
    list[GROWING_AT].field_count = COUNT(grown_fields);
    list[GROWING_AT].indexes = indexes;
    list[GROWING_AT].index_count = 1;
    return rig_declare(r, list, SUITE_COLLECTIONS);
}

static const char *find(struct rig *r, const char *field, enum dg_compare compare,
                        const char *value)
{
    struct dg_where where = {.field = field, .compare = compare, .value = value};
    struct answer *a =
        rig_query(r, &(struct dg_query){.collection = GROWING, .where = &where, .where_count = 1});
    assert_ok(a);
    return suite_ids(a);
}

/* Fields that are declared later are found in the documents that were there. */
static void fills_new_fields(void **state)
{
    static const char *const docs[][2] = {
        {"a",
         "{\"colour\":\"red\",\"weight\":5,\"ripe\":true,\"picked\":1000,\"farm\":\"\xc3\xa4\"}"},
        {"b", "{\"colour\":\"red\",\"weight\":-9223372036854775808,\"ripe\":false}"},
        {"c", "{\"colour\":null,\"weight\":\"5\",\"ripe\":1,\"picked\":\"x\",\"farm\":{}}"},
        {"d", "{\"weight\":5.5,\"ripe\":null,\"farm\":\"\"}"},
        {"e", "{\"weight\":9223372036854775807,\"picked\":0}"},
    };
    struct rig *r = *state;
    for (size_t i = 0; i < COUNT(docs); i++)
        assert_ok(suite_put(r, GROWING, docs[i][0], docs[i][1], DG_VERSION_NONE));
    struct dg_where where = {.field = "weight", .compare = DG_EQ, .value = "5"};
    struct dg_query q = {.collection = GROWING, .where = &where, .where_count = 1};
    assert_err(rig_query(r, &q), DG_EINVAL);
    assert_ok(declare_grown(r, grown_indexes));
    assert_string_equal(find(r, "weight", DG_EQ, "5"), "a");
    assert_string_equal(find(r, "weight", DG_LT, "0"), "b");
    assert_string_equal(find(r, "weight", DG_EQ, "9223372036854775807"), "e");
    assert_string_equal(find(r, "weight", DG_IS_NULL, NULL), "c,d");
    assert_string_equal(find(r, "ripe", DG_EQ, "true"), "a");
    assert_string_equal(find(r, "ripe", DG_EQ, "false"), "b");
    assert_string_equal(find(r, "ripe", DG_IS_NULL, NULL), "c,d,e");
    assert_string_equal(find(r, "picked", DG_GE, "0"), "a,e");
    assert_string_equal(find(r, "farm", DG_EQ, "\xc3\xa4"), "a");
    assert_string_equal(find(r, "farm", DG_IS_NULL, "false"), "a,d");
    assert_string_equal(find(r, "colour", DG_EQ, "red"), "a,b");
    for (size_t i = 0; i < COUNT(docs); i++)
        suite_check(r, GROWING, docs[i][0], 1, docs[i][1]);
    /* From now on they are kept like any other. */
    assert_ok(suite_put(r, GROWING, "e", "{\"weight\":6}", 1));
    assert_string_equal(find(r, "weight", DG_EQ, "6"), "e");
    assert_string_equal(find(r, "picked", DG_GE, "0"), "a");
    assert_err(suite_put(r, GROWING, "f", "{\"ripe\":1}", DG_VERSION_ANY), DG_EINVAL);
}

/* What the documents do not allow is refused, and all stays as it was. */
static void refuses_what_cannot_be(void **state)
{
    struct rig *r = *state;
    suite_clear(r, GROWING);
    assert_ok(declare_grown(r, grown_indexes));
    assert_ok(suite_put(r, GROWING, "a", "{\"weight\":5}", DG_VERSION_NONE));
    assert_ok(suite_put(r, GROWING, "b", "{\"weight\":5}", DG_VERSION_NONE));
    assert_err(declare_grown(r, unique_indexes), DG_ECONFLICT);
    assert_string_equal(find(r, "weight", DG_EQ, "5"), "a,b");
    assert_ok(suite_put(r, GROWING, "c", "{\"weight\":5}", DG_VERSION_NONE));
    assert_ok(suite_put(r, GROWING, "b", NULL, DG_VERSION_ANY));
    assert_ok(suite_put(r, GROWING, "c", NULL, DG_VERSION_ANY));
    assert_ok(declare_grown(r, unique_indexes));
    assert_err(suite_put(r, GROWING, "c", "{\"weight\":5}", DG_VERSION_NONE), DG_ECONFLICT);
    assert_ok(declare_grown(r, grown_indexes));
    assert_ok(suite_put(r, GROWING, "c", "{\"weight\":5}", DG_VERSION_NONE));

    struct dg_collection bad[] = {
        {.name = "Things"}, {.name = ""}, {.name = "no-dash"}, {.name = "two\"quotes"}};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_err(rig_declare(r, &bad[i], 1), DG_EINVAL);
    suite_declare(r);
}

static void keeps_all_when_opened_again(void **state)
{
    struct rig *r = *state;
    char why[512];
    suite_clear(r, THINGS);
    suite_clear(r, NUMBERED);
    assert_ok(suite_put(r, THINGS, "a", "{\"size\":1}", DG_VERSION_ANY));
    assert_ok(suite_put(r, THINGS, "a", "{\"size\":2,\"kind\":\"k\"}", DG_VERSION_ANY));
    struct answer *a = suite_put(r, NUMBERED, NULL, "{\"label\":\"l\"}", DG_VERSION_ANY);
    assert_ok(a);
    long last = strtol(a->ids[0], NULL, 10);
    assert_ok(suite_put(r, NUMBERED, a->ids[0], NULL, 1));
    rig_close(r);
    if (!rig_open(r, why, sizeof(why)))
        fail_msg("cannot be opened again: %s", why);
    suite_declare(r);
    suite_check(r, THINGS, "a", 2, "{\"size\":2,\"kind\":\"k\"}");
    struct dg_where where = {.field = "kind", .compare = DG_EQ, .value = "k"};
    a = rig_query(r, &(struct dg_query){.collection = THINGS, .where = &where, .where_count = 1});
    assert_string_equal(suite_ids(a), "a");
    a = suite_put(r, NUMBERED, NULL, "{}", DG_VERSION_ANY);
    assert_ok(a);
    assert_int_equal(strtol(a->ids[0], NULL, 10), last + 1);
}

/* Writes under way when the store is closed: those that were ended well are there. */
static void writes_what_it_took_before_closing(void **state)
{
    enum { MANY = 400 };
    struct rig *r = *state;
    char why[512];
    struct answer *all[MANY];
    suite_clear(r, THINGS);
    for (int i = 0; i < MANY; i++) {
        char id[16];
        snprintf(id, sizeof(id), "doc%d", i);
        struct dg_write w = suite_write(THINGS, id, "{}", DG_VERSION_NONE);
        all[i] = rig_write_start(r, &w, 1);
    }
    rig_close(r);
    uint64_t written = 0;
    for (int i = 0; i < MANY; i++)
        written += rig_wait(r, all[i])->err == DG_OK;
    assert_true(rig_open(r, why, sizeof(why)));
    suite_declare(r);
    assert_true(suite_count(r, THINGS) >= written);
    for (int i = 0; i < MANY; i++) {
        char id[16];
        snprintf(id, sizeof(id), "doc%d", i);
        if (all[i]->err == DG_OK)
            assert_ok(rig_get(r, THINGS, id));
    }
}

int storage_schema(struct rig *r)
{
    const struct CMUnitTest tests[] = {
        SUITE_TEST(declares_again),
        SUITE_TEST(fills_new_fields),
        SUITE_TEST(refuses_what_cannot_be),
        SUITE_TEST(keeps_all_when_opened_again),
        SUITE_TEST(writes_what_it_took_before_closing),
    };
    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
