/* dialer_test.c - domain/dialer: numbers are taken, dialled, settled and retried as the
 * campaign says, on clocks that are moved; windows, lists, rates; stop, pause, resume;
 * the second leg; leases. What a crash leaves behind: dialer_crash_test.c. */
#include "dialer_world.h"

static int set_up(void **state)
{
    *state = gateway_new("here");
    return 0;
}

static int tear_down(void **state)
{
    gateway_free(*state);
    return 0;
}

/* Numbers "100", "101", ... with the ids 1, 2, ... */
static void begin(struct gateway *g, struct campaign *c, int64_t numbers)
{
    add_campaign(g, "1", c, numbers);
    for (int64_t i = 0; i < numbers; i++) {
        char phone[24];
        snprintf(phone, sizeof phone, "%lld", (long long)(100 + i));
        add_number(g, i + 1, phone, NULL);
    }
    gateway_start(g);
}

/* Its agent is rung and answers: the two talk. */
static void talk(struct gateway *g, struct pbx_call *c)
{
    size_t before = pbx->count;
    pbx_answer(c);
    turn(g);
    assert_int_equal(pbx->count, before + 1);
    pbx_answer(&pbx->calls[before]);
    turn(g);
    assert_true(c->joined);
}

/* ---- Outcomes ------------------------------------------------------------------------------ */

static void every_outcome(void **state)
{
    static const struct {
        int cause;
        enum number_status status;
    } rows[] = {{17, NUMBER_BUSY},      {21, NUMBER_BUSY},      {19, NUMBER_NO_ANSWER},
                {18, NUMBER_NO_ANSWER}, {20, NUMBER_NO_ANSWER}, {16, NUMBER_NO_ANSWER},
                {34, NUMBER_FAILED},    {1, NUMBER_FAILED},     {38, NUMBER_FAILED}};
    struct gateway *g = *state;
    begin(g, a_campaign(), COUNT(rows) + 1);
    assert_int_equal(pbx->live, COUNT(rows) + 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(status_of(g, (int64_t)i + 1), NUMBER_CALLING);
        pbx_end(&pbx->calls[i], rows[i].cause);
    }
    talk(g, &pbx->calls[COUNT(rows)]);
    assert_int_equal(status_of(g, COUNT(rows) + 1), NUMBER_ANSWERED);
    pbx_end(&pbx->calls[COUNT(rows)], 16);
    turn(g);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(status_of(g, (int64_t)i + 1), rows[i].status);
        assert_int_equal(attempts_of(g, (int64_t)i + 1), 1);
        assert_int_equal(cdrs_of(g, (int64_t)i + 1), 1);
    }
    assert_int_equal(status_of(g, COUNT(rows) + 1), NUMBER_COMPLETED);
    assert_int_equal(pbx->live, 0); /* the agent was hung up */
    assert_int_equal(cdrs_of(g, 0), COUNT(rows) + 1);
    assert_int_equal(the_counts(g).answered_calls, 1);
    counts_are_right(g);
}

static void never_more_at_once(void **state)
{
    struct gateway *g = *state;
    struct campaign *c = a_campaign();
    c->concurrent_calls = 3;
    begin(g, c, 20);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(pbx->live, i < 18 ? 3 : 20 - i);
        for (size_t k = 0; k < pbx->count; k++) {
            if (!pbx->calls[k].over) {
                pbx_end(&pbx->calls[k], 17);
                break;
            }
        }
        pass(g, 600);
    }
    assert_int_equal(pbx->most, 3);
    assert_int_equal(the_counts(g).numbers[NUMBER_BUSY], 20);
    counts_are_right(g);
}

static void retried_when_due(void **state)
{
    struct gateway *g = *state;
    struct campaign *c = a_campaign();
    c->retry_times = c->retry.times = 2;
    c->retry_delay_s = 60;
    c->retry.delay_s = 60;
    begin(g, c, 1);
    for (unsigned attempt = 1; attempt <= 3; attempt++) {
        assert_int_equal(dialled("100"), attempt);
        assert_int_equal(attempts_of(g, 1), attempt);
        pbx_end(calling("100"), attempt == 2 ? 17 : 19);
        turn(g);
        assert_int_equal(cdrs_of(g, 1), attempt);
        if (attempt == 3)
            break;
        assert_int_equal(status_of(g, 1), NUMBER_PENDING);
        pass(g, 59000);
        assert_int_equal(dialled("100"), attempt);
        assert_string_equal(why(g), "no_numbers_due");
        pass(g, 2000);
    }
    assert_int_equal(status_of(g, 1), NUMBER_NO_ANSWER);
    pass(g, 200000);
    assert_int_equal(dialled("100"), 3);
    assert_string_equal(why(g), "no_numbers");
    counts_are_right(g);
}

