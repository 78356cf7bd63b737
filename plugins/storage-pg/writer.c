/* writer.c - groups of writes: one transaction for all that has come in while
 * the last one was written.
 *
 * Nothing in a group is answered before its COMMIT is. One that cannot be
 * committed because of one of its jobs (a conflict) is taken back and done
 * again as three: what came before that job, the job, what came after it. So
 * each is judged alone, in the order they came. */
#include <stdlib.h>
#include <string.h>

#include "pg.h"
#include "statements.h"

#define TRIES        5 /* of a job whose transaction others were in the way of */
#define WAITS_IN_ROW 3 /* then the rest is not tried */

/* ---- Sets --------------------------------------------------------------- */

void writer_init(struct pg *p)
{
    p->again_end = &p->again;
}

static void add_set(struct set ***end, struct job *jobs)
{
    if (!jobs)
        return;
    struct set *s = mem_alloc(sizeof(*s));
    s->jobs = jobs;
    **end = s;
    *end = &s->next;
}

/* In front of what waits to be done again. */
static void put_back(struct pg *p, struct set *first, struct set **end)
{
    if (!first)
        return;
    *end = p->again;
    if (!p->again)
        p->again_end = end;
    p->again = first;
}

static struct job *take_again(struct pg *p)
{
    struct set *s = p->again;
    if (!s)
        return NULL;
    struct job *jobs = s->jobs;
    p->again = s->next;
    if (!p->again)
        p->again_end = &p->again;
    free(s);
    return jobs;
}

static void each_alone(struct pg *p, struct job *jobs)
{
    struct set *first = NULL, **end = &first;
    while (jobs) {
        struct job *j = jobs;
        jobs = j->next;
        j->next = NULL;
        add_set(&end, j);
    }
    put_back(p, first, end);
}

/* What came before `middle`, it, and what came after it. */
static void in_three(struct pg *p, struct job *jobs, struct job *middle)
{
    struct set *first = NULL, **end = &first;
    struct job *after = middle->next;
    middle->next = NULL;
    if (jobs != middle) {
        struct job *last = jobs;
        while (last->next != middle)
            last = last->next;
        last->next = NULL;
        add_set(&end, jobs);
    }
    add_set(&end, middle);
    add_set(&end, after);
    put_back(p, first, end);
}

/* ---- The end of a group ------------------------------------------------- */

static void finish(struct pg *p)
{
    p->group.state = GROUP_NONE;
    p->group.jobs = NULL;
    writer_kick(p);
}

static void fail_jobs(struct job *jobs, const struct fault *why)
{
    for (struct job *j = jobs; j; j = j->next) {
        j->fault.err = DG_OK;
        fault_set(&j->fault, why->err, "%s", why->text);
    }
    jobs_answer(jobs);
}

static void count_written(struct pg *p)
{
    int64_t jobs = 0, replaced = 0;
    for (const struct job *j = p->group.jobs; j; j = j->next) {
        jobs += 1 + (int64_t)j->follower_count;
        replaced += (int64_t)j->follower_count;
    }
    p->host->metric_add(p->metrics.transactions, 1);
    p->host->metric_add(p->metrics.writes, jobs);
    p->host->metric_add(p->metrics.replaced, replaced);
}

static void committed(struct pg *p)
{
    struct job *jobs = p->group.jobs;
    count_written(p);
    p->waits = 0;
    finish(p);
    jobs_answer(jobs);
}

/* One job, and it was not written. */
static void judge_alone(struct pg *p, struct job *j)
{
    struct group *g = &p->group;
    bool again = g->remedy == REMEDY_AGAIN && ++j->tries < TRIES;
    if (again) {
        each_alone(p, j);
        return;
    }
    if (g->fault.err != DG_OK)
        fail_jobs(j, &g->fault);
    else
        jobs_answer(j); /* its own fault */
    if (g->remedy == REMEDY_WAIT && ++p->waits >= WAITS_IN_ROW) {
        struct fault why = g->fault;
        p->waits = 0;
        writer_fail(p, &why);
    }
}

/* The transaction is gone, with all that it did. */
static void judge(struct pg *p)
{
    struct group *g = &p->group;
    struct job *jobs = g->jobs;
    g->state = GROUP_NONE;
    g->jobs = NULL;
    if (!jobs->next)
        judge_alone(p, jobs);
    else if (g->failed && g->remedy == REMEDY_NONE)
        in_three(p, jobs, g->failed);
    else
        each_alone(p, jobs);
    finish(p);
}

static void fail_group(struct pg *p)
{
    struct fault why = p->group.fault;
    struct job *jobs = p->group.jobs;
    finish(p);
    fail_jobs(jobs, &why);
}

void writer_spoil(struct pg *p, struct job *j, const PGresult *res)
{
    struct group *g = &p->group;
    if (g->useless || PQresultStatus(res) == PGRES_PIPELINE_ABORTED)
        return;
    g->useless = true;
    g->failed = j;
    g->remedy = error_remedy(error_state(res));
    error_fault(res, &g->fault);
}

void writer_refuse(struct pg *p, struct job *j)
{
    struct group *g = &p->group;
    if (g->useless)
        return;
    g->useless = true;
    g->failed = j;
    g->remedy = REMEDY_NONE;
}

/* ---- A group ------------------------------------------------------------ */

static void on_group_statement(void *arg, const PGresult *res)
{
    if (res && PQresultStatus(res) != PGRES_COMMAND_OK)
        writer_spoil(arg, NULL, res);
}

static void on_committed(void *arg, const PGresult *res)
{
    struct pg *p = arg;
    if (!res)
        return; /* in doubt: writer_lost */
    if (p->group.useless)
        judge(p);
    else
        committed(p);
}

