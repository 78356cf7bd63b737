/* events.c - see events.h. One function per kind of ARI event, found in a table. */
#include "events.h"

#include <stdlib.h>
#include <string.h>

#include "asterisk/text.h"
#include "incoming.h"
#include "snapshot.h"

void incoming_emit(const struct incoming *in, struct dg_event ev)
{
    life_emit(&in->report, ev);
}

static bool is_ours(const struct events *e, const char *app)
{
    for (size_t i = 0; i < EVENTS_ALSO; i++)
        if (e->also[i] && text_same(app, e->also[i]))
            return true;
    return text_same(app, e->app);
}

bool incoming_is_ours(const struct incoming *in)
{
    return is_ours(in->e, json_text(in->json, "application"));
}

void events_also(struct events *e, const char *app, bool on)
{
    for (size_t i = 0; i < EVENTS_ALSO; i++)
        if (on ? !e->also[i] : e->also[i] == app) {
            e->also[i] = on ? app : NULL;
            return;
        }
}

struct leg *incoming_known(const struct incoming *in)
{
    return life_known(&in->e->life, in->id);
}

struct leg *incoming_later(const struct incoming *in)
{
    return life_later(&in->report, &in->seen.call);
}

void named_drop(struct table *t, struct named *n)
{
    table_take(t, &n->entry);
    free(n->name);
    free(n->value);
    free(n);
}

void named_put(struct table *t, const char *name, const char *value)
{
    struct named *n = table_find(t, name);
    if (n)
        named_drop(t, n);
    n = text_alloc(sizeof *n);
    n->name = text_copy(name);
    n->value = text_copy(value);
    n->entry = (struct entry){.key = n->name, .owner = n};
    table_put(t, &n->entry);
}

static void on_endpoint(const struct incoming *in)
{
    const json_t *endpoint = json_object_get(in->json, "endpoint");
    const char *technology = json_text(endpoint, "technology");
    const char *resource = json_text(endpoint, "resource"), *state = json_text(endpoint, "state");
    struct text target = {0};
    if (!technology || !resource)
        return;
    text_puts(&target, technology);
    text_puts(&target, "/");
    text_puts(&target, resource);
    incoming_emit(in, (struct dg_event){.type = DG_ENDPOINT_CHANGED,
                                        .target = target.at,
                                        .on = text_same(state, "online")});
    text_free(&target);
}

static void on_user_event(const struct incoming *in)
{
    if (!text_same(json_text(in->json, "eventname"), BEAT_EVENT)) {
        incoming_emit(in, (struct dg_event){.type = DG_NATIVE, .call = in->id});
        return;
    }
    const char *token = json_text(json_object_get(in->json, "userevent"), "token");
    if (token)
        in->e->sink.beat(in->e->sink.arg, token, text_time_ms(json_text(in->json, "timestamp")));
}

static void on_replaced(const struct incoming *in)
{
    if (incoming_is_ours(in))
        in->e->sink.replaced(in->e->sink.arg);
}

/* Sorted by how often they come. What is not here is of no use to anybody. */
static const struct {
    const char *type;
    incoming_fn *fn;
} handlers[] = {
    {"ChannelDialplan", on_changed},
    {"ChannelVarset", on_variable},
    {"Dial", on_dial},
    {"ChannelStateChange", on_state},
    {"ChannelHangupRequest", on_hangup_request},
    {"ChannelCreated", on_created},
    {"ChannelDestroyed", on_destroyed},
    {"ChannelConnectedLine", on_changed},
    {"ChannelCallerId", on_changed},
    {"StasisStart", on_stasis_start},
    {"StasisEnd", on_stasis_end},
    {"ChannelEnteredBridge", on_entered},
    {"ChannelLeftBridge", on_left},
    {"BridgeCreated", on_bridge},
    {"BridgeDestroyed", on_bridge},
    {"ChannelDtmfReceived", on_dtmf},
    {"ChannelHold", on_held},
    {"ChannelUnhold", on_held},
    {"PlaybackFinished", on_play_finished},
    {"RecordingFinished", on_record_finished},
    {"RecordingFailed", on_record_finished},
    {"BridgeBlindTransfer", on_transfer},
    {"PeerStatusChange", on_endpoint},
    {"EndpointStateChange", on_endpoint},
    {"ChannelUserevent", on_user_event},
    {"ApplicationReplaced", on_replaced},
};

static bool contains(const char *json, size_t len, const char *what)
{
    return memmem(json, len, what, strlen(what)) != NULL;
}

/* A quarter of all events set a variable nobody asks for, and devices change state all the time:
 * known by their bytes, before the cost of parsing. Inside a string a quote is escaped, so the
 * pattern cannot come from a value. */
