/* storage_writes.c - the contract: versions, atomic writes, unique fields,
 * serial ids, and writes that are under way together. */
#include "storage_suite.h"

static void counts_versions(void **state)
{
    struct rig *r = *state;
    suite_clear(r, THINGS);
    assert_ok(suite_put(r, THINGS, "a", "{\"size\":1}", DG_VERSION_NONE));
    suite_check(r, THINGS, "a", 1, "{\"size\":1}");
    assert_ok(suite_put(r, THINGS, "a", "{\"size\":2}", DG_VERSION_ANY));
    assert_ok(suite_put(r, THINGS, "a", "{\"size\":3}", 2));
    suite_check(r, THINGS, "a", 3, "{\"size\":3}");
    assert_ok(suite_put(r, THINGS, "a", "{\"size\":3}", 3));
    suite_check(r, THINGS, "a", 4, "{\"size\":3}");
    /* A document that comes again begins anew. */
    assert_ok(suite_put(r, THINGS, "a", NULL, 4));
    assert_ok(suite_put(r, THINGS, "a", "{}", DG_VERSION_ANY));
    suite_check(r, THINGS, "a", 1, "{}");
}

static void holds_to_the_version(void **state)
{
    struct rig *r = *state;
    suite_clear(r, THINGS);
    assert_err(suite_put(r, THINGS, "a", "{}", 1), DG_ECONFLICT);
    assert_err(suite_put(r, THINGS, "a", NULL, 1), DG_ECONFLICT);
    assert_ok(suite_put(r, THINGS, "a", "{\"size\":1}", DG_VERSION_NONE));
    assert_err(suite_put(r, THINGS, "a", "{\"size\":2}", DG_VERSION_NONE), DG_ECONFLICT);
    assert_err(suite_put(r, THINGS, "a", "{\"size\":2}", 2), DG_ECONFLICT);
    assert_err(suite_put(r, THINGS, "a", NULL, 2), DG_ECONFLICT);
    assert_err(suite_put(r, THINGS, "a", "{\"size\":2}", UINT64_MAX - 1), DG_ECONFLICT);
    suite_check(r, THINGS, "a", 1, "{\"size\":1}");
    assert_ok(suite_put(r, THINGS, "a", NULL, 1));
    assert_ok(suite_put(r, THINGS, "a", NULL, DG_VERSION_ANY)); /* whatever is there: nothing */
    assert_int_equal(suite_count(r, THINGS), 0);
}

static void writes_all_or_nothing(void **state)
{
    struct rig *r = *state;
    suite_clear(r, THINGS);
    suite_clear(r, PAIRS);
    assert_ok(suite_put(r, THINGS, "old", "{\"size\":1}", DG_VERSION_NONE));
    assert_ok(suite_put(r, PAIRS, "taken", "{\"a\":\"x\",\"b\":1}", DG_VERSION_NONE));
    struct dg_write list[] = {
        suite_write(THINGS, "new", "{\"size\":2}", DG_VERSION_NONE),
        suite_write(THINGS, "old", "{\"size\":2}", 1),
        suite_write(PAIRS, "p", "{\"a\":\"x\",\"b\":2}", DG_VERSION_NONE),
        {0},
    };
    struct dg_write bad[] = {
        suite_write(THINGS, "old", "{\"size\":3}", 7),
        suite_write(THINGS, "old", "{}", DG_VERSION_NONE),
        suite_write(THINGS, "gone", NULL, 1),
        suite_write(PAIRS, "q", "{\"a\":\"x\",\"b\":1}", DG_VERSION_ANY),
        suite_write(THINGS, "broken", "{", DG_VERSION_ANY),
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        list[3] = bad[i];
        assert_err(rig_write(r, list, 4), i == 4 ? DG_EINVAL : DG_ECONFLICT);
        assert_int_equal(suite_count(r, THINGS), 1);
        assert_int_equal(suite_count(r, PAIRS), 1);
        suite_check(r, THINGS, "old", 1, "{\"size\":1}");
    }
    list[3] = suite_write(PAIRS, "taken", NULL, 1);
    struct answer *a = rig_write(r, list, 4);
    assert_ok(a);
    assert_int_equal(a->count, 4);
    assert_string_equal(a->ids[0], "new");
    assert_string_equal(a->ids[1], "old");
    assert_string_equal(a->ids[2], "p");
    assert_string_equal(a->ids[3], "taken");
    suite_check(r, THINGS, "old", 2, "{\"size\":2}");
    assert_err(rig_get(r, PAIRS, "taken"), DG_ENOTFOUND);
}

