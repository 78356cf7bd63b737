/* log_line.c - how a line of the log is written, as text and as JSON.
 *
 * Whatever stands in a value, the line stays one line and, as JSON, valid: what
 * comes from outside is escaped character by character, and a line that gets
 * too long is cut between characters. Room for the end is kept free all along.
 */
#include "base/log_line.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

#define NUMBER_MAX 20 /* characters of an int64_t */

#define TAIL 32 /* for `...","cut":true}` and the newline */

enum style { SENTENCE, QUOTED, JSON };

static const char *const level_names[] = {"DEBUG", "INFO", "WARN", "ERROR"};

/* A closing quote may already stand in the tail. */
static size_t room(const struct log_line *line)
{
    return line->len < LOG_LINE_MAX - TAIL ? LOG_LINE_MAX - TAIL - line->len : 0;
}

/* Adds all or nothing. */
static bool add(struct log_line *line, const char *s, size_t len)
{
    if (line->cut || len > room(line)) {
        line->cut = true;
        return false;
    }
    memcpy(line->bytes + line->len, s, len);
    line->len += len;
    return true;
}

static bool adds(struct log_line *line, const char *s)
{
    return add(line, s, strlen(s));
}

/* What may be added always: the end of something begun. */
static void add_tail(struct log_line *line, const char *s)
{
    size_t len = strlen(s);
    memcpy(line->bytes + line->len, s, len);
    line->len += len;
}

/* Control characters of C0 and C1, DEL, and the line separators of Unicode. */
static bool is_control(const unsigned char *p, size_t step)
{
    if (step == 1)
        return *p < 0x20 || *p == 0x7f;
    if (step == 2)
        return p[0] == 0xc2 && p[1] < 0xa0;
    return step == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9);
}

static unsigned code_point(const unsigned char *p, size_t step)
{
    if (step == 1)
        return p[0];
    if (step == 2)
        return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
    return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
}

static int escape_control(char out[16], const unsigned char *p, size_t step, enum style style)
{
    switch (*p) {
    case '\n':
        return snprintf(out, 16, "\\n");
    case '\r':
        return snprintf(out, 16, "\\r");
    case '\t':
        return snprintf(out, 16, "\\t");
    }
    if (style == JSON)
        return snprintf(out, 16, "\\u%04x", step ? code_point(p, step) : 0xfffd);
    int len = 0;
    for (size_t i = 0; i < (step ? step : 1); i++)
        len += snprintf(out + len, 16 - (size_t)len, "\\x%02X", p[i]);
    return len;
}

/* One character of `s` as it is written; its length in `s`, 0 at a cut. */
static size_t add_character(struct log_line *line, const char *s, size_t left, enum style style)
{
    size_t step = str_utf8_step(s, left);
    const unsigned char *p = (const unsigned char *)s;
    char escaped[16];
    int len;
    if (!step || is_control(p, step)) {
        len = escape_control(escaped, p, step, style);
        return add(line, escaped, (size_t)len) ? (step ? step : 1) : 0;
    }
    if (style != SENTENCE && (*s == '"' || *s == '\\'))
        return add(line, (char[]){'\\', *s}, 2) ? 1 : 0;
    return add(line, s, step) ? step : 0;
}

/* What is written alike in every style, and what needs no quotes either. */
enum { PLAIN = 1, BARE = 2 };
static const unsigned char kinds[256] = {
    [' '] = PLAIN, ['!'] = PLAIN | BARE,         ['#' ... '<'] = PLAIN | BARE,
    ['='] = PLAIN, ['>' ... '['] = PLAIN | BARE, [']' ... '~'] = PLAIN | BARE,
};

/* How many bytes from the start are of this kind. */
static size_t run_of(const char *s, unsigned kind)
{
    size_t len = 0;
    while (kinds[(unsigned char)s[len]] & kind)
        len++;
    return len;
}

