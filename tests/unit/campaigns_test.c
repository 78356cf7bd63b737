/* campaigns_test.c - domain/campaigns, numbers, ledger_check, dnc and data/serials
 * over a real store: storage-file in a folder of its own. */
#include "memory_store.h"

#include <unistd.h>

#include "base/toml.h"
#include "data/serials.h"
#include "domain/campaigns.h"
#include "domain/dnc.h"
#include "domain/number_import.h"
#include "domain/numbers.h"

struct bed {
    struct world world; /* without its store in memory */
    char path[UNIT_PATH_SIZE], config[UNIT_PATH_SIZE];
    struct ledger *ledger;
    struct campaigns *campaigns;
    /* What the last callback said. */
    bool done;
    enum dg_err err;
    char message[200];
    int64_t id;
    uint64_t count, total;
    struct campaign_counts counts;
    struct ledger_check check;
};

static void said(struct bed *b, enum dg_err err, const char *message)
{
    b->done = true;
    b->err = err;
    snprintf(b->message, sizeof b->message, "%s", message ? message : "");
}

static void wait(struct bed *b)
{
    world_wait(&b->world, &b->done);
}

/* ---- The store ------------------------------------------------------------------------ */

static void open_store(struct bed *b)
{
    static const char *const folders[] = {PLUGIN_DIR, NULL};
    struct world *w = &b->world;
    struct problem problem;
    char why[200];
    w->plug =
        plug_new(&(struct plug_config){.loop = w->loop, .metrics = w->metrics, .folders = folders});
    const struct dg_plugin *plugin = plug_load(w->plug, "storage-file", &problem);
    if (!plugin)
        fail_msg("%s", problem.text);
    struct toml_node *table = toml_load(b->config, why, sizeof why);
    const struct plug_events events = {.link = world_link, .arg = w};
    w->instance = instance_open(w->plug, plugin, "storage", world_settings(plugin->config, table),
                                &events, &problem);
    toml_free(table);
    if (!w->instance)
        fail_msg("%s", problem.text);
    w->store = store_new(&(struct store_config){.loop = w->loop, .instance = w->instance});
    store_ready(w->store, world_ready, w);
    world_wait(w, &w->done);
    b->ledger = ledger_new(w->store, w->loop, w->metrics);
    b->campaigns = campaigns_new(w->store, b->ledger, w->loop);
}

static void close_store(struct bed *b)
{
    struct world *w = &b->world;
    store_free(w->store);
    w->store = NULL;
    campaigns_free(b->campaigns);
    ledger_free(b->ledger);
    instance_close(w->instance, world_done, w);
    world_wait(w, &w->done);
    plug_free(w->plug);
}

static int set_up(void **state)
{
    struct bed *b = xcalloc(1, sizeof *b);
    char *config;
    unit_file(b->path, "", 0);
    unlink(b->path);
    config = xasprintf("path = \"%s\"\n", b->path);
    unit_file(b->config, config, strlen(config));
    free(config);
    b->world.loop = loop_new();
    b->world.metrics = metrics_new();
    open_store(b);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-lock", ".lock"};
    struct bed *b = *state;
    close_store(b);
    loop_free(b->world.loop);
    metrics_free(b->world.metrics);
    for (size_t i = 0; i < COUNT(endings); i++) {
        char *name = xasprintf("%s%s", b->path, endings[i]);
        unlink(name);
        free(name);
    }
    unlink(b->config);
    free(b);
    return 0;
}

/* ---- Asking ----------------------------------------------------------------------------- */

static void on_campaign(void *arg, const struct campaign_answer *answer)
{
    struct bed *b = arg;
    b->id = answer->campaign ? answer->campaign->id : 0;
    if (answer->counts)
        b->counts = *answer->counts;
    said(b, answer->err, answer->message);
}

static int64_t add_campaign(struct bed *b)
{
    struct campaign *c = campaign_new();
    campaign_set_text(&c->name, "one");
    campaign_set_text(&c->trunk_value, "t");
    campaign_set_text(&c->dest_value, "100");
    campaigns_add(b->campaigns, c, on_campaign, b);
    campaign_free(c);
    wait(b);
    assert_int_equal(b->err, DG_OK);
    return b->id;
}

static void on_numbers(void *arg, const struct numbers_answer *answer)
{
    struct bed *b = arg;
    b->count = answer->count;
    said(b, answer->err, answer->message);
}

static void add_numbers(struct bed *b, int64_t campaign, size_t count)
{
    struct number_new *list = xcalloc(count, sizeof *list);
    for (size_t i = 0; i < count; i++)
        list[i].phone_number = "+15550100";
    numbers_add(b->ledger, b->world.loop, campaign, list, count, on_numbers, b);
    wait(b);
    free(list);
}

