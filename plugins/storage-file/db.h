/* db.h - one connection to the file: opened, checked, its statements kept. */
#ifndef STORAGE_FILE_DB_H
#define STORAGE_FILE_DB_H

#include <sqlite3.h>

#include "sql.h"

#define DB_STATEMENTS 128

struct db_config {
    const char *path;
    int busy_ms;
    int cache_mb;
    int check_mb; /* a file of up to this size is looked through for damage */
    bool reads_only;
};

struct db_statement {
    sqlite3_stmt *stmt;
    uint64_t hash, used;
};

struct db {
    sqlite3 *handle;
    const char *path; /* for sentences */
    struct db_statement statements[DB_STATEMENTS];
    uint64_t uses;
    int busy_ms;
    int wal_pages;  /* in the write-ahead log after the last commit */
    int wal_limit;  /* from here on readers are waited for */
    struct sql sql; /* scratch of whoever works with the connection */
};

/* False: the file is not ours, newer than us, damaged, or cannot be opened. A
 * missing file is made (0600), an empty one filled in. */
bool db_open(struct db *db, const struct db_config *config, struct fault *fault);
void db_close(struct db *db);

/* A statement ready to be bound; valid until the next DB_STATEMENTS others. */
sqlite3_stmt *db_prepare(struct db *db, const char *sql, size_t len, struct fault *fault);
bool db_bind(struct db *db, sqlite3_stmt *stmt, int at, const struct value *v, struct fault *fault);
/* db_prepare of `db->sql` with its values bound. */
sqlite3_stmt *db_prepare_sql(struct db *db, struct fault *fault);
/* 1: a row, 0: no more (the statement is reset), -1: a fault (likewise). */
int db_step(struct db *db, sqlite3_stmt *stmt, struct fault *fault);
void db_done(sqlite3_stmt *stmt); /* before its last row was read */
bool db_exec(struct db *db, const char *sql, struct fault *fault);

/* The fault of what just failed. */
bool db_fault(struct db *db, struct fault *fault);
/* True while the transaction that was begun is still there. */
bool db_in_transaction(const struct db *db);
/* Bound the write-ahead log; call between transactions. */
void db_checkpoint(struct db *db, bool everything);

#endif
