/* control_test.c - domain/control over a store in memory and two scripted
 * backends: what is asked of whom, in which order, and what then shows. */
#include "memory_store.h"

#include "base/clock.h"
#include "base/log.h"
#include "domain/control.h"

enum { HOLD, MOH, MUTE, DTMF, GO_TO, TRANSFER, GET, SET, JOIN, PARK, PLAY, RECORD, CHANGE, HANGUP };
enum { FUNCTIONS = HANGUP + 1 };

/* What a backend answers, and what it was asked: "hold on; moh on; ". */
struct script {
    const struct dg_host *host;
    enum dg_err err[FUNCTIONS];
    const char *value;     /* of a variable */
    const char *slot;      /* of the one that is parked; NULL: nobody */
    const char *listed[2]; /* calls that are there */
    char asked[512];
};

struct bed {
    struct world *world;
    struct snapshots *snapshots;
    struct bus *bus;
    struct instance *pbx, *other;
    struct calls *calls;
    struct control *control;
    struct script scripts[2]; /* the carrier's, the companion's */
    char call[ID_SIZE], leg[ID_SIZE], channel[64];
    char shown[256];
    /* The last answer. */
    unsigned answers;
    enum dg_err err;
    char field[32], message[128], text[128];
};

static struct bed *the; /* the scripted plugins have no other way to find it */

/* ---- The scripted backends ------------------------------------------------------------- */

static enum dg_err open_pbx(const struct dg_host *h, void **self)
{
    *self = &the->scripts[0];
    the->scripts[0].host = h;
    h->link(h, DG_LINK_UP, NULL);
    return DG_OK;
}

static enum dg_err open_other(const struct dg_host *h, void **self)
{
    *self = &the->scripts[1];
    the->scripts[1].host = h;
    h->link(h, DG_LINK_UP, NULL);
    return DG_OK;
}

static void close_script(void *self, struct dg_op *op)
{
    ((struct script *)self)->host->done(op);
}

static void note(struct script *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(struct script *s, const char *fmt, ...)
{
    size_t len = strlen(s->asked);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->asked + len, sizeof s->asked - len, fmt, ap);
    va_end(ap);
}

static void reply(struct script *s, int function, struct dg_op *op)
{
    if (s->err[function] == DG_OK)
        s->host->done(op);
    else
        (s->host->fail)(op, s->err[function], "%s says %d", s == the->scripts ? "pbx" : "other",
                        (int)s->err[function]);
}

static void do_originate(void *self, const struct dg_originate *req, struct dg_op *op)
{
    struct script *s = self;
    memcpy(the->leg, req->call, strlen(req->call) + 1);
    if (s == &the->scripts[1])
        note(s, "originate; ");
    snprintf(the->channel, sizeof the->channel, "%s %s", req->endpoint,
             req->context ? req->context : "-");
    s->host->done(op);
}

static void do_hangup(void *self, const struct dg_hangup *req, struct dg_op *op)
{
    note(self, "hangup %s; ", str_eq(req->call, the->call) ? "call" : "leg");
    reply(self, HANGUP, op);
}

static void do_calls(void *self, const struct dg_filter *req, struct dg_op *op)
{
    struct script *s = self;
    (void)req;
    for (size_t i = 0; i < COUNT(s->listed) && s->listed[i]; i++)
        s->host->item(op, &(struct dg_call){DG_SIZED(struct dg_call), .id = s->listed[i],
                                            .state = DG_CHANNEL_UP});
    s->host->done(op);
}

#define SIMPLE(name, function, type, ...)                                                          \
    static void name(void *self, const struct type *req, struct dg_op *op)                         \
    {                                                                                              \
        note(self, __VA_ARGS__);                                                                   \
        reply(self, function, op);                                                                 \
    }

SIMPLE(do_hold, HOLD, dg_switch, "hold %d; ", req->on)
SIMPLE(do_moh, MOH, dg_moh, "moh %d; ", req->on)
SIMPLE(do_mute, MUTE, dg_mute, "mute %d%d%d; ", req->on, req->in, req->out)
SIMPLE(do_dtmf, DTMF, dg_dtmf, "dtmf %s; ", req->digits)
SIMPLE(do_go_to, GO_TO, dg_dialplan, "go_to %s,%s,%s; ", req->context, req->extension,
       req->priority)
SIMPLE(do_transfer, TRANSFER, dg_transfer, "transfer %d %s; ", req->type,
       req->extension ? req->extension : "leg")
SIMPLE(do_set, SET, dg_variable, "set %s=%s; ", req->name, req->value)
SIMPLE(do_join, JOIN, dg_join, "join %d; ", str_eq(req->other, the->leg))
SIMPLE(do_park, PARK, dg_park, "park %s %u; ", req->lot ? req->lot : "-", (unsigned)req->timeout_ms)
SIMPLE(do_play, PLAY, dg_play, "play %s; ", req->media)
SIMPLE(do_record, RECORD, dg_record, "record %s %u %d; ", req->format, (unsigned)req->max_ms,
       req->beep)
