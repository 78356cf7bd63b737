/* swap_test.c - domain/backends and domain/routing: another active backend, the
 * fallback, who carries what, draining. The backends do what the test says. */
#include "memory_store.h"

#include "base/clock.h"
#include "base/log.h"
#include "domain/call_record.h"
#include "domain/calls.h"

#define BACKENDS 4

/* An instance of the plugin below. */
struct fake {
    const struct dg_host *h;
    struct dg_op *originate; /* still open */
    unsigned originates;
    char dialled[ID_SIZE], endpoint[64];
    char shows[ID_SIZE]; /* calls() lists it; empty: nothing */
};

struct bed {
    struct world *world;
    struct bus *bus;
    struct snapshots *snapshots;
    struct calls *calls;
    struct instance *instances[BACKENDS];
    struct fake *opened;
    unsigned drained, closing; /* `closing`: of those that were drained */
    bool answered;
    enum dg_err err;
    enum call_state state;
    char id[ID_SIZE], backend[32], reason[64];
    bool mock;
};

static struct bed *the;

/* ---- A backend -------------------------------------------------------------------- */

static enum dg_err open_fake(const struct dg_host *h, void **self)
{
    struct fake *f = xcalloc(1, sizeof *f);
    f->h = h;
    *self = the->opened = f;
    h->link(h, DG_LINK_CONNECTING, NULL);
    return DG_OK;
}

static void close_fake(void *self, struct dg_op *op)
{
    struct fake *f = self;
    const struct dg_host *h = f->h;
    if (f->originate)
        (h->fail)(f->originate, DG_EUNAVAILABLE, "closed");
    free(f);
    h->done(op);
}

static void fake_originate(void *self, const struct dg_originate *req, struct dg_op *op)
{
    struct fake *f = self;
    f->originate = op;
    f->originates++;
    snprintf(f->dialled, sizeof f->dialled, "%s", req->call);
    snprintf(f->endpoint, sizeof f->endpoint, "%s", req->endpoint);
}

static void fake_hangup(void *self, const struct dg_hangup *req, struct dg_op *op)
{
    (void)req;
    ((struct fake *)self)->h->done(op);
}

static void fake_calls(void *self, const struct dg_filter *req, struct dg_op *op)
{
    struct fake *f = self;
    struct dg_call call = {.size = sizeof call, .id = f->shows, .state = DG_CHANNEL_UP};
    (void)req;
    if (*f->shows)
        f->h->item(op, &call);
    f->h->done(op);
}

static const struct dg_backend table = {
    .size = sizeof table, .originate = fake_originate, .hangup = fake_hangup, .calls = fake_calls};
static const struct dg_cfg_key no_keys[] = {{0}};
static const struct dg_plugin plugin = {.size = sizeof plugin,
                                        .abi_major = DG_ABI_MAJOR,
                                        .abi_minor = DG_ABI_MINOR,
                                        .name = "fake",
                                        .version = "1",
                                        .summary = "a backend of the tests",
                                        .config = no_keys,
                                        .backend = &table,
                                        .open = open_fake,
                                        .close = close_fake};

/* ---- The bed ------------------------------------------------------------------------- */

static void settle(struct bed *b)
{
    for (int i = 0; i < 60; i++)
        uv_run(loop_uv(b->world->loop), UV_RUN_NOWAIT);
}

static void pass(struct bed *b, uint64_t ms)
{
    uint64_t until = clock_ms() + ms;
    while (clock_ms() < until)
        uv_run(loop_uv(b->world->loop), UV_RUN_NOWAIT);
}

static void on_event(void *arg, struct instance *in, const struct dg_event *ev)
{
    calls_event(((struct bed *)arg)->calls, in, ev);
}

static void on_link(void *arg, struct instance *in, enum dg_link link, const char *detail)
{
    (void)detail;
    calls_link(((struct bed *)arg)->calls, in, link);
}

static struct fake *fake_of(const struct instance *in)
{
    return in->self;
}

