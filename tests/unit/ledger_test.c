/* ledger_test.c - domain/ledger over a store in memory: counts that are always
 * those of the numbers, whoever interferes and whatever stays unanswered. */
#include "memory_store.h"

#include "domain/ledger.h"

#define CAMPAIGN "7"

struct bed {
    struct world *world;
    struct ledger *ledger;
};

struct told {
    unsigned count;
    enum dg_err err;
};

static void on_told(void *arg, const struct ledger_result *result)
{
    struct told *t = arg;
    t->count++;
    t->err = result->err;
}

static int set_up(void **state)
{
    struct bed *b = xcalloc(1, sizeof *b);
    struct campaign_counts none = {0};
    struct buf json;
    buf_init(&json, BUF_MAX);
    campaign_counts_write(&none, &json);
    b->world = world_new();
    b->ledger = ledger_new(b->world->store, b->world->loop, b->world->metrics);
    memory_put(b->world->memory, COLLECTION_CAMPAIGN_COUNTS, CAMPAIGN,
               (struct dg_bytes){json.ptr, json.len});
    buf_free(&json);
    *state = b;
    return 0;
}

static void on_drained(void *arg)
{
    ((struct world *)arg)->done = true;
}

static int tear_down(void **state)
{
    struct bed *b = *state;
    struct world *w = b->world;
    store_free(w->store);
    w->store = NULL;
    ledger_free(b->ledger);
    w->store = store_new(&(struct store_config){.loop = w->loop, .instance = w->instance});
    world_free(w);
    free(b);
    return 0;
}

static void drain(struct bed *b)
{
    ledger_drain(b->ledger, 20000, on_drained, b->world);
    world_wait(b->world, &b->world->done);
}

/* ---- Numbers ------------------------------------------------------------------------- */

static struct number fresh(const char *phone)
{
    return (struct number){
        .campaign_id = 7, .phone_number = (char *)phone, .status = NUMBER_PENDING};
}

static void write_one(struct bed *b, const struct number *before, const struct number *after,
                      bool kept, struct told *told)
{
    const struct ledger_entry entry = {before, after};
    const struct ledger_change change = {
        .campaign = 7, .entries = &entry, .count = 1, .kept = kept};
    ledger_write(b->ledger, &change, on_told, told);
}

static struct number stored(struct bed *b, const char *id)
{
    struct number n;
    const struct memory_doc *doc = memory_find(b->world->memory, COLLECTION_NUMBERS, id);
    assert_non_null(doc);
    const struct dg_doc found = {
        DG_SIZED(struct dg_doc), doc->id, doc->version, {doc->json, strlen(doc->json)}};
    assert_true(number_of_doc(&n, &found));
    return n;
}

static void add(struct bed *b, const char *phone)
{
    struct told told = {0};
    const struct number n = fresh(phone);
    write_one(b, NULL, &n, false, &told);
    drain(b);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.err, DG_OK);
}

static struct campaign_counts said(struct bed *b)
{
    struct campaign_counts counts;
    const struct memory_doc *doc =
        memory_find(b->world->memory, COLLECTION_CAMPAIGN_COUNTS, CAMPAIGN);
    json_t *json = json_parse(doc->json, strlen(doc->json), 8, NULL);
    assert_true(campaign_counts_read(&counts, json));
    json_decref(json);
    return counts;
}

/* What the counts say is what is there. */
static void check(struct bed *b)
{
    struct campaign_counts there = {0}, counts = said(b);
    const struct memory *m = b->world->memory;
    for (size_t i = 0; i < m->count; i++) {
        if (!str_eq(m->docs[i].collection, COLLECTION_NUMBERS))
            continue;
        struct number n = stored(b, m->docs[i].id);
        there.numbers[n.status]++;
        number_clear(&n);
    }
    for (size_t i = 0; i < NUMBER_STATUSES; i++)
        assert_int_equal(counts.numbers[i], there.numbers[i]);
}