SIMPLE(do_change, CHANGE, dg_record_ref, "change %d; ", req->change)

static void do_get(void *self, const struct dg_variable *req, struct dg_op *op)
{
    struct script *s = self;
    note(s, "get %s; ", req->name);
    if (s->err[GET] == DG_OK)
        s->host->item(op, s->value);
    reply(s, GET, op);
}

static void do_parked(void *self, const struct dg_filter *req, struct dg_op *op)
{
    struct script *s = self;
    const struct dg_parked parked = {DG_SIZED(struct dg_parked), .call = the->call,
                                     .lot = "default", .slot = s->slot};
    (void)req;
    note(s, "parked; ");
    if (s->slot)
        s->host->item(op, &parked);
    s->host->done(op);
}

/* The carrier lacks what ARI does: transfers, parking. */
static const char *needs_control[2];
static const struct dg_backend pbx_table = {
    .size = sizeof pbx_table,
    .needs_control = needs_control,
    .originate = do_originate,
    .hangup = do_hangup,
    .calls = do_calls,
    .hold = do_hold,
    .moh = do_moh,
    .mute = do_mute,
    .dtmf = do_dtmf,
    .go_to = do_go_to,
    .get_variable = do_get,
    .set_variable = do_set,
    .join = do_join,
    .play = do_play,
    .record = do_record,
    .record_change = do_change,
};
static const struct dg_backend other_table = {
    .size = sizeof other_table,
    .originate = do_originate,
    .hangup = do_hangup,
    .calls = do_calls,
    .moh = do_moh,
    .mute = do_mute,
    .dtmf = do_dtmf,
    .go_to = do_go_to,
    .transfer = do_transfer,
    .get_variable = do_get,
    .set_variable = do_set,
    .join = do_join,
    .park = do_park,
    .parked = do_parked,
    .record = do_record,
    .record_change = do_change,
};

#define PLUGIN(name_, table, opener)                                                               \
    {                                                                                              \
        .size = sizeof(struct dg_plugin), .abi_major = DG_ABI_MAJOR, .abi_minor = DG_ABI_MINOR,    \
        .name = (name_), .version = "1", .summary = "a backend of the tests",                      \
        .config = memory_keys, .backend = (table), .open = (opener), .close = close_script,        \
    }
static const struct dg_plugin pbx_plugin = PLUGIN("pbx", &pbx_table, open_pbx);
static const struct dg_plugin other_plugin = PLUGIN("other", &other_table, open_other);

/* ---- The bed --------------------------------------------------------------------------- */

static void settle(struct bed *b)
{
    for (int i = 0; i < 50; i++)
        uv_run(loop_uv(b->world->loop), UV_RUN_NOWAIT);
}

/* What the call does, as far as it does anything. */
static void render(const struct call *c, struct buf *out)
{
    const struct call_doing *d = &c->doing;
    buf_adds(out, call_state_name(c->state));
    if (d->held)
        buf_adds(out, " held");
    if (d->muted_in || d->muted_out)
        buf_addf(out, " muted%d%d", d->muted_in, d->muted_out);
    if (d->parked)
        buf_addf(out, " parked %s", d->parked);
    if (d->recording)
        buf_adds(out, d->recording_paused ? " paused" : " recording");
    if (d->recording_count)
        buf_addf(out, " files %zu", d->recording_count);
}

static void on_event(void *arg, struct instance *in, const struct dg_event *ev)
{
    calls_event(((struct bed *)arg)->calls, in, ev);
}

static void emit_from(struct bed *b, int script, const struct dg_event *ev)
{
    const struct dg_host *h = b->scripts[script].host;
    h->emit(h, ev);
    settle(b);
}

static void emit(struct bed *b, enum dg_event_type type, const char *call)
{
    emit_from(b, 0, &(struct dg_event){DG_SIZED(struct dg_event), .type = type, .call = call});
}

static void ignore_call(void *arg, const struct call_answer *answer)
{
    (void)arg;
    assert_int_equal(answer->err, DG_OK);
}

static struct instance *open_one(struct bed *b, const struct dg_plugin *plugin)
{
    struct plug_events events = {.event = on_event, .arg = b};
    struct problem why = {0};
    struct instance *in = instance_open(b->world->plug, plugin, plugin->name,
                                        world_settings(memory_keys, NULL), &events, &why);
    assert_non_null(in);
    return in;
}

static void place_call(struct bed *b)
{
    const struct call_request req = {.phone_number = "+15550100", .api = "test", .user = "alice"};
    calls_originate(b->calls, &req, ignore_call, NULL);
    settle(b);
    memcpy(b->call, b->leg, sizeof b->call);
    b->leg[0] = '\0';
}

