/* storage_queries.c - the contract: conditions, order, pages, sums. */
#include "storage_suite.h"

/* What every question below is asked of. */
static const char *const things[][2] = {
    {"a", "{\"name\":\"Alpha\",\"kind\":\"x\",\"size\":10,\"open\":true,\"at\":1000}"},
    {"b", "{\"name\":\"alpha beta\",\"kind\":\"y\",\"size\":-5,\"open\":false,\"at\":3000}"},
    {"c", "{\"name\":\"100%\",\"kind\":\"x\",\"size\":9,\"open\":true}"},
    {"d", "{\"name\":\"a_b\",\"kind\":null,\"size\":10,\"at\":2000}"},
    {"e", "{\"name\":\"axb\",\"kind\":\"z\",\"open\":false,\"at\":2000}"},
    {"f", "{\"kind\":\"\",\"size\":0}"},
    {"g", "{\"name\":\"\xc3\xa4ther\",\"kind\":\"x\",\"size\":9223372036854775807,\"at\":-1}"},
    {"h", "{\"name\":\"\xc3\x84ther\",\"kind\":\"y\",\"size\":-9223372036854775808}"},
    {"i", "{\"name\":\"back\\\\slash 'q'\",\"kind\":\"X\",\"at\":1000}"},
    {"j", "{\"name\":\"10\"}"},
    {"k", "{\"name\":\"9\"}"},
};

static void fill(struct rig *r)
{
    struct dg_write list[COUNT(things)];
    suite_clear(r, THINGS);
    for (size_t i = 0; i < COUNT(things); i++)
        list[i] = suite_write(THINGS, things[i][0], things[i][1], DG_VERSION_NONE);
    assert_ok(rig_write(r, list, COUNT(list)));
}

struct question {
    struct dg_where where[4];
    const char *expected;
};

