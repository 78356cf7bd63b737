/* log_test.c - base/log: lines that cannot be forged, and outputs that fail. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"

#define TIME "2025-10-01T12:00:00.123Z"

static char path[UNIT_PATH_SIZE];
static char content[1 << 20];

static int set_up(void **state)
{
    (void)state;
    unit_file(path, "", 0);
    clock_fake(0, 1759320000123);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    clock_real();
    unlink(path);
    return 0;
}

static void use(bool json, enum dg_level level)
{
    assert_true(log_setup(&(struct log_config){.level = level, .json = json, .file = path}));
}

static const char *read_log(void)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t len = fread(content, 1, sizeof(content) - 1, f);
    content[len] = '\0';
    fclose(f);
    return content;
}

static const char *only_line(void)
{
    const char *text = read_log();
    size_t len = strlen(text);
    assert_true(len > 0);
    assert_ptr_equal(strchr(text, '\n'), text + len - 1);
    assert_int_equal(truncate(path, 0), 0);
    return text;
}

static void levels(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        enum dg_level level;
    } rows[] = {{"debug", true, DG_DEBUG},  {"INFO", true, DG_INFO},   {"warn", true, DG_WARN},
                {"Warning", true, DG_WARN}, {"error", true, DG_ERROR}, {"", false, 0},
                {"warnings", false, 0},     {NULL, false, 0}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum dg_level level = (enum dg_level)99;
        assert_int_equal(log_level_parse(rows[i].text, &level), rows[i].good);
        assert_int_equal(level, rows[i].good ? rows[i].level : 99);
    }

    use(false, DG_WARN);
    assert_false(log_wants(DG_INFO));
    assert_true(log_wants(DG_WARN));
    log_debug("test", "no");
    log_info("test", "no");
    log_warn("test", "yes");
    assert_string_equal(only_line(), TIME " WARN test: yes\n");
    log_error("test", "yes");
    assert_string_equal(only_line(), TIME " ERROR test: yes\n");
    use(false, DG_DEBUG);
    log_debug("test", "now");
    assert_string_equal(only_line(), TIME " DEBUG test: now\n");
}

static void text_values(void **state)
{
    (void)state;
    static const struct {
        const char *value, *written;
    } rows[] = {
        {"pbx", "pbx"},
        {"", "\"\""},
        {NULL, "-"},
        {"two words", "\"two words\""},
        {"a=b", "\"a=b\""},
        {"say \"hi\"", "\"say \\\"hi\\\"\""},
        {"back\\slash", "\"back\\\\slash\""},
        {"x\n2026 ERROR forged: line", "\"x\\n2026 ERROR forged: line\""},
        {"\r\t", "\"\\r\\t\""},
        {"\x1b[31m", "\"\\x1B[31m\""},
        {"\x7f", "\"\\x7F\""},
        {"\xc2\x9b", "\"\\xC2\\x9B\""},          /* the C1 form of ESC [ */
        {"\xe2\x80\xa8", "\"\\xE2\\x80\\xA8\""}, /* a line separator */
        {"\xff\xfe", "\"\\xFF\\xFE\""},          /* not UTF-8 */
        {"a\xe2\x82", "\"a\\xE2\\x82\""},        /* torn */
        {"\xe2\x82\xac", "\xe2\x82\xac"},
        {"{}[],:;'", "{}[],:;'"},
    };
    use(false, DG_INFO);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char expected[200];
        log_info("test", "value", LOG_S("v", rows[i].value), LOG_I("n", -5));
        snprintf(expected, sizeof(expected), TIME " INFO test: value v=%s n=-5\n", rows[i].written);
        assert_string_equal(only_line(), expected);
    }
    log_info("test", "a\nsentence\x1b \"quoted\" \\");
    assert_string_equal(only_line(), TIME " INFO test: a\\nsentence\\x1B \"quoted\" \\\n");
    log_info("test", "limits", LOG_I("min", INT64_MIN), LOG_I("max", INT64_MAX));
    assert_string_equal(only_line(), TIME " INFO test: limits min=-9223372036854775808 "
                                          "max=9223372036854775807\n");
}

