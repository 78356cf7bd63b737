/* pacing_test.c - domain/pacing as a table. */
#include "unit.h"

#include "domain/pacing.h"

static const unsigned plenty = 1000;

static void decisions(void **state)
{
    (void)state;
    const struct {
        struct pacing_input in;
        unsigned dial;
        const char *bound;
    } rows[] = {
        {{PACING_FIXED, 100, 10, 0, 0, 0, 0, plenty, plenty}, 10, "concurrency"},
        {{PACING_FIXED, 100, 10, 7, 3, 0, 0, plenty, plenty}, 3, "concurrency"},
        {{PACING_FIXED, 100, 10, 10, 0, 0, 9, plenty, plenty}, 0, "concurrency"},
        {{PACING_FIXED, 100, 5, 10, 0, 0, 0, plenty, plenty}, 0, "concurrency"}, /* lowered */
        {{PACING_FIXED, 4, 10, 0, 0, 0, 0, plenty, plenty}, 4, "numbers"},
        {{PACING_FIXED, 0, 10, 0, 0, 0, 0, plenty, plenty}, 0, "numbers"},
        {{PACING_FIXED, 100, 10, 0, 0, 0, 0, 2, plenty}, 2, "rate"},
        {{PACING_FIXED, 100, 10, 0, 0, 0, 0, 2, 1}, 1, "backend"},
        {{PACING_FIXED, 100, 10, 0, 0, 0, 0, plenty, 0}, 0, "backend"},
        {{PACING_FIXED, UINT64_MAX, 4000000000u, 0, 0, 0, 0, 4000000000u, 4000000000u},
         4000000000u,
         "concurrency"},
        /* Nobody rings without an agent who is free for him. */
        {{PACING_PROGRESSIVE, 100, 50, 0, 0, 0, 5, plenty, plenty}, 5, "agents"},
        {{PACING_PROGRESSIVE, 100, 50, 3, 3, 0, 5, plenty, plenty}, 2, "agents"},
        {{PACING_PROGRESSIVE, 100, 50, 5, 3, 2, 5, plenty, plenty}, 0, "agents"},
        {{PACING_PROGRESSIVE, 100, 50, 9, 4, 3, 5, plenty, plenty}, 0, "agents"},
        {{PACING_PROGRESSIVE, 100, 50, 0, 0, 0, 0, plenty, plenty}, 0, "agents"},
        {{PACING_PROGRESSIVE, 1, 50, 0, 0, 0, 5, plenty, plenty}, 1, "numbers"},
        {{PACING_PROGRESSIVE, 100, 8, 6, 1, 0, 5, plenty, plenty}, 2, "concurrency"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pacing_output out = pacing_decide(&rows[i].in);
        if (out.dial != rows[i].dial || strcmp(pacing_bound_name(out.bound), rows[i].bound) != 0)
            fail_msg("row %zu: %u by %s", i, out.dial, pacing_bound_name(out.bound));
    }
}

/* Whatever the counts: no bound is ever passed. */
static void never_above_a_bound(void **state)
{
    (void)state;
    srand(1);
    for (int i = 0; i < 200000; i++) {
        struct pacing_input in = {
            .rule = (enum pacing_rule)(rand() % PACING_RULES),
            .due = (uint64_t)rand() % 20,
            .concurrent = (unsigned)rand() % 20,
            .live = (unsigned)rand() % 25,
            .ringing = (unsigned)rand() % 10,
            .waiting = (unsigned)rand() % 5,
            .agents_free = (unsigned)rand() % 10,
            .rate_room = (unsigned)rand() % 20,
            .backend_room = (unsigned)rand() % 20,
        };
        struct pacing_output out = pacing_decide(&in);
        assert_true(out.dial <= in.due && out.dial <= in.rate_room && out.dial <= in.backend_room);
        assert_true(out.dial == 0 || in.live + out.dial <= in.concurrent);
        if (in.rule == PACING_PROGRESSIVE && out.dial > 0)
            assert_true(in.ringing + in.waiting + out.dial <= in.agents_free);
    }
}

static void names(void **state)
{
    (void)state;
    enum pacing_rule rule;
    assert_true(pacing_rule_parse("progressive", &rule));
    assert_int_equal(rule, PACING_PROGRESSIVE);
    assert_string_equal(pacing_rule_name(PACING_FIXED), "fixed");
    assert_false(pacing_rule_parse("predictive", &rule));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions),
        cmocka_unit_test(never_above_a_bound),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
