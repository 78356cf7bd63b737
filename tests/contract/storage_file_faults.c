/* storage_file_faults.c - storage-file when something is wrong with its file:
 *
 *     storage_file_faults PLUGIN
 *
 * Each fault ends in a sentence, nothing is lost or destroyed, and what can
 * heal heals by itself. */
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "storage_place.h"

/* ---- Who may open it ---------------------------------------------------- */

static void lets_one_in(void **state)
{
    struct place *p = *state;
    char why[512], link[128], pid[32];
    assert_true(place_open(p));
    struct rig *second = place_rig(p);
    assert_false(rig_open(second, why, sizeof(why)));
    rig_free(second);
    snprintf(link, sizeof(link), "%s/link.db", p->folder);
    assert_int_equal(symlink(p->db, link), 0);
    place_config(p, link, "");
    second = place_rig(p);
    assert_false(rig_open(second, why, sizeof(why)));
    rig_free(second);
    /* Nothing of the first one's was hurt. */
    struct rig *r = p->r;
    assert_ok(suite_put(r, THINGS, "a", "{}", DG_VERSION_NONE));
    rig_close(p->r);
    second = place_rig(p);
    assert_true(rig_open(second, why, sizeof(why)));
    snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    assert_int_equal(place_size(p->db, ".lock"), strlen(pid));
    rig_free(second);
}

