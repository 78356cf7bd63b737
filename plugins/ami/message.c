/* message.c - see message.h. */
#include "message.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "asterisk/text.h"

/* The first character sorts out nearly all: an event has some thirty lines, and as many are looked
 * for in it. */
static bool same_name(const char *a, const char *b)
{
    return ((*a ^ *b) & ~0x20) == 0 && strcasecmp(a, b) == 0;
}

const char *message_text(const struct message *m, const char *name)
{
    for (size_t i = 0; i < m->count; i++)
        if (same_name(m->lines[i].name, name))
            return m->lines[i].value;
    return NULL;
}

int message_number(const struct message *m, const char *name)
{
    const char *text = message_text(m, name);
    long n = text ? strtol(text, NULL, 10) : 0;
    return n > -100000 && n < 100000 ? (int)n : 0;
}

bool message_is(const struct message *m, const char *name, const char *value)
{
    const char *text = message_text(m, name);
    return text && strcasecmp(text, value) == 0;
}

struct message *message_copy(const struct message *m)
{
    size_t size = sizeof *m + m->count * sizeof *m->lines;
    for (size_t i = 0; i < m->count; i++)
        size += strlen(m->lines[i].name) + strlen(m->lines[i].value) + 2;
    struct message *copy = text_alloc(size);
    struct message_line *lines = (struct message_line *)(copy + 1);
    char *at = (char *)(lines + m->count);
    for (size_t i = 0; i < m->count; i++) {
        lines[i].name = at;
        at = stpcpy(at, m->lines[i].name) + 1;
        lines[i].value = at;
        at = stpcpy(at, m->lines[i].value) + 1;
    }
    *copy = (struct message){.lines = lines, .count = m->count};
    return copy;
}

/* ---- A block, cut into lines ---------------------------------------------------------- */

/* "Name: value": both end up NUL-terminated. False: it has no colon. */
static bool cut_line(struct message_line *line, char *at, char *end)
{
    if (end > at && end[-1] == '\r')
        end--;
    *end = '\0';
    char *colon = memchr(at, ':', (size_t)(end - at));
    if (!colon || colon == at || !*at)
        return false;
    char *value = colon + 1;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    *colon = '\0';
    line->name = at;
    line->value = value;
    return true;
}

static void give(struct parser *p, char *at, size_t len)
{
    struct message m = {0};
    char *end = at + len;
    if (len > MESSAGE_SIZE_MAX) {
        p->skipped++;
        return;
    }
    if (!p->lines)
        p->lines = text_alloc(MESSAGE_LINES_MAX * sizeof *p->lines);
    m.lines = p->lines;
    while (at < end) {
        char *eol = memchr(at, '\n', (size_t)(end - at));
        if (!eol)
            break;
        if (m.count == MESSAGE_LINES_MAX) {
            p->skipped++;
            return;
        }
        m.count += cut_line(&p->lines[m.count], at, eol);
        at = eol + 1;
    }
    if (m.count)
        p->message(p->arg, &m);
}

/* ---- Bytes, cut into blocks ----------------------------------------------------------- */

/* Whether the line that ends at `eol` holds nothing. */
static bool ends_empty_line(const char *begin, const char *eol)
{
    if (eol > begin && eol[-1] == '\r')
        eol--;
    return eol == begin || eol[-1] == '\n';
}

/* How long the block is with its empty line; 0: its end has not come. */
static size_t block_len(struct parser *p, size_t from)
{
    const char *begin = p->at + from, *end = p->at + p->len;
    const char *at = p->at + (p->scanned > from ? p->scanned : from), *eol;
    while (at < end && (eol = memchr(at, '\n', (size_t)(end - at)))) {
        at = eol + 1;
        if (ends_empty_line(begin, eol))
            return (size_t)(at - begin);
    }
    p->scanned = p->len;
    return 0;
}

static bool holds_text(const char *at, const char *end)
{
    while (at < end && *at == '\r')
        at++;
    return at < end;
}

/* How far the message that is too large reaches; ends `skipping` when that is its end. */
static size_t skip_large(struct parser *p, const char *bytes, size_t len)
{
    const char *at = bytes, *end = bytes + len, *eol;
    while (at < end && (eol = memchr(at, '\n', (size_t)(end - at)))) {
        if (!p->line_seen && !holds_text(at, eol)) {
            p->skipping = false;
            return (size_t)(eol + 1 - bytes);
        }
        p->line_seen = false;
        at = eol + 1;
    }
    p->line_seen = p->line_seen || holds_text(at, end);
    return len;
}

/* What is left of the buffer is the beginning of a message too large. */
static void begin_skipping(struct parser *p)
{
    const char *eol = memrchr(p->at, '\n', p->len);
    size_t tail = eol ? (size_t)(p->at + p->len - eol - 1) : p->len;
    p->skipped++;
    p->skipping = true;
    p->line_seen = tail && !(tail == 1 && p->at[p->len - 1] == '\r');
    p->len = p->scanned = 0;
}

static void drop_front(struct parser *p, size_t len)
{
    memmove(p->at, p->at + len, p->len - len);
    p->len -= len;
    p->scanned = p->scanned > len ? p->scanned - len : 0;
}

/* The banner is one line without an empty one after it. */
static bool greet(struct parser *p)
{
    char *eol = p->len ? memchr(p->at, '\n', p->len) : NULL;
    if (!eol && p->len <= BANNER_SIZE_MAX)
        return false;
    bool fits = eol && eol - p->at <= BANNER_SIZE_MAX;
    size_t len = eol ? (size_t)(eol - p->at) + 1 : p->len;
    if (eol)
        *(eol > p->at && eol[-1] == '\r' ? eol - 1 : eol) = '\0';
    p->greeted = true;
    p->stopped = !fits;
    p->banner(p->arg, fits ? p->at : "");
    drop_front(p, len);
    return !p->stopped;
}

static void cut(struct parser *p)
{
    size_t from = 0, len;
    if (!p->greeted && !greet(p))
        return;
    while (!p->stopped && (len = block_len(p, from))) {
        give(p, p->at + from, len);
        from += len;
    }
    drop_front(p, from);
    if (p->len > MESSAGE_SIZE_MAX)
        begin_skipping(p);
}

static void keep(struct parser *p, const char *bytes, size_t len)
{
    if (p->size - p->len < len) {
        p->size = (p->len + len) * 2;
        p->at = realloc(p->at, p->size);
        if (!p->at)
            abort();
    }
    memcpy(p->at + p->len, bytes, len);
    p->len += len;
}

void message_feed(struct parser *p, const char *bytes, size_t len)
{
    while (len && !p->stopped) {
        size_t taken = len < MESSAGE_SIZE_MAX ? len : MESSAGE_SIZE_MAX;
        if (p->skipping) {
            taken = skip_large(p, bytes, taken);
        } else {
            keep(p, bytes, taken);
            cut(p);
        }
        bytes += taken;
        len -= taken;
    }
}

void message_free(struct parser *p)
{
    free(p->at);
    free(p->lines);
    p->at = NULL;
    p->lines = NULL;
    p->len = p->size = p->scanned = 0;
}
