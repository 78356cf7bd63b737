/* sync.c - see sync.h. */
#include "sync.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "error.h"

#define SLICE_MS 100 /* how soon it is noticed that nobody waits any more */

static uint64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool lost(struct sync *s)
{
    char why[300];
    error_line(why, sizeof(why), PQerrorMessage(s->conn));
    return fault_set(s->fault, DG_EUNAVAILABLE, "%s",
                     *why ? why : "the connection to the database server is lost");
}

/* Until the socket is ready for one of `events`; false: too late, or called off. */
static bool await(struct sync *s, short events, uint64_t until)
{
    for (;;) {
        if (atomic_load(s->cancelled))
            return fault_set(s->fault, DG_EUNAVAILABLE, "the store is closing");
        struct pollfd p = {.fd = PQsocket(s->conn), .events = events};
        if (p.fd < 0)
            return lost(s);
        int n = poll(&p, 1, SLICE_MS);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return fault_set(s->fault, DG_EINTERNAL, "poll: %s", strerror(errno));
        if (clock_ms() >= until)
            return fault_set(s->fault, DG_EUNAVAILABLE, "the database server does not answer");
    }
}

/* What ends a session is told by its connection too; standard error is not ours. */
static void no_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

static bool connect_one(struct sync *s, const struct dsn *dsn)
{
    uint64_t until = clock_ms() + s->step_ms;
    s->conn = PQconnectStartParams(dsn->keywords, dsn->values, 0);
    if (!s->conn)
        return fault_set(s->fault, DG_EUNAVAILABLE, "no memory for a connection");
    PQsetNoticeProcessor(s->conn, no_notice, NULL);
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    bool waited = PQstatus(s->conn) != CONNECTION_BAD;
    while (waited && state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
        waited = await(s, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, until);
        if (waited)
            state = PQconnectPoll(s->conn);
    }
    if (waited && state == PGRES_POLLING_OK && PQsetnonblocking(s->conn, 1) == 0)
        return true;
    lost(s);
    PQfinish(s->conn);
    s->conn = NULL;
    return false;
}

bool sync_connect(struct sync *s, struct dsn *dsn)
{
    for (size_t i = 0; i < dsn->server_count && !atomic_load(s->cancelled); i++) {
        struct fault fault = {0}, *first = s->fault;
        dsn_choose(dsn, i);
        s->fault = &fault;
        bool ok = connect_one(s, dsn);
        s->fault = first;
        if (ok) {
            first->err = DG_OK; /* another one was not to be had, and need not be */
            return true;
        }
        fault_set(first, fault.err, "%s", fault.text);
    }
    return false;
}

/* Everything out, reading what comes in meanwhile. */
static bool flush(struct sync *s, uint64_t until)
{
    int left;
    while ((left = PQflush(s->conn)) > 0) {
        if (!await(s, POLLIN | POLLOUT, until))
            return false;
        if (!PQconsumeInput(s->conn))
            return lost(s);
    }
    return left == 0 || lost(s);
}

static PGresult *next_result(struct sync *s, uint64_t until)
{
    while (PQisBusy(s->conn)) {
        if (!await(s, POLLIN, until))
            return NULL;
        if (!PQconsumeInput(s->conn)) {
            lost(s);
            return NULL;
        }
    }
    return PQgetResult(s->conn);
}

/* The one result of what was sent; a COPY is left under way. */
static PGresult *collect(struct sync *s)
{
    uint64_t until = clock_ms() + s->step_ms;
    PGresult *kept = NULL, *res;
    if (!flush(s, until))
        return NULL;
    while ((res = next_result(s, until))) {
        ExecStatusType status = PQresultStatus(res);
        PQclear(kept);
        kept = res;
        if (status == PGRES_COPY_IN)
            return kept;
        if (PQstatus(s->conn) == CONNECTION_BAD)
            break;
    }
    if (s->fault->err != DG_OK || !kept) {
        PQclear(kept);
        lost(s);
        return NULL;
    }
    if (PQresultStatus(kept) == PGRES_COPY_IN || PQresultStatus(kept) == PGRES_COMMAND_OK ||
        PQresultStatus(kept) == PGRES_TUPLES_OK)
        return kept;
    s->remedy = error_remedy(error_state(kept));
    error_fault(kept, s->fault);
    PQclear(kept);
    return NULL;
}

PGresult *sync_ask_binary(struct sync *s, const char *sql, int count, const Oid *types,
                          const char *const *values, const int *lengths, const int *formats)
{
    if (!PQsendQueryParams(s->conn, sql, count, types, values, lengths, formats, 0)) {
        lost(s);
        return NULL;
    }
    return collect(s);
}

PGresult *sync_ask(struct sync *s, const char *sql, const char *const *values)
{
    int count = 0;
    while (values && values[count])
        count++;
    return sync_ask_binary(s, sql, count, NULL, values, NULL, NULL);
}

bool sync_run(struct sync *s, const char *sql)
{
    PGresult *res = sync_ask(s, sql, NULL);
    PQclear(res);
    return res != NULL;
}

bool sync_copy(struct sync *s, const char *bytes, size_t len)
{
    if (PQputCopyData(s->conn, bytes, (int)len) != 1)
        return lost(s);
    return flush(s, clock_ms() + s->step_ms);
}

PGresult *sync_copied(struct sync *s, const char *why)
{
    if (PQputCopyEnd(s->conn, why) != 1) {
        lost(s);
        return NULL;
    }
    return collect(s);
}
