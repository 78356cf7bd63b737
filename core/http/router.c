/* router.c - the route table as a tree of segments. */
#include "http/router.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { GET, POST, PUT, PATCH, DELETE, METHODS };

static const char *const method_names[METHODS] = {
    [GET] = "GET", [POST] = "POST", [PUT] = "PUT", [PATCH] = "PATCH", [DELETE] = "DELETE",
};

struct node {
    char *literal;          /* what the segment must be; NULL: the root, or a parameter */
    struct node **literals; /* children, sorted by it */
    size_t literal_count;
    struct node *parameter;
    unsigned methods;
    const struct route *by_method[METHODS];
};

struct router {
    struct node *root;
    unsigned methods;
};

/* ---- Paths -------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Returns the end of what it wrote (before its NUL), or NULL. */
static char *decode_segment(const char *raw, size_t len, char *out)
{
    /* Graphic ASCII but the percent sign: nearly all there is in paths. */
    static const bool plain[256] = {['!' ... '$'] = true, ['&' ... '~'] = true};
    const unsigned char *p = (const unsigned char *)raw, *end = p + len;
    char *start = out;
    while (p < end && plain[*p])
        *out++ = (char)*p++;
    if (p == end) {
        *out = '\0';
        return out;
    }
    for (; p < end; p++) {
        unsigned char c = *p;
        if (c <= ' ' || c == 0x7f)
            return NULL;
        if (c == '%') {
            int high = end - p > 2 ? hex_digit((char)p[1]) : -1;
            int low = high >= 0 ? hex_digit((char)p[2]) : -1;
            if (low < 0)
                return NULL;
            c = (unsigned char)(high << 4 | low);
            p += 2;
        }
        *out++ = (char)c;
    }
    *out = '\0';
    return str_utf8(start, (size_t)(out - start)) ? out : NULL;
}

bool path_split(const char *raw, size_t len, char *space, struct path *out)
{
    *out = (struct path){0};
    if (!len || raw[0] != '/')
        return false;
    const char *end = raw + len;
    if (len > 1 && end[-1] == '/')
        end--;
    for (const char *p = raw + 1; p <= end && end - raw > 1;) {
        const char *slash = memchr(p, '/', (size_t)(end - p));
        if (!slash)
            slash = end;
        char *behind = decode_segment(p, (size_t)(slash - p), space);
        if (!behind)
            return false;
        if (out->count < PATH_SEGMENTS)
            out->segments[out->count++] = space;
        else
            out->deep = true;
        space = behind + 1;
        p = slash + 1;
    }
    return true;
}

bool path_under(const struct path *path, const char *prefix)
{
    for (unsigned i = 0; *prefix; i++) {
        const char *start = prefix + 1; /* behind the slash */
        size_t len = strcspn(start, "/");
        if (i >= path->count || strlen(path->segments[i]) != len ||
            memcmp(path->segments[i], start, len) != 0)
            return false;
        prefix = start + len;
    }
    return true;
}

/* ---- Building ----------------------------------------------------------- */

static int method_index(const char *method)
{
    for (int m = 0; m < METHODS; m++)
        if (strcmp(method, method_names[m]) == 0)
            return m;
    return -1;
}

