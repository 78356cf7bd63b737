/* job.h - one request on its way: copied when it comes, done on a thread or a
 * connection, answered on the loop thread. Always one owner: a queue, the thread
 * that works on it, or the loop. */
#ifndef STORE_JOB_H
#define STORE_JOB_H

#include "store/schema.h"

enum job_kind {
    JOB_DECLARE,
    JOB_GET,
    JOB_QUERY,
    JOB_TALLY,
    JOB_WRITE,
    JOB_CHANGE,
    JOB_TAKE,
    JOB_NOTIFY
};

/* A document that a queued write touches; see queue.c. */
struct slot {
    struct slot *next, *prev;
    uint64_t hash;
    const struct dg_write *write;
    struct job *job;
};

struct job {
    struct job *next;
    const struct dg_host *host;
    struct dg_op *op;
    struct pool pool; /* holds the job too */
    size_t bytes;     /* of documents, for the queue's bound */
    enum job_kind kind;
    union {
        struct schema *schema; /* declare; whoever uses it clears it */
        struct dg_key key;
        struct dg_query query;
        struct dg_tally tally;
        struct dg_change change;
        struct dg_take take;
        struct dg_note note;
        struct {
            struct dg_write *list;
            size_t count;
        } write;
    } ask;

    /* Of single puts of one document that were queued one after the other only
     * the newest is carried out, in the place of the first. */
    struct job *followers; /* of the first: the others, which get the same answer */
    struct job *newest;    /* the last of them */
    size_t follower_count;
    struct slot *slots; /* as many as writes */
    uint64_t barrier;   /* the queue's count when the job came */
    unsigned tries;     /* how often it was begun before */
    void *own;          /* what the store keeps with it */

    /* The answer: items of the op's kind, or a fault. */
    struct fault fault;
    struct dg_doc *docs;
    struct dg_tally_row *rows;
    const char **ids;
    uint64_t changed;
    size_t count, cap;
};

struct job *job_get(const struct dg_host *h, struct dg_op *op, const struct dg_key *key);
struct job *job_query(const struct dg_host *h, struct dg_op *op, const struct dg_query *q);
struct job *job_tally(const struct dg_host *h, struct dg_op *op, const struct dg_tally *t);
struct job *job_write(const struct dg_host *h, struct dg_op *op, const struct dg_write *list,
                      size_t count);
struct job *job_change(const struct dg_host *h, struct dg_op *op, const struct dg_change *c);
struct job *job_take(const struct dg_host *h, struct dg_op *op, const struct dg_take *t);
struct job *job_notify(const struct dg_host *h, struct dg_op *op, const struct dg_note *n);
struct job *job_declare(const struct dg_host *h, struct dg_op *op, struct schema *schema);

/* Make the followers jobs of their own again, behind `j` in its list. */
void job_split(struct job *j);

/* While working: forget what was answered so far; add to the answer. */
void job_reset(struct job *j);
void job_add_doc(struct job *j, const char *id, uint64_t version, const void *json, size_t len);
void job_add_row(struct job *j, const char *value, uint64_t count, const int64_t *sums,
                 size_t sum_count);
void job_add_id(struct job *j, const char *id);

/* End the op of each job of a list, and free them. On the loop thread. */
void jobs_answer(void *first);

#endif