static void what_is_shown(void **state)
{
    struct gateway *g = *state;
    struct campaign *c = a_campaign();
    c->callerids = xcalloc(2, sizeof *c->callerids);
    c->callerids[0] = xstrdup("700");
    c->callerids[1] = xstrdup("800");
    c->callerid_count = 2;
    begin(g, c, 4);
    assert_string_equal(pbx->calls[0].endpoint, "PJSIP/100@carrier");
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(pbx->calls[i].caller, i % 2 ? "800" : "700");
}

/* ---- Who is not dialled ------------------------------------------------------------------------
 */

static void on_the_list(void **state)
{
    struct gateway *g = *state;
    struct buf json;
    buf_init(&json, BUF_MAX);
    buf_adds(&json, "{\"created_at\":1}");
    put(g, COLLECTION_DNC, "101", &json);
    buf_free(&json);
    begin(g, a_campaign(), 3);
    assert_int_equal(dialled("101"), 0);
    assert_int_equal(pbx->live, 2);
    assert_int_equal(status_of(g, 2), NUMBER_FAILED);
    assert_int_equal(attempts_of(g, 2), 0);
    assert_int_equal(cdrs_of(g, 2), 0);
    counts_are_right(g);
}

static void no_dial_string(void **state)
{
    struct gateway *g = *state;
    add_number(g, 9, "100&PJSIP/200", NULL);
    struct campaign *c = a_campaign();
    add_campaign(g, "1", c, 1);
    gateway_start(g);
    assert_int_equal(pbx->count, 0);
    assert_int_equal(status_of(g, 9), NUMBER_FAILED);
    counts_are_right(g);
}

static void in_calling_hours(void **state)
{
    struct gateway *g = *state;
    struct campaign *c = a_campaign();
    json_t *hours = json_loads("[{\"days\":\"sat\",\"from\":\"13:00\",\"to\":\"14:00\"}]", 0, NULL);
    struct problem problem;
    assert_true(campaign_set_hours(c, hours, &problem));
    json_decref(hours);
    add_campaign(g, "1", c, 2);
    add_number(g, 1, "100", NULL);
    add_number(g, 2, "200", "Europe/Berlin"); /* 13:00 there */
    gateway_start(g);
    assert_int_equal(dialled("100"), 0);
    assert_int_equal(dialled("200"), 1);
    assert_string_equal(why(g), "window_closed");
    assert_int_equal(g->why.window_changes_ms, NOON + 3600000);
    pbx_end(calling("200"), 16);
    jump(g, 3599000);
    assert_int_equal(dialled("100"), 0);
    pass(g, 2000);
    assert_int_equal(dialled("100"), 1);
}

static void put_off_to_its_own_hours(void **state)
{
    struct gateway *g = *state;
    struct campaign *c = a_campaign();
    json_t *hours = json_loads("[{\"days\":\"sat\",\"from\":\"12:00\",\"to\":\"13:00\"}]", 0, NULL);
    struct problem problem;
    assert_true(campaign_set_hours(c, hours, &problem));
    json_decref(hours);
    add_campaign(g, "1", c, 1);
    add_number(g, 1, "100", "America/New_York"); /* 07:00 there */
    gateway_start(g);
    struct number n = the_number(g, 1);
    assert_int_equal(n.due_at_ms, NOON + 5 * 3600000);
    assert_null(n.claimed_by);
    number_clear(&n);
    jump(g, 5 * 3600000 - 1000);
    assert_int_equal(dialled("100"), 0);
    pass(g, 2000);
    assert_int_equal(dialled("100"), 1);
}

