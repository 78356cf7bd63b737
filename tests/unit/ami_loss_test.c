/* What a leg's AGI was doing when the link to Asterisk was lost: it goes on there, and how it ended
 * is told when the link is back. And who hangs up while it is listened to. */
#include "ami_world.h"

#define SHOWN(call, application, data)                                                             \
    CHANNEL(call, "Up")                                                                            \
    "Application: " application "\r\nApplicationData: " data "\r\n"                                \
    "Duration: 00:00:05\r\n"
#define IDLE(call)    SHOWN(call, "AGI", "agi:async")
#define PLAYING(call) SHOWN(call, "Playback", "welcome")

static void emit(const struct dg_host *h, const struct dg_event *ev)
{
    char text[300];
    if (ev->type == DG_PLAY_ENDED)
        snprintf(text, sizeof text, "%s %d", ev->target, ev->on);
    else
        snprintf(text, sizeof text, "%s %s", ev->text ? ev->text : "-",
                 ev->target ? ev->target : "-");
    if (ev->type == DG_PLAY_ENDED || ev->type == DG_CALL_DETECTED)
        note(world_of(h), ev->type == DG_PLAY_ENDED ? "played " : "detected ", text);
}

/* A leg that waits for orders. */
static void begin(struct world *w)
{
    world_up(w);
    w->host.emit = emit;
    says(w, "Event: Newchannel\r\n" CHANNEL("c1", "Up") "\r\n");
    says(w, "Event: AsyncAGIStart\r\n" CHANNEL("c1", "Up") "\r\n");
}

/* The order that was given to it, and its id. */
static void ordered(struct world *w, const char *command, char id[64])
{
    takes(w, "AGI");
    assert_string_equal(line_of(w, "Command"), command);
    snprintf(id, 64, "%.63s", line_of(w, "CommandID"));
    says_to(w, "Response: Success", "");
}

static void carried_out(struct world *w, const char *call, const char *id, const char *result)
{
    char text[300];
    snprintf(text, sizeof text,
             "Event: AsyncAGIExec\r\nUniqueid: %s\r\nCommandID: %s\r\nResult: %s\r\n\r\n", call, id,
             result);
    says(w, text);
}

static void plays(struct world *w, const char *play, char id[64])
{
    struct dg_op op = {0};
    w->table->play(w->self, &(struct dg_play){.play = play, .on = "c1", .media = "sound:welcome"},
                   &op);
    ordered(w, "EXEC Playback \"welcome\"", id);
    assert_int_equal(op.ended, 1);
    assert_int_equal(op.err, DG_OK);
}

static void listens(struct world *w, char id[64])
{
    struct dg_op op = {0};
    w->table->detect(w->self, &(struct dg_detect){.call = "c1"}, &op);
    ordered(w, "EXEC AMD \",,,,,,,,\"", id);
    assert_int_equal(op.ended, 1);
}

static void loses_link(struct world *w)
{
    w->stream->closed = true;
    w->stream->ev->closed(w->stream->arg, DG_EUNAVAILABLE, "reset");
    check_log(w, "down");
}

static void comes_back(struct world *w)
{
    pass(w, 5000);
    check_log(w, "connects");
    logs_in(w);
    says(w, BOOTED);
    proves(w, "10:00:00");
    assert_int_equal(w->link, DG_LINK_UP);
    text_free(&w->log);
}

/* As the core asks for it when the link is back; NULL: there is no call. */
static void lists(struct world *w, const char *channel)
{
    struct dg_op op = {0};
    w->table->calls(w->self, &(struct dg_filter){0}, &op);
    takes(w, "CoreShowChannels");
    says_to(w, "Response: Success", "EventList: start\r\n");
    if (channel)
        says_to(w, "Event: CoreShowChannel", channel);
    says_to(w, "Event: CoreShowChannelsComplete",
            channel ? "EventList: Complete\r\nListItems: 1\r\n"
                    : "EventList: Complete\r\nListItems: 0\r\n");
    assert_int_equal(op.ended, 1);
    assert_int_equal(op.err, DG_OK);
}

/* Asked for what the leg does now: the list shows what was the case at its last event. */
static void looks(struct world *w, const char *lines)
{
    takes(w, "Status");
    assert_string_equal(line_of(w, "Channel"), "c1");
    if (!lines) {
        says_to(w, "Response: Error", "Message: No such channel\r\n");
        return;
    }
    says_to(w, "Response: Success", "EventList: start\r\n");
    says_to(w, "Event: Status", lines);
    says_to(w, "Event: StatusComplete", "EventList: Complete\r\nListItems: 1\r\n");
}

#define WAITS CHANNEL("c1", "Up") "Application: AGI\r\nData: agi:async\r\n"
#define AT_IT CHANNEL("c1", "Up") "Application: Playback\r\nData: welcome\r\n"

/* ---- Sounds -------------------------------------------------------------------------------- */

static void test_sound_goes_on(void **state)
{
    struct world w = {0};
    char id[64];
    (void)state;
    begin(&w);
    plays(&w, "p1", id);
    loses_link(&w);
    comes_back(&w);
    lists(&w, PLAYING("c1"));
    looks(&w, AT_IT);
    check_log(&w, "");
    carried_out(&w, "c1", id, "200%20result%3D0%0A");
    answers(&w, "Getvar", "Value: SUCCESS\r\n");
    check_log(&w, "played p1 1");
    plays(&w, "p2", id); /* it has stayed under control */
    world_close(&w);
}

