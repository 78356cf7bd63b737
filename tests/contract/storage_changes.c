/* storage_changes.c - the contract: change, take, and the store's clock. */
#include "storage_suite.h"

#include "base/clock.h"

#define BYTES(text)                                                                                \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

static void fill(struct rig *r, int count)
{
    struct dg_write list[200];
    char docs[200][96];
    suite_clear(r, NUMBERED);
    assert_true(count <= 200);
    for (int i = 0; i < count; i++) {
        snprintf(docs[i], sizeof(docs[i]),
                 "{\"state\":\"%s\",\"due\":%d,\"tries\":%d,\"extra\":[1.5]}",
                 i % 2 ? "idle" : "ready", 1000 - i, i);
        list[i] = suite_write(NUMBERED, NULL, docs[i], DG_VERSION_ANY);
    }
    assert_ok(rig_write(r, list, (size_t)count));
}

static void changes_what_matches(void **state)
{
    struct rig *r = *state;
    struct dg_where where = {.field = "state", .compare = DG_EQ, .value = "ready"};
    struct dg_change change = {
        .collection = NUMBERED,
        .where = &where,
        .where_count = 1,
        .set = BYTES("{\"state\":\"\xc3\xbc \\\"x\\\"\",\"due\":null,\"tries\":-1}")};
    fill(r, 10);
    struct answer *a = rig_change(r, &change);
    assert_ok(a);
    assert_int_equal(a->changed, 5);
    assert_int_equal(rig_change(r, &change)->changed, 0);
    where = (struct dg_where){.field = "tries", .compare = DG_EQ, .value = "-1"};
    a = rig_query(r, &(struct dg_query){.collection = NUMBERED, .where = &where, .where_count = 1});
    assert_int_equal(a->count, 5);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->docs[i].version, 2);
        assert_true(suite_same_json(a->docs[i].json,
                                    "{\"state\":\"\xc3\xbc \\\"x\\\"\",\"due\":null,\"tries\":-1,"
                                    "\"extra\":[1.5]}"));
    }
    where = (struct dg_where){.field = "state", .compare = DG_EQ, .value = "idle"};
    a = rig_query(r, &(struct dg_query){.collection = NUMBERED, .where = &where, .where_count = 1});
    assert_int_equal(a->count, 5);
    assert_int_equal(a->docs[0].version, 1);
    /* Without `set` they go; without conditions it is all. */
    change.set = (struct dg_bytes){0};
    assert_int_equal(rig_change(r, &change)->changed, 5);
    assert_int_equal(suite_count(r, NUMBERED), 5);
    change.where_count = 0;
    change.set = (struct dg_bytes)BYTES("{}");
    assert_int_equal(rig_change(r, &change)->changed, 5);
}

static void changes_nothing_when_refused(void **state)
{
    static const struct dg_bytes wrong[] = {
        BYTES("{\"unknown\":1}"),
        BYTES("{\"tries\":\"1\"}"),
        BYTES("{\"state\":1}"),
        BYTES("{\"due\":\"soon\"}"),
        BYTES("[]"),
        BYTES("{"),
        BYTES(""),
        BYTES("{\"id\":5}"),
    };
    struct rig *r = *state;
    fill(r, 4);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_err(rig_change(r, &(struct dg_change){.collection = NUMBERED, .set = wrong[i]}),
                   DG_EINVAL);
        assert_err(rig_take(r, &(struct dg_take){.from = {.collection = NUMBERED, .limit = 1},
                                                 .set = wrong[i]}),
                   DG_EINVAL);
    }
    /* The second of them would have the label of the first. */
    struct dg_change same = {.collection = NUMBERED, .set = BYTES("{\"label\":\"same\"}")};
    assert_err(rig_change(r, &same), DG_ECONFLICT);
    struct dg_where where = {.field = "label", .compare = DG_IS_NULL};
    struct answer *a =
        rig_query(r, &(struct dg_query){.collection = NUMBERED, .where = &where, .where_count = 1});
    assert_int_equal(a->count, 4);
    assert_int_equal(a->docs[0].version, 1);
    struct dg_take take = {.from = {.collection = NUMBERED, .limit = 2}, .set = same.set};
    assert_err(rig_take(r, &take), DG_ECONFLICT);
    assert_int_equal(
        rig_query(r, &(struct dg_query){.collection = NUMBERED, .where = &where, .where_count = 1})
            ->count,
        4);
}

