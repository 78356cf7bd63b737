/* What a client's items stand for, and sets of numbers against a plain table of all of them. */
#include "unit.h"

#include "base/mem.h"
#include "base/phone.h"
#include "domain/mock_ranges.h"

static const struct {
    const char *text;
    unsigned digits;
    uint64_t from, count;
} items[] = {
    {"1234567890", 10, 1234567890, 1},
    {"+1 (555) 555-0100", 11, 15555550100, 1},
    {"555-0100:555-0199", 7, 5550100, 100},
    {"19025800000:19025809999", 11, 19025800000, 10000},
    {"0005:0007", 4, 5, 3},
    {"7:7", 1, 7, 1},
    {"12:3456", 6, 123456, 1}, /* of unequal length: the digits of both */
    {":5550100", 7, 5550100, 1},
    {"5550100:", 7, 5550100, 1},
    {"5550199:5550100", 7, 5550199, 0}, /* descending */
    {"", 0, 0, 0},
    {":", 0, 0, 0},
    {"abc", 0, 0, 0},
    {"a:b", 0, 0, 0},
    {"999999999999999999", 18, 999999999999999999, 1},
    {"000000000000000000:999999999999999999", 18, 0, 1000000000000000000},
};

static void items_of_clients(void **state)
{
    (void)state;
    struct mock_item item;
    for (size_t i = 0; i < COUNT(items); i++) {
        assert_int_equal(mock_item_read(items[i].text, &item), MOCK_ITEM_FINE);
        assert_int_equal(item.digits, items[i].digits);
        assert_int_equal(mock_item_count(&item), items[i].count);
        if (items[i].count)
            assert_int_equal(item.from, items[i].from);
    }
    mock_item_read("12:3456", &item);
    assert_true(item.joined);
    mock_item_read("12:34", &item);
    assert_false(item.joined);
    assert_int_equal(mock_item_read("1:2:3", &item), MOCK_ITEM_COLONS);
    assert_int_equal(mock_item_read("1::2", &item), MOCK_ITEM_COLONS);
    assert_int_equal(mock_item_read("1234567890123456789", &item), MOCK_ITEM_LONG);
    assert_int_equal(mock_item_read("1234567890:123456789", &item), MOCK_ITEM_LONG);
    assert_int_equal(mock_item_read("1234567890123456789:1234567890123456789", &item),
                     MOCK_ITEM_LONG);
}

/* ---- Sets ------------------------------------------------------------------------------- */

static struct mock_ranges set_of(const char *text, int64_t added_ms)
{
    struct mock_ranges r = {0};
    struct mock_item item;
    mock_item_read(text, &item);
    mock_ranges_append(&r, &item, added_ms, added_ms + 1000);
    mock_ranges_sort(&r);
    return r;
}

static void expect_number(const struct mock_ranges *r, const char *asked, const char *wanted)
{
    char number[MOCK_NUMBER_SIZE] = "";
    uint32_t key = phone_key(asked);
    const struct mock_range *range = mock_ranges_find(r->list, r->count, key, 0);
    if (range)
        mock_range_number(range, key, number);
    assert_string_equal(number, wanted);
}

static void originals(void **state)
{
    (void)state;
    struct mock_ranges r = set_of("19019999998:19020000001", 1);
    assert_int_equal(mock_ranges_numbers(&r), 4);
    expect_number(&r, "9999997", "");
    expect_number(&r, "9999998", "19019999998");
    expect_number(&r, "5559999999", "19019999999");
    expect_number(&r, "0000000", "19020000000");
    expect_number(&r, "0000001", "19020000001");
    expect_number(&r, "0000002", "");
    mock_ranges_free(&r);
    r = set_of("0010000007", 1);
    expect_number(&r, "0000007", "0010000007");
    mock_ranges_free(&r);
    r = set_of("0098:0101", 1);
    expect_number(&r, "0099", "0099");
    expect_number(&r, "99", "");
    mock_ranges_free(&r);
    r = set_of("999999999999999999", 1);
    expect_number(&r, "9999999", "999999999999999999");
    mock_ranges_free(&r);
}

static void neighbours_become_one(void **state)
{
    (void)state;
    struct mock_ranges r = {0};
    struct mock_item item;
    for (int i = 9; i >= 0; i--) {
        char text[20];
        snprintf(text, sizeof text, "555010%d", i);
        mock_item_read(text, &item);
        mock_ranges_append(&r, &item, 1, 2);
        mock_ranges_append(&r, &item, 1, 2); /* twice is once */
    }
    mock_ranges_sort(&r);
    assert_int_equal(r.count, 1);
    assert_int_equal(mock_ranges_numbers(&r), 10);
    mock_ranges_free(&r);
    /* 999999 and 0000000 stand side by side, but have not the same length. */
    mock_item_read("999999", &item);
    mock_ranges_append(&r, &item, 1, 2);
    mock_item_read("0000000", &item);
    mock_ranges_append(&r, &item, 1, 2);
    mock_ranges_sort(&r);
    assert_int_equal(r.count, 2);
    mock_ranges_free(&r);
}

static void expired(void **state)
{
    (void)state;
    struct mock_ranges r = set_of("5550100", 5), none = {0};
    assert_non_null(mock_ranges_find(r.list, r.count, phone_key("5550100"), 1004));
    assert_null(mock_ranges_find(r.list, r.count, phone_key("5550100"), 1005));
    struct mock_ranges kept = mock_ranges_combine(&r, &none, NULL, 1004);
    struct mock_ranges gone = mock_ranges_combine(&r, &none, NULL, 1005);
    assert_int_equal(kept.count, 1);
    assert_int_equal(gone.count, 0);
    assert_null(mock_ranges_find(NULL, 0, phone_key("5550100"), 0));
    mock_ranges_free(&r);
    mock_ranges_free(&kept);
    mock_ranges_free(&gone);
}

/* ---- Against a table ------------------------------------------------------------------------ */

#define NUMBERS 60

static unsigned next(unsigned *seed, unsigned below)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % below;
}

static void random_sets(void **state)
{
    (void)state;
    unsigned seed = 7;
    for (int round = 0; round < 300; round++) {
        int64_t table[NUMBERS] = {0};
        struct mock_ranges all = {0};
        for (int64_t step = 1; step < 30; step++) {
            struct mock_ranges some = {0};
            bool takes_away = next(&seed, 3) == 0;
            for (unsigned n = next(&seed, 4); n; n--) {
                char text[40];
                unsigned from = next(&seed, NUMBERS), to = from + next(&seed, NUMBERS - from);
                struct mock_item item;
                snprintf(text, sizeof text, "55501%02u:55501%02u", from, to);
                mock_item_read(text, &item);
                mock_ranges_append(&some, &item, step, 1000);
                for (unsigned i = from; i <= to; i++)
                    table[i] = takes_away ? 0 : step;
            }
            mock_ranges_sort(&some);
            struct mock_ranges after =
                mock_ranges_combine(&all, &some, takes_away ? NULL : &some, 0);
            mock_ranges_free(&all);
            mock_ranges_free(&some);
            all = after;
        }
        for (unsigned i = 0; i < NUMBERS; i++) {
            const struct mock_range *r =
                mock_ranges_find(all.list, all.count, phone_key("5550100") + i, 0);
            assert_int_equal(r ? r->added_ms : 0, table[i]);
        }
        mock_ranges_free(&all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_of_clients),      cmocka_unit_test(originals),
        cmocka_unit_test(neighbours_become_one), cmocka_unit_test(expired),
        cmocka_unit_test(random_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