static void gives_serial_ids(void **state)
{
    struct rig *r = *state;
    suite_clear(r, COUNTED);
    struct dg_write list[] = {
        suite_write(COUNTED, NULL, "{}", DG_VERSION_ANY),
        suite_write(COUNTED, NULL, "{}", DG_VERSION_NONE),
        suite_write(COUNTED, "100", "{}", DG_VERSION_NONE),
        suite_write(COUNTED, NULL, "{}", DG_VERSION_NONE),
        suite_write(COUNTED, "50", "{}", DG_VERSION_ANY),
        suite_write(COUNTED, NULL, "{}", DG_VERSION_NONE),
    };
    struct answer *a = rig_write(r, list, COUNT(list));
    assert_ok(a);
    assert_int_equal(a->count, 6);
    static const char *const expected[] = {"1", "2", "100", "101", "50", "102"};
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_string_equal(a->ids[i], expected[i]);
    struct answer *all = rig_query(r, &(struct dg_query){.collection = COUNTED});
    assert_ok(all);
    assert_string_equal(suite_ids(all), "1,2,50,100,101,102");
    /* The last one's id is not given again. */
    assert_ok(suite_put(r, COUNTED, "102", NULL, DG_VERSION_ANY));
    a = suite_put(r, COUNTED, NULL, "{}", DG_VERSION_ANY);
    assert_ok(a);
    assert_string_equal(a->ids[0], "103");
    assert_ok(suite_put(r, COUNTED, "999", "{}", DG_VERSION_NONE));
    assert_ok(suite_put(r, COUNTED, "998", "{}", DG_VERSION_NONE));
    a = suite_put(r, COUNTED, NULL, "{}", DG_VERSION_ANY);
    assert_ok(a);
    assert_string_equal(a->ids[0], "1000");
}

static void keeps_fields_unique(void **state)
{
    struct rig *r = *state;
    suite_clear(r, NUMBERED);
    suite_clear(r, PAIRS);
    struct answer *a = suite_put(r, NUMBERED, NULL, "{\"label\":\"one\"}", DG_VERSION_ANY);
    assert_ok(a);
    const char *one = a->ids[0];
    assert_err(suite_put(r, NUMBERED, NULL, "{\"label\":\"one\"}", DG_VERSION_ANY), DG_ECONFLICT);
    assert_ok(suite_put(r, NUMBERED, NULL, "{\"label\":\"One\"}", DG_VERSION_ANY));
    assert_ok(suite_put(r, NUMBERED, one, "{\"label\":\"one\",\"tries\":1}", DG_VERSION_ANY));
    assert_err(suite_put(r, NUMBERED, one, "{\"label\":\"One\"}", DG_VERSION_ANY), DG_ECONFLICT);
    suite_check(r, NUMBERED, one, 2, "{\"label\":\"one\",\"tries\":1}");
    /* Absent and null repeat; the empty text does not. */
    for (int i = 0; i < 3; i++) {
        assert_ok(suite_put(r, NUMBERED, NULL, "{}", DG_VERSION_ANY));
        assert_ok(suite_put(r, NUMBERED, NULL, "{\"label\":null}", DG_VERSION_ANY));
        assert_int_equal(
            suite_put(r, NUMBERED, NULL, "{\"label\":\"\"}", DG_VERSION_ANY)->err == DG_OK, i == 0);
    }
    /* Free again when its holder is gone or has another. */
    assert_ok(suite_put(r, NUMBERED, one, NULL, DG_VERSION_ANY));
    assert_ok(suite_put(r, NUMBERED, NULL, "{\"label\":\"one\"}", DG_VERSION_ANY));

    assert_ok(suite_put(r, PAIRS, "p", "{\"a\":\"x\",\"b\":1}", DG_VERSION_ANY));
    assert_ok(suite_put(r, PAIRS, "q", "{\"a\":\"x\",\"b\":2}", DG_VERSION_ANY));
    assert_ok(suite_put(r, PAIRS, "r", "{\"a\":\"x\"}", DG_VERSION_ANY));
    assert_ok(suite_put(r, PAIRS, "s", "{\"a\":\"x\"}", DG_VERSION_ANY));
    assert_err(suite_put(r, PAIRS, "t", "{\"a\":\"x\",\"b\":2}", DG_VERSION_ANY), DG_ECONFLICT);
}

