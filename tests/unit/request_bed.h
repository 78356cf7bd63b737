/* request_bed.h - a request without a server, for what checks bodies and forms.
 *
 * Defines the few functions of http/request.h that api/check.c and api/form.c
 * use; the linker then takes these instead of the real ones.
 */
#ifndef TESTS_REQUEST_BED_H
#define TESTS_REQUEST_BED_H

#include "unit.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/request.h"

struct request {
    const char *type; /* Content-Type; NULL: none */
    struct dg_bytes body;
    const char *param; /* the value of any path parameter */
    const char *query; /* and of any of the query; NULL: absent */
    char *answer;      /* the body of the answer; NULL: not answered */
    int status;
    struct {
        dg_fn *fn;
        void *arg;
    } at_end[16];
    size_t ends;
};

static struct request bed;

void request_on_end(struct request *req, dg_fn *fn, void *arg)
{
    assert_true(req->ends < COUNT(req->at_end));
    req->at_end[req->ends].fn = fn;
    req->at_end[req->ends++].arg = arg;
}

void *request_alloc(struct request *req, size_t size)
{
    void *memory = xcalloc(1, size);
    request_on_end(req, free, memory);
    return memory;
}

const char *request_header(const struct request *req, const char *name)
{
    return str_eq(name, "content-type") ? req->type : NULL;
}

const char *request_query(const struct request *req, const char *name)
{
    (void)name;
    return req->query;
}

struct dg_bytes request_body(const struct request *req)
{
    return req->body;
}

const char *request_param(const struct request *req, const char *name)
{
    (void)name;
    return req->param;
}

void reply_json(struct request *req, int status, const struct buf *body)
{
    assert_null(req->answer);
    assert_false(body->over);
    req->answer = xstrndup(body->ptr, body->len);
    req->status = status;
}

/* A request with this body; it is copied exactly, so that a read beyond it is seen. */
static inline void bed_begin(const char *type, const char *body, size_t len)
{
    char *exact = malloc(len ? len : 1);
    memcpy(exact, body, len);
    bed = (struct request){.type = type, .body = {exact, len}};
}

static inline void bed_end(void)
{
    while (bed.ends) {
        bed.ends--;
        bed.at_end[bed.ends].fn(bed.at_end[bed.ends].arg);
    }
    free((char *)bed.body.ptr);
    free(bed.answer);
    bed = (struct request){0};
}

/* "type loc[0] loc[1] ...; type ..." of the 422 that was sent; "" when there was none. */
static inline void bed_problems(char *out, size_t size)
{
    out[0] = '\0';
    if (!bed.answer)
        return;
    assert_int_equal(bed.status, 422);
    json_t *answer = json_parse(bed.answer, strlen(bed.answer), 16, NULL);
    assert_non_null(answer);
    size_t i, k;
    json_t *one, *part;
    json_array_foreach(json_object_get(answer, "detail"), i, one)
    {
        assert_true(json_is_string(json_object_get(one, "msg")));
        assert_non_null(json_object_get(one, "input"));
        snprintf(out + strlen(out), size - strlen(out), "%s%s", i ? "; " : "",
                 json_get_str(one, "type"));
        json_array_foreach(json_object_get(one, "loc"), k, part)
            snprintf(out + strlen(out), size - strlen(out), " %s", json_string_value(part));
    }
    json_decref(answer);
}

#endif
