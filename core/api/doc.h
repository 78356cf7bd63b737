/* doc.h - what the OpenAPI document says of a route beyond the table itself. */
#ifndef API_DOC_H
#define API_DOC_H

#include "api/check.h"
#include "base/buf.h"

struct route_answer {
    int status;
    const char *help;
    const struct schema *schema; /* NULL: none */
    const char *type;            /* NULL: application/json */
    const struct field *headers; /* that it may have; NULL: none to speak of */
};

struct route_doc {
    const char *id;            /* operationId */
    const char *tag;           /* "Calls" */
    const char *summary;       /* one line */
    const char *help;          /* more, in Markdown; NULL: nothing */
    const struct schema *body; /* NULL: no body */
    bool form;                 /* the body is a form */
    /* The body is a file of one of these types, of multipart/form-data its part "file"; ends with
     * NULL. NULL: it is none. */
    const char *const *file_types;
    bool body_optional;
    const struct field
        *params; /* of the path and, after them, the query; ends with name NULL; NULL: none */
    const struct field *headers;        /* of the request; NULL: none to speak of */
    const struct route_answer *answers; /* ends with status 0 */
};

struct api;
/* OpenAPI 3.1 from the routes; [at the start] */
void openapi_render(const struct api *api, struct buf *out);

#endif
