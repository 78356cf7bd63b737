/* A yardstick: SQLite without anything around it, on the table that storage-file has made.
 *
 *     raw_sqlite FILE creates|reads SECONDS CALLERS
 *     raw_sqlite FILE bulk DOCUMENTS LIST
 *
 * creates: CALLERS rows in one transaction that waits for the disk; then the next. reads: rows by
 * their id. bulk: LIST rows in each transaction. Prints rows per second. */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TABLE     "things_bbbb"
#define COLUMNS   "\"id\",\"@version\",\"kind\",\"size\",\"open\",\"at\",\"@doc\""
#define DOCUMENTS 10000

static sqlite3 *db;
static char filling[300];

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(int ok)
{
    if (ok)
        return;
    fprintf(stderr, "raw_sqlite: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static void run(const char *sql)
{
    check(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
}

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *stmt;
    check(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK);
    return stmt;
}

static void insert(sqlite3_stmt *stmt, const char *id, unsigned long n)
{
    char json[512];
    snprintf(json, sizeof json,
             "{\"kind\":\"pending\",\"size\":%lu,\"open\":true,\"at\":%lu,\"filling\":\"%s\"}", n,
             1700000000000ul + n, filling);
    sqlite3_bind_text(stmt, 1, id, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int(stmt, 2, 1);
    sqlite3_bind_text(stmt, 3, "pending", -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 4, (sqlite3_int64)n);
    sqlite3_bind_int(stmt, 5, 1);
    sqlite3_bind_int64(stmt, 6, (sqlite3_int64)(1700000000000ul + n));
    sqlite3_bind_text(stmt, 7, json, -1, SQLITE_TRANSIENT);
    check(sqlite3_step(stmt) == SQLITE_DONE);
    sqlite3_reset(stmt);
}

/* `list` rows in each transaction, until so many are written or so many seconds have passed. */
static double writes(unsigned long documents, double seconds, unsigned long list)
{
    sqlite3_stmt *stmt = prepare("INSERT INTO " TABLE "(" COLUMNS ") VALUES(?,?,?,?,?,?,?)");
    unsigned long n = 0;
    double began = now_seconds();
    while (documents ? n < documents : now_seconds() - began < seconds) {
        run("BEGIN IMMEDIATE");
        for (unsigned long i = 0; i < list; i++, n++) {
            char id[40];
            struct timespec t;
            clock_gettime(CLOCK_REALTIME, &t);
            if (documents)
                snprintf(id, sizeof id, "doc-%06lu", n);
            else
                snprintf(id, sizeof id, "%012lx-7000-8000-%016lx",
                         (unsigned long)t.tv_sec * 1000 + (unsigned long)t.tv_nsec / 1000000, n);
            insert(stmt, id, n);
        }
        run("COMMIT");
    }
    return (double)n / (now_seconds() - began);
}

static double reads(double seconds)
{
    sqlite3_stmt *stmt =
        prepare("SELECT \"id\",\"@version\",\"@doc\" FROM " TABLE " WHERE \"id\"=?");
    unsigned long n = 0, next = 1;
    double began = now_seconds();
    for (; n % 64 || now_seconds() - began < seconds; n++) {
        char id[24];
        snprintf(id, sizeof id, "doc-%06lu", (next = next * 5 + 1) % DOCUMENTS);
        sqlite3_bind_text(stmt, 1, id, -1, SQLITE_TRANSIENT);
        check(sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_text(stmt, 2));
        sqlite3_reset(stmt);
    }
    return (double)n / (now_seconds() - began);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s FILE creates|reads|bulk NUMBER NUMBER\n", argv[0]);
        return 2;
    }
    memset(filling, 'x', sizeof filling - 1);
    check(sqlite3_open(argv[1], &db) == SQLITE_OK);
    run("PRAGMA synchronous=FULL");
    unsigned long first = strtoul(argv[3], NULL, 10), second = strtoul(argv[4], NULL, 10);
    if (strcmp(argv[2], "reads") == 0) {
        printf("%.0f\n", reads((double)first));
    } else {
        run("DELETE FROM " TABLE);
        bool bulk = strcmp(argv[2], "bulk") == 0;
        printf("%.0f\n", writes(bulk ? first : 0, (double)first, second));
    }
    sqlite3_close(db);
    return 0;
}
