/* pg.h - one instance: a database, the connection that writes, those that read,
 * and the one that listens.
 *
 * All writes go one way, through one connection, in groups that share a
 * transaction and a wait for the disk; so what a document goes through keeps
 * its order. A group is sent, and when all of it went well, committed: whether
 * it was is known or, if the connection ends just then, found out by the number
 * of the group, which is written with it.
 */
#ifndef STORAGE_PG_PG_H
#define STORAGE_PG_PG_H

#include <stdatomic.h>

#include "conn.h"
#include "dsn.h"
#include "error.h"
#include "statements.h"
#include "store/queue.h"

#define READERS_MAX 16

/* Jobs that make one transaction, and those that wait to be done again. */
struct set {
    struct set *next;
    struct job *jobs;
};

enum group_state {
    GROUP_NONE,
    GROUP_WORKING,    /* sent, not yet all answered */
    GROUP_COMMITTING, /* or in doubt, when the connection is gone */
    GROUP_ROLLING_BACK,
    GROUP_LENT /* a worker thread does it */
};

struct group {
    enum group_state state;
    struct job *jobs;
    uint64_t number;
    bool useless;       /* it cannot be committed: `fault` */
    struct job *failed; /* the job that is to blame; NULL: all of them, or the server */
    struct fault fault;
    enum remedy remedy;
};

struct attempt; /* link.c */
struct errand;  /* work.c */

struct pg {
    const struct dg_host *host;
    struct dsn dsn;
    char name[64]; /* of this instance in the server: "dialgate 1f3a..." */
    uint64_t read_ms, connect_ms, lock_ms;
    struct schema *schema;
    struct queue *writes, *reads;

    struct conn writer, listener, readers[READERS_MAX];
    size_t reader_count;
    struct sql sql; /* scratch */

    struct group group;
    struct set *again, **again_end; /* before what is queued */
    struct job *reads_again;
    bool read_kicked; /* a turn of the readers is posted */
    uint64_t groups;
    unsigned waits;        /* groups in a row that the server could not write */
    bool kicked;           /* a turn of the writer is posted */
    struct errand *errand; /* on a worker thread */

    struct attempt *attempt; /* to connect, on a worker thread */
    struct dg_timer *retry, *tick;
    unsigned failures; /* attempts in a row */
    uint64_t alive_ms; /* when an attempt last went well */
    enum dg_link link;
    char why[600]; /* it is not up */

    atomic_bool closing; /* called off: worker threads stop waiting */
    bool ending;         /* close was called */
    struct dg_op *close_op;
    struct dg_timer *close_timer, *close_check;
    struct {
        struct dg_metric *transactions, *writes, *replaced, *reconnects, *connections, *retried;
    } metrics;
};

/* ---- writer.c ----------------------------------------------------------- */

void writer_kick(struct pg *p); /* there may be something to write */
void writer_lost(struct pg *p);
/* The writer's connection is there again; `last`: the last group it finds written. */
void writer_back(struct pg *p, uint64_t last);
/* All that waits fails; a group whose fate is not known stays. */
void writer_fail(struct pg *p, const struct fault *why);
bool writer_idle(const struct pg *p);
void writer_init(struct pg *p);
/* The group cannot be committed, for the result of a statement of `j` (NULL: of none). */
void writer_spoil(struct pg *p, struct job *j, const PGresult *res);
/* The same, when it is the job alone that says so. */
void writer_refuse(struct pg *p, struct job *j);
/* A worker thread has the writer's connection, and then not any more. `in_doubt`: it may
 * have been committed. */
PGconn *writer_lend(struct pg *p, struct job *j);
void writer_return(struct pg *p, bool in_doubt);
#define WRITER_NOTE_GROUP                                                                          \
    "INSERT INTO " TABLE_GROUPS " AS g(gateway,last,at) VALUES($1,$2,now()) "                      \
    "ON CONFLICT(gateway) DO UPDATE SET last=EXCLUDED.last,at=EXCLUDED.at"

/* ---- put.c: the statements of a job -------------------------------------- */

/* False: the job has a fault, and nothing was sent. */
bool job_check(struct pg *p, struct job *j);
void job_send(struct pg *p, struct job *j);
/* Whether its coalesced puts must be carried out one by one. */
bool job_must_split(const struct schema *schema, struct job *j);
/* How many documents at a job's beginning a worker thread does better, all of one collection; what
 * comes behind them is done with them. 0: none. */
size_t job_bulk(const struct pg *p, const struct job *j);

/* One write of a job, checked. */
struct put {
    struct pg *pg;
    struct job *job;
    const struct table *table;
    const struct dg_write *write;
    struct dg_bytes json;
    struct value id, *values;
};

bool put_check(const struct schema *schema, struct job *j, const struct dg_write *w,
               struct put *out, struct fault *fault);
/* The text; its parameters are put into `sql`. */
const char *put_statement(const struct put *put, struct sql *sql);
/* What the statement's result, which is no error, means: an id for the answer, or a conflict. */
bool put_done(const struct put *put, const PGresult *res, struct fault *fault);

/* ---- errand.c: what a worker thread does ---------------------------------- */

void errand_declare(struct pg *p, struct job *j);
void errand_bulk(struct pg *p, struct job *j);

/* ---- reader.c ------------------------------------------------------------ */

void reader_next(struct pg *p);
void reader_fail(struct pg *p, const struct fault *why);
bool reader_idle(const struct pg *p);
/* Rows of id, version, doc to the job's answer. */
void reader_docs(struct job *j, const PGresult *res);

/* ---- link.c -------------------------------------------------------------- */

void link_start(struct pg *p);
void link_stop(struct pg *p);
bool link_busy(const struct pg *p); /* a worker thread is connecting */
extern const struct conn_events link_events;

/* ---- notes.c ------------------------------------------------------------- */

#define NOTE_CHANNEL "dialgate"
bool note_fits(const struct pg *p, const struct dg_note *note);
void note_make(struct pg *p, struct job *j); /* the statement that sends it */
void note_came(struct pg *p, const PGnotify *note);

/* ---- storage_pg.c -------------------------------------------------------- */

void pg_closed(struct pg *p); /* on the next turn: ends the closing, if nothing is left to do */

#endif
