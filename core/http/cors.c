/* cors.c - cross-origin rules. */
#include "http/cors.h"

#include <stddef.h>

#include "base/str.h"

enum cors cors_judge(const char *const *allowed, const char *origin)
{
    if (str_empty(origin))
        return CORS_NONE;
    enum cors verdict = CORS_REFUSED;
    for (; allowed && *allowed; allowed++) {
        if (str_eq(*allowed, "*"))
            return CORS_ANY;
        if (str_ieq(*allowed, origin))
            verdict = CORS_LISTED;
    }
    return verdict;
}
