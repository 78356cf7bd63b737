/* storage_pg.c - the plugin: its descriptor and the functions that the core
 * calls. Each copies its request into a queue; see pg.h. */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pg.h"

#define QUEUE_BYTES (128u << 20) /* of documents that wait for the server */
#define CLOSE_MS    3000         /* for what is under way when it is closed */

/* ---- Requests ----------------------------------------------------------- */

static void read_it(struct pg *p, struct job *j)
{
    if (queue_put(p->reads, j, &j->fault))
        reader_next(p);
    else
        jobs_answer(j);
}

static void write_it(struct pg *p, struct job *j)
{
    if (queue_put(p->writes, j, &j->fault))
        writer_kick(p);
    else
        jobs_answer(j);
}

static void pg_declare(void *self, const struct dg_collection *list, size_t count, struct dg_op *op)
{
    struct pg *p = self;
    struct fault fault = {0};
    struct schema *schema = schema_new(list, count, statements_prepare, &fault);
    struct job *j = job_declare(p->host, op, schema);
    if (schema) {
        write_it(p, j);
    } else {
        j->fault = fault;
        jobs_answer(j);
    }
}

static void pg_get(void *self, const struct dg_key *key, struct dg_op *op)
{
    struct pg *p = self;
    read_it(p, job_get(p->host, op, key));
}

static void pg_query(void *self, const struct dg_query *query, struct dg_op *op)
{
    struct pg *p = self;
    read_it(p, job_query(p->host, op, query));
}

static void pg_tally(void *self, const struct dg_tally *req, struct dg_op *op)
{
    struct pg *p = self;
    read_it(p, job_tally(p->host, op, req));
}

static void pg_write(void *self, const struct dg_write *list, size_t count, struct dg_op *op)
{
    struct pg *p = self;
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += list[i].json.len;
    if (bytes > QUEUE_BYTES) { /* not even copied */
        p->host->fail(op, DG_EINVAL, "%zu bytes in one write; at most %u are taken", bytes,
                      QUEUE_BYTES);
        return;
    }
    write_it(p, job_write(p->host, op, list, count));
}

static void pg_change(void *self, const struct dg_change *req, struct dg_op *op)
{
    struct pg *p = self;
    write_it(p, job_change(p->host, op, req));
}

static void pg_take(void *self, const struct dg_take *req, struct dg_op *op)
{
    struct pg *p = self;
    write_it(p, job_take(p->host, op, req));
}

static void pg_notify(void *self, const struct dg_note *note, struct dg_op *op)
{
    struct pg *p = self;
    if (note_fits(p, note))
        read_it(p, job_notify(p->host, op, note));
    else
        p->host->fail(op, DG_EINVAL, "a note is too long, or its topic is no line");
}

/* ---- Closing ------------------------------------------------------------ */

static void pg_free(struct pg *p)
{
    schema_free(p->schema);
    queue_free(p->writes);
    queue_free(p->reads);
    sql_free(&p->sql);
    dsn_free(&p->dsn);
    free(p);
}

static void give_up(struct pg *p)
{
    struct fault why = {.err = DG_EUNAVAILABLE, .text = "the store is closing"};
    link_stop(p);
    writer_lost(p);
    writer_fail(p, &why);
    reader_fail(p, &why);
    if (p->group.jobs) { /* in doubt */
        struct job *jobs = p->group.jobs;
        p->group.jobs = NULL;
        p->group.state = GROUP_NONE;
        fault_set(&why, DG_ETIMEOUT, "the store is closing; it may have been written");
        for (struct job *j = jobs; j; j = j->next)
            j->fault = (struct fault){.err = DG_ETIMEOUT, .text = "it may have been written"};
        jobs_answer(jobs);
    }
}

static void on_close_late(void *arg)
{
    struct pg *p = arg;
    p->close_timer = NULL;
    atomic_store(&p->closing, true);
    pg_closed(p);
}

static void on_close_check(void *arg)
{
    struct pg *p = arg;
    p->close_check = NULL;
    if (p->errand || link_busy(p) || p->kicked || p->read_kicked)
        return;
    bool done = writer_idle(p) && reader_idle(p);
    if (!done && p->writer.pg && !atomic_load(&p->closing))
        return;
    const struct dg_host *h = p->host;
    struct dg_op *op = p->close_op;
    if (p->close_timer)
        h->timer_stop(h, p->close_timer);
    give_up(p);
    if (p->close_check)
        h->timer_stop(h, p->close_check);
    pg_free(p);
    h->done(op);
}

/* Not at once: whoever says so goes on working with what would be freed. */
void pg_closed(struct pg *p)
{
    if (p->close_op && !p->close_check)
        p->close_check = p->host->timer_start(p->host, 0, on_close_check, p);
}

