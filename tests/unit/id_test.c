/* id_test.c - base/id: order across threads, randomness, forks. */
#include "unit.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"

static uint64_t unix_ms_of(const char *id)
{
    char digits[13] = "";
    memcpy(digits, id, 8);
    memcpy(digits + 8, id + 9, 4);
    return strtoull(digits, NULL, 16);
}

static void form(void **state)
{
    (void)state;
    char id[ID_SIZE];
    for (int i = 0; i < 1000; i++) {
        id_uuid7(id);
        assert_true(id_is_uuid(id));
        assert_int_equal(id[14], '7');
        assert_non_null(strchr("89ab", id[19]));
        id_uuid4(id);
        assert_true(id_is_uuid(id));
        assert_int_equal(id[14], '4');
        assert_non_null(strchr("89ab", id[19]));
    }
}

static void recognising(void **state)
{
    (void)state;
    static const char *const good[] = {"01890a5d-ac96-774b-bcce-b302099a8057",
                                       "01890A5D-AC96-774B-BCCE-B302099A8057",
                                       "00000000-0000-0000-0000-000000000000"};
    static const char *const bad[] = {"",
                                      "01890a5d-ac96-774b-bcce-b302099a805",
                                      "01890a5d-ac96-774b-bcce-b302099a80570",
                                      "01890a5dac96-774b-bcce-b302099a80577-",
                                      "01890a5g-ac96-774b-bcce-b302099a8057",
                                      "01890a5d_ac96_774b_bcce_b302099a8057",
                                      "01890a5d-ac96-774b-bcce-b302099a805\n",
                                      "{1890a5d-ac96-774b-bcce-b302099a805}"};
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(id_is_uuid(good[i]));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(id_is_uuid(bad[i]));
    assert_false(id_is_uuid(NULL));
}

static void holds_the_time(void **state)
{
    (void)state;
    char id[ID_SIZE];
    int64_t before = clock_unix_ms();
    id_uuid7(id);
    int64_t behind = (int64_t)unix_ms_of(id) - before;
    assert_true(behind >= 0 && behind < 1000);
}

/* More in one millisecond than the counter has numbers, and a clock set back. */
static void rises_while_the_clock_does_not(void **state)
{
    (void)state;
    char last[ID_SIZE], id[ID_SIZE];
    int64_t now = clock_unix_ms() + 1000;
    id_uuid7(last);
    clock_fake(0, now);
    for (int i = 0; i < 10000; i++) {
        id_uuid7(id);
        assert_true(strcmp(last, id) < 0);
        memcpy(last, id, sizeof(id));
    }
    assert_true(unix_ms_of(id) - (uint64_t)now <= 4);
    clock_fake(0, now - 3600000);
    for (int i = 0; i < 100; i++) {
        id_uuid7(id);
        assert_true(strcmp(last, id) < 0);
        memcpy(last, id, sizeof(id));
    }
    clock_fake(0, -5);
    id_uuid7(id);
    assert_true(strcmp(last, id) < 0);
    clock_real();
}

#define PER_THREAD 20000
#define THREADS    4

static char ids[THREADS][PER_THREAD][ID_SIZE];

static void *make_ids(void *arg)
{
    char(*mine)[ID_SIZE] = arg;
    for (int i = 0; i < PER_THREAD; i++)
        id_uuid7(mine[i]);
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void threads_get_different_ids_in_order(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_ids, ids[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int t = 0; t < THREADS; t++)
        for (int i = 1; i < PER_THREAD; i++)
            assert_true(strcmp(ids[t][i - 1], ids[t][i]) < 0);

    /* The first 15 digits, time and counter, are unlike in any two. */
    qsort(ids, THREADS * PER_THREAD, ID_SIZE, by_text);
    char(*all)[ID_SIZE] = ids[0];
    for (int i = 1; i < THREADS * PER_THREAD; i++)
        assert_memory_not_equal(all[i - 1], all[i], 18);
}

/* Each of the random bits is set in about half of the ids. */
static void random_bits_are_random(void **state)
{
    (void)state;
    enum { N = 4000 };
    unsigned set[64] = {0};
    for (int i = 0; i < N; i++) {
        char id[ID_SIZE], digits[17] = "";
        id_uuid7(id);
        memcpy(digits, id + 19, 4);
        memcpy(digits + 4, id + 24, 12);
        uint64_t bits = strtoull(digits, NULL, 16);
        for (int b = 0; b < 64; b++)
            set[b] += bits >> b & 1;
    }
    for (int b = 0; b < 62; b++)
        assert_in_range(set[b], N / 2 - 400, N / 2 + 400); /* 12 standard deviations */
    assert_int_equal(set[62], 0);
    assert_int_equal(set[63], N);
}

static void a_forked_child_draws_its_own(void **state)
{
    (void)state;
    char mine[ID_SIZE], childs[ID_SIZE];
    int pipes[2];
    id_uuid4(mine); /* there is a stock now, which the child inherits */
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        id_uuid4(childs);
        _exit(write(pipes[1], childs, ID_SIZE) == ID_SIZE ? 0 : 1);
    }
    id_uuid4(mine);
    assert_int_equal(read(pipes[0], childs, ID_SIZE), ID_SIZE);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(pipes[0]);
    close(pipes[1]);
    assert_true(id_is_uuid(childs));
    assert_string_not_equal(mine, childs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(form),
        cmocka_unit_test(recognising),
        cmocka_unit_test(holds_the_time),
        cmocka_unit_test(threads_get_different_ids_in_order),
        cmocka_unit_test(random_bits_are_random),
        cmocka_unit_test(a_forked_child_draws_its_own),
        cmocka_unit_test(rises_while_the_clock_does_not), /* last: it leaves the time ahead */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
