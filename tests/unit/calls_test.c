/* Calls against a scripted backend and a scripted store: what is written when,
 * what a refusal, a lost link, a restart and a hang-up lead to, and that every
 * call gets exactly one CDR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/calls.h"

/* ---- A store of three lists ------------------------------------------------------- */

struct written {
    char collection[16], id[64], status[32], reason[32];
    bool estimated;
};

struct world {
    struct loop *loop;
    struct net *net;
    struct metrics *metrics;
    struct plug *plug;
    struct instance *backend, *store_instance;
    const struct dg_host *backend_host;
    struct store *store;
    struct bus *bus;
    struct snapshots *snapshots;
    struct calls *calls;
    struct call_defaults defaults;

    struct written writes[64]; /* the newest */
    unsigned cdrs;             /* written in all */
    unsigned write_count;
    bool store_fails;
    const char *unfinished;   /* what a query finds: calls with this JSON */
    unsigned unfinished_more; /* so many beside the first */

    struct dg_op *originate, *hangup; /* still open */
    unsigned originates, hangups;
    char dialled[ID_SIZE], endpoint[128], caller_name[64], caller_number[64];
    bool shows_calls; /* calls() lists `dialled` */
    bool keeps_lists; /* and is answered by the test, the newest of these first */
    struct dg_op *lists[4];
    unsigned list_count;
    enum dg_channel_state shown_state;

    bool answered;
    enum dg_err err;
    char field[32], id[ID_SIZE], message[128];
    char moved[ID_SIZE]; /* the call that the bus told of last */
    enum call_state state;
};

static struct world *the; /* the scripted plugins have no other way to find it */

static enum dg_err open_plugin(const struct dg_host *h, void **self)
{
    *self = (void *)h;
    h->link(h, DG_LINK_UP, NULL);
    return DG_OK;
}

static void close_plugin(void *self, struct dg_op *op)
{
    ((const struct dg_host *)self)->done(op);
}

static void fake_declare(void *self, const struct dg_collection *list, size_t count,
                         struct dg_op *op)
{
    (void)list;
    (void)count;
    ((const struct dg_host *)self)->done(op);
}

static void fake_get(void *self, const struct dg_key *key, struct dg_op *op)
{
    const struct dg_host *h = self;
    (h->fail)(op, DG_ENOTFOUND, "no %s", key->id);
}

static void fake_query(void *self, const struct dg_query *query, struct dg_op *op)
{
    const struct dg_host *h = self;
    const char *after = query->where_count ? query->where[query->where_count - 1].value : "";
    unsigned given = 0;
    for (unsigned n = 1; the->unfinished && n <= 1 + the->unfinished_more; n++) {
        char id[ID_SIZE];
        snprintf(id, sizeof id, "0190aaaa-0000-7000-8000-%012u", n);
        if (!str_eq(query->collection, "calls") || strcmp(id, after) <= 0 || given == query->limit)
            continue;
        struct dg_doc doc = {.size = sizeof doc,
                             .id = id,
                             .version = 1,
                             .json = {the->unfinished, strlen(the->unfinished)}};
        h->item(op, &doc);
        given++;
    }
    h->done(op);
}

static void fake_write(void *self, const struct dg_write *list, size_t count, struct dg_op *op)
{
    const struct dg_host *h = self;
    if (the->store_fails) {
        (h->fail)(op, DG_EUNAVAILABLE, "disk full");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct written *w = &the->writes[the->write_count++ % 64];
        the->cdrs += str_eq(list[i].collection, "cdr");
        json_t *doc = json_parse(list[i].json.ptr, list[i].json.len, 16, NULL);
        snprintf(w->collection, sizeof w->collection, "%s", list[i].collection);
        snprintf(w->id, sizeof w->id, "%s", list[i].id);
        snprintf(w->status, sizeof w->status, "%s", json_get_str(doc, "status"));
        snprintf(w->reason, sizeof w->reason, "%s",
                 json_get_str(doc, "failure_reason") ? json_get_str(doc, "failure_reason") : "");
        w->estimated = json_get_bool(doc, "estimated", false);
        json_decref(doc);
        h->item(op, list[i].id);
    }
    h->done(op);
}

static void fake_change(void *self, const struct dg_change *req, struct dg_op *op)
{
    (void)req;
    ((const struct dg_host *)self)->done(op);
}

