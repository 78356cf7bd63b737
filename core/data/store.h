/* store.h - the store as the domain uses it: one storage instance with the
 * collections declared, its state watched, and nothing lost while it is away.
 *
 * All functions are for the loop's thread unless marked [any thread]. Requests
 * are copied; callbacks come exactly once, on a later turn, and their results
 * are lent for the call. Without a store (disabled by configuration) every
 * request ends with DG_EUNAVAILABLE and the sentence STORE_DISABLED_TEXT.
 *
 * Two ways of writing. store_write() tells how it went: for what a client
 * waits for, like the creation of a call. store_write_kept() takes the burden
 * over: what must not be lost (a call's progress and end, its CDR) is kept in
 * memory while the store cannot write, the newest of each document, and
 * written in order, again and again with growing pauses, until it is there.
 */
#ifndef DATA_STORE_H
#define DATA_STORE_H

#include <jansson.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "data/collections.h"
#include "plug/storage.h"

#define STORE_DISABLED_TEXT "Database disabled"
#define STORE_MAX_KEPT      10000

struct store;

struct store_config {
    struct loop *loop;
    struct instance
        *instance;           /* NULL: disabled. It stays the caller's, to close after store_free */
    struct metrics *metrics; /* NULL: none */
    size_t max_kept;         /* batches kept in memory; 0: STORE_MAX_KEPT */
};

/* Declares the collections as soon as the instance's link is up. */
struct store *store_new(const struct store_config *config);
/* Batches still kept are dropped (store_drain first); ops under way end without their callback. */
void store_free(struct store *s);

/* To be called from plug_events.link of the instance. */
void store_link(struct store *s, enum dg_link link, const char *detail);

/* `fn` comes once: with DG_OK when the collections are declared (or the store
 * is disabled), or with the first failure, that start-up may stop with. The
 * store goes on trying then. One waiter at a time. */
void store_ready(struct store *s, op_fn *fn, void *arg);

/* ---- State, for /health and /readiness ---------------------------------- */

enum store_state { STORE_DISABLED, STORE_STARTING, STORE_UP, STORE_DOWN };

struct store_status {
    enum store_state state;
    size_t kept;      /* batches in memory that wait for the store */
    char detail[256]; /* why it is down; else "" */
};

/* DOWN also when the link is up but writes fail (a full disk); the store then
 * tries by itself until one succeeds. */
void store_status(struct store *s, struct store_status *out); /* [any thread] */
const char *store_state_name(enum store_state state); /* "disabled" "starting" "up" "down" */

/* ---- Reading ------------------------------------------------------------ */

void store_get(struct store *s, const char *collection, const char *id, op_fn *fn,
               void *arg); /* 1 dg_doc */
void store_query(struct store *s, const struct dg_query *query, op_fn *fn, void *arg); /* dg_doc */
void store_tally(struct store *s, const struct dg_tally *req, op_fn *fn,
                 void *arg); /* dg_tally_row */

/* One document, parsed. */
struct store_doc {
    enum dg_err err;     /* DG_ENOTFOUND: there is none */
    const char *message; /* why; NULL when err is DG_OK */
    const char *id;
    uint64_t version;
    json_t *json; /* an object; json_incref to keep it */
};
typedef void store_doc_fn(void *arg, const struct store_doc *doc);

void store_get_json(struct store *s, const char *collection, const char *id, store_doc_fn *fn,
                    void *arg);
/* The first document whose `field` equals `value`. */
void store_find_json(struct store *s, const char *collection, const char *field, const char *value,
                     store_doc_fn *fn, void *arg);

/* ---- Writing ------------------------------------------------------------ */

/* Writes that take effect together. Everything is copied into the batch. */
struct store_batch {
    struct arena *arena;
    struct dg_write *list;
    size_t count, cap;
};

void store_batch_init(struct store_batch *b);
void store_batch_free(struct store_batch *b); /* also after it was written: does nothing then */
/* `id` NULL: a new document of a serial collection. `expect`: see dialgate/storage.h. */
void store_batch_put(struct store_batch *b, const char *collection, const char *id,
                     struct dg_bytes json, uint64_t expect);
void store_batch_put_json(struct store_batch *b, const char *collection, const char *id,
                          const json_t *json, uint64_t expect);
void store_batch_delete(struct store_batch *b, const char *collection, const char *id,
                        uint64_t expect);

/* Both take the contents of `b`, which is empty afterwards. */
void store_write(struct store *s, struct store_batch *b, op_fn *fn,
                 void *arg); /* yields ids, const char */
/* Puts and deletes with DG_VERSION_ANY and an id, else it is a bug that ends
 * the process. false: too many are kept already, or the store is disabled; the
 * batch is dropped, which is logged in the first case. */
bool store_write_kept(struct store *s, struct store_batch *b);
/* How many more batches could be kept. SIZE_MAX when the store is disabled. */
size_t store_room(const struct store *s);

/* What is kept is written while clock_ms() is below `until_ms` only; later it waits until this is
 * said again. For a gateway that shares the store: see domain/nodes.h. Never said: always. */
void store_lease(struct store *s, uint64_t until_ms);
/* Ids of the documents of a collection that wait. `fn` changes nothing. */
typedef void store_kept_fn(void *arg, const char *id);
void store_kept_each(struct store *s, const char *collection, store_kept_fn *fn, void *arg);
/* What waits of this document is not to be written any more. */
void store_kept_forget(struct store *s, const char *collection, const char *id);

/* One document; shorthand for a batch of one. */
void store_put(struct store *s, const char *collection, const char *id, struct dg_bytes json,
               uint64_t expect, op_fn *fn, void *arg);
void store_put_json(struct store *s, const char *collection, const char *id, const json_t *json,
                    uint64_t expect, op_fn *fn, void *arg);
void store_delete(struct store *s, const char *collection, const char *id, uint64_t expect,
                  op_fn *fn, void *arg);
void store_change(struct store *s, const struct dg_change *req, op_fn *fn,
                  void *arg);                                                      /* 1 uint64_t */
void store_take(struct store *s, const struct dg_take *req, op_fn *fn, void *arg); /* dg_doc */

/* For data/notes.c: whether the store passes notes on to other gateways, and one of them. */
bool store_passes_notes(const struct store *s);
void store_notify(struct store *s, const struct dg_note *note, op_fn *fn, void *arg);

/* For shutdown: `fn` comes when nothing is kept any more, or after `within_ms`. */
void store_drain(struct store *s, uint64_t within_ms, dg_fn *fn, void *arg);

#endif
