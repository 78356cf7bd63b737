/* loop_test.c - the control loop: messages, timers, watches, work, the end. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop.h"

static int setup(void **state)
{
    *state = loop_new();
    return 0;
}

static int teardown(void **state)
{
    loop_free(*state);
    return 0;
}

static void stop(void *arg)
{
    loop_stop(arg);
}

static void on_late(void *arg)
{
    (void)arg;
    fail_msg("what was waited for did not happen in 20 seconds");
}

/* Runs until something calls loop_stop; what never comes fails the test. */
static void run(struct loop *l)
{
    struct loop_timer *late = loop_timer(l, 20000, on_late, NULL);
    loop_run(l);
    loop_timer_stop(l, late);
}

/* ---- messages ------------------------------------------------------------ */

enum { POSTERS = 4, POSTS = 50000 };

struct numbered {
    struct loop_msg msg;
    struct posters *all;
    int from, number;
};

struct posters {
    struct loop *loop;
    int next[POSTERS];
    int seen;
};

struct poster {
    struct posters *all;
    int from;
};

static void on_numbered(struct loop_msg *msg)
{
    struct numbered *n = list_item(msg, struct numbered, msg);
    struct posters *all = n->all;
    assert_true(loop_here(all->loop));
    assert_int_equal(n->number, all->next[n->from]++);
    free(n);
    if (++all->seen == POSTERS * POSTS)
        loop_stop(all->loop);
}

static void *post_many(void *arg)
{
    struct poster *p = arg;
    for (int i = 0; i < POSTS; i++) {
        struct numbered *n = xmalloc(sizeof(*n));
        *n = (struct numbered){.msg.fn = on_numbered, .all = p->all, .from = p->from, .number = i};
        loop_post(p->all->loop, &n->msg);
    }
    return NULL;
}

static void posts_from_many_threads_come_in_order(void **state)
{
    struct posters all = {.loop = *state};
    pthread_t threads[POSTERS];
    struct poster posters[POSTERS];
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){&all, i};
        pthread_create(&threads[i], NULL, post_many, &posters[i]);
    }
    run(*state);
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(all.seen, POSTERS * POSTS);
}

struct chain {
    struct loop *loop;
    int rounds;
    bool inside, timer_came;
};

static void repost(void *arg)
{
    struct chain *c = arg;
    assert_false(c->inside);
    c->inside = true;
    c->rounds++;
    if (!c->timer_came)
        loop_call(c->loop, repost, c);
    c->inside = false;
}

static void end_chain(void *arg)
{
    struct chain *c = arg;
    c->timer_came = true;
    loop_stop(c->loop);
}

/* A message that posts itself again each time must not starve a timer. */
static void posts_do_not_starve_timers(void **state)
{
    struct chain c = {.loop = *state};
    loop_call(c.loop, repost, &c);
    loop_timer(c.loop, 20, end_chain, &c);
    run(c.loop);
    assert_true(c.timer_came);
    assert_true(c.rounds > 2);
}

struct flood {
    struct loop_msg msg[50000];
    struct loop *loop;
    int seen, seen_at_timer;
};

static struct flood *flooded;

static void note_seen(void *arg)
{
    struct flood *f = arg;
    f->seen_at_timer = f->seen;
}

static void on_flood(struct loop_msg *msg)
{
    (void)msg;
    struct flood *f = flooded;
    if (f->seen == 0)
        loop_timer(f->loop, 5, note_seen, f);
    uint64_t until = clock_us() + 2;
    while (clock_us() < until)
        ;
    if (++f->seen == 50000)
        loop_stop(f->loop);
}

static void a_flood_does_not_starve_timers(void **state)
{
    struct flood *f = flooded = xcalloc(1, sizeof(*f));
    f->loop = *state;
    for (int i = 0; i < 50000; i++) {
        f->msg[i].fn = on_flood;
        loop_post(f->loop, &f->msg[i]);
    }
    run(f->loop);
    assert_int_equal(f->seen, 50000);
    assert_true(f->seen_at_timer > 0 && f->seen_at_timer < 50000);
    free(f);
}