/* All that a start of the gateway makes. */
static void begin(struct bed *b)
{
    b->snapshots = snapshots_new(1);
    b->bus = bus_new();
    b->calls = calls_new(&(struct calls_config){.loop = b->world->loop,
                                                .store = b->world->store,
                                                .bus = b->bus,
                                                .snapshots = b->snapshots,
                                                .render = render,
                                                .node = "here",
                                                .retention = {.recent_max = 10}});
    b->control = control_new(b->world->loop, b->calls, b->bus);
}

static void open_backends(struct bed *b)
{
    static const char *const allowed[] = {"sales", NULL};
    static const struct call_defaults defaults = {.endpoint = "Local/{number}@{context}",
                                                  .context = "outbound-ivr",
                                                  .extension = "s",
                                                  .caller_id = "x",
                                                  .parked_context = "parkedcalls",
                                                  .priority = 1,
                                                  .ring_ms = 30000,
                                                  .allowed_contexts = allowed};
    static const struct call_limits limits = {.max_active = 5};
    b->pbx = open_one(b, &pbx_plugin);
    b->other = open_one(b, &other_plugin);
    calls_use(b->calls, b->pbx, false, &defaults, &limits);
    calls_use(b->calls, b->other, false, &defaults, &limits);
    settle(b);
}

static int set_up(void **state)
{
    struct bed *b = the = xcalloc(1, sizeof *b);
    log_setup(&(struct log_config){.level = DG_ERROR});
    needs_control[0] = NULL;
    b->world = world_new();
    begin(b);
    open_backends(b);
    place_call(b);
    *state = b;
    return 0;
}

static int set_up_answered(void **state)
{
    set_up(state);
    emit(*state, DG_CALL_ANSWERED, the->call);
    return 0;
}

static int set_up_with_companion(void **state)
{
    set_up_answered(state);
    calls_set_companion(the->calls, "pbx", "other");
    return 0;
}

static void close_one(struct bed *b, struct instance *in)
{
    b->world->done = false;
    instance_close(in, world_done, b->world);
    world_wait(b->world, &b->world->done);
}

static void finish(struct bed *b)
{
    close_one(b, b->pbx);
    close_one(b, b->other);
    control_free(b->control);
    calls_free(b->calls);
    settle(b);
    bus_free(b->bus);
    snapshots_free(b->snapshots);
}

static int tear_down(void **state)
{
    struct bed *b = *state;
    finish(b);
    world_free(b->world);
    free(b);
    return 0;
}

static void on_recovered(void *arg, const struct op_result *res)
{
    assert_int_equal(res->err, DG_OK);
    *(bool *)arg = true;
}

/* The gateway ends, and is there again. */
static void restart(struct bed *b)
{
    bool recovered = false;
    finish(b);
    begin(b);
    calls_recover(b->calls, on_recovered, &recovered);
    world_wait(b->world, &recovered);
    open_backends(b);
    calls_link(b->calls, b->pbx, DG_LINK_UP);
    settle(b);
}

static void on_answer(void *arg, const struct control_answer *answer)
{
    struct bed *b = arg;
    b->answers++;
    b->err = answer->err;
    snprintf(b->field, sizeof b->field, "%s", answer->field ? answer->field : "");
    snprintf(b->message, sizeof b->message, "%s", answer->message ? answer->message : "");
    snprintf(b->text, sizeof b->text, "%s", answer->text ? answer->text : "");
}

static enum dg_err ask(struct bed *b, struct control_request req)
{
    unsigned before = b->answers;
    if (!req.call)
        req.call = b->call;
    control_ask(b->control, &req, on_answer, b);
    assert_int_equal(b->answers, before); /* never from inside the call that asked */
    settle(b);
    assert_int_equal(b->answers, before + 1);
    return b->err;
}

static void copy_shown(void *arg, const void *bytes, size_t len)
{
    snprintf(arg, 256, "%.*s", (int)len, (const char *)bytes);
}

static const char *shown(struct bed *b)
{
    assert_true(snapshots_read(b->snapshots, 0, b->call, copy_shown, b->shown));
    return b->shown;
}

/* What the carrier (0) or its companion (1) was asked since the last time. */
static const char *asked(struct bed *b, int script)
{
    static char last[512];
    snprintf(last, sizeof last, "%s", b->scripts[script].asked);
    b->scripts[script].asked[0] = '\0';
    return last;
}

static char *record_of(struct bed *b, const char *collection)
{
    struct memory_doc *doc = memory_find(b->world->memory, collection, b->call);
    return doc ? doc->json : NULL;
}

/* ---- States ------------------------------------------------------------------------------ */

