/* Any body as a form and as JSON: what is taken fits the schema, what is not is refused by one
 * 422 that is itself JSON and small. The first byte chooses the kind. */
#include <stdlib.h>
#include <string.h>

#include "api/check.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "fuzz.h"

/* A request without a server; the linker takes these for those of http/. */
struct request {
    const char *type;
    struct dg_bytes body;
    struct arena *arena;
    struct {
        dg_fn *fn;
        void *arg;
    } at_end[8];
    size_t ends, answers;
};

void request_on_end(struct request *req, dg_fn *fn, void *arg)
{
    if (req->ends == 8)
        abort();
    req->at_end[req->ends].fn = fn;
    req->at_end[req->ends++].arg = arg;
}

void *request_alloc(struct request *req, size_t size)
{
    return arena_alloc(req->arena, size);
}

const char *request_header(const struct request *req, const char *name)
{
    return str_eq(name, "content-type") ? req->type : NULL;
}

struct dg_bytes request_body(const struct request *req)
{
    return req->body;
}

const char *request_param(const struct request *req, const char *name)
{
    (void)req;
    return name;
}

const char *request_query(const struct request *req, const char *name)
{
    (void)req;
    return name;
}

void reply_json(struct request *req, int status, const struct buf *body)
{
    json_t *answer = json_parse(body->ptr, body->len, 16, NULL);
    if (++req->answers > 1 || status != 422 || body->over || !answer || body->len > 100000 ||
        json_array_size(json_object_get(answer, "detail")) == 0)
        abort();
    json_decref(answer);
}

static const char *rule(const char *name, const char *value)
{
    return strlen(name) > 80 || strlen(value) > 80 ? "Too long" : NULL;
}

static const struct field fields[] = {
    {.name = "username", .kind = FIELD_STR, .required = true, .min = 1, .max = 20},
    {.name = "password", .kind = FIELD_STR, .required = true, .min = 1, .max = 20, .rule = rule},
    {.name = "count", .kind = FIELD_INT, .min = 1, .max = 10},
    {.name = "pairs", .kind = FIELD_STR_MAP, .max = 8, .rule = rule},
    {0}};
static const struct schema schema = {"Body", NULL, fields};

static void judge(const struct request *req, const json_t *object, bool refused)
{
    int64_t count = check_int(object, "count", 1);
    if (refused != (req->answers == 1))
        abort();
    if (refused)
        return;
    if (!check_str(object, "username") || str_utf8_len(check_str(object, "username")) > 20 ||
        count < 1 || count > 10)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char *const types[] = {"application/x-www-form-urlencoded",
                                        "multipart/form-data; boundary=zz", "application/json"};
    if (!len)
        return 0;
    unsigned kind = bytes[0] % 3;
    struct request req = {
        .type = types[kind], .body = {(const char *)bytes + 1, len - 1}, .arena = arena_new()};
    struct check *c = check_new(&req);
    const json_t *object = kind == 2 ? check_body(c, &schema) : check_form(c, &schema);
    judge(&req, object, check_failed(c));
    while (req.ends--)
        req.at_end[req.ends].fn(req.at_end[req.ends].arg);
    arena_free(req.arena);
    return 0;
}