static void add_text(struct log_line *line, const char *s, enum style style)
{
    size_t left = strlen(s);
    while (left && !line->cut) {
        size_t run = run_of(s, PLAIN), fits = room(line);
        size_t step = run < fits ? run : fits;
        if (step)
            add(line, s, step);
        else
            step = add_character(line, s, left, style);
        s += step;
        left -= step;
    }
    if (line->cut)
        add_tail(line, "...");
}

static void add_quoted(struct log_line *line, const char *s, enum style style)
{
    if (!adds(line, "\""))
        return;
    add_text(line, s, style);
    add_tail(line, "\"");
}

/* Of a text that is not empty. */
static bool needs_quotes(const char *s)
{
    size_t left = strlen(s);
    while (left) {
        bool bare = kinds[(unsigned char)*s] & BARE;
        size_t step = bare ? 1 : str_utf8_step(s, left);
        if (!bare && (step < 2 || is_control((const unsigned char *)s, step)))
            return true;
        s += step;
        left -= step;
    }
    return false;
}

/* The digits end at `end`; gives where they begin. */
static char *write_number(char *end, int64_t number)
{
    uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do
        *--end = (char)('0' + left % 10);
    while (left /= 10);
    if (number < 0)
        *--end = '-';
    return end;
}

static void add_number(struct log_line *line, int64_t number)
{
    char digits[NUMBER_MAX], *end = digits + sizeof digits, *begin = write_number(end, number);
    add(line, begin, (size_t)(end - begin));
}

/* Most texts are one run that nothing is done to, and not too long. */
static bool add_as_it_is(struct log_line *line, const char *s)
{
    size_t len = run_of(s, line->json ? PLAIN : BARE), quotes = line->json ? 2 : 0;
    if (s[len] || (!len && !line->json) || len + quotes > room(line))
        return false;
    char *at = line->bytes + line->len;
    if (quotes)
        *at++ = '"';
    memcpy(at, s, len);
    if (quotes)
        at[len] = '"';
    line->len += len + quotes;
    return true;
}

static void add_value(struct log_line *line, const char *s)
{
    if (add_as_it_is(line, s))
        return;
    if (line->json || !*s || needs_quotes(s))
        add_quoted(line, s, line->json ? JSON : QUOTED);
    else
        add_text(line, s, SENTENCE);
}

/* A key without its value would make no sense: both are there, or neither. */
void log_line_field(struct log_line *line, const struct log_field *field)
{
    size_t key = strlen(field->key), value = field->text ? 1 : NUMBER_MAX;
    if (line->cut)
        return;
    if (key + 4 + value > room(line)) { /* of a text, at least its beginning */
        line->cut = true;
        add_tail(line, line->json ? "" : " ...");
        return;
    }
    char *at = line->bytes + line->len;
    at = line->json ? mempcpy(at, ",\"", 2) : mempcpy(at, " ", 1);
    at = mempcpy(at, field->key, key);
    at = line->json ? mempcpy(at, "\":", 2) : mempcpy(at, "=", 1);
    line->len = (size_t)(at - line->bytes);
    if (field->text)
        add_value(line, field->text);
    else
        add_number(line, field->number);
}

void log_line_begin(struct log_line *line, bool json, enum dg_level level, const char *area,
                    const char *sentence)
{
    char time[CLOCK_ISO_SIZE];
    clock_iso_utc(clock_unix_ms(), time);
    const char *name = (unsigned)level <= DG_ERROR ? level_names[level] : "ERROR";

    line->len = 0;
    line->json = json;
    line->cut = false;
    adds(line, json ? "{\"time\":\"" : "");
    adds(line, time);
    adds(line, json ? "\",\"level\":\"" : " ");
    adds(line, name);
    if (json) {
        adds(line, "\"");
        log_line_field(line, &LOG_S("area", area));
        log_line_field(line, &LOG_S("message", sentence));
    } else {
        adds(line, " ");
        add_text(line, area, SENTENCE);
        if (adds(line, ": "))
            add_text(line, sentence, SENTENCE);
    }
}

void log_line_end(struct log_line *line)
{
    if (line->json)
        add_tail(line, line->cut ? ",\"cut\":true}\n" : "}\n");
    else
        add_tail(line, "\n");
}
