/* idempotency_test.c - domain/idempotency over a store in memory and a scripted
 * backend: one call for a key, whatever happens between its steps. */
#include "memory_store.h"

#include "base/clock.h"
#include "base/log.h"
#include "domain/idempotency.h"

struct bed {
    struct world *world;
    struct snapshots *snapshots;
    struct bus *bus;
    struct instance *backend;
    struct calls *calls;
    struct idempotency *keys;
    unsigned originates;
    struct dg_op *open; /* the originate that is not answered yet */
    const struct dg_host *host;
};

static struct bed *the; /* the scripted plugin has no other way to find it */

struct reply {
    unsigned count;
    enum dg_err err;
    bool replayed;
    unsigned retry_s;
    char field[32], body[64];
};

/* ---- A backend that answers when it is told to ------------------------------------- */

static enum dg_err backend_open(const struct dg_host *h, void **self)
{
    *self = (void *)h;
    h->link(h, DG_LINK_UP, NULL);
    return DG_OK;
}

static void backend_close(void *self, struct dg_op *op)
{
    ((const struct dg_host *)self)->done(op);
}

static void on_originate(void *self, const struct dg_originate *req, struct dg_op *op)
{
    (void)req;
    the->host = self;
    the->open = op;
    the->originates++;
}

static const struct dg_backend backend_table = {.size = sizeof backend_table,
                                                .originate = on_originate};
static const struct dg_plugin backend_plugin = {
    .size = sizeof(struct dg_plugin),
    .abi_major = DG_ABI_MAJOR,
    .abi_minor = DG_ABI_MINOR,
    .name = "scripted",
    .version = "1",
    .summary = "a backend of the tests",
    .config = memory_keys,
    .backend = &backend_table,
    .open = backend_open,
    .close = backend_close,
};

/* ---- The bed ------------------------------------------------------------------------- */

static void settle(struct bed *b)
{
    for (int i = 0; i < 50; i++)
        uv_run(loop_uv(b->world->loop), UV_RUN_NOWAIT);
}

static void render(const struct call *c, struct buf *out)
{
    buf_addf(out, "%.36s %s", c->id, call_state_name(c->state));
}

static void make_keys(struct bed *b, uint64_t wait_ms)
{
    const struct idempotency_config config = {
        .loop = b->world->loop,
        .store = b->world->store,
        .calls = b->calls,
        .bus = b->bus,
        .settings = {.lifetime_ms = 86400000, .wait_ms = wait_ms, .max_remembered = 10}};
    b->keys = idempotency_new(&config);
}

static int set_up(void **state)
{
    static const struct call_defaults defaults = {.endpoint = "Local/{number}@{context}",
                                                  .context = "outbound-ivr",
                                                  .extension = "s",
                                                  .caller_id = "x",
                                                  .priority = 1,
                                                  .ring_ms = 30000};
    static const struct call_limits limits = {.max_active = 2};
    struct bed *b = the = xcalloc(1, sizeof *b);
    struct problem why = {0};
    log_setup(&(struct log_config){.level = DG_ERROR});
    b->world = world_new();
    b->snapshots = snapshots_new(1);
    b->bus = bus_new();
    b->calls = calls_new(&(struct calls_config){.loop = b->world->loop,
                                                .store = b->world->store,
                                                .bus = b->bus,
                                                .snapshots = b->snapshots,
                                                .render = render,
                                                .node = "here",
                                                .retention = {.recent_max = 10}});
    struct plug_events events = {.arg = b};
    b->backend = instance_open(b->world->plug, &backend_plugin, "pbx",
                               world_settings(memory_keys, NULL), &events, &why);
    assert_non_null(b->backend);
    calls_use(b->calls, b->backend, false, &defaults, &limits);
    make_keys(b, 10000);
    settle(b);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *b = *state;
    clock_real();
    instance_close(b->backend, world_done, b->world);
    world_wait(b->world, &b->world->done);
    idempotency_free(b->keys);
    calls_free(b->calls);
    settle(b);
    bus_free(b->bus);
    snapshots_free(b->snapshots);
    world_free(b->world);
    free(b);
    return 0;
}

static void on_answer(void *arg, const struct idempotency_answer *answer)
{
    struct reply *r = arg;
    r->count++;
    r->err = answer->err;
    r->replayed = answer->replayed;
    r->retry_s = answer->retry_s;
    snprintf(r->field, sizeof r->field, "%s", answer->field ? answer->field : "");
    snprintf(r->body, sizeof r->body, "%.*s", (int)answer->body.len,
             answer->body.len ? (const char *)answer->body.ptr : "");
}

/* `call` and `scope` must outlive the answer. */
static void ask(struct bed *b, const char *key, const char *number, struct reply *reply)
{
    static struct call_request calls[16];
    static unsigned next;
    struct call_request *call = &calls[next++ % COUNT(calls)];
    *call = (struct call_request){.phone_number = number, .api = "test", .user = "alice"};
    const struct idempotency_request req = {
        .scope = {.principal = "alice", .route = "/calls", .key = key},
        .call = call,
        .render = render};
    idempotency_originate(b->keys, &req, on_answer, reply);
    assert_int_equal(reply->count, 0); /* never from inside the call that asked */
    settle(b);
}