static void count(void *arg)
{
    ++*(int *)arg;
}

static void what_is_posted_at_the_end_is_run(void **state)
{
    struct loop *l = loop_new();
    int seen = 0;
    (void)state;
    loop_call(l, stop, l);
    loop_run(l);
    loop_call(l, count, &seen);
    loop_free(l);
    assert_int_equal(seen, 1);
}

/* ---- the hook before waiting ----------------------------------------------- */

struct batch {
    struct loop *loop;
    int collected, batches, sent;
};

static void collect(void *arg)
{
    ((struct batch *)arg)->collected++;
}

static void send_batch(void *arg)
{
    struct batch *b = arg;
    if (!b->collected)
        return;
    b->batches++;
    b->sent += b->collected;
    b->collected = 0;
    if (b->sent == 100)
        loop_stop(b->loop);
}

static void before_wait_sees_whole_turns(void **state)
{
    (void)state;
    struct batch b = {.loop = loop_new()}; /* the hook lives as long as the loop */
    loop_before_wait(b.loop, send_batch, &b);
    for (int i = 0; i < 100; i++)
        loop_call(b.loop, collect, &b);
    run(b.loop);
    loop_free(b.loop);
    assert_int_equal(b.sent, 100);
    assert_int_equal(b.batches, 1);
}

/* ---- timers ---------------------------------------------------------------- */

struct timing {
    struct loop *loop;
    char order[8];
    int n;
    uint64_t started;
};

static void first(void *arg)
{
    struct timing *t = arg;
    t->order[t->n++] = 'a';
}

static void second(void *arg)
{
    struct timing *t = arg;
    t->order[t->n++] = 'b';
    assert_true(uv_hrtime() / 1000000 - t->started >= 29);
    loop_stop(t->loop);
}

static void timers_fire_in_order_and_not_early(void **state)
{
    struct timing t = {.loop = *state, .started = uv_hrtime() / 1000000};
    loop_timer(t.loop, 30, second, &t);
    struct loop_timer *never = loop_timer(t.loop, 10, on_late, NULL);
    loop_timer(t.loop, 0, first, &t);
    loop_timer_stop(t.loop, never);
    loop_timer_stop(t.loop, NULL);
    run(t.loop);
    assert_string_equal(t.order, "ab");
}

struct rearming {
    struct loop *loop;
    int fired;
    bool message;
};

static void rearm(void *arg)
{
    struct rearming *r = arg;
    r->fired++;
    if (!r->message)
        loop_timer(r->loop, 0, rearm, r);
    else
        loop_stop(r->loop);
}

static void on_message(void *arg)
{
    ((struct rearming *)arg)->message = true;
}

static void a_timer_of_zero_does_not_starve_messages(void **state)
{
    struct rearming r = {.loop = *state};
    loop_timer(r.loop, 0, rearm, &r);
    loop_call(r.loop, on_message, &r);
    run(r.loop);
    assert_true(r.message);
}

static void many_timers_are_started_and_stopped(void **state)
{
    struct loop *l = *state;
    struct loop_timer *t[1000];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++)
            t[i] = loop_timer(l, 100000, on_late, NULL);
        for (int i = 0; i < 1000; i++)
            loop_timer_stop(l, t[i]);
    }
    loop_timer(l, 1, stop, l);
    run(l);
}

/* ---- watches --------------------------------------------------------------- */

struct pair {
    struct loop *loop;
    int fd[2];
    struct loop_watch *watch;
    int reads, writes;
};

static void on_pair(void *arg, unsigned ready)
{
    struct pair *p = arg;
    char c;
    if (ready & DG_WRITE) {
        p->writes++;
        loop_watch_want(p->watch, DG_READ);
        assert_int_equal(write(p->fd[1], "xyz", 3), 3);
    }
    if (ready & DG_READ) {
        p->reads++;
        assert_int_equal(read(p->fd[0], &c, 1), 1);
        if (c == 'z') {
            loop_watch_stop(p->watch);
            loop_stop(p->loop);
        }
    }
}

