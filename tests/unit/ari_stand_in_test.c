/* ari_stand_in_test.c - the event socket of another gateway's application, held for it after its
 * death. */
#include "ari_world.h"

#define CALL "0190aaaa-0000-7000-8000-000000000001"
#define ARRIVED                                                                                    \
    "{\"type\":\"StasisStart\",\"application\":\"dialgate-west\",\"args\":[\"dialgate-go-on\","    \
    "\"ivr\",\"s\",\"1\"],\"channel\":{\"id\":\"" CALL "\",\"state\":\"Up\"}}"
#define REPLACED(app) "{\"type\":\"ApplicationReplaced\",\"application\":\"" app "\"}"

/* The world has one stream at a time; this is put aside while another one is played. */
static struct dg_stream *aside(struct world *w)
{
    struct dg_stream *own = w->stream;
    w->stream = NULL;
    return own;
}

static enum dg_err tell(struct world *w, const char *node, bool on)
{
    struct dg_op op = {0};
    const struct dg_stand_in req = {.node = node, .on = on};
    w->table->stand_in(w->self, &req, &op);
    assert_int_equal(op.ended, 1);
    return op.err;
}

static struct dg_stream *begin(struct world *w)
{
    world_up(w, "own");
    struct dg_stream *own = aside(w);
    assert_int_equal(tell(w, "west", true), DG_OK);
    assert_non_null(w->stream);
    accept_upgrade_of(w, "dialgate-west");
    assert_int_equal(tell(w, "west", true), DG_OK); /* said again */
    text_free(&w->log);
    return own;
}

static void finish(struct world *w, struct dg_stream *own)
{
    frame(w, 0x88, "\x03\xe8", 2);
    assert_true(w->stream->closed);
    gone(w);
    w->stream = own;
    world_close(w);
}

/* A call of the dead one is answered: it goes on to its place as if its gateway were there. */
static void its_calls_go_on(void **state)
{
    struct world w;
    (void)state;
    struct dg_stream *own = begin(&w);
    event(&w, "{\"type\":\"ChannelDialplan\",\"channel\":{\"id\":\"other\",\"state\":\"Up\"}}");
    check_log(&w, ""); /* our own socket tells of channels */
    event(&w, ARRIVED);
    answer(&w, "POST /channels/" CALL "/continue?context=ivr&extension=s&priority=1", 204, NULL);
    text_free(&w.log);
    assert_int_equal(tell(&w, "west", false), DG_OK);
    assert_int_equal(sent_byte(&w, w.stream->sent.len), 0x88);
    finish(&w, own);
}

static void its_gateway_is_not_hindered(void **state)
{
    struct world w;
    (void)state;
    struct dg_stream *own = begin(&w);
    event(&w, REPLACED("dialgate-west"));
    frame(&w, 0x88, "\x03\xe8", 2);
    assert_true(w.stream->closed);
    gone(&w);
    w.stream = own;
    for (int i = 0; i < 10; i++) { /* nothing is opened again */
        pass(&w, 1000);
        frame(&w, 0x8a, "", 0);
        while (w.requests)
            bring_beat_back(&w);
    }
    assert_ptr_equal(w.stream, own);
    assert_int_equal(w.link, DG_LINK_UP);
    assert_int_equal(tell(&w, "west", false), DG_OK); /* it is over already */
    world_close(&w);
}

static void a_socket_that_breaks_is_opened_again(void **state)
{
    struct world w;
    (void)state;
    struct dg_stream *own = begin(&w);
    w.stream->ev->closed(w.stream->arg, DG_EUNAVAILABLE, "cut");
    gone(&w);
    pass(&w, 700); /* before our own socket wants its ping answered */
    assert_non_null(w.stream);
    accept_upgrade_of(&w, "dialgate-west");
    assert_int_equal(tell(&w, "west", false), DG_OK);
    finish(&w, own);
}

static void nobody_stands_in_for_himself(void **state)
{
    struct world w;
    (void)state;
    world_up(&w, "all");
    assert_int_equal(tell(&w, "n1", true), DG_EINVAL);
    assert_int_equal(tell(&w, "never heard of", false), DG_OK);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_calls_go_on),
        cmocka_unit_test(its_gateway_is_not_hindered),
        cmocka_unit_test(a_socket_that_breaks_is_opened_again),
        cmocka_unit_test(nobody_stands_in_for_himself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
