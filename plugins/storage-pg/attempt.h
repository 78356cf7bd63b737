/* attempt.h - one attempt to connect, on a worker thread. */
#ifndef STORAGE_PG_ATTEMPT_H
#define STORAGE_PG_ATTEMPT_H

#include "pg.h"
#include "sync.h"

struct attempt {
    struct pg *pg;
    struct conn *conn; /* whom it is for; NULL: only to see whether the server answers */
    uint64_t began_ms;
    PGconn *made;  /* NULL: `fault` */
    uint64_t last; /* of the writer's connection: the last group that is written */
    struct fault fault;
};

void attempt_work(void *attempt);

#endif
