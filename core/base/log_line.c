/* log_line.c - how a line of the log is written, as text and as JSON.
 *
 * Whatever stands in a value, the line stays one line and, as JSON, valid: what
 * comes from outside is escaped character by character, and a line that gets
 * too long is cut between characters. Room for the end is kept free all along.
 */
#include "base/log_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

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

/* How many bytes from the start are written alike in every style. */
static size_t plain_run(const char *s)
{
    size_t len = 0;
    while (s[len] >= 0x20 && s[len] < 0x7f && s[len] != '"' && s[len] != '\\')
        len++;
    return len;
}

static void add_text(struct log_line *line, const char *s, enum style style)
{
    size_t left = strlen(s);
    while (left && !line->cut) {
        size_t run = plain_run(s), fits = room(line);
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

static bool needs_quotes(const char *s)
{
    size_t left = strlen(s);
    if (!left)
        return true;
    while (left) {
        bool plain = *s > ' ' && *s < 0x7f && *s != '"' && *s != '=' && *s != '\\';
        size_t step = plain ? 1 : str_utf8_step(s, left);
        if (!plain && (step < 2 || is_control((const unsigned char *)s, step)))
            return true;
        s += step;
        left -= step;
    }
    return false;
}

/* A key without its value would make no sense: both are there, or neither. */
void log_line_field(struct log_line *line, const struct log_field *field)
{
    char number[24];
    int digits = snprintf(number, sizeof(number), "%" PRId64, field->number);
    size_t value = field->text ? 1 : (size_t)digits; /* of a text, at least its beginning */
    if (line->cut)
        return;
    if (strlen(field->key) + 4 + value > room(line)) {
        line->cut = true;
        add_tail(line, line->json ? "" : " ...");
        return;
    }
    adds(line, line->json ? ",\"" : " ");
    adds(line, field->key);
    adds(line, line->json ? "\":" : "=");
    if (!field->text) {
        add(line, number, (size_t)digits);
    } else if (line->json || needs_quotes(field->text)) {
        add_quoted(line, field->text, line->json ? JSON : QUOTED);
    } else {
        add_text(line, field->text, SENTENCE);
    }
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
