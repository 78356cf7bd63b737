/* own_errors.c - what H2O refuses by itself gets our form.
 *
 * A body far too large, a broken chunk, an unknown expectation, a bad header on
 * HTTP/2: H2O answers these before any handler, in plain text. This filter puts
 * the envelope of the path in their place. Our own answers are known by the
 * X-Request-ID that all of them carry.
 */
#include "http/inside.h"

struct replacement {
    h2o_ostream_t super;
    h2o_iovec_t body;
    bool head;
};

static void send_replacement(h2o_ostream_t *super, h2o_req_t *h2o, h2o_iovec_t *bufs, size_t count,
                             h2o_send_state_t state)
{
    (void)bufs;
    (void)count;
    struct replacement *r = (struct replacement *)super;
    bool bare = r->head || !r->body.len;
    h2o_ostream_send_next(super, h2o, bare ? NULL : &r->body, bare ? 0 : 1, state);
}

static const char *sentence(int status)
{
    return status == 413   ? "Request too large"
           : status == 503 ? TOO_MANY_UPLOADS
                           : status_reason(status);
}

static void replace(struct conn *c, h2o_req_t *h2o, struct replacement *r)
{
    int status = h2o->res.status;
    struct request *req = request_new(h2o, c->worker, c);
    const char *why;
    request_parse(req, &why);
    h2o->res.headers = (h2o_headers_t){NULL, 0, 0};
    req->instead = &r->body;
    r->head = req->head;
    if (status == 413 && c->upload_refused)
        status = 503;
    if (status == 413 || status == 503)
        refused(c->worker->http, status == 413 ? REFUSED_BODY : REFUSED_UPLOADS);
    if (!h2o->http1_is_persistent)
        reply_close(req);
    reply_error(req, status, sentence(status));
}

void own_errors_setup(h2o_filter_t *self, h2o_req_t *h2o, h2o_ostream_t **slot)
{
    (void)self;
    struct conn *c = conn_of(h2o);
    if (c && h2o_find_header_by_str(&h2o->res.headers, H2O_STRLIT("x-request-id"), -1) < 0) {
        struct replacement *r = (struct replacement *)h2o_add_ostream(h2o, sizeof(*r), slot);
        r->super.do_send = send_replacement;
        r->body = (h2o_iovec_t){0};
        slot = &r->super.next;
        replace(c, h2o, r);
    }
    h2o_setup_next_ostream(h2o, slot);
}
