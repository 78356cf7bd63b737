/* storage_file_damage.c - storage-file and a file that is not its own, not whole,
 * or cannot be written:
 *
 *     storage_file_damage PLUGIN
 *
 * It is refused with a sentence, and not a byte of it, or of its log, is changed. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage_place.h"

#define DOCUMENTS 200
#define PAGE_SIZE 4096

/* ---- What is on the disk ------------------------------------------------ */

struct bytes {
    char *ptr;
    ssize_t len; /* 0 as well: there is no such file, or a log without a page */
};

static struct bytes read_file(const struct place *p, const char *end)
{
    char path[128];
    struct bytes b = {.ptr = malloc(8 * MIB)};
    snprintf(path, sizeof(path), "%s%s", p->db, end);
    int fd = open(path, O_RDONLY);
    assert_non_null(b.ptr);
    if (fd >= 0) {
        b.len = read(fd, b.ptr, 8 * MIB);
        close(fd);
    }
    return b;
}

static void write_file(const struct place *p, const char *end, const struct bytes *b)
{
    char path[128];
    snprintf(path, sizeof(path), "%s%s", p->db, end);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, b->ptr, (size_t)b->len), b->len);
    close(fd);
}

static void assert_same(struct bytes *a, struct bytes *b)
{
    assert_true(a->len >= 0);
    assert_int_equal(a->len, b->len);
    if (a->len > 0)
        assert_memory_equal(a->ptr, b->ptr, (size_t)a->len);
    free(a->ptr);
    free(b->ptr);
}

/* Opening is refused so, and both files stay as they are. */
static void assert_refused(struct place *p, const char *says)
{
    struct bytes file = read_file(p, ""), log = read_file(p, "-wal");
    assert_false(place_open(p));
    assert_says(p->why, says);
    assert_says(p->why, p->db);
    place_end(p);
    struct bytes file_after = read_file(p, ""), log_after = read_file(p, "-wal");
    assert_same(&file, &file_after);
    assert_same(&log, &log_after);
}

/* ---- Files of others ---------------------------------------------------- */

static void make_foreign(struct place *p)
{
    place_sql(p->db, "CREATE TABLE theirs(x); INSERT INTO theirs VALUES(1)");
}

static void make_newer(struct place *p)
{
    assert_true(place_open(p));
    place_end(p);
    place_sql(p->db, "PRAGMA user_version=99");
}

static void make_text(struct place *p)
{
    FILE *f = fopen(p->db, "w");
    assert_non_null(f);
    for (int i = 0; i < 1000; i++)
        fprintf(f, "this is somebody's diary, page %d\n", i);
    assert_int_equal(fclose(f), 0);
}

static void refuses_files_that_are_not_its_own(void **state)
{
    static const struct {
        void (*make)(struct place *p);
        const char *says;
    } cases[] = {
        {make_foreign, "of another program"},
        {make_text, "no database"},
        {make_newer, "format 99"},
    };
    struct place *p = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        cases[i].make(p);
        assert_refused(p, cases[i].says);
        unlink(p->db);
    }
}

/* ---- Damage ------------------------------------------------------------- */

static void put_documents(struct rig *r, const char *prefix)
{
    struct dg_write list[DOCUMENTS];
    char ids[DOCUMENTS][24], *json = place_document(3000);
    for (int i = 0; i < DOCUMENTS; i++) {
        snprintf(ids[i], sizeof(ids[i]), "%s%03d", prefix, i);
        list[i] = suite_write(THINGS, ids[i], json, DG_VERSION_NONE);
    }
    assert_ok(rig_write(r, list, DOCUMENTS));
    free(json);
}

static void make_whole(struct place *p)
{
    assert_true(place_open(p));
    put_documents(p->r, "doc");
    place_end(p);
}

/* As a crash leaves it: documents in the file, and more in its log. */
static void make_with_log(struct place *p)
{
    make_whole(p);
    assert_true(place_open(p));
    put_documents(p->r, "late");
    struct bytes file = read_file(p, ""), log = read_file(p, "-wal");
    assert_true(log.len > PAGE_SIZE);
    place_end(p);
    write_file(p, "", &file);
    write_file(p, "-wal", &log);
    free(file.ptr);
    free(log.ptr);
}

static void overwrite(const struct place *p, off_t from, off_t to)
{
    char noise[PAGE_SIZE];
    int fd = open(p->db, O_WRONLY);
    memset(noise, 0xa5, sizeof(noise));
    for (off_t at = from; at < to; at += (off_t)sizeof(noise)) {
        size_t size = to - at < (off_t)sizeof(noise) ? (size_t)(to - at) : sizeof(noise);
        assert_int_equal(pwrite(fd, noise, size, at), size);
    }
    close(fd);
}

static void harm_middle(struct place *p)
{
    off_t middle = place_size(p->db, "") / 2 / PAGE_SIZE * PAGE_SIZE;
    overwrite(p, middle, middle + (off_t)20 * PAGE_SIZE);
}

static void harm_head(struct place *p)
{
    overwrite(p, 0, 100);
}