static void keeps_its_files_private(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    struct place *p = *state;
    mode_t old = umask(0);
    assert_true(place_open(p));
    struct rig *r = p->r;
    assert_ok(suite_put(r, THINGS, "a", "{}", DG_VERSION_NONE));
    umask(old);
    for (size_t i = 0; i < COUNT(ends); i++) {
        char path[128];
        struct stat st;
        snprintf(path, sizeof(path), "%s%s", p->db, ends[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
}

static void refuses_places_where_no_file_can_be(void **state)
{
    struct place *p = *state;
    char path[128];
    snprintf(path, sizeof(path), "%s/missing/x.db", p->folder);
    place_config(p, path, "");
    assert_false(place_open(p));
    place_end(p);
    snprintf(path, sizeof(path), "%s/folder", p->folder);
    assert_int_equal(mkdir(path, 0700), 0);
    place_config(p, path, "");
    assert_false(place_open(p));
    place_end(p);
    place_config(p, "/dev/null", "");
    assert_false(place_open(p));
    unlink("/dev/null.lock");
    place_end(p);
    place_config(p, p->db, "readers = 0\n");
    assert_false(place_open(p));
    place_end(p);
    place_config(p, p->db, "");
    assert_true(place_open(p));
}

/* ---- A full disk -------------------------------------------------------- */

/* Writes of a quarter MiB until one fails; how many went well. */
static int fill_up(struct place *p, const char *json, struct answer **last)
{
    struct rig *r = p->r;
    for (int i = 0; i < 1000; i++) {
        char id[16];
        snprintf(id, sizeof(id), "doc%d", i);
        *last = suite_put(r, THINGS, id, json, DG_VERSION_ANY);
        if ((*last)->err != DG_OK)
            return i;
    }
    fail_msg("the disk does not get full");
    return 0;
}

static void outlives_a_full_disk(void **state)
{
    struct place *p = *state;
    char filler[96];
    struct answer *a = NULL;
    if (mount("tmpfs", p->folder, "tmpfs", 0, "size=8m") != 0) {
        print_message("SKIPPED: mounting a small tmpfs needs root\n");
        skip();
    }
    p->mounted = true;
    snprintf(filler, sizeof(filler), "%s/filler", p->folder);
    int fd = open(filler, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(posix_fallocate(fd, 0, 4 * MIB), 0);
    close(fd);
    char *json = place_document(MIB / 4);
    assert_true(place_open(p));
    struct rig *r = p->r;
    int written = fill_up(p, json, &a);
    assert_true(written > 2);
    assert_err(a, DG_EUNAVAILABLE);
    assert_says(a->message, "no space");
    /* It reads. Of small and big ones written together no big one goes well; a small one goes well
     * or is refused with the same sentence, as the log happens to have room. */
    assert_int_equal(suite_count(r, THINGS), (unsigned)written);
    assert_int_equal(truncate(filler, 4 * MIB - MIB / 4), 0);
    char *bigger = place_document(MIB);
    struct answer *together[20];
    for (int i = 0; i < 20; i++) {
        struct dg_write w =
            suite_write(PAIRS, i % 2 ? "small" : "big", i % 2 ? "{}" : bigger, DG_VERSION_ANY);
        together[i] = rig_write_start(r, &w, 1);
    }
    for (int i = 0; i < 20; i++) {
        struct answer *one = rig_wait(r, together[i]);
        if (i % 2 == 0 || one->err != DG_OK) {
            assert_err(one, DG_EUNAVAILABLE);
            assert_says(one->message, "no space");
        }
    }
    /* Space comes back, and so does it. */
    assert_int_equal(unlink(filler), 0);
    assert_ok(suite_put(r, THINGS, "more", json, DG_VERSION_NONE));
    place_end(p);
    assert_true(place_whole(p->db));
    assert_true(place_open(p));
    r = p->r;
    for (int i = 0; i < written; i++) {
        char id[16];
        snprintf(id, sizeof(id), "doc%d", i);
        assert_ok(rig_get(r, THINGS, id));
    }
    assert_ok(rig_get(r, THINGS, "more"));
    free(bigger);
    free(json);
}

static void opens_when_there_is_space_at_last(void **state)
{
    struct place *p = *state;
    char filler[96];
    if (mount("tmpfs", p->folder, "tmpfs", 0, "size=1m") != 0) {
        print_message("SKIPPED: mounting a small tmpfs needs root\n");
        skip();
    }
    p->mounted = true;
    snprintf(filler, sizeof(filler), "%s/filler", p->folder);
    int fd = open(filler, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(posix_fallocate(fd, 0, MIB), 0);
    close(fd);
    assert_false(place_open(p));
    assert_says(p->why, p->db);
    assert_int_equal(unlink(filler), 0);
    assert_true(place_open(p));
}

/* ---- Others at the file ------------------------------------------------- */

static sqlite3 *other_program(struct place *p, const char *does)
{
    sqlite3 *handle;
    assert_int_equal(sqlite3_open(p->db, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, does, NULL, NULL, NULL), SQLITE_OK);
    return handle;
}

static void says_who_is_in_the_way(void **state)
{
    struct place *p = *state;
    assert_true(place_open(p));
    struct rig *r = p->r;
    assert_ok(suite_put(r, THINGS, "a", "{}", DG_VERSION_NONE));
    sqlite3 *other = other_program(p, "BEGIN IMMEDIATE");
    struct answer *a = suite_put(r, THINGS, "b", "{}", DG_VERSION_NONE);
    assert_err(a, DG_EUNAVAILABLE);
    assert_says(a->message, "another program");
    assert_ok(rig_get(r, THINGS, "a"));
    sqlite3_close(other);
    assert_ok(suite_put(r, THINGS, "b", "{}", DG_VERSION_NONE));
}

static void takes_no_more_than_it_can_hold(void **state)
{
    enum { MANY = 200, ROOM = 50 };
    struct place *p = *state;
    struct answer *all[MANY];
    unsigned refused = 0;
    place_config(p, p->db, "queue = 50\n");
    assert_true(place_open(p));
    struct rig *r = p->r;
    sqlite3 *other = other_program(p, "BEGIN IMMEDIATE");
    for (int i = 0; i < MANY; i++) {
        char id[16];
        snprintf(id, sizeof(id), "doc%d", i);
        struct dg_write w = suite_write(THINGS, id, "{}", DG_VERSION_NONE);
        all[i] = rig_write_start(r, &w, 1);
    }
    for (int i = 0; i < MANY; i++)
        refused += rig_wait(r, all[i])->err == DG_ELIMIT;
    assert_true(refused > 0);
    sqlite3_close(other);
    assert_ok(suite_put(r, THINGS, "a", "{}", DG_VERSION_NONE));
    /* A write that could never be held is the asker's fault. */
    char *json = place_document(129 * MIB);
    assert_err(suite_put(r, THINGS, "a", json, DG_VERSION_ANY), DG_EINVAL);
    free(json);
}

/* So many versions of one document, a MiB each and all different. */
static void put_big(struct rig *r, int count)
{
    static char letter = 'a';
    char *json = place_document(MIB);
    for (int i = 0; i < count; i++) {
        letter = letter == 'z' ? 'a' : (char)(letter + 1);
        memset(json + 20, letter, MIB - 20);
        assert_ok(suite_put(r, THINGS, "a", json, DG_VERSION_ANY));
        rig_forget(r);
    }
    free(json);
}

static void bounds_its_log(void **state)
{
    struct place *p = *state;
    assert_true(place_open(p));
    put_big(p->r, 10);
    assert_true(place_size(p->db, "-wal") < 8 * MIB);
    /* A reader that does not end stops that; when it does end, all is well again. */
    sqlite3 *other = other_program(p, "BEGIN; SELECT count(*) FROM sqlite_schema");
    put_big(p->r, 70);
    assert_true(place_size(p->db, "-wal") > 64 * MIB);
    sqlite3_close(other);
    put_big(p->r, 24);
    assert_true(place_size(p->db, "-wal") <= 64 * MIB);
    assert_true(place_size(p->db, "") < 16 * MIB);
    place_end(p);
    assert_int_equal(place_size(p->db, "-wal"), -1);
    assert_true(place_whole(p->db));
}

/* Several seconds of reading, as far as somebody lets it. */
#define LONG_ROWS 3000
static struct dg_where long_where[200];

static struct dg_query long_query(struct rig *r)
{
    static struct dg_write list[LONG_ROWS];
    static char ids[LONG_ROWS][16];
    for (int i = 0; i < LONG_ROWS; i++) {
        snprintf(ids[i], sizeof(ids[i]), "doc%d", i);
        list[i] = suite_write(THINGS, ids[i], "{\"name\":\"x\"}", DG_VERSION_NONE);
    }
    assert_ok(rig_write(r, list, LONG_ROWS));
    for (size_t i = 0; i < COUNT(long_where); i++)
        long_where[i] = (struct dg_where){"name", DG_CONTAINS, "y", 1};
    return (struct dg_query){
        .collection = THINGS, .where = long_where, .where_count = COUNT(long_where)};
}

static void gives_long_reads_up(void **state)
{
    struct place *p = *state;
    place_config(p, p->db, "read_ms = \"1ms\"\n");
    assert_true(place_open(p));
    struct rig *r = p->r;
    struct dg_query q = long_query(r);
    struct answer *a = rig_query(r, &q);
    assert_err(a, DG_ETIMEOUT);
    assert_says(a->message, "1 ms");
    assert_ok(rig_get(r, THINGS, "doc1"));
}

static void closes_during_a_long_read(void **state)
{
    struct place *p = *state;
    assert_true(place_open(p));
    struct rig *r = p->r;
    struct dg_query q = long_query(r);
    struct answer *all[40];
    for (size_t i = 0; i < COUNT(all); i++)
        all[i] = rig_query_start(r, &q);
    uint64_t began = clock_ms();
    rig_close(r);
    assert_true(clock_ms() - began < 15000);
    for (size_t i = 0; i < COUNT(all); i++) {
        if (rig_wait(r, all[i])->err != DG_OK)
            assert_err(all[i], DG_EUNAVAILABLE);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(lets_one_in),
        PLACE_TEST(keeps_its_files_private),
        PLACE_TEST(refuses_places_where_no_file_can_be),
        PLACE_TEST(outlives_a_full_disk),
        PLACE_TEST(opens_when_there_is_space_at_last),
        PLACE_TEST(says_who_is_in_the_way),
        PLACE_TEST(takes_no_more_than_it_can_hold),
        PLACE_TEST(bounds_its_log),
        PLACE_TEST(gives_long_reads_up),
        PLACE_TEST(closes_during_a_long_read),
    };
    return PLACE_MAIN(argc, argv, tests);
}
