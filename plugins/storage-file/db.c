/* db.c - see db.h. */
#include "db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/merge.h"

#define FORMAT         1 /* PRAGMA user_version; grows when an older program cannot read it */
#define APPLICATION_ID 1145524564 /* "DGAT": the file is ours */

#define WAL_CHECKPOINT_PAGES 1000  /* from here on pages are moved into the file */
#define WAL_MAX_PAGES        16384 /* 64 MiB: from here on readers are waited for */
#define WAL_WAIT_MS          100

/* ---- Faults ------------------------------------------------------------- */

static const char *disk_full = "no space is left for %s: nothing was written; free some space";

static bool damaged(const struct db *db, const char *why, struct fault *fault)
{
    return fault_set(fault, DG_EINTERNAL,
                     "%s is damaged or no database (%s): stop, keep a copy of it, and restore a "
                     "backup or run sqlite3 .recover",
                     db->path, why);
}

bool db_fault(struct db *db, struct fault *fault)
{
    int rc = sqlite3_extended_errcode(db->handle);
    const char *why = sqlite3_errmsg(db->handle);
    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT: {
        /* "UNIQUE constraint failed: users.username" */
        const char *what = strstr(why, "failed: ");
        return fault_set(fault, DG_ECONFLICT, "another document has the same %s",
                         what ? what + 8 : "unique field");
    }
    case SQLITE_FULL:
        return fault_set(fault, DG_EUNAVAILABLE, disk_full, db->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fault_set(fault, DG_EUNAVAILABLE,
                         "another program has %s locked; end what it does there", db->path);
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return fault_set(fault, DG_EUNAVAILABLE,
                         "%s cannot be written: %s; check the permissions of file and folder",
                         db->path, why);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return damaged(db, why, fault);
    case SQLITE_TOOBIG:
        return fault_set(fault, DG_EINVAL, "too big: %s", why);
    case SQLITE_INTERRUPT:
        return fault_set(fault, DG_EUNAVAILABLE, "the store is closing");
    default:
        return fault_set(fault, DG_EINTERNAL, "%s: %s (SQLite error %d)", db->path, why, rc);
    }
}

/* ---- Statements --------------------------------------------------------- */

static uint64_t hash_sql(const char *sql, size_t len)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)sql[i]) * 1099511628211u;
    return h;
}

sqlite3_stmt *db_prepare(struct db *db, const char *sql, size_t len, struct fault *fault)
{
    uint64_t hash = hash_sql(sql, len);
    struct db_statement *oldest = &db->statements[0];
    for (size_t i = 0; i < DB_STATEMENTS; i++) {
        struct db_statement *s = &db->statements[i];
        if (s->stmt && s->hash == hash && strcmp(sqlite3_sql(s->stmt), sql) == 0) {
            s->used = ++db->uses;
            return s->stmt;
        }
        if (s->used < oldest->used)
            oldest = s;
    }
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v3(db->handle, sql, (int)len + 1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) !=
        SQLITE_OK) {
        db_fault(db, fault);
        return NULL;
    }
    sqlite3_finalize(oldest->stmt);
    *oldest = (struct db_statement){.stmt = stmt, .hash = hash, .used = ++db->uses};
    return stmt;
}

bool db_bind(struct db *db, sqlite3_stmt *stmt, int at, const struct value *v, struct fault *fault)
{
    int rc = SQLITE_OK;
    if (v->kind == VALUE_NULL)
        rc = sqlite3_bind_null(stmt, at);
    else if (v->kind == VALUE_INT)
        rc = sqlite3_bind_int64(stmt, at, v->number);
    else
        rc = sqlite3_bind_text64(stmt, at, v->text, v->len, SQLITE_STATIC, SQLITE_UTF8);
    return rc == SQLITE_OK || db_fault(db, fault);
}

sqlite3_stmt *db_prepare_sql(struct db *db, struct fault *fault)
{
    sqlite3_stmt *stmt = db_prepare(db, db->sql.text.ptr, db->sql.text.len, fault);
    for (size_t i = 0; stmt && i < db->sql.count; i++) {
        if (!db_bind(db, stmt, (int)i + 1, &db->sql.values[i], fault))
            return NULL;
    }
    return stmt;
}

