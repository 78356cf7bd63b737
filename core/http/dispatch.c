/* dispatch.c - the way of a request through this module: its form, cross-origin
 * questions, the route, its size, who asks, the permission, the handler. */
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "http/cors.h"
#include "http/framing.h"
#include "http/inside.h"

/* ---- Form --------------------------------------------------------------- */

/* HTTP/1: the head lies at the beginning of the input buffer, in front of the body. */
static bool ambiguous(const struct request *req)
{
    const h2o_buffer_t *in = req->conn->sock->input;
    return req->h2o->version < 0x200 && in->size && framing_ambiguous(in->bytes, in->size);
}

/* H2O puts its own name in the place of a Host that is not there. */
static bool host_missing(const struct request *req)
{
    const h2o_req_t *h2o = req->h2o;
    return h2o->version == 0x101 &&
           h2o->input.authority.base == h2o->hostconf->authority.hostport.base;
}

static bool headers_too_large(struct request *req)
{
    const h2o_req_t *h2o = req->h2o;
    const struct http_limits *l = worker_limits(req->worker);
    size_t size = 0;
    for (size_t i = 0; i < h2o->headers.size; i++)
        size += h2o->headers.entries[i].name->len + h2o->headers.entries[i].value.len;
    return h2o->headers.size > l->max_headers || size > l->max_header_bytes;
}

/* true: refused and answered. */
static bool malformed(struct request *req)
{
    const char *why;
    int status = request_parse(req, &why);
    if (ambiguous(req)) {
        reply_close(req);
        reply_refuse(req, 400, "Ambiguous request head", REFUSED_FRAMING);
    } else if (host_missing(req)) {
        reply_error(req, 400, "Host header missing");
    } else if (status == 414) {
        reply_refuse(req, status, why, REFUSED_URI);
    } else if (status) {
        reply_error(req, status, why);
    } else if (headers_too_large(req)) {
        reply_refuse(req, 431, "Request headers too large", REFUSED_HEADERS);
    } else {
        return false;
    }
    return true;
}

/* ---- OPTIONS ------------------------------------------------------------ */

#define ALL_METHODS "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

/* The headers that the page wants to send, if they look like names; else any. */
static const char *wanted_headers(struct request *req)
{
    const char *wanted = request_header(req, "access-control-request-headers");
    if (str_empty(wanted) || strlen(wanted) > 1024 ||
        !str_only(wanted, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_, "))
        return "*";
    return wanted;
}

static void answer_preflight(struct request *req, const char *origin)
{
    if (cors_judge(req->worker->policy->origins, origin) == CORS_REFUSED) {
        reply_text(req, 400, "Disallowed CORS origin");
        return;
    }
    bool kept = request_echoes_origin(req);
    reply_header(req, "Access-Control-Allow-Methods", ALL_METHODS);
    reply_header(req, "Access-Control-Allow-Headers", wanted_headers(req));
    reply_header(req, "Access-Control-Max-Age", kept ? "86400" : "600");
    if (kept)
        reply_empty(req, 200);
    else
        reply_text(req, 200, "OK");
}

/* Without a cross-origin question: what the path can do. */
static void answer_options(struct request *req)
{
    char allow[ALLOW_SIZE];
    router_allow(req->match.methods, allow);
    reply_header(req, "Allow", allow);
    reply_empty(req, request_echoes_origin(req) ? 200 : 204);
}

static bool preflight(struct request *req)
{
    if (!str_eq(req->method, "OPTIONS") ||
        !request_raw_header(req, "access-control-request-method").len)
        return false;
    const char *origin = request_header(req, "origin");
    if (str_empty(origin))
        return false;
    answer_preflight(req, origin);
    return true;
}

/* "OPTIONS *" asks about the server as a whole and is no path. */
static bool options_star(struct request *req)
{
    const h2o_iovec_t target = req->h2o->input.path;
    if (!str_eq(req->method, "OPTIONS") || target.len != 1 || target.base[0] != '*')
        return false;
    req->path = "*";
    req->match.methods = router_methods(req->worker->http->router);
    answer_options(req);
    return true;
}

/* ---- Route and handler -------------------------------------------------- */

/* true: a route was found. */
static bool find_route(struct request *req)
{
    router_find(req->worker->http->router, req->method, &req->split, &req->match);
    if (req->match.route)
        return true;
    if (!req->match.methods) {
        reply_error(req, 404, "Not Found");
    } else if (str_eq(req->method, "OPTIONS")) {
        answer_options(req);
    } else {
        char allow[ALLOW_SIZE];
        router_allow(req->match.methods, allow);
        reply_header(req, "Allow", allow);
        reply_error(req, 405, "Method Not Allowed");
    }
    return false;
}

static size_t max_body(const struct request *req)
{
    const struct http_limits *l = worker_limits(req->worker);
    return req->large ? l->max_upload : l->max_body;
}

void request_serve(struct request *req)
{
    if (req->conn->killed) {
        reply_empty(req, 503);
        return;
    }
    if (options_star(req) || malformed(req) || preflight(req) || !find_route(req))
        return;
    if (http2_marked(req->h2o, "408"))
        reply_refuse(req, 408, "Request timeout", REFUSED_SLOW);
    else if (http2_marked(req->h2o, "431"))
        reply_refuse(req, 431, "Request headers too large", REFUSED_HEADERS);
    else if (http2_marked(req->h2o, "503"))
        reply_refuse(req, 503, TOO_MANY_UPLOADS, REFUSED_UPLOADS);
    else if (http2_marked(req->h2o, "413") || req->h2o->entity.len > max_body(req))
        reply_refuse(req, 413, "Request too large", REFUSED_BODY);
    else if (req->match.route->auth == ROUTE_OPEN)
        request_handle(req);
    else
        request_authenticate(req);
}

void request_handle(struct request *req)
{
    const struct route *route = req->match.route;
    if (route_admins_only(route->auth) && !str_eq(request_identity(req)->role, "admin"))
        reply_error(req, 403, "Admin access required");
    else if (route->permission && !request_allowed(req, route->permission))
        reply_error(req, 403, "Permission denied for this endpoint");
    else
        route->handler(req);
}

void request_check(struct request *req)
{
    if (req->answered || req->hop)
        return;
    log_error("http", "a handler did not answer", LOG_S("method", req->method),
              LOG_S("path", req->path));
    reply_error(req, 500, "Internal server error");
}

int dispatch_on_request(h2o_handler_t *self, h2o_req_t *h2o)
{
    (void)self;
    struct conn *c = conn_of(h2o);
    policy_take(c->worker);
    if (h2o->version >= 0x200)
        http2_watch(c);
    hpack_shorten(h2o);
    struct request *req = request_new(h2o, c->worker, c);
    upload_take_over(req);
    log_request_id(req->id);
    request_serve(req);
    request_check(req);
    log_request_id(NULL);
    return 0;
}