static void harm_tables(struct place *p)
{
    overwrite(p, 100, PAGE_SIZE); /* the list of tables */
}

static void harm_end(struct place *p)
{
    assert_int_equal(truncate(p->db, place_size(p->db, "") / 2), 0);
}

static void refuses_a_damaged_file(void **state)
{
    static void (*const harms[])(struct place * p) = {harm_middle, harm_head, harm_tables,
                                                      harm_end};
    struct place *p = *state;
    make_whole(p);
    struct bytes good = read_file(p, "");
    for (size_t i = 0; i < COUNT(harms); i++) {
        harms[i](p);
        assert_refused(p, "damaged");
        write_file(p, "", &good);
    }
    free(good.ptr);
    /* A backup in its place, and all is well. */
    assert_true(place_open(p));
    struct rig *r = p->r;
    assert_int_equal(suite_count(r, THINGS), DOCUMENTS);
}

static void leaves_the_log_of_a_damaged_file_alone(void **state)
{
    struct place *p = *state;
    make_with_log(p);
    struct bytes good = read_file(p, "");
    harm_middle(p);
    assert_refused(p, "damaged");
    assert_int_equal(truncate(p->db, 0), 0);
    assert_refused(p, "is empty, but its log");
    write_file(p, "", &good);
    free(good.ptr);
    assert_true(place_open(p));
    struct rig *r = p->r;
    assert_int_equal(suite_count(r, THINGS), 2 * DOCUMENTS);
}

/* A file that is too big to be looked through at the start, or that breaks later. */
static void says_what_reads_damage(void **state)
{
    struct place *p = *state;
    make_whole(p);
    harm_middle(p);
    off_t size = place_size(p->db, "");
    place_config(p, p->db, "check_mb = 0\n");
    assert_true(place_open(p));
    struct rig *r = p->r;
    struct answer *a = rig_query(r, &(struct dg_query){.collection = THINGS});
    assert_err(a, DG_EINTERNAL);
    assert_says(a->message, "damaged");
    assert_says(a->message, p->db);
    place_end(p);
    assert_int_equal(place_size(p->db, ""), size);
}

/* ---- What cannot be written --------------------------------------------- */

/* False: the system does not let us. */
static bool mount_read_only(const char *path)
{
    if (mount(path, path, NULL, MS_BIND, NULL) != 0)
        return false;
    if (mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0)
        return true;
    umount2(path, MNT_DETACH);
    return false;
}

static void assert_unwritable(struct place *p, const char *what)
{
    if (!mount_read_only(what)) {
        print_message("SKIPPED: a read-only mount needs root\n");
        skip();
    }
    struct bytes file = read_file(p, "");
    bool opened = place_open(p);
    struct bytes after = read_file(p, "");
    place_end(p);
    umount2(what, MNT_DETACH);
    assert_false(opened);
    assert_says(p->why, p->db);
    assert_says(p->why, "Read-only file system");
    assert_same(&file, &after);
    /* Writable again, and all is well. */
    assert_true(place_open(p));
    struct rig *r = p->r;
    assert_int_equal(suite_count(r, THINGS), DOCUMENTS);
    place_end(p);
}

static void refuses_a_read_only_file(void **state)
{
    struct place *p = *state;
    make_whole(p);
    assert_unwritable(p, p->db);
}

static void refuses_a_read_only_folder(void **state)
{
    struct place *p = *state;
    make_whole(p);
    assert_unwritable(p, p->folder);
}

/* A disk that takes nothing more than it has, while the file is open. */
static void outlives_a_disk_that_fails(void **state)
{
    struct place *p = *state;
    struct rlimit old, small;
    char *json = place_document(MIB / 4);
    make_whole(p);
    assert_true(place_open(p));
    struct rig *r = p->r;
    assert_ok(suite_put(r, THINGS, "before", json, DG_VERSION_NONE));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = (rlim_t)place_size(p->db, "-wal") + PAGE_SIZE;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct answer *refused = suite_put(r, THINGS, "meanwhile", json, DG_VERSION_NONE);
    struct answer *read = rig_get(r, THINGS, "before");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_err(refused, DG_EINTERNAL);
    assert_says(refused->message, p->db);
    assert_ok(read);
    assert_ok(suite_put(r, THINGS, "after", json, DG_VERSION_NONE));
    place_end(p);
    assert_true(place_whole(p->db));
    assert_true(place_open(p));
    r = p->r;
    assert_int_equal(suite_count(r, THINGS), DOCUMENTS + 2);
    free(json);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(refuses_files_that_are_not_its_own),
        PLACE_TEST(refuses_a_damaged_file),
        PLACE_TEST(leaves_the_log_of_a_damaged_file_alone),
        PLACE_TEST(says_what_reads_damage),
        PLACE_TEST(refuses_a_read_only_file),
        PLACE_TEST(refuses_a_read_only_folder),
        PLACE_TEST(outlives_a_disk_that_fails),
    };
    return PLACE_MAIN(argc, argv, tests);
}
