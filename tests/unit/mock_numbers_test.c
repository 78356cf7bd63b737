/* Mock numbers of two gateways on one store, the limits, and readers beside the writer. */
#include <pthread.h>
#include <stdatomic.h>

#include <uv.h>

#include "unit.h"

#include "base/clock.h"
#include "base/phone.h"
#include "domain/mock_numbers.h"
#include "memory_store.h"

struct bed {
    struct world *w;
    struct mock_numbers *m, *other;
    struct mock_answer answer;
    bool done;
};

static struct mock_numbers *gateway(struct bed *b, bool stored, unsigned readers)
{
    const struct mock_numbers_config config = {.loop = b->w->loop,
                                               .store = b->w->store,
                                               .stored = stored,
                                               .readers = readers,
                                               .settings = {60000, 1000}};
    return mock_numbers_new(&config);
}

static void load(struct bed *b, struct mock_numbers *m)
{
    mock_numbers_load(m, world_done, b->w);
    world_wait(b->w, &b->w->done);
}

static int set_up(void **state)
{
    struct bed *b = xcalloc(1, sizeof *b);
    b->w = world_new();
    b->m = gateway(b, true, 1);
    load(b, b->m);
    *state = b;
    return 0;
}

static void close_one(struct bed *b, struct mock_numbers *m)
{
    mock_numbers_close(m, world_done, b->w);
    world_wait(b->w, &b->w->done);
}

static int tear_down(void **state)
{
    struct bed *b = *state;
    close_one(b, b->m);
    if (b->other)
        close_one(b, b->other);
    world_free(b->w);
    free(b);
    return 0;
}

static void on_answer(void *arg, const struct mock_answer *answer)
{
    struct bed *b = arg;
    b->answer = *answer;
    b->done = true;
}

static void add(struct bed *b, struct mock_numbers *m, const char *text)
{
    struct mock_item item;
    mock_item_read(text, &item);
    mock_numbers_add(m, &item, 1, on_answer, b);
    world_wait(b->w, &b->done);
}

static void clear(struct bed *b, struct mock_numbers *m)
{
    mock_numbers_clear(m, on_answer, b);
    world_wait(b->w, &b->done);
}

static bool has(struct mock_numbers *m, const char *number)
{
    struct mock_range range;
    return mock_numbers_find(m, 0, phone_key(number), &range);
}

static void turn(struct bed *b, struct mock_numbers *m, const char *number, bool wanted)
{
    uint64_t until = clock_ms() + 10000;
    while (has(m, number) != wanted && clock_ms() < until)
        uv_run(loop_uv(b->w->loop), UV_RUN_ONCE);
    assert_int_equal(has(m, number), wanted);
}

/* ---- One gateway ------------------------------------------------------------------------- */

static void added_removed_cleared(void **state)
{
    struct bed *b = *state;
    assert_false(has(b->m, "5550100"));
    add(b, b->m, "5550100:5550109");
    assert_int_equal(b->answer.err, DG_OK);
    assert_int_equal(b->answer.lifetime_ms, 60000);
    assert_true(has(b->m, "1 555 0105"));
    assert_false(has(b->m, "5550110"));
    assert_false(has(b->m, ""));
    mock_numbers_remove(b->m, phone_key("5550105"), on_answer, b);
    world_wait(b->w, &b->done);
    assert_int_equal(b->answer.count, 1);
    assert_false(has(b->m, "5550105"));
    assert_true(has(b->m, "5550104") && has(b->m, "5550106"));
    clear(b, b->m);
    assert_int_equal(b->answer.count, 9);
    assert_false(has(b->m, "5550104"));
}

static void removing_nothing_writes_nothing(void **state)
{
    struct bed *b = *state;
    size_t writes = b->w->memory->writes;
    mock_numbers_remove(b->m, phone_key("5550105"), on_answer, b);
    world_wait(b->w, &b->done);
    assert_int_equal(b->answer.err, DG_OK);
    assert_int_equal(b->answer.count, 0);
    mock_numbers_remove(b->m, 0, on_answer, b);
    world_wait(b->w, &b->done);
    assert_int_equal(b->w->memory->writes, writes);
}

static void too_many(void **state)
{
    struct bed *b = *state;
    add(b, b->m, "5550000:5550999");
    assert_int_equal(b->answer.err, DG_OK);
    add(b, b->m, "5551000");
    assert_int_equal(b->answer.err, DG_ELIMIT);
    assert_true(b->answer.retry_s >= 1 && b->answer.retry_s <= 60);
    assert_false(has(b->m, "5551000"));
    add(b, b->m, "5550100:5550999");
    assert_int_equal(b->answer.err, DG_OK);
}

static void what_the_store_refuses_does_not_count(void **state)
{
    struct bed *b = *state;
    b->w->memory->fail_writes = DG_EUNAVAILABLE;
    add(b, b->m, "5550100");
    assert_int_equal(b->answer.err, DG_EUNAVAILABLE);
    assert_false(has(b->m, "5550100"));
    b->w->memory->fail_writes = DG_OK;
    add(b, b->m, "5550100");
    assert_true(has(b->m, "5550100"));
}

