/* storage_file_wal_test.c - a write-ahead log that is cut or altered anywhere: wal_inspect says
 * what SQLite keeps of it, and that something was lost. */
#include <sqlite3.h>
#include <unistd.h>

/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../plugins/storage-file/wal.c"
#include "../../plugins/store/mem.c"
/* NOLINTEND(bugprone-suspicious-include) */

#include "unit.h" /* last: cmocka has a macro named fail */

#define LOG_MAX      (1u << 20)
#define TRANSACTIONS 6
#define FRAME_SIZE   (FRAME + PAGE_USUAL)

/* A database after a crash: one row was there, then a row for each transaction. */
static struct {
    unsigned char db[LOG_MAX], log[LOG_MAX];
    size_t db_len, log_len;
    size_t pages[TRANSACTIONS + 1]; /* in the log, after so many transactions */
} crashed;

static void path_of(char out[64], const char *folder, const char *end)
{
    snprintf(out, 64, "%s/x.db%s", folder, end);
}

static size_t read_all(const char *path, unsigned char *bytes)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t len = fread(bytes, 1, LOG_MAX, f);
    assert_true(len < LOG_MAX);
    assert_int_equal(fclose(f), 0);
    return len;
}

static void write_all(const char *path, const unsigned char *bytes, size_t len)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void sql(sqlite3 *db, const char *text)
{
    char *why = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", text, why);
}

static int set_pages(void *arg, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    *(size_t *)arg = (size_t)pages;
    return SQLITE_OK;
}

static void remove_files(const char *folder)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < COUNT(ends); i++) {
        char path[64];
        path_of(path, folder, ends[i]);
        unlink(path);
    }
}

/* The log is begun anew once, so that pages of an older one stand behind its end. */
static int crash(void **state)
{
    char folder[] = "/tmp/dialgate-wal-XXXXXX", path[64];
    size_t pages = 0;
    sqlite3 *db;
    (void)state;
    assert_non_null(mkdtemp(folder));
    path_of(path, folder, "");
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sql(db, "PRAGMA page_size=4096; PRAGMA journal_mode=WAL");
    sql(db, "CREATE TABLE t(x); INSERT INTO t VALUES(randomblob(150000))");
    sql(db, "PRAGMA wal_checkpoint(RESTART)");
    sqlite3_wal_hook(db, set_pages, &pages);
    for (size_t i = 1; i <= TRANSACTIONS; i++) {
        char text[64];
        snprintf(text, sizeof(text), "INSERT INTO t VALUES(randomblob(%zu))", 1000 + i % 3 * 5000);
        sql(db, text);
        crashed.pages[i] = pages;
    }
    crashed.db_len = read_all(path, crashed.db);
    path_of(path, folder, "-wal");
    crashed.log_len = read_all(path, crashed.log);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    remove_files(folder);
    return rmdir(folder);
}

static size_t log_end(void)
{
    return HEADER + crashed.pages[TRANSACTIONS] * FRAME_SIZE;
}

/* What wal_inspect says of such a log, once SQLite was seen to agree. */
static struct wal_tail judged(const unsigned char *log, size_t len)
{
    char folder[] = "/tmp/dialgate-wal-XXXXXX", path[64];
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_non_null(mkdtemp(folder));
    path_of(path, folder, "-wal");
    write_all(path, log, len);
    path_of(path, folder, "");
    write_all(path, crashed.db, crashed.db_len);
    struct wal_tail tail = wal_inspect(path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM t", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    size_t rows = (size_t)sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    remove_files(folder);
    assert_int_equal(rmdir(folder), 0);
    assert_true(rows >= 1 && rows <= TRANSACTIONS + 1);
    assert_int_equal(tail.kept, crashed.pages[rows - 1]);
    return tail;
}

static void whole_log(void **state)
{
    (void)state;
    assert_true(crashed.log_len > log_end());
    struct wal_tail tail = judged(crashed.log, crashed.log_len);
    assert_int_equal(tail.kept, crashed.pages[TRANSACTIONS]);
    assert_int_equal(tail.dropped, 0);
    assert_false(tail.damaged);
}

static void no_log(void **state)
{
    (void)state;
    struct wal_tail tail = wal_inspect("/nowhere/x.db");
    assert_true(!tail.kept && !tail.dropped && !tail.damaged);
    tail = judged(crashed.log, 0);
    assert_true(!tail.kept && !tail.dropped && !tail.damaged);
    tail = judged(crashed.log, HEADER);
    assert_true(!tail.kept && !tail.dropped && !tail.damaged);
}

/* At every byte of the last frame's head, and here and there in all that stands before. */
static void cut_anywhere(void **state)
{
    (void)state;
    for (size_t len = HEADER + 1; len < log_end();
         len += log_end() - len <= FRAME_SIZE && log_end() - len > PAGE_USUAL ? 1 : 331) {
        struct wal_tail tail = judged(crashed.log, len);
        bool torn = (len - HEADER) % FRAME_SIZE != 0;
        assert_int_equal(tail.damaged, torn);
        assert_int_equal(tail.kept + tail.dropped, (len - HEADER) / FRAME_SIZE + torn);
    }
    /* Between two frames of one transaction: it was not finished, which is no damage. */
    struct wal_tail tail = judged(crashed.log, HEADER + (crashed.pages[1] + 1) * FRAME_SIZE);
    assert_false(tail.damaged);
    assert_int_equal(tail.dropped, 1);
}

static void altered_anywhere(void **state)
{
    (void)state;
    for (size_t at = 0; at < log_end(); at += at < HEADER + FRAME ? 1 : 331) {
        size_t last_salts = log_end() - FRAME_SIZE + 8;
        if (at >= last_salts && at < last_salts + 8)
            continue; /* that page cannot be told from one of an older log */
        crashed.log[at] ^= 0x10;
        struct wal_tail tail = judged(crashed.log, crashed.log_len);
        crashed.log[at] ^= 0x10;
        assert_true(tail.damaged);
        assert_true(tail.dropped > 0);
        assert_true(tail.kept <= crashed.pages[TRANSACTIONS]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_log),
        cmocka_unit_test(no_log),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(altered_anywhere),
    };
    return cmocka_run_group_tests(tests, crash, NULL);
}
