/* http_router_test.c - http/router: paths to routes, and what paths are refused. */
#include "unit.h"

#include "http/router.h"

static void handler(struct request *req)
{
    (void)req;
}

static const struct route table[] = {
    {"GET", "/", ROUTE_OPEN, NULL, handler, NULL},
    {"GET", "/health", ROUTE_OPEN, NULL, handler, NULL},
    {"POST", "/api/v2/calls", ROUTE_JWT, NULL, handler, NULL},
    {"GET", "/api/v2/calls/{call_id}", ROUTE_JWT, NULL, handler, NULL},
    {"DELETE", "/api/v2/calls/{id}", ROUTE_JWT, NULL, handler, NULL},
    {"GET", "/api/v2/calls/parked", ROUTE_JWT, NULL, handler, NULL},
    {"GET", "/api/v2/calls/{id}/status", ROUTE_JWT, NULL, handler, NULL},
    {"PUT", "/api/v2/calls/{id}/variables/{name}", ROUTE_JWT, NULL, handler, NULL},
    {"GET", "/api/v2/calls/parked/slots", ROUTE_JWT, NULL, handler, NULL},
    {"POST", "/api/v2/interaction/{number}", ROUTE_JWT, NULL, handler, NULL},
    {"GET", "/adial/api", ROUTE_TOKEN, NULL, handler, NULL},
};

static struct router *router;

static int set_up(void **state)
{
    (void)state;
    router = router_new(table, COUNT(table), NULL);
    return router ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    router_free(router);
    return 0;
}

static char space[4096];

/* The pattern found, "405 <methods>", "404" or "bad". */
static const char *find(const char *method, const char *raw, struct router_match *match)
{
    static char answer[128];
    struct path path;
    if (!path_split(raw, strlen(raw), space, &path))
        return "bad";
    router_find(router, method, &path, match);
    if (match->route)
        return match->route->pattern;
    if (!match->methods)
        return "404";
    char allow[ALLOW_SIZE];
    router_allow(match->methods, allow);
    snprintf(answer, sizeof(answer), "405 %s", allow);
    return answer;
}

