/* framing.c - looking at a raw request head.
 *
 * H2O takes the first Content-Length and the last Host, lets Transfer-Encoding
 * go before a length without a word, and hides these headers from handlers. The
 * head itself still lies in the connection's input buffer while the request is
 * under way.
 */
#include "http/framing.h"

#include <string.h>
#include <strings.h>

static bool named(const char *line, size_t len, const char *name)
{
    size_t name_len = strlen(name);
    return len > name_len && line[name_len] == ':' && strncasecmp(line, name, name_len) == 0;
}

/* Whether the request line, up to its end, says HTTP/1.0. */
static bool old_version(const char *head, const char *end)
{
    static const char version[] = "HTTP/1.0";
    const size_t len = sizeof(version) - 1;
    if (end > head && end[-1] == '\r')
        end--;
    return (size_t)(end - head) >= len && memcmp(end - len, version, len) == 0;
}

bool framing_ambiguous(const char *head, size_t len)
{
    const char *end = head + len;
    const char *line = memchr(head, '\n', len);
    bool old = line && old_version(head, line);
    unsigned lengths = 0, encodings = 0, hosts = 0;
    while (line && ++line < end) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        size_t line_len = (size_t)((next ? next : end) - line);
        if (line_len == 0 || line[0] == '\r')
            break;
        if (line[0] == ' ' || line[0] == '\t')
            return true;
        lengths += named(line, line_len, "content-length");
        encodings += named(line, line_len, "transfer-encoding");
        hosts += named(line, line_len, "host");
        line = next;
    }
    return lengths + encodings > 1 || hosts > 1 || (old && encodings);
}

bool framing_head_complete(const char *head, size_t len)
{
    const char *end = head + len;
    for (const char *p = head; (p = memchr(p, '\n', (size_t)(end - p))); p++) {
        if (p + 1 < end && p[1] == '\n')
            return true;
        if (p + 2 < end && p[1] == '\r' && p[2] == '\n')
            return true;
    }
    return false;
}
