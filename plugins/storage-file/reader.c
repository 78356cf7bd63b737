/* reader.c - a thread that answers reads on a connection of its own. What it
 * reads is the file as it was when it began, every committed write included. */
#include "file.h"
#include "work.h"

struct reader {
    struct file *file;
    struct db db;
    uint64_t deadline_ms; /* of the read under way */
    bool late;
};

/* Called by SQLite now and then during a long read: nonzero ends it. */
static int on_progress(void *arg)
{
    struct reader *r = arg;
    const struct dg_host *h = r->file->host;
    r->late = h->now_ms(h) > r->deadline_ms;
    return r->late || atomic_load(&r->file->closing);
}

static bool open_reader(struct reader *r, struct fault *fault)
{
    const struct file *f = r->file;
    struct db_config config = {
        .path = f->path, .busy_ms = f->busy_ms, .cache_mb = f->cache_mb, .reads_only = true};
    if (!db_open(&r->db, &config, fault))
        return false;
    sqlite3_progress_handler(r->db.handle, 10000, on_progress, r);
    return true;
}

static void read_job(struct reader *r, struct job *j)
{
    const struct file *f = r->file;
    /* Not before there is something to read: the writer makes the file. */
    if (!r->db.handle && !open_reader(r, &j->fault))
        return;
    r->deadline_ms = f->host->now_ms(f->host) + f->read_ms;
    r->late = false;
    work_read(&r->db, atomic_load(&f->schema), j);
    if (j->fault.err != DG_OK && r->late) {
        j->fault.err = DG_OK;
        fault_set(&j->fault, DG_ETIMEOUT, "the read was given up after %llu ms",
                  (unsigned long long)f->read_ms);
    }
}

void *reader_main(void *arg)
{
    struct file *f = arg;
    struct reader r = {.file = f};
    struct job *j;
    pthread_setname_np(pthread_self(), "store-reader");
    while ((j = queue_take(f->reads, false, -1))) {
        read_job(&r, j);
        f->host->post(f->host, jobs_answer, j);
    }
    if (r.db.handle)
        db_close(&r.db);
    return NULL;
}
