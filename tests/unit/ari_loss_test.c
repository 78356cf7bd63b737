/* What ends while the link to Asterisk is away: sounds, and detection. */
#include "ari_world.h"

#define CHANNEL_PATH "POST /channels/c1/play/"

static void emit(const struct dg_host *h, const struct dg_event *ev)
{
    char text[300];
    snprintf(text, sizeof text, "%s %s %s", ev->call ? ev->call : ev->bridge,
             ev->text ? ev->text : "-", ev->target ? ev->target : "-");
    if (ev->type == DG_PLAY_ENDED || ev->type == DG_CALL_DETECTED)
        note(world_of(h), ev->type == DG_PLAY_ENDED ? "played " : "detected ", text);
}

static void begin(struct world *w)
{
    world_up(w, "all");
    w->host.emit = emit;
    event(w, STARTED("c1"));
}

static void asks_to_play(struct world *w, const char *play, const char *on, struct dg_op *op)
{
    w->table->play(w->self, &(struct dg_play){.play = play, .on = on, .media = "sound:hello"}, op);
}

static void loses_link(struct world *w)
{
    w->stream->ev->closed(w->stream->arg, DG_EUNAVAILABLE, "reset");
    gone(w);
    check_log(w, "down");
}

static void comes_back(struct world *w)
{
    pass(w, 5000);
    answer(w, "GET /asterisk/info", 200, INFO);
    accept_socket(w);
    bring_beat_back(w);
    check_log(w, "socket; up");
}

#define FINISHED(play)                                                                             \
    "{\"type\":\"PlaybackFinished\",\"playback\":{\"id\":\"" play                                  \
    "\",\"state\":\"done\",\"target_uri\":\"channel:c1\"}}"

static void test_sounds(void **state)
{
    struct world w;
    struct dg_op gone_op = {0}, on_op = {0}, ended_op = {0}, refused_op = {0}, bridge_op = {0};
    (void)state;
    begin(&w);
    asks_to_play(&w, "p1", "c1", &gone_op);
    answer(&w, CHANNEL_PATH "p1?media=sound%3Ahello", 201, "{}");
    asks_to_play(&w, "p3", "c1", &ended_op); /* ends before it is known that it was accepted */
    event(&w, FINISHED("p3"));
    answer(&w, CHANNEL_PATH "p3?media=sound%3Ahello", 201, "{}");
    asks_to_play(&w, "p4", "c1", &refused_op);
    answer(&w, CHANNEL_PATH "p4?media=sound%3Ahello", 500, "{}");
    assert_int_equal(refused_op.ended, 1);
    check_log(&w, "played c1 - p3");
    loses_link(&w);
    comes_back(&w);
    answer(&w, "GET /playbacks/p1", 404, "{}");
    assert_null(w.requests);
    check_log(&w, "played c1 - p1");
    /* One that is still heard ends by its event, and once. */
    asks_to_play(&w, "p2", "c1", &on_op);
    answer(&w, CHANNEL_PATH "p2?media=sound%3Ahello", 201, "{}");
    asks_to_play(&w, "p5", "b1", &bridge_op);
    answer(&w, "POST /channels/b1/play/p5?media=sound%3Ahello", 404, "{}");
    answer(&w, "POST /bridges/b1/play/p5?media=sound%3Ahello", 201, "{}");
    loses_link(&w);
    comes_back(&w);
    for (int i = 0; i < 2; i++)
        if (strstr(w.requests->url, "p2"))
            answer(&w, "GET /playbacks/p2", 200, "{}");
        else
            answer(&w, "GET /playbacks/p5", 404, "{}");
    check_log(&w, "played b1 - p5");
    event(&w, FINISHED("p2"));
    check_log(&w, "played c1 - p2");
    loses_link(&w);
    comes_back(&w);
    assert_null(w.requests);
    world_close(&w);
}

#define LISTED(id, data)                                                                           \
    "{\"id\":\"" id "\",\"name\":\"PJSIP/8013-1\",\"state\":\"Up\",\"dialplan\":{\"context\":"     \
    "\"c\",\"exten\":\"s\",\"priority\":4,\"app_name\":\"Stasis\",\"app_data\":\"" data "\"}}"

static void test_detection(void **state)
{
    struct world w;
    struct dg_op op = {0}, again = {0};
    (void)state;
    begin(&w);
    loses_link(&w);
    comes_back(&w);
    w.table->calls(w.self, &(struct dg_filter){0}, &op);
    answer(&w, "GET /channels", 200,
           "[" LISTED("c1", "dialgate-n1,dialgate-amd,MACHINE,LONGGREETING-1-1,SILENCE") "," LISTED(
               "c2",
               "dialgate-n1") "," LISTED("c3",
                                         "foreign,dialgate-amd,HUMAN,x,") "," LISTED("c4",
                                                                                     "dialgate-n1,"
                                                                                     "dialgate-amd,"
                                                                                     ",,") "]");
    assert_int_equal(op.ended, 1);
    check_log(&w, "detected c1 MACHINE LONGGREETING-1-1; "
                  "detected c4 - Asterisk has no AMD: app_amd.so is not loaded");
    w.table->calls(w.self, &(struct dg_filter){0}, &again); /* it is told once */
    answer(&w, "GET /channels", 200,
           "[" LISTED("c1", "dialgate-n1,dialgate-amd,MACHINE,LONGGREETING-1-1,SILENCE") "]");
    check_log(&w, "");
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sounds),
        cmocka_unit_test(test_detection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