static void test_sound_ended_meanwhile(void **state)
{
    struct world w = {0};
    char id[64];
    (void)state;
    begin(&w);
    plays(&w, "p1", id);
    loses_link(&w);
    comes_back(&w);
    check_log(&w, "");
    lists(&w, PLAYING("c1"));
    looks(&w, WAITS);
    answers(&w, "Getvar", "Value: SUCCESS\r\n");
    check_log(&w, "played p1 1");
    carried_out(&w, "c1", id, "200%20result%3D0%0A"); /* once only */
    check_log(&w, "");
    world_close(&w);
}

static void test_call_ended_meanwhile(void **state)
{
    struct world w = {0};
    char id[64];
    (void)state;
    begin(&w);
    plays(&w, "p1", id);
    loses_link(&w);
    comes_back(&w);
    lists(&w, NULL);
    check_log(&w, "played p1 0");
    assert_false(has_action(&w));
    world_close(&w);
    w = (struct world){0};
    begin(&w);
    plays(&w, "p1", id);
    loses_link(&w);
    comes_back(&w);
    lists(&w, PLAYING("c1"));
    looks(&w, NULL);
    check_log(&w, "played p1 0");
    world_close(&w);
}

/* What is being done is not shown as AGI: a list takes nobody out of control for that. */
static void test_list_while_it_plays(void **state)
{
    struct world w = {0};
    char id[64];
    (void)state;
    begin(&w);
    plays(&w, "p1", id);
    lists(&w, PLAYING("c1"));
    plays(&w, "p2", id);
    carried_out(&w, "c2", id, "200%20result%3D0%0A"); /* another gateway's, by the same id */
    assert_false(has_action(&w));
    world_close(&w);
}

/* ---- Detection ----------------------------------------------------------------------------- */

static void tells_human(struct world *w)
{
    takes(w, "Getvar");
    assert_string_equal(line_of(w, "Variable"), "AMDSTATUS");
    says_to(w, "Response: Success", "Value: HUMAN\r\n");
    answers(w, "Getvar", "Value: HUMAN-1-1\r\n");
    check_log(w, "detected HUMAN HUMAN-1-1");
}

static void test_detection_goes_on(void **state)
{
    (void)state;
    for (int seen = 0; seen < 2; seen++) {
        struct world w = {0};
        char id[64];
        begin(&w);
        listens(&w, id);
        loses_link(&w);
        comes_back(&w);
        lists(&w, seen ? SHOWN("c1", "AMD", "") : IDLE("c1"));
        looks(&w, seen ? AT_IT : WAITS);
        check_log(&w, "");
        if (seen)
            carried_out(&w, "c1", id, "200%20result%3D0%0A");
        tells_human(&w);
        world_close(&w);
    }
}

/* The answer to what was asked of it is lost: it is told, with the true reason. */
static void test_result_lost(void **state)
{
    struct world w = {0};
    char id[64];
    (void)state;
    begin(&w);
    listens(&w, id);
    carried_out(&w, "c1", id, "200%20result%3D0%0A");
    takes(&w, "Getvar");
    w.stream->closed = true;
    w.stream->ev->closed(w.stream->arg, DG_EUNAVAILABLE, "reset");
    check_log(&w, "down; detected - Unable to connect to AMI");
    world_close(&w);
}

static void test_no_amd(void **state)
{
    struct world w = {0};
    char id[64];
    (void)state;
    begin(&w);
    listens(&w, id);
    carried_out(&w, "c1", id, "200%20result%3D-2%0A");
    check_log(&w, "detected - Asterisk has no AMD: app_amd.so is not loaded");
    world_close(&w);
}

#define HANGS_UP "Event: HangupRequest\r\n" CHANNEL("c1", "Up") "\r\n"
#define AGI_ENDS "Event: AsyncAGIEnd\r\n" CHANNEL("c1", "Up") "\r\n"
#define HANGUP   "Event: Hangup\r\n" CHANNEL("c1", "Up") "Cause: 16\r\n\r\n"

/* Whoever hangs up while AMD listens: the end of the call says so, not the detection. */
static void test_hangs_up(void **state)
{
    static const char *const ends[] = {HANGS_UP HANGUP, HANGUP, HANGS_UP AGI_ENDS HANGUP};
    (void)state;
    for (size_t i = 0; i < COUNT(ends); i++) {
        struct world w = {0};
        char id[64];
        begin(&w);
        listens(&w, id);
        says(&w, ends[i]);
        check_log(&w, "");
        assert_false(has_action(&w));
        world_close(&w);
    }
}

static void test_hangs_up_before_the_result(void **state)
{
    static const char *const asked[] = {"AMDSTATUS", "AMDCAUSE"};
    (void)state;
    for (size_t i = 0; i < COUNT(asked); i++) {
        struct world w = {0};
        char id[64];
        begin(&w);
        listens(&w, id);
        carried_out(&w, "c1", id, "200%20result%3D0%0A");
        if (i)
            answers(&w, "Getvar", "Value: HANGUP\r\n");
        takes(&w, "Getvar");
        assert_string_equal(line_of(&w, "Variable"), asked[i]);
        says_to(&w, "Response: Error", "Message: No such channel\r\n");
        check_log(&w, i ? "detected HANGUP -" : "");
        says(&w, HANGUP);
        check_log(&w, "");
        world_close(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_goes_on),
        cmocka_unit_test(test_sound_ended_meanwhile),
        cmocka_unit_test(test_call_ended_meanwhile),
        cmocka_unit_test(test_list_while_it_plays),
        cmocka_unit_test(test_detection_goes_on),
        cmocka_unit_test(test_result_lost),
        cmocka_unit_test(test_no_amd),
        cmocka_unit_test(test_hangs_up),
        cmocka_unit_test(test_hangs_up_before_the_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
