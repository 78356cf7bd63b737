/* backend_queues.c - queues and who works in them, and the server's own words. The
 * server's first queue is used; a server without one is not tested. */
#include "backend_rig.h"

#define MEMBER "Local/7001@contract"

/* What was listed, as far as these tests look at it. */
struct listed {
    struct rig *rig;
    bool answered;
    enum dg_err err;
    size_t count;
    char queue[80];
    bool is_member, paused;
    uint32_t penalty;
    char text[200];
};

static void on_queues(void *arg, const struct op_result *res)
{
    struct listed *l = arg;
    const struct dg_queue *first = op_first(res, struct dg_queue);
    l->answered = true;
    l->err = res->err;
    l->count = res->count;
    if (first)
        snprintf(l->queue, sizeof l->queue, "%s", first->name);
    loop_stop(l->rig->loop);
}

static void on_members(void *arg, const struct op_result *res)
{
    struct listed *l = arg;
    l->answered = true;
    l->err = res->err;
    l->count = res->count;
    for (size_t i = 0; i < res->count; i++) {
        const struct dg_queue_member *m = res->items[i];
        if (strcmp(m->interface, MEMBER) != 0)
            continue;
        l->is_member = true;
        l->paused = m->paused;
        l->penalty = m->penalty;
    }
    loop_stop(l->rig->loop);
}

static void on_native(void *arg, const struct op_result *res)
{
    struct listed *l = arg;
    const struct dg_bytes *json = op_first(res, struct dg_bytes);
    l->answered = true;
    l->err = res->err;
    if (json)
        snprintf(l->text, sizeof l->text, "%.*s", (int)json->len, json->ptr);
    loop_stop(l->rig->loop);
}

static bool is_answered(struct rig *r, const void *arg)
{
    (void)r;
    return ((const struct listed *)arg)->answered;
}

static struct listed queues_of(struct rig *r)
{
    const struct dg_filter all = {0};
    struct listed l = {.rig = r};
    backend_queues(r->in, &all, on_queues, &l);
    assert_true(rig_until(r, is_answered, &l));
    assert_int_equal(l.err, DG_OK);
    return l;
}

static struct listed members_of(struct rig *r, const char *queue)
{
    const struct dg_filter named = {.text = queue};
    struct listed l = {.rig = r};
    backend_members(r->in, &named, on_members, &l);
    assert_true(rig_until(r, is_answered, &l));
    assert_int_equal(l.err, DG_OK);
    return l;
}

static enum dg_err change(struct rig *r, const char *queue, enum dg_member_change what)
{
    struct answer a = {0};
    const struct dg_queue_change req = {.queue = queue,
                                        .interface = MEMBER,
                                        .name = "contract",
                                        .reason = "lunch",
                                        .change = what,
                                        .penalty = what == DG_MEMBER_PENALTY ? 7 : 0};
    return ASK(r, &a, queue_change, &req);
}

static void members_come_and_go(void **state)
{
    struct rig *r = *state;
    if (!rig_can(r, "queues") || !rig_can(r, "members") || !rig_can(r, "queue_change"))
        skip();
    const struct listed queues = queues_of(r);
    if (!queues.count)
        skip();
    size_t before = members_of(r, queues.queue).count;
    assert_int_equal(change(r, queues.queue, DG_MEMBER_ADD), DG_OK);
    struct listed now = members_of(r, queues.queue);
    assert_int_equal(now.count, before + 1);
    assert_true(now.is_member && !now.paused);
    assert_int_equal(change(r, queues.queue, DG_MEMBER_ADD), DG_ECONFLICT);
    assert_int_equal(change(r, queues.queue, DG_MEMBER_PAUSE), DG_OK);
    assert_true(members_of(r, queues.queue).paused);
    assert_int_equal(change(r, queues.queue, DG_MEMBER_RESUME), DG_OK);
    assert_false(members_of(r, queues.queue).paused);
    assert_int_equal(members_of(r, queues.queue).penalty, 0);
    assert_int_equal(change(r, queues.queue, DG_MEMBER_PENALTY), DG_OK);
    assert_int_equal(members_of(r, queues.queue).penalty, 7);
    assert_true(rig_saw(r, DG_QUEUE_CHANGED, queues.queue));
    assert_int_equal(change(r, queues.queue, DG_MEMBER_REMOVE), DG_OK);
    assert_int_equal(members_of(r, queues.queue).count, before);
    assert_int_equal(change(r, queues.queue, DG_MEMBER_REMOVE), DG_ENOTFOUND);
    assert_int_equal(change(r, queues.queue, DG_MEMBER_PAUSE), DG_ENOTFOUND);
    assert_int_equal(change(r, queues.queue, DG_MEMBER_PENALTY), DG_ENOTFOUND);
    assert_int_equal(change(r, "no-such-queue", DG_MEMBER_ADD), DG_ENOTFOUND);
}

static struct listed native(struct rig *r, const char *verb)
{
    const struct dg_native req = {.verb = verb};
    struct listed l = {.rig = r};
    backend_native(r->in, &req, on_native, &l);
    assert_true(rig_until(r, is_answered, &l));
    return l;
}

/* In the words of the two interfaces of Asterisk; others are not known here. */
static void the_servers_own_words(void **state)
{
    struct rig *r = *state;
    bool manager = strcmp(r->plugin->name, "ami") == 0;
    if (!rig_can(r, "native") || (!manager && strcmp(r->plugin->name, "ari") != 0))
        skip();
    const struct listed told = native(r, manager ? "CoreSettings" : "GET /asterisk/info");
    assert_int_equal(told.err, DG_OK);
    assert_int_equal(told.text[0], '{');
    assert_non_null(strstr(told.text, manager ? "AsteriskVersion" : "build"));
    assert_int_not_equal(native(r, manager ? "NoSuchAction" : "GET /no/such").err, DG_OK);
    /* What would end the session is refused, and it goes on. */
    assert_int_equal(native(r, manager ? "Logoff" : "no verb").err, DG_EINVAL);
    assert_int_equal(native(r, manager ? "Ping\r\nAction: Logoff" : "GET /a\r\nb").err, DG_EINVAL);
    assert_int_equal(r->in->link, DG_LINK_UP);
}

int suite_queues(struct rig *r)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(members_come_and_go),
        RIG_TEST(the_servers_own_words),
    };
    return cmocka_run_group_tests_name("queues", tests, NULL, NULL);
}
