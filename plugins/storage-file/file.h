/* file.h - one instance: a file, the thread that writes it, the threads that read it. */
#ifndef STORAGE_FILE_FILE_H
#define STORAGE_FILE_FILE_H

#include <pthread.h>
#include <stdatomic.h>

#include "db.h"
#include "store/queue.h"

#define READERS_MAX 16

struct file {
    const struct dg_host *host;
    char *path;
    int lock_fd; /* held from open to close: one gateway per file */
    int busy_ms, cache_mb, check_mb;
    uint64_t read_ms; /* a read that takes longer is given up */
    struct queue *writes, *reads;
    bool gathering; /* writes of this turn of the loop; they are let go at its end */
    _Atomic(struct schema *) schema; /* the newest declared; set by the writer */
    atomic_bool closing;
    pthread_t writer, readers[READERS_MAX];
    size_t reader_count;
    struct dg_op *close_op;
    struct {
        struct dg_metric *transactions, *writes, *replaced, *wal;
    } metrics;
};

/* Thread functions; `arg` is the file. */
void *reader_main(void *arg);
/* Ends when its queue is closed and empty: joins the readers, then posts file_closed. */
void *writer_main(void *arg);
void file_closed(void *arg);

/* "/var/lib/x.db.lock": takes it, or says who has it. -1: a fault. */
int lock_take(const char *path, struct fault *fault);

#endif
