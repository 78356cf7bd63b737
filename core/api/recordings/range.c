/* range.c - see range.h. */
#include "api/recordings/range.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Digits, at least one; what does not fit into 63 bits is as far as any file can be. */
static bool take_number(const char **at, uint64_t *out)
{
    const char *begin = *at;
    *out = 0;
    for (; **at >= '0' && **at <= '9'; ++*at)
        *out = *out > INT64_MAX / 16 ? INT64_MAX : *out * 10 + (uint64_t)(**at - '0');
    return *at != begin;
}

static void skip_blanks(const char **at)
{
    *at += strspn(*at, " \t");
}

/* "-500": the last 500 bytes. */
static enum range_verdict read_suffix(const char *at, uint64_t size, uint64_t *first,
                                      uint64_t *last)
{
    uint64_t len;
    bool ok = take_number(&at, &len);
    skip_blanks(&at);
    if (!ok || *at)
        return RANGE_WHOLE;
    if (!len || !size)
        return RANGE_BEYOND;
    *first = len < size ? size - len : 0;
    *last = size - 1;
    return RANGE_PART;
}

enum range_verdict range_read(const char *header, uint64_t size, uint64_t *first, uint64_t *last)
{
    static const char unit[] = "bytes=";
    const char *at = header;
    uint64_t from, to = INT64_MAX;
    if (!at || strncasecmp(at, unit, sizeof unit - 1) != 0)
        return RANGE_WHOLE;
    at += sizeof unit - 1;
    skip_blanks(&at);
    if (*at == '-')
        return read_suffix(at + 1, size, first, last);
    if (!take_number(&at, &from) || *at++ != '-')
        return RANGE_WHOLE;
    bool ends = take_number(&at, &to);
    if (!ends)
        to = INT64_MAX;
    skip_blanks(&at);
    if (*at || to < from)
        return RANGE_WHOLE;
    if (from >= size)
        return RANGE_BEYOND;
    *first = from;
    *last = to < size ? to : size - 1;
    return RANGE_PART;
}