int db_step(struct db *db, sqlite3_stmt *stmt, struct fault *fault)
{
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc != SQLITE_DONE)
        db_fault(db, fault);
    db_done(stmt);
    return rc == SQLITE_DONE ? 0 : -1;
}

void db_done(sqlite3_stmt *stmt)
{
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
}

bool db_exec(struct db *db, const char *sql, struct fault *fault)
{
    sqlite3_stmt *stmt = db_prepare(db, sql, strlen(sql), fault);
    if (!stmt)
        return false;
    int rc;
    while ((rc = db_step(db, stmt, fault)) > 0)
        ;
    return rc == 0;
}

bool db_in_transaction(const struct db *db)
{
    return !sqlite3_get_autocommit(db->handle);
}

/* ---- The write-ahead log ------------------------------------------------ */

static int note_wal(void *arg, sqlite3 *handle, const char *name, int pages)
{
    struct db *db = arg;
    (void)handle;
    (void)name;
    db->wal_pages = pages;
    return SQLITE_OK;
}

/* Everything into the file and the log emptied, which needs a moment without
 * readers. Where there is none, the log may grow a little before the next try. */
static void truncate_wal(struct db *db)
{
    sqlite3_busy_timeout(db->handle, WAL_WAIT_MS);
    int rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(db->handle, db->busy_ms);
    db->wal_limit = rc == SQLITE_OK ? WAL_MAX_PAGES : db->wal_pages + WAL_MAX_PAGES / 4;
}

void db_checkpoint(struct db *db, bool everything)
{
    if (everything || db->wal_pages >= db->wal_limit)
        truncate_wal(db);
    else if (db->wal_pages >= WAL_CHECKPOINT_PAGES)
        sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

/* ---- Opening ------------------------------------------------------------ */

static bool pragma_int(struct db *db, const char *sql, int64_t *out, struct fault *fault)
{
    sqlite3_stmt *stmt = db_prepare(db, sql, strlen(sql), fault);
    if (!stmt || db_step(db, stmt, fault) != 1)
        return fault_set(fault, DG_EINTERNAL, "%s: no answer to %s", db->path, sql);
    *out = sqlite3_column_int64(stmt, 0);
    db_done(stmt);
    return true;
}

/* SQLite would take an empty file for a new one, and delete the log. */
static bool log_is_orphan(const char *path, const struct stat *file)
{
    char name[4096];
    struct stat log;
    return file->st_size == 0 && snprintf(name, sizeof(name), "%s-wal", path) < (int)sizeof(name) &&
           stat(name, &log) == 0 && log.st_size > 0;
}

/* Made by us before SQLite does, for the mode; its other files take it over. */
static bool make_file(const char *path, struct fault *fault)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return fault_set(fault, DG_EUNAVAILABLE, "%s cannot be opened: %s", path, strerror(errno));
    struct stat st;
    bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    close(fd);
    if (ok && log_is_orphan(path, &st))
        return fault_set(fault, DG_EINTERNAL,
                         "%s is empty, but its log %s-wal is not: keep a copy of both, and restore "
                         "a backup",
                         path, path);
    return ok || fault_set(fault, DG_EINVAL, "%s is not a regular file", path);
}

/* Ours and not newer; an empty file becomes ours. */
static bool check_format(struct db *db, struct fault *fault)
{
    int64_t id, format, objects;
    if (!pragma_int(db, "PRAGMA application_id", &id, fault) ||
        !pragma_int(db, "PRAGMA user_version", &format, fault) ||
        !pragma_int(db, "SELECT count(*) FROM sqlite_schema", &objects, fault))
        return false;
    if (id == 0 && format == 0 && objects == 0) {
        char sql[96];
        snprintf(sql, sizeof(sql), "PRAGMA application_id=%d", APPLICATION_ID);
        if (!db_exec(db, sql, fault))
            return false;
        snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", FORMAT);
        return db_exec(db, sql, fault);
    }
    if (id != APPLICATION_ID)
        return fault_set(fault, DG_EINVAL,
                         "%s is the database of another program; give a path of its own", db->path);
    if (format > FORMAT)
        return fault_set(fault, DG_EINVAL,
                         "%s has format %lld, made by a newer version; this one reads %d: "
                         "install the newer version or restore an older copy",
                         db->path, (long long)format, FORMAT);
    return true;
}

