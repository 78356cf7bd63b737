/* folder_test.c - recordings in a folder: what is shown of it, what can be read and deleted, and
 * what never: links, other folders, other files. */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asterisk/folder.h"

struct dg_op {
    enum dg_err err;
    int ended;
    char ids[400]; /* of all items, "a.wav:44 " */
    char bytes[100];
    size_t len;
    uint64_t duration_ms;
};

static bool reads; /* the next items are bytes */

static void take_item(struct dg_op *op, const void *item)
{
    if (reads) {
        const struct dg_bytes *b = item;
        memcpy(op->bytes, b->ptr, b->len);
        op->len = b->len;
        return;
    }
    const struct dg_recording *r = item;
    size_t at = strlen(op->ids);
    snprintf(op->ids + at, sizeof op->ids - at, "%s.%s:%llu ", r->id, r->format,
             (unsigned long long)r->bytes);
    op->duration_ms = r->duration_ms;
    assert_true(r->at_ms > 0 && r->version);
}

static void take_done(struct dg_op *op)
{
    op->ended++;
}

static void take_fail(struct dg_op *op, enum dg_err err, const char *fmt, ...)
{
    (void)fmt;
    op->err = err;
    op->ended++;
}

static void take_work(const struct dg_host *h, dg_fn *work, dg_fn *done, void *arg)
{
    (void)h;
    work(arg);
    done(arg);
}

static void take_log(const struct dg_host *h, enum dg_level level, const char *fmt, ...)
{
    (void)h;
    (void)level;
    (void)fmt;
}

static const struct dg_host host = {.size = sizeof host,
                                    .item = take_item,
                                    .done = take_done,
                                    .fail = take_fail,
                                    .work = take_work,
                                    .log = take_log};

static char dir[] = "/tmp/dialgate-folder-XXXXXX";
static struct folder *folder;

static void put(const char *name, size_t len)
{
    char path[300], zeros[2000] = {0};
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(zeros, 1, len, f), len);
    fclose(f);
}

static bool is_on_disk(const char *name)
{
    char path[300];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return lstat(path, &st) == 0;
}

static int set_up(void **state)
{
    char path[300];
    (void)state;
    assert_non_null(mkdtemp(dir));
    put("one.wav", 44 + 1600);
    put("two.gsm", 330);
    put("both.wav", 44);
    put("both.gsm", 33);
    put(".hidden.wav", 44);
    put("notes.txt", 10);
    put("a b.wav", 44);
    put("..wav", 44);
    snprintf(path, sizeof path, "%s/folder.wav", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/link.wav", dir);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof path, "%s/pipe.wav", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    folder = folder_new(&host, dir);
    return 0;
}

static void nothing(void *arg)
{
    *(bool *)arg = true;
}

static int tear_down(void **state)
{
    bool closed = false;
    (void)state;
    folder_close(folder, nothing, &closed);
    assert_true(closed);
    DIR *d = opendir(dir);
    for (const struct dirent *e; (e = readdir(d));) {
        unlinkat(dirfd(d), e->d_name, 0);
        unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
    }
    closedir(d);
    return rmdir(dir);
}

static void only_recordings_are_shown(void **state)
{
    struct dg_op all = {0}, some = {0};
    (void)state;
    folder_list(folder, &(struct dg_filter){0}, &all);
    assert_int_equal(all.ended, 1);
    assert_int_equal(all.err, DG_OK);
    assert_non_null(strstr(all.ids, "one.wav:1644 "));
    assert_non_null(strstr(all.ids, "two.gsm:330 "));
    assert_non_null(strstr(all.ids, "both.wav:44 "));
    assert_int_equal(strlen(all.ids), strlen("one.wav:1644 two.gsm:330 both.wav:44 both.gsm:33 "));
    folder_list(folder, &(struct dg_filter){"tw"}, &some);
    assert_string_equal(some.ids, "two.gsm:330 ");
    assert_int_equal(some.duration_ms, 200);
}

static void one_is_found_and_read(void **state)
{
    struct dg_op found = {0}, piece = {0}, end = {0}, beyond = {0};
    (void)state;
    folder_find(folder, &(struct dg_stop){"one"}, &found);
    assert_string_equal(found.ids, "one.wav:1644 ");
    assert_int_equal(found.duration_ms, 100);
    reads = true;
    folder_read(folder, &(struct dg_recording_read){"one", 0, 100}, &piece);
    assert_int_equal(piece.len, 100);
    folder_read(folder, &(struct dg_recording_read){"one", 1640, 100}, &end);
    assert_int_equal(end.len, 4);
    folder_read(folder, &(struct dg_recording_read){"one", UINT64_MAX, 100}, &beyond);
    assert_int_equal(beyond.len, 0);
    assert_int_equal(beyond.err, DG_OK);
    reads = false;
}

static void tricks_lead_nowhere(void **state)
{
    static const char *const names[] = {"",    ".",     "..",      "../x", "/etc/passwd", "a/b",
                                        "a b", "one\n", ".hidden", "-one", "a..b"};
    static const char *const absent[] = {"link", "folder", "pipe", "none", "notes"};
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct dg_op found = {0}, piece = {0}, gone = {0};
        folder_find(folder, &(struct dg_stop){names[i]}, &found);
        folder_read(folder, &(struct dg_recording_read){names[i], 0, 10}, &piece);
        folder_delete(folder, &(struct dg_stop){names[i]}, &gone);
        assert_int_equal(found.err, DG_EINVAL);
        assert_int_equal(piece.err, DG_EINVAL);
        assert_int_equal(gone.err, DG_EINVAL);
    }
    for (size_t i = 0; i < COUNT(absent); i++) {
        struct dg_op found = {0}, piece = {0}, gone = {0};
        folder_find(folder, &(struct dg_stop){absent[i]}, &found);
        folder_read(folder, &(struct dg_recording_read){absent[i], 0, 10}, &piece);
        folder_delete(folder, &(struct dg_stop){absent[i]}, &gone);
        assert_int_equal(found.err, DG_ENOTFOUND);
        assert_int_equal(piece.err, DG_ENOTFOUND);
        assert_int_equal(gone.err, DG_ENOTFOUND);
    }
    assert_true(is_on_disk("link.wav") && is_on_disk("notes.txt") && is_on_disk("pipe.wav"));
}

