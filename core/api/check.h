/* check.h - bodies, forms and parameters against tables of fields. The same
 * tables become the schemas of the OpenAPI document, so that they cannot
 * drift.
 *
 * What is wrong is collected, field by field, and answered as one 422 in the
 * shape that FastAPI (pydantic 2) clients know:
 * {"detail":[{"type":"missing","loc":["body","phone_number"],"msg":"Field required","input":{}}]}
 */
#ifndef API_CHECK_H
#define API_CHECK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/request.h"

enum field_kind {
    FIELD_STR,
    FIELD_INT,
    FIELD_BOOL,
    FIELD_STR_MAP,
    FIELD_TIME,
    FIELD_OBJECT,
    FIELD_LIST,     /* of objects: `of` */
    FIELD_STR_LIST, /* of texts */
};

struct schema;

struct field {
    const char *name;
    enum field_kind kind;
    bool required;    /* absent and null are the same: the default */
    int64_t min, max; /* STR: code points; INT: the value; both 0: no limit */
    /* One more rule for the text (STR), each text (STR_LIST) or each name and value (STR_MAP,
     * `name` given): NULL fine, else why not. */
    const char *(*rule)(const char *name, const char *value);
    const char *pattern; /* for the document, when `rule` follows one */
    const char *help;
    const char *example;     /* as JSON */
    const char *fallback;    /* as JSON; NULL: none to show */
    const struct schema *of; /* LIST: what it holds; OBJECT: what it is. For the document. */
    /* OBJECT: true and false may stand in its place; no members but those of `of`, which are
     * checked. */
    bool or_bool;
};

struct schema {
    const char *name; /* "CallRequest" */
    const char *help;
    const struct field *fields; /* ends with name NULL */
};

struct check; /* the problems of one request; lives with it */

struct check *check_new(struct request *req);
/* `where`: "body", "path", "query", "header"; `input` may be NULL. Texts are copied. */
void check_problem(struct check *c, const char *where, const char *field, const char *type,
                   const char *message, const json_t *input);
/* true when something was wrong: the 422 has been sent. */
bool check_failed(struct check *c);

/* The body as an object that fits the schema; NULL when it does not (problems were added) or when
 * it is absent and nothing is required. It lives with the request. Integers may be written as
 * integral text or real, as pydantic takes them: use check_int. */
const json_t *check_body(struct check *c, const struct schema *schema);
/* Members of a checked object. */
const char *check_str(const json_t *body, const char *name); /* NULL: absent or null */
int64_t check_int(const json_t *body, const char *name, int64_t fallback);

/* application/x-www-form-urlencoded or multipart/form-data, fields as the schema says; an object
 * of texts, as check_body. "+" is a space. */
const json_t *check_form(struct check *c, const struct schema *schema);
/* The first file of a multipart/form-data body; its bytes are the request's. false: there is none,
 * or the body is malformed. */
struct form_file {
    char name[256], type[64]; /* as its client says; cut off, "" without */
    struct dg_bytes bytes;
};
bool form_file(struct request *req, struct form_file *out);
/* A path parameter, its length in code points and a rule. */
void check_param(struct check *c, const char *name, const struct field *field);
/* One of the query, by field->name; NULL: absent, empty or wrong. */
const char *check_query_str(struct check *c, const struct field *field);
/* A whole number of the query; `fallback`: absent or wrong. What passes the limits is brought back
 * to them. */
int64_t check_query_near(struct check *c, const struct field *field, int64_t fallback);

#endif