/* Opened, and connecting. Its endpoint's technology is its name. */
static struct instance *add(struct bed *b, unsigned slot, const char *name, bool mock)
{
    static const struct call_limits limits = {.max_queued = 10, .queue_ms = 3000};
    struct plug_events events = {.event = on_event, .link = on_link, .arg = b};
    struct problem why = {0};
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "%s/{number}", name);
    const struct call_defaults defaults = {.endpoint = endpoint,
                                           .context = "outbound-ivr",
                                           .extension = "s",
                                           .caller_id = "x",
                                           .priority = 1,
                                           .ring_ms = 30000};
    struct instance *in =
        instance_open(b->world->plug, &plugin, name, world_settings(no_keys, NULL), &events, &why);
    assert_non_null(in);
    b->instances[slot] = in;
    calls_use(b->calls, in, mock, &defaults, &limits);
    return in;
}

static void says(struct bed *b, struct instance *in, enum dg_link link)
{
    const struct dg_host *h = fake_of(in)->h;
    h->link(h, link, link == DG_LINK_DOWN ? "cut" : NULL);
    settle(b);
}

static void runs(struct instance *in, const char *run)
{
    const struct dg_host *h = fake_of(in)->h;
    h->server_run(h, run);
}

static void render(const struct call *c, struct buf *out)
{
    buf_adds(out, call_state_name(c->state));
}

static int set_up(void **state)
{
    struct bed *b = the = xcalloc(1, sizeof *b);
    log_setup(&(struct log_config){.level = DG_ERROR + 1});
    b->world = world_new();
    b->snapshots = snapshots_new(1);
    b->bus = bus_new();
    b->calls = calls_new(&(struct calls_config){.loop = b->world->loop,
                                                .store = b->world->store,
                                                .bus = b->bus,
                                                .snapshots = b->snapshots,
                                                .render = render,
                                                .node = "here",
                                                .retention = {.recent_max = 100}});
    says(b, add(b, 0, "one", false), DG_LINK_UP);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *b = *state;
    calls_stop(b->calls);
    for (int i = 0; i < BACKENDS; i++) {
        if (!b->instances[i])
            continue;
        b->world->done = false;
        instance_close(b->instances[i], world_done, b->world);
        world_wait(b->world, &b->world->done);
    }
    while (b->closing)
        uv_run(loop_uv(b->world->loop), UV_RUN_ONCE);
    calls_free(b->calls);
    settle(b);
    b->world->done = false;
    bus_free(b->bus);
    snapshots_free(b->snapshots);
    world_free(b->world);
    free(b);
    return 0;
}

static void on_closed(void *arg)
{
    ((struct bed *)arg)->closing--;
}

static void on_drained(void *arg, struct instance *in)
{
    struct bed *b = arg;
    b->drained++;
    for (int i = 0; i < BACKENDS; i++) {
        if (b->instances[i] == in)
            b->instances[i] = NULL;
    }
    b->closing++;
    instance_close(in, on_closed, b);
}

static void route(struct bed *b, struct instance *active, struct instance *fallback,
                  uint64_t hold_ms, uint64_t switch_ms)
{
    const struct calls_route r = {
        .active = active, .fallback = fallback, .hold_ms = hold_ms, .switch_ms = switch_ms};
    calls_route(b->calls, &r);
    settle(b);
}

static void on_answer(void *arg, const struct call_answer *answer)
{
    struct bed *b = arg;
    b->answered = true;
    b->err = answer->err;
    if (!answer->call)
        return;
    b->state = answer->call->state;
    b->mock = answer->call->mock;
    memcpy(b->id, answer->call->id, sizeof b->id);
    snprintf(b->backend, sizeof b->backend, "%s", answer->call->backend);
    snprintf(b->reason, sizeof b->reason, "%s",
             answer->call->failure_reason ? answer->call->failure_reason : "");
}

static void ask(struct bed *b)
{
    const struct call_request req = {.phone_number = "+15550100", .api = "test", .user = "tester"};
    b->answered = false;
    calls_originate(b->calls, &req, on_answer, b);
    settle(b);
}

