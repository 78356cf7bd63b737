/* str_convert.c - text to numbers, durations and booleans; percent-encoding. */
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

/* Digits from *s on; *s is left behind the last. false: none, or more than `max`. */
static bool read_digits(const char **s, uint64_t max, uint64_t *out)
{
    const char *p = *s;
    uint64_t n = 0;
    if (*p < '0' || *p > '9')
        return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (n > (max - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *s = p;
    *out = n;
    return true;
}

bool str_to_int(const char *s, int64_t *out)
{
    if (!s)
        return false;
    bool negative = *s == '-';
    uint64_t n, max = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    s += negative;
    if (!read_digits(&s, max, &n) || *s)
        return false;
    *out = negative ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

bool str_to_ms(const char *s, int64_t *out)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

    uint64_t n;
    if (!s || !read_digits(&s, INT64_MAX, &n))
        return false;
    if (!*s && n == 0) {
        *out = 0;
        return true;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        int64_t ms;
        if (strcmp(s, units[i].unit) != 0)
            continue;
        if (__builtin_mul_overflow((int64_t)n, units[i].ms, &ms))
            return false;
        *out = ms;
        return true;
    }
    return false;
}

bool str_to_bool(const char *s, bool *out)
{
    static const struct {
        const char *text;
        bool value;
    } words[] = {{"true", true},   {"1", true},  {"yes", true}, {"on", true},
                 {"false", false}, {"0", false}, {"no", false}, {"off", false}};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (str_ieq(s, words[i].text)) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool url_decode(const char *s, size_t len, bool plus_is_space, struct buf *out)
{
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        if (c == '%') {
            if (len - i < 3)
                return false;
            int high = hex_digit(s[i + 1]), low = hex_digit(s[i + 2]);
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (!c)
            return false;
        buf_addc(out, c);
    }
    return !out->over;
}

bool str_url_decode(const char *s, size_t len, bool plus_is_space, struct buf *out)
{
    size_t before = out->len;
    if (url_decode(s, len, plus_is_space, out))
        return true;
    out->len = before;
    buf_cstr(out);
    return false;
}

static bool unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void str_url_encode(const char *s, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (unreserved(*s))
            buf_addc(out, *s);
        else
            buf_add(out, (char[]){'%', digits[c >> 4], digits[c & 15]}, 3);
    }
}
