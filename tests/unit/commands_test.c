/* commands_test.c - what one gateway asks of another: answered, refused, withdrawn, and never
 * carried out twice. */
#include "shared_store.h"

#include "domain/commands.h"

#define DEAD_MS 1600

struct party {
    struct peer *peer;
    struct commands *commands;
    unsigned carried_out;
    bool holds; /* its commands are not answered */
    struct command *held;
    char last[100];
};

struct got {
    bool done;
    enum dg_err err;
    char message[200], answer[100];
};

static void on_command(void *arg, const json_t *what, struct command *command)
{
    struct party *p = arg;
    p->carried_out++;
    snprintf(p->last, sizeof p->last, "%s", json_get_str(what, "do"));
    if (p->holds)
        p->held = command;
    else
        command_answer(command, json_pack("{s:s}", "said", p->last));
}

static void on_result(void *arg, const struct command_result *res)
{
    struct got *g = arg;
    const char *said = json_get_str(res->answer, "said");
    g->done = true;
    g->err = res->err;
    snprintf(g->message, sizeof g->message, "%s", res->message ? res->message : "");
    snprintf(g->answer, sizeof g->answer, "%s", said ? said : "");
}

static struct party *party_new(struct loop *loop, const char *name)
{
    struct party *p = xcalloc(1, sizeof *p);
    p->peer = peer_new(loop, name, DEAD_MS);
    peer_start(p->peer);
    assert_int_equal(p->peer->err, DG_OK);
    p->commands = commands_new(&(struct commands_config){.loop = loop,
                                                         .store = p->peer->store,
                                                         .notes = p->peer->notes,
                                                         .nodes = p->peer->nodes,
                                                         .run = on_command,
                                                         .arg = p});
    return p;
}

static void party_end(struct party *p, bool kill)
{
    commands_free(p->commands);
    if (kill)
        peer_kill(p->peer);
    else
        peer_stop(p->peer);
    free(p);
}

static void ask(struct party *p, const char *node, const char *what, struct got *g)
{
    *g = (struct got){0};
    commands_ask(p->commands, node, json_pack("{s:s}", "do", what), on_result, g);
    assert_false(g->done); /* on a later turn */
}

static void it_is_done_there_and_answered_here(void **state)
{
    struct loop *loop = loop_new();
    struct party *a = party_new(loop, "a"), *b = party_new(loop, "b");
    struct got g, h;
    (void)state;
    peer_until(a->peer, nodes_alive(a->peer->nodes, "b"));
    ask(a, "b", "hold", &g);
    ask(a, "b", "mute", &h);
    peer_until(a->peer, g.done && h.done);
    assert_int_equal(g.err, DG_OK);
    assert_string_equal(g.answer, "hold");
    assert_string_equal(h.answer, "mute");
    assert_int_equal(b->carried_out, 2);
    assert_int_equal(a->carried_out, 0);

    shared.deaf = true; /* without a note it takes a little longer */
    ask(a, "b", "unhold", &g);
    peer_until(a->peer, g.done);
    assert_string_equal(g.answer, "unhold");
    assert_int_equal(b->carried_out, 3);
    /* Nothing is left behind. */
    peer_pause(a->peer, 50);
    for (size_t i = 0; i < shared.count; i++)
        assert_string_not_equal(shared.docs[i].collection, "commands");
    party_end(a, false);
    party_end(b, false);
    shared_end(loop);
}

static void nobody_is_asked_who_is_not_there(void **state)
{
    struct loop *loop = loop_new();
    struct party *a = party_new(loop, "a");
    struct got g;
    (void)state;
    ask(a, "elsewhere", "hold", &g);
    peer_until(a->peer, g.done);
    assert_int_equal(g.err, DG_EUNAVAILABLE);
    assert_string_equal(g.message, "The gateway elsewhere, which carries the call, is not there");
    ask(a, NULL, "hold", &g);
    peer_until(a->peer, g.done);
    assert_int_equal(g.err, DG_EUNAVAILABLE);
    party_end(a, false);
    shared_end(loop);
}

/* It is cut off, and not known to be dead yet: what it did not take in time it never does. */
static void what_was_not_taken_is_withdrawn(void **state)
{
    struct loop *loop = loop_new();
    struct party *a = party_new(loop, "a"), *b = party_new(loop, "b");
    struct got g;
    (void)state;
    peer_until(a->peer, nodes_alive(a->peer->nodes, "b"));
    shared_cut_off(b->peer->link, true);
    ask(a, "b", "hangup", &g);
    peer_until(a->peer, g.done);
    assert_int_equal(g.err, DG_EUNAVAILABLE);
    assert_string_equal(g.message, "The gateway b, which carries the call, does not answer");
    shared_cut_off(b->peer->link, false);
    peer_pause(b->peer, 1500);
    assert_int_equal(b->carried_out, 0);
    party_end(a, false);
    party_end(b, false);
    shared_end(loop);
}

static void who_stops_answers_for_all(void **state)
{
    struct loop *loop = loop_new();
    struct party *a = party_new(loop, "a"), *b = party_new(loop, "b");
    struct got g;
    (void)state;
    peer_until(a->peer, nodes_alive(a->peer->nodes, "b"));
    b->holds = true;
    ask(a, "b", "park", &g);
    peer_until(a->peer, b->held != NULL);
    struct command *late = b->held;
    party_end(a, false);
    assert_true(g.done);
    assert_int_equal(g.err, DG_EUNAVAILABLE);
    struct peer *peer = b->peer;
    commands_free(b->commands);
    command_answer(late, json_object()); /* too late: nobody is told */
    peer_stop(peer);
    free(b);
    shared_end(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_done_there_and_answered_here),
        cmocka_unit_test(nobody_is_asked_who_is_not_there),
        cmocka_unit_test(what_was_not_taken_is_withdrawn),
        cmocka_unit_test(who_stops_answers_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
