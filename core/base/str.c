/* str.c - text: comparing, checking, random bytes. Conversions are in str_convert.c. */
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

bool str_eq(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static unsigned char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : (unsigned char)c;
}

bool str_ieq(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    while (*a && fold(*a) == fold(*b))
        a++, b++;
    return fold(*a) == fold(*b);
}

bool str_empty(const char *s)
{
    return !s || !*s;
}

bool str_starts(const char *s, const char *prefix)
{
    return s && prefix && strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
    if (!s || !suffix)
        return false;
    size_t len = strlen(s), tail = strlen(suffix);
    return len >= tail && memcmp(s + len - tail, suffix, tail) == 0;
}

bool str_secret_eq(const char *a, size_t a_len, const char *b, size_t b_len)
{
    if (a_len != b_len)
        return false;
    unsigned char differ = 0;
    for (size_t i = 0; i < a_len; i++) {
        differ |= (unsigned char)(a[i] ^ b[i]);
        /* The compiler may not see that the rest no longer matters. */
        __asm__ volatile("" : "+r"(differ));
    }
    return differ == 0;
}

static bool continues(const unsigned char *p, size_t count)
{
    for (size_t i = 1; i <= count; i++)
        if ((p[i] & 0xc0) != 0x80)
            return false;
    return true;
}

size_t str_utf8_step(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    if (!len)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2)
        return 0;
    if (p[0] < 0xe0)
        return len >= 2 && continues(p, 1) ? 2 : 0;
    if (p[0] < 0xf0) {
        if (len < 3 || !continues(p, 2))
            return 0;
        bool overlong = p[0] == 0xe0 && p[1] < 0xa0;
        bool surrogate = p[0] == 0xed && p[1] > 0x9f;
        return overlong || surrogate ? 0 : 3;
    }
    if (p[0] > 0xf4 || len < 4 || !continues(p, 3))
        return 0;
    bool overlong = p[0] == 0xf0 && p[1] < 0x90;
    bool beyond = p[0] == 0xf4 && p[1] > 0x8f;
    return overlong || beyond ? 0 : 4;
}

/* How many bytes from here on are ASCII without a NUL, eight at a time: most text is. */
static size_t plain_run(const char *s, size_t len)
{
    size_t n = 0;
    for (uint64_t word; len - n >= sizeof(word); n += sizeof(word)) {
        memcpy(&word, s + n, sizeof(word));
        uint64_t zero = (word - 0x0101010101010101) & ~word & 0x8080808080808080;
        if (zero | (word & 0x8080808080808080))
            break;
    }
    return n;
}

bool str_utf8(const char *s, size_t len)
{
    for (size_t i = plain_run(s, len), step; i < len; i += step) {
        step = str_utf8_step(s + i, len - i);
        if (!step || !s[i])
            return false;
    }
    return true;
}

size_t str_utf8_len(const char *s)
{
    size_t count = plain_run(s, strlen(s));
    for (s += count; *s; s++)
        count += ((unsigned char)*s & 0xc0) != 0x80;
    return count;
}

bool str_has_control(const char *s)
{
    const unsigned char *p = (const unsigned char *)s;
    for (; *p; p++) {
        if (*p < 0x20 || *p == 0x7f)
            return true;
        if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
            return true;
    }
    return false;
}

bool str_is_identifier(const char *s)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    if (str_empty(s) || (*s >= '0' && *s <= '9'))
        return false;
    return strnlen(s, 81) <= 80 && str_only(s, allowed);
}

bool str_only(const char *s, const char *allowed)
{
    return s[strspn(s, allowed)] == '\0';
}

void str_hex(const void *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = bytes;
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[p[i] >> 4];
        *out++ = digits[p[i] & 15];
    }
    *out = '\0';
}

void str_random(void *out, size_t len)
{
    char *p = out;
    while (len) {
        ssize_t got = getrandom(p, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort(); /* without random numbers nothing here is safe */
        p += got;
        len -= (size_t)got;
    }
}

void str_random_hex(size_t bytes, char *out)
{
    unsigned char chunk[32];
    out[0] = '\0';
    while (bytes) {
        size_t n = bytes < sizeof(chunk) ? bytes : sizeof(chunk);
        str_random(chunk, n);
        str_hex(chunk, n, out);
        out += 2 * n;
        bytes -= n;
    }
    explicit_bzero(chunk, sizeof(chunk));
}