static void requests(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *expected, *first, *second;
    } cases[] = {
        {"GET", "/", "/", NULL, NULL},
        {"HEAD", "/", "/", NULL, NULL},
        {"GET", "/health", "/health", NULL, NULL},
        {"GET", "/health/", "/health", NULL, NULL},
        {"HEAD", "/health", "/health", NULL, NULL},
        {"GET", "/%68ealth", "/health", NULL, NULL},
        {"GET", "/Health", "404", NULL, NULL},
        {"GET", "/healthy", "404", NULL, NULL},
        {"GET", "/health//", "404", NULL, NULL},
        {"GET", "//health", "404", NULL, NULL},
        {"GET", "/health/x", "404", NULL, NULL},
        {"GET", "/./health", "404", NULL, NULL},
        {"GET", "/x/../health", "404", NULL, NULL},
        {"POST", "/health", "405 GET, HEAD, OPTIONS", NULL, NULL},
        {"OPTIONS", "/health", "405 GET, HEAD, OPTIONS", NULL, NULL},
        {"BREW", "/health", "405 GET, HEAD, OPTIONS", NULL, NULL},
        {"get", "/health", "405 GET, HEAD, OPTIONS", NULL, NULL},
        {"POST", "/api/v2/calls", "/api/v2/calls", NULL, NULL},
        {"POST", "/api/v2/calls/", "/api/v2/calls", NULL, NULL},
        {"GET", "/api/v2/calls", "405 POST, OPTIONS", NULL, NULL},
        {"GET", "/api/v2/calls/abc", "/api/v2/calls/{call_id}", "abc", NULL},
        {"GET", "/api/v2/calls/abc/", "/api/v2/calls/{call_id}", "abc", NULL},
        {"DELETE", "/api/v2/calls/abc", "/api/v2/calls/{id}", "abc", NULL},
        {"PUT", "/api/v2/calls/abc", "405 GET, HEAD, DELETE, OPTIONS", NULL, NULL},
        /* A literal goes before a parameter, but not when only the parameter has the method. */
        {"GET", "/api/v2/calls/parked", "/api/v2/calls/parked", NULL, NULL},
        {"DELETE", "/api/v2/calls/parked", "/api/v2/calls/{id}", "parked", NULL},
        {"GET", "/api/v2/calls/parked/slots", "/api/v2/calls/parked/slots", NULL, NULL},
        {"GET", "/api/v2/calls/parked/status", "/api/v2/calls/{id}/status", "parked", NULL},
        {"PUT", "/api/v2/calls/a/variables/b", "/api/v2/calls/{id}/variables/{name}", "a", "b"},
        {"PUT", "/api/v2/calls//variables/b", "404", NULL, NULL},
        {"POST", "/api/v2/interaction/+1234567890", "/api/v2/interaction/{number}", "+1234567890",
         NULL},
        {"POST", "/api/v2/interaction/%2B1234567", "/api/v2/interaction/{number}", "+1234567",
         NULL},
        {"POST", "/api/v2/interaction/", "404", NULL, NULL},
        {"GET", "/api/v2/calls/a%2Fb", "/api/v2/calls/{call_id}", "a/b", NULL},
        {"GET", "/api/v2/calls/a%2fstatus", "/api/v2/calls/{call_id}", "a/status", NULL},
        {"GET", "/api/v2/calls/%25", "/api/v2/calls/{call_id}", "%", NULL},
        {"GET", "/api/v2/calls/a;b=c", "/api/v2/calls/{call_id}", "a;b=c", NULL},
        {"GET", "/api/v2/calls/%C3%A9", "/api/v2/calls/{call_id}", "\xc3\xa9", NULL},
        {"GET", "/api/v2/calls/\xc3\xa9", "/api/v2/calls/{call_id}", "\xc3\xa9", NULL},
        {"GET", "/adial/api/", "/adial/api", NULL, NULL},
        {"GET", "/api", "404", NULL, NULL},
        {"GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r", "404", NULL, NULL},
        {"GET", "", "bad", NULL, NULL},
        {"GET", "health", "bad", NULL, NULL},
        {"OPTIONS", "*", "bad", NULL, NULL},
        {"CONNECT", "example.org:443", "bad", NULL, NULL},
        {"GET", "/api/v2/calls/%", "bad", NULL, NULL},
        {"GET", "/api/v2/calls/%4", "bad", NULL, NULL},
        {"GET", "/api/v2/calls/%4/x", "bad", NULL, NULL},
        {"GET", "/api/v2/calls/%zz", "bad", NULL, NULL},
        {"GET", "/api/v2/calls/%00", "bad", NULL, NULL},
        {"GET", "/api/v2/calls/%ff", "bad", NULL, NULL},
        {"GET", "/api/v2/calls/%c3", "bad", NULL, NULL},
        {"GET", "/api/v2/calls/%c0%af", "bad", NULL, NULL},
        {"GET", "/api/v2/calls/%ed%a0%80", "bad", NULL, NULL},
        {"GET", "/api/v2/calls/\xff", "bad", NULL, NULL},
        {"GET", "/api/v2/calls/a b", "bad", NULL, NULL},
        {"GET", "/api/v2/calls/a\tb", "bad", NULL, NULL},
        {"GET", "/api/v2/calls/a\x7f", "bad", NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct router_match match;
        const char *found = find(cases[i].method, cases[i].path, &match);
        if (strcmp(found, cases[i].expected) != 0)
            fail_msg("%s %s: %s, not %s", cases[i].method, cases[i].path, found, cases[i].expected);
        if (cases[i].first) {
            assert_int_equal(match.value_count, cases[i].second ? 2 : 1);
            assert_string_equal(match.values[0], cases[i].first);
        }
        if (cases[i].second)
            assert_string_equal(match.values[1], cases[i].second);
    }
}

