/* storage_place.c - see storage_place.h. */
#include "storage_place.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *plugin;

bool place_plugin(int argc, char **argv)
{
    if (argc != 2)
        fprintf(stderr, "usage: %s PLUGIN\n", argv[0]);
    plugin = argv[1];
    return argc == 2;
}

void place_config(struct place *p, const char *path, const char *more)
{
    FILE *f = fopen(p->toml, "w");
    assert_non_null(f);
    fprintf(f, "[storage]\npath = \"%s\"\nbusy_ms = \"50ms\"\n%s", path, more);
    assert_int_equal(fclose(f), 0);
}

struct rig *place_rig(struct place *p)
{
    struct rig_config config = {.plugin = plugin, .file = p->toml, .instance = "storage"};
    struct rig *r = rig_new(&config);
    assert_non_null(r);
    rig_suffix(r, "0");
    return r;
}

int place_make(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    snprintf(p->folder, sizeof(p->folder), "/tmp/storage-faults-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->toml, sizeof(p->toml), "%s.toml", p->folder);
    snprintf(p->db, sizeof(p->db), "%s/x.db", p->folder);
    place_config(p, p->db, "");
    *state = p;
    return 0;
}

void place_end(struct place *p)
{
    if (p->r)
        rig_free(p->r);
    p->r = NULL;
}

int place_remove(void **state)
{
    struct place *p = *state;
    place_end(p);
    DIR *dir = opendir(p->folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (e->d_name[0] != '.' && unlinkat(dirfd(dir), e->d_name, 0) != 0)
            unlinkat(dirfd(dir), e->d_name, AT_REMOVEDIR);
    }
    closedir(dir);
    if (p->mounted)
        umount2(p->folder, MNT_DETACH);
    rmdir(p->folder);
    unlink(p->toml);
    free(p);
    return 0;
}

bool place_open(struct place *p)
{
    if (!p->r)
        p->r = place_rig(p);
    if (!rig_open(p->r, p->why, sizeof(p->why))) {
        rig_close(p->r);
        return false;
    }
    suite_declare(p->r);
    return true;
}

void assert_says(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

bool place_whole(const char *db)
{
    sqlite3 *handle;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(db, &handle), SQLITE_OK);
    bool ok = sqlite3_prepare_v2(handle, "PRAGMA integrity_check", -1, &stmt, NULL) == SQLITE_OK &&
              sqlite3_step(stmt) == SQLITE_ROW &&
              strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0;
    sqlite3_finalize(stmt);
    sqlite3_close(handle);
    return ok;
}

off_t place_size(const char *db, const char *end)
{
    char path[128];
    struct stat st;
    snprintf(path, sizeof(path), "%s%s", db, end);
    return stat(path, &st) == 0 ? st.st_size : -1;
}

void place_sql(const char *db, const char *text)
{
    sqlite3 *handle;
    char *why = NULL;
    assert_int_equal(sqlite3_open(db, &handle), SQLITE_OK);
    if (sqlite3_exec(handle, text, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", text, why);
    sqlite3_close(handle);
}

char *place_document(size_t size)
{
    char *json = malloc(size + 64);
    assert_non_null(json);
    int head = snprintf(json, 64, "{\"filling\":\"");
    memset(json + head, 'x', size);
    memcpy(json + head + size, "\"}", 3);
    return json;
}