static void fake_take(void *self, const struct dg_take *req, struct dg_op *op)
{
    (void)req;
    ((const struct dg_host *)self)->done(op);
}

static void fake_tally(void *self, const struct dg_tally *req, struct dg_op *op)
{
    (void)req;
    ((const struct dg_host *)self)->done(op);
}

static const struct dg_storage fake_storage = {
    .size = sizeof fake_storage,
    .declare = fake_declare,
    .get = fake_get,
    .query = fake_query,
    .write = fake_write,
    .change = fake_change,
    .take = fake_take,
    .tally = fake_tally,
};

/* ---- A backend that does what the test says ------------------------------------------- */

static void fake_originate(void *self, const struct dg_originate *req, struct dg_op *op)
{
    the->backend_host = self;
    the->originates++;
    the->originate = op;
    snprintf(the->dialled, sizeof the->dialled, "%s", req->call);
    snprintf(the->endpoint, sizeof the->endpoint, "%s", req->endpoint);
    snprintf(the->caller_name, sizeof the->caller_name, "%s",
             req->caller_name ? req->caller_name : "-");
    snprintf(the->caller_number, sizeof the->caller_number, "%s",
             req->caller_number ? req->caller_number : "-");
}

static void fake_hangup(void *self, const struct dg_hangup *req, struct dg_op *op)
{
    (void)req;
    the->hangups++;
    ((const struct dg_host *)self)->done(op);
}

static void fake_calls(void *self, const struct dg_filter *req, struct dg_op *op)
{
    const struct dg_host *h = self;
    (void)req;
    the->backend_host = h;
    if (the->keeps_lists && the->list_count < sizeof the->lists / sizeof *the->lists) {
        the->lists[the->list_count++] = op;
        return;
    }
    if (the->shows_calls) {
        struct dg_call call = {.size = sizeof call, .id = the->dialled, .state = the->shown_state};
        h->item(op, &call);
    }
    h->done(op);
}

static const struct dg_backend fake_backend = {
    .size = sizeof fake_backend,
    .originate = fake_originate,
    .hangup = fake_hangup,
    .calls = fake_calls,
};

static const struct dg_cfg_key no_keys[] = {{0}};

#define PLUGIN_BASICS                                                                              \
    .size = sizeof(struct dg_plugin), .abi_major = DG_ABI_MAJOR, .abi_minor = DG_ABI_MINOR,        \
    .needs_minor = 0, .version = "1", .summary = "scripted", .config = no_keys,                    \
    .open = open_plugin, .close = close_plugin

static const struct dg_plugin store_plugin = {PLUGIN_BASICS, .name = "scripted-store",
                                              .storage = &fake_storage};
static const struct dg_plugin backend_plugin = {PLUGIN_BASICS, .name = "scripted",
                                                .backend = &fake_backend};

/* ---- The world -------------------------------------------------------------------------- */

static void turn(struct world *w)
{
    uv_run(loop_uv(w->loop), UV_RUN_NOWAIT);
}

static void settle(struct world *w)
{
    for (int i = 0; i < 50; i++)
        turn(w);
}

static void on_event(void *arg, struct instance *in, const struct dg_event *ev)
{
    calls_event(((struct world *)arg)->calls, in, ev);
}

static void on_link(void *arg, struct instance *in, enum dg_link link, const char *detail)
{
    struct world *w = arg;
    if (in == w->store_instance || (!w->calls && w->store))
        store_link(w->store, link, detail);
    else if (w->calls)
        calls_link(w->calls, in, link);
}

static void render(const struct call *c, struct buf *out)
{
    buf_adds(out, call_state_name(c->state));
}

static struct instance *open_instance(struct world *w, const struct dg_plugin *plugin)
{
    struct env *env = env_load("/nonexistent", &(struct problem){0});
    struct buf problems;
    unsigned count = 0;
    buf_init(&problems, BUF_MAX);
    struct settings_source src = {"test", env, &problems, &count};
    struct settings *settings = settings_read(&src, plugin->name, NULL, no_keys, NULL);
    struct plug_events events = {.event = on_event, .link = on_link, .arg = w};
    struct problem why = {0};
    struct instance *in = instance_open(w->plug, plugin, plugin->name, settings, &events, &why);
    assert_non_null(in);
    env_free(env);
    buf_free(&problems);
    return in;
}

