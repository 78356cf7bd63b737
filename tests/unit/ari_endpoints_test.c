/* ari_endpoints_test.c - lines as ARI tells of them: how much is asked, of whom, and in which
 * order, so that calls do not wait behind it. */
#include "ari_world.h"

#define AT_ONCE 8
#define LINES   40

/* 40 lines, PJSIP/100 to PJSIP/139. */
static char *lines_json(void)
{
    struct text t = {0};
    char one[100];
    for (int i = 0; i < LINES; i++) {
        snprintf(one, sizeof one,
                 "%s{\"technology\":\"PJSIP\",\"resource\":\"%d\",\"state\":\"online\"}",
                 i ? "," : "[", 100 + i);
        text_puts(&t, one);
    }
    text_puts(&t, "]");
    return t.at;
}

static size_t under_way(const struct world *w)
{
    size_t count = 0;
    for (const struct dg_http *r = w->requests; r; r = r->next)
        count++;
    return count;
}

static void ask(struct world *w, const char *text, struct dg_op *op)
{
    w->table->endpoints(w->self, &(struct dg_filter){.text = text}, op);
}

static void answer_state(struct world *w, int line, const char *state)
{
    char request[60], body[60];
    snprintf(request, sizeof request, "GET /deviceStates/PJSIP%%2F%d", line);
    snprintf(body, sizeof body, "{\"state\":\"%s\"}", state);
    answer(w, request, 200, body);
}

static void some_at_a_time(void **state)
{
    struct world w;
    struct dg_op op = {0};
    char *lines = lines_json();
    (void)state;
    world_up(&w, "own");
    ask(&w, NULL, &op);
    answer(&w, "GET /endpoints", 200, lines);
    for (int i = 0; i < LINES; i++) {
        /* The world has four connections: the others wait in line. */
        assert_int_equal(under_way(&w), LINES - i < 4 ? LINES - i : 4);
        assert_int_equal(op.ended, 0);
        answer_state(&w, 100 + i, "NOT_INUSE");
    }
    assert_int_equal(op.ended, 1);
    assert_int_equal(op.err, DG_OK);
    assert_int_equal(op.items, LINES);
    free(lines);
    world_close(&w);
}

/* What a call wants after a list was asked for waits for the questions that are asked at once, and
 * for no more of them. */
static void calls_do_not_wait_for_the_list(void **state)
{
    struct world w;
    struct dg_op op = {0}, call = {0};
    char *lines = lines_json();
    (void)state;
    world_up(&w, "own");
    ask(&w, NULL, &op);
    answer(&w, "GET /endpoints", 200, lines);
    w.table->ring(w.self,
                  &(struct dg_switch){.call = "0190aaaa-0000-7000-8000-000000000001", .on = true},
                  &call);
    for (int i = 0; i < AT_ONCE; i++)
        answer_state(&w, 100 + i, "NOT_INUSE");
    answer(&w, "POST /channels/0190aaaa-0000-7000-8000-000000000001/ring", 204, NULL);
    assert_int_equal(call.ended, 1);
    assert_int_equal(op.ended, 0);
    for (int i = AT_ONCE; i < LINES; i++)
        answer_state(&w, 100 + i, "NOT_INUSE");
    assert_int_equal(op.ended, 1);
    free(lines);
    world_close(&w);
}

static void one_is_asked_for_alone(void **state)
{
    struct world w;
    struct dg_op op = {0}, none = {0}, bad = {0};
    (void)state;
    world_up(&w, "own");
    ask(&w, "PJSIP/a/1", &op);
    answer(&w, "GET /endpoints/PJSIP/a%2F1", 200,
           "{\"technology\":\"PJSIP\",\"resource\":\"a/1\",\"state\":\"online\"}");
    answer(&w, "GET /deviceStates/PJSIP%2Fa%2F1", 200, "{\"state\":\"INUSE\"}");
    assert_int_equal(op.ended, 1);
    assert_int_equal(op.items, 1);
    ask(&w, "PJSIP/nobody", &none);
    answer(&w, "GET /endpoints/PJSIP/nobody", 404, "{\"message\":\"Endpoint not found\"}");
    assert_int_equal(none.ended, 1);
    assert_int_equal(none.err, DG_OK);
    assert_int_equal(none.items, 0);
    ask(&w, "PJSIP/8001", &bad);
    answer(&w, "GET /endpoints/PJSIP/8001", 200, NULL);
    assert_int_equal(bad.err, DG_EUPSTREAM);
    world_close(&w);
}

/* ARI that stops to answer: what is known of the lines has to do. */
static void nobody_answers(void **state)
{
    struct world w;
    struct dg_op op = {0};
    char *lines = lines_json();
    (void)state;
    world_up(&w, "own");
    ask(&w, NULL, &op);
    answer(&w, "GET /endpoints", 200, lines);
    for (int i = 0; i < AT_ONCE; i++) {
        char request[60];
        snprintf(request, sizeof request, "GET /deviceStates/PJSIP%%2F%d", 100 + i);
        answer_with(&w, request, 0, NULL, DG_ETIMEOUT);
    }
    assert_null(w.requests);
    assert_int_equal(op.ended, 1);
    assert_int_equal(op.items, LINES);
    free(lines);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(some_at_a_time),
        cmocka_unit_test(calls_do_not_wait_for_the_list),
        cmocka_unit_test(one_is_asked_for_alone),
        cmocka_unit_test(nobody_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
