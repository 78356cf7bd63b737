/* nodes.h - the gateways on one store: who they are, and who is alive.
 * [control thread]
 *
 * Each has a document named like itself and renews it again and again (a
 * beat), by the store's clock. One that has not for `dead_after` is dead: its
 * calls are taken over by others (adoption.h), one after the other, by marking
 * its document. Whoever finds its own document marked was away for too long
 * (frozen, or cut off from the store), and has to find out first what is still
 * its own.
 *
 * From its last beat on a gateway may write what it knows of its calls for a
 * time that is shorter than `dead_after`; then its writes wait (store_lease)
 * until it knows better. So nothing of it comes late over what its heir writes.
 *
 * A store that passes no notes on (dg_storage.notify) belongs to one gateway
 * alone: nothing is written then, and the gateway is the only one it knows.
 */
#ifndef DOMAIN_NODES_H
#define DOMAIN_NODES_H

#include "base/id.h"
#include "base/metrics.h"
#include "data/notes.h"

struct calls;
struct nodes;

#define NODE_NAME_MAX 40

struct nodes_config {
    struct loop *loop;
    struct store *store;
    struct notes *notes;
    struct metrics *metrics; /* NULL: none */
    const char *name;        /* of this one: node_name_ok */
    const char *version;
    uint64_t dead_after_ms; /* the same on all of them */
    /* While this one was away another one has started under its name: it has nothing to do here any
     * more. NULL: nobody wants to know. */
    dg_fn *replaced;
    void *arg;
};

/* 1 to NODE_NAME_MAX letters, digits, '.', '_' and '-'. */
bool node_name_ok(const char *name);

struct nodes *nodes_new(const struct nodes_config *config);
/* `fn` gets DG_OK when this gateway has the name, or DG_ECONFLICT: another one that is alive has
 * it. One that was killed a moment ago is waited for, to see whether it beats. */
void nodes_start(struct nodes *n, op_fn *fn, void *arg);
void nodes_follow(struct nodes *n, const struct calls *calls); /* what is told of this one */
/* `fn` comes when the others know that it has stopped, or cannot be told. */
void nodes_stop(struct nodes *n, dg_fn *fn, void *arg);
void nodes_free(struct nodes *n); /* after nodes_stop */

bool nodes_shared(const struct nodes *n); /* others may be on the store */
const char *nodes_self(const struct nodes *n);

/* ---- Asking ---------------------------------------------------------------- */

enum node_state {
    NODE_RUNNING,
    NODE_STOPPED,  /* by itself */
    NODE_ADOPTING, /* it is dead, and another one takes its calls over */
    NODE_DEAD,     /* that was done */
};
const char *node_state_name(enum node_state state);

struct node {
    const char *name;
    char run[ID_SIZE]; /* another one after each start */
    enum node_state state;
    bool self;
    bool alive;
    int64_t started_at_ms, seen_at_ms; /* by the store's clock */
    char *version;
    int64_t calls;  /* live ones */
    char *backends; /* a JSON array */
    char *adopter;  /* who took its calls over last, or "" */
};
/* As of the last look, a beat ago at most, but for `alive`. NULL: unknown. */
const struct node *nodes_find(const struct nodes *n, const char *name);
bool nodes_alive(const struct nodes *n, const char *name);
/* This one first, then by name. */
typedef void node_fn(void *arg, const struct node *node);
void nodes_each(const struct nodes *n, node_fn *fn, void *arg);
void nodes_refresh(struct nodes *n);           /* what is known of this one is of now */
int64_t nodes_store_ms(const struct nodes *n); /* the store's clock, as far as it is known */

/* Whether this one has been there for so long without a gap that it may say of others that they
 * are dead. */
bool nodes_may_judge(const struct nodes *n);

/* ---- Being told ------------------------------------------------------------ */

struct nodes_events {
    void (*looked)(void *arg); /* the picture is fresh */
    /* The others took this gateway for dead: it is alive again under its name, and is to let go of
     * what is no longer its own. The lease is renewed by nodes_settled. */
    void (*returned)(void *arg);
    void *arg;
};
void nodes_tell(struct nodes *n, const struct nodes_events *events);
void nodes_settled(struct nodes *n);

/* ---- For adoption.c -------------------------------------------------------- */

/* Marks a dead node as being taken over by this one: 1 dg_doc, or none if somebody was faster or
 * it is alive again. */
void nodes_mark(struct nodes *n, const struct node *dead, op_fn *fn, void *arg);
void nodes_unmark(struct nodes *n, const char *name);

#endif