static void before_the_answer(void **state)
{
    struct bed *b = *state;
    for (enum control_action a = CONTROL_HANGUP + 1; a < CONTROL_ACTIONS; a++) {
        bool early = a == CONTROL_GET_VARIABLE || a == CONTROL_SET_VARIABLE;
        b->scripts[0].value = "x";
        enum dg_err err = ask(b, (struct control_request){.action = a,
                                                          .extension = "1",
                                                          .name = "A",
                                                          .value = "x",
                                                          .digits = "1",
                                                          .media = "sound:x"});
        assert_int_equal(err, early ? DG_OK : DG_ECONFLICT);
        if (!early)
            assert_string_equal(b->message, "Call is not answered yet");
    }
    assert_string_equal(asked(b, 0), "get A; set A=x; ");
}

static void unknown_and_over(void **state)
{
    struct bed *b = *state;
    for (enum control_action a = 0; a < CONTROL_ACTIONS; a++) {
        assert_int_equal(ask(b, (struct control_request){.action = a, .call = "nobody"}),
                         DG_ENOTFOUND);
        assert_string_equal(b->message, "Call not found");
    }
    emit(b, DG_CALL_ENDED, b->call);
    for (enum control_action a = 0; a < CONTROL_ACTIONS; a++) {
        assert_int_equal(ask(b, (struct control_request){.action = a}), DG_ECONFLICT);
        assert_string_equal(b->message, "Call has already ended");
    }
    assert_string_equal(asked(b, 0), "");
}

static void the_call_is_gone(void **state)
{
    struct bed *b = *state;
    b->scripts[0].err[DTMF] = DG_ENOTFOUND;
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_DTMF, .digits = "1"}),
                     DG_ECONFLICT);
    assert_string_equal(b->message, "Call has already ended");
}

static void hang_up(void **state)
{
    struct bed *b = *state;
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_HANGUP, .cause = 17}),
                     DG_OK);
    assert_string_equal(asked(b, 0), "hangup call; ");
}

/* ---- Ways ------------------------------------------------------------------------------- */

static void hold_by_music(void **state)
{
    struct bed *b = *state;
    b->scripts[0].err[HOLD] = DG_EUNSUPPORTED;
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_HOLD, .on = true}), DG_OK);
    assert_string_equal(asked(b, 0), "hold 1; moh 1; ");
    assert_string_equal(shown(b), "answered held");
    assert_non_null(strstr(record_of(b, "calls"), "\"held\":true"));
    /* It is undone as it was done. */
    b->scripts[0].err[HOLD] = DG_OK;
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_HOLD}), DG_OK);
    assert_string_equal(asked(b, 0), "moh 0; ");
    assert_string_equal(shown(b), "answered");
}

static void every_refusal(void **state)
{
    struct bed *b = *state;
    static const struct {
        enum dg_err hold, moh, err;
        const char *asked;
    } cases[] = {
        {DG_EUNSUPPORTED, DG_EUNSUPPORTED, DG_EUNSUPPORTED, "hold 1; moh 1; "},
        {DG_ECONFLICT, DG_EUNSUPPORTED, DG_ECONFLICT, "hold 1; moh 1; "},
        {DG_EUNSUPPORTED, DG_ECONFLICT, DG_ECONFLICT, "hold 1; moh 1; "},
        {DG_ECONFLICT, DG_EUPSTREAM, DG_EUPSTREAM, "hold 1; moh 1; "},
        {DG_EUPSTREAM, DG_OK, DG_EUPSTREAM, "hold 1; "}, /* it was asked: not again */
        {DG_ETIMEOUT, DG_OK, DG_ETIMEOUT, "hold 1; "},
        {DG_EUNAVAILABLE, DG_OK, DG_EUNAVAILABLE, "hold 1; "},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        b->scripts[0].err[HOLD] = cases[i].hold;
        b->scripts[0].err[MOH] = cases[i].moh;
        assert_int_equal(ask(b, (struct control_request){.action = CONTROL_HOLD, .on = true}),
                         cases[i].err);
        assert_string_equal(asked(b, 0), cases[i].asked);
        assert_string_equal(shown(b), "answered");
    }
}

static void without_companion(void **state)
{
    struct bed *b = *state;
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_PARK}), DG_EUNSUPPORTED);
    assert_string_equal(b->message, "pbx (plugin pbx) cannot park");
    b->scripts[0].err[GO_TO] = DG_ECONFLICT;
    assert_int_equal(
        ask(b, (struct control_request){.action = CONTROL_TRANSFER, .extension = "100"}),
        DG_ECONFLICT);
    assert_true(str_starts(b->message, "pbx says"));
}

