/* fetch.c - one HTTP request on the shared multi handle. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/address.h"
#include "loop/net_private.h"

#define HEADERS_MAX  (64u << 10)
#define HEADER_COUNT 200
#define USER_AGENT   "dialgate/" DIALGATE_VERSION

struct dg_http {
    struct transfer t; /* first */
    dg_http_fn *fn;
    void (*part)(void *arg, struct dg_bytes part);
    void *arg;
    struct curl_slist *request_headers;
    int close_on_status;

    struct buf body; /* whole, or what came since the last part */
    size_t received, max_body;
    bool cut;              /* the rest of the body is not wanted */
    struct link part_link; /* in net->parts when there is something in body */
    struct arena *arena;   /* of the answer's headers */
    struct dg_kv headers[HEADER_COUNT];
    size_t header_count, header_bytes;

    char origin[256];    /* "http://host:port", for messages: the rest may be secret */
    const char *refusal; /* why we do not take the answer, or did not send the request */
    enum dg_err refusal_err;
    struct loop_timer *refused;
};

static void fetch_free(struct dg_http *f)
{
    list_remove(&f->part_link);
    if (f->refused)
        loop_timer_stop(f->t.net->loop, f->refused);
    transfer_free(&f->t);
    curl_slist_free_all(f->request_headers);
    buf_free(&f->body);
    arena_free(f->arena);
    free(f);
}

/* ---- What curl tells -------------------------------------------------------- */

/* Called by curl for each address that it is about to connect to. */
static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct dg_http *f = arg;
    if (purpose != CURLSOCKTYPE_IPCXN || !address_is_public(&to->addr)) {
        f->refusal = "its address is private, or not one of the public Internet";
        f->refusal_err = DG_EDENIED;
        return CURL_SOCKET_BAD;
    }
    f->refusal = NULL;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t on_body(char *bytes, size_t one, size_t len, void *arg)
{
    struct dg_http *f = arg;
    (void)one;
    f->received += len;
    if (f->t.net->config.strangers) {
        f->cut = f->received > f->max_body;
        return f->cut ? CURL_WRITEFUNC_ERROR : len;
    }
    if (f->received > f->max_body) {
        f->refusal = "the answer is larger than allowed";
        f->refusal_err = DG_EUPSTREAM;
        return CURL_WRITEFUNC_ERROR;
    }
    buf_add(&f->body, bytes, len);
    if (f->part && len) {
        list_remove(&f->part_link);
        list_append(&f->t.net->parts, &f->part_link);
    }
    return len;
}

static void forget_headers(struct dg_http *f)
{
    arena_free(f->arena);
    f->arena = arena_new();
    f->header_count = f->header_bytes = 0;
}

