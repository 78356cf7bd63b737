/* pattern.c - see pattern.h. Only the last star is ever tried again: what the
 * ones before it matched is as short as can be, so longer would not help. */
#include "base/pattern.h"

bool pattern_covers(const char *pattern, const char *text, size_t len)
{
    const char *star = NULL, *end = text + len, *again = text;
    while (text < end) {
        if (*pattern == '*') {
            star = pattern++;
            again = text;
        } else if (*pattern && *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++again;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}