/* ---- Many in one write --------------------------------------------------- */

#define MANY 250 /* as many as stores have quicker ways for */

static void fill(struct dg_write *list, size_t count, const char *collection, const char *json)
{
    for (size_t i = 0; i < count; i++)
        list[i] = suite_write(collection, NULL, json, DG_VERSION_NONE);
}

static void check_ids(const struct answer *a, size_t first, size_t count, unsigned id)
{
    char text[24];
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%u", id + (unsigned)i);
        assert_string_equal(a->ids[first + i], text);
    }
}

static void numbers_many_in_order(void **state)
{
    struct rig *r = *state;
    struct dg_write list[60];
    suite_clear(r, COUNTED);
    struct answer *a = suite_put(r, COUNTED, NULL, "{}", DG_VERSION_NONE);
    assert_ok(a);
    const unsigned first = (unsigned)strtoul(a->ids[0], NULL, 10) + 1, given = first + 5000;
    char text[24];
    snprintf(text, sizeof(text), "%u", given);
    fill(list, 60, COUNTED, "{\"x\":1}");
    list[37].id = text;
    a = rig_write(r, list, 60);
    assert_ok(a);
    assert_int_equal(a->count, 60);
    check_ids(a, 0, 37, first);
    check_ids(a, 37, 23, given);
    assert_int_equal(suite_count(r, COUNTED), 61);
    suite_check(r, COUNTED, text, 1, "{\"x\":1}");
}

/* What comes behind many new documents is written with them, or nothing is. */
static void writes_many_with_others(void **state)
{
    struct rig *r = *state;
    struct dg_write list[MANY + 3];
    suite_clear(r, COUNTED);
    suite_clear(r, THINGS);
    assert_ok(suite_put(r, THINGS, "old", "{\"size\":1}", DG_VERSION_NONE));
    struct answer *a = suite_put(r, COUNTED, NULL, "{}", DG_VERSION_NONE);
    assert_ok(a);
    const unsigned first = (unsigned)strtoul(a->ids[0], NULL, 10) + 1;
    fill(list, MANY, COUNTED, "{\"x\":1}");
    list[MANY] = suite_write(THINGS, "old", "{\"size\":2}", 1);
    list[MANY + 1] = suite_write(COUNTED, NULL, "{\"x\":2}", DG_VERSION_ANY);
    struct dg_write bad[] = {
        suite_write(THINGS, "old", "{\"size\":3}", 1),
        suite_write(THINGS, "old", "{}", DG_VERSION_NONE),
        suite_write(THINGS, "gone", NULL, 1),
        suite_write(THINGS, "broken", "{", DG_VERSION_ANY),
        suite_write(THINGS, "odd", "{\"size\":\"large\"}", DG_VERSION_ANY),
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        list[MANY + 2] = bad[i];
        assert_err(rig_write(r, list, MANY + 3), i < 3 ? DG_ECONFLICT : DG_EINVAL);
        assert_int_equal(suite_count(r, COUNTED), 1);
        suite_check(r, THINGS, "old", 1, "{\"size\":1}");
    }
    list[MANY + 2] = suite_write(THINGS, "new", "{}", DG_VERSION_ANY);
    a = rig_write(r, list, MANY + 3);
    assert_ok(a);
    assert_int_equal(a->count, MANY + 3);
    check_ids(a, 0, MANY, first); /* those that were refused took no number */
    assert_string_equal(a->ids[MANY], "old");
    check_ids(a, MANY + 1, 1, first + MANY);
    assert_string_equal(a->ids[MANY + 2], "new");
    assert_int_equal(suite_count(r, COUNTED), MANY + 2);
    suite_check(r, COUNTED, a->ids[MANY + 1], 1, "{\"x\":2}");
    suite_check(r, THINGS, "old", 2, "{\"size\":2}");
}