static void on_check(void *arg, const struct ledger_check *check)
{
    struct bed *b = arg;
    b->check = *check;
    said(b, check->err, check->message);
}

static void check(struct bed *b, int64_t campaign, int64_t total)
{
    ledger_check(b->world.store, campaign, on_check, b);
    wait(b);
    assert_int_equal(b->err, DG_OK);
    assert_true(b->check.equal);
    assert_int_equal(campaign_counts_total(&b->check.there), total);
}

static void on_tally(void *arg, const struct op_result *res)
{
    struct bed *b = arg;
    b->total = op_first(res, struct dg_tally_row)->count;
    said(b, res->err, res->message);
}

static uint64_t documents(struct bed *b, const char *collection)
{
    const struct dg_tally tally = {.collection = collection};
    store_tally(b->world.store, &tally, on_tally, b);
    wait(b);
    return b->total;
}

/* ---- Tests ------------------------------------------------------------------------------ */

static void counts_are_those_of_a_tally(void **state)
{
    struct bed *b = *state;
    const int64_t campaign = add_campaign(b), other = add_campaign(b);
    add_numbers(b, campaign, 2500);
    assert_int_equal(b->err, DG_OK);
    assert_int_equal(b->count, 2500);
    add_numbers(b, other, 7);
    check(b, campaign, 2500);
    const struct number_filter half = {
        .campaign = campaign, .min_attempts = -1, .max_attempts = 0, .phone_number = "+1555"};
    numbers_apply(b->world.store, b->ledger, &half, NUMBERS_DELETE, on_numbers, b);
    wait(b);
    assert_int_equal(b->count, 2500);
    check(b, campaign, 0);
    check(b, other, 7);
}

static void on_ready(void *arg, const struct op_result *res)
{
    said(arg, res->err, res->message);
}

/* What is wrong is seen: a check that always says yes is none. */
static void a_wrong_count_is_seen(void **state)
{
    struct bed *b = *state;
    char id[24];
    struct campaign_counts wrong = {.numbers = {3}};
    struct buf json;
    const int64_t campaign = add_campaign(b);
    add_numbers(b, campaign, 2);
    snprintf(id, sizeof id, "%d", (int)campaign);
    buf_init(&json, BUF_MAX);
    campaign_counts_write(&wrong, &json);
    store_put(b->world.store, COLLECTION_CAMPAIGN_COUNTS, id, (struct dg_bytes){json.ptr, json.len},
              DG_VERSION_ANY, on_ready, b);
    buf_free(&json);
    wait(b);
    ledger_check(b->world.store, campaign, on_check, b);
    wait(b);
    assert_false(b->check.equal);
    assert_int_equal(b->check.said.numbers[NUMBER_PENDING], 3);
    assert_int_equal(b->check.there.numbers[NUMBER_PENDING], 2);
}

static bool start_it(void *ctx, struct campaign *c, struct problem *problem)
{
    (void)ctx;
    (void)problem;
    c->status = CAMPAIGN_RUNNING;
    return true;
}

static bool refuse_it(void *ctx, struct campaign *c, struct problem *problem)
{
    (void)ctx;
    (void)c;
    problem_set(problem, DG_ECONFLICT, "not now");
    return false;
}

static void changes(void **state)
{
    struct bed *b = *state;
    const int64_t campaign = add_campaign(b);
    campaigns_change(b->campaigns, campaign, refuse_it, NULL, on_campaign, b);
    wait(b);
    assert_int_equal(b->err, DG_ECONFLICT);
    assert_string_equal(b->message, "not now");
    campaigns_change(b->campaigns, campaign, start_it, NULL, on_campaign, b);
    wait(b);
    assert_int_equal(b->err, DG_OK);
    campaigns_delete(b->campaigns, campaign, on_campaign, b);
    wait(b);
    assert_int_equal(b->err, DG_ECONFLICT);
    campaigns_get(b->campaigns, campaign + 1, on_campaign, b);
    wait(b);
    assert_int_equal(b->err, DG_ENOTFOUND);
}

/* The gateway ends before the numbers are gone: the next one goes on. */
static void deletion_goes_on_after_a_restart(void **state)
{
    struct bed *b = *state;
    const int64_t campaign = add_campaign(b), other = add_campaign(b);
    add_numbers(b, campaign, 1800);
    add_numbers(b, other, 5);
    campaigns_delete(b->campaigns, campaign, on_campaign, b);
    wait(b);
    assert_int_equal(b->err, DG_OK);
    assert_true(documents(b, COLLECTION_NUMBERS) > 5);
    add_numbers(b, campaign, 1);
    assert_int_equal(b->err, DG_ENOTFOUND);
    close_store(b);
    open_store(b);
    campaigns_recover(b->campaigns);
    while (documents(b, COLLECTION_NUMBERS) > 5)
        continue;
    check(b, other, 5);
}