static void note_ready(void *arg, const struct op_result *res)
{
    assert_int_equal(res->err, DG_OK);
    *(bool *)arg = true;
}

/* No more than three calls at once. */
static const struct call_limits limits = {.max_active = 3, .max_queued = 10, .queue_ms = 5000};

static void make_calls(struct world *w)
{
    struct calls_config config = {.loop = w->loop,
                                  .store = w->store,
                                  .bus = w->bus,
                                  .snapshots = w->snapshots,
                                  .render = render,
                                  .node = "here",
                                  .retention = {.recent_ms = 600000, .recent_max = 10}};
    w->calls = calls_new(&config);
}

static int set_up(void **state)
{
    static const char *const folders[] = {NULL};
    struct world *w = the = xcalloc(1, sizeof *w);
    log_setup(&(struct log_config){.level = DG_ERROR});
    w->loop = loop_new();
    w->net = net_new(w->loop, &(struct net_config){0});
    w->metrics = metrics_new();
    w->plug = plug_new(&(struct plug_config){
        .loop = w->loop, .net = w->net, .metrics = w->metrics, .folders = folders});
    w->bus = bus_new();
    w->snapshots = snapshots_new(1);
    w->store_instance = open_instance(w, &store_plugin);
    w->store = store_new(&(struct store_config){.loop = w->loop, .instance = w->store_instance});
    bool ready = false;
    store_ready(w->store, note_ready, &ready);
    for (int i = 0; i < 1000 && !ready; i++)
        turn(w);
    assert_true(ready);
    make_calls(w);
    w->defaults = (struct call_defaults){.endpoint = "Local/{number}@{context}",
                                         .context = "outbound-ivr",
                                         .extension = "s",
                                         .caller_id = "Outbound Call",
                                         .priority = 1,
                                         .ring_ms = 30000};
    w->backend = open_instance(w, &backend_plugin);
    calls_use(w->calls, w->backend, false, &w->defaults, &limits);
    settle(w);
    *state = w;
    return 0;
}

static void note_closed(void *arg)
{
    *(bool *)arg = true;
}

static void close_instance(struct world *w, struct instance *in)
{
    bool closed = false;
    instance_close(in, note_closed, &closed);
    for (int i = 0; i < 10000 && !closed; i++)
        turn(w);
    assert_true(closed);
}

static int tear_down(void **state)
{
    struct world *w = *state;
    close_instance(w, w->backend);
    calls_free(w->calls);
    store_free(w->store);
    w->store = NULL;
    close_instance(w, w->store_instance);
    snapshots_free(w->snapshots);
    bus_free(w->bus);
    plug_free(w->plug);
    net_free(w->net);
    loop_free(w->loop);
    metrics_free(w->metrics);
    free(w);
    return 0;
}

static void on_answer(void *arg, const struct call_answer *answer)
{
    struct world *w = arg;
    w->answered = true;
    w->err = answer->err;
    snprintf(w->field, sizeof w->field, "%s", answer->field ? answer->field : "");
    snprintf(w->message, sizeof w->message, "%s", answer->message ? answer->message : "");
    if (answer->call) {
        memcpy(w->id, answer->call->id, sizeof w->id);
        w->state = answer->call->state;
    }
}

static void place(struct world *w, const char *context, const char *caller_id)
{
    struct call_request req = {.phone_number = "+15550100",
                               .context = context,
                               .caller_id = caller_id,
                               .api = "test",
                               .user = "tester"};
    w->answered = false;
    calls_originate(w->calls, &req, on_answer, w);
    assert_false(w->answered); /* never from inside the call that asked */
    settle(w);
}

static void accept_call(struct world *w)
{
    assert_non_null(w->originate);
    w->backend_host->done(w->originate);
    w->originate = NULL;
    settle(w);
}

static void emit(struct world *w, enum dg_event_type type, int cause)
{
    struct dg_event ev = {DG_SIZED(struct dg_event), .type = type, .call = w->dialled,
                          .cause = cause};
    w->backend_host->emit(w->backend_host, &ev);
    settle(w);
}

