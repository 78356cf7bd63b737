/* nodes_test.c - gateways on one store: names, beats, who is alive, who may say that another one
 * is dead, and what happens to one that is taken for dead and is not. */
#include "shared_store.h"

#define DEAD_MS 1600

static void names_are_plain(void **state)
{
    static const struct {
        const char *name;
        bool ok;
    } cases[] = {
        {"east", true},
        {"gw-1.example.net", true},
        {"A_9", true},
        {"0123456789012345678901234567890123456789", true},
        {"01234567890123456789012345678901234567890", false},
        {"", false},
        {NULL, false},
        {"a b", false},
        {"a/b", false},
        {"a\"", false},
        {"\xc3\xa4", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(node_name_ok(cases[i].name), cases[i].ok);
}

static void each_sees_the_others(void **state)
{
    struct loop *loop = loop_new();
    struct peer *a = peer_new(loop, "a", DEAD_MS), *b = peer_new(loop, "b", DEAD_MS);
    (void)state;
    peer_start(a);
    assert_int_equal(a->err, DG_OK);
    assert_true(nodes_shared(a->nodes));
    peer_start(b);
    peer_until(a, nodes_alive(a->nodes, "b"));
    peer_until(b, nodes_alive(b->nodes, "a"));
    assert_true(nodes_find(a->nodes, "a")->self);
    assert_false(nodes_find(a->nodes, "b")->self);
    assert_null(nodes_find(a->nodes, "c"));
    assert_false(nodes_alive(a->nodes, NULL));
    peer_stop(b);
    assert_string_equal(shared_text("nodes", "b", "state"), "stopped");
    peer_until(a, nodes_find(a->nodes, "b")->state == NODE_STOPPED);
    assert_false(nodes_alive(a->nodes, "b"));
    peer_stop(a);
    shared_end(loop);
}

static void a_second_one_of_the_name_is_refused(void **state)
{
    struct loop *loop = loop_new();
    struct peer *a = peer_new(loop, "a", DEAD_MS), *twin = peer_new(loop, "a", DEAD_MS);
    (void)state;
    peer_start(a);
    peer_start(twin);
    assert_int_equal(twin->err, DG_ECONFLICT);
    assert_string_equal(twin->message,
                        "another gateway named \"a\" is running on this store; give each one a "
                        "name of its own ([node] name)");
    peer_kill(twin);
    assert_string_equal(shared_text("nodes", "a", "state"), "running"); /* the first one's */
    peer_stop(a);
    shared_end(loop);
}

static void two_that_start_at_once_do_not_both_get_it(void **state)
{
    struct loop *loop = loop_new();
    struct peer *one = peer_new(loop, "a", DEAD_MS), *two = peer_new(loop, "a", DEAD_MS);
    (void)state;
    nodes_start(one->nodes, peer_result, one);
    nodes_start(two->nodes, peer_result, two);
    peer_until(one, one->done && two->done);
    one->done = two->done = false;
    assert_int_equal((one->err == DG_OK) + (two->err == DG_OK), 1);
    peer_kill(one);
    peer_kill(two);
    shared_end(loop);
}

/* It was killed a moment ago and is started again: it has its name back without anybody's help. */
static void a_name_is_had_back_after_a_crash(void **state)
{
    struct loop *loop = loop_new();
    struct peer *a = peer_new(loop, "a", DEAD_MS);
    char run[ID_SIZE];
    (void)state;
    peer_start(a);
    snprintf(run, sizeof run, "%s", shared_text("nodes", "a", "run"));
    peer_kill(a);
    a = peer_new(loop, "a", DEAD_MS);
    peer_start(a);
    assert_int_equal(a->err, DG_OK);
    assert_string_not_equal(shared_text("nodes", "a", "run"), run);
    peer_stop(a);
    a = peer_new(loop, "a", DEAD_MS); /* and after an orderly stop at once */
    peer_start(a);
    assert_int_equal(a->err, DG_OK);
    peer_stop(a);
    shared_end(loop);
}

/* Whoever has just come, or come back, knows too little to say who is dead. */
static void judging_takes_its_time(void **state)
{
    struct loop *loop = loop_new();
    struct peer *a = peer_new(loop, "a", DEAD_MS);
    (void)state;
    peer_start(a);
    peer_pause(a, DEAD_MS / 4);
    assert_false(nodes_may_judge(a->nodes));
    peer_until(a, nodes_may_judge(a->nodes));
    shared_cut_off(a->link, true);
    peer_until(a, !nodes_may_judge(a->nodes)); /* its lease runs out */
    shared_cut_off(a->link, false);
    peer_pause(a, DEAD_MS / 4);
    assert_false(nodes_may_judge(a->nodes));
    peer_until(a, nodes_may_judge(a->nodes));
    peer_stop(a);
    shared_end(loop);
}

static void only_a_dead_one_can_be_marked(void **state)
{
    struct loop *loop = loop_new();
    struct peer *a = peer_new(loop, "a", DEAD_MS), *b = peer_new(loop, "b", DEAD_MS);
    (void)state;
    peer_start(a);
    peer_start(b);
    peer_until(a, nodes_alive(a->nodes, "b"));
    nodes_mark(a->nodes, nodes_find(a->nodes, "b"), peer_result, a);
    peer_wait(a, &a->done);
    assert_string_equal(shared_text("nodes", "b", "state"), "running");

    peer_kill(b);
    peer_until(a, !nodes_alive(a->nodes, "b"));
    peer_pause(a, 300); /* the store's clock must agree */
    nodes_mark(a->nodes, nodes_find(a->nodes, "b"), peer_result, a);
    peer_wait(a, &a->done);
    assert_string_equal(shared_text("nodes", "b", "state"), "adopting");
    assert_string_equal(shared_text("nodes", "b", "adopter"), "a");

    /* The next run waits until its calls are taken over. */
    b = peer_new(loop, "b", DEAD_MS);
    nodes_start(b->nodes, peer_result, b);
    peer_pause(b, 600);
    assert_false(b->done);
    nodes_unmark(a->nodes, "b");
    peer_wait(b, &b->done);
    assert_int_equal(b->err, DG_OK);
    assert_string_equal(shared_text("nodes", "b", "state"), "running");
    peer_stop(b);
    peer_stop(a);
    shared_end(loop);
}

/* ---- Taken for dead, and alive --------------------------------------------------------- */

struct back {
    struct peer *peer;
    unsigned times;
};

static void on_returned(void *arg)
{
    ((struct back *)arg)->times++;
}

static bool keep(struct peer *p, const char *id, const char *json)
{
    struct store_batch b;
    store_batch_init(&b);
    store_batch_put(&b, COLLECTION_CALLS, id, (struct dg_bytes){json, strlen(json)},
                    DG_VERSION_ANY);
    bool kept = store_write_kept(p->store, &b);
    store_batch_free(&b);
    return kept;
}

static void set_true(void *arg)
{
    *(bool *)arg = true;
}

static void note_id(void *arg, const char *id)
{
    char *ids = arg;
    strncat(ids, id, 20);
}

/* It is frozen or cut off for too long: what it writes then waits until it knows what is its own,
 * and nothing comes over what its heir has written. */
static void the_late_writes_of_a_dead_one_wait(void **state)
{
    struct loop *loop = loop_new();
    struct peer *a = peer_new(loop, "a", DEAD_MS), *b = peer_new(loop, "b", DEAD_MS);
    struct back back = {.peer = b};
    char ids[100] = "";
    (void)state;
    peer_start(a);
    peer_start(b);
    nodes_tell(b->nodes, &(struct nodes_events){.returned = on_returned, .arg = &back});
    assert_true(keep(b, "x", "{\"by\":\"b\"}"));
    peer_until(b, shared_find("calls", "x"));

    shared_cut_off(b->link, true);
    peer_until(a, nodes_find(a->nodes, "b") && !nodes_alive(a->nodes, "b"));
    peer_pause(a, 300);
    nodes_mark(a->nodes, nodes_find(a->nodes, "b"), peer_result, a);
    peer_wait(a, &a->done);
    assert_string_equal(shared_text("nodes", "b", "state"), "adopting");
    assert_true(keep(b, "x", "{\"by\":\"b, late\"}"));
    assert_true(keep(b, "y", "{\"by\":\"b, late\"}"));
    shared_put("calls", "x", json_pack("{s:s}", "by", "a"));
    shared_cut_off(b->link, false);

    peer_pause(b, DEAD_MS / 2);
    assert_string_equal(shared_text("calls", "x", "by"), "a");
    assert_int_equal(back.times, 0); /* not while it is being marked */
    nodes_unmark(a->nodes, "b");
    peer_until(b, back.times == 1);
    assert_string_equal(shared_text("nodes", "b", "state"), "running");
    assert_string_equal(shared_text("calls", "x", "by"), "a");
    store_kept_each(b->store, COLLECTION_CALLS, note_id, ids);
    assert_string_equal(ids, "xy");
    store_kept_forget(b->store, COLLECTION_CALLS, "x");
    store_kept_forget(b->store, COLLECTION_CALLS, "unknown");
    peer_pause(b, DEAD_MS / 4);
    assert_null(shared_find("calls", "y")); /* not before it has settled */
    nodes_settled(b->nodes);
    peer_until(b, shared_find("calls", "y"));
    assert_string_equal(shared_text("calls", "x", "by"), "a");
    peer_stop(b);
    peer_stop(a);
    shared_end(loop);
}

static void who_was_replaced_is_told(void **state)
{
    struct loop *loop = loop_new();
    struct peer *a = peer_new(loop, "a", DEAD_MS), *b;
    bool told = false;
    (void)state;
    struct nodes_config config = {.loop = loop,
                                  .store = a->store,
                                  .notes = a->notes,
                                  .name = "a",
                                  .version = "1",
                                  .dead_after_ms = DEAD_MS,
                                  .replaced = set_true,
                                  .arg = &told};
    nodes_free(a->nodes);
    a->nodes = nodes_new(&config);
    peer_start(a);
    assert_int_equal(a->err, DG_OK);
    shared_cut_off(a->link, true);
    b = peer_new(loop, "a", DEAD_MS);
    peer_start(b);
    assert_int_equal(b->err, DG_OK);
    assert_false(told);
    shared_cut_off(a->link, false);
    peer_until(a, told);
    assert_true(keep(a, "x", "{}")); /* waits for ever */
    peer_pause(a, DEAD_MS / 2);
    assert_null(shared_find("calls", "x"));
    peer_stop(a);
    assert_string_equal(shared_text("nodes", "a", "state"), "running"); /* the other one's */
    peer_stop(b);
    shared_end(loop);
}

static void a_document_that_is_gone_is_made_again(void **state)
{
    struct loop *loop = loop_new();
    struct peer *a = peer_new(loop, "a", DEAD_MS);
    (void)state;
    peer_start(a);
    shared_drop(shared_find("nodes", "a"));
    peer_until(a, shared_find("nodes", "a"));
    assert_true(keep(a, "x", "{}"));
    peer_until(a, shared_find("calls", "x"));
    peer_stop(a);
    assert_string_equal(shared_text("nodes", "a", "state"), "stopped");
    shared_end(loop);
}

static void a_store_of_its_own_makes_it_alone(void **state)
{
    struct world *w = world_new();
    struct notes *notes = notes_new(w->store, NULL);
    struct nodes *n = nodes_new(&(struct nodes_config){.loop = w->loop,
                                                       .store = w->store,
                                                       .notes = notes,
                                                       .name = "not a plain name",
                                                       .version = "1",
                                                       .dead_after_ms = DEAD_MS});
    size_t writes = w->memory->writes;
    (void)state;
    assert_false(nodes_shared(n));
    nodes_start(n, world_ready, w);
    world_wait(w, &w->done);
    assert_true(nodes_alive(n, "not a plain name"));
    assert_int_equal(w->memory->writes, writes);
    nodes_stop(n, world_done, w);
    world_wait(w, &w->done);
    nodes_free(n);
    store_free(w->store);
    notes_free(notes);
    w->store = NULL;
    instance_close(w->instance, world_done, w);
    world_wait(w, &w->done);
    plug_free(w->plug);
    loop_free(w->loop);
    metrics_free(w->metrics);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_plain),
        cmocka_unit_test(each_sees_the_others),
        cmocka_unit_test(a_second_one_of_the_name_is_refused),
        cmocka_unit_test(two_that_start_at_once_do_not_both_get_it),
        cmocka_unit_test(a_name_is_had_back_after_a_crash),
        cmocka_unit_test(judging_takes_its_time),
        cmocka_unit_test(only_a_dead_one_can_be_marked),
        cmocka_unit_test(the_late_writes_of_a_dead_one_wait),
        cmocka_unit_test(who_was_replaced_is_told),
        cmocka_unit_test(a_document_that_is_gone_is_made_again),
        cmocka_unit_test(a_store_of_its_own_makes_it_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
