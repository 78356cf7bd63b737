/* job.c - see job.h. */
#include "store/job.h"

#include <stdlib.h>
#include <string.h>

static struct job *job_new(const struct dg_host *h, struct dg_op *op, enum job_kind kind)
{
    struct pool pool = {0};
    struct job *j = pool_alloc(&pool, sizeof(*j));
    j->pool = pool;
    j->host = h;
    j->op = op;
    j->kind = kind;
    return j;
}

static struct dg_bytes dup_bytes(struct job *j, struct dg_bytes b)
{
    j->bytes += b.len;
    return (struct dg_bytes){.ptr = b.ptr ? pool_dup(&j->pool, b.ptr, b.len) : NULL, .len = b.len};
}

static const struct dg_where *dup_where(struct job *j, const struct dg_where *list, size_t count)
{
    struct dg_where *out = pool_alloc(&j->pool, (count + 1) * sizeof(*out));
    for (size_t i = 0; i < count; i++) {
        out[i] = list[i];
        out[i].field = pool_strdup(&j->pool, list[i].field);
        out[i].value = pool_strdup(&j->pool, list[i].value);
    }
    return out;
}

static struct dg_query dup_query(struct job *j, const struct dg_query *q)
{
    struct dg_query out = *q;
    out.collection = pool_strdup(&j->pool, q->collection);
    out.where = dup_where(j, q->where, q->where_count);
    out.order_by = pool_strdup(&j->pool, q->order_by);
    return out;
}

struct job *job_get(const struct dg_host *h, struct dg_op *op, const struct dg_key *key)
{
    struct job *j = job_new(h, op, JOB_GET);
    j->ask.key.collection = pool_strdup(&j->pool, key->collection);
    j->ask.key.id = pool_strdup(&j->pool, key->id);
    return j;
}

struct job *job_query(const struct dg_host *h, struct dg_op *op, const struct dg_query *q)
{
    struct job *j = job_new(h, op, JOB_QUERY);
    j->ask.query = dup_query(j, q);
    return j;
}

struct job *job_tally(const struct dg_host *h, struct dg_op *op, const struct dg_tally *t)
{
    struct job *j = job_new(h, op, JOB_TALLY);
    const char **sums = pool_alloc(&j->pool, (t->sum_count + 1) * sizeof(*sums));
    for (size_t i = 0; i < t->sum_count; i++)
        sums[i] = pool_strdup(&j->pool, t->sums[i]);
    j->ask.tally = *t;
    j->ask.tally.collection = pool_strdup(&j->pool, t->collection);
    j->ask.tally.where = dup_where(j, t->where, t->where_count);
    j->ask.tally.by = pool_strdup(&j->pool, t->by);
    j->ask.tally.sums = sums;
    return j;
}

struct job *job_write(const struct dg_host *h, struct dg_op *op, const struct dg_write *list,
                      size_t count)
{
    struct job *j = job_new(h, op, JOB_WRITE);
    struct dg_write *out = pool_alloc(&j->pool, (count + 1) * sizeof(*out));
    for (size_t i = 0; i < count; i++) {
        out[i].collection = pool_strdup(&j->pool, list[i].collection);
        out[i].id = pool_strdup(&j->pool, list[i].id);
        out[i].json = dup_bytes(j, list[i].json);
        out[i].expect = list[i].expect;
    }
    j->ask.write.list = out;
    j->ask.write.count = count;
    return j;
}

struct job *job_change(const struct dg_host *h, struct dg_op *op, const struct dg_change *c)
{
    struct job *j = job_new(h, op, JOB_CHANGE);
    j->ask.change.collection = pool_strdup(&j->pool, c->collection);
    j->ask.change.where = dup_where(j, c->where, c->where_count);
    j->ask.change.where_count = c->where_count;
    j->ask.change.set = dup_bytes(j, c->set);
    return j;
}

