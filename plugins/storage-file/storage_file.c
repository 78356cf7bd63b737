/* storage_file.c - the plugin: its descriptor and the functions that the core
 * calls. Each copies its request and hands it to the threads; see file.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "statements.h"

#define QUEUE_BYTES (128u << 20) /* of documents that wait for the disk */

/* ---- Requests ----------------------------------------------------------- */

static void enqueue(struct queue *q, struct job *j)
{
    if (!queue_put(q, j, &j->fault))
        jobs_answer(j);
}

static void on_turn(void *arg)
{
    struct file *f = arg;
    f->gathering = false;
    queue_release(f->writes);
}

/* The writer does not begin with the first write of a turn of the loop: the others of it share its
 * transaction. */
static void enqueue_write(struct file *f, struct job *j)
{
    if (!f->gathering) {
        f->gathering = true;
        queue_hold(f->writes);
        f->host->post(f->host, on_turn, f);
    }
    enqueue(f->writes, j);
}

static void file_declare(void *self, const struct dg_collection *list, size_t count,
                         struct dg_op *op)
{
    struct file *f = self;
    struct fault fault = {0};
    struct schema *schema = schema_new(list, count, statements_prepare, &fault);
    struct job *j = job_declare(f->host, op, schema);
    if (schema) {
        enqueue_write(f, j);
    } else {
        j->fault = fault;
        jobs_answer(j);
    }
}

static void file_get(void *self, const struct dg_key *key, struct dg_op *op)
{
    struct file *f = self;
    enqueue(f->reads, job_get(f->host, op, key));
}

static void file_query(void *self, const struct dg_query *query, struct dg_op *op)
{
    struct file *f = self;
    enqueue(f->reads, job_query(f->host, op, query));
}

static void file_tally(void *self, const struct dg_tally *req, struct dg_op *op)
{
    struct file *f = self;
    enqueue(f->reads, job_tally(f->host, op, req));
}

static void file_write(void *self, const struct dg_write *list, size_t count, struct dg_op *op)
{
    struct file *f = self;
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += list[i].json.len;
    if (bytes > QUEUE_BYTES) { /* not even copied */
        f->host->fail(op, DG_EINVAL, "%zu bytes in one write; at most %u are taken", bytes,
                      QUEUE_BYTES);
        return;
    }
    enqueue_write(f, job_write(f->host, op, list, count));
}

static void file_change(void *self, const struct dg_change *req, struct dg_op *op)
{
    struct file *f = self;
    enqueue_write(f, job_change(f->host, op, req));
}

static void file_take(void *self, const struct dg_take *req, struct dg_op *op)
{
    struct file *f = self;
    enqueue_write(f, job_take(f->host, op, req));
}

/* ---- Opening and closing ------------------------------------------------ */

static void file_free(struct file *f)
{
    schema_free(atomic_load(&f->schema));
    queue_free(f->writes);
    queue_free(f->reads);
    close(f->lock_fd);
    free(f->path);
    free(f);
}

/* The writer has ended; what it posted before has been delivered. */
void file_closed(void *arg)
{
    struct file *f = arg;
    const struct dg_host *h = f->host;
    struct dg_op *op = f->close_op;
    pthread_join(f->writer, NULL);
    file_free(f);
    h->done(op);
}

static void file_close(void *self, struct dg_op *op)
{
    struct file *f = self;
    f->close_op = op;
    atomic_store(&f->closing, true);
    queue_close(f->reads);
    queue_close(f->writes);
}

/* The writer last: it alone speaks to the loop by itself. */
static bool start_threads(struct file *f, size_t readers)
{
    int rc = 0;
    while (rc == 0 && f->reader_count < readers) {
        rc = pthread_create(&f->readers[f->reader_count], NULL, reader_main, f);
        f->reader_count += rc == 0;
    }
    if (rc == 0)
        rc = pthread_create(&f->writer, NULL, writer_main, f);
    if (rc == 0)
        return true;
    f->host->log(f->host, DG_ERROR, "no thread can be started: %s", strerror(rc));
    queue_close(f->reads);
    for (size_t i = 0; i < f->reader_count; i++)
        pthread_join(f->readers[i], NULL);
    return false;
}