static void all_formats_go(void **state)
{
    struct dg_op gone = {0}, again = {0};
    (void)state;
    folder_delete(folder, &(struct dg_stop){"both"}, &gone);
    assert_int_equal(gone.err, DG_OK);
    assert_false(is_on_disk("both.wav") || is_on_disk("both.gsm"));
    folder_delete(folder, &(struct dg_stop){"both"}, &again);
    assert_int_equal(again.err, DG_ENOTFOUND);
}

static void a_folder_that_is_not_there(void **state)
{
    struct dg_op all = {0}, one = {0};
    bool closed = false;
    struct folder *none = folder_new(&host, "/tmp/no/such/folder");
    (void)state;
    folder_list(none, &(struct dg_filter){0}, &all);
    folder_find(none, &(struct dg_stop){"one"}, &one);
    assert_int_equal(all.err, DG_EUNAVAILABLE);
    assert_int_equal(one.err, DG_EUNAVAILABLE);
    folder_close(none, nothing, &closed);
    assert_true(closed);
}

static void how_long_they_are(void **state)
{
    (void)state;
    assert_int_equal(folder_duration_ms("wav", 44 + 16000), 1000);
    assert_int_equal(folder_duration_ms("wav16", 44 + 32000), 1000);
    assert_int_equal(folder_duration_ms("gsm", 33 * 50), 1000);
    assert_int_equal(folder_duration_ms("WAV", 60 + 65 * 25), 1000);
    assert_int_equal(folder_duration_ms("ulaw", 8000), 1000);
    assert_int_equal(folder_duration_ms("mp3", 8000), 0);
    assert_int_equal(folder_duration_ms("wav", 10), 0);
    assert_int_equal(folder_duration_ms("nonsense", 1000), 0);
    assert_int_equal(folder_duration_ms(NULL, 1000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_recordings_are_shown),  cmocka_unit_test(one_is_found_and_read),
        cmocka_unit_test(tricks_lead_nowhere),        cmocka_unit_test(all_formats_go),
        cmocka_unit_test(a_folder_that_is_not_there), cmocka_unit_test(how_long_they_are),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
