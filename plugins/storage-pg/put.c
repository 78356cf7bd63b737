/* put.c - what a job sends to the server: the statements of its writes, a
 * change, a take, and what their results mean. */
#include <stdlib.h>
#include <string.h>

#include "pg.h"
#include "statements.h"

#define BULK_MIN  200 /* documents; fewer are as fast one by one */
#define BULK_REST 8   /* of other writes behind them: each is waited for */

/* ---- Checking ----------------------------------------------------------- */

bool put_check(const struct schema *schema, struct job *j, const struct dg_write *w,
               struct put *out, struct fault *fault)
{
    const struct table *t = schema_table(schema, w->collection, fault);
    *out = (struct put){.job = j, .table = t, .write = w, .json = w->json};
    if (j->newest)
        out->json = j->newest->ask.write.list[0].json;
    if (!t || !value_of_id(t, w, &out->id, fault))
        return false;
    if (!out->json.ptr)
        return true;
    out->values = pool_alloc(&j->pool, (t->column_count + 1) * sizeof(*out->values));
    return doc_values(t, out->json, &j->pool, out->values, fault);
}

static bool check_write(struct pg *p, struct job *j)
{
    size_t count = j->ask.write.count;
    struct put *puts = pool_alloc(&j->pool, (count + 1) * sizeof(*puts));
    j->own = puts;
    for (size_t i = 0; i < count; i++) {
        if (!put_check(p->schema, j, &j->ask.write.list[i], &puts[i], &j->fault))
            return false;
        puts[i].pg = p;
    }
    return true;
}

static bool make_sql(struct pg *p, struct job *j)
{
    bool change = j->kind == JOB_CHANGE;
    const char *name = change ? j->ask.change.collection : j->ask.take.from.collection;
    const struct table *t = schema_table(p->schema, name, &j->fault);
    sql_reset(&p->sql);
    if (!t)
        return false;
    return change ? sql_change(&p->sql, t, &j->ask.change, &j->fault)
                  : sql_take(&p->sql, t, &j->ask.take, &j->fault);
}

bool job_check(struct pg *p, struct job *j)
{
    return j->kind == JOB_WRITE ? check_write(p, j) : make_sql(p, j);
}

static bool doc_ok(const struct table *t, struct job *j)
{
    struct value *values = pool_alloc(&j->pool, (t->column_count + 1) * sizeof(*values));
    return doc_values(t, j->ask.write.list[0].json, &j->pool, values, &(struct fault){0});
}

bool job_must_split(const struct schema *schema, struct job *j)
{
    if (!j->followers)
        return false;
    const struct table *t =
        schema_table(schema, j->ask.write.list[0].collection, &(struct fault){0});
    if (!t || t->has_unique || !doc_ok(t, j))
        return true;
    for (struct job *f = j->followers; f; f = f->next) {
        if (!doc_ok(t, f))
            return true;
    }
    return false;
}

/* ---- Bulk --------------------------------------------------------------- */

static bool creates(const struct dg_write *w)
{
    return w->json.ptr && (!w->id || w->expect == DG_VERSION_NONE);
}

static bool overwrites(const struct dg_write *w)
{
    return w->json.ptr && w->id && w->expect == DG_VERSION_ANY;
}

/* So many at the beginning are of the first one's collection and pass. */
static size_t run_of(const struct job *j, bool (*passes)(const struct dg_write *w))
{
    const struct dg_write *list = j->ask.write.list;
    size_t i = 0;
    while (i < j->ask.write.count && passes(&list[i]) &&
           strcmp(list[i].collection, list[0].collection) == 0)
        i++;
    return i;
}

size_t job_bulk(const struct pg *p, const struct job *j)
{
    if (j->kind != JOB_WRITE || j->ask.write.count < BULK_MIN ||
        !schema_table(p->schema, j->ask.write.list[0].collection, &(struct fault){0}))
        return 0;
    const size_t count = j->ask.write.count, fresh = run_of(j, creates);
    if (fresh >= BULK_MIN && count - fresh <= BULK_REST)
        return fresh;
    return run_of(j, overwrites) == count ? count : 0;
}

/* ---- Results ------------------------------------------------------------ */