static void compares(void **state)
{
    static const struct question questions[] = {
        {{{0}}, "a,b,c,d,e,f,g,h,i,j,k"},
        /* text, by bytes; what is absent is neither equal nor unequal, less nor greater */
        {{{"kind", DG_EQ, "x", 0}}, "a,c,g"},
        {{{"kind", DG_EQ, "", 0}}, "f"},
        {{{"kind", DG_NE, "x", 0}}, "b,e,f,h,i"},
        {{{"name", DG_LT, "9", 0}}, "c,j"},
        {{{"name", DG_LE, "9", 0}}, "c,j,k"},
        {{{"name", DG_GT, "b", 0}}, "g,h,i"},
        {{{"name", DG_GE, "axb", 0}}, "e,g,h,i"},
        {{{"name", DG_GT, "\xc3\x84ther", 0}}, "g"},
        /* numbers */
        {{{"size", DG_EQ, "10", 0}}, "a,d"},
        {{{"size", DG_NE, "10", 0}}, "b,c,f,g,h"},
        {{{"size", DG_LT, "10", 0}}, "b,c,f,h"},
        {{{"size", DG_LE, "-5", 0}}, "b,h"},
        {{{"size", DG_GT, "9", 0}}, "a,d,g"},
        {{{"size", DG_GE, "9223372036854775807", 0}}, "g"},
        {{{"size", DG_EQ, "-9223372036854775808", 0}}, "h"},
        /* truth and time */
        {{{"open", DG_EQ, "true", 0}}, "a,c"},
        {{{"open", DG_NE, "true", 0}}, "b,e"},
        {{{"at", DG_LT, "2000", 0}}, "a,g,i"},
        {{{"at", DG_LE, "@now", 0}}, "a,b,d,e,g,i"},
        {{{"at", DG_GE, "@now-1000000", 0}}, ""},
        /* absent and null are the same */
        {{{"kind", DG_IS_NULL, NULL, 0}}, "d,j,k"},
        {{{"kind", DG_IS_NULL, "true", 0}}, "d,j,k"},
        {{{"open", DG_IS_NULL, "false", 0}}, "a,b,c,e"},
        {{{"id", DG_IS_NULL, NULL, 0}}, ""},
        /* lists */
        {{{"kind", DG_IN, "[\"x\",\"z\",\"unknown\"]", 0}}, "a,c,e,g"},
        {{{"kind", DG_IN, "[]", 0}}, ""},
        {{{"size", DG_IN, "[\"10\",\"-5\"]", 0}}, "a,b,d"},
        {{{"size", DG_IN, "[10, -9223372036854775808, 9223372036854775807]", 0}}, "a,d,g,h"},
        {{{"open", DG_IN, "[\"false\"]", 0}}, "b,e"},
        {{{"at", DG_IN, "[\"1000\",\"3000\"]", 0}}, "a,b,i"},
        {{{"id", DG_IN, "[\"k\",\"a\",\"q\"]", 0}}, "a,k"},
        {{{"name", DG_IN, "[\"back\\\\slash 'q'\"]", 0}}, "i"},
        /* beginnings, by bytes; wildcards mean themselves */
        {{{"name", DG_PREFIX, "a", 0}}, "b,d,e"},
        {{{"name", DG_PREFIX, "a_", 0}}, "d"},
        {{{"name", DG_PREFIX, "10", 0}}, "c,j"},
        {{{"name", DG_PREFIX, "100%", 0}}, "c"},
        {{{"name", DG_PREFIX, "%", 0}}, ""},
        {{{"name", DG_PREFIX, "\xc3\xa4", 0}}, "g"},
        {{{"name", DG_PREFIX, "", 0}}, "a,b,c,d,e,g,h,i,j,k"},
        {{{"id", DG_PREFIX, "a", 0}}, "a"},
        /* parts, ASCII letters folded and no others */
        {{{"name", DG_CONTAINS, "ALPHA", 0}}, "a,b"},
        {{{"name", DG_CONTAINS, "_", 0}}, "d"},
        {{{"name", DG_CONTAINS, "%", 0}}, "c"},
        {{{"name", DG_CONTAINS, "\\", 0}}, "i"},
        {{{"name", DG_CONTAINS, "'Q'", 0}}, "i"},
        {{{"name", DG_CONTAINS, "\xc3\xa4THER", 0}}, "g"},
        {{{"name", DG_CONTAINS, "", 0}}, "a,b,c,d,e,g,h,i,j,k"},
        /* the id as a field */
        {{{"id", DG_GT, "h", 0}}, "i,j,k"},
        {{{"id", DG_EQ, "c", 0}}, "c"},
        /* all of them, or one of a group */
        {{{"kind", DG_EQ, "x", 0}, {"size", DG_LT, "10", 0}}, "c"},
        {{{"kind", DG_EQ, "x", 1}, {"kind", DG_EQ, "z", 1}}, "a,c,e,g"},
        {{{"kind", DG_EQ, "z", 7}, {"open", DG_EQ, "true", 0}, {"size", DG_EQ, "9", 7}}, "c"},
        {{{"kind", DG_EQ, "x", 1},
          {"size", DG_EQ, "10", 2},
          {"kind", DG_EQ, "y", 1},
          {"size", DG_EQ, "-5", 2}},
         "a,b"},
        {{{"kind", DG_IS_NULL, NULL, 3}, {"at", DG_EQ, "3000", 3}}, "b,d,j,k"},
        {{{"name", DG_EQ, "x' OR '1'='1", 0}}, ""},
    };
    struct rig *r = *state;
    fill(r);
    for (size_t i = 0; i < COUNT(questions); i++) {
        const struct question *q = &questions[i];
        size_t count = 0;
        while (count < COUNT(q->where) && q->where[count].field)
            count++;
        struct answer *a = rig_query(
            r, &(struct dg_query){.collection = THINGS, .where = q->where, .where_count = count});
        assert_ok(a);
        if (strcmp(suite_ids(a), q->expected) != 0)
            fail_msg("question %zu (%s %d %s) gave %s instead of %s", i,
                     count ? q->where[0].field : "-", (int)q->where[0].compare,
                     count && q->where[0].value ? q->where[0].value : "-", suite_ids(a),
                     q->expected);
        /* Counting finds the same. */
        struct answer *t = rig_tally(
            r, &(struct dg_tally){.collection = THINGS, .where = q->where, .where_count = count});
        assert_ok(t);
        assert_int_equal(t->rows[0].count, a->count);
    }
}