/* It went to this backend, which has accepted it. */
static void placed_on(struct bed *b, struct instance *in)
{
    struct fake *f = fake_of(in);
    assert_non_null(f->originate);
    struct dg_op *op = f->originate;
    char name[32];
    snprintf(name, sizeof name, "%s", in->name); /* one that drains may be gone soon */
    f->originate = NULL;
    f->h->done(op);
    settle(b);
    assert_true(b->answered);
    assert_int_equal(b->state, CALL_DIALING);
    assert_string_equal(b->backend, name);
}

static void refuses(struct bed *b, struct instance *in, enum dg_err err)
{
    struct fake *f = fake_of(in);
    assert_non_null(f->originate);
    struct dg_op *op = f->originate;
    f->originate = NULL;
    (f->h->fail)(op, err, "no");
    settle(b);
}

static void emit(struct bed *b, struct instance *in, const char *id, enum dg_event_type type)
{
    const struct dg_host *h = fake_of(in)->h;
    struct dg_event ev = {DG_SIZED(struct dg_event), .type = type, .call = id, .cause = 16};
    h->emit(h, &ev);
    settle(b);
}

/* ---- Another active backend --------------------------------------------------------------- */

static void switched_when_connected(void **state)
{
    struct bed *b = *state;
    struct instance *one = b->instances[0], *two = add(b, 1, "two", false);
    route(b, one, NULL, 0, 5000);
    route(b, two, NULL, 0, 5000);
    assert_ptr_equal(calls_backend(b->calls), one);
    ask(b);
    placed_on(b, one);
    says(b, two, DG_LINK_UP);
    assert_ptr_equal(calls_backend(b->calls), two);
    ask(b);
    placed_on(b, two);
    assert_string_equal(fake_of(two)->endpoint, "two/+15550100");
}

static void switched_when_the_time_is_over(void **state)
{
    struct bed *b = *state;
    struct instance *one = b->instances[0], *two = add(b, 1, "two", false);
    route(b, one, NULL, 0, 0);
    route(b, two, NULL, 0, 100);
    assert_ptr_equal(calls_serving(b->calls), one);
    pass(b, 200);
    assert_ptr_equal(calls_serving(b->calls), two);
    ask(b);
    assert_int_equal(b->state, CALL_FAILED);
    assert_int_equal(fake_of(one)->originates, 0);
}

static void taken_back_before_it_was_connected(void **state)
{
    struct bed *b = *state;
    struct instance *one = b->instances[0], *two = add(b, 1, "two", false);
    route(b, one, NULL, 0, 0);
    route(b, two, NULL, 0, 100);
    route(b, one, NULL, 0, 100);
    says(b, two, DG_LINK_UP);
    pass(b, 200);
    assert_ptr_equal(calls_backend(b->calls), one);
}

/* The old link goes before the new one is there: nobody is refused. */
static void calls_wait_for_the_new_link(void **state)
{
    struct bed *b = *state;
    struct instance *one = b->instances[0], *two = add(b, 1, "two", false);
    route(b, one, NULL, 0, 0);
    route(b, two, NULL, 0, 5000);
    says(b, one, DG_LINK_DOWN);
    ask(b);
    assert_false(b->answered);
    assert_int_equal(fake_of(one)->originates + fake_of(two)->originates, 0);
    says(b, two, DG_LINK_UP);
    placed_on(b, two);
    /* And when it cannot be made: the documented failure, not a wait. */
    struct instance *three = add(b, 2, "three", false);
    route(b, three, NULL, 0, 5000);
    says(b, two, DG_LINK_DOWN);
    ask(b);
    assert_false(b->answered);
    says(b, three, DG_LINK_DOWN);
    assert_true(b->answered);
    assert_int_equal(b->state, CALL_FAILED);
}

/* ---- Who carries what --------------------------------------------------------------------- */

