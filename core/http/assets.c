/* assets.c - compressed as they lie there, or inflated for who cannot take that. */
#include "http/assets.h"

#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "web/assets.h"

static const struct web_asset *find(const char *path)
{
    for (const struct web_asset *a = web_assets; a->path; a++)
        if (strcmp(a->path, path) == 0)
            return a;
    return NULL;
}

/* One item of a comma list, without the spaces around it. */
static const char *next_item(const char **list, size_t *len)
{
    *list += strspn(*list, ", \t");
    const char *item = *list;
    *len = strcspn(item, ",");
    *list += *len;
    while (*len && (item[*len - 1] == ' ' || item[*len - 1] == '\t'))
        (*len)--;
    return *len ? item : NULL;
}

/* "gzip", "gzip;q=0.5", "*" yes; "gzip;q=0", "gzip; q=0.000" no. */
static bool takes_gzip(const char *accept)
{
    size_t len;
    for (const char *item; accept && (item = next_item(&accept, &len));) {
        size_t name = strcspn(item, "; ,");
        if (!((name == 4 && strncasecmp(item, "gzip", 4) == 0) || (name == 1 && *item == '*')))
            continue;
        const char *q = memmem(item, len, "q=", 2);
        if (!q)
            return true;
        size_t digits = strspn(q + 2, "0123456789.");
        return strspn(q + 2, "0.") < digits;
    }
    return false;
}

static bool has_already(const char *if_none_match, const char *etag)
{
    size_t len;
    if (strncmp(etag, "W/", 2) == 0) /* weak or not makes no difference here (RFC 9110, 13.1.2) */
        etag += 2;
    for (const char *item; if_none_match && (item = next_item(&if_none_match, &len));) {
        if (len == 1 && *item == '*')
            return true;
        if (len > 2 && strncmp(item, "W/", 2) == 0) {
            item += 2;
            len -= 2;
        }
        if (len == strlen(etag) && memcmp(item, etag, len) == 0)
            return true;
    }
    return false;
}

static void reply_plain(struct request *req, const struct web_asset *a)
{
    unsigned char *plain = request_alloc(req, a->plain_len);
    z_stream z = {
        .next_in = (unsigned char *)a->gzip,
        .avail_in = (uInt)a->gzip_len,
        .next_out = plain,
        .avail_out = (uInt)a->plain_len,
    };
    bool ok = inflateInit2(&z, 15 + 16) == Z_OK; /* 16: with a gzip header */
    if (ok) {
        ok = inflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out == a->plain_len;
        inflateEnd(&z);
    }
    if (ok) {
        reply_static(req, 200, a->type, (const char *)plain, a->plain_len);
        return;
    }
    log_error("http", "an embedded file is damaged", LOG_S("path", a->path));
    reply_error(req, 500, "Internal server error");
}

void assets_reply(struct request *req, const char *path)
{
    const struct web_asset *a = find(path);
    if (!a) {
        reply_error(req, 404, "Not Found");
        return;
    }
    reply_header(req, "Content-Security-Policy",
                 "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
                 "worker-src 'self' blob:");
    reply_header(req, "X-Content-Type-Options", "nosniff");
    reply_header(req, "Cache-Control", "no-cache");
    reply_header(req, "ETag", a->etag);
    reply_header(req, "Vary", "Accept-Encoding");
    if (has_already(request_header(req, "if-none-match"), a->etag)) {
        reply_empty(req, 304);
    } else if (takes_gzip(request_header(req, "accept-encoding"))) {
        reply_header(req, "Content-Encoding", "gzip");
        reply_static(req, 200, a->type, (const char *)a->gzip, a->gzip_len);
    } else {
        reply_plain(req, a);
    }
}