static void pg_close(void *self, struct dg_op *op)
{
    struct pg *p = self;
    p->close_op = op;
    p->ending = true;
    queue_close(p->reads);
    queue_close(p->writes);
    if (link_busy(p) || !p->writer.pg)
        atomic_store(&p->closing, true);
    p->close_timer = p->host->timer_start(p->host, CLOSE_MS, on_close_late, p);
    writer_kick(p);
}

/* ---- Opening ------------------------------------------------------------ */

static bool in_range(const struct dg_host *h, const char *key, int64_t low, int64_t high)
{
    int64_t n = h->cfg_int(h, key);
    if (n >= low && n <= high)
        return true;
    h->log(h, DG_ERROR, "%s is %lld; it must be from %lld to %lld", key, (long long)n,
           (long long)low, (long long)high);
    return false;
}

static void register_metrics(struct pg *p)
{
    const struct dg_host *h = p->host;
    p->metrics.transactions =
        h->metric(h, DG_COUNTER, "transactions_total", "Transactions, each one wait for the disk.");
    p->metrics.writes = h->metric(h, DG_COUNTER, "writes_total", "Write requests answered.");
    p->metrics.replaced = h->metric(h, DG_COUNTER, "replaced_total",
                                    "Writes answered by a newer one of the same document.");
    p->metrics.reconnects =
        h->metric(h, DG_COUNTER, "connections_lost_total", "Connections that ended by themselves.");
    p->metrics.retried =
        h->metric(h, DG_COUNTER, "retries_total", "Requests done again after a lost connection.");
    p->metrics.connections =
        h->metric(h, DG_GAUGE, "connections", "Connections to the database server.");
}

/* Tells this instance from all others, also from itself after a restart. */
static void choose_name(struct pg *p)
{
    unsigned char random[8];
    RAND_bytes(random, sizeof(random));
    size_t len = (size_t)snprintf(p->name, sizeof(p->name), "dialgate ");
    for (size_t i = 0; i < sizeof(random); i++)
        len += (size_t)snprintf(p->name + len, sizeof(p->name) - len, "%02x", random[i]);
}

static enum dg_err pg_open(const struct dg_host *h, void **self)
{
    struct fault fault = {0};
    if (!in_range(h, "read_ms", 1, 100000) || !in_range(h, "connect_ms", 100, 60000) ||
        !in_range(h, "lock_ms", 1, 100000) || !in_range(h, "readers", 1, READERS_MAX) ||
        !in_range(h, "queue", 1, 10000000))
        return DG_EINVAL;
    struct pg *p = mem_alloc(sizeof(*p));
    p->host = h;
    choose_name(p);
    if (!dsn_parse(&p->dsn, h->cfg_str(h, "url"), p->name, &fault)) {
        h->log(h, DG_ERROR, "%s", fault.text);
        free(p);
        return fault.err;
    }
    p->read_ms = (uint64_t)h->cfg_int(h, "read_ms");
    p->connect_ms = (uint64_t)h->cfg_int(h, "connect_ms");
    p->lock_ms = (uint64_t)h->cfg_int(h, "lock_ms");
    p->reader_count = (size_t)h->cfg_int(h, "readers");
    p->writes = queue_new((size_t)h->cfg_int(h, "queue"), QUEUE_BYTES);
    p->reads = queue_new((size_t)h->cfg_int(h, "queue"), QUEUE_BYTES);
    writer_init(p);
    register_metrics(p);
    *self = p;
    link_start(p);
    return DG_OK;
}

static const struct dg_cfg_key config[] = {
    {"url", DG_CFG_SECRET, NULL,
     "the database: postgresql://USER:PASSWORD@HOST:PORT/NAME?sslmode=..., or keywords"},
    {"readers", DG_CFG_INT, "2", "connections that read, 1 to 16; two more write and listen"},
    {"read_ms", DG_CFG_MS, "20s", "a read that takes longer is given up"},
    {"connect_ms", DG_CFG_MS, "5s", "how long one attempt to connect to one server may take"},
    {"lock_ms", DG_CFG_MS, "5s", "how long to wait for another program that has a table locked"},
    {"queue", DG_CFG_INT, "65536", "writes that may wait for the server, and reads"},
    {0},
};

static const struct dg_storage storage = {
    DG_SIZED(struct dg_storage), .declare = pg_declare, .get = pg_get,   .query = pg_query,
    .write = pg_write,           .change = pg_change,   .take = pg_take, .tally = pg_tally,
    .notify = pg_notify,
};

DG_PLUGIN(.name = "storage-pg", .version = DIALGATE_VERSION,
          .summary = "documents in PostgreSQL, shared by several gateways", .config = config,
          .storage = &storage, .open = pg_open, .close = pg_close);
