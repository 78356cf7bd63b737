/* forwarded.c - see forwarded.h. Addresses are compared as IPv6; IPv4 is mapped into it. */
#include "http/forwarded.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define BITS     128u
#define V4_SHIFT 96u

struct network {
    bool last, local; /* the end of a list; any Unix socket */
    struct in6_addr address;
    unsigned prefix;
};

/* false: no address. */
static bool read_address(const char *text, struct in6_addr *out, bool *v4)
{
    struct in_addr four;
    *v4 = inet_pton(AF_INET, text, &four) == 1;
    if (!*v4)
        return inet_pton(AF_INET6, text, out) == 1;
    memset(out, 0, sizeof(*out));
    out->s6_addr[10] = out->s6_addr[11] = 0xff;
    memcpy(out->s6_addr + 12, &four, sizeof(four));
    return true;
}

static bool read_network(const char *text, struct network *out)
{
    char address[ADDRESS_SIZE];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    int64_t prefix;
    bool v4;
    *out = (struct network){.prefix = BITS, .local = str_eq(text, "unix")};
    if (out->local)
        return true;
    if (len >= sizeof(address))
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    if (!read_address(address, &out->address, &v4))
        return false;
    if (!slash)
        return true;
    if (!str_to_int(slash + 1, &prefix) || prefix < 0 || prefix > (v4 ? 32 : BITS))
        return false;
    out->prefix = (unsigned)prefix + (v4 ? V4_SHIFT : 0);
    return true;
}

const struct network *networks_read(struct arena *arena, const char *const *list,
                                    struct problem *problem)
{
    size_t count = 0;
    while (list && list[count])
        count++;
    struct network *all = arena_alloc(arena, (count + 1) * sizeof(*all));
    for (size_t i = 0; i < count; i++) {
        if (read_network(list[i], &all[i]))
            continue;
        problem_set(problem, DG_EINVAL,
                    "trusted_proxies: \"%s\" is no address; expected \"10.0.0.7\", "
                    "\"10.0.0.0/8\", \"fd00::/8\" or \"unix\"",
                    list[i]);
        return NULL;
    }
    all[count].last = true;
    return all;
}

static bool contains(const struct network *n, const struct in6_addr *address)
{
    size_t whole = n->prefix / 8, rest = n->prefix % 8;
    if (memcmp(n->address.s6_addr, address->s6_addr, whole) != 0)
        return false;
    unsigned char mask = (unsigned char)(0xff00u >> rest);
    return !rest || ((n->address.s6_addr[whole] ^ address->s6_addr[whole]) & mask) == 0;
}

bool networks_have(const struct network *networks, const char *address)
{
    struct in6_addr parsed;
    bool v4, local = str_eq(address, "unix");
    if (networks->last)
        return false;
    if (!local && !read_address(address, &parsed, &v4))
        return false;
    for (const struct network *n = networks; !n->last; n++)
        if (n->local ? local : !local && contains(n, &parsed))
            return true;
    return false;
}

/* "192.0.2.7", "192.0.2.7:4711", "[2001:db8::1]:4711" without the rest; false: nothing of it. */
static bool read_entry(const char *text, size_t len, char out[ADDRESS_SIZE])
{
    char address[ADDRESS_SIZE];
    struct in6_addr parsed;
    bool v4;
    if (len && text[0] == '[') {
        const char *close = memchr(text, ']', len);
        if (!close)
            return false;
        len = (size_t)(close - ++text);
    } else {
        const char *colon = memchr(text, ':', len);
        bool port = colon && !memchr(colon + 1, ':', len - (size_t)(colon + 1 - text));
        len = port ? (size_t)(colon - text) : len;
    }
    if (len >= sizeof(address))
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    if (!read_address(address, &parsed, &v4))
        return false;
    /* One way of writing for each, so that nobody is counted as several. */
    if (IN6_IS_ADDR_V4MAPPED(&parsed))
        inet_ntop(AF_INET, parsed.s6_addr + 12, out, ADDRESS_SIZE);
    else
        inet_ntop(AF_INET6, &parsed, out, ADDRESS_SIZE);
    return true;
}

bool forwarded_step(const struct network *trusted, const char *value, size_t len,
                    char client[ADDRESS_SIZE])
{
    while (networks_have(trusted, client)) {
        size_t end = len;
        while (end && strchr(" \t", value[end - 1]))
            end--;
        size_t start = end;
        while (start && value[start - 1] != ',')
            start--;
        size_t from = start;
        while (from < end && strchr(" \t", value[from]))
            from++;
        if (from == end && start == 0)
            return true;
        if (from < end && !read_entry(value + from, end - from, client))
            return false;
        if (start == 0)
            return networks_have(trusted, client);
        len = start - 1;
    }
    return false;
}
