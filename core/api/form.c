/* form.c - bodies that are forms: application/x-www-form-urlencoded, and the
 * plain fields of multipart/form-data (RFC 7578). */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/check_private.h"
#include "base/buf.h"
#include "base/str.h"

#define FORM_FIELDS 64

/* Both decoded; false: not a decent text. */
static bool add_pair(json_t *form, const char *pair, size_t len)
{
    const char *equals = memchr(pair, '=', len);
    size_t name_len = equals ? (size_t)(equals - pair) : len;
    struct buf name, value;
    buf_init(&name, BUF_MAX);
    buf_init(&value, BUF_MAX);
    bool ok = str_url_decode(pair, name_len, true, &name) &&
              (!equals || str_url_decode(equals + 1, len - name_len - 1, true, &value)) &&
              json_object_set_new(form, buf_cstr(&name), json_string(buf_cstr(&value))) == 0;
    buf_free(&name);
    buf_free(&value);
    return ok;
}

static bool parse_urlencoded(json_t *form, struct dg_bytes body)
{
    const char *at = body.ptr, *end = body.ptr + body.len;
    while (at < end) {
        const char *amp = memchr(at, '&', (size_t)(end - at));
        const char *stop = amp ? amp : end;
        if (stop > at && !add_pair(form, at, (size_t)(stop - at)))
            return false;
        if (json_object_size(form) > FORM_FIELDS)
            return false;
        at = stop + 1;
    }
    return true;
}

/* The value of `name="..."` in a part's head. */
static bool part_name(const char *head, size_t len, struct buf *out)
{
    static const char key[] = "name=\"";
    const char *at = memmem(head, len, key, sizeof key - 1);
    while (at && at > head && at[-1] != ' ' && at[-1] != ';') { /* not filename= */
        size_t rest = len - (size_t)(at + 1 - head);
        at = memmem(at + 1, rest, key, sizeof key - 1);
    }
    if (!at)
        return false;
    at += sizeof key - 1;
    const char *close = memchr(at, '"', len - (size_t)(at - head));
    if (!close)
        return false;
    buf_add(out, at, (size_t)(close - at));
    return true;
}

struct part {
    struct dg_bytes head, value;
};

static bool split_part(const char *bytes, size_t len, struct part *out)
{
    const char *blank = memmem(bytes, len, "\r\n\r\n", 4);
    if (!blank)
        return false;
    out->head = (struct dg_bytes){bytes, (size_t)(blank - bytes)};
    out->value = (struct dg_bytes){blank + 4, len - (size_t)(blank + 4 - bytes)};
    return true;
}

static bool add_part(void *form, const struct part *part)
{
    struct buf name;
    buf_init(&name, 256);
    bool ok = part_name(part->head.ptr, part->head.len, &name) &&
              str_utf8(part->value.ptr, part->value.len) &&
              json_object_set_new(form, buf_cstr(&name),
                                  json_stringn(part->value.ptr, part->value.len)) == 0 &&
              json_object_size(form) <= FORM_FIELDS;
    buf_free(&name);
    return ok;
}

/* "\r\n--boundary": what stands in front of every part but the first. */
static bool read_boundary(const char *type, struct buf *out)
{
    const char *boundary = strcasestr(type, "boundary=");
    if (!boundary)
        return false;
    boundary += strlen("boundary=");
    bool quoted = *boundary == '"';
    size_t len = strcspn(boundary + quoted, quoted ? "\"" : "; ");
    buf_adds(out, "\r\n--");
    buf_add(out, boundary + quoted, len);
    return len >= 1 && len <= 70;
}

/* Behind the first boundary, which may open the body; NULL: there is none. */
static const char *skip_preamble(struct dg_bytes body, const struct buf *boundary)
{
    size_t len = boundary->len - 2;
    if (body.len >= len && memcmp(body.ptr, boundary->ptr + 2, len) == 0)
        return body.ptr + len;
    const char *at = body.len ? memmem(body.ptr, body.len, boundary->ptr, boundary->len) : NULL;
    return at ? at + boundary->len : NULL;
}

/* Parts stand between boundaries; the last one is followed by "--". */
static bool each_part(struct dg_bytes body, const char *type,
                      bool (*fn)(void *arg, const struct part *part), void *arg)
{
    struct buf boundary;
    buf_init(&boundary, 80);
    const char *end = body.ptr + body.len;
    const char *at = read_boundary(type, &boundary) ? skip_preamble(body, &boundary) : NULL;
    while (at && !(end - at >= 2 && memcmp(at, "--", 2) == 0)) {
        const char *part = at + 2;
        const char *next =
            end - at > 2 ? memmem(part, (size_t)(end - part), boundary.ptr, boundary.len) : NULL;
        struct part p;
        bool good = next && split_part(part, (size_t)(next - part), &p) && fn(arg, &p);
        at = good ? next + boundary.len : NULL;
    }
    buf_free(&boundary);
    return at != NULL;
}

/* ---- Files ------------------------------------------------------------------------------ */

/* What stands behind `key` in a part's head, up to one of `ends`. */
static void head_value(const struct part *p, const char *key, const char *ends, char *out,
                       size_t size)
{
    char head[1024];
    snprintf(head, sizeof head, "%.*s", (int)(p->head.len < 1000 ? p->head.len : 1000),
             p->head.ptr);
    const char *at = strcasestr(head, key);
    at = at ? at + strlen(key) : "";
    at += strspn(at, " ");
    snprintf(out, size, "%.*s", (int)strcspn(at, ends), at);
}

static bool take_file(void *arg, const struct part *part)
{
    struct form_file *file = arg;
    char name[sizeof file->name];
    head_value(part, "filename=\"", "\"", name, sizeof name);
    if (!*name || file->bytes.ptr)
        return true;
    memcpy(file->name, name, sizeof name);
    head_value(part, "content-type:", ";\r\n ", file->type, sizeof file->type);
    file->bytes = part->value;
    return true;
}

bool form_file(struct request *req, struct form_file *out)
{
    const char *type = request_header(req, "content-type");
    *out = (struct form_file){0};
    return type && strncasecmp(type, "multipart/form-data", 19) == 0 &&
           each_part(request_body(req), type, take_file, out) && out->bytes.ptr;
}

const json_t *check_form(struct check *c, const struct schema *schema)
{
    struct request *req = check_request(c);
    const char *type = request_header(req, "content-type");
    json_t *form = json_object();
    check_keep(c, form);
    check_discreet(c); /* forms carry passwords */
    bool ok = true;
    if (type && strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0)
        ok = parse_urlencoded(form, request_body(req));
    else if (type && strncasecmp(type, "multipart/form-data", 19) == 0)
        ok = each_part(request_body(req), type, add_part, form);
    if (!ok) {
        check_problem(c, "body", NULL, "value_error", "The form is malformed", NULL);
        return NULL;
    }
    /* An empty field counts as missing, as form clients send it. */
    for (const struct field *f = schema->fields; f->name; f++) {
        if (str_eq(json_string_value(json_object_get(form, f->name)), ""))
            json_object_del(form, f->name);
    }
    check_fields(c, schema, form);
    return form;
}