static void json_values(void **state)
{
    (void)state;
    static const struct {
        const char *value, *read;
    } rows[] = {
        {"pbx", "pbx"},
        {"", ""},
        {NULL, "-"},
        {"a\"b\\c\nd\re\tf\x01\x1b\x7f", "a\"b\\c\nd\re\tf\x01\x1b\x7f"},
        {"\xc2\x9b\xe2\x80\xa8\xe2\x82\xac", "\xc2\x9b\xe2\x80\xa8\xe2\x82\xac"},
        {"a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };
    use(true, DG_INFO);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char why[JSON_WHY_SIZE];
        log_info("test", "a \"sentence\"\n", LOG_S("v", rows[i].value), LOG_I("n", 22));
        const char *line = only_line();
        json_t *o = json_parse(line, strlen(line), 1, why);
        if (!o)
            fail_msg("%s: %s", line, why);
        assert_string_equal(json_get_str(o, "time"), TIME);
        assert_string_equal(json_get_str(o, "level"), "INFO");
        assert_string_equal(json_get_str(o, "area"), "test");
        assert_string_equal(json_get_str(o, "message"), "a \"sentence\"\n");
        assert_string_equal(json_get_str(o, "v"), rows[i].read);
        assert_int_equal(json_get_int(o, "n", 0), 22);
        assert_int_equal(json_object_size(o), 6);
        json_decref(o);
    }
}

static void request_ids(void **state)
{
    (void)state;
    use(false, DG_INFO);
    assert_null(log_current_request_id());
    log_request_id("req-1");
    assert_string_equal(log_current_request_id(), "req-1");
    log_info("test", "with", LOG_S("k", "v"));
    assert_string_equal(only_line(), TIME " INFO test: with request_id=req-1 k=v\n");
    log_request_id(NULL);
    log_info("test", "without");
    assert_string_equal(only_line(), TIME " INFO test: without\n");
}

DG_PRINTF(2, 3) static void plugin_says(const char *instance, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    log_vtext(DG_INFO, "ari", instance, fmt, ap);
    va_end(ap);
}

static void text_of_plugins(void **state)
{
    (void)state;
    use(false, DG_INFO);
    errno = EDOM;
    plugin_says("pbx", "said %s\n", "a\nb");
    assert_int_equal(errno, EDOM);
    assert_string_equal(only_line(), TIME " INFO ari: said a\\nb instance=pbx\n");
    plugin_says(NULL, "%s", "");
    assert_string_equal(only_line(), TIME " INFO ari: \n");
    use(false, DG_WARN);
    plugin_says("pbx", "not wanted");
    assert_string_equal(read_log(), "");
}

/* Lines are cut at every length around the limit, between characters. */
static void long_lines(void **state)
{
    (void)state;
    static const char *const characters[] = {"a", "\n", "\xe2\x82\xac", "\xff"};
    static char value[9001];
    for (int json = 0; json < 2; json++) {
        use(json, DG_INFO);
        for (size_t len = 8000; len < 8200; len++) {
            const char *c = characters[len % COUNT(characters)];
            size_t used = 0;
            memset(value, 'x', sizeof(value) - 1);
            for (used = len - 30; used + strlen(c) <= len; used += strlen(c))
                memcpy(value + used, c, strlen(c));
            value[used] = '\0';
            log_info("test", "long", LOG_S("value", value), LOG_I("number", 123456789),
                     LOG_S("last", "z"));
            const char *line = only_line();
            size_t size = strlen(line);
            assert_true(size <= 8192);
            assert_true(str_utf8(line, size));
            bool whole = strstr(line, json ? "\"last\":\"z\"}\n" : " last=z\n") != NULL;
            bool cut = strstr(line, json ? "\"cut\":true}\n" : "...") != NULL;
            assert_true(whole != cut);
            if (json) {
                json_t *o = json_parse(line, size, 1, NULL);
                assert_non_null(o);
                json_decref(o);
            }
        }
        memset(value, 'y', sizeof(value) - 1); /* a sentence */
        log_info("test", value, LOG_S("after", "z"));
        const char *line = only_line();
        assert_true(strlen(line) > 8100 && strlen(line) <= 8192);
        assert_non_null(strstr(line, json ? "y...\",\"cut\":true}\n" : "y...\n"));
        assert_null(strstr(line, "after"));
    }
}

static void reopening(void **state)
{
    (void)state;
    char moved[UNIT_PATH_SIZE + 4];
    snprintf(moved, sizeof(moved), "%s.old", path);
    use(false, DG_INFO);
    log_info("test", "one");
    assert_int_equal(rename(path, moved), 0);
    log_info("test", "two");
    use(false, DG_INFO); /* what a rotation asks for */
    log_info("test", "three");
    assert_string_equal(read_log(), TIME " INFO test: three\n");
    assert_int_equal(rename(moved, path), 0);
    assert_string_equal(read_log(), TIME " INFO test: one\n" TIME " INFO test: two\n");

    errno = 0;
    assert_false(log_setup(&(struct log_config){.level = DG_DEBUG, .file = "/nonexistent/log"}));
    assert_int_equal(errno, ENOENT);
    assert_false(log_wants(DG_DEBUG)); /* all stays as it was */
    assert_true(truncate(path, 0) == 0);
}

/* ---- Outputs that fail -------------------------------------------------- */

/* Standard error is put aside while `fd` takes its place. */
static int replace_stderr(int fd)
{
    int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0 && dup2(fd, STDERR_FILENO) == STDERR_FILENO);
    assert_true(log_setup(&(struct log_config){.level = DG_INFO}));
    return saved;
}

