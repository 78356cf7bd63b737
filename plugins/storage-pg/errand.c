/* errand.c - what takes long and is done on a worker thread, with the writer's
 * connection: tables made ready, and writes of many documents. */
#include "errand.h"

#include <stdlib.h>

#include "bulk.h"
#include "declare.h"

#define STEP_MS 600000 /* the server ends what takes too long */

static void work(void *arg)
{
    struct errand *e = arg;
    struct sync sync = {
        .conn = e->conn, .cancelled = &e->pg->closing, .step_ms = STEP_MS, .fault = &e->fault};
    if (e->job->kind == JOB_DECLARE) {
        declare_all(&sync, e->job->ask.schema, e->pg->name, &e->filled);
    } else {
        e->in_doubt = bulk_write(&sync, e);
        e->remedy = sync.remedy; /* as after a deadlock: others were in the way */
    }
}

static void take_schema(struct errand *e)
{
    struct pg *p = e->pg;
    const struct dg_host *h = p->host;
    if (e->filled)
        h->log(h, DG_INFO, "new fields filled in for %llu documents",
               (unsigned long long)e->filled);
    struct schema *schema = e->job->ask.schema;
    e->job->ask.schema = NULL;
    schema->older = p->schema;
    p->schema = schema;
}

static void done(void *arg)
{
    struct errand *e = arg;
    struct pg *p = e->pg;
    p->errand = NULL;
    if (e->job->kind == JOB_DECLARE && e->fault.err == DG_OK)
        take_schema(e);
    if (!e->in_doubt) {
        p->group.fault = e->fault;
        p->group.remedy = e->remedy;
    }
    writer_return(p, e->in_doubt);
    free(e);
    reader_next(p);
    pg_closed(p);
}

static void start(struct pg *p, struct job *j)
{
    struct errand *e = mem_alloc(sizeof(*e));
    job_reset(j);
    *e = (struct errand){.pg = p, .job = j, .schema = p->schema, .bulk = job_bulk(p, j)};
    e->conn = writer_lend(p, j);
    e->number = p->group.number;
    p->errand = e;
    p->host->work(p->host, work, done, e);
}

void errand_declare(struct pg *p, struct job *j)
{
    start(p, j);
}

void errand_bulk(struct pg *p, struct job *j)
{
    start(p, j);
}
