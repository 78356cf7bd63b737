/* uploads.c - the few requests whose bodies may be larger than others'.
 *
 * H2O hands over a body when it is whole, and credentials are looked at then. So
 * what strangers could make us keep is bounded: only these paths may be sent
 * more than max_body, each of them max_upload, and so many at a time. A body
 * takes a slot when it is about to pass max_body, and keeps it until its request
 * is over or its connection has gone.
 */
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "http/framing.h"
#include "http/inside.h"

/* Patterns as those of routes, against a raw path: "{...}" is one segment, not an empty one. */
static bool fits(const char *pattern, const char *path, size_t len)
{
    const char *end = path + len;
    while (len && end[-1] == '/') { /* a trailing slash is ignored */
        end--;
        len--;
    }
    while (*pattern) {
        if (*pattern == '{') {
            const char *from = path;
            while (path < end && *path != '/')
                path++;
            pattern += strcspn(pattern, "}") + 1;
            if (path == from)
                return false;
        } else if (path == end || *pattern++ != *path++) {
            return false;
        }
    }
    return path == end;
}

static bool is_upload(const struct http *h, const char *path, size_t len)
{
    const char *query = memchr(path, '?', len);
    if (query)
        len = (size_t)(query - path);
    for (const char *const *pattern = h->uploads; pattern && *pattern; pattern++) {
        if (fits(*pattern, path, len))
            return true;
    }
    return false;
}

static bool take_slot(struct worker *w)
{
    struct http *h = w->http;
    if (atomic_fetch_add(&h->upload_count, 1) < worker_limits(w)->max_uploads)
        return true;
    atomic_fetch_sub(&h->upload_count, 1);
    return false;
}

void upload_release(struct worker *w)
{
    atomic_fetch_sub(&w->http->upload_count, 1);
}

/* ---- HTTP/1: by the head in the input buffer ------------------------------------------------ */

static const char *header_of(const char *head, const char *end, const char *name)
{
    const size_t len = strlen(name);
    for (const char *line = head; (line = memchr(line, '\n', (size_t)(end - line)));) {
        line++;
        if ((size_t)(end - line) > len && line[len] == ':' && strncasecmp(line, name, len) == 0)
            return line + len + 1;
        if (line < end && (*line == '\r' || *line == '\n'))
            return NULL;
    }
    return NULL;
}

/* The length is not known before the end, or it is more than others may send. */
static bool large(const struct conn *c, const char *head, size_t len)
{
    const char *end = head + len;
    if (header_of(head, end, "transfer-encoding"))
        return true;
    const char *length = header_of(head, end, "content-length");
    uint64_t bytes = 0;
    for (; length && length < end && (*length == ' ' || *length == '\t'); length++)
        ;
    for (; length && length < end && *length >= '0' && *length <= '9' && bytes < UINT64_MAX / 20;
         length++)
        bytes = bytes * 10 + (uint64_t)(*length - '0');
    return bytes > worker_limits(c->worker)->max_body;
}

size_t upload_http1_max(struct conn *c)
{
    static const char post[] = "POST ";
    const struct http_limits *l = worker_limits(c->worker);
    const h2o_buffer_t *in = c->sock->input;
    const size_t skip = sizeof(post) - 1;
    if (c->upload_slot)
        return l->max_upload;
    if (in->size <= skip || memcmp(in->bytes, post, skip) != 0)
        return l->max_body;
    const char *path = in->bytes + skip;
    const char *space = memchr(path, ' ', in->size - skip);
    if (!space || !is_upload(c->worker->http, path, (size_t)(space - path)) ||
        !framing_head_complete(in->bytes, in->size) || !large(c, in->bytes, in->size))
        return l->max_body;
    c->upload_slot = take_slot(c->worker);
    c->upload_refused = !c->upload_slot;
    return c->upload_slot ? l->max_upload : l->max_body;
}

/* The request is here: the slot is its own from now on. */
void upload_take_over(struct request *req)
{
    struct conn *c = req->conn;
    h2o_req_t *h2o = req->h2o;
    if (h2o->version >= 0x200 && !h2o->upgrade.base &&
        h2o->entity.len > worker_limits(c->worker)->max_body) { /* it came as a whole */
        const char *status = upload_http2_mark(c, h2o);
        h2o->upgrade = h2o_iovec_init(status, strlen(status));
    }
    req->upload = c->upload_slot;
    req->large = req->upload || http2_marked(req->h2o, UPLOAD_MARK);
    c->upload_slot = false;
}

/* ---- HTTP/2: stream by stream --------------------------------------------------------------- */

static void release_stream(void *worker)
{
    upload_release(*(struct worker **)worker);
}

const char *upload_http2_mark(struct conn *c, h2o_req_t *h2o)
{
    if (!h2o_memis(h2o->input.method.base, h2o->input.method.len, H2O_STRLIT("POST")) ||
        !is_upload(c->worker->http, h2o->input.path.base, h2o->input.path.len))
        return "413";
    if (!take_slot(c->worker))
        return "503";
    struct worker **owner = h2o_mem_alloc_shared(&h2o->pool, sizeof(*owner), release_stream);
    *owner = c->worker;
    return UPLOAD_MARK;
}