static void on_serial(void *arg, enum dg_err err, const char *message, int64_t first)
{
    struct bed *b = arg;
    b->id = first;
    said(b, err, message);
}

static void serials_are_given_once(void **state)
{
    struct bed *b = *state;
    int64_t last = 0;
    struct serials *serials = serials_new(b->world.store, b->world.loop, SERIAL_CDR, 10);
    serials_ready(serials, on_ready, b);
    wait(b);
    for (int i = 0; i < 95; i++) {
        int64_t next;
        while ((next = serials_next(serials)) == 0)
            uv_run(loop_uv(b->world.loop), UV_RUN_ONCE);
        assert_true(next > last);
        last = next;
    }
    serials_take(b->world.store, SERIAL_CDR, 5, on_serial, b);
    wait(b);
    assert_true(b->id > last);
    serials_free(serials);
}

static void on_listed(void *arg, enum dg_err err, const char *message, const bool *listed)
{
    struct bed *b = arg;
    b->count = (uint64_t)listed[0] | (uint64_t)listed[1] << 1 | (uint64_t)listed[2] << 2;
    said(b, err, message);
}

static void numbers_not_to_be_called(void **state)
{
    static const char *const numbers[] = {"+1 (555) 0100", "15550101", "no digits"};
    struct bed *b = *state;
    assert_true(dnc_add(b->world.store, "1-555-0100", "asked", on_ready, b));
    wait(b);
    dnc_listed(b->world.store, numbers, COUNT(numbers), on_listed, b);
    wait(b);
    assert_int_equal(b->count, 1);
    assert_true(dnc_remove(b->world.store, "15550100", on_ready, b));
    wait(b);
    assert_true(dnc_remove(b->world.store, "15550100", on_ready, b));
    wait(b);
    assert_int_equal(b->err, DG_ENOTFOUND);
    assert_false(dnc_add(b->world.store, "none", NULL, on_ready, b));
}

static void on_import(void *arg, const struct number_import_result *result)
{
    struct bed *b = arg;
    b->count = result->accepted;
    b->total = result->skipped;
    b->id = (int64_t)result->wrong;
    said(b, result->err, result->error_count ? result->errors[0].why : result->message);
}

static void import(struct bed *b, int64_t campaign, const char *text, bool skip_duplicates)
{
    const struct number_import_request req = {.campaign = campaign,
                                              .skip_duplicates = skip_duplicates};
    number_import(b->world.store, b->ledger, b->world.loop, &req, xstrdup(text), strlen(text),
                  on_import, b);
    wait(b);
}

static void files(void **state)
{
    struct bed *b = *state;
    struct buf text;
    const int64_t campaign = add_campaign(b);
    buf_init(&text, BUF_MAX);
    buf_adds(&text, "phone_number,name\n");
    for (int i = 0; i < 5000; i++)
        buf_addf(&text, "%d,somebody with a name\n", i % 4000);
    import(b, campaign, text.ptr, true);
    assert_int_equal(b->err, DG_OK);
    assert_int_equal(b->count, 4000);
    assert_int_equal(b->total, 1000);
    check(b, campaign, 4000);
    import(b, campaign, "phone_number\n1\n1\n\nx\n99999\n99999\n", true);
    assert_int_equal(b->count, 1);
    assert_int_equal(b->total, 3);
    assert_int_equal(b->id, 1);
    assert_string_equal(b->message, "phone_number must have a digit and no control characters");
    import(b, campaign, "phone_number\n1\n1\n", false);
    assert_int_equal(b->count, 2);
    import(b, campaign, "", false);
    assert_int_equal(b->err, DG_OK);
    import(b, campaign + 1, "phone_number\n1\n", false);
    assert_int_equal(b->err, DG_ENOTFOUND);
    check(b, campaign, 4003);
    buf_free(&text);
}

#define CAMPAIGN_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CAMPAIGN_TEST(counts_are_those_of_a_tally),
        CAMPAIGN_TEST(a_wrong_count_is_seen),
        CAMPAIGN_TEST(changes),
        CAMPAIGN_TEST(deletion_goes_on_after_a_restart),
        CAMPAIGN_TEST(serials_are_given_once),
        CAMPAIGN_TEST(files),
        CAMPAIGN_TEST(numbers_not_to_be_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