static void the_companion_does_it(void **state)
{
    struct bed *b = *state;
    static const struct {
        int function;
        struct control_request req;
        const char *pbx, *other;
    } cases[] = {
        {DTMF, {.action = CONTROL_DTMF, .digits = "12"}, "dtmf 12; ", "dtmf 12; "},
        {GO_TO,
         {.action = CONTROL_REDIRECT, .context = "sales", .extension = "1", .priority = 2},
         "go_to sales,1,2; ",
         "go_to sales,1,2; "},
        {GO_TO,
         {.action = CONTROL_TRANSFER, .extension = "1"},
         "go_to outbound-ivr,1,1; ",
         "transfer 0 1; "},
        {SET,
         {.action = CONTROL_SET_VARIABLE, .name = "A", .value = "b"},
         "set A=b; ",
         "set A=b; "},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        b->scripts[0].err[cases[i].function] = DG_ECONFLICT;
        assert_int_equal(ask(b, cases[i].req), DG_OK);
        assert_string_equal(asked(b, 0), cases[i].pbx);
        assert_string_equal(asked(b, 1), cases[i].other);
        /* Where the carrier can, nobody else is asked. */
        b->scripts[0].err[cases[i].function] = DG_OK;
        assert_int_equal(ask(b, cases[i].req), DG_OK);
        assert_string_equal(asked(b, 1), "");
        asked(b, 0);
    }
}

static void the_companion_cannot_either(void **state)
{
    struct bed *b = *state;
    static const struct {
        enum dg_err pbx, other, err;
        const char *who; /* whose words */
    } cases[] = {
        {DG_ECONFLICT, DG_ECONFLICT, DG_ECONFLICT, "other says"},
        {DG_ECONFLICT, DG_EUNSUPPORTED, DG_ECONFLICT, "pbx says"},
        {DG_ECONFLICT, DG_ENOTFOUND, DG_ECONFLICT, "pbx says"},
        {DG_ECONFLICT, DG_EUPSTREAM, DG_EUPSTREAM, "other says"},
        {DG_EUNSUPPORTED, DG_EUNAVAILABLE, DG_EUNAVAILABLE, "other says"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        b->scripts[0].err[DTMF] = cases[i].pbx;
        b->scripts[1].err[DTMF] = cases[i].other;
        assert_int_equal(ask(b, (struct control_request){.action = CONTROL_DTMF, .digits = "1"}),
                         cases[i].err);
        assert_true(str_starts(b->message, cases[i].who));
    }
}

static void muted_by_the_companion(void **state)
{
    struct bed *b = *state;
    b->scripts[0].err[MUTE] = DG_ECONFLICT;
    assert_int_equal(
        ask(b, (struct control_request){.action = CONTROL_MUTE, .on = true, .in = true}), DG_OK);
    assert_string_equal(shown(b), "answered muted10");
    asked(b, 0);
    asked(b, 1);
    b->scripts[0].err[MUTE] = DG_OK; /* it could now; but it did not mute */
    assert_int_equal(
        ask(b, (struct control_request){.action = CONTROL_MUTE, .in = true, .out = true}), DG_OK);
    assert_string_equal(asked(b, 0), "");
    assert_string_equal(asked(b, 1), "mute 011; ");
    assert_string_equal(shown(b), "answered");
}

/* Its events tell what is done to the call, but do not move it. */
static void the_companions_events(void **state)
{
    struct bed *b = *state;
    struct dg_event ev = {DG_SIZED(struct dg_event), .type = DG_CALL_PARKED, .call = b->call,
                          .target = "default/702", .on = true};
    emit_from(b, 1, &ev);
    assert_string_equal(shown(b), "answered parked default/702");
    ev.on = false;
    emit_from(b, 1, &ev);
    assert_string_equal(shown(b), "answered");
    ev.type = DG_CALL_ENDED;
    emit_from(b, 1, &ev);
    assert_string_equal(shown(b), "answered");
    assert_int_equal(calls_live(b->calls), 1);
}

/* ---- Places, variables ---------------------------------------------------------------------- */

static void contexts(void **state)
{
    struct bed *b = *state;
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_REDIRECT,
                                                     .context = "secret",
                                                     .extension = "1"}),
                     DG_EINVAL);
    assert_string_equal(b->field, "context");
    assert_string_equal(asked(b, 0), "");
    emit(b, DG_CALL_HELD, b->call);
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_HOLD, .on = true}), DG_OK);
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_REDIRECT,
                                                     .context = "sales",
                                                     .extension = "1"}),
                     DG_OK);
    assert_string_equal(shown(b), "answered");
}

static void variables(void **state)
{
    struct bed *b = *state;
    const struct control_request get = {.action = CONTROL_GET_VARIABLE, .name = "A"};
    b->scripts[0].value = "some value";
    assert_int_equal(ask(b, get), DG_OK);
    assert_string_equal(b->text, "some value");
    b->scripts[0].value = "";
    assert_int_equal(ask(b, get), DG_ENOTFOUND);
    assert_string_equal(b->message, "Variable is not set");
    b->scripts[0].err[GET] = DG_ENOTFOUND;
    assert_int_equal(ask(b, get), DG_ENOTFOUND);
    assert_string_equal(b->message, "Variable is not set");
}

/* ---- Recordings ----------------------------------------------------------------------------- */

