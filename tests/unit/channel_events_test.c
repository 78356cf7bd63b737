/* channel_events_test.c - what the bus is told of channels: each once, from its beginning to its
 * end, whatever the order of events and lists; nothing of what a stand-in plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "domain/channel_events.h"
#include "events/bus.h"
#include "unit.h"

struct bed {
    struct loop *loop;
    struct bus *bus;
    struct channels *channels;
    struct instance pbx, mock;
    struct buf told; /* "created a ringing;..." */
};

/* "channel.created" of a: "created a <state>[ <from, bridge or cause>];" */
static void on_bus(void *arg, const struct bus_event *ev)
{
    struct bed *b = arg;
    json_t *json = json_parse(ev->json, strlen(ev->json), 8, NULL);
    const json_t *channel = json_object_get(json, "channel");
    const char *more = json_get_str(json, "from");
    assert_int_equal(ev->topic, BUS_NOTICE);
    assert_true(str_starts(ev->type, "channel."));
    buf_addf(&b->told, "%s %s %s", ev->type + 8, json_get_str(channel, "id"),
             json_get_str(channel, "state"));
    more = more ? more : json_get_str(json, "bridge");
    if (more)
        buf_addf(&b->told, " %s", more);
    if (json_get_int(json, "cause", 0))
        buf_addf(&b->told, " %d %s", (int)json_get_int(json, "cause", 0),
                 json_get_str(json, "cause_text"));
    buf_addc(&b->told, ';');
    json_decref(json);
}

static int set_up(void **state)
{
    struct bed *b = xcalloc(1, sizeof *b);
    b->loop = loop_new();
    b->bus = bus_new();
    b->channels = channels_new(b->loop, 1);
    b->pbx.name = "pbx";
    b->mock.name = "mock";
    buf_init(&b->told, 100000);
    bus_subscribe(b->bus, on_bus, b);
    channels_tell(b->channels, b->bus);
    channels_follow(b->channels, &b->pbx, false);
    channels_use(b->channels, &b->pbx);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *b = *state;
    channels_free(b->channels);
    bus_free(b->bus);
    loop_free(b->loop);
    buf_free(&b->told);
    free(b);
    return 0;
}

/* ---- Words -------------------------------------------------------------------------- */

static void expect(struct bed *b, const char *told)
{
    assert_string_equal(buf_cstr(&b->told), told);
    buf_clear(&b->told);
}

static struct dg_call call_of(const char *id, enum dg_channel_state state)
{
    return (struct dg_call){DG_SIZED(struct dg_call), .id = id, .state = state};
}

static void list(struct bed *b, struct instance *in, const struct dg_call *calls, size_t count)
{
    const void *items[8];
    for (size_t i = 0; i < count; i++)
        items[i] = &calls[i];
    const struct op_result res = {.items = items, .count = count};
    channels_listed(b->channels, in, channels_asked(b->channels, in), &res);
}

static void comes_up(struct bed *b, struct instance *in)
{
    channels_link(b->channels, in, DG_LINK_UP);
    list(b, in, NULL, 0);
}

static void happens(struct bed *b, struct instance *in, struct dg_event ev)
{
    ev.size = sizeof ev;
    channels_event(b->channels, in, &ev);
}

#define HAPPENS(in, ...) happens(b, in, (struct dg_event){.at_ms = 1, __VA_ARGS__})

static void begins(struct bed *b, struct instance *in, const char *id, enum dg_channel_state state)
{
    const struct dg_call info = call_of(id, state);
    HAPPENS(in, .type = DG_CALL_STARTED, .call = id, .info = &info);
}

/* ---- Tests --------------------------------------------------------------------------- */