static void calls_stay_with_their_carrier(void **state)
{
    struct bed *b = *state;
    struct instance *one = b->instances[0], *two = add(b, 1, "two", false);
    says(b, two, DG_LINK_UP);
    route(b, one, NULL, 0, 0);
    ask(b);
    placed_on(b, one);
    route(b, two, NULL, 0, 0);
    calls_drain(b->calls, one, on_drained, b);
    /* Both see the same server. */
    emit(b, two, b->id, DG_CALL_ENDED);
    assert_int_equal(calls_live(b->calls), 1);
    emit(b, one, b->id, DG_CALL_ANSWERED);
    /* The list of the one says nothing about a call of the other. */
    says(b, two, DG_LINK_DOWN);
    says(b, two, DG_LINK_UP);
    pass(b, 2300);
    assert_int_equal(calls_live(b->calls), 1);
    assert_int_equal(b->drained, 0);
    emit(b, one, b->id, DG_CALL_ENDED);
    assert_int_equal(calls_live(b->calls), 0);
    struct memory_doc *cdr = memory_find(b->world->memory, "cdr", b->id);
    assert_non_null(cdr);
    assert_non_null(strstr(cdr->json, "\"backend\":\"one\""));
    for (int i = 0; i < 60 && !b->drained; i++)
        pass(b, 100);
    assert_int_equal(b->drained, 1);
    struct backend_view views[4];
    assert_int_equal(calls_backends(b->calls, views, 4), 1);
}

static void a_drain_is_taken_back(void **state)
{
    struct bed *b = *state;
    struct instance *one = b->instances[0], *two = add(b, 1, "two", false);
    says(b, two, DG_LINK_UP);
    route(b, two, NULL, 0, 0);
    calls_drain(b->calls, one, on_drained, b);
    calls_keep(b->calls, one);
    route(b, one, NULL, 0, 0);
    pass(b, 3200);
    assert_int_equal(b->drained, 0);
    ask(b);
    placed_on(b, one);
}

/* A table has changed: a second instance of the name throws the first one out, on the same server.
 * What the first one asked for is still answered. */
static void calls_are_handed_over(void **state)
{
    struct bed *b = *state;
    struct instance *old = b->instances[0];
    char first[ID_SIZE];
    runs(old, "run 1");
    route(b, old, NULL, 0, 0);
    ask(b);
    placed_on(b, old);
    emit(b, old, b->id, DG_CALL_ANSWERED);
    memcpy(first, b->id, sizeof first);
    ask(b); /* under way */
    struct instance *fresh = add(b, 1, "one", false);
    route(b, fresh, NULL, 0, 5000);
    calls_drain(b->calls, old, on_drained, b);
    says(b, old, DG_LINK_DOWN);
    runs(fresh, "run 1");
    memcpy(fake_of(fresh)->shows, first, sizeof first);
    says(b, fresh, DG_LINK_UP);
    assert_true(calls_handed_over(b->calls, old));
    pass(b, 300);
    assert_int_equal(b->drained, 0);
    placed_on(b, old); /* its answer counts */
    emit(b, fresh, b->id, DG_CALL_ENDED);
    emit(b, fresh, first, DG_CALL_ENDED);
    assert_int_equal(calls_live(b->calls), 0);
    pass(b, 400);
    assert_int_equal(b->drained, 1);
}

static void calls_of_another_server_are_not(void **state)
{
    struct bed *b = *state;
    struct instance *old = b->instances[0];
    runs(old, "run 1");
    ask(b);
    placed_on(b, old);
    struct instance *fresh = add(b, 1, "one", false);
    route(b, fresh, NULL, 0, 0);
    calls_drain(b->calls, old, on_drained, b);
    says(b, old, DG_LINK_DOWN);
    runs(fresh, "run 2");
    says(b, fresh, DG_LINK_UP);
    pass(b, 2300);
    assert_false(calls_handed_over(b->calls, old));
    assert_int_equal(calls_live(b->calls), 1);
}

/* ---- The fallback ------------------------------------------------------------------------- */

static void fallback_and_back(void **state)
{
    struct bed *b = *state;
    struct instance *one = b->instances[0], *two = add(b, 1, "two", true);
    says(b, two, DG_LINK_UP);
    route(b, one, two, 2000, 0);
    says(b, one, DG_LINK_DOWN);
    assert_ptr_equal(calls_backend(b->calls), one);
    assert_ptr_equal(calls_serving(b->calls), two);
    ask(b);
    placed_on(b, two);
    assert_true(b->mock);
    /* A link that comes and goes takes nothing along. */
    says(b, one, DG_LINK_UP);
    pass(b, 1000);
    says(b, one, DG_LINK_DOWN);
    says(b, one, DG_LINK_UP);
    pass(b, 1200);
    assert_ptr_equal(calls_serving(b->calls), two);
    while (calls_serving(b->calls) != one)
        uv_run(loop_uv(b->world->loop), UV_RUN_ONCE);
    ask(b);
    placed_on(b, one);
    assert_false(b->mock);
}

