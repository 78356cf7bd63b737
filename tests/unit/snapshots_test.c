/* Snapshots: one writer, several readers that check what they copy. Under TSan
 * this test is also the proof that no record is freed while it is read. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "domain/snapshots.h"

struct copy {
    char bytes[256];
    size_t len;
};

static void take_copy(void *arg, const void *bytes, size_t len)
{
    struct copy *c = arg;
    assert_true(len < sizeof c->bytes);
    memcpy(c->bytes, bytes, len);
    c->bytes[len] = '\0';
    c->len = len;
}

static void put_replace_delete(void **state)
{
    (void)state;
    struct snapshots *s = snapshots_new(1);
    struct copy c;
    assert_false(snapshots_read(s, 0, "a", take_copy, &c));
    snapshots_put(s, "a", "one", 3);
    snapshots_put(s, "a", "three", 5);
    assert_true(snapshots_read(s, 0, "a", take_copy, &c));
    assert_string_equal(c.bytes, "three");
    assert_int_equal(snapshots_count(s), 1);
    snapshots_del(s, "a");
    snapshots_del(s, "never there");
    assert_false(snapshots_read(s, 0, "a", take_copy, &c));
    assert_int_equal(snapshots_count(s), 0);
    assert_int_equal(snapshots_retired(s), 0);
    snapshots_free(s);
}

static void grows(void **state)
{
    (void)state;
    struct snapshots *s = snapshots_new(1);
    char id[32], text[32];
    struct copy c;
    for (int i = 0; i < 20000; i++) {
        snprintf(id, sizeof id, "id-%d", i);
        snprintf(text, sizeof text, "text-%d", i);
        snapshots_put(s, id, text, strlen(text));
    }
    for (int i = 0; i < 20000; i += 2) {
        snprintf(id, sizeof id, "id-%d", i);
        snapshots_del(s, id);
    }
    assert_int_equal(snapshots_count(s), 10000);
    for (int i = 0; i < 20000; i++) {
        snprintf(id, sizeof id, "id-%d", i);
        snprintf(text, sizeof text, "text-%d", i);
        assert_int_equal(snapshots_read(s, 0, id, take_copy, &c), i % 2);
        if (i % 2)
            assert_string_equal(c.bytes, text);
    }
    snapshots_free(s);
}

#define READERS 3
#define NAMES   64

struct race {
    struct snapshots *s;
    atomic_bool stop;
    atomic_uint next_reader;
    atomic_ulong reads;
};

static void check_copy(void *arg, const void *bytes, size_t len)
{
    const char *p = bytes; /* every record is one letter, repeated */
    for (size_t i = 1; i < len; i++) {
        if (p[i] != p[0])
            *(bool *)arg = true;
    }
}

static void *reader(void *arg)
{
    struct race *r = arg;
    unsigned me = atomic_fetch_add(&r->next_reader, 1);
    char id[16];
    bool torn = false;
    for (unsigned i = 0; !atomic_load(&r->stop); i++) {
        snprintf(id, sizeof id, "n%u", (i * 7 + me) % NAMES);
        if (snapshots_read(r->s, me, id, check_copy, &torn))
            atomic_fetch_add(&r->reads, 1);
    }
    return torn ? arg : NULL;
}

static void readers_never_see_torn_records(void **state)
{
    (void)state;
    struct race r = {.s = snapshots_new(READERS)};
    pthread_t threads[READERS];
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, &r), 0);
    char id[16], text[200];
    for (unsigned i = 0; i < 60000 || atomic_load(&r.reads) < 10000; i++) {
        snprintf(id, sizeof id, "n%u", i % NAMES);
        size_t len = 1 + i % sizeof text;
        memset(text, 'a' + (int)(i % 26), len);
        if (i % 5 == 0)
            snapshots_del(r.s, id);
        else
            snapshots_put(r.s, id, text, len);
        if (i % 50 == 0) { /* growth while they read */
            snprintf(id, sizeof id, "x%u", i);
            snapshots_put(r.s, id, text, len);
        }
    }
    atomic_store(&r.stop, true);
    for (int i = 0; i < READERS; i++) {
        void *torn;
        pthread_join(threads[i], &torn);
        assert_null(torn);
    }
    snapshots_put(r.s, "last", "x", 1);
    snapshots_put(r.s, "last", "y", 1);
    assert_int_equal(snapshots_retired(r.s), 0);
    snapshots_free(r.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_replace_delete),
        cmocka_unit_test(grows),
        cmocka_unit_test(readers_never_see_torn_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