static bool in_range(const struct dg_host *h, const char *key, int64_t low, int64_t high)
{
    int64_t n = h->cfg_int(h, key);
    if (n >= low && n <= high)
        return true;
    h->log(h, DG_ERROR, "%s is %lld; it must be from %lld to %lld", key, (long long)n,
           (long long)low, (long long)high);
    return false;
}

static void register_metrics(struct file *f)
{
    const struct dg_host *h = f->host;
    f->metrics.transactions =
        h->metric(h, DG_COUNTER, "transactions_total", "Transactions, each one wait for the disk.");
    f->metrics.writes = h->metric(h, DG_COUNTER, "writes_total", "Write requests answered.");
    f->metrics.replaced = h->metric(h, DG_COUNTER, "replaced_total",
                                    "Writes answered by a newer one of the same document.");
    f->metrics.wal =
        h->metric(h, DG_GAUGE, "wal_pages", "Pages in the write-ahead log, 4 KiB each.");
}

static enum dg_err file_open(const struct dg_host *h, void **self)
{
    const char *path = h->cfg_str(h, "path");
    struct fault fault = {0};
    if (!path || !*path || strlen(path) > 3800) {
        h->log(h, DG_ERROR, "path must name the database file");
        return DG_EINVAL;
    }
    if (!in_range(h, "busy_ms", 0, 600000) || !in_range(h, "read_ms", 1, 3600000) ||
        !in_range(h, "readers", 1, READERS_MAX) || !in_range(h, "cache_mb", 1, 65536) ||
        !in_range(h, "check_mb", 0, 1048576) || !in_range(h, "queue", 1, 10000000))
        return DG_EINVAL;
    int lock_fd = lock_take(path, &fault);
    if (lock_fd < 0) {
        h->log(h, DG_ERROR, "%s", fault.text);
        return fault.err;
    }
    struct file *f = mem_alloc(sizeof(*f));
    f->host = h;
    f->path = mem_alloc(strlen(path) + 1);
    memcpy(f->path, path, strlen(path));
    f->lock_fd = lock_fd;
    f->busy_ms = (int)h->cfg_int(h, "busy_ms");
    f->read_ms = (uint64_t)h->cfg_int(h, "read_ms");
    f->cache_mb = (int)h->cfg_int(h, "cache_mb");
    f->check_mb = (int)h->cfg_int(h, "check_mb");
    f->writes = queue_new((size_t)h->cfg_int(h, "queue"), QUEUE_BYTES);
    f->reads = queue_new((size_t)h->cfg_int(h, "queue"), QUEUE_BYTES);
    register_metrics(f);
    h->link(h, DG_LINK_CONNECTING, "opening the file");
    if (!start_threads(f, (size_t)h->cfg_int(h, "readers"))) {
        file_free(f);
        return DG_EINTERNAL;
    }
    *self = f;
    return DG_OK;
}

static const struct dg_cfg_key config[] = {
    {"path", DG_CFG_PATH, NULL, "the database file; made when it is missing"},
    {"busy_ms", DG_CFG_MS, "5s", "how long to wait for another program that has it locked"},
    {"read_ms", DG_CFG_MS, "20s", "a read that takes longer is given up"},
    {"readers", DG_CFG_INT, "2", "threads that read, 1 to 16"},
    {"cache_mb", DG_CFG_INT, "16", "memory per thread for pages of the file"},
    {"check_mb", DG_CFG_INT, "128", "at the start a file of up to this size is checked for damage"},
    {"queue", DG_CFG_INT, "65536", "writes that may wait for the disk, and reads for a thread"},
    {0},
};

static const struct dg_storage storage = {
    DG_SIZED(struct dg_storage), .declare = file_declare, .get = file_get,   .query = file_query,
    .write = file_write,         .change = file_change,   .take = file_take, .tally = file_tally,
    /* notify: nobody else may have the file open, so there is nobody to tell. */
};

DG_PLUGIN(.name = "storage-file", .version = DIALGATE_VERSION,
          .summary = "documents in one SQLite file, durable and crash-safe", .config = config,
          .storage = &storage, .open = file_open, .close = file_close);
