/* notes_test.c - notes between the gateways on one store: what is passed on,
 * who is told, and that nobody minds when none are. */
#include "memory_store.h"

#include "data/notes.h"

/* ---- A store that passes notes on ------------------------------------------ */

static char passed[400]; /* "users=42;" each */
static struct dg_op *open_ops[2000];
static size_t open_count;
static bool silent; /* leaves them open */

static void passing_notify(void *self, const struct dg_note *note, struct dg_op *op)
{
    struct memory *m = self;
    size_t len = strlen(passed);
    snprintf(passed + len, sizeof passed - len, "%s=%s;", note->topic, note->text);
    if (silent)
        open_ops[open_count++] = op;
    else
        m->host->done(op);
}

static struct world *start(bool passes)
{
    static struct dg_storage table;
    static struct dg_plugin plugin;
    static const char *const folders[] = {NULL};
    struct world *w = xcalloc(1, sizeof *w);
    struct problem problem;
    table = memory_table;
    table.notify = passes ? passing_notify : NULL;
    plugin = memory_plugin;
    plugin.storage = &table;
    passed[0] = '\0';
    open_count = 0;
    silent = false;
    w->loop = loop_new();
    w->metrics = metrics_new();
    w->plug =
        plug_new(&(struct plug_config){.loop = w->loop, .metrics = w->metrics, .folders = folders});
    const struct plug_events events = {.link = world_link, .arg = w};
    assert_true(plug_accept(&plugin, "test", &problem));
    w->instance = instance_open(w->plug, &plugin, "storage", world_settings(memory_keys, NULL),
                                &events, &problem);
    w->memory = w->instance->self;
    w->store = store_new(&(struct store_config){.loop = w->loop, .instance = w->instance});
    store_ready(w->store, world_ready, w);
    world_wait(w, &w->done);
    return w;
}

static void end(struct world *w, struct notes *n)
{
    store_free(w->store);
    w->store = NULL;
    notes_free(n);
    instance_close(w->instance, world_done, w);
    world_wait(w, &w->done);
    plug_free(w->plug);
    loop_free(w->loop);
    metrics_free(w->metrics);
    free(w);
}

static void turn(struct world *w)
{
    loop_call(w->loop, world_done, w);
    world_wait(w, &w->done);
}

/* ---- Who listens -------------------------------------------------------------- */

struct ear {
    char heard[200];
};

static void on_note(void *arg, const char *text)
{
    struct ear *ear = arg;
    size_t len = strlen(ear->heard);
    snprintf(ear->heard + len, sizeof ear->heard - len, "%s;", text ? text : "all");
}

/* ---- Tests ---------------------------------------------------------------------- */

static void notes_go_to_the_store_and_come_to_who_wants_them(void **state)
{
    struct world *w = start(true);
    struct notes *n = notes_new(w->store, w->metrics);
    struct ear users = {0}, other = {0}, command = {0};
    (void)state;
    notes_subscribe(n, NOTE_USERS, on_note, &users);
    notes_subscribe(n, NOTE_USERS, on_note, &other);
    notes_subscribe(n, NOTE_COMMAND, on_note, &command);

    notes_publish(n, NOTE_USERS, "42");
    notes_publish(n, NOTE_COMMAND_DONE, "");
    turn(w);
    assert_string_equal(passed, "users=42;command_done=;");
    assert_string_equal(users.heard, ""); /* it is for the others */

    notes_come(n, &(struct dg_note){.topic = "users", .text = "7"});
    notes_come(n, &(struct dg_note){.topic = "command", .text = NULL});
    notes_come(n, &(struct dg_note){.topic = "of another version", .text = "x"});
    assert_string_equal(users.heard, "7;");
    assert_string_equal(other.heard, "7;");
    assert_string_equal(command.heard, ";");

    notes_unsubscribe(n, NOTE_USERS, on_note, &other);
    notes_come(n, &(struct dg_note){.topic = "users", .text = "8"});
    assert_string_equal(users.heard, "7;8;");
    assert_string_equal(other.heard, "7;");
    end(w, n);
}

static void after_a_loss_of_the_link_all_is_looked_at_again(void **state)
{
    struct world *w = start(true);
    struct notes *n = notes_new(w->store, NULL);
    struct ear users = {0};
    (void)state;
    notes_subscribe(n, NOTE_USERS, on_note, &users);
    notes_link(n, DG_LINK_UP);
    assert_string_equal(users.heard, "all;");
    notes_link(n, DG_LINK_DOWN);
    notes_link(n, DG_LINK_CONNECTING);
    assert_string_equal(users.heard, "all;");
    notes_link(n, DG_LINK_UP);
    assert_string_equal(users.heard, "all;all;");
    notes_link(n, DG_LINK_UP); /* said again: notes may have been missed */
    assert_string_equal(users.heard, "all;all;all;");
    end(w, n);
}

static void a_store_of_ones_own_passes_none_on(void **state)
{
    struct world *w = start(false);
    struct notes *n = notes_new(w->store, w->metrics);
    (void)state;
    assert_false(store_passes_notes(w->store));
    notes_publish(n, NOTE_USERS, "42");
    turn(w);
    assert_string_equal(passed, "");
    end(w, n);

    struct world none = {.loop = loop_new()};
    none.store = store_new(&(struct store_config){.loop = none.loop});
    n = notes_new(none.store, NULL);
    notes_publish(n, NOTE_USERS, "42");
    store_free(none.store);
    notes_free(n);
    loop_free(none.loop);
}

static void notes_under_way_are_bounded(void **state)
{
    struct world *w = start(true);
    struct notes *n = notes_new(w->store, w->metrics);
    char text[NOTE_TEXT_MAX + 2];
    struct buf shown;
    (void)state;
    silent = true;
    for (int i = 0; i < 1500; i++)
        notes_publish(n, NOTE_USERS, "");
    assert_int_equal(open_count, 1000);
    for (size_t i = 0; i < open_count; i++)
        w->memory->host->done(open_ops[i]);
    turn(w);
    silent = false;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    notes_publish(n, NOTE_USERS, text); /* too long */
    notes_publish(n, NOTE_USERS, text + 1);
    turn(w);
    buf_init(&shown, BUF_MAX);
    metrics_render(w->metrics, &shown);
    assert_non_null(strstr(buf_cstr(&shown), "dialgate_notes_sent_total{topic=\"users\"} 1001\n"));
    assert_non_null(
        strstr(buf_cstr(&shown), "dialgate_notes_dropped_total{topic=\"users\"} 501\n"));
    buf_free(&shown);
    end(w, n);
}

/* What is under way when the gateway stops is nobody's any more. */
static void notes_under_way_at_the_end_are_forgotten(void **state)
{
    struct world *w = start(true);
    struct notes *n = notes_new(w->store, NULL);
    (void)state;
    silent = true;
    notes_publish(n, NOTE_USERS, "");
    end(w, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_go_to_the_store_and_come_to_who_wants_them),
        cmocka_unit_test(after_a_loss_of_the_link_all_is_looked_at_again),
        cmocka_unit_test(a_store_of_ones_own_passes_none_on),
        cmocka_unit_test(notes_under_way_are_bounded),
        cmocka_unit_test(notes_under_way_at_the_end_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