static bool is_noise(const char *json, size_t len)
{
    if (contains(json, len, "\"type\":\"DeviceStateChanged\"") ||
        contains(json, len, "\"type\":\"ContactStatusChange\""))
        return true;
    return contains(json, len, "\"type\":\"ChannelVarset\"") &&
           !contains(json, len, "\"AMDSTATUS\"") && !contains(json, len, "\"AMDCAUSE\"");
}

static void dispatch(struct incoming *in, const char *type)
{
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++)
        if (strcmp(handlers[i].type, type) == 0) {
            handlers[i].fn(in);
            return;
        }
}

void events_take(struct events *e, const char *json, size_t len)
{
    if (is_noise(json, len))
        return;
    json_t *root = json_loadb(json, len, 0, NULL);
    const char *type = json_text(root, "type");
    if (type) {
        struct incoming in = {.e = e, .json = root, .report = {&e->life, 0, {json, len}}};
        in.channel = json_object_get(root, "channel");
        in.id = json_text(in.channel, "id");
        in.report.at_ms = text_time_ms(json_text(root, "timestamp"));
        if (in.report.at_ms)
            in.report.at_ms += e->skew_ms;
        snapshot_read(&in.seen, in.channel);
        dispatch(&in, type);
    }
    json_decref(root);
}

struct leg *events_adopt(struct events *e, const void *channel_json)
{
    const char *data = json_text(json_object_get(channel_json, "dialplan"), "app_data");
    struct snapshot s;
    char app[200] = "";
    size_t len = data ? strcspn(data, ",") : 0;
    if (len && len < sizeof app) {
        memcpy(app, data, len);
        app[len] = '\0';
    }
    snapshot_read(&s, channel_json);
    s.call.controlled = text_same(s.call.application, "Stasis") && is_ours(e, app);
    return life_adopt(&e->life, &s.call);
}

void events_meet(struct events *e, const void *channel_json)
{
    struct snapshot s;
    snapshot_read(&s, channel_json);
    if (s.call.id && legs_find(&e->life.legs, s.call.id))
        life_leg(&(struct report){.life = &e->life}, &s.call);
}

void events_play_asked(struct events *e, const char *play)
{
    named_put(&e->plays, play, NULL);
}

void events_play_accepted(struct events *e, const char *play, const char *on)
{
    if (table_find(&e->plays, play))
        named_put(&e->plays, play, on);
}

void events_play_refused(struct events *e, const char *play)
{
    struct named *n = table_find(&e->plays, play);
    if (n)
        named_drop(&e->plays, n);
}

struct plays {
    void (*fn)(void *arg, const char *play);
    void *arg;
};

static void give_play(void *arg, void *owner)
{
    const struct plays *p = arg;
    const struct named *n = owner;
    if (n->value)
        p->fn(p->arg, n->name);
}

void events_plays(struct events *e, void (*fn)(void *arg, const char *play), void *arg)
{
    table_each(&e->plays, give_play, &(struct plays){fn, arg});
}

void events_play_stopped(struct events *e, const char *play)
{
    named_put(&e->stopped, play, NULL);
}

void events_play_went_on(struct events *e, const char *play)
{
    struct named *n = table_find(&e->stopped, play);
    if (n)
        named_drop(&e->stopped, n);
}

void events_recording(struct events *e, const char *file, const char *record)
{
    named_put(&e->recordings, file, record);
}

void events_snoop(struct events *e, const char *snoop, const char *call)
{
    struct named *n = table_find(&e->snoops, snoop);
    if (n)
        named_drop(&e->snoops, n);
    if (call)
        named_put(&e->snoops, snoop, call);
}

struct search {
    const char *value, *name;
};

static void match(void *arg, void *owner)
{
    struct search *s = arg;
    struct named *n = owner;
    if (text_same(n->value, s->value))
        s->name = n->name;
}

const char *events_recording_file(const struct events *e, const char *record)
{
    struct search s = {.value = record};
    struct table all = e->recordings;
    table_each(&all, match, &s);
    return s.name;
}

static void forget_named(void *arg, void *owner)
{
    named_drop(arg, owner);
}

void events_clear(struct events *e)
{
    legs_clear(&e->life.legs);
    table_each(&e->stopped, forget_named, &e->stopped);
}

void events_free(struct events *e)
{
    events_clear(e);
    table_each(&e->plays, forget_named, &e->plays);
    table_each(&e->recordings, forget_named, &e->recordings);
    table_each(&e->snoops, forget_named, &e->snoops);
    legs_free(&e->life.legs);
    table_free(&e->plays);
    table_free(&e->stopped);
    table_free(&e->recordings);
    table_free(&e->snoops);
}
