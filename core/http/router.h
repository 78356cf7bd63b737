/* router.h - from method and path to a route. [pure; any thread]
 *
 * A path is split first and its segments are decoded afterwards, so that an
 * escaped slash is data within a segment. At each segment a literal of the
 * table goes before a parameter; a route with the right method goes before one
 * with the wrong one. One trailing slash is ignored; "+" is a plus sign.
 */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include "base/err.h"
#include "http/route.h"

#define PATH_SEGMENTS 16
#define ALLOW_SIZE    64

struct path {
    unsigned count;
    bool deep; /* has more segments than are kept; no route has so many */
    const char *segments[PATH_SEGMENTS];
};

/* `space` holds len + 1 bytes and carries the segments. false: a bad escape, a NUL, a control
 * character or bad UTF-8; the segments before it are there. */
bool path_split(const char *raw, size_t len, char *space, struct path *out);
/* Whether the first segments of the path are those of `prefix` ("/api/v2"; "" is one of any). */
bool path_under(const struct path *path, const char *prefix);

struct router;

struct router_match {
    const struct route *route;         /* NULL: none with this method */
    unsigned methods;                  /* of all routes with this path; 0: there is none */
    const char *values[PATH_SEGMENTS]; /* of the parameters, in the order of the pattern */
    unsigned value_count;
};

/* NULL: `problem` names the line of the table that makes no sense. The table stays the caller's. */
struct router *router_new(const struct route *routes, size_t count, struct problem *problem);
void router_free(struct router *r);
void router_find(const struct router *r, const char *method, const struct path *path,
                 struct router_match *out);
/* The value of an Allow header: "GET, HEAD, POST, OPTIONS". */
void router_allow(unsigned methods, char out[ALLOW_SIZE]);
unsigned router_methods(const struct router *r); /* of the whole table */
bool router_knows_method(const char *method);    /* also HEAD and OPTIONS */

/* The value that the match has for the parameter `name` of its route; NULL: the pattern has none.
 */
const char *router_value(const struct router_match *match, const char *name);

#endif