static unsigned count_writes(const struct world *w, const char *collection, const char *status)
{
    unsigned n = 0;
    for (unsigned i = 0; i < w->write_count; i++)
        n += str_eq(w->writes[i].collection, collection) &&
             (!status || str_eq(w->writes[i].status, status));
    return n;
}

static void copy_state(void *arg, const void *bytes, size_t len)
{
    snprintf(arg, 32, "%.*s", (int)len, (const char *)bytes);
}

static const char *shown(struct world *w)
{
    static char state[32];
    snprintf(state, sizeof state, "none");
    snapshots_read(w->snapshots, 0, w->dialled, copy_state, state);
    return state;
}

/* ---- Tests ------------------------------------------------------------------------------ */

static void an_answered_call(void **state)
{
    struct world *w = *state;
    place(w, NULL, NULL);
    assert_int_equal(w->originates, 1);
    assert_string_equal(w->endpoint, "Local/+15550100@outbound-ivr");
    assert_string_equal(w->caller_name, "Outbound Call");
    assert_string_equal(w->writes[0].status, "pending"); /* written before it was dialled */
    assert_false(w->answered);
    accept_call(w);
    assert_true(w->answered);
    assert_int_equal(w->state, CALL_DIALING);
    emit(w, DG_CALL_STARTED, 0);
    emit(w, DG_CALL_RINGING, 0);
    assert_string_equal(shown(w), "ringing");
    emit(w, DG_CALL_ANSWERED, 0);
    assert_int_equal(calls_live(w->calls), 1);
    emit(w, DG_CALL_ENDED, 16);
    assert_string_equal(shown(w), "completed");
    assert_int_equal(calls_live(w->calls), 0);
    emit(w, DG_CALL_ENDED, 16);
    assert_int_equal(count_writes(w, "cdr", NULL), 1);
    assert_int_equal(count_writes(w, "cdr", "completed"), 1);
    assert_int_equal(count_writes(w, "calls", "completed"), 1);
}

static void events_may_come_before_the_reply(void **state)
{
    struct world *w = *state;
    place(w, NULL, NULL);
    emit(w, DG_CALL_STARTED, 0);
    assert_string_equal(shown(w), "dialing");
    emit(w, DG_CALL_ENDED, 17);
    accept_call(w);
    assert_true(w->answered);
    assert_int_equal(w->err, DG_OK);
    assert_int_equal(w->state, CALL_BUSY);
    assert_int_equal(count_writes(w, "cdr", "busy"), 1);
}

static void a_refused_originate(void **state)
{
    struct world *w = *state;
    place(w, NULL, NULL);
    (w->backend_host->fail)(w->originate, DG_EUPSTREAM, "ARI error %d", 500);
    settle(w);
    assert_int_equal(w->err, DG_OK);
    assert_int_equal(w->state, CALL_FAILED);
    assert_int_equal(count_writes(w, "cdr", "failed"), 1);
    assert_int_equal(calls_live(w->calls), 0);
}

static void a_store_that_does_not_write(void **state)
{
    struct world *w = *state;
    w->store_fails = true;
    place(w, NULL, NULL);
    assert_true(w->answered);
    assert_int_equal(w->err, DG_EUNAVAILABLE);
    assert_int_equal(w->originates, 0); /* nothing is dialled that is not written down */
    assert_int_equal(calls_live(w->calls), 0);
}

static void contexts_are_listed(void **state)
{
    static const char *const listed[] = {"sales", NULL};
    struct world *w = *state;
    place(w, "internal", NULL);
    assert_int_equal(w->err, DG_EINVAL);
    assert_string_equal(w->field, "context");
    assert_int_equal(w->originates, 0);
    w->defaults.allowed_contexts = listed;
    calls_use(w->calls, w->backend, false, &w->defaults, &limits);
    place(w, "sales", NULL);
    assert_int_equal(w->originates, 1);
    accept_call(w);
    assert_int_equal(w->err, DG_OK);
    emit(w, DG_CALL_ENDED, 16);
}

