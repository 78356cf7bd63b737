/* frames.c - see frames.h. */
#include "http/frames.h"

#include <string.h>

#define PREFACE_SIZE 24
#define HEADER_SIZE  9
#define MAX_PAYLOAD  16384 /* what H2O's settings allow */
#define SMALL        256   /* a body that comes in such pieces costs more than its bytes */

enum type {
    DATA,
    HEADERS,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    PUSH_PROMISE,
    PING,
    GOAWAY,
    WINDOW_UPDATE,
    CONTINUATION,
    TYPES,
};

#define END_STREAM  0x1
#define END_HEADERS 0x4

struct frame {
    enum type type;
    unsigned flags;
    size_t len;
    const unsigned char *payload;
};

static size_t read_header(const char *at, struct frame *f)
{
    const unsigned char *p = (const unsigned char *)at;
    f->len = (size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2];
    f->type = p[3];
    f->flags = p[4];
    f->payload = p + HEADER_SIZE;
    return HEADER_SIZE + f->len;
}

/* H2O resets the stream of such a frame. */
static bool empty_window(const struct frame *f)
{
    const unsigned char *p = f->payload;
    return f->len == 4 && !(p[0] & 0x7f) && !p[1] && !p[2] && !p[3];
}

static void count_block(struct frames *count, const struct frame *f)
{
    count->block = f->len + (f->type == CONTINUATION ? count->block : 0);
    if (count->block > count->largest)
        count->largest = count->block;
    count->block_open = !(f->flags & END_HEADERS);
    if (!count->block_open)
        count->blocks_ended++;
}

static void count_frame(struct frames *count, const struct frame *f)
{
    switch (f->type) {
    case HEADERS:
        count->heads++;
        count_block(count, f);
        return;
    case DATA:
        count->body += f->len;
        if (f->len >= SMALL || f->flags & END_STREAM)
            return;
        break;
    case CONTINUATION:
        count_block(count, f);
        break;
    case RST_STREAM:
        count->resets++;
        break;
    case WINDOW_UPDATE:
        count->resets += empty_window(f);
        break;
    default:
        break;
    }
    count->control++;
}

size_t frames_walk(struct frames *count, char *in, size_t len)
{
    size_t from = 0;
    if (len >= 4 && memcmp(in, "PRI ", 4) == 0)
        from = len < PREFACE_SIZE ? len : PREFACE_SIZE;
    size_t to = from;
    while (from + HEADER_SIZE <= len) {
        struct frame f;
        size_t size = read_header(in + from, &f);
        if (f.len > MAX_PAYLOAD || size > len - from)
            break;
        count_frame(count, &f);
        count->walked++;
        if (f.type < TYPES || count->block_open) { /* within a block H2O makes it an error */
            if (to != from)
                memmove(in + to, in + from, size);
            to += size;
        }
        from += size;
    }
    if (to != from)
        memmove(in + to, in + from, len - from);
    return len - (from - to);
}