static void keeps_fields_of_many_unique(void **state)
{
    struct rig *r = *state;
    struct dg_write list[MANY];
    char json[MANY][32];
    suite_clear(r, NUMBERED);
    for (int i = 0; i < MANY; i++) {
        snprintf(json[i], sizeof(json[i]), "{\"label\":\"l%d\"}", i % (MANY - 1));
        list[i] = suite_write(NUMBERED, NULL, json[i], DG_VERSION_NONE);
    }
    assert_err(rig_write(r, list, MANY), DG_ECONFLICT);
    assert_int_equal(suite_count(r, NUMBERED), 0);
    assert_ok(rig_write(r, list, MANY - 1));
    assert_int_equal(suite_count(r, NUMBERED), MANY - 1);
}

/* ---- Under way together ------------------------------------------------- */

/* What one document goes through is carried out in the order of asking. */
static void keeps_the_order_of_a_document(void **state)
{
    enum { PUTS = 200 };
    struct rig *r = *state;
    struct answer *all[PUTS];
    suite_clear(r, THINGS);
    for (int i = 0; i < PUTS; i++) {
        char json[40];
        snprintf(json, sizeof(json), "{\"size\":%d,\"kind\":\"x\"}", i);
        struct dg_write w = suite_write(THINGS, "a", json, DG_VERSION_ANY);
        struct dg_write pair[] = {w, suite_write(THINGS, "b", json, DG_VERSION_ANY)};
        all[i] = rig_write_start(r, pair, i % 10 == 9 ? 2 : 1);
    }
    for (int i = 0; i < PUTS; i++)
        assert_ok(rig_wait(r, all[i]));
    suite_check(r, THINGS, "a", PUTS, "{\"size\":199,\"kind\":\"x\"}");
    suite_check(r, THINGS, "b", PUTS / 10, "{\"size\":199,\"kind\":\"x\"}");
}

static void keeps_the_order_around_a_change(void **state)
{
    struct rig *r = *state;
    struct dg_where where = {.field = "kind", .compare = DG_EQ, .value = "x"};
    struct dg_change change = {
        .collection = THINGS, .where = &where, .where_count = 1, .set = {"{\"size\":50}", 11}};
    struct dg_change delete = {.collection = THINGS, .where = &where, .where_count = 1};
    struct dg_write first = suite_write(THINGS, "a", "{\"kind\":\"x\",\"size\":1}", DG_VERSION_ANY);
    struct dg_write last = suite_write(THINGS, "a", "{\"kind\":\"x\",\"size\":2}", DG_VERSION_ANY);
    struct dg_write new = suite_write(THINGS, "b", "{\"kind\":\"x\"}", DG_VERSION_NONE);
    for (int i = 0; i < 20; i++) {
        suite_clear(r, THINGS);
        struct answer *a = rig_write_start(r, &first, 1);
        struct answer *b = rig_change_start(r, &change);
        struct answer *c = rig_write_start(r, &last, 1);
        assert_ok(rig_wait(r, a));
        assert_ok(rig_wait(r, b));
        assert_ok(rig_wait(r, c));
        assert_int_equal(b->changed, 1);
        suite_check(r, THINGS, "a", 3, "{\"kind\":\"x\",\"size\":2}");
        a = rig_change_start(r, &delete);
        b = rig_write_start(r, &new, 1);
        assert_ok(rig_wait(r, a));
        assert_ok(rig_wait(r, b));
        assert_int_equal(a->changed, 1);
        suite_check(r, THINGS, "b", 1, "{\"kind\":\"x\"}");
    }
}