static size_t literal_place(const struct node *n, const char *segment, bool *found)
{
    size_t low = 0, high = n->literal_count;
    *found = false;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(n->literals[middle]->literal, segment);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct node *literal_child(struct node *n, char *segment)
{
    bool found;
    size_t at = literal_place(n, segment, &found);
    if (found) {
        free(segment);
        return n->literals[at];
    }
    n->literals = xrealloc(n->literals, (n->literal_count + 1) * sizeof(*n->literals));
    memmove(n->literals + at + 1, n->literals + at, (n->literal_count - at) * sizeof(*n->literals));
    n->literal_count++;
    struct node *child = xcalloc(1, sizeof(*child));
    child->literal = segment;
    return n->literals[at] = child;
}

static struct node *parameter_child(struct node *n)
{
    if (!n->parameter)
        n->parameter = xcalloc(1, sizeof(*n->parameter));
    return n->parameter;
}

/* The node of a pattern, made if need be; NULL: no pattern. */
static struct node *place_pattern(struct node *n, const char *pattern)
{
    if (pattern[0] != '/')
        return NULL;
    unsigned depth = 0;
    for (const char *p = pattern; p[0] == '/' && p[1];) {
        const char *segment = p + 1;
        size_t len = strcspn(segment, "/");
        if (!len || ++depth > PATH_SEGMENTS)
            return NULL;
        bool braces = segment[0] == '{' && segment[len - 1] == '}' && len > 2;
        n = braces ? parameter_child(n) : literal_child(n, xstrndup(segment, len));
        p = segment + len;
    }
    return n;
}

static bool add_route(struct router *r, const struct route *route, struct problem *problem)
{
    int m = method_index(route->method);
    if (m < 0) {
        problem_set(problem, DG_EINTERNAL, "route %s: unknown method %s", route->pattern,
                    route->method);
        return false;
    }
    struct node *n = place_pattern(r->root, route->pattern);
    if (!n) {
        problem_set(problem, DG_EINTERNAL, "route %s: the pattern makes no sense", route->pattern);
        return false;
    }
    if (n->by_method[m]) {
        problem_set(problem, DG_EINTERNAL, "routes %s and %s: both are %s and the same path",
                    n->by_method[m]->pattern, route->pattern, route->method);
        return false;
    }
    n->by_method[m] = route;
    n->methods |= 1u << m;
    r->methods |= 1u << m;
    return true;
}

struct router *router_new(const struct route *routes, size_t count, struct problem *problem)
{
    struct router *r = xcalloc(1, sizeof(*r));
    r->root = xcalloc(1, sizeof(*r->root));
    for (size_t i = 0; i < count; i++) {
        if (!add_route(r, &routes[i], problem)) {
            router_free(r);
            return NULL;
        }
    }
    return r;
}

static void node_free(struct node *n)
{
    if (!n)
        return;
    for (size_t i = 0; i < n->literal_count; i++)
        node_free(n->literals[i]);
    node_free(n->parameter);
    free(n->literals);
    free(n->literal);
    free(n);
}

void router_free(struct router *r)
{
    if (!r)
        return;
    node_free(r->root);
    free(r);
}

/* ---- Finding ------------------------------------------------------------ */

static bool walk(const struct node *n, const struct path *path, unsigned depth, int method,
                 struct router_match *out)
{
    if (depth == path->count) {
        out->methods |= n->methods;
        if (method < 0 || !n->by_method[method])
            return false;
        out->route = n->by_method[method];
        return true;
    }
    const char *segment = path->segments[depth];
    bool found;
    size_t at = literal_place(n, segment, &found);
    if (found && walk(n->literals[at], path, depth + 1, method, out))
        return true;
    if (!n->parameter || !*segment)
        return false;
    out->values[out->value_count++] = segment;
    if (walk(n->parameter, path, depth + 1, method, out))
        return true;
    out->value_count--;
    return false;
}

void router_find(const struct router *r, const char *method, const struct path *path,
                 struct router_match *out)
{
    out->route = NULL;
    out->methods = 0;
    out->value_count = 0;
    if (path->deep)
        return;
    int m = strcmp(method, "HEAD") == 0 ? GET : method_index(method);
    walk(r->root, path, 0, m, out);
}

void router_allow(unsigned methods, char out[ALLOW_SIZE])
{
    char *p = out;
    for (int m = 0; m < METHODS; m++) {
        if (!(methods & 1u << m))
            continue;
        p = stpcpy(p, method_names[m]);
        p = stpcpy(p, m == GET ? ", HEAD, " : ", ");
    }
    stpcpy(p, "OPTIONS");
}

unsigned router_methods(const struct router *r)
{
    return r->methods;
}

bool router_knows_method(const char *method)
{
    return method_index(method) >= 0 || str_eq(method, "HEAD") || str_eq(method, "OPTIONS");
}

const char *router_value(const struct router_match *match, const char *name)
{
    size_t name_len = strlen(name);
    unsigned n = 0;
    for (const char *p = match->route->pattern; (p = strchr(p, '{')); n++) {
        size_t len = strcspn(++p, "}");
        if (len == name_len && memcmp(p, name, len) == 0)
            return n < match->value_count ? match->values[n] : NULL;
    }
    return NULL;
}