static void orders(void **state)
{
    static const struct {
        const char *by;
        bool descending;
        uint64_t offset, limit;
        const char *expected;
    } orders[] = {
        {NULL, false, 0, 0, "a,b,c,d,e,f,g,h,i,j,k"},
        {"id", false, 0, 0, "a,b,c,d,e,f,g,h,i,j,k"},
        {NULL, true, 0, 0, "k,j,i,h,g,f,e,d,c,b,a"},
        /* what is absent comes last; the same value goes by id */
        {"size", false, 0, 0, "h,b,f,c,a,d,g,e,i,j,k"},
        {"kind", false, 0, 0, "f,i,a,c,g,b,h,e,d,j,k"},
        {"name", false, 0, 0, "j,c,k,a,d,b,e,i,h,g,f"},
        {"open", false, 0, 0, "b,e,a,c,d,f,g,h,i,j,k"},
        {"at", false, 0, 0, "g,a,i,d,e,b,c,f,h,j,k"},
        /* descending is the same backwards */
        {"size", true, 0, 0, "k,j,i,e,g,d,a,c,f,b,h"},
        {"at", true, 0, 0, "k,j,h,f,c,b,e,d,i,a,g"},
        /* pages */
        {"size", false, 0, 3, "h,b,f"},
        {"size", false, 3, 3, "c,a,d"},
        {"size", false, 9, 3, "j,k"},
        {"size", false, 11, 3, ""},
        {"size", false, 8, 0, "i,j,k"},
        {NULL, true, 1, 2, "j,i"},
        {NULL, false, 0, UINT64_MAX, "a,b,c,d,e,f,g,h,i,j,k"},
        {NULL, false, UINT64_MAX, 1, ""},
    };
    struct rig *r = *state;
    fill(r);
    for (size_t i = 0; i < COUNT(orders); i++) {
        struct answer *a = rig_query(r, &(struct dg_query){.collection = THINGS,
                                                           .order_by = orders[i].by,
                                                           .descending = orders[i].descending,
                                                           .offset = orders[i].offset,
                                                           .limit = orders[i].limit});
        assert_ok(a);
        if (strcmp(suite_ids(a), orders[i].expected) != 0)
            fail_msg("order %zu gave %s instead of %s", i, suite_ids(a), orders[i].expected);
    }
    /* With a condition on the field itself, and a limit within equal values. */
    struct dg_where where = {.field = "at", .compare = DG_GE, .value = "1000"};
    struct dg_query q = {.collection = THINGS, .where = &where, .where_count = 1, .order_by = "at"};
    q.limit = 3;
    assert_string_equal(suite_ids(rig_query(r, &q)), "a,i,d");
    q.descending = true;
    assert_string_equal(suite_ids(rig_query(r, &q)), "b,e,d");
}

static void orders_serial_ids_by_number(void **state)
{
    struct rig *r = *state;
    suite_clear(r, COUNTED);
    static const char *const ids[] = {"10000", "9999", "10010", "9", "10001"};
    for (size_t i = 0; i < COUNT(ids); i++)
        assert_ok(suite_put(r, COUNTED, ids[i], "{}", DG_VERSION_NONE));
    struct dg_query q = {.collection = COUNTED};
    assert_string_equal(suite_ids(rig_query(r, &q)), "9,9999,10000,10001,10010");
    struct dg_where where = {.field = "id", .compare = DG_GT, .value = "9999"};
    q.where = &where;
    q.where_count = 1;
    q.limit = 2;
    assert_string_equal(suite_ids(rig_query(r, &q)), "10000,10001");
    where = (struct dg_where){.field = "id", .compare = DG_IN, .value = "[\"9\",\"10010\"]"};
    assert_string_equal(suite_ids(rig_query(r, &q)), "9,10010");
}