/* A weekend on which the clocks change: nine o'clock on Monday is nine o'clock there. */
static void over_the_weekend(struct gateway *g, int64_t saturday_ms, int64_t monday_ms)
{
    struct campaign *c = a_campaign();
    json_t *hours =
        json_loads("[{\"days\":\"mon-fri\",\"from\":\"09:00\",\"to\":\"17:00\"}]", 0, NULL);
    struct problem problem;
    assert_true(campaign_set_hours(c, hours, &problem));
    json_decref(hours);
    campaign_set_text(&c->timezone, "Europe/Berlin");
    g->now_ms = saturday_ms;
    clock_fake(1000000 + (uint64_t)(g->now_ms - NOON), g->now_ms);
    begin(g, c, 1);
    assert_string_equal(why(g), "window_closed");
    assert_int_equal(g->why.window_changes_ms, monday_ms);
    jump(g, monday_ms - saturday_ms - 1000);
    assert_int_equal(dialled("100"), 0);
    pass(g, 2000);
    assert_int_equal(dialled("100"), 1);
}

static void hours_after_the_change_in_spring(void **state)
{
    over_the_weekend(*state, 1806177600000LL,
                     1806303600000LL); /* 2027-03-27 20:00 UTC, -29 07:00 */
}

static void hours_after_the_change_in_autumn(void **state)
{
    over_the_weekend(*state, 1824926400000LL,
                     1825056000000LL); /* 2027-10-30 20:00 UTC, 11-01 08:00 */
}

static void calls_per_second(void **state)
{
    struct gateway *g = *state;
    struct campaign *c = a_campaign();
    c->max_calls_per_second = 2;
    c->concurrent_calls = 100;
    begin(g, c, 30);
    for (int half = 0; half < 10; half++) {
        assert_int_equal(pbx->count, half + 1);
        assert_string_equal(why(g), "rate");
        pass(g, 500);
    }
}

static void backend_is_full(void **state)
{
    struct gateway *g = *state;
    struct campaign *c = a_campaign();
    g->limits = (struct call_limits){.max_active = 2};
    begin(g, c, 5);
    assert_int_equal(pbx->live, 2);
    assert_string_equal(why(g), "backend_limit");
    pbx_end(&pbx->calls[0], 17);
    pass(g, 600);
    assert_int_equal(pbx->count, 3);
    assert_int_equal(pbx->live, 2);
}

static void link_is_down(void **state)
{
    struct gateway *g = *state;
    begin(g, a_campaign(), 0);
    pbx->h->link(pbx->h, DG_LINK_DOWN, "cut");
    turn(g);
    add_number(g, 1, "100", NULL);
    pass(g, 2000);
    assert_int_equal(pbx->count, 0);
    assert_string_equal(why(g), "link_down");
    pbx->h->link(pbx->h, DG_LINK_UP, NULL);
    turn(g);
    pass(g, 1000);
    assert_int_equal(pbx->count, 1);
}

/* ---- Stop, pause, resume
 * --------------------------------------------------------------------------- */

static void stopped(void **state)
{
    struct gateway *g = *state;
    struct campaign *c = a_campaign();
    c->concurrent_calls = 3;
    c->retry_times = c->retry.times = 1;
    c->retry_delay_s = 60;
    c->retry.delay_s = 60;
    begin(g, c, 6);
    pbx_end(calling("100"), 17); /* waits for its retry */
    turn(g);
    talk(g, calling("101"));
    assert_int_equal(command(g, DIALER_STOP), DG_OK);
    assert_int_equal(pbx->live, 0);
    for (int64_t i = 1; i <= 6; i++) {
        assert_int_equal(status_of(g, i), i == 2 ? NUMBER_COMPLETED : NUMBER_PENDING);
        assert_int_equal(attempts_of(g, i), i == 2);
        struct number n = the_number(g, i);
        assert_true(i == 2 || n.due_at_ms <= 0);
        number_clear(&n);
    }
    counts_are_right(g);
    size_t before = pbx->count;
    pass(g, 10000);
    assert_int_equal(pbx->count, before);
    assert_string_equal(why(g), "stopped");
    assert_int_equal(command(g, DIALER_STOP), DG_ECONFLICT);
    assert_string_equal(g->message, "Campaign is already stopped");
    assert_int_equal(command(g, DIALER_START), DG_OK);
    pass(g, 1000);
    assert_int_equal(pbx->live, 3);
}

