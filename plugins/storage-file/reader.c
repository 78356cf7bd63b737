/* reader.c - a thread that answers reads on a connection of its own. What it
 * reads is the file as it was when it began, every committed write included. */
#include "file.h"
#include "work.h"

/* Called by SQLite now and then during a long read: nonzero ends it. */
static int on_progress(void *arg)
{
    struct file *f = arg;
    return atomic_load(&f->closing);
}

static bool open_reader(struct file *f, struct db *db, struct fault *fault)
{
    struct db_config config = {
        .path = f->path, .busy_ms = f->busy_ms, .cache_mb = f->cache_mb, .reads_only = true};
    if (!db_open(db, &config, fault))
        return false;
    sqlite3_progress_handler(db->handle, 10000, on_progress, f);
    return true;
}

void *reader_main(void *arg)
{
    struct file *f = arg;
    struct db db = {0};
    struct job *j;
    pthread_setname_np(pthread_self(), "store-reader");
    while ((j = queue_take(f->reads, false, -1))) {
        /* Not before there is something to read: the writer makes the file. */
        if (db.handle || open_reader(f, &db, &j->fault))
            work_read(&db, atomic_load(&f->schema), j);
        f->host->post(f->host, jobs_answer, j);
    }
    if (db.handle)
        db_close(&db);
    return NULL;
}