/* What calls_use was given may be gone: a reload frees the configuration that it came from. */
static void other_defaults(void **state)
{
    struct world *w = *state;
    char *endpoint = xstrdup("PJSIP/{number}@trunk"), *context = xstrdup("sales");
    const struct call_defaults other = {.endpoint = endpoint,
                                        .context = context,
                                        .extension = "100",
                                        .caller_id = "Sales",
                                        .priority = 1,
                                        .ring_ms = 5000};
    calls_use(w->calls, w->backend, false, &other, &limits);
    free(endpoint);
    free(context);
    place(w, "sales", NULL);
    assert_int_equal(w->originates, 1);
    assert_string_equal(w->caller_name, "Sales");
    accept_call(w);
    emit(w, DG_CALL_ENDED, 16);
    place(w, "outbound-ivr", NULL);
    assert_int_equal(w->err, DG_EINVAL);
}

/* A call that has ended is forgotten when the memory of them becomes shorter. */
static void another_retention(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 3; i++) {
        place(w, NULL, NULL);
        accept_call(w);
        emit(w, DG_CALL_ENDED, 16);
    }
    assert_int_equal(snapshots_count(w->snapshots), 3);
    calls_retain(w->calls, &(struct call_retention){.recent_ms = 600000, .recent_max = 1});
    place(w, NULL, NULL);
    accept_call(w);
    emit(w, DG_CALL_ENDED, 16);
    assert_int_equal(snapshots_count(w->snapshots), 1);
}

static void caller_ids_are_taken_apart(void **state)
{
    static const struct {
        const char *text, *name, *number;
    } rows[] = {
        {"CompanyName <+1987654321>", "CompanyName", "+1987654321"},
        {"\"Big Co\" <100>", "Big Co", "100"},
        {"+15550199", "-", "+15550199"},
        {"Sales", "Sales", "-"},
        {"<100>", "-", "100"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        place(w, NULL, rows[i].text);
        assert_string_equal(w->caller_name, rows[i].name);
        assert_string_equal(w->caller_number, rows[i].number);
        accept_call(w);
        emit(w, DG_CALL_ENDED, 16);
    }
}

static void too_many_calls(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 3; i++) {
        place(w, NULL, NULL);
        accept_call(w);
    }
    place(w, NULL, NULL);
    assert_int_equal(w->err, DG_ELIMIT);
    assert_int_equal(w->originates, 3);
}

static void note_id(void *arg, const struct bus_event *ev)
{
    struct world *w = arg;
    if (ev->topic != BUS_LINK)
        memcpy(w->moved, ev->call->id, sizeof w->moved);
}

/* One call goes, the second waits for the next second; its id is in w->moved. */
static void place_two_with_one_per_second(struct world *w)
{
    static const struct call_limits one = {.max_per_second = 1, .max_queued = 10, .queue_ms = 5000};
    calls_set_limits(w->calls, &one);
    bus_subscribe(w->bus, note_id, w);
    place(w, NULL, NULL);
    accept_call(w);
    place(w, NULL, NULL);
    assert_false(w->answered);
    assert_int_equal(w->originates, 1);
    assert_int_equal(count_writes(w, "calls", "pending"), 1); /* not before its turn */
}

static void a_call_waits_for_its_turn(void **state)
{
    struct world *w = *state;
    place_two_with_one_per_second(w);
    assert_int_equal(calls_live(w->calls), 2);
    calls_set_limits(w->calls, &limits);
    settle(w);
    assert_int_equal(w->originates, 2);
    assert_string_equal(w->dialled, w->moved);
    accept_call(w);
    assert_int_equal(w->state, CALL_DIALING);
}

/* It is never dialled, and its end is kept like any other's. */
static void a_hang_up_of_a_call_that_waits(void **state)
{
    struct world *w = *state;
    place_two_with_one_per_second(w);
    calls_hangup(w->calls, w->moved, 0, on_answer, w);
    settle(w);
    assert_true(w->answered);
    assert_int_equal(w->err, DG_OK);
    assert_int_equal(w->state, CALL_CANCELLED);
    calls_set_limits(w->calls, &limits);
    settle(w);
    assert_int_equal(w->originates, 1);
    assert_int_equal(w->hangups, 0);
    assert_int_equal(count_writes(w, "cdr", "cancelled"), 1);
    assert_int_equal(calls_live(w->calls), 1);
}

static void a_stop_refuses_those_that_wait(void **state)
{
    struct world *w = *state;
    place_two_with_one_per_second(w);
    calls_stop(w->calls);
    settle(w);
    assert_true(w->answered);
    assert_int_equal(w->err, DG_ELIMIT);
    assert_int_equal(w->originates, 1);
    assert_int_equal(calls_live(w->calls), 1);
}