static void paused(void **state)
{
    struct gateway *g = *state;
    struct campaign *c = a_campaign();
    c->concurrent_calls = 2;
    begin(g, c, 4);
    assert_int_equal(command(g, DIALER_RESUME), DG_ECONFLICT);
    assert_int_equal(command(g, DIALER_PAUSE), DG_OK);
    assert_int_equal(command(g, DIALER_PAUSE), DG_ECONFLICT);
    assert_string_equal(g->message, "Can only pause a running campaign");
    pass(g, 1000);
    assert_int_equal(pbx->live, 2);
    talk(g, calling("100"));
    pbx_end(calling("101"), 17);
    pass(g, 20000);
    assert_int_equal(pbx->count, 3); /* with the agent */
    assert_int_equal(status_of(g, 1), NUMBER_ANSWERED);
    assert_int_equal(status_of(g, 2), NUMBER_BUSY);
    assert_string_equal(why(g), "paused");
    assert_int_equal(command(g, DIALER_START), DG_OK);
    assert_int_equal(command(g, DIALER_START), DG_ECONFLICT);
    assert_string_equal(g->message, "Campaign is already running");
    pass(g, 1000);
    assert_int_equal(dialled("102"), 1);
    counts_are_right(g);
}

static void not_to_be_started(void **state)
{
    struct gateway *g = *state;
    struct campaign *c = a_campaign();
    c->status = CAMPAIGN_STOPPED;
    c->dest_type = DEST_IVR;
    campaign_set_text(&c->dest_value, "main");
    begin(g, c, 1);
    assert_int_equal(command(g, DIALER_START), DG_EINVAL);
    assert_non_null(strstr(g->message, "IVR"));
    g->answered = false;
    dialer_command(g->dialer, 7, DIALER_START, on_command, g);
    turn(g);
    assert_int_equal(g->err, DG_ENOTFOUND);
}

/* ---- The second leg
 * ------------------------------------------------------------------------------------ */

static void agent_hangs_up(void **state)
{
    struct gateway *g = *state;
    begin(g, a_campaign(), 1);
    struct pbx_call *customer = calling("100");
    talk(g, customer);
    assert_string_equal(pbx->calls[1].endpoint, "Local/100@from-internal");
    assert_string_equal(pbx->calls[1].caller, "100");
    pbx_end(&pbx->calls[1], 16);
    turn(g);
    assert_true(customer->over);
    assert_int_equal(status_of(g, 1), NUMBER_COMPLETED);
    assert_int_equal(cdrs_of(g, 0), 1);
}

static const char *agent_result(struct gateway *g)
{
    static char result[32];
    for (size_t i = 0; i < g->world->memory->count; i++) {
        const struct memory_doc *d = &g->world->memory->docs[i];
        json_t *json = json_parse(d->json, strlen(d->json), 16, NULL);
        const char *found = json_get_str(json, "agent_result");
        if (str_eq(d->collection, COLLECTION_CDR))
            snprintf(result, sizeof result, "%s", found ? found : "none");
        json_decref(json);
    }
    return result;
}

static void a_hangup_is_tried_again(void **state)
{
    struct gateway *g = *state;
    begin(g, a_campaign(), 1);
    talk(g, &pbx->calls[0]);
    pbx->deaf = 1;
    pbx_end(&pbx->calls[1], 16);
    turn(g);
    assert_int_equal(pbx->live, 1);
    for (int i = 0; i < 500 && pbx->live; i++) { /* timers go by the real clock */
        uv_sleep(10);
        turn(g);
    }
    assert_int_equal(pbx->live, 0);
    pass(g, 2000);
    assert_int_equal(status_of(g, 1), NUMBER_COMPLETED);
    counts_are_right(g);
}

static void agent_is_not_reached(void **state)
{
    static const struct {
        int cause;
        const char *result;
    } rows[] = {{17, "busy"}, {19, "no_answer"}, {3, "failed"}};
    struct gateway *g = *state;
    begin(g, a_campaign(), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct campaign_counts counts = the_counts(g);
        struct buf json;
        counts.numbers[NUMBER_PENDING]++;
        buf_init(&json, BUF_MAX);
        campaign_counts_write(&counts, &json);
        put(g, COLLECTION_CAMPAIGN_COUNTS, "1", &json);
        buf_free(&json);
        add_number(g, (int64_t)i + 1, "555", NULL);
        pass(g, 2000);
        struct pbx_call *customer = calling("555");
        pbx_answer(customer);
        turn(g);
        pbx_end(calling("100"), rows[i].cause);
        turn(g);
        assert_true(customer->over);
        assert_int_equal(status_of(g, (int64_t)i + 1), NUMBER_COMPLETED);
        assert_string_equal(agent_result(g), rows[i].result);
    }
    assert_int_equal(cdrs_of(g, 0), COUNT(rows));
}