static void lets_one_of_many_win(void **state)
{
    enum { FEW = 30 };
    struct rig *r = *state;
    suite_clear(r, THINGS);
    assert_ok(suite_put(r, THINGS, "a", "{}", DG_VERSION_NONE));
    for (uint64_t round = 1; round <= 5; round++) {
        struct answer *all[FEW];
        unsigned won = 0;
        for (int i = 0; i < FEW; i++) {
            struct dg_write w = suite_write(THINGS, "a", "{\"size\":1}", round);
            all[i] = rig_write_start(r, &w, 1);
        }
        for (int i = 0; i < FEW; i++) {
            if (rig_wait(r, all[i])->err == DG_OK)
                won++;
            else
                assert_err(all[i], DG_ECONFLICT);
        }
        assert_int_equal(won, 1);
        suite_check(r, THINGS, "a", round + 1, "{\"size\":1}");
    }
}

/* One that fails takes none of those with it that are written beside it. */
static void fails_alone(void **state)
{
    enum { ALL = 120 };
    struct rig *r = *state;
    struct answer *all[ALL];
    suite_clear(r, PAIRS);
    assert_ok(suite_put(r, PAIRS, "first", "{\"a\":\"taken\",\"b\":1}", DG_VERSION_ANY));
    for (int i = 0; i < ALL; i++) {
        char id[24], json[48];
        snprintf(id, sizeof(id), "p%d", i % 40);
        snprintf(json, sizeof(json), "{\"a\":\"%s\",\"b\":%d}", i % 3 == 1 ? "taken" : "free",
                 i % 3 == 1 ? 1 : 1000 + i);
        struct dg_write w = suite_write(PAIRS, id, json, DG_VERSION_ANY);
        all[i] = rig_write_start(r, &w, 1);
    }
    for (int i = 0; i < ALL; i++) {
        if (i % 3 == 1)
            assert_err(rig_wait(r, all[i]), DG_ECONFLICT);
        else
            assert_ok(rig_wait(r, all[i]));
    }
    /* Each of the 40 was asked for three times, once in vain. */
    assert_int_equal(suite_count(r, PAIRS), 41);
    for (int i = 0; i < 40; i++) {
        char id[24];
        snprintf(id, sizeof(id), "p%d", i);
        struct answer *a = rig_get(r, PAIRS, id);
        assert_ok(a);
        assert_int_equal(a->docs[0].version, 2);
        assert_int_equal(suite_member(&a->docs[0], "b"), (i + 80) % 3 == 1 ? 1040 + i : 1080 + i);
    }
}

static void reads_see_what_was_written(void **state)
{
    struct rig *r = *state;
    suite_clear(r, THINGS);
    struct dg_where where = {.field = "kind", .compare = DG_EQ, .value = "seen"};
    struct dg_query query = {.collection = THINGS, .where = &where, .where_count = 1};
    for (unsigned i = 1; i <= 150; i++) {
        char id[24];
        snprintf(id, sizeof(id), "doc%u", i);
        assert_ok(suite_put(r, THINGS, id, "{\"kind\":\"seen\"}", DG_VERSION_NONE));
        switch (i % 3) {
        case 0:
            assert_ok(rig_get(r, THINGS, id));
            break;
        case 1:
            assert_int_equal(rig_query(r, &query)->count, i);
            break;
        default:
            assert_int_equal(suite_count(r, THINGS), i);
        }
    }
}

int storage_writes(struct rig *r)
{
    const struct CMUnitTest tests[] = {
        SUITE_TEST(counts_versions),
        SUITE_TEST(holds_to_the_version),
        SUITE_TEST(writes_all_or_nothing),
        SUITE_TEST(gives_serial_ids),
        SUITE_TEST(keeps_fields_unique),
        SUITE_TEST(numbers_many_in_order),
        SUITE_TEST(writes_many_with_others),
        SUITE_TEST(keeps_fields_of_many_unique),
        SUITE_TEST(keeps_the_order_of_a_document),
        SUITE_TEST(keeps_the_order_around_a_change),
        SUITE_TEST(lets_one_of_many_win),
        SUITE_TEST(fails_alone),
        SUITE_TEST(reads_see_what_was_written),
    };
    return cmocka_run_group_tests_name("writes", tests, NULL, NULL);
}