/* A new head: of the answer, or of one that only announces it (1xx). */
static void on_status_line(struct dg_http *f)
{
    long status = 0;
    forget_headers(f);
    curl_easy_getinfo(f->t.easy, CURLINFO_RESPONSE_CODE, &status);
    if (f->close_on_status && status == f->close_on_status)
        curl_easy_setopt(f->t.easy, CURLOPT_FORBID_REUSE, 1L);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void add_header(struct dg_http *f, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (!colon || f->header_count == HEADER_COUNT)
        return;
    const char *value = colon + 1, *end = line + len;
    while (value < end && is_blank(*value))
        value++;
    while (end > value && is_blank(end[-1]))
        end--;
    char *name = arena_dup(f->arena, line, (size_t)(colon - line));
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    f->headers[f->header_count++] =
        (struct dg_kv){name, arena_dup(f->arena, value, (size_t)(end - value))};
}

static size_t on_header(char *line, size_t one, size_t len, void *arg)
{
    struct dg_http *f = arg;
    (void)one;
    if (f->t.net->config.strangers && !(len > 5 && memcmp(line, "HTTP/", 5) == 0))
        return (f->header_bytes += len) > HEADERS_MAX ? 0 : len;
    if (len > 5 && memcmp(line, "HTTP/", 5) == 0) {
        on_status_line(f);
        return len;
    }
    f->header_bytes += len;
    if (f->header_bytes > HEADERS_MAX) {
        f->refusal = "the answer's headers are too large";
        f->refusal_err = DG_EUPSTREAM;
        return 0;
    }
    add_header(f, line, len);
    return len;
}

/* ---- Handing on ------------------------------------------------------------- */

static void deliver_part(struct dg_http *f)
{
    struct buf bytes = f->body; /* f may be gone afterwards */
    buf_init(&f->body, f->body.max);
    list_remove(&f->part_link);
    f->part(f->arg, (struct dg_bytes){bytes.ptr, bytes.len});
    buf_free(&bytes);
}

void fetch_deliver_parts(struct net *n)
{
    while (!list_empty(&n->parts))
        deliver_part(list_item(n->parts.next, struct dg_http, part_link));
}

static void fill_failure(struct dg_http *f, CURLcode rc, struct dg_http_response *res, char *text,
                         size_t size)
{
    res->err = f->refusal ? f->refusal_err : transfer_err(rc);
    snprintf(text, size, "%s: %s", f->origin, f->refusal ? f->refusal : transfer_why(&f->t, rc));
    res->message = text;
}

static void finish(struct dg_http *f, CURLcode rc)
{
    struct dg_http_response res = {0};
    char text[CURL_ERROR_SIZE + 300];
    long status = 0;
    if (rc == CURLE_OK && f->refusal_err == DG_EDENIED)
        f->refusal = NULL; /* of another address of that name */
    if ((rc == CURLE_OK || f->cut) && !f->refusal) {
        curl_easy_getinfo(f->t.easy, CURLINFO_RESPONSE_CODE, &status);
        res.status = (int)status;
        res.headers = f->headers;
        res.header_count = f->header_count;
        if (!f->part)
            res.body = (struct dg_bytes){buf_cstr(&f->body), f->body.len};
    } else {
        fill_failure(f, rc, &res, text, sizeof(text));
    }
    transfer_free(&f->t); /* its connection is free for what fn asks for */
    f->fn(f->arg, &res);
    fetch_free(f);
}

/* What came in has been handed on by then: fetch_deliver_parts comes first. */
static void on_done(struct transfer *t, CURLcode rc)
{
    finish((struct dg_http *)t, rc);
}

static void on_drop(struct transfer *t)
{
    fetch_free((struct dg_http *)t);
}

/* ---- Asking ------------------------------------------------------------------ */

static void set_origin(struct dg_http *f, const char *url)
{
    const char *host = strstr(url, "://");
    size_t len = host ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#") : 0;
    if (host && memchr(host, '@', len - (size_t)(host - url)))
        len = 0; /* it holds a password */
    if (len >= sizeof(f->origin))
        len = sizeof(f->origin) - 1;
    memcpy(f->origin, len ? url : "request", len ? len : 7);
    f->origin[len ? len : 7] = '\0';
}

static bool clean(const char *s)
{
    return s && !str_has_control(s);
}

static const char *request_fault(const struct dg_http_request *req)
{
    if (!clean(req->url) || strchr(req->url, ' '))
        return "the request's URL has blanks or control characters";
    if (req->method && (!*req->method || !str_only(req->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_")))
        return "the request's method is none";
    for (size_t i = 0; i < req->header_count; i++)
        if (!clean(req->headers[i].key) || !clean(req->headers[i].value) ||
            strpbrk(req->headers[i].key, ": "))
            return "a header of the request has characters that cannot be sent";
    return NULL;
}

static void add_request_headers(struct dg_http *f, const struct dg_http_request *req)
{
    struct buf line;
    bool typed = false;
    buf_init(&line, HEADERS_MAX);
    for (size_t i = 0; i < req->header_count; i++) {
        const struct dg_kv *h = &req->headers[i];
        typed |= str_ieq(h->key, "content-type");
        buf_clear(&line);
        /* curl sends a header without a value only in this spelling. */
        buf_addf(&line, *h->value ? "%s: %s" : "%s;", h->key, h->value);
        f->request_headers = curl_slist_append(f->request_headers, buf_cstr(&line));
    }
    buf_free(&line);
    f->request_headers = curl_slist_append(f->request_headers, "Expect:");
    if (!typed)
        f->request_headers = curl_slist_append(f->request_headers, "Content-Type:");
    curl_easy_setopt(f->t.easy, CURLOPT_HTTPHEADER, f->request_headers);
}

static void set_method(CURL *easy, const struct dg_http_request *req)
{
    const char *method = req->method ? req->method : "GET";
    bool with_body = req->body.len || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
                     strcmp(method, "PATCH") == 0;
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (with_body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.len);
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, req->body.len ? req->body.ptr : "");
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static void set_request(struct dg_http *f, const struct dg_http_request *req)
{
    CURL *easy = f->t.easy;
    const struct net_config *c = &f->t.net->config;
    uint64_t timeout_ms = req->timeout_ms ? req->timeout_ms : c->timeout_ms;
    curl_easy_setopt(easy, CURLOPT_URL, req->url);
    set_method(easy, req);
    add_request_headers(f, req);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(timeout_ms < c->connect_ms ? timeout_ms : c->connect_ms));
    if (req->user) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, req->user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, req->password ? req->password : "");
    }
    transfer_tls(&f->t, req->tls_no_verify, req->ca_file);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, f);
    if (c->strangers && !c->allow_private) {
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, f);
    }
}

/* A request that was refused here is answered on a later turn like any other. */
static void on_refused(void *arg)
{
    struct dg_http *f = arg;
    f->refused = NULL;
    finish(f, CURLE_OK);
}

struct dg_http *net_fetch(struct net *n, const struct dg_http_request *req, dg_http_fn *fn,
                          void *arg)
{
    struct dg_http *f = xcalloc(1, sizeof(*f));
    transfer_init(&f->t, n);
    f->t.done = on_done;
    f->t.drop = on_drop;
    f->fn = fn;
    f->part = req->part;
    f->arg = arg;
    f->close_on_status = req->close_on_status;
    f->max_body = req->max_body ? req->max_body : req->part ? SIZE_MAX : n->config.max_body;
    buf_init(&f->body, SIZE_MAX / 2);
    list_init(&f->part_link);
    f->arena = arena_new();
    set_origin(f, req->url ? req->url : "");
    f->refusal = request_fault(req);
    f->refusal_err = DG_EINVAL;
    if (!f->refusal) {
        set_request(f, req);
        if (!transfer_start(&f->t)) {
            f->refusal = "libcurl refuses the request";
            f->refusal_err = DG_EINTERNAL;
        }
    }
    if (f->refusal && list_empty(&f->t.link))
        list_append(&n->transfers, &f->t.link);
    if (f->refusal)
        f->refused = loop_timer(n->loop, 0, on_refused, f);
    return f;
}

void net_fetch_stop(struct dg_http *f)
{
    if (f)
        fetch_free(f);
}