static void a_hang_up_before_the_answer_is_a_cancel(void **state)
{
    struct world *w = *state;
    place(w, NULL, NULL);
    accept_call(w);
    emit(w, DG_CALL_RINGING, 0);
    w->answered = false;
    calls_hangup(w->calls, w->dialled, 0, on_answer, w);
    settle(w);
    assert_true(w->answered);
    assert_int_equal(w->hangups, 1);
    emit(w, DG_CALL_ENDED, 16);
    assert_int_equal(count_writes(w, "cdr", "cancelled"), 1);
    calls_hangup(w->calls, "0190aaaa-0000-7000-8000-00000000dead", 0, on_answer, w);
    settle(w);
    assert_int_equal(w->err, DG_ENOTFOUND);
}

/* The grace for late ends is two seconds; other tests do not wait. */
static void until_no_call_lives(struct world *w)
{
    uint64_t deadline = clock_ms() + 10000;
    while (calls_live(w->calls) && clock_ms() < deadline)
        uv_run(loop_uv(w->loop), UV_RUN_ONCE);
    settle(w);
}

static void a_call_that_the_backend_lost(void **state)
{
    struct world *w = *state;
    place(w, NULL, NULL);
    accept_call(w);
    emit(w, DG_CALL_ANSWERED, 0);
    w->backend_host->link(w->backend_host, DG_LINK_DOWN, "cut");
    settle(w);
    assert_string_equal(shown(w), "answered"); /* a lost link alone ends nothing */
    w->backend_host->link(w->backend_host, DG_LINK_UP, NULL);
    until_no_call_lives(w);
    assert_string_equal(shown(w), "failed");
    assert_int_equal(count_writes(w, "cdr", "failed"), 1);
}

static void server_runs(struct world *w, const char *run)
{
    const struct dg_host *h = w->backend->self;
    h->link(h, DG_LINK_DOWN, "cut");
    h->server_run(h, run);
    h->link(h, DG_LINK_UP, NULL);
}

static const struct written *cdr_of(const struct world *w, const char *id)
{
    for (unsigned i = 0; i < w->write_count; i++)
        if (str_eq(w->writes[i].collection, "cdr") && str_eq(w->writes[i].id, id))
            return &w->writes[i];
    fail_msg("no CDR of %s", id);
    return NULL;
}

static void check_cdr(const struct world *w, const char *id, const char *status, const char *reason)
{
    const struct written *cdr = cdr_of(w, id);
    assert_string_equal(cdr->status, status);
    assert_string_equal(cdr->reason, reason);
    assert_true(cdr->estimated);
}

/* The server ran on: an answered call has simply ended, of another nothing is known. */
static void ends_that_were_missed(void **state)
{
    struct world *w = *state;
    char talked[ID_SIZE], cancelled[ID_SIZE];
    server_runs(w, "first");
    settle(w);
    place(w, NULL, NULL);
    accept_call(w);
    emit(w, DG_CALL_ANSWERED, 0);
    memcpy(talked, w->dialled, sizeof talked);
    place(w, NULL, NULL);
    accept_call(w);
    calls_hangup(w->calls, w->dialled, 0, on_answer, w);
    memcpy(cancelled, w->dialled, sizeof cancelled);
    place(w, NULL, NULL);
    accept_call(w);
    emit(w, DG_CALL_RINGING, 0);
    server_runs(w, "first");
    until_no_call_lives(w);
    check_cdr(w, talked, "completed", "");
    check_cdr(w, cancelled, "cancelled", "Cancelled");
    check_cdr(w, w->dialled, "failed", "end_missed");
    /* It was told to have failed: if it turns up after all, it must not go on. */
    w->hangups = 0;
    emit(w, DG_CALL_STARTED, 0);
    assert_int_equal(w->hangups, 1);
    w->shows_calls = true;
    server_runs(w, "first");
    settle(w);
    assert_int_equal(w->hangups, 2);
}