/* ---- Tests --------------------------------------------------------------------------- */

static void together_in_one_batch(void **state)
{
    struct bed *b = *state;
    struct told told = {0};
    const unsigned before = (unsigned)b->world->memory->writes;
    for (int i = 0; i < 50; i++) {
        const struct number n = fresh("100");
        write_one(b, NULL, &n, false, &told);
    }
    drain(b);
    assert_int_equal(told.count, 50);
    assert_int_equal(b->world->memory->writes - before, 1);
    assert_int_equal(said(b).numbers[NUMBER_PENDING], 50);
    check(b);
}

static void from_status_to_status(void **state)
{
    struct bed *b = *state;
    struct told told = {0};
    struct store_batch also;
    add(b, "100");
    struct number before = stored(b, "1"), after;
    number_copy(&after, &before);
    after.status = NUMBER_COMPLETED;
    store_batch_init(&also);
    store_batch_put(&also, COLLECTION_CDR, "c1", (struct dg_bytes){"{}", 2}, DG_VERSION_ANY);
    const struct ledger_entry entry = {&before, &after};
    const struct ledger_change change = {
        .campaign = 7, .entries = &entry, .count = 1, .calls = 1, .answered = 1, .also = &also};
    ledger_write(b->ledger, &change, on_told, &told);
    assert_int_equal(also.count, 0);
    drain(b);
    assert_int_equal(told.err, DG_OK);
    assert_non_null(memory_find(b->world->memory, COLLECTION_CDR, "c1"));
    assert_int_equal(said(b).numbers[NUMBER_PENDING], 0);
    assert_int_equal(said(b).numbers[NUMBER_COMPLETED], 1);
    assert_int_equal(said(b).total_calls, 1);
    assert_int_equal(said(b).answered_calls, 1);
    number_clear(&before);
    number_clear(&after);
    before = stored(b, "1");
    assert_int_equal(before.version, 2);
    write_one(b, &before, NULL, false, &told);
    drain(b);
    assert_int_equal(campaign_counts_total(&(struct campaign_counts){0}), 0);
    assert_int_equal(said(b).numbers[NUMBER_COMPLETED], 0);
    assert_null(memory_find(b->world->memory, COLLECTION_NUMBERS, "1"));
    number_clear(&before);
}

/* Another gateway counts a number of its own, once. */
static void interfere(struct memory *m)
{
    struct memory_doc *doc = memory_find(m, COLLECTION_CAMPAIGN_COUNTS, CAMPAIGN);
    json_t *json = json_parse(doc->json, strlen(doc->json), 8, NULL);
    json_object_set_new(json, "busy", json_integer(json_get_int(json, "busy", 0) + 1));
    char *text = json_dumps(json, 0);
    m->before_write = NULL;
    memory_put(m, COLLECTION_CAMPAIGN_COUNTS, CAMPAIGN, (struct dg_bytes){text, strlen(text)});
    free(text);
    json_decref(json);
}

static void another_gateway_counts_too(void **state)
{
    struct bed *b = *state;
    add(b, "100");
    b->world->memory->before_write = interfere;
    add(b, "200");
    assert_int_equal(said(b).numbers[NUMBER_PENDING], 2);
    assert_int_equal(said(b).numbers[NUMBER_BUSY], 1);
}

static void only_the_outdated_change_is_refused(void **state)
{
    struct bed *b = *state;
    struct told fine = {0}, outdated = {0};
    add(b, "100");
    add(b, "200");
    struct number one = stored(b, "1"), two = stored(b, "2");
    struct number one_after = one, two_after = two;
    const struct number third = fresh("300");
    one_after.status = two_after.status = NUMBER_CALLING;
    two.version = 9;
    write_one(b, &one, &one_after, false, &fine);
    write_one(b, &two, &two_after, true, &outdated);
    write_one(b, NULL, &third, false, &fine);
    drain(b);
    assert_int_equal(fine.count, 2);
    assert_int_equal(fine.err, DG_OK);
    assert_int_equal(outdated.count, 1);
    assert_int_equal(outdated.err, DG_ECONFLICT);
    assert_int_equal(said(b).numbers[NUMBER_CALLING], 1);
    assert_int_equal(said(b).numbers[NUMBER_PENDING], 2);
    check(b);
    number_clear(&one);
    number_clear(&two);
}