static void from_beginning_to_end(void **state)
{
    struct bed *b = *state;
    comes_up(b, &b->pbx);
    begins(b, &b->pbx, "a", DG_CHANNEL_DIALING);
    expect(b, "created a dialing;");
    HAPPENS(&b->pbx, .type = DG_CALL_RINGING, .call = "a");
    HAPPENS(&b->pbx, .type = DG_CALL_RINGING, .call = "a");
    HAPPENS(&b->pbx, .type = DG_CALL_HELD, .call = "a", .on = true);
    expect(b, "changed a ringing dialing;");
    HAPPENS(&b->pbx, .type = DG_CALL_ANSWERED, .call = "a");
    expect(b, "changed a up ringing;");
    HAPPENS(&b->pbx, .type = DG_CALL_BRIDGED, .call = "a", .bridge = "one", .on = true);
    HAPPENS(&b->pbx, .type = DG_CALL_BRIDGED, .call = "a", .bridge = "two", .on = true);
    HAPPENS(&b->pbx, .type = DG_CALL_BRIDGED, .call = "a", .bridge = "one");
    HAPPENS(&b->pbx, .type = DG_CALL_BRIDGED, .call = "a", .bridge = "two");
    expect(b, "bridged a up one;unbridged a up one;bridged a up two;unbridged a up two;");
    HAPPENS(&b->pbx, .type = DG_CALL_ENDED, .call = "a", .cause = 17);
    HAPPENS(&b->pbx, .type = DG_CALL_ENDED, .call = "a", .cause = 17);
    HAPPENS(&b->pbx, .type = DG_CALL_RINGING, .call = "a");
    expect(b, "ended a up 17 User busy;");
}

static void those_there_before_have_no_beginning(void **state)
{
    struct bed *b = *state;
    const struct dg_call calls[] = {call_of("a", DG_CHANNEL_UP), call_of("b", DG_CHANNEL_RINGING)};
    channels_link(b->channels, &b->pbx, DG_LINK_UP);
    list(b, &b->pbx, calls, 2);
    expect(b, "");
    HAPPENS(&b->pbx, .type = DG_CALL_ANSWERED, .call = "b");
    HAPPENS(&b->pbx, .type = DG_CALL_ENDED, .call = "a");
    expect(b, "changed b up ringing;ended a up;");
}

static void what_a_list_finds_later(void **state)
{
    struct bed *b = *state;
    const struct dg_call calls[] = {call_of("b", DG_CHANNEL_UP), call_of("c", DG_CHANNEL_RINGING)};
    comes_up(b, &b->pbx);
    begins(b, &b->pbx, "a", DG_CHANNEL_UP);
    begins(b, &b->pbx, "b", DG_CHANNEL_RINGING);
    buf_clear(&b->told);
    channels_link(b->channels, &b->pbx, DG_LINK_DOWN);
    begins(b, &b->pbx, "d", DG_CHANNEL_UP); /* not known to be so */
    expect(b, "");
    channels_link(b->channels, &b->pbx, DG_LINK_UP);
    list(b, &b->pbx, calls, 2);
    list(b, &b->pbx, calls, 2);
    expect(b, "changed b up ringing;created c ringing;ended a up;");
}

static void nothing_of_a_stand_in(void **state)
{
    struct bed *b = *state;
    const struct dg_call played = call_of("m", DG_CHANNEL_UP);
    comes_up(b, &b->pbx);
    channels_follow(b->channels, &b->mock, true);
    channels_link(b->channels, &b->mock, DG_LINK_UP);
    list(b, &b->mock, &played, 1);
    begins(b, &b->mock, "n", DG_CHANNEL_UP);
    HAPPENS(&b->mock, .type = DG_CALL_ENDED, .call = "m");
    HAPPENS(&b->mock, .type = DG_CALL_ENDED, .call = "n");
    expect(b, "");
    channels_use(b->channels, &b->mock); /* it is what was configured */
    begins(b, &b->mock, "o", DG_CHANNEL_UP);
    expect(b, "created o up;");
}

static void nobody_is_told_when_nobody_wants_to_know(void **state)
{
    struct bed *b = *state;
    comes_up(b, &b->pbx);
    channels_tell(b->channels, NULL);
    begins(b, &b->pbx, "a", DG_CHANNEL_UP);
    HAPPENS(&b->pbx, .type = DG_CALL_ENDED, .call = "a");
    expect(b, "");
}

#define ON_BED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BED(from_beginning_to_end),
        ON_BED(those_there_before_have_no_beginning),
        ON_BED(what_a_list_finds_later),
        ON_BED(nothing_of_a_stand_in),
        ON_BED(nobody_is_told_when_nobody_wants_to_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
