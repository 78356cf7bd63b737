/* scan.c - see scan.h. */
#include "store/scan.h"

#include <string.h>

struct scan {
    const unsigned char *at, *end;
    unsigned depth;
    struct pool *pool;
    const char *wrong; /* NULL: nothing so far */
};

static bool fail(struct scan *s, const char *wrong)
{
    if (!s->wrong)
        s->wrong = wrong;
    return false;
}

/* The next byte, or 0 at the end; a NUL is nowhere allowed anyway. */
static unsigned char peek(const struct scan *s)
{
    return s->at < s->end ? *s->at : 0;
}

static unsigned char next_token(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r'))
        s->at++;
    return peek(s);
}

/* ---- Text --------------------------------------------------------------- */

/* Past one character of two to four bytes: no overlong forms, no surrogates,
 * nothing above U+10FFFF. */
static bool skip_utf8(struct scan *s)
{
    unsigned char c = *s->at, low = 0x80, high = 0xbf;
    int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    if (c < 0xc2 || c > 0xf4)
        return fail(s, "not UTF-8");
    if (c == 0xe0)
        low = 0xa0;
    else if (c == 0xed)
        high = 0x9f;
    else if (c == 0xf0)
        low = 0x90;
    else if (c == 0xf4)
        high = 0x8f;
    for (s->at++; more > 0; more--, s->at++) {
        unsigned char next = peek(s);
        if (next < low || next > high)
            return fail(s, "not UTF-8");
        low = 0x80;
        high = 0xbf;
    }
    return true;
}

bool utf8_ok(const char *text, size_t len)
{
    struct scan s = {.at = (const unsigned char *)text, .end = (const unsigned char *)text + len};
    while (s.at < s.end) {
        if (*s.at < 0x80)
            s.at++;
        else if (!skip_utf8(&s))
            return false;
    }
    return true;
}

static int hex4(const unsigned char *at, const unsigned char *end)
{
    int n = 0;
    for (int i = 0; i < 4; i++, at++) {
        unsigned char c = at < end ? *at : 0;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        n = n * 16 + digit;
    }
    return n;
}

/* The character of the escape at `at`, which stands behind it then; -1: it is none. */
static long escaped(const unsigned char **at, const unsigned char *end)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const unsigned char *p = *at + 1;
    if (p >= end)
        return -1;
    if (*p != 'u') {
        const char *letter = *p ? strchr(letters, *p) : NULL;
        *at = p + 1;
        return letter ? meant[letter - letters] : -1;
    }
    long high = hex4(p + 1, end);
    *at = p + 5;
    if (high <= 0 || (high >= 0xdc00 && high <= 0xdfff))
        return -1;
    if (high < 0xd800 || high > 0xdbff)
        return high;
    if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return -1;
    long low = hex4(*at + 2, end);
    *at += 6;
    if (low < 0xdc00 || low > 0xdfff)
        return -1;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static char *add_utf8(char *out, long c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* What stands between the quotes, which has been checked, without its escapes. */
static void unescape(struct pool *pool, const unsigned char *from, const unsigned char *end,
                     struct scan_value *out)
{
    char *text = pool_alloc(pool, (size_t)(end - from) + 1), *to = text;
    while (from < end) {
        if (*from == '\\')
            to = add_utf8(to, escaped(&from, end));
        else
            *to++ = (char)*from++;
    }
    out->text = text;
    out->len = (size_t)(to - text);
}

/* ASCII that stands for itself: nearly all there is in text. */
static const unsigned char *skip_plain(const unsigned char *at, const unsigned char *end)
{
    static const bool plain[256] = {
        [' '] = true, ['!'] = true, ['#' ... '['] = true, [']' ... 0x7f] = true};
    while (at < end && plain[*at])
        at++;
    return at;
}

/* From the opening quote past the closing one. `out` may be NULL: only checked. */
static bool scan_text(struct scan *s, struct scan_value *out)
{
    const unsigned char *start = ++s->at;
    bool escapes = false;
    for (;;) {
        s->at = skip_plain(s->at, s->end);
        unsigned char c = peek(s);
        if (c == '"') {
            break;
        } else if (c == '\\') {
            escapes = true;
            if (escaped(&s->at, s->end) < 0)
                return fail(s, "an escape that means nothing");
        } else if (c < 0x20) {
            return fail(s, s->at < s->end ? "a control character in text" : "text without an end");
        } else if (!skip_utf8(s)) {
            return false;
        }
    }
    if (out) {
        *out = (struct scan_value){
            .kind = SCAN_TEXT, .text = (const char *)start, .len = (size_t)(s->at - start)};
        if (escapes)
            unescape(s->pool, start, s->at, out);
    }
    s->at++;
    return true;
}

/* ---- Numbers and words -------------------------------------------------- */

static bool skip_digits(struct scan *s)
{
    const unsigned char *start = s->at;
    while (peek(s) >= '0' && peek(s) <= '9')
        s->at++;
    return s->at > start || fail(s, "a number without digits");
}

static void read_int(const unsigned char *from, const unsigned char *end, struct scan_value *out)
{
    bool negative = *from == '-';
    int64_t n = 0;
    for (from += negative; from < end; from++) {
        int digit = *from - '0';
        if (__builtin_mul_overflow(n, 10, &n) ||
            __builtin_sub_overflow(n, digit, &n)) /* counted downwards: the least fits too */
            return;
    }
    if (!negative && n == INT64_MIN)
        return;
    out->kind = SCAN_INT;
    out->number = negative ? n : -n;
}

static bool scan_number(struct scan *s, struct scan_value *out)
{
    const unsigned char *start = s->at;
    bool whole = true;
    s->at += *s->at == '-';
    if (peek(s) == '0')
        s->at++;
    else if (!skip_digits(s))
        return false;
    if (peek(s) == '.') {
        whole = false;
        s->at++;
        if (!skip_digits(s))
            return false;
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        whole = false;
        s->at++;
        s->at += peek(s) == '+' || peek(s) == '-';
        if (!skip_digits(s))
            return false;
    }
    *out = (struct scan_value){.kind = SCAN_REAL};
    if (whole)
        read_int(start, s->at, out);
    return true;
}

static bool scan_word(struct scan *s, const char *word, struct scan_value value,
                      struct scan_value *out)
{
    size_t len = strlen(word);
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0)
        return fail(s, "a word that means nothing");
    s->at += len;
    *out = value;
    return true;
}