static void takes_in_order(void **state)
{
    struct rig *r = *state;
    struct dg_where where = {.field = "state", .compare = DG_EQ, .value = "ready"};
    struct dg_take take = {.from = {.collection = NUMBERED,
                                    .where = &where,
                                    .where_count = 1,
                                    .order_by = "due",
                                    .limit = 3},
                           .set = BYTES("{\"state\":\"taken\",\"label\":null}")};
    fill(r, 10);
    struct answer *a = rig_take(r, &take);
    assert_ok(a);
    assert_int_equal(a->count, 3);
    for (int i = 0; i < 3; i++) {
        char json[96];
        snprintf(json, sizeof(json),
                 "{\"state\":\"taken\",\"due\":%d,\"tries\":%d,\"extra\":[1.5],\"label\":null}",
                 992 + 2 * i, 8 - 2 * i);
        assert_int_equal(a->docs[i].version, 2);
        assert_true(suite_same_json(a->docs[i].json, json));
        suite_check(r, NUMBERED, a->docs[i].id, 2, json);
    }
    a = rig_take(r, &take);
    assert_ok(a);
    assert_int_equal(a->count, 2);
    assert_int_equal(suite_member(&a->docs[0], "tries"), 2);
    assert_int_equal(suite_member(&a->docs[1], "tries"), 0);
    a = rig_take(r, &take);
    assert_ok(a);
    assert_int_equal(a->count, 0);
    /* Written back, it can be taken again. */
    struct dg_where taken = {.field = "state", .compare = DG_EQ, .value = "taken"};
    struct dg_change back = {.collection = NUMBERED,
                             .where = &taken,
                             .where_count = 1,
                             .set = BYTES("{\"state\":\"ready\"}")};
    assert_int_equal(rig_change(r, &back)->changed, 5);
    assert_int_equal(rig_take(r, &take)->count, 3);
}

static void takes_for_one_only(void **state)
{
    enum { TAKES = 40, EACH = 5, DOCS = 150 };
    struct rig *r = *state;
    struct dg_take take = {.from = {.collection = NUMBERED, .limit = EACH, .order_by = "tries"},
                           .set = BYTES("{\"state\":\"taken\"}")};
    struct dg_where where = {.field = "state", .compare = DG_NE, .value = "taken"};
    take.from.where = &where;
    take.from.where_count = 1;
    struct answer *all[TAKES];
    bool seen[DOCS] = {false};
    size_t total = 0;
    fill(r, DOCS);
    for (int i = 0; i < TAKES; i++)
        all[i] = rig_take_start(r, &take);
    for (int i = 0; i < TAKES; i++) {
        assert_ok(rig_wait(r, all[i]));
        for (size_t k = 0; k < all[i]->count; k++) {
            int64_t which = suite_member(&all[i]->docs[k], "tries");
            assert_in_range(which, 0, DOCS - 1);
            assert_false(seen[which]);
            seen[which] = true;
        }
        total += all[i]->count;
    }
    assert_int_equal(total, DOCS);
}

/* The store's clock stands for "@now": in what is set, and in what is asked. */
static void knows_the_time(void **state)
{
    struct rig *r = *state;
    suite_clear(r, NUMBERED);
    struct answer *a = suite_put(r, NUMBERED, NULL, "{\"state\":\"@now\"}", DG_VERSION_ANY);
    assert_ok(a);
    const char *id = a->ids[0];
    /* The store may stand on another machine: its clock may be a little off. */
    int64_t now = clock_unix_ms(), slack = 60000;
    struct dg_take take = {.from = {.collection = NUMBERED},
                           .set = BYTES("{\"due\":\"@now+600000\",\"state\":\"@now\"}")};
    a = rig_take(r, &take);
    assert_ok(a);
    assert_int_equal(a->count, 1);
    int64_t due = suite_member(&a->docs[0], "due");
    assert_in_range(due, now + 600000 - slack, now + 600000 + slack);
    struct dg_where where = {.field = "due", .compare = DG_LE, .value = "@now"};
    struct dg_query q = {.collection = NUMBERED, .where = &where, .where_count = 1};
    assert_int_equal(rig_query(r, &q)->count, 0);
    where.value = "@now+500000";
    assert_int_equal(rig_query(r, &q)->count, 0);
    where.value = "@now+700000";
    assert_int_equal(rig_query(r, &q)->count, 1);
    struct dg_change change = {.collection = NUMBERED, .set = BYTES("{\"due\":\"@now-5000\"}")};
    assert_int_equal(rig_change(r, &change)->changed, 1);
    where.value = "@now";
    assert_int_equal(rig_query(r, &q)->count, 1);
    /* In a text field it is a text like any other. */
    where = (struct dg_where){.field = "state", .compare = DG_EQ, .value = "@now"};
    assert_string_equal(suite_ids(rig_query(r, &q)), id);
}

int storage_changes(struct rig *r)
{
    const struct CMUnitTest tests[] = {
        SUITE_TEST(changes_what_matches), SUITE_TEST(changes_nothing_when_refused),
        SUITE_TEST(takes_in_order),       SUITE_TEST(takes_for_one_only),
        SUITE_TEST(knows_the_time),
    };
    return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
