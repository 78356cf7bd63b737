/* route.h - one line per endpoint: the table that everything about endpoints
 * is made from (router, 405s, permissions, metric labels, OpenAPI document). */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

struct request;
struct route_doc; /* what api/ says of it for the OpenAPI document; http does not look inside */

/* Which credentials open a route. Decided by path, never by the credentials' shape. */
enum route_auth {
    ROUTE_OPEN,
    ROUTE_JWT,       /* Authorization: Bearer <JWT> */
    ROUTE_TOKEN,     /* Authorization: Bearer <opaque>, or ?api_token= */
    ROUTE_API_KEY,   /* X-API-Key: the key or the development key */
    ROUTE_DEV_KEY,   /* X-API-Key: the development key */
    ROUTE_JWT_ADMIN, /* the same, of a user whose role is admin */
    ROUTE_TOKEN_ADMIN,
};

/* The kind of credentials alone. */
static inline enum route_auth route_credentials(enum route_auth auth)
{
    return auth == ROUTE_JWT_ADMIN ? ROUTE_JWT : auth == ROUTE_TOKEN_ADMIN ? ROUTE_TOKEN : auth;
}

static inline bool route_admins_only(enum route_auth auth)
{
    return auth != route_credentials(auth);
}

typedef void route_fn(struct request *req);

struct route {
    const char *method; /* "GET" serves HEAD too */
    const char
        *pattern; /* "/api/v2/status/{call_id}"; a trailing slash in the request is ignored */
    enum route_auth auth;
    /* "campaigns/list": asked of the identity's scopes; of several, with "|" between, one is
     * enough; NULL: none. */
    const char *permission;
    route_fn *handler; /* on an HTTP thread */
    const struct route_doc *doc;
};

/* How one of the APIs says that something is wrong. */
struct envelope {
    const char *prefix; /* "/api/v2"; "" is the last resort; the longest match wins */
    void (*error)(struct request *req, int status, const char *detail);
    /* No credentials at all (`missing`), or bad ones. Sets the status and headers it wants. */
    void (*unauthenticated)(struct request *req, bool missing);
};

#endif
