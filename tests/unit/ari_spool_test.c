/* ari_spool_test.c - recordings that ARI gives out, on a disk that takes nothing. */
#include "ari_world.h"

#define KNOWN "GET /recordings/stored/meeting"
#define FETCH "GET /recordings/stored/meeting/file"

/* The folder has no name: nothing can be made there. */
static void work_now(const struct dg_host *h, dg_fn *work, dg_fn *done, void *arg)
{
    (void)h;
    work(arg);
    done(arg);
}

static void begin(struct world *w)
{
    world_open(w, "own");
    w->host.work = work_now;
    answer(w, "GET /asterisk/info", 200, INFO);
    accept_socket(w);
    bring_beat_back(w);
}

static void find(struct world *w, struct dg_op *op)
{
    w->table->recording_find(w->self, &(struct dg_stop){.id = "meeting"}, op);
    answer(w, KNOWN, 200, "{\"name\":\"meeting\",\"format\":\"wav\"}");
}

static void the_reason_is_told_at_once(void **state)
{
    struct world w;
    struct dg_op first = {0}, second = {0}, third = {0};
    (void)state;
    begin(&w);
    find(&w, &first);
    answer_part(&w, "RIFF");
    assert_int_equal(first.ended, 1);
    assert_int_equal(first.err, DG_EUNAVAILABLE);
    assert_non_null(strstr(first.message, "cannot be kept"));

    /* While ARI still sends it nobody begins to fetch it once more. */
    answer_part(&w, "more");
    w.table->recording_find(w.self, &(struct dg_stop){.id = "meeting"}, &second);
    assert_string_equal(w.requests->url, "http://pbx:8088/ari/recordings/stored/meeting/file");
    struct dg_http *file = w.requests;
    w.requests = file->next; /* the one behind it is answered first */
    file->next = NULL;
    answer(&w, KNOWN, 200, "{\"name\":\"meeting\",\"format\":\"wav\"}");
    assert_int_equal(second.ended, 1);
    assert_int_equal(second.err, DG_EUNAVAILABLE);
    assert_null(w.requests);

    w.requests = file;
    answer(&w, FETCH, 200, NULL);
    assert_int_equal(first.ended, 1);
    find(&w, &third); /* and afterwards it is tried again */
    assert_int_equal(third.ended, 0);
    answer(&w, FETCH, 404, NULL);
    assert_int_equal(third.ended, 1);
    assert_int_equal(third.err, DG_ENOTFOUND);
    world_close(&w);
}

static void what_is_under_way_when_the_gateway_ends(void **state)
{
    struct world w;
    struct dg_op told = {0}, waits = {0};
    (void)state;
    begin(&w);
    find(&w, &told);
    answer_part(&w, "RIFF");
    assert_int_equal(told.ended, 1);
    w.table->recording_find(w.self, &(struct dg_stop){.id = "other"}, &waits);
    world_close(&w);
    assert_int_equal(told.ended, 1);
    assert_int_equal(waits.ended, 1);
    assert_int_equal(waits.err, DG_EUNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reason_is_told_at_once),
        cmocka_unit_test(what_is_under_way_when_the_gateway_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