static void customer_leaves_first(void **state)
{
    struct gateway *g = *state;
    begin(g, a_campaign(), 1);
    struct pbx_call *customer = calling("100");
    pbx_answer(customer);
    turn(g);
    assert_false(pbx->calls[1].over);
    pbx_end(customer, 16); /* while the agent's telephone rings */
    turn(g);
    assert_true(pbx->calls[1].over);
    assert_int_equal(dialer_live(g->dialer, 1).agents, 0);
}

static void whoever_has_answered_is_not_called_again(void **state)
{
    struct gateway *g = *state;
    struct campaign *c = a_campaign();
    c->retry_times = 3;
    campaign_set_text(&c->dest_value, "7000");
    begin(g, c, 1);
    talk(g, calling("100"));
    gateway_kill(g);
    for (size_t i = 0; i < pbx->count; i++)
        pbx->calls[i].over = true;
    pbx->live = 0;
    pbx->run = "after a crash";
    gateway_start(g);
    pass(g, 20000);
    assert_int_equal(status_of(g, 1), NUMBER_COMPLETED);
    assert_int_equal(dialled("100"), 1);
    assert_int_equal(cdrs_of(g, 1), 1);
    counts_are_right(g);
}

static void cannot_be_joined(void **state)
{
    struct gateway *g = *state;
    begin(g, a_campaign(), 1);
    pbx->refuses_joins = true;
    struct pbx_call *customer = calling("100");
    pbx_answer(customer);
    turn(g);
    pbx_answer(&pbx->calls[1]);
    turn(g);
    assert_true(customer->over && pbx->calls[1].over);
    assert_string_equal(agent_result(g), "failed");
}

static void one_agent_at_a_time(void **state)
{
    struct gateway *g = *state;
    struct campaign *c = a_campaign();
    c->pacing = PACING_PROGRESSIVE;
    begin(g, c, 3);
    assert_int_equal(pbx->live, 1);
    assert_string_equal(why(g), "agents");
    talk(g, calling("100"));
    pass(g, 2000);
    assert_int_equal(pbx->count, 2);
    pbx_end(&pbx->calls[1], 16);
    pass(g, 2000);
    assert_int_equal(dialled("101"), 1);
    assert_int_equal(dialled("102"), 0);
}

/* ---- Leases
 * -------------------------------------------------------------------------------------------------
 */

static struct campaign *to_a_queue(void)
{
    struct campaign *c = a_campaign();
    c->pacing = PACING_PROGRESSIVE;
    c->dest_type = DEST_QUEUE;
    campaign_set_text(&c->dest_value, "sales");
    return c;
}

static void never_more_ringing_than_free_agents(void **state)
{
    struct gateway *g = *state;
    pbx->members_free = 3;
    begin(g, to_a_queue(), 8);
    pass(g, 2000);
    assert_int_equal(pbx->live, 3);
    assert_string_equal(why(g), "agents");

    talk(g, &pbx->calls[0]); /* the queue does not show it yet */
    assert_int_equal(pbx->live, 4);
    pass(g, 2000);
    assert_int_equal(pbx->live, 4);
    pbx->members_free = 2; /* now it does */
    pass(g, 4000);
    assert_int_equal(pbx->live, 4);

    pbx_end(&pbx->calls[1], 17);
    pass(g, 2000);
    assert_int_equal(pbx->live, 4); /* another number instead */
    pbx->members_free = 5;
    pbx->waiting = 1; /* who has called by himself is given one of them */
    pass(g, 4000);
    assert_int_equal(pbx->live, 6);
}

static void agents_that_nobody_knows(void **state)
{
    struct gateway *g = *state;
    struct campaign *c = to_a_queue();
    c->status = CAMPAIGN_STOPPED;
    pbx_table.members = NULL;
    begin(g, c, 1);
    assert_int_equal(command(g, DIALER_START), DG_EINVAL);
    assert_non_null(strstr(g->message, "the backend cannot tell"));
    pbx_table.members = pbx_members;
}

static void a_channel_is_no_queue(void **state)
{
    struct gateway *g = *state;
    struct campaign *c = to_a_queue();
    c->status = CAMPAIGN_STOPPED;
    campaign_set_text(&c->dest_value, "Local/900@queues");
    begin(g, c, 1);
    assert_int_equal(command(g, DIALER_START), DG_EINVAL);
    assert_non_null(strstr(g->message, "agent_dest_value"));
}