static void on_rolled_back(void *arg, const PGresult *res)
{
    if (res)
        judge(arg);
}

static void on_worked(void *arg, const PGresult *res)
{
    struct pg *p = arg;
    if (!res)
        return;
    if (p->group.useless) {
        p->group.state = GROUP_ROLLING_BACK;
        conn_command(&p->writer, "ROLLBACK", NULL, NULL);
        conn_sync(&p->writer, on_rolled_back, p);
    } else {
        p->group.state = GROUP_COMMITTING;
        conn_command(&p->writer, "COMMIT", on_group_statement, p);
        conn_sync(&p->writer, on_committed, p);
    }
}

/* Takes out those that make no sense, and answers them. */
static struct job *check_jobs(struct pg *p, struct job *jobs)
{
    struct job *wrong = NULL, **end = &wrong, **at = &jobs;
    while (*at) {
        struct job *j = *at;
        if (job_must_split(p->schema, j))
            job_split(j);
        job_reset(j);
        if (job_check(p, j)) {
            at = &j->next;
            continue;
        }
        job_split(j); /* the others may make sense */
        *at = j->next;
        j->next = NULL;
        *end = j;
        end = &j->next;
    }
    jobs_answer(wrong);
    return jobs;
}

static void send_group(struct pg *p, struct job *jobs)
{
    struct group *g = &p->group;
    *g = (struct group){.state = GROUP_WORKING, .jobs = jobs, .number = ++p->groups};
    conn_command(&p->writer, "BEGIN", on_group_statement, p);
    for (struct job *j = jobs; j; j = j->next)
        job_send(p, j);
    sql_reset(&p->sql);
    sql_text(&p->sql, p->name, strlen(p->name));
    sql_int(&p->sql, (int64_t)g->number);
    conn_ask(&p->writer, WRITER_NOTE_GROUP, &p->sql, on_group_statement, p);
    conn_sync(&p->writer, on_worked, p);
}

/* A job that a worker thread does; NULL: none of these is one. */
static struct job *find_errand(struct pg *p, struct job *jobs)
{
    for (struct job *j = jobs; j; j = j->next) {
        if (j->kind == JOB_DECLARE || job_bulk(p, j))
            return j;
    }
    return NULL;
}

static void begin(struct pg *p, struct job *jobs)
{
    struct job *errand = find_errand(p, jobs);
    if (errand && jobs->next) {
        in_three(p, jobs, errand);
        writer_kick(p);
    } else if (errand && errand->kind == JOB_DECLARE) {
        errand_declare(p, errand);
    } else if (errand) {
        errand_bulk(p, errand);
    } else {
        jobs = check_jobs(p, jobs);
        if (jobs)
            send_group(p, jobs);
        else
            writer_kick(p);
    }
}

static void on_turn(void *arg)
{
    struct pg *p = arg;
    p->kicked = false;
    if (p->group.state == GROUP_NONE && conn_up(&p->writer)) {
        struct job *jobs = take_again(p);
        if (!jobs)
            jobs = queue_take(p->writes, true, 0);
        if (jobs)
            begin(p, jobs);
    }
    pg_closed(p);
}

/* Not at once: what else this turn of the loop brings shares the transaction. */
void writer_kick(struct pg *p)
{
    if (p->kicked || p->group.state != GROUP_NONE)
        return;
    p->kicked = true;
    p->host->post(p->host, on_turn, p);
}

bool writer_idle(const struct pg *p)
{
    return p->group.state == GROUP_NONE && !p->again && !p->kicked;
}

/* ---- The connection ----------------------------------------------------- */

PGconn *writer_lend(struct pg *p, struct job *j)
{
    p->group = (struct group){.state = GROUP_LENT, .jobs = j, .number = ++p->groups};
    return conn_lend(&p->writer);
}

void writer_return(struct pg *p, bool in_doubt)
{
    struct group *g = &p->group;
    if (in_doubt) {
        g->state = GROUP_COMMITTING;
    } else if (g->fault.err == DG_OK) {
        committed(p);
    } else {
        g->useless = true;
        judge(p);
    }
    conn_return(&p->writer);
    writer_kick(p);
}

void writer_lost(struct pg *p)
{
    struct group *g = &p->group;
    if (g->state != GROUP_WORKING && g->state != GROUP_ROLLING_BACK)
        return;
    static const struct fault lost = {.err = DG_EUNAVAILABLE,
                                      .text = "the connection to the database server was lost; "
                                              "nothing was written"};
    struct job *jobs = g->jobs;
    g->state = GROUP_NONE;
    g->jobs = NULL;
    bool often = false;
    for (struct job *j = jobs; j; j = j->next)
        often = ++j->tries >= TRIES || often;
    struct set *first = NULL, **end = &first;
    if (often) {
        fail_jobs(jobs, &lost);
        return;
    }
    add_set(&end, jobs);
    put_back(p, first, end);
    p->host->metric_add(p->metrics.retried, 1);
}

void writer_back(struct pg *p, uint64_t last)
{
    struct group *g = &p->group;
    if (g->state == GROUP_COMMITTING && last >= g->number) {
        committed(p);
    } else if (g->state == GROUP_COMMITTING) {
        g->useless = true;
        g->remedy = REMEDY_AGAIN;
        fault_set(&g->fault, DG_EUNAVAILABLE,
                  "the connection to the database server was lost; "
                  "nothing was written");
        if (p->link == DG_LINK_UP)
            judge(p);
        else
            fail_group(p); /* too long ago to begin anew: whoever asked has been told */
    }
    writer_kick(p);
}

void writer_fail(struct pg *p, const struct fault *why)
{
    struct job *jobs;
    while ((jobs = take_again(p)) || (jobs = queue_take(p->writes, true, 0)))
        fail_jobs(jobs, why);
}
