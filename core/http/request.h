/* request.h - one HTTP exchange, as handlers see it. [its HTTP thread]
 *
 * Everything reached through it lives until the answer is sent. Strings are
 * decoded, NUL-terminated and valid UTF-8 (a request whose path or query is
 * not was refused before the handler).
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "base/buf.h"
#include "dialgate/plugin.h"
#include "http/route.h"

/* Who asks; a copy that lives with the request. */
struct identity {
    const char *subject, *tenant, *role;
    const char *const *scopes;
    size_t scope_count;
};

const char *request_id(const struct request *req);      /* X-Request-ID */
const char *request_method(const struct request *req);  /* "HEAD" shows as "GET" */
const char *request_path(const struct request *req);    /* as it was asked, without the query */
unsigned request_http_major(const struct request *req); /* 1 or 2 */
const struct route *request_route(const struct request *req);
const char *request_param(const struct request *req,
                          const char *name); /* of the pattern; never NULL */
const char *request_query(const struct request *req,
                          const char *name); /* NULL: absent; "+" is a space */
const char *request_header(const struct request *req,
                           const char *name); /* lower-case name; NULL: absent */
/* The fields of that name as they were sent, for which order, number or odd bytes matter; the first
 * `max` of them go to `out`. Gives how many there are. */
size_t request_header_fields(const struct request *req, const char *name, struct dg_bytes *out,
                             size_t max);
struct dg_bytes request_body(const struct request *req);
const char *request_peer(const struct request *req); /* the client's address without port */
const struct identity *request_identity(const struct request *req); /* NULL on open routes */
bool request_allowed(const struct request *req,
                     const char *permission); /* by the identity's scopes; see route.h */
/* For an answer that lasts: whether its credentials would be let in now as well. Those that cannot
 * be judged at this moment would. Not while a hop is under way; may start one. */
typedef void request_judged_fn(struct request *req, bool welcome);
void request_judge_again(struct request *req, request_judged_fn *fn);
void *request_app(const struct request *req);          /* http_config.app */
unsigned request_thread(const struct request *req);    /* 0 .. threads-1 */
void *request_alloc(struct request *req, size_t size); /* zeroed */
char *request_strdup(struct request *req, const char *s);
/* Calls fn(arg) when the request's memory goes, whether it was answered or not. */
void request_on_end(struct request *req, dg_fn *fn, void *arg);

/* ---- Answering: exactly once --------------------------------------------- */

/* Before the body. Both are copied. CR, LF and NUL in a value end the process: they are bugs. */
void reply_header(struct request *req, const char *name, const char *value);
/* `type` is a constant; the bytes are copied. */
void reply_bytes(struct request *req, int status, const char *type, const char *bytes, size_t len);
void reply_static(struct request *req, int status, const char *type, const char *bytes,
                  size_t len);                                            /* not copied */
void reply_json(struct request *req, int status, const struct buf *body); /* copied */
void reply_empty(struct request *req, int status);
/* In the envelope of the API whose path it is. */
void reply_error(struct request *req, int status, const char *detail);
void reply_unauthenticated(struct request *req, bool missing);

/* ---- The way to the control thread and back --------------------------------- */

struct hop;
/* [control thread] Do it, then hop_done() exactly once, now or later. */
typedef void hop_run_fn(struct hop *hop, void *data);
/* [the request's HTTP thread] Answer. Not called when the client has gone. */
typedef void hop_back_fn(struct request *req, void *data);

/* `data` is the hop's from now on; free_data (NULL: none) is called on the HTTP thread at the
 * end, in any case. When too many are under way the request is answered 503 at once. */
void hop_start(struct request *req, void *data, hop_run_fn *run, hop_back_fn *back,
               dg_fn *free_data);
void hop_done(struct hop *hop);       /* [control thread] */
void *hop_app(const struct hop *hop); /* http_config.app [control thread] */

#endif