static void parameters_by_name(void **state)
{
    (void)state;
    struct router_match match;
    find("PUT", "/api/v2/calls/one/variables/two", &match);
    assert_string_equal(router_value(&match, "id"), "one");
    assert_string_equal(router_value(&match, "name"), "two");
    assert_null(router_value(&match, "call_id"));
    assert_null(router_value(&match, ""));
}

static void sixteen_segments_and_no_more(void **state)
{
    (void)state;
    const struct route deep = {.method = "GET", .pattern = "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/{p}"};
    struct router *r = router_new(&deep, 1, NULL);
    assert_non_null(r);
    struct path path;
    struct router_match match;
    const char *fits = "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/x",
               *over = "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/x/y";
    assert_true(path_split(fits, strlen(fits), space, &path));
    router_find(r, "GET", &path, &match);
    assert_ptr_equal(match.route, &deep);
    assert_true(path_split(over, strlen(over), space, &path));
    router_find(r, "GET", &path, &match);
    assert_null(match.route);
    assert_int_equal(match.methods, 0);
    router_free(r);
}

static void prefixes(void **state)
{
    (void)state;
    static const struct {
        const char *path, *prefix;
        bool under;
    } cases[] = {
        {"/", "", true},
        {"/x", "", true},
        {"/api", "/api", true},
        {"/api/", "/api", true},
        {"/api/v2", "/api", true},
        {"/api/v2/calls", "/api/v2", true},
        {"/%61pi/v2", "/api/v2", true},
        {"/api/v1", "/api/v2", false},
        {"/api/v22", "/api/v2", false},
        {"/api%2Fv2", "/api/v2", false},
        {"/apis", "/api", false},
        {"/ap", "/api", false},
        {"/", "/api", false},
        {"//api", "/api", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct path path;
        assert_true(path_split(cases[i].path, strlen(cases[i].path), space, &path));
        if (path_under(&path, cases[i].prefix) != cases[i].under)
            fail_msg("%s under %s", cases[i].path, cases[i].prefix);
    }
    struct path path;
    assert_false(path_split("/api/v2/%zz", 11, space, &path));
    assert_true(path_under(&path, "/api/v2"));
}

/* Under ASan: nothing is read or written beyond the given lengths. */
static void any_bytes(void **state)
{
    (void)state;
    static const char bytes[] = "/%2\xc3{}a.";
    for (unsigned n = 0; n < 100000; n++) {
        size_t len = n % 9;
        char *raw = malloc(len + 1), *room = malloc(len + 1);
        unsigned x = n;
        for (size_t i = 0; i < len; i++, x = x / 8 + 7919u * x)
            raw[i] = i ? bytes[x % 8] : '/';
        struct path path;
        struct router_match match;
        if (path_split(raw, len, room, &path))
            router_find(router, "GET", &path, &match);
        free(raw);
        free(room);
    }
}

static void tables_that_make_no_sense(void **state)
{
    (void)state;
    static const struct {
        struct route routes[2];
        const char *says;
    } cases[] = {
        {{{.method = "GET", .pattern = "/a"}, {.method = "FETCH", .pattern = "/b"}}, "FETCH"},
        {{{.method = "GET", .pattern = "/a"}, {.method = "GET", .pattern = "b"}}, "route b"},
        {{{.method = "GET", .pattern = "/a"}, {.method = "GET", .pattern = "/b//c"}}, "/b//c"},
        {{{.method = "GET", .pattern = "/a/{x}"}, {.method = "GET", .pattern = "/a/{y}"}},
         "/a/{x}"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct problem problem = {0};
        assert_null(router_new(cases[i].routes, 2, &problem));
        assert_non_null(strstr(problem.text, cases[i].says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(parameters_by_name),
        cmocka_unit_test(sixteen_segments_and_no_more),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(any_bytes),
        cmocka_unit_test(tables_that_make_no_sense),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