static void recording_ended(struct bed *b, int script)
{
    emit_from(b, script,
              &(struct dg_event){DG_SIZED(struct dg_event), .type = DG_RECORD_ENDED,
                                 .call = b->call, .target = b->text});
}

static void recordings(void **state)
{
    struct bed *b = *state;
    clock_fake(clock_ms(), 1763739730000); /* 2025-11-21 15:42:10 */
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_RECORD,
                                                     .format = "gsm",
                                                     .max_ms = 5000,
                                                     .beep = true}),
                     DG_OK);
    char name[80];
    snprintf(name, sizeof name, "20251121-154210-%s", b->call);
    assert_string_equal(b->text, name);
    assert_string_equal(asked(b, 0), "record gsm 5000 1; ");
    assert_string_equal(shown(b), "answered recording files 1");
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_RECORD}), DG_ECONFLICT);
    assert_string_equal(asked(b, 0), "");
    snprintf(b->text, sizeof b->text, "another");
    recording_ended(b, 0);
    assert_string_equal(shown(b), "answered recording files 1");
    snprintf(b->text, sizeof b->text, "%s", name);
    recording_ended(b, 0);
    assert_string_equal(shown(b), "answered files 1");
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_RECORD}), DG_OK);
    char second[96];
    snprintf(second, sizeof second, "%s-2", name);
    assert_string_equal(b->text, second);
    emit(b, DG_CALL_ENDED, b->call);
    clock_real();
    assert_non_null(strstr(record_of(b, "cdr"), second));
    assert_null(strstr(record_of(b, "calls"), "\"recording\""));
}

static void a_recording_that_fails(void **state)
{
    struct bed *b = *state;
    b->scripts[0].err[RECORD] = DG_EUPSTREAM;
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_RECORD}), DG_EUPSTREAM);
    assert_string_equal(shown(b), "answered");
    b->scripts[0].err[RECORD] = DG_OK;
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_RECORD}), DG_OK);
    /* Its end was missed: it is told when somebody asks. */
    b->scripts[0].err[CHANGE] = DG_ENOTFOUND;
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_RECORD_CHANGE,
                                                     .change = DG_RECORD_PAUSE}),
                     DG_ECONFLICT);
    assert_string_equal(b->message, "Call is not being recorded");
    assert_string_equal(shown(b), "answered files 1");
}

static void recorded_by_the_companion(void **state)
{
    struct bed *b = *state;
    b->scripts[0].err[RECORD] = DG_ECONFLICT;
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_RECORD}), DG_OK);
    asked(b, 0);
    asked(b, 1);
    static const enum dg_record_change changes[] = {DG_RECORD_PAUSE, DG_RECORD_RESUME,
                                                    DG_RECORD_STOP};
    for (size_t i = 0; i < COUNT(changes); i++)
        assert_int_equal(
            ask(b, (struct control_request){.action = CONTROL_RECORD_CHANGE, .change = changes[i]}),
            DG_OK);
    assert_string_equal(asked(b, 0), "");
    assert_string_equal(asked(b, 1), "change 1; change 2; change 0; ");
    assert_string_equal(shown(b), "answered files 1");
}

/* ---- Parking -------------------------------------------------------------------------------- */

static void parking(void **state)
{
    struct bed *b = *state;
    b->scripts[1].slot = "701";
    assert_int_equal(
        ask(b, (struct control_request){.action = CONTROL_PARK, .lot = "east", .timeout_ms = 7000}),
        DG_OK);
    assert_string_equal(b->text, "default/701");
    assert_string_equal(asked(b, 1), "park east 7000; parked; ");
    assert_string_equal(shown(b), "answered parked default/701");
    const struct retrieve_request req = {.slot = "701", .endpoint = "PJSIP/8013", .user = "bob"};
    control_retrieve(b->control, &req, on_answer, b);
    settle(b);
    assert_int_equal(b->err, DG_OK);
    assert_string_equal(b->text, b->call);
    assert_string_equal(b->channel, "PJSIP/8013 parkedcalls");
}

static void retrieving_nobody(void **state)
{
    struct bed *b = *state;
    struct retrieve_request req = {.slot = "701", .endpoint = "PJSIP/8013", .user = "bob"};
    control_retrieve(b->control, &req, on_answer, b);
    settle(b);
    assert_int_equal(b->err, DG_ENOTFOUND);
    b->scripts[1].slot = "701";
    static const char *const bad[] = {"Local/1@secret", "Local/1"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        req.endpoint = bad[i];
        control_retrieve(b->control, &req, on_answer, b);
        settle(b);
        assert_int_equal(b->err, DG_EINVAL);
        assert_string_equal(b->field, "endpoint");
    }
    assert_string_equal(b->leg, "");
}