/* Two comparisons at once, the older one answered last: nobody is taken for gone. */
static void lists_that_overtake_each_other(void **state)
{
    struct world *w = *state;
    place(w, NULL, NULL);
    accept_call(w);
    emit(w, DG_CALL_ANSWERED, 0);
    w->keeps_lists = true;
    w->backend_host->link(w->backend_host, DG_LINK_UP, NULL);
    settle(w);
    w->backend_host->link(w->backend_host, DG_LINK_UP, NULL);
    settle(w);
    assert_int_equal(w->list_count, 2);
    while (w->list_count) {
        struct dg_call call = {.size = sizeof call, .id = w->dialled, .state = DG_CHANNEL_UP};
        struct dg_op *op = w->lists[--w->list_count];
        w->backend_host->item(op, &call);
        w->backend_host->done(op);
        settle(w);
    }
    for (uint64_t end = clock_ms() + 2300; clock_ms() < end;)
        turn(w);
    assert_int_equal(calls_live(w->calls), 1);
    assert_string_equal(shown(w), "answered");
    w->keeps_lists = false;
    emit(w, DG_CALL_ENDED, 16);
}

static void calls_that_a_restart_of_the_server_took_along(void **state)
{
    struct world *w = *state;
    char talked[ID_SIZE];
    server_runs(w, "first");
    settle(w);
    place(w, NULL, NULL);
    accept_call(w);
    emit(w, DG_CALL_ANSWERED, 0);
    memcpy(talked, w->dialled, sizeof talked);
    place(w, NULL, NULL);
    accept_call(w);
    server_runs(w, "second");
    until_no_call_lives(w);
    check_cdr(w, talked, "failed", "backend_lost");
    check_cdr(w, w->dialled, "failed", "backend_lost");
}

/* The server's run is part of the record; a call that was only written down has perhaps never been
 * dialled. */
static void ends_that_were_missed_by_a_restart(void **state)
{
    static const struct {
        const char *record, *status, *reason;
    } rows[] = {
        {"{\"status\":\"answered\",\"phone_number\":\"+1\",\"backend\":\"scripted\","
         "\"server_run\":\"first\",\"answered_at\":9}",
         "completed", ""},
        {"{\"status\":\"answered\",\"phone_number\":\"+1\",\"backend\":\"scripted\","
         "\"server_run\":\"other\",\"answered_at\":9}",
         "failed", "backend_lost"},
        {"{\"status\":\"pending\",\"phone_number\":\"+1\",\"backend\":\"scripted\","
         "\"server_run\":\"first\"}",
         "failed", "not_placed"},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool ready = false;
        w->write_count = 0;
        w->unfinished = rows[i].record;
        calls_recover(w->calls, note_ready, &ready);
        settle(w);
        server_runs(w, "first");
        until_no_call_lives(w);
        check_cdr(w, "0190aaaa-0000-7000-8000-000000000001", rows[i].status, rows[i].reason);
        assert_int_equal(w->originates, 0); /* never dialled again */
    }
}

/* Nothing is asked of a backend that is away, so nothing is known to be cancelled. */
static void a_hang_up_that_reaches_nobody(void **state)
{
    struct world *w = *state;
    place(w, NULL, NULL);
    accept_call(w);
    w->backend_host->link(w->backend_host, DG_LINK_DOWN, "cut");
    settle(w);
    calls_hangup(w->calls, w->dialled, 0, on_answer, w);
    settle(w);
    assert_int_equal(w->err, DG_EUNAVAILABLE);
    w->shows_calls = true;
    w->shown_state = DG_CHANNEL_RINGING;
    w->backend_host->link(w->backend_host, DG_LINK_UP, NULL);
    settle(w);
    emit(w, DG_CALL_ENDED, 17);
    assert_int_equal(count_writes(w, "cdr", "busy"), 1);
}

static void a_call_that_is_still_there(void **state)
{
    struct world *w = *state;
    place(w, NULL, NULL);
    accept_call(w);
    w->backend_host->link(w->backend_host, DG_LINK_DOWN, "cut");
    w->shows_calls = true;
    w->shown_state = DG_CHANNEL_UP;
    w->backend_host->link(w->backend_host, DG_LINK_UP, NULL);
    uint64_t deadline = clock_ms() + 2500; /* beyond the grace */
    while (clock_ms() < deadline)
        uv_run(loop_uv(w->loop), UV_RUN_NOWAIT);
    assert_string_equal(shown(w), "answered"); /* it was answered while we did not look */
    assert_int_equal(calls_live(w->calls), 1);
    emit(w, DG_CALL_ENDED, 16);
    assert_int_equal(count_writes(w, "cdr", "completed"), 1);
}

