/* A yardstick: libpq without anything around it, on the table that storage-pg has made.
 *
 *     raw_pg URL creates|reads SECONDS CALLERS
 *     raw_pg URL bulk DOCUMENTS LIST
 *
 * creates: CALLERS rows in one transaction, sent as one pipeline; then the next. reads: CALLERS
 * rows by their id, half of them on each of two connections. bulk: COPY, LIST rows in each
 * transaction. Prints rows per second. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TABLE     "things_bbbb"
#define COLUMNS   "\"id\",\"@version\",\"kind\",\"size\",\"open\",\"at\",\"@doc\""
#define DOCUMENTS 10000

static char filling[300];

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(PGconn *pg, int ok)
{
    if (ok)
        return;
    fprintf(stderr, "raw_pg: %s\n", PQerrorMessage(pg));
    exit(1);
}

static PGconn *connect_to(const char *url)
{
    PGconn *pg = PQconnectdb(url);
    check(pg, PQstatus(pg) == CONNECTION_OK);
    return pg;
}

static void run(PGconn *pg, const char *sql)
{
    PGresult *res = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(res);
    check(pg, status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN);
    PQclear(res);
}

/* All results up to the sync. */
static void collect(PGconn *pg)
{
    for (;;) {
        PGresult *res = PQgetResult(pg);
        ExecStatusType status = res ? PQresultStatus(res) : PGRES_COMMAND_OK;
        PQclear(res);
        if (status == PGRES_PIPELINE_SYNC)
            return;
        check(pg, status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK);
    }
}

static void prepare(PGconn *pg, const char *sql)
{
    PGresult *res = PQprepare(pg, "s", sql, 0, NULL);
    check(pg, PQresultStatus(res) == PGRES_COMMAND_OK);
    PQclear(res);
    check(pg, PQenterPipelineMode(pg));
}

static int document(char *json, size_t size, unsigned long n)
{
    return snprintf(
        json, size,
        "{\"kind\":\"pending\",\"size\":%lu,\"open\":true,\"at\":%lu,\"filling\":\"%s\"}", n,
        1700000000000ul + n, filling);
}

static void send_create(PGconn *pg, unsigned long n)
{
    char id[40], size[24], at[24], json[512];
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    snprintf(id, sizeof id, "%012lx-7000-8000-%016lx",
             (unsigned long)t.tv_sec * 1000 + (unsigned long)t.tv_nsec / 1000000, n);
    snprintf(size, sizeof size, "%lu", n);
    snprintf(at, sizeof at, "%lu", 1700000000000ul + n);
    document(json, sizeof json, n);
    const char *values[] = {id, "1", "pending", size, "t", at, json};
    check(pg, PQsendQueryPrepared(pg, "s", 7, values, NULL, NULL, 0));
}

static double creates(const char *url, double seconds, unsigned long callers)
{
    PGconn *pg = connect_to(url);
    run(pg, "TRUNCATE " TABLE);
    prepare(pg, "INSERT INTO " TABLE "(" COLUMNS ") VALUES($1,$2,$3,$4,$5,$6,$7)");
    unsigned long n = 0;
    double began = now_seconds();
    while (now_seconds() - began < seconds) {
        check(pg, PQsendQueryParams(pg, "BEGIN", 0, NULL, NULL, NULL, NULL, 0));
        for (unsigned long i = 0; i < callers; i++)
            send_create(pg, n++);
        check(pg, PQsendQueryParams(pg, "COMMIT", 0, NULL, NULL, NULL, NULL, 0));
        check(pg, PQpipelineSync(pg));
        collect(pg);
    }
    return (double)n / (now_seconds() - began);
}

static double reads(const char *url, double seconds, unsigned long callers)
{
    PGconn *pair[] = {connect_to(url), connect_to(url)};
    unsigned long n = 0, next = 1;
    for (int k = 0; k < 2; k++)
        prepare(pair[k], "SELECT \"id\",\"@version\",\"@doc\" FROM " TABLE " WHERE \"id\"=$1");
    double began = now_seconds();
    while (now_seconds() - began < seconds) {
        for (int k = 0; k < 2; k++) {
            for (unsigned long i = 0; i < callers / 2; i++, n++) {
                char id[24];
                const char *values[] = {id};
                snprintf(id, sizeof id, "doc-%06lu", (next = next * 5 + 1) % DOCUMENTS);
                check(pair[k], PQsendQueryPrepared(pair[k], "s", 1, values, NULL, NULL, 0));
            }
            check(pair[k], PQpipelineSync(pair[k]));
            check(pair[k], PQflush(pair[k]) == 0);
        }
        collect(pair[0]);
        collect(pair[1]);
    }
    return (double)n / (now_seconds() - began);
}

static double bulk(const char *url, unsigned long documents, unsigned long list)
{
    PGconn *pg = connect_to(url);
    run(pg, "TRUNCATE " TABLE);
    double began = now_seconds();
    for (unsigned long n = 0; n < documents;) {
        run(pg, "COPY " TABLE "(" COLUMNS ") FROM STDIN");
        for (unsigned long i = 0; i < list; i++, n++) {
            char json[512], row[700];
            document(json, sizeof json, n);
            int len = snprintf(row, sizeof row, "doc-%06lu\t1\tpending\t%lu\tt\t%lu\t%s\n", n, n,
                               1700000000000ul + n, json);
            check(pg, PQputCopyData(pg, row, len) == 1);
        }
        check(pg, PQputCopyEnd(pg, NULL) == 1);
        PGresult *res = PQgetResult(pg);
        check(pg, PQresultStatus(res) == PGRES_COMMAND_OK);
        PQclear(res);
        while ((res = PQgetResult(pg)))
            PQclear(res);
    }
    return (double)documents / (now_seconds() - began);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s URL creates|reads|bulk NUMBER NUMBER\n", argv[0]);
        return 2;
    }
    memset(filling, 'x', sizeof filling - 1);
    unsigned long first = strtoul(argv[3], NULL, 10), second = strtoul(argv[4], NULL, 10);
    double rate = strcmp(argv[2], "creates") == 0 ? creates(argv[1], (double)first, second)
                  : strcmp(argv[2], "reads") == 0 ? reads(argv[1], (double)first, second)
                                                  : bulk(argv[1], first, second);
    printf("%.0f\n", rate);
    return 0;
}