static void on_parked(void *arg, const struct parked_answer *answer)
{
    struct bed *b = arg;
    size_t len = 0;
    b->err = answer->err;
    b->text[0] = '\0';
    for (size_t i = 0; i < answer->count; i++)
        len += (size_t)snprintf(b->text + len, sizeof b->text - len, "%s at %s; ",
                                answer->calls[i].shown->slot, answer->calls[i].backend);
}

static const char *who_is_parked(struct bed *b)
{
    control_parked(b->control, on_parked, b);
    settle(b);
    return b->text;
}

/* Every backend's server is asked, once; a call is taken back where it waits. */
static void parked_elsewhere(void **state)
{
    struct bed *b = *state;
    const struct retrieve_request req = {.slot = "701", .endpoint = "PJSIP/8013", .user = "bob"};
    b->scripts[1].slot = "701";
    assert_string_equal(who_is_parked(b), "701 at other; ");
    assert_int_equal(b->err, DG_OK);
    asked(b, 1);
    control_retrieve(b->control, &req, on_answer, b);
    settle(b);
    assert_int_equal(b->err, DG_OK);
    assert_string_equal(asked(b, 1), "parked; originate; ");
    calls_set_companion(b->calls, "pbx", "other");
    assert_string_equal(who_is_parked(b), "701 at pbx; ");
    assert_string_equal(asked(b, 1), "parked; ");
    b->scripts[1].host->link(b->scripts[1].host, DG_LINK_DOWN, "gone");
    settle(b);
    who_is_parked(b);
    assert_int_equal(b->err, DG_EUNAVAILABLE);
    calls_set_companion(b->calls, "pbx", NULL);
    who_is_parked(b);
    assert_int_equal(b->err, DG_EUNSUPPORTED);
}

/* ---- Attended transfers ---------------------------------------------------------------------- */

static enum dg_err consult(struct bed *b)
{
    return ask(
        b, (struct control_request){
               .action = CONTROL_CONSULT, .context = "sales", .extension = "8013", .user = "bob"});
}

static void joined(void **state)
{
    struct bed *b = *state;
    assert_int_equal(consult(b), DG_OK);
    assert_string_equal(b->text, b->leg);
    assert_string_equal(b->channel, "Local/8013@sales -");
    assert_string_equal(shown(b), "answered held");
    assert_int_equal(consult(b), DG_ECONFLICT);
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_COMPLETE}), DG_ECONFLICT);
    assert_string_equal(asked(b, 0), "hold 1; ");
    emit(b, DG_CALL_ANSWERED, b->leg);
    b->scripts[0].err[JOIN] = DG_EUPSTREAM;
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_COMPLETE}), DG_EUPSTREAM);
    b->scripts[0].err[JOIN] = DG_OK; /* once more */
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_COMPLETE}), DG_OK);
    assert_string_equal(asked(b, 0), "hold 0; join 1; join 1; ");
    assert_string_equal(shown(b), "answered");
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_CANCEL}), DG_ECONFLICT);
    emit(b, DG_CALL_ENDED, b->leg);
    assert_string_equal(asked(b, 0), "");
}

static void transferred_by_the_companion(void **state)
{
    struct bed *b = *state;
    assert_int_equal(consult(b), DG_OK);
    emit(b, DG_CALL_ANSWERED, b->leg);
    b->scripts[0].err[JOIN] = DG_ECONFLICT;
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_COMPLETE}), DG_OK);
    assert_string_equal(asked(b, 1), "transfer 1 leg; ");
}

static void cancelled(void **state)
{
    struct bed *b = *state;
    assert_int_equal(consult(b), DG_OK);
    asked(b, 0);
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_CANCEL}), DG_OK);
    assert_string_equal(asked(b, 0), "hangup leg; hold 0; ");
    assert_string_equal(shown(b), "answered");
}

static void one_of_the_two_ends(void **state)
{
    struct bed *b = *state;
    assert_int_equal(consult(b), DG_OK);
    asked(b, 0);
    emit(b, DG_CALL_ENDED, b->leg);
    assert_string_equal(asked(b, 0), "hold 0; ");
    assert_string_equal(shown(b), "answered");
    assert_int_equal(consult(b), DG_OK);
    asked(b, 0);
    emit(b, DG_CALL_ENDED, b->call);
    assert_string_equal(asked(b, 0), "hangup leg; ");
}

/* Where nobody can be put on hold, the two go on talking. */
static void consulting_without_hold(void **state)
{
    struct bed *b = *state;
    b->scripts[0].err[HOLD] = b->scripts[0].err[MOH] = DG_ECONFLICT;
    assert_int_equal(consult(b), DG_OK);
    asked(b, 0);
    emit(b, DG_CALL_ANSWERED, b->leg);
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_COMPLETE}), DG_OK);
    assert_string_equal(asked(b, 0), "join 1; ");
}

