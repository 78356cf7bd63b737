/* dialer_world.h - a gateway's dialer between a store in memory and a telephone
 * server in memory, on clocks that the tests move. The gateway can be killed and
 * started again; store and telephone server live on.
 */
#ifndef TESTS_DIALER_WORLD_H
#define TESTS_DIALER_WORLD_H

#include "memory_store.h"

#include "base/clock.h"
#include "base/log.h"
#include "data/notes.h"
#include "domain/call_record.h"
#include "domain/campaigns.h"
#include "domain/control.h"
#include "domain/dialer.h"
#include "domain/ledger.h"

#define PBX_CALLS 400
#define NOON      1795262400000 /* Saturday 2026-11-21, 12:00 UTC */

/* ---- The telephone server --------------------------------------------------------- */

struct pbx_call {
    char id[ID_SIZE], endpoint[80], number[32], caller[64];
    bool up, over, joined;
};

struct pbx {
    const struct dg_host *h; /* of the gateway that is connected */
    struct pbx_call calls[PBX_CALLS];
    size_t count, live, most; /* live: at this moment; most: ever */
    unsigned joins, hangups;
    const char *run; /* of the server; NULL: the first */
    bool refuses_joins;
    unsigned deaf;        /* so many hang-ups do not reach it */
    bool dies_with_store; /* what is asked for after the store's last write is not done */
    const struct memory *store;
    unsigned waiting;      /* in the queue "sales" */
    unsigned members_free; /* of the queue "sales"; another one is paused, and one talks */
};

static struct pbx *pbx; /* its functions have no other way to find it */

static inline struct pbx_call *pbx_find(const char *id)
{
    for (size_t i = 0; i < pbx->count; i++)
        if (str_eq(pbx->calls[i].id, id))
            return &pbx->calls[i];
    return NULL;
}

static inline void pbx_tell(const struct pbx_call *c, enum dg_event_type type, int cause)
{
    const struct dg_event ev = {DG_SIZED(struct dg_event), .type = type, .call = c->id,
                                .cause = cause};
    if (pbx->h)
        pbx->h->emit(pbx->h, &ev);
}

static inline enum dg_err pbx_open(const struct dg_host *h, void **self)
{
    *self = pbx;
    pbx->h = h;
    h->link(h, DG_LINK_UP, NULL);
    h->server_run(h, pbx->run ? pbx->run : "run");
    return DG_OK;
}

static inline void pbx_close(void *self, struct dg_op *op)
{
    const struct dg_host *h = pbx->h;
    (void)self;
    pbx->h = NULL;
    h->done(op);
}

/* The number stands between the slash and the at sign. */
static inline void pbx_originate(void *self, const struct dg_originate *req, struct dg_op *op)
{
    (void)self;
    if (pbx->dies_with_store && pbx->store->fail_writes)
        return;                       /* the op stays open */
    assert_null(pbx_find(req->call)); /* no attempt is dialled twice */
    assert_true(pbx->count < PBX_CALLS);
    struct pbx_call *c = &pbx->calls[pbx->count++];
    const char *number = strchr(req->endpoint, '/') + 1;
    snprintf(c->id, sizeof c->id, "%s", req->call);
    snprintf(c->endpoint, sizeof c->endpoint, "%s", req->endpoint);
    snprintf(c->number, sizeof c->number, "%.*s", (int)strcspn(number, "@"), number);
    snprintf(c->caller, sizeof c->caller, "%s", req->caller_number ? req->caller_number : "");
    pbx->live++;
    if (pbx->live > pbx->most)
        pbx->most = pbx->live;
    pbx->h->done(op);
    pbx_tell(c, DG_CALL_STARTED, 0);
}

static inline void pbx_answer(struct pbx_call *c)
{
    c->up = true;
    pbx_tell(c, DG_CALL_ANSWERED, 0);
}

static inline void pbx_end(struct pbx_call *c, int cause)
{
    c->over = true;
    pbx->live--;
    pbx_tell(c, DG_CALL_ENDED, cause);
}

