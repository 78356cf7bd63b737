/* errand.h - one piece of work on a worker thread. */
#ifndef STORAGE_PG_ERRAND_H
#define STORAGE_PG_ERRAND_H

#include "pg.h"

struct errand {
    struct pg *pg;
    struct job *job;
    PGconn *conn;
    const struct schema *schema;
    uint64_t number; /* of the group that it is */
    size_t bulk;     /* so many of the job's writes go together */
    struct fault fault;
    enum remedy remedy;
    bool in_doubt; /* it may have been committed */
    uint64_t filled;
};

#endif
