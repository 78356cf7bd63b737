/* dialer_crash_test.c - the gateway is killed at every write that a campaign leads to, and
 * started again: no number is lost, none is dialled more often than its attempts say, each
 * attempt has one CDR, and the counts are right. */
#include "dialer_world.h"

#define NUMBERS 5

/* What happens to the calls of a number, one attempt after the other. */
static const struct {
    const char *phone;
    int causes[3]; /* of its attempts; -1: answers, and is hung up after a talk */
} fates[NUMBERS] = {
    {"200", {17, 17, 17}}, {"201", {19, -1}}, {"202", {-1}}, {"203", {34, 17, 19}}, {"204", {-1}},
};

static int fate_of(const struct pbx_call *c)
{
    unsigned attempt = 0;
    for (size_t i = 0; i < pbx->count && &pbx->calls[i] != c; i++)
        attempt += str_eq(pbx->calls[i].number, c->number);
    for (size_t i = 0; i < NUMBERS; i++)
        if (str_eq(fates[i].phone, c->number))
            return attempt < 3 && fates[i].causes[attempt] ? fates[i].causes[attempt] : 17;
    return -1; /* the agent */
}

static bool is_agent(const struct pbx_call *c)
{
    return str_eq(c->endpoint, "Local/100@from-internal");
}

/* One thing happens on the telephone server, whether a gateway listens or not. */
static void step(void)
{
    for (size_t i = 0; i < pbx->count; i++) {
        struct pbx_call *c = &pbx->calls[i];
        if (c->over || (is_agent(c) && c->up))
            continue;
        if (c->up && !c->joined)
            continue;
        if (c->up)
            pbx_end(c, 16);
        else if (fate_of(c) < 0)
            pbx_answer(c);
        else
            pbx_end(c, fate_of(c));
        return;
    }
}

static size_t deadly; /* the number of the write that is the last one */

static void count_down(struct memory *m)
{
    if (m->writes > deadly)
        m->fail_writes = m->fail_reads = DG_EUNAVAILABLE;
}

static bool is_final(enum number_status s)
{
    return s != NUMBER_PENDING && s != NUMBER_CALLING && s != NUMBER_ANSWERED;
}

static bool all_done(struct gateway *g)
{
    for (int64_t i = 1; i <= NUMBERS; i++)
        if (!is_final(status_of(g, i)))
            return false;
    return true;
}

static void run(struct gateway *g, unsigned steps)
{
    for (unsigned i = 0; i < steps && !all_done(g); i++) {
        step();
        turn(g);
        pass(g, 700);
    }
}

static void check(struct gateway *g, size_t at)
{
    for (int64_t i = 1; i <= NUMBERS; i++) {
        unsigned attempts = attempts_of(g, i);
        if (!is_final(status_of(g, i)))
            fail_msg("killed at write (doubled)  %zu: number %lld is %s", at, (long long)i,
                     number_status_name(status_of(g, i)));
        if (attempts > 3 || dialled(fates[i - 1].phone) > attempts || cdrs_of(g, i) != attempts)
            fail_msg("killed at write (doubled)  %zu: number %lld: %u attempts, dialled %u times, "
                     "%u CDRs",
                     at, (long long)i, attempts, dialled(fates[i - 1].phone), cdrs_of(g, i));
    }
    counts_are_right(g);
}

static struct gateway *campaign(void)
{
    struct gateway *g = gateway_new("here");
    struct campaign *c = a_campaign();
    c->concurrent_calls = 2;
    c->retry_times = c->retry.times = 2;
    c->retry_delay_s = 1;
    c->retry.delay_s = 1;
    add_campaign(g, "1", c, NUMBERS);
    for (int64_t i = 0; i < NUMBERS; i++)
        add_number(g, i + 1, fates[i].phone, NULL);
    return g;
}

static size_t undisturbed(void)
{
    struct gateway *g = campaign();
    gateway_start(g);
    run(g, 300);
    check(g, 0);
    for (int64_t i = 1; i <= NUMBERS; i++)
        assert_int_equal(dialled(fates[i - 1].phone), attempts_of(g, i));
    assert_int_equal(status_of(g, 1), NUMBER_BUSY);
    assert_int_equal(status_of(g, 2), NUMBER_COMPLETED);
    assert_int_equal(status_of(g, 3), NUMBER_COMPLETED);
    assert_int_equal(status_of(g, 4), NUMBER_NO_ANSWER);
    assert_true(pbx->most <= 4); /* two customers, two agents */
    size_t writes = g->world->memory->writes;
    gateway_free(g);
    return writes;
}

static void killed_at_every_write(void **state)
{
    (void)state;
    size_t writes = undisturbed();
    assert_true(writes > 40);
    for (size_t at = 2; at < 2 * writes; at++) {
        struct gateway *g = campaign();
        pbx->dies_with_store = at % 2;
        deadly = g->world->memory->writes + at / 2;
        g->world->memory->before_write = count_down;
        gateway_start(g);
        for (int i = 0; i < 300 && g->world->memory->fail_writes == DG_OK; i++)
            run(g, 1);
        for (int i = 0; i < 3; i++) /* nobody listens */
            step();
        gateway_kill(g);
        pbx->dies_with_store = false;
        gateway_start(g);
        jump(g, 31000); /* claims of the first run end */
        run(g, 400);
        check(g, at);
        gateway_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(killed_at_every_write)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
