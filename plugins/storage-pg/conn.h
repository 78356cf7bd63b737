/* conn.h - one connection on the loop, in pipeline mode: statements are sent
 * without waiting for the answers of those before.
 *
 * A sync ends a stretch of statements: after an error the server leaves out
 * what follows up to there. Statements are prepared when they come for the
 * first time, and the least used one is given up when there are too many. */
#ifndef STORAGE_PG_CONN_H
#define STORAGE_PG_CONN_H

#include "sql.h"

#define CONN_STATEMENTS 200

struct conn;

/* `res` NULL: the connection was lost before the answer. */
typedef void conn_fn(void *arg, const PGresult *res);

struct conn_events {
    void (*lost)(void *arg, struct conn *c, const char *why); /* after all steps were told */
    void (*noted)(void *arg, const PGnotify *note);
    void *arg;
};

struct conn_statement {
    char *text; /* NULL: free */
    uint64_t hash, used;
    unsigned number;
};

struct conn_step {
    enum { STEP_PREPARE, STEP_ASK, STEP_SYNC } kind;
    bool answered;
    unsigned statement; /* its number */
    conn_fn *fn;
    void *arg;
};

struct conn {
    const struct dg_host *host;
    struct conn_events events;
    PGconn *pg; /* NULL: not connected */
    bool lent;  /* a worker thread has it */
    struct dg_watch *watch;
    struct dg_timer *broken; /* it will be given up on the next turn */
    struct conn_step *steps; /* a ring */
    size_t first, count, cap;
    struct conn_statement statements[CONN_STATEMENTS];
    unsigned numbered;
    uint64_t uses;
    uint64_t heard_ms; /* when something was heard last, or began to be waited for */
    size_t weight;     /* of what is under way, for its user */
    bool unsynced;     /* likewise: asked without a sync behind it yet */
};

void conn_init(struct conn *c, const struct dg_host *h, const struct conn_events *events);
/* Takes over a connection that has nothing under way. */
void conn_attach(struct conn *c, PGconn *pg);
/* Ends it, without a word to anybody; what was under way is told. */
void conn_close(struct conn *c);
/* As if it had ended by itself. */
void conn_lose(struct conn *c, const char *why);
/* To a worker thread and back; nothing may be under way. Back with NULL: it was lost. */
PGconn *conn_lend(struct conn *c);
void conn_return(struct conn *c);

bool conn_up(const struct conn *c);   /* connected, and not lent */
bool conn_idle(const struct conn *c); /* nothing is under way */

/* The statement of `sql`, or of a text that has its parameters. */
void conn_ask(struct conn *c, const char *text, const struct sql *sql, conn_fn *fn, void *arg);
/* BEGIN and the like: not prepared. */
void conn_command(struct conn *c, const char *text, conn_fn *fn, void *arg);
/* `fn` is called when all up to here was answered. Sends what is queued. */
void conn_sync(struct conn *c, conn_fn *fn, void *arg);

#endif
