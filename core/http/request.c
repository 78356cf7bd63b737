/* request.c - what a handler can see of a request. */
#include "http/request.h"

#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/pattern.h"
#include "base/str.h"
#include "http/inside.h"

#define ID_MAX 128

static bool is(h2o_iovec_t v, const char *text)
{
    return v.len == strlen(text) && memcmp(v.base, text, v.len) == 0;
}

char *request_text(struct request *req, h2o_iovec_t bytes)
{
    return h2o_strdup(&req->h2o->pool, bytes.base, bytes.len).base;
}

h2o_iovec_t request_raw_header(const struct request *req, const char *name)
{
    const size_t len = strlen(name);
    if (len == 4 && memcmp(name, "host", len) == 0)
        return req->h2o->input.authority;
    const h2o_headers_t *headers = &req->h2o->headers;
    for (size_t i = 0; i < headers->size; i++)
        if (headers->entries[i].name->len == len &&
            memcmp(headers->entries[i].name->base, name, len) == 0)
            return headers->entries[i].value;
    return (h2o_iovec_t){NULL, 0};
}

/* ---- Beginning and end -------------------------------------------------- */

static const char *make_id(struct request *req)
{
    h2o_iovec_t own = request_raw_header(req, "x-request-id");
    bool usable = own.len >= 1 && own.len <= ID_MAX;
    for (size_t i = 0; usable && i < own.len; i++)
        usable = own.base[i] >= ' ' && own.base[i] <= '~';
    if (usable)
        return request_text(req, own);
    id_uuid4(req->own_id);
    return req->own_id;
}

/* Behind trusted proxies that is whom they name, else who is connected. */
static const char *find_peer(struct request *req)
{
    const struct network *trusted = req->worker->policy->trusted;
    const h2o_headers_t *headers = &req->h2o->headers;
    if (!networks_have(trusted, req->conn->peer))
        return req->conn->peer;
    char *client = h2o_mem_alloc_pool(&req->h2o->pool, ADDRESS_SIZE);
    memcpy(client, req->conn->peer, ADDRESS_SIZE);
    for (size_t i = headers->size; i-- > 0;) {
        const h2o_header_t *h = &headers->entries[i];
        if (is(*h->name, "x-forwarded-for") &&
            !forwarded_step(trusted, h->value.base, h->value.len, client))
            break;
    }
    return client;
}