static inline void pbx_hangup(void *self, const struct dg_hangup *req, struct dg_op *op)
{
    struct pbx_call *c = pbx_find(req->call);
    (void)self;
    pbx->hangups++;
    if (pbx->deaf) {
        pbx->deaf--;
        (pbx->h->fail)(op, DG_EUNAVAILABLE, "it is away");
        return;
    }
    if (!c || c->over) {
        (pbx->h->fail)(op, DG_ENOTFOUND, "no such call");
        return;
    }
    pbx->h->done(op);
    pbx_end(c, 16);
}

static inline void pbx_join(void *self, const struct dg_join *req, struct dg_op *op)
{
    struct pbx_call *a = pbx_find(req->call), *b = pbx_find(req->other);
    (void)self;
    if (pbx->refuses_joins || !a || !b || !a->up || !b->up || a->over || b->over) {
        (pbx->h->fail)(op, DG_EUPSTREAM, "they cannot be joined");
        return;
    }
    pbx->joins++;
    a->joined = b->joined = true;
    pbx->h->done(op);
}

static inline void pbx_list(void *self, const struct dg_filter *req, struct dg_op *op)
{
    (void)self;
    (void)req;
    for (size_t i = 0; i < pbx->count; i++) {
        const struct pbx_call *c = &pbx->calls[i];
        const struct dg_call call = {DG_SIZED(struct dg_call), .id = c->id,
                                     .state = c->up ? DG_CHANNEL_UP : DG_CHANNEL_RINGING};
        if (!c->over)
            pbx->h->item(op, &call);
    }
    pbx->h->done(op);
}

