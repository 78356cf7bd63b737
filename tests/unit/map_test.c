/* map_test.c - base/map and base/list. */
#include "unit.h"

#include "base/list.h"
#include "base/map.h"

static void setting_getting_deleting(void **state)
{
    (void)state;
    struct map *m = map_new();
    int a, b;
    char key[] = "key";
    assert_null(map_get(m, "key"));
    assert_null(map_del(m, "key"));
    assert_null(map_set(m, key, &a));
    key[0] = 'x'; /* the map has a copy */
    assert_ptr_equal(map_get(m, "key"), &a);
    assert_null(map_get(m, "xey"));
    assert_ptr_equal(map_set(m, "key", &b), &a);
    assert_int_equal(map_len(m), 1);
    assert_null(map_set(m, "", &a));
    assert_ptr_equal(map_get(m, ""), &a);
    assert_ptr_equal(map_del(m, "key"), &b);
    assert_null(map_get(m, "key"));
    assert_int_equal(map_len(m), 1);
    map_free(m, NULL);
    map_free(NULL, NULL);
}

#define MANY 5000

static char *numbered(size_t i)
{
    static char key[32];
    snprintf(key, sizeof(key), "call-%zu", i);
    return key;
}

static void many(void **state)
{
    (void)state;
    static int values[MANY];
    struct map *m = map_new();
    for (size_t i = 0; i < MANY; i++)
        assert_null(map_set(m, numbered(i), &values[i]));
    assert_int_equal(map_len(m), MANY);
    for (size_t i = 0; i < MANY; i += 2)
        assert_ptr_equal(map_del(m, numbered(i)), &values[i]);
    assert_int_equal(map_len(m), MANY / 2);
    for (size_t i = 0; i < MANY; i++)
        assert_ptr_equal(map_get(m, numbered(i)), i % 2 ? &values[i] : NULL);
    map_free(m, NULL);
}

struct walk {
    struct map *m;
    unsigned seen[MANY];
    bool delete_odd;
};

static void visit(void *arg, const char *key, void *value)
{
    struct walk *w = arg;
    size_t i = (size_t)(uintptr_t)value - 1;
    assert_string_equal(key, numbered(i));
    w->seen[i]++;
    if (w->delete_odd && i % 2)
        assert_ptr_equal(map_del(w->m, key), value);
}

static void walking_and_deleting_on_the_way(void **state)
{
    (void)state;
    static struct walk w;
    w.m = map_new();
    for (size_t i = 0; i < MANY; i++)
        map_set(w.m, numbered(i), (void *)(uintptr_t)(i + 1));
    w.delete_odd = true;
    map_each(w.m, visit, &w);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(w.seen[i], 1);
    assert_int_equal(map_len(w.m), MANY / 2);
    w.delete_odd = false;
    map_each(w.m, visit, &w);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(w.seen[i], i % 2 ? 1 : 2);
    map_free(w.m, NULL);
}

static void freeing_the_values(void **state)
{
    (void)state;
    struct map *m = map_new();
    for (size_t i = 0; i < 50; i++)
        map_set(m, numbered(i), malloc(8)); /* a leak would be reported at exit */
    map_free(m, free);
}

struct item {
    int number;
    struct link link;
};

static void lists(void **state)
{
    (void)state;
    struct link head;
    struct item items[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    list_init(&head);
    assert_true(list_empty(&head));
    for (size_t i = 0; i < COUNT(items); i++)
        list_append(&head, &items[i].link);
    list_remove(&items[1].link);
    list_remove(&items[1].link); /* once more does no harm */
    assert_true(list_empty(&items[1].link));
    assert_int_equal(list_item(head.next, struct item, link)->number, 1);
    assert_int_equal(list_item(head.prev, struct item, link)->number, 3);
    assert_ptr_equal(head.next->next, head.prev);
    list_append(&head, &items[1].link);
    assert_int_equal(list_item(head.prev, struct item, link)->number, 2);
    while (!list_empty(&head))
        list_remove(head.next);
    assert_ptr_equal(head.prev, &head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_getting_deleting),
        cmocka_unit_test(many),
        cmocka_unit_test(walking_and_deleting_on_the_way),
        cmocka_unit_test(freeing_the_values),
        cmocka_unit_test(lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