struct job *job_take(const struct dg_host *h, struct dg_op *op, const struct dg_take *t)
{
    struct job *j = job_new(h, op, JOB_TAKE);
    j->ask.take.from = dup_query(j, &t->from);
    j->ask.take.set = dup_bytes(j, t->set);
    return j;
}

struct job *job_notify(const struct dg_host *h, struct dg_op *op, const struct dg_note *n)
{
    struct job *j = job_new(h, op, JOB_NOTIFY);
    j->ask.note.topic = pool_strdup(&j->pool, n->topic);
    j->ask.note.text = pool_strdup(&j->pool, n->text);
    return j;
}

struct job *job_declare(const struct dg_host *h, struct dg_op *op, struct schema *schema)
{
    struct job *j = job_new(h, op, JOB_DECLARE);
    j->ask.schema = schema;
    return j;
}

void job_split(struct job *j)
{
    if (!j->followers)
        return;
    j->newest->next = j->next;
    j->next = j->followers;
    j->followers = j->newest = NULL;
    j->follower_count = 0;
}

/* ---- The answer --------------------------------------------------------- */

void job_reset(struct job *j)
{
    j->fault.err = DG_OK;
    j->count = 0;
    j->changed = 0;
}

/* Room for one item more in `list`; a list belongs to one kind of job. */
static void *grow(struct job *j, void *list, size_t size)
{
    if (list && j->count < j->cap)
        return list;
    j->cap = j->cap ? j->cap * 2 : 4;
    char *grown = pool_alloc(&j->pool, j->cap * size);
    if (j->count)
        memcpy(grown, list, j->count * size);
    return grown;
}

void job_add_doc(struct job *j, const char *id, uint64_t version, const void *json, size_t len)
{
    j->docs = grow(j, j->docs, sizeof(*j->docs));
    j->docs[j->count++] =
        (struct dg_doc){DG_SIZED(struct dg_doc), .id = pool_strdup(&j->pool, id),
                        .version = version, .json = {pool_dup(&j->pool, json, len), len}};
}

void job_add_row(struct job *j, const char *value, uint64_t count, const int64_t *sums,
                 size_t sum_count)
{
    j->rows = grow(j, j->rows, sizeof(*j->rows));
    int64_t *kept = pool_alloc(&j->pool, (sum_count + 1) * sizeof(*kept));
    if (sum_count)
        memcpy(kept, sums, sum_count * sizeof(*kept));
    j->rows[j->count++] =
        (struct dg_tally_row){DG_SIZED(struct dg_tally_row), .value = pool_strdup(&j->pool, value),
                              .count = count, .sums = kept};
}

void job_add_id(struct job *j, const char *id)
{
    j->ids = grow(j, j->ids, sizeof(*j->ids));
    j->ids[j->count++] = pool_strdup(&j->pool, id);
}

static const void *job_item(const struct job *j, size_t i)
{
    if (j->docs)
        return &j->docs[i];
    return j->rows ? (const void *)&j->rows[i] : j->ids[i];
}

static void answer(const struct job *j, struct dg_op *op)
{
    if (j->fault.err != DG_OK) {
        j->host->fail(op, j->fault.err, "%s", j->fault.text);
        return;
    }
    if (j->kind == JOB_CHANGE)
        j->host->item(op, &j->changed);
    for (size_t i = 0; i < j->count; i++)
        j->host->item(op, job_item(j, i));
    j->host->done(op);
}

static void job_free(struct job *j)
{
    if (j->kind == JOB_DECLARE)
        schema_free(j->ask.schema);
    struct pool pool = j->pool;
    pool_free(&pool);
}

void jobs_answer(void *first)
{
    for (struct job *j = first, *next; j; j = next) {
        next = j->next;
        answer(j, j->op);
        while (j->followers) {
            struct job *f = j->followers;
            j->followers = f->next;
            answer(j, f->op);
            job_free(f);
        }
        job_free(j);
    }
}