static void restore_stderr(int saved)
{
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    close(saved);
    use(false, DG_INFO);
}

/* Reads what there is, behind the `len` bytes of before. */
static size_t drain(int fd, size_t len)
{
    ssize_t n;
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    while ((n = read(fd, content + len, sizeof(content) - 1 - len)) > 0)
        len += (size_t)n;
    content[len] = '\0';
    return len;
}

static void fill(int count, size_t size)
{
    char *value = calloc(1, size + 1);
    memset(value, 'v', size);
    for (int i = 0; i < count; i++)
        log_info("test", "filling", LOG_I("i", i), LOG_S("value", value));
    free(value);
}

/* Every line that was read is whole, and those that are missing were counted. */
static void check_losses(int reader, int sent, size_t size)
{
    int whole = 0, counted = 0, torn = 0;
    size_t len = drain(reader, 0);
    log_info("test", "works again");
    drain(reader, len);
    for (char *line = content, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        if (str_starts(line, TIME " WARN log: lines were lost count="))
            counted += (int)strtol(strrchr(line, '=') + 1, NULL, 10);
        else if (str_starts(line, TIME " INFO test: filling i="))
            strlen(line) > size ? whole++ : torn++;
        else
            assert_true(str_ends(line, " INFO test: works again") && !end[1]);
    }
    assert_true(whole > 0 && counted > 0);
    assert_true(torn <= 1);
    assert_int_equal(whole + counted, sent);
}

static void a_pipe_that_nobody_reads(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int saved = replace_stderr(ends[1]);
    fill(300, 2000); /* some 600 kB into 64 kB: it would wait for ever */
    assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0); /* others share it */
    check_losses(ends[0], 300, 2000);
    restore_stderr(saved);
    close(ends[0]);
    close(ends[1]);
}

/* More than PIPE_BUF is not written at once: what goes through in part is counted
 * as lost, and the next line begins on its own. */