static void an_answer_that_is_lost_is_found(void **state)
{
    struct bed *b = *state;
    struct told told = {0};
    const struct number n = fresh("100");
    b->world->memory->lose_answers = true;
    write_one(b, NULL, &n, false, &told);
    while (!b->world->memory->writes || !ledger_waiting(b->ledger))
        uv_run(loop_uv(b->world->loop), UV_RUN_ONCE);
    b->world->memory->lose_answers = false;
    drain(b);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.err, DG_OK);
    assert_int_equal(said(b).numbers[NUMBER_PENDING], 1);
    check(b);
}

static void kept_until_the_store_is_back(void **state)
{
    struct bed *b = *state;
    struct told kept = {0}, impatient = {0};
    struct memory *m = b->world->memory;
    const struct number n = fresh("100");
    m->fail_writes = m->fail_reads = DG_EUNAVAILABLE;
    write_one(b, NULL, &n, true, &kept);
    write_one(b, NULL, &n, false, &impatient);
    while (!impatient.count)
        uv_run(loop_uv(b->world->loop), UV_RUN_ONCE);
    assert_int_equal(impatient.err, DG_EUNAVAILABLE);
    assert_int_equal(kept.count, 0);
    m->fail_writes = m->fail_reads = DG_OK;
    drain(b);
    assert_int_equal(kept.count, 1);
    assert_int_equal(kept.err, DG_OK);
    assert_int_equal(said(b).numbers[NUMBER_PENDING], 1);
    check(b);
}

/* It was written though nobody was told; who did not wait has left the batch meanwhile. */
static void not_written_twice_after_an_outage(void **state)
{
    struct bed *b = *state;
    struct told kept = {0}, impatient = {0};
    struct memory *m = b->world->memory;
    const struct number n = fresh("100");
    add(b, "50");
    m->lose_answers = true;
    m->fail_reads = DG_EUNAVAILABLE;
    write_one(b, NULL, &n, true, &kept);
    write_one(b, NULL, &n, false, &impatient);
    while (!impatient.count)
        uv_run(loop_uv(b->world->loop), UV_RUN_ONCE);
    m->lose_answers = false;
    m->fail_reads = DG_OK;
    drain(b);
    assert_int_equal(kept.err, DG_OK);
    assert_int_equal(said(b).numbers[NUMBER_PENDING], 3);
    check(b);
}

static void on_second_over(void *arg)
{
    *(bool *)arg = true;
}

/* A full disk: what is there can be read, so that each failure would lead to the next at once. */
static void writes_fail_while_reads_work(void **state)
{
    struct bed *b = *state;
    struct told kept = {0}, impatient = {0};
    struct memory *m = b->world->memory;
    const struct number n = fresh("100");
    bool over = false;
    m->fail_writes = DG_EUNAVAILABLE;
    write_one(b, NULL, &n, true, &kept);
    write_one(b, NULL, &n, false, &impatient);
    loop_timer(b->world->loop, 1000, on_second_over, &over);
    while (!over)
        uv_run(loop_uv(b->world->loop), UV_RUN_ONCE);
    assert_int_equal(impatient.err, DG_EUNAVAILABLE);
    assert_int_equal(kept.count, 0);
    assert_in_range(m->writes, 2, 20);
    m->fail_writes = DG_OK;
    drain(b);
    assert_int_equal(kept.count, 1);
    assert_int_equal(kept.err, DG_OK);
    assert_int_equal(said(b).numbers[NUMBER_PENDING], 1);
    check(b);
}

