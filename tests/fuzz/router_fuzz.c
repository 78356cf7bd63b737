/* Any path against the real table: what comes out must hold together. */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/str.h"
#include "fuzz.h"
#include "http/router.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct router *router;
    struct problem problem;
    if (!router)
        router = router_new(api_routes, api_route_count, &problem);
    if (!router)
        abort();

    struct path path;
    struct router_match match;
    char *space = malloc(len + 1);
    if (path_split((const char *)bytes, len, space, &path)) {
        router_find(router, len % 2 ? "GET" : "POST", &path, &match);
        for (unsigned i = 0; i < match.value_count; i++) {
            if (!str_utf8(match.values[i], strlen(match.values[i])))
                abort();
        }
        if (match.route && !match.methods)
            abort();
    }
    free(space);
    return 0;
}