static void accept_call(struct bed *b)
{
    assert_non_null(b->open);
    b->host->done(b->open);
    b->open = NULL;
    settle(b);
}

static void is_fresh(const struct reply *r)
{
    assert_int_equal(r->count, 1);
    assert_int_equal(r->err, DG_OK);
    assert_false(r->replayed);
}

static void is_replay(const struct reply *r, const struct reply *of)
{
    assert_int_equal(r->count, 1);
    assert_int_equal(r->err, DG_OK);
    assert_true(r->replayed);
    assert_string_equal(r->body, of->body);
}

static size_t kept(const struct bed *b, const char *collection)
{
    size_t n = 0;
    for (size_t i = 0; i < b->world->memory->count; i++)
        n += str_eq(b->world->memory->docs[i].collection, collection);
    return n;
}

/* ---- Tests ------------------------------------------------------------------------------ */

static void a_repetition(void **state)
{
    struct bed *b = *state;
    struct reply first = {0}, again = {0}, other = {0};
    ask(b, "k", "+15550100", &first);
    assert_int_equal(b->world->memory->writes, 1); /* key and call in one, before dialling */
    assert_int_equal(kept(b, "calls") + kept(b, "idempotency"), 2);
    assert_int_equal(first.count, 0);
    accept_call(b);
    is_fresh(&first);
    ask(b, "k", "+15550100", &again);
    is_replay(&again, &first);
    ask(b, "k", "+15550199", &other);
    assert_int_equal(other.err, DG_EINVAL);
    assert_string_equal(other.field, IDEMPOTENCY_FIELD);
    assert_int_equal(b->originates, 1);
}

static void at_the_same_time(void **state)
{
    struct bed *b = *state;
    struct reply first = {0}, second = {0}, misuse = {0};
    ask(b, "k", "+15550100", &first);
    ask(b, "k", "+15550100", &second);
    ask(b, "k", "+15550199", &misuse);
    assert_int_equal(misuse.err, DG_EINVAL);
    assert_int_equal(second.count, 0);
    accept_call(b);
    is_fresh(&first);
    is_replay(&second, &first);
    assert_int_equal(b->originates, 1);
}

static void patience_has_an_end(void **state)
{
    struct bed *b = *state;
    struct reply first = {0}, second = {0};
    idempotency_set(b->keys, &(struct idempotency_settings){.lifetime_ms = 60000, .wait_ms = 1});
    ask(b, "k", "+15550100", &first);
    ask(b, "k", "+15550100", &second);
    for (uint64_t until = clock_ms() + 5000; !second.count && clock_ms() < until;)
        uv_run(loop_uv(b->world->loop), UV_RUN_ONCE);
    assert_int_equal(second.err, DG_ECONFLICT);
    assert_true(second.retry_s >= 1);
    assert_int_equal(first.count, 0); /* it is awaited to the end */
    accept_call(b);
    is_fresh(&first);
}

/* The gateway ends after the call was written down: the next one finds the record, waits for what
 * becomes of the call and tells it. The old one is called back after its end. */
static void a_crash_before_the_answer(void **state)
{
    struct bed *b = *state;
    struct reply first = {0}, again = {0}, third = {0}, last = {0};
    ask(b, "k", "+15550100", &first);
    idempotency_free(b->keys);
    assert_int_equal(first.err, DG_EUNAVAILABLE);
    make_keys(b, 10000);
    ask(b, "k", "+15550100", &again);
    ask(b, "k", "+15550100", &third);
    assert_int_equal(again.count, 0); /* it may be placed yet, or not */
    accept_call(b);
    is_replay(&again, &again);
    is_replay(&third, &again);
    ask(b, "k", "+15550100", &last);
    is_replay(&last, &again);
    assert_int_equal(b->originates, 1);
}

/* Found in doubt, but nothing is heard of the call within `wait`. */
static void doubt_that_lasts(void **state)
{
    struct bed *b = *state;
    struct reply first = {0}, again = {0}, last = {0};
    ask(b, "k", "+15550100", &first);
    idempotency_free(b->keys);
    make_keys(b, 1);
    ask(b, "k", "+15550100", &again);
    for (uint64_t until = clock_ms() + 5000; !again.count && clock_ms() < until;)
        uv_run(loop_uv(b->world->loop), UV_RUN_ONCE);
    assert_int_equal(again.err, DG_ECONFLICT);
    accept_call(b);
    idempotency_set(b->keys,
                    &(struct idempotency_settings){.lifetime_ms = 60000, .wait_ms = 10000});
    ask(b, "k", "+15550100", &last);
    is_replay(&last, &last);
    assert_int_equal(b->originates, 1);
}