static void calls_are_taken_up_after_a_restart(void **state)
{
    struct world *w = *state;
    w->unfinished = "{\"status\":\"ringing\",\"phone_number\":\"+15550100\",\"node\":\"here\","
                    "\"backend\":\"scripted\",\"created_at\":1,\"dialed_at\":2,\"ring_ms\":30000}";
    bool ready = false;
    calls_recover(w->calls, note_ready, &ready);
    settle(w);
    assert_true(ready);
    assert_int_equal(calls_live(w->calls), 1);
    snprintf(w->dialled, sizeof w->dialled, "0190aaaa-0000-7000-8000-000000000001");
    w->shows_calls = true;
    w->shown_state = DG_CHANNEL_RINGING;
    w->backend_host->link(w->backend_host, DG_LINK_CONNECTING, NULL);
    w->backend_host->link(w->backend_host, DG_LINK_UP, NULL);
    settle(w);
    emit(w, DG_CALL_ANSWERED, 0);
    emit(w, DG_CALL_ENDED, 16);
    assert_int_equal(count_writes(w, "cdr", "completed"), 1);
}

/* So many that the store could not keep all their ends at once: none is lost. */
static void many_are_taken_up_and_ended(void **state)
{
    enum { MANY = STORE_MAX_KEPT + 1201 };
    struct world *w = *state;
    w->unfinished = "{\"status\":\"ringing\",\"phone_number\":\"+15550100\",\"node\":\"here\","
                    "\"backend\":\"scripted\",\"created_at\":1,\"dialed_at\":2,\"ring_ms\":30000}";
    w->unfinished_more = MANY - 1;
    bool ready = false;
    uint64_t deadline = clock_ms() + 60000;
    calls_recover(w->calls, note_ready, &ready);
    while (!ready && clock_ms() < deadline)
        turn(w);
    assert_int_equal(calls_live(w->calls), MANY);
    w->backend_host->link(w->backend_host, DG_LINK_CONNECTING, NULL);
    w->backend_host->link(w->backend_host, DG_LINK_UP, NULL);
    while (calls_live(w->calls) && clock_ms() < deadline)
        turn(w);
    settle(w);
    assert_int_equal(calls_live(w->calls), 0);
    assert_int_equal(w->cdrs, MANY);
}

static void reserved_variables(void **state)
{
    (void)state;
    assert_true(call_variable_reserved("TRANSFER_CONTEXT"));
    assert_true(call_variable_reserved("__transfer_context"));
    assert_true(call_variable_reserved("DYNAMIC_FEATURES"));
    assert_true(call_variable_reserved("MONITOR_EXEC_ARGS"));
    assert_false(call_variable_reserved("CUSTOMER_ID"));
    assert_false(call_variable_reserved("TRANSFER"));
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(an_answered_call),
        IN_WORLD(events_may_come_before_the_reply),
        IN_WORLD(a_refused_originate),
        IN_WORLD(a_store_that_does_not_write),
        IN_WORLD(contexts_are_listed),
        IN_WORLD(other_defaults),
        IN_WORLD(another_retention),
        IN_WORLD(caller_ids_are_taken_apart),
        IN_WORLD(too_many_calls),
        IN_WORLD(a_call_waits_for_its_turn),
        IN_WORLD(a_hang_up_of_a_call_that_waits),
        IN_WORLD(a_stop_refuses_those_that_wait),
        IN_WORLD(a_hang_up_before_the_answer_is_a_cancel),
        IN_WORLD(a_call_that_the_backend_lost),
        IN_WORLD(ends_that_were_missed),
        IN_WORLD(lists_that_overtake_each_other),
        IN_WORLD(calls_that_a_restart_of_the_server_took_along),
        IN_WORLD(ends_that_were_missed_by_a_restart),
        IN_WORLD(a_hang_up_that_reaches_nobody),
        IN_WORLD(a_call_that_is_still_there),
        IN_WORLD(calls_are_taken_up_after_a_restart),
        IN_WORLD(many_are_taken_up_and_ended),
        cmocka_unit_test(reserved_variables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
