/* What comes from the manager interface, in any pieces and of any size. */
#include "unit.h"

/* A plugin exports nothing but its descriptor: what is inside is tested from inside. */
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../plugins/ami/message.c"
/* NOLINTEND(bugprone-suspicious-include) */

struct heard {
    struct parser p;
    struct text log;
    size_t stop_after;
};

static void on_banner(void *arg, const char *line)
{
    struct heard *h = arg;
    text_puts(&h->log, "<");
    text_puts(&h->log, line);
    text_puts(&h->log, ">");
}

static void on_message(void *arg, const struct message *m)
{
    struct heard *h = arg;
    text_puts(&h->log, "[");
    for (size_t i = 0; i < m->count; i++) {
        text_puts(&h->log, i ? "|" : "");
        text_puts(&h->log, m->lines[i].name);
        text_puts(&h->log, "=");
        text_puts(&h->log, m->lines[i].value);
    }
    text_puts(&h->log, "]");
    if (h->stop_after && --h->stop_after == 0)
        h->p.stopped = true;
}

static void begin(struct heard *h)
{
    *h = (struct heard){.p = {.banner = on_banner, .message = on_message}};
    h->p.arg = h;
}

static void end(struct heard *h)
{
    message_free(&h->p);
    text_free(&h->log);
}

#define HELLO "Asterisk Call Manager/5.0\r\n"

static const struct {
    const char *what, *bytes, *log;
} rows[] = {
    {"nothing", "", ""},
    {"half a banner", "Asterisk Call", ""},
    {"a banner", HELLO, "<Asterisk Call Manager/5.0>"},
    {"a message", HELLO "Response: Success\r\nMessage: Hi there\r\n\r\n",
     "<Asterisk Call Manager/5.0>[Response=Success|Message=Hi there]"},
    {"two", HELLO "A: 1\r\n\r\nB: 2\r\n\r\n", "<Asterisk Call Manager/5.0>[A=1][B=2]"},
    {"half a second one", HELLO "A: 1\r\n\r\nB: 2\r\n", "<Asterisk Call Manager/5.0>[A=1]"},
    {"bare line feeds", HELLO "A: 1\nB: 2\n\n", "<Asterisk Call Manager/5.0>[A=1|B=2]"},
    {"empty blocks", HELLO "\r\n\r\n\n\nA: 1\r\n\r\n", "<Asterisk Call Manager/5.0>[A=1]"},
    {"no value", HELLO "A:\r\nB: \r\n\r\n", "<Asterisk Call Manager/5.0>[A=|B=]"},
    {"colons in the value", HELLO "A: b: c\r\n\r\n", "<Asterisk Call Manager/5.0>[A=b: c]"},
    {"lines without a colon", HELLO "hello\r\n: x\r\nA: 1\r\n\r\n",
     "<Asterisk Call Manager/5.0>[A=1]"},
    {"no line with a colon", HELLO "hello\r\n\r\nA: 1\r\n\r\n", "<Asterisk Call Manager/5.0>[A=1]"},
    {"a carriage return within", HELLO "A: 1\r2\r\n\r\n", "<Asterisk Call Manager/5.0>[A=1\r2]"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len = strlen(rows[i].bytes);
        /* In one piece, cut in two anywhere, and byte by byte. */
        for (size_t at = 0; at <= len + 1; at++) {
            struct heard h;
            begin(&h);
            if (at > len) {
                for (size_t k = 0; k < len; k++)
                    message_feed(&h.p, rows[i].bytes + k, 1);
            } else {
                message_feed(&h.p, rows[i].bytes, at);
                message_feed(&h.p, rows[i].bytes + at, len - at);
            }
            if (strcmp(h.log.at ? h.log.at : "", rows[i].log) != 0)
                fail_msg("%s, cut at %zu: %s", rows[i].what, at, h.log.at ? h.log.at : "");
            assert_int_equal(h.p.skipped, 0);
            end(&h);
        }
    }
}

static void test_lookup(void **state)
{
    const struct message_line lines[] = {{"Event", "Hangup"},
                                         {"Cause", "17"},
                                         {"Cause", "1"},
                                         {"Big", "99999999999"},
                                         {"Word", "x"}};
    const struct message m = {lines, COUNT(lines)};
    (void)state;
    assert_string_equal(message_text(&m, "event"), "Hangup");
    assert_null(message_text(&m, "Even"));
    assert_int_equal(message_number(&m, "Cause"), 17);
    assert_int_equal(message_number(&m, "Big"), 0);
    assert_int_equal(message_number(&m, "Word"), 0);
    assert_int_equal(message_number(&m, "None"), 0);
    assert_true(message_is(&m, "EVENT", "hangup"));
    assert_false(message_is(&m, "Event", "Hang"));
    assert_false(message_is(&m, "None", ""));
    struct message *copy = message_copy(&m);
    assert_int_equal(copy->count, m.count);
    assert_string_equal(message_text(copy, "Word"), "x");
    free(copy);
}