static void expires(void **state)
{
    struct bed *b = *state;
    struct mock_settings short_life = {.lifetime_ms = 300, .max_numbers = 1000};
    mock_numbers_set(b->m, &short_life);
    assert_int_equal(mock_numbers_lifetime(b->m), 300);
    add(b, b->m, "5550100");
    assert_true(has(b->m, "5550100"));
    turn(b, b->m, "5550100", false);
    clear(b, b->m);
    assert_int_equal(b->answer.count, 0);
}

/* ---- Two gateways --------------------------------------------------------------------------- */

static void gateways_agree(void **state)
{
    struct bed *b = *state;
    add(b, b->m, "5550100:5550109");
    b->other = gateway(b, true, 1);
    load(b, b->other);
    assert_true(has(b->other, "5550105")); /* from the start */
    add(b, b->other, "5550200");
    turn(b, b->m, "5550200", true);
    mock_numbers_remove(b->m, phone_key("5550105"), on_answer, b);
    world_wait(b->w, &b->done);
    turn(b, b->other, "5550105", false);
    assert_true(has(b->other, "5550104") && has(b->other, "5550200"));
    clear(b, b->other);
    assert_int_equal(b->answer.count, 10);
    turn(b, b->m, "5550104", false);
    add(b, b->m, "5550104");
    turn(b, b->other, "5550104", true);
}

static void on_their_own(void **state)
{
    struct bed *b = *state;
    b->other = gateway(b, false, 1);
    load(b, b->other);
    size_t writes = b->w->memory->writes;
    add(b, b->other, "5550100");
    assert_true(has(b->other, "5550100"));
    assert_false(has(b->m, "5550100"));
    clear(b, b->other);
    assert_int_equal(b->answer.count, 1);
    assert_int_equal(b->w->memory->writes, writes);
}

static void unreadable_changes_are_passed_over(void **state)
{
    struct bed *b = *state;
    static const char *const wrong[] = {
        "{}", "{\"kind\":\"add\",\"ranges\":[[1,2]],\"expires_at\":9999999999999}",
        "{\"kind\":\"add\",\"ranges\":[[80000000,80000001,7,0]],\"expires_at\":9999999999999}",
        "{\"kind\":\"buy\",\"ranges\":[]}", "[]"};
    for (size_t i = 0; i < COUNT(wrong); i++)
        memory_put(b->w->memory, COLLECTION_MOCK_NUMBERS, wrong[i],
                   (struct dg_bytes){wrong[i], strlen(wrong[i])});
    add(b, b->m, "5550100");
    b->other = gateway(b, true, 1);
    load(b, b->other);
    assert_true(has(b->other, "5550100"));
}

/* ---- Readers beside the writer ------------------------------------------------------------------
 */

struct race {
    struct mock_numbers *m;
    atomic_bool stop;
    atomic_uint next_reader, wrong;
};

static void count_range(void *arg, const struct mock_range *r)
{
    *(size_t *)arg += r->last - r->first + 1;
}

/* Either all of the range is there or none of it, but for what comes and goes. */
static void *read_all_the_time(void *arg)
{
    struct race *r = arg;
    unsigned me = atomic_fetch_add(&r->next_reader, 1);
    while (!atomic_load(&r->stop)) {
        struct mock_range range;
        size_t count = 0;
        if (!mock_numbers_find(r->m, me, phone_key("5550900"), &range) ||
            range.expires_ms <= range.added_ms)
            atomic_fetch_add(&r->wrong, 1);
        mock_numbers_each(r->m, me, count_range, &count);
        if (count != 1 && count != 101)
            atomic_fetch_add(&r->wrong, 1);
    }
    return NULL;
}

static void readers_see_whole_sets(void **state)
{
    struct bed *b = *state;
    pthread_t threads[2];
    b->other = gateway(b, false, 2);
    load(b, b->other);
    struct race r = {.m = b->other};
    struct mock_item many, one;
    mock_item_read("5550000:5550099", &many);
    mock_item_read("5550900", &one);
    mock_numbers_add(b->other, &one, 1, on_answer, b);
    world_wait(b->w, &b->done);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, read_all_the_time, &r);
    for (int i = 0; i < 300; i++) {
        struct mock_item both[] = {one, many};
        mock_numbers_add(b->other, both, 2, on_answer, b);
        world_wait(b->w, &b->done);
    }
    atomic_store(&r.stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&r.wrong), 0);
}

#define ON_BED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BED(added_removed_cleared),
        ON_BED(removing_nothing_writes_nothing),
        ON_BED(too_many),
        ON_BED(what_the_store_refuses_does_not_count),
        ON_BED(expires),
        ON_BED(gateways_agree),
        ON_BED(on_their_own),
        ON_BED(unreadable_changes_are_passed_over),
        ON_BED(readers_see_whole_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