static bool is_fine(const PGresult *res)
{
    ExecStatusType status = PQresultStatus(res);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static unsigned long long affected(const PGresult *res)
{
    if (PQresultStatus(res) == PGRES_TUPLES_OK)
        return (unsigned long long)PQntuples(res);
    return strtoull(PQcmdTuples((PGresult *)res), NULL, 10);
}

static bool conflict(const struct put *put, struct fault *fault)
{
    const char *name = put->table->name, *id = put->write->id;
    if (!id)
        return fault_set(fault, DG_ELIMIT, "%s: there are no ids left", name);
    if (put->write->expect != DG_VERSION_NONE)
        return fault_set(fault, DG_ECONFLICT,
                         "%s %s was changed by somebody else or does not exist", name, id);
    return fault_set(fault, DG_ECONFLICT, "%s %s exists already%s", name, id,
                     put->table->has_unique ? ", or another document has the same unique field"
                                            : "");
}

bool put_done(const struct put *put, const PGresult *res, struct fault *fault)
{
    const struct dg_write *w = put->write;
    if (!affected(res) && !(w->expect == DG_VERSION_ANY && w->id))
        return conflict(put, fault);
    job_add_id(put->job, w->id ? w->id : PQgetvalue(res, 0, 0));
    return true;
}

static void on_put(void *arg, const PGresult *res)
{
    const struct put *put = arg;
    if (!res)
        return;
    if (!is_fine(res))
        writer_spoil(put->pg, put->job, res);
    else if (!put_done(put, res, &put->job->fault) && put->job->ask.write.count > 1)
        writer_refuse(put->pg, put->job); /* the others were carried out */
}

struct asked {
    struct pg *pg;
    struct job *job;
};

static void on_change(void *arg, const PGresult *res)
{
    const struct asked *a = arg;
    if (res && !is_fine(res))
        writer_spoil(a->pg, a->job, res);
    else if (res)
        a->job->changed = affected(res);
}

static void on_take(void *arg, const PGresult *res)
{
    const struct asked *a = arg;
    if (res && !is_fine(res))
        writer_spoil(a->pg, a->job, res);
    else if (res)
        reader_docs(a->job, res);
}

/* ---- Sending ------------------------------------------------------------ */

static void add_id(struct sql *sql, const struct put *put)
{
    if (put->id.kind == VALUE_INT)
        sql_int(sql, put->id.number);
    else if (put->id.kind == VALUE_TEXT)
        sql_text(sql, put->id.text, put->id.len);
}

static void add_document(struct sql *sql, const struct put *put)
{
    for (size_t i = 0; i < put->table->column_count; i++)
        sql_value(sql, put->table->columns[i].type, &put->values[i]);
    sql_text(sql, put->json.ptr, put->json.len);
}

/* A version that the column cannot hold is one that no document has. */
static int64_t version(uint64_t expect)
{
    return expect <= INT64_MAX ? (int64_t)expect : -1;
}

static const char *choose(const struct put *put)
{
    const struct statements *s = statements_of(put->table);
    uint64_t expect = put->write->expect;
    if (!put->json.ptr)
        return expect == DG_VERSION_ANY ? s->remove : s->remove_version;
    if (!put->write->id)
        return s->number;
    return expect == DG_VERSION_ANY ? s->put : expect == DG_VERSION_NONE ? s->create : s->update;
}

const char *put_statement(const struct put *put, struct sql *sql)
{
    uint64_t expect = put->write->expect;
    bool demands = put->write->id && expect != DG_VERSION_ANY && expect != DG_VERSION_NONE;
    sql_reset(sql);
    add_id(sql, put);
    if (demands)
        sql_int(sql, version(expect));
    else if (put->json.ptr)
        sql_int(sql, 1 + (int64_t)put->job->follower_count);
    if (put->json.ptr)
        add_document(sql, put);
    return choose(put);
}

void job_send(struct pg *p, struct job *j)
{
    if (j->kind == JOB_WRITE) {
        struct put *puts = j->own;
        for (size_t i = 0; i < j->ask.write.count; i++)
            conn_ask(&p->writer, put_statement(&puts[i], &p->sql), &p->sql, on_put, &puts[i]);
        return;
    }
    struct asked *a = pool_alloc(&j->pool, sizeof(*a));
    *a = (struct asked){.pg = p, .job = j};
    make_sql(p, j); /* went well in job_check */
    conn_ask(&p->writer, p->sql.text.ptr, &p->sql, j->kind == JOB_TAKE ? on_take : on_change, a);
}