/* So many bytes of a line without an end, in pieces of `step`. */
static void feed_much(struct heard *h, size_t bytes, size_t step)
{
    char *piece = malloc(step);
    memset(piece, 'x', step);
    for (size_t fed = 0; fed < bytes; fed += step)
        message_feed(&h->p, piece, step);
    free(piece);
}

static void test_too_large(void **state)
{
    static const size_t steps[] = {1000, 65536, 1 << 20};
    (void)state;
    for (size_t i = 0; i < COUNT(steps); i++) {
        struct heard h;
        begin(&h);
        message_feed(&h.p, HELLO "A: 1\r\n\r\nB: ", strlen(HELLO "A: 1\r\n\r\nB: "));
        feed_much(&h, 5 << 20, steps[i]);
        assert_true(h.p.size <= 4 * MESSAGE_SIZE_MAX);
        message_feed(&h.p, "\r\nC: 2\r\n", 8);
        message_feed(&h.p, "\r", 1);
        message_feed(&h.p, "\nD: 3\r\n\r\n", 9);
        assert_string_equal(h.log.at, "<Asterisk Call Manager/5.0>[A=1][D=3]");
        assert_int_equal(h.p.skipped, 1);
        end(&h);
    }
}

/* It becomes too large just where a line, or the message, ends. */
static void test_too_large_at_its_end(void **state)
{
    static const char *const ends[] = {"\r\n\r\n",  "\n\n",      "\r\n|\r\n",
                                       "\r|\n\r\n", "\r\n\r|\n", "|\r\n\r\n"};
    (void)state;
    for (size_t i = 0; i < COUNT(ends); i++) {
        struct heard h;
        char *big = malloc(MESSAGE_SIZE_MAX + 1);
        memset(big, 'x', MESSAGE_SIZE_MAX + 1);
        begin(&h);
        message_feed(&h.p, HELLO, strlen(HELLO));
        struct text t = {0};
        text_add(&t, big, MESSAGE_SIZE_MAX + 1);
        const char *bar = strchr(ends[i], '|');
        text_add(&t, ends[i], bar ? (size_t)(bar - ends[i]) : strlen(ends[i]));
        message_feed(&h.p, t.at, t.len);
        if (bar)
            message_feed(&h.p, bar + 1, strlen(bar + 1));
        message_feed(&h.p, "A: 1\r\n\r\n", 8);
        assert_string_equal(h.log.at, "<Asterisk Call Manager/5.0>[A=1]");
        assert_int_equal(h.p.skipped, 1);
        text_free(&t);
        free(big);
        end(&h);
    }
}

static void test_too_many_lines(void **state)
{
    struct heard h;
    (void)state;
    begin(&h);
    message_feed(&h.p, HELLO, strlen(HELLO));
    for (size_t i = 0; i <= MESSAGE_LINES_MAX; i++)
        message_feed(&h.p, "A: 1\r\n", 6);
    message_feed(&h.p, "\r\nB: 2\r\n\r\n", 10);
    assert_string_equal(h.log.at, "<Asterisk Call Manager/5.0>[B=2]");
    assert_int_equal(h.p.skipped, 1);
    end(&h);
}

static void test_no_banner(void **state)
{
    struct heard h;
    (void)state;
    begin(&h);
    feed_much(&h, 1000, 100);
    assert_string_equal(h.log.at, "<>");
    end(&h);
    begin(&h);
    message_feed(&h.p, "\0\0\n", 3);
    assert_string_equal(h.log.at, "<>");
    end(&h);
}

/* Whoever is called may have had enough; what has come already is then dropped. */
static void test_stop(void **state)
{
    struct heard h;
    (void)state;
    begin(&h);
    h.stop_after = 2;
    message_feed(&h.p, HELLO "A: 1\r\n\r\nB: 2\r\n\r\nC: 3\r\n\r\n",
                 strlen(HELLO) + 3 * strlen("A: 1\r\n\r\n"));
    message_feed(&h.p, "D: 4\r\n\r\n", 8);
    assert_string_equal(h.log.at, "<Asterisk Call Manager/5.0>[A=1][B=2]");
    end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),           cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_too_large),      cmocka_unit_test(test_too_large_at_its_end),
        cmocka_unit_test(test_too_many_lines), cmocka_unit_test(test_no_banner),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