/* ---- Other gateways ----------------------------------------------------------------------------
 */

static void another_gateway_stops(void **state)
{
    struct gateway *g = *state;
    struct campaign *c = a_campaign();
    c->concurrent_calls = 2;
    c->retry_times = 3;
    c->retry_delay_s = 60;
    begin(g, c, 4);
    pbx_end(&pbx->calls[0], 17);
    turn(g);
    assert_int_equal(attempts_of(g, 1), 1);
    const char set[] = "{\"status\":\"stopped\"}";
    memory_merge(memory_find(g->world->memory, COLLECTION_CAMPAIGNS, "1"),
                 (struct dg_bytes){set, sizeof set - 1});
    pass(g, 4000);
    assert_int_equal(pbx->live, 0);
    for (int64_t i = 1; i <= 4; i++) {
        assert_int_equal(status_of(g, i), NUMBER_PENDING);
        assert_int_equal(attempts_of(g, i), 0);
    }
    counts_are_right(g);
}

/* Told by its note: before anybody looks again. */
static void another_gateway_stops_and_tells(void **state)
{
    struct gateway *g = *state;
    struct campaign *c = a_campaign();
    c->concurrent_calls = 2;
    begin(g, c, 4);
    assert_int_equal(pbx->live, 2);
    const char set[] = "{\"status\":\"stopped\"}";
    memory_merge(memory_find(g->world->memory, COLLECTION_CAMPAIGNS, "1"),
                 (struct dg_bytes){set, sizeof set - 1});
    turn(g);
    assert_int_equal(pbx->live, 2);
    notes_come(g->notes, &(struct dg_note){.topic = "campaign", .text = "1"});
    turn(g);
    assert_int_equal(pbx->live, 0);
    assert_int_equal(pbx->count, 2);
    counts_are_right(g);
}

static void another_gateway_paces(void **state)
{
    struct gateway *g = *state;
    struct campaign *c = a_campaign();
    c->lease_node = xstrdup("there");
    c->lease_until_ms = NOON + 10000;
    begin(g, c, 1);
    pass(g, 8000);
    assert_int_equal(pbx->count, 0);
    assert_string_equal(why(g), "other_gateway");
    pass(g, 5000);
    assert_int_equal(pbx->count, 1); /* it has died */
}

static void lost_lease_stops_dialling(void **state)
{
    struct gateway *g = *state;
    struct campaign *c = a_campaign();
    c->concurrent_calls = 1;
    begin(g, c, 3);
    struct memory_doc *d = memory_find(g->world->memory, COLLECTION_CAMPAIGNS, "1");
    const char set[] = "{\"lease_node\":\"there\",\"lease_until\":\"@now+600000\"}";
    memory_merge(d, (struct dg_bytes){set, sizeof set - 1});
    pass(g, 4000);
    pbx_end(calling("100"), 17);
    pass(g, 4000);
    assert_int_equal(pbx->count, 1);
    assert_int_equal(status_of(g, 1), NUMBER_BUSY); /* what it had begun is its own to end */
    counts_are_right(g);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_outcome),
        TEST(never_more_at_once),
        TEST(retried_when_due),
        TEST(what_is_shown),
        TEST(on_the_list),
        TEST(no_dial_string),
        TEST(in_calling_hours),
        TEST(put_off_to_its_own_hours),
        TEST(hours_after_the_change_in_spring),
        TEST(hours_after_the_change_in_autumn),
        TEST(calls_per_second),
        TEST(backend_is_full),
        TEST(link_is_down),
        TEST(stopped),
        TEST(paused),
        TEST(not_to_be_started),
        TEST(agent_hangs_up),
        TEST(a_hangup_is_tried_again),
        TEST(agent_is_not_reached),
        TEST(customer_leaves_first),
        TEST(whoever_has_answered_is_not_called_again),
        TEST(cannot_be_joined),
        TEST(one_agent_at_a_time),
        TEST(never_more_ringing_than_free_agents),
        TEST(agents_that_nobody_knows),
        TEST(a_channel_is_no_queue),
        TEST(another_gateway_stops),
        TEST(another_gateway_stops_and_tells),
        TEST(another_gateway_paces),
        TEST(lost_lease_stops_dialling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
