/* sync.h - a connection used from a worker thread, one step after the other:
 * connecting, making tables, bulk writes. Every wait has an end and can be
 * called off. */
#ifndef STORAGE_PG_SYNC_H
#define STORAGE_PG_SYNC_H

#include <libpq-fe.h>
#include <stdatomic.h>

#include "dsn.h"
#include "error.h"

struct sync {
    PGconn *conn;
    const atomic_bool *cancelled;
    uint64_t step_ms; /* the longest a single step may take */
    struct fault *fault;
    enum remedy remedy; /* of the server's error */
};

/* Connects to the first server that takes writes, each within `step_ms`. False: `fault` says why,
 * and nothing is left. */
bool sync_connect(struct sync *s, struct dsn *dsn);

/* One statement; up to four parameters, as text; NULL ends them. NULL: a fault. */
PGresult *sync_ask(struct sync *s, const char *sql, const char *const *values);
/* The same where the result is of no interest. */
bool sync_run(struct sync *s, const char *sql);
/* Rows to a COPY ... FROM STDIN that has been begun with sync_ask; sync_copied ends it, with
 * `why` it is not to be. */
bool sync_copy(struct sync *s, const char *bytes, size_t len);
PGresult *sync_copied(struct sync *s, const char *why);
/* One statement with binary parameters. */
PGresult *sync_ask_binary(struct sync *s, const char *sql, int count, const Oid *types,
                          const char *const *values, const int *lengths, const int *formats);

#endif