static void watches_are_level_triggered(void **state)
{
    struct pair p = {.loop = *state};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p.fd), 0);
    p.watch = loop_watch(p.loop, p.fd[0], DG_READ | DG_WRITE, on_pair, &p);
    assert_non_null(p.watch);
    assert_null(loop_watch(p.loop, p.fd[0], DG_READ, on_pair, &p));
    run(p.loop);
    assert_int_equal(p.reads, 3);
    assert_int_equal(p.writes, 1);
    close(p.fd[0]);
    close(p.fd[1]);
}

/* ---- work ------------------------------------------------------------------ */

enum { JOBS = 20 };

struct jobs {
    struct loop *loop;
    _Atomic int running, most;
    pthread_mutex_t gate;
    int started, done;
};

static void work(void *arg)
{
    struct jobs *j = arg;
    assert_false(loop_here(j->loop));
    int now = atomic_fetch_add(&j->running, 1) + 1;
    int most = atomic_load(&j->most);
    while (now > most && !atomic_compare_exchange_weak(&j->most, &most, now))
        ;
    pthread_mutex_lock(&j->gate);
    pthread_mutex_unlock(&j->gate);
    atomic_fetch_sub(&j->running, 1);
}

static void work_done(void *arg)
{
    struct jobs *j = arg;
    assert_true(loop_here(j->loop));
    if (++j->done == j->started)
        loop_stop(j->loop);
}

static void fill_lane(void *arg)
{
    struct jobs *j = arg;
    size_t width = uv_available_parallelism() / 2;
    width = width ? width : 1;
    loop_lane_bound(j->loop, LANE_CPU, 2);
    for (int i = 0; i < JOBS; i++)
        j->started += loop_work(j->loop, LANE_CPU, work, work_done, j);
    assert_int_equal(j->started, (int)width + 2);
    loop_work_owed(j->loop, LANE_CPU, work, work_done, j);
    j->started++;
    pthread_mutex_unlock(&j->gate);
}

static void lanes_have_a_width_and_a_bound(void **state)
{
    struct jobs j = {.loop = *state, .gate = PTHREAD_MUTEX_INITIALIZER};
    pthread_mutex_lock(&j.gate);
    loop_call(j.loop, fill_lane, &j);
    run(j.loop);
    assert_int_equal(j.done, j.started);
    assert_true(atomic_load(&j.most) <= j.done - 3);
}

static void work_under_way_is_finished_at_the_end(void **state)
{
    (void)state;
    struct loop *l = loop_new();
    struct jobs j = {.loop = l, .gate = PTHREAD_MUTEX_INITIALIZER, .started = 3};
    loop_call(l, stop, l);
    loop_run(l);
    for (int i = 0; i < 3; i++)
        assert_true(loop_work(l, LANE_CPU, work, work_done, &j));
    loop_free(l);
    assert_int_equal(j.done, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(posts_from_many_threads_come_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(posts_do_not_starve_timers, setup, teardown),
        cmocka_unit_test_setup_teardown(a_flood_does_not_starve_timers, setup, teardown),
        cmocka_unit_test(what_is_posted_at_the_end_is_run),
        cmocka_unit_test(before_wait_sees_whole_turns),
        cmocka_unit_test_setup_teardown(timers_fire_in_order_and_not_early, setup, teardown),
        cmocka_unit_test_setup_teardown(a_timer_of_zero_does_not_starve_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(many_timers_are_started_and_stopped, setup, teardown),
        cmocka_unit_test_setup_teardown(watches_are_level_triggered, setup, teardown),
        cmocka_unit_test_setup_teardown(lanes_have_a_width_and_a_bound, setup, teardown),
        cmocka_unit_test(work_under_way_is_finished_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
