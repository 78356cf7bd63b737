/* attempt.c - see attempt.h. What a new session needs is set up before the loop
 * gets it. */
#include "attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WRITE_MS 120000 /* a change of very many documents takes its time */
#define OLDEST   120000 /* PostgreSQL 12 */
#define WAITS    40     /* for a session of before to end */
#define WAIT_NS  50000000

static bool check_server(struct sync *s)
{
    const char *encoding = PQparameterStatus(s->conn, "server_encoding");
    if (PQserverVersion(s->conn) < OLDEST)
        return fault_set(s->fault, DG_EUNSUPPORTED,
                         "the database server is too old: PostgreSQL 12 or later is needed");
    if (!encoding || strcmp(encoding, "UTF8") != 0)
        return fault_set(s->fault, DG_EUNSUPPORTED,
                         "the database is encoded in %s; make one with ENCODING 'UTF8'",
                         encoding ? encoding : "something unknown");
    return true;
}

static const char *role(const struct attempt *a)
{
    const struct pg *p = a->pg;
    return a->conn == &p->writer ? "writer" : a->conn == &p->listener ? "listener" : "reader";
}

static bool set_up(struct sync *s, const struct attempt *a, const char *name)
{
    char statement[24], lock[24];
    uint64_t ms = a->conn == &a->pg->writer ? WRITE_MS : a->pg->read_ms;
    snprintf(statement, sizeof(statement), "%llu", (unsigned long long)ms);
    snprintf(lock, sizeof(lock), "%llu", (unsigned long long)a->pg->lock_ms);
    const char *values[] = {name, statement, lock, NULL};
    /* What was ended well is on the disk, whatever the server's default is. */
    PGresult *res = sync_ask(
        s,
        "SELECT set_config('application_name',$1,false),"
        "set_config('statement_timeout',$2,false),set_config('lock_timeout',$3,false),"
        "set_config('idle_in_transaction_session_timeout','60000',false),"
        "set_config('default_transaction_isolation','read committed',false),"
        "set_config('jit','off',false),"
        "set_config('synchronous_commit',CASE current_setting('synchronous_commit') WHEN 'off' "
        "THEN 'on' ELSE current_setting('synchronous_commit') END,false)",
        values);
    PQclear(res);
    return res != NULL;
}

/* ---- The writer --------------------------------------------------------- */

/* How many sessions of before there are still; -1: a fault. */
static int end_sessions(struct sync *s, const char *name)
{
    const char *values[] = {name, NULL};
    PGresult *res = sync_ask(s,
                             "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                             "WHERE application_name=$1 AND usename=current_user AND "
                             "datname=current_database() AND pid<>pg_backend_pid()",
                             values);
    int count = res ? (int)strtol(PQgetvalue(res, 0, 0), NULL, 10) : -1;
    PQclear(res);
    return count;
}

/* A connection that was lost here may still be at work there. */
static bool await_sessions(struct sync *s, const char *name)
{
    for (int i = 0; i < WAITS; i++) {
        int count = end_sessions(s, name);
        if (count <= 0)
            return count == 0;
        nanosleep(&(struct timespec){.tv_nsec = WAIT_NS}, NULL);
    }
    return fault_set(s->fault, DG_EUNAVAILABLE,
                     "a session of before does not end in the database server");
}

static bool find_group(struct sync *s, struct attempt *a)
{
    PGresult *res = sync_ask(s, "SELECT to_regclass('" TABLE_GROUPS "') IS NOT NULL", NULL);
    bool there = res && PQgetvalue(res, 0, 0)[0] == 't';
    bool ok = res != NULL;
    PQclear(res);
    if (!there)
        return ok;
    const char *values[] = {a->pg->name, NULL};
    res = sync_ask(s, "SELECT last FROM " TABLE_GROUPS " WHERE gateway=$1", values);
    if (res && PQntuples(res) == 1)
        a->last = strtoull(PQgetvalue(res, 0, 0), NULL, 10);
    ok = res != NULL;
    PQclear(res);
    return ok;
}

/* ---- All ---------------------------------------------------------------- */

static bool prepare(struct sync *s, struct attempt *a)
{
    char name[sizeof(a->pg->name) + 16];
    snprintf(name, sizeof(name), "%s %s", a->pg->name, role(a));
    if (!check_server(s))
        return false;
    if (a->conn == &a->pg->writer && (!await_sessions(s, name) || !find_group(s, a)))
        return false;
    return set_up(s, a, name) &&
           (a->conn != &a->pg->listener || sync_run(s, "LISTEN " NOTE_CHANNEL));
}

void attempt_work(void *arg)
{
    struct attempt *a = arg;
    struct pg *p = a->pg;
    struct sync s = {.cancelled = &p->closing, .step_ms = p->connect_ms, .fault = &a->fault};
    if (!sync_connect(&s, &p->dsn))
        return;
    if (a->conn && prepare(&s, a))
        a->made = s.conn;
    else
        PQfinish(s.conn);
}
