/* reply.c - answers: status, headers and body handed to H2O, once per request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "http/cors.h"
#include "http/inside.h"

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {507, "Insufficient Storage"},
};

const char *status_reason(int status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return status < 400 ? "OK" : "Error";
}

/* ---- Headers ------------------------------------------------------------ */

static void add_header(struct request *req, const char *name, h2o_iovec_t value)
{
    h2o_req_t *h2o = req->h2o;
    size_t len = strlen(name);
    h2o_iovec_t lower = h2o_strdup(&h2o->pool, name, len);
    h2o_strtolower(lower.base, len);
    h2o_add_header_by_str(&h2o->pool, &h2o->res.headers, lower.base, len, 1,
                          h2o_strdup(&h2o->pool, name, len).base, value.base, value.len);
}

void reply_header(struct request *req, const char *name, const char *value)
{
    size_t len = strlen(value);
    if (strcspn(value, "\r\n") != len) {
        log_error("http", "a header value holds a line break", LOG_S("name", name));
        abort();
    }
    add_header(req, name, h2o_strdup(&req->h2o->pool, value, len));
}

/* For names and values that live as long as the request. */
static void add_constant(struct request *req, const char *lower_name, const char *name,
                         const char *value)
{
    h2o_req_t *h2o = req->h2o;
    h2o_add_header_by_str(&h2o->pool, &h2o->res.headers, lower_name, strlen(lower_name), 1, name,
                          value, strlen(value));
}

static void add_cors(struct request *req)
{
    h2o_iovec_t origin = request_raw_header(req, "origin");
    if (!origin.len)
        return;
    char *text = request_text(req, origin);
    enum cors verdict = cors_judge(req->worker->policy->origins, text);
    if (verdict == CORS_ANY && request_echoes_origin(req))
        verdict = CORS_LISTED;
    if (verdict == CORS_ANY)
        add_constant(req, "access-control-allow-origin", "Access-Control-Allow-Origin", "*");
    if (verdict == CORS_LISTED)
        add_constant(req, "access-control-allow-origin", "Access-Control-Allow-Origin", text);
    if (verdict == CORS_LISTED || verdict == CORS_REFUSED)
        add_constant(req, "vary", "Vary", "Origin");
    if (verdict == CORS_REFUSED)
        return;
    add_constant(req, "access-control-allow-credentials", "Access-Control-Allow-Credentials",
                 "true");
    add_constant(req, "access-control-expose-headers", "Access-Control-Expose-Headers",
                 "X-Request-ID, Retry-After, Idempotent-Replayed");
}

/* ---- Sending ------------------------------------------------------------ */

static void send_body(struct request *req, h2o_iovec_t body)
{
    static h2o_generator_t all_at_once;
    h2o_start_response(req->h2o, &all_at_once);
    bool bare = req->head || !body.len;
    h2o_send(req->h2o, bare ? NULL : &body, bare ? 0 : 1, H2O_SEND_STATE_FINAL);
}

void reply_send_empty(struct request *req)
{
    send_body(req, (h2o_iovec_t){0});
}

bool reply_head(struct request *req, int status, const char *type, size_t length)
{
    if (req->answered || req->hop) {
        log_error("http",
                  req->answered ? "a request was answered twice"
                                : "a request was answered while its hop was under way",
                  LOG_S("method", req->method), LOG_S("path", req->path), LOG_I("status", status));
        return false;
    }
    req->answered = true;
    req->conn->unsent++;
    h2o_req_t *h2o = req->h2o;
    h2o->res.status = status;
    h2o->res.reason = status_reason(status);
    h2o->res.content_length = length;
    h2o_add_header_by_str(&h2o->pool, &h2o->res.headers, H2O_STRLIT("x-request-id"), 0,
                          "X-Request-ID", req->id, strlen(req->id));
    if (type)
        h2o_add_header(&h2o->pool, &h2o->res.headers, H2O_TOKEN_CONTENT_TYPE, "Content-Type", type,
                       strlen(type));
    if (status == 503 &&
        h2o_find_header_by_str(&h2o->res.headers, H2O_STRLIT("retry-after"), -1) < 0)
        add_constant(req, "retry-after", "Retry-After", "1");
    add_cors(req);
    if (req->worker->draining)
        h2o->http1_is_persistent = 0;
    access_note(req, status);
    return true;
}

static void answer(struct request *req, int status, const char *type, h2o_iovec_t body)
{
    bool bare = status == 204 || status == 304;
    if (!reply_head(req, status, type, bare ? SIZE_MAX : body.len))
        return;
    if (req->instead)
        *req->instead = body;
    else
        send_body(req, body);
}

void reply_bytes(struct request *req, int status, const char *type, const char *bytes, size_t len)
{
    answer(req, status, type, len ? h2o_strdup(&req->h2o->pool, bytes, len) : (h2o_iovec_t){0});
}

void reply_static(struct request *req, int status, const char *type, const char *bytes, size_t len)
{
    answer(req, status, type, h2o_iovec_init(bytes, len));
}

void reply_json(struct request *req, int status, const struct buf *body)
{
    if (body->over) {
        log_error("http", "an answer is larger than its buffer allows", LOG_S("path", req->path));
        reply_error(req, 500, "Internal server error");
        return;
    }
    reply_bytes(req, status, "application/json", body->ptr, body->len);
}

void reply_empty(struct request *req, int status)
{
    answer(req, status, NULL, (h2o_iovec_t){0});
}

void reply_text(struct request *req, int status, const char *text)
{
    reply_bytes(req, status, "text/plain; charset=utf-8", text, strlen(text));
}

/* ---- Refusals ----------------------------------------------------------- */

const struct envelope *request_envelope(const struct request *req)
{
    const struct http *h = req->worker->http;
    const struct envelope *best = NULL;
    for (size_t i = 0; i < h->envelope_count; i++) {
        const struct envelope *e = &h->envelopes[i];
        if ((!best || strlen(e->prefix) > strlen(best->prefix)) &&
            path_under(&req->split, e->prefix))
            best = e;
    }
    return best;
}

void reply_error(struct request *req, int status, const char *detail)
{
    const struct envelope *e = request_envelope(req);
    if (e && e->error)
        e->error(req, status, detail);
    else
        reply_text(req, status, detail);
}

void reply_unauthenticated(struct request *req, bool missing)
{
    const struct envelope *e = request_envelope(req);
    if (e && e->unauthenticated)
        e->unauthenticated(req, missing);
    else
        reply_text(req, 401, missing ? "Not authenticated" : "Bad credentials");
}

bool request_echoes_origin(const struct request *req)
{
    const struct envelope *e = request_envelope(req);
    for (const char *const *p = req->worker->http->echoing; e && *p; p++)
        if (str_eq(*p, e->prefix))
            return true;
    return false;
}

void reply_refuse(struct request *req, int status, const char *detail, enum refused reason)
{
    refused(req->worker->http, reason);
    reply_error(req, status, detail);
}

void reply_close(struct request *req)
{
    if (req->h2o->version >= 0x200)
        return;
    req->h2o->http1_is_persistent = 0;
    conn_linger(req->conn);
}