static void no_campaign_any_more(void **state)
{
    struct bed *b = *state;
    struct told told = {0};
    char name[40];
    const struct number n = fresh("100");
    memory_delete(b->world->memory, COLLECTION_CAMPAIGN_COUNTS, CAMPAIGN, name);
    write_one(b, NULL, &n, true, &told);
    drain(b);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.err, DG_ENOTFOUND);
    assert_int_equal(b->world->memory->writes, 0);
}

static void a_change_that_is_not_possible(void **state)
{
    struct bed *b = *state;
    struct told told = {0};
    const struct number n = fresh("100");
    b->world->memory->fail_writes = DG_EINVAL;
    write_one(b, NULL, &n, true, &told);
    write_one(b, NULL, &n, true, &told);
    drain(b);
    assert_int_equal(told.count, 2);
    assert_int_equal(told.err, DG_EINVAL);
}

static void a_number_and_its_document(void **state)
{
    struct buf json;
    struct number n = {.id = 5,
                       .version = 3,
                       .campaign_id = 7,
                       .phone_number = "+15550100",
                       .status = NUMBER_NO_ANSWER,
                       .due_at_ms = 1700000000000,
                       .priority = 9,
                       .timezone = "Europe/Berlin",
                       .claimed_by = "node-1",
                       .claimed_until_ms = 12,
                       .call_id = "018f3c1e-0000-7000-8000-000000000001",
                       .attempts = 2,
                       .last_attempt_ms = 11,
                       .data = "{\"name\":\"Zo\\u00eb\",\"deep\":{\"a\":[1,2]}}",
                       .created_at_ms = 1,
                       .updated_at_ms = 2},
                  back;
    (void)state;
    buf_init(&json, BUF_MAX);
    number_write(&n, &json);
    const struct dg_doc doc = {DG_SIZED(struct dg_doc), "5", 3, {json.ptr, json.len}};
    assert_true(number_of_doc(&back, &doc));
    assert_int_equal(back.id, 5);
    assert_int_equal(back.version, 3);
    assert_int_equal(back.status, NUMBER_NO_ANSWER);
    assert_int_equal(back.due_at_ms, n.due_at_ms);
    assert_string_equal(back.timezone, n.timezone);
    assert_string_equal(back.claimed_by, n.claimed_by);
    assert_string_equal(back.call_id, n.call_id);
    assert_string_equal(back.data, "{\"name\":\"Zo\xc3\xab\",\"deep\":{\"a\":[1,2]}}");
    number_reset(&back);
    assert_int_equal(back.status, NUMBER_PENDING);
    assert_int_equal(back.due_at_ms, -9);
    assert_int_equal(back.attempts, 0);
    assert_string_equal(back.call_id, "");
    assert_null(back.claimed_by);
    number_clear(&back);
    buf_free(&json);
    static const char *const wrong[] = {
        "{}", "{\"campaign_id\":7,\"phone_number\":\"1\",\"status\":\"gone\"}",
        "{\"campaign_id\":7,\"status\":\"busy\"}", "{\"phone_number\":\"1\",\"status\":\"busy\"}"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        const struct dg_doc bad = {DG_SIZED(struct dg_doc), "5", 3, {wrong[i], strlen(wrong[i])}};
        assert_false(number_of_doc(&back, &bad));
    }
}

#define LEDGER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEDGER_TEST(together_in_one_batch),
        LEDGER_TEST(from_status_to_status),
        LEDGER_TEST(another_gateway_counts_too),
        LEDGER_TEST(only_the_outdated_change_is_refused),
        LEDGER_TEST(an_answer_that_is_lost_is_found),
        LEDGER_TEST(kept_until_the_store_is_back),
        LEDGER_TEST(not_written_twice_after_an_outage),
        LEDGER_TEST(writes_fail_while_reads_work),
        LEDGER_TEST(no_campaign_any_more),
        LEDGER_TEST(a_change_that_is_not_possible),
        cmocka_unit_test(a_number_and_its_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
