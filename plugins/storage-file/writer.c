/* writer.c - the thread that writes: one transaction, and so one wait for the
 * disk, for all that has come in meanwhile.
 *
 * Everything of a group is answered after its COMMIT. A write that fails by
 * itself (a conflict) fails alone. When a transaction fails as a whole (a full
 * disk), its writes are tried one by one, so that one that is too big does not
 * fail its neighbours.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "declare.h"
#include "file.h"
#include "wal.h"
#include "work.h"

#define OPEN_AGAIN_MS   5000
#define FAILURES_IN_ROW 3 /* of transactions of one write, then the rest is not tried */

struct writer {
    struct file *file;
    struct db db;
};

/* ---- The link ----------------------------------------------------------- */

struct link_note {
    struct file *file;
    enum dg_link link;
    char detail[400];
};

static void say_link(void *arg)
{
    struct link_note *note = arg;
    const struct dg_host *h = note->file->host;
    if (!note->file->close_op) {
        if (note->link != DG_LINK_UP)
            h->log(h, DG_ERROR, "%s", note->detail);
        h->link(h, note->link, note->detail);
    }
    free(note);
}

static void post_link(struct file *f, enum dg_link link, const char *detail)
{
    struct link_note *note = mem_alloc(sizeof(*note));
    note->file = f;
    note->link = link;
    snprintf(note->detail, sizeof(note->detail), "%s", detail);
    f->host->post(f->host, say_link, note);
}

static void fail_all(struct job *first, const struct fault *why)
{
    for (struct job *j = first; j; j = j->next)
        j->fault = *why;
}

/* After a crash: what SQLite has dropped without a word. */
static void say_dropped(const struct file *f, const struct wal_tail *tail)
{
    if (tail->damaged)
        f->host->log(f->host, DG_WARN,
                     "%s-wal: its last %zu pages are torn or damaged; they were dropped with the "
                     "transactions they belong to, the %zu pages before them are whole",
                     f->path, tail->dropped, tail->kept);
    else if (tail->dropped)
        f->host->log(f->host, DG_INFO,
                     "%s-wal: a transaction that was not finished was dropped, %zu pages", f->path,
                     tail->dropped);
}

static bool open_file(struct writer *w)
{
    struct file *f = w->file;
    struct wal_tail tail = wal_inspect(f->path);
    struct db_config config = {
        .path = f->path, .busy_ms = f->busy_ms, .cache_mb = f->cache_mb, .check_mb = f->check_mb};
    char told[400] = "";
    for (;;) {
        struct fault fault = {0};
        if (db_open(&w->db, &config, &fault)) {
            say_dropped(f, &tail);
            post_link(f, DG_LINK_UP, f->path);
            return true;
        }
        if (strcmp(told, fault.text) != 0)
            post_link(f, DG_LINK_DOWN, fault.text);
        snprintf(told, sizeof(told), "%s", fault.text);
        struct job *jobs;
        while ((jobs = queue_take(f->writes, true, OPEN_AGAIN_MS))) {
            fail_all(jobs, &fault);
            f->host->post(f->host, jobs_answer, jobs);
        }
        if (queue_closed(f->writes))
            return false;
    }
}

/* ---- Groups ------------------------------------------------------------- */

/* Several puts carried out as one give each the same result; where it could
 * differ, each is carried out by itself. */
static void work_job(struct writer *w, struct job *j, int64_t now_ms)
{
    const struct schema *schema = atomic_load(&w->file->schema);
    if (work_must_split(schema, j))
        job_split(j);
    job_reset(j);
    work_write(&w->db, schema, j, now_ms);
    if (j->fault.err == DG_OK || !j->followers || !db_in_transaction(&w->db))
        return;
    job_split(j);
    job_reset(j);
    work_write(&w->db, schema, j, now_ms);
}

/* Jobs in one transaction: all of the list, or the first. False: it failed as
 * a whole, `begun` tells whether on its way. */
static bool transact(struct writer *w, struct job *first, bool alone, bool *begun,
                     struct fault *fault)
{
    const struct dg_host *h = w->file->host;
    int64_t now_ms = h->unix_ms(h);
    *begun = db_exec(&w->db, "BEGIN IMMEDIATE", fault);
    if (!*begun)
        return false;
    for (struct job *j = first; j; j = alone ? NULL : j->next) {
        work_job(w, j, now_ms);
        if (!db_in_transaction(&w->db)) {
            *fault = j->fault;
            return false;
        }
    }
    h->metric_add(w->file->metrics.transactions, 1);
    if (db_exec(&w->db, "COMMIT", fault))
        return true;
    if (db_in_transaction(&w->db))
        db_exec(&w->db, "ROLLBACK", &(struct fault){0});
    return false;
}

static void one_by_one(struct writer *w, struct job *first)
{
    unsigned failures = 0;
    for (struct job *j = first; j; j = j->next) {
        struct fault fault = {0};
        bool begun;
        if (transact(w, j, true, &begun, &fault)) {
            failures = 0;
            continue;
        }
        j->fault = fault;
        if (!begun || ++failures == FAILURES_IN_ROW) {
            fail_all(j->next, &fault);
            return;
        }
    }
}

static void declare(struct writer *w, struct job *j)
{
    const struct dg_host *h = w->file->host;
    uint64_t filled;
    if (!declare_all(&w->db, j->ask.schema, &filled, &j->fault))
        return;
    if (filled)
        h->log(h, DG_INFO, "new fields filled in for %llu documents", (unsigned long long)filled);
    struct schema *schema = j->ask.schema;
    j->ask.schema = NULL;
    schema->older = atomic_load(&w->file->schema);
    atomic_store(&w->file->schema, schema);
}

static void write_group(struct writer *w, struct job *group)
{
    struct fault fault = {0};
    bool begun;
    if (group->kind == JOB_DECLARE) {
        declare(w, group);
    } else if (!transact(w, group, false, &begun, &fault)) {
        if (begun)
            one_by_one(w, group);
        else
            fail_all(group, &fault);
    }
}

static void count(struct writer *w, const struct job *group, uint64_t *replaced, int *wal)
{
    const struct file *f = w->file;
    int64_t jobs = 0;
    for (const struct job *j = group; j; j = j->next)
        jobs += 1 + (int64_t)j->follower_count;
    uint64_t now_replaced = queue_replaced(f->writes);
    f->host->metric_add(f->metrics.writes, jobs);
    f->host->metric_add(f->metrics.replaced, (int64_t)(now_replaced - *replaced));
    f->host->metric_add(f->metrics.wal, w->db.wal_pages - *wal);
    *replaced = now_replaced;
    *wal = w->db.wal_pages;
}

void *writer_main(void *arg)
{
    struct writer w = {.file = arg};
    struct file *f = arg;
    uint64_t replaced = 0;
    int wal = 0;
    pthread_setname_np(pthread_self(), "store-writer");
    if (open_file(&w)) {
        struct job *group;
        while ((group = queue_take(f->writes, true, -1))) {
            write_group(&w, group);
            count(&w, group, &replaced, &wal);
            f->host->post(f->host, jobs_answer, group);
            db_checkpoint(&w.db, false);
        }
    }
    for (size_t i = 0; i < f->reader_count; i++)
        pthread_join(f->readers[i], NULL);
    if (w.db.handle) {
        db_checkpoint(&w.db, true);
        db_close(&w.db);
    }
    f->host->post(f->host, file_closed, f);
    return NULL;
}