static void refuses_questions(void **state)
{
    static const struct dg_where wrong[] = {
        {"unknown", DG_EQ, "1", 0},     {"size", DG_EQ, "ten", 0},
        {"size", DG_EQ, "1.5", 0},      {"size", DG_EQ, "", 0},
        {"size", DG_EQ, " 1", 0},       {"size", DG_EQ, NULL, 0},
        {"open", DG_EQ, "1", 0},        {"open", DG_EQ, "TRUE", 0},
        {"at", DG_EQ, "@later", 0},     {"at", DG_EQ, "@now+", 0},
        {"at", DG_EQ, "@now+1s", 0},    {"kind", DG_IN, "x", 0},
        {"kind", DG_IN, "{}", 0},       {"kind", DG_IN, "[null]", 0},
        {"size", DG_IN, "[\"x\"]", 0},  {"size", DG_PREFIX, "1", 0},
        {"size", DG_CONTAINS, "1", 0},  {"kind", DG_IS_NULL, "no", 0},
        {"na\"me", DG_EQ, "x", 0},      {"size", DG_EQ, "9223372036854775808", 0},
        {"name\" OR 1", DG_EQ, "x", 0},
    };
    struct rig *r = *state;
    fill(r);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct answer *a = rig_query(
            r, &(struct dg_query){.collection = THINGS, .where = &wrong[i], .where_count = 1});
        if (a->err != DG_EINVAL)
            fail_msg("%s %d %s was not refused", wrong[i].field, (int)wrong[i].compare,
                     wrong[i].value ? wrong[i].value : "-");
    }
    assert_err(rig_query(r, &(struct dg_query){.collection = THINGS, .order_by = "unknown"}),
               DG_EINVAL);
    assert_err(rig_query(r, &(struct dg_query){.collection = "undeclared_things"}), DG_EINVAL);
    assert_err(rig_tally(r, &(struct dg_tally){.collection = THINGS, .by = "unknown"}), DG_EINVAL);
    const char *sums[] = {"name"};
    struct dg_tally tally = {.collection = THINGS, .sums = sums, .sum_count = 1};
    assert_err(rig_tally(r, &tally), DG_EINVAL);
}

/* ---- Tallies ------------------------------------------------------------ */

static void tallies(void **state)
{
    struct rig *r = *state;
    const char *sums[] = {"size", "size"};
    struct dg_where where = {.field = "size", .compare = DG_IN, .value = "[10,-5,9,0]"};
    struct dg_tally tally = {.collection = THINGS,
                             .where = &where,
                             .where_count = 1,
                             .by = "kind",
                             .sums = sums,
                             .sum_count = 2};
    static const struct {
        const char *value;
        uint64_t count;
        int64_t sum;
    } expected[] = {{"", 1, 0}, {"x", 2, 19}, {"y", 1, -5}, {NULL, 1, 10}};
    fill(r);
    struct answer *a = rig_tally(r, &tally);
    assert_ok(a);
    assert_int_equal(a->count, COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++) {
        if (expected[i].value)
            assert_string_equal(a->rows[i].value, expected[i].value);
        else
            assert_null(a->rows[i].value);
        assert_int_equal(a->rows[i].count, expected[i].count);
        assert_int_equal(a->rows[i].sums[0], expected[i].sum);
        assert_int_equal(a->rows[i].sums[1], expected[i].sum);
    }
}

static void tallies_by_each_type(void **state)
{
    static const struct {
        const char *by, *values;
    } expected[] = {
        {"open", "false:2 true:2 -:7 "},
        {"at", "-1:1 1000:2 2000:2 3000:1 -:5 "},
        {"size", "-9223372036854775808:1 -5:1 0:1 9:1 10:2 9223372036854775807:1 -:4 "},
    };
    struct rig *r = *state;
    fill(r);
    for (size_t i = 0; i < COUNT(expected); i++) {
        char got[512] = "";
        struct answer *a =
            rig_tally(r, &(struct dg_tally){.collection = THINGS, .by = expected[i].by});
        assert_ok(a);
        for (size_t k = 0, len = 0; k < a->count; k++)
            len +=
                (size_t)snprintf(got + len, sizeof(got) - len, "%s:%d ",
                                 a->rows[k].value ? a->rows[k].value : "-", (int)a->rows[k].count);
        assert_string_equal(got, expected[i].values);
    }
}