/* Who could not be joined is not consulted: Asterisk says of hold where the call is. */
static void a_call_of_the_dialplan(void **state)
{
    struct bed *b = *state;
    needs_control[0] = "join";
    b->scripts[0].err[HOLD] = b->scripts[0].err[MOH] = DG_ECONFLICT;
    assert_int_equal(consult(b), DG_ECONFLICT);
    assert_string_equal(asked(b, 0), "hold 1; moh 1; ");
    assert_string_equal(b->leg, "");
    /* Also one that somebody else has put on hold. */
    emit_from(b, 0,
              &(struct dg_event){DG_SIZED(struct dg_event), .type = DG_CALL_HELD, .call = b->call,
                                 .on = true});
    assert_int_equal(consult(b), DG_ECONFLICT);
    b->scripts[0].err[HOLD] = DG_OK;
    assert_int_equal(consult(b), DG_OK);
    asked(b, 0);
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_CANCEL}), DG_OK);
    assert_string_equal(asked(b, 0), "hangup leg; ");
    assert_string_equal(shown(b), "answered held");
}

static void who_cannot_join_does_not_consult(void **state)
{
    struct bed *b = *state;
    b->scripts[0].host->lacks(b->scripts[0].host, "join", "no bridges here");
    settle(b);
    assert_int_equal(consult(b), DG_EUNSUPPORTED);
    assert_string_equal(b->message, "no bridges here");
    assert_string_equal(asked(b, 0), "");
    assert_string_equal(b->leg, "");
}

/* While the backend is away nothing can be undone: it is, later. */
static void the_backend_is_away_meanwhile(void **state)
{
    struct bed *b = *state;
    assert_int_equal(consult(b), DG_OK);
    asked(b, 0);
    b->scripts[0].err[HOLD] = DG_EUNAVAILABLE;
    emit(b, DG_CALL_ENDED, b->leg);
    assert_string_equal(asked(b, 0), "hold 0; ");
    assert_string_equal(shown(b), "answered held");
    b->scripts[0].err[HOLD] = DG_OK;
    while (strcmp(shown(b), "answered") != 0)
        uv_run(loop_uv(b->world->loop), UV_RUN_ONCE);
    assert_string_equal(asked(b, 0), "hold 0; ");
    assert_int_equal(consult(b), DG_OK);
}

static void begin_and_restart(struct bed *b, bool leg_is_there)
{
    assert_int_equal(consult(b), DG_OK);
    emit(b, DG_CALL_ANSWERED, b->leg);
    asked(b, 0);
    b->scripts[0].listed[0] = b->call;
    b->scripts[0].listed[1] = leg_is_there ? b->leg : NULL;
    restart(b);
}

static void completed_after_a_restart(void **state)
{
    struct bed *b = *state;
    begin_and_restart(b, true);
    assert_string_equal(shown(b), "answered held");
    assert_int_equal(consult(b), DG_ECONFLICT);
    assert_int_equal(ask(b, (struct control_request){.action = CONTROL_COMPLETE}), DG_OK);
    assert_string_equal(asked(b, 0), "hold 0; join 1; ");
    assert_null(strstr(record_of(b, COLLECTION_CALLS), "consult"));
}

static void nobody_stays_on_hold_after_a_restart(void **state)
{
    struct bed *b = *state;
    begin_and_restart(b, false);
    while (strcmp(shown(b), "answered") != 0)
        uv_run(loop_uv(b->world->loop), UV_RUN_ONCE);
    assert_string_equal(asked(b, 0), "hold 0; ");
    assert_null(strstr(record_of(b, COLLECTION_CALLS), "consult"));
}

#define RINGING(test)  cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define ANSWERED(test) cmocka_unit_test_setup_teardown(test, set_up_answered, tear_down)
#define HELPED(test)   cmocka_unit_test_setup_teardown(test, set_up_with_companion, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RINGING(before_the_answer),
        ANSWERED(unknown_and_over),
        ANSWERED(the_call_is_gone),
        ANSWERED(hang_up),
        ANSWERED(hold_by_music),
        ANSWERED(every_refusal),
        ANSWERED(without_companion),
        HELPED(the_companion_does_it),
        HELPED(the_companion_cannot_either),
        HELPED(muted_by_the_companion),
        HELPED(the_companions_events),
        ANSWERED(contexts),
        ANSWERED(variables),
        ANSWERED(recordings),
        ANSWERED(a_recording_that_fails),
        HELPED(recorded_by_the_companion),
        HELPED(parking),
        HELPED(retrieving_nobody),
        ANSWERED(parked_elsewhere),
        ANSWERED(joined),
        HELPED(transferred_by_the_companion),
        ANSWERED(cancelled),
        ANSWERED(one_of_the_two_ends),
        ANSWERED(consulting_without_hold),
        ANSWERED(a_call_of_the_dialplan),
        ANSWERED(who_cannot_join_does_not_consult),
        ANSWERED(the_backend_is_away_meanwhile),
        ANSWERED(completed_after_a_restart),
        ANSWERED(nobody_stays_on_hold_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