static void a_line_that_is_torn(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int saved = replace_stderr(ends[1]);
    fill(40, 6000);
    check_losses(ends[0], 40, 6000);
    restore_stderr(saved);
    close(ends[0]);
    close(ends[1]);
}

static void a_socket_that_nobody_reads(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    int saved = replace_stderr(ends[1]);
    fill(1000, 2000);
    check_losses(ends[0], 1000, 2000);
    restore_stderr(saved);
    close(ends[0]);
    close(ends[1]);
}

static void a_full_disk(void **state)
{
    (void)state;
    assert_true(log_setup(&(struct log_config){.level = DG_INFO, .file = "/dev/full"}));
    errno = EDOM;
    log_info("test", "lost");
    log_info("test", "lost");
    assert_int_equal(errno, EDOM);
    use(false, DG_INFO);
    log_info("test", "works again");
    assert_string_equal(read_log(), TIME " WARN log: lines were lost count=2\n" TIME
                                         " INFO test: works again\n");
}

/* ---- Threads ------------------------------------------------------------ */

static atomic_bool stop;

static void *keep_logging(void *arg)
{
    log_request_id(arg);
    int i = 0;
    for (; !atomic_load(&stop) || i < 1000; i++)
        log_info("test", "line", LOG_I("i", i));
    log_request_id(NULL);
    return (void *)(uintptr_t)i;
}

static void setting_up_while_others_write(void **state)
{
    (void)state;
    static char other[UNIT_PATH_SIZE];
    static char names[3][8] = {"t0", "t1", "t2"};
    pthread_t threads[3];
    size_t sent = 0, lines = 0;
    unit_file(other, "", 0);
    use(false, DG_INFO);
    atomic_store(&stop, false);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, keep_logging, names[i]), 0);
    for (int i = 0; i < 300; i++) {
        struct log_config config = {.level = DG_INFO, .file = i % 2 ? path : other};
        assert_true(log_setup(&config));
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *count;
        pthread_join(threads[i], &count);
        sent += (size_t)(uintptr_t)count;
    }
    for (int i = 0; i < 2; i++) {
        FILE *f = fopen(i ? path : other, "r");
        for (; fgets(content, sizeof(content), f); lines++)
            assert_true(str_starts(content, TIME " INFO test: line request_id=t") &&
                        str_ends(content, "\n") && strlen(content) < 80);
        fclose(f);
    }
    unlink(other);
    assert_int_equal(lines, sent); /* none lost, none torn */
}

/* Lines that may wait are written together, and before the thread's next line. */
static void gathered_lines(void **state)
{
    (void)state;
    use(false, DG_INFO);
    log_info_soon("test", "first", LOG_I("n", 1));
    assert_string_equal(read_log(), "");
    log_info_soon("test", "second", LOG_S("s", "a\nforged"));
    log_info("test", "third");
    const char *text = read_log();
    const char *first = strstr(text, "INFO test: first n=1\n"), *third = strstr(text, "third\n");
    assert_true(first && third && first < third);
    assert_null(strstr(text, "\nforged"));
    log_info_soon("test", "fourth");
    log_flush();
    log_flush();
    assert_non_null(strstr(read_log(), "fourth\n"));
    for (int i = 0; i < 100; i++)
        log_info_soon("test", "many", LOG_I("n", i), LOG_S("s", "0123456789012345678901234567"));
    log_flush();
    const char *at = read_log();
    for (int i = 0; i < 100; i++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "many n=%d ", i);
        assert_non_null(at = strstr(at, wanted));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(levels),
        TEST(text_values),
        TEST(json_values),
        TEST(request_ids),
        TEST(text_of_plugins),
        TEST(long_lines),
        TEST(reopening),
        TEST(a_pipe_that_nobody_reads),
        TEST(a_line_that_is_torn),
        TEST(a_socket_that_nobody_reads),
        TEST(a_full_disk),
        TEST(gathered_lines),
        TEST(setting_up_while_others_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