static void tallies_nothing(void **state)
{
    struct rig *r = *state;
    const char *sums[] = {"size"};
    suite_clear(r, THINGS);
    struct dg_tally tally = {.collection = THINGS, .sums = sums, .sum_count = 1};
    struct answer *a = rig_tally(r, &tally);
    assert_ok(a);
    assert_int_equal(a->count, 1);
    assert_null(a->rows[0].value);
    assert_int_equal(a->rows[0].count, 0);
    assert_int_equal(a->rows[0].sums[0], 0);
    tally.by = "kind";
    a = rig_tally(r, &tally);
    assert_ok(a);
    assert_int_equal(a->count, 0);
}

/* ---- Many --------------------------------------------------------------- */

static void finds_among_many(void **state)
{
    enum { MANY = 10000, BATCH = 500 };
    struct rig *r = *state;
    static struct dg_write list[BATCH];
    static char ids[BATCH][24], docs[BATCH][96];
    suite_clear(r, THINGS);
    for (int i = 0; i < MANY; i++) {
        int k = i % BATCH;
        snprintf(ids[k], sizeof(ids[k]), "doc-%05d", i);
        snprintf(docs[k], sizeof(docs[k]), "{\"kind\":\"k%d\",\"size\":%d,\"at\":%d}", i % 7, i,
                 1000000 - i);
        list[k] = suite_write(THINGS, ids[k], docs[k], DG_VERSION_NONE);
        if (k == BATCH - 1)
            assert_ok(rig_write(r, list, BATCH));
    }
    /* Page by page, each from where the last one ended. */
    char after[24] = "";
    int seen = 0;
    for (;;) {
        struct dg_where where = {.field = "id", .compare = DG_GT, .value = after};
        struct answer *a = rig_query(
            r, &(struct dg_query){
                   .collection = THINGS, .where = &where, .where_count = 1, .limit = 777});
        assert_ok(a);
        for (size_t i = 0; i < a->count; i++, seen++)
            assert_int_equal(suite_member(&a->docs[i], "size"), seen);
        if (!a->count)
            break;
        snprintf(after, sizeof(after), "%s", a->docs[a->count - 1].id);
    }
    assert_int_equal(seen, MANY);
    struct dg_where some[] = {{"kind", DG_EQ, "k3", 0}, {"size", DG_GE, "5000", 0}};
    struct dg_query q = {.collection = THINGS,
                         .where = some,
                         .where_count = 2,
                         .order_by = "at",
                         .offset = 2,
                         .limit = 2};
    assert_string_equal(suite_ids(rig_query(r, &q)), "doc-09985,doc-09978");
    const char *sums[] = {"size"};
    struct dg_tally tally = {.collection = THINGS, .by = "kind", .sums = sums, .sum_count = 1};
    struct answer *a = rig_tally(r, &tally);
    assert_ok(a);
    assert_int_equal(a->count, 7);
    uint64_t count = 0;
    int64_t sum = 0;
    for (size_t i = 0; i < 7; i++) {
        count += a->rows[i].count;
        sum += a->rows[i].sums[0];
    }
    assert_int_equal(count, MANY);
    assert_int_equal(sum, (int64_t)MANY * (MANY - 1) / 2);
}

int storage_queries(struct rig *r)
{
    const struct CMUnitTest tests[] = {
        SUITE_TEST(compares),
        SUITE_TEST(orders),
        SUITE_TEST(orders_serial_ids_by_number),
        SUITE_TEST(refuses_questions),
        SUITE_TEST(tallies),
        SUITE_TEST(tallies_by_each_type),
        SUITE_TEST(tallies_nothing),
        SUITE_TEST(finds_among_many),
    };
    return cmocka_run_group_tests_name("queries", tests, NULL, NULL);
}