static void no_hold_where_the_fallback_is_away(void **state)
{
    struct bed *b = *state;
    struct instance *one = b->instances[0], *two = add(b, 1, "two", false);
    says(b, two, DG_LINK_UP);
    route(b, one, two, 60000, 0);
    says(b, one, DG_LINK_DOWN);
    says(b, one, DG_LINK_UP);
    assert_ptr_equal(calls_serving(b->calls), two);
    says(b, two, DG_LINK_DOWN);
    assert_ptr_equal(calls_serving(b->calls), one);
}

static void not_while_it_is_connecting_at_first(void **state)
{
    struct bed *b = *state;
    struct instance *one = b->instances[0], *two = add(b, 1, "two", false);
    route(b, two, one, 0, 0);
    assert_ptr_equal(calls_serving(b->calls), two);
    says(b, two, DG_LINK_DOWN);
    assert_ptr_equal(calls_serving(b->calls), one);
}

/* Nothing was dialled, for certain: the link was lost while the call was written down, or the
 * server says so. */
static void what_was_not_dialled_is_dialled_there(void **state)
{
    struct bed *b = *state;
    struct instance *one = b->instances[0], *two = add(b, 1, "two", false);
    const struct call_request req = {.phone_number = "+15550100", .api = "test"};
    says(b, two, DG_LINK_UP);
    route(b, one, two, 0, 0);
    b->answered = false;
    calls_originate(b->calls, &req, on_answer, b);
    says(b, one, DG_LINK_DOWN);
    assert_int_equal(fake_of(one)->originates, 0);
    placed_on(b, two);
    assert_string_equal(fake_of(two)->endpoint, "two/+15550100");
    struct memory_doc *record = memory_find(b->world->memory, "calls", b->id);
    assert_non_null(strstr(record->json, "\"backend\":\"two\""));
    says(b, one, DG_LINK_UP);
    ask(b);
    struct fake *f = fake_of(one);
    says(b, one, DG_LINK_DOWN);
    refuses(b, one, DG_EUNAVAILABLE);
    assert_string_equal(f->dialled, fake_of(two)->dialled);
    placed_on(b, two);
}

static void what_is_in_doubt_is_not(void **state)
{
    static const enum dg_err doubts[] = {DG_EUPSTREAM, DG_ETIMEOUT, DG_EINVAL};
    struct bed *b = *state;
    struct instance *one = b->instances[0], *two = add(b, 1, "two", false);
    says(b, two, DG_LINK_UP);
    route(b, one, two, 0, 0);
    for (size_t i = 0; i < COUNT(doubts); i++) {
        says(b, one, DG_LINK_UP);
        ask(b);
        says(b, one, DG_LINK_DOWN);
        refuses(b, one, doubts[i]);
        assert_true(b->answered);
        assert_int_equal(b->state, CALL_FAILED);
        assert_string_equal(b->reason, "no");
    }
    /* Neither is what an event has named. */
    says(b, one, DG_LINK_UP);
    ask(b);
    emit(b, one, fake_of(one)->dialled, DG_CALL_STARTED);
    says(b, one, DG_LINK_DOWN);
    refuses(b, one, DG_EUNAVAILABLE);
    assert_int_equal(fake_of(two)->originates, 0);
}

/* ---- A server that stays away ------------------------------------------------------------- */

static void later(uint64_t ms)
{
    clock_fake(clock_ms() + ms, clock_unix_ms() + (int64_t)ms);
}

