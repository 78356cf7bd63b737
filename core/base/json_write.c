/* json_write.c - the JSON writer.
 *
 * Every answer and every snapshot of a call goes through here, so text is
 * looked at eight bytes at a time and copied in one piece when nothing in it
 * needs escaping, which is nearly always.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"

#define DEPTH_MAX    60u
#define DOCUMENT_MAX 2048u /* depth of a jansson tree, its parser's own limit */
#define ALL_BYTES(b) (UINT64_C(0x0101010101010101) * (b))

/* Nonzero when one of the eight bytes is a control character, a quote, a
 * backslash or not ASCII. A borrow may also report a byte above a true find,
 * which does no harm: the slow way then looks at each. */
static uint64_t special(uint64_t word)
{
    uint64_t quote = word ^ ALL_BYTES('"'), backslash = word ^ ALL_BYTES('\\');
    uint64_t found =
        (word - ALL_BYTES(0x20)) | (quote - ALL_BYTES(1)) | (backslash - ALL_BYTES(1)) | word;
    return found & ALL_BYTES(0x80);
}

/* How many bytes from the start may be copied as they are. */
static size_t plain_run(const char *s, size_t len)
{
    static const bool plain[256] = {
        [' '] = true, ['!'] = true, ['#' ... '['] = true, [']' ... 0x7f] = true};
    size_t i = 0;
    for (uint64_t word; len - i >= 8; i += 8) {
        memcpy(&word, s + i, 8);
        if (special(word))
            break;
    }
    while (i < len && plain[(unsigned char)s[i]])
        i++;
    return i;
}

