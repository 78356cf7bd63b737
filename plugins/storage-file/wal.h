/* wal.h - what a crash has left of the write-ahead log.
 *
 * SQLite drops, without a word, whatever follows the last whole transaction of
 * the log. After a kill or a power cut that is work nobody was told was done.
 * After damage it can be more than that, so an operator is to know of it.
 */
#ifndef STORAGE_FILE_WAL_H
#define STORAGE_FILE_WAL_H

#include <stdbool.h>
#include <stddef.h>

struct wal_tail {
    bool damaged;   /* a page of the newest transactions is torn or altered */
    size_t kept;    /* pages of whole transactions */
    size_t dropped; /* pages behind them that belong to this log, torn ones included */
};

/* Looks at the log beside the database `path`, before SQLite does. No log, or
 * one that cannot be read: nothing is kept or dropped. */
struct wal_tail wal_inspect(const char *path);

#endif