static void ended_truthfully(struct bed *b, const char *id)
{
    const struct memory_doc *call = memory_find(b->world->memory, COLLECTION_CALLS, id);
    const struct memory_doc *cdr = memory_find(b->world->memory, COLLECTION_CDR, id);
    static const char *const says[] = {"\"status\":\"failed\"", "\"backend\":\"one\"",
                                       "\"failure_reason\":\"backend_lost\"", "\"estimated\":true"};
    assert_non_null(call);
    assert_non_null(cdr);
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        assert_non_null(strstr(call->json, says[i]));
        assert_non_null(strstr(cdr->json, says[i]));
    }
}

/* It drains, its link goes and does not come back: its calls are given up, and it is closed. */
static void the_old_server_never_comes_back(void **state)
{
    struct bed *b = *state;
    struct instance *one = b->instances[0], *two = add(b, 1, "two", false);
    char talks[ID_SIZE], rings[ID_SIZE];
    says(b, two, DG_LINK_UP);
    route(b, one, NULL, 0, 0);
    ask(b);
    placed_on(b, one);
    memcpy(talks, b->id, sizeof talks);
    emit(b, one, talks, DG_CALL_ANSWERED);
    ask(b);
    placed_on(b, one);
    memcpy(rings, b->id, sizeof rings);
    route(b, two, NULL, 0, 0);
    calls_drain(b->calls, one, on_drained, b);
    says(b, one, DG_LINK_DOWN);
    pass(b, 700);
    assert_int_equal(calls_live(b->calls), 2);
    assert_int_equal(b->drained, 0);
    later(10 * 60 * 1000);
    while (calls_live(b->calls))
        uv_run(loop_uv(b->world->loop), UV_RUN_ONCE);
    settle(b);
    ended_truthfully(b, talks);
    ended_truthfully(b, rings);
    while (!b->drained) {
        later(1000);
        uv_run(loop_uv(b->world->loop), UV_RUN_ONCE);
    }
    clock_real();
    assert_null(b->instances[0]);
    ask(b);
    placed_on(b, two);
}

/* ---- The end --------------------------------------------------------------------------- */

static void end_one(struct bed *b, unsigned slot)
{
    b->world->done = false;
    instance_close(b->instances[slot], world_done, b->world);
    world_wait(b->world, &b->world->done);
    b->instances[slot] = NULL;
}

/* A gateway that stops closes its backends, then waits for its store: meanwhile others ask what it
 * has, and calls end that never were placed. */
static void what_has_ended_can_be_looked_at(void **state)
{
    struct bed *b = *state;
    struct instance *one = b->instances[0], *two = add(b, 1, "two", false);
    struct backend_view views[BACKENDS];
    says(b, two, DG_LINK_UP);
    route(b, one, two, 0, 0);
    ask(b);
    placed_on(b, one);
    calls_stop(b->calls);
    for (unsigned slot = 0; slot < 2; slot++) {
        end_one(b, slot);
        assert_int_equal(calls_backends(b->calls, views, BACKENDS), 2);
        assert_string_equal(views[0].instance->name, "one");
        assert_string_equal(views[0].instance->plugin->name, "fake");
        assert_int_equal(views[0].instance->link, DG_LINK_DOWN);
        assert_int_equal(views[0].calls, 1);
        assert_string_equal(views[1].instance->name, "two");
        assert_int_equal(views[1].instance->link, slot ? DG_LINK_DOWN : DG_LINK_UP);
        assert_ptr_equal(calls_backend_named(b->calls, "two"), two);
    }
}

#define IN_BED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_BED(switched_when_connected),
        IN_BED(switched_when_the_time_is_over),
        IN_BED(taken_back_before_it_was_connected),
        IN_BED(calls_wait_for_the_new_link),
        IN_BED(calls_stay_with_their_carrier),
        IN_BED(a_drain_is_taken_back),
        IN_BED(calls_are_handed_over),
        IN_BED(calls_of_another_server_are_not),
        IN_BED(fallback_and_back),
        IN_BED(no_hold_where_the_fallback_is_away),
        IN_BED(the_old_server_never_comes_back),
        IN_BED(not_while_it_is_connecting_at_first),
        IN_BED(what_was_not_dialled_is_dialled_there),
        IN_BED(what_is_in_doubt_is_not),
        IN_BED(what_has_ended_can_be_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
