/* What comes from the manager interface gives the same messages however it is cut into pieces, and
 * none that is not in the bytes. */
#include <stdlib.h>
#include <string.h>

#include "../../plugins/ami/message.c"
#include "fuzz.h"

struct heard {
    struct parser p;
    struct text log;
    struct message_line *lines; /* lent to the parser: the largest piece of memory by far */
};

static void on_banner(void *arg, const char *line)
{
    struct heard *h = arg;
    text_puts(&h->log, line);
    text_puts(&h->log, "\n");
}

static void on_message(void *arg, const struct message *m)
{
    struct heard *h = arg;
    if (!m->count || m->count > MESSAGE_LINES_MAX)
        abort();
    for (size_t i = 0; i < m->count; i++) {
        if (!*m->lines[i].name || strpbrk(m->lines[i].name, ":\n") ||
            strchr(m->lines[i].value, '\n'))
            abort();
        text_puts(&h->log, m->lines[i].name);
        text_puts(&h->log, ":");
        text_puts(&h->log, m->lines[i].value);
        text_puts(&h->log, "\n");
    }
    struct message *copy = message_copy(m);
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(copy->lines[i].value, m->lines[i].value) != 0)
            abort();
    free(copy);
    text_puts(&h->log, "\n");
}

static void read_in_pieces(struct heard *h, const char *bytes, size_t len, size_t step)
{
    if (!h->lines)
        h->lines = text_alloc(MESSAGE_LINES_MAX * sizeof *h->lines);
    h->log.len = 0;
    h->p = (struct parser){.banner = on_banner, .message = on_message, .arg = h, .lines = h->lines};
    for (size_t at = 0; at < len; at += step)
        message_feed(&h->p, bytes + at, len - at < step ? len - at : step);
}

static void done(struct heard *h)
{
    h->p.lines = NULL;
    message_free(&h->p);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct heard whole, pieces;
    read_in_pieces(&whole, (const char *)bytes, len, len ? len : 1);
    read_in_pieces(&pieces, (const char *)bytes, len, len ? bytes[len - 1] % 40 + 1 : 1);
    if (whole.log.len != pieces.log.len ||
        (whole.log.len && memcmp(whole.log.at, pieces.log.at, whole.log.len) != 0) ||
        whole.p.skipped != pieces.p.skipped)
        abort();
    done(&whole);
    done(&pieces);
    return 0;
}