/* Damage is found before anything is written on top of it. */
static bool check_whole(struct db *db, int check_mb, struct fault *fault)
{
    struct stat st;
    if (stat(db->path, &st) != 0 || st.st_size > (off_t)check_mb << 20)
        return true;
    sqlite3_stmt *stmt = db_prepare(db, "PRAGMA quick_check(1)", 21, fault);
    if (!stmt || db_step(db, stmt, fault) != 1)
        return false;
    const char *says = (const char *)sqlite3_column_text(stmt, 0);
    const char *line = says ? strrchr(says, '\n') : NULL; /* above it is the schema's name */
    bool ok = (says && strcmp(says, "ok") == 0) ||
              damaged(db, line ? line + 1 : "found at the start", fault);
    db_done(stmt);
    return ok;
}

static bool check_wal(struct db *db, struct fault *fault)
{
    sqlite3_stmt *stmt = db_prepare(db, "PRAGMA journal_mode=WAL", 23, fault);
    if (!stmt || db_step(db, stmt, fault) != 1)
        return false;
    const char *mode = (const char *)sqlite3_column_text(stmt, 0);
    bool ok = mode && strcmp(mode, "wal") == 0;
    db_done(stmt);
    return ok || fault_set(fault, DG_EUNAVAILABLE,
                           "%s: no write-ahead log is possible there; give a path on a local disk",
                           db->path);
}

/* dg_merge(document, set) in SQL. */
static void merge_function(sqlite3_context *ctx, int count, sqlite3_value **args)
{
    struct text out = {0};
    (void)count;
    struct dg_bytes doc = {(const char *)sqlite3_value_text(args[0]),
                           (size_t)sqlite3_value_bytes(args[0])};
    struct dg_bytes set = {(const char *)sqlite3_value_text(args[1]),
                           (size_t)sqlite3_value_bytes(args[1])};
    if (doc.ptr && set.ptr && merge(&out, doc, set))
        sqlite3_result_text64(ctx, out.ptr, out.len, SQLITE_TRANSIENT, SQLITE_UTF8);
    else
        sqlite3_result_error(ctx, "a document is no JSON object", -1);
    text_free(&out);
}

static bool set_up(struct db *db, const struct db_config *c, struct fault *fault)
{
    char cache[64];
    snprintf(cache, sizeof(cache), "PRAGMA cache_size=-%d", c->cache_mb * 1024);
    sqlite3_busy_timeout(db->handle, c->busy_ms);
    sqlite3_extended_result_codes(db->handle, 1);
    if (sqlite3_create_function_v2(db->handle, "dg_merge", 2,
                                   SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
                                   merge_function, NULL, NULL, NULL) != SQLITE_OK)
        return db_fault(db, fault);
    if (!db_exec(db, cache, fault) || !db_exec(db, "PRAGMA trusted_schema=0", fault))
        return false;
    if (c->reads_only)
        return db_exec(db, "PRAGMA query_only=1", fault);
    if (!check_format(db, fault) || !check_whole(db, c->check_mb, fault) || !check_wal(db, fault) ||
        !db_exec(db, "PRAGMA synchronous=FULL", fault) ||
        !db_exec(db, "PRAGMA journal_size_limit=67108864", fault))
        return false;
    sqlite3_wal_hook(db->handle, note_wal, db);
    return true;
}

/* A file that is refused is left as it is: its log is not moved into it at the end. */
static bool keep_log(struct db *db, bool keep)
{
    return sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep, NULL) == SQLITE_OK;
}

bool db_open(struct db *db, const struct db_config *config, struct fault *fault)
{
    *db = (struct db){.path = config->path, .busy_ms = config->busy_ms, .wal_limit = WAL_MAX_PAGES};
    if (!config->reads_only && !make_file(config->path, fault))
        return false;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(config->path, &db->handle, flags, NULL) != SQLITE_OK)
        db_fault(db, fault);
    else if (keep_log(db, true) && set_up(db, config, fault) && keep_log(db, config->reads_only))
        return true;
    db_close(db);
    return false;
}

void db_close(struct db *db)
{
    for (size_t i = 0; i < DB_STATEMENTS; i++) {
        sqlite3_finalize(db->statements[i].stmt);
        db->statements[i].stmt = NULL;
    }
    sqlite3_close(db->handle);
    db->handle = NULL;
    sql_free(&db->sql);
}