/* Refused before anything was written: the next one is a first one. */
static void a_limit_is_not_remembered(void **state)
{
    struct bed *b = *state;
    struct reply replies[4] = {0}, again = {0};
    for (unsigned i = 0; i < 2; i++) {
        ask(b, i ? "a" : "b", "+15550100", &replies[i]);
        accept_call(b);
    }
    ask(b, "k", "+15550100", &replies[2]);
    assert_int_equal(replies[2].err, DG_ELIMIT);
    calls_set_limits(b->calls, &(struct call_limits){0});
    ask(b, "k", "+15550100", &again);
    accept_call(b);
    is_fresh(&again);
}

static void a_store_that_does_not_write(void **state)
{
    struct bed *b = *state;
    struct reply first = {0}, again = {0};
    b->world->memory->fail_writes = DG_EUNAVAILABLE;
    ask(b, "k", "+15550100", &first);
    assert_int_equal(first.err, DG_EUNAVAILABLE);
    assert_int_equal(b->originates, 0);
    b->world->memory->fail_writes = DG_OK;
    ask(b, "k", "+15550100", &again);
    accept_call(b);
    is_fresh(&again);
}

/* The call is placed all the same, and the record still leads to it. */
static void an_answer_that_is_not_written(void **state)
{
    struct bed *b = *state;
    struct reply first = {0}, again = {0};
    ask(b, "k", "+15550100", &first);
    b->world->memory->fail_writes = DG_EUNAVAILABLE;
    accept_call(b);
    is_fresh(&first);
    b->world->memory->fail_writes = DG_OK;
    ask(b, "k", "+15550100", &again);
    is_replay(&again, &first);
    assert_int_equal(b->originates, 1);
}

static void somebody_was_faster(struct memory *m)
{
    static const struct idempotency_scope scope = {
        .principal = "alice", .route = "/calls", .key = "k"};
    static const struct call_request request = {.phone_number = "+15550100"};
    struct idempotency_record record = {.call = "0190aaaa-0000-7000-8000-000000000001",
                                        .expires_at_ms = INT64_MAX,
                                        .answer = (char *)"theirs"};
    struct buf json;
    m->before_write = NULL;
    idempotency_id(&scope, record.id);
    idempotency_fingerprint(&request, record.fingerprint);
    buf_init(&json, BUF_MAX);
    idempotency_record_write(&record, &json);
    memory_put(m, "idempotency", record.id, (struct dg_bytes){json.ptr, json.len});
    buf_free(&json);
}

/* Another gateway writes the key between our look and our write: nothing is dialled here. */
static void a_lost_race(void **state)
{
    struct bed *b = *state;
    struct reply first = {0};
    b->world->memory->before_write = somebody_was_faster;
    ask(b, "k", "+15550100", &first);
    assert_int_equal(first.err, DG_OK);
    assert_string_equal(first.body, "theirs");
    assert_true(first.replayed);
    assert_int_equal(b->originates, 0);
    assert_int_equal(kept(b, "calls"), 0);
}

static void an_expired_key(void **state)
{
    struct bed *b = *state;
    struct reply first = {0}, early = {0}, late = {0};
    clock_fake(1000000, 1700000000000);
    ask(b, "k", "+15550100", &first);
    accept_call(b);
    clock_fake(1000000 + 86399999, 1700000000000 + 86399999);
    ask(b, "k", "+15550100", &early);
    is_replay(&early, &first);
    clock_fake(1000000 + 86400000, 1700000000000 + 86400000);
    ask(b, "k", "+15550199", &late); /* also for something else */
    accept_call(b);
    is_fresh(&late);
    assert_int_equal(kept(b, "idempotency"), 1);
    assert_int_equal(b->originates, 2);
}

static void fingerprints(void **state)
{
    static const struct dg_kv ab[] = {{"A", "1"}, {"B", "2"}}, ba[] = {{"B", "2"}, {"A", "1"}},
                              joined[] = {{"A", "1\",\"B\":\"2"}};
    char one[DIGEST_SIZE], other[DIGEST_SIZE];
    struct call_request req = {.phone_number = "+15550100", .variables = ab, .variable_count = 2};
    (void)state;
    idempotency_fingerprint(&req, one);
    req.variables = ba;
    idempotency_fingerprint(&req, other);
    assert_string_equal(one, other);
    req.variables = joined;
    req.variable_count = 1;
    idempotency_fingerprint(&req, other);
    assert_string_not_equal(one, other);
    const struct idempotency_scope a = {.principal = "ab", .route = "r", .key = "k"},
                                   b = {.principal = "a", .tenant = "b", .route = "r", .key = "k"};
    idempotency_id(&a, one);
    idempotency_id(&b, other);
    assert_string_not_equal(one, other);
}

#define ON_BED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BED(a_repetition),
        ON_BED(at_the_same_time),
        ON_BED(patience_has_an_end),
        ON_BED(a_crash_before_the_answer),
        ON_BED(doubt_that_lasts),
        ON_BED(a_limit_is_not_remembered),
        ON_BED(a_store_that_does_not_write),
        ON_BED(an_answer_that_is_not_written),
        ON_BED(a_lost_race),
        ON_BED(an_expired_key),
        cmocka_unit_test(fingerprints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
