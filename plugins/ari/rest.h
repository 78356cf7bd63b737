/* rest.h - one ARI request: sent, bounded, its answer made an op's end.
 *
 *     rest_send(a, op, &(struct rest_call){
 *         .method = "POST", .path = {"channels", req->call, "answer"}});
 *
 * Every piece of the path and every value is percent-encoded here, so nothing
 * a client names can reach another resource. Without `then` a 2xx ends the op
 * well and anything else fails it; with it, `then` is called exactly once, also
 * when the instance closes, and may be called before rest_send returns.
 */
#ifndef ARI_REST_H
#define ARI_REST_H

#include <jansson.h>

#include "dialgate/plugin.h"

struct ari;

struct rest_reply {
    enum dg_err err;    /* DG_OK: 2xx; else what the op should fail with */
    int status;         /* 0: no answer came */
    const json_t *json; /* of the body, or NULL */
    struct dg_bytes body;
    const char *words; /* Asterisk's own, or why nothing came; or NULL */
};

typedef void rest_fn(struct ari *a, struct dg_op *op, const struct rest_reply *reply, void *arg);

struct rest_call {
    const char *method; /* NULL: GET */
    const char *path[5];
    struct dg_kv query[8]; /* until a NULL key; a NULL value is left out */
    json_t *body;          /* taken over */
    uint64_t timeout_ms;   /* 0: request_timeout */
    size_t max_body;
    uint64_t delay_ms; /* before it is sent */
    bool urgent;       /* does not wait behind others */
    /* The answer's body comes here, in parts, and not in the reply. NULL: it does not. */
    void (*part)(struct ari *a, void *arg, struct dg_bytes part);
    rest_fn *then;
    void *arg;
};

struct request;

struct rest {
    struct request *sent, *delayed; /* under way; not to be sent yet */
    struct request *first, *last;   /* waiting, in order */
    size_t sent_count, waiting_count;
};
#define REST_WAITING 10000

void rest_send(struct ari *a, struct dg_op *op, const struct rest_call *call);
/* The same with a path that is already encoded, without the leading slash. */
void rest_send_path(struct ari *a, struct dg_op *op, const struct rest_call *call,
                    const char *path);
/* End `op` with what the reply says: "ARI error 404: Channel not found". */
void rest_fail(struct ari *a, struct dg_op *op, const struct rest_reply *reply);
void rest_close(struct ari *a); /* ends all with DG_EUNAVAILABLE */

#endif
