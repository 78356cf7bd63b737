/* marks_test.c - data/marks: what another gateway has changed is noticed, and not forgotten when it
 * could not be read. */
#include "shared_store.h"

#include "data/marks.h"

#define EVERY_MS 5
#define NEVER_MS 1000000

struct scene {
    struct loop *loop;
    struct peer *here, *there;
    struct marks *marks;
    unsigned users, tokens; /* how often they were said to have changed */
    bool done;
};

static void set_done(void *arg)
{
    *(bool *)arg = true;
}

static void count(void *arg)
{
    ++*(unsigned *)arg;
}

static void watch(struct scene *s, uint64_t every_ms)
{
    s->marks = marks_new(s->loop, s->here->store, every_ms);
    marks_watch(s->marks, MARK_USERS, count, &s->users);
    marks_watch(s->marks, MARK_TOKENS, count, &s->tokens);
}

static int open_scene(void **state)
{
    struct scene *s = xcalloc(1, sizeof *s);
    s->loop = loop_new();
    s->here = peer_new(s->loop, "here", 10000);
    s->there = peer_new(s->loop, "there", 10000);
    *state = s;
    return 0;
}

static int close_scene(void **state)
{
    struct scene *s = *state;
    marks_close(s->marks, set_done, &s->done);
    peer_wait(s->here, &s->done);
    peer_kill(s->here);
    peer_kill(s->there);
    shared_end(s->loop);
    free(s);
    return 0;
}

static void raise_there(struct scene *s, const char *mark)
{
    mark_raise(s->there->store, mark, peer_result, s->there);
    peer_wait(s->there, &s->there->done);
    assert_int_equal(s->there->err, DG_OK);
}

/* Looks twice: what was found the first time has been told then. */
static void look(struct scene *s)
{
    marks_look(s->marks);
    peer_pause(s->here, 20);
    marks_look(s->marks);
    peer_pause(s->here, 20);
}

static void each_rise_is_told_once(void **state)
{
    struct scene *s = *state;
    watch(s, NEVER_MS);
    look(s);
    assert_int_equal(s->users + s->tokens, 0);
    for (unsigned turn = 1; turn <= 3; turn++) {
        raise_there(s, MARK_USERS);
        assert_int_equal(s->users, turn - 1);
        look(s);
        assert_int_equal(s->users, turn);
        assert_int_equal(s->tokens, 0);
    }
    raise_there(s, MARK_TOKENS);
    raise_there(s, MARK_TOKENS);
    look(s);
    assert_int_equal(s->users, 3);
    assert_int_equal(s->tokens, 1);
}

static void what_was_there_before_is_told(void **state)
{
    struct scene *s = *state;
    raise_there(s, MARK_TOKENS);
    watch(s, NEVER_MS);
    look(s);
    assert_int_equal(s->tokens, 1);
    assert_int_equal(s->users, 0);
}

static void without_being_told_to_look(void **state)
{
    struct scene *s = *state;
    watch(s, EVERY_MS);
    for (unsigned turn = 1; turn <= 3; turn++) {
        raise_there(s, MARK_USERS);
        peer_until(s->here, s->users == turn);
    }
}

static void what_could_not_be_read_is_told_again(void **state)
{
    struct scene *s = *state;
    watch(s, NEVER_MS);
    raise_there(s, MARK_USERS);
    raise_there(s, MARK_TOKENS);
    look(s);
    marks_again(s->marks, MARK_USERS);
    assert_int_equal(s->users, 1);
    look(s);
    assert_int_equal(s->users, 2);
    assert_int_equal(s->tokens, 1);
}

static void while_the_store_is_away(void **state)
{
    struct scene *s = *state;
    watch(s, EVERY_MS);
    raise_there(s, MARK_USERS);
    peer_until(s->here, s->users == 1);
    shared_cut_off(s->here->link, true);
    raise_there(s, MARK_USERS);
    peer_pause(s->here, 20);
    assert_int_equal(s->users, 1);
    shared_cut_off(s->here->link, false);
    peer_until(s->here, s->users == 2);
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(each_rise_is_told_once),     IN_SCENE(what_was_there_before_is_told),
        IN_SCENE(without_being_told_to_look), IN_SCENE(what_could_not_be_read_is_told_again),
        IN_SCENE(while_the_store_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