/* "HEAD" becomes "GET"; what is no method at all becomes "OTHER". */
static const char *name_method(h2o_iovec_t method)
{
    static const char *const known[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (is(method, known[i]))
            return known[i];
    return is(method, "HEAD") ? "GET" : "OTHER";
}

static void request_over(void *data)
{
    struct request *req = data;
    hop_cut(req);
    stream_over(req);
    list_remove(&req->link);
    known_unref(req->known);
    req->conn->in_flight--;
    req->conn->finished++;
    if (req->answered && !req->idle)
        req->conn->unsent--;
    if (req->upload)
        upload_release(req->worker);
    if (req->h2o->version < 0x200 && list_empty(&req->conn->unwatched))
        list_append(&req->worker->unwatched, &req->conn->unwatched);
}

struct request *request_new(h2o_req_t *h2o, struct worker *worker, struct conn *conn)
{
    struct request *req = h2o_mem_alloc_shared(&h2o->pool, sizeof(*req), request_over);
    memset(req, 0, sizeof(*req));
    req->h2o = h2o;
    req->worker = worker;
    req->conn = conn;
    req->began_us = clock_us();
    req->method = name_method(h2o->input.method);
    req->head = is(h2o->input.method, "HEAD");
    req->path = "-";
    req->id = make_id(req);
    req->peer = find_peer(req);
    list_append(&conn->pending, &req->link);
    conn->in_flight++;
    conn->requests++;
    return req;
}

/* ---- Path and query ----------------------------------------------------- */

/* A request to a proxy names the whole URL; its path is what counts. */
static h2o_iovec_t origin_form(h2o_iovec_t target)
{
    size_t scheme =
        h2o_lcstris(target.base, target.len < 7 ? target.len : 7, H2O_STRLIT("http://"))    ? 7
        : h2o_lcstris(target.base, target.len < 8 ? target.len : 8, H2O_STRLIT("https://")) ? 8
                                                                                            : 0;
    if (!scheme)
        return target;
    const char *end = target.base + target.len, *p = target.base + scheme;
    while (p < end && *p != '/' && *p != '?')
        p++;
    return h2o_iovec_init(p, (size_t)(end - p));
}

static bool parse_path(struct request *req, h2o_iovec_t path)
{
    char *space = h2o_mem_alloc_pool(&req->h2o->pool, path.len + 1);
    if (!path_split(path.base, path.len, space, &req->split) || !str_utf8(path.base, path.len))
        return false;
    req->path = request_text(req, path);
    return true;
}

static const char *decode_escaped(struct request *req, const char *s, size_t len)
{
    struct buf out;
    buf_init(&out, MAX_URI);
    char *text = NULL;
    if (str_url_decode(s, len, true, &out) && str_utf8(buf_cstr(&out), out.len))
        text = request_text(req, h2o_iovec_init(buf_cstr(&out), out.len));
    buf_free(&out);
    return text;
}

/* Most of what is in queries stands for itself: it is copied to *space. */
static const char *decode_query(struct request *req, char **space, const char *s, size_t len)
{
    static const bool plain[256] = {
        ['!' ... '$'] = true, ['&' ... '*'] = true, [',' ... '~'] = true};
    size_t run = 0;
    while (run < len && plain[(unsigned char)s[run]])
        run++;
    if (run < len)
        return decode_escaped(req, s, len);
    if (!len)
        return "";
    char *text = *space;
    memcpy(text, s, len);
    text[len] = '\0';
    *space += len + 1;
    return text;
}

static bool parse_query(struct request *req, const char *p, const char *end)
{
    size_t count = 1;
    for (const char *s = p; s < end; s++)
        count += *s == '&';
    if (count > MAX_QUERY)
        return false;
    req->query = count <= FEW_PAIRS
                     ? req->few_pairs
                     : h2o_mem_alloc_pool(&req->h2o->pool, count * sizeof(*req->query));
    /* A NUL for each text, in the place of the '=' or '&' behind it. */
    char *space = h2o_mem_alloc_pool(&req->h2o->pool, (size_t)(end - p) + 1);
    while (p < end) {
        const char *amp = memchr(p, '&', (size_t)(end - p));
        const char *stop = amp ? amp : end;
        const char *equals = memchr(p, '=', (size_t)(stop - p));
        const char *value = equals ? equals + 1 : stop;
        if (stop > p) {
            struct query_pair *pair = &req->query[req->query_count++];
            pair->name = decode_query(req, &space, p, (size_t)((equals ? equals : stop) - p));
            pair->value = decode_query(req, &space, value, (size_t)(stop - value));
            if (!pair->name || !pair->value)
                return false;
        }
        p = stop + 1;
    }
    return true;
}

int request_parse(struct request *req, const char **why)
{
    h2o_iovec_t target = origin_form(req->h2o->input.path);
    if (!target.len)
        target = h2o_iovec_init(H2O_STRLIT("/"));
    const char *mark = memchr(target.base, '?', target.len);
    h2o_iovec_t path =
        h2o_iovec_init(target.base, mark ? (size_t)(mark - target.base) : target.len);
    if (!path.len)
        path = h2o_iovec_init(H2O_STRLIT("/"));
    *why = "Malformed request path";
    if (!parse_path(req, path))
        return 400;
    *why = "URI too long";
    if (req->h2o->input.path.len > MAX_URI)
        return 414;
    *why = "Malformed query string";
    if (mark && !parse_query(req, mark + 1, target.base + target.len))
        return 400;
    return 0;
}

/* ---- What handlers ask for ---------------------------------------------- */

const char *request_id(const struct request *req)
{
    return req->id;
}

const char *request_method(const struct request *req)
{
    return req->method;
}

const char *request_path(const struct request *req)
{
    return req->path;
}

unsigned request_http_major(const struct request *req)
{
    return (unsigned)req->h2o->version >> 8;
}

const struct route *request_route(const struct request *req)
{
    return req->match.route;
}

const char *request_param(const struct request *req, const char *name)
{
    const char *value = req->match.route ? router_value(&req->match, name) : NULL;
    return value ? value : "";
}

const char *request_query(const struct request *req, const char *name)
{
    for (size_t i = 0; i < req->query_count; i++)
        if (strcmp(req->query[i].name, name) == 0)
            return req->query[i].value;
    return NULL;
}

const char *request_header(const struct request *req, const char *name)
{
    h2o_iovec_t raw = request_raw_header(req, name);
    if (!raw.base || !str_utf8(raw.base, raw.len))
        return NULL;
    return h2o_strdup(&req->h2o->pool, raw.base, raw.len).base;
}

size_t request_header_fields(const struct request *req, const char *name, struct dg_bytes *out,
                             size_t max)
{
    const h2o_headers_t *headers = &req->h2o->headers;
    size_t count = 0;
    for (size_t i = 0; i < headers->size; i++) {
        const h2o_header_t *h = &headers->entries[i];
        if (!is(*h->name, name))
            continue;
        if (count < max)
            out[count] = (struct dg_bytes){h->value.base ? h->value.base : "", h->value.len};
        count++;
    }
    return count;
}

struct dg_bytes request_body(const struct request *req)
{
    return (struct dg_bytes){req->h2o->entity.base ? req->h2o->entity.base : "",
                             req->h2o->entity.len};
}

const char *request_peer(const struct request *req)
{
    return req->peer;
}

const struct identity *request_identity(const struct request *req)
{
    return req->known ? &req->known->identity : NULL;
}

bool request_allowed(const struct request *req, const char *permission)
{
    const struct identity *who = request_identity(req);
    for (;;) {
        size_t len = strcspn(permission, "|");
        for (size_t i = 0; who && i < who->scope_count; i++)
            if (who->scopes[i] && pattern_covers(who->scopes[i], permission, len))
                return true;
        if (!permission[len])
            return false;
        permission += len + 1;
    }
}

void *request_app(const struct request *req)
{
    return req->worker->http->app;
}

unsigned request_thread(const struct request *req)
{
    return req->worker->index;
}

struct ending {
    dg_fn *fn;
    void *arg;
};

static void run_ending(void *memory)
{
    struct ending *e = memory;
    e->fn(e->arg);
}

void request_on_end(struct request *req, dg_fn *fn, void *arg)
{
    struct ending *e = h2o_mem_alloc_shared(&req->h2o->pool, sizeof(*e), run_ending);
    *e = (struct ending){fn, arg};
}

void *request_alloc(struct request *req, size_t size)
{
    void *p = h2o_mem_alloc_pool(&req->h2o->pool, size ? size : 1);
    memset(p, 0, size);
    return p;
}

char *request_strdup(struct request *req, const char *s)
{
    return s ? request_text(req, h2o_iovec_init(s, strlen(s))) : NULL;
}
