/* session.h - one action: sent with an id of its own, bounded in time, its
 * response made an op's end.
 *
 *     session_send(a, op, &(struct request){
 *         .action = "PlayDTMF", .lines = {{"Channel", call}, {"Digit", "5"}}});
 *
 * A line with a NULL value is left out. Every value is checked as action.h says:
 * what a client names can not become a second line. Asterisk takes a call's id
 * where it wants a Channel; ami_channel() checks what a client calls one.
 * Without `then` a Success ends the op well and anything else fails it; with it,
 * `then` is called exactly once, also when the link is lost or the instance
 * closes, and may be called before session_send returns.
 *
 * Actions that answer with a list have `entry`: it is called for each event of
 * the list, then `then` with the response. An event that comes after its
 * action's end (OriginateResponse) goes to events.h like any other.
 */
#ifndef AMI_SESSION_H
#define AMI_SESSION_H

#include "asterisk/table.h"
#include "dialgate/plugin.h"
#include "message.h"

struct ami;

struct reply {
    enum dg_err err;               /* DG_OK: Success; else what the op should fail with */
    const struct message *message; /* the response; NULL: none came */
    const char *words;             /* Asterisk's own, or why nothing came; never NULL */
    bool sent;                     /* the action has gone out: it may have been carried out */
};

typedef void reply_fn(struct ami *a, struct dg_op *op, const struct reply *r, void *arg);
typedef void entry_fn(struct ami *a, struct dg_op *op, const struct message *event, void *arg);

struct request {
    const char *action;
    const char *id;                /* ActionID; NULL: one is made up */
    struct dg_kv lines[16];        /* until a NULL key */
    const struct dg_kv *variables; /* as "Variable:" lines */
    size_t variable_count;
    uint64_t timeout_ms; /* 0: request_timeout */
    bool early;          /* before the link is up: the link's own */
    entry_fn *entry;
    reply_fn *then;
    void *arg;
};

struct asked;

struct session {
    struct parser parser;
    struct dg_stream *stream;
    struct table asked; /* by ActionID */
    uint64_t last_id;
    uint64_t heard_ms;   /* when the last byte came */
    uint64_t asked_ms;   /* when the last action was sent */
    size_t late;         /* responses to nothing that waits */
    size_t said_skipped; /* of parser.skipped, how many the log has */
};
#define SESSION_ASKED_MAX 10000

void session_send(struct ami *a, struct dg_op *op, const struct request *r);
/* End `op` with what the reply says: "AMI error: No such channel". */
void session_fail(struct ami *a, struct dg_op *op, const struct reply *reply);

/* link.c: the connection is there; it has gone. session_end ends all that waits. */
void session_begin(struct ami *a, banner_fn *banner);
void session_take(struct ami *a, struct dg_bytes bytes);
void session_end(struct ami *a, const char *why);

#endif