static inline void pbx_members(void *self, const struct dg_filter *req, struct dg_op *op)
{
    (void)self;
    (void)req;
    const struct dg_queue_member others[] = {
        {DG_SIZED(struct dg_queue_member), .queue = "sales", .interface = "PJSIP/1",
         .state = "not in use", .paused = true},
        {DG_SIZED(struct dg_queue_member), .queue = "sales", .interface = "PJSIP/1",
         .state = "in use"},
        {DG_SIZED(struct dg_queue_member), .queue = "salesmen", .interface = "PJSIP/1",
         .state = "not in use"},
    };
    const struct dg_queue_member idle = {DG_SIZED(struct dg_queue_member), .queue = "sales",
                                         .interface = "PJSIP/2", .state = "not in use"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        pbx->h->item(op, &others[i]);
    for (unsigned i = 0; i < pbx->members_free; i++)
        pbx->h->item(op, &idle);
    pbx->h->done(op);
}

static inline void pbx_queues(void *self, const struct dg_filter *req, struct dg_op *op)
{
    const struct dg_queue queues[] = {
        {DG_SIZED(struct dg_queue), .name = "salesmen", .waiting = 5},
        {DG_SIZED(struct dg_queue), .name = "sales", .waiting = pbx->waiting},
    };
    (void)self;
    (void)req;
    for (size_t i = 0; i < sizeof queues / sizeof *queues; i++)
        pbx->h->item(op, &queues[i]);
    pbx->h->done(op);
}

static struct dg_backend pbx_table = {
    DG_SIZED(struct dg_backend), .originate = pbx_originate, .hangup = pbx_hangup, .join = pbx_join,
    .calls = pbx_list,           .members = pbx_members,     .queues = pbx_queues};
static const struct dg_cfg_key pbx_keys[] = {{0}};
static const struct dg_plugin pbx_plugin = {.size = sizeof pbx_plugin,
                                            .abi_major = DG_ABI_MAJOR,
                                            .abi_minor = DG_ABI_MINOR,
                                            .name = "pbx",
                                            .version = "1",
                                            .summary = "a telephone server of the tests",
                                            .config = pbx_keys,
                                            .backend = &pbx_table,
                                            .open = pbx_open,
                                            .close = pbx_close};

/* ---- The gateway --------------------------------------------------------------------- */

struct gateway {
    struct world *world;
    const char *node;
    int64_t now_ms;
    struct bus *bus;
    struct snapshots *snapshots;
    struct calls *calls;
    struct control *control;
    struct metrics *metrics;
    struct ledger *ledger;
    struct notes *notes;
    struct dialer *dialer;
    struct instance *backend;
    struct call_limits limits;
    bool answered; /* a command */
    enum dg_err err;
    char message[200];
    struct dialer_why why;
};

/* Until nothing happens any more. The ledger writes by a timer. */
static inline void turn(struct gateway *g)
{
    size_t waiting = 1;
    for (int round = 0; round < 500 && waiting; round++) {
        for (int i = 0; i < 60; i++)
            uv_run(loop_uv(g->world->loop), UV_RUN_NOWAIT);
        waiting = ledger_waiting(g->ledger);
    }
}

static inline void look(struct gateway *g)
{
    dialer_look(g->dialer);
    turn(g);
}

/* Both clocks; in steps, as leases want to be renewed. */
static inline void pass(struct gateway *g, int64_t ms)
{
    for (int64_t step; ms > 0; ms -= step) {
        step = ms < 2000 ? ms : 2000;
        g->now_ms += step;
        clock_fake(1000000 + (uint64_t)(g->now_ms - NOON), g->now_ms);
        look(g);
    }
}

/* At once, to a later time. */
static inline void jump(struct gateway *g, int64_t ms)
{
    g->now_ms += ms;
    clock_fake(1000000 + (uint64_t)(g->now_ms - NOON), g->now_ms);
    look(g);
    look(g);
}

static inline void on_pbx_event(void *arg, struct instance *in, const struct dg_event *ev)
{
    calls_event(((struct gateway *)arg)->calls, in, ev);
}

static inline void on_pbx_link(void *arg, struct instance *in, enum dg_link link,
                               const char *detail)
{
    (void)detail;
    calls_link(((struct gateway *)arg)->calls, in, link);
}

static inline void render_nothing(const struct call *c, struct buf *out)
{
    buf_adds(out, call_state_name(c->state));
}

static inline void on_recovered(void *arg, const struct op_result *res)
{
    assert_int_equal(res->err, DG_OK);
    world_done(arg);
}

static inline void gateway_start(struct gateway *g)
{
    struct world *w = g->world;
    struct problem problem = {0};
    g->snapshots = snapshots_new(1);
    g->bus = bus_new();
    g->calls = calls_new(&(struct calls_config){.loop = w->loop,
                                                .store = w->store,
                                                .bus = g->bus,
                                                .snapshots = g->snapshots,
                                                .render = render_nothing,
                                                .node = g->node,
                                                .late_ms = 1,
                                                .retention = {.recent_max = 100}});
    g->control = control_new(w->loop, g->calls, g->bus);
    g->metrics = metrics_new();
    g->ledger = ledger_new(w->store, w->loop, g->metrics);
    g->notes = notes_new(w->store, NULL);
    g->dialer = dialer_new(&(struct dialer_config){.loop = w->loop,
                                                   .store = w->store,
                                                   .bus = g->bus,
                                                   .calls = g->calls,
                                                   .control = g->control,
                                                   .ledger = g->ledger,
                                                   .notes = g->notes,
                                                   .node = g->node,
                                                   .timezone = "UTC"});
    calls_recover(g->calls, on_recovered, w);
    world_wait(w, &w->done);
    const struct plug_events events = {.event = on_pbx_event, .link = on_pbx_link, .arg = g};
    g->backend = instance_open(w->plug, &pbx_plugin, "pbx", world_settings(pbx_keys, NULL), &events,
                               &problem);
    assert_non_null(g->backend);
    const struct call_defaults defaults = {.endpoint = "PJSIP/{number}",
                                           .context = "out",
                                           .extension = "s",
                                           .caller_id = "999",
                                           .priority = 1,
                                           .ring_ms = 30000};
    calls_use(g->calls, g->backend, false, &defaults, &g->limits);
    turn(g);
    uv_sleep(3); /* calls that are gone are missed */
    turn(g);
    dialer_start(g->dialer);
    turn(g);
    look(g);
}

/* What is not in the store by now is lost: the store takes nothing more from this gateway. */
static inline void gateway_kill(struct gateway *g)
{
    struct world *w = g->world;
    w->memory->fail_writes = w->memory->fail_reads = DG_EUNAVAILABLE;
    w->memory->before_write = NULL;
    clock_real(); /* what is closed has deadlines */
    dialer_stop(g->dialer);
    calls_stop(g->calls);
    instance_close(g->backend, world_done, w);
    world_wait(w, &w->done);
    dialer_close(g->dialer, world_done, w);
    world_wait(w, &w->done);
    store_free(w->store);
    w->store = NULL;
    notes_free(g->notes);
    ledger_free(g->ledger);
    dialer_free(g->dialer);
    control_free(g->control);
    calls_free(g->calls);
    bus_free(g->bus);
    snapshots_free(g->snapshots);
    metrics_free(g->metrics);
    w->memory->fail_writes = w->memory->fail_reads = DG_OK;
    clock_fake(1000000 + (uint64_t)(g->now_ms - NOON), g->now_ms);
    w->store = store_new(&(struct store_config){.loop = w->loop, .instance = w->instance});
    store_ready(w->store, world_ready, w);
    world_wait(w, &w->done);
}

static inline struct gateway *gateway_new(const char *node)
{
    struct gateway *g = xcalloc(1, sizeof *g);
    log_setup(&(struct log_config){.level = getenv("TEST_LOG") ? DG_DEBUG : DG_ERROR + 1});
    pbx = xcalloc(1, sizeof *pbx);
    g->node = node;
    g->now_ms = NOON;
    g->world = world_new();
    pbx->store = g->world->memory;
    assert_true(plug_accept(&pbx_plugin, "test", &(struct problem){0}));
    clock_fake(1000000, NOON);
    return g;
}

static inline void gateway_free(struct gateway *g)
{
    gateway_kill(g);
    clock_real();
    world_free(g->world);
    free(pbx);
    free(g);
}

/* ---- Records --------------------------------------------------------------------------- */

static inline struct campaign *a_campaign(void)
{
    struct campaign *c = campaign_new();
    c->status = CAMPAIGN_RUNNING;
    campaign_set_text(&c->name, "spring");
    c->trunk_type = TRUNK_PJSIP;
    campaign_set_text(&c->trunk_value, "carrier");
    c->dest_type = DEST_EXTEN;
    campaign_set_text(&c->dest_value, "100");
    c->concurrent_calls = 10;
    c->created_at_ms = NOON;
    return c;
}

static inline void put(struct gateway *g, const char *collection, const char *id,
                       const struct buf *json)
{
    memory_put(g->world->memory, collection, id, (struct dg_bytes){json->ptr, json->len});
}

/* Takes the campaign over. With counts for so many numbers, which number() is to write. */
static inline void add_campaign(struct gateway *g, const char *id, struct campaign *c,
                                int64_t numbers)
{
    const struct campaign_counts counts = {.numbers = {[NUMBER_PENDING] = numbers}};
    struct buf json;
    buf_init(&json, BUF_MAX);
    campaign_write(c, &json);
    put(g, COLLECTION_CAMPAIGNS, id, &json);
    buf_clear(&json);
    campaign_counts_write(&counts, &json);
    put(g, COLLECTION_CAMPAIGN_COUNTS, id, &json);
    buf_free(&json);
    campaign_free(c);
}

static inline void add_number(struct gateway *g, int64_t id, const char *phone_number,
                              const char *timezone)
{
    struct number n = {.campaign_id = 1,
                       .phone_number = xstrdup(phone_number),
                       .timezone = xstrdup(timezone),
                       .created_at_ms = NOON};
    char key[24];
    struct buf json;
    snprintf(key, sizeof key, "%lld", (long long)id);
    buf_init(&json, BUF_MAX);
    number_write(&n, &json);
    put(g, COLLECTION_NUMBERS, key, &json);
    buf_free(&json);
    number_clear(&n);
}

static inline struct number the_number(struct gateway *g, int64_t id)
{
    char key[24];
    struct number n = {0};
    snprintf(key, sizeof key, "%lld", (long long)id);
    const struct memory_doc *d = memory_find(g->world->memory, COLLECTION_NUMBERS, key);
    assert_non_null(d);
    json_t *json = json_parse(d->json, strlen(d->json), 16, NULL);
    assert_true(number_read(&n, key, d->version, json));
    json_decref(json);
    return n;
}

static inline enum number_status status_of(struct gateway *g, int64_t id)
{
    struct number n = the_number(g, id);
    enum number_status status = n.status;
    number_clear(&n);
    return status;
}

static inline unsigned attempts_of(struct gateway *g, int64_t id)
{
    struct number n = the_number(g, id);
    unsigned attempts = n.attempts;
    number_clear(&n);
    return attempts;
}

static inline struct campaign_counts the_counts(struct gateway *g)
{
    struct campaign_counts counts;
    const struct memory_doc *d = memory_find(g->world->memory, COLLECTION_CAMPAIGN_COUNTS, "1");
    json_t *json = json_parse(d->json, strlen(d->json), 16, NULL);
    assert_true(campaign_counts_read(&counts, json));
    json_decref(json);
    return counts;
}

/* CDRs of a number; 0: of all. */
static inline unsigned cdrs_of(struct gateway *g, int64_t number)
{
    unsigned count = 0;
    for (size_t i = 0; i < g->world->memory->count; i++) {
        const struct memory_doc *d = &g->world->memory->docs[i];
        json_t *json = json_parse(d->json, strlen(d->json), 16, NULL);
        int64_t of = json_get_int(json, "campaign_number_id", 0);
        count += str_eq(d->collection, COLLECTION_CDR) && (!number || of == number);
        json_decref(json);
    }
    return count;
}

/* The counts are those of the documents. */
static inline void counts_are_right(struct gateway *g)
{
    const struct campaign_counts counts = the_counts(g);
    int64_t there[NUMBER_STATUSES] = {0};
    for (size_t i = 0; i < g->world->memory->count; i++) {
        const struct memory_doc *d = &g->world->memory->docs[i];
        json_t *json = json_parse(d->json, strlen(d->json), 16, NULL);
        enum number_status status;
        if (str_eq(d->collection, COLLECTION_NUMBERS) &&
            number_status_parse(json_get_str(json, "status"), &status))
            there[status]++;
        json_decref(json);
    }
    for (size_t i = 0; i < NUMBER_STATUSES; i++)
        if (counts.numbers[i] != there[i])
            fail_msg("counts say %lld %s, there are %lld", (long long)counts.numbers[i],
                     number_status_name((enum number_status)i), (long long)there[i]);
    assert_int_equal(counts.total_calls, cdrs_of(g, 0));
}

/* ---- Orders --------------------------------------------------------------------------------- */

static inline void on_command(void *arg, const struct dialer_answer *answer)
{
    struct gateway *g = arg;
    g->answered = true;
    g->err = answer->err;
    snprintf(g->message, sizeof g->message, "%s", answer->message ? answer->message : "");
}

static inline enum dg_err command(struct gateway *g, enum dialer_order order)
{
    g->answered = false;
    dialer_command(g->dialer, 1, order, on_command, g);
    /* Between two of its writes the ledger may wait for nothing. */
    for (int i = 0; i < 1000 && !g->answered; i++)
        turn(g);
    assert_true(g->answered);
    return g->err;
}

static inline void on_why(void *arg, enum dg_err err, const char *message,
                          const struct dialer_why *why)
{
    struct gateway *g = arg;
    (void)message;
    assert_int_equal(err, DG_OK);
    g->answered = true;
    g->why = *why;
}

/* The first reason, or "". */
static inline const char *why(struct gateway *g)
{
    g->answered = false;
    dialer_why(g->dialer, 1, on_why, g);
    turn(g);
    assert_true(g->answered);
    return g->why.reason_count ? g->why.reasons[0].code : "";
}

/* The call of this number that is under way. */
static inline struct pbx_call *calling(const char *number)
{
    for (size_t i = 0; i < pbx->count; i++)
        if (!pbx->calls[i].over && str_eq(pbx->calls[i].number, number))
            return &pbx->calls[i];
    return NULL;
}

static inline unsigned dialled(const char *number)
{
    unsigned count = 0;
    for (size_t i = 0; i < pbx->count; i++)
        count += str_eq(pbx->calls[i].number, number);
    return count;
}

#endif
