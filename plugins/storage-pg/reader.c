/* reader.c - get, query, tally and notes: spread over the connections that read.
 *
 * What was under way when a connection ended is asked again on another. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "pg.h"
#include "statements.h"

#define WEIGHT_GET   1
#define WEIGHT_QUERY 8  /* may take long, and what comes after it waits */
#define WEIGHT_MOST  32 /* on one connection */
#define TRIES        4

struct reading {
    struct pg *pg;
    struct conn *conn;
    struct job *job;
    size_t weight;
};

/* ---- Answers ------------------------------------------------------------ */

void reader_docs(struct job *j, const PGresult *res)
{
    for (int i = 0; i < PQntuples(res); i++)
        job_add_doc(j, PQgetvalue(res, i, 0), strtoull(PQgetvalue(res, i, 1), NULL, 10),
                    PQgetvalue(res, i, 2), (size_t)PQgetlength(res, i, 2));
}

static void add_rows(struct job *j, const PGresult *res)
{
    size_t count = j->ask.tally.sum_count;
    int64_t *sums = pool_alloc(&j->pool, (count + 1) * sizeof(*sums));
    for (int i = 0; i < PQntuples(res); i++) {
        for (size_t k = 0; k < count; k++) {
            if (!number_parse(PQgetvalue(res, i, (int)k + 2), &sums[k])) {
                fault_set(&j->fault, DG_EINVAL, "the sum does not fit into 64 bits");
                return;
            }
        }
        job_add_row(j, PQgetisnull(res, i, 0) ? NULL : PQgetvalue(res, i, 0),
                    strtoull(PQgetvalue(res, i, 1), NULL, 10), sums, count);
    }
}

static void not_found(struct job *j)
{
    fault_set(&j->fault, DG_ENOTFOUND, "%s has no document \"%s\"", j->ask.key.collection,
              j->ask.key.id);
}

static void add_answer(struct job *j, const PGresult *res)
{
    if (j->kind == JOB_TALLY)
        add_rows(j, res);
    else if (j->kind != JOB_NOTIFY)
        reader_docs(j, res);
    if (j->kind == JOB_GET && !j->count)
        not_found(j);
}

static void again(struct pg *p, struct job *j)
{
    struct job **end = &p->reads_again;
    while (*end)
        end = &(*end)->next;
    j->next = NULL;
    *end = j;
    p->host->metric_add(p->metrics.retried, 1);
}

static void on_answer(void *arg, const PGresult *res)
{
    struct reading *r = arg;
    struct pg *p = r->pg;
    struct job *j = r->job;
    ExecStatusType status = res ? PQresultStatus(res) : PGRES_FATAL_ERROR;
    bool ok = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
    r->conn->weight -= r->weight;
    if (!ok &&
        (!res || error_remedy(error_state(res)) == REMEDY_AGAIN ||
         status == PGRES_PIPELINE_ABORTED) &&
        ++j->tries < TRIES && !p->ending) {
        again(p, j);
        return;
    }
    if (ok)
        add_answer(j, res);
    else if (res)
        error_fault(res, &j->fault);
    else
        fault_set(&j->fault, DG_EUNAVAILABLE, "the connection to the database server was lost");
    /* No text, so no such id. */
    if (j->kind == JOB_GET && j->fault.err == DG_EINVAL) {
        j->fault.err = DG_OK;
        not_found(j);
    }
    jobs_answer(j);
}

static void on_sync(void *arg, const PGresult *res)
{
    struct pg *p = arg;
    if (!res)
        return;
    reader_next(p);
    pg_closed(p);
}

/* ---- Questions ---------------------------------------------------------- */

static bool ask_get(struct pg *p, const struct table *t, struct job *j)
{
    int64_t number;
    if (!t->serial) {
        sql_text(&p->sql, j->ask.key.id, strlen(j->ask.key.id));
    } else if (serial_parse(j->ask.key.id, &number)) {
        sql_int(&p->sql, number);
    } else {
        not_found(j);
        return false;
    }
    text_add(&p->sql.text, statements_of(t)->get);
    return true;
}

/* False: the job has a fault. */
static bool make_sql(struct pg *p, struct job *j)
{
    const char *name = j->kind == JOB_GET     ? j->ask.key.collection
                       : j->kind == JOB_QUERY ? j->ask.query.collection
                                              : j->ask.tally.collection;
    const struct table *t = schema_table(p->schema, name, &j->fault);
    sql_reset(&p->sql);
    if (!t)
        return false;
    if (j->kind == JOB_GET)
        return ask_get(p, t, j);
    return j->kind == JOB_QUERY ? sql_query(&p->sql, t, &j->ask.query, &j->fault)
                                : sql_tally(&p->sql, t, &j->ask.tally, &j->fault);
}

static struct conn *lightest(struct pg *p)
{
    struct conn *best = NULL;
    for (size_t i = 0; i < p->reader_count; i++) {
        struct conn *c = &p->readers[i];
        if (conn_up(c) && c->weight < WEIGHT_MOST && (!best || c->weight < best->weight))
            best = c;
    }
    return best;
}

static struct job *next_job(struct pg *p)
{
    struct job *j = p->reads_again;
    if (!j)
        return queue_take(p->reads, false, 0);
    p->reads_again = j->next;
    j->next = NULL;
    return j;
}

static void sync(struct pg *p, struct conn *c)
{
    if (c->unsynced && c->pg)
        conn_sync(c, on_sync, p);
    c->unsynced = false;
}

/* What may take long, or was in bad company before, stands alone: until the sync that ends a
 * stretch the server keeps its answers, and an error spoils what comes after it. */
static void ask(struct pg *p, struct conn *c, struct job *j)
{
    job_reset(j);
    if (j->kind != JOB_NOTIFY && !make_sql(p, j)) {
        jobs_answer(j);
        return;
    }
    struct reading *r = pool_alloc(&j->pool, sizeof(*r));
    *r = (struct reading){.pg = p, .conn = c, .job = j};
    r->weight = j->kind == JOB_GET || j->kind == JOB_NOTIFY ? WEIGHT_GET : WEIGHT_QUERY;
    c->weight += r->weight;
    if (j->kind == JOB_NOTIFY)
        note_make(p, j);
    bool alone = r->weight > WEIGHT_GET || j->tries > 0;
    if (alone)
        sync(p, c);
    conn_ask(c, p->sql.text.ptr, &p->sql, on_answer, r);
    c->unsynced = true;
    if (alone)
        sync(p, c);
}

static void on_turn(void *arg)
{
    struct pg *p = arg;
    struct conn *c;
    struct job *j;
    p->read_kicked = false;
    while ((c = lightest(p)) && (j = next_job(p)))
        ask(p, c, j);
    for (size_t i = 0; i < p->reader_count; i++)
        sync(p, &p->readers[i]);
    pg_closed(p);
}

/* Not at once: what else this turn of the loop brings is sent with it. */
void reader_next(struct pg *p)
{
    if (p->read_kicked)
        return;
    p->read_kicked = true;
    p->host->post(p->host, on_turn, p);
}

void reader_fail(struct pg *p, const struct fault *why)
{
    struct job *j;
    while ((j = next_job(p))) {
        fault_set(&j->fault, why->err, "%s", why->text);
        jobs_answer(j);
    }
}

bool reader_idle(const struct pg *p)
{
    for (size_t i = 0; i < p->reader_count; i++) {
        if (p->readers[i].pg && !conn_idle(&p->readers[i]))
            return false;
    }
    return !p->reads_again;
}