/* One character that cannot be copied blindly; returns its length. */
static size_t add_special(struct buf *out, const char *s, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    static const char replacement[] = "\xef\xbf\xbd";
    static const char shorthand[] = "\bb\ff\nn\rr\tt\"\"\\\\";

    unsigned char c = (unsigned char)*s;
    if (c >= 0x80) {
        size_t step = str_utf8_step(s, len);
        buf_add(out, step ? s : replacement, step ? step : 3);
        return step ? step : 1;
    }
    for (const char *p = shorthand; *p; p += 2) {
        if (*p == *s) {
            buf_add(out, (char[]){'\\', p[1]}, 2);
            return 1;
        }
    }
    buf_add(out, (char[]){'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]}, 6);
    return 1;
}

static void add_text(struct buf *out, const char *s, size_t len)
{
    size_t run = plain_run(s, len);
    char *p;
    if (run == len) {
        if (!(p = buf_reserve(out, len + 2)))
            return;
        p[0] = '"';
        memcpy(p + 1, s, len);
        p[len + 1] = '"';
        out->len += len + 2;
        return;
    }
    buf_addc(out, '"');
    while (len) {
        buf_add(out, s, run);
        s += run;
        len -= run;
        if (len) {
            size_t step = add_special(out, s, len);
            s += step;
            len -= step;
        }
        run = plain_run(s, len);
    }
    buf_addc(out, '"');
}

static void add_int(struct buf *out, int64_t value)
{
    char digits[24], *p = digits + sizeof(digits);
    uint64_t n = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--p = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    if (value < 0)
        *--p = '-';
    buf_add(out, p, (size_t)(digits + sizeof(digits) - p));
}

/* The shortest of the usual precisions that reads back as the same number. */
static void add_real(struct buf *out, double value)
{
    char text[40];
    if (!isfinite(value)) {
        buf_add(out, "null", 4);
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof(text), "%.*g", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buf_adds(out, text);
    if (!strpbrk(text, ".e"))
        buf_add(out, ".0", 2);
}

/* ---- The writer --------------------------------------------------------- */

void jw_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

/* The comma and the key, nearly always in one piece. */
static void begin(struct json_writer *w, const char *key)
{
    size_t comma = w->comma, len = key ? strlen(key) : 0;
    w->comma = true;
    if (key && plain_run(key, len) == len) {
        char *p = buf_reserve(w->out, comma + len + 3);
        if (!p)
            return;
        *p = ',';
        p[comma] = '"';
        memcpy(p + comma + 1, key, len);
        memcpy(p + comma + 1 + len, "\":", 2);
        w->out->len += comma + len + 3;
        return;
    }
    if (comma)
        buf_addc(w->out, ',');
    if (key) {
        add_text(w->out, key, len);
        buf_addc(w->out, ':');
    }
}

/* Deeper than the writer can remember is a bug of the caller; the buffer is then
 * declared over, so that no broken document goes out. */
static void open_level(struct json_writer *w, const char *key, bool array)
{
    begin(w, key);
    buf_addc(w->out, array ? '[' : '{');
    if (w->depth >= DEPTH_MAX)
        w->out->over = true;
    else if (array)
        w->arrays |= UINT64_C(1) << w->depth;
    else
        w->arrays &= ~(UINT64_C(1) << w->depth);
    w->depth++;
    w->comma = false;
}

void jw_object(struct json_writer *w, const char *key)
{
    open_level(w, key, false);
}

void jw_array(struct json_writer *w, const char *key)
{
    open_level(w, key, true);
}

void jw_end(struct json_writer *w)
{
    if (!w->depth) {
        w->out->over = true;
        return;
    }
    w->depth--;
    bool array = w->depth < DEPTH_MAX && w->arrays >> w->depth & 1;
    buf_addc(w->out, array ? ']' : '}');
    w->comma = true;
}

void jw_str(struct json_writer *w, const char *key, const char *value)
{
    begin(w, key);
    if (value)
        add_text(w->out, value, strlen(value));
    else
        buf_add(w->out, "null", 4);
}

void jw_strn(struct json_writer *w, const char *key, const char *value, size_t len)
{
    begin(w, key);
    if (value)
        add_text(w->out, value, len);
    else
        buf_add(w->out, "null", 4);
}

void jw_int(struct json_writer *w, const char *key, int64_t value)
{
    begin(w, key);
    add_int(w->out, value);
}

void jw_real(struct json_writer *w, const char *key, double value)
{
    begin(w, key);
    add_real(w->out, value);
}

void jw_bool(struct json_writer *w, const char *key, bool value)
{
    begin(w, key);
    buf_adds(w->out, value ? "true" : "false");
}

void jw_null(struct json_writer *w, const char *key)
{
    begin(w, key);
    buf_add(w->out, "null", 4);
}

void jw_raw(struct json_writer *w, const char *key, const char *json, size_t len)
{
    begin(w, key);
    buf_add(w->out, json, len);
}

void jw_time(struct json_writer *w, const char *key, int64_t unix_ms)
{
    char time[CLOCK_ISO_SIZE];
    if (unix_ms)
        clock_iso_utc(unix_ms, time);
    jw_str(w, key, unix_ms ? time : NULL);
}

/* ---- Trees of jansson --------------------------------------------------- */

static void add_value(struct buf *out, const json_t *value, unsigned depth);

static void add_object(struct buf *out, const json_t *object, unsigned depth)
{
    json_t *lent = (json_t *)object; /* the iterators take no const */
    bool comma = false;
    buf_addc(out, '{');
    for (void *i = json_object_iter(lent); i; i = json_object_iter_next(lent, i)) {
        if (comma)
            buf_addc(out, ',');
        comma = true;
        add_text(out, json_object_iter_key(i), json_object_iter_key_len(i));
        buf_addc(out, ':');
        add_value(out, json_object_iter_value(i), depth + 1);
    }
    buf_addc(out, '}');
}

static void add_array(struct buf *out, const json_t *array, unsigned depth)
{
    buf_addc(out, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i)
            buf_addc(out, ',');
        add_value(out, json_array_get(array, i), depth + 1);
    }
    buf_addc(out, ']');
}

static void add_value(struct buf *out, const json_t *value, unsigned depth)
{
    if (depth > DOCUMENT_MAX) {
        out->over = true;
        return;
    }
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT:
        add_object(out, value, depth);
        break;
    case JSON_ARRAY:
        add_array(out, value, depth);
        break;
    case JSON_STRING:
        add_text(out, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        add_int(out, json_integer_value(value));
        break;
    case JSON_REAL:
        add_real(out, json_real_value(value));
        break;
    case JSON_TRUE:
        buf_add(out, "true", 4);
        break;
    case JSON_FALSE:
        buf_add(out, "false", 5);
        break;
    case JSON_NULL:
        buf_add(out, "null", 4);
        break;
    }
}

void jw_jansson(struct json_writer *w, const char *key, const json_t *value)
{
    begin(w, key);
    add_value(w->out, value, 0);
}