/* ---- Values ------------------------------------------------------------- */

static bool scan_any(struct scan *s, struct scan_value *out);

static bool enter(struct scan *s)
{
    s->at++;
    return ++s->depth <= SCAN_DEPTH || fail(s, "nested too deeply");
}

static bool scan_array(struct scan *s)
{
    struct scan_value value;
    if (!enter(s))
        return false;
    if (next_token(s) == ']') {
        s->at++;
        s->depth--;
        return true;
    }
    for (;;) {
        if (!scan_any(s, &value))
            return false;
        unsigned char c = next_token(s);
        if (c != ',' && c != ']')
            return fail(s, "neither comma nor ] behind a value");
        s->at++;
        if (c == ']')
            break;
    }
    s->depth--;
    return true;
}

/* `fn` NULL: an inner object, whose members are only checked. */
static bool scan_members(struct scan *s, scan_fn *fn, void *arg)
{
    if (!enter(s))
        return false;
    if (next_token(s) == '}') {
        s->at++;
        s->depth--;
        return true;
    }
    for (;;) {
        struct scan_value key, value;
        if (next_token(s) != '"')
            return fail(s, "a member without a key");
        if (!scan_text(s, fn ? &key : NULL))
            return false;
        if (next_token(s) != ':')
            return fail(s, "no colon behind a key");
        s->at++;
        next_token(s);
        const unsigned char *raw = s->at;
        if (!scan_any(s, &value))
            return false;
        value.raw = (const char *)raw;
        value.raw_len = (size_t)(s->at - raw);
        if (fn && !fn(arg, key.text, key.len, &value))
            return fail(s, "");
        unsigned char c = next_token(s);
        if (c != ',' && c != '}')
            return fail(s, "neither comma nor } behind a member");
        s->at++;
        if (c == '}')
            break;
    }
    s->depth--;
    return true;
}

static bool scan_any(struct scan *s, struct scan_value *out)
{
    switch (next_token(s)) {
    case '"':
        /* Unescaped where somebody looks at it: a member of the outermost object. */
        return scan_text(s, s->depth == 1 ? out : NULL);
    case '{':
        out->kind = SCAN_OTHER;
        return scan_members(s, NULL, NULL);
    case '[':
        out->kind = SCAN_OTHER;
        return scan_array(s);
    case 't':
        return scan_word(s, "true", (struct scan_value){.kind = SCAN_BOOL, .number = 1}, out);
    case 'f':
        return scan_word(s, "false", (struct scan_value){.kind = SCAN_BOOL}, out);
    case 'n':
        return scan_word(s, "null", (struct scan_value){.kind = SCAN_NULL}, out);
    case '-':
    case '0' ... '9':
        return scan_number(s, out);
    default:
        return fail(s, "no value where one must be");
    }
}

const char *scan_object(const char *json, size_t len, struct pool *pool, scan_fn *fn, void *arg,
                        size_t *at)
{
    struct scan s = {
        .at = (const unsigned char *)json, .end = (const unsigned char *)json + len, .pool = pool};
    if (next_token(&s) != '{')
        fail(&s, "not an object");
    else if (scan_members(&s, fn, arg) && (next_token(&s) || s.at < s.end))
        fail(&s, "something behind the end");
    *at = (size_t)(s.at - (const unsigned char *)json);
    return s.wrong;
}
