/* csv.c - comma-separated values; see csv.h.
 *
 * Rows are found first, which takes counting quotation marks only, and taken
 * apart when they are whole.
 */
#include "base/csv.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#define BOM "\xef\xbb\xbf"

struct csv {
    csv_fn *fn;
    void *arg;
    struct buf row;       /* as far as it has come */
    char separator;       /* '\0': the first row is still to come */
    bool quoted;          /* the row's end so far is inside quotes */
    bool closed;          /* the last byte was the quotation mark that ended them */
    bool after_cr;        /* the last byte was CR: LF belongs to it */
    bool started;         /* the first bytes were looked at for a byte order mark */
    uint64_t line, first; /* of what comes next; in which the row began */
    const char *fields[CSV_COLUMNS_MAX];
    char *text; /* the fields of a row, each with its NUL */
};

struct csv *csv_new(csv_fn *fn, void *arg)
{
    struct csv *c = xcalloc(1, sizeof *c);
    c->fn = fn;
    c->arg = arg;
    c->line = c->first = 1;
    buf_init(&c->row, CSV_ROW_MAX);
    return c;
}

void csv_free(struct csv *c)
{
    if (!c)
        return;
    buf_free(&c->row);
    free(c);
}

static char most_frequent(const struct buf *row)
{
    static const char candidates[] = ",;\t";
    size_t counts[sizeof candidates - 1] = {0}, best = 0;
    bool quoted = false;
    for (size_t i = 0; i < row->len; i++) {
        const char *which = row->ptr[i] ? strchr(candidates, row->ptr[i]) : NULL;
        quoted ^= row->ptr[i] == '"';
        if (which && !quoted)
            counts[which - candidates]++;
    }
    for (size_t i = 1; i < sizeof candidates - 1; i++) {
        if (counts[i] > counts[best])
            best = i;
    }
    return candidates[best];
}

/* ---- Fields ---------------------------------------------------------------------------------- */

/* One field from `in`, unquoted, to `*out`. Gives where it ends; NULL: a quotation mark is where
 * none may be. */
static const char *read_field(const char *in, const char *end, char separator, char **out)
{
    if (in < end && *in == '"') {
        for (in++; in < end; in++) {
            if (*in != '"')
                *(*out)++ = *in;
            else if (in + 1 < end && in[1] == '"')
                *(*out)++ = *in++;
            else
                break;
        }
        if (in == end)
            return NULL;
        in++;
        return in == end || *in == separator ? in : NULL;
    }
    while (in < end && *in != separator)
        *(*out)++ = *in++;
    return in;
}

static const char *split(struct csv *c, size_t *count)
{
    const char *in = c->row.ptr, *end = in + c->row.len;
    char *out = c->text = xmalloc(c->row.len + 2);
    *count = 0;
    for (;;) {
        if (*count == CSV_COLUMNS_MAX)
            return "too many fields";
        c->fields[(*count)++] = out;
        in = read_field(in, end, c->separator, &out);
        if (!in)
            return "a quotation mark is where none may be";
        *out++ = '\0';
        if (in == end)
            return NULL;
        in++;
    }
}

static const char *problem_of(const struct csv *c)
{
    if (c->row.over)
        return "the line is too long";
    if (memchr(c->row.ptr, '\0', c->row.len) || !str_utf8(c->row.ptr, c->row.len))
        return "the text is not UTF-8";
    return NULL;
}

static void end_row(struct csv *c)
{
    struct csv_row row = {.line = c->first, .fields = c->fields};
    c->started = true;
    if (!c->row.len && !c->row.over)
        return;
    if (!c->separator)
        c->separator = most_frequent(&c->row);
    row.why = problem_of(c);
    if (!row.why)
        row.why = split(c, &row.count);
    if (row.why)
        row.count = 0;
    c->fn(c->arg, &row);
    free(c->text);
    c->text = NULL;
    buf_clear(&c->row);
}

/* ---- Rows -------------------------------------------------------------------------------------
 */

/* A quotation mark opens at the beginning of a field, or behind one that has just closed, which are
 * then one mark of the text. */
static void follow_quotes(struct csv *c, char byte)
{
    const char before = c->row.len ? c->row.ptr[c->row.len - 1] : ',';
    const bool opens = c->closed || strchr(",;\t", before);
    const bool mark = byte == '"';
    c->closed = mark && c->quoted;
    c->quoted = mark ? !c->quoted && opens : c->quoted;
}

static void add(struct csv *c, char byte)
{
    const bool ends = (byte == '\n' || byte == '\r');
    const bool second = byte == '\n' && c->after_cr;
    c->after_cr = byte == '\r';
    if (ends && !second)
        c->line++;
    follow_quotes(c, byte);
    if (!ends || c->quoted) {
        buf_addc(&c->row, byte);
        return;
    }
    if (!second)
        end_row(c);
    c->quoted = c->closed = false;
    c->first = c->line;
}

static void skip_mark(struct csv *c)
{
    if (c->started || c->row.len < sizeof BOM - 1)
        return;
    c->started = true;
    if (memcmp(c->row.ptr, BOM, sizeof BOM - 1) == 0)
        buf_consume(&c->row, sizeof BOM - 1);
}

void csv_feed(struct csv *c, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        add(c, bytes[i]);
        if (!c->started)
            skip_mark(c);
    }
}

void csv_end(struct csv *c)
{
    c->quoted = false;
    end_row(c);
}

/* ---- Writing ------------------------------------------------------------------- */

void csv_write(struct buf *out, const char *text, bool first)
{
    if (!first)
        buf_addc(out, ',');
    if (!text || !text[strcspn(text, ",;\t\"\r\n")]) {
        buf_adds(out, text ? text : "");
        return;
    }
    buf_addc(out, '"');
    for (const char *p = text; *p; p++) {
        if (*p == '"')
            buf_addc(out, '"');
        buf_addc(out, *p);
    }
    buf_addc(out, '"');
}

void csv_write_end(struct buf *out)
{
    buf_adds(out, "\r\n");
}
